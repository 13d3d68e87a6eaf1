"""
What an answer says about its images, before any of them is judged.

Fields that nobody expects are left alone, and those that are missing stay missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from provenance.generation.content_filter import FilterReport, read_filters
from provenance.generation.errors import (
    ErrorFacts,
    GenerationError,
    MalformedAnswerError,
    OutputFilteredError,
    Trace,
)
from provenance.generation.image import Usage
from provenance.generation.json_value import Json, as_count, as_list, as_map, as_text, first_text
from provenance.generation.response.error_answer import error_under, read_trace


@dataclass(frozen=True, slots=True)
class ResponseContext:
    """
    What came with an answer.

    Attributes:
        status: Its HTTP status.

        headers: Its headers, with names in lower case.

        secrets: What it was asked with, and what must not appear in any error.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)

    @property
    def trace(self) -> Trace:
        """
        The headers worth keeping.
        """
        return read_trace(self.headers)


@dataclass(frozen=True, slots=True)
class ImageItem:
    """
    One element of `data`: an image's bytes, or its URL, or why it has neither.

    Attributes:
        data: The bytes, or None.

        url: Where they can be had, or None; it holds a signature, so never show it.

        error: Why there are neither, or None.

        revised_prompt: The prompt as it was rewritten, or None.

        filtered: What the content filter said.
    """

    data: bytes | None = field(repr=False)
    url: str | None = field(repr=False)
    error: GenerationError | None
    revised_prompt: str | None
    filtered: FilterReport


def read_usage(answer: Json) -> Usage | None:
    """
    Read how many tokens the answer cost, or None.
    """
    usage = as_map(answer.get("usage"))
    if not usage:
        return None
    details = as_map(usage.get("input_tokens_details"))
    return Usage(
        as_count(usage.get("input_tokens")),
        as_count(usage.get("output_tokens")),
        as_count(usage.get("total_tokens")),
        as_count(details.get("image_tokens")),
        as_count(details.get("text_tokens")),
    )


def read_items(
    answer: Json, images: Sequence[bytes | None], context: ResponseContext
) -> tuple[ImageItem, ...]:
    """
    Read the elements of `data`, and what the service says beside them.

    Returns:
        At least one item. An error in the answer is one, too, the first: images may have come all the same.

    Raises:
        MalformedAnswerError: If there are neither images nor an error.
    """
    items = tuple(_items(answer, images, context))
    error = error_under(answer, context.status, context.headers, context.secrets)
    if error is not None:
        return (ImageItem(None, None, error, None, error.facts.filtered), *items)
    if not items:
        facts = ErrorFacts(status=context.status, trace=context.trace)
        raise MalformedAnswerError("the answer holds no image", facts)
    return items


def read_item(
    item: Json, images: Sequence[bytes | None], context: ResponseContext, *others: Json
) -> ImageItem:
    """
    Read one element of `data`, or an event that holds an image.

    Args:
        item: The element.

        images: The images that were cut out of the answer.

        context: What came with the answer.

        others: What else may hold filter results.
    """
    filtered = read_filters((item, *others), "output")
    index = as_text(item.get("b64_json"))
    data = (
        images[int(index)] if index is not None and index.isdecimal() and int(index) < len(images) else None
    )
    url = as_text(item.get("url")) or None
    revised = first_text((item,), "revised_prompt")
    error: GenerationError | None = None
    if data is None or not data:
        facts = ErrorFacts(
            status=context.status, trace=context.trace, filtered=filtered, revised_prompt=revised
        )
        if index is not None:
            error = _missing(facts, has_text=True)
        elif url is None:
            stated = error_under(item, context.status, context.headers, context.secrets)
            error = stated or _missing(facts, has_text=False)
    return ImageItem(data or None, url, error, revised, filtered)


def _items(answer: Json, images: Sequence[bytes | None], context: ResponseContext) -> Iterator[ImageItem]:
    for item in as_list(answer.get("data")):
        yield read_item(as_map(item), images, context, {**answer, "content_filter_results": None})


def _missing(facts: ErrorFacts, *, has_text: bool) -> GenerationError:
    if facts.filtered.refused and not has_text:
        return OutputFilteredError("the content filter withheld an image", facts)
    reason = "its base64 is damaged" if has_text else "there is neither b64_json nor url"
    return MalformedAnswerError(f"an image is missing from the answer: {reason}", facts)
