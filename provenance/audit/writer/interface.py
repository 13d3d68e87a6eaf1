"""
What every output of an audit is: something that records are added to in order, and that is finished.

A writer writes to a file that takes the place of the old one only when all is done; it never opens or
names one itself. There is no clock in any output, so that the same files give the same bytes.
"""

from __future__ import annotations

from typing import ClassVar, Protocol

from provenance.audit.record import Record, Summary
from provenance.verification.report import Report


class Writer(Protocol):
    """
    One output; made with the binary file to write to and the `Heading`.

    Attributes:
        wants_report: Whether it reads reports; without, it is given empty ones, which saves reading them.

        wants_thumbnails: Whether thumbnails are of use to it.
    """

    wants_report: ClassVar[bool]
    wants_thumbnails: ClassVar[bool]

    def add(self, record: Record, report: Report) -> None:
        """
        Write one file's record; `report` is the record's report, read from JSON.
        """
        ...

    def finish(self, summary: Summary) -> None:
        """
        Write what comes after the last record; the file is not closed.
        """
        ...
