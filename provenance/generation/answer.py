"""
What an answer says about its images, before any of them is judged.

Fields that nobody expects are left alone, and those that are missing stay missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from provenance.generation.errors import (
    ErrorFacts,
    GenerationError,
    MalformedAnswerError,
    OutputFilteredError,
    Trace,
)
from provenance.generation.field import Json, as_count, as_list, as_map, as_text, first_text
from provenance.generation.filtering import FilterReport, read_filters
from provenance.generation.image import Usage


@dataclass(frozen=True, slots=True)
class Entry:
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


def read_entries(answer: Json, images: Sequence[bytes | None], trace: Trace) -> tuple[Entry, ...]:
    """
    Read the elements of `data`.

    Raises:
        MalformedAnswerError: If there are none.
    """
    entries = tuple(_entries(answer, images, trace))
    if not entries:
        raise MalformedAnswerError("the answer holds no image", ErrorFacts(status=200, trace=trace))
    return entries


def read_entry(item: Json, images: Sequence[bytes | None], trace: Trace, *others: Json) -> Entry:
    """
    Read one element of `data`, or an event that holds an image.

    Args:
        item: The element.

        images: The images that were cut out of the answer.

        trace: The answer's headers.

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
        facts = ErrorFacts(status=200, trace=trace, filtered=filtered, revised_prompt=revised)
        error = _missing(facts, has_text=index is not None) if url is None or index is not None else None
    return Entry(data or None, url, error, revised, filtered)


def _entries(answer: Json, images: Sequence[bytes | None], trace: Trace) -> Iterator[Entry]:
    for item in as_list(answer.get("data")):
        yield read_entry(as_map(item), images, trace, {**answer, "content_filter_results": None})


def _missing(facts: ErrorFacts, *, has_text: bool) -> GenerationError:
    if facts.filtered.refused and not has_text:
        return OutputFilteredError("the content filter withheld an image", facts)
    reason = "its base64 is damaged" if has_text else "there is neither b64_json nor url"
    return MalformedAnswerError(f"an image is missing from the answer: {reason}", facts)
