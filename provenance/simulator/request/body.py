"""
Bodies of requests: read within bounds of size and time, and never onto a disk.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from provenance.asset.asset import Asset
from provenance.asset.limits import Limits
from provenance.asset.scan import Layout, scan
from provenance.errors import AssetError
from provenance.simulator.api_error import body_too_large, body_too_slow, invalid, missing_parameter

MAX_IMAGES = 16
MAX_IMAGE_BYTES = 50 * 1024 * 1024
MAX_MASK_BYTES = 4 * 1024 * 1024

_MAX_JSON_BYTES = 1024 * 1024
_MAX_FILES = 64
_MAX_FIELDS = 64
_IMAGE_TYPES = ("image/png", "image/jpeg")
_PNG_COLOUR_TYPE = 25
_WITH_ALPHA = frozenset({4, 6})


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """
    How much of a body is read, and how long.

    Attributes:
        max_bytes: Most bytes of a form with its files; a body of JSON has a limit of its own, 1 MiB.

        timeout_s: Seconds until it must have come.
    """

    max_bytes: int = 256 * 1024 * 1024
    timeout_s: float = 60.0


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """
    A file that came with a form; hostile.
    """

    field: str
    content: bytes


class _InMemoryParser(MultiPartParser):
    spool_max_size = 1 << 62  # the size of the body is bounded before, and nothing is written to a disk
    max_part_size = 256 * 1024


async def read_json(request: Request, limits: BodyLimits) -> dict[str, object]:
    """
    Read a JSON object.

    Raises:
        ApiError: 400, 408 or 413.
    """
    try:
        async with asyncio.timeout(limits.timeout_s):
            bound = min(_MAX_JSON_BYTES, limits.max_bytes)
            content = b"".join([piece async for piece in _bounded(request, bound)])
        values = json.loads(content)
    except TimeoutError as error:
        raise body_too_slow() from error
    except (ValueError, RecursionError, ClientDisconnect) as error:
        raise invalid("We could not parse the JSON body of your request.", code="invalid_json") from error
    if not isinstance(values, dict):
        raise invalid("The body of your request must be a JSON object.", code="invalid_json")
    return values


async def read_form(
    request: Request, limits: BodyLimits
) -> tuple[dict[str, object], tuple[UploadedFile, ...]]:
    """
    Read a form of fields and files.

    Raises:
        ApiError: 400, 408 or 413.
    """
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise invalid("Invalid Content-Type: expected 'multipart/form-data'.", code="invalid_content_type")
    parser = _InMemoryParser(
        request.headers,
        _bounded(request, limits.max_bytes),
        max_files=_MAX_FILES,
        max_fields=_MAX_FIELDS,
        max_part_size=_InMemoryParser.max_part_size,
    )
    try:
        async with asyncio.timeout(limits.timeout_s):
            form = await parser.parse()
    except TimeoutError as error:
        raise body_too_slow() from error
    except (MultiPartException, ClientDisconnect) as error:
        raise invalid(
            "We could not parse the form in the body of your request.", code="invalid_form"
        ) from error
    fields: dict[str, object] = {}
    uploads: list[UploadedFile] = []
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            uploads.append(UploadedFile(name, await value.read()))
        else:
            fields[name] = value
    await form.close()
    return fields, tuple(uploads)


def check_files(uploads: tuple[UploadedFile, ...]) -> None:
    """
    Check the pictures of an edit: how many, how large, of which kind; and that the mask fits the first.

    Raises:
        ApiError: 400, naming the limit.
    """
    images = [upload for upload in uploads if upload.field in {"image", "image[]"}]
    masks = [upload for upload in uploads if upload.field == "mask"]
    strange = [upload.field for upload in uploads if upload not in images and upload not in masks]
    if strange:
        raise invalid(f"Unknown parameter: '{strange[0][:100]}'.", strange[0][:100], "unknown_parameter")
    if not images:
        raise missing_parameter("image")
    if len(images) > MAX_IMAGES:
        message = f"Invalid 'image': too many images. Expected at most {MAX_IMAGES}, got {len(images)}."
        raise invalid(message, "image", "array_above_max_length")
    if len(masks) > 1:
        raise invalid("Invalid 'mask': expected one mask.", "mask")
    layouts = [_check_image(upload) for upload in images]
    for mask in masks:
        _check_mask(mask, layouts[0])


def _check_image(upload: UploadedFile) -> Layout:
    if len(upload.content) >= MAX_IMAGE_BYTES:
        raise invalid("Invalid 'image': each image must be less than 50 MB.", "image", "image_too_large")
    layout = _layout(upload, _IMAGE_TYPES)
    if layout is None:
        message = "Invalid 'image': unsupported image file. Supported formats are: 'png' and 'jpeg'."
        raise invalid(message, "image", "invalid_image_file")
    return layout


def _check_mask(mask: UploadedFile, image: Layout) -> None:
    if len(mask.content) >= MAX_MASK_BYTES:
        raise invalid("Invalid 'mask': the mask must be less than 4 MB.", "mask", "image_too_large")
    layout = _layout(mask, _IMAGE_TYPES[:1])
    if layout is None:
        message = "Invalid 'mask': unsupported image file. Supported formats are: 'png'."
        raise invalid(message, "mask", "invalid_image_file")
    if (layout.width, layout.height) != (image.width, image.height):
        raise invalid("Invalid 'mask': the mask must have the same dimensions as the image.", "mask")
    if mask.content[_PNG_COLOUR_TYPE] not in _WITH_ALPHA:
        raise invalid("Invalid 'mask': the mask must have an alpha channel.", "mask")


def _layout(upload: UploadedFile, media_types: tuple[str, ...]) -> Layout | None:
    limits = Limits()
    try:
        with Asset.from_bytes(upload.content, limits) as asset:
            if asset.media_type not in media_types:
                return None
            layout = scan(asset, limits)
    except AssetError:
        return None
    return layout if layout.width and layout.height else None


async def _bounded(request: Request, limit: int) -> AsyncGenerator[bytes, None]:
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length[:20]) > limit:
        raise body_too_large(limit)
    received = 0
    async for piece in request.stream():
        received += len(piece)
        if received > limit:
            raise body_too_large(limit)
        yield piece
