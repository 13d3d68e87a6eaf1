"""
What can be asked for with an image, named and typed once for every method of both clients.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from provenance.generation.errors import ErrorFacts, InvalidOptionError


class ImageOptions(TypedDict, total=False):
    """
    Keyword arguments of `generate`. What is left out is not sent, and the service's default holds.

    Attributes:
        model: The model behind the deployment, if other than the client's; decides what is checked.

        n: How many images; for dall-e-3, how many requests.

        size: Such as "1024x1024", or "auto".

        quality: "standard" or "hd"; "low", "medium", "high" or "auto".

        style: "vivid" or "natural", for dall-e-3.

        response_format: "url" or "b64_json", for dall-e-3.

        output_format: "png" or "jpeg", for gpt-image models.

        output_compression: 0 to 100, for JPEG.

        background: "auto", "transparent" or "opaque".

        user: The end user's name, for the service's abuse monitoring.

        extra: Further fields, or values that are newer than the table of models; not checked.
    """

    model: str
    n: int
    size: str
    quality: str
    style: str
    response_format: str
    output_format: str
    output_compression: int
    background: str
    user: str
    extra: Mapping[str, object]


class EditOptions(ImageOptions, total=False):
    """
    Keyword arguments of `edit`: those of `generate`, and how closely to keep to the input.

    Attributes:
        input_fidelity: "low" or "high".
    """

    input_fidelity: str


class StreamOptions(ImageOptions, total=False):
    """
    Keyword arguments of `stream_generate`.

    Attributes:
        partial_images: How many images on the way, 0 to 3.
    """

    partial_images: int


class StreamEditOptions(EditOptions, total=False):
    """
    Keyword arguments of `stream_edit`.

    Attributes:
        partial_images: How many images on the way, 0 to 3.
    """

    partial_images: int


_NOT_EXTRA = frozenset({"prompt", "image", "image[]", "mask", "stream"})


def collect(
    options: Mapping[str, object], known: type, default_model: str | None
) -> tuple[str | None, dict[str, object], Mapping[str, object]]:
    """
    Split keyword arguments into what is checked and what is not.

    Args:
        options: As they were given.

        known: The TypedDict that names them.

        default_model: The model where none is given.

    Returns:
        The model, the options to check and send, and the extra fields to send unchecked.

    Raises:
        TypeError: If one has a name that *known* does not have.

        InvalidOptionError: If an extra field is one that the client itself must decide.
    """
    unknown = sorted(set(options) - set(known.__annotations__))
    if unknown:
        message = f"unexpected keyword argument {unknown[0]!r}; pass new fields in 'extra'"
        raise TypeError(message)
    values = {k: v for k, v in options.items() if v is not None and k not in ("model", "extra")}
    given, model = options.get("extra"), options.get("model", default_model)
    extra = {str(key): value for key, value in given.items()} if isinstance(given, Mapping) else {}
    for name in extra:
        if name in values or name in _NOT_EXTRA:
            message = f"extra: {name} is an argument of its own; give it once"
            raise InvalidOptionError(message, ErrorFacts(parameter=name))
    return (str(model) if model is not None else None), values, extra
