"""
`provenance serve`: the moderation service, until it is told to end.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from provenance.cli import options, trust_profile
from provenance.cli.output import terminal
from provenance.cli.output.port import port_error
from provenance.cli.output.terminal import Row
from provenance.listener import ListenError
from provenance.text_value import read_whole
from provenance.trust.microsoft import MICROSOFT

_EXTRA = "service"
_SUFFIX = ".toml"


@click.command(
    epilog="""\
\b
Examples:
  provenance keys create --name pipeline --scope verify
  provenance serve
  provenance serve --host 0.0.0.0 --config service.toml
\b
On this machine only, without keys:
  provenance serve --no-auth
  curl --data-binary @picture.png http://127.0.0.1:8000/v1/verify

Every setting can stand in FILE.toml, or in the environment as PROVENANCE_ and its name in capitals.
""",
)
@click.option("--host", metavar="ADDRESS", help="Address to listen on.  [default: 127.0.0.1]")
@click.option(
    "--port", type=options.reading(read_whole), metavar="PORT", help="0 for any free one.  [default: 8000]"
)
@click.option(
    "--config", type=click.Path(path_type=Path), metavar="FILE.toml", help="Settings; see --show-settings."
)
@click.option("--database", metavar="URL", help="Where reports and keys are kept.")
@click.option("--workers", type=options.reading(read_whole), metavar="NUMBER", help="Processes that judge.")
@click.option(
    "--policy",
    "policies",
    multiple=True,
    metavar="NAME|FILE.toml",
    shell_complete=options.complete_policy,
    help="Policy that may be asked for; the first is the default.",
)
@click.option(
    "--trust-profile",
    "trust_profiles",
    multiple=True,
    metavar="NAME|FILE.toml",
    shell_complete=options.complete_profile,
    help="Trust profile; several are joined.  [default: microsoft]",
)
@click.option("--no-auth", is_flag=True, help="Ask for no API key; on a loopback address only.")
@click.option("--show-settings", is_flag=True, help="List all settings, and end.")
def serve(
    *,
    config: Path | None,
    policies: tuple[str, ...],
    trust_profiles: tuple[str, ...],
    show_settings: bool,
    **given: object,
) -> None:
    """
    Judge images that are sent over HTTP, and keep the reports.

    Prints its address once it answers; log lines go to standard error. Needs the extra "service", and an API
    key for those who ask: 'provenance keys create'. On SIGTERM it finishes what it accepted.

    Exits 0 when it was told to end, 2 for a bad request, 3 if it cannot start.
    """
    try:
        from provenance.service.config.load import load_settings  # noqa: PLC0415 - as above
        from provenance.service.server import serve as run  # noqa: PLC0415 - comes with an extra
    except ModuleNotFoundError as error:
        raise click.UsageError(
            f"{error.name} is not installed: pip install 'azure-image-provenance[{_EXTRA}]'"
        ) from error
    if show_settings:
        _show_settings()
        return
    chosen = {**given, "policies": policies or None, "trust_profiles": trust_profiles or None}
    settings = load_settings(config, options=chosen)
    trusted = tuple(_as_path(name) for name in settings.trust_profiles)
    try:
        run(replace(settings, trust_profiles=trusted), lambda address: terminal.emit(f"{address}\n"))
    except ListenError as error:
        raise port_error(settings.host, settings.port, error) from error


def _as_path(name: str) -> str:
    """
    Find a profile of the user's own; the service knows files only.
    """
    if name == MICROSOFT.name or name.endswith(_SUFFIX):
        return name
    trust_profile.find(name)
    return str(trust_profile.directory() / f"{name}{_SUFFIX}")


def _show_settings() -> None:
    from provenance.service.config.settings import table  # noqa: PLC0415 - comes with an extra

    for row in table():
        terminal.show([Row(row.name, depth=0, bold=True), Row(row.meaning)])
        terminal.show([Row(row.type_name, "kind"), Row(row.default, "default")])
