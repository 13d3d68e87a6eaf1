"""
All outputs of an audit: opened before any work, filled together, and replaced only when all are whole.

A format's module is imported only when that format is asked for: some need packages that others do not.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import io
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Self

from provenance.atomic_file import replaced
from provenance.audit.record import Heading, Record, Summary
from provenance.audit.writer.interface import Writer
from provenance.errors import OutputFileError

STANDARD_OUTPUT = "standard output"

_COPIED_BYTES = 1024 * 1024


class _Format(NamedTuple):
    """
    How one format is written.

    Attributes:
        module: Which module below `provenance.audit.writer` writes it.

        writer: The class in there.

        extension: What names of its files end with.

        by_line: Whether what was written so far is of use before the end.

        is_text: Whether it can be shown.
    """

    module: str
    writer: str
    extension: str
    by_line: bool = False
    is_text: bool = True


_FORMATS = {
    "jsonl": _Format("jsonl", "JsonLinesWriter", ".jsonl", by_line=True),
    "csv": _Format("csv", "CsvWriter", ".csv", by_line=True),
    "parquet": _Format("parquet", "ParquetWriter", ".parquet", is_text=False),
    "junit": _Format("junit", "JUnitWriter", ".xml"),
    "sarif": _Format("sarif", "SarifWriter", ".sarif"),
    "html": _Format("html", "HtmlWriter", ".html"),
}

FORMATS = tuple(_FORMATS)
"""
Names of all formats.
"""


class Target(NamedTuple):
    """
    Where one output goes, and in which format.

    Attributes:
        path: A file, which is replaced; None or "-" for standard output.

        format: One of `FORMATS`, or None to go by the extension.
    """

    path: Path | None
    format: str | None = None

    @property
    def where(self) -> str:
        """
        What messages call it.
        """
        return STANDARD_OUTPUT if self.path is None or str(self.path) == "-" else str(self.path)


def format_of(path: Path) -> str | None:
    """
    Return the format by a file's extension, or None if no format has it.
    """
    extension = path.suffix.lower()
    return next((name for name, known in _FORMATS.items() if known.extension == extension), None)


class Outputs:
    """
    The outputs of one audit; a context manager.

    Files are replaced by `finish`, all or, short of a failing disk, none; without it they stay as they were.
    Formats of lines reach standard output as they come, all others as a whole at the end.
    """

    def __init__(self, targets: Iterable[tuple[Path | None, str | None]], heading: Heading) -> None:
        """
        Set where outputs go; nothing is opened yet.

        Args:
            targets: Paths and formats, as `Target` has them; may be empty.

            heading: What holds for all files.

        Raises:
            ValueError: If a format is unknown or cannot go to standard output, or two outputs go to the same
                place.

            OutputFileError: If a package is missing that a format needs.
        """
        self._heading = heading
        self._planned = [_planned(Target(*target)) for target in targets]
        places = [plan.place for plan in self._planned]
        for plan in self._planned:
            if places.count(plan.place) > 1:
                raise ValueError(f"two outputs go to {plan.where}")
        self._open: list[_Opened] = []

    @property
    def wants_thumbnails(self) -> bool:
        """
        Whether thumbnails are of use to any output.
        """
        return any(plan.wants_thumbnails for plan in self._planned)

    @property
    def files(self) -> frozenset[Path]:
        """
        The files that are written, while they are open: where they will lie and where they lie until then.
        """
        names = [output.file.name for output in self._open if output.place is not None]
        return frozenset(Path(name) for name in names) | {o.place for o in self._open if o.place is not None}

    def __enter__(self) -> Self:
        """
        Open all outputs.

        Raises:
            OutputFileError: If one cannot be written: its folder is missing, say. Then none is open.
        """
        opened = False
        try:
            for plan in self._planned:
                with _output_errors(plan.where):
                    self._open.append(_opened(plan, self._heading))
            opened = True
        finally:
            if not opened:
                self._abandon()
        return self

    def __exit__(self, *_: object) -> None:
        self._abandon()

    def add(self, record: Record) -> None:
        """
        Write one file's record to every output.

        Raises:
            OutputFileError: If one cannot be written. A closed pipe is left to the program.
        """
        report = json.loads(record.report) if any(o.writer.wants_report for o in self._open) else {}
        for output in self._open:
            with _output_errors(output.where):
                output.writer.add(record, report)

    def finish(self, summary: Summary) -> None:
        """
        Complete every output, then put all in place.

        Raises:
            OutputFileError: If one cannot be written. A closed pipe is left to the program.
        """
        for output in self._open:
            with _output_errors(output.where):
                output.writer.finish(summary)
                output.file.flush()
        while self._open:
            output = self._open.pop(0)
            with _output_errors(output.where):
                output.ending.close()

    def _abandon(self) -> None:
        while self._open:
            abandoned = _AbandonedError()
            self._open.pop().ending.__exit__(type(abandoned), abandoned, None)


class _AbandonedError(Exception):
    """
    What ends an output that is not to be kept.
    """


class _Planned(NamedTuple):
    """
    One output before it is opened.
    """

    where: str
    place: Path | None
    by_line: bool
    writer: Callable[[BinaryIO, Heading], Writer]
    wants_thumbnails: bool


class _Opened(NamedTuple):
    """
    One output that is open; what is written is kept when the ending ends well.
    """

    where: str
    place: Path | None
    file: BinaryIO
    writer: Writer
    ending: contextlib.ExitStack


def _planned(target: Target) -> _Planned:
    path = None if target.where == STANDARD_OUTPUT else target.path
    name = target.format or (format_of(path) if path is not None else None)
    if name not in _FORMATS:
        raise ValueError(f"no known format for {target.where}: name one of {', '.join(FORMATS)}")
    if path is None and not _FORMATS[name].is_text:
        raise ValueError(f"{name} is no text, so it goes to a file only")
    writer = _load(_FORMATS[name], target.where)
    return _Planned(target.where, _resolved(path), _FORMATS[name].by_line, writer, writer.wants_thumbnails)


def _load(format_: _Format, where: str) -> Any:  # noqa: ANN401 - a class, by its name
    try:
        module = importlib.import_module(f"provenance.audit.writer.{format_.module}")
    except ModuleNotFoundError as error:
        reason = f"{error.name} is not installed: pip install 'azure-image-provenance[audit]'"
        raise OutputFileError(where, reason) from error
    return getattr(module, format_.writer)


def _resolved(path: Path | None) -> Path | None:
    if path is None:
        return None
    try:
        return path.resolve()
    except (RuntimeError, ValueError):  # whatever is wrong with it is said when it is opened
        return path.absolute()


def _opened(plan: _Planned, heading: Heading) -> _Opened:
    if plan.place is not None:
        destination = replaced(plan.place)
    else:
        destination = _streamed() if plan.by_line else _spooled()
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(destination)
        writer = plan.writer(file, heading)
        return _Opened(plan.where, plan.place, file, writer, stack.pop_all())


@contextlib.contextmanager
def _streamed() -> Iterator[BinaryIO]:
    if sys.stdout is None:
        raise OSError(errno.EBADF, "it is closed")
    sys.stdout.flush()
    if not isinstance(sys.stdout.buffer, io.RawIOBase):
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    # Where Python runs unbuffered, a write that a signal interrupts may write only a part.
    with open(sys.stdout.fileno(), "wb", closefd=False) as stream:
        try:
            yield stream
            stream.flush()
        finally:
            with contextlib.suppress(OSError):  # it has been raised before
                stream.flush()
            stream.raw.close()


@contextlib.contextmanager
def _spooled() -> Iterator[BinaryIO]:
    with tempfile.TemporaryFile() as spool:
        yield spool
        spool.seek(0)
        with _streamed() as stream:
            shutil.copyfileobj(spool, stream, _COPIED_BYTES)


@contextlib.contextmanager
def _output_errors(where: str) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputFileError(where, error.strerror or str(error)) from error
