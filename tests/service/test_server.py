"""
The service as a server: where it listens, what it starts with, how it ends.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from provenance import (
    EngineError,
    PolicyError,
    SettingsError,
    StoreError,
    TrustError,
    Verifier,
    builtin_policies,
    to_dict,
)
from provenance.listener import address_of, listen
from provenance.service.config.settings import Settings
from provenance.service.http.protocol import MAX_REFUSED_CONNECTIONS
from provenance.service.resources import ServiceResources
from provenance.service.server import files_needed
from provenance.service.store.retention import Retention
from provenance.service.store.store import Store
from tests.service.store_support import record_of
from tests.service.support import ABSENT, ACCEPTED, PROFILE, Process, open_files, running, until

pytestmark = pytest.mark.slow


def settings(folder: Path, **chosen: object) -> Settings:
    """
    Make settings with a database in a folder.
    """
    return Settings(database=f"sqlite:///{folder / 'service.db'}", workers=1, **chosen)  # type: ignore[arg-type]  # as the test has them


@pytest.mark.parametrize(
    ("host", "begin"),
    [("127.0.0.1", "http://127.0.0.1:"), ("::1", "http://[::1]:"), ("localhost", "http://127.0.0.1:")],
)
def test_it_listens_where_it_is_told(host: str, begin: str) -> None:
    """
    And says so as an address.
    """
    with listen(host, 0) as listener:
        assert address_of(listener).startswith(begin)


def test_a_port_that_is_taken_is_an_error() -> None:
    """
    Two services on one port would answer in turn.
    """
    with listen("127.0.0.1", 0) as first, pytest.raises(OSError, match="in use"):
        listen("127.0.0.1", first.getsockname()[1])


@pytest.mark.parametrize(
    ("chosen", "error", "words"),
    [
        ({"policies": ("nobody",)}, PolicyError, "no policy 'nobody'"),
        ({"policies": ("missing.toml",)}, PolicyError, "cannot be read"),
        ({"trust_profiles": ("nobody",)}, TrustError, "no trust profile 'nobody'"),
        ({"trust_profiles": ("missing.toml",)}, TrustError, "cannot be read"),
    ],
)
def test_what_is_not_there_is_an_error_at_once(
    tmp_path: Path, chosen: dict[str, object], error: type[Exception], words: str
) -> None:
    """
    Not at the first request.
    """
    with pytest.raises(error, match=words):
        ServiceResources(settings(tmp_path, **chosen))


def test_two_policies_of_one_name_are_an_error(tmp_path: Path) -> None:
    """
    Which of them a request means would depend on their order.
    """
    folder = Path(__file__).resolve().parents[2] / "provenance" / "policy" / "builtin"
    twin = str(next(path for path in folder.glob("*.toml") if path.stem == "azure-openai"))

    with pytest.raises(SettingsError, match="two policies that are called 'azure-openai'"):
        ServiceResources(settings(tmp_path, policies=("azure-openai", twin)))


def test_a_policy_of_ones_own_can_be_the_default(tmp_path: Path) -> None:
    """
    The first that is named is.
    """
    own = tmp_path / "own.toml"
    own.write_text('name = "own"\nversion = 1\nany_of = ["azure-openai", "azure-openai-lineage"]\n', "utf-8")
    with running(tmp_path, policies=(str(own), "azure-openai"), no_auth=True) as service:
        answers = [
            httpx.post(f"{service.address}/v1/verify{query}", content=ACCEPTED.read_bytes())
            for query in ("", "?policy=azure-openai", "?policy=azure-openai-lineage")
        ]

    assert [answer.json()["policy"]["name"] for answer in answers[:2]] == ["own", "azure-openai"]
    assert answers[2].status_code == 400
    assert "azure-openai-lineage" in builtin_policies()


def test_profiles_are_joined(tmp_path: Path) -> None:
    """
    Whom either believes is believed.
    """
    with running(tmp_path, trust_profiles=("microsoft", str(PROFILE)), no_auth=True) as service:
        answer = httpx.post(f"{service.address}/v1/verify", content=ACCEPTED.read_bytes()).json()

    assert (answer["trust"]["name"], answer["state"]) == ("microsoft.sample", "trusted")


def test_a_service_whose_self_test_fails_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    No verdict of it could be relied on; and what was opened is closed again.
    """
    monkeypatch.setattr("provenance.service.dispatch.make_work", make_failure)

    with pytest.raises(EngineError, match="known image"), ServiceResources(settings(tmp_path)):
        pass


