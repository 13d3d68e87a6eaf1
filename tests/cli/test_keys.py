"""
`provenance keys`: what is printed where, what is refused, and that a key made here opens the store.
"""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result

from provenance.service.store.api_key import Scope
from provenance.service.store.store import Store
from tests.cli.conftest import PROGRAM, Invoke, Run
from tests.service.postgresql_support import PASSWORD, PostgreSQL

KEY = re.compile(r"aip_[a-z2-7]{16}_[A-Za-z0-9_-]{43}")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="/dev/full")


@pytest.fixture(autouse=True)
def _without_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Keep the settings of whoever runs the tests out of them.
    """
    for name in [name for name in os.environ if name.startswith("PROVENANCE_")]:
        monkeypatch.delenv(name)


def create(invoke: Invoke, *arguments: str) -> Result:
    """
    Make a key for uploads.
    """
    return invoke("keys", "create", "--name", "uploads", "--scope", "verify", *arguments)


def listed(invoke: Invoke, url: str) -> list[dict[str, object]]:
    """
    List the keys as data.
    """
    found: list[dict[str, object]] = json.loads(
        invoke("keys", "list", "--format", "json", "--database", url).stdout
    )
    return found


def test_a_key_is_made_and_shown_once(invoke: Invoke, database_url: str) -> None:
    """
    Standard output holds nothing else, for `KEY=$(provenance keys create ...)`.
    """
    result = create(invoke, "--scope", "reports:read", "--database", database_url)

    assert result.exit_code == 0, result.stderr
    text = result.stdout.removesuffix("\n")
    assert KEY.fullmatch(text)
    assert text not in result.stderr
    assert "not shown again" in result.stderr
    with Store.open(database_url) as store:
        key = store.keys.find_key(text)
    assert key is not None
    assert key.name == "uploads"
    assert key.scopes == {Scope.VERIFY, Scope.REPORTS_READ}
    assert key.id in result.stderr


def test_a_key_is_made_as_data(invoke: Invoke, database_url: str) -> None:
    """
    The same as in the list, and the key.
    """
    result = create(invoke, "--expires", "90d", "--database", database_url, "--format", "json")

    made = json.loads(result.stdout)
    assert result.stderr == ""
    assert KEY.fullmatch(made.pop("key"))
    assert [made] == listed(invoke, database_url)
    assert made["usable"] is True


def test_the_list_holds_no_secret(invoke: Invoke, database_url: str) -> None:
    """
    In either form.
    """
    text = create(invoke, "--database", database_url).stdout.strip()
    secret = text.rpartition("_")[2] if text.count("_") == 2 else text[-43:]

    shown = [
        invoke("keys", "list", "--database", database_url, "--format", form).stdout
        for form in ("text", "json")
    ]

    assert all(text.split("_")[1] in answer and "uploads" in answer for answer in shown)
    assert not any(secret in answer or "aip_" in answer for answer in shown)


def test_a_key_is_revoked(invoke: Invoke, database_url: str) -> None:
    """
    By what the list shows; twice is once.
    """
    text = create(invoke, "--database", database_url).stdout.strip()
    key_id = text.split("_")[1]

    first = invoke("keys", "revoke", key_id, "--database", database_url)
    second = invoke("keys", "revoke", key_id, "--database", database_url, "--format", "json")

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert "revoked" in first.stdout
    (found,) = listed(invoke, database_url)
    assert json.loads(second.stdout) == found
    assert found["revoked_at"] is not None
    assert found["usable"] is False
    with Store.open(database_url) as store:
        assert store.keys.find_key(text) is None


@pytest.mark.parametrize("whole", [True, False])
def test_a_key_that_is_not_there_cannot_be_revoked(invoke: Invoke, database_url: str, whole: bool) -> None:  # noqa: FBT001 - a parameter
    """
    And what was given is not repeated: it may be the key itself.
    """
    text = create(invoke, "--database", database_url).stdout.strip()

    result = invoke("keys", "revoke", text if whole else "a" * 16, "--database", database_url)

    assert result.exit_code == 2
    assert "There is no key of this id" in result.stderr
    assert text not in result.stderr


def test_no_keys_are_no_error(invoke: Invoke, database_url: str) -> None:
    """
    And it is said how to make one.
    """
    Store.open(database_url).close()

    assert listed(invoke, database_url) == []
    assert "provenance keys create" in invoke("keys", "list", "--database", database_url).stdout


@pytest.mark.parametrize(
    ("expires", "expected"),
    [
        ("2999-01-31", "2999-01-31T00:00:00Z"),
        ("2999-01-31T12:00:00+02:00", "2999-01-31T10:00:00Z"),
        ("2999-01-31 12:00:00", "2999-01-31T12:00:00Z"),
    ],
)
def test_a_key_expires_on_a_date(invoke: Invoke, database_url: str, expires: str, expected: str) -> None:
    """
    In UTC unless it names a zone.
    """
    create(invoke, "--expires", expires, "--database", database_url)

    assert listed(invoke, database_url)[0]["expires_at"] == expected


@pytest.mark.parametrize(
    ("expires", "period"),
    [("90d", timedelta(days=90)), ("12h", timedelta(hours=12)), ("2w", timedelta(days=14))],
)
def test_a_key_expires_after_a_period(
    invoke: Invoke, database_url: str, expires: str, period: timedelta
) -> None:
    """
    Counted from now.
    """
    before = datetime.now(UTC)
    create(invoke, "--expires", expires, "--database", database_url)
    after = datetime.now(UTC)

    found = datetime.fromisoformat(str(listed(invoke, database_url)[0]["expires_at"]))
    assert before + period <= found <= after + period


def test_a_key_without_an_end_is_said_to_have_none(invoke: Invoke, database_url: str) -> None:
    """
    So that nobody has to guess.
    """
    result = create(invoke, "--database", database_url)

    assert re.search(r"expires +never", result.stderr)
    assert listed(invoke, database_url)[0]["expires_at"] is None


def test_an_expired_key_is_said_to_be_expired(invoke: Invoke, database_url: str) -> None:
    """
    It is still listed: somebody may wonder why it is refused.
    """
    with Store.open(database_url, clock=lambda: datetime(2020, 1, 1, tzinfo=UTC)) as store:
        store.keys.create_key("old", ["verify"], datetime(2020, 2, 1, tzinfo=UTC))

    assert re.search(
        r"expired +2020-02-01 00:00:00 UTC", invoke("keys", "list", "--database", database_url).stdout
    )
    assert listed(invoke, database_url)[0]["usable"] is False


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Missing option '--name'"),
        (("--name", "n"), "Missing option '--scope'"),
        (("--name", "n", "--scope", "all"), "'all' is not one of"),
        (("--name", "", "--scope", "verify"), "the name of a key has 1 to 100 printable characters"),
        (("--name", "a\nb", "--scope", "verify"), "printable"),
        (("--name", "n", "--scope", "verify", "--expires", "soon"), "neither a period"),
        (("--name", "n", "--scope", "verify", "--expires", "0d"), "neither a period"),
        (("--name", "n", "--scope", "verify", "--expires", "2026-13-01"), "neither a period"),
        (("--name", "n", "--scope", "verify", "--expires", "-90d"), "neither a period"),
        (("--name", "n", "--scope", "verify", "--expires", "2020-01-01"), "has to be in the future"),
    ],
)
def test_a_bad_request_makes_no_key(
    invoke: Invoke, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    """
    And says what is wrong.
    """
    url = f"sqlite:///{tmp_path / 'store.db'}"

    result = invoke("keys", "create", *arguments, "--database", url)

    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""
    with Store.open(url) as store:
        assert list(store.keys.list_keys()) == []


def test_the_store_is_named_by_the_settings(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A file, the environment, or the command line; the last wins.
    """
    urls = {name: f"sqlite:///{tmp_path / name}.db" for name in ("file", "environment", "line")}
    config = tmp_path / "service.toml"
    config.write_text(f'database = "{urls["file"]}"\n', "utf-8")

    create(invoke, "--config", str(config))
    monkeypatch.setenv("PROVENANCE_DATABASE", urls["environment"])
    create(invoke, "--config", str(config))
    create(invoke, "--config", str(config), "--database", urls["line"])

    assert [len(listed(invoke, url)) for url in urls.values()] == [1, 1, 1]


