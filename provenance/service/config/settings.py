"""
What the service can be set to, where each setting comes from, and what is allowed.

Defaults come first, then a TOML file, then the environment, then the command line; each overrides what
came before. A key that is not known is an error, in the environment too: a limit that is misspelt must
not be a limit that is not there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

from provenance.distribution import state_folder
from provenance.errors import SettingsError
from provenance.loopback import is_loopback
from provenance.policy.policy import DEFAULT
from provenance.service.config import setting_type as kind
from provenance.service.config.setting_type import FLAG, Kind
from provenance.toml_table import parse_toml, read_file
from provenance.trust.microsoft import MICROSOFT
from provenance.workers import usable_processors

PREFIX = "PROVENANCE_"
CONFIG = "PROVENANCE_CONFIG"

_QUEUED_PER_WORKER = 8
_LIST_SUFFIX = ".toml"
_SQLITE = re.compile(r"(sqlite(?:\+pysqlite)?:///)([^?]+)")
_IN_MEMORY = ":memory:"
_MIB = 1 << 20
# Kubernetes sets these for a Service called "provenance"; nobody else did.
_KUBERNETES = re.compile(r"PROVENANCE(_PORT_\d+_(TCP|UDP|SCTP).*|_SERVICE_(HOST|PORT.*)|_PORT)")
_KUBERNETES_PORT = re.compile(r"(tcp|udp|sctp)://.*")


def _setting(default: Any, of: Kind, meaning: str, shown: str = "") -> Any:  # noqa: ANN401 - as `field` has it
    described = {"kind": of, "meaning": meaning, "shown": shown}
    return field(default=default, repr=not of.is_private, metadata=described)


class _NoKeysError(SettingsError):
    hint = "Leave out --no-auth, and make a key with 'provenance keys create'."


class _UnreadableFileError(SettingsError):
    hint = "Name a TOML file that this user may read, with --config or PROVENANCE_CONFIG."


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """
    Everything the service can be set to; `table` tells what each means.

    Raises SettingsError for values that are not allowed.
    """

    host: str = _setting(
        "127.0.0.1",
        kind.text("an address or a name of this machine", kind.host),
        "Address to listen on. Other machines reach it only if this is not a loopback address.",
    )
    port: int = _setting(8000, kind.whole(0, 65_535), "Port to listen on; 0 for any that is free.")
    database: str = _setting(
        "",
        kind.text(
            "a URL such as sqlite:////var/lib/provenance/service.db or postgresql://user:password@host/name",
            kind.anything,
            is_private=True,
        ),
        "URL of the database for reports and API keys.",
        "a SQLite file in the user's state folder",
    )
    store_timeout_s: float = _setting(
        5.0, kind.seconds(0.1, 60), "How long an answer of the database is waited for."
    )
    policies: tuple[str, ...] = _setting(
        (DEFAULT, "azure-openai-documented", "azure-openai-lineage"),
        kind.texts("names of built-in policies and paths of TOML files", kind.anything, 1),
        "Policies that a request may ask for; the first holds where it asks for none.",
    )
    trust_profiles: tuple[str, ...] = _setting(
        (MICROSOFT.name,),
        kind.texts("names of trust profiles and paths of TOML files", kind.anything, 1),
        "Whom to believe; several profiles are joined.",
    )
    max_bytes: int = _setting(20 * _MIB, kind.size(1, 1 << 30), "Largest image.", "20MiB")
    max_batch: int = _setting(16, kind.whole(1, 1_000), "Most images in one request to /v1/verify/batch.")
    workers: int | None = _setting(
        None, kind.whole(1, 256), "Processes that judge.", "as many as there are usable processors"
    )
    queue: int | None = _setting(
        None,
        kind.whole(0, 10_000),
        "Requests with images that are taken on beyond those that the workers are busy with, those whose "
        "images are still arriving included. Bounds memory, too: each may hold an image.",
        "8 for each worker",
    )
    deadline_s: float = _setting(
        30.0,
        kind.seconds(0.001, 600),
        "How long an image that has arrived may wait and be judged, together.",
    )
    max_memory: int = _setting(
        1024 * _MIB,
        kind.size(64 * _MIB, 1 << 40),
        "Memory that judging may take in a worker. Enforced on Linux.",
        "1GiB",
    )
    rate: int = _setting(
        0, kind.whole(0, 10_000_000), "Images a minute that each API key may have judged; 0 for any number."
    )
    burst: int = _setting(
        60, kind.whole(1, 1_000_000), "How many of them may come at once before that rate counts."
    )
    retention_days: int = _setting(
        0, kind.whole(0, 36_500), "Days after which reports are deleted; 0 to keep them."
    )
    header_timeout_s: float = _setting(
        10.0, kind.seconds(0.05, 600), "How long the head of a request may take to arrive."
    )
    body_timeout_s: float = _setting(
        15.0, kind.seconds(0.05, 600), "How long the next piece of an image may take to arrive."
    )
    min_body_rate: int = _setting(
        32 * 1024,
        kind.size(1, 1 << 30),
        "Bytes a second that an image has to arrive with on the whole, after `body_timeout_s`.",
        "32KiB",
    )
    keep_alive_s: int = _setting(
        75, kind.whole_seconds(1, 3_600), "Seconds that a connection may lie idle between two requests."
    )
    max_connections: int = _setting(512, kind.whole(1, 65_535), "Most connections at a time.")
    metrics_open: bool = _setting(
        False,  # noqa: FBT003 - the default of a setting
        FLAG,
        "Whether /metrics answers without an API key.",
    )
    log_level: str = _setting(
        "info", kind.choice("debug", "info", "warning", "error"), "Least severe lines that are logged."
    )
    otlp_endpoint: str = _setting(
        "",
        kind.text("an address that begins with http:// or https://", kind.web_address, is_private=True),
        "Address that traces are sent to by OTLP over HTTP, path included, such as "
        "http://127.0.0.1:4318/v1/traces.",
        "none, and nothing is traced",
    )
    shutdown_s: int = _setting(
        30,
        kind.whole_seconds(1, 3_600),
        "Seconds to finish what was accepted when the service is told to end.",
    )
    proxies: tuple[str, ...] = _setting(
        (),
        kind.texts("IP addresses and networks", kind.network),
        "Proxies that are believed about a client's address (X-Forwarded-For).",
        "none",
    )
    no_auth: bool = field(default=False)

    def __post_init__(self) -> None:
        """
        Refuse values that are not allowed, and a service without keys that others can reach.

        Raises:
            SettingsError: If so.
        """
        for item in _fields():
            value = getattr(self, item.name)
            if value != item.default:
                object.__setattr__(self, item.name, _take(item, value, "settings"))
        if self.no_auth and not is_loopback(self.host):
            raise _NoKeysError(
                f"without API keys the service listens on this machine only, and {self.host!r} is no "
                "loopback address"
            )

    @property
    def worker_count(self) -> int:
        """
        How many processes judge.
        """
        return self.workers or usable_processors()

    @property
    def seats(self) -> int:
        """
        How many requests with images are taken on at a time.
        """
        queued = _QUEUED_PER_WORKER * self.worker_count if self.queue is None else self.queue
        return self.worker_count + queued

    @property
    def database_file(self) -> Path | None:
        """
        The file of a SQLite database, which need not exist; None for any other database.
        """
        if not self.database:
            return state_folder() / "service.db"
        found = _sqlite(self.database)
        return None if found is None else Path(found[1])

    def database_url(self) -> str:
        """
        Name the database; for the default one the folder is made if it is missing.

        Raises:
            SettingsError: If that folder cannot be made.
        """
        if self.database:
            return self.database
        folder = state_folder()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(f"the state folder {folder} cannot be made: {error.strerror}") from error
        return f"sqlite:///{self.database_file}"


class SettingRow(NamedTuple):
    """
    One setting, as documentation shows it.

    Attributes:
        name: Its key in a TOML file; in the environment it is PROVENANCE_ and this in capitals.

        kind: What it is.

        default: What holds without it.

        meaning: What it does.
    """

    name: str
    kind: str
    default: str
    meaning: str


def table() -> tuple[SettingRow, ...]:
    """
    List all settings, in the order in which documentation shows them.
    """
    return tuple(
        SettingRow(item.name, item.kind.name, item.shown or _shown(item.default), item.meaning)
        for item in _fields()
    )


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
                name: _take(_known(name, "command line"), value, "command line")
                for name, value in given.items()
            },
            **switches,
        }
    )


class _Field(NamedTuple):
    name: str
    kind: Kind
    default: object
    meaning: str
    shown: str


def _fields() -> tuple[_Field, ...]:
    described = (item for item in fields(Settings) if "kind" in item.metadata)
    return tuple(
        _Field(
            item.name, item.metadata["kind"], item.default, item.metadata["meaning"], item.metadata["shown"]
        )
        for item in described
    )


def _known(name: str, source: str) -> _Field:
    for item in _fields():
        if item.name == name:
            return item
    if name == "no_auth":
        raise SettingsError(
            f"{source}: there is no setting 'no_auth'; --no-auth is an option of the command only"
        )
    known = ", ".join(item.name for item in _fields())
    raise SettingsError(f"{source}: there is no setting {name!r}; there are {known}")


def _take(item: _Field, value: object, source: str) -> Any:  # noqa: ANN401 - of the field's own type
    try:
        return item.kind.take(value)
    except (ValueError, TypeError) as error:
        found = "what is given" if item.kind.is_private else repr(value)
        raise SettingsError(
            f"{source}: {item.name!r} has to be {item.kind.allowed}; {found} is not"
        ) from error


def _from_file(path: Path) -> dict[str, Any]:
    source = f"settings file {path.name or str(path)!r}"
    form = parse_toml(_read(path), source, SettingsError)
    values = {name: _take(_known(name, source), value, source) for name, value in form.data.items()}
    for name in ("policies", "trust_profiles"):
        if name in values:
            values[name] = tuple(
                str(path.parent / item) if item.endswith(_LIST_SUFFIX) else item for item in values[name]
            )
    found = _sqlite(values.get("database", ""))
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


def _sqlite(url: str) -> tuple[str, str] | None:
    """
    Take the URL of a file of SQLite apart: what stands before the path, and the path.
    """
    found = _SQLITE.fullmatch(url)
    return None if found is None or found[2] == _IN_MEMORY else (found[1], found[2])


def _from_environment(variables: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for variable, text in sorted(variables.items()):
        if not variable.startswith(PREFIX) or variable == CONFIG or _is_of_kubernetes(variable, text):
            continue
        source = f"environment variable {variable}"
        item = _known(variable.removeprefix(PREFIX).lower(), source)
        try:
            value = item.kind.parse(text)
        except ValueError:
            value = text
        values[item.name] = _take(item, value, source)
    return values


def _is_of_kubernetes(variable: str, text: str) -> bool:
    if _KUBERNETES.fullmatch(variable) is None:
        return False
    return variable != "PROVENANCE_PORT" or _KUBERNETES_PORT.fullmatch(text) is not None


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ", ".join(value)
    return f"{value:g}" if isinstance(value, float) else str(value)
