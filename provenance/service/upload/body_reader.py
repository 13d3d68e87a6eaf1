"""
The body of a request, read as fast as it has to arrive.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import NamedTuple

from starlette.requests import ClientDisconnect, Request

from provenance.service.http import problem
from provenance.service.http.body import BODY, Body
from provenance.service.http.problem import ProblemError
from provenance.service.upload.image_upload import ImageUpload


class BodyTimeouts(NamedTuple):
    """
    How long a body is waited for.

    Attributes:
        piece_s: Seconds until the next piece, at most.

        bytes_per_s: What has to arrive on the whole, once the first *piece_s* are over.
    """

    piece_s: float
    bytes_per_s: float


class BodyReader:
    """
    The body of one request, as it arrives; iterates over its pieces.

    Whoever sends slower than allowed is not waited for. What is done between two pieces takes no time of the
    client's.
    """

    def __init__(self, request: Request, timeouts: BodyTimeouts) -> None:
        """
        Begin to wait for it.

        Args:
            request: The request.

            timeouts: How long to wait.
        """
        self._receive = request.receive
        self._body: Body | None = request.scope.get(BODY)
        self._timeouts = timeouts
        self._now = asyncio.get_running_loop().time
        self._begin = self._left = self._now()
        self._received = 0
        self._more = True

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        """
        Wait for the next piece.

        Raises:
            ProblemError: 408 if it takes too long.

            ClientDisconnect: If the client is gone.
        """
        self._begin += self._now() - self._left
        while self._more:
            piece = await self._next_in_time()
            if piece:
                self._left = self._now()
                return piece
        raise StopAsyncIteration

    async def write_to(self, upload: ImageUpload) -> None:
        """
        Write the whole body; where the server lets us, straight from the socket.

        Raises:
            ProblemError: 408 if it takes too long, 413 if it is too large, 503 if there is no room.

            ClientDisconnect: If the client is gone.
        """
        failed: list[ProblemError] = []

        def write(piece: memoryview) -> None:
            try:
                upload.write(piece)
            except ProblemError as error:
                failed.append(error)

        try:
            async for piece in self:
                upload.write(piece)
                if self._more and self._body is not None:
                    self._body.divert(write)
        finally:
            # The file may be closed before the last bytes come.
            if self._body is not None:
                self._body.divert(_drop)
        if failed:
            raise failed[0]
        if upload.is_too_large:
            raise problem.too_large(upload.limit)

    async def _next_in_time(self) -> bytes:
        while True:
            received = self._arrived_bytes()
            behind = self._begin + self._timeouts.piece_s + received / self._timeouts.bytes_per_s
            try:
                async with asyncio.timeout_at(min(self._now() + self._timeouts.piece_s, behind)):
                    return await self._next()
            except TimeoutError as error:
                # What goes past us is not seen to arrive.
                if received == self._arrived_bytes():
                    raise problem.too_slow() from error

    def _arrived_bytes(self) -> int:
        return self._received + (0 if self._body is None else self._body.diverted)

    async def _next(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        self._more = message.get("more_body", False)
        piece: bytes = message.get("body", b"")
        self._received += len(piece)
        return piece


def _drop(piece: memoryview) -> None: ...
