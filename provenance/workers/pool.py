"""
Processes that judge for this one, so that a crash, a hang or a memory hog costs one task.

Each worker has a pipe of its own: a shared one would be unreadable for all once a worker dies in the
middle of a message. Workers are started by `multiprocessing`, so a program that uses them needs the usual
`if __name__ == "__main__":` around what it does.
"""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import multiprocessing.util
import os
import pickle
import queue
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import recvfds, sendfds
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, cast

from provenance.errors import DeadlineExceededError, ProvenanceError, WorkerCrashedError

Task = TypeVar("Task")
Answer = TypeVar("Answer")

Work = Callable[[Task, int | None], Answer]
"""
What a worker does: a task in, and the descriptor sent with it or None; an answer out.
"""

DEADLINE_S = 30.0
MAX_MEMORY_BYTES = 1024 * 1024 * 1024

_START_S = 60.0
_ORPHAN_S = 5
_PRELOADED = ["__main__", "provenance.verification.verifier", "provenance.verification.report"]

_starting = threading.Lock()


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
        self._live: set[_Worker[Task, Answer]] = set()
        # The worker that was idle for the shortest time is taken first: its caches are warm.
        self._idle: queue.LifoQueue[_Worker[Task, Answer] | None] = queue.LifoQueue()
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

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @contextlib.contextmanager
    def _worker(self) -> Iterator[_Worker[Task, Answer]]:
        kept: _Worker[Task, Answer] | None = None
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

    def _ready(self, idle: _Worker[Task, Answer] | None) -> _Worker[Task, Answer]:
        if idle is not None and (self._closed or not idle.is_alive()):
            # It was killed while it had nothing to do: no task is to blame.
            self._end(idle)
            idle = None
        if self._closed:
            raise ValueError("the pool of workers is closed")
        if idle is not None:
            return idle
        worker = _Worker(self._make, self._max_memory_bytes)
        self._live.add(worker)
        if self._closed:
            worker.stop()  # it was not there yet when the others were ended
        return worker

    def _end_idle(self) -> None:
        idle: list[_Worker[Task, Answer] | None] = []
        with contextlib.suppress(queue.Empty):
            while True:
                idle.append(self._idle.get_nowait())
        for waiting in filter(None, idle):
            self._end(waiting)
        for _ in idle:
            # Whoever waits for a worker has to hear that there is none any more.
            self._idle.put(None)

    def _end(self, worker: _Worker[Task, Answer]) -> None:
        self._restarts += not self._closed
        self._live.discard(worker)
        worker.end()


class _Worker(Generic[Task, Answer]):
    """
    One process and the pipe to it.
    """

    def __init__(self, make: Callable[[], Work[Task, Answer]], max_memory_bytes: int) -> None:
        context = _context()
        self._pipe, theirs = multiprocessing.Pipe()
        # mypy does not see `Process` in the base class that all contexts have.
        self._process: BaseProcess = context.Process(  # type: ignore[attr-defined]
            target=_serve, args=(theirs, make, max_memory_bytes), name="provenance-worker", daemon=True
        )
        with _away_from_the_working_folder():
            self._process.start()
        theirs.close()
        # Made once: what is ready-made in `multiprocessing` makes all of these anew for each call.
        self._wait_for_answer = _waiter(self._pipe.fileno())
        self._wait_for_end = _waiter(self._process.sentinel)
        try:
            ready = self._answer(_START_S)
        except ProvenanceError:
            self.end()
            raise
        if isinstance(ready, ProvenanceError):
            self.end()
            raise ready

    def is_alive(self) -> bool:
        return not self._wait_for_end(0)

    def call(self, task: Task, descriptor: int | None, deadline_s: float) -> Answer | ProvenanceError:
        try:
            self._pipe.send_bytes(pickle.dumps((task, descriptor is not None, deadline_s)))
            if descriptor is not None:
                with _socket_of(self._pipe) as channel:
                    sendfds(channel, [descriptor])
        except OSError:
            raise WorkerCrashedError(self._exit_code()) from None
        return cast("Answer | ProvenanceError", self._answer(deadline_s))

    def stop(self) -> None:
        with contextlib.suppress(ValueError):  # its owner has ended it meanwhile
            self._process.kill()

    def end(self) -> None:
        self._process.kill()
        self._process.join()
        self._process.close()
        self._pipe.close()

    def _answer(self, deadline_s: float) -> object:
        try:
            if not self._wait_for_answer(deadline_s):
                raise DeadlineExceededError(deadline_s)
            return self._pipe.recv()
        except (EOFError, OSError):
            raise WorkerCrashedError(self._exit_code()) from None

    def _exit_code(self) -> int | None:
        self._process.join(_ORPHAN_S)
        return self._process.exitcode


