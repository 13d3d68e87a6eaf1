"""
Everything a simulator knows, without the server around it: settings, state, and what is made afresh.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from provenance.authority import KeyType
from provenance.simulator.api_error import RetryHint
from provenance.simulator.blob_store import BlobStore
from provenance.simulator.clock import Clock, system_clock
from provenance.simulator.fault import Faults
from provenance.simulator.model import MODELS, ImageModel, find_model
from provenance.simulator.quota import Quota
from provenance.simulator.request.access import AcceptedTokens
from provenance.simulator.request.body import BodyLimits
from provenance.simulator.request.moderation import FilterSpelling
from provenance.simulator.request_log import RequestLog
from provenance.simulator.signing import Signer, SigningStyle
from provenance.trust.profile import TrustProfile

ModelInBody = Literal["reported", "refused", "accepted"]

_DEPLOYMENT = re.compile(r"[A-Za-z0-9._-]{1,64}")

API_VERSIONS: tuple[str, ...] = (
    "2024-02-01",
    "2024-02-15-preview",
    "2024-03-01-preview",
    "2024-04-01-preview",
    "2024-05-01-preview",
    "2024-06-01",
    "2024-07-01-preview",
    "2024-08-01-preview",
    "2024-09-01-preview",
    "2024-10-01-preview",
    "2024-10-21",
    "2024-12-01-preview",
    "2025-01-01-preview",
    "2025-02-01-preview",
    "2025-03-01-preview",
    "2025-04-01-preview",
)
"""
The api-versions of the deployment form, oldest first.
"""

NEWEST_API_VERSION = API_VERSIONS[-1]
"""
The only one that knows the gpt-image models, and edits.
"""

V1_API_VERSIONS = frozenset({"", "v1", "preview", "latest"})
"""
The api-versions of the v1 form; it can be left out there.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """
    How requests are answered; a running simulation takes another one at any time.

    Attributes:
        quota_per_minute: Requests each deployment answers per window; None for any number.

        quota_window_s: Length of that window.

        retry_hints: Where the answer to a request over the quota says how long to wait:
            `retry-after-ms`, `Retry-After` (in seconds), the text. May be empty.

        seconds_per_image: Latency of each image, slept.

        blob_lifetime_s: Seconds until the URL of an image expires.

        prompt_markers: Words for which a prompt is filtered.

        output_markers: Words for which the image made from a prompt is filtered.

        filter_spelling: How that is said.

        revised_prompt: Answers and filter errors say how a prompt was rewritten, where they can.

        resource_blocked: Everything is answered with 403 Forbidden.

        gateway_headers: Headers that a gateway in front asks for, and their values, as pairs.

        model_in_body: `model` in the body of the deployment form: refused by the models of which that
            is reported, by all, or by none.

        signing: What the manifests say.

        noise: Fill pictures with noise, for files of real pictures' sizes.
    """

    quota_per_minute: int | None = None
    quota_window_s: float = 60.0
    retry_hints: frozenset[RetryHint] = frozenset({"ms", "seconds", "text"})
    seconds_per_image: float = 0.0
    blob_lifetime_s: float = 24 * 3600.0
    prompt_markers: tuple[str, ...] = ("forbidden-prompt",)
    output_markers: tuple[str, ...] = ("forbidden-output",)
    filter_spelling: FilterSpelling = FilterSpelling.CONTENT_POLICY_VIOLATION
    revised_prompt: bool = True
    resource_blocked: bool = False
    gateway_headers: tuple[tuple[str, str], ...] = ()
    model_in_body: ModelInBody = "reported"
    signing: SigningStyle = field(default_factory=SigningStyle)
    noise: bool = False

    def refuses_model(self, model: ImageModel) -> bool:
        """
        Return whether `model` in the body of the deployment form is an error.
        """
        return self.model_in_body == "refused" or (self.model_in_body == "reported" and model.refuses_model)


class Simulation:
    """
    One simulated resource, with an authority of its own; safe to share between threads.

    Attributes:
        behaviour: May be replaced at any time.
    """

    def __init__(
        self,
        *,
        api_key: str,
        deployments: Mapping[str, str] | None = None,
        behaviour: Behaviour | None = None,
        clock: Clock = system_clock,
        key_type: KeyType = KeyType.RSA2048,
        limits: BodyLimits | None = None,
    ) -> None:
        """
        Make a resource.

        Args:
            api_key: The key it asks for.

            deployments: Names of models by the names of their deployments; by default every known model
                under its own name.

            behaviour: How it answers at first.

            clock: What time it is there.

            key_type: Kind of the authority's keys. RSA signs as Azure does; P-256 starts quicker.

            limits: Bounds on the bodies of requests.

        Raises:
            ValueError: If the key is empty, there is no deployment, or one has a name that Azure forbids.
        """
        chosen = {model.name: model.name for model in MODELS} if deployments is None else deployments
        if not api_key or not chosen:
            raise ValueError("a simulation needs an api key and at least one deployment")
        if not all(_DEPLOYMENT.fullmatch(name) for name in chosen):
            raise ValueError("names of deployments may hold letters, digits, '.', '-' and '_' only")
        self.api_key = api_key
        self.deployments = {name: find_model(model) for name, model in chosen.items()}
        self.behaviour = behaviour or Behaviour()
        self.clock = clock
        self.limits = limits or BodyLimits()
        self.tokens = AcceptedTokens(clock)
        self.faults = Faults()
        self.request_log = RequestLog()
        self.quota = Quota()
        self.blobs = BlobStore(clock)
        self.signer = Signer(key_type)

    @property
    def trust_profile(self) -> TrustProfile:
        """
        Whom to believe to accept its images.
        """
        return self.signer.trust_profile
