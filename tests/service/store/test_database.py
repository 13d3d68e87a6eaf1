"""
Opening a store: addresses, files, tables that are missing, old or too new, and several instances at once.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, inspect, make_url

from provenance.errors import ProvenanceError, StoreAddressError, StoreError, StoreVersionError
from provenance.service.store import migrations
from provenance.service.store.database import Database
from provenance.service.store.store import Store
from provenance.service.store.stored_report import ReportKey, ReportRecord
from provenance.service.store.tables import METADATA, REVISION_TABLE
from tests.service.postgresql_support import PASSWORD, PostgreSQL

ROOT = Path(__file__).resolve().parents[3]
OURS = {"provenance_keys", "provenance_probe", "provenance_reports", REVISION_TABLE}
SET_REVISION = f"UPDATE {REVISION_TABLE} SET version_num = '9999'"  # noqa: S608 - a name of ours


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """
    Connect without the store, as another program would; every statement counts at once.
    """
    address = make_url(url)
    if address.drivername == "postgresql":
        address = address.set(drivername="postgresql+psycopg")
    engine = create_engine(address, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def tables(url: str) -> set[str]:
    """
    Name the tables that there are.
    """
    with connected(url) as connection:
        return set(inspect(connection).get_table_names())


def execute(url: str, statement: str) -> None:
    """
    Do something behind the store's back.
    """
    with connected(url) as connection:
        connection.exec_driver_sql(statement)


# --- tables --------------------------------------------------------------------------------------


def test_the_migrations_make_the_tables_that_the_program_uses(database_url: str) -> None:
    """
    Columns, types, keys and indexes; whoever changes a table without a revision is told here.
    """
    Store.open(database_url).close()

    with connected(database_url) as connection:
        options = {"compare_type": True, "compare_server_default": True, "version_table": REVISION_TABLE}
        differences = compare_metadata(MigrationContext.configure(connection, opts=options), METADATA)

    assert differences == []
    assert tables(database_url) == OURS


def test_a_difference_would_be_found(database_url: str) -> None:
    """
    Guards the test above.
    """
    Store.open(database_url).close()
    execute(database_url, "DROP INDEX ix_provenance_reports_search")
    execute(database_url, "ALTER TABLE provenance_keys ADD COLUMN more INTEGER")

    with connected(database_url) as connection:
        found = compare_metadata(MigrationContext.configure(connection), METADATA)

    assert sorted(str(difference[0]) for difference in found) == [
        "add_index",
        "remove_column",
        "remove_table",
    ]


@contextmanager
def migrating(url: str) -> Iterator[None]:
    """
    Be another instance that migrates: hold the lock, and change nothing yet.
    """
    with closing(Database(url, timeout_s=5)) as database, database.connect() as connection:
        for statement in migrations._BEGIN[database.dialect]:
            connection.exec_driver_sql(statement)
        try:
            yield
        finally:
            connection.exec_driver_sql("ROLLBACK")


def test_a_store_that_is_up_to_date_is_opened_as_it_is(database_url: str) -> None:
    """
    Without the lock that migrating takes: an instance starts while another one writes.
    """
    Store.open(database_url).close()

    with migrating(database_url), Store.open(database_url, timeout_s=0.2) as store:
        assert store.keys.list_keys() == ()


def test_an_instance_waits_while_another_one_migrates(database_url: str) -> None:
    """
    Longer than it waits for anything else.
    """
    holding = threading.Event()

    def migrate_slowly() -> None:
        with migrating(database_url):
            holding.set()
            threading.Event().wait(1)

    with ThreadPoolExecutor(1) as threads:
        other = threads.submit(migrate_slowly)
        assert holding.wait(10)
        with Store.open(database_url, timeout_s=0.1) as store:
            assert other.result() is None
            store.check()


def test_a_new_file_that_is_written_to_just_now_is_waited_for(tmp_path: Path) -> None:
    """
    SQLite itself waits for it in all cases but this one: when it is to write ahead from now on.
    """
    path = tmp_path / "store.db"
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="database is locked"):
            Store.open(f"sqlite:///{path}", timeout_s=0.1)
        release = threading.Timer(0.5, other.execute, ("ROLLBACK",))
        release.start()

        Store.open(f"sqlite:///{path}", timeout_s=30).close()

        release.join()
    assert tables(f"sqlite:///{path}") == OURS


STARTED = """
import sys
from provenance.service.store.store import Store
sys.stdin.read(1)
with Store.open(sys.argv[1]) as store:
    store.check()
    print(store.keys.create_key("instance", ["verify"])[0].id)
