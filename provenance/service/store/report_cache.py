"""
Stored reports in front of judging: what the store cannot do costs a report in it, never a verdict.

A store that failed is not asked for a moment: were each request to wait until it times out, all would.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime

from provenance.errors import StoreError
from provenance.service.observability.metrics import Metrics
from provenance.service.store.circuit_breaker import CircuitBreaker
from provenance.service.store.report_store import ReportStore
from provenance.service.store.stored_report import ReportKey, ReportRecord, StoredReport

logger = logging.getLogger(__name__)


class ReportCache:
    """
    Finds and keeps reports; safe to share between threads.
    """

    def __init__(
        self, store: ReportStore, metrics: Metrics, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._finding = CircuitBreaker(clock)
        self._keeping = CircuitBreaker(clock)

    def find(self, key: ReportKey) -> StoredReport | None:
        """
        Find a report.

        Returns:
            The report, or None if there is none, or the store cannot be asked.
        """
        if self._finding.is_open():
            return None
        try:
            found = self._store.find(key)
        except StoreError as error:
            self._failed("find", error, self._finding)
            return None
        self._finding.record_success()
        return found

    def keep(self, record: ReportRecord, judged_at: datetime) -> bool:
        """
        Keep a verdict that was reached at a time.

        Returns:
            Whether it is kept, durably.
        """
        if self._finding.is_open(probe=False) or self._keeping.is_open():
            return False
        try:
            kept = self._store.keep(record, judged_at=judged_at)
        except StoreError as error:
            self._failed("keep", error, self._keeping)
            return False
        self._keeping.record_success()
        return kept

    def _failed(self, operation: str, error: StoreError, breaker: CircuitBreaker) -> None:
        self._metrics.store_failed(operation)
        if breaker.record_failure():
            logger.warning(
                "the store failed", extra={"facts": {"operation": operation, "reason": str(error)}}
            )
