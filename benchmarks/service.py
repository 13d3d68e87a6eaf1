#!/usr/bin/env python3
"""
What the moderation service costs and bears, in one run on real files, all on this machine.

Usage: python benchmarks/service.py REAL [--minutes N] [--only NAME...]

REAL holds genuine images with manifests. Clients, service and workers share the processors, as they do not
in production; ratios against the library on the same files hold all the same.

    throughput  requests a second over HTTP with four clients over the library in as many processes as there
                are workers (claimed: at least 0.75); the same answered from the store over judged anew
                (claimed: at least 3)
    latency     at half of what it can take, and at twice, arriving at fixed times whatever becomes of the
                others. At twice: the 99th percentile of accepted requests (claimed: at most the deadline),
                the median of refusals (claimed: at most 100 ms), answers lost (claimed: none), resident
                memory at the end over that after the first minute (claimed: within 10 %)
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import itertools
import json
import multiprocessing
import multiprocessing.queues
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from queue import Queue
from typing import NamedTuple, TypeAlias, TypeVar

from provenance import Verifier, to_dict

COMMAND = str(Path(sys.executable).with_name("provenance"))
SUFFIXES = {".png", ".jpg", ".webp"}
SMALLEST, LARGEST = 100_000, 3_500_000
CLIENTS = 4
WORKERS = len(os.sched_getaffinity(0))
DEADLINE_S = 5.0
CALLERS = 64

Body = tuple[bytes, bytes]
Rates: TypeAlias = "multiprocessing.queues.Queue[float]"
T = TypeVar("T")


class Answer(NamedTuple):
    """
    One answer: how late its request was sent, how long it took from then, what it was.
    """

    late: float
    took: float
    status: int


class Service:
    """
    A running service without keys, on a store of its own.
    """

    def __init__(self, folder: str) -> None:
        """
        Start it, and wait until it answers.
        """
        command = [COMMAND, "serve", "--no-auth", "--port", "0", "--workers", str(WORKERS)]
        self.process = subprocess.Popen(
            [*command, "--database", f"sqlite:///{folder}/service.db"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PROVENANCE_DEADLINE_S": str(DEADLINE_S)},
            text=True,
        )
        assert self.process.stdout is not None  # noqa: S101 - asked for above
        found = re.search(r":(\d+)/?\s*$", self.process.stdout.readline())
        assert found is not None  # noqa: S101 - the line that says it is ready
        self.port = int(found.group(1))

    def memory(self) -> int:
        """
        Add up the resident memory of the process and all below it; bytes.
        """
        return sum(map(resident, (self.process.pid, *descendants(self.process.pid))))


@contextmanager
def service() -> Iterator[Service]:
    """
    Run a service while the block runs.
    """
    with tempfile.TemporaryDirectory() as folder:
        running = Service(folder)
        try:
            yield running
        finally:
            running.process.terminate()
            running.process.wait(60)


def main() -> None:
    """
    Measure and print.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("real", type=Path)
    parser.add_argument("--minutes", type=float, default=5.0, help="how long twice the load is kept up")
    parser.add_argument("--seconds", type=float, default=8.0, help="how long each round of throughput takes")
    parser.add_argument("--only", nargs="*", default=["throughput", "latency"])
    arguments = parser.parse_args()
    files = [path for path in sorted(arguments.real.rglob("*")) if path.suffix in SUFFIXES]
    files = [path for path in files if SMALLEST <= path.stat().st_size <= LARGEST]
    size = statistics.mean(path.stat().st_size for path in files)
    print(f"{len(files)} files of {size / 1e6:.2f} MB on average")
    capacity = throughput(files, arguments.seconds)
    if "latency" in arguments.only:
        latency(files, capacity, arguments.minutes * 60)


