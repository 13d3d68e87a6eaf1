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
from provenance.service.http.body import BODY, BUFFER_BYTES, Body, Intake
from provenance.service.http.middleware import HEADERS
from provenance.service.http.problem import MEDIA_TYPE, Problem, too_busy
from provenance.service.http.uvicorn_protocol import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from provenance.service.observability.metrics import Meter

logger = logging.getLogger(__name__)

MAX_HEAD_BYTES = 32 * 1024
"""
Most bytes of a request's head: line and headers.
"""

MAX_HEADERS = 100
"""
Most headers of a request.
"""

LINGER_S = 5.0
"""
Seconds for which what a refused client still sends is thrown away, so that it can read the answer.
"""

MAX_TURNED_AWAY = 64
"""
Most connections beyond those allowed that are told so; others are just closed.
"""

_MAX_PIPELINED = 16
_END_OF_HEAD = b"\r\n\r\n"

MALFORMED = Problem(400, "malformed-http", "The request is not HTTP", "It cannot be read as HTTP/1.1.")
HEAD_TOO_LARGE = Problem(
    431,
    "head-too-large",
    "The head of the request is too large",
    f"At most {MAX_HEAD_BYTES:,} bytes in at most {MAX_HEADERS} headers are read.",
)
HEAD_TOO_SLOW = Problem(408, "head-too-slow", "The head of the request did not arrive in time")
TOO_MANY_CONNECTIONS = Problem(
    503, "too-many-connections", "There are too many connections", headers=too_busy().problem.headers
)
"""
What is answered without the application.
"""


