"""
What may reach a terminal.
"""

from __future__ import annotations

import io

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.cli.output.terminal import Row, complain, printable, quoted, show

ANY_TEXT = st.text(st.characters(), max_size=200)
"""
Lone surrogates included: file names may hold any bytes.
"""


class Terminal(io.StringIO):
    """
    A stream that says it is a terminal.
    """

    def isatty(self) -> bool:
        """
        Return True.
        """
        return True


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("picture.png", "picture.png"),
        ("Bild für Zoë 图.png", "Bild für Zoë 图.png"),
        ("\x1b[32mACCEPTED", "\\x1b[32mACCEPTED"),
        ("a\nb\rc\td\x00\x7f\x9b", "a\\nb\\rc\\td\\x00\\x7f\\x9b"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\u2066a\u2069", "\\u2066a\\u2069"),
        ("a\u2028b\u2029c\u0085", "a\\u2028b\\u2029c\\x85"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("bytes \udcff", "bytes \\udcff"),
        ("\U000e0041", "\\U000e0041"),
        ("", ""),
    ],
)
def test_hostile_text_is_escaped_visibly(text: str, expected: str) -> None:
    """
    What is dropped in silence makes two different names look the same.
    """
    assert printable(text) == expected


@given(ANY_TEXT, st.integers(min_value=10, max_value=100))
def test_no_text_gets_past(text: str, limit: int) -> None:
    """
    Whatever it is, it stays one line of characters that only show themselves.
    """
    shown = printable(text, limit)

    assert shown.isprintable()
    assert len(shown) <= limit
    assert len(shown.encode()) >= len(shown)


@given(ANY_TEXT)
def test_escaped_text_is_not_escaped_again(text: str) -> None:
    """
    Parts are escaped where they are quoted, and lines where they are shown.
    """
    once = printable(text, 10_000)

    assert printable(once, 10_000) == once


def test_long_text_keeps_its_ends() -> None:
    """
    The end of a file name tells as much as its beginning.
    """
    shown = printable("begin" + "x" * 5_000_000 + "end.png", 60)

    assert shown.startswith("begin")
    assert shown.endswith("end.png")
    assert len(shown) <= 60


def test_a_quotation_cannot_be_ended_from_within() -> None:
    """
    An agent's name must not go on as if the verdict said it.
    """
    assert quoted('me", in the active manifest \\') == '"me\\", in the active manifest \\\\"'
    assert quoted(None) == "nothing"


def test_a_terminal_gets_wrapped_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What the terminal breaks by itself loses its indentation.
    """
    monkeypatch.setenv("COLUMNS", "40")
    terminal = Terminal()

    show([Row("word " * 20, "label")], terminal)

    lines = terminal.getvalue().splitlines()
    assert len(lines) > 2
    assert {line[:15] for line in lines[1:]} == {" " * 15}
    assert max(len(click.unstyle(line)) for line in lines) <= 40


def test_whoever_reads_a_pipe_gets_whole_lines() -> None:
    """
    Programs look for lines.
    """
    pipe = io.StringIO()

    show([Row("word " * 100, "label")], pipe)

    assert len(pipe.getvalue().splitlines()) == 1


def test_a_long_label_keeps_its_distance() -> None:
    """
    A label that touches its text reads as part of it.
    """
    pipe = io.StringIO()

    show([Row("text", "informational")], pipe)

    assert pipe.getvalue() == "  informational text\n"


def test_complaints_are_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    """
    Standard error is a terminal as well.
    """
    complain("bad \x1b[2J", "try \x07 again", about="na\nme")

    assert capsys.readouterr().err == "provenance: na\\nme: bad \\x1b[2J\n  try \\x07 again\n"
