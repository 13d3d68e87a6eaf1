"""
API keys as the store knows them, cached for a few seconds.

What is cached also serves for a while where the store does not answer: a database that is restarted
must not stop moderation. Revoking a key takes effect within `FRESH_S` while the store answers, and within
`STALE_S` where it does not.
"""

from __future__ import annotations

import functools
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from provenance.errors import StoreError
from provenance.service.bounded_executor import BoundedExecutor
from provenance.service.observability.metrics import Metrics
from provenance.service.store.api_key import ApiKey, parse_key
from provenance.service.store.circuit_breaker import CircuitBreaker
from provenance.service.store.key_store import KeyStore

FRESH_S = 5.0
"""
Seconds for which an answer of the store about a key holds.
"""

STALE_S = 900.0
"""
Seconds for which it holds where the store does not answer.
"""

MAX_ASKED = 64
"""
Most requests at a time that the store is asked about, for keys that are not cached.
"""

_MAX_KEYS = 4_096


class _Cached(NamedTuple):
    key: ApiKey
    asked_at: float


class KeyCache:
    """
    Finds the API key that a request presents; for the event loop's thread.

    Keys that are cached and keys that are not are asked about in two queues: where the store hangs,
    whoever makes up keys must not hold up those that have one.
    """

    def __init__(
        self, store: KeyStore, metrics: Metrics, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._clock = clock
        self._cached: OrderedDict[bytes, _Cached] = OrderedDict()
        self._breaker = CircuitBreaker(clock)
        self._refreshing = BoundedExecutor("known keys", 1, _MAX_KEYS)
        self._finding = BoundedExecutor("new keys", 1, MAX_ASKED)

    def close(self) -> None:
        """
        End its threads.
        """
        self._refreshing.close()
        self._finding.close()

    async def find(self, presented: str) -> ApiKey | None:
        """
        Find a key.

        Args:
            presented: What was sent as one; anything.

        Returns:
            The key, or None if there is none such, or it is revoked or expired.

        Raises:
            StoreError: If the store does not answer and the key is not cached.

            ProblemError: 503 if it is asked about too many keys already.
        """
        if parse_key(presented) is None:
            return None
        digest = hashlib.sha256(presented.encode()).digest()
        cached = self._cached.get(digest)
        if cached is None or self._clock() - cached.asked_at >= FRESH_S:
            cached = await self._ask(presented, digest, cached)
        return cached.key if cached is not None and cached.key.is_usable(datetime.now(UTC)) else None

    async def _ask(self, presented: str, digest: bytes, cached: _Cached | None) -> _Cached | None:
        if cached is not None and self._clock() - cached.asked_at >= STALE_S:
            cached = None
        asked_at = self._clock()
        try:
            executor = self._finding if cached is None else self._refreshing
            key = await executor.run(functools.partial(self._find, presented))
        except StoreError:
            if cached is None:
                raise
            return cached
        # What is no key is not cached: whoever makes up keys would fill the memory with them.
        if key is None:
            self._cached.pop(digest, None)
            return None
        self._cached[digest] = found = _Cached(key, asked_at)
        if len(self._cached) > _MAX_KEYS:
            self._cached.popitem(last=False)
        return found

    def _find(self, presented: str) -> ApiKey | None:
        # Those that waited behind one that failed do not try as well.
        if self._breaker.is_open():
            raise StoreError("it did not answer a moment ago")
        try:
            key = self._store.find_key(presented)
        except StoreError:
            self._metrics.store_failed("find_key")
            self._breaker.record_failure()
            raise
        self._breaker.record_success()
        return key
