"""
The bytes of an image on their way in: bounded, hashed while they arrive, and in a file without a name.

It lies in memory where the system has such files, else it is unlinked before the first byte comes: after a
crash there is nothing to clean up. Whoever sends slower than allowed is not waited for.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from collections import deque
from collections.abc import AsyncIterator
from typing import NamedTuple, Self

from starlette.requests import ClientDisconnect, Request

from provenance.service.http import problem
from provenance.service.http.body import BODY, Body
from provenance.service.http.problem import ProblemError

# What a spare file may hold on to: most images are smaller.
_SPARE_BYTES = 4 * 1024 * 1024


class Patience(NamedTuple):
    """
    How long a body is waited for.

    Attributes:
        piece_s: Seconds until the next piece, at most.

        bytes_per_s: What has to arrive on the whole, once the first *piece_s* are over.
    """

    piece_s: float
    bytes_per_s: float


class Room:
    """
    Where the bytes of images are put: files without a name.

    They are used again, because making one costs more than writing it. What one image left behind is
    written over by the next, or cut off.

    Attributes:
        limit: Most bytes of an image.
    """

    def __init__(self, limit: int, spare: int) -> None:
        """
        Begin without any.

        Args:
            limit: Most bytes of an image.

            spare: Most files to keep while nothing is in them.
        """
        self.limit = limit
        self._most = spare
        # A deque's ends may be used from any thread.
        self._spare: deque[int] = deque()

    def take(self) -> int:
        """
        Give the descriptor of a file, at its beginning; whatever is in it does not count.

        Raises:
            OSError: If there can be none.
        """
        try:
            descriptor = self._spare.pop()
        except IndexError:
            return _nameless_file()
        os.lseek(descriptor, 0, os.SEEK_SET)
        return descriptor

    def give_back(self, descriptor: int, size: int) -> None:
        """
        Take a file back that holds *size* bytes; nobody may read it any more.
        """
        if len(self._spare) >= self._most:
            os.close(descriptor)
            return
        if size > _SPARE_BYTES:
            os.ftruncate(descriptor, _SPARE_BYTES)
        self._spare.append(descriptor)

    def close(self) -> None:
        """
        Forget everything.
        """
        while self._spare:
            os.close(self._spare.pop())


class Upload:
    """
    The bytes of one image; a context manager that gives its room back at the end.

    Attributes:
        descriptor: Of the file that they are in.

        size: How many came so far.

        name: What the sender calls the file, or None; hostile text.
    """

    __slots__ = ("_digest", "_room", "descriptor", "name", "size")

    def __init__(self, room: Room, name: str | None = None) -> None:
        """
        Take room.

        Args:
            room: Where there is some.

            name: What the sender calls the file.

        Raises:
            ProblemError: 503 if there is none.
        """
        try:
            self.descriptor = room.take()
        except OSError as error:
            raise problem.no_room() from error
        self.size = 0
        self.name = name
        self._digest = hashlib.sha256()
        self._room = room

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def limit(self) -> int:
        """
        Most bytes that are taken; of more than that not all are kept.
        """
        return self._room.limit

    @property
    def is_too_large(self) -> bool:
        """
        Whether more came than are taken.
        """
        return self.size > self._room.limit

    def write(self, piece: bytes | memoryview) -> None:
        """
        Take the next bytes, unless there are too many.

        Raises:
            ProblemError: 503 if there is no room.
        """
        self.size += len(piece)
        if self.size > self._room.limit:
            return
        self._digest.update(piece)
        try:
            while (written := os.write(self.descriptor, piece)) < len(piece):
                piece = piece[written:]
        except OSError as error:
            raise problem.no_room() from error

    def finish(self) -> str:
        """
        Make sure that these bytes and no others are in the file; to be called before anybody reads it.

        Returns:
            Their SHA-256, in lower-case hex.
        """
        os.ftruncate(self.descriptor, self.size)
        return self._digest.hexdigest()

    def close(self) -> None:
        """
        Give the room back; once only.
        """
        self._room.give_back(self.descriptor, min(self.size, self._room.limit))


class Arrival:
    """
    The body of one request, as it arrives; iterates over its pieces.

    What is done between two pieces takes no time of the client's.
    """

    def __init__(self, request: Request, patience: Patience) -> None:
        """
        Begin to wait for it.

        Args:
            request: The request.

            patience: How long to wait.
        """
        self._receive = request.receive
        self._body: Body | None = request.scope.get(BODY)
        self._patience = patience
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
            piece = await self._patiently()
            if piece:
                self._left = self._now()
                return piece
        raise StopAsyncIteration

    async def write_to(self, upload: Upload) -> None:
        """
        Take the whole body; where the server lets us, straight from the socket.

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

    async def _patiently(self) -> bytes:
        while True:
            received = self._arrived()
            behind = self._begin + self._patience.piece_s + received / self._patience.bytes_per_s
            try:
                async with asyncio.timeout_at(min(self._now() + self._patience.piece_s, behind)):
                    return await self._next()
            except TimeoutError as error:
                # What goes past us is not seen to arrive.
                if received == self._arrived():
                    raise problem.too_slow() from error

    def _arrived(self) -> int:
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


def _memory_file() -> int:
    return os.memfd_create("upload")


def _temporary_file() -> int:
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


_nameless_file = _memory_file if hasattr(os, "memfd_create") else _temporary_file
