"""
CSV for spreadsheets, by RFC 4180 in UTF-8, and safe to open in one: no text begins like a formula.

A spreadsheet runs a cell that begins like a formula. Text here comes out of hostile images and names, and
where a cell begins depends on the separator that the spreadsheet expects.
"""

from __future__ import annotations

import codecs
import csv
import re
from typing import BinaryIO, ClassVar

from provenance.audit.record import Heading, Record, Summary
from provenance.audit.writer.row import TableRow
from provenance.audit.writer.text import as_line
from provenance.verification.report import Report

_STARTS = "=+-@＝＋－＠"  # noqa: RUF001 - full-width on purpose
_TRIMMED = "\t\r\n"
_SKIPPED = f"' \v\f\xa0\u3000\ufeff{_TRIMMED}"
_AFTER_SEPARATOR = re.compile('(?<=[;,|\t\r\n"])')


class CsvWriter:
    """
    Writes a header, and one row a file.

    Text is always in quotes; true and false are in words, what is not known is empty, and reasons are
    separated by spaces. Names are exact but for apostrophes, as told below; other text is on one line, and
    cut if it is long.

    An apostrophe stands before every part of a text that begins like a formula, perhaps after blanks and
    apostrophes; parts begin at the start and after each separator, quote or line break. One also stands
    before a text that begins with a tab or a line break. Whoever takes one away from each such part has the
    text.

    Source:
        OWASP, "CSV Injection"; OWASP ASVS 5.0, 1.2.10.
    """

    wants_report: ClassVar[bool] = True
    wants_thumbnails: ClassVar[bool] = False

    def __init__(self, file: BinaryIO, heading: Heading) -> None:  # noqa: ARG002 - a table has no place for it
        self._rows = csv.writer(
            codecs.getwriter("utf-8")(file), quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n"
        )
        self._rows.writerow(TableRow._fields)

    def add(self, record: Record, report: Report) -> None:
        """
        Write one row.
        """
        row = TableRow.of(record, report)
        self._rows.writerow([_without_formula(row.name), *(_cell(value) for value in row[1:])])

    def finish(self, summary: Summary) -> None:
        """
        Write nothing: a row of totals would be taken for a file.
        """


def _cell(value: str | int | tuple[str, ...] | None) -> str | int:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return value
    return _without_formula(as_line(value if isinstance(value, str) else " ".join(value)))


def _without_formula(text: str) -> str:
    parts = _AFTER_SEPARATOR.split(text)
    like_formula = False
    # From the end, because a part of nothing but blanks begins as the next one does.
    for place in reversed(range(len(parts))):
        bare = parts[place].lstrip(_SKIPPED)
        like_formula = bare[0] in _STARTS if bare else like_formula
        if like_formula or (place == 0 and text.lstrip("'")[:1] in tuple(_TRIMMED)):
            parts[place] = "'" + parts[place]
    return "".join(parts)
