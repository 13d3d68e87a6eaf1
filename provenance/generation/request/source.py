"""
Images and masks to edit, read once and checked before anything is sent.

They are files, never addresses: the service takes files, and fetching an address here would let
whoever names it make this machine send requests of their choice.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from provenance.asset.asset import Asset
from provenance.asset.limits import Limits
from provenance.asset.scan import scan
from provenance.errors import AssetError
from provenance.generation.errors import ErrorFacts, InvalidOptionError
from provenance.generation.request.capability import InputRules
from provenance.generation.transport.message import FormFile

ImageSource = bytes | bytearray | memoryview | str | os.PathLike[str]
"""
An image to edit: its bytes, or the path of a file.
"""

_MIB = 1024 * 1024
_LIMITS = Limits(max_bytes=256 * _MIB)
_EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}
_ALPHA_COLOR_TYPES = (4, 6)
_COLOR_TYPE_AT = 25


class InputImage(NamedTuple):
    """
    One image or mask, ready to send.

    Attributes:
        file: The file to send, with its media type from the bytes, and another name than it has here.

        width: Pixels across, or None if the header does not say.

        height: Pixels down, likewise.

        has_alpha: Whether it is a PNG with an alpha channel or transparency.
    """

    file: FormFile
    width: int | None
    height: int | None
    has_alpha: bool


def as_sources(image: ImageSource | Sequence[ImageSource]) -> tuple[ImageSource, ...]:
    """
    Return one image or several as a tuple.
    """
    if isinstance(image, bytes | bytearray | memoryview | str | os.PathLike):
        return (image,)
    return tuple(image)


def read_inputs(
    images: Sequence[ImageSource], mask: ImageSource | None, rules: InputRules | None
) -> tuple[InputImage, ...]:
    """
    Read images and mask, and hold them against the model's rules.

    Args:
        images: In the order they are sent; at least one.

        mask: What may be changed, or None for everything.

        rules: The model's, or None if nothing is known of it.

    Raises:
        InvalidOptionError: If one is an address, cannot be read, or is not what the model takes.
    """
    if not images:
        raise _invalid("image", "at least one image is needed")
    field = "image" if len(images) == 1 else "image[]"
    found = tuple(_read(source, field, f"image-{n}", rules) for n, source in enumerate(images, 1))
    if mask is not None:
        found = (*found, _read(mask, "mask", "mask", rules))
    if rules is not None:
        for name, problem in _problems(found, rules):
            raise _invalid(name, problem)
    return found


def _read(source: ImageSource, field: str, name: str, rules: InputRules | None) -> InputImage:
    if isinstance(source, str) and _is_address(source):
        raise _invalid(
            field.removesuffix("[]"),
            "an image given by URL is refused: the service takes files, and fetching an address here would "
            "let whoever names it make this machine send requests; download it yourself and pass its bytes",
        )
    limit = _LIMITS
    if rules is not None:
        limit = Limits(max_bytes=(rules.mask_bytes if field == "mask" else rules.image_bytes) - 1)
    try:
        with Asset.open(source, limit) as asset:
            layout = scan(asset, limit)
            data = asset.read_at(0, asset.size)
            asset.check_unchanged()
            media_type = asset.media_type
    except AssetError as error:
        raise _invalid(field.removesuffix("[]"), f"{name}: {error}") from error
    file_name = f"{name}.{_EXTENSIONS.get(media_type, 'bin')}"
    file = FormFile(field, file_name, media_type, data)
    return InputImage(file, layout.width, layout.height, _has_alpha(data))


def _is_address(text: str) -> bool:
    return text.lower().lstrip().startswith(("http:", "https:", "data:", "ftp:", "file:", "blob:"))


def _problems(inputs: Sequence[InputImage], rules: InputRules) -> Iterator[tuple[str, str]]:
    for image in inputs:
        is_mask = image.file.field == "mask"
        allowed = rules.mask_media_types if is_mask else rules.media_types
        name = "mask" if is_mask else "image"
        if image.file.media_type not in allowed:
            yield (
                name,
                f"{image.file.file_name} is {image.file.media_type}; the model takes {' or '.join(allowed)}",
            )
        if is_mask and (image.width, image.height) != (inputs[0].width, inputs[0].height):
            sizes = f"{image.width}x{image.height} and {inputs[0].width}x{inputs[0].height}"
            yield name, f"the mask and the image must have the same dimensions, not {sizes}"
        if is_mask and not image.has_alpha:
            yield name, "the mask needs an alpha channel: alpha 0 marks what the model may change"


def _has_alpha(data: bytes) -> bool:
    # PNG (third edition), section 11.2.1: color types 4 and 6; section 11.3.1.1: tRNS, before IDAT.
    if not data.startswith(b"\x89PNG") or len(data) <= _COLOR_TYPE_AT:
        return False
    if data[_COLOR_TYPE_AT] in _ALPHA_COLOR_TYPES:
        return True
    position = 8
    while position + 8 <= len(data) and data[position + 4 : position + 8] not in (b"IDAT", b"IEND"):
        if data[position + 4 : position + 8] == b"tRNS":
            return True
        position += 12 + int.from_bytes(data[position : position + 4], "big")
    return False


def _invalid(name: str, problem: str) -> InvalidOptionError:
    return InvalidOptionError(f"{name}: {problem}", ErrorFacts(parameter=name))


def form_fields(values: Mapping[str, object]) -> dict[str, str]:
    """
    Write options as the text fields of a form.
    """
    return {name: _field(value) for name, value in values.items()}


def _field(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
