"""
Files out of a multipart/form-data body, one after the other, while it arrives.

Nothing is kept but the file that is arriving, and what is not a file is refused: how much memory a body takes
does not depend on what is in it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from provenance.service.http import problem
from provenance.service.upload.file_pool import FilePool
from provenance.service.upload.image_upload import ImageUpload

OVERHEAD_BYTES = 8 * 1024
"""
Most bytes that a part may take beyond its file, more or less: boundary and headers.
"""

_MAX_HEADERS = 8
_MAX_HEADER_BYTES = 4 * 1024
# Without a name, what is of one of these types is a field (RFC 7578, section 4.4).
_NO_FILE = frozenset({b"", b"text/plain"})
_PLAIN_ENCODINGS = frozenset({b"binary", b"8bit", b"7bit"})


class Begin(NamedTuple):
    """
    A file begins.

    Attributes:
        name: What it is called, or None; hostile text.
    """

    name: str | None


class Piece(NamedTuple):
    """
    The next bytes of the file.
    """

    content: memoryview


class End(NamedTuple):
    """
    The file is complete.
    """


Event = Begin | Piece | End


class FormReader:
    """
    Turns a body into events, piece by piece; reads nothing itself.
    """

    def __init__(self, content_type: str, max_files: int) -> None:
        """
        Begin.

        Args:
            content_type: The header of the request.

            max_files: How many files to take.

        Raises:
            ProblemError: 400 if it names no usable boundary.
        """
        _, options = parse_options_header(content_type)
        self._max_files = max_files
        self._files = 0
        self._events: list[Event] = []
        self._headers: dict[bytes, bytes] = {}
        self._field, self._value = b"", b""
        self._finished = False
        try:
            self._parser = MultipartParser(
                options.get(b"boundary", b""),
                {
                    "on_part_begin": self._on_part_begin,
                    "on_header_field": self._on_header_field,
                    "on_header_value": self._on_header_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers_finished,
                    "on_part_data": self._on_part_data,
                    "on_part_end": self._on_part_end,
                    "on_end": self._on_end,
                },
                max_header_count=_MAX_HEADERS,
                max_header_size=_MAX_HEADER_BYTES,
            )
        except FormParserError as error:
            raise problem.bad_request("The boundary of the form is too long.") from error
        if not options.get(b"boundary"):
            raise problem.bad_request("The form has no boundary.")

    def feed(self, piece: bytes) -> list[Event]:
        """
        Parse the next bytes.

        Returns:
            What is known by them; may be empty.

        Raises:
            ProblemError: 400 if this is no form of files, or one of too many.
        """
        try:
            self._parser.write(piece)
        except FormParserError as error:
            raise problem.bad_request("The form cannot be read.") from error
        events, self._events = self._events, []
        return events

    def close(self) -> None:
        """
        Note that the body has ended.

        Raises:
            ProblemError: 400 if the form has not, or holds no file.
        """
        if not self._finished:
            raise problem.bad_request("The form ends too early.")
        if not self._files:
            raise problem.bad_request("There is no file in the form.")

    def _on_part_begin(self) -> None:
        self._files += 1
        if self._files > self._max_files:
            raise problem.too_many(self._max_files)
        self._headers.clear()

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._field.lower()] = self._value
        self._field, self._value = b"", b""

    def _on_headers_finished(self) -> None:
        disposition, options = parse_options_header(self._headers.get(b"content-disposition"))
        media_type, _ = parse_options_header(self._headers.get(b"content-type"))
        is_file = b"filename" in options or media_type not in _NO_FILE
        if disposition != b"form-data" or not is_file:
            raise problem.bad_request(
                "The form holds something that is not a file.",
                "Send nothing but files, each with its name or its content type.",
            )
        encoding = self._headers.get(b"content-transfer-encoding", b"binary").strip().lower()
        if encoding not in _PLAIN_ENCODINGS:
            raise problem.bad_request("A file in the form is encoded.", "Send files as they are.")
        self._events.append(Begin(options.get(b"filename", b"").decode("utf-8", "replace") or None))

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._events.append(Piece(memoryview(data)[start:end]))

    def _on_part_end(self) -> None:
        self._events.append(End())

    def _on_end(self) -> None:
        self._finished = True


async def read_files(
    pieces: AsyncIterator[bytes],
    reader: FormReader,
    pool: FilePool,
    receive: Callable[[ImageUpload], Awaitable[None]],
) -> None:
    """
    Read the files of a form, one after the other.

    Args:
        pieces: The body.

        reader: Reads the form.

        pool: Where the files are put.

        receive: Gets each file once all of it came, and closes it. It may be too large.

    Raises:
        ProblemError: 400, also for too many files, 408, or 503 if there is no room; some files may have
            been read by then.

        ClientDisconnect: If the client is gone.
    """
    upload: ImageUpload | None = None
    try:
        async for piece in pieces:
            for event in reader.feed(piece):
                if isinstance(event, Begin):
                    upload = ImageUpload(pool, event.name)
                elif upload is not None and isinstance(event, Piece):
                    upload.write(event.content)
                elif upload is not None:
                    complete, upload = upload, None
                    await receive(complete)
    finally:
        if upload is not None:
            upload.close()
    reader.close()
