"""
The service as a process: where it listens, how it starts, and how it ends without losing what it accepted.
"""

from __future__ import annotations

import contextlib
import gc
import signal
import socket
import sys
import threading
from collections.abc import Callable, Generator

import uvicorn

from provenance.errors import SettingsError
from provenance.listener import address_of, listen
from provenance.service.app import create_app
from provenance.service.config.settings import Settings
from provenance.service.http.protocol import MAX_REFUSED_CONNECTIONS, protocol_factory
from provenance.service.observability.json_log import configure_logging
from provenance.service.resources import ServiceResources
from provenance.service.store.database import MAX_CONNECTIONS

_BACKLOG = 1_024
# One image is judged while the next one of a batch arrives.
_FILES_PER_ADMISSION = 2
# Two ends of sockets and pipes, its sentinel, and what keeps it alive; as much again while one replaces it.
_FILES_PER_WORKER = 8
# A file of SQLite, its log and the index of that; PostgreSQL takes one.
_FILES_PER_DATABASE_CONNECTION = 3
# Streams, listener, event loop, fork server and traces, and what libraries open for a moment.
_OTHER_FILES = 64
_ENDING = (signal.SIGINT, signal.SIGTERM)

WhenReady = Callable[[str], None]
"""
Is told the address, once requests are answered.
"""


class _OpenFilesError(SettingsError):
    hint = (
        "Raise that limit ('ulimit -Hn', or LimitNOFILE= in a unit of systemd), or lower 'max_connections'."
    )


class Server(uvicorn.Server):
    """
    Answers for a service, on a socket that listens already.
    """

    def __init__(self, resources: ServiceResources, listener: socket.socket, when_ready: WhenReady) -> None:
        """
        Set what answers, where.

        Args:
            resources: What is behind it; opened and closed by the caller.

            listener: The socket; closed when the server ends.

            when_ready: Is told the address.
        """
        settings = resources.settings
        super().__init__(
            uvicorn.Config(
                create_app(resources),
                http=protocol_factory(settings, resources.metrics),  # type: ignore[arg-type]  # whatever makes protocols will do
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=bool(settings.proxies),
                forwarded_allow_ips=list(settings.proxies),
                backlog=_BACKLOG,
                timeout_keep_alive=settings.keep_alive_s,
                timeout_graceful_shutdown=settings.shutdown_s,
            )
        )
        self._listener = listener
        self._when_ready = when_ready

    def answer(self) -> None:
        """
        Answer until SIGINT or SIGTERM comes, or `should_exit` is set; then finish what was accepted.

        In another thread than the main one signals are left alone.
        """
        self.run(sockets=[self._listener])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """
        Listen, and pass the address on.
        """
        await super().startup(sockets)
        # What is there by now stays: looking through it for garbage again and again frees nothing.
        gc.freeze()
        self._when_ready(address_of(self._listener))

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """
        End well when told to end: the base class would raise the signal again, and end the process by it.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        previous = {number: signal.signal(number, self.handle_exit) for number in _ENDING}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


def serve(settings: Settings, when_ready: WhenReady) -> None:
    """
    Run the service until this process is told to end, by SIGINT or SIGTERM; for the main thread.

    Log lines go to standard error, for the whole process.

    Args:
        settings: What it is set to.

        when_ready: Is told the address, once requests are answered.

    Raises:
        ListenError: If the port cannot be had.

        PolicyError: If a policy cannot be used.

        TrustError: If a trust profile cannot be used.

        SettingsError: If settings contradict each other, or this process may not open as many files as they
            need.

        StoreError: If the store cannot be opened.

        EngineError: If the self-test does not pass.
    """
    configure_logging(settings.log_level)
    allow_files(files_needed(settings))
    with (
        contextlib.closing(listen(settings.host, settings.port, backlog=_BACKLOG)) as listener,
        ServiceResources(settings) as resources,
    ):
        Server(resources, listener, when_ready).answer()


def files_needed(settings: Settings) -> int:
    """
    Return how many files the service may have open at a time; connections are files, too.
    """
    return (
        settings.max_connections
        + MAX_REFUSED_CONNECTIONS
        + _FILES_PER_ADMISSION * settings.admission_slots
        + _FILES_PER_WORKER * settings.worker_count
        + _FILES_PER_DATABASE_CONNECTION * MAX_CONNECTIONS
        + _OTHER_FILES
    )


def allow_files(needed: int) -> None:
    """
    Raise this process's limit on open files, if it is lower; where there is such a limit.

    Without this, connections and images would be refused long before the settings say so.

    Raises:
        SettingsError: If the system does not allow as many.
    """
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - is not there on every system

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    except (OSError, ValueError) as error:
        allowed = "fewer" if hard == resource.RLIM_INFINITY else f"{hard:,}"
        raise _OpenFilesError(
            f"these settings need up to {needed:,} open files, and this process may open {allowed}"
        ) from error
