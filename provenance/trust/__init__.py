"""
Who signed and when, and whom we believe: certificates, paths, time-stamps, trust profiles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.lazy_names import lazy_names

if TYPE_CHECKING:
    from provenance.trust.certificate import Certificate
    from provenance.trust.microsoft import MICROSOFT
    from provenance.trust.profile import (
        ClaimAnchor,
        Pin,
        TrustProfile,
        dump_trust_profile,
        load_trust_profile,
    )

__all__ = [
    "MICROSOFT",
    "Certificate",
    "ClaimAnchor",
    "Pin",
    "TrustProfile",
    "dump_trust_profile",
    "load_trust_profile",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "certificate": ("Certificate",),
        "microsoft": ("MICROSOFT",),
        "profile": ("ClaimAnchor", "Pin", "TrustProfile", "dump_trust_profile", "load_trust_profile"),
    },
)
