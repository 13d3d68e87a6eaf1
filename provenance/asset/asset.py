"""
An image's bytes, exactly as received, and the limits on reading them.

Nothing here trusts a name: the media type is read from the first bytes, and a path is opened once, so
that what is judged, hashed and handed to the engine are the same bytes even if the path is replaced.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
import sys
from dataclasses import dataclass, fields
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from provenance.errors import (
    AssetError,
    AssetTooLargeError,
    FolderAssetError,
    UnreadableAssetError,
    UnsupportedAssetError,
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

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"II+\x00", "image/tiff"),
    (b"MM\x00+", "image/tiff"),
)

_STILL_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), "image/avif"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"), "image/heic"),
}
_STRUCTURAL_BRANDS = frozenset((b"mif1", b"msf1", b"mif3"))

_SVG_PROLOG = rb"(?s)\s*(?:<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>\[]*(?:\[.*?\]\s*)?>)"
_SVG_ROOT = rb"\s*<(?:[A-Za-z_][\w.-]*:)?svg[\s/>]"

_LOOKS_LIKE = (
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive or Office document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"RIFF", "a RIFF file that is not WebP"),
    (b"BM", "a BMP image"),
    (b"8BPS", "a Photoshop document"),
    (b"\xff\x0a", "a JPEG XL image"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL image"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 image"),
    (b"\x00\x00\x01\x00", "an icon"),
    (b"\x1aE\xdf\xa3", "a Matroska or WebM video"),
    (b"OggS", "an Ogg file"),
    (b"ID3", "an MP3 file"),
    (b"{", "JSON text"),
    (b"<", "markup without an svg root element"),
)


@dataclass(frozen=True, slots=True)
class Limits:
    """
    How much of an asset may be read before reading it is refused.

    The store's bounds are several times what 1,104 genuine stores, of 2023 to 2026 and of all makers, hold at
    most: 12 manifests, 171 boxes, 54 assertions, 15 ingredients, 230 kB and 3,181 values in one box.

    Attributes:
        max_bytes: Largest asset.

        max_chunks: Most chunks (PNG, WebP) or segments and restart markers (JPEG) in the container.

        max_store_bytes: Largest manifest store; over all its segments, and over all stores if there
            is more than one.

        max_manifests: Most manifests in a manifest store.

        max_boxes: Most boxes in a manifest store.

        max_assertions: Most assertions in a manifest store, and most references to assertions in all its
            claims.

        max_ingredients: Most ingredient assertions in a manifest store.

        max_structured_bytes: Most bytes of CBOR and JSON in a manifest store.

        max_values: Most values in that CBOR, keys included.

        max_xmp_bytes: Largest XMP packet; a larger one is left unread and is no error.
    """

    max_bytes: int = 128 * 1024 * 1024
    max_chunks: int = 65_536
    max_store_bytes: int = 8 * 1024 * 1024
    max_manifests: int = 64
    max_boxes: int = 2048
    max_assertions: int = 512
    max_ingredients: int = 128
    max_structured_bytes: int = 1024 * 1024
    max_values: int = 131_072
    max_xmp_bytes: int = 1024 * 1024

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                message = f"{field.name} must be a positive whole number, not {value!r}"
                raise ValueError(message)


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
        self.media_type = _media_type(window[:_WINDOW_BYTES])

    @classmethod
    def open(cls, source: AssetSource, limits: Limits) -> Self:
        """
        Take a path (str or PathLike), bytes, or a binary stream, whichever *source* is.

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
        Take a regular file that is open for reading; it stays open, and is the caller's to close.

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
        Take bytes that are already in memory; what can change is copied.
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

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
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
        Give all bytes as a seekable stream at its beginning, for the engine.

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
    Say what went wrong without the path, which may be private; `str` of an OSError contains it.
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


def _media_type(head: bytes) -> str:
    for magic, media_type in _MAGIC:
        if head.startswith(magic):
            return media_type
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp":
        return _iso_media_type(head)
    if _is_svg(head):
        return "image/svg+xml"
    raise UnsupportedAssetError(_describe(head))


def _iso_media_type(head: bytes) -> str:
    """
    Read the brands of an ISO base media file: the major one first, then the compatible ones.

    In a low-overhead image (brand "mif3") the minor version stands for a brand, too: that of the codec.

    Source:
        ISO/IEC 14496-12, "File type box"; ISO/IEC 23008-12 with amendment 2, annex B and "Low-overhead
        image file format"; AV1 Image File Format, section 6.
    """
    size = int.from_bytes(head[:4], "big")
    end = min(size, len(head)) if size > 1 else len(head)
    major = 16 if size == 1 else 8
    minor = (major + 4,) if head[major : major + 4] == b"mif3" else ()
    brands = [head[at : at + 4] for at in (major, *minor, *range(major + 8, end - 3, 4))]
    for brand in brands:
        if brand in _STILL_BRANDS:
            return _STILL_BRANDS[brand]
    if not _STRUCTURAL_BRANDS.isdisjoint(brands):
        return "image/heif"
    message = f"an MP4, QuickTime or other ISO media file of brand {brands[0]!r}"
    raise UnsupportedAssetError(message)


def _is_svg(head: bytes) -> bool:
    rest = head.removeprefix(b"\xef\xbb\xbf")
    while prolog := re.match(_SVG_PROLOG, rest):
        rest = rest[prolog.end() :]
    return re.match(_SVG_ROOT, rest) is not None


def _describe(head: bytes) -> str:
    if not head:
        return "it is empty"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for magic, kind in _LOOKS_LIKE:
        if head.startswith(magic) or text.startswith(magic):
            return f"it looks like {kind}"
    return f"it begins with the bytes {head[:8].hex(' ')}"
