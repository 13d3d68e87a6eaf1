"""
The store of API keys: where they are made, found and revoked.

Commands that manage keys need no more than this; the service's store is one of these that keeps reports, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self, cast

from sqlalchemy import Row, bindparam, func, select, update

from provenance.service.auth import api_key
from provenance.service.auth.api_key import ApiKey
from provenance.service.store.database import Database
from provenance.service.store.migrations import open_database
from provenance.service.store.tables import KEYS, Time

TIMEOUT_S = 5.0

Clock = Callable[[], datetime]
"""
Gives the present time, aware.
"""

_FIND = select(KEYS).where(KEYS.c.id == bindparam("key_id"))


class KeyStore:
    """
    API keys in a database; safe to share between threads; a context manager.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        """
        Use a database that is up to date; `open` sees to that.
        """
        self._database = database
        self._clock = clock

    @classmethod
    def open(
        cls, url: str, *, timeout_s: float = TIMEOUT_S, clock: Clock = lambda: datetime.now(UTC)
    ) -> Self:
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

    def create_key(
        self, name: str, scopes: Iterable[str], expires_at: datetime | None = None
    ) -> tuple[ApiKey, str]:
        """
        Make an API key.

        Args:
            name: Who or what it is for: 1 to 100 printable characters; need not be unique.

            scopes: What it may be used for, at least one.

            expires_at: From when on it is refused, aware and in the future; None for never.

        Returns:
            The key, and its text, which is kept nowhere and cannot be had again.

        Raises:
            StoreError: If the database did not take it.

            ValueError: If an argument is not as above.
        """
        now = self._now()
        if expires_at is not None:
            expires_at = as_utc(expires_at, "expires_at")
            if expires_at <= now:
                raise ValueError("expires_at has to be in the future")
        text, parts = api_key.make_key()
        key = ApiKey(
            parts.id, api_key.check_name(name), api_key.check_scopes(scopes), now, expires_at, revoked_at=None
        )
        values = {
            "id": key.id,
            "name": key.name,
            "scopes": api_key.write_scopes(key.scopes),
            "secret_sha256": parts.digest,
            "created_at": now,
            "expires_at": expires_at,
        }
        with self._database.connect() as connection:
            connection.execute(KEYS.insert(), values)
        return key, text

    def find_key(self, presented: str) -> ApiKey | None:
        """
        Find the key that somebody presents.

        Args:
            presented: Anything.

        Returns:
            The key; None if there is none like it, or it is revoked or has expired.

        Raises:
            StoreError: If the database does not answer.
        """
        parts = api_key.parse_key(presented)
        if parts is None:
            return None
        with self._database.connect() as connection:
            row = connection.execute(_FIND, {"key_id": parts.id}).one_or_none()
        if not parts.matches(None if row is None else row.secret_sha256):
            return None
        key = _key(cast("Row[Any]", row))
        return key if key.is_usable(self._now()) else None

    def list_keys(self) -> tuple[ApiKey, ...]:
        """
        List all keys, the oldest first; revoked and expired ones, too.

        Raises:
            StoreError: If the database does not answer.
        """
        with self._database.connect() as connection:
            return tuple(map(_key, connection.execute(select(KEYS).order_by(KEYS.c.created_at, KEYS.c.id))))

    def revoke_key(self, key_id: str) -> bool:
        """
        Revoke a key: from now on it is found no more. Revoking it again changes nothing.

        Args:
            key_id: The id of the key, not the key.

        Returns:
            Whether there is a key of that id.

        Raises:
            StoreError: If the database did not do it, or did not say so in time.
        """
        if not api_key.is_key_id(key_id):
            return False
        revoked = func.coalesce(KEYS.c.revoked_at, bindparam("now", type_=Time))
        statement = update(KEYS).where(KEYS.c.id == bindparam("key_id")).values(revoked_at=revoked)
        with self._database.connect() as connection:
            result = connection.execute(statement, {"key_id": key_id, "now": self._now()})
            return result.rowcount > 0

    def close(self) -> None:
        """
        End all connections; a store that is closed is not to be used any more.
        """
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _now(self) -> datetime:
        return self._clock().astimezone(UTC)


def as_utc(time: datetime, name: str) -> datetime:
    """
    Give a time in UTC.

    Raises:
        ValueError: If it names no zone, or lies beyond the years 1 to 9999; the message begins with *name*.
    """
    if time.tzinfo is None:
        raise ValueError(f"{name} has to name a time zone")
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{name} has to lie in the years 1 to 9999") from None


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        row.id, row.name, api_key.read_scopes(row.scopes), row.created_at, row.expires_at, row.revoked_at
    )
