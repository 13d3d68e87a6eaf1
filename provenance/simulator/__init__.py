"""
An Azure-compatible image API on this machine, signing with an authority of its own.

    with Simulator(api_key="key") as simulator:
        client = AzureOpenAI(azure_endpoint=simulator.endpoint, api_key="key", api_version=...)
        verifier = Verifier(trust=simulator.trust_profile)

Needs the extra `simulator`. Its images prove nothing to anybody who does not choose to believe it.
"""

from __future__ import annotations

from provenance.simulator.app import create_app
from provenance.simulator.clock import Clock, ManualClock, system_clock
from provenance.simulator.fault import (
    MALFORMED_BODY,
    WRONG_SHAPES,
    Alter,
    Answer,
    Cut,
    Delay,
    Deny,
    EventError,
    Fail,
    Fault,
    Faults,
    Fewer,
    Oversize,
    Redirect,
)
from provenance.simulator.model import MODELS, ImageModel
from provenance.simulator.request.access import AcceptedTokens
from provenance.simulator.request.body import BodyLimits
from provenance.simulator.request.image_request import ImageRequest
from provenance.simulator.request.moderation import FilterSpelling
from provenance.simulator.request_log import RecordedRequest
from provenance.simulator.server import DEFAULT_KEY, Simulator, serve
from provenance.simulator.signing import SigningStyle
from provenance.simulator.simulation import API_VERSIONS, NEWEST_API_VERSION, Behaviour, Simulation

__all__ = [
    "API_VERSIONS",
    "DEFAULT_KEY",
    "MALFORMED_BODY",
    "MODELS",
    "NEWEST_API_VERSION",
    "WRONG_SHAPES",
    "AcceptedTokens",
    "Alter",
    "Answer",
    "Behaviour",
    "BodyLimits",
    "Clock",
    "Cut",
    "Delay",
    "Deny",
    "EventError",
    "Fail",
    "Fault",
    "Faults",
    "Fewer",
    "FilterSpelling",
    "ImageModel",
    "ImageRequest",
    "ManualClock",
    "Oversize",
    "RecordedRequest",
    "Redirect",
    "SigningStyle",
    "Simulation",
    "Simulator",
    "create_app",
    "serve",
    "system_clock",
]
