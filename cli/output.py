"""
Files the command writes: whole or not at all, because a half-written report reads like a shorter one.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from provenance.cli.terminal import OutputError, printable


@contextmanager
def replaced(path: Path, *, mode: int = 0o666) -> Iterator[IO[str]]:
    """
    Give a text file that takes the place of *path* when the block ends well, and is gone otherwise.

    Args:
        path: Where it goes; a symbolic link is followed.

        mode: Permissions of the new file, before the umask.

    Raises:
        OutputError: If it cannot be written, or *path* is something else than a regular file.
    """
    try:
        target = path.resolve()
        if target.exists() and not stat.S_ISREG(target.stat().st_mode):
            raise OutputError(f"{printable(str(path))} is not a regular file, so it cannot be replaced")
        beside = target.with_name(f".{os.urandom(8).hex()}.tmp")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:  # noqa: PTH123 - a descriptor
                yield file
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise OutputError(f"{printable(str(path))} cannot be written: {reason}") from error


@contextmanager
def destination(path: Path | None) -> Iterator[IO[str] | None]:
    """
    Give where the answer goes: a file that is replaced at the end, or None for standard output.
    """
    if path is None or str(path) == "-":
        yield None
        return
    with replaced(path) as file:
        yield file
