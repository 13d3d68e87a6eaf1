"""
Processes that judge for this one: what a crash, a hang or a hog costs, and whom it is blamed on.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from provenance.errors import (
    DeadlineExceededError,
    EngineError,
    PolicyError,
    ProvenanceError,
    UnreadableAssetError,
    WorkerCrashedError,
)
from provenance.workers import WorkerPool, usable_processors

Command = tuple[str, object]

LINUX_ONLY = pytest.mark.skipif(sys.platform != "linux", reason="the memory limit is enforced on Linux only")


def make_servant() -> Callable[[Command, int | None], object]:
    """
    Make what does as it is told, well or badly.
    """
    return _obey


def make_nothing() -> Callable[[Command, int | None], object]:
    """
    Fail as a trust profile that cannot be read makes it fail.
    """
    raise PolicyError("there is no such policy")


def make_early_end() -> Callable[[Command, int | None], object]:
    """
    End before the worker is ready.
    """
    os._exit(7)


def _obey(command: Command, descriptor: int | None) -> object:
    order, value = command
    if order == "kill":
        os.kill(os.getpid(), signal.Signals(int(str(value))))
    if order == "exit":
        os._exit(int(str(value)))
    if order == "sleep":
        time.sleep(float(str(value)))
    if order == "allocate":
        return len(bytearray(int(str(value))))
    if order == "refuse":
        raise UnreadableAssetError(str(value))
    if order == "blunder":
        raise ZeroDivisionError(value)
    if order == "read":
        assert descriptor is not None
        return os.pread(descriptor, int(str(value)), 0)
    return (os.getpid(), value, descriptor is None)


@pytest.fixture
def pool() -> Iterator[WorkerPool[Command, object]]:
    """
    Start two workers, on demand, and end them.
    """
    with WorkerPool(make_servant, workers=2, deadline_s=20) as made:
        yield made


def test_an_answer_comes_from_another_process_that_is_kept(pool: WorkerPool[Command, object]) -> None:
    """
    Starting a process for every image would cost more than judging it.
    """
    first, second = pool.call(("echo", 1)), pool.call(("echo", 2))

    assert isinstance(first, tuple)
    assert isinstance(second, tuple)
    assert first[1:] == (1, True)
    assert second == (first[0], 2, True)
    assert first[0] != os.getpid()
    assert pool.restarts == 0


def test_an_open_file_can_be_passed_on(pool: WorkerPool[Command, object], tmp_path: Path) -> None:
    """
    An upload is never copied into a message, and needs no name.
    """
    path = tmp_path / "upload"
    path.write_bytes(b"abcdef")
    with path.open("rb") as file:
        path.unlink()

        answers = [pool.call(("read", 3), file.fileno()) for _ in range(300)]

        assert answers == [b"abc"] * 300
        assert file.read() == b"abcdef"
    assert pool.call(("echo", 0))[2] is True  # type: ignore[index]


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        (("kill", signal.SIGKILL), -signal.SIGKILL, "SIGKILL"),
        (("kill", signal.SIGSEGV), -signal.SIGSEGV, "SIGSEGV"),
        (("kill", signal.SIGTERM), -signal.SIGTERM, "SIGTERM"),
        (("exit", 9), 9, "exit code 9"),
        (("blunder", 0), 1, "exit code 1"),
    ],
)
def test_a_crash_costs_one_task_and_says_how(
    pool: WorkerPool[Command, object], command: Command, code: int, words: str
) -> None:
    """
    Whatever ends the process, the next task is answered.
    """
    with pytest.raises(WorkerCrashedError, match=words) as caught:
        pool.call(command)

    assert caught.value.exit_code == code
    assert isinstance(caught.value, EngineError)
    assert pool.restarts == 1
    assert pool.call(("echo", "next"))[1] == "next"  # type: ignore[index]


def test_an_interrupt_is_not_for_the_workers(pool: WorkerPool[Command, object]) -> None:
    """
    Ctrl-C reaches the whole group of processes; the parent decides what becomes of its workers.
    """
    assert pool.call(("kill", signal.SIGINT))[1] == signal.SIGINT  # type: ignore[index]


def test_a_task_past_its_deadline_is_ended() -> None:
    """
    A hang in native code cannot be interrupted in any other way.
    """
    with WorkerPool(make_servant, workers=1, deadline_s=0.3) as pool:
        with pytest.raises(DeadlineExceededError, match=r"within 0\.3 s"):
            pool.call(("sleep", 60))

        assert pool.restarts == 1
        assert pool.call(("echo", "next"))[1] == "next"  # type: ignore[index]


@LINUX_ONLY
def test_a_hog_is_refused_memory() -> None:
    """
    What one image asks for must not be taken from the whole machine.
    """
    limit = 64 * 1024 * 1024
    with WorkerPool(make_servant, workers=1, max_memory_bytes=limit) as pool:
        assert pool.call(("allocate", limit // 2)) == limit // 2

        with pytest.raises(WorkerCrashedError):
            pool.call(("allocate", limit * 2))

        assert pool.call(("allocate", limit // 2)) == limit // 2


def test_what_the_work_raises_on_purpose_arrives(pool: WorkerPool[Command, object]) -> None:
    """
    An image that cannot be read is no crash, and costs no worker.
    """
    with pytest.raises(UnreadableAssetError, match="it is a directory"):
        pool.call(("refuse", "it is a directory"))

    assert pool.restarts == 0


def test_a_worker_killed_while_idle_costs_no_task(pool: WorkerPool[Command, object]) -> None:
    """
    No image is to blame for what happened before it was there.
    """
    process = _process_of(pool)
    os.kill(process, signal.SIGKILL)
    _wait_until_gone(process)

    assert pool.call(("echo", "next"))[1] == "next"  # type: ignore[index]
    assert pool.restarts == 1


def test_as_many_calls_run_at_once_as_there_are_workers(pool: WorkerPool[Command, object]) -> None:
    """
    More threads than workers wait for their turn, and each gets its own answer.
    """
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(pool.call, [("echo", number) for number in range(400)]))

    assert [answer[1] for answer in answers] == list(range(400))  # type: ignore[index]
    assert 1 <= len({answer[0] for answer in answers}) <= 2  # type: ignore[index]


def test_all_workers_can_be_started_beforehand(pool: WorkerPool[Command, object]) -> None:
    """
    A service must not be ready before its workers are.
    """
    pool.start()

    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(pool.call, [("sleep", 0.5), ("sleep", 0.5)]))

    assert len({answer[0] for answer in answers}) == 2  # type: ignore[index]


def test_closing_ends_what_is_running(pool: WorkerPool[Command, object]) -> None:
    """
    Whoever interrupts an audit does not wait for the deadline of a hanging image.
    """
    process = _process_of(pool)
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(pool.call, ("sleep", 60))
        time.sleep(0.3)
        pool.close()

        with pytest.raises(WorkerCrashedError):
            running.result(timeout=10)
    _wait_until_gone(process)
    with pytest.raises(ValueError, match="closed"):
        pool.call(("echo", 0))


@pytest.mark.parametrize(
    ("make", "error"), [(make_nothing, PolicyError), (make_early_end, WorkerCrashedError)]
)
def test_a_worker_that_cannot_start_says_why(
    make: Callable[[], Callable[[Command, int | None], object]], error: type[ProvenanceError]
) -> None:
    """
    A policy that vanished is told from a crash.
    """
    with WorkerPool(make, workers=1) as pool, pytest.raises(error):
        pool.start()


def test_a_worker_that_is_given_back_while_the_pool_is_closed_is_ended(
    pool: WorkerPool[Command, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Whoever closes it has looked for idle workers already; its pipes would stay open.
    """
    give_back, given = pool._idle.put, []

    def close_first(worker: Any) -> None:  # noqa: ANN401 - a worker or none
        monkeypatch.undo()
        pool.close()
        given.append(worker)
        give_back(worker)

    monkeypatch.setattr(pool._idle, "put", close_first)

    process = _process_of(pool)

    _wait_until_gone(process)
    assert given[0]._pipe.closed


