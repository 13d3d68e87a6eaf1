"""
Do the Content Credentials of an image prove that Azure OpenAI made it.

    from provenance import verify

    result = verify("picture.png")
    if result.accepted: ...

Names are imported when they are first asked for: most of the time a short command takes is importing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provenance.asset import Asset, Limits
    from provenance.demand import (
        AcceptedDescription,
        Check,
        Demand,
        Description,
        Outcome,
        SoftwareAgent,
        WhenWithin,
    )
    from provenance.errors import (
        AssetError,
        AssetTooLargeError,
        BaselineError,
        DeadlineExceededError,
        DependencyError,
        EngineError,
        FolderAssetError,
        InstallationChangedError,
        MalformedAssetError,
        OutputFileError,
        PolicyError,
        ProvenanceError,
        SettingsError,
        StateError,
        StoreAddressError,
        StoreError,
        StoreVersionError,
        TrustError,
        UnreadableAssetError,
        UnsupportedAssetError,
        WorkerCrashedError,
    )
    from provenance.microsoft import MICROSOFT
    from provenance.policy import AllOf, AnyOf, CreatedPolicy, Policy, builtin_policies, load_policy
    from provenance.report import error_to_dict, schema, to_dict
    from provenance.status import ValidationState, ValidationStatus
    from provenance.trust import ClaimAnchor, Pin, TrustProfile, load_trust_profile
    from provenance.verdict import NotAcceptedError, VerificationResult
    from provenance.verifier import Verifier, verify

__all__ = [
    "MICROSOFT",
    "AcceptedDescription",
    "AllOf",
    "AnyOf",
    "Asset",
    "AssetError",
    "AssetTooLargeError",
    "BaselineError",
    "Check",
    "ClaimAnchor",
    "CreatedPolicy",
    "DeadlineExceededError",
    "Demand",
    "DependencyError",
    "Description",
    "EngineError",
    "FolderAssetError",
    "InstallationChangedError",
    "Limits",
    "MalformedAssetError",
    "NotAcceptedError",
    "Outcome",
    "OutputFileError",
    "Pin",
    "Policy",
    "PolicyError",
    "ProvenanceError",
    "SettingsError",
    "SoftwareAgent",
    "StateError",
    "StoreAddressError",
    "StoreError",
    "StoreVersionError",
    "TrustError",
    "TrustProfile",
    "UnreadableAssetError",
    "UnsupportedAssetError",
    "ValidationState",
    "ValidationStatus",
    "VerificationResult",
    "Verifier",
    "WhenWithin",
    "WorkerCrashedError",
    "builtin_policies",
    "error_to_dict",
    "load_policy",
    "load_trust_profile",
    "schema",
    "to_dict",
    "verify",
]

_HOMES = {
    "asset": ("Asset", "Limits"),
    "demand": (
        "AcceptedDescription",
        "Check",
        "Demand",
        "Description",
        "Outcome",
        "SoftwareAgent",
        "WhenWithin",
    ),
    "errors": (
        "AssetError",
        "AssetTooLargeError",
        "BaselineError",
        "DeadlineExceededError",
        "DependencyError",
        "EngineError",
        "FolderAssetError",
        "InstallationChangedError",
        "MalformedAssetError",
        "OutputFileError",
        "PolicyError",
        "ProvenanceError",
        "SettingsError",
        "StoreAddressError",
        "StoreError",
        "StoreVersionError",
        "StateError",
        "TrustError",
        "UnreadableAssetError",
        "UnsupportedAssetError",
        "WorkerCrashedError",
    ),
    "microsoft": ("MICROSOFT",),
    "policy": ("AllOf", "AnyOf", "CreatedPolicy", "Policy", "builtin_policies", "load_policy"),
    "report": ("error_to_dict", "schema", "to_dict"),
    "status": ("ValidationState", "ValidationStatus"),
    "trust": ("ClaimAnchor", "Pin", "TrustProfile", "load_trust_profile"),
    "verdict": ("NotAcceptedError", "VerificationResult"),
    "verifier": ("Verifier", "verify"),
}


def __getattr__(name: str) -> object:
    """
    Import a public name from the module it lives in.
    """
    for module, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"provenance.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """
    Name what can be asked for.
    """
    return __all__
