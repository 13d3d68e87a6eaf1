"""
The way to the database, SQLite in a file or PostgreSQL, and the one place where its errors become ours.

Every statement is a transaction of its own (AUTOCOMMIT), committed when it returns. What has to happen
whole is written as one statement.
"""

from __future__ import annotations

import math
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, cast

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection, Dialect
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from provenance.errors import StoreAddressError, StoreError

MAX_CONNECTIONS = 16

_MAX_REASON = 300
_RETRY_S = 0.05
_SQLITE = "sqlite"
_POSTGRESQL = "postgresql"


class Database:
    """
    A pool of connections to one database; safe to share between threads.
    """

    def __init__(self, url: str, *, timeout_s: float) -> None:
        """
        Parse an address; a file of SQLite is made if it is missing, PostgreSQL is not asked yet.

        Args:
            url: `sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST/DATABASE`.

            timeout_s: Seconds that may pass, each, until a connection is free, until it is made (with
                PostgreSQL no fewer than two), and until a statement is answered.

        Raises:
            StoreAddressError: If there can be no database at that address.

            StoreError: If the file cannot be opened.

            ValueError: If the timeout is no positive number.
        """
        if not (math.isfinite(timeout_s) and timeout_s > 0):
            raise ValueError("timeout_s must be a positive number of seconds")
        parsed = _parse(url)
        self._file = _make_file(parsed) if parsed.drivername == _SQLITE else None
        self._engine = _make_engine(parsed, timeout_s)
        if self._file is not None:
            try:
                self._use_write_ahead_log(timeout_s)
            except StoreError:
                self.close()
                raise

    @property
    def dialect(self) -> str:
        """
        Which database it is: "sqlite" or "postgresql".
        """
        return self._engine.dialect.name

    def insert(self, into: Table) -> sqlite.Insert | postgresql.Insert:
        """
        Begin a statement that inserts, or replaces what is in its way: each database has one of its own.
        """
        return postgresql.insert(into) if self.dialect == _POSTGRESQL else sqlite.insert(into)

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """
        Open a connection for a block; what goes wrong with it is a StoreError.
        """
        try:
            with self._engine.connect() as connection:
                yield connection
        except PoolTimeoutError as error:
            raise StoreError("all connections to the database are busy") from error
        except DBAPIError as error:
            raise StoreError(_reason(error)) from error

    def require_file(self) -> None:
        """
        Check that the file of a SQLite database is still the one that was opened.

        A file that was deleted can be written to as long as it is open, and is gone afterwards.

        Raises:
            StoreError: If another file, or none, is in its place.
        """
        if self._file is not None and _identity(self._file.path) != self._file.identity:
            raise StoreError("its file was deleted, moved or replaced while it was open")

    def close(self) -> None:
        """
        End all connections.
        """
        self._engine.dispose()

    def _use_write_ahead_log(self, timeout_s: float) -> None:
        # Where another process does the same just now, SQLite does not wait but refuses.
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                with self.connect() as connection:
                    connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            except StoreError as error:
                if not _is_busy(error) or time.monotonic() > deadline:
                    raise
                time.sleep(_RETRY_S)
            else:
                return


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # Without the cause, and without the address: there may be a password in it.
        raise StoreAddressError("its address is no database URL") from None
    driver = parsed.drivername
    if driver in {_POSTGRESQL, "postgres", "postgresql+psycopg"}:
        return parsed.set(drivername="postgresql+psycopg")
    if driver not in {_SQLITE, "sqlite+pysqlite"}:
        raise StoreAddressError(f"its address begins with {driver!r}, which is neither SQLite nor PostgreSQL")
    if parsed.database in {None, "", ":memory:"} or parsed.host or parsed.query:
        raise StoreAddressError("its address names no file")
    return parsed.set(drivername=_SQLITE)


class _File(NamedTuple):
    path: Path
    identity: tuple[int, int] | None


def _make_file(url: URL) -> _File:
    """
    Make the file of a SQLite database, for its owner only, if it is missing; never open it.

    To close a file drops all locks that this process has on it, those of SQLite's connections included; the
    next process that ends its own would then take away what they are writing to.

    Source:
        SQLite documentation, "How To Corrupt An SQLite Database File", 2.2.
    """
    path = Path(str(url.database)).absolute()
    try:
        try:
            os.mknod(path, 0o600)
        except PermissionError:
            # Where only root may do that; a file that is new has no locks yet.
            os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        pass
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no file can be called so"
        raise StoreError(f"its file {str(path)!r} cannot be made: {reason}") from error
    return _File(path, _identity(path))


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _make_engine(url: URL, timeout_s: float) -> Engine:
    try:
        engine = create_engine(
            url,
            poolclass=QueuePool,
            pool_size=MAX_CONNECTIONS,
            max_overflow=0,
            # What was written by one connection of SQLite the others have to read again.
            pool_use_lifo=True,
            pool_timeout=timeout_s,
            # A connection that was left by a server that was started anew is noticed before it is used.
            pool_pre_ping=url.drivername != _SQLITE,
            isolation_level="AUTOCOMMIT",
            connect_args=_arguments(url, timeout_s),
            hide_parameters=True,
        )
    except ModuleNotFoundError as error:
        raise StoreAddressError(
            f"{error.name} is not installed: pip install 'azure-image-provenance[postgresql]'"
        ) from error
    if url.drivername == _SQLITE:
        event.listen(engine, "connect", _prepare_sqlite)
    else:
        _wait_no_longer_than(timeout_s, engine)
    return engine


def _arguments(url: URL, timeout_s: float) -> dict[str, Any]:
    if url.drivername == _SQLITE:
        return {"timeout": timeout_s}
    options = url.query.get("options", "")
    given = options if isinstance(options, str) else " ".join(options)
    return {
        "connect_timeout": math.ceil(timeout_s),
        "fallback_application_name": "provenance",
        "options": f"{given} -c statement_timeout={math.ceil(timeout_s * 1000)} -c timezone=UTC".strip(),
    }


def _prepare_sqlite(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    # FULL: what is committed survives a power cut, too, not only the end of this process.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _wait_no_longer_than(timeout_s: float, engine: Engine) -> None:
    from provenance.service.store.postgresql import connect as connect_to  # noqa: PLC0415 - comes with an extra

    def connect(
        _dialect: Dialect, _entry: ConnectionPoolEntry, _args: list[Any], parameters: dict[str, Any]
    ) -> DBAPIConnection:
        return cast("DBAPIConnection", connect_to(timeout_s, **parameters))

    event.listen(engine, "do_connect", connect)


def _reason(error: DBAPIError) -> str:
    lines = str(error.orig).strip().splitlines() or [type(error.orig).__name__]
    return lines[0][:_MAX_REASON]


def _is_busy(error: StoreError) -> bool:
    original = getattr(error.__cause__, "orig", None)
    return isinstance(original, sqlite3.OperationalError) and original.sqlite_errorcode & 0xFF in {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
    }
