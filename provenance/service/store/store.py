"""
The store of the service: one database, with reports and API keys in it.

What a caller got wrong is a ValueError; a StoreError is the database's.
"""

from __future__ import annotations

import os
from typing import Self

from sqlalchemy import Select, bindparam, column, select, table

from provenance.errors import StoreVersionError
from provenance.service.store.database import Database
from provenance.service.store.key_store import KeyStore
from provenance.service.store.migrations import is_newest, open_database
from provenance.service.store.report_store import ReportStore
from provenance.service.store.tables import PROBE, REVISION_TABLE
from provenance.service.store.utc_time import UtcClock, utc_now

TIMEOUT_S = 5.0

# About what the largest usual report takes, so that there is room for one if there is room for this.
_PROBE_BYTES = 64 * 1024
_FIND_REVISION: Select[str] = select(column("version_num")).select_from(table(REVISION_TABLE))


class Store:
    """
    A database that is open; safe to share between threads; a context manager.

    Attributes:
        reports: The reports in it.

        keys: The API keys in it.
    """

    def __init__(self, database: Database, clock: UtcClock) -> None:
        """
        Use a database that is up to date; `open` sees to that.
        """
        self._database = database
        self.reports = ReportStore(database, clock)
        self.keys = KeyStore(database, clock)
        probe = database.insert(PROBE).values(id=1, content=bindparam("content"))
        self._probe = probe.on_conflict_do_update(
            index_elements=["id"], set_={"content": probe.excluded.content}
        )

    @classmethod
    def open(cls, url: str, *, timeout_s: float = TIMEOUT_S, clock: UtcClock = utc_now) -> Self:
        """
        Open a store, and bring its tables up to date; several instances may do so at once.

        Args:
            url: `sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST/DATABASE`. A file that is missing is
                made.

            timeout_s: Seconds that may pass, each, until a connection is free, until it is made (with
                PostgreSQL no fewer than two), and until a statement is answered.

            clock: What tells the time.

        Raises:
            StoreAddressError: If there can be no database at that address.

            StoreVersionError: If a newer version of this program migrated the store.

            StoreError: If the database cannot be reached or migrated.

            ValueError: If the timeout is no positive number.
        """
        return cls(open_database(url, timeout_s=timeout_s), clock)

    def check(self) -> None:
        """
        Check that the store can be used: is reached, up to date, and can be written to just now.

        Writes 64 KiB to the database each time.

        Raises:
            StoreError: If not.

            StoreVersionError: If the tables are not those of this version any more.
        """
        with self._database.connect() as connection:
            found = connection.execute(_FIND_REVISION).scalar()
            if not is_newest(found):
                raise StoreVersionError("its tables are those of an older version")
            connection.execute(self._probe, {"content": os.urandom(_PROBE_BYTES)})
        self._database.require_file()

    def close(self) -> None:
        """
        End all connections; a store that is closed is not to be used any more.
        """
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
