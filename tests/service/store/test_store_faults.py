"""
What the store does when its database fails: stops, hangs, fills up, or its own process is killed.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from provenance.authority import Authority
from provenance.errors import StoreError
from provenance.service.store.database import MAX_CONNECTIONS, Database
from provenance.service.store.store import Store
from provenance.trust.profile import TrustProfile
from provenance.verification.report import Report
from tests.service.postgresql_support import PostgreSQL
from tests.service.store_support import key_of, make_reports, numbered, record_of

DISK_BYTES = 512 * 1024


@pytest.fixture(scope="module")
def report(authority: Authority, sample_trust: TrustProfile) -> Report:
    """
    Judge an image.
    """
    return make_reports(authority, sample_trust)["trusted"]


def keep(store: Store, report: Report, number: int) -> bool:
    """
    Keep the report on another image.
    """
    mine = numbered(report, number)
    return store.reports.keep(record_of(mine))


def is_kept(store: Store, report: Report, number: int) -> bool:
    """
    Return whether that is there.
    """
    return store.reports.find(key_of(numbered(report, number))) is not None


def every_call(store: Store, report: Report) -> dict[str, Callable[[], object]]:
    """
    Name everything that needs the database.
    """
    key = key_of(report)
    return {
        "keep": lambda: store.reports.keep(record_of(report)),
        "find": lambda: store.reports.find(key),
        "reports_of": lambda: store.reports.of_image(key.sha256),
        "search": store.reports.search,
        "delete": lambda: store.reports.delete("0" * 64),
        "check": store.check,
        "create_key": lambda: store.keys.create_key("name", ["verify"]),
        "find_key": lambda: store.keys.find_key(f"aip_{'a' * 16}_{'a' * 43}"),
        "list_keys": store.keys.list_keys,
        "revoke_key": lambda: store.keys.revoke_key("a" * 16),
    }


def refused(calls: dict[str, Callable[[], object]]) -> dict[str, str]:
    """
    Make every call, and tell what each raised.
    """
    found = {}
    for name, call in calls.items():
        try:
            call()
        except StoreError as error:
            found[name] = error.reason
    return found


# --- a process that is killed --------------------------------------------------------------------

KEEPER = """
import json, sys
from itertools import count
from provenance.service.store.store import Store
from tests.service.store_support import record_of, numbered
report = json.load(sys.stdin)
with Store.open(sys.argv[1]) as store:
    for number in count():
        mine = numbered(report, number)
        assert store.reports.keep(record_of(mine))
        print(number, flush=True)
"""


@pytest.mark.parametrize("lines", [1, 7, 60])
def test_what_a_killed_process_kept_is_there(
    database_url: str, report: Report, tmp_path: Path, lines: int
) -> None:
    """
    Everything that it was told is kept, whole, at whatever point it is killed.
    """
    (tmp_path / "report.json").write_text(json.dumps(report), "utf-8")
    with (tmp_path / "report.json").open("rb") as source:
        keeper = subprocess.Popen(
            [sys.executable, "-c", KEEPER, database_url],
            stdin=source,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).resolve().parents[3],
            text=True,
        )
    with keeper:
        assert keeper.stdout is not None
        printed = [keeper.stdout.readline() for _ in range(lines)]
        keeper.kill()
        printed += keeper.stdout.read().splitlines()

    assert keeper.returncode == -signal.SIGKILL
    with Store.open(database_url) as store:
        numbers = [int(line) for line in printed]
        assert numbers == list(range(len(numbers)))
        assert len(numbers) >= lines
        assert [number for number in numbers if not is_kept(store, report, number)] == []
        store.check()


# --- a disk that is full -------------------------------------------------------------------------


@contextmanager
def small_disk(folder: Path) -> Iterator[Callable[[], None]]:
    """
    Mount a disk of little room; returns what makes it larger.
    """

    def grow() -> None:
        subprocess.run(["mount", "-o", f"remount,size={DISK_BYTES * 8}", folder], check=True)

    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", folder], check=True)
    try:
        yield grow
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextmanager
def small_files(_: Path) -> Iterator[Callable[[], None]]:
    """
    Allow no file of this process to grow beyond a size, which needs no privileges; returns what lifts it.
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def lift() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    resource.setrlimit(resource.RLIMIT_FSIZE, (DISK_BYTES, before[1]))
    try:
        yield lift
    finally:
        lift()


