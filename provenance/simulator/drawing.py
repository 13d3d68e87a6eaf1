"""
Pictures made from nothing: a gradient of the size asked for, and the prompt written into it.
"""

from __future__ import annotations

import hashlib
import io
import textwrap
import unicodedata
from dataclasses import dataclass
from typing import Literal

from PIL import Image, ImageDraw, ImageFont

ImageFormat = Literal["png", "jpeg"]

MEDIA_TYPES: dict[ImageFormat, str] = {"png": "image/png", "jpeg": "image/jpeg"}

_LINES = 6
_MARGIN = 24
_NOISE = 60
_QUALITY = 90
_ROUGH = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """
    What to draw.

    Attributes:
        caption: Text to write into it; what does not fit is left out.

        variant: Another number gives another picture.

        quality: 1 to 95, of JPEG alone.

        transparent: Leave the background out, of PNG alone.

        noise: Fill it with noise, for a file of a real picture's size.

        rough: As coarse as a picture that is still being made, and without the caption.
    """

    width: int
    height: int
    caption: str
    variant: int = 0
    image_format: ImageFormat = "png"
    quality: int = _QUALITY
    transparent: bool = False
    noise: bool = False
    rough: bool = False


def draw(picture: Picture) -> bytes:
    """
    Draw a picture; equal pictures without noise give equal bytes.
    """
    image = _noise(picture) if picture.noise else _gradient(picture)
    if picture.transparent:
        image.putalpha(0)
    if not picture.rough:
        _write(image, picture.caption)
    return encode(image, picture.image_format, picture.quality)


def encode(image: Image.Image, image_format: ImageFormat, quality: int = _QUALITY) -> bytes:
    """
    Write an image as a file, without anything but its pixels.
    """
    out = io.BytesIO()
    if image_format == "png":
        image.save(out, "PNG", compress_level=1)
    else:
        image.convert("RGB").save(out, "JPEG", quality=quality)
    return out.getvalue()


def reencode(content: bytes, image_format: ImageFormat) -> bytes:
    """
    Decode an image and write it again, as careless clients do; what was signed is lost.
    """
    with Image.open(io.BytesIO(content)) as image:
        return encode(image, image_format)


def _gradient(picture: Picture) -> Image.Image:
    size = (picture.width // _ROUGH, picture.height // _ROUGH) if picture.rough else None
    seed = hashlib.sha256(f"{picture.variant} {picture.caption}".encode("utf-8", "replace")).digest()
    size = size or (picture.width, picture.height)
    linear = Image.linear_gradient("L")
    shades = (linear, linear.rotate(90), Image.radial_gradient("L"))
    # Scaled by what the seed says, so that no two prompts look alike; on the small image, where it is cheap.
    tinted = [
        shade.point([level * (112 + part // 2) // 255 for level in range(256)])
        for shade, part in zip(shades, seed, strict=False)
    ]
    return Image.merge("RGB", tinted).resize(size).resize((picture.width, picture.height))


def _noise(picture: Picture) -> Image.Image:
    size = (picture.width, picture.height)
    return Image.merge("RGB", [Image.effect_noise(size, _NOISE) for _ in range(3)])


def _write(image: Image.Image, caption: str) -> None:
    width, height = image.size
    font_size = max(16, min(width, height) // 20)
    characters = max(8, (width - 2 * _MARGIN) * 2 // font_size)
    text = _plain_letters(caption[: characters * _LINES])
    lines = textwrap.wrap(text, characters, max_lines=_LINES, placeholder=" ...") or [""]
    top = height - _MARGIN * 2 - len(lines) * font_size * 5 // 4
    pen = ImageDraw.Draw(image, "RGBA" if image.mode == "RGB" else None)
    pen.rectangle((0, top, width, height), fill=(0, 0, 0, 160))
    font = ImageFont.load_default(font_size)
    pen.multiline_text((_MARGIN, top + _MARGIN), "\n".join(lines), fill=(255, 255, 255, 255), font=font)


def _plain_letters(text: str) -> str:
    # Pillow's own font has few letters: accents are left off, and what it lacks appears as a box.
    letters = (letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    return "".join(letter if letter.isprintable() else " " for letter in letters)
