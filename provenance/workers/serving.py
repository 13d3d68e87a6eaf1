"""
What runs in a worker process: tasks are read from a pipe and answered, one by one.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from multiprocessing.reduction import recvfds
from typing import TypeVar

from provenance.errors import ProvenanceError

Task = TypeVar("Task")
Answer = TypeVar("Answer")

Work = Callable[[Task, int | None], Answer]
"""
What a worker does: a task in, and the descriptor sent with it or None; an answer out.
"""

_ORPHAN_S = 5


def serve(pipe: Connection, make: Callable[[], Work[Task, Answer]], max_memory_bytes: int) -> None:
    """
    Answer tasks until the pipe is closed.

    Sends None once it is ready, or the error that *make* raised; then, for each task, its answer or the error
    that the work raised. A task is sent as itself, whether a descriptor follows, and its deadline in seconds.

    Args:
        pipe: This process's end.

        make: Makes what does the tasks.

        max_memory_bytes: Memory that may be used beyond what this process starts with.
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
            with socket_below(pipe) as channel:
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


@contextlib.contextmanager
def socket_below(pipe: Connection) -> Iterator[socket.socket]:
    """
    Return the socket below a pipe, which passes descriptors on; the pipe keeps it.

    Nothing has to be closed afterwards: a pool that is given up may be collected in any order.
    """
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, pipe.fileno())
    try:
        yield channel
    finally:
        channel.detach()


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
