"""
`provenance audit`: every image in folders, to files that people and programs read, and a gate for CI.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import click

from provenance.audit.gate import Baseline, Gate
from provenance.audit.record import Category, Record, Summary
from provenance.audit.run import Audit
from provenance.audit.source.local import list_files
from provenance.audit.writer.outputs import FORMATS, Outputs, Target, format_of
from provenance.audit.writer.rule import rules
from provenance.cli import options
from provenance.cli.output import terminal
from provenance.cli.output.progress import ProgressLine
from provenance.cli.output.terminal import BLANK, Row
from provenance.errors import DeadlineExceededError, OutputFileError, WorkerCrashedError
from provenance.text_value import read_seconds, read_size
from provenance.verification.verifier import Verifier
from provenance.verification.words import Surface, read_words

_MAX_SHOWN = 50
_MAX_REASONS = 12
_SUMMARIES = ("text", "json")
_OPTIONS = {
    WorkerCrashedError.__name__: "If it needs more memory than other images, '--max-memory' allows that.",
    DeadlineExceededError.__name__: "'--deadline' does.",
}


def _read_gate(text: str) -> Gate:
    try:
        return Gate.parse(text)
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from error


@click.command(
    epilog="""\
\b
Examples:
  provenance audit pictures
  provenance audit --output report.html --output reports.jsonl pictures
  provenance audit --state audit.db --output reports.jsonl pictures    # again: only what changed
  provenance audit --fail-on invalid,untrusted,error --baseline reports.jsonl pictures
  provenance audit --exclude 'thumbnails/**' --include '*.png' --format jsonl pictures | jq .state

\b
Exit codes:
  0  no file failed the gate          1  some failed
  2  the request cannot be met        3  some could not be judged, and the gate counts errors
  130, 143  interrupted: the outputs hold what was done, and --state knows it
