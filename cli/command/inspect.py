"""
`provenance inspect`: everything one image says, whatever the verdict.
"""

from __future__ import annotations

import json

import click

from provenance.cli import options
from provenance.cli.judged_input import judge
from provenance.cli.output import manifest_tree, terminal
from provenance.verification.verdict import VerificationResult
from provenance.verification.verifier import Verifier


@click.command(
    "inspect",
    epilog="""\
\b
Examples:
  provenance inspect picture.png
  provenance inspect --format json picture.png | jq '.manifests[].actions'
""",
)
@click.argument("file", metavar="FILE", type=click.Path(allow_dash=True))
@options.verifier
@options.output_format("text", "json")
@click.pass_context
def inspect(ctx: click.Context, file: str, verifier: Verifier, output_format: str) -> None:
    """
    Show everything the Content Credentials of an image say, and what validation found.

    Manifests are shown as a tree: the active one, the ingredients reached from it, and those that nothing
    references, which prove nothing. "json" prints the report.

    Exits 0 if the image could be inspected, whatever the verdict, 2 for a bad request, 3 if it could not.
    """
    judged = judge(verifier, file, with_sha256=True)
    if not isinstance(judged.outcome, VerificationResult):
        terminal.complain(str(judged.outcome), judged.outcome.hint, about=judged.name)
    if output_format == "json":
        terminal.emit(json.dumps(judged.report, indent=2) + "\n")
    elif isinstance(judged.outcome, VerificationResult):
        terminal.show(manifest_tree.inspection(judged.name, judged.sha256, judged.outcome))
    ctx.exit(0 if isinstance(judged.outcome, VerificationResult) else 3)
