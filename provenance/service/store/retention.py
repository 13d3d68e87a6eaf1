"""
Reports are deleted once they are old enough, if that was asked for.
"""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, timedelta

from provenance.errors import StoreError
from provenance.service.store.report_store import ReportStore

logger = logging.getLogger(__name__)

EVERY_S = 3_600.0
"""
Seconds between two times that old reports are looked for.
"""


class Retention:
    """
    Deletes old reports from a thread of its own; several instances on one database do no harm.
    """

    def __init__(self, store: ReportStore, days: int) -> None:
        """
        Set what is old; nothing is deleted yet.

        Args:
            store: Where the reports are.

            days: How old a report may become; 0 for any age.
        """
        self._store = store
        self._days = days
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="retention", daemon=True)

    def start(self) -> None:
        """
        Delete what is old now, and look again every hour.
        """
        if self._days:
            self._thread.start()

    def close(self) -> None:
        """
        End its thread.
        """
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while True:
            try:
                deleted = self._store.purge(datetime.now(UTC) - timedelta(days=self._days))
                logger.info("old reports deleted", extra={"facts": {"deleted": deleted}})
            except StoreError as error:
                logger.warning("old reports not deleted", extra={"facts": {"reason": str(error)}})
            if self._ended.wait(EVERY_S):
                return
