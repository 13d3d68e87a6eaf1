"""
Who asks: API keys as the store knows them, remembered for a few seconds.

What was remembered also serves for a while where the store does not answer: a database that is restarted
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
from provenance.service.auth.api_key import ApiKey, parse_key
from provenance.service.bounded_executor import Threads
from provenance.service.observability.metrics import Meter
from provenance.service.store.report_cache import Rest
from provenance.service.store.store import Store

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
Most requests at a time that the store is asked about, for keys that are not remembered.
"""

_MAX_KEYS = 4_096


class _Known(NamedTuple):
    key: ApiKey
    asked_at: float


class KeyRing:
    """
    Finds the API key that a request presents; for the event loop's thread.

    Keys that are remembered and keys that are not are asked about in two queues: where the store hangs,
    whoever makes up keys must not hold up those that have one.
    """

    def __init__(self, store: Store, meter: Meter, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._meter = meter
        self._clock = clock
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._rest = Rest(clock)
        self._known_thread = Threads("known keys", 1, _MAX_KEYS)
        self._new_thread = Threads("new keys", 1, MAX_ASKED)

    def close(self) -> None:
        """
        End.
        """
        self._known_thread.close()
        self._new_thread.close()

    async def find(self, presented: str) -> ApiKey | None:
        """
        Find a key.

        Args:
            presented: What was sent as one; anything.

        Returns:
            The key, or None if there is none such, or it is revoked or expired.

        Raises:
            StoreError: If the store does not answer and the key is not remembered.

            ProblemError: 503 if it is asked about too many keys already.
        """
        if parse_key(presented) is None:
            return None
        digest = hashlib.sha256(presented.encode()).digest()
        known = self._known.get(digest)
        if known is None or self._clock() - known.asked_at >= FRESH_S:
            known = await self._ask(presented, digest, known)
        return known.key if known is not None and known.key.is_usable(datetime.now(UTC)) else None

    async def _ask(self, presented: str, digest: bytes, known: _Known | None) -> _Known | None:
        if known is not None and self._clock() - known.asked_at >= STALE_S:
            known = None
        asked_at = self._clock()
        try:
            threads = self._new_thread if known is None else self._known_thread
            key = await threads.run(functools.partial(self._find, presented))
        except StoreError:
            if known is None:
                raise
            return known
        # What is no key is not remembered: whoever makes up keys would fill the memory with them.
        if key is None:
            self._known.pop(digest, None)
            return None
        self._known[digest] = answer = _Known(key, asked_at)
        if len(self._known) > _MAX_KEYS:
            self._known.popitem(last=False)
        return answer

    def _find(self, presented: str) -> ApiKey | None:
        # Those that waited behind one that failed do not try as well.
        if self._rest.lasts():
            raise StoreError("it did not answer a moment ago")
        try:
            key = self._store.find_key(presented)
        except StoreError:
            self._meter.store_failed("find_key")
            self._rest.begin()
            raise
        self._rest.end()
        return key