def test_without_settings_it_is_the_store_of_the_user(invoke: Invoke, home: Path) -> None:
    """
    The one that the service uses, then, too.
    """
    assert create(invoke).exit_code == 0

    (path,) = home.rglob("*.db")
    assert len(listed(invoke, f"sqlite:///{path}")) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_settings_that_cannot_be_read_are_a_bad_request(run: Run, tmp_path: Path) -> None:
    """
    Before anything is made.
    """
    result = run("keys", "list", "--config", str(tmp_path / "missing.toml"))

    assert result.returncode == 2
    assert b"missing.toml" in result.stderr


@pytest.mark.parametrize(
    ("url", "code", "message"),
    [
        ("mysql://me:hunter2@host/name", 2, "neither SQLite nor PostgreSQL"),
        ("sqlite:///missing/store.db", 3, "missing/store.db' "),
        ("postgresql://me:hunter2@127.0.0.1:1/name", 3, "Connection refused"),
    ],
)
@pytest.mark.parametrize(
    "command", [("list",), ("revoke", "a" * 16), ("create", "--name", "n", "--scope", "verify")]
)
def test_a_store_that_cannot_be_used_is_said(
    run: Run, command: tuple[str, ...], url: str, code: int, message: str
) -> None:
    """
    Without the password.
    """
    result = run("keys", *command, "--database", url)

    assert result.returncode == code
    told = result.stderr.decode()
    assert message in told
    assert "hunter2" not in told
    assert "Traceback" not in told


