"""
Where the manifest store lies in an image file, and which bytes lie after the container's end.

Headers are read, pictures are not: most images carry no manifest store, and that must be cheap to
find out. A store is handed on as it is embedded, damaged or not; whether it holds is not judged here.
"""

from __future__ import annotations

from provenance.asset.asset import Asset
from provenance.asset.bmff import scan_bmff
from provenance.asset.gif import scan_gif
from provenance.asset.jpeg import scan_jpeg
from provenance.asset.layout import Embedding, Layout, Part
from provenance.asset.limits import Limits
from provenance.asset.png import scan_png
from provenance.asset.svg import scan_svg
from provenance.asset.tiff import scan_tiff
from provenance.asset.webp import scan_webp

__all__ = ["Embedding", "Layout", "Part", "scan"]

_WALKERS = {
    "image/png": scan_png,
    "image/jpeg": scan_jpeg,
    "image/webp": scan_webp,
    "image/avif": scan_bmff,
    "image/heic": scan_bmff,
    "image/heif": scan_bmff,
    "image/tiff": scan_tiff,
    "image/gif": scan_gif,
    "image/svg+xml": scan_svg,
}


def scan(asset: Asset, limits: Limits) -> Layout:
    """
    Walk the container's headers as far as they decide whether there is a manifest store.

    Args:
        asset: The asset, of any kind that `Asset` takes.

        limits: Most chunks, segments, boxes, blocks or directories; largest manifest store and XMP packet.

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
    return _WALKERS[asset.media_type](asset, limits)
