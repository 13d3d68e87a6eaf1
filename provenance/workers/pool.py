"""
Processes that judge for this one, so that a crash, a hang or a memory hog costs one task.

Each worker has a pipe of its own: a shared one would be unreadable for all once a worker dies in the
middle of a message. Workers are started by `multiprocessing`, so a program that uses them needs the usual
`if __name__ == "__main__":` around what it does.
"""

from __future__ import annotations

import contextlib
import math
import os
import queue
from collections.abc import Callable, Iterator
from typing import Generic, Self

from provenance.errors import ProvenanceError
from provenance.workers.process import WorkerProcess
from provenance.workers.serving import Answer, Task, Work

DEADLINE_S = 30.0
MAX_MEMORY_BYTES = 1024 * 1024 * 1024


def usable_processors() -> int:
    """
    Count the processors that this process may run on; at least 1.
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class WorkerPool(Generic[Task, Answer]):
    """
    A fixed number of worker processes, started when they are first needed; a context manager.

    Safe to share between threads: each call has a worker of its own while it runs, so as many threads
    as there are workers keep them all busy.
    """

    def __init__(
        self,
        make: Callable[[], Work[Task, Answer]],
        *,
        workers: int,
        deadline_s: float = DEADLINE_S,
        max_memory_bytes: int = MAX_MEMORY_BYTES,
    ) -> None:
        """
        Set what the workers do; none is started yet.

        Args:
            make: Called once in each worker; makes what answers its tasks. Picklable, and so are tasks
                and answers.

            workers: How many, at least 1.

            deadline_s: Seconds that a call may take before its worker is killed.

            max_memory_bytes: Memory that a worker may use beyond what it starts with. Enforced on
                Linux only.

        Raises:
            ValueError: If a bound is out of range.
        """
        if workers < 1:
            raise ValueError("workers must be at least 1")
        if not (math.isfinite(deadline_s) and deadline_s > 0):
            raise ValueError("deadline_s must be a positive number of seconds")
        if max_memory_bytes < 1:
            raise ValueError("max_memory_bytes must be at least 1")
        self.workers = workers
        self.deadline_s = deadline_s
        self._make = make
        self._max_memory_bytes = max_memory_bytes
        self._restarts = 0
        self._closed = False
        self._live: set[WorkerProcess[Task, Answer]] = set()
        # The worker that was idle for the shortest time is taken first: its caches are warm.
        self._idle: queue.LifoQueue[WorkerProcess[Task, Answer] | None] = queue.LifoQueue()
        for _ in range(workers):
            self._idle.put(None)

    @property
    def restarts(self) -> int:
        """
        How many workers had to be replaced so far.
        """
        return self._restarts

    def start(self) -> None:
        """
        Start all workers that are not running, and wait until they are ready.

        Raises:
            WorkerCrashedError: If one ends before it is ready.
        """
        with contextlib.ExitStack() as stack:
            for _ in range(self.workers):
                stack.enter_context(self._worker())

    def call(self, task: Task, descriptor: int | None = None, *, deadline_s: float | None = None) -> Answer:
        """
        Let a worker do a task; waits until one is free.

        Args:
            task: What to do.

            descriptor: Of an open file to pass on with it; stays open here.

            deadline_s: Seconds that this call may take once it has a worker, more than 0; by default the
                pool's.

        Returns:
            The answer.

        Raises:
            WorkerCrashedError: If the worker ended before it answered: a crash in native code, an
                error of ours, or more memory than allowed. Another takes its place.

            DeadlineExceededError: If it took too long. It was killed, and another takes its place.

            ProvenanceError: Whatever the work raised.

            ValueError: If the pool is closed.
        """
        with self._worker() as worker:
            outcome = worker.call(task, descriptor, self.deadline_s if deadline_s is None else deadline_s)
        if isinstance(outcome, ProvenanceError):
            raise outcome
        return outcome

    def close(self) -> None:
        """
        End the workers; calls that are running fail with `WorkerCrashedError`, later ones with ValueError.
        """
        self._closed = True
        for worker in tuple(self._live):
            worker.stop()
        self._end_idle()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def _worker(self) -> Iterator[WorkerProcess[Task, Answer]]:
        kept: WorkerProcess[Task, Answer] | None = None
        idle = self._idle.get()
        try:
            worker = self._ready(idle)
            try:
                yield worker
                kept = worker
            finally:
                # Where a call was left halfway the process is of no more use.
                if kept is None or self._closed:
                    kept = None
                    self._end(worker)
        finally:
            self._idle.put(kept)
            if self._closed:
                self._end_idle()  # it may have been closed just before this worker was given back

    def _ready(self, idle: WorkerProcess[Task, Answer] | None) -> WorkerProcess[Task, Answer]:
        if idle is not None and (self._closed or not idle.is_alive()):
            # It was killed while it had nothing to do: no task is to blame.
            self._end(idle)
            idle = None
        if self._closed:
            raise ValueError("the pool of workers is closed")
        if idle is not None:
            return idle
        worker = WorkerProcess(self._make, self._max_memory_bytes)
        self._live.add(worker)
        if self._closed:
            worker.stop()  # it was not there yet when the others were ended
        return worker

    def _end_idle(self) -> None:
        idle: list[WorkerProcess[Task, Answer] | None] = []
        with contextlib.suppress(queue.Empty):
            while True:
                idle.append(self._idle.get_nowait())
        for waiting in filter(None, idle):
            self._end(waiting)
        for _ in idle:
            # Whoever waits for a worker has to hear that there is none any more.
            self._idle.put(None)

    def _end(self, worker: WorkerProcess[Task, Answer]) -> None:
        self._restarts += not self._closed
        self._live.discard(worker)
        worker.end()
