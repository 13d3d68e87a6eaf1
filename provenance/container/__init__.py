"""
Where the manifest store lies in an image file, and which bytes lie after the container's end.

Headers are read, pictures are not: most images carry no manifest store, and that must be cheap to
find out. A store is handed on as it is embedded, damaged or not; whether it holds is not judged here.
"""

from __future__ import annotations

from provenance.asset import Asset, Limits
from provenance.container.jpeg import scan_jpeg
from provenance.container.layout import Embedding, Layout, Part
from provenance.container.png import scan_png
from provenance.container.webp import scan_webp

__all__ = ["Embedding", "Layout", "Part", "scan"]


def scan(asset: Asset, limits: Limits) -> Layout:
    """
    Walk the container's headers as far as they decide whether there is a manifest store.

    Args:
        asset: A PNG, JPEG or WebP image is walked; of any other only a blank layout is returned.

        limits: Most chunks and segments, largest manifest store and XMP packet.

    Returns:
        The layout. A container that is damaged after or around a manifest store still has one:
        that is for the verdict to say.

    Raises:
        MalformedAssetError: If the container is damaged and no manifest store was found.

        AssetTooLargeError: If there are more chunks, or larger manifest stores, than allowed; the
            stores are not read then.

    Source:
        C2PA 2.4, "Embedding manifests into various file formats".
    """
    if asset.media_type == "image/png":
        return scan_png(asset, limits)
    if asset.media_type == "image/jpeg":
        return scan_jpeg(asset, limits)
    if asset.media_type == "image/webp":
        return scan_webp(asset, limits)
    return Layout(walked=False)