""",
)
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path())
@options.verifier
@click.option(
    "--output",
    "outputs",
    type=click.Path(path_type=Path),
    metavar="FILE",
    multiple=True,
    help="Write all records to this file, replaced when all is done; repeatable. The form follows the "
    "extension: .jsonl .csv .parquet .xml (JUnit) .sarif .html",
)
@click.option(
    "--format",
    "output_format",
    type=click.Choice((*_SUMMARIES, *FORMATS)),
    default="text",
    show_default=True,
    help="Form of standard output: a summary as text or JSON, or all records. With --output, also "
    "the form of files without a known extension.",
)
@click.option("--include", metavar="GLOB", multiple=True, help="Only files that match, such as '*.png'.")
@click.option("--exclude", metavar="GLOB", multiple=True, help="No files or folders that match.")
@click.option("--hidden", is_flag=True, help="Also files and folders whose names begin with a dot.")
@click.option(
    "--jobs",
    type=click.IntRange(1, 256),
    metavar="N",
    help="Processes to judge in.  [default: one a processor]",
)
@click.option(
    "--deadline",
    "deadline_s",
    type=options.reading(read_seconds, 0.1, 3_600),
    default="30",
    show_default=True,
    metavar="SECONDS",
    help="Longest time for one file, such as 30 or 2m.",
)
@click.option(
    "--max-memory",
    "max_memory_bytes",
    type=options.reading(read_size),
    default="1GiB",
    show_default=True,
    metavar="SIZE",
    help="Most memory a process may use for one file.",
)
@click.option(
    "--hash",
    "hashes",
    type=click.Choice(("credentials", "all")),
    default="credentials",
    show_default=True,
    help="Which files to give the SHA-256 of: those with Content Credentials, or all, which are then read "
    "to their ends.",
)
@click.option(
    "--state",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Remember verdicts here; a later run judges only what changed, also after an interruption.",
)
@click.option(
    "--reuse",
    type=click.Choice(("stat", "sha256")),
    default="stat",
    show_default=True,
    help="When --state holds a verdict that is still good: same size and times, or same bytes (for fresh "
    "checkouts, whose times are always new).",
)
@click.option(
    "--fail-on",
    "gate",
    type=_read_gate,
    default="integrity,error",
    show_default=True,
    metavar="LIST",
    help="What fails the audit: any of absent, integrity, invalid, untrusted, rejected, error, with commas; "
    "or none. 'integrity': of the invalid, those whose hashes or signature do not hold or cannot be checked; "
    "'invalid': all of them, also those that only break a rule of C2PA.",
)
@click.option(
    "--baseline",
    type=click.Path(path_type=Path),
    metavar="FILE.jsonl",
    help="An earlier JSON Lines output: what failed there in the same way is not counted.",
)
@click.option("--quiet", is_flag=True, help="No progress, and no summary.")
@click.pass_context
def audit(
    ctx: click.Context,
    /,
    *,
    paths: tuple[str, ...],
    verifier: Verifier,
    outputs: tuple[Path, ...],
    output_format: str,
    gate: Gate,
    baseline: Path | None,
    quiet: bool,
    **settings: Any,  # noqa: ANN401 - the options left, by the names that Audit gives them
) -> None:
    """
    Judge every image below folders, and say what there is.

    Each file falls into one of six: accepted; rejected (trusted, but the policy demands more); untrusted;
    invalid; absent (no Content Credentials, which says nothing about how it was made); error. Files that are
    no images, links, and hidden files are skipped and counted.

    Nothing but the files themselves is read, each by a process of its own that may crash or hang without
    costing more than that file. Exits as shown below.
    """
    if baseline is not None:
        gate = replace(gate, baseline=Baseline.load(baseline))
    targets = _targets(outputs, output_format)
    plan, writers = _prepare(
        verifier, targets, {name: value for name, value in settings.items() if value is not None}, ctx
    )
    with _interruptible() as interruption, writers:
        summary, failing = _carry_out(plan, paths, gate, writers, interruption.requested, quiet=quiet)
    if interruption.exit_code:
        terminal.complain("interrupted: not every file was reached", _again(plan))
    if output_format == "json":
        terminal.emit(json.dumps(_as_json(summary), indent=2) + "\n")
    elif not quiet and not any(target.path is None for target in targets):
        terminal.show([*_failing(failing, summary), *_counted(summary)])
    ctx.exit(interruption.exit_code or gate.exit_code(summary))


def _targets(outputs: tuple[Path, ...], output_format: str) -> list[Target]:
    records = None if output_format in _SUMMARIES else output_format
    if not outputs:
        return [Target(None, records)] if records is not None else []
    return [Target(path, format_of(path) or records) for path in outputs]


def _prepare(
    verifier: Verifier, targets: list[Target], settings: dict[str, Any], ctx: click.Context
) -> tuple[Audit, Outputs]:
    try:
        plan = Audit(
            policy=verifier.policy, trust=verifier.trust, limits=verifier.limits, at=verifier.at, **settings
        )
        writers = Outputs(targets, plan.heading)
    except ValueError as error:
        raise click.UsageError(f"{error}.", ctx) from error
    except OutputFileError as error:  # nothing is opened yet: a package is missing
        raise click.UsageError(str(error), ctx) from error
    return replace(plan, thumbnails=writers.wants_thumbnails), writers


def _carry_out(
    plan: Audit,
    paths: tuple[str, ...],
    gate: Gate,
    writers: Outputs,
    stop: threading.Event,
    *,
    quiet: bool,
) -> tuple[Summary, list[Record]]:
    summary = Summary()
    failing: list[Record] = []
    own = writers.files
    records = plan.run(paths, summary, stop=stop, own=own)
    with (
        closing(records),
        ProgressLine(
            lambda: _total(plan, paths, own), lambda: _so_far(summary), wanted=not quiet
        ) as progress,
    ):
        for record in map(gate.apply, records):
            summary.add(record)
            writers.add(record)
            if record.failing and len(failing) < _MAX_SHOWN:
                failing.append(record)
            if record.category is Category.ERROR:
                progress.clear()
                _complain(record, summary.categories[Category.ERROR])
            progress.advance()
    writers.finish(summary)
    return summary, failing


def _total(plan: Audit, paths: tuple[str, ...], own: frozenset[Path]) -> int:
    passed = map(os.fsencode, own)
    found = list_files(paths, include=plan.include, exclude=plan.exclude, hidden=plan.hidden, own=passed)
    return sum(1 for _ in found)


def _so_far(summary: Summary) -> str:
    return ", ".join(f"{summary.categories[name]:,} {name}" for name in Category if summary.categories[name])


def _complain(record: Record, count: int) -> None:
    if count > _MAX_SHOWN:
        return
    error = json.loads(record.report)["error"]
    hint = " ".join(filter(None, (error["hint"], _OPTIONS.get(error["type"]))))
    terminal.complain(error["message"], hint, about=record.name)
    if count == _MAX_SHOWN:
        terminal.complain("further errors are not shown here", "The outputs hold them all.")


def _again(plan: Audit) -> str:
    if plan.state is None:
        return "With --state FILE, the next run would go on from here."
    return "Run the same command again to go on from here."


def _failing(failing: list[Record], summary: Summary) -> Iterator[Row]:
    for record in failing:
        yield Row(f"{record.name}: {', '.join(record.reasons)}", record.category, depth=0, colour="red")
    if summary.failing > len(failing):
        yield Row(f"... and {summary.failing - len(failing):,} more", depth=0)
    if failing:
        yield BLANK


def _counted(summary: Summary) -> Iterator[Row]:
    total = sum(summary.categories.values())
    reused = f", {summary.reused:,} of them known from an earlier run" if summary.reused else ""
    yield Row(f"{terminal.counted(total, 'file')}{reused}", depth=0, bold=True)
    known = read_words(Surface.COMMAND).categories
    for category in Category:
        count = summary.categories[category]
        if count:
            yield Row(f"{count:>9,}  {known[category]['meaning']}", category)
    for why, count in summary.skipped.most_common():
        yield Row(f"{count:>9,}  {why}", "skipped")
    if summary.reasons:
        yield Row("Why files were not accepted, most frequent first", depth=0, bold=True)
    titles = {rule.id: rule.title for rule in rules()}
    for reason, count in summary.reasons.most_common(_MAX_REASONS):
        title = titles.get(reason)
        yield Row(f"{count:>9,}  {f'{title} ({reason})' if title else reason}")
    word, colour = ("FAILED", "red") if summary.failing else ("PASSED", "green")
    failing = terminal.counted(summary.failing, "file") if summary.failing else "no file"
    words = f"{word}: {failing} failed"
    yield Row(words if summary.complete else f"{words}, as far as it got", depth=0, colour=colour, bold=True)


def _as_json(summary: Summary) -> dict[str, object]:
    return {
        "files": sum(summary.categories.values()),
        "categories": {category.value: summary.categories[category] for category in Category},
        "reasons": dict(summary.reasons.most_common()),
        "skipped": dict(summary.skipped.most_common()),
        "reused": summary.reused,
        "failing": summary.failing,
        "complete": summary.complete,
    }


class _Interruption:
    """
    What a signal asks for: an end at the next file, with complete outputs.
    """

    def __init__(self) -> None:
        self.requested = threading.Event()
        self.exit_code = 0

    def __call__(self, number: int, _: FrameType | None) -> None:
        self.exit_code = 128 + number
        self.requested.set()
        signal.signal(number, signal.SIG_DFL)  # whoever asks twice does not want to wait


@contextmanager
def _interruptible() -> Iterator[_Interruption]:
    interruption = _Interruption()
    before = {number: signal.signal(number, interruption) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
