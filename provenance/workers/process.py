"""
One worker process as its parent sees it: started, asked, waited for and ended.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.util
import pickle
import select
import sys
import threading
from collections.abc import Callable, Iterator
from multiprocessing.connection import wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import sendfds
from typing import Any, Generic, cast

from provenance.errors import DeadlineExceededError, EngineError, ProvenanceError, WorkerCrashedError
from provenance.workers.serving import Answer, Task, Work, serve, socket_below

_START_S = 60.0
_END_S = 5
_PRELOADED = ["__main__", "provenance.verification.verifier", "provenance.verification.report"]

_starting = threading.Lock()


class WorkerProcess(Generic[Task, Answer]):
    """
    One process and the pipe to it.
    """

    def __init__(self, make: Callable[[], Work[Task, Answer]], max_memory_bytes: int) -> None:
        """
        Start the process, and wait until it is ready.

        Raises:
            WorkerCrashedError: If it ends before that.

            DeadlineExceededError: If it is not ready in time.

            EngineError: If no process can be started.

            ProvenanceError: Whatever *make* raised.
        """
        context = _context()
        self._pipe, theirs = multiprocessing.Pipe()
        # mypy does not see `Process` in the base class that all contexts have.
        self._process: BaseProcess = context.Process(  # type: ignore[attr-defined]
            target=serve, args=(theirs, make, max_memory_bytes), name="provenance-worker", daemon=True
        )
        try:
            with _away_from_the_working_folder():
                self._process.start()
        except OSError as error:
            reason = error.strerror
            if reason is None:  # Python says it: the socket's path, in TMPDIR, has more than 107 bytes
                reason = f"{error}; is TMPDIR a folder with a long path?"
            raise EngineError(f"no process that judges can be started: {reason}") from error
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
        """
        Return whether the process still runs.
        """
        return not self._wait_for_end(0)

    def call(self, task: Task, descriptor: int | None, deadline_s: float) -> Answer | ProvenanceError:
        """
        Send a task, and an open file if there is one, and wait for the answer.

        Returns:
            The answer, or the error that the work raised.

        Raises:
            WorkerCrashedError: If the process ended before it answered.

            DeadlineExceededError: If it took too long; it still runs.
        """
        try:
            self._pipe.send_bytes(pickle.dumps((task, descriptor is not None, deadline_s)))
            if descriptor is not None:
                with socket_below(self._pipe) as channel:
                    sendfds(channel, [descriptor])
        except OSError:
            raise WorkerCrashedError(self._exit_code()) from None
        return cast("Answer | ProvenanceError", self._answer(deadline_s))

    def stop(self) -> None:
        """
        Kill the process, from whatever thread; its owner still has to end it.
        """
        with contextlib.suppress(ValueError):  # its owner has ended it meanwhile
            self._process.kill()

    def end(self) -> None:
        """
        Kill the process, and release all that belongs to it.
        """
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
        self._process.join(_END_S)
        return self._process.exitcode


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
