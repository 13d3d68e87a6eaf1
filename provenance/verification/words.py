"""
The words for states, causes, checks, errors and categories: one catalogue, `words.json`, for every surface.

A text that differs from surface to surface is a table there, of surfaces and of what the others say
("otherwise"); a surface that is not in it says nothing. A sentence may hold places for facts, as "{signer}".
Facts are hostile text: they are quoted before they are put there, and never read as sentences themselves.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

_OTHERWISE = "otherwise"

Entries = Mapping[str, Mapping[str, str]]
"""
Texts by what they are about, and there by their use.
"""


class Surface(StrEnum):
    """
    Where a verdict is read.

    Attributes:
        COMMAND: On a terminal, and in what the command writes for other programs.

        PAGE: On the service's page, by people who may not change what the service trusts.

        REPORT: On the HTML page that an audit writes.
    """

    COMMAND = "command"
    PAGE = "page"
    REPORT = "report"


class Words(NamedTuple):
    """
    All words of one surface.

    The uses are: `name`, of a check; `title`, what is the case; `sentence`, what is proved; `meaning`, what
    else that means; `next`, what to do; `help`, both at length; `glossary`, what the word means; `sign`, one
    character.

    Attributes:
        states: By validation state.

        verdicts: By "accepted" and "rejected".

        causes: By `Cause`.

        checks: By the id of a check, in the order in which they are made.

        errors: By the type of an error that stands in a verdict's way.

        categories: By the category of a file in an audit, best first.

        sentences: Single sentences by name.
    """

    states: Entries
    verdicts: Entries
    causes: Entries
    checks: Entries
    errors: Entries
    categories: Entries
    sentences: Mapping[str, str]

    def advice(self, entry: Mapping[str, str]) -> str:
        """
        Join what something means and what to do about it.
        """
        return " ".join(entry[use] for use in ("meaning", "next") if use in entry)


@cache
def read_words(surface: Surface) -> Words:
    """
    Read the words of a surface; the file is read when they are first asked for.
    """
    catalogue = json.loads(Path(__file__).with_name("words.json").read_text("utf-8"))
    return Words(**{section: _of_surface(entries, surface) for section, entries in catalogue.items()})


def _of_surface(table: dict[str, Any], surface: Surface) -> dict[str, Any]:
    """
    Choose the texts of a surface; what says nothing there is left out.
    """
    chosen = {}
    for key, value in table.items():
        text = value
        if isinstance(value, dict):
            is_text = value.keys() <= {*Surface, _OTHERWISE}
            text = value.get(surface, value.get(_OTHERWISE)) if is_text else _of_surface(value, surface)
        if text is not None:
            chosen[key] = text
    return chosen