@contextlib.contextmanager
def _socket_of(pipe: Connection) -> Iterator[socket.socket]:
    """
    Return the socket below a pipe, which passes descriptors on; the pipe keeps it.

    Nothing has to be closed afterwards: a pool that is given up may be collected in any order.
    """
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, pipe.fileno())
    try:
        yield channel
    finally:
        channel.detach()


def _waiter(handle: int) -> Callable[[float], bool]:
    """
    Make what waits, for so many seconds, until there is something to read, or the other end is gone.
    """
    if not hasattr(select, "poll"):
        return lambda seconds: bool(wait([handle], seconds))
    poller = select.poll()
    poller.register(handle, select.POLLIN)
    return lambda seconds: bool(poller.poll(seconds * 1000))


def _context() -> BaseContext:
    # A process with threads must not be forked; a server that is forked instead has imported everything
    # already, so that a new worker is ready in milliseconds.
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    return context


@contextlib.contextmanager
def _away_from_the_working_folder() -> Iterator[None]:
    """
    Let no code of the working folder run in what `multiprocessing` starts meanwhile.

    The fork server, the resource tracker and spawned processes are started with -c, which puts the working
    folder first on the import path: a `threading.py` that lies there would run. The option -P prevents it.
    The variable PYTHONSAFEPATH would, too, and reach whatever program another thread starts at that moment.
    The option reaches processes of `multiprocessing` alone, which are sent their parent's path in any case.
    """
    util: Any = multiprocessing.util
    main: Any = sys.modules["__main__"]
    with _starting, contextlib.ExitStack() as restored:
        options = util._args_from_interpreter_flags  # noqa: SLF001 - nothing public adds an option
        restored.callback(setattr, util, "_args_from_interpreter_flags", options)
        util._args_from_interpreter_flags = lambda: [*options(), "-P"]  # noqa: SLF001 - as above
        name = getattr(main, "__file__", None)
        if name is not None and name.startswith("<"):
            # A program from standard input is no file, but a file of the name "<stdin>" would be run for it.
            restored.callback(setattr, main, "__file__", name)
            main.__file__ = None
        yield


def _serve(pipe: Connection, make: Callable[[], Work[Task, Answer]], max_memory_bytes: int) -> None:
    """
    Be a worker: answer tasks until the pipe is closed.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who is interrupted is the parent, who ends us
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        work = make()
    except ProvenanceError as error:
        pipe.send(error)
        return
    _limit_memory(max_memory_bytes)
    pipe.send(None)
    while True:
        try:
            task, with_descriptor, deadline_s = pipe.recv()
        except EOFError:
            return
        # Should the parent be gone by then, nobody else would end a task that hangs.
        signal.alarm(math.ceil(deadline_s) + _ORPHAN_S)
        descriptor = None
        if with_descriptor:
            with _socket_of(pipe) as channel:
                (descriptor,) = recvfds(channel, 1)
        try:
            answer: Answer | ProvenanceError = work(task, descriptor)
        except ProvenanceError as error:
            answer = error
        finally:
            if descriptor is not None:
                os.close(descriptor)
        signal.alarm(0)
        pipe.send(answer)


def _limit_memory(max_memory_bytes: int) -> None:
    """
    Bound what this process may allocate from now on; what counts is private memory that can be written.

    Source:
        Linux, getrlimit(2), RLIMIT_DATA; proc(5), "VmData".
    """
    if sys.platform != "linux":
        return
    import resource  # noqa: PLC0415 - is not there on every system

    with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123 - pathlib is slower to no end
        used = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmData:"))
    limit = used + max_memory_bytes
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
