"""
`provenance schema`: what a report looks like, for programs that read reports.
"""

from __future__ import annotations

import json

import click

from provenance.cli.output import terminal
from provenance.verification import report


@click.command(epilog="\b\nExample:\n  provenance schema > report.schema.json\n")
def schema() -> None:
    """
    Print the JSON Schema of reports, as 'verify --format json' and 'inspect --format json' write them.
    """
    terminal.emit(json.dumps(report.schema(), indent=2) + "\n")
