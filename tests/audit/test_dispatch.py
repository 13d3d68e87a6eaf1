"""
Files spread over real processes, some of which crash, hang, or cannot even start.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from provenance import PolicyError, WorkerCrashedError
from provenance.audit import dispatch
from provenance.audit.dispatch import Dispatcher
from provenance.audit.message import FileStamp, JudgeAnswer, JudgeBatch, JudgeTask
from provenance.audit.record import Category, UnnamedRecord
from provenance.workers import WorkerPool

STAMP = FileStamp(1, 2, 3)

Work = Callable[[JudgeBatch, int | None], tuple[JudgeAnswer, ...]]


def make_scripted_worker() -> Work:
    """
    Make what answers with a file's path, or does what the path says.
    """
    return _serve


def make_nothing() -> Work:
    """
    Fail as a policy that cannot be read makes it fail.
    """
    raise PolicyError("there is no such policy")


def make_early_end() -> Work:
    """
    End before the worker is ready.
    """
    os._exit(7)


def _serve(batch: JudgeBatch, _descriptor: int | None) -> tuple[JudgeAnswer, ...]:
    answers = []
    for task in batch.tasks:
        word, _, rest = os.fsdecode(task.path).partition(" ")
        if word == "kill" or (word == "draw-kill" and batch.thumbnails):
            os.kill(os.getpid(), signal.SIGKILL)
        if word == "hang":
            Path(rest).touch()
            time.sleep(600)
        if word == "refuse":
            raise PolicyError(rest)
        picture = b"RIFF" if batch.thumbnails else None
        text = "x" * int(rest) if word == "long" else word
        answers.append(JudgeAnswer(UnnamedRecord(Category.ABSENT, (), text, picture), STAMP))
        if word == "last":
            break
    return tuple(answers)


@pytest.fixture
def dispatcher() -> Iterator[Dispatcher]:
    """
    Start two workers, on demand, and end them.
    """
    with Dispatcher(WorkerPool(make_scripted_worker, workers=2, deadline_s=60), thumbnails=False) as made:
        yield made


def tasks(*words: str) -> list[JudgeTask]:
    """
    Ask for files that say what to do.
    """
    return [JudgeTask(os.fsencode(word), STAMP) for word in words]


def outcomes(future: Future[list[JudgeAnswer]]) -> list[str]:
    """
    Return what came of each file: its word, or its error.
    """
    records = [answer.record for answer in future.result(timeout=60)]
    assert all(record is not None for record in records)
    return [(record.reasons or (record.rest,))[0] for record in records if record is not None]


def test_batches_are_answered_in_their_order(dispatcher: Dispatcher) -> None:
    """
    Whichever worker does them.
    """
    batches = [[f"{batch}-{number}" for number in range(batch)] for batch in range(1, 40)]

    futures = [dispatcher.submit(tasks(*words)) for words in batches]

    assert [outcomes(future) for future in futures] == batches


def test_what_a_worker_left_is_asked_for_again(dispatcher: Dispatcher) -> None:
    """
    It answers for a short time only, so that the deadline is one on each file.
    """
    words = ["last", "a", "last", "last", "b", "c"]

    assert outcomes(dispatcher.submit(tasks(*words))) == words


def test_long_answers_come_in_parts(dispatcher: Dispatcher) -> None:
    """
    What is held in memory has a bound that no file can move.
    """
    words = ["a", "long 3000000", "b"]
    lengths = [len(outcome) for outcome in outcomes(dispatcher.submit(tasks("last", "long 3000000", "b")))]

    assert lengths == [4, 3_000_000, 1]
    assert len(outcomes(dispatcher.submit(tasks("long 3000000", "last", *words)))) == 2
    assert outcomes(dispatcher.submit(tasks(*words[:1]))) == ["a"]


# --- crashes and hangs ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["kill"], ["WorkerCrashedError"]),
        (["a", "kill", "b", "c"], ["a", "WorkerCrashedError", "b", "c"]),
        (["kill", "a", "b", "kill"], ["WorkerCrashedError", "a", "b", "WorkerCrashedError"]),
        (["last", "kill", "a"], ["last", "WorkerCrashedError", "a"]),
    ],
)
def test_only_a_file_that_crashes_alone_is_to_blame(
    dispatcher: Dispatcher, words: list[str], expected: list[str]
) -> None:
    """
    Its neighbours in the batch did nothing.
    """
    assert outcomes(dispatcher.submit(tasks(*words))) == expected
    assert outcomes(dispatcher.submit(tasks("next"))) == ["next"]


def test_what_crashes_is_tried_again_next_time(dispatcher: Dispatcher) -> None:
    """
    It says nothing about the file that can be relied on.
    """
    (answer,) = dispatcher.submit(tasks("kill")).result()

    assert answer.stamp is None


def test_a_file_that_hangs_costs_its_deadline_and_nothing_else(tmp_path: Path) -> None:
    """
    The others in its batch are judged, and so is whatever follows.
    """
    pool = WorkerPool(make_scripted_worker, workers=1, deadline_s=1)
    with Dispatcher(pool, thumbnails=False) as dispatcher:
        batch = tasks("a", f"hang {tmp_path / 'reached'}", "b")

        assert outcomes(dispatcher.submit(batch)) == ["a", "DeadlineExceededError", "b"]
        assert outcomes(dispatcher.submit(tasks("next"))) == ["next"]


def test_a_picture_is_given_up_before_a_verdict_is() -> None:
    """
    Decoders are attacked more often than the headers before them.
    """
    pool = WorkerPool(make_scripted_worker, workers=1)
    with Dispatcher(pool, thumbnails=True) as dispatcher:
        answers = dispatcher.submit(tasks("a", "draw-kill", "kill", "b")).result()

    records = [answer.record for answer in answers]
    assert [(record.reasons, record.rest, record.thumbnail) for record in records[:2] if record] == [
        ((), "a", b"RIFF"),
        ((), "draw-kill", None),
    ]
    assert [record.category for record in records if record] == ["absent", "absent", "error", "absent"]
    assert [answer.stamp for answer in answers] == [STAMP, None, None, STAMP]


# --- starting and ending --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "error"), [(make_nothing, PolicyError), (make_early_end, WorkerCrashedError)]
)
def test_a_worker_that_cannot_start_is_no_file_s_fault(
    make: Callable[[], Work], error: type[Exception]
) -> None:
    """
    Recorded for each file, it would read as if all of them were broken.
    """
    with Dispatcher(WorkerPool(make, workers=2), thumbnails=False) as dispatcher:
        futures = [dispatcher.submit(tasks("a", "b")) for _ in range(3)]

        for future in futures:
            with pytest.raises(error):
                future.result(timeout=60)


def test_an_error_that_is_none_of_the_file_s_is_raised(dispatcher: Dispatcher) -> None:
    """
    A policy that cannot be read any more, say.
    """
    future = dispatcher.submit(tasks("a", "refuse it is gone", "b"))

    with pytest.raises(PolicyError, match="it is gone"):
        future.result(timeout=60)


def test_closing_ends_what_hangs_and_keeps_what_was_answered(tmp_path: Path) -> None:
    """
    Whoever interrupts an audit does not wait for a deadline, and no file is blamed for the end of its worker.
    """
    reached = tmp_path / "reached"
    dispatcher = Dispatcher(WorkerPool(make_scripted_worker, workers=2, deadline_s=600), thumbnails=False)
    before = threading.active_count()

    done = dispatcher.submit(tasks("a", "b"))
    hanging = dispatcher.submit(tasks("last", f"hang {reached}", "c"))
    alone = dispatcher.submit(tasks(f"hang {tmp_path / 'alone'}"))
    waiting = [dispatcher.submit(tasks("d")) for _ in range(3)]
    while not (reached.exists() and (tmp_path / "alone").exists()):
        time.sleep(0.01)
    dispatcher.close()

    assert outcomes(done) == ["a", "b"]
    assert outcomes(hanging) == ["last"]
    assert outcomes(alone) == []
    assert [future.cancelled() for future in waiting] == [True] * 3
    assert threading.active_count() == before


def test_closing_what_never_started_starts_nothing() -> None:
    """
    An audit in which nothing changed needs no worker at all.
    """
    pool = WorkerPool(make_early_end, workers=2)

    with Dispatcher(pool, thumbnails=False):
        pass

    assert pool.restarts == 0


# --- how many at once -----------------------------------------------------------------------------


def test_batches_grow_as_long_as_they_are_done_at_once(dispatcher: Dispatcher) -> None:
    """
    A trip to a worker costs as much as a file or two; beyond a bound it is lost among them.
    """
    sizes = []
    for _ in range(8):
        sizes.append(dispatcher.batch_size)
        dispatcher.submit(tasks(*["a"] * dispatcher.batch_size)).result()

    assert sizes == [4, 8, 16, 32, 64, 128, 128, 128]
    dispatcher.submit(tasks("a")).result()
    assert dispatcher.batch_size == 128


def test_batches_shrink_to_what_is_done_in_time(dispatcher: Dispatcher) -> None:
    """
    So that all workers have something to do up to the end.
    """
    dispatcher.batch_size = dispatch._MAX_TASKS

    dispatcher.submit(tasks("a", "b", "last", "c", "d", "e", "f")).result()

    assert dispatcher.batch_size == 6  # three, then the four that were left
