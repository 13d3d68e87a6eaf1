"""
Small pictures for people who read a report.

They are made by Pillow, which is an extra, from hostile bytes: only where a worker may crash, and never where
a verdict depends on it.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from typing import IO, TYPE_CHECKING

from provenance.distribution import UNKNOWN, version

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE = 96
"""
Most pixels across and down.
"""

MAX_PIXELS = 64_000_000
"""
Largest image that is decoded for a thumbnail, in pixels.
"""

_QUALITY = 70
_INDEXED = frozenset({"1", "P", "PA"})
_ORIENTATION = 0x0112
_TRANSPOSITIONS = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
_DECODERS = {
    "image/avif": "AVIF",
    "image/gif": "GIF",
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/tiff": "TIFF",
    "image/webp": "WEBP",
}
# What Pillow's decoders are known to raise over damaged images.
_UNDECODABLE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    Warning,
    struct.error,
    zlib.error,
)


def library() -> str | None:
    """
    Return the name and version of what makes thumbnails; None if it is not installed.
    """
    installed = version("pillow")
    return f"Pillow {installed}" if installed != UNKNOWN else None


def make_thumbnail(stream: IO[bytes], media_type: str) -> bytes | None:
    """
    Make a small picture of an image.

    Args:
        stream: The image, at its beginning; stays open.

        media_type: What it is. SVG and HEIC are not drawn.

    Returns:
        A WebP picture of at most 96x96 pixels, turned as EXIF says and without metadata; of an animation, its
        first frame. None if Pillow is missing, or the image is too large or cannot be decoded.
    """
    decoder = _DECODERS.get(media_type)
    try:
        from PIL import Image  # noqa: PLC0415 - an extra, and slow to load
    except ImportError:
        return None
    if decoder is None:
        return None
    try:
        with warnings.catch_warnings():
            # What Pillow finds odd about an image is nothing to print.
            warnings.simplefilter("ignore")
            with Image.open(stream, formats=(decoder,)) as image:
                return _encoded(image) if image.width * image.height <= MAX_PIXELS else None
    except (*_UNDECODABLE, Image.DecompressionBombError):
        return None


def _encoded(image: Image) -> bytes:
    from PIL.Image import Transpose  # noqa: PLC0415 - an extra, and slow to load

    image.draft("RGB", (2 * SIDE, 2 * SIDE))  # a JPEG is decoded at a fraction of its size
    image.load()
    transposition = _TRANSPOSITIONS.get(image.getexif().get(_ORIENTATION, 1))  # a TIFF was turned on loading
    colours = "RGBA" if image.has_transparency_data else "RGB"
    small: Image = image
    if image.mode in _INDEXED:
        small = image.convert(colours)
    elif image.mode.startswith("I"):  # 16 bits, of which only the low ones would be kept
        small = image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    small.thumbnail((SIDE, SIDE))
    small = small.convert(colours)
    if transposition is not None:
        small = small.transpose(Transpose[transposition])
    small.info.clear()
    written = io.BytesIO()
    small.save(written, "WEBP", quality=_QUALITY)
    return written.getvalue()
