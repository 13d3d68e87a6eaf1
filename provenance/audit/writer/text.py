"""
Text out of images, made fit for formats that cannot hold all of it.

What is changed is written as a backslash escape, for people; programs find the exact text in the report.
"""

from __future__ import annotations

import re

MAX_LINE = 1_000
"""
Most characters of a line that is made for people.
"""

_NOT_UTF8 = re.compile("[\\ud800-\\udfff\0]")


def as_utf8(text: str) -> str:
    """
    Escape what UTF-8 cannot hold, and NUL, which ends a text for many who read it.
    """
    return _NOT_UTF8.sub(lambda found: _escape(found.group()), text)


def as_line(text: str) -> str:
    """
    Make text one line of at most `MAX_LINE` characters and their escapes; what is longer loses its end.

    Control characters, line breaks, bidirectional overrides, invisible characters and bytes that are no text
    stand as escapes, so the outcome can be held by XML, too.
    """
    if len(text) > MAX_LINE:
        text = text[: MAX_LINE - 1] + "…"
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escape(c) for c in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
