"""
An audit of many files: listed, looked up, judged in other processes, and recorded in order.

Files are judged in batches, several at a time; how many batches there may be before the first one is done is
bounded, and so is memory, whatever the tree holds and however long one file hangs.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Literal, cast, get_args

from provenance.asset.limits import Limits
from provenance.audit.dispatch import Dispatcher
from provenance.audit.message import (
    MAX_ANSWER_BYTES,
    FileStamp,
    JudgeAnswer,
    JudgeBatch,
    JudgeTask,
    WorkerSettings,
)
from provenance.audit.record import Heading, Record, Summary, UnnamedRecord
from provenance.audit.source.local import FoundFile, list_files
from provenance.audit.state import MAX_PATHS, State, StoredFile
from provenance.audit.worker import worker_factory
from provenance.distribution import version
from provenance.errors import UnsupportedAssetError
from provenance.policy.policy import DEFAULT, Policy, load_policy
from provenance.trust.microsoft import MICROSOFT
from provenance.trust.profile import TrustProfile
from provenance.verification.report import ENGINE
from provenance.workers import DEADLINE_S, MAX_MEMORY_BYTES, WorkerPool, usable_processors

Hashes = Literal["credentials", "all"]
"""
Which reports have the SHA-256 of their file: those of files with credentials, or all.
"""

Reuse = Literal["stat", "sha256"]
"""
How a file is recognised: by size and times, or by its bytes.
"""

NOT_AN_IMAGE = "not an image"

_IMAGE_NAMES = (
    b".avif",
    b".gif",
    b".heic",
    b".heif",
    b".jfif",
    b".jpe",
    b".jpeg",
    b".jpg",
    b".png",
    b".svg",
    b".tif",
    b".tiff",
    b".webp",
)
_UNSUPPORTED = (UnsupportedAssetError.__name__,)
_BATCHES_PER_JOB = 4
_POLL_S = 0.1

_Slot = tuple[FoundFile, UnnamedRecord | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """
    How many files are to be judged; may be run any number of times.

    Attributes:
        policy: Policy they are held against.

        trust: Whom to believe.

        limits: Bounds on what is read of a file.

        at: Aware time that counts where no trusted time-stamp does; None for the time of judging.

        jobs: Processes to judge in, at least 1.

        deadline_s: Seconds that a file may take.

        max_memory_bytes: Memory that a process may use for a file. Enforced on Linux only.

        hashes: Which reports have a SHA-256.

        thumbnails: Whether records have pictures, where Pillow can make them.

        state: File in which records are remembered, or None.

        reuse: How a file is recognised.

        include: Globs of files to judge, as `list_files` takes them; none for all.

        exclude: Globs of files and folders to leave out.

        hidden: Whether to look at names that begin with a dot.
    """

    policy: Policy = field(default_factory=lambda: load_policy(DEFAULT))
    trust: TrustProfile = MICROSOFT
    limits: Limits = field(default_factory=Limits)
    at: datetime | None = None
    jobs: int = field(default_factory=usable_processors)
    deadline_s: float = DEADLINE_S
    max_memory_bytes: int = MAX_MEMORY_BYTES
    hashes: Hashes = "credentials"
    thumbnails: bool = False
    state: Path | None = None
    reuse: Reuse = "stat"
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    hidden: bool = False

    def __post_init__(self) -> None:
        """
        Check that the settings make sense together.

        Raises:
            ValueError: If a bound is out of range, a glob cannot be read, or *at* has no time zone.
        """
        if self.at is not None and self.at.tzinfo is None:
            raise ValueError("'at' needs a time zone")
        if self.hashes not in get_args(Hashes) or self.reuse not in get_args(Reuse):
            raise ValueError(f"there is no way to hash {self.hashes!r} or to reuse by {self.reuse!r}")
        self.workers()
        list_files((), include=self.include, exclude=self.exclude)

    @property
    def heading(self) -> Heading:
        """
        What holds for all records.
        """
        return Heading(
            policy=self.policy.name,
            policy_version=self.policy.version,
            policy_digest=self.policy.digest,
            trust=self.trust.name,
            trust_digest=self.trust.digest,
            trust_versions=str(self.trust),
            engine=ENGINE,
            tool_version=version(),
        )

    @property
    def settings(self) -> WorkerSettings:
        """
        What all files are judged by.
        """
        return WorkerSettings(
            policy=self.policy,
            trust=self.trust,
            limits=self.limits,
            at=self.at,
            hash_all=self.hashes == "all",
            remember_hashes=self.state is not None and self.reuse == "sha256",
            thumbnails=self.thumbnails,
        )

    def workers(self) -> WorkerPool[JudgeBatch, tuple[JudgeAnswer, ...]]:
        """
        Return the pool of processes that judge; none is started yet.
        """
        return WorkerPool(
            worker_factory(self.settings),
            workers=self.jobs,
            deadline_s=self.deadline_s,
            max_memory_bytes=self.max_memory_bytes,
        )

    def run(
        self,
        paths: Iterable[str | os.PathLike[str]],
        summary: Summary,
        *,
        stop: threading.Event | None = None,
        own: Iterable[Path] = (),
    ) -> Generator[Record, None, None]:
        """
        Judge every file below some paths; records come in the order of `list_files`.

        What is no image and has not the name of one has no record: it is counted, unless it was named itself
        or matches a glob to include. When the generator is closed, or an exception ends it, the processes are
        ended at once; what they had answered is remembered.

        Args:
            paths: Files and folders.

            summary: Counts what is skipped and what is reused, and is told whether all was done. Counting
                records is left to the caller, who may mark them before.

            stop: Once set, the run ends with the record that is due; it is looked at ten times a second.

            own: Files to pass over without counting them, such as outputs; the state file always is.

        Raises:
            StateError: If the state file cannot be used.

            EngineError: If the self-test fails.

            ProvenanceError: If a policy or a profile cannot be used.
        """
        passed = {os.path.realpath(os.fsencode(path)) for path in (*own, *self._state_files())}
        found = list_files(
            paths,
            include=self.include,
            exclude=self.exclude,
            hidden=self.hidden,
            skipped=summary.skipped,
            own=passed,
        )
        with ExitStack() as stack:
            state = stack.enter_context(State(self.state, self.settings.digest)) if self.state else None
            run = _Run(self, summary, state, stop or threading.Event())
            stack.callback(run.close)
            yield from run.records(found)

    def _state_files(self) -> list[Path]:
        if self.state is None:
            return []
        return [self.state.with_name(self.state.name + end) for end in ("", "-wal", "-journal")]


@dataclass(slots=True, eq=False)
class _Batch:
    """
    Files in the order of the walk, and where the answers for those that have no record yet will be.
    """

    slots: Sequence[_Slot]
    tasks: Sequence[JudgeTask]
    future: Future[list[JudgeAnswer]] | None = None
    is_stored: bool = False

    @property
    def is_ready(self) -> bool:
        return self.future is None or self.future.done()


class _StoppedError(Exception):
    """
    A stop was requested. Never leaves this module.
    """


class _Run:
    """
    One run: batches in order, several of them in the workers at a time.
    """

    def __init__(self, audit: Audit, summary: Summary, state: State | None, stop: threading.Event) -> None:
        self._audit = audit
        self._summary = summary
        self._state = state
        self._stop = stop
        self._dispatcher = Dispatcher(audit.workers(), thumbnails=audit.thumbnails)
        self._window: deque[_Batch] = deque()

    def records(self, found: Iterator[FoundFile]) -> Iterator[Record]:
        try:
            for batch in self._batches(found):
                self._window.append(self._submitted(batch))
                yield from self._finished(_BATCHES_PER_JOB * self._audit.jobs)
            yield from self._finished(1)
        except _StoppedError:
            return
        self._summary.complete = True

    def close(self) -> None:
        """
        End the workers, and store what they had answered.
        """
        self._dispatcher.close()
        self._store_answers()

    def _batches(self, found: Iterator[FoundFile]) -> Iterator[_Batch]:
        while chunk := list(islice(found, MAX_PATHS if self._state else self._dispatcher.batch_size)):
            paths = [item.path for item in chunk if item.error is None]
            stored = self._state.find(paths) if self._state is not None else {}
            slots: list[_Slot] = []
            tasks: list[JudgeTask] = []
            room = MAX_ANSWER_BYTES
            for item in chunk:
                record = self._stored_record(item, stored.get(item.path))
                if record is None:
                    tasks.append(self._task(item, stored.get(item.path)))
                else:
                    room -= len(record.rest)
                slots.append((item, record))
                if room < 0 or len(tasks) >= self._dispatcher.batch_size:
                    yield _Batch(slots, tasks)
                    slots, tasks, room = [], [], MAX_ANSWER_BYTES
            if slots:
                yield _Batch(slots, tasks)

    def _stored_record(self, found: FoundFile, stored: StoredFile | None) -> UnnamedRecord | None:
        if found.error is not None:
            return UnnamedRecord.of(found.error)
        if stored is None or self._audit.reuse != "stat" or stored.stamp != found.stamp:
            return None
        return stored.record or self._read(found)

    def _task(self, found: FoundFile, stored: StoredFile | None) -> JudgeTask:
        same = stored is not None and self._audit.reuse == "sha256" and stored.stamp[0] == found.size
        return JudgeTask(
            found.path, FileStamp(*found.stamp), found.named, stored.sha256 if stored and same else None
        )

    def _read(self, found: FoundFile) -> UnnamedRecord:
        return cast("State", self._state).read(found.path)

    def _submitted(self, batch: _Batch) -> _Batch:
        if batch.tasks:
            batch.future = self._dispatcher.submit(batch.tasks)
        return batch

    def _finished(self, most: int) -> Iterator[Record]:
        """
        Yield records of those first batches that are ready, and of more until fewer than *most* are left.
        """
        while self._window and (self._window[0].is_ready or len(self._window) >= most):
            batch = self._window[0]
            while not batch.is_ready:
                wait((cast("Future[list[JudgeAnswer]]", batch.future),), _POLL_S)
                self._store_answers()
                self._check_stop()
            self._store_answers()
            self._window.popleft()
            yield from self._records_of(batch)

    def _records_of(self, batch: _Batch) -> Iterator[Record]:
        answers = iter(batch.future.result() if batch.future is not None else ())
        for index, (found, stored) in enumerate(batch.slots):
            self._check_stop()
            record, is_reused = stored, found.error is None
            if record is None:
                answer = next(answers, None)
                if answer is None:  # the answers up to here were long enough
                    rest = batch.slots[index:]
                    tasks = batch.tasks[-sum(record is None for _, record in rest) :]
                    self._window.appendleft(self._submitted(_Batch(rest, tasks)))
                    return
                is_reused = answer.record is None
                record = answer.record or self._read(found)
            if record.reasons == _UNSUPPORTED and self._is_skipped(found):
                self._summary.skipped[NOT_AN_IMAGE] += 1
            else:
                self._summary.reused += is_reused
                yield record.with_name(found.name)

    def _is_skipped(self, found: FoundFile) -> bool:
        asked_for = found.named or self._audit.include
        return not asked_for and not found.path.lower().endswith(_IMAGE_NAMES)

    def _check_stop(self) -> None:
        if self._stop.is_set():
            raise _StoppedError

    def _store_answers(self) -> None:
        """
        Store the answers that came meanwhile.
        """
        if self._state is None:
            return
        for batch in self._window:
            future = batch.future
            if batch.is_stored or future is None or not future.done() or future.cancelled():
                continue
            batch.is_stored = True
            if future.exception() is None:
                paths = [task.path for task in batch.tasks]
                self._state.store(zip(paths, future.result(), strict=False))
