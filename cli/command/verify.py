"""
`provenance verify`: many images in, one verdict or error for each out, in the order they were given.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

import click

from provenance.cli import options
from provenance.cli.judged_input import JudgedInput, judge
from provenance.cli.output import terminal, verdict
from provenance.cli.output.destination import destination
from provenance.errors import AssetError, EngineError
from provenance.verification.verifier import Verifier


@click.command(
    epilog="""\
\b
Examples:
  provenance verify picture.png
  provenance verify --quiet *.png
  provenance verify --policy azure-openai-lineage --format jsonl *.png > reports.jsonl
  provenance verify --trust-profile microsoft --trust-profile mine picture.png
  curl -s https://example.com/picture.png | provenance verify -

\b
In a script:
  provenance verify --format json picture.png | jq -r '.[].state'
""",
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(allow_dash=True))
@options.verifier
@options.output_format("text", "json", "jsonl")
@click.option(
    "--output",
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE",
    help="Write the answer to this file instead of standard output; it is replaced when all is done.",
)
@click.option("--quiet", is_flag=True, help="Print only what is not accepted (text only).")
@click.pass_context
def verify(
    ctx: click.Context,
    *,
    files: tuple[str, ...],
    verifier: Verifier,
    output_format: str,
    output: Path | None,
    quiet: bool,
) -> None:
    """
    Verify the Content Credentials of one or more images, or of standard input ("-").

    Three questions, three answers: what the credentials prove (absent, invalid, valid, trusted), whether
    that is enough for the policy (ACCEPTED or REJECTED), and whether it could be judged at all.

    The formats: "text" for people, "json" for an array of reports, "jsonl" for one report a line, errors
    included. 'provenance schema' prints what a report looks like.

    Exits 0 if every image is accepted, 1 if any is rejected, 2 for a bad request, 3 if any could not be
    judged.
    """
    if quiet and output_format != "text":
        raise click.UsageError("--quiet goes with --format text only.", ctx)
    codes: Counter[int] = Counter()
    with_sha256 = output_format != "text"
    inputs = (judge(verifier, name, with_sha256=with_sha256) for name in files)
    counted = _counted(inputs, codes)
    with destination(output) as file:
        if output_format == "text":
            _write_text(counted, file, quiet=quiet)
            if len(files) > 1 and not quiet:
                terminal.show([terminal.BLANK, verdict.summary(codes)], file)
        else:
            _write_reports(counted, file, as_lines=output_format == "jsonl")
    ctx.exit(max(codes))


def _counted(inputs: Iterable[JudgedInput], codes: Counter[int]) -> Iterator[JudgedInput]:
    """
    Count inputs by their exit codes, and complain of those that could not be judged.
    """
    for judged in inputs:
        codes[judged.exit_code] += 1
        if isinstance(judged.outcome, AssetError | EngineError):
            terminal.complain(str(judged.outcome), judged.outcome.hint, about=judged.name)
        yield judged


def _write_text(inputs: Iterable[JudgedInput], file: IO[str] | None, *, quiet: bool) -> None:
    between: list[terminal.Row] = []
    for judged in inputs:
        if isinstance(judged.outcome, AssetError | EngineError) or (quiet and judged.outcome.accepted):
            continue
        terminal.show([*between, *verdict.verdict(judged.name, judged.outcome)], file)
        between = [terminal.BLANK]


def _write_reports(inputs: Iterable[JudgedInput], file: IO[str] | None, *, as_lines: bool) -> None:
    if as_lines:
        for judged in inputs:
            terminal.emit(json.dumps(judged.report) + "\n", file)
        return
    separator = "[\n"
    for judged in inputs:
        terminal.emit(separator + json.dumps(judged.report, indent=2), file)
        separator = ",\n"
    terminal.emit("\n]\n", file)
