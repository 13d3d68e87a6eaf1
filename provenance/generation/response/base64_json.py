"""
Answers with images in them, taken apart while they arrive.

The base64 of an image is decoded piece by piece and cut out of the JSON around it, so that no answer is
ever held as text: ten images need little more memory than their own bytes.
"""

from __future__ import annotations

import binascii
import json
import re
from dataclasses import dataclass, field

from provenance.generation.errors import MalformedAnswerError
from provenance.generation.json_value import Json, as_map

# A quote inside a JSON string is escaped, so this can only be a key, whatever a prompt says.
_KEY = re.compile(rb'"b64_json"[ \t\r\n]*:[ \t\r\n]*"')
_KEY_LONGEST = 64
_ESCAPE = re.compile(rb"\\(?:u00([0-9A-Fa-f]{2})|(.))", re.DOTALL)
_ESCAPE_LONGEST = 6


@dataclass(slots=True)
class _Decoder:
    """
    Base64 in pieces; None as a result once something in it was not base64.
    """

    pieces: list[bytes] | None = field(default_factory=list)
    rest: bytes = b""
    ended: bool = False

    def feed(self, text: bytes) -> None:
        text = self.rest + text
        cut = text.rfind(b"\\", max(0, len(text) - _ESCAPE_LONGEST + 1))
        held = text[cut:] if cut >= 0 else b""
        text = _unescape(text[: len(text) - len(held)])
        whole = len(text) // 4 * 4
        self._decode(text[:whole])
        self.rest = text[whole:] + held

    def finish(self) -> bytes | None:
        self._decode(_unescape(self.rest))
        pieces, self.pieces = self.pieces, None
        return b"".join(pieces) if pieces is not None else None

    def _decode(self, text: bytes) -> None:
        if self.pieces is None or not text:
            return
        try:
            decoded = binascii.a2b_base64(text, strict_mode=True)
        except binascii.Error:
            decoded = None
        # Padding ends the data; more of it is another text, not this one.
        self.pieces = None if decoded is None or self.ended else self.pieces
        self.ended = self.ended or text.endswith(b"=")
        if self.pieces is not None and decoded is not None:
            self.pieces.append(decoded)


def _unescape(text: bytes) -> bytes:
    # Encoders may write "/" as "\/" and "+" as "\u002B".
    if b"\\" not in text:
        return text
    return _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]) if found[1] else found[2], text)


class AnswerReader:
    """
    Reads one JSON answer in pieces of any size.
    """

    def __init__(self, max_bytes: int) -> None:
        """
        Start at the beginning of an answer of at most so many bytes.
        """
        self._max_bytes = max_bytes
        self._seen = 0
        self._frame = bytearray()
        self._floor = 0
        self._decoder: _Decoder | None = None
        self._images: list[bytes | None] = []

    def feed(self, piece: bytes) -> None:
        """
        Read the next piece.

        Raises:
            MalformedAnswerError: If the answer is larger than allowed.
        """
        self._seen += len(piece)
        if self._seen > self._max_bytes:
            message = f"the answer exceeds {self._max_bytes:,} bytes"
            raise MalformedAnswerError(message)
        while piece:
            decoder = self._decoder
            piece = self._inside(decoder, piece) if decoder is not None else self._outside(piece)

    def finish(self) -> tuple[Json, tuple[bytes | None, ...]]:
        """
        Conclude.

        Returns:
            The answer, in which each `b64_json` is the index of its image in text, and the images; None
            for one that is not base64.

        Raises:
            MalformedAnswerError: If the answer is not a JSON object, or breaks off.
        """
        try:
            answer = json.loads(bytes(self._frame)) if self._decoder is None else None
        except (ValueError, RecursionError) as error:
            raise MalformedAnswerError(_not_json(self._seen)) from error
        if not isinstance(answer, dict):
            raise MalformedAnswerError(_not_json(self._seen))
        images, self._images = tuple(self._images), []
        return as_map(answer), images

    def _outside(self, piece: bytes) -> bytes:
        start = max(self._floor, len(self._frame) - _KEY_LONGEST)
        before = len(self._frame)
        self._frame += piece
        found = _KEY.search(self._frame, start)
        if found is None:
            return b""
        rest = piece[found.end() - before :]
        del self._frame[found.end() :]
        self._frame += b'%d"' % len(self._images)
        self._floor = len(self._frame)
        self._decoder = _Decoder()
        return rest

    def _inside(self, decoder: _Decoder, piece: bytes) -> bytes:
        text, quote, rest = piece.partition(b'"')
        decoder.feed(text)
        if quote:
            self._images.append(decoder.finish())
            self._decoder = None
        return rest


def read_answer(text: bytes) -> tuple[Json, tuple[bytes | None, ...]]:
    """
    Read an answer that is there as a whole.

    Raises:
        MalformedAnswerError: If it is not a JSON object.
    """
    reader = AnswerReader(len(text))
    reader.feed(text)
    return reader.finish()


def _not_json(seen: int) -> str:
    return f"the answer of {seen:,} bytes is not a JSON object, or breaks off"
