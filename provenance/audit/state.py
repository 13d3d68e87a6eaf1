"""
What earlier runs of an audit found, in a SQLite file.

A record is found again by where its file lies, by the file's size and times, and by everything it was judged
by; where any of that differs, there is none. What is stored survives the end of the process, however it ends;
a power cut can lose the last of it, and leaves the rest readable.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Self

from provenance.audit.message import JudgeAnswer
from provenance.audit.record import Category, UnnamedRecord
from provenance.errors import StateError

APPLICATION_ID = 0x41495061
"""
What marks a SQLite file as one of ours.
"""

VERSION = 1
"""
Version of the table.
"""

MAX_PATHS = 500
"""
Most paths to look up at once.
"""

_DAY_S = 24 * 60 * 60
_LARGE_BYTES = 64 * 1024
_CACHE_KIB = 16 * 1024
_MAX_INTEGER = 2**63 - 1
# SQLite keeps at most a quarter of a page of a row beside the others; what is longer costs a page of its own.
_PAGE_BYTES = 16 * 1024
_TABLE = """
CREATE TABLE file (
    path BLOB PRIMARY KEY,
    judged_by BLOB NOT NULL,
    day INTEGER,
    size INTEGER NOT NULL,
    mtime_ns NOT NULL,
    ctime_ns NOT NULL,
    sha256 TEXT,
    category TEXT NOT NULL,
    reasons TEXT NOT NULL,
    rest BLOB NOT NULL,
    thumbnail BLOB,
    checksum INTEGER NOT NULL
) WITHOUT ROWID
"""
_FIND = """
SELECT path, size, mtime_ns, ctime_ns, sha256, category, reasons,
    CASE WHEN length(rest) <= ? THEN rest END, thumbnail, checksum
