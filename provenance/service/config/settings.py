"""
What the service can be set to, and what is allowed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

from provenance.distribution import state_folder
from provenance.errors import SettingsError
from provenance.loopback import is_loopback
from provenance.policy.policy import DEFAULT
from provenance.service.config.setting_type import (
    FLAG,
    SettingType,
    any_text,
    choice,
    host_name,
    network,
    seconds,
    size,
    text,
    text_list,
    web_address,
    whole_number,
    whole_seconds,
)
from provenance.trust.microsoft import MICROSOFT
from provenance.workers import usable_processors

_QUEUED_PER_WORKER = 8
_SQLITE = re.compile(r"(sqlite(?:\+pysqlite)?:///)([^?]+)")
_IN_MEMORY = ":memory:"
_MIB = 1 << 20


def _setting(default: Any, of: SettingType, meaning: str, shown: str = "") -> Any:  # noqa: ANN401 - as `field` has it
    described = {"type": of, "meaning": meaning, "shown": shown}
    return field(default=default, repr=not of.is_private, metadata=described)


class _NoKeysError(SettingsError):
    hint = "Leave out --no-auth, and make a key with 'provenance keys create'."


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """
    Everything the service can be set to; `table` lists what each means.

    Raises SettingsError for values that are not allowed.
    """

    host: str = _setting(
        "127.0.0.1",
        text("an address or a name of this machine", host_name),
        "Address to listen on. Other machines reach it only if this is not a loopback address.",
    )
    port: int = _setting(8000, whole_number(0, 65_535), "Port to listen on; 0 for any that is free.")
    database: str = _setting(
        "",
        text(
            "a URL such as sqlite:////var/lib/provenance/service.db or postgresql://user:password@host/name",
            any_text,
            is_private=True,
        ),
        "URL of the database for reports and API keys.",
        "a SQLite file in the user's state folder",
    )
    store_timeout_s: float = _setting(
        5.0, seconds(0.1, 60), "How long an answer of the database is waited for."
    )
    policies: tuple[str, ...] = _setting(
        (DEFAULT, "azure-openai-documented", "azure-openai-lineage"),
        text_list("names of built-in policies and paths of TOML files", any_text, 1),
        "Policies that a request may ask for; the first holds where it asks for none.",
    )
    trust_profiles: tuple[str, ...] = _setting(
        (MICROSOFT.name,),
        text_list("names of trust profiles and paths of TOML files", any_text, 1),
        "Whom to believe; several profiles are joined.",
    )
    max_bytes: int = _setting(20 * _MIB, size(1, 1 << 30), "Largest image.", "20MiB")
    max_batch: int = _setting(16, whole_number(1, 1_000), "Most images in one request to /v1/verify/batch.")
    workers: int | None = _setting(
        None, whole_number(1, 256), "Processes that judge.", "as many as there are usable processors"
    )
    queue: int | None = _setting(
        None,
        whole_number(0, 10_000),
        "Requests with images that are taken on beyond those that the workers are busy with, those whose "
        "images are still arriving included. Bounds memory, too: each may hold an image.",
        "8 for each worker",
    )
    deadline_s: float = _setting(
        30.0,
        seconds(0.001, 600),
        "How long an image that has arrived may wait and be judged, together.",
    )
    max_memory: int = _setting(
        1024 * _MIB,
        size(64 * _MIB, 1 << 40),
        "Memory that judging may take in a worker. Enforced on Linux.",
        "1GiB",
    )
    rate: int = _setting(
        0, whole_number(0, 10_000_000), "Images a minute that each API key may have judged; 0 for any number."
    )
    burst: int = _setting(
        60, whole_number(1, 1_000_000), "How many of them may come at once before that rate counts."
    )
    retention_days: int = _setting(
        0, whole_number(0, 36_500), "Days after which reports are deleted; 0 to keep them."
    )
    header_timeout_s: float = _setting(
        10.0, seconds(0.05, 600), "How long the head of a request may take to arrive."
    )
    body_timeout_s: float = _setting(
        15.0, seconds(0.05, 600), "How long the next piece of an image may take to arrive."
    )
    min_body_rate: int = _setting(
        32 * 1024,
        size(1, 1 << 30),
        "Bytes a second that an image has to arrive with on the whole, after `body_timeout_s`.",
        "32KiB",
    )
    keep_alive_s: int = _setting(
        75, whole_seconds(1, 3_600), "Seconds that a connection may lie idle between two requests."
    )
    max_connections: int = _setting(512, whole_number(1, 65_535), "Most connections at a time.")
    metrics_open: bool = _setting(
        False,  # noqa: FBT003 - the default of a setting
        FLAG,
        "Whether /metrics answers without an API key.",
    )
    log_level: str = _setting(
        "info", choice("debug", "info", "warning", "error"), "Least severe lines that are logged."
    )
    otlp_endpoint: str = _setting(
        "",
        text("an address that begins with http:// or https://", web_address, is_private=True),
        "Address that traces are sent to by OTLP over HTTP, path included, such as "
        "http://127.0.0.1:4318/v1/traces.",
        "none, and nothing is traced",
    )
    shutdown_s: int = _setting(
        30,
        whole_seconds(1, 3_600),
        "Seconds to finish what was accepted when the service is told to end.",
    )
    proxies: tuple[str, ...] = _setting(
        (),
        text_list("IP addresses and networks", network),
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
                object.__setattr__(self, item.name, convert(item, value, "settings"))
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
    def admission_slots(self) -> int:
        """
        How many requests with images are admitted at a time.
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
        found = parse_sqlite_url(self.database)
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

        type_name: What it is.

        default: What holds without it.

        meaning: What it does.
    """

    name: str
    type_name: str
    default: str
    meaning: str


def table() -> tuple[SettingRow, ...]:
    """
    List all settings, in the order in which documentation shows them.
    """
    return tuple(
        SettingRow(item.name, item.type.name, item.shown or _shown(item.default), item.meaning)
        for item in _fields()
    )


class Field(NamedTuple):
    """
    One setting, as it is described above.
    """

    name: str
    type: SettingType
    default: object
    meaning: str
    shown: str


def _fields() -> tuple[Field, ...]:
    described = (item for item in fields(Settings) if "type" in item.metadata)
    return tuple(
        Field(
            item.name, item.metadata["type"], item.default, item.metadata["meaning"], item.metadata["shown"]
        )
        for item in described
    )


def find_field(name: str, source: str) -> Field:
    """
    Find a setting.

    Raises:
        SettingsError: If there is none of that name; the message begins with *source*.
    """
    for item in _fields():
        if item.name == name:
            return item
    if name == "no_auth":
        raise SettingsError(
            f"{source}: there is no setting 'no_auth'; --no-auth is an option of the command only"
        )
    known = ", ".join(item.name for item in _fields())
    raise SettingsError(f"{source}: there is no setting {name!r}; there are {known}")


def convert(item: Field, value: object, source: str) -> Any:  # noqa: ANN401 - of the field's own type
    """
    Convert a value to the one that is kept.

    Raises:
        SettingsError: If the setting may not have it; the message begins with *source*.
    """
    try:
        return item.type.convert(value)
    except (ValueError, TypeError) as error:
        found = "what is given" if item.type.is_private else repr(value)
        raise SettingsError(
            f"{source}: {item.name!r} has to be {item.type.allowed}; {found} is not"
        ) from error


def parse_sqlite_url(url: str) -> tuple[str, str] | None:
    """
    Parse the URL of a file of SQLite: what stands before the path, and the path.
    """
    found = _SQLITE.fullmatch(url)
    return None if found is None or found[2] == _IN_MEMORY else (found[1], found[2])


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ", ".join(value)
    return f"{value:g}" if isinstance(value, float) else str(value)
