"""
What a caller requires of credentials that are trusted already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.lazy_names import lazy_names

if TYPE_CHECKING:
    from provenance.policy.policy import AllOf, AnyOf, CreatedPolicy, Policy, builtin_policies, load_policy
    from provenance.policy.requirement import (
        AcceptedDescription,
        Check,
        Description,
        Outcome,
        Requirement,
        SoftwareAgent,
        WhenWithin,
    )

__all__ = [
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
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "policy": ("AllOf", "AnyOf", "CreatedPolicy", "Policy", "builtin_policies", "load_policy"),
        "requirement": (
            "AcceptedDescription",
            "Check",
            "Description",
            "Outcome",
            "Requirement",
            "SoftwareAgent",
            "WhenWithin",
        ),
    },
)
