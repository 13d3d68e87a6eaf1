"""
What a call asks for, checked before anything is sent.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from provenance.generation.json_value import as_count
from provenance.generation.request.capability import InputRules, capability_of, check
from provenance.generation.request.endpoint import Endpoint, Operation, RequestCredential
from provenance.generation.request.options import collect
from provenance.generation.request.source import ImageSource, form_fields
from provenance.generation.transport.message import FormFile, HttpRequest


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """
    One request for images, and how often to send it.

    Attributes:
        operation: "generations" or "edits".

        fields: Everything to send but files.

        asked: How many images are wanted.

        repeats: How many requests that takes.

        images: Images to edit.

        mask: Their mask, or None.

        rules: What images and masks must be like; None if that is not known.
    """

    operation: Operation
    fields: Mapping[str, object] = field(repr=False)
    asked: int = 1
    repeats: int = 1
    images: tuple[ImageSource, ...] = field(default=(), repr=False)
    mask: ImageSource | None = field(default=None, repr=False)
    rules: InputRules | None = None

    def single(self) -> ImageRequest:
        """
        Return the request for one of its repeats.
        """
        return replace(self, asked=1, repeats=1)


def make_request(
    prompt: str,
    options: Mapping[str, object],
    known: type,
    default_model: str | None,
    *,
    stream: bool = False,
    images: Sequence[ImageSource] | None = None,
    mask: ImageSource | None = None,
) -> ImageRequest:
    """
    Check what is asked for, and make the request of it.

    Args:
        prompt: The prompt.

        options: Keyword arguments as they were given.

        known: The TypedDict that names them.

        default_model: The model where none is given.

        stream: Whether to ask for a stream.

        images: Images to edit; None to generate.

        mask: Their mask, or None.

    Raises:
        TypeError: If an option has no such name.

        InvalidOptionError: If the model does not take it.
    """
    model, values, extra = collect(options, known, default_model)
    asked: dict[str, object] = {"prompt": prompt, **values}
    if stream:
        asked["stream"] = True
    check(model, {**asked, "image": len(images) if images is not None else None})
    capability = capability_of(model)
    count = as_count({**values, **extra}.get("n")) or 1
    repeats = count if capability.one_each else 1
    fields = {name: value for name, value in {**asked, **extra}.items() if name != "n" or repeats == 1}
    return ImageRequest(
        "generations" if images is None else "edits",
        fields,
        count,
        repeats,
        tuple(images or ()),
        mask,
        capability.inputs,
    )


def http_request(
    request: ImageRequest,
    files: tuple[FormFile, ...],
    endpoint: Endpoint,
    credential: RequestCredential,
    read_timeout_s: float,
) -> HttpRequest:
    """
    Make the HTTP request: JSON to generate, a form to edit.
    """
    fields = {**endpoint.body_model(), **request.fields}
    url = endpoint.url(request.operation)
    headers = {**credential.headers, "x-ms-client-request-id": str(uuid.uuid4())}
    if request.operation == "edits":
        return HttpRequest("POST", url, headers, read_timeout_s, fields=form_fields(fields), files=files)
    body = json.dumps(fields).encode()
    return HttpRequest(
        "POST", url, {**headers, "content-type": "application/json"}, read_timeout_s, body=body
    )
