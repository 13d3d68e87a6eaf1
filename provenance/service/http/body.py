"""
Bodies on their way from the socket to a file.

A body whose length is known needs no parser: its bytes go from one buffer, which all connections share, to
where the application wants them. As events they would be copied three times, in pieces so large that the
allocator asks the system for each, which costs more than all the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, cast

BODY = "provenance.body"
"""
Where a request's scope holds its `Body`, if it has one.
"""

BUFFER_BYTES = 64 * 1024
"""
Most bytes that are read at once.
"""

Sink = Callable[[memoryview], object]
"""
Takes the next bytes of a body; they are gone once it returns.
"""


class Body:
    """
    What is still to come of the body of one request.

    Attributes:
        left: Bytes that did not arrive yet.

        diverted: Bytes that went to the sink.
    """

    __slots__ = ("_sink", "diverted", "left")

    def __init__(self, length: int) -> None:
        self.left = length
        self.diverted = 0
        self._sink: Sink | None = None

    def divert(self, sink: Sink) -> None:
        """
        Send what comes from now on to a sink; the next event is then the end of the body.
        """
        self._sink = sink

    def take(self, piece: memoryview) -> bool:
        """
        Take bytes that arrived.

        Returns:
            Whether they went to a sink.
        """
        self.left -= len(piece)
        if self._sink is None:
            return False
        self.diverted += len(piece)
        self._sink(piece)
        return True


class Reader(Protocol):
    """
    What an `Intake` reads for: the callbacks of asyncio, but for how bytes come.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:
        """
        Begin.
        """
        ...

    def connection_lost(self, exc: Exception | None) -> None:
        """
        End.
        """
        ...

    def take(self, buffer: bytearray, end: int) -> None:
        """
        Take the first bytes of a buffer.
        """
        ...

    def eof_received(self) -> bool:
        """
        Hear that the client sends no more.

        Returns:
            Whether it is still to be answered.
        """
        ...

    def pause_writing(self) -> None:
        """
        Hear that the client does not read.
        """
        ...

    def resume_writing(self) -> None:
        """
        Hear that it does again.
        """
        ...


class Intake(asyncio.BufferedProtocol):
    """
    One connection, read into a buffer that all connections of an event loop share.

    Between two calls of this, nothing is in it that is still needed.
    """

    def __init__(self, reader: Reader, buffer: bytearray) -> None:
        """
        Set who reads.

        Args:
            reader: Gets what arrives, as the first bytes of the buffer.

            buffer: The shared buffer.
        """
        self._reader = reader
        self._buffer = buffer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """
        Begin.
        """
        self._reader.connection_made(cast("asyncio.Transport", transport))

    def connection_lost(self, exc: Exception | None) -> None:
        """
        End.
        """
        self._reader.connection_lost(exc)

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002 - as the base class has it
        """
        Give the buffer.
        """
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """
        Pass on what arrived.
        """
        self._reader.take(self._buffer, nbytes)

    def eof_received(self) -> bool:
        """
        Pass on that the client sends no more.
        """
        return self._reader.eof_received()

    def pause_writing(self) -> None:
        """
        Pass on that the client does not read.
        """
        self._reader.pause_writing()

    def resume_writing(self) -> None:
        """
        Pass on that it does again.
        """
        self._reader.resume_writing()
