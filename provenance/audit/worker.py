"""
What a worker of an audit does: files in, records without names out.

Bytes of images are read only here. A worker answers as many of the files it is given as it can in a short
time, so that a deadline on its answer is one on each file, and a crash can be blamed on few.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import NamedTuple, cast

from provenance.asset.asset import Asset
from provenance.asset.limits import Limits
from provenance.audit.record import Unnamed
from provenance.audit.thumbnail import make_thumbnail, maker
from provenance.errors import (
    AssetError,
    AssetTooLargeError,
    EngineError,
    InstallationChangedError,
    MalformedAssetError,
    ProvenanceError,
    UnreadableAssetError,
    UnsupportedAssetError,
)
from provenance.manifest.status import ValidationState
from provenance.policy.policy import Policy
from provenance.trust.profile import TrustProfile
from provenance.verification.self_test import require_passed
from provenance.verification.verdict import VerificationResult
from provenance.verification.verifier import Verifier

MAX_REPORT_BYTES = 4 * 1024 * 1024
"""
Longest report that is kept; a longer one is an error.
"""

MAX_ANSWER_BYTES = 2 * 1024 * 1024
"""
How much a worker answers at once, save for its last file.
"""

_SLICE_S = 0.05
_SECOND_NS = 1_000_000_000
_DAY_NS = 24 * 60 * 60 * _SECOND_NS
_TICK_NS = 50_000_000
_COARSE_TICK_NS = 2_500_000_000
_HEAD_BYTES = 4096
_STDERR = 2
_OPEN_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


class Settings(NamedTuple):
    """
    What all files of an audit are judged by; picklable if the policy is.

    Attributes:
        policy: Policy they are held against.

        trust: Whom to believe.

        limits: Bounds on what is read.

        at: Aware time that counts where no trusted time-stamp does; None for the time of judging.

        hash_all: Whether reports of images without credentials have their SHA-256 too.

        remember_hashes: Whether to answer with the SHA-256 even where the report has none.

        thumbnails: Whether to make them.
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
        SHA-256 over everything that decides what a record says, but the file and the day.
        """
        made_by = maker() if self.thumbnails else None
        decides = [self.verifier().digest, self.hash_all, made_by, MAX_REPORT_BYTES]
        return hashlib.sha256(json.dumps(decides).encode()).digest()

    def verifier(self) -> Verifier:
        """
        Make what judges; the self-test is left to whoever uses it.
        """
        return Verifier(policy=self.policy, trust=self.trust, limits=self.limits, at=self.at, self_test=False)


class Stamp(NamedTuple):
    """
    How a file is known again without reading it.

    Attributes:
        size: Bytes.

        mtime_ns: Time of modification, in nanoseconds.

        ctime_ns: Time of its last change of any kind.
    """

    size: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        """
        Take what is needed of what the system says.
        """
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns)


class Task(NamedTuple):
    """
    A file to judge.

    Attributes:
        path: Its absolute path.

        stamp: What the walk saw of it.

        follow: Whether it may be a symbolic link.

        known: SHA-256 of bytes that have a record already, or None.
    """

    path: bytes
    stamp: Stamp
    follow: bool = False
    known: str | None = None


class Order(NamedTuple):
    """
    What a worker is asked for.

    Attributes:
        tasks: Files; may be empty, to see whether a worker starts at all.

        thumbnails: Whether to make them.
    """

    tasks: tuple[Task, ...]
    thumbnails: bool = False


class Answer(NamedTuple):
    """
    What came of one file.

    Attributes:
        record: Its record; None if the bytes are those that were known.

        stamp: Of what was judged, if the file can be known again by that; None if it has to be judged again.

        sha256: SHA-256 of what was judged, if it was computed.

        day: Day, in days since 1970 UTC, on which alone the verdict holds; None for any.
    """

    record: Unnamed | None
    stamp: Stamp | None = None
    sha256: str | None = None
    day: int | None = None


def judging(settings: Settings) -> Callable[[], Callable[[Order, int | None], tuple[Answer, ...]]]:
    """
    Give what makes a worker's work, for `WorkerPool`; picklable.

    Making it raises EngineError where the self-test fails. What it makes answers a prefix of the order, of at
    least one file.
    """
    return partial(_work, settings, settings.digest)


def refused(error: ProvenanceError) -> Answer:
    """
    Answer for a file with what stood in the way; it has to be tried again next time.
    """
    return Answer(Unnamed.of(error))


def _work(settings: Settings, digest: bytes) -> _Judging:
    if settings.digest != digest:
        raise InstallationChangedError
    # Decoders print what they think of an image, and that may be hostile text on somebody's terminal.
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, _STDERR)
    os.close(null)
    return _Judging(settings)


class _Judging:
    """
    The work of one worker.
    """

    def __init__(self, settings: Settings) -> None:
        require_passed(os.getpid())
        self._settings = settings
        self._limits = settings.limits
        self._hash_first = settings.hash_all or settings.remember_hashes
        self._verifier = settings.verifier()

    def __call__(self, order: Order, _descriptor: int | None) -> tuple[Answer, ...]:
        answers: list[Answer] = []
        end, room = time.monotonic() + _SLICE_S, MAX_ANSWER_BYTES
        for task in order.tasks:
            answer = self._judge(task, thumbnails=order.thumbnails)
            answers.append(answer)
            if answer.record is not None:
                room -= len(answer.record.rest)
            if room < 0 or time.monotonic() > end:
                break
        return tuple(answers)

    def _judge(self, task: Task, *, thumbnails: bool) -> Answer:
        now = time.time_ns()
        try:
            with Asset.from_path(os.fsdecode(task.path), self._limits) as asset:
                return self._answer(asset, task, now, thumbnails=thumbnails)
        except (UnsupportedAssetError, AssetTooLargeError) as error:
            return self._look_again(task, error, now)
        except (UnreadableAssetError, EngineError) as error:
            return refused(error)

    def _answer(self, asset: Asset, task: Task, now: int, *, thumbnails: bool) -> Answer:
        stamp = Stamp.of(cast("os.stat_result", asset.status))
        if stamp != task.stamp and not task.follow and _is_link(task.path):
            raise UnreadableAssetError("it was replaced by a symbolic link")
        sha256 = asset.sha256() if self._hash_first else None
        if sha256 is not None and sha256 == task.known:
            return Answer(None)
        outcome, picture = self._outcome(asset, thumbnails=thumbnails)
        signed = isinstance(outcome, VerificationResult) and outcome.state is not ValidationState.ABSENT
        if signed and sha256 is None:
            sha256 = asset.sha256()
        asset.check_unchanged()
        shown = sha256 if signed or self._settings.hash_all else None
        record = _bounded(Unnamed.of(outcome, sha256=shown, thumbnail=picture))
        for_a_day = isinstance(outcome, VerificationResult) and outcome.depends_on_day
        day = now // _DAY_NS if for_a_day else None
        return Answer(record, _lasting(stamp, now), sha256, day)

    def _outcome(
        self, asset: Asset, *, thumbnails: bool
    ) -> tuple[VerificationResult | AssetError, bytes | None]:
        try:
            result = self._verifier.verify(asset)
        except (MalformedAssetError, AssetTooLargeError) as error:  # true of these bytes, as a verdict is
            return error, None
        return result, make_thumbnail(asset.stream(), asset.media_type) if thumbnails else None

    def _look_again(self, task: Task, error: AssetError, now: int) -> Answer:
        """
        Tell images that are too large from large files that are none, and of which file that is true.
        """
        flags = _OPEN_FLAGS if task.follow else _OPEN_FLAGS | os.O_NOFOLLOW
        try:
            descriptor = os.open(task.path, flags)
            try:
                status, head = os.fstat(descriptor), os.pread(descriptor, _HEAD_BYTES, 0)
            finally:
                os.close(descriptor)
        except OSError as unreadable:
            return refused(UnreadableAssetError(unreadable.strerror or type(unreadable).__name__))
        limit = self._limits.max_bytes
        try:
            Asset.from_bytes(head, Limits())
        except UnsupportedAssetError as unsupported:
            error = unsupported
        else:
            if status.st_size <= limit:  # another file than a moment ago
                return refused(error)
            error = AssetTooLargeError("bytes", status.st_size, limit)
        return Answer(Unnamed.of(error), _lasting(Stamp.of(status), now))


def _is_link(path: bytes) -> bool:
    try:
        return stat.S_ISLNK(os.lstat(path).st_mode)
    except OSError:
        return False


def _bounded(record: Unnamed) -> Unnamed:
    size = len(record.rest)
    if size <= MAX_REPORT_BYTES:
        return record
    return Unnamed.of(AssetTooLargeError("report bytes", size, MAX_REPORT_BYTES))


def _lasting(stamp: Stamp, now: int) -> Stamp | None:
    """
    Give a stamp that no later change of the file can have, if there is any.

    A file that is written twice within one tick of the clock has the same times.
    """
    tick = _COARSE_TICK_NS if stamp.ctime_ns % _SECOND_NS == 0 else _TICK_NS
    return stamp if stamp.ctime_ns < now - tick else None
