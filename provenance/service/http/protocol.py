"""
Connections that cost little: what uvicorn's HTTP protocol lacks against clients that mean harm.

A head that is too large or too slow is refused, there are only so many connections, and a client that does
not read is not waited for. Who is refused while still sending gets to read why: a connection that is closed
with bytes unread is reset, and the answer with it.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import httptools

from provenance.service.config.settings import Settings
from provenance.service.http.body import BODY, BUFFER_BYTES, Body, SharedBufferProtocol
from provenance.service.http.connection_problem import (
    HEAD_TOO_LARGE,
    HEAD_TOO_SLOW,
    MALFORMED,
    MAX_HEAD_BYTES,
    MAX_HEADERS,
    TOO_MANY_CONNECTIONS,
    write_problem,
)
from provenance.service.http.problem import Problem
from provenance.service.http.transport import ClientTransport
from provenance.service.http.uvicorn_protocol import HttpToolsProtocol, RequestResponseCycle
from provenance.service.observability.metrics import Metrics

logger = logging.getLogger(__name__)

MAX_REFUSED_CONNECTIONS = 64
"""
Most connections beyond those allowed that are told so; others are just closed.
"""

_MAX_PIPELINED = 16
_END_OF_HEAD = b"\r\n\r\n"


class ConnectionLimits(NamedTuple):
    """
    What one connection may take, and how many there may be.

    Attributes:
        head_s: Seconds until a head is complete.

        write_s: Seconds for which a client may read nothing of what is sent to it.

        max_connections: Most connections at a time.
    """

    head_s: float
    write_s: float
    max_connections: int


class _RefusedError(Exception):
    """
    Ends the parsing of a request that is refused.
    """


class LimitedProtocol(HttpToolsProtocol):
    """
    One connection.
    """

    def __init__(self, limits: ConnectionLimits, metrics: Metrics, **given: Any) -> None:  # noqa: ANN401 - uvicorn's own
        """
        Set what it may take.

        Args:
            limits: What it may take.

            metrics: What counts refusals.

            given: What uvicorn gives.
        """
        super().__init__(**given)
        self._limits = limits
        self._metrics = metrics
        self._refusal = MALFORMED
        self._timer: asyncio.TimerHandle | None = None
        self._is_head = True
        self._heads = 0
        self._head_bytes = 0
        self._has_begun = False
        self._discards_input = False
        self._body: Body | None = None
        # The last bytes of a head that is not complete: its end may arrive in two pieces.
        self._tail = b""
        self._running: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """
        Accept a connection, unless there are too many.
        """
        self._transport = ClientTransport(transport, self, self._limits.write_s)
        super().connection_made(self._transport)
        excess = len(self.connections) - self._limits.max_connections
        if excess > MAX_REFUSED_CONNECTIONS:
            self._metrics.refused(TOO_MANY_CONNECTIONS.name)
            self._transport.abort()
        elif excess > 0:
            self._refuse(TOO_MANY_CONNECTIONS)
        else:
            self._time_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """
        End with a connection.
        """
        self._stop_timer()
        self._transport.stop_timer()
        super().connection_lost(exc)

    def bytes_received(self, buffer: bytearray, end: int) -> None:
        """
        Process what arrived: heads and bodies of unknown length by the parser, other bodies past it.

        Args:
            buffer: Holds what arrived.

            end: How much it is.
        """
        begin = 0
        while begin < end and not self._discards_input:
            body = self._body
            if body is not None:
                piece = memoryview(buffer)[begin : min(end, begin + body.left)]
                begin += len(piece)
                self._receive_body(body, piece)
            else:
                # No further than to the end of a head, because a body may begin there.
                stop = self._end_of_head(buffer, begin, end)
                self._has_begun = True
                self.data_received(bytes(buffer[begin:stop]))
                begin = stop

    def data_received(self, data: bytes) -> None:
        """
        Pass bytes on to the parser.
        """
        head = self._heads if self._is_head else None
        super().data_received(data)
        if self._discards_input or not self._is_head:
            return
        if head == self._heads:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(HEAD_TOO_LARGE)
                return
        if self._timer is None and self._open_cycle() is None:
            self._time_head()

    def eof_received(self) -> bool:  # type: ignore[override]
        """
        Keep answering whoever sends no more, if all that was asked has arrived.
        """
        cycle = self._open_cycle()
        if cycle is None or not self._is_head or self._transport.is_closing():
            return False
        cycle.keep_alive = False
        return True

    def on_header(self, name: bytes, value: bytes) -> None:
        """
        Accept a header, unless there are too many. Trailers are none: nobody in between has looked at them.
        """
        if not self._is_head:
            return
        super().on_header(name, value)
        if len(self.headers) > MAX_HEADERS:
            self._refusal = HEAD_TOO_LARGE
            raise _RefusedError

    def on_headers_complete(self) -> None:
        """
        Accept a head, unless it is too large. A body whose length it tells is read without the parser.
        """
        self._stop_timer()
        self._head_bytes = 0
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > MAX_HEAD_BYTES:
            self._refusal = HEAD_TOO_LARGE
            raise _RefusedError
        if len(self.pipeline) >= _MAX_PIPELINED:
            raise _RefusedError
        super().on_headers_complete()
        self._is_head = False
        if self.parser.should_upgrade():
            self.cycle.keep_alive = False
        self._body = _body_of(self.headers)
        if self._body is not None:
            self.scope[BODY] = self._body  # type: ignore[literal-required]  # an extension of ours

    def on_body(self, body: bytes) -> None:
        """
        Accept a piece of a body from the parser.
        """
        if self._body is not None:
            self._body.left -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """
        Wait for the next head.
        """
        if self.parser.should_upgrade():
            if self._body is not None and self._body.left:
                # The parser leaves what follows to another protocol; we speak no other, and read the body.
                return
            self._discards_input = True
        self._is_head = True
        self._has_begun = False
        self._heads += 1
        self._body = None
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """
        Continue with the next request. If its head has begun it must be complete soon.
        """
        super().on_response_complete()
        is_idle = self._open_cycle() is None and not self.transport.is_closing()
        if is_idle and self._is_head and self._has_begun and self._timer is None:
            self._time_head()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's signature
        """
        Refuse what cannot be read on.
        """
        self._refuse(self._refusal)

    def pause_writing(self) -> None:
        """
        Wait for a client that does not read, as long as it reads on.
        """
        super().pause_writing()
        self._transport.watch_progress()

    def shutdown(self) -> None:
        """
        Close, or as soon as the request that is being answered was.
        """
        if self._transport.lingers:
            self._transport.abort()
        elif not self._transport.is_closing():
            super().shutdown()

    def is_unread(self) -> bool:
        """
        Return whether the client may still be sending what is not read.
        """
        return not self._is_head or self._discards_input

    def discard_input(self) -> None:
        """
        Throw away what still comes.
        """
        self._discards_input = True
        self._stop_timer()
        self.flow.resume_reading()

    def _end_of_head(self, buffer: bytearray, begin: int, end: int) -> int:
        """
        Find where the head ends that goes on at *begin*; *end*, if it does not end before.
        """
        reach = len(_END_OF_HEAD) - 1
        across = (self._tail + buffer[begin : min(end, begin + reach)]).find(_END_OF_HEAD)
        if across >= 0:
            stop = begin + across + len(_END_OF_HEAD) - len(self._tail)
        else:
            found = buffer.find(_END_OF_HEAD, begin, end)
            stop = end if found < 0 else found + len(_END_OF_HEAD)
        last = (self._tail + buffer[max(begin, stop - reach - 1) : stop])[-reach - 1 :]
        self._tail = b"" if last == _END_OF_HEAD else last[-reach:]
        return stop

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:  # noqa: ANN401 - uvicorn's own
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _receive_body(self, body: Body, piece: memoryview) -> None:
        if not body.receive(piece):
            super().on_body(bytes(piece))
        if not body.left:
            # The parser has not seen that body, and waits for it still.
            self.parser = _parser(self)
            self.on_message_complete()

    def _time_head(self) -> None:
        self._timer = self.loop.call_later(self._limits.head_s, self._head_too_slow)

    def _head_too_slow(self) -> None:
        if self._has_begun:
            self._refuse(HEAD_TOO_SLOW)
        else:
            # Nobody has asked anything.
            self.transport.close()

    def _refuse(self, problem: Problem) -> None:
        """
        Answer without the application, and take nothing more.
        """
        if self.transport.is_closing():
            return
        self._metrics.refused(problem.name)
        request_id = secrets.token_hex(16)
        facts = {"request_id": request_id, "problem": problem.name, "client": self.client and self.client[0]}
        logger.info("connection refused", extra={"facts": facts})
        self._drop_waiting()
        cycle = self._open_cycle()
        if cycle is not None and self._is_head:
            # What is refused comes after a request that is still to be answered.
            cycle.keep_alive = False
            self._discards_input = True
            return
        if cycle is None or not cycle.response_started:
            self.transport.write(write_problem(problem, request_id, self.server_state.default_headers))
        if cycle is not None:
            cycle.disconnected = True
            cycle.message_event.set()
        self._transport.close_slowly()

    def _drop_waiting(self) -> None:
        """
        Drop the youngest request, if its body is still arriving and it waits for the answers to others.
        """
        if not self._is_head and self.pipeline and self.pipeline[0][0] is self.cycle:
            self.pipeline.popleft()
            self.cycle = self.pipeline[0][0] if self.pipeline else cast("RequestResponseCycle", self._running)
            self._is_head = True

    def _open_cycle(self) -> RequestResponseCycle | None:
        """
        Return the youngest request, unless it is answered.
        """
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return None if cycle is None or cycle.response_complete else cycle

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def protocol_factory(settings: Settings, metrics: Metrics) -> Callable[..., SharedBufferProtocol]:
    """
    Make the factory of a service's connections, for uvicorn.

    Args:
        settings: How long it waits, and how many connections it takes.

        metrics: What counts refusals.
    """
    limits = ConnectionLimits(settings.header_timeout_s, settings.body_timeout_s, settings.max_connections)
    buffer = bytearray(BUFFER_BYTES)

    def connect(**given: Any) -> SharedBufferProtocol:  # noqa: ANN401 - uvicorn's own arguments
        return SharedBufferProtocol(LimitedProtocol(limits, metrics, **given), buffer)

    return connect


def _parser(protocol: LimitedProtocol) -> httptools.HttpRequestParser:
    parser = httptools.HttpRequestParser(protocol)
    # As uvicorn sets it, so that a pipelined request does not spoil the answer to the one before.
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    return parser


def _body_of(headers: list[tuple[bytes, bytes]]) -> Body | None:
    lengths = [value for name, value in headers if name == b"content-length"]
    if len(lengths) != 1 or any(name == b"transfer-encoding" for name, _ in headers):
        return None
    length = int(lengths[0])
    return Body(length) if length else None
