"""
JSON Lines: one report a line, byte for byte as the report is made; the one output that holds everything.
"""

from __future__ import annotations

from typing import BinaryIO, ClassVar

from provenance.audit.record import Heading, Record, Summary
from provenance.verification.report import Report


class JsonLinesWriter:
    """
    Writes reports as they are.
    """

    wants_report: ClassVar[bool] = False
    wants_thumbnails: ClassVar[bool] = False

    def __init__(self, file: BinaryIO, heading: Heading) -> None:  # noqa: ARG002 - every report has its own
        self._file = file

    def add(self, record: Record, report: Report) -> None:  # noqa: ARG002 - its text is at hand
        """
        Write a report as one line.
        """
        self._file.write(record.report.encode() + b"\n")

    def finish(self, summary: Summary) -> None:
        """
        Write nothing: a file of lines has no end.
        """