def throughput(files: list[Path], seconds: float) -> float:
    """
    Compare library, service and store, in rounds one after the other; gives requests a second.
    """
    rounds: list[tuple[float, float, float]] = []
    for _ in range(3):
        library = in_processes(use_library, WORKERS, files, seconds)
        with service() as running:
            judged = in_processes(judge_anew, CLIENTS, files, seconds, running.port)
            connection = connect(running.port)
            for path in files:
                post(connection, (path.read_bytes(), b""))
            stored = in_processes(ask_again, CLIENTS, files, seconds, running.port)
        rounds.append((library, judged, stored))
        print(f"  library {library:.0f}/s, service {judged:.0f}/s, from the store {stored:.0f}/s", flush=True)
    show(
        "service / library",
        statistics.median(judged / library for library, judged, _ in rounds),
        "at least 0.75",
    )
    show(
        "from the store / judged",
        statistics.median(stored / judged for _, judged, stored in rounds),
        "at least 3",
    )
    return statistics.median(judged for _, judged, _ in rounds)


def in_processes(work: Callable[..., None], count: int, *arguments: object) -> float:
    """
    Run the same work in several processes; gives what they did a second, together.
    """
    done: Rates = multiprocessing.Queue()
    processes = [
        multiprocessing.Process(target=work, args=(done, number, *arguments)) for number in range(count)
    ]
    for process in processes:
        process.start()
    rates = [done.get() for _ in processes]
    for process in processes:
        process.join()
    return sum(rates)


def use_library(done: Rates, number: int, files: list[Path], seconds: float) -> None:
    """
    Judge files one after the other, reports included.
    """
    verifier = Verifier(self_test=False)
    verifier.verify(files[0])
    with tempfile.TemporaryDirectory() as folder:
        # What the service gets has bytes at its end, too.
        copies = [Path(shutil.copy(path, folder)) for path in files]
        for copy in copies:
            with copy.open("ab") as file:
                file.write(unique())
        done.put(rate_of(copies, number, seconds, lambda file: json.dumps(to_dict(verifier.verify(file)))))


def judge_anew(done: Rates, number: int, files: list[Path], seconds: float, port: int) -> None:
    """
    Send files one after the other, each with bytes at its end that nobody sent before.
    """
    send_files(done, number, files, seconds, partial(send_new, connect(port)))


def ask_again(done: Rates, number: int, files: list[Path], seconds: float, port: int) -> None:
    """
    Send the same files again and again.
    """
    send_files(done, number, files, seconds, partial(send_same, connect(port)))


def send_files(
    done: Rates, number: int, files: list[Path], seconds: float, send: Callable[[bytes], None]
) -> None:
    """
    Send files for some time, and tell how many a second.
    """
    done.put(rate_of([path.read_bytes() for path in files], number, seconds, send))


def connect(port: int) -> http.client.HTTPConnection:
    """
    Open a connection to the service.
    """
    return http.client.HTTPConnection("127.0.0.1", port, timeout=60)


def send_new(connection: http.client.HTTPConnection, body: bytes) -> None:
    """
    Send an image that has to be judged.
    """
    expect(post(connection, (body, unique())), (200, "new"))


def send_same(connection: http.client.HTTPConnection, body: bytes) -> None:
    """
    Send an image that is known.
    """
    expect(post(connection, (body, b"")), (200, "reused"))


def expect(found: object, expected: object) -> None:
    """
    End the measurement where it would mean something else than it says.
    """
    if found != expected:
        sys.exit(f"expected {expected}, found {found}")


def rate_of(items: list[T], number: int, seconds: float, do: Callable[[T], object]) -> float:
    """
    Do something with one item after the other for some time; returns how many a second.
    """
    start, first = time.perf_counter(), number * len(items) // CLIENTS
    for count, item in enumerate(itertools.islice(itertools.cycle(items), first, None), 1):
        do(item)
        if time.perf_counter() - start >= seconds:
            return count / (time.perf_counter() - start)
    return 0.0


