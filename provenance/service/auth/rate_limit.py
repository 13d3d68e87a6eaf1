"""
How often an API key may ask: a bucket of tokens for each, filled at a steady rate.

Each process counts for itself: two instances let twice as much through.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from provenance.service.http import problem


class RateLimit:
    """
    The buckets of all keys; for the event loop's thread.
    """

    def __init__(self, per_minute: int, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        """
        Begin with full buckets.

        Args:
            per_minute: Tokens that come in a minute; 0 for no limit.

            burst: Tokens that a full bucket holds.

            clock: Seconds that pass.
        """
        self._per_s = per_minute / 60
        self._burst = float(burst)
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def consume(self, key_id: str) -> None:
        """
        Consume a token.

        Raises:
            ProblemError: 429 if there is none, with the time until there is one.
        """
        if not self._per_s:
            return
        tokens, now = self._fill(key_id)
        if tokens < 1:
            raise problem.too_often(max(1, math.ceil((1 - tokens) / self._per_s)))
        self._buckets[key_id] = (tokens - 1, now)

    def consume_with_debt(self, key_id: str) -> None:
        """
        Consume a token even if there is none: what is being read already is not refused, but made up for.
        """
        if self._per_s:
            tokens, now = self._fill(key_id)
            self._buckets[key_id] = (tokens - 1, now)

    def _fill(self, key_id: str) -> tuple[float, float]:
        now = self._clock()
        tokens, since = self._buckets.get(key_id, (self._burst, now))
        return min(self._burst, tokens + (now - since) * self._per_s), now
