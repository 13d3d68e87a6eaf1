"""
Where settings come from: defaults, a TOML file, the environment, the command line.

Each overrides what came before. A key that is not known is an error, in the environment too: a limit that is
misspelt must not be a limit that is not there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from provenance.errors import SettingsError
from provenance.service.config.settings import Settings, convert, find_field, parse_sqlite_url
from provenance.toml_table import parse_toml, read_file

PREFIX = "PROVENANCE_"
CONFIG = "PROVENANCE_CONFIG"

_LIST_SUFFIX = ".toml"
# Kubernetes sets these for a Service called "provenance"; nobody else did.
_KUBERNETES = re.compile(r"PROVENANCE(_PORT_\d+_(TCP|UDP|SCTP).*|_SERVICE_(HOST|PORT.*)|_PORT)")
_KUBERNETES_PORT = re.compile(r"(tcp|udp|sctp)://.*")


class _UnreadableFileError(SettingsError):
    hint = "Name a TOML file that this user may read, with --config or PROVENANCE_CONFIG."


def load_settings(
    config: Path | None = None,
    environment: Mapping[str, str] | None = None,
    options: Mapping[str, object] | None = None,
) -> Settings:
    """
    Put settings together: defaults, a file, the environment, the command line.

    Args:
        config: A TOML file; by default the one that PROVENANCE_CONFIG names in *environment*, if any.
            Paths of policies, trust profiles and a SQLite database in it are relative to it; elsewhere
            they are relative to the working folder.

        environment: Variables, of which those that begin with PROVENANCE_ count; by default this
            process's.

        options: What was given on the command line, by the names of the settings; None counts as not
            given. Of all sources only this one may hold `no_auth`.

    Raises:
        SettingsError: If a key is unknown or a value not allowed, or the file cannot be read.
    """
    variables = os.environ if environment is None else environment
    path = config or (Path(variables[CONFIG]) if variables.get(CONFIG) else None)
    given = {name: value for name, value in (options or {}).items() if value is not None}
    switches = {"no_auth": bool(given.pop("no_auth", False))}
    return Settings(
        **{
            **(_from_file(path) if path is not None else {}),
            **_from_environment(variables),
            **{
                name: convert(find_field(name, "command line"), value, "command line")
                for name, value in given.items()
            },
            **switches,
        }
    )


def _from_file(path: Path) -> dict[str, Any]:
    source = f"settings file {path.name or str(path)!r}"
    table = parse_toml(_read(path), source, SettingsError)
    values = {name: convert(find_field(name, source), value, source) for name, value in table.data.items()}
    for name in ("policies", "trust_profiles"):
        if name in values:
            values[name] = tuple(
                str(path.parent / item) if item.endswith(_LIST_SUFFIX) else item for item in values[name]
            )
    found = parse_sqlite_url(values.get("database", ""))
    if found is not None:
        values["database"] = f"{found[0]}{path.parent / found[1]}"
    return values


def _read(path: Path) -> bytes:
    try:
        return read_file(path, SettingsError)
    except SettingsError as error:
        cause = error.__cause__
        if not isinstance(cause, OSError):
            raise
        raise _UnreadableFileError(f"settings file {str(path)!r} cannot be read: {cause.strerror}") from cause


def _from_environment(variables: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for variable, given in sorted(variables.items()):
        if not variable.startswith(PREFIX) or variable == CONFIG or _is_of_kubernetes(variable, given):
            continue
        source = f"environment variable {variable}"
        item = find_field(variable.removeprefix(PREFIX).lower(), source)
        try:
            value = item.type.parse(given)
        except ValueError:
            value = given
        values[item.name] = convert(item, value, source)
    return values


def _is_of_kubernetes(variable: str, value: str) -> bool:
    if _KUBERNETES.fullmatch(variable) is None:
        return False
    return variable != "PROVENANCE_PORT" or _KUBERNETES_PORT.fullmatch(value) is not None
