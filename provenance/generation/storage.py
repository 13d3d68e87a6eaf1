"""
An image and its report on disk: both or neither, whole or not at all.

Both are written under other names in the same folder first. The report takes its place before the image
does, so that wherever the process is killed, an image that is there has its report beside it.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
from contextlib import ExitStack, suppress
from pathlib import Path

from provenance.generation.errors import NotWrittenError
from provenance.verification.report import SCHEMA

SUFFIX = ".provenance.json"
"""
What is added to an image's name to name its report.
"""

_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV})
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


def report_path(image: Path) -> Path:
    """
    Return the path of the report beside an image.
    """
    return image.with_name(image.name + SUFFIX)


def save_pair(image: Path, data: bytes, report: bytes, *, overwrite: bool) -> None:
    """
    Write an image and its report.

    Args:
        image: Where the image goes; its folder must be there.

        data: The image's bytes.

        report: The report's bytes.

        overwrite: Whether to replace what is there. Without it, only the very same image and report
            may be there already.

    Raises:
        NotWrittenError: If either cannot be written; then neither is, and what was there still is.
    """
    try:
        if not _is_there(image, data, report):
            _write(image, data, report, overwrite=overwrite)
    except FileExistsError as error:
        message = f"{image.name} or {report_path(image).name} is already there"
        raise NotWrittenError(message) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "the path cannot be used"
        message = f"{image.name} cannot be written: {reason or type(error).__name__}"
        raise NotWrittenError(message) from error


def _write(image: Path, data: bytes, report: bytes, *, overwrite: bool) -> None:
    side = report_path(image)
    before = side.read_bytes() if overwrite and side.is_file() else None
    with ExitStack() as cleaning:
        temporary = _write_temporary(image.parent, data, cleaning)
        side_temporary = _write_temporary(image.parent, report, cleaning)
        _publish(side_temporary, side, replace=overwrite or _is_leftover(side, image))
        published = False
        try:
            _publish(temporary, image, replace=overwrite)
            published = True
        finally:
            if not published:
                _restore(side, before, cleaning)
    _sync_folder(image.parent)


def _write_temporary(folder: Path, data: bytes, cleaning: ExitStack) -> Path:
    path = folder / f".{secrets.token_hex(8)}{SUFFIX}.tmp"
    cleaning.callback(path.unlink, missing_ok=True)
    with os.fdopen(os.open(path, _FLAGS, 0o666), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return path


def _publish(temporary: Path, target: Path, *, replace: bool) -> None:
    if replace:
        temporary.replace(target)
        return
    try:
        target.hardlink_to(temporary)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # Some file systems have no links: then the name is taken first, and its file replaced.
        os.close(os.open(target, _FLAGS, 0o666))
        temporary.replace(target)


def _restore(side: Path, before: bytes | None, cleaning: ExitStack) -> None:
    if before is None:
        side.unlink(missing_ok=True)
    else:
        _write_temporary(side.parent, before, cleaning).replace(side)


def _is_there(image: Path, data: bytes, report: bytes) -> bool:
    try:
        same_size = image.stat().st_size == len(data)
        return same_size and image.read_bytes() == data and report_path(image).read_bytes() == report
    except FileNotFoundError:
        return False


def _is_leftover(side: Path, image: Path) -> bool:
    # A process killed between the two leaves a report of ours without an image.
    if image.exists() or not side.is_file():
        return False
    try:
        report = json.loads(side.read_bytes())
    except ValueError:
        return False
    return isinstance(report, dict) and report.get("schema") == SCHEMA


def _sync_folder(folder: Path) -> None:
    with suppress(OSError):  # Windows opens no folders; the files themselves are on disk
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
