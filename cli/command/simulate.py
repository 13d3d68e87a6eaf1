"""
`provenance simulate`: Azure's image API on this machine, for programs and tests without Azure.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.output import terminal
from provenance.cli.output.port import port_error
from provenance.listener import ListenError

if TYPE_CHECKING:
    from provenance.simulator import Simulator


@click.command(
    epilog="""\
\b
Examples:
  provenance simulate --port 8080 --api-key key --trust-out simulated.toml
\b
In another shell:
  export AZURE_OPENAI_ENDPOINT=http://127.0.0.1:8080 AZURE_OPENAI_API_KEY=key
  provenance generate "a lighthouse" --deployment gpt-image-1 --out pictures \\
      --trust-profile simulated.toml
""",
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 for any free one."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--allow-remote", is_flag=True, help="Listen on other addresses than this machine's own, too.")
@click.option(
    "--api-key", metavar="KEY", default="simulated-key", show_default=True, help="The key to ask for."
)
@click.option(
    "--trust-out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.toml",
    help="File for the trust profile under which its images are accepted.",
)
def simulate(*, port: int, host: str, allow_remote: bool, api_key: str, trust_out: Path | None) -> None:
    """
    Run an Azure-compatible image API on this machine until it is interrupted.

    Its images are drawn, not generated, and signed as Azure signs, by an authority made for this run: they
    prove nothing to anybody who does not choose to trust FILE.toml. Needs the extra "simulator".

    Exits 0 when it was told to end, 2 for a bad request, 3 if it cannot listen or write FILE.toml.
    """
    try:
        from provenance.simulator import serve  # noqa: PLC0415 - comes with an extra
    except ModuleNotFoundError as error:
        raise click.UsageError(
            f"{error.name} is not installed: pip install 'azure-image-provenance[simulator]'"
        ) from error
    try:
        serve(
            api_key=api_key,
            host=host,
            port=port,
            trust_out=trust_out,
            allow_remote=allow_remote,
            when_ready=_announce,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    except ListenError as error:
        raise port_error(host, port, error) from error
    except BrokenPipeError:
        raise  # nobody reads the address; the program ends quietly then
    except OSError as error:
        name = terminal.printable(str(trust_out))
        raise terminal.OutputError(f"{name} cannot be written: {error.strerror}") from error


def _announce(simulator: Simulator) -> None:
    terminal.emit(f"{simulator.endpoint}\n")
