"""
`provenance completion`: the script that a shell reads to complete this command.
"""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from provenance.cli.output import terminal

_PROGRAM = "provenance"
_VARIABLE = "_PROVENANCE_COMPLETE"


@click.command(
    epilog="""\
\b
To have it in every new shell:
  bash  echo 'eval "$(provenance completion bash)"' >> ~/.bashrc
  zsh   echo 'eval "$(provenance completion zsh)"' >> ~/.zshrc
  fish  provenance completion fish > ~/.config/fish/completions/provenance.fish
""",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """
    Print the script that completes commands, options, policies, trust profiles and files in a shell.
    """
    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"There is no completion for {shell}.", ctx)
    terminal.emit(found(ctx.find_root().command, {}, _PROGRAM, _VARIABLE).source().rstrip() + "\n")
