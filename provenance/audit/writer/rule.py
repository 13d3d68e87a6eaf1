"""
What each check and each error means, for whoever sees it outside this project.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from provenance.verification.words import Surface, read_words


class Rule(NamedTuple):
    """
    A check that can fail, or an error that can stand in a verdict's way.

    Attributes:
        id: Of the check, or the type of the error.

        title: What is the case if it shows up.

        help: What that means, and what can be done.
    """

    id: str
    title: str
    help: str


@cache
def rules() -> tuple[Rule, ...]:
    """
    Return the rules of all checks in the order they are made, then of all errors.

    The check "policy" stands for those that were never made, and has none: it does not fail.
    """
    words = read_words(Surface.COMMAND)
    known = {**words.checks, **words.errors}
    return tuple(Rule(id_, said["title"], said["help"]) for id_, said in known.items() if "title" in said)
