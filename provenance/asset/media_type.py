"""
The kind of an image, read from its first bytes.
"""

from __future__ import annotations

import re

from provenance.errors import UnsupportedAssetError

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"II+\x00", "image/tiff"),
    (b"MM\x00+", "image/tiff"),
)

_STILL_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), "image/avif"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"), "image/heic"),
}
_STRUCTURAL_BRANDS = frozenset((b"mif1", b"msf1", b"mif3"))

_SVG_PROLOG = rb"(?s)\s*(?:<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>\[]*(?:\[.*?\]\s*)?>)"
_SVG_ROOT = rb"\s*<(?:[A-Za-z_][\w.-]*:)?svg[\s/>]"

_LOOKS_LIKE = (
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive or Office document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"RIFF", "a RIFF file that is not WebP"),
    (b"BM", "a BMP image"),
    (b"8BPS", "a Photoshop document"),
    (b"\xff\x0a", "a JPEG XL image"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL image"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 image"),
    (b"\x00\x00\x01\x00", "an icon"),
    (b"\x1aE\xdf\xa3", "a Matroska or WebM video"),
    (b"OggS", "an Ogg file"),
    (b"ID3", "an MP3 file"),
    (b"{", "JSON text"),
    (b"<", "markup without an svg root element"),
)


def media_type(head: bytes) -> str:
    """
    Read from an asset's first bytes which kind of image it is, whatever its name says.

    Args:
        head: The first 4,096 bytes, or all if there are fewer.

    Raises:
        UnsupportedAssetError: If they are not those of a PNG, JPEG, WebP, AVIF, HEIC, TIFF, GIF or SVG image.
    """
    for magic, found in _MAGIC:
        if head.startswith(magic):
            return found
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp":
        return _iso_media_type(head)
    if _is_svg(head):
        return "image/svg+xml"
    raise UnsupportedAssetError(_describe(head))


def _iso_media_type(head: bytes) -> str:
    """
    Read the brands of an ISO base media file: the major one first, then the compatible ones.

    In a low-overhead image (brand "mif3") the minor version stands for a brand, too: that of the codec.

    Source:
        ISO/IEC 14496-12, "File type box"; ISO/IEC 23008-12 with amendment 2, annex B and "Low-overhead
        image file format"; AV1 Image File Format, section 6.
    """
    size = int.from_bytes(head[:4], "big")
    end = min(size, len(head)) if size > 1 else len(head)
    major = 16 if size == 1 else 8
    minor = (major + 4,) if head[major : major + 4] == b"mif3" else ()
    brands = [head[at : at + 4] for at in (major, *minor, *range(major + 8, end - 3, 4))]
    for brand in brands:
        if brand in _STILL_BRANDS:
            return _STILL_BRANDS[brand]
    if not _STRUCTURAL_BRANDS.isdisjoint(brands):
        return "image/heif"
    message = f"an MP4, QuickTime or other ISO media file of brand {brands[0]!r}"
    raise UnsupportedAssetError(message)


def _is_svg(head: bytes) -> bool:
    rest = head.removeprefix(b"\xef\xbb\xbf")
    while prolog := re.match(_SVG_PROLOG, rest):
        rest = rest[prolog.end() :]
    return re.match(_SVG_ROOT, rest) is not None


def _describe(head: bytes) -> str:
    if not head:
        return "it is empty"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for magic, kind in _LOOKS_LIKE:
        if head.startswith(magic) or text.startswith(magic):
            return f"it looks like {kind}"
    return f"it begins with the bytes {head[:8].hex(' ')}"