def make_failure(*_: object) -> object:
    """
    Fail as a self-test does.
    """
    raise EngineError("a known image came out otherwise")


def test_a_worker_that_can_no_longer_start_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    By the component that is missing.
    """
    monkeypatch.setattr("provenance.service.routes.health.CHECKED_EVERY_S", 0.0)
    with running(tmp_path) as service:
        ready = httpx.get(f"{service.address}/readyz").json()
        monkeypatch.setattr(service.resources.dispatcher._pool, "_make", make_failure)
        for worker in tuple(service.resources.dispatcher._pool._live):
            worker.stop()
        broken = until(lambda: _not_ready(service.address))

    assert ready["status"] == "ready"
    assert broken["components"] == {
        "store": {"ready": True},
        "workers": {"ready": False},
        "self_test": {"ready": False},
    }


def _not_ready(address: str) -> dict[str, object] | None:
    answer = httpx.get(f"{address}/readyz")
    content: dict[str, object] = answer.json()
    return content if answer.status_code == 503 else None


def test_readiness_is_asked_for_once_a_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    However many ask: each time 64 KiB are written.
    """
    asked: list[None] = []
    with running(tmp_path) as service:
        check = service.resources.store.check
        monkeypatch.setattr(service.resources.store, "check", lambda: asked.append(check()))
        answers = [httpx.get(f"{service.address}/readyz").status_code for _ in range(20)]

    assert answers == [200] * 20
    assert 1 <= len(asked) < 10


def test_a_worker_that_is_busy_is_no_worker_that_is_missing(tmp_path: Path) -> None:
    """
    Under load the service is ready.
    """
    with running(tmp_path) as service, service.resources.dispatcher._free:
        assert httpx.get(f"{service.address}/readyz").status_code == 200


@pytest.mark.parametrize(
    ("proxies", "expected"),
    [((), "127.0.0.1"), (("192.0.2.0/24",), "127.0.0.1"), (("127.0.0.0/8",), "198.51.100.7")],
)
def test_a_proxy_is_believed_about_its_client_only_if_it_is_known(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, proxies: tuple[str, ...], expected: str
) -> None:
    """
    Everybody can write that header.
    """
    with running(tmp_path, proxies=proxies) as service, caplog.at_level(logging.INFO):
        httpx.get(f"{service.address}/healthz", headers={"X-Forwarded-For": "198.51.100.7"})
        (record,) = until(lambda: [found for found in caplog.records if found.getMessage() == "request"])

    assert vars(record)["facts"]["client"] == expected


@pytest.mark.parametrize(("days", "left"), [(0, 2), (30, 1), (50, 2)])
def test_old_reports_are_deleted_if_that_is_wanted(tmp_path: Path, days: int, left: int) -> None:
    """
    At the start already; only those that are old enough.
    """
    long_ago = datetime.now(UTC) - timedelta(days=40)
    with Store.open(settings(tmp_path).database, clock=lambda: long_ago) as store:
        report = to_dict(Verifier(trust=PROFILE).verify(ABSENT), sha256="0" * 64)
        store.reports.keep(record_of(report))
    with running(tmp_path, no_auth=True, retention_days=days) as service:
        httpx.post(f"{service.address}/v1/verify", content=ACCEPTED.read_bytes())

        until(lambda: len(service.resources.store.reports.search().reports) == left)


