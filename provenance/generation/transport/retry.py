"""
How long to wait, how often to try, and how many requests a minute there may be.

The service's own word on when to come back outranks ours: `retry-after-ms`, then `Retry-After`, then
the text of the error, then back-off with jitter, because the header is sometimes missing.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from provenance.generation.errors import GenerationError

_MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """
    When to give up.

    Attributes:
        max_attempts: Most requests for one answer, the first included.

        deadline_s: Seconds for one call in all, waiting included; None for no bound.

        initial_backoff_s: Back-off before the second attempt; it doubles with each further one.

        max_backoff_s: Longest back-off. If the service asks for a longer wait than `max_retry_after_s`,
            the error is raised at once.

        max_retry_after_s: Longest wait the service may ask for.

        connect_timeout_s: Seconds to connect.

        read_timeout_s: Seconds without a byte. An image of high quality takes 60 to 400.

        download_timeout_s: Seconds for downloading one image in all.
    """

    max_attempts: int = 6
    deadline_s: float | None = None
    initial_backoff_s: float = 1.0
    max_backoff_s: float = 60.0
    max_retry_after_s: float = 120.0
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 600.0
    download_timeout_s: float = 120.0

    def __post_init__(self) -> None:
        if self.max_attempts < 1:
            raise ValueError("max_attempts must be at least 1")
        times = (self.connect_timeout_s, self.read_timeout_s, self.download_timeout_s)
        if min(*times, self.initial_backoff_s, self.max_backoff_s, self.max_retry_after_s) <= 0:
            raise ValueError("every time must be more than 0 seconds")

    def wait_s(self, error: GenerationError, attempts: int, random: Callable[[], float]) -> float | None:
        """
        Return how long to wait before the next attempt; None to give up.

        Args:
            error: Why the last attempt failed.

            attempts: How many there have been.

            random: Draws numbers from 0 to 1.
        """
        if not error.facts.retryable or attempts >= self.max_attempts:
            return None
        asked = error.facts.retry_after_s
        if asked is not None:
            return asked if asked <= self.max_retry_after_s else None
        back_off = min(self.max_backoff_s, self.initial_backoff_s * 2.0 ** (attempts - 1))
        return back_off * (0.5 + 0.5 * random())


class RateLimiter:
    """
    A bucket of tokens, each of which comes back a minute after it was taken.

    So no minute, wherever it begins, sees more requests than allowed; a bucket that is refilled steadily
    lets twice as many through in its first minute, which a quota answers with 429. Safe to share
    between threads, tasks and clients of one deployment.
    """

    def __init__(
        self, requests_per_minute: float = 6, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        if not requests_per_minute > 0:
            raise ValueError("requests_per_minute must be more than 0")
        burst = max(1, int(requests_per_minute))
        self._window_s = _MINUTE_S * burst / requests_per_minute
        self._clock = clock
        self._lock = threading.Lock()
        self._taken: deque[float] = deque(maxlen=burst)
        self._blocked_until = float("-inf")

    def reserve(self) -> float:
        """
        Reserve the next token, and return the seconds until it is there.
        """
        with self._lock:
            now = self._clock()
            start = max(now, self._blocked_until)
            if len(self._taken) == self._taken.maxlen:
                start = max(start, self._taken[0] + self._window_s)
            self._taken.append(start)
            return start - now

    def block(self, seconds: float) -> None:
        """
        Block requests for some seconds: the service has said that it is too much.
        """
        with self._lock:
            self._blocked_until = max(self._blocked_until, self._clock() + seconds)

    def blocked_s(self) -> float:
        """
        Return the seconds for which requests are blocked; 0 if they are not.
        """
        with self._lock:
            return max(0.0, self._blocked_until - self._clock())
