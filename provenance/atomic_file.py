"""
A file that is replaced whole or not at all, because a half-written one reads like a shorter one.

Its name leads to the old bytes until all new ones are on disk; whoever reads meanwhile sees the old file.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replaced(path: Path, *, mode: int = 0o666) -> Iterator[BinaryIO]:
    """
    Open a binary file that takes the place of *path* when the block ends well, and is gone otherwise.

    Args:
        path: Where it goes; a symbolic link is followed, and stays.

        mode: Permissions of the new file, before the umask.

    Returns:
        An empty file in the same folder, open for writing and seekable; its `name` is where it lies until
        then. It must still be open when the block ends.

    Raises:
        OSError: If it cannot be written, or *path* leads to something else than a regular file. What the
            block raises passes through as it is.
    """
    target = _followed(path)
    beside = target.with_name(f".{os.urandom(8).hex()}.tmp")

    def create(name: str, flags: int) -> int:
        return os.open(name, flags, mode)

    with open(beside, "xb", opener=create) as file:
        whole = False
        try:
            yield file
            file.flush()
            # A name must not reach the disk before the bytes do.
            os.fsync(file.fileno())
            file.close()
            beside.replace(target)
            whole = True
        finally:
            if not whole:
                # What is still held back is dropped: were it written now, a full disk would speak up twice.
                file.raw.close()
                beside.unlink(missing_ok=True)


def _followed(path: Path) -> Path:
    round_in_a_circle = OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    try:
        target = path.resolve()
    except RuntimeError as error:
        raise round_in_a_circle from error
    except ValueError as error:
        raise OSError(errno.EINVAL, "no file can have this name", str(path)) from error
    # Python 3.13 leaves one link of a circle standing, where older ones raise.
    if target.is_symlink():
        raise round_in_a_circle
    # A device or a folder that were replaced by a file would be gone for everybody.
    if target.exists() and not stat.S_ISREG(target.stat().st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    return target
