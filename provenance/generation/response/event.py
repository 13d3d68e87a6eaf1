"""
Server-sent events, cut out of a stream whose pieces end anywhere.

Source: HTML Living Standard, section 9.2.6, "Interpreting an event stream".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from provenance.generation.errors import MalformedAnswerError


class Event(NamedTuple):
    """
    One event.

    Attributes:
        name: What its `event` field says; empty if there is none.

        data: Its `data` fields, joined by newlines.
    """

    name: str
    data: bytes


class EventReader:
    """
    Reads events from pieces of any size; lines end with CR, LF or both.
    """

    def __init__(self, max_bytes: int) -> None:
        """
        Start at the beginning of a stream of at most so many bytes.
        """
        self._max_bytes = max_bytes
        self._line = bytearray()
        self._after_cr = False
        self._name = ""
        self._data: list[bytes] = []
        self._seen = 0
        self._is_first = True

    def feed(self, piece: bytes) -> Iterator[Event]:
        """
        Read the next piece, and yield the events that it completes.

        Raises:
            MalformedAnswerError: If the stream is larger than allowed.
        """
        self._seen += len(piece)
        if self._seen > self._max_bytes:
            message = f"the stream exceeds {self._max_bytes:,} bytes"
            raise MalformedAnswerError(message)
        if self._after_cr and piece.startswith(b"\n"):
            piece = piece[1:]
            self._after_cr = False
        if not piece:
            return
        self._after_cr = piece.endswith(b"\r")
        # Not splitlines: a form feed ends no line here.
        lines = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        for line in lines[:-1]:
            self._line += line
            event = self._read_line(bytes(self._line))
            self._line = bytearray()
            if event is not None:
                yield event
        self._line += lines[-1]

    def _read_line(self, line: bytes) -> Event | None:
        if self._is_first:
            line, self._is_first = line.removeprefix(b"\xef\xbb\xbf"), False
        if not line:
            return self._dispatch()
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._name = value.decode("utf-8", "replace")
        return None

    def _dispatch(self) -> Event | None:
        event = Event(self._name, b"\n".join(self._data)) if self._data else None
        self._name, self._data = "", []
        return event
