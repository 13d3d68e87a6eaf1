"""
A running service for tests: in this process behind a real socket, or as a process of its own.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import httpx

from provenance.listener import address_of, listen
from provenance.service.config.settings import Settings
from provenance.service.resources import ServiceResources
from provenance.service.server import Server

SAMPLES = Path(__file__).resolve().parents[2] / "sample_images"
PROFILE = SAMPLES / "trust.toml"
ACCEPTED = SAMPLES / "trusted" / "dalle-v1.png"
ABSENT = SAMPLES / "absent" / "plain.png"

START_S = 60


@dataclasses.dataclass(frozen=True, slots=True)
class Running:
    """
    A service that answers from a thread of this process.

    Attributes:
        resources: What is behind it.

        server: What answers.

        address: Where, as http://host:port.
    """

    resources: ServiceResources
    server: Server
    address: str

    @property
    def port(self) -> int:
        """
        The port alone.
        """
        return int(self.address.rpartition(":")[2])

    def key(self, *scopes: str) -> dict[str, str]:
        """
        Make an API key, as the header that shows it.
        """
        _, text = self.resources.store.keys.create_key("test", scopes)
        return {"Authorization": f"Bearer {text}"}

    def client(self, *scopes: str) -> httpx.Client:
        """
        Make a client that shows a key with these scopes; without any, none.
        """
        headers = self.key(*scopes) if scopes else {}
        return httpx.Client(base_url=self.address, headers=headers, timeout=30)

    def connect(self) -> socket.socket:
        """
        Open a connection, for bytes that no client would send.
        """
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)


@contextlib.contextmanager
def running(folder: Path, **settings: Any) -> Iterator[Running]:  # noqa: ANN401 - as `Settings` has them
    """
    Run a service in this process.

    Args:
        folder: Where its database lies, unless *settings* name another.

        settings: What it is set to; the sample images' authority is believed, and there is one worker.
    """
    chosen = {
        "port": 0,
        "workers": 1,
        "database": f"sqlite:///{folder / 'service.db'}",
        "trust_profiles": (str(PROFILE),),
        "shutdown_s": 5,
        **settings,
    }
    ready = threading.Event()
    with (
        ServiceResources(Settings(**chosen)) as resources,
        contextlib.closing(listen("127.0.0.1", 0)) as listener,
    ):
        server = Server(resources, listener, lambda _: ready.set())
        thread = threading.Thread(target=server.answer, name="server")
        thread.start()
        try:
            assert ready.wait(START_S)
            yield Running(resources, server, address_of(listener))
        finally:
            server.should_exit = True
            thread.join()


class Process:
    """
    A service that is a process of its own, started by the command.

    Attributes:
        address: Where it answers.

        process: The process.
    """

    def __init__(self, folder: Path, *options: str, **settings: object) -> None:
        """
        Start it, and wait until it answers.

        Args:
            folder: Where its settings, its database and its log lie.

            options: Options of the command.

            settings: What it is set to.
        """
        chosen = {
            "port": 0,
            "workers": 1,
            "database": f"sqlite:///{folder / 'service.db'}",
            "trust_profiles": [str(PROFILE)],
            **settings,
        }
        config = folder / "service.toml"
        config.write_text(
            "".join(f"{name} = {json.dumps(value)}\n" for name, value in chosen.items()), "utf-8"
        )
        self.folder = folder
        self.log = folder / "log.jsonl"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "provenance.cli", "serve", "--config", str(config), *options],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "AZURE_IMAGE_PROVENANCE_HOME": str(folder)},
            )
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()
        if not self.address:
            self.__exit__()
            raise AssertionError(self.log.read_text("utf-8"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process.wait()

    @property
    def port(self) -> int:
        """
        The port alone.
        """
        return int(self.address.rpartition(":")[2])

    def lines(self) -> list[dict[str, Any]]:
        """
        Read what it has logged.
        """
        return [json.loads(line) for line in self.log.read_text("utf-8").splitlines()]

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """
        Send it a signal to end, and wait for it.

        Returns:
            Its exit code.
        """
        self.process.send_signal(number)
        return self.process.wait(timeout=60)


def until(condition: Any, timeout_s: float = 30) -> Any:  # noqa: ANN401 - whatever the condition gives
    """
    Wait until a condition returns something that counts as true, and return that.
    """
    end = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
    return found


def exchange(connection: socket.socket, data: bytes) -> bytes:
    """
    Send bytes, and read until the server closes.
    """
    connection.sendall(data)
    return read_all(connection)


def read_all(connection: socket.socket) -> bytes:
    """
    Read until the server closes.
    """
    received = bytearray()
    while piece := connection.recv(65_536):
        received += piece
    return bytes(received)


def open_files() -> int:
    """
    Count the descriptors of this process.
    """
    return len(list(Path("/proc/self/fd").iterdir()))
