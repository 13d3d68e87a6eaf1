"""
Answers that hold images: JSON, and streams of events.

Source: OpenAI's public schemas; Azure OpenAI, image generation, 2025-04-23 and 2026.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Literal

from provenance.simulator.request.image_request import ImageRequest
from provenance.simulator.request.moderation import passed_results

_OUTPUT_TOKENS = {"low": 272, "medium": 1056, "high": 4160}
_CHARACTERS_PER_TOKEN = 4
_INPUT_IMAGE_TOKENS = 323

EventStage = Literal["partial_image", "completed"]


def revise(prompt: str) -> str:
    """
    Rewrite a prompt, as dall-e-3 does.
    """
    return f"A detailed picture: {prompt}"


def classic_item(request: ImageRequest, content: str, *, revised_prompt: bool) -> dict[str, object]:
    """
    Write what dall-e-3 says of an image.

    Args:
        request: What was asked for.

        content: URL of the image, or its base64.

        revised_prompt: Whether to say how the prompt was rewritten.
    """
    item: dict[str, object] = {
        "prompt_filter_results": passed_results(prompt=True),
        "content_filter_results": passed_results(prompt=False),
        ("url" if request.wants_url else "b64_json"): content,
    }
    if revised_prompt:
        item["revised_prompt"] = revise(request.prompt)
    return item


def newer_answer(request: ImageRequest, created: int, images: list[bytes], uploads: int) -> dict[str, object]:
    """
    Write the answer of the gpt-image models.
    """
    return {
        "created": created,
        **_described(request),
        "data": [{"b64_json": encode(image)} for image in images],
        "usage": usage(request, len(images), uploads),
    }


def event(
    request: ImageRequest, stage: EventStage, image: bytes, created: int, more: Mapping[str, object]
) -> bytes:
    """
    Write one event of a stream.

    Args:
        request: What was asked for.

        stage: What kind of event.

        image: The picture.

        created: Seconds since the epoch.

        more: What this kind of event holds besides.
    """
    prefix = "image_generation" if request.operation == "generations" else "image_edit"
    name = f"{prefix}.{stage}"
    data = {"type": name, "b64_json": encode(image), "created_at": created, **_described(request), **more}
    return write_event(name, data)


def error_event(code: str) -> bytes:
    """
    Write the event that ends a stream in failure.
    """
    error = {
        "type": "server_error",
        "code": code,
        "message": "An error occurred while processing your request.",
        "param": None,
    }
    return write_event("error", {"type": "error", "error": error})


def write_event(name: str, data: Mapping[str, object]) -> bytes:
    """
    Write a server-sent event.
    """
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


def usage(request: ImageRequest, images: int, uploads: int) -> dict[str, object]:
    """
    Count tokens, roughly as the service does.
    """
    text = max(1, len(request.prompt) // _CHARACTERS_PER_TOKEN)
    pictures = uploads * _INPUT_IMAGE_TOKENS
    made = images * _OUTPUT_TOKENS.get(request.quality, _OUTPUT_TOKENS["medium"])
    return {
        "input_tokens": text + pictures,
        "input_tokens_details": {"image_tokens": pictures, "text_tokens": text},
        "output_tokens": made,
        "total_tokens": text + pictures + made,
    }


def encode(image: bytes) -> str:
    """
    Write bytes as base64.
    """
    return base64.b64encode(image).decode()


def _described(request: ImageRequest) -> dict[str, object]:
    width, height = request.pixels
    return {
        "background": "opaque" if request.background == "auto" else request.background,
        "output_format": request.output_format,
        "quality": "medium" if request.quality == "auto" else request.quality,
        "size": f"{width}x{height}",
    }
