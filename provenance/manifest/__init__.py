"""
What a manifest store says, as values. Nothing here judges it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.lazy_names import lazy_names

if TYPE_CHECKING:
    from provenance.manifest.manifest import Action, Ingredient, Manifest, ManifestStore, Reading, Signature
    from provenance.manifest.status import ValidationState, ValidationStatus

__all__ = [
    "Action",
    "Ingredient",
    "Manifest",
    "ManifestStore",
    "Reading",
    "Signature",
    "ValidationState",
    "ValidationStatus",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "manifest": ("Action", "Ingredient", "Manifest", "ManifestStore", "Reading", "Signature"),
        "status": ("ValidationState", "ValidationStatus"),
    },
)
