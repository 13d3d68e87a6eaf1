"""
Reports in the database, by what they depend on.

A verdict follows from the image's bytes and from what it is judged by (`Verifier.digest`), so a report is
kept once for these. One thing is missing there: without a trusted time-stamp, a signer's certificate counts
as of today. Such a report is found again on the day it was made, in UTC, and replaced later.

What a caller got wrong is a ValueError; a StoreError is the database's.
"""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CursorResult,
    bindparam,
    delete,
    or_,
    select,
    tuple_,
)

from provenance.manifest.status import ValidationState
from provenance.service.store.database import Database
from provenance.service.store.stored_report import (
    ReportKey,
    ReportPage,
    ReportRecord,
    StoredReport,
    check_key,
    check_sha256,
    check_text,
)
from provenance.service.store.tables import REPORTS, Time
from provenance.service.store.utc_time import UtcClock, as_utc

MAX_PAGE = 100
MAX_REPORT = 1024 * 1024
"""
Characters of the longest report that is kept; those of images seen so far have up to 13,000.
"""

STATES = tuple(state.value for state in ValidationState)
ORIGINS = ("active", "ingredient", "none")
"""
What `ReportStore.search` takes as `state` and as `origin`.
"""

_PURGED_AT_ONCE = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CURSOR = struct.Struct(">qq")
_NO_CURSOR = "cursor has to be one that an earlier page gave"
_CURSOR_TEXT = re.compile(r"[A-Za-z0-9_-]{22}")
_MICROSECOND = timedelta(microseconds=1)


_STORED = (
    REPORTS.c.id,
    REPORTS.c.sha256,
    REPORTS.c.policy_digest,
    REPORTS.c.trust_digest,
    REPORTS.c.judged_by,
    REPORTS.c.state,
    REPORTS.c.accepted,
    REPORTS.c.created_at,
    REPORTS.c.report,
)
_IS_KEY = (
    (REPORTS.c.sha256 == bindparam("sha256"))
    & (REPORTS.c.policy_digest == bindparam("policy_digest"))
    & (REPORTS.c.trust_digest == bindparam("trust_digest"))
    & (REPORTS.c.judged_by == bindparam("judged_by"))
)
_FIND = select(*_STORED).where(_IS_KEY, or_(REPORTS.c.day.is_(None), REPORTS.c.day == bindparam("today")))
_FIND_DAY = select(REPORTS.c.day).where(_IS_KEY)
_NEWEST_FIRST = (REPORTS.c.created_at.desc(), REPORTS.c.id.desc())


