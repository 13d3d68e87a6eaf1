"""
The service when what it rests on fails: workers, the store, the time, the disk. What was answered holds.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from provenance.authority import plain_png
from provenance.errors import StoreError
from provenance.service.store.store import Store
from provenance.service.store.stored_report import ReportKey, ReportRecord
from provenance.service.worker import JudgeTask, make_work
from tests.service.postgresql_support import PostgreSQL
from tests.service.support import ACCEPTED, Process, Running, read_all, running, until

pytestmark = pytest.mark.slow

PNG = ACCEPTED.read_bytes()


def picture(seed: int) -> bytes:
    """
    Draw a small image that nobody has seen yet.
    """
    return plain_png(24, 16, seed=seed)


def workers_of(service: Running) -> list[int]:
    """
    Name the processes that judge.
    """
    processes = [worker._process.pid for worker in service.resources.dispatcher._pool._live]
    return [process for process in processes if process is not None]


def problem_of(answer: httpx.Response) -> str:
    """
    Name the problem that an answer is.
    """
    assert answer.headers["content-type"] == "application/problem+json"
    return str(answer.json()["type"].rpartition(":")[2])


# --- workers ----------------------------------------------------------------------------------------


def stop(process: int) -> None:
    """
    Stop a process, as one that hangs.
    """
    os.kill(process, signal.SIGSTOP)


def test_a_worker_killed_while_it_judges_costs_one_answer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Which says so clearly, as does the log; the next image is judged by another.
    """
    with running(tmp_path) as service, service.client("verify") as client, ThreadPoolExecutor(1) as threads:
        client.post("/v1/verify", content=PNG)
        (worker,) = workers_of(service)
        stop(worker)
        asked = threads.submit(client.post, "/v1/verify", content=picture(1))
        until(lambda: service.resources.dispatcher.admitted)
        time.sleep(0.2)
        os.kill(worker, signal.SIGKILL)
        failed = asked.result()
        after = client.post("/v1/verify", content=picture(1))

    assert (failed.status_code, problem_of(failed)) == (500, "crashed")
    assert "ended before it answered (SIGKILL)" in failed.json()["detail"]
    told = [vars(record)["facts"] for record in caplog.records if "not judged" in record.msg]
    assert told == [
        {
            "sha256": hashlib.sha256(picture(1)).hexdigest(),
            "policy": "azure-openai",
            "reason": failed.json()["detail"],
        }
    ]
    assert after.status_code == 200


def test_a_worker_killed_while_idle_costs_nothing(tmp_path: Path) -> None:
    """
    It is replaced when somebody needs it, or asks whether the service is ready.
    """
    with running(tmp_path) as service, service.client("verify") as client:
        for worker in workers_of(service):
            os.kill(worker, signal.SIGKILL)
        # One that dies a moment later would take the next image with it.
        live = tuple(service.resources.dispatcher._pool._live)
        until(lambda: not any(worker.is_alive() for worker in live))
        ready = client.get("/readyz")
        answer = client.post("/v1/verify", content=PNG)

    assert (ready.status_code, answer.status_code) == (200, 200)


def test_an_image_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    """
    Whoever comes later is judged again.
    """
    with running(tmp_path, deadline_s=0.5) as service, service.client("verify") as client:
        stop(workers_of(service)[0])
        late = client.post("/v1/verify", content=picture(1))
        after = until(lambda: _judged(client, picture(3)))

    assert (late.status_code, problem_of(late)) == (504, "past-deadline")
    assert late.json()["detail"] == "not judged within 0.5 s"
    assert after.status_code == 200


