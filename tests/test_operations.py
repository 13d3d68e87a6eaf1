"""
docs/operations.md and the systemd unit, against what the program says of itself.
"""

from __future__ import annotations

import configparser
import re
import tomllib
from pathlib import Path

from provenance.cli.program import COMMANDS
from provenance.service.settings import load_settings, table
from provenance.service.telemetry import Meter

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "operations.md").read_text("utf-8")
UNIT = ROOT / "deploy" / "provenance.service"


def test_the_table_of_settings_is_the_program_s_own() -> None:
    """
    A setting that is missing there is one that nobody finds.
    """
    rows = [f"| `{row.name}` | {row.kind} | {row.default} | {row.meaning} |" for row in table()]

    shown = re.findall(r"^\| `[a-z_]+` \| .*$", PAGE, re.MULTILINE)
    assert shown == rows


def test_the_example_of_a_settings_file_can_be_read(tmp_path: Path) -> None:
    """
    It is what people start from.
    """
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    file = tmp_path / "service.toml"
    file.write_text(example, "utf-8")

    settings = load_settings(file, environment={})

    assert settings.deadline_s == tomllib.loads(example)["deadline_s"]


def test_alerts_name_metrics_that_there_are() -> None:
    """
    An alert on a metric that was renamed never fires.
    """
    named = set(re.findall(r"provenance_[a-z_]+", PAGE)) - {"provenance_env"}
    offered = Meter()
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
    unit = configparser.ConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign] # keys of units are case-sensitive
    unit.read(UNIT, "utf-8")

    command = unit["Service"]["ExecStart"].split()
    assert command[:2] == ["/opt/provenance/bin/provenance", "serve"]
    assert command[1] in COMMANDS
    assert int(unit["Service"]["TimeoutStopSec"]) > load_settings(environment={}).shutdown_s
