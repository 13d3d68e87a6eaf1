"""
The image models, and what each takes.

A model nobody has described here is taken for a newer one: it takes what gpt-image-2 takes, and values
and parameters that are not known.

Source: Azure OpenAI, image generation, 2025-04-23 and 2026; public reports of real calls.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

DALL_E_AGENT = "Azure OpenAI DALL-E"
IMAGE_GEN_AGENT = "Azure OpenAI ImageGen"

_MULTIPLE = 16
_MAX_EDGE = 3840
_MAX_RATIO = 3
_MIN_PIXELS = 655_360
_MAX_PIXELS = 8_294_400
_SIZE = re.compile(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageModel:
    """
    One model.

    Attributes:
        prompt_characters: Longest prompt.

        max_n: Most images a request.

        sizes: Values of `size`, "auto" included where it is one.

        free_sizes: Any other WxH within the rules of gpt-image-2 is taken, too.

        qualities: Values of `quality`, the default first.

        styles: Values of `style`; empty where there is no such parameter.

        answers_with_url: The answer holds a URL unless base64 is asked for, and filter annotations.

        input_fidelity: Edits take that parameter.

        refuses_model: `model` in the body of the deployment form is an error.

        lenient: Unknown parameters and values are taken.

        claim_version: Version of the claims in its images.

        agent: Software agent that its images name.
    """

    name: str
    prompt_characters: int = 32_000
    max_n: int = 10
    sizes: tuple[str, ...] = ("1024x1024", "1024x1536", "1536x1024", "auto")
    free_sizes: bool = False
    qualities: tuple[str, ...] = ("auto", "low", "medium", "high")
    styles: tuple[str, ...] = ()
    answers_with_url: bool = False
    input_fidelity: bool = True
    refuses_model: bool = False
    lenient: bool = False
    claim_version: Literal[1, 2] = 2
    agent: str = IMAGE_GEN_AGENT

    def read_size(self, text: str) -> tuple[int, int] | None:
        """
        Read a value of `size`.

        Returns:
            Pixels across and down; None if this model does not take it.
        """
        if text == "auto" and text in self.sizes:
            return (1024, 1024)
        match = _SIZE.fullmatch(text)
        if match is None or (text not in self.sizes and not self.free_sizes):
            return None
        width, height = int(match[1]), int(match[2])
        return (width, height) if text in self.sizes or is_free_size(width, height) else None


def is_free_size(width: int, height: int) -> bool:
    """
    Return whether gpt-image-2 makes images of this size.
    """
    return (
        width % _MULTIPLE == 0
        and height % _MULTIPLE == 0
        and max(width, height) <= _MAX_EDGE
        and max(width, height) <= _MAX_RATIO * min(width, height)
        and _MIN_PIXELS <= width * height <= _MAX_PIXELS
    )


DALL_E_3 = ImageModel(
    name="dall-e-3",
    prompt_characters=4_000,
    max_n=1,
    sizes=("1024x1024", "1792x1024", "1024x1792"),
    qualities=("standard", "hd"),
    styles=("vivid", "natural"),
    answers_with_url=True,
    input_fidelity=False,
    claim_version=1,
    agent=DALL_E_AGENT,
)
GPT_IMAGE_1 = ImageModel(name="gpt-image-1", claim_version=1)
GPT_IMAGE_2 = ImageModel(name="gpt-image-2", sizes=("auto",), free_sizes=True, refuses_model=True)

MODELS: tuple[ImageModel, ...] = (
    DALL_E_3,
    GPT_IMAGE_1,
    replace(GPT_IMAGE_1, name="gpt-image-1-mini", input_fidelity=False, claim_version=2),
    replace(GPT_IMAGE_1, name="gpt-image-1.5", claim_version=2),
    GPT_IMAGE_2,
)
"""
The models described here.
"""

_BY_NAME: Callable[[str], ImageModel | None] = {model.name: model for model in MODELS}.get


def find_model(name: str) -> ImageModel:
    """
    Find a model by its name; one that is not known is taken for a newer one.
    """
    return _BY_NAME(name) or replace(GPT_IMAGE_2, name=name, lenient=True)