class ReportStore:
    """
    Reports in a database; safe to share between threads. `Store` makes it.
    """

    def __init__(self, database: Database, clock: UtcClock) -> None:
        self._database = database
        self._clock = clock
        # Inline: nobody asks for the number of the new row, and counting rows is meant to work.
        keep = database.insert(REPORTS).inline()
        replaced = {
            name: keep.excluded[name]
            for name in ("state", "accepted", "origin", "policy", "day", "created_at", "report")
        }
        # What holds on one day only gives way to what was judged later.
        self._keep = keep.on_conflict_do_update(
            index_elements=["sha256", "policy_digest", "trust_digest", "judged_by"],
            set_=replaced,
            where=REPORTS.c.day < keep.excluded.day,
        ).execution_options(preserve_rowcount=True)

    def find(self, key: ReportKey) -> StoredReport | None:
        """
        Find the report on an image that was judged before, if the verdict still holds.

        Raises:
            StoreError: If the database does not answer.

            ValueError: If the key is none: no SHA-256 in lower-case hex.
        """
        check_key(key)
        parameters = {**key._asdict(), "today": as_utc(self._clock(), "the clock").date()}
        with self._database.connect() as connection:
            row = connection.execute(_FIND, parameters).one_or_none()
        return None if row is None else _stored(row)

    def keep(self, record: ReportRecord, *, judged_at: datetime | None = None) -> bool:
        """
        Keep a verdict.

        What is kept already stays, unless it held on an earlier day only.

        Args:
            record: The verdict.

            judged_at: When judging began; by default now. Counts where the verdict depends on the day.

        Returns:
            True if this verdict is in the database for good: committed, and with PostgreSQL as durable as
            the server was set to. False if it is not kept: it is longer than `MAX_REPORT`, or that of a
            later day is there.

        Raises:
            StoreError: If the database did not take it, or did not say so in time.

            ValueError: If *judged_at* is not aware.
        """
        if len(record.report) > MAX_REPORT:
            return False
        now = as_utc(self._clock(), "the clock")
        day = None
        if record.is_for_a_day:
            day = (now if judged_at is None else as_utc(judged_at, "judged_at")).date()
        with self._database.connect() as connection:
            result = connection.execute(self._keep, {**_as_row(record), "day": day, "created_at": now})
            if _count(result) or day is None:
                return True
            found: date | None = connection.execute(_FIND_DAY, record.key._asdict()).scalar()
        return found is None or found == day

    def of_image(self, sha256: str) -> tuple[StoredReport, ...]:
        """
        List all reports on an image, the newest first; those that held on an earlier day only, too.

        Raises:
            StoreError: If the database does not answer.

            ValueError: If it is no SHA-256 in lower-case hex.
        """
        statement = select(*_STORED).where(REPORTS.c.sha256 == check_sha256(sha256)).order_by(*_NEWEST_FIRST)
        with self._database.connect() as connection:
            return tuple(map(_stored, connection.execute(statement)))

    def search(
        self,
        *,
        state: str | None = None,
        accepted: bool | None = None,
        origin: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        policy: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> ReportPage:
        """
        Search for reports, a page at a time, the newest first.

        From page to page none comes twice and none is left out, whatever is added meanwhile. One that is
        replaced meanwhile is new.

        Args:
            state: A validation state.

            accepted: Whether the policy accepted the image.

            origin: Where the report finds Azure OpenAI's work: "active", "ingredient" or "none".

            since: Kept at this time or later; aware.

            until: Kept before this time; aware.

            policy: Name of a policy.

            cursor: `next_cursor` of the page before; None for the first.

            limit: Most reports on the page, 1 to 100.

        Raises:
            StoreError: If the database does not answer.

            ValueError: If an argument is not as above; the message names it.
        """
        if not 1 <= limit <= MAX_PAGE:
            raise ValueError(f"limit has to be 1 to {MAX_PAGE}")
        conditions: list[ColumnElement[bool]] = []
        if state is not None:
            conditions.append(REPORTS.c.state == _one_of(state, "state", STATES))
        if accepted is not None:
            conditions.append(REPORTS.c.accepted.is_(accepted))
        if origin is not None:
            conditions.append(REPORTS.c.origin == _one_of(origin, "origin", ORIGINS))
        if since is not None:
            conditions.append(REPORTS.c.created_at >= as_utc(since, "since"))
        if until is not None:
            conditions.append(REPORTS.c.created_at < as_utc(until, "until"))
        if policy is not None:
            conditions.append(REPORTS.c.policy == check_text(policy, "policy"))
        if cursor is not None:
            conditions.append(_older_than(*_read_cursor(cursor)))
        statement = select(*_STORED).where(*conditions).order_by(*_NEWEST_FIRST).limit(limit + 1)
        with self._database.connect() as connection:
            found = tuple(map(_stored, connection.execute(statement)))
        page = found[:limit]
        return ReportPage(page, _write_cursor(page[-1]) if len(found) > limit else None)

    def delete(self, sha256: str) -> int:
        """
        Delete all reports on an image.

        Returns:
            How many there were.

        Raises:
            StoreError: If the database did not do it, or did not say so in time.

            ValueError: If it is no SHA-256 in lower-case hex.
        """
        statement = delete(REPORTS).where(REPORTS.c.sha256 == check_sha256(sha256))
        with self._database.connect() as connection:
            return _count(connection.execute(statement))

    def purge(self, before: datetime) -> int:
        """
        Delete the reports kept before a time, some hundred at once, so that others can write meanwhile.

        Returns:
            How many there were.

        Raises:
            StoreError: If the database failed; some may be deleted.

            ValueError: If the time is not aware.
        """
        old = (
            select(REPORTS.c.id).where(REPORTS.c.created_at < as_utc(before, "before")).limit(_PURGED_AT_ONCE)
        )
        statement = delete(REPORTS).where(REPORTS.c.id.in_(old))
        purged = 0
        while True:
            with self._database.connect() as connection:
                count = _count(connection.execute(statement))
            purged += count
            if count < _PURGED_AT_ONCE:
                return purged


def _as_row(record: ReportRecord) -> dict[str, Any]:
    """
    Write a record as a row, without what depends on the time.
    """
    row = {**record._asdict(), **record.key._asdict()}
    del row["key"], row["is_for_a_day"]
    return row


def _stored(row: Sequence[Any]) -> StoredReport:
    return StoredReport(row[0], ReportKey(*row[1:5]), *row[5:])


def _one_of(text: str, name: str, allowed: Iterable[str]) -> str:
    if text not in allowed:
        raise ValueError(f"{name} has to be one of {', '.join(allowed)}")
    return str(text)


def _older_than(created_at: datetime, number: int) -> ColumnElement[bool]:
    position = tuple_(bindparam("cursor_time", created_at, Time), bindparam("cursor_id", number, BigInteger))
    return tuple_(REPORTS.c.created_at, REPORTS.c.id) < position


def _write_cursor(last: StoredReport) -> str:
    packed = _CURSOR.pack((last.created_at - _EPOCH) // _MICROSECOND, last.id)
    return base64.urlsafe_b64encode(packed).decode("ascii").rstrip("=")


def _read_cursor(text: str) -> tuple[datetime, int]:
    if _CURSOR_TEXT.fullmatch(text) is None:
        raise ValueError(_NO_CURSOR)
    time, number = _CURSOR.unpack(base64.urlsafe_b64decode(f"{text}=="))
    try:
        return _EPOCH + time * _MICROSECOND, number
    except OverflowError:
        raise ValueError(_NO_CURSOR) from None


def _count(result: CursorResult[Any]) -> int:
    return result.rowcount