"""


def test_several_instances_start_at_once(database_url: str) -> None:
    """
    One of them makes the tables, and each finds them.
    """
    command = [sys.executable, "-c", STARTED, database_url]
    instances = [
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for instance in instances:
        assert instance.stdin is not None
        instance.stdin.write("x")
        instance.stdin.flush()
    outcomes = [instance.communicate(timeout=60) for instance in instances]

    assert [errors for _, errors in outcomes] == [""] * 4
    with Store.open(database_url) as store:
        assert {key.id for key in store.keys.list_keys()} == {answer.strip() for answer, _ in outcomes}


def test_threads_of_one_process_can_open_stores_at_once(postgresql: PostgreSQL, tmp_path: Path) -> None:
    """
    Alembic keeps what it is about in one place for a whole process.
    """
    urls = [
        url
        for number in range(4)
        for url in [postgresql.create_database(), f"sqlite:///{tmp_path / str(number)}"]
    ]

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda url: Store.open(url).close(), urls * 2))

    assert [tables(url) for url in urls] == [OURS] * 8


def test_a_store_of_a_newer_version_is_left_alone(database_url: str) -> None:
    """
    Whoever rolls back an installation must not write into tables that mean something else.
    """
    Store.open(database_url).close()
    execute(database_url, SET_REVISION)

    with pytest.raises(StoreVersionError, match=r"revision '9999'.*'0002' is the newest") as caught:
        Store.open(database_url)

    assert "newer" in caught.value.hint
    with connected(database_url) as connection:
        found = connection.exec_driver_sql(f"SELECT version_num FROM {REVISION_TABLE}").scalar()  # noqa: S608 - ours
    assert found == "9999"


def test_a_store_that_is_migrated_while_it_is_open_is_noticed(database_url: str) -> None:
    """
    By the check that readiness rests on.
    """
    with Store.open(database_url) as store:
        store.check()
        execute(database_url, SET_REVISION)
        with pytest.raises(StoreVersionError, match="revision '9999'"):
            store.check()
        execute(database_url, f"DELETE FROM {REVISION_TABLE}")  # noqa: S608 - a name of ours
        with pytest.raises(StoreVersionError, match="an older version"):
            store.check()
        execute(database_url, f"DROP TABLE {REVISION_TABLE}")
        with pytest.raises(StoreError, match=REVISION_TABLE):
            store.check()


def test_a_migration_that_fails_changes_nothing(database_url: str) -> None:
    """
    Half of the tables would be nobody's version.
    """
    execute(database_url, "CREATE TABLE provenance_probe (id INTEGER)")

    with pytest.raises(StoreError, match="already exists"):
        Store.open(database_url)

    assert tables(database_url) == {"provenance_probe"}
    execute(database_url, "DROP TABLE provenance_probe")
    Store.open(database_url).close()
    assert tables(database_url) == OURS


OLD_ROW = """
INSERT INTO provenance_reports
    (sha256, policy_digest, trust_digest, engine, state, accepted, origin, policy, day, created_at, report)
VALUES ('{sha256}', '{policy_digest}', '{trust_digest}', 'c2pa-python 0.38.1; azure-image-provenance 0.1.0',
    'absent', {no}, 'none', 'azure-openai', NULL, '2026-08-17 12:00:00', '{{}}')
"""


def test_reports_of_an_older_version_are_shown_and_answer_nothing(database_url: str) -> None:
    """
    They were kept under the engine and our version alone: nobody knows what else judged.
    """
    with closing(Database(database_url, timeout_s=5)) as database, database.connect() as connection:
        configuration = migrations._configuration()
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "0001")
        connection.exec_driver_sql("COMMIT" if connection.in_transaction() else "SELECT 1")
    key = ReportKey("a" * 64, "b" * 64, "c" * 64, "d" * 64)
    no = "0" if database_url.startswith("sqlite") else "false"
    execute(database_url, OLD_ROW.format(**key._asdict(), no=no))
    entry = ReportRecord(key, "absent", False, "none", "azure-openai", False, "{}")  # noqa: FBT003 - as rows have it

    with Store.open(database_url) as store:
        old = store.reports.of_image(key.sha256)
        answered = store.reports.find(key)
        kept = store.reports.keep(entry)
        both = store.reports.of_image(key.sha256)

    assert [report.key.judged_by[:11] for report in old] == ["c2pa-python"]
    assert answered is None
    assert kept
    assert [report.key for report in both] == [key, old[0].key]


def test_the_database_may_be_shared(database_url: str) -> None:
    """
    With another program that uses Alembic, too.
    """
    execute(database_url, "CREATE TABLE alembic_version (version_num VARCHAR(32))")
    execute(database_url, "INSERT INTO alembic_version VALUES ('of another program')")

    with Store.open(database_url) as store:
        store.check()

    assert tables(database_url) == {*OURS, "alembic_version"}


def test_settings_of_another_program_in_the_folder_do_not_matter(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Alembic looks for none when it is run from here.
    """
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = nowhere\n", "utf-8")
    (tmp_path / "pyproject.toml").write_text("[tool.alembic]\nscript_location = 'nowhere'\n", "utf-8")
    monkeypatch.chdir(tmp_path)

    Store.open(database_url).close()

    assert tables(database_url) == OURS


