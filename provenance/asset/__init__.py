"""
An image's bytes as received, and where in them a manifest store lies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.lazy_names import lazy_names

if TYPE_CHECKING:
    from provenance.asset.asset import Asset, AssetSource
    from provenance.asset.layout import Embedding, Layout, Part
    from provenance.asset.limits import Limits

__all__ = ["Asset", "AssetSource", "Embedding", "Layout", "Limits", "Part"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "asset": ("Asset", "AssetSource"),
        "layout": ("Embedding", "Layout", "Part"),
        "limits": ("Limits",),
    },
)
