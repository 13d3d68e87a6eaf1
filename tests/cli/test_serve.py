"""
`provenance serve`: what is refused before anything listens; the rest is tested as a running process.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from provenance.cli import trust_profile
from provenance.listener import ListenError
from provenance.service import server
from provenance.service.config.settings import Settings, table
from provenance.trust.profile import load_trust_profile
from tests.cli.conftest import Images, Invoke

Started = list[Settings]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    """
    Note what the service would be started with, in place of starting it.
    """
    seen: Started = []

    def serve(settings: Settings, when_ready: Callable[[str], None]) -> None:
        seen.append(settings)
        when_ready("http://127.0.0.1:1234")

    monkeypatch.setattr(server, "serve", serve)
    return seen


def test_options_become_settings(invoke: Invoke, started: Started, tmp_path: Path) -> None:
    """
    Over those of the file.
    """
    config = tmp_path / "service.toml"
    config.write_text("port = 1\nqueue = 3\nworkers = 2\n", "utf-8")

    done = invoke(
        "serve", "--config", str(config), "--port", "0", "--workers", "1", "--policy", "azure-openai"
    )

    (settings,) = started
    assert (done.exit_code, done.stdout) == (0, "http://127.0.0.1:1234\n")
    assert (settings.port, settings.queue, settings.workers) == (0, 3, 1)
    assert settings.policies == ("azure-openai",)
    assert settings.trust_profiles == ("microsoft",)
    assert settings.no_auth is False


def test_a_profile_of_the_users_own_is_found_by_its_name(
    invoke: Invoke, started: Started, images: Images
) -> None:
    """
    As by the other commands.
    """
    trust_profile.add("mine", load_trust_profile(Path(images.profile)), force=False)

    invoke("serve", "--trust-profile", "microsoft", "--trust-profile", "mine")

    assert started[0].trust_profiles == ("microsoft", str(trust_profile.directory() / "mine.toml"))


def test_keys_can_be_left_out_on_this_machine_only(invoke: Invoke, started: Started) -> None:
    """
    Whoever reaches the port could read and delete everything.
    """
    local = invoke("serve", "--no-auth")
    open_ = invoke("serve", "--no-auth", "--host", "0.0.0.0")  # noqa: S104 - refused

    assert (local.exit_code, [settings.no_auth for settings in started]) == (0, [True])
    assert open_.exit_code == 2
    assert "no loopback address" in open_.stderr
    assert "Leave out --no-auth, and make a key with 'provenance keys create'." in open_.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--port", "65536"), "'port' has to be a whole number from 0 to 65,535"),
        (("--port", "x"), "'x' is not a whole number"),
        (("--workers", "0"), "'workers' has to be"),
        (("--config", "missing.toml"), "cannot be read"),
        (("--trust-profile", "nobody"), "no trust profile 'nobody'"),
    ],
)
def test_what_is_not_allowed_is_refused(
    invoke: Invoke, started: Started, arguments: tuple[str, ...], words: str
) -> None:
    """
    In one line, with what can be done about it in the next.
    """
    done = invoke("serve", *arguments)

    assert done.exit_code == 2
    assert words in done.stderr
    assert started == []


def test_settings_can_be_listed(invoke: Invoke, started: Started) -> None:
    """
    All of them, with what holds by default.
    """
    done = invoke("serve", "--show-settings")

    lines = done.stdout.splitlines()
    assert done.exit_code == 0
    for row in table():
        at = lines.index(row.name)
        assert lines[at + 1] == f"  {row.meaning}"
        assert lines[at + 3].split(maxsplit=1) == ["default", row.default]
    assert started == []


def test_an_extra_that_is_missing_is_named(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    With the command that installs it.
    """
    monkeypatch.delitem(sys.modules, "provenance.service.server", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)

    done = invoke("serve", "--no-auth")

    assert done.exit_code == 2
    assert "uvicorn is not installed: pip install 'azure-image-provenance[service]'" in done.stderr


def test_a_port_that_cannot_be_had_is_an_error(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Not a bad request: it may be free the next time.
    """

    def serve(*_: object) -> None:
        raise ListenError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(server, "serve", serve)

    done = invoke("serve", "--port", "80")

    assert done.exit_code == 3
    assert "cannot listen on 127.0.0.1:80: Permission denied; --port chooses another port" in done.stderr


def test_another_port_is_no_help_against_an_address_that_is_not_there(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    And an address of IPv6 stands in brackets before its port.
    """

    def serve(*_: object) -> None:
        raise ListenError(errno.EADDRNOTAVAIL, "Cannot assign requested address")

    monkeypatch.setattr(server, "serve", serve)

    done = invoke("serve", "--host", "2001:db8::1")

    assert done.stderr == (
        "provenance: cannot listen on [2001:db8::1]:8000: Cannot assign requested address\n"
    )
