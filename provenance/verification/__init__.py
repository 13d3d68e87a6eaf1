"""
An asset in, a verdict out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.lazy_names import lazy_names

if TYPE_CHECKING:
    from provenance.verification.report import error_to_dict, schema, to_dict
    from provenance.verification.verdict import NotAcceptedError, VerificationResult
    from provenance.verification.verifier import Verifier, verify

__all__ = [
    "NotAcceptedError",
    "VerificationResult",
    "Verifier",
    "error_to_dict",
    "schema",
    "to_dict",
    "verify",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "report": ("error_to_dict", "schema", "to_dict"),
        "verdict": ("NotAcceptedError", "VerificationResult"),
        "verifier": ("Verifier", "verify"),
    },
)
