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

    def receive(self, piece: memoryview) -> bool:
        """
        Count bytes that arrived, and pass them on to the sink, if there is one.

        Returns:
            Whether they went to a sink.
        """
        self.left -= len(piece)
        if self._sink is None:
            return False
        self.diverted += len(piece)
        self._sink(piece)
        return True


class StreamProtocol(Protocol):
    """
    What a `SharedBufferProtocol` reads for: the callbacks of asyncio, but for how bytes come.
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

    def bytes_received(self, buffer: bytearray, end: int) -> None:
        """
        Process the first *end* bytes of a buffer.
        """
        ...

    def eof_received(self) -> bool:
        """
        Note that the client sends no more.

        Returns:
            Whether it is still to be answered.
        """
        ...

    def pause_writing(self) -> None:
        """
        Note that the client does not read.
        """
        ...

    def resume_writing(self) -> None:
        """
        Note that it does again.
        """
        ...


class SharedBufferProtocol(asyncio.BufferedProtocol):
    """
    One connection, read into a buffer that all connections of an event loop share.

    Between two calls of this, nothing is in it that is still needed.
    """

    def __init__(self, inner: StreamProtocol, buffer: bytearray) -> None:
        """
        Set what reads.

        Args:
            inner: Gets what arrives, as the first bytes of the buffer.

            buffer: The shared buffer.
        """
        self._inner = inner
        self._buffer = buffer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """
        Begin.
        """
        self._inner.connection_made(cast("asyncio.Transport", transport))

    def connection_lost(self, exc: Exception | None) -> None:
        """
        End.
        """
        self._inner.connection_lost(exc)

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002 - as the base class has it
        """
        Return the buffer.
        """
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """
        Pass on what arrived.
        """
        self._inner.bytes_received(self._buffer, nbytes)

    def eof_received(self) -> bool:
        """
        Pass on that the client sends no more.
        """
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        """
        Pass on that the client does not read.
        """
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """
        Pass on that it does again.
        """
        self._inner.resume_writing()
