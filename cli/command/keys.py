"""
`provenance keys`: API keys of the moderation service, straight in its store.

The service need not run. One that runs heeds a new key with the next request, and a revoked one within 5
seconds; while the database does not answer it, within 15 minutes.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli import options
from provenance.cli.output import terminal
from provenance.cli.output.terminal import Row, quoted
from provenance.errors import StoreError
from provenance.service.config.load import load_settings
from provenance.service.store.api_key import ApiKey, Scope
from provenance.text_value import TIME, TextValueError, read_seconds, read_time

if TYPE_CHECKING:
    from provenance.service.store.store import Store


_PERIOD = "a period such as 90d or 12h"


def _read_expiry(text: str) -> datetime:
    # A number alone could mean anything.
    if not text.isdecimal():
        with contextlib.suppress(TextValueError, OverflowError):
            period = timedelta(seconds=read_seconds(text))
            if period:
                return datetime.now(UTC) + period
        with contextlib.suppress(TextValueError):
            return read_time(text)
    raise click.BadParameter(f"{text!r} is neither {_PERIOD} nor {TIME}.")


def _of_store(command: Callable[..., None]) -> Callable[..., None]:
    """
    Add the options that say which store is meant.
    """
    config = click.option(
        "--config",
        type=click.Path(path_type=Path),
        metavar="FILE.toml",
        help="Settings of the service; the store is the one that they name.",
    )
    database = click.option(
        "--database",
        metavar="URL",
        help="The store: sqlite:///FILE or postgresql://HOST/DATABASE. Others on this machine may see it: "
        "put a password into FILE.toml or PROVENANCE_DATABASE instead.",
    )
    return config(database(command))


@click.group(
    epilog="""\
\b
Examples:
  provenance keys create --name uploads --scope verify --expires 90d --config service.toml
  provenance keys list --config service.toml
  provenance keys revoke qtvj2xw5kz3mn7ab --config service.toml

Without --config and --database the store is the one that 'provenance serve' uses without them.
""",
)
def keys() -> None:
    """
    Make, list and revoke API keys of the moderation service. Needs the extra "service".
    """


@keys.command(
    epilog="""\
\b
Examples:
  provenance keys create --name uploads --scope verify --expires 90d --config service.toml
  provenance keys create --name review --scope reports:read --expires 2027-01-01
  KEY=$(provenance keys create --name uploads --scope verify)
""",
)
@click.option("--name", required=True, metavar="NAME", help="Who or what the key is for.")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice([scope.value for scope in Scope]),
    required=True,
    multiple=True,
    help="What it may be used for; can be given several times. 'admin' includes everything.",
)
@click.option(
    "--expires",
    "expires_at",
    type=_read_expiry,
    metavar="90d|DATE",
    help="Refuse it after this many days (d), hours (h) or weeks (w), or from this date or time on, in UTC "
    "unless it names a zone.  [default: never]",
)
@_of_store
@options.output_format("text", "json")
@click.pass_context
def create(
    ctx: click.Context,
    *,
    name: str,
    scopes: tuple[str, ...],
    expires_at: datetime | None,
    config: Path | None,
    database: str | None,
    output_format: str,
) -> None:
    """
    Make an API key, and print it.

    It is shown this once: the store keeps only what is needed to recognise it. Standard output gets the key
    and nothing else, standard error what there is to know about it.

    Exits 0 if it was made, 2 for a bad request, 3 if the store cannot be used.
    """
    with _open(ctx, config, database, make=True) as store:
        try:
            key, text = store.keys.create_key(name, scopes, expires_at)
        except ValueError as error:
            raise click.UsageError(f"{error}.", ctx) from error
        answer = f"{text}\n"
        if output_format == "json":
            answer = json.dumps({**_as_json(key), "key": text}, indent=2) + "\n"
        try:
            terminal.emit(answer)
        except (terminal.OutputError, BrokenPipeError):
            # Nobody has seen it, so nobody would ever revoke it.
            store.keys.revoke_key(key.id)
            raise
    if output_format == "text":
        terminal.show([*_in_words(key), Row("The key is not shown again.")], sys.stderr)


@keys.command(
    "list",
    epilog="""\
