"""
The store of reports as judging sees it: what it cannot do costs a report in the store, never a verdict.

A store that failed is left alone for a moment: were each request to wait until it times out, all would.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime

from provenance.errors import StoreError
from provenance.service.observability.metrics import Meter
from provenance.service.store.store import Store, StoredReport
from provenance.service.store.stored_report import Entry, ReportKey

logger = logging.getLogger(__name__)

REST_S = 1.0
"""
Seconds for which a store that failed is not asked again.
"""


class Shelf:
    """
    Finds and keeps reports; safe to share between threads.
    """

    def __init__(self, store: Store, meter: Meter, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._meter = meter
        self._finding = Rest(clock)
        self._keeping = Rest(clock)

    def find(self, key: ReportKey) -> StoredReport | None:
        """
        Find a report.

        Returns:
            The report, or None if there is none, or the store cannot be asked.
        """
        if self._finding.lasts():
            return None
        try:
            found = self._store.find(key)
        except StoreError as error:
            self._failed("find", error, self._finding)
            return None
        self._finding.end()
        return found

    def keep(self, entry: Entry, judged_at: datetime) -> bool:
        """
        Keep a verdict that was reached at a time.

        Returns:
            Whether it is kept, durably.
        """
        if self._finding.lasts(ask=False) or self._keeping.lasts():
            return False
        try:
            kept = self._store.keep(entry, judged_at=judged_at)
        except StoreError as error:
            self._failed("keep", error, self._keeping)
            return False
        self._keeping.end()
        return kept

    def _failed(self, operation: str, error: StoreError, rest: Rest) -> None:
        self._meter.store_failed(operation)
        if rest.begin():
            logger.warning(
                "the store failed", extra={"facts": {"operation": operation, "reason": str(error)}}
            )


class Rest:
    """
    A time in which something is not asked; safe to share between threads.

    After it one asks first, and the others do without until they see what comes of it.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until: float | None = None
        self._lock = threading.Lock()

    def lasts(self, *, ask: bool = True) -> bool:
        """
        Tell whether not to ask now.

        Args:
            ask: Whether the caller asks if this says so; then others do not, for another while.
        """
        if self._until is None:
            return False
        with self._lock:
            now = self._clock()
            if self._until is None:
                return False
            if now < self._until or not ask:
                return True
            self._until = now + REST_S
            return False

    def begin(self) -> bool:
        """
        Say that asking failed.

        Returns:
            Whether it had not before.
        """
        with self._lock:
            now = self._clock()
            anew = self._until is None
            self._until = now + REST_S
            return anew

    def end(self) -> None:
        """
        Say that asking did not fail.
        """
        if self._until is not None:
            with self._lock:
                self._until = None
