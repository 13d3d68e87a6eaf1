"""
A real PostgreSQL for tests: a server of its own, that can be stopped, frozen and started again.

What is missing is installed by apt where that is allowed, which is by root only. Otherwise the test is
skipped, and the reason names what is missing; under CI a test that is skipped fails.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests import apt_support

PASSWORD = "p%ss w@rd"  # noqa: S105 - of a server that lives as long as the tests

_PACKAGE = "postgresql"
_OWNER = "postgres"
_ROLE = "provenance"
# A crash of the server is one of its processes only, which needs no disk that is synchronised.
_SETTINGS = """
fsync = off
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 60
"""


class PostgreSQL:
    """
    One server. Its URL stays the same while it is stopped and started again.
    """

    def __init__(self, programs: Path, folder: Path) -> None:
        """
        Make a server whose files lie in a folder; it is not started yet.
        """
        self._programs = programs
        self._folder = folder
        self._data = folder / "data"
        self._numbers = itertools.count(1)
        self._given_back: list[str] = []
        # Held as long as the server may be started again: another process of the tests gets another port.
        self._reserved = socket.socket()
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._reserved.bind(("127.0.0.1", 0))
        self.port: int = self._reserved.getsockname()[1]
        password = folder / "password"
        password.write_text(PASSWORD, "utf-8")
        if os.geteuid() == 0:
            for path in (folder, password):
                shutil.chown(path, _OWNER)
        arguments = ("--username", _ROLE, "--pwfile", str(password), "--auth", "scram-sha-256")
        self._run(
            "initdb",
            "--pgdata",
            str(self._data),
            "--encoding",
            "UTF8",
            "--locale",
            "C",
            "--no-sync",
            *arguments,
        )
        with (self._data / "postgresql.conf").open("a", encoding="utf-8") as settings:
            settings.write(f"{_SETTINGS}port = {self.port}\n")

    def start(self) -> None:
        """
        Start it, and wait until it answers.
        """
        self._run(
            "pg_ctl", "start", "--wait", "--pgdata", str(self._data), "--log", str(self._folder / "log")
        )

    def stop(self, mode: str = "fast") -> None:
        """
        Stop it: "fast" ends all sessions in order, "immediate" is as a crash.
        """
        self._run("pg_ctl", "stop", "--wait", "--mode", mode, "--pgdata", str(self._data))

    def close(self) -> None:
        """
        Stop it for good.
        """
        self.stop("immediate")
        self._reserved.close()

    @contextlib.contextmanager
    def stopped(self, mode: str = "fast") -> Iterator[None]:
        """
        Stop it for a while.
        """
        self.stop(mode)
        try:
            yield
        finally:
            self.start()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """
        Freeze it for a while: its connections stay open, and nothing answers.
        """
        main = int((self._data / "postmaster.pid").read_text("ascii").split()[0])
        os.kill(main, signal.SIGSTOP)
        # Read only now, because it can start no more of them.
        processes = [main, *_children(main)]
        try:
            for process in processes:
                os.kill(process, signal.SIGSTOP)
            yield
        finally:
            for process in processes:
                # What ended on its own meanwhile needs not go on.
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGCONT)

    def url(self, database: str) -> str:
        """
        Return the address of a database, with role and password.
        """
        password = "".join(f"%{byte:02X}" for byte in PASSWORD.encode())
        return f"postgresql://{_ROLE}:{password}@127.0.0.1:{self.port}/{database}"

    def create_database(self) -> str:
        """
        Make an empty database, or use one again that was given back.

        Returns:
            Its address.
        """
        if self._given_back:
            return self._given_back.pop()
        name = f"test_{next(self._numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name)

    def give_back(self, url: str) -> None:
        """
        Accept a database back that `create_database` made, whoever is still connected: making one takes long.
        """
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
        self._given_back.append(url)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        if os.geteuid() == 0:
            command = ["runuser", "-u", _OWNER, "--", *command]
        # Into a file: the server inherits these streams, and a pipe would stay open as long as it runs.
        with (self._folder / f"{program}.log").open("w+b") as log:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._folder, check=False
            )
            log.seek(0)
            assert done.returncode == 0, log.read().decode()


@contextlib.contextmanager
def running() -> Iterator[PostgreSQL]:
    """
    Run a server, after installing what is missing; skips the test where that cannot be done.
    """
    programs = _find_programs()
    # Not in pytest's folder: that belongs to one user, and PostgreSQL refuses to run as root.
    with tempfile.TemporaryDirectory(prefix="provenance-postgresql-") as folder:
        server = PostgreSQL(programs, Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.close()


def _find_programs() -> Path:
    found = _installed()
    if found is None:
        apt_support.install(_PACKAGE)
        found = _installed()
    if found is None:
        pytest.skip(f"PostgreSQL's server is not installed (Debian: apt-get install {_PACKAGE})")
    if os.geteuid() == 0 and not _has_owner():
        pytest.skip(f"root needs a user {_OWNER!r} to run PostgreSQL as")
    return found


def _installed() -> Path | None:
    # Debian keeps the server's programs, one folder for each version, off the PATH.
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    on_path = shutil.which("pg_ctl")
    folders = [*reversed(debian), *([Path(on_path).resolve().parent] if on_path else [])]
    return next((folder for folder in folders if (folder / "pg_ctl").is_file()), None)


def _has_owner() -> bool:
    try:
        pwd.getpwnam(_OWNER)
    except KeyError:
        return False
    return shutil.which("runuser") is not None


def _children(process: int) -> list[int]:
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True)
    rows = (line.split() for line in listed.stdout.splitlines())
    return [int(child) for child, parent in rows if int(parent) == process]
