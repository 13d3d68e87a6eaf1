"""
Files spread over worker processes, and which of them a crash is due to.

One thread for each worker sends a batch and waits. A batch whose worker crashes or hangs is sent again file
by file: only a file that does it alone has an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

from provenance.audit.message import MAX_ANSWER_BYTES, JudgeAnswer, JudgeBatch, JudgeTask
from provenance.errors import DeadlineExceededError, EngineError, WorkerCrashedError
from provenance.workers import WorkerPool

_FIRST_TASKS = 4
_MAX_TASKS = 128


class Dispatcher:
    """
    Sends batches of files to workers; a context manager that ends them at once.

    Attributes:
        batch_size: How many files a worker is just about done with in the time it takes for an answer; a good
            size for the next batch.
    """

    def __init__(self, pool: WorkerPool[JudgeBatch, tuple[JudgeAnswer, ...]], *, thumbnails: bool) -> None:
        """
        Set the workers; they are started when they are needed, and ended with this.
        """
        self.batch_size = _FIRST_TASKS
        self._pool = pool
        self._thumbnails = thumbnails
        self._threads = ThreadPoolExecutor(pool.workers, "provenance-audit")
        self._is_started = False
        self._is_closing = False

    def submit(self, tasks: Sequence[JudgeTask]) -> Future[list[JudgeAnswer]]:
        """
        Judge files in workers, without waiting for them.

        Returns:
            A future of their answers: of all files, or of the first ones if the answers are long. It
            raises ProvenanceError if no worker can be started: the self-test fails, for one.
        """
        return self._threads.submit(self._judge, tuple(tasks))

    def close(self) -> None:
        """
        End the workers and threads; what was answered by then stays in the futures.
        """
        self._is_closing = True
        self._pool.close()
        self._threads.shutdown(cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _judge(self, tasks: tuple[JudgeTask, ...]) -> list[JudgeAnswer]:
        if not self._is_started:
            # What keeps workers from starting is no file's fault, so it has to show before there is one.
            self._pool.call(JudgeBatch(()))
            self._is_started = True
        answers: list[JudgeAnswer] = []
        space, size = MAX_ANSWER_BYTES, len(tasks)
        while len(answers) < len(tasks) and space > 0 and not self._is_closing:
            asked = tasks[len(answers) : len(answers) + size]
            try:
                got = self._pool.call(JudgeBatch(asked, self._thumbnails))
            except (WorkerCrashedError, DeadlineExceededError) as error:
                if self._is_closing:
                    break
                if len(asked) > 1:
                    size = 1
                    continue
                got = (self._retried_alone(asked[0], error),)
            self._adapt_batch_size(len(asked), len(got))
            answers += got
            space -= sum(len(answer.record.rest) for answer in got if answer.record is not None)
        return answers

    def _retried_alone(self, task: JudgeTask, error: EngineError) -> JudgeAnswer:
        if not self._thumbnails:
            return JudgeAnswer.of_error(error)
        # A picture of it is not worth its verdict.
        try:
            (answer,) = self._pool.call(JudgeBatch((task,)))
        except (WorkerCrashedError, DeadlineExceededError) as again:
            return JudgeAnswer.of_error(again)
        return answer._replace(stamp=None)

    def _adapt_batch_size(self, asked: int, answered: int) -> None:
        # Several threads may do this at once: whoever comes last is as right as the others.
        if answered < asked:
            self.batch_size = answered
        elif asked >= self.batch_size:
            self.batch_size = min(2 * self.batch_size, _MAX_TASKS)
