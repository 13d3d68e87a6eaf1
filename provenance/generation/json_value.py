"""
Reading JSON of which nothing is certain: what is not there or of another type is None, never an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Json = Mapping[str, object]


def as_map(value: object) -> Json:
    """
    Return a mapping with text keys; an empty one if *value* is none.
    """
    return {str(key): item for key, item in value.items()} if isinstance(value, Mapping) else {}


def as_list(value: object) -> Sequence[object]:
    """
    Return a sequence; an empty one if *value* is no JSON array.
    """
    return value if isinstance(value, list | tuple) else ()


def as_text(value: object) -> str | None:
    """
    Return text, or None; a number counts as its digits, since codes come as either.
    """
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def as_count(value: object) -> int | None:
    """
    Return a whole number, or None.
    """
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def as_flag(value: object) -> bool | None:
    """
    Return true, false, or None.
    """
    return value if isinstance(value, bool) else None


def first_text(maps: Sequence[Json], *names: str) -> str | None:
    """
    Return the first text under one of *names*, looked for in each map in order; never an empty one.
    """
    found = (as_text(one.get(name)) for one in maps for name in names)
    return next((text for text in found if text), None)
