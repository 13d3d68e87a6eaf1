"""
A circuit breaker: what failed is left alone for a moment, and then asked by one caller first.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

OPEN_S = 1.0
"""
Seconds for which what failed is not asked again.
"""


class CircuitBreaker:
    """
    Keeps callers from something that failed a moment ago; safe to share between threads.

    After `OPEN_S` one asks first, and the others do without until they see what comes of it.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until: float | None = None
        self._lock = threading.Lock()

    def is_open(self, *, probe: bool = True) -> bool:
        """
        Return whether not to ask now.

        Args:
            probe: Whether the caller asks where it may; then others do not, for another while.
        """
        if self._until is None:
            return False
        with self._lock:
            now = self._clock()
            if self._until is None:
                return False
            if now < self._until or not probe:
                return True
            self._until = now + OPEN_S
            return False

    def record_failure(self) -> bool:
        """
        Note that asking failed.

        Returns:
            Whether it had not before.
        """
        with self._lock:
            now = self._clock()
            was_closed = self._until is None
            self._until = now + OPEN_S
            return was_closed

    def record_success(self) -> None:
        """
        Note that asking did not fail.
        """
        if self._until is not None:
            with self._lock:
                self._until = None