def can_mount() -> bool:
    """
    Return whether disks can be mounted: by root, and not in every container.
    """
    attempt = ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    try:
        return os.geteuid() == 0 and subprocess.run(attempt, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def fill(store: Store, report: Report) -> tuple[int, StoreError]:
    """
    Keep reports until it fails; gives how many are kept, and how it failed.
    """
    for number in range(1000):
        try:
            assert keep(store, report, number)
        except StoreError as error:
            return number, error
    pytest.fail("there was room for everything")


DISKS = [small_files, *([small_disk] if can_mount() else [])]


@pytest.mark.parametrize("disk", DISKS)
def test_a_full_disk_is_said_and_nothing_is_lost(
    tmp_path: Path, report: Report, disk: Callable[[Path], AbstractContextManager[Callable[[], None]]]
) -> None:
    """
    Keeping fails, the check tells so, what is there can be read, and all is well once there is room.
    """
    with disk(tmp_path) as grow, Store.open(f"sqlite:///{tmp_path / 'store.db'}") as store:
        store.check()
        kept, full = fill(store, report)

        assert full.reason in {"database or disk is full", "disk I/O error"}
        assert "room" in full.hint
        assert kept > 10
        with pytest.raises(StoreError, match=full.reason):
            store.check()
        assert all(is_kept(store, report, number) for number in range(kept))
        assert not is_kept(store, report, kept)
        assert len(store.reports.search().reports) == min(kept, 50)

        grow()
        store.check()
        assert keep(store, report, kept)
        assert is_kept(store, report, kept)


# --- a database that cannot be written to --------------------------------------------------------


def test_a_database_that_is_read_only_is_said(postgresql: PostgreSQL, report: Report) -> None:
    """
    As hosts make it when its disk is nearly full, and as a replica is.
    """
    url = postgresql.create_database()
    Store.open(url).close()
    name = url.rpartition("/")[2]
    with closing(Database(url, timeout_s=5)) as database, database.connect() as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")

    with Store.open(url) as store:
        found = refused(every_call(store, report))

    assert set(found) == {"keep", "delete", "check", "create_key", "revoke_key"}
    assert all("read-only transaction" in reason for reason in found.values())


def test_a_file_that_another_process_holds_is_said(tmp_path: Path, report: Report) -> None:
    """
    After the time that was set; reading goes on.
    """
    url = f"sqlite:///{tmp_path / 'store.db'}"
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with Store.open(url, timeout_s=0.1) as store:
        with engine.connect() as other:
            other.exec_driver_sql("BEGIN IMMEDIATE")
            found = refused(every_call(store, report))
            other.exec_driver_sql("ROLLBACK")
        again = refused(every_call(store, report))
    engine.dispose()

    assert found == dict.fromkeys(
        ("keep", "delete", "check", "create_key", "revoke_key"), "database is locked"
    )
    assert again == {}


def test_more_threads_than_connections_wait_and_are_told(database_url: str) -> None:
    """
    A pool without a bound would take all that the server has.
    """
    with closing(Database(database_url, timeout_s=0.1)) as database:
        with ExitStack() as held:
            for _ in range(MAX_CONNECTIONS):
                held.enter_context(database.connect())
            with (
                pytest.raises(StoreError, match="all connections to the database are busy"),
                database.connect(),
            ):
                pass

        with database.connect() as connection:
            assert connection.exec_driver_sql("SELECT 1").scalar() == 1


def test_what_is_kept_stands_in_no_message(database_url: str, report: Report) -> None:
    """
    Messages of the database end up in logs.
    """
    with Store.open(database_url) as store:
        with closing(Database(database_url, timeout_s=5)) as database, database.connect() as connection:
            connection.exec_driver_sql("DROP TABLE provenance_reports")

        with pytest.raises(StoreError, match="provenance_reports") as caught:
            store.reports.keep(record_of(report))

    told = f"{caught.value} {caught.value.__cause__}"
    assert report["asset"]["sha256"] not in told
    assert "manifests" not in told
    assert "\n" not in str(caught.value)


# --- a server that stops, crashes or hangs -------------------------------------------------------


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_server_that_is_gone_is_said_until_it_is_back(
    postgresql: PostgreSQL, report: Report, mode: str
) -> None:
    """
    By every call; and then every call works, with the same store.
    """
    with Store.open(postgresql.create_database(), timeout_s=2) as store:
        calls = every_call(store, report)
        before = refused(calls)
        with postgresql.stopped(mode):
            found = refused(calls)
        after = refused(calls)

    assert (before, after) == ({}, {})
    assert set(found) == set(calls)
    assert "Connection refused" in found["find"]


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_server_that_stops_under_load_loses_nothing(
    postgresql: PostgreSQL, report: Report, mode: str
) -> None:
    """
    Whatever was said to be kept is there afterwards, and nobody has to start the program again.
    """
    with Store.open(postgresql.create_database(), timeout_s=2) as store:
        ended = threading.Event()
        kept: list[list[int]] = [[] for _ in range(8)]
        failed: list[int] = []

        def work(worker: int) -> None:
            number = worker
            while not ended.is_set():
                try:
                    assert keep(store, report, number)
                except StoreError:
                    failed.append(number)
                else:
                    kept[worker].append(number)
                number += 8

        with ThreadPoolExecutor(8) as threads:
            running = [threads.submit(work, worker) for worker in range(8)]
            try:
                wait_until(running, lambda: min(map(len, kept)) >= 5)
                with postgresql.stopped(mode):
                    wait_until(running, lambda: len(failed) >= 8)
                so_far = sum(map(len, kept))
                wait_until(running, lambda: sum(map(len, kept)) >= so_far + 40)
            finally:
                ended.set()
            for worker in running:
                worker.result(timeout=60)

        lost = [number for numbers in kept for number in numbers if not is_kept(store, report, number)]
        assert lost == []
        store.check()


def test_a_server_that_hangs_is_said_until_it_answers_again(postgresql: PostgreSQL, report: Report) -> None:
    """
    Its connections stay open, so only our own timeout ends the wait.
    """
    with Store.open(postgresql.create_database(), timeout_s=0.2) as store:
        assert keep(store, report, 1)
        with postgresql.frozen():
            calls = {name: every_call(store, report)[name] for name in ("find", "keep", "check")}
            found = refused(calls)

        assert set(found) == set(calls)
        assert is_kept(store, report, 1)
        assert refused(every_call(store, report)) == {}


def test_an_answer_that_is_late_is_not_taken_for_the_next(postgresql: PostgreSQL) -> None:
    """
    The connection is given up with the question.
    """
    with closing(Database(postgresql.create_database(), timeout_s=0.3)) as database:
        with pytest.raises(StoreError, match=r"no answer within 0\.3 s"), database.connect() as connection:
            connection.exec_driver_sql("SET statement_timeout = 0; SELECT pg_sleep(20)")

        with database.connect() as connection:
            assert connection.exec_driver_sql("SELECT 42").scalar() == 42


def test_the_server_is_told_how_long_it_is_waited_for(postgresql: PostgreSQL) -> None:
    """
    Or a statement would go on there, with nobody waiting.
    """
    url = postgresql.create_database()
    with closing(Database(url, timeout_s=0.3)) as database, database.connect() as connection:
        found = [
            connection.exec_driver_sql(f"SHOW {name}").scalar()
            for name in ("statement_timeout", "timezone", "application_name")
        ]

    assert found == ["300ms", "UTC", "provenance"]


def wait_until(running: list[Future[None]], is_so: Callable[[], bool]) -> None:
    """
    Wait for something that threads bring about; what one of them raised is raised here.
    """
    never = threading.Event()
    for _ in range(1200):
        if is_so():
            return
        for thread in running:
            if thread.done():
                thread.result()
        never.wait(0.05)
    pytest.fail("it did not come about")