class Bounds(NamedTuple):
    """
    What a connection may take.

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


class GuardedProtocol(HttpToolsProtocol):
    """
    One connection.
    """

    def __init__(self, bounds: Bounds, meter: Meter, **given: Any) -> None:  # noqa: ANN401 - uvicorn's own
        """
        Set what it may take.

        Args:
            bounds: What it may take.

            meter: What counts refusals.

            given: What uvicorn gives.
        """
        super().__init__(**given)
        self._bounds = bounds
        self._meter = meter
        self._refusal = MALFORMED
        self._timer: asyncio.TimerHandle | None = None
        self._is_head = True
        self._heads = 0
        self._head_bytes = 0
        self._has_begun = False
        self._is_deaf = False
        self._body: Body | None = None
        # The last bytes of a head that is not complete: its end may arrive in two pieces.
        self._tail = b""
        self._running: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """
        Take a connection, unless there are too many.
        """
        self._transport = _Transport(transport, self, self._bounds.write_s)
        super().connection_made(self._transport)
        excess = len(self.connections) - self._bounds.max_connections
        if excess > MAX_TURNED_AWAY:
            self._meter.refused(TOO_MANY_CONNECTIONS.name)
            self._transport.abort()
        elif excess > 0:
            self._refuse(TOO_MANY_CONNECTIONS)
        else:
            self._time_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """
        Forget a connection.
        """
        self._stop_timer()
        self._transport.forget()
        super().connection_lost(exc)

    def take(self, buffer: bytearray, end: int) -> None:
        """
        Read on: heads and bodies of unknown length by the parser, other bodies past it.

        Args:
            buffer: Holds what arrived.

            end: How much it is.
        """
        begin = 0
        while begin < end and not self._is_deaf:
            body = self._body
            if body is not None:
                piece = memoryview(buffer)[begin : min(end, begin + body.left)]
                begin += len(piece)
                self._take_body(body, piece)
            else:
                # No further than to the end of a head, because a body may begin there.
                stop = self._end_of_head(buffer, begin, end)
                self._has_begun = True
                self.data_received(bytes(buffer[begin:stop]))
                begin = stop

    def data_received(self, data: bytes) -> None:
        """
        Have the parser read on.
        """
        head = self._heads if self._is_head else None
        super().data_received(data)
        if self._is_deaf or not self._is_head:
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
        Go on answering whoever sends no more, if all that was asked has arrived.
        """
        cycle = self._open_cycle()
        if cycle is None or not self._is_head or self._transport.is_closing():
            return False
        cycle.keep_alive = False
        return True

    def on_header(self, name: bytes, value: bytes) -> None:
        """
        Take a header, unless there are too many. Trailers are none: nobody in between has looked at them.
        """
        if not self._is_head:
            return
        super().on_header(name, value)
        if len(self.headers) > MAX_HEADERS:
            self._refusal = HEAD_TOO_LARGE
            raise _RefusedError

    def on_headers_complete(self) -> None:
        """
        Take a head, unless it is too large. A body whose length it tells is read without the parser.
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
        Take a piece of a body from the parser.
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
            self._is_deaf = True
        self._is_head = True
        self._has_begun = False
        self._heads += 1
        self._body = None
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """
        Go on with the next request. If its head has begun it must be complete soon.
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
        self._transport.watch()

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
        Tell whether the client may still be sending what is not read.
        """
        return not self._is_head or self._is_deaf

    def stop_listening(self) -> None:
        """
        Throw away what still comes.
        """
        self._is_deaf = True
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

    def _take_body(self, body: Body, piece: memoryview) -> None:
        if not body.take(piece):
            super().on_body(bytes(piece))
        if not body.left:
            # The parser has not seen that body, and waits for it still.
            self.parser = _parser(self)
            self.on_message_complete()

    def _time_head(self) -> None:
        self._timer = self.loop.call_later(self._bounds.head_s, self._head_too_slow)

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
        self._meter.refused(problem.name)
        request_id = secrets.token_hex(16)
        facts = {"request_id": request_id, "problem": problem.name, "client": self.client and self.client[0]}
        logger.info("connection refused", extra={"facts": facts})
        self._drop_waiting()
        cycle = self._open_cycle()
        if cycle is not None and self._is_head:
            # What is refused comes after a request that is still to be answered.
            cycle.keep_alive = False
            self._is_deaf = True
            return
        if cycle is None or not cycle.response_started:
            self.transport.write(_written(problem, request_id, self.server_state.default_headers))
        if cycle is not None:
            cycle.disconnected = True
            cycle.message_event.set()
        self._transport.close_slowly()

    def _drop_waiting(self) -> None:
        """
        Forget the youngest request, if its body is still arriving and it waits for the answers to others.
        """
        if not self._is_head and self.pipeline and self.pipeline[0][0] is self.cycle:
            self.pipeline.popleft()
            self.cycle = self.pipeline[0][0] if self.pipeline else cast("RequestResponseCycle", self._running)
            self._is_head = True

    def _open_cycle(self) -> RequestResponseCycle | None:
        """
        Give the youngest request, unless it is answered.
        """
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return None if cycle is None or cycle.response_complete else cycle

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class _Transport(asyncio.Transport):
    """
    The way to a client that may still be sending when it is closed, or may not be reading.

    What is written in two parts without a pause, head and body, is sent as one.
    """

    def __init__(self, transport: asyncio.Transport, protocol: GuardedProtocol, patience_s: float) -> None:
        super().__init__()
        self._transport = transport
        self._protocol = protocol
        self._patience_s = patience_s
        self.lingers = False
        self._unsent = 0
        self._held = b""
        self._timer: asyncio.TimerHandle | None = None

    def close(self) -> None:
        if self.lingers:
            return
        self._send()
        if self._protocol.is_unread():
            self.close_slowly()
        else:
            self._transport.close()
            self.watch()

    def close_slowly(self) -> None:
        """
        Send what there is to send, and leave the client time to read it while it may still be sending.
        """
        if self.is_closing():
            return
        self._send()
        self.lingers = True
        self._protocol.stop_listening()
        self._transport.write_eof()
        self._wait(LINGER_S, self.abort)

    def watch(self) -> None:
        """
        Give up once the client has read nothing for a while.
        """
        self._unsent = self._transport.get_write_buffer_size()
        if self._unsent and not self.lingers:
            self._wait(self._patience_s, self._look)

    def forget(self) -> None:
        """
        Look after it no longer.
        """
        if self._timer is not None:
            self._timer.cancel()

    def is_closing(self) -> bool:
        return self.lingers or self._transport.is_closing()

    def abort(self) -> None:
        self._transport.abort()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        # An answer to an earlier request may still be under way when a later one is refused.
        if self.lingers or not data:
            return
        if self._held:
            self._held += data
            self._send()
        else:
            self._held = bytes(data)
            self._protocol.loop.call_soon(self._send)

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - as the base class has it
        return self._transport.get_extra_info(name, default)

    def _send(self) -> None:
        held, self._held = self._held, b""
        if held:
            self._transport.write(held)

    def _look(self) -> None:
        if self._transport.get_write_buffer_size() < self._unsent:
            self.watch()
        else:
            self.abort()

    def _wait(self, delay_s: float, then: Callable[[], None]) -> None:
        self.forget()
        self._timer = self._protocol.loop.call_later(delay_s, then)


def guarded(settings: Settings, meter: Meter) -> Callable[..., Intake]:
    """
    Make what makes the connections of a service, for uvicorn.

    Args:
        settings: How long it waits, and how many connections it takes.

        meter: What counts refusals.
    """
    bounds = Bounds(settings.header_timeout_s, settings.body_timeout_s, settings.max_connections)
    buffer = bytearray(BUFFER_BYTES)

    def connect(**given: Any) -> Intake:  # noqa: ANN401 - uvicorn's own arguments
        return Intake(GuardedProtocol(bounds, meter, **given), buffer)

    return connect


def _parser(protocol: GuardedProtocol) -> httptools.HttpRequestParser:
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


def _written(problem: Problem, request_id: str, default_headers: list[tuple[bytes, bytes]]) -> bytes:
    body = problem.body(request_id)
    headers = [
        *default_headers,
        *((name.lower().encode(), value.encode()) for name, value in problem.headers.items()),
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
        (b"x-request-id", request_id.encode()),
        *HEADERS.items(),
    ]
    lines = (b"%s: %s\r\n" % header for header in headers)
    return b"".join((STATUS_LINE[problem.status], *lines, b"\r\n", body))