def test_another_schema_can_be_chosen(postgresql: PostgreSQL) -> None:
    """
    What the address says to PostgreSQL is passed on beside what is said here.
    """
    url = postgresql.create_database()
    execute(url, "CREATE SCHEMA apart")

    Store.open(f"{url}?options=-c%20search_path%3Dapart&application_name=me").close()

    with connected(url) as connection:
        assert set(inspect(connection).get_table_names("apart")) == OURS
        assert inspect(connection).get_table_names("public") == []


# --- addresses -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "",
        "reports.db",
        "/var/lib/reports.db",
        "sqlite",
        "sqlite:",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite://host/reports.db",
        "sqlite:///file:reports.db?mode=memory&uri=true",
        "sqlite:///reports.db?timeout=5",
        "sqlite+aiosqlite:///reports.db",
        "mysql://user:hunter2@host/name",
        "postgresql+psycopg2://user:hunter2@host/name",
        "postgresql://user:hunter2@host:port/name",
        "hunter2://\0",
        "\ud800",
    ],
)
def test_an_address_of_no_database_is_refused(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Without repeating it: there may be a password in it.
    """
    monkeypatch.chdir(tmp_path)

    with pytest.raises(StoreAddressError) as caught:
        Store.open(url)

    assert "hunter2@" not in f"{caught.value} {caught.value.hint} {caught.value.__cause__}"
    assert "sqlite:///FILE" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg", "postgres"])
def test_postgresql_has_several_names(postgresql: PostgreSQL, scheme: str) -> None:
    """
    Those that hosts give out, and SQLAlchemy's.
    """
    with Store.open(postgresql.create_database().replace("postgresql", scheme, 1)) as store:
        store.check()


def test_the_driver_of_postgresql_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The message says which.
    """
    monkeypatch.setitem(sys.modules, "psycopg", None)

    with pytest.raises(StoreAddressError, match=r"psycopg is not installed: pip install .*\[postgresql\]"):
        Store.open("postgresql://user@127.0.0.1/name")


@pytest.mark.parametrize("timeout_s", [0, -1, float("nan"), float("inf")])
def test_a_timeout_that_is_none_is_refused(timeout_s: float, tmp_path: Path) -> None:
    """
    Nobody waits for ever.
    """
    with pytest.raises(ValueError, match="timeout_s must be"):
        Store.open(f"sqlite:///{tmp_path / 'store.db'}", timeout_s=timeout_s)


def test_a_wrong_password_is_said_without_it(postgresql: PostgreSQL) -> None:
    """
    Nor the right one.
    """
    url = make_url(postgresql.create_database()).set(password="wrong-one")  # noqa: S106 - a wrong one

    with pytest.raises(StoreError, match="password authentication failed") as caught:
        Store.open(url.render_as_string(hide_password=False))

    told = f"{caught.value} {caught.value!r} {caught.value.__cause__}"
    assert "wrong-one" not in told
    assert PASSWORD not in told


def test_a_database_that_is_not_there_is_said(postgresql: PostgreSQL) -> None:
    """
    It is not made: who may do that is another question.
    """
    with pytest.raises(StoreError, match='database "nowhere" does not exist'):
        Store.open(postgresql.url("nowhere"))


def test_a_server_that_is_not_there_is_said(postgresql: PostgreSQL) -> None:
    """
    With what can be done about it.
    """
    url = make_url(postgresql.url("postgres")).set(port=1).render_as_string(hide_password=False)

    with pytest.raises(StoreError, match="port 1 failed") as caught:
        Store.open(url)

    assert caught.value.hint.startswith("Check that the database runs")


# --- files ---------------------------------------------------------------------------------------


def test_the_file_is_its_owners_only(tmp_path: Path) -> None:
    """
    With those that SQLite puts beside it: they tell who sent which image.
    """
    path = tmp_path / "100% new.db"

    with Store.open(f"sqlite:///{path}") as store:
        store.check()
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}

    assert modes == {f"{path.name}{suffix}": 0o600 for suffix in ("", "-wal", "-shm")}


