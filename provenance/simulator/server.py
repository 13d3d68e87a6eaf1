"""
The simulator as a server, beside a program's own work or as the work of a whole process.

It listens on this machine alone unless told otherwise: whoever can reach it can make it sign.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Self

import uvicorn

from provenance.atomic_file import replaced
from provenance.authority import KeyType
from provenance.listener import address_of, listen
from provenance.loopback import is_loopback
from provenance.simulator.app import create_app
from provenance.simulator.clock import Clock, system_clock
from provenance.simulator.fault import Faults
from provenance.simulator.request.access import AcceptedTokens
from provenance.simulator.request.body import BodyLimits
from provenance.simulator.request_log import RecordedRequest
from provenance.simulator.simulation import Behaviour, Simulation
from provenance.trust.profile import TrustProfile, dump_trust_profile

DEFAULT_KEY = "simulated-key"

_POLL_S = 0.005
_START_TIMEOUT_S = 30.0
_CONNECTIONS = 512


class Simulator:
    """
    A simulated Azure resource on a port of this machine, while its context lasts.

    Attributes:
        simulation: Everything behind the port, for use without the server, too.
    """

    def __init__(
        self,
        *,
        api_key: str = DEFAULT_KEY,
        deployments: Mapping[str, str] | None = None,
        quota_per_minute: int | None = None,
        behaviour: Behaviour | None = None,
        clock: Clock = system_clock,
        key_type: KeyType = KeyType.RSA2048,
        limits: BodyLimits | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        allow_remote: bool = False,
    ) -> None:
        """
        Set everything up; nothing listens yet.

        Args:
            api_key: The key it asks for.

            deployments: Names of models by the names of their deployments; by default every known model
                under its own name.

            quota_per_minute: Shorthand for that setting of *behaviour*.

            behaviour: How it answers at first.

            clock: What time it is there.

            key_type: Kind of the authority's keys. RSA signs as Azure does; P-256 starts quicker.

            limits: Bounds on the bodies of requests.

            host: Address to listen on.

            port: Port to listen on; 0 for any that is free.

            allow_remote: Listen on other addresses than loopback, too.

        Raises:
            ValueError: If *host* is not a loopback address and that was not allowed, the key is empty, or
                there is no deployment.
        """
        if not allow_remote and not is_loopback(host):
            raise ValueError(f"{host!r} is no loopback address: remote clients have to be allowed")
        chosen = behaviour or Behaviour()
        if quota_per_minute is not None:
            chosen = replace(chosen, quota_per_minute=quota_per_minute)
        self.simulation = Simulation(
            api_key=api_key,
            deployments=deployments,
            behaviour=chosen,
            clock=clock,
            key_type=key_type,
            limits=limits,
        )
        self._address = (host, port)
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._endpoint = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<Simulator {self._endpoint or 'stopped'}>"

    @property
    def endpoint(self) -> str:
        """
        Where it listens, as http://host:port without a slash at the end.

        Raises:
            RuntimeError: If it does not listen.
        """
        if not self._endpoint:
            raise RuntimeError("the simulator was not started")
        return self._endpoint

    @property
    def api_key(self) -> str:
        """
        The key it asks for.
        """
        return self.simulation.api_key

    @property
    def trust_profile(self) -> TrustProfile:
        """
        Whom to believe to accept its images; another one for each simulator.
        """
        return self.simulation.trust_profile

    @property
    def requests(self) -> tuple[RecordedRequest, ...]:
        """
        What was asked lately, oldest first.
        """
        return self.simulation.request_log.requests()

    @property
    def faults(self) -> Faults:
        """
        What goes wrong on demand.
        """
        return self.simulation.faults

    @property
    def tokens(self) -> AcceptedTokens:
        """
        The bearer tokens that are accepted.
        """
        return self.simulation.tokens

    @property
    def clock(self) -> Clock:
        """
        What time it is there.
        """
        return self.simulation.clock

    @property
    def behaviour(self) -> Behaviour:
        """
        How it answers; may be replaced at any time, and holds for requests that come later.
        """
        return self.simulation.behaviour

    @behaviour.setter
    def behaviour(self, behaviour: Behaviour) -> None:
        """
        Set how it answers from now on.
        """
        self.simulation.behaviour = behaviour

    def start(self) -> None:
        """
        Listen, from a thread of its own; returns once requests are answered.

        Raises:
            ListenError: If the port cannot be had.

            RuntimeError: If it listens already, or the server did not come up.
        """
        if self._thread is not None:
            raise RuntimeError("the simulator listens already")
        listener = listen(*self._address)
        self._server = uvicorn.Server(_configuration(self.simulation))
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name="azure-simulator", daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError("the simulator's server did not start")
            time.sleep(_POLL_S)
        self._endpoint = address_of(listener)

    def stop(self) -> None:
        """
        Listen no longer, and cut what is still being answered.
        """
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join()
        self._server, self._thread, self._endpoint = None, None, ""


def serve(
    *,
    api_key: str = DEFAULT_KEY,
    host: str = "127.0.0.1",
    port: int = 8080,
    trust_out: Path | None = None,
    deployments: Mapping[str, str] | None = None,
    behaviour: Behaviour | None = None,
    allow_remote: bool = False,
    when_ready: Callable[[Simulator], None] | None = None,
) -> None:
    """
    Run a simulator until this process is told to end, by SIGINT or SIGTERM; for the main thread.

    Args:
        api_key: The key it asks for.

        host: Address to listen on.

        port: Port to listen on; 0 for any that is free.

        trust_out: File that gets the trust profile once requests are answered. It is replaced whole.

        deployments: Names of models by the names of their deployments; by default every known model under
            its own name.

        behaviour: How it answers.

        allow_remote: Listen on other addresses than loopback, too.

        when_ready: Is called once requests are answered and the trust profile was written.

    Raises:
        ListenError: If the port cannot be had.

        OSError: If the file cannot be written.

        ValueError: As for `Simulator`, or if this is not the main thread.
    """
    simulator = Simulator(
        api_key=api_key,
        deployments=deployments,
        behaviour=behaviour,
        host=host,
        port=port,
        allow_remote=allow_remote,
    )
    ended = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    previous = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with simulator:
            if trust_out is not None:
                with replaced(trust_out) as file:
                    file.write(dump_trust_profile(simulator.trust_profile).encode())
            if when_ready is not None:
                when_ready(simulator)
            ended.wait()
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _configuration(simulation: Simulation) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(simulation),
        lifespan="off",
        ws="none",
        http="h11",
        loop="asyncio",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=1,
    )
