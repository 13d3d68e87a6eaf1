"""
Threads for what would hold up the event loop, a few for each purpose, so that none waits for another's.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from provenance.service.http import problem

Result = TypeVar("Result")


class BoundedExecutor:
    """
    A few threads, and a bound on what waits for them; for the event loop's thread.
    """

    def __init__(self, purpose: str, threads: int, max_calls: int) -> None:
        """
        Begin without any: each is started when it is needed.

        Args:
            purpose: What they are for, as their name.

            threads: How many.

            max_calls: Most calls at a time, those that wait for a thread included.
        """
        self._executor = ThreadPoolExecutor(threads, purpose)
        self._calls = threading.Semaphore(max_calls)

    async def run(self, work: Callable[[], Result]) -> Result:
        """
        Run something in one of them; what it raises is raised here.

        Raises:
            ProblemError: 503 if too much waits for them already.
        """
        if not self._calls.acquire(blocking=False):
            raise problem.too_busy()
        done = self._executor.submit(work)
        done.add_done_callback(lambda _: self._calls.release())
        return await asyncio.wrap_future(done)

    def close(self) -> None:
        """
        End them, once they did what they were given.
        """
        self._executor.shutdown()
