"""
The group of all commands, and the one place where exceptions become messages and exit codes.

A command's module is imported when that command runs, so that help and shell completion are quick.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import re
import sys
from typing import Any

import click
from click.shell_completion import CompletionItem

from provenance.cli.output import terminal
from provenance.errors import (
    BaselineError,
    PolicyError,
    ProvenanceError,
    SettingsError,
    StateError,
    StoreAddressError,
    TrustError,
)

BAD_REQUEST = 2
NOT_JUDGED = 3
INTERRUPTED = 130
PIPE_CLOSED = 141

DEBUG = "AZURE_IMAGE_PROVENANCE_DEBUG"
"""
Environment variable that has errors that nobody expected shown with their traces.
"""

_REPORT = (
    "Please report this line and what 'provenance --version' prints, as an issue of azure-image-provenance, "
    f"or as its SECURITY.md says if an image causes it. {DEBUG}=1 shows where it comes from."
)
_CHOICES = re.compile(r"(?<=[:,])\n\t")

_BAD_REQUESTS = (BaselineError, PolicyError, SettingsError, StateError, StoreAddressError, TrustError)

COMMANDS = {
    "verify": ("verify", "verify", "Verify the Content Credentials of images."),
    "inspect": ("inspect", "inspect", "Show everything the Content Credentials of an image say."),
    "audit": ("audit", "audit", "Verify every image in folders, for reports and as a gate in CI."),
    "generate": ("generate", "generate", "Generate images with Azure OpenAI, and verify them."),
    "edit": ("generate", "edit", "Edit images with Azure OpenAI, and verify what comes back."),
    "serve": ("serve", "serve", "Judge images that are sent over HTTP, and keep the reports."),
    "simulate": ("simulate", "simulate", "Run an Azure-compatible image API on this machine."),
    "keys": ("keys", "keys", "Make, list and revoke API keys of the moderation service."),
    "policy": ("policy", "policy", "See what the policies demand."),
    "trust": ("trust", "trust", "Choose whose signatures to trust."),
    "selftest": ("self_test", "selftest", "Judge known images, to see that this installation works."),
    "schema": ("schema", "schema", "Print the JSON Schema of reports."),
    "completion": ("completion", "completion", "Print the script for completion in a shell."),
}
"""
By name: module below `provenance.cli.command`, the command in it, and its help in one line.
"""


class Program(click.Group):
    """
    A group that imports a command only when it is run.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """
        Return the names of the commands, the most used first.
        """
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        """
        Import a command.
        """
        if cmd_name not in COMMANDS:
            return None
        module, name, _ = COMMANDS[cmd_name]
        # Importing makes no garbage; looking for it is a tenth of what a short command takes.
        gc.disable()
        try:
            command: click.Command = getattr(
                importlib.import_module(f"provenance.cli.command.{module}"), name
            )
        finally:
            gc.enable()
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """
        List the commands without importing them.
        """
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, _, summary) in COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """
        Complete the commands' names without importing them.
        """
        names = [
            CompletionItem(name, help=summary)
            for name, (_, _, summary) in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return names + click.Command.shell_complete(self, ctx, incomplete)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """
        Return the command that is named, or raise which one may be meant.
        """
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            # Click compares with the commands that it knows, and here they are imported only when they run.
            raise click.exceptions.NoSuchCommand(
                error.command_name, possibilities=COMMANDS, ctx=ctx
            ) from None

    def make_context(self, *args: Any, **extra: Any) -> click.Context:  # noqa: ANN401 - the signature is click's
        """
        Read the command line; whoever stops reading help or version ends it quietly, too.
        """
        try:
            return super().make_context(*args, **extra)
        except BrokenPipeError:
            terminal.silence(sys.stdout)
            raise click.exceptions.Exit(PIPE_CLOSED) from None

    def invoke(self, ctx: click.Context) -> object:
        """
        Run a command; whoever stops reading its output ends it quietly.
        """
        if os.environ.get("NO_COLOR"):
            ctx.color = False
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            terminal.silence(sys.stdout)
            ctx.exit(PIPE_CLOSED)

    def main(self, *args: Any, **extra: Any) -> Any:  # noqa: ANN401 - the signature is click's, overloaded
        """
        Run the program and exit: 0, 1, 2 for a bad request, 3 for what could not be judged.

        What nobody expected is 3, too: 1 means that something was rejected.
        """
        try:
            code = self._run(*args, **extra)
        except Exception as error:  # noqa: BLE001 - the last resort: nothing may end as if an image were rejected
            _explain_fault(error)
            code = NOT_JUDGED
        gc.freeze()  # the process ends: going through all that was imported once more frees nothing
        sys.exit(code or 0)

    def _run(self, *args: Any, **extra: Any) -> int | None:  # noqa: ANN401 - as above
        terminal.prepare()
        code: int | None
        try:
            code = super().main(*args, **{**extra, "standalone_mode": False})
        except click.ClickException as error:
            _explain(error)
            code = error.exit_code
        except click.Abort:
            code = INTERRUPTED
        except OSError as error:
            if not _is_from_click(error):
                raise
            terminal.silence(sys.stdout)
            _explain(terminal.OutputError.of(error))
            code = NOT_JUDGED
        except ProvenanceError as error:
            terminal.complain(str(error), error.hint)
            code = BAD_REQUEST if isinstance(error, _BAD_REQUESTS) else NOT_JUDGED
        return code


def _is_from_click(error: OSError) -> bool:
    """
    Return whether click failed to write: help is the one output that does not go through `terminal`.
    """
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    return place is not None and place.tb_frame.f_globals.get("__name__") == "click.utils"


def _explain_fault(error: Exception) -> None:
    """
    Write on one line what nobody expected and where it happened, and how to report it.
    """
    import traceback  # noqa: PLC0415 - slow, and hopefully never needed

    *_, (frame, line) = traceback.walk_tb(error.__traceback__)
    where = f"{frame.f_globals.get('__name__')}, line {line}"
    with contextlib.suppress(OSError, ValueError):  # standard error may be what is broken
        if os.environ.get(DEBUG):
            sys.stderr.writelines(map(terminal.printable_lines, traceback.format_exception(error)))
        terminal.complain(f"a fault of this program: {type(error).__name__}: {error} ({where})", _REPORT)


def _explain(error: click.ClickException) -> None:
    hint = None
    if isinstance(error, click.UsageError) and error.ctx is not None:
        if isinstance(error, click.exceptions.NoArgsIsHelpError):
            click.echo(error.ctx.get_help(), err=True)
            return
        hint = f"Try '{error.ctx.command_path} --help'."
    # Click lists choices on lines of their own.
    terminal.complain(_CHOICES.sub(" ", error.format_message()), hint)


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click's
    if not wanted or ctx.resilient_parsing:
        return
    from provenance.distribution import versions  # noqa: PLC0415 - slow, and nothing else needs it

    terminal.emit(f"{versions()}\n")
    ctx.exit()


@click.group(
    cls=Program,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\
\b
Examples:
  provenance verify picture.png
  provenance verify --policy azure-openai-lineage --format jsonl *.png
  provenance inspect picture.png

Each command has its own --help. 'provenance completion bash' prints the script that completes commands,
options and policies in a shell.
""",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version of this program and of its C2PA engine, and exit.",
)
def main() -> None:
    """
    Judge the Content Credentials of images from Azure OpenAI against a written policy.

    A signature shows who signed which bytes; it never shows that a picture is true. Judging uses no
    network.

    Exits 0 if everything is accepted, 1 if something is rejected, 2 for a bad request, 3 if something
    could not be judged.
    """