def test_waiting_for_others_counts_towards_the_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    There is time for one image, and not for another after it.
    """
    monkeypatch.setattr("provenance.service.dispatch.make_work", make_slow_work)
    with (
        running(tmp_path, deadline_s=4) as service,
        service.client("verify") as client,
        ThreadPoolExecutor(2) as threads,
    ):
        answers = list(threads.map(lambda seed: client.post("/v1/verify", content=picture(seed)), (1, 2)))

    in_time, late = sorted(answers, key=lambda answer: answer.status_code)
    assert in_time.status_code == 200
    assert (late.status_code, problem_of(late)) == (504, "past-deadline")
    assert late.json()["detail"] == "not judged within 4 s"


def make_slow_work(*given: object) -> Callable[[JudgeTask | None, int | None], ReportRecord | None]:
    """
    Make what judges as it should, and takes 2.5 s for each image.
    """
    judge = make_work(*given)  # type: ignore[arg-type] # as the service gives it

    def slow(task: JudgeTask | None, descriptor: int | None) -> ReportRecord | None:
        if task is not None:
            time.sleep(2.5)
        return judge(task, descriptor)

    return slow


def _judged(client: httpx.Client, content: bytes) -> httpx.Response | None:
    answer = client.post("/v1/verify", content=content)
    return answer if answer.status_code == 200 else None


def test_in_a_batch_a_crash_costs_one_image(tmp_path: Path) -> None:
    """
    The others get their reports.
    """
    files = [("image", (name, picture(seed))) for seed, name in enumerate("abc")]
    with running(tmp_path) as service, service.client("verify") as client, ThreadPoolExecutor(1) as threads:
        stop(workers_of(service)[0])
        asked = threads.submit(client.post, "/v1/verify/batch", files=files)
        until(lambda: service.resources.dispatcher.admitted)
        time.sleep(0.2)
        os.kill(workers_of(service)[0], signal.SIGKILL)
        reports = asked.result().json()["reports"]

    assert [report["state"] for report in reports] == [None, "absent", "absent"]
    assert reports[0]["error"]["type"] == "WorkerCrashedError"


def test_a_batch_that_waits_for_a_worker_is_not_called_slow(tmp_path: Path) -> None:
    """
    The client has sent everything; what takes long is ours.
    """
    files = [("image", (name, picture(seed) + bytes(100_000))) for seed, name in enumerate("abcd")]
    with (
        running(tmp_path, deadline_s=1.5, body_timeout_s=0.3, min_body_rate=1_000_000) as service,
        service.client("verify") as client,
    ):
        client.post("/v1/verify", content=PNG)
        stop(workers_of(service)[0])
        answer = client.post("/v1/verify/batch", files=files)

    assert answer.status_code == 200
    reports = answer.json()["reports"]
    assert reports[0]["error"]["type"] == "DeadlineExceededError"
    assert [report["state"] for report in reports[1:]] == ["absent"] * 3


def test_an_image_that_takes_too_much_memory_costs_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Not the machine's.
    """
    monkeypatch.setattr("provenance.service.dispatch.make_work", make_hog)
    with running(tmp_path, max_memory=64 * 1024 * 1024) as service, service.client("verify") as client:
        answer = client.post("/v1/verify", content=PNG)

    assert (answer.status_code, problem_of(answer)) == (500, "crashed")


def make_hog(*_: object) -> object:
    """
    Make what takes as much memory as it can get.
    """
    return _take_all


def _take_all(_task: object, _descriptor: int | None) -> str:
    return str(len(bytearray(10**9)))


# --- a store that fails -----------------------------------------------------------------------------


