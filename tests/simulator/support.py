"""
What tests of the simulated API share: names of models and deployments, and what answers hold.
"""

from __future__ import annotations

import base64
import io
from typing import Any

import httpx
import pytest
from PIL import Image

from provenance.authority import plain_png
from provenance.simulator import (
    MODELS,
    NEWEST_API_VERSION,
    BodyLimits,
    ManualClock,
    Simulator,
)

KEY = "the-key-of-this-test"
PROMPT = {"prompt": "A red fox"}
SMALL = {**PROMPT, "size": "1024x640"}
NEWER = tuple(model.name for model in MODELS if not model.answers_with_url)
DEPLOYMENTS = {model.name: model.name for model in MODELS} | {"future": "gpt-image-9"}
PNG = plain_png(24, 16, seed=1)
DAY_S = 24 * 3600

EACH_NEWER = pytest.mark.parametrize("model", NEWER)


def url(deployment: str, operation: str = "generations", version: str | None = NEWEST_API_VERSION) -> str:
    """
    Write the deployment form.
    """
    query = "" if version is None else f"?api-version={version}"
    return f"/openai/deployments/{deployment}/images/{operation}{query}"


def refused(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """
    Expect an error with that code, and give the error back.
    """
    error: dict[str, Any] = response.json()["error"]
    assert (status, code) == (response.status_code, error["code"])
    return error


def image_of(response: httpx.Response, index: int = 0) -> bytes:
    """
    Return an image of an answer.
    """
    assert response.status_code == 200, response.text
    return base64.b64decode(response.json()["data"][index]["b64_json"])


def standing_still() -> dict[str, object]:
    """
    Return the settings of a simulator whose time stands still unless a test moves it.
    """
    return {
        "deployments": DEPLOYMENTS,
        "clock": ManualClock(),
        "limits": BodyLimits(max_bytes=70 * 1024 * 1024),
    }


def clock_of(simulator: Simulator) -> ManualClock:
    """
    Return the clock that can be moved.
    """
    assert isinstance(simulator.clock, ManualClock)
    return simulator.clock


def rgba_png(width: int, height: int) -> bytes:
    """
    Make a mask: all of it may be changed.
    """
    out = io.BytesIO()
    Image.new("RGBA", (width, height)).save(out, "PNG")
    return out.getvalue()
