"""
Times as the store has them: aware, and in UTC.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

UtcClock = Callable[[], datetime]
"""
Returns the present time, aware.
"""


def utc_now() -> datetime:
    """
    Return the present time.
    """
    return datetime.now(UTC)


def as_utc(time: datetime, name: str) -> datetime:
    """
    Convert a time to UTC.

    Raises:
        ValueError: If it names no zone, or lies beyond the years 1 to 9999; the message begins with *name*.
    """
    if time.tzinfo is None:
        raise ValueError(f"{name} has to name a time zone")
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{name} has to lie in the years 1 to 9999") from None
