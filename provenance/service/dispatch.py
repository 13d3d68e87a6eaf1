"""
From the bytes of an image to its report: out of the store if it was judged before, else by a worker.

How much is taken on at a time is bounded, and decided before a byte of an image is read: whoever comes when
all admission slots are in use is refused at once. One thread does everything for one image, waiting included.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import NamedTuple, cast

from provenance.asset.limits import Limits
from provenance.errors import DeadlineExceededError, EngineError
from provenance.policy.policy import Policy
from provenance.service.config.settings import Settings
from provenance.service.http import problem
from provenance.service.observability.metrics import Metrics
from provenance.service.observability.tracing import RequestTrace
from provenance.service.store.report_cache import ReportCache
from provenance.service.store.stored_report import ReportKey, ReportRecord
from provenance.service.upload.image_upload import ImageUpload
from provenance.service.worker import JudgeTask, make_verifiers, make_work
from provenance.trust.profile import TrustProfile
from provenance.workers import WorkerPool

logger = logging.getLogger(__name__)

_PING_S = 10.0


class JudgedImage(NamedTuple):
    """
    The report on one image, and where it is.

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


class ImageDispatcher:
    """
    Passes images on to workers, as many as are free.

    Attributes:
        slots: How many requests with images are admitted at a time.
    """

    def __init__(
        self,
        settings: Settings,
        policies: tuple[Policy, ...],
        trust: TrustProfile,
        reports: ReportCache,
        metrics: Metrics,
    ) -> None:
        """
        Set what judges; nothing is started yet.

        Args:
            settings: How many workers, how many admission slots, and what a worker may take.

            policies: What may be asked for.

            trust: Whom to believe.

            reports: Where they are kept.

            metrics: What counts.
        """
        self.slots = settings.admission_slots
        self._admitted = 0
        self._deadline_s = settings.deadline_s
        limits = Limits(max_bytes=settings.max_bytes)
        verifiers = make_verifiers(policies, trust, limits)
        self._judged_by = {name: verifier.digest for name, verifier in verifiers.items()}
        self._trust_digest = trust.digest
        self._reports = reports
        self._metrics = metrics
        self._pool: WorkerPool[JudgeTask | None, ReportRecord | None] = WorkerPool(
            functools.partial(make_work, policies, trust, limits, self._judged_by),
            workers=settings.worker_count,
            deadline_s=settings.deadline_s,
            max_memory_bytes=settings.max_memory,
        )
        self._free = threading.Semaphore(settings.worker_count)
        self._threads = ThreadPoolExecutor(self.slots, "judging")

    @property
    def admitted(self) -> int:
        """
        How many admission slots are in use.
        """
        return self._admitted

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
    def admit(self) -> Iterator[None]:
        """
        Admit a request for the length of a block; for the event loop's thread.

        Raises:
            ProblemError: 503 if all slots are in use.
        """
        if self._admitted >= self.slots:
            raise problem.too_busy()
        self._admitted += 1
        try:
            yield
        finally:
            self._admitted -= 1

    async def judge(self, upload: ImageUpload, policy: Policy, trace: RequestTrace) -> JudgedImage:
        """
        Judge an image, unless that was done before.

        Args:
            upload: The image; closed afterwards, whatever happens.

            policy: What to hold it against.

            trace: The request's.

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

    def _judge(
        self, upload: ImageUpload, policy: Policy, trace: RequestTrace, deadline: float
    ) -> JudgedImage:
        with upload:
            judged_at = datetime.now(UTC)
            judged_by = self._judged_by[policy.name]
            key = ReportKey(upload.finish(), policy.digest, self._trust_digest, judged_by)
            with trace.span("find"):
                known = self._reports.find(key)
            if known is not None:
                return JudgedImage(known.report, known.state, known.accepted, reused=True, stored=True)
            record = self._ask(JudgeTask(policy.name, key), upload.descriptor, trace, deadline)
        with trace.span("keep"):
            stored = self._reports.keep(record, judged_at)
        return JudgedImage(record.report, record.state, record.accepted, reused=False, stored=stored)

    def _ask(self, task: JudgeTask, descriptor: int, trace: RequestTrace, deadline: float) -> ReportRecord:
        begin = time.monotonic()
        with trace.span("wait"):
            is_free = self._free.acquire(timeout=max(0.0, deadline - begin))
        ready = time.monotonic()
        self._metrics.waited(ready - begin)
        if not is_free:
            raise DeadlineExceededError(self._deadline_s)
        with contextlib.ExitStack() as stack:
            stack.callback(self._free.release)
            if ready >= deadline:
                raise DeadlineExceededError(self._deadline_s)
            stack.enter_context(trace.span("judge"))
            try:
                record = self._pool.call(task, descriptor, deadline_s=deadline - ready)
            except EngineError as error:
                facts = {"sha256": task.key.sha256, "policy": task.policy, "reason": str(error)}
                logger.warning("an image was not judged", extra={"facts": facts})
                if isinstance(error, DeadlineExceededError):
                    # What was left for judging alone says nothing to whoever waited for both.
                    raise DeadlineExceededError(self._deadline_s) from error
                raise
        self._metrics.judged(time.monotonic() - ready)
        return cast("ReportRecord", record)


def _close_unread(upload: ImageUpload, done: Future[JudgedImage]) -> None:
    if done.cancelled():
        upload.close()
