"""
The bytes of one image on their way in: bounded, hashed while they arrive, and in a file without a name.
"""

from __future__ import annotations

import hashlib
import os
from typing import Self

from provenance.service.http import problem
from provenance.service.upload.file_pool import FilePool


class ImageUpload:
    """
    The bytes of one image; a context manager that releases its file at the end.

    Attributes:
        descriptor: Of the file that they are in.

        size: How many came so far.

        name: What the sender calls the file, or None; hostile text.
    """

    __slots__ = ("_digest", "_pool", "descriptor", "name", "size")

    def __init__(self, pool: FilePool, name: str | None = None) -> None:
        """
        Acquire a file.

        Args:
            pool: Where there are some.

            name: What the sender calls the file.

        Raises:
            ProblemError: 503 if there is none.
        """
        try:
            self.descriptor = pool.acquire()
        except OSError as error:
            raise problem.no_room() from error
        self.size = 0
        self.name = name
        self._digest = hashlib.sha256()
        self._pool = pool

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def limit(self) -> int:
        """
        Most bytes that are taken; of more than that not all are kept.
        """
        return self._pool.limit

    @property
    def is_too_large(self) -> bool:
        """
        Whether more came than are taken.
        """
        return self.size > self._pool.limit

    def write(self, piece: bytes | memoryview) -> None:
        """
        Write the next bytes, unless there are too many.

        Raises:
            ProblemError: 503 if there is no room.
        """
        self.size += len(piece)
        if self.size > self._pool.limit:
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
        Release the file; once only.
        """
        self._pool.release(self.descriptor, min(self.size, self._pool.limit))