@pytest.mark.parametrize("command", [("list",), ("revoke", "a" * 16)])
@pytest.mark.parametrize("named", [True, False])
def test_a_store_that_is_not_there_is_not_made(
    invoke: Invoke,
    home: Path,
    tmp_path: Path,
    command: tuple[str, ...],
    named: bool,  # noqa: FBT001 - a parameter
) -> None:
    """
    An empty list would be taken for the service's.
    """
    file = tmp_path / "store.db" if named else home / "state" / "service.db"

    result = invoke("keys", *command, *(("--database", f"sqlite:///{file}") if named else ()))

    assert result.exit_code == 3
    assert f"its file '{file}' does not exist" in result.stderr
    assert "--config" in result.stderr
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_relative_store_lies_beside_the_settings(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Wherever the command is started from.
    """
    config = tmp_path / "etc" / "service.toml"
    config.parent.mkdir()
    config.write_text('database = "sqlite:///keys.db"\n', "utf-8")
    monkeypatch.chdir(tmp_path)

    create(invoke, "--config", "etc/service.toml")

    assert len(listed(invoke, f"sqlite:///{config.parent / 'keys.db'}")) == 1


def test_choices_are_listed_in_one_line(invoke: Invoke) -> None:
    """
    Click breaks the line after each.
    """
    result = invoke("keys", "create", "--name", "x")

    first, *_ = result.stderr.splitlines()
    assert first.endswith("Choose from: verify, reports:read, reports:delete, admin")


@pytest.mark.parametrize("command", ["create", "list", "revoke"])
def test_help_has_an_example(invoke: Invoke, command: str) -> None:
    """
    It says more than any description.
    """
    assert f"Examples:\n    provenance keys {command} " in invoke("keys", command, "--help").stdout


def test_a_password_may_be_anything(run: Run, postgresql: PostgreSQL) -> None:
    """
    Encoded as in any address, and shown nowhere.
    """
    result = run(
        "keys", "create", "--name", "n", "--scope", "admin", PROVENANCE_DATABASE=postgresql.create_database()
    )

    assert result.returncode == 0, result.stderr
    assert PASSWORD not in (result.stdout + result.stderr).decode()


@LINUX
def test_a_key_that_nobody_saw_is_revoked(run: Run, tmp_path: Path) -> None:
    """
    Nobody would ever do it later.
    """
    url = f"sqlite:///{tmp_path / 'store.db'}"
    command: list[str | Path] = [
        PROGRAM,
        "keys",
        "create",
        "--name",
        "n",
        "--scope",
        "verify",
        "--database",
        url,
    ]
    with Path("/dev/full").open("wb") as full:
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False, timeout=60)

    assert (result.returncode, result.stderr) == (
        3,
        b"provenance: the output cannot be written: No space left on device\n",
    )
    (found,) = json.loads(run("keys", "list", "--format", "json", "--database", url).stdout)
    assert found["revoked_at"] is not None


def test_a_key_that_nobody_reads_is_revoked(tmp_path: Path, run: Run) -> None:
    """
    The other end of the pipe was gone before there was anything to read.
    """
    url = f"sqlite:///{tmp_path / 'store.db'}"
    command: list[str | Path] = [
        PROGRAM,
        "keys",
        "create",
        "--name",
        "n",
        "--scope",
        "verify",
        "--database",
        url,
    ]
    reading, writing = os.pipe()
    os.close(reading)

    result = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False, timeout=60)

    os.close(writing)
    assert (result.returncode, result.stderr) == (141, b"")
    (found,) = json.loads(run("keys", "list", "--format", "json", "--database", url).stdout)
    assert found["revoked_at"] is not None


@pytest.mark.parametrize("missing", ["sqlalchemy", "alembic"])
def test_without_the_extra_it_is_named(invoke: Invoke, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    """
    With what installs it.
    """
    for name in [name for name in sys.modules if name.startswith("provenance.service.")]:
        if name.rpartition(".")[2] not in {"access", "kind", "settings"}:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)

    result = invoke("keys", "list")

    assert result.exit_code == 2
    assert f"{missing} is not installed: pip install 'azure-image-provenance[service]'" in result.stderr


WITHOUT = """
import sys
sys.modules["psycopg"] = None
from provenance.cli import main
main(["keys", "list", "--database", "postgresql://127.0.0.1/name"])
"""


def test_without_the_driver_of_postgresql_its_extra_is_named() -> None:
    """
    That is another one.
    """
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=False, timeout=60
    )

    assert result.returncode == 2
    assert "psycopg is not installed: pip install 'azure-image-provenance[postgresql]'" in result.stderr