def test_a_store_that_fails_does_not_end_retention(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """
    It is tried again the next time.
    """
    failures = [StoreError("it is gone")]
    done = threading.Event()

    def purge(_before: datetime) -> int:
        if failures:
            raise failures.pop()
        done.set()
        return 3

    monkeypatch.setattr("provenance.service.store.retention.EVERY_S", 0.01)
    with Store.open(settings(tmp_path).database) as store, caplog.at_level(logging.INFO):
        monkeypatch.setattr(store.reports, "purge", purge)
        retention = Retention(store.reports, 1)
        retention.start()
        assert done.wait(10)
        monkeypatch.setattr("provenance.service.store.retention.EVERY_S", 3_600.0)
        retention.close()

    assert [record.getMessage() for record in caplog.records][:2] == [
        "old reports not deleted",
        "old reports deleted",
    ]


LIMITED = """
import resource, sys
from provenance.service import server
from provenance.service.config.settings import Settings

soft, hard, connections = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
try:
    server.allow_files(server.files_needed(Settings(workers=1, max_connections=connections)))
except Exception as error:
    print(type(error).__mro__[1].__name__, error, error.hint)
else:
    print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def limited(soft: int, hard: int, connections: int) -> str:
    """
    Return the limits on open files, or the error, of a process that began with these limits.
    """
    command = [sys.executable, "-c", LIMITED, str(soft), str(hard), str(connections)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()


def test_the_limit_on_open_files_is_raised_as_far_as_needed() -> None:
    """
    What a shell allows is too little for the connections that the settings allow.
    """
    needed = files_needed(Settings(workers=1, max_connections=300))

    assert limited(100, 1_000, 300) == f"{needed} 1000"
    assert limited(900, 1_000, 300) == "900 1000"
    assert needed > 300 + MAX_REFUSED_CONNECTIONS


def test_a_limit_on_open_files_that_is_too_low_stops_the_start() -> None:
    """
    At full load images would be refused for no reason that anybody sees.
    """
    told = limited(100, 300, 400)

    needed = files_needed(Settings(workers=1, max_connections=400))
    assert told.startswith(f"SettingsError these settings need up to {needed} open files")
    assert "this process may open 300" in told
    assert "LimitNOFILE" in told
    assert "lower 'max_connections'" in told


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_a_service_needs_no_more_files_than_it_says(tmp_path: Path) -> None:
    """
    The sum that its limit is held against counts what is open.
    """
    with running(tmp_path, no_auth=True, max_connections=20) as service:
        before = open_files()
        with contextlib.ExitStack() as stack:
            for _ in range(20):
                stack.enter_context(service.connect())
            until(lambda: open_files() >= before + 40)

            # Each connection has an end here, too.
            assert open_files() - 20 <= files_needed(service.resources.settings)


# --- as a process -----------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_serves_until_it_is_told_to_end(tmp_path: Path, number: signal.Signals) -> None:
    """
    It prints its address, and nothing else; the log is JSON; it ends well though a connection lies idle.
    """
    with Process(tmp_path, "--no-auth") as process, httpx.Client(base_url=process.address) as client:
        answer = client.get("/healthz")
        code = process.end(number)
        assert process.process.stdout is not None
        rest = process.process.stdout.read()
        lines = process.lines()

    assert (answer.status_code, code, rest) == (200, 0, "")
    assert [line["event"] for line in lines] == ["request"]


def test_a_second_service_on_the_same_port_says_so(tmp_path: Path) -> None:
    """
    And ends by itself.
    """
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    words = r"cannot listen on 127\.0\.0\.1:\d+: Address already in use; --port chooses another"
    with Process(tmp_path / "one", "--no-auth") as process, pytest.raises(AssertionError, match=words):
        Process(tmp_path / "two", "--no-auth", port=process.port)


def test_nothing_is_left_in_the_folder_for_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Not even after a kill in the middle of an upload.
    """
    # Of a short path: processes that judge have a socket there.
    with (
        tempfile.TemporaryDirectory(prefix="t") as name,
        monkeypatch.context() as changed,
    ):
        folder = Path(name)
        changed.setenv("TMPDIR", name)
        left = _left_after_a_kill(folder, tmp_path)

    assert left == []


def _left_after_a_kill(folder: Path, tmp_path: Path) -> list[Path]:
    with (
        Process(tmp_path, "--no-auth") as process,
        socket.create_connection(("127.0.0.1", process.port)) as half,
    ):
        httpx.post(f"{process.address}/v1/verify", content=ACCEPTED.read_bytes())
        half.sendall(b"POST /v1/verify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999\r\n\r\nabc")
        process.process.kill()
        process.process.wait()

    return [path for path in folder.rglob("*") if path.is_file()]
