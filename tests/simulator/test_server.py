"""
The simulator as a server: where it listens, and how a process that does nothing else runs and ends.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from provenance.authority import KeyType
from provenance.simulator import Behaviour, ManualClock, Simulation, Simulator, create_app, serve
from provenance.trust.profile import TrustProfile, load_trust_profile

SERVE = """
import sys
from pathlib import Path
from provenance.simulator import serve
serve(api_key="key", port=0, trust_out=Path(sys.argv[1]), when_ready=lambda s: print(s.endpoint, flush=True))
print("ended", flush=True)
"""


def free_port() -> int:
    """
    Find a port that nobody listens on.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def quick(**settings: object) -> Simulator:
    """
    Make a simulator that starts at once.
    """
    return Simulator(key_type=KeyType.P256, **settings)  # type: ignore[arg-type]  # as the test has them


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.invalid"])  # noqa: S104 - refused
def test_only_this_machine_is_listened_to(host: str) -> None:
    """
    Whoever reaches it can make it sign.
    """
    with pytest.raises(ValueError, match="no loopback address"):
        quick(host=host)


def test_others_are_listened_to_where_that_was_allowed() -> None:
    """
    As in a container.
    """
    with quick(host="0.0.0.0", allow_remote=True) as simulator:  # noqa: S104 - this is what is tested
        port = simulator.endpoint.rpartition(":")[2]

        assert httpx.get(f"http://127.0.0.1:{port}/").status_code == 404


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2"])
def test_any_loopback_address_will_do(host: str) -> None:
    """
    By name, too.
    """
    with quick(host=host) as simulator:
        assert httpx.get(simulator.endpoint).status_code == 404


def test_a_port_can_be_chosen_but_not_taken() -> None:
    """
    A second simulator on it would answer with another authority.
    """
    port = free_port()

    with quick(port=port) as simulator:
        assert simulator.endpoint == f"http://127.0.0.1:{port}"
        with pytest.raises(OSError, match="in use"):
            quick(port=port).start()


def test_it_can_be_started_again_but_not_twice() -> None:
    """
    Between two starts it has no address; its authority stays the same.
    """
    simulator = quick()
    before = simulator.trust_profile

    with simulator:
        with pytest.raises(RuntimeError, match="already"):
            simulator.start()
        first = simulator.endpoint
    with pytest.raises(RuntimeError, match="not started"):
        simulator.endpoint  # noqa: B018 - asked for, not used
    with pytest.raises(httpx.ConnectError):
        httpx.get(first)
    with simulator:
        assert httpx.get(simulator.endpoint).status_code == 404

    assert before == simulator.trust_profile
    assert repr(simulator) == "<Simulator stopped>"


def test_each_simulator_has_an_authority_of_its_own() -> None:
    """
    Trust in one is no trust in the next.
    """
    assert quick().trust_profile.digest != quick().trust_profile.digest


@pytest.mark.parametrize(
    "settings", [{"api_key": ""}, {"deployments": {}}, {"deployments": {"b\u00e4r": "dall-e-3"}}]
)
def test_meaningless_settings_are_refused(settings: dict[str, object]) -> None:
    """
    An empty key would let everybody in.
    """
    with pytest.raises(ValueError, match=r"needs|may hold"):
        quick(**settings)


def test_the_key_is_not_in_the_repr() -> None:
    """
    It would end in logs.
    """
    assert "secret" not in repr(quick(api_key="secret"))


def test_a_quota_can_be_given_beside_other_behaviour() -> None:
    """
    The commonest setting has a shorthand.
    """
    simulator = quick(quota_per_minute=7, behaviour=Behaviour(noise=True))

    assert (simulator.behaviour.quota_per_minute, simulator.behaviour.noise) == (7, True)


def test_a_clock_without_a_zone_is_refused() -> None:
    """
    Times are aware.
    """
    start = ManualClock()().replace(tzinfo=None)

    with pytest.raises(ValueError, match="time zone"):
        ManualClock(start)


def test_the_application_runs_without_a_server() -> None:
    """
    Inside another program's, or in none at all.
    """
    simulation = Simulation(api_key="key", key_type=KeyType.P256)

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(create_app(simulation))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            body = {"model": "gpt-image-2", "prompt": "A red fox", "size": "1024x640"}
            return await client.post("/openai/v1/images/generations", json=body, headers={"api-key": "key"})

    assert asyncio.run(ask()).status_code == 200
    assert len(simulation.request_log.requests()) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_process_serves_until_it_is_told_to_end(tmp_path: Path, number: signal.Signals) -> None:
    """
    The trust profile is there once it is ready, whole and alone in its folder.
    """
    trust = tmp_path / "trust.toml"
    trust.write_text("old", encoding="utf-8")

    with subprocess.Popen(
        [sys.executable, "-c", SERVE, str(trust)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        endpoint = process.stdout.readline().strip()
        profile = load_trust_profile(trust)
        answer = httpx.get(endpoint)
        process.send_signal(number)
        rest, errors = process.communicate(timeout=20)

    assert isinstance(profile, TrustProfile)
    assert (answer.status_code, rest, errors, process.returncode) == (404, "ended\n", "", 0)
    assert [path.name for path in tmp_path.iterdir()] == ["trust.toml"]


def test_a_trust_profile_that_cannot_be_written_ends_it(tmp_path: Path) -> None:
    """
    The signals mean again what they meant before.
    """
    before = signal.getsignal(signal.SIGTERM)

    with pytest.raises(OSError, match="missing"):
        serve(port=0, trust_out=tmp_path / "missing" / "trust.toml")

    assert signal.getsignal(signal.SIGTERM) is before
