"""
Files the command writes: whole or not at all, because a half-written report reads like a shorter one.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from provenance import atomic_file
from provenance.cli.output.terminal import OutputError, printable


@contextmanager
def replaced(path: Path, *, mode: int = 0o666) -> Iterator[IO[str]]:
    """
    Open a text file that takes the place of *path* when the block ends well, and is gone otherwise.

    Args:
        path: Where it goes; a symbolic link is followed.

        mode: Permissions of the new file, before the umask.

    Raises:
        OutputError: If it cannot be written, or *path* is something else than a regular file.
    """
    try:
        with atomic_file.replaced(path, mode=mode) as file:
            text = io.TextIOWrapper(file, encoding="utf-8", errors="backslashreplace")
            yield text
            text.detach()
    except OSError as error:
        raise OutputError(f"{printable(str(path))} cannot be written: {error.strerror}") from error


@contextmanager
def destination(path: Path | None) -> Iterator[IO[str] | None]:
    """
    Open where the answer goes: a file that is replaced at the end, or None for standard output.
    """
    if path is None or str(path) == "-":
        yield None
        return
    with replaced(path) as file:
        yield file
