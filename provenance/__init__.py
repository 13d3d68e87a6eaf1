"""
Do the Content Credentials of an image prove that Azure OpenAI made it.

    from provenance import verify

    result = verify("picture.png")
    if result.accepted: ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.lazy_names import lazy_names

if TYPE_CHECKING:
    from provenance.asset import Asset, Limits
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
    from provenance.manifest import ValidationState, ValidationStatus
    from provenance.policy import (
        AcceptedDescription,
        AllOf,
        AnyOf,
        Check,
        CreatedPolicy,
        Description,
        Outcome,
        Policy,
        Requirement,
        SoftwareAgent,
        WhenWithin,
        builtin_policies,
        load_policy,
    )
    from provenance.trust import MICROSOFT, ClaimAnchor, Pin, TrustProfile, load_trust_profile
    from provenance.verification import (
        NotAcceptedError,
        VerificationResult,
        Verifier,
        error_to_dict,
        schema,
        to_dict,
        verify,
    )

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
    "Requirement",
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

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "asset": ("Asset", "Limits"),
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
            "StateError",
            "StoreAddressError",
            "StoreError",
            "StoreVersionError",
            "TrustError",
            "UnreadableAssetError",
            "UnsupportedAssetError",
            "WorkerCrashedError",
        ),
        "manifest": ("ValidationState", "ValidationStatus"),
        "policy": (
            "AcceptedDescription",
            "AllOf",
            "AnyOf",
            "Check",
            "CreatedPolicy",
            "Description",
            "Outcome",
            "Policy",
            "Requirement",
            "SoftwareAgent",
            "WhenWithin",
            "builtin_policies",
            "load_policy",
        ),
        "trust": ("ClaimAnchor", "MICROSOFT", "Pin", "TrustProfile", "load_trust_profile"),
        "verification": (
            "NotAcceptedError",
            "VerificationResult",
            "Verifier",
            "error_to_dict",
            "schema",
            "to_dict",
            "verify",
        ),
    },
)
