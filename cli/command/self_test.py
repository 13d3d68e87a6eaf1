"""
`provenance selftest`: whether this installation still judges known images as it should.
"""

from __future__ import annotations

import json

import click

from provenance.cli import options
from provenance.cli.output import terminal
from provenance.cli.output.terminal import Row
from provenance.errors import EngineError, PolicyError, TrustError
from provenance.verification.self_test import SelfTestCase, run


@click.command(epilog="\b\nExample:\n  provenance selftest && provenance verify picture.png\n")
@options.output_format("text", "json")
@click.pass_context
def selftest(ctx: click.Context, output_format: str) -> None:
    """
    Judge images whose verdict is known, to see that engine, trust and policies work here.

    Exits 0 if every verdict is the expected one, 3 otherwise.
    """
    try:
        cases = run()
    except (PolicyError, TrustError) as error:
        # The package's own files are at fault here, not what was asked for.
        raise EngineError(f"the known images cannot be judged: {error}") from error
    if output_format == "json":
        terminal.emit(json.dumps([_as_json(case) for case in cases], indent=2) + "\n")
    else:
        terminal.show(map(_row, cases))
        failed = sum(not case.passed for case in cases)
        outcome = f"{failed} failed: do not rely on this installation" if failed else "all as expected"
        terminal.show([Row(f"{terminal.counted(len(cases), 'case')}, {outcome}", depth=0, bold=True)])
    ctx.exit(0 if cases and all(case.passed for case in cases) else 3)


def _row(case: SelfTestCase) -> Row:
    found = "as expected" if case.passed else f"found {case.actual}"
    colour = "green" if case.passed else "red"
    text = f"{case.name}, {case.why}: expected {case.expected}; {found}"
    return Row(text, "ok" if case.passed else "FAILED", colour=colour)


def _as_json(case: SelfTestCase) -> dict[str, object]:
    return {
        "name": case.name,
        "why": case.why,
        "expected": case.expected,
        "actual": case.actual,
        "passed": case.passed,
    }