def latency(files: list[Path], capacity: float, seconds: float) -> None:
    """
    Send at fixed times.
    """
    bodies = [path.read_bytes() for path in files]
    with service() as running:
        arrive(running, bodies, capacity / 2, 3)
        calm = arrive(running, bodies, capacity / 2, 15)
        took = sorted(answer.took for answer in calm)
        print(
            f"at half the load ({capacity / 2:.0f}/s): median {statistics.median(took) * 1000:.0f} ms, ",
            end="",
        )
        print(f"99th percentile {percentile(took):.3f} s, statuses {statuses(calm)}")
        first = arrive(running, bodies, capacity * 2, min(60.0, seconds / 2))
        early = running.memory()
        rest = arrive(running, bodies, capacity * 2, seconds - min(60.0, seconds / 2))
        late = running.memory()
    answers = [*first, *rest]
    print(f"at twice the load ({capacity * 2:.0f}/s), {seconds:.0f} s: statuses {statuses(answers)}")
    accepted = sorted(answer.took for answer in answers if answer.status == http.HTTPStatus.OK)
    refused = [answer.took for answer in answers if answer.status == http.HTTPStatus.SERVICE_UNAVAILABLE]
    show("accepted: 99th percentile, s", percentile(accepted), f"at most {DEADLINE_S:g}")
    show("refused: median, ms", statistics.median(refused) * 1000, "at most 100")
    show("  sent late by this program: median, ms", statistics.median(a.late for a in answers) * 1000)
    show("lost", sum(answer.status not in {200, 503} for answer in answers), "0")
    show("memory at the end / after the first minute", late / early, "0.9 to 1.1")
    show("  memory at the end, MB", late / 1e6)


def arrive(running: Service, bodies: list[bytes], rate: float, seconds: float) -> list[Answer]:
    """
    Send *rate* images a second, whatever becomes of those before.
    """
    answers: list[Answer] = []
    due: Queue[tuple[float, bytes] | None] = Queue()

    def call() -> None:
        connection = connect(running.port)
        while (item := due.get()) is not None:
            when, body = item
            sent = time.perf_counter()
            try:
                status, _ = post(connection, (body, unique()))
            except (OSError, http.client.HTTPException):
                status = 0
                connection.close()
            answers.append(Answer(sent - when, time.perf_counter() - sent, status))

    with ThreadPoolExecutor(CALLERS) as callers:
        for _ in range(CALLERS):
            callers.submit(call)
        start = time.perf_counter()
        for number in range(int(rate * seconds)):
            when = start + number / rate
            time.sleep(max(0.0, when - time.perf_counter()))
            due.put((when, bodies[number % len(bodies)]))
        for _ in range(CALLERS):
            due.put(None)
    return answers


def post(connection: http.client.HTTPConnection, body: Body) -> tuple[int, str | None]:
    """
    Send one image; gives the status, and whether its verdict is new. A refusal may close the connection.
    """
    headers = {"Content-Type": "application/octet-stream", "Content-Length": str(sum(map(len, body)))}
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it may answer before it has read all
        connection.request("POST", "/v1/verify", iter(body), headers)
    answer = connection.getresponse()
    answer.read()
    if answer.will_close:
        connection.close()
    return answer.status, answer.getheader("Provenance-Report")


_counter = itertools.count()


def unique() -> bytes:
    """
    Make bytes that no request had before.
    """
    return b"%d-%d-%d" % (os.getpid(), threading.get_ident(), next(_counter))


def percentile(ordered: list[float]) -> float:
    """
    Compute the 99th percentile.
    """
    return ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]


def statuses(answers: list[Answer]) -> dict[int, int]:
    """
    Count statuses; 0 is a connection that broke.
    """
    return {
        status: sum(a.status == status for a in answers) for status in sorted({a.status for a in answers})
    }


def descendants(pid: int) -> Iterator[int]:
    """
    Find the processes below one.
    """
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return
    for child in children:
        yield child
        yield from descendants(child)


def resident(pid: int) -> int:
    """
    Read the resident memory of a process; 0 if it is gone.
    """
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
    except OSError:
        return 0


def show(what: str, value: float, claim: str = "") -> None:
    """
    Print a figure beside what is claimed.
    """
    print(f"{what:<50} {value:>10.2f}  {f'claimed: {claim}' if claim else ''}", flush=True)


if __name__ == "__main__":
    main()
