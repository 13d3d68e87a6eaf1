"""
API keys in the database: made, found, listed and revoked.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Row, bindparam, func, select, update

from provenance.service.store import api_key
from provenance.service.store.api_key import ApiKey
from provenance.service.store.database import Database
from provenance.service.store.tables import KEYS, Time
from provenance.service.store.utc_time import UtcClock, as_utc

_FIND = select(KEYS).where(KEYS.c.id == bindparam("key_id"))


class KeyStore:
    """
    API keys in a database; safe to share between threads. `Store` makes it.
    """

    def __init__(self, database: Database, clock: UtcClock) -> None:
        self._database = database
        self._clock = clock

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
        now = as_utc(self._clock(), "the clock")
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
        return key if key.is_usable(as_utc(self._clock(), "the clock")) else None

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
            result = connection.execute(
                statement, {"key_id": key_id, "now": as_utc(self._clock(), "the clock")}
            )
            return result.rowcount > 0


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        row.id, row.name, api_key.read_scopes(row.scopes), row.created_at, row.expires_at, row.revoked_at
    )
