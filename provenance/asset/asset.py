"""
An image's bytes, exactly as received.

Nothing here trusts a name: the media type is read from the first bytes, and a path is opened once, so
that what is judged, hashed and handed to the engine are the same bytes even if the path is replaced.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import sys
from typing import Protocol, Self, runtime_checkable

from provenance.asset.limits import Limits
from provenance.asset.media_type import media_type
from provenance.errors import (
    AssetError,
    AssetTooLargeError,
    FolderAssetError,
    UnreadableAssetError,
)

_WINDOW_BYTES = 4096
_SMALL_BYTES = 1024
_PIECE_BYTES = 256 * 1024
_CLOSED = -1

# O_NONBLOCK so that a FIFO put in the file's place does not hang the process, O_NOCTTY so that a
# terminal does not become its own. What a platform lacks is left out.
_OPEN_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NOINHERIT", 0)
)

_IRREGULAR = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a character device"),
    (stat.S_ISBLK, "a block device"),
)


@runtime_checkable
class BinaryStream(Protocol):
    """
    Anything with a `read` that takes a size and gives bytes, empty at the end.
    """

    def read(self, size: int, /) -> bytes | None:
        """
        Read at most *size* bytes.
        """


AssetSource = str | os.PathLike[str] | os.PathLike[bytes] | bytes | bytearray | memoryview | BinaryStream
"""
What `Asset.open` takes.
"""


class Asset:
    """
    An image's bytes; a context manager that closes what it opened.

    One thread at a time may use an asset. Made by `open` or one of the `from_` methods, each of which
    raises `AssetTooLargeError` over `Limits.max_bytes`, and `UnsupportedAssetError` if the first bytes
    are not those of a PNG, JPEG, WebP, AVIF, HEIC, TIFF, GIF or SVG image.

    Attributes:
        size: Number of bytes, as found when it was opened.

        name: The path as it was given; None for bytes, streams and descriptors.

        media_type: What the first bytes say, whatever the name says.
    """

    __slots__ = ("_base", "_descriptor", "_file", "_status", "_window", "media_type", "name", "size")

    def __init__(
        self,
        window: bytes,
        size: int,
        descriptor: int | None = None,
        status: os.stat_result | None = None,
        name: str | None = None,
    ) -> None:
        self._window = window
        self._base = 0
        self._descriptor = descriptor
        self._status = status
        self._file: io.FileIO | None = None
        self.size = size
        self.name = name
        self.media_type = media_type(window[:_WINDOW_BYTES])

    @classmethod
    def open(cls, source: AssetSource, limits: Limits) -> Self:
        """
        Open a path (str or PathLike), bytes, or a binary stream, whichever *source* is.

        Raises:
            UnreadableAssetError: If its bytes cannot be had.

            TypeError: If *source* is none of these.
        """
        if isinstance(source, (str, os.PathLike)):
            return cls.from_path(source, limits)
        if isinstance(source, (bytes, bytearray, memoryview)):
            return cls.from_bytes(source, limits)
        if isinstance(source, BinaryStream):
            return cls.from_stream(source, limits)
        message = f"expected a path, bytes or a binary stream, not {type(source).__name__}"
        raise TypeError(message)

    @classmethod
    def from_path(cls, path: str | os.PathLike[str] | os.PathLike[bytes], limits: Limits) -> Self:
        """
        Open a regular file, or a symbolic link to one; its bytes are read when they are asked for.

        Raises:
            UnreadableAssetError: If it is missing, forbidden or not a regular file. What is not one
                is not opened either: opening a device can have effects.
        """
        try:
            name = os.fspath(path)
            _require_regular(os.stat(name))  # noqa: PTH116  (making a Path costs as much as opening the file)
            descriptor = os.open(name, _OPEN_FLAGS)
            try:
                return cls._from_descriptor(descriptor, os.fsdecode(name), limits)
            except (AssetError, OSError):
                os.close(descriptor)
                raise
        except (OSError, ValueError) as error:
            raise UnreadableAssetError(_reason(error)) from error

    @classmethod
    def from_descriptor(cls, descriptor: int, limits: Limits) -> Self:
        """
        Read from a regular file that is open for reading; it stays open, and is the caller's to close.

        Raises:
            UnreadableAssetError: If it is not open, or not a regular file.
        """
        try:
            own = os.dup(descriptor)
            try:
                return cls._from_descriptor(own, None, limits)
            except (AssetError, OSError):
                os.close(own)
                raise
        except OSError as error:
            raise UnreadableAssetError(_reason(error)) from error

    @classmethod
    def _from_descriptor(cls, descriptor: int, name: str | None, limits: Limits) -> Self:
        # Once more: what the path led to may have changed between looking and opening.
        status = os.fstat(descriptor)
        _require_regular(status)
        size = status.st_size
        _require_size(size, limits)
        return cls(_pread(descriptor, _WINDOW_BYTES, 0)[:size], size, descriptor, status, name)

    @classmethod
    def from_bytes(cls, data: bytes | bytearray | memoryview, limits: Limits) -> Self:
        """
        Read from bytes that are already in memory; what can change is copied.
        """
        size = data.nbytes if isinstance(data, memoryview) else len(data)
        _require_size(size, limits)
        return cls(bytes(data), size)

    @classmethod
    def from_stream(cls, stream: BinaryStream, limits: Limits) -> Self:
        """
        Read a binary stream to its end, or one byte past the limit; it is not closed.

        Raises:
            UnreadableAssetError: If reading fails, would block, or gives text.
        """
        received = io.BytesIO()
        wanted = limits.max_bytes + 1
        while wanted > 0:
            piece = _read_piece(stream, min(wanted, _PIECE_BYTES))
            if not piece:
                break
            wanted -= received.write(piece)
        return cls.from_bytes(received.getvalue(), limits)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Asset {self.media_type}, {self.size:,} bytes>"

    @property
    def status(self) -> os.stat_result | None:
        """
        What the system said of the file when it was opened; None for bytes and streams.
        """
        return self._status

    def close(self) -> None:
        """
        Close the file, if there is one; closing twice does no harm.
        """
        if self._descriptor is not None and self._descriptor != _CLOSED:
            os.close(self._descriptor)
            self._descriptor = _CLOSED
            self._window = b""

    def read_at(self, offset: int, length: int) -> bytes:
        """
        Read *length* bytes at *offset*, or as many as there are before the end.

        Reads of a few bytes come from a window of 4 KiB, so that walking headers is cheap. Neither
        number may be negative.

        Raises:
            UnreadableAssetError: If the file cannot be read any more.
        """
        start = offset - self._base
        end = start + length
        if start >= 0 and end <= len(self._window):
            return self._window[start:end]
        available = self.size - offset
        if length > available:
            length = max(0, available)
        if self._descriptor is None or length == 0:
            return self._window[offset : offset + length]
        try:
            if length > _SMALL_BYTES:
                return _pread(self._descriptor, length, offset)
            self._window = _pread(self._descriptor, min(_WINDOW_BYTES, available), offset)
        except OSError as error:
            raise UnreadableAssetError(_reason(error)) from error
        self._base = offset
        return self._window[:length]

    def stream(self) -> io.FileIO | io.BytesIO:
        """
        Return all bytes as a seekable stream at its beginning, for the engine.

        For a path it is the file opened at first, never opened again by name. It belongs to the
        asset: do not close it, and call this again before the next use.
        """
        if self._descriptor is None:
            return io.BytesIO(self._window)
        if self._descriptor == _CLOSED:
            raise ValueError("the asset is closed")
        if self._file is None:
            self._file = io.FileIO(self._descriptor, closefd=False)
        self._file.seek(0)
        return self._file

    def sha256(self) -> str:
        """
        Compute the SHA-256 of all bytes, in lower-case hexadecimal.

        Raises:
            UnreadableAssetError: If the file changed since it was opened, or cannot be read any more.
        """
        if self._descriptor is None:
            return hashlib.sha256(self._window).hexdigest()
        digest = hashlib.sha256()
        for offset in range(0, self.size, _PIECE_BYTES):
            wanted = min(_PIECE_BYTES, self.size - offset)
            piece = self.read_at(offset, wanted)
            if len(piece) < wanted:
                raise UnreadableAssetError(_CHANGED)
            digest.update(piece)
        self.check_unchanged()
        return digest.hexdigest()

    def check_unchanged(self) -> None:
        """
        Make sure the file still is what was opened; bytes in memory always are.

        Raises:
            UnreadableAssetError: If its size, its time of modification or its inode differ.
        """
        if self._descriptor is None or self._status is None:
            return
        try:
            status = os.fstat(self._descriptor)
        except OSError as error:
            raise UnreadableAssetError(_reason(error)) from error
        if _stamp(status) != _stamp(self._status):
            raise UnreadableAssetError(_CHANGED)


_CHANGED = "it changed while it was being read"


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    return status.st_size, status.st_mtime_ns, status.st_ino, status.st_dev


def _require_regular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = next((kind for is_kind, kind in _IRREGULAR if is_kind(status.st_mode)), "a special file")
        message = f"it is {kind}, not a regular file"
        raise (FolderAssetError if stat.S_ISDIR(status.st_mode) else UnreadableAssetError)(message)


def _require_size(size: int, limits: Limits) -> None:
    if size > limits.max_bytes:
        raise AssetTooLargeError("bytes", size, limits.max_bytes)


def _reason(error: OSError | ValueError) -> str:
    """
    Describe what went wrong without the path, which may be private; `str` of an OSError contains it.
    """
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    if isinstance(error, UnicodeEncodeError):
        return f"the path cannot be encoded: {error.reason}"
    return f"the path cannot be used: {error}"


if sys.platform == "win32":  # pragma: no cover

    def _pread(descriptor: int, length: int, offset: int) -> bytes:
        os.lseek(descriptor, offset, os.SEEK_SET)
        return os.read(descriptor, length)

else:
    _pread = os.pread


def _read_piece(stream: BinaryStream, length: int) -> bytes:
    try:
        piece: object = stream.read(length)
    except (OSError, ValueError, EOFError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        message = f"reading the stream failed: {reason or type(error).__name__}"
        raise UnreadableAssetError(message) from error
    if isinstance(piece, (bytes, bytearray, memoryview)):
        return bytes(piece)
    if isinstance(piece, str):
        message = "the stream gives text; open it in binary mode"
    elif piece is None:
        message = "the stream has no bytes ready; put it in blocking mode"
    else:
        message = f"the stream gives {type(piece).__name__}, not bytes"
    raise UnreadableAssetError(message)
