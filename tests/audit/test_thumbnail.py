"""
Small pictures of hostile images: drawn if they can be, left out if not, and never an error.
"""

from __future__ import annotations

import importlib.metadata
import io
import random
import sys
import zlib
from pathlib import Path

import pytest
from PIL import Image

from provenance.audit import thumbnail
from provenance.audit.thumbnail import MAX_PIXELS, SIDE, library, make_thumbnail
from provenance.authority import plain_png
from provenance.authority.image import png_chunk

SAMPLES = Path(__file__).resolve().parents[2] / "sample_images"
RED, BLUE = (220, 20, 20), (20, 20, 220)
MEDIA_TYPES = {
    "AVIF": "image/avif",
    "GIF": "image/gif",
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "TIFF": "image/tiff",
    "WEBP": "image/webp",
}


def encoded(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    """
    Write a picture in a format.
    """
    written = io.BytesIO()
    image.save(written, form, **options)
    return written.getvalue()


def two_coloured(width: int = 200, height: int = 100) -> Image.Image:
    """
    Draw a picture that is red on the left and blue on the right.
    """
    picture = Image.new("RGB", (width, height), RED)
    picture.paste(BLUE, (width // 2, 0, width, height))
    return picture


def thumbnail_of(data: bytes, form: str = "PNG") -> Image.Image:
    """
    Make a thumbnail that has to be there, and open it.
    """
    made = make_thumbnail(io.BytesIO(data), MEDIA_TYPES[form])
    assert made is not None
    opened = Image.open(io.BytesIO(made), formats=("WEBP",))
    opened.load()
    return opened


def colour_at(picture: Image.Image, x: float, y: float) -> str:
    """
    Return the colour at a place, given in parts of the sides.
    """
    pixel = picture.convert("RGB").getpixel((int(x * picture.width), int(y * picture.height)))
    assert isinstance(pixel, tuple)
    return "red" if pixel[0] > pixel[2] else "blue"


@pytest.mark.parametrize("form", MEDIA_TYPES)
def test_a_picture_of_every_format_is_shrunk(form: str) -> None:
    """
    Its sides keep their proportion, and its colours their places.
    """
    small = thumbnail_of(encoded(two_coloured(), form), form)

    assert small.size == (SIDE, SIDE // 2)
    assert (colour_at(small, 0.1, 0.5), colour_at(small, 0.9, 0.5)) == ("red", "blue")


def test_a_small_picture_is_not_enlarged() -> None:
    """
    Nothing can be seen in it that was not there.
    """
    assert thumbnail_of(encoded(two_coloured(20, 10))).size == (20, 10)


@pytest.mark.parametrize(
    ("orientation", "red_at"),
    [
        (1, (0.1, 0.5)),
        (2, (0.9, 0.5)),
        (3, (0.9, 0.5)),
        (4, (0.1, 0.5)),
        (5, (0.5, 0.1)),
        (6, (0.5, 0.1)),
        (7, (0.5, 0.9)),
        (8, (0.5, 0.9)),
        (9, (0.1, 0.5)),
    ],
)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF"])
def test_a_picture_is_turned_as_exif_says(orientation: int, red_at: tuple[float, float], form: str) -> None:
    """
    A camera that was held upright writes the pixels lying down.
    """
    exif = Image.Exif()
    exif[0x0112] = orientation

    small = thumbnail_of(encoded(two_coloured(), form, exif=exif), form)

    assert (small.width < small.height) is (orientation in range(5, 9))
    assert colour_at(small, *red_at) == "red"
    assert colour_at(small, 1 - red_at[0], 1 - red_at[1]) == "blue"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_every_kind_of_pixel_is_drawn(mode: str) -> None:
    """
    What is dark stays dark and what is bright bright, sixteen bits included.
    """
    if mode == "I;16":
        row = (8_191).to_bytes(2, "little") * 100 + (65_535).to_bytes(2, "little") * 100
        grey = Image.frombytes(mode, (200, 100), row * 100)
    else:
        grey = Image.new("L", (200, 100), 255)
        grey.paste(32, (0, 0, 100, 100))
        grey = grey.convert(mode)
    form = "TIFF" if mode == "CMYK" else "PNG"

    small = thumbnail_of(encoded(grey, form), form).convert("L")

    assert small.getpixel((10, 20)) < 70  # type: ignore[operator] # one band, one number
    assert small.getpixel((86, 20)) > 200  # type: ignore[operator] # one band, one number


def test_transparency_is_kept() -> None:
    """
    A logo is not shown on black.
    """
    picture = Image.new("RGBA", (50, 50), (0, 0, 0, 0))

    small = thumbnail_of(encoded(picture))

    assert small.mode == "RGBA"
    assert small.getpixel((25, 25))[3] == 0  # type: ignore[index] # four bands, four numbers


def test_nothing_but_pixels_is_left() -> None:
    """
    A report must not carry the place a picture was taken at.
    """
    exif = Image.Exif()
    exif[0x010E] = "secret place"
    data = encoded(two_coloured(), "JPEG", exif=exif, icc_profile=b"secret profile", comment=b"secret word")

    small = thumbnail_of(data, "JPEG")

    assert set(small.info) <= {"loop", "background", "timestamp", "duration"}
    made = make_thumbnail(io.BytesIO(data), "image/jpeg")
    assert made is not None
    assert b"secret" not in made


def test_equal_pictures_give_equal_bytes() -> None:
    """
    Outputs hold them, and are to be equal too.
    """
    data = encoded(two_coloured(), "JPEG")

    assert len({make_thumbnail(io.BytesIO(data), "image/jpeg") for _ in range(3)}) == 1


def test_an_animation_gives_its_first_frame() -> None:
    """
    The others may be endless.
    """
    frames = [Image.new("RGB", (30, 30), colour) for colour in (RED, BLUE, BLUE)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])

    small = thumbnail_of(data, "GIF")

    assert getattr(small, "n_frames", 1) == 1
    assert colour_at(small, 0.5, 0.5) == "red"


def test_a_bomb_is_not_set_off() -> None:
    """
    A few bytes that state a picture of many gigabytes are believed by their header alone.
    """
    for side in (MAX_PIXELS, 20_000, 2**31 - 1):
        header = side.to_bytes(4) * 2 + bytes([8, 2, 0, 0, 0])
        bomb = b"".join(
            (
                b"\x89PNG\r\n\x1a\n",
                png_chunk(b"IHDR", header),
                png_chunk(b"IDAT", zlib.compress(bytes(1_000_000))),
                png_chunk(b"IEND", b""),
            )
        )

        assert make_thumbnail(io.BytesIO(bomb), "image/png") is None


def test_what_is_large_but_within_bounds_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The bound counts pixels, the one on it included, and Pillow's own warning is not shown.
    """
    data = encoded(two_coloured())
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 15_000)

    monkeypatch.setattr(thumbnail, "MAX_PIXELS", 200 * 100)
    assert make_thumbnail(io.BytesIO(data), "image/png") is not None

    monkeypatch.setattr(thumbnail, "MAX_PIXELS", 200 * 100 - 1)
    assert make_thumbnail(io.BytesIO(data), "image/png") is None


@pytest.mark.parametrize("media_type", ["image/svg+xml", "image/heic", "image/heif"])
def test_what_is_no_picture_of_pixels_is_not_drawn(media_type: str) -> None:
    """
    An SVG is a program, and nothing here reads HEIC; the bytes of another format do not change that.
    """
    assert make_thumbnail(io.BytesIO(encoded(two_coloured())), media_type) is None


def test_only_the_decoder_of_its_format_sees_an_image() -> None:
    """
    Pillow knows dozens of formats; what was judged as a JPEG is not drawn as anything else.
    """
    assert make_thumbnail(io.BytesIO(encoded(two_coloured())), "image/jpeg") is None


@pytest.mark.parametrize("form", MEDIA_TYPES)
def test_damage_costs_the_picture_and_nothing_else(form: str) -> None:
    """
    Cut short or with bytes changed: some can be drawn and most cannot, and none of it is an error.
    """
    data = encoded(two_coloured(), form)
    chance = random.Random(form)  # noqa: S311 - no secrets
    cases = [data[: len(data) * part // 10] for part in range(10)]
    for _ in range(200):
        changed = bytearray(data)
        for _ in range(chance.randint(1, 8)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        cases.append(bytes(changed))

    made = [make_thumbnail(io.BytesIO(case), MEDIA_TYPES[form]) for case in cases]

    assert made[0] is None
    assert all(picture is None or picture.startswith(b"RIFF") for picture in made)


def test_the_samples_are_drawn() -> None:
    """
    Signed images are images: the manifest store is in nobody's way.
    """
    drawn = [
        make_thumbnail(io.BytesIO(path.read_bytes()), "image/png" if path.suffix == ".png" else "image/jpeg")
        for path in sorted((SAMPLES / "trusted").iterdir())
        if path.suffix in {".png", ".jpg"}
    ]

    assert len(drawn) > 2
    assert None not in drawn


def test_the_maker_is_named_with_its_version() -> None:
    """
    Another one may draw another picture.
    """
    assert (library() or "").startswith("Pillow ")


def test_without_pillow_there_are_no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    It is an extra: whoever wants no page for people does not need it.
    """

    def version(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    monkeypatch.setitem(sys.modules, "PIL", None)

    assert library() is None
    assert make_thumbnail(io.BytesIO(plain_png()), "image/png") is None