\b
Examples:
  provenance keys list --config service.toml
  provenance keys list --format json
""",
)
@_of_store
@options.output_format("text", "json")
@click.pass_context
def list_keys(ctx: click.Context, *, config: Path | None, database: str | None, output_format: str) -> None:
    """
    List all keys, the oldest first; expired and revoked ones, too, and none with its secret.

    Exits 0, 2 for a bad request, 3 if the store cannot be used.
    """
    with _open(ctx, config, database) as store:
        found = store.keys.list_keys()
    if output_format == "json":
        terminal.emit(json.dumps([_as_json(key) for key in found], indent=2) + "\n")
        return
    for key in found:
        terminal.show(_in_words(key))
    if not found:
        terminal.show([Row("No keys. 'provenance keys create --help' tells how to make one.", depth=0)])


@keys.command(
    epilog="""\
\b
Examples:
  provenance keys revoke qtvj2xw5kz3mn7ab --config service.toml
""",
)
@click.argument("key_id", metavar="ID")
@_of_store
@options.output_format("text", "json")
@click.pass_context
def revoke(
    ctx: click.Context, *, key_id: str, config: Path | None, database: str | None, output_format: str
) -> None:
    """
    Revoke a key, for good.

    A service that runs refuses it within 5 seconds; while the database does not answer the service, within
    15 minutes.

    ID is what 'provenance keys list' shows, and what stands in the key between "aip_" and the next "_".
    Revoking a key again changes nothing.

    Exits 0 if the key is revoked, 2 if there is no such key or for a bad request, 3 if the store cannot be
    used.
    """
    with _open(ctx, config, database) as store:
        if not store.keys.revoke_key(key_id):
            # Not what was given: it may be a key.
            raise click.UsageError("There is no key of this id: see 'provenance keys list'.")
        (key,) = (found for found in store.keys.list_keys() if found.id == key_id)
    if output_format == "json":
        terminal.emit(json.dumps(_as_json(key), indent=2) + "\n")
    else:
        terminal.show(_in_words(key))


class _NoStoreError(StoreError):
    hint = (
        "Name the store of the service with --config or --database, as the user that it runs as; "
        "'provenance keys create' makes one."
    )


def _open(ctx: click.Context, config: Path | None, database: str | None, *, make: bool = False) -> Store:
    settings = load_settings(config, options={"database": database})
    try:
        from provenance.service.store.store import Store  # noqa: PLC0415 - comes with an extra
    except ModuleNotFoundError as error:
        raise click.UsageError(
            f"{error.name} is not installed: pip install 'azure-image-provenance[service]'", ctx
        ) from error
    file = settings.database_file
    if file is not None and not make and not os.path.lexists(file):
        raise _NoStoreError(f"its file {str(file)!r} does not exist")
    return Store.open(settings.database_url(), timeout_s=settings.store_timeout_s)


def _in_words(key: ApiKey) -> Iterator[Row]:
    yield Row(f"{key.id} {quoted(key.name)}", depth=0, bold=True)
    yield Row(", ".join(sorted(key.scopes)), "scopes")
    yield Row(_time(key.created_at), "made")
    if key.expires_at is None:
        yield Row("never", "expires")
    elif key.expires_at <= datetime.now(UTC):
        yield Row(_time(key.expires_at), "expired", colour="red")
    else:
        yield Row(_time(key.expires_at), "expires")
    if key.revoked_at is not None:
        yield Row(_time(key.revoked_at), "revoked", colour="red")


def _as_json(key: ApiKey) -> dict[str, object]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "created_at": _timestamp(key.created_at),
        "expires_at": _timestamp(key.expires_at),
        "revoked_at": _timestamp(key.revoked_at),
        "usable": key.is_usable(datetime.now(UTC)),
    }


def _time(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _timestamp(time: datetime | None) -> str | None:
    return None if time is None else time.astimezone(UTC).isoformat().replace("+00:00", "Z")
