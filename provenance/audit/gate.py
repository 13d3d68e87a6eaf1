"""
Which files fail an audit: those of the categories that were named, less what an earlier audit found already.

The gate changes nothing about a verdict: it only marks records.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

from provenance.audit.record import Category, Record, Summary
from provenance.errors import BaselineError
from provenance.manifest.status import ValidationState
from provenance.text_value import read_list
from provenance.verification.report import SCHEMA

MAX_LINE_BYTES = 64 * 1024 * 1024
"""
Longest line of a baseline.
"""

NONE = "none"
"""
The word for a gate that lets everything pass.
"""

INTEGRITY = "integrity"
"""
The word for those `invalid` files of which a hash or a signature does not hold or cannot be checked.
"""

CHOICES: tuple[str, ...] = (
    Category.ABSENT,
    INTEGRITY,
    Category.INVALID,
    Category.UNTRUSTED,
    Category.REJECTED,
    Category.ERROR,
)
"""
What can fail an audit: everything but what is accepted.
"""

DEFAULT = frozenset({INTEGRITY, Category.ERROR})
"""
What fails an audit by default: what does not hold, and what could not be judged. What only breaks
a rule of C2PA was signed like that.
"""

PASSED = 0
FAILED = 1
NOT_JUDGED = 3


class BaselineRecord(NamedTuple):
    """
    What an earlier audit says of one file.

    Attributes:
        name: The file's name.

        category: What became of it.

        reasons: As a record has them.
    """

    name: str
    category: Category
    reasons: tuple[str, ...]


class Baseline:
    """
    What an earlier audit came to, at eight bytes a file.

    A file is in it if it had the same name, became the same and for the same reasons; one that got worse is
    not. Where a name stands in it twice, either will do.
    """

    def __init__(self, records: Iterable[BaselineRecord]) -> None:
        # With a key that nobody can know beforehand, nobody can make a name that is taken for another one.
        self._key = os.urandom(16)
        self._digests = array("Q", sorted(array("Q", map(self._digest, records))))

    @classmethod
    def load(cls, path: Path, *, max_line_bytes: int = MAX_LINE_BYTES) -> Self:
        """
        Read an earlier output in JSON Lines.

        Raises:
            BaselineError: If it cannot be read, or a line is no report or longer than *max_line_bytes*.
        """
        return cls(_read(path, max_line_bytes))

    def __len__(self) -> int:
        return len(self._digests)

    def __contains__(self, record: Record) -> bool:
        """
        Return whether the earlier audit came to the same for this file.
        """
        digest = self._digest(BaselineRecord(record.name, record.category, record.reasons))
        place = bisect_left(self._digests, digest)
        return place < len(self._digests) and self._digests[place] == digest

    def _digest(self, record: BaselineRecord) -> int:
        text = json.dumps(record).encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=8, key=self._key).digest())


@dataclass(frozen=True, slots=True)
class Gate:
    """
    What fails an audit.

    Attributes:
        fail_on: Categories that do, or `INTEGRITY`; may be empty.

        baseline: What was found before and does not count, or None.
    """

    fail_on: frozenset[str] = DEFAULT
    baseline: Baseline | None = None

    def __post_init__(self) -> None:
        """
        Refuse to fail what is accepted, and words that name nothing.

        Raises:
            ValueError: If so.
        """
        if not self.fail_on <= frozenset(CHOICES):
            raise ValueError("what is accepted, or no category, cannot fail an audit")

    @classmethod
    def parse(cls, text: str) -> Self:
        """
        Read categories (or "integrity") with commas between them, or "none".

        Raises:
            ValueError: If there is another word, no word, or "none" beside others.
        """
        words = set(read_list(text)) or {""}
        unknown = sorted(words - {*CHOICES, NONE})
        if unknown:
            choices = ", ".join((*CHOICES, NONE))
            raise ValueError(f"{unknown[0]!r} is none of {choices}")
        if NONE in words and len(words) > 1:
            raise ValueError(f"{NONE!r} goes with nothing else")
        return cls(frozenset(words - {NONE}))

    def apply(self, record: Record) -> Record:
        """
        Mark a record as failing, or not.
        """
        broken = INTEGRITY in self.fail_on and INTEGRITY in record.reasons
        counted = broken or record.category in self.fail_on
        failing = counted and (self.baseline is None or record not in self.baseline)
        return record if failing == record.failing else record._replace(failing=failing)

    @staticmethod
    def exit_code(summary: Summary) -> int:
        """
        Return the exit code of a program.

        Returns:
            0 if nothing failed, 1 if only verdicts did, 3 if anything failed that could not be judged.
        """
        if summary.failing_errors:
            return NOT_JUDGED
        return FAILED if summary.failing else PASSED


def _read(path: Path, max_line_bytes: int) -> Iterator[BaselineRecord]:
    where = str(path)
    try:
        with path.open("rb") as file:
            for number in itertools.count(1):
                line = file.readline(max_line_bytes + 1)
                if not line:
                    return
                if len(line) > max_line_bytes:
                    raise BaselineError(where, number, f"longer than {max_line_bytes:,} bytes")
                try:
                    yield _baseline_record(_parse(line))
                except ValueError as error:
                    raise BaselineError(where, number, str(error)) from error
    except OSError as error:
        raise BaselineError(where, None, f"it cannot be read: {error.strerror}") from error


def _parse(line: bytes) -> object:
    try:
        return json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError("it is not JSON") from error


def _baseline_record(report: object) -> BaselineRecord:
    match report:
        case {"schema": str(schema)} if schema == SCHEMA:
            pass
        case _:
            raise ValueError(f"it is no report of the form {SCHEMA}")
    match report:
        case {"asset": {"name": str(name)}, "state": None, "accepted": False, "error": {"type": str(kind)}}:
            return BaselineRecord(name, Category.ERROR, (kind,))
        case {
            "asset": {"name": str(name)},
            "state": str(state),
            "accepted": bool(accepted),
            "findings": list(findings),
        }:
            category = Category.of(ValidationState(state), accepted=accepted)
            return BaselineRecord(name, category, tuple(dict.fromkeys(map(_check_of, findings))))
    raise ValueError("the report is not complete, or of a file without a name")


def _check_of(finding: object) -> str:
    match finding:
        case {"check": str(check)}:
            return check
    raise ValueError("a finding names no check")
