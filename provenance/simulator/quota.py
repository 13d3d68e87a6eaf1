"""
How many requests a deployment answers in a window of time.
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Allowance:
    """
    What is left of a quota after one request.

    Attributes:
        limit: Requests per window.

        remaining: Requests left.

        wait_s: Seconds until there is room again; 0 while there is.

        granted: The request may be answered.
    """

    limit: int
    remaining: int
    wait_s: float
    granted: bool

    @property
    def headers(self) -> dict[str, str]:
        """
        The x-ratelimit headers that say so.
        """
        return {
            "x-ratelimit-limit-requests": str(self.limit),
            "x-ratelimit-remaining-requests": str(self.remaining),
            "x-ratelimit-reset-requests": f"{self.wait_s:.3f}s",
        }


class Quota:
    """
    Counts requests per deployment over a sliding window; safe to share between threads.
    """

    def __init__(self) -> None:
        self._times: defaultdict[str, deque[datetime]] = defaultdict(deque)
        self._lock = threading.Lock()

    def spend(self, deployment: str, now: datetime, limit: int, window_s: float) -> Allowance:
        """
        Count a request, unless the window is full already.
        """
        window = timedelta(seconds=window_s)
        with self._lock:
            times = self._times[deployment]
            while times and now - times[0] >= window:
                times.popleft()
            granted = len(times) < limit
            if granted:
                times.append(now)
            remaining = max(0, limit - len(times))
            oldest = times[0] if times else now
        wait = 0.0 if remaining else (oldest + window - now).total_seconds()
        return Allowance(limit, remaining, wait, granted)
