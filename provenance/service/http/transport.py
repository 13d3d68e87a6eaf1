"""
The way back to a client that may still be sending when it is closed, or may not be reading.

A connection that is closed with bytes unread is reset, and the answer with it; so its end is left open for a
while. What reads nothing is not waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

LINGER_S = 5.0
"""
Seconds for which what a refused client still sends is thrown away, so that it can read the answer.
"""


class Receiver(Protocol):
    """
    What the input of a connection goes to.
    """

    loop: asyncio.AbstractEventLoop

    def is_unread(self) -> bool:
        """
        Return whether the client may still be sending what is not read.
        """
        ...

    def discard_input(self) -> None:
        """
        Throw away what still comes.
        """
        ...


class ClientTransport(asyncio.Transport):
    """
    A transport in front of asyncio's, for answers.

    What is written in two parts without a pause, head and body, is sent as one.

    Attributes:
        lingers: Whether it is closed for us, and left open until the client has read.
    """

    def __init__(self, transport: asyncio.Transport, receiver: Receiver, stall_timeout_s: float) -> None:
        """
        Stand before a transport.

        Args:
            transport: The connection itself.

            receiver: What its input goes to.

            stall_timeout_s: Seconds for which the client may read nothing of what is sent to it.
        """
        super().__init__()
        self._transport = transport
        self._receiver = receiver
        self._stall_timeout_s = stall_timeout_s
        self.lingers = False
        self._unsent = 0
        self._held = b""
        self._timer: asyncio.TimerHandle | None = None

    def close(self) -> None:
        """
        Close, once the client could read what was sent.
        """
        if self.lingers:
            return
        self._flush()
        if self._receiver.is_unread():
            self.close_slowly()
        else:
            self._transport.close()
            self.watch_progress()

    def close_slowly(self) -> None:
        """
        Send what there is to send, and leave the client time to read it while it may still be sending.
        """
        if self.is_closing():
            return
        self._flush()
        self.lingers = True
        self._receiver.discard_input()
        self._transport.write_eof()
        self._wait(LINGER_S, self.abort)

    def watch_progress(self) -> None:
        """
        Abort once the client has read nothing for a while.
        """
        self._unsent = self._transport.get_write_buffer_size()
        if self._unsent and not self.lingers:
            self._wait(self._stall_timeout_s, self._check_progress)

    def stop_timer(self) -> None:
        """
        Stop watching it.
        """
        if self._timer is not None:
            self._timer.cancel()

    def is_closing(self) -> bool:
        """
        Return whether nothing more can be sent.
        """
        return self.lingers or self._transport.is_closing()

    def abort(self) -> None:
        """
        Close at once.
        """
        self._transport.abort()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """
        Send bytes; what is written without a pause is sent as one.
        """
        # An answer to an earlier request may still be under way when a later one is refused.
        if self.lingers or not data:
            return
        if self._held:
            self._held += data
            self._flush()
        else:
            self._held = bytes(data)
            self._receiver.loop.call_soon(self._flush)

    def pause_reading(self) -> None:
        """
        Pass on that no input is wanted.
        """
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """
        Pass on that input is wanted again.
        """
        self._transport.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - as the base class has it
        """
        Return what is known of the connection.
        """
        return self._transport.get_extra_info(name, default)

    def _flush(self) -> None:
        held, self._held = self._held, b""
        if held:
            self._transport.write(held)

    def _check_progress(self) -> None:
        if self._transport.get_write_buffer_size() < self._unsent:
            self.watch_progress()
        else:
            self.abort()

    def _wait(self, delay_s: float, then: Callable[[], None]) -> None:
        self.stop_timer()
        self._timer = self._receiver.loop.call_later(delay_s, then)
