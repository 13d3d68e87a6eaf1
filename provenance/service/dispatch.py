"""
From the bytes of an image to its report: out of the store if it was judged before, else by a worker.

How much is taken on at a time is bounded, and decided before a byte of an image is read: whoever comes when
all seats are taken is sent away at once. One thread does everything for one image, waiting included.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import NamedTuple, cast

from provenance.asset.asset import Asset
from provenance.asset.limits import Limits
from provenance.errors import DeadlineExceededError, EngineError, InstallationChangedError
from provenance.policy.policy import Policy
from provenance.service.config.settings import Settings
from provenance.service.http import problem
from provenance.service.observability.metrics import Meter
from provenance.service.observability.tracing import Trace
from provenance.service.store.report_cache import Shelf
from provenance.service.store.stored_report import Entry, ReportKey, entry_of
from provenance.service.upload.upload import Upload
from provenance.trust.profile import TrustProfile
from provenance.verification.report import to_dict
from provenance.verification.self_test import require_passed
from provenance.verification.verifier import Verifier
from provenance.workers import Work, WorkerPool

logger = logging.getLogger(__name__)

_PING_S = 10.0


class Task(NamedTuple):
    """
    What a worker is asked.

    Attributes:
        policy: Name of the policy.

        key: What the verdict depends on.
    """

    policy: str
    key: ReportKey


class Outcome(NamedTuple):
    """
    What came of one image.

    Attributes:
        text: The report as JSON, `asset.name` null.

        state: What the credentials prove.

        accepted: Whether the policy accepts that.

        reused: Whether the report was in the store already.

        stored: Whether it is there now.
    """

    text: str
    state: str
    accepted: bool
    reused: bool
    stored: bool


class Judging:
    """
    Judges uploads.

    Attributes:
        seats: How many requests with images are taken on at a time.
    """

    def __init__(
        self,
        settings: Settings,
        policies: tuple[Policy, ...],
        trust: TrustProfile,
        shelf: Shelf,
        meter: Meter,
    ) -> None:
        """
        Set what judges; nothing is started yet.

        Args:
            settings: How many workers, how many seats, and what a worker may take.

            policies: What may be asked for.

            trust: Whom to believe.

            shelf: Where reports are kept.

            meter: What counts.
        """
        self.seats = settings.seats
        self._taken = 0
        self._deadline_s = settings.deadline_s
        limits = Limits(max_bytes=settings.max_bytes)
        verifiers = make_verifiers(policies, trust, limits)
        self._judged_by = {name: verifier.digest for name, verifier in verifiers.items()}
        self._trust_digest = trust.digest
        self._shelf = shelf
        self._meter = meter
        self._pool: WorkerPool[Task | None, Entry | None] = WorkerPool(
            functools.partial(make_judge, policies, trust, limits, self._judged_by),
            workers=settings.worker_count,
            deadline_s=settings.deadline_s,
            max_memory_bytes=settings.max_memory,
        )
        self._free = threading.Semaphore(settings.worker_count)
        self._threads = ThreadPoolExecutor(self.seats, "judging")

    @property
    def taken(self) -> int:
        """
        How many seats are taken.
        """
        return self._taken

    @property
    def restarts(self) -> int:
        """
        How many workers had to be replaced.
        """
        return self._pool.restarts

    def start(self) -> None:
        """
        Start the workers; returns once all of them passed the self-test.

        Raises:
            EngineError: If one did not.
        """
        self._pool.start()

    def close(self) -> None:
        """
        End the workers; what they were judging fails.
        """
        self._pool.close()
        self._threads.shutdown()

    @contextlib.contextmanager
    def seat(self) -> Iterator[None]:
        """
        Take a seat for the length of a block; for the event loop's thread.

        Raises:
            ProblemError: 503 if all are taken.
        """
        if self._taken >= self.seats:
            raise problem.too_busy()
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1

    async def judge(self, upload: Upload, policy: Policy, trace: Trace) -> Outcome:
        """
        Judge an image, unless that was done before.

        Args:
            upload: The image; closed afterwards, whatever happens.

            policy: What to hold it against.

            trace: Follows the request.

        Raises:
            AssetError: If it is no image that can be judged.

            DeadlineExceededError: If waiting and judging together took too long.

            EngineError: If a worker failed.
        """
        deadline = time.monotonic() + self._deadline_s
        done = self._threads.submit(self._judge, upload, policy, trace, deadline)
        # Whoever gives up waiting must not close what a thread may still be reading: another upload would
        # come to lie under the same descriptor.
        done.add_done_callback(functools.partial(_close_unread, upload))
        return await asyncio.wrap_future(done)

    def check(self) -> None:
        """
        Return if a worker answers, or if all are busy judging. One that is missing is started.

        Raises:
            WorkerCrashedError: If it ended.

            DeadlineExceededError: If it does not answer.

            EngineError: If a new one did not pass the self-test.
        """
        if not self._free.acquire(blocking=False):
            return
        try:
            self._pool.call(None, deadline_s=_PING_S)
        finally:
            self._free.release()

    def _judge(self, upload: Upload, policy: Policy, trace: Trace, deadline: float) -> Outcome:
        with upload:
            judged_at = datetime.now(UTC)
            judged_by = self._judged_by[policy.name]
            key = ReportKey(upload.finish(), policy.digest, self._trust_digest, judged_by)
            with trace.span("find"):
                known = self._shelf.find(key)
            if known is not None:
                return Outcome(known.report, known.state, known.accepted, reused=True, stored=True)
            entry = self._ask(Task(policy.name, key), upload.descriptor, trace, deadline)
        with trace.span("keep"):
            stored = self._shelf.keep(entry, judged_at)
        return Outcome(entry.report, entry.state, entry.accepted, reused=False, stored=stored)

    def _ask(self, task: Task, descriptor: int, trace: Trace, deadline: float) -> Entry:
        begin = time.monotonic()
        with trace.span("wait"):
            is_free = self._free.acquire(timeout=max(0.0, deadline - begin))
        ready = time.monotonic()
        self._meter.waited(ready - begin)
        if not is_free:
            raise DeadlineExceededError(self._deadline_s)
        with contextlib.ExitStack() as stack:
            stack.callback(self._free.release)
            if ready >= deadline:
                raise DeadlineExceededError(self._deadline_s)
            stack.enter_context(trace.span("judge"))
            try:
                entry = self._pool.call(task, descriptor, deadline_s=deadline - ready)
            except EngineError as error:
                facts = {"sha256": task.key.sha256, "policy": task.policy, "reason": str(error)}
                logger.warning("an image was not judged", extra={"facts": facts})
                if isinstance(error, DeadlineExceededError):
                    # What was left for judging alone says nothing to whoever waited for both.
                    raise DeadlineExceededError(self._deadline_s) from error
                raise
        self._meter.judged(time.monotonic() - ready)
        return cast("Entry", entry)


def make_verifiers(policies: tuple[Policy, ...], trust: TrustProfile, limits: Limits) -> dict[str, Verifier]:
    """
    Make what judges, by the names of the policies; the self-test is left to whoever uses it.
    """
    return {
        policy.name: Verifier(policy=policy, trust=trust, limits=limits, self_test=False)
        for policy in policies
    }


def make_judge(
    policies: tuple[Policy, ...], trust: TrustProfile, limits: Limits, judged_by: Mapping[str, str]
) -> Work[Task | None, Entry | None]:
    """
    Make what a worker does; called in the worker.

    Args:
        policies: What may be asked for.

        trust: Whom to believe.

        limits: Bounds on what is read.

        judged_by: The verifiers' digests in the process that keeps the verdicts, by the policies' names.

    Returns:
        Judges an open file; asked nothing, it answers nothing.

    Raises:
        EngineError: If the self-test does not pass, or other packages are installed than when the service
            started.
    """
    verifiers = make_verifiers(policies, trust, limits)
    if {name: verifier.digest for name, verifier in verifiers.items()} != judged_by:
        raise InstallationChangedError
    require_passed(os.getpid())

    def judge(task: Task | None, descriptor: int | None) -> Entry | None:
        if task is None or descriptor is None:
            return None
        with Asset.from_descriptor(descriptor, limits) as asset:
            result = verifiers[task.policy].verify(asset)
        report = to_dict(result, sha256=task.key.sha256)
        return entry_of(task.key, report, is_for_a_day=result.depends_on_day)

    return judge


def with_name(text: str, name: str | None) -> str:
    """
    Write what the sender calls an image into the text of its report, where `asset.name` is null.
    """
    # Nothing that is hostile stands before it.
    return text if name is None else text.replace('"name":null', f'"name":{json.dumps(name)}', 1)


def _close_unread(upload: Upload, done: Future[Outcome]) -> None:
    if done.cancelled():
        upload.close()
