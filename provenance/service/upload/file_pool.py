"""
Files without a name, for the bytes of images, used again and again.

They lie in memory where the system has such files, else they are unlinked before the first byte comes: after
a crash there is nothing to clean up.
"""

from __future__ import annotations

import os
import tempfile
from collections import deque

# What a spare file may hold on to: most images are smaller.
_SPARE_BYTES = 4 * 1024 * 1024


class FilePool:
    """
    Files for the bytes of images; safe to share between threads.

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
        self._max_spare = spare
        # A deque's ends may be used from any thread.
        self._spare: deque[int] = deque()

    def acquire(self) -> int:
        """
        Return the descriptor of a file, at its beginning; whatever is in it does not count.

        Raises:
            OSError: If there can be none.
        """
        try:
            descriptor = self._spare.pop()
        except IndexError:
            return _nameless_file()
        os.lseek(descriptor, 0, os.SEEK_SET)
        return descriptor

    def release(self, descriptor: int, size: int) -> None:
        """
        Accept a file back that holds *size* bytes; nobody may read it any more.
        """
        if len(self._spare) >= self._max_spare:
            os.close(descriptor)
            return
        if size > _SPARE_BYTES:
            os.ftruncate(descriptor, _SPARE_BYTES)
        self._spare.append(descriptor)

    def close(self) -> None:
        """
        Close the spare files.
        """
        while self._spare:
            os.close(self._spare.pop())


def _memory_file() -> int:
    return os.memfd_create("upload")


def _temporary_file() -> int:
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


_nameless_file = _memory_file if hasattr(os, "memfd_create") else _temporary_file