def test_what_is_committed_survives_a_power_cut(tmp_path: Path) -> None:
    """
    As far as the disk keeps its word: every commit is synchronised.
    """
    url = f"sqlite:///{tmp_path / 'store.db'}"
    with closing(Database(url, timeout_s=0.3)) as database, database.connect() as connection:
        names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]

    assert found == ["wal", 2, 1, 300]


def test_a_closed_store_is_one_file(tmp_path: Path) -> None:
    """
    To be copied as it is.
    """
    with Store.open(f"sqlite:///{tmp_path / 'store.db'}") as store:
        store.check()

    assert [file.name for file in tmp_path.iterdir()] == ["store.db"]


def test_a_path_is_relative_to_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    With three slashes; one more makes it absolute.
    """
    monkeypatch.chdir(tmp_path)

    Store.open("sqlite:///store.db").close()

    assert (tmp_path / "store.db").is_file()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing/store.db", "No such file or directory"),
        (".", "unable to open database file"),
        ("text/store.db", "Not a directory"),
        ("text", "file is not a database"),
        ("null\0", "no file can be called so"),
        ("x" * 300, "File name too long"),
    ],
)
def test_a_file_that_is_no_store_is_said(tmp_path: Path, name: str, reason: str) -> None:
    """
    And it is left as it is.
    """
    (tmp_path / "text").write_text("no database" * 1000, "utf-8")

    with pytest.raises(StoreError, match=reason):
        Store.open(f"sqlite:///{tmp_path}/{name}")

    if reason in {"No such file or directory", "Not a directory"}:
        with pytest.raises(StoreError, match=f"its file '{tmp_path}/{name}' cannot be made: {reason}"):
            Store.open(f"sqlite:///{tmp_path}/{name}")
    assert (tmp_path / "text").read_text("utf-8") == "no database" * 1000


def test_a_file_is_made_where_only_root_can_make_nodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    As on macOS; what is there already is taken.
    """

    def refuse(path: Path, mode: int) -> None:
        raise PermissionError(errno.EPERM, f"{path.name} {mode}")

    monkeypatch.setattr(os, "mknod", refuse)
    path = tmp_path / "store.db"

    Store.open(f"sqlite:///{path}").close()
    Store.open(f"sqlite:///{path}").close()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(StoreError, match="No such file or directory"):
        Store.open(f"sqlite:///{tmp_path}/missing/store.db")


def test_opening_a_store_twice_drops_no_locks(tmp_path: Path) -> None:
    """
    Another process would take itself for the last one, and take away what this one goes on writing to.
    """
    url = f"sqlite:///{tmp_path / 'store.db'}"
    command = [sys.executable, "-c", STARTED, url]
    with Store.open(url) as first:
        first.check()
        with Store.open(url) as second:
            second.check()
            ran = subprocess.run(command, input="x", capture_output=True, text=True, check=True, timeout=60)
            ours = first.keys.create_key("ours", ["verify"])[0].id
            again = subprocess.run(command, input="x", capture_output=True, text=True, check=True, timeout=60)

            theirs = {ran.stdout.strip(), again.stdout.strip()}
            assert {key.id for key in second.keys.list_keys()} == {ours, *theirs}
    with Store.open(url) as store:
        assert {key.id for key in store.keys.list_keys()} == {ours, *theirs}


@pytest.mark.parametrize("change", ["deleted", "moved", "replaced"])
def test_a_file_that_is_not_in_its_place_any_more_is_noticed(tmp_path: Path, change: str) -> None:
    """
    It can still be written to, and what is written is lost.
    """
    path = tmp_path / "store.db"
    with Store.open(f"sqlite:///{path}") as store:
        store.check()
        if change == "deleted":
            path.unlink()
        else:
            path.rename(tmp_path / "elsewhere.db")
        if change == "replaced":
            path.write_bytes((tmp_path / "elsewhere.db").read_bytes())

        with pytest.raises(StoreError, match="deleted, moved or replaced"):
            store.check()


@pytest.mark.parametrize("error", [StoreError("why"), StoreAddressError("why"), StoreVersionError("why")])
def test_errors_of_the_store_say_what_to_do(error: ProvenanceError) -> None:
    """
    In one line each.
    """
    assert str(error) == "the store cannot be used: why"
    assert error.hint.endswith(".")
    assert "\n" not in error.hint
