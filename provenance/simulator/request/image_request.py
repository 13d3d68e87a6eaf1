"""
What a request asks for, checked as Azure checks it.

Fields come from JSON or from a form, so a number may be written as text. Nothing is read here that could
cost much: pictures sent for an edit are never decoded, only their headers are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from provenance.simulator.api_error import (
    ApiError,
    invalid,
    missing_parameter,
    model_in_body,
    unknown_parameter,
    unsupported,
)
from provenance.simulator.drawing import ImageFormat
from provenance.simulator.model import ImageModel

Operation = Literal["generations", "edits"]

_MAX_PARTIALS = 3
_MAX_COMPRESSION = 100
_MAX_TEXT = 1000
_TRUE = frozenset({"true", "1"})
_FALSE = frozenset({"false", "0"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRequest:
    """
    A request that will be answered.

    Attributes:
        size: The value of `size`, "auto" perhaps.

        pixels: Pixels across and down.

        wants_url: Answer with URLs instead of base64.

        compression: 0 to 100; None if none was asked for.

        partial_images: How many unfinished pictures to stream; 0 without a stream.
    """

    operation: Operation
    deployment: str
    model: ImageModel
    prompt: str
    n: int
    size: str
    pixels: tuple[int, int]
    quality: str
    style: str | None = None
    wants_url: bool = False
    output_format: ImageFormat = "png"
    compression: int | None = None
    background: str = "auto"
    stream: bool = False
    partial_images: int = 0


class Fields:
    """
    The fields of a body; what is asked for is checked, and what is never asked for is unknown.
    """

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = values
        self._known: set[str] = set()

    def value(self, name: str) -> object:
        """
        Read a field as it is; None where it is missing.
        """
        self._known.add(name)
        return self._values.get(name)

    def text(self, name: str, max_characters: int = _MAX_TEXT) -> str | None:
        """
        Read a text.
        """
        value = self.value(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise invalid(f"Invalid type for '{name}': expected a string.", name, "invalid_type")
        if len(value) > max_characters:
            message = f"Invalid '{name}': string too long. Expected a string with maximum length "
            message += f"{max_characters}, but got a string with length {len(value)} instead."
            raise invalid(message, name, "string_above_max_length")
        return value

    def choice(self, name: str, choices: tuple[str, ...], *, lenient: bool = False) -> str:
        """
        Read one of several values; the first of them is the default.
        """
        value = self.text(name)
        if value is None:
            return choices[0]
        if value not in choices and not lenient:
            raise unsupported(name, value, choices)
        return value

    def number(self, name: str, low: int, high: int) -> int | None:
        """
        Read an integer within bounds.
        """
        value = self.value(name)
        if value is None:
            return None
        if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < len("1000000"):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            message = f"Invalid type for '{name}': expected an integer between {low} and {high}."
            raise invalid(message, name, "invalid_type")
        if not low <= value <= high:
            bound = f"a value >= {low}" if value < low else f"a value <= {high}"
            code = "integer_below_min_value" if value < low else "integer_above_max_value"
            message = f"Invalid '{name}': expected {bound}, between {low} and {high}."
            raise invalid(message, name, code)
        return value

    def flag(self, name: str) -> bool:
        """
        Read a boolean; false where it is missing.
        """
        value = self.value(name)
        if value is None or isinstance(value, bool):
            return bool(value)
        if isinstance(value, str) and value.lower() in _TRUE | _FALSE:
            return value.lower() in _TRUE
        raise invalid(f"Invalid type for '{name}': expected a boolean, true or false.", name, "invalid_type")

    def unknown(self) -> str | None:
        """
        Return a field that nobody asked for; None if there is none.
        """
        return next((name for name, value in self._values.items() if name not in self._known), None)


def read_request(
    fields: Fields, model: ImageModel, deployment: str, operation: Operation, *, refuse_model: bool
) -> ImageRequest:
    """
    Read what is asked for.

    Args:
        fields: The fields, without the pictures.

        model: The model asked.

        deployment: Its deployment's name.

        operation: What to do.

        refuse_model: Whether `model` in the body is an error.

    Raises:
        ApiError: 400, naming what is taken.
    """
    named = fields.value("model")
    if named is not None and refuse_model:
        raise model_in_body(model, named)
    fields.text("user")
    prompt = fields.text("prompt", model.prompt_characters)
    if not prompt:
        raise missing_parameter("prompt")
    n = fields.number("n", 1, model.max_n) or 1
    size = fields.choice("size", ("1024x1024",), lenient=True)
    pixels = model.read_size(size)
    if pixels is None:
        raise _wrong_size(model, size)
    request = ImageRequest(
        operation=operation,
        deployment=deployment,
        model=model,
        prompt=prompt,
        n=n,
        size=size,
        pixels=pixels,
        quality=fields.choice("quality", model.qualities, lenient=model.lenient),
    )
    request = (_read_classic if model.answers_with_url else _read_newer)(fields, request)
    unknown = fields.unknown()
    if unknown is not None and not model.lenient:
        raise unknown_parameter(unknown)
    return request


def _read_classic(fields: Fields, request: ImageRequest) -> ImageRequest:
    return replace(
        request,
        style=fields.choice("style", request.model.styles),
        wants_url=fields.choice("response_format", ("url", "b64_json")) == "url",
    )


def _read_newer(fields: Fields, request: ImageRequest) -> ImageRequest:
    output_format: ImageFormat = (
        "jpeg" if fields.choice("output_format", ("png", "jpeg")) == "jpeg" else "png"
    )
    compression = fields.number("output_compression", 0, _MAX_COMPRESSION)
    background = fields.choice("background", ("auto", "transparent", "opaque"), lenient=request.model.lenient)
    if compression is not None and output_format != "jpeg":
        raise invalid(
            "Invalid 'output_compression': only supported when 'output_format' is 'jpeg'.",
            "output_compression",
        )
    if background == "transparent" and output_format == "jpeg":
        raise invalid(
            "Transparent background needs another format. Supported values of 'output_format' are: 'png'.",
            "background",
        )
    stream = fields.flag("stream")
    partial_images = fields.number("partial_images", 0, _MAX_PARTIALS)
    if partial_images and not stream:
        raise invalid("Invalid 'partial_images': only supported when 'stream' is true.", "partial_images")
    if request.operation == "edits" and request.model.input_fidelity:
        fields.choice("input_fidelity", ("low", "high"), lenient=request.model.lenient)
    return replace(
        request,
        output_format=output_format,
        compression=compression,
        background=background,
        stream=stream,
        partial_images=partial_images or 0,
    )


def _wrong_size(model: ImageModel, size: str) -> ApiError:
    if not model.free_sizes:
        return unsupported("size", size, model.sizes)
    message = (
        f"Invalid size: '{size[:100]}'. Supported values are: 'auto' and WxH, where width and height are "
    )
    message += "multiples of 16, neither is over 3840, their ratio is at most 3:1, and there are 655360 to "
    return invalid(f"{message}8294400 pixels.", "size")