def test_a_full_queue_is_told_and_passes(tmp_path: Path) -> None:
    """
    Those that were taken on are answered.
    """
    with (
        running(tmp_path, queue=1) as service,
        service.client("verify") as client,
        ThreadPoolExecutor(2) as threads,
    ):
        (worker,) = workers_of(service)
        stop(worker)
        taken = [threads.submit(client.post, "/v1/verify", content=picture(seed)) for seed in (1, 2)]
        until(lambda: service.resources.dispatcher.admitted == 2)
        refused = client.post("/v1/verify", content=picture(3))
        os.kill(worker, signal.SIGCONT)
        answers = [answer.result() for answer in taken]
        after = client.post("/v1/verify", content=picture(3))

    assert (refused.status_code, problem_of(refused), refused.headers["retry-after"]) == (
        503,
        "too-busy",
        "1",
    )
    assert [answer.status_code for answer in (*answers, after)] == [200, 200, 200]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """
    Mount a file system of 3 MiB.
    """
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_costs_no_verdict(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The answer says that it is not kept, the service says that it is not ready; both end when there is room.
    """
    monkeypatch.setattr("provenance.service.store.circuit_breaker.OPEN_S", 0.0)
    monkeypatch.setattr("provenance.service.routes.health.CHECKED_EVERY_S", 0.0)
    with running(small_disk) as service, service.client("admin") as client:
        before = client.post("/v1/verify", content=picture(1))
        filling = small_disk / "filling"
        with filling.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(4_096)):
                pass
        full = until(lambda: _unstored(client))
        not_ready = client.get("/readyz")
        still_known = client.post("/v1/verify", content=picture(1))
        errors = client.get("/metrics").text
        filling.unlink()
        after = client.post("/v1/verify", content=picture(2))
        ready = until(lambda: client.get("/readyz").status_code == 200)
        sha256 = hashlib.sha256(picture(2)).hexdigest()
        stored = service.resources.store.reports.of_image(sha256)

    assert before.headers["provenance-stored"] == "yes"
    assert (full.status_code, full.json()["state"]) == (200, "absent")
    assert (not_ready.status_code, not_ready.json()["components"]["store"]) == (503, {"ready": False})
    assert (still_known.headers["provenance-report"], still_known.headers["provenance-stored"]) == (
        "reused",
        "yes",
    )
    assert 'provenance_store_errors_total{operation="keep"}' in errors
    assert after.headers["provenance-stored"] == "yes"
    assert (ready, len(stored)) == (True, 1)


def _unstored(client: httpx.Client) -> httpx.Response | None:
    # What the database had set aside already may be enough for some more.
    answer = client.post("/v1/verify", content=picture(time.monotonic_ns() % 1_000_000 + 10))
    return answer if answer.headers["provenance-stored"] == "no" else None


def test_a_database_that_restarts_costs_no_verdict(
    tmp_path: Path, postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Under load: while it is gone, verdicts are given and not kept, and afterwards they are kept again.

    A key that was known goes on being accepted.
    """
    monkeypatch.setattr("provenance.service.store.circuit_breaker.OPEN_S", 0.05)
    monkeypatch.setattr("provenance.service.auth.key_cache.FRESH_S", 0.05)
    said: list[tuple[str, str]] = []
    ended = threading.Event()
    with running(tmp_path, database=postgresql.create_database(), queue=20) as service:
        with service.client("verify") as client, ThreadPoolExecutor(4) as threads:

            def ask(lane: int) -> None:
                for number in range(1_000_000):
                    content = picture(lane * 1_000_000 + number)
                    answer = client.post("/v1/verify", content=content)
                    assert answer.status_code == 200, answer.text
                    said.append((hashlib.sha256(content).hexdigest(), answer.headers["provenance-stored"]))
                    if ended.is_set():
                        return

            load = [threads.submit(ask, lane) for lane in range(4)]
            try:
                until(lambda: len(said) > 20)
                with postgresql.stopped("immediate"):
                    gone = len(said)
                    until(lambda: sum(word == "no" for _, word in said[gone:]) > 20)
                    not_ready = client.get("/readyz").status_code
                back = len(said)
                until(lambda: sum(word == "yes" for _, word in said[back:]) > 20)
            finally:
                ended.set()
            for lane in load:
                lane.result()
            ready = until(lambda: client.get("/readyz").status_code == 200)
        kept = {sha256 for sha256, word in said if word == "yes"}
        missing = {sha256 for sha256 in kept if not service.resources.store.reports.of_image(sha256)}

    assert (not_ready, ready) == (503, True)
    assert missing == set()


def test_without_its_store_the_service_does_not_start(tmp_path: Path) -> None:
    """
    It would accept no key.
    """
    with pytest.raises(StoreError), running(tmp_path, database=f"sqlite:///{tmp_path}/missing/folder/x.db"):
        pass


def test_reports_need_the_store(tmp_path: Path, postgresql: PostgreSQL) -> None:
    """
    Whoever asks for reports is told that they cannot be had now.

    So is whoever shows a key that was not looked up yet.
    """
    with (
        running(tmp_path, database=postgresql.create_database(), store_timeout_s=2) as service,
        service.client("admin") as client,
        service.client("verify") as stranger,
    ):
        client.get("/v1/reports")
        with postgresql.stopped():
            answers = [client.get("/v1/reports"), client.get(f"/v1/reports/{'0' * 64}")]
            unknown = stranger.post("/v1/verify", content=PNG)

    assert {(answer.status_code, problem_of(answer)) for answer in answers} == {(503, "store-unavailable")}
    assert (unknown.status_code, problem_of(unknown)) == (503, "store-unavailable")
    assert int(unknown.headers["retry-after"]) > 0


# --- a service that is killed -----------------------------------------------------------------------


def test_what_was_said_to_be_stored_survives_a_kill(tmp_path: Path) -> None:
    """
    Under load, at any moment, twice; the service starts again on what is there.
    """
    said: list[str] = []
    for round_ in range(2):
        with Process(tmp_path, "--no-auth") as service, ThreadPoolExecutor(3) as threads:

            def ask(lane: int, round_: int = round_, address: str = service.address) -> None:
                with httpx.Client(base_url=address) as client:
                    for number in range(100_000):
                        content = picture(round_ * 10_000_000 + lane * 1_000_000 + number)
                        try:
                            answer = client.post("/v1/verify", content=content)
                        except httpx.TransportError:
                            return
                        if answer.headers.get("provenance-stored") == "yes":
                            said.append(hashlib.sha256(content).hexdigest())

            load = [threads.submit(ask, lane) for lane in range(3)]
            before = len(said)
            until(lambda before=before: len(said) > before + 40)
            service.process.kill()
            for lane in load:
                lane.result()
    with Store.open(f"sqlite:///{tmp_path / 'service.db'}") as store:
        missing = [sha256 for sha256 in said if not store.reports.of_image(sha256)]

    assert len(said) > 80
    assert missing == []


def test_workers_do_not_outlive_a_service_that_was_killed(tmp_path: Path) -> None:
    """
    Nothing is left to clean up.
    """
    with Process(tmp_path, "--no-auth", workers=2) as service:
        httpx.post(f"{service.address}/v1/verify", content=PNG)
        children = _descendants(service.process.pid)
        service.process.kill()

    assert len(children) >= 3
    until(lambda: not any(_is_running(child) for child in children))


def _descendants(process: int) -> list[int]:
    tasks = Path(f"/proc/{process}/task").iterdir()
    children = [int(child) for task in tasks for child in (task / "children").read_text("ascii").split()]
    return [*children, *(found for child in children for found in _descendants(child))]


def _is_running(process: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text("ascii")
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_was_accepted_is_finished_before_the_end(tmp_path: Path, number: signal.Signals) -> None:
    """
    Nothing new is accepted meanwhile, and the exit code is 0.
    """
    with Process(tmp_path, "--no-auth") as service, ThreadPoolExecutor(1) as threads:
        httpx.post(f"{service.address}/v1/verify", content=PNG)
        worker = _workers(service)
        os.kill(worker, signal.SIGSTOP)
        asked = threads.submit(httpx.post, f"{service.address}/v1/verify", content=picture(1), timeout=30)
        time.sleep(0.3)
        service.process.send_signal(number)
        until(lambda: _refuses(service.address))
        os.kill(worker, signal.SIGCONT)
        answer = asked.result()
        code = service.process.wait(timeout=30)

    assert (answer.status_code, answer.headers["provenance-stored"], code) == (200, "yes", 0)
    assert service.process.stdout is not None


def _workers(service: Process) -> int:
    found = [
        process for process in _descendants(service.process.pid) if _parent(process) != service.process.pid
    ]
    assert len(found) == 1
    return found[0]


def _parent(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()[1])


def _refuses(address: str) -> bool:
    try:
        httpx.get(f"{address}/healthz")
    except httpx.ConnectError:
        return True
    except httpx.TransportError:
        pass
    return False


def test_the_end_is_not_waited_for_longer_than_allowed(tmp_path: Path) -> None:
    """
    A client that never finishes sending does not keep the service.
    """
    with Process(tmp_path, "--no-auth", shutdown_s=1) as service, httpx.Client() as client:
        client.get(f"{service.address}/healthz")
        with socket.create_connection(("127.0.0.1", service.port)) as connection:
            connection.sendall(b"POST /v1/verify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc")
            time.sleep(0.2)
            code = service.end()

    assert code == 0


def test_an_answer_that_is_being_sent_is_sent_whole(tmp_path: Path) -> None:
    """
    Though its reader is slow, and the service is told to end meanwhile.
    """
    key = ReportKey("0" * 64, "1" * 64, "2" * 64, "3" * 64)
    large = ReportRecord(key, "absent", False, "none", "policy", False, f'{{"long":"{"x" * 900_000}"}}')  # noqa: FBT003
    with Store.open(f"sqlite:///{tmp_path / 'service.db'}") as store:
        for number in range(20):
            store.reports.keep(large._replace(key=key._replace(sha256=f"{number:064}")))
    request = b"GET /v1/reports HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with Process(tmp_path, "--no-auth") as process, socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.connect(("127.0.0.1", process.port))
        connection.sendall(request)
        until(process.lines)
        process.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        received = read_all(connection)
        assert process.process.wait(30) == 0

    _, _, body = received.partition(b"\r\n\r\n")
    assert len(json.loads(body)["reports"]) == 20
