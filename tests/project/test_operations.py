"""
docs/operations.md and the systemd unit, against what the program says of itself.
"""

from __future__ import annotations

import configparser
import re
import tomllib
from pathlib import Path

import pytest

from provenance.cli.program import COMMANDS
from provenance.service.config.load import load_settings
from provenance.service.config.settings import Settings, table
from provenance.service.http.protocol import MAX_REFUSED_CONNECTIONS
from provenance.service.observability.metrics import Metrics
from provenance.service.server import files_needed

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text("utf-8")
UNIT = ROOT / "deploy" / "provenance.service"


def test_the_table_of_settings_is_the_program_s_own() -> None:
    """
    A setting that is missing there is one that nobody finds.
    """
    rows = [f"| `{row.name}` | {row.type_name} | {row.default} | {row.meaning} |" for row in table()]

    shown = re.findall(r"^\| `[a-z_]+` \| .*$", PAGE, re.MULTILINE)
    assert shown == rows


def test_the_examples_of_a_settings_file_can_be_read(tmp_path: Path) -> None:
    """
    They are what people start from.
    """
    examples = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    file = tmp_path / "service.toml"

    loaded = []
    for example in examples:
        file.write_text(example, "utf-8")
        loaded.append(load_settings(file, environment={}))

    assert [settings.database for settings in loaded] == [
        f"sqlite:///{tmp_path / 'service.db'}",
        tomllib.loads(examples[1])["database"],
    ]
    assert loaded[1].deadline_s == tomllib.loads(examples[1])["deadline_s"]


def test_alerts_name_metrics_that_there_are() -> None:
    """
    An alert on a metric that was renamed never fires.
    """
    named = set(re.findall(r"provenance_[a-z_]+", PAGE)) - {"provenance_env"}
    offered = Metrics()
    offered.watch(depth=lambda: 0, limit=1, restarts=lambda: 0)

    known = {
        name
        for family in offered.registry.collect()
        for name in (family.name, f"{family.name}_total", f"{family.name}_bucket")
    }
    assert named
    assert named - known == set()


def test_the_unit_starts_a_command_that_there_is() -> None:
    """
    And gives it longer to end than the service gives its requests.
    """
    unit = read_unit()

    command = unit["ExecStart"].split()
    assert command[:2] == ["/opt/provenance/bin/provenance", "serve"]
    assert command[1] in COMMANDS
    assert int(unit["TimeoutStopSec"]) > load_settings(environment={}).shutdown_s


def test_the_user_of_the_unit_can_read_what_is_installed() -> None:
    """
    A user that systemd makes at each start is in no group that a file could belong to.
    """
    unit = read_unit()
    config = unit["ExecStart"].split()[-1]
    (made,) = installed("useradd")
    (options,) = [line for line in installed("install") if line[-1] == config]

    assert "DynamicUser" not in unit
    assert made[-1] == unit["User"] == unit["Group"]
    assert "--user-group" in made
    assert after(options, "-g") == unit["Group"]
    assert int(after(options, "-m"), 8) & 0o047 == 0o040


def test_passwords_are_installed_for_root_alone() -> None:
    """
    Root reads them, before the process becomes the service's user.
    """
    file = read_unit()["EnvironmentFile"].removeprefix("-")
    (options,) = [line for line in installed("install") if line[-1] == file]

    assert (after(options, "-o"), after(options, "-g"), after(options, "-m")) == ("root", "root", "600")
    (command,) = installed("systemd-run")
    assert f"EnvironmentFile={file}" in command


def test_keys_are_made_in_the_store_of_the_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    In another one the service would look for them in vain; and that is the file to back up.
    """
    unit = read_unit()
    name, _, home = unit["Environment"].partition("=")
    monkeypatch.setenv(name, home)

    assert home == f"/var/lib/{unit['StateDirectory']}"
    assert f"under systemd `{load_settings(environment={}).database_file}`" in PAGE
    for command in (*installed("runuser"), *installed("systemd-run")):
        assert unit["Environment"] in command
        assert unit["User"] == after(command, "-u", default="") or f"User={unit['User']}" in command
        assert command[command.index("keys") - 1] == unit["ExecStart"].split()[0]
        assert command[-1] == unit["ExecStart"].split()[-1]


def test_the_unit_has_room_for_large_machines() -> None:
    """
    Its limits would otherwise count before the settings do.
    """
    unit = read_unit()
    largest = Settings(workers=256, max_connections=65_535)

    assert int(unit["LimitNOFILE"]) >= files_needed(largest)
    assert int(unit["TasksMax"]) >= largest.admission_slots + largest.worker_count + 100
    assert unit["MemoryMax"].endswith("%")


def test_the_sum_of_open_files_is_the_program_s_own() -> None:
    """
    Somebody will set a limit by it.
    """
    assert f"With 4 workers and otherwise defaults that is {files_needed(Settings(workers=4))}." in PAGE
    assert f"| {MAX_REFUSED_CONNECTIONS} | connections beyond those" in PAGE


def read_unit() -> configparser.SectionProxy:
    """
    Read what the unit says of its service.
    """
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign] # keys of units are case-sensitive
    unit.read(UNIT, "utf-8")
    return unit["Service"]


def installed(command: str) -> list[list[str]]:
    """
    Find what the page has root run by the name of a command, as lists of words.
    """
    return [line.split() for line in re.findall(rf"^# ({command} .*)$", PAGE, re.MULTILINE)]


def after(words: list[str], option: str, default: str | None = None) -> str:
    """
    Return the value of an option.
    """
    return default if default is not None and option not in words else words[words.index(option) + 1]
