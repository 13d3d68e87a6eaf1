"""
JUnit XML, as Jenkins and GitLab read it: one test case a file, failed where the gate counts the file.

The counts stand before what is counted, so room is left for them at the start and filled in at the end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from html import escape
from typing import BinaryIO, ClassVar

from provenance.audit.record import Category, Heading, Record, Summary
from provenance.audit.writer.file_name import as_xml
from provenance.audit.writer.text import as_line
from provenance.verification.report import Report

_SUITE = "provenance audit"
_COUNTED = ("failures", "errors", "skipped")
_WIDEST = 10**18


class JUnitWriter:
    """
    Writes one test suite.

    A file that the gate counts is a failure, or an error if it could not be judged; one that could not be
    judged and is not counted was skipped; every other passed, whatever its credentials prove. The file's
    folder is the class of its test case. A name that XML cannot hold is percent-encoded, and the test case's
    output says so.

    Source:
        junit-10.xsd of Jenkins' xUnit plugin; GitLab, "Unit test reports".
    """

    wants_report: ClassVar[bool] = True
    wants_thumbnails: ClassVar[bool] = False

    def __init__(self, file: BinaryIO, heading: Heading) -> None:
        """
        Begin the file, which must be seekable.
        """
        self._file = file
        self._heading = heading
        self._counts: Counter[str] = Counter()
        self._start = file.tell()
        self._room = len(self._head(Counter(dict.fromkeys(_COUNTED, _WIDEST)), complete=False))
        file.write(b" " * self._room)

    def add(self, record: Record, report: Report) -> None:
        """
        Write one test case.
        """
        name = as_xml(record.name)
        folder, slash, file = name.text.rpartition("/")
        inner = "".join(_outcome(record, report))
        if name.encoded:
            inner += "<system-out>name is percent-encoded</system-out>"
        tag = f'testcase classname="{escape(folder or slash or ".")}" name="{escape(file)}"'
        self._write_case(tag, inner)
        self._counts[_counted_as(record)] += 1

    def finish(self, summary: Summary) -> None:
        """
        End the suite, and fill in the counts. Where the audit was not complete, an error says so.
        """
        if not summary.complete:
            # No file can be called so.
            tag = f'testcase classname="{_SUITE}" name="complete/every file was reached"'
            message = "the audit was interrupted before it had reached every file"
            self._write_case(tag, f'<error type="Incomplete" message="{message}"/>')
            self._counts["errors"] += 1
        self._file.write(b"</testsuite>\n</testsuites>\n")
        end = self._file.tell()
        self._file.seek(self._start)
        self._file.write(self._head(self._counts, complete=summary.complete).ljust(self._room - 1) + b"\n")
        self._file.seek(end)

    def _write_case(self, tag: str, inner: str) -> None:
        self._file.write((f"<{tag}>{inner}</testcase>\n" if inner else f"<{tag}/>\n").encode())

    def _head(self, counts: Counter[str], *, complete: bool) -> bytes:
        attributes = "".join(f' {name}="{counts[name]}"' for name in _COUNTED)
        properties = {"complete": str(complete).lower(), **self._heading._asdict()}
        lines = [
            '<?xml version="1.0" encoding="UTF-8"?>',
            "<testsuites>",
            f'<testsuite name="{_SUITE}" tests="{counts.total()}"{attributes}>',
            "<properties>",
            *(f'<property name="{n}" value="{escape(as_line(str(v)))}"/>' for n, v in properties.items()),
            "</properties>",
            "",
        ]
        return "\n".join(lines).encode()


def _counted_as(record: Record) -> str:
    if record.category is Category.ERROR:
        return "errors" if record.failing else "skipped"
    return "failures" if record.failing else "passed"


def _outcome(record: Record, report: Report) -> Iterator[str]:
    lines = [escape(as_line(line)) for line in _reasons(report)]
    text = "\n".join(lines)
    if record.category is Category.ERROR:
        # What could not be judged must not look judged, whatever the gate counts.
        element, kind = ("error" if record.failing else "skipped"), record.reasons[0]
    elif record.failing:
        element, kind = "failure", record.category.value
    else:
        return
    yield f'<{element} type="{escape(kind)}" message="{lines[0]}">{text}</{element}>'


def _reasons(report: Report) -> Iterator[str]:
    if "error" in report:
        yield report["error"]["message"]
        yield report["error"]["hint"]
        return
    for finding in report["findings"]:
        yield f"{finding['check']}: {finding['message']}"
