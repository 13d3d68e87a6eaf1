"""
What reaches a terminal: every line of text, on either stream, goes through `show` or `complain`.

Text out of images, policies and file names is hostile: an escape sequence in it could repaint a verdict.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
import textwrap
from collections.abc import Iterable
from itertools import accumulate
from typing import IO, NamedTuple, Self

import click

_MAX_LINE = 2_000
_MAX_QUOTED = 160
_MAX_WIDTH = 100
_LABEL_WIDTH = 13
_INDENT = "  "


class Row(NamedTuple):
    """
    One line of text output, longer ones wrapped on a terminal.

    Attributes:
        text: Its text; escaped when it is shown.

        label: What it is about, in a column of its own; empty for a line without one.

        depth: How far it is indented.

        colour: Name of a colour for the text, or None.

        bold: Whether the text is bold.
    """

    text: str
    label: str = ""
    depth: int = 1
    colour: str | None = None
    bold: bool = False


BLANK = Row("", depth=0)
"""
An empty line.
"""


class OutputError(click.ClickException):
    """
    The answer could not be written to where it should go.
    """

    exit_code = 3

    @classmethod
    def of(cls, error: OSError) -> Self:
        """
        Return an error that names why standard output cannot be written.
        """
        return cls(f"the output cannot be written: {error.strerror}")


def counted(count: int, noun: str) -> str:
    """
    Write a count with its noun, in the plural unless it is one.
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def printable(text: str, limit: int = _MAX_LINE) -> str:
    """
    Return hostile text made safe to show: one line, left to right, no control over the terminal.

    Args:
        text: Anything, lone surrogates included.

        limit: Most characters of the outcome; of longer text the middle is left out.

    Returns:
        Text in which control characters, bidirectional overrides, line separators, invisible characters
        and bytes that are no text stand as backslash escapes.
    """
    if len(text) <= limit and text.isprintable():
        return text
    head = [_escape(character) for character in text[:limit]]
    if len(text) <= limit and sum(map(len, head)) <= limit:
        return "".join(head)
    tail = [_escape(character) for character in text[-limit:]][::-1]
    room = limit - 1
    return _fitting(head, room - room // 3) + "…" + _fitting(tail, room // 3, backwards=True)


def printable_lines(text: str) -> str:
    """
    Return hostile text of several lines made safe to show, each line by itself.
    """
    return "".join(f"{printable(line)}\n" for line in text.splitlines())


def quoted(text: str | None, limit: int = _MAX_QUOTED) -> str:
    """
    Quote text of somebody else's, so that it is seen where it begins and ends; None is "nothing".
    """
    if text is None:
        return "nothing"
    return '"' + printable(text.replace("\\", "\\\\").replace('"', '\\"'), limit) + '"'


def show(rows: Iterable[Row], file: IO[str] | None = None) -> None:
    """
    Print rows, in colour only on a terminal and where NO_COLOR is unset.

    Args:
        rows: What to print.

        file: Where to; None for standard output.

    Raises:
        OutputError: If it cannot be written.
    """
    width = _width(file or sys.stdout)
    for row in rows:
        emit("\n".join(_lay_out(row, width)) + "\n", file)


def emit(text: str, file: IO[str] | None = None) -> None:
    """
    Write text that is safe already.

    Raises:
        OutputError: If it cannot be written. A closed pipe is left to the program.
    """
    try:
        click.echo(text, file=file, nl=False)
    except BrokenPipeError:
        raise
    except OSError as error:
        silence(sys.stdout)
        raise OutputError.of(error) from error


def complain(message: str, hint: str | None = None, *, about: str | None = None) -> None:
    """
    Write on standard error what went wrong, and what can be done about it.

    Args:
        message: What went wrong.

        hint: What to do, as a sentence, or None.

        about: Name of the file it is about, or None.
    """
    subject = f"{printable(about, 300)}: " if about is not None else ""
    click.echo(printable(f"provenance: {subject}{message}"), err=True)
    if hint:
        click.echo(_INDENT + printable(hint), err=True)


def prepare() -> None:
    """
    Configure both streams for any character: what their encoding lacks is written as an escape.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def silence(stream: IO[str] | None) -> None:
    """
    Send what is left in a stream's buffer nowhere, so that closing it does not fail once more.

    Source:
        Python documentation, "Note on SIGPIPE".
    """
    try:
        descriptor = stream.fileno() if stream is not None else None
    except (OSError, ValueError):
        return
    if descriptor is not None:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, descriptor)
        os.close(null)


def _escape(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode("ascii")


def _fitting(pieces: list[str], room: int, *, backwards: bool = False) -> str:
    count = sum(length <= room for length in accumulate(map(len, pieces)))
    kept = pieces[:count]
    return "".join(reversed(kept) if backwards else kept)


def _width(file: IO[str] | None) -> int | None:
    # Only a terminal is wrapped for: whoever reads a pipe looks for whole lines.
    if file is None or not file.isatty():
        return None
    return max(40, min(_MAX_WIDTH, shutil.get_terminal_size().columns))


def _lay_out(row: Row, width: int | None) -> list[str]:
    margin = _INDENT * row.depth
    label = f"{printable(row.label).ljust(_LABEL_WIDTH - 1)} " if row.label else ""
    further = margin + " " * len(label)
    text = printable(row.text)
    pieces = [text]
    if width is not None:
        # Beside a very deep margin there has to be some room left for the text.
        room = max(20, width - len(further))
        pieces = textwrap.wrap(text, room, break_on_hyphens=False) or [""]
    if row.colour is not None or row.bold:
        pieces = [click.style(piece, fg=row.colour, bold=row.bold) for piece in pieces]
    first = margin + (click.style(label, dim=True) if label else "") + pieces[0]
    return [first.rstrip(), *(further + piece for piece in pieces[1:])]