@pytest.mark.parametrize(
    "bounds", [{"workers": 0}, {"deadline_s": 0}, {"deadline_s": float("nan")}, {"max_memory_bytes": 0}]
)
def test_bounds_that_mean_nothing_are_refused(bounds: dict[str, float]) -> None:
    """
    A pool without workers would wait for ever.
    """
    with pytest.raises(ValueError, match="must be"):
        WorkerPool(make_servant, **{"workers": 1, **bounds})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "error", [WorkerCrashedError(-9), WorkerCrashedError(None), DeadlineExceededError(1)]
)
def test_errors_of_workers_say_what_to_do(error: ProvenanceError) -> None:
    """
    They end up in reports, one line each.
    """
    assert "\n" not in str(error)
    assert error.hint.endswith(".")


@pytest.mark.parametrize(("counted", "expected"), [(7, 7), (None, 1)])
def test_processors_are_counted_where_the_system_does_not_say_which(
    monkeypatch: pytest.MonkeyPatch, counted: int | None, expected: int
) -> None:
    """
    As on macOS.
    """
    monkeypatch.delattr("os.sched_getaffinity", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: counted)

    assert usable_processors() == expected


ORPHAN = """
import os, sys, threading, time
sys.path.insert(0, {root!r})
from tests.workers.test_pool import make_servant
from provenance.workers import WorkerPool, usable_processors
if __name__ == "__main__":
    pool = WorkerPool(make_servant, workers=1, deadline_s=0.5)
    print(pool.call(("echo", 0))[0], flush=True)
    threading.Thread(target=pool.call, args=(("sleep", 600),), daemon=True).start()
    time.sleep(0.2)
    os.kill(os.getpid(), 9)
"""


def test_a_worker_does_not_outlive_a_parent_that_was_killed(tmp_path: Path) -> None:
    """
    It ends when its pipe does; one that hangs is ended by its own alarm.
    """
    script = tmp_path / "orphan.py"
    script.write_text(ORPHAN.format(root=str(Path(__file__).parents[2])), "utf-8")

    ran = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)

    assert ran.returncode == -signal.SIGKILL
    _wait_until_gone(int(ran.stdout), timeout_s=20)


def _process_of(pool: WorkerPool[Command, object]) -> int:
    answer = pool.call(("echo", 0))
    assert isinstance(answer, tuple)
    return int(answer[0])


def _wait_until_gone(process: int, timeout_s: float = 10) -> None:
    never = threading.Event()
    for _ in range(int(timeout_s * 20)):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return
        never.wait(0.05)
    pytest.fail(f"process {process} is still there")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere processes are started without a socket")
def test_a_folder_for_temporary_files_with_a_long_path_is_named_as_a_reason(tmp_path: Path) -> None:
    """
    The path of a socket holds 107 bytes, and Python says only that this one is too long.
    """
    folder = tmp_path / ("x" * 100)
    folder.mkdir()
    environment = {**os.environ, "TMPDIR": str(folder)}
    command = [sys.executable, "-m", "provenance.cli", "audit", str(tmp_path)]
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n")

    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert answer.returncode == 3
    assert "no process that judges can be started" in answer.stderr
    assert "TMPDIR" in answer.stderr
