"""
What the content filter said, in all the spellings it is said in.

The same thing is called `content_filter_results`, `content_filter_result`, `prompt_filter_results` or
`moderation_details`, and stands in the error, inside it, or beside an image; or it stands in the message
alone, as `safety_violations=[...]`. Categories are whatever the service names: new ones appear.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from provenance.generation.json_value import Json, as_flag, as_list, as_map, as_text

Subject = Literal["prompt", "output"]

_SPELLINGS: tuple[tuple[str, Subject | None], ...] = (
    ("prompt_filter_results", "prompt"),
    ("content_filter_results", None),
    ("content_filter_result", None),
)
_VIOLATIONS = re.compile(r"safety_violations=\[([^\]]{1,1000})\]")
_CATEGORY = re.compile(r"[\w/ -]{1,64}")


class FilterResult(NamedTuple):
    """
    What the filter said about one category.

    Attributes:
        category: Such as "hate", "violence", "jailbreak" or "profanity".

        subject: What was judged: the prompt or the output.

        filtered: Whether it was a reason to refuse; None if that was not said.

        severity: Such as "safe", "low", "medium" or "high"; None for categories without one.

        detected: Whether it was detected, for categories that are detected; else None.
    """

    category: str
    subject: Subject
    filtered: bool | None = None
    severity: str | None = None
    detected: bool | None = None


class FilterReport(NamedTuple):
    """
    Everything the filter said.

    Attributes:
        results: One for each category and subject, in the order given; may be empty.
    """

    results: tuple[FilterResult, ...] = ()

    @property
    def refused(self) -> tuple[str, ...]:
        """
        The categories that were a reason to refuse.
        """
        return tuple(dict.fromkeys(result.category for result in self.results if result.filtered))


def read_filters(places: Sequence[Json], subject: Subject) -> FilterReport:
    """
    Read every spelling in each of *places*.

    Args:
        places: JSON objects that may hold filter results, such as an error and its inner error.

        subject: What results that do not say so are about.
    """
    found: dict[FilterResult, None] = {}
    for place in places:
        for name, own_subject in _SPELLINGS:
            found.update(dict.fromkeys(_results(place.get(name), own_subject or subject)))
        found.update(dict.fromkeys(_moderation(as_map(place.get("moderation_details")), subject)))
        for category in _violations(as_text(place.get("message")) or ""):
            if all(result.category != category for result in found):
                found[FilterResult(category, subject, filtered=True)] = None
    return FilterReport(tuple(found))


def _results(value: object, subject: Subject) -> Iterator[FilterResult]:
    # As in chat completions, the results may come as a list with an index each.
    for entry in as_list(value):
        nested = as_map(entry)
        for name, _ in _SPELLINGS:
            yield from _results(nested.get(name), subject)
    for category, said in as_map(value).items():
        details = as_map(said)
        if details:
            yield FilterResult(
                category,
                subject,
                as_flag(details.get("filtered")),
                as_text(details.get("severity")),
                as_flag(details.get("detected")),
            )


def _moderation(details: Json, subject: Subject) -> Iterator[FilterResult]:
    stage = as_text(details.get("moderation_stage"))
    about: Subject = {"input": "prompt", "output": "output"}.get(stage or "", subject)  # type: ignore[assignment]  # mypy joins the literals to str
    for category in as_list(details.get("categories")):
        if isinstance(category, str):
            yield FilterResult(category, about, filtered=True)


def _violations(message: str) -> Iterator[str]:
    for listed in _VIOLATIONS.findall(message):
        names = (name.strip(" \t'\"") for name in listed.split(","))
        yield from (name for name in names if _CATEGORY.fullmatch(name))
