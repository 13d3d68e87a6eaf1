"""
What each known model takes, as a table.

Only known models are checked, before anything is sent. A model that is not in the table, and every
field given as *extra*, passes through: new models and values appear faster than releases of this one.

Source: Azure OpenAI, image generation, 2025-04-23 and 2026; OpenAI's public schemas.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from provenance.generation.errors import ErrorFacts, InvalidOptionError

_MIB = 1024 * 1024


class Constraint(Protocol):
    """
    What an option may be.
    """

    def problem(self, value: object) -> str | None:
        """
        Return what is wrong with *value*, or None.
        """
        ...


@dataclass(frozen=True, slots=True)
class OneOf:
    """
    One of some texts.
    """

    values: tuple[str, ...]

    def problem(self, value: object) -> str | None:
        """
        Return which values there are, if it is none of them.
        """
        return None if value in self.values else f"must be one of {', '.join(self.values)}, not {value!r}"


@dataclass(frozen=True, slots=True)
class Between:
    """
    A whole number within bounds, both included; *high* None is no bound.
    """

    low: int
    high: int | None

    def problem(self, value: object) -> str | None:
        """
        Return what the bounds are, if it is not within them.
        """
        if isinstance(value, int) and not isinstance(value, bool):
            at_most = value if self.high is None else self.high
            if self.low <= value <= at_most:
                return None
        bounds = f"from {self.low} to {self.high}" if self.high is not None else f"of at least {self.low}"
        return f"must be a whole number {bounds}, not {value!r}"


@dataclass(frozen=True, slots=True)
class Text:
    """
    Some text, of at most so many characters.
    """

    longest: int | None = None

    def problem(self, value: object) -> str | None:
        """
        Return that it is none, or how long it is, if it is too long.
        """
        if not isinstance(value, str):
            return f"must be text, not {type(value).__name__}"
        if self.longest is not None and not value.strip():
            return "must not be empty"
        if self.longest is not None and len(value) > self.longest:
            return f"has {len(value):,} characters; the model takes {self.longest:,}"
        return None


@dataclass(frozen=True, slots=True)
class Flag:
    """
    True or false.
    """

    def problem(self, value: object) -> str | None:
        """
        Return that it is neither, or None.
        """
        return None if isinstance(value, bool) else f"must be true or false, not {value!r}"


@dataclass(frozen=True, slots=True)
class FreeSize:
    """
    "auto", or WIDTHxHEIGHT within bounds.
    """

    multiple: int
    longest_edge: int
    ratio: int
    fewest_pixels: int
    most_pixels: int

    def problem(self, value: object) -> str | None:
        """
        Return which bound is not kept, or None.
        """
        if value == "auto":
            return None
        sides = (
            re.fullmatch(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})", value) if isinstance(value, str) else None
        )
        if sides is None:
            return f"must be auto or WIDTHxHEIGHT, not {value!r}"
        short, long = sorted((int(sides[1]), int(sides[2])))
        kept = {
            f"multiples of {self.multiple}": short % self.multiple == 0 and long % self.multiple == 0,
            f"an edge of at most {self.longest_edge}": long <= self.longest_edge,
            f"a ratio of at most {self.ratio}:1": long <= self.ratio * short,
            f"{self.fewest_pixels:,} to {self.most_pixels:,} pixels": self.fewest_pixels
            <= short * long
            <= self.most_pixels,
        }
        broken = [rule for rule, is_kept in kept.items() if not is_kept]
        return f"must have {' and '.join(broken)}, not {value}" if broken else None


@dataclass(frozen=True, slots=True)
class Refused:
    """
    An option that the model does not have.
    """

    reason: str

    def problem(self, value: object) -> str | None:
        """
        Return why not, if there is a value.
        """
        return self.reason if value is not None else None


@dataclass(frozen=True, slots=True)
class Needs:
    """
    An option, or one value of it, that goes only with some values of another.

    Attributes:
        option: The option.

        value: The value that needs something; None for any.

        other: The other option.

        allowed: Its values that go with it.

        default: What the other is if it is not given.
    """

    option: str
    value: str | None
    other: str
    allowed: tuple[str, ...]
    default: str

    def problem(self, values: Mapping[str, object]) -> str | None:
        """
        Return what has to be given with it, or None.
        """
        given = values.get(self.option)
        if given is None or (self.value is not None and given != self.value):
            return None
        if values.get(self.other, self.default) in self.allowed:
            return None
        what = f" {self.value}" if self.value is not None else ""
        return f"{self.option}{what} goes only with {self.other} {' or '.join(self.allowed)}"


@dataclass(frozen=True, slots=True)
class InputRules:
    """
    What images and masks a model edits.

    Attributes:
        media_types: Of images.

        image_bytes: An image has fewer.

        mask_media_types: Of masks; a mask has an alpha channel and the first image's dimensions.

        mask_bytes: A mask has fewer.
    """

    media_types: tuple[str, ...]
    image_bytes: int
    mask_media_types: tuple[str, ...]
    mask_bytes: int


@dataclass(frozen=True, slots=True)
class Capability:
    """
    What one model takes.

    Attributes:
        options: Constraint of each option; what is not named here passes through.

        needs: Options that go only together.

        inputs: What it edits, or None if it edits nothing.

        one_each: Whether it makes one image for each request, so that more take more requests.
    """

    options: Mapping[str, Constraint]
    needs: tuple[Needs, ...] = ()
    inputs: InputRules | None = None
    one_each: bool = False


_NO_STYLE = Refused("gpt-image models have no style; describe it in the prompt")
_ALWAYS_B64 = Refused("gpt-image models always answer with b64_json and refuse this field: leave it out")
_GPT_IMAGE: Mapping[str, Constraint] = MappingProxyType(
    {
        "prompt": Text(32_000),
        "n": Between(1, 10),
        "size": OneOf(("1024x1024", "1024x1536", "1536x1024", "auto")),
        "quality": OneOf(("low", "medium", "high", "auto")),
        "style": _NO_STYLE,
        "response_format": _ALWAYS_B64,
        "output_format": OneOf(("png", "jpeg")),
        "output_compression": Between(0, 100),
        "background": OneOf(("auto", "transparent", "opaque")),
        "partial_images": Between(0, 3),
        "input_fidelity": OneOf(("low", "high")),
        "image": Between(1, 16),
        "stream": Flag(),
        "user": Text(),
    }
)
_DALL_E_3: Mapping[str, Constraint] = MappingProxyType(
    {
        "prompt": Text(4_000),
        "n": Between(1, None),
        "size": OneOf(("1024x1024", "1792x1024", "1024x1792")),
        "quality": OneOf(("standard", "hd")),
        "style": OneOf(("vivid", "natural")),
        "response_format": OneOf(("url", "b64_json")),
        "output_format": Refused("dall-e-3 always makes PNG"),
        "output_compression": Refused("dall-e-3 always makes PNG"),
        "background": Refused("dall-e-3 has no background"),
        "partial_images": Refused("dall-e-3 does not stream"),
        "input_fidelity": Refused("dall-e-3 makes no edits"),
        "image": Refused("dall-e-3 makes no edits"),
        "stream": Refused("dall-e-3 does not stream"),
        "user": Text(),
    }
)
_JPEG_ONLY = Needs("output_compression", None, "output_format", ("jpeg",), "png")
_PNG_ONLY = Needs("background", "transparent", "output_format", ("png",), "png")
_INPUTS = InputRules(("image/png", "image/jpeg"), 50 * _MIB, ("image/png",), 4 * _MIB)
_FREE_SIZE = FreeSize(16, 3840, 3, 655_360, 8_294_400)
_NO_FIDELITY = Refused("gpt-image-1-mini has no input_fidelity")

MODELS: Mapping[str, Capability] = MappingProxyType(
    {
        "dall-e-3": Capability(_DALL_E_3, one_each=True),
        "gpt-image-1": Capability(_GPT_IMAGE, (_JPEG_ONLY, _PNG_ONLY), _INPUTS),
        "gpt-image-1-mini": Capability(
            {**_GPT_IMAGE, "input_fidelity": _NO_FIDELITY}, (_JPEG_ONLY, _PNG_ONLY), _INPUTS
        ),
        "gpt-image-1.5": Capability(_GPT_IMAGE, (_JPEG_ONLY, _PNG_ONLY), _INPUTS),
        # Whether it has a background is disputed, so that passes through.
        "gpt-image-2": Capability(
            {
                **{name: rule for name, rule in _GPT_IMAGE.items() if name != "background"},
                "size": _FREE_SIZE,
            },
            (_JPEG_ONLY,),
            _INPUTS,
        ),
    }
)
"""
The models that are checked, by name.
"""

UNKNOWN = Capability({})
"""
What is assumed of a model that is not in the table: nothing.
"""


def capability_of(model: str | None) -> Capability:
    """
    Return what a model takes; `UNKNOWN` if it is not in the table.
    """
    return MODELS.get((model or "").lower(), UNKNOWN)


def check(model: str | None, values: Mapping[str, object]) -> None:
    """
    Return if the model takes all *values*; options that are None count as not given.

    Raises:
        InvalidOptionError: If it does not; the message names every problem.
    """
    problems = dict(_problems(capability_of(model), values))
    if problems:
        message = f"{model}: {'; '.join(problems.values())}"
        raise InvalidOptionError(message, ErrorFacts(parameter=next(iter(problems))))


def _problems(capability: Capability, values: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        constraint = capability.options.get(name)
        problem = constraint.problem(value) if constraint is not None and value is not None else None
        if problem is not None:
            yield name, f"{name}: {problem}"
    for needs in capability.needs:
        problem = needs.problem(values)
        if problem is not None:
            yield needs.option, problem
