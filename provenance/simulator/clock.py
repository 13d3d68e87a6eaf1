"""
What time it is in the simulation.

Expiry and quota follow this clock, so a test moves it instead of waiting. Latency is real: it is slept.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """
    Return the time of this machine, aware and in UTC.
    """
    return datetime.now(UTC)


class ManualClock:
    """
    A clock that stands still until it is moved; safe to share between threads.
    """

    def __init__(self, start: datetime | None = None) -> None:
        """
        Set the clock.

        Args:
            start: Aware time to begin with; None for now.

        Raises:
            ValueError: If *start* has no time zone.
        """
        if start is not None and start.tzinfo is None:
            raise ValueError("'start' needs a time zone")
        self._now = start or system_clock()
        self._lock = threading.Lock()

    def __call__(self) -> datetime:
        """
        Return the time.
        """
        with self._lock:
            return self._now

    def advance(self, seconds: float) -> None:
        """
        Move the clock on, or back.
        """
        with self._lock:
            self._now += timedelta(seconds=seconds)
