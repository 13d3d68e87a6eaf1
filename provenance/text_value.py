"""
Sizes, durations, times and the like from text: one reading for options, environment, settings and requests.

What is accepted in one place is accepted in all, and what is refused is refused in the same words.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

SIZE = "a size such as 500000, 64M or 1GiB"
DURATION = "a duration such as 30, 1.5s, 90m, 12h or 90d"
TIME = "a time such as 2026-08-17T12:00:00Z, or a date"
WHOLE = "a whole number"
FLAG = "true or false"

_SIZE = re.compile(r"([1-9][0-9]{0,14}) ?(?:([KMG])(i?B)?|B)?", re.IGNORECASE)
_PREFIXES = ("", "K", "M", "G")
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?(ms|[smhdw])?")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})?)?",
    re.IGNORECASE,
)
_WHOLE = re.compile(r"[0-9]{1,18}")
_FLAGS = {"true": True, "false": False}


class TextValueError(ValueError):
    """
    The text is not what it has to be.

    Attributes:
        text: The text.

        wanted: What it has to be.
    """

    def __init__(self, text: str, wanted: str) -> None:
        super().__init__(text, wanted)
        self.text = text
        self.wanted = wanted

    def __str__(self) -> str:
        return f"{self.text!r} is not {self.wanted}"


def read_size(text: str) -> int:
    """
    Return a number of bytes, at least 1.

    K, M and G count in 1,024, and so do KiB, MiB and GiB; KB, MB and GB count in 1,000.

    Raises:
        TextValueError: If it is none.
    """
    found = _SIZE.fullmatch(text)
    if found is None:
        raise TextValueError(text, SIZE)
    number, prefix, suffix = found.groups()
    base = 1000 if (suffix or "").upper() == "B" else 1024
    factor: int = base ** _PREFIXES.index((prefix or "").upper())
    return int(number) * factor


def read_seconds(text: str) -> float:
    """
    Return a duration in seconds: a number of them, or one of milliseconds (ms), s, m, h, days (d) or weeks.

    Raises:
        TextValueError: If it is none.
    """
    found = _DURATION.fullmatch(text)
    if found is None:
        raise TextValueError(text, DURATION)
    return float(found[1]) * _SECONDS[found[2] or "s"]


def read_time(text: str) -> datetime:
    """
    Return a time in UTC, as RFC 3339 has it, or the beginning of a date; UTC where it names no zone.

    Raises:
        TextValueError: If it is neither, or no such time can be told in UTC.
    """
    try:
        time = datetime.fromisoformat(text.upper()) if _TIME.fullmatch(text) else None
        if time is not None:
            return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise TextValueError(text, TIME)


def read_whole(text: str) -> int:
    """
    Return a whole number, not negative.

    Raises:
        TextValueError: If it is none, or has more than 18 digits.
    """
    if _WHOLE.fullmatch(text) is None:
        raise TextValueError(text, WHOLE)
    return int(text)


def read_flag(text: str) -> bool:
    """
    Return true or false.

    Raises:
        TextValueError: If it is neither word.
    """
    if text not in _FLAGS:
        raise TextValueError(text, FLAG)
    return _FLAGS[text]


def read_list(text: str) -> list[str]:
    """
    Return what stands between commas, without space around it; of blank text an empty list.
    """
    return [item.strip() for item in text.split(",")] if text.strip() else []
