"""
How long the service asks to wait: in headers, or only in the text of its error.

Nothing here waits: whether to, and how long at the most, is for the retry policy to decide.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_UNITS_S = {
    "ms": 0.001, "msec": 0.001, "msecs": 0.001, "millisecond": 0.001, "milliseconds": 0.001,
    "s": 1.0, "sec": 1.0, "secs": 1.0, "second": 1.0, "seconds": 1.0,
    "m": 60.0, "min": 60.0, "mins": 60.0, "minute": 60.0, "minutes": 60.0,
    "h": 3600.0, "hr": 3600.0, "hrs": 3600.0, "hour": 3600.0, "hours": 3600.0,
    "d": 86400.0, "day": 86400.0, "days": 86400.0,
}  # fmt: skip
_UNIT = "|".join(sorted(_UNITS_S, key=len, reverse=True))
_PART = rf"\d{{1,9}}(?:\.\d{{1,9}})? ?(?:{_UNIT})(?![a-z])"
_CLOCK = r"(?:\d{1,4}[.:])?\d{1,2}:\d{2}:\d{2}(?:\.\d{1,9})?(?![\d:])"
_TEXT = re.compile(
    r"\b(?:re-?try(?:ing)?|try(?:ing)? (?:it )?again|replenished|renewed|resets?|available again|wait)\b"
    r"[^.\d\n]{0,24}?(?<![\w.-])"
    rf"(?:(?P<clock>{_CLOCK})|(?P<parts>{_PART}(?:(?:,? and |, ?| ?){_PART}){{0,3}})"
    r"|(?P<bare>\d{1,9}(?:\.\d{1,9})?)(?= *(?:$|[.,;)\n](?!\d))))",
    re.IGNORECASE,
)
_EACH_PART = re.compile(rf"(\d+(?:\.\d+)?) ?({_UNIT})(?![a-z])", re.IGNORECASE)


def read_wait(headers: Mapping[str, str], message: str) -> float | None:
    """
    Read how long to wait: the most exact header counts, the text only where there is none.

    Args:
        headers: Headers of the answer, with names in lower case.

        message: The error's own words.

    Returns:
        Seconds, 0 or more, however many; None if nothing says so.
    """
    waits = (
        _number(headers.get("retry-after-ms"), 0.001),
        _number(headers.get("retry-after"), 1.0),
        _until(headers.get("retry-after"), headers.get("date")),
        _in_text(message),
    )
    return next((wait for wait in waits if wait is not None), None)


def _number(text: str | None, unit_s: float) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number * unit_s if math.isfinite(number) and number >= 0 else None


def _until(text: str | None, date: str | None) -> float | None:
    # The server's own clock where it tells it: only the difference matters.
    then, start = _date(text), _date(date)
    return max(0.0, (then - (start or datetime.now(UTC))).total_seconds()) if then is not None else None


def _date(text: str | None) -> datetime | None:
    try:
        date = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError):
        return None
    return date if date.tzinfo is not None else None


def _in_text(message: str) -> float | None:
    found = _TEXT.search(message)
    if found is None:
        return None
    if found["clock"]:
        # Gateways write hours, minutes and seconds, and days before them where there are any.
        days, hours, minutes, seconds = _clock(found["clock"])
        return days * 86400 + hours * 3600 + minutes * 60 + seconds
    if found["bare"]:
        return float(found["bare"])
    return sum(float(number) * _UNITS_S[unit.lower()] for number, unit in _EACH_PART.findall(found["parts"]))


def _clock(text: str) -> tuple[float, ...]:
    found = re.fullmatch(r"(?:(\d+)[.:])?(\d+):(\d+):(\d+(?:\.\d+)?)", text)
    return tuple(float(part or 0) for part in found.groups()) if found is not None else (0.0,) * 4
