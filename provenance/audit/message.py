"""
What travels between the process that audits and the workers that judge: settings, files, and answers.
"""

from __future__ import annotations

import hashlib
import json
import os
from datetime import datetime
from typing import NamedTuple, Self

from provenance.asset.limits import Limits
from provenance.audit.record import UnnamedRecord
from provenance.audit.thumbnail import library
from provenance.errors import ProvenanceError
from provenance.policy.policy import Policy
from provenance.trust.profile import TrustProfile
from provenance.verification.verifier import Verifier

MAX_REPORT_BYTES = 4 * 1024 * 1024
"""
Longest report that is kept; a longer one is an error.
"""

MAX_ANSWER_BYTES = 2 * 1024 * 1024
"""
How much a worker answers at once, save for its last file.
"""


class WorkerSettings(NamedTuple):
    """
    What all files of an audit are judged by; picklable if the policy is.

    Attributes:
        policy: Policy they are held against.

        trust: Whom to believe.

        limits: Bounds on what is read.

        at: Aware time that counts where no trusted time-stamp does; None for the time of judging.

        hash_all: Whether reports of images without credentials have their SHA-256 too.

        remember_hashes: Whether to answer with the SHA-256 even where the report has none.

        thumbnails: Whether to make thumbnails.
    """

    policy: Policy
    trust: TrustProfile
    limits: Limits
    at: datetime | None = None
    hash_all: bool = False
    remember_hashes: bool = False
    thumbnails: bool = False

    @property
    def digest(self) -> bytes:
        """
        SHA-256 over everything that deciding what a record says, but the file and the day.
        """
        library_version = library() if self.thumbnails else None
        deciding = [self.verifier().digest, self.hash_all, library_version, MAX_REPORT_BYTES]
        return hashlib.sha256(json.dumps(deciding).encode()).digest()

    def verifier(self) -> Verifier:
        """
        Return what judges; the self-test is left to whoever uses it.
        """
        return Verifier(policy=self.policy, trust=self.trust, limits=self.limits, at=self.at, self_test=False)


class FileStamp(NamedTuple):
    """
    What a file is recognised by without reading it.

    Attributes:
        size: Bytes.

        mtime_ns: Time of modification, in nanoseconds.

        ctime_ns: Time of its last change of any kind.
    """

    size: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> FileStamp:
        """
        Return the stamp of a file by what the system says of it.
        """
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns)


class JudgeTask(NamedTuple):
    """
    A file to judge.

    Attributes:
        path: Its absolute path.

        stamp: What the walk saw of it.

        follow: Whether it may be a symbolic link.

        known_sha256: SHA-256 of bytes that have a record already, or None.
    """

    path: bytes
    stamp: FileStamp
    follow: bool = False
    known_sha256: str | None = None


class JudgeBatch(NamedTuple):
    """
    Files that a worker is to judge at once.

    Attributes:
        tasks: Files; may be empty, to see whether a worker starts at all.

        thumbnails: Whether to make thumbnails.
    """

    tasks: tuple[JudgeTask, ...]
    thumbnails: bool = False


class JudgeAnswer(NamedTuple):
    """
    What came of one file.

    Attributes:
        record: Its record; None if the bytes are those that were known.

        stamp: Of what was judged, if the file can be recognised by that; None if it has to be judged again.

        sha256: SHA-256 of what was judged, if it was computed.

        day: Day, in days since 1970 UTC, on which alone the verdict holds; None for any.
    """

    record: UnnamedRecord | None
    stamp: FileStamp | None = None
    sha256: str | None = None
    day: int | None = None

    @classmethod
    def of_error(cls, error: ProvenanceError) -> Self:
        """
        JudgeAnswer for a file with what stood in the way; it has to be tried again next time.
        """
        return cls(UnnamedRecord.of(error))
