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
    from provenance.asset.asset import Asset
    from provenance.asset.limits import Limits
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
    from provenance.manifest.status import ValidationState, ValidationStatus
    from provenance.policy.policy import AllOf, AnyOf, CreatedPolicy, Policy, builtin_policies, load_policy
    from provenance.policy.requirement import (
        AcceptedDescription,
        Check,
        Demand,
        Description,
        Outcome,
        SoftwareAgent,
        WhenWithin,
    )
    from provenance.trust.microsoft import MICROSOFT
    from provenance.trust.profile import ClaimAnchor, Pin, TrustProfile, load_trust_profile
    from provenance.verification.report import error_to_dict, schema, to_dict
    from provenance.verification.verdict import NotAcceptedError, VerificationResult
    from provenance.verification.verifier import Verifier, verify

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
    "asset.asset": ("Asset", "Limits"),
    "policy.requirement": (
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
    "trust.microsoft": ("MICROSOFT",),
    "policy.policy": ("AllOf", "AnyOf", "CreatedPolicy", "Policy", "builtin_policies", "load_policy"),
    "verification.report": ("error_to_dict", "schema", "to_dict"),
    "manifest.status": ("ValidationState", "ValidationStatus"),
    "trust.profile": ("ClaimAnchor", "Pin", "TrustProfile", "load_trust_profile"),
    "verification.verdict": ("NotAcceptedError", "VerificationResult"),
    "verification.verifier": ("Verifier", "verify"),
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
