"""
What a worker of an audit does: files come in, records without names go out.

Bytes of images are read only here. A worker answers as many of the files it is given as it can in a short
time, so that a deadline on its answer is one on each file, and it is clear which file a crash is due to.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from functools import partial
from typing import cast

from provenance.asset.asset import Asset
from provenance.asset.limits import Limits
from provenance.audit.message import (
    MAX_ANSWER_BYTES,
    MAX_REPORT_BYTES,
    FileStamp,
    JudgeAnswer,
    JudgeBatch,
    JudgeTask,
    WorkerSettings,
)
from provenance.audit.record import UnnamedRecord
from provenance.audit.thumbnail import make_thumbnail
from provenance.errors import (
    AssetError,
    AssetTooLargeError,
    EngineError,
    InstallationChangedError,
    MalformedAssetError,
    UnreadableAssetError,
    UnsupportedAssetError,
)
from provenance.manifest.status import ValidationState
from provenance.verification.self_test import require_passed
from provenance.verification.verdict import VerificationResult

_SLICE_S = 0.05
_SECOND_NS = 1_000_000_000
_DAY_NS = 24 * 60 * 60 * _SECOND_NS
_TICK_NS = 50_000_000
_COARSE_TICK_NS = 2_500_000_000
_HEAD_BYTES = 4096
_STDERR = 2
_OPEN_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


def worker_factory(
    settings: WorkerSettings,
) -> Callable[[], Callable[[JudgeBatch, int | None], tuple[JudgeAnswer, ...]]]:
    """
    Return what makes a worker's work, for `WorkerPool`; picklable.

    Making it raises EngineError where the self-test fails. What it makes answers the first
    files of a batch, at least one.
    """
    return partial(_start_worker, settings, settings.digest)


def _start_worker(settings: WorkerSettings, digest: bytes) -> _Worker:
    if settings.digest != digest:
        raise InstallationChangedError
    # Decoders print what they think of an image, and that may be hostile text on somebody's terminal.
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, _STDERR)
    os.close(null)
    return _Worker(settings)


class _Worker:
    """
    What judges in one worker process.
    """

    def __init__(self, settings: WorkerSettings) -> None:
        require_passed(os.getpid())
        self._settings = settings
        self._limits = settings.limits
        self._hash_first = settings.hash_all or settings.remember_hashes
        self._verifier = settings.verifier()

    def __call__(self, batch: JudgeBatch, _descriptor: int | None) -> tuple[JudgeAnswer, ...]:
        answers: list[JudgeAnswer] = []
        end, room = time.monotonic() + _SLICE_S, MAX_ANSWER_BYTES
        for task in batch.tasks:
            answer = self._judge(task, thumbnails=batch.thumbnails)
            answers.append(answer)
            if answer.record is not None:
                room -= len(answer.record.rest)
            if room < 0 or time.monotonic() > end:
                break
        return tuple(answers)

    def _judge(self, task: JudgeTask, *, thumbnails: bool) -> JudgeAnswer:
        now = time.time_ns()
        try:
            with Asset.from_path(os.fsdecode(task.path), self._limits) as asset:
                return self._answer(asset, task, now, thumbnails=thumbnails)
        except (UnsupportedAssetError, AssetTooLargeError) as error:
            return self._reread(task, error, now)
        except (UnreadableAssetError, EngineError) as error:
            return JudgeAnswer.of_error(error)

    def _answer(self, asset: Asset, task: JudgeTask, now: int, *, thumbnails: bool) -> JudgeAnswer:
        stamp = FileStamp.of(cast("os.stat_result", asset.status))
        if stamp != task.stamp and not task.follow and _is_link(task.path):
            raise UnreadableAssetError("it was replaced by a symbolic link")
        sha256 = asset.sha256() if self._hash_first else None
        if sha256 is not None and sha256 == task.known_sha256:
            return JudgeAnswer(None)
        outcome, picture = self._verified(asset, thumbnails=thumbnails)
        signed = isinstance(outcome, VerificationResult) and outcome.state is not ValidationState.ABSENT
        if signed and sha256 is None:
            sha256 = asset.sha256()
        asset.check_unchanged()
        reported = sha256 if signed or self._settings.hash_all else None
        record = _bounded(UnnamedRecord.of(outcome, sha256=reported, thumbnail=picture))
        for_a_day = isinstance(outcome, VerificationResult) and outcome.depends_on_day
        day = now // _DAY_NS if for_a_day else None
        return JudgeAnswer(record, _reliable(stamp, now), sha256, day)

    def _verified(
        self, asset: Asset, *, thumbnails: bool
    ) -> tuple[VerificationResult | AssetError, bytes | None]:
        try:
            result = self._verifier.verify(asset)
        except (MalformedAssetError, AssetTooLargeError) as error:  # true of these bytes, as a verdict is
            return error, None
        return result, make_thumbnail(asset.stream(), asset.media_type) if thumbnails else None

    def _reread(self, task: JudgeTask, error: AssetError, now: int) -> JudgeAnswer:
        """
        Distinguish images that are too large from large files that are none, and of which file that is true.
        """
        flags = _OPEN_FLAGS if task.follow else _OPEN_FLAGS | os.O_NOFOLLOW
        try:
            descriptor = os.open(task.path, flags)
            try:
                status, head = os.fstat(descriptor), os.pread(descriptor, _HEAD_BYTES, 0)
            finally:
                os.close(descriptor)
        except OSError as unreadable:
            return JudgeAnswer.of_error(
                UnreadableAssetError(unreadable.strerror or type(unreadable).__name__)
            )
        limit = self._limits.max_bytes
        try:
            Asset.from_bytes(head, Limits())
        except UnsupportedAssetError as unsupported:
            error = unsupported
        else:
            if status.st_size <= limit:  # another file than a moment ago
                return JudgeAnswer.of_error(error)
            error = AssetTooLargeError("bytes", status.st_size, limit)
        return JudgeAnswer(UnnamedRecord.of(error), _reliable(FileStamp.of(status), now))


def _is_link(path: bytes) -> bool:
    try:
        return stat.S_ISLNK(os.lstat(path).st_mode)
    except OSError:
        return False


def _bounded(record: UnnamedRecord) -> UnnamedRecord:
    size = len(record.rest)
    if size <= MAX_REPORT_BYTES:
        return record
    return UnnamedRecord.of(AssetTooLargeError("report bytes", size, MAX_REPORT_BYTES))


def _reliable(stamp: FileStamp, now: int) -> FileStamp | None:
    """
    Return a stamp that no later change of the file can have, if there is any.

    A file that is written twice within one tick of the clock has the same times.
    """
    tick = _COARSE_TICK_NS if stamp.ctime_ns % _SECOND_NS == 0 else _TICK_NS
    return stamp if stamp.ctime_ns < now - tick else None
