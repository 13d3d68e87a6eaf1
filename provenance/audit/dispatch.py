"""
Files spread over worker processes, and whom a crash is blamed on.

One thread for each worker asks and waits. A batch whose worker crashes or hangs is asked again file by file:
only a file that does it alone is to blame.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from provenance.audit.worker import MAX_ANSWER_BYTES, Answer, Order, Task, refused
from provenance.errors import DeadlineExceededError, EngineError, WorkerCrashedError
from provenance.workers import WorkerPool

_FIRST_TASKS = 4
_MAX_TASKS = 128


class Dispatcher:
    """
    Hands batches of files to workers; a context manager that ends them at once.

    Attributes:
        batch_size: How many files a worker is just about done with in the time it takes for an answer; a good
            size for the next batch.
    """

    def __init__(self, pool: WorkerPool[Order, tuple[Answer, ...]], *, thumbnails: bool) -> None:
        """
        Take the workers; they are started when they are needed, and ended with this.
        """
        self.batch_size = _FIRST_TASKS
        self._pool = pool
        self._thumbnails = thumbnails
        self._threads = ThreadPoolExecutor(pool.workers, "provenance-audit")
        self._is_started = False
        self._is_ending = False

    def submit(self, tasks: Sequence[Task]) -> Future[list[Answer]]:
        """
        Have files judged.

        Returns:
            Their answers, when they are there: of all files, or of the first ones if the answers are long. It
            raises ProvenanceError if no worker can be started: the self-test fails, for one.
        """
        return self._threads.submit(self._judge, tuple(tasks))

    def close(self) -> None:
        """
        End the workers and threads; what was answered by then stays in the futures.
        """
        self._is_ending = True
        self._pool.close()
        self._threads.shutdown(cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _judge(self, tasks: tuple[Task, ...]) -> list[Answer]:
        if not self._is_started:
            # What keeps workers from starting is no file's fault, so it has to show before there is one.
            self._pool.call(Order(()))
            self._is_started = True
        answers: list[Answer] = []
        room, size = MAX_ANSWER_BYTES, len(tasks)
        while len(answers) < len(tasks) and room > 0 and not self._is_ending:
            asked = tasks[len(answers) : len(answers) + size]
            try:
                got = self._pool.call(Order(asked, self._thumbnails))
            except (WorkerCrashedError, DeadlineExceededError) as error:
                if self._is_ending:
                    break
                if len(asked) > 1:
                    size = 1
                    continue
                got = (self._blamed(asked[0], error),)
            self._adapt(len(asked), len(got))
            answers += got
            room -= sum(len(answer.record.rest) for answer in got if answer.record is not None)
        return answers

    def _blamed(self, task: Task, error: EngineError) -> Answer:
        if not self._thumbnails:
            return refused(error)
        # A picture of it is not worth its verdict.
        try:
            (answer,) = self._pool.call(Order((task,)))
        except (WorkerCrashedError, DeadlineExceededError) as again:
            return refused(again)
        return answer._replace(stamp=None)

    def _adapt(self, asked: int, answered: int) -> None:
        # Several threads may do this at once: whoever comes last is as right as the others.
        if answered < asked:
            self.batch_size = answered
        elif asked >= self.batch_size:
            self.batch_size = min(2 * self.batch_size, _MAX_TASKS)