FROM file WHERE judged_by = ? AND (day IS NULL OR day = ?) AND
"""
_READ = "SELECT sha256, category, reasons, rest, thumbnail, checksum FROM file WHERE path = ?"
_STORE = "INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_CATEGORIES = {str(category): category for category in Category}
_CACHED = 256
_PRIMARY = 0xFF
_WHY = {
    sqlite3.SQLITE_BUSY: "another audit is using it",
    sqlite3.SQLITE_CORRUPT: "it is damaged",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_NOTADB: "it is not the state of an audit",
}


class StoredFile(NamedTuple):
    """
    What an earlier run found for one file.

    Attributes:
        stamp: Size and times by which it is recognised, as `FileStamp` has them.

        sha256: SHA-256 of its bytes, or None if that was not computed.

        record: Its record; None if that is so long that it is read by itself.
    """

    stamp: tuple[int, int, int]
    sha256: str | None
    record: UnnamedRecord | None


class State:
    """
    An open state file; a context manager that closes it.

    One process at a time may have it open, and one thread at a time may use it.
    """

    def __init__(self, path: Path, judged_by: bytes) -> None:
        """
        Open a state file, or create one.

        Args:
            path: Where it lies; its folder has to be there. SQLite writes beside it, under the same name and
                "-wal".

            judged_by: Digest of everything that files are judged by; what was judged by anything else is
                not found.

        Raises:
            StateError: If it cannot be opened, is no state file, is of a newer version, is damaged, or
                another audit is using it. It is unchanged then.
        """
        self._path = path
        self._judged_by = judged_by
        with _state_errors(path):
            if path.exists() and not path.is_file():
                raise StateError(str(path), "it is not a regular file")
            # The thread that runs an audit need not be the one that ends it.
            self._database = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            self._prepare()
        except StateError:
            self._database.close()
            raise

    def find(self, paths: Sequence[bytes]) -> dict[bytes, StoredFile]:
        """
        Return what is stored, and holds today, for some files by their paths.

        Args:
            paths: At most `MAX_PATHS`.

        Returns:
            Stored files by path, and maybe others that lie between them.

        Raises:
            StateError: If the file is damaged or cannot be read.
        """
        if not paths:
            return {}
        with _state_errors(self._path):
            return {row[0]: self._stored_file(row) for row in self._rows(paths)}

    def read(self, path: bytes) -> UnnamedRecord:
        """
        Read the record of one file that `find` returned.

        Raises:
            StateError: If the file is damaged or cannot be read.
        """
        with _state_errors(self._path):
            row = self._database.execute(_READ, (path,)).fetchone()
            return self._record(row)

    def store(self, answers: Iterable[tuple[bytes, JudgeAnswer]]) -> None:
        """
        Store what came of files, by their paths, in place of what was stored for them.

        All are stored or none; an answer without a record or without a stamp never is.

        Raises:
            StateError: If it cannot be written.
        """
        rows = list(_rows_to_store(self._judged_by, answers))
        if not rows:
            return
        with _state_errors(self._path), self._database:  # which ends the transaction, one way or the other
            self._database.execute("BEGIN")
            self._database.executemany(_STORE, rows)

    def close(self) -> None:
        """
        Close the file; what was stored is in it.
        """
        with contextlib.suppress(sqlite3.Error):
            self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _prepare(self) -> None:
        with _state_errors(self._path):
            self._execute("PRAGMA locking_mode = EXCLUSIVE")
            self._execute(f"PRAGMA page_size = {_PAGE_BYTES}")
            is_new = self._execute("SELECT count(*) FROM sqlite_schema") == 0
            owner, version = self._execute("PRAGMA application_id"), self._execute("PRAGMA user_version")
            if owner != (0 if is_new else APPLICATION_ID):
                raise StateError(str(self._path), "it is not the state of an audit")
            if version > VERSION:
                raise StateError(str(self._path), f"it is of version {version}, newer than this program")
            self._execute("PRAGMA journal_mode = WAL")
            # In this mode each change reaches the system at once, and the disk from time to time.
            self._execute("PRAGMA synchronous = NORMAL")
            self._execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            self._execute("BEGIN EXCLUSIVE")
            if is_new:
                self._execute(_TABLE)
                self._execute(f"PRAGMA application_id = {APPLICATION_ID}")
                self._execute(f"PRAGMA user_version = {VERSION}")
            self._execute("COMMIT")

    def _execute(self, statement: str) -> Any:  # noqa: ANN401 - whatever the one value of its first row is
        row = self._database.execute(statement).fetchone()
        return row[0] if row is not None else None

    def _rows(self, paths: Sequence[bytes]) -> list[tuple[Any, ...]]:
        which = _LARGE_BYTES, self._judged_by, _today()
        # Files that lie together are found together: one way down the tree does for all of them.
        most = 2 * len(paths)
        between = f"{_FIND} path BETWEEN ? AND ? LIMIT ?"
        rows = self._database.execute(between, (*which, min(paths), max(paths), most)).fetchall()
        if len(rows) == most:
            each = f"{_FIND} path IN ({', '.join('?' * len(paths))})"
            rows = self._database.execute(each, (*which, *paths)).fetchall()
        return rows

    def _stored_file(self, row: tuple[Any, ...]) -> StoredFile:
        content = row[4:]
        record = self._record(content) if content[3] is not None else None
        return StoredFile((row[1], int(row[2]), int(row[3])), content[0], record)

    def _record(self, content: tuple[Any, ...]) -> UnnamedRecord:
        sha256, category, reasons, rest, thumbnail, checksum = content
        # SQLite notices damage to its own structure only.
        if _checksum(sha256, category, reasons, rest, thumbnail) != checksum:
            raise StateError(str(self._path), _WHY[sqlite3.SQLITE_CORRUPT])
        return UnnamedRecord(_CATEGORIES[category], _split(reasons), rest.decode("ascii"), thumbnail)


@contextlib.contextmanager
def _state_errors(path: Path) -> Iterator[None]:
    """
    Raise what SQLite raises as `StateError`.
    """
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
        raise StateError(str(path), _WHY.get(code, str(error))) from error
    except OSError as error:
        raise StateError(str(path), error.strerror or type(error).__name__) from error
    except ValueError as error:
        raise StateError(str(path), "no file can have this name") from error


def _today() -> int:
    return int(time.time() // _DAY_S)


def _rows_to_store(
    judged_by: bytes, answers: Iterable[tuple[bytes, JudgeAnswer]]
) -> Iterator[tuple[object, ...]]:
    for path, (record, stamp, sha256, day) in answers:
        if record is None or stamp is None:
            continue
        category, reasons, rest = str(record.category), " ".join(record.reasons), record.rest.encode()
        checksum = _checksum(sha256, category, reasons, rest, record.thumbnail)
        times = _storable(stamp.mtime_ns), _storable(stamp.ctime_ns)
        content = sha256, category, reasons, rest, record.thumbnail, checksum
        yield (path, judged_by, day, stamp.size, *times, *content)


def _storable(time_ns: int) -> int | str:
    # A file can be dated to a year that SQLite's integers do not reach.
    return time_ns if abs(time_ns) <= _MAX_INTEGER else str(time_ns)


def _checksum(sha256: str | None, category: str, reasons: str, rest: bytes, thumbnail: bytes | None) -> int:
    checksum = zlib.crc32(rest, _checksum_of_head(sha256, category, reasons))
    return checksum if thumbnail is None else zlib.crc32(thumbnail, checksum)


@lru_cache(maxsize=_CACHED)
def _checksum_of_head(sha256: str | None, category: str, reasons: str) -> int:
    return zlib.crc32(f"{sha256} {category} {reasons} ".encode())


@lru_cache(maxsize=_CACHED)
def _split(reasons: str) -> tuple[str, ...]:
    return tuple(reasons.split())
