"""
Bytes are taken as they are, from regular files, memory and streams, and from nothing else.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import socket
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import provenance.asset.asset
from provenance.asset.asset import Asset
from provenance.asset.limits import Limits
from provenance.errors import AssetError, AssetTooLargeError, UnreadableAssetError, UnsupportedAssetError

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
ENTRIES: list[dict[str, Any]] = (
    json.loads((CORPUS / "EXPECTED.json").read_text(encoding="utf-8"))["files"] if CORPUS.is_dir() else []
)
MEDIA_TYPES = {
    "avif": "image/avif",
    "gif": "image/gif",
    "heic": "image/heic",
    "jpg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
}
LIMITS = Limits()
GIF = b"GIF89a" + bytes(range(256)) * 80


@pytest.fixture
def gif(tmp_path: Path) -> Path:
    """
    Make a file that counts as a GIF and is longer than any window.
    """
    path = tmp_path / "image.gif"
    path.write_bytes(GIF)
    return path


class Stream:
    """
    A stream that hands out what it is given, piece by piece, and counts.
    """

    def __init__(self, *pieces: object) -> None:
        self.pieces = list(pieces)
        self.asked: list[int] = []

    def read(self, size: int) -> Any:  # noqa: ANN401  (the wrong types are what is tested)
        """
        Return, or raise, the next piece.
        """
        self.asked.append(size)
        piece = self.pieces.pop(0) if self.pieces else b""
        if isinstance(piece, Exception):
            raise piece
        return piece


class Endless:
    """
    A stream without end that counts what it hands out.
    """

    given = 0

    def read(self, size: int) -> bytes:
        """
        Return as much as is asked for.
        """
        self.given += size
        return b"\x00" * size


def ftyp(major: bytes, *compatible: bytes) -> bytes:
    """
    Build a file type box.
    """
    return (16 + 4 * len(compatible)).to_bytes(4, "big") + b"ftyp" + major + bytes(4) + b"".join(compatible)


@pytest.mark.parametrize("value", [0, -1, True, 1.5, "1", None])
@pytest.mark.parametrize(
    "name", ["max_bytes", "max_chunks", "max_store_bytes", "max_manifests", "max_xmp_bytes"]
)
def test_limits_are_positive_whole_numbers(name: str, value: object) -> None:
    """
    A limit of 0 or None would be read as "no limit" by somebody.
    """
    with pytest.raises(ValueError, match=name):
        Limits(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
        (b"II*\x00", "image/tiff"),
        (b"MM\x00*", "image/tiff"),
        (b"II+\x00", "image/tiff"),
        (b"MM\x00+", "image/tiff"),
        (ftyp(b"avif", b"mif1"), "image/avif"),
        (ftyp(b"mif1", b"miaf", b"avif"), "image/avif"),
        (ftyp(b"avis", b"msf1"), "image/avif"),
        (ftyp(b"heic", b"mif1", b"avif"), "image/heic"),
        (ftyp(b"mif1", b"heic"), "image/heic"),
        (ftyp(b"mif3"), "image/heif"),
        (b"\x00\x00\x00\x10ftypmif3avif", "image/avif"),
        (b"\x00\x00\x00\x10ftypmif3heic", "image/heic"),
        (ftyp(b"msf1", b"hevc"), "image/heic"),
        (ftyp(b"mif1", b"miaf"), "image/heif"),
        (b"\x00\x00\x00\x01ftyp" + bytes(8) + b"heic", "image/heic"),
        (b"<svg/>", "image/svg+xml"),
        (b'\xef\xbb\xbf\n<?xml version="1.0"?>\n<!-- a > b --><svg xmlns="x">', "image/svg+xml"),
        (b'<!DOCTYPE svg PUBLIC "x" [ <!ENTITY a "b"> ] >\n<svg\n>', "image/svg+xml"),
        (b"<s:svg xmlns:s='x'>", "image/svg+xml"),
    ],
)
def test_the_media_type_comes_from_the_first_bytes(head: bytes, media_type: str) -> None:
    """
    The declared type and the name are what an attacker chooses most easily.
    """
    assert media_type == Asset.from_bytes(head, LIMITS).media_type


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (b"", "empty"),
        (b"%PDF-1.7", "PDF"),
        (b"PK\x03\x04", "ZIP"),
        (b"RIFF\x00\x00\x00\x00WAVE", "RIFF"),
        (ftyp(b"isom", b"mp42"), "MP4"),
        (ftyp(b"crx ", b"isom"), "crx"),
        (b"\x00\x00\x00\x00ftyp", "MP4"),
        (b"  <html><svg></svg></html>", "markup"),
        (b"<svgx/>", "markup"),
        (b"<!-- " + b"x" * 5000 + b" --><svg/>", "markup"),
        (b'{"error": 1}', "JSON"),
        (b"\x89PNG\r\n\x1a", "89 50 4e 47 0d 0a 1a"),
        (b"\xff\xd8\x00\x00", "ff d8 00 00"),
        (b"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09", "00 01 02 03 04 05 06 07$"),
    ],
)
def test_what_is_no_image_is_refused_with_what_it_looks_like(head: bytes, reason: str) -> None:
    """
    "Not supported" alone does not tell a user that the service answered with JSON.
    """
    with pytest.raises(UnsupportedAssetError, match=reason):
        Asset.from_bytes(head, LIMITS)


@pytest.mark.parametrize(
    "filling", [b"<!---->", b"<??>", b"<!DOCTYPE>", b"<!DOCTYPE[]", b" ", b"<!DOCTYPE []] "]
)
def test_a_prolog_made_to_make_searching_slow_is_refused(filling: bytes) -> None:
    """
    A pattern that tries every way to split a run of comments would not come back.
    """
    with pytest.raises(UnsupportedAssetError):
        Asset.from_bytes(filling * 5000, LIMITS)


def test_a_path_is_read_as_it_is(gif: Path) -> None:
    """
    Size, name, hash and bytes are those of the file.
    """
    with Asset.from_path(gif, LIMITS) as asset:
        assert len(GIF) == asset.size
        assert str(gif) == asset.name
        assert hashlib.sha256(GIF).hexdigest() == asset.sha256()
        assert asset.stream().read() == GIF
        assert asset.stream().tell() == 0
        asset.check_unchanged()


def test_bytes_and_streams_have_no_name_and_do_not_change() -> None:
    """
    There is nothing to look at a second time.
    """
    for source in (GIF, bytearray(GIF), memoryview(GIF), io.BytesIO(GIF)):
        with Asset.open(source, LIMITS) as asset:
            assert asset.name is None
            assert len(GIF) == asset.size
            assert hashlib.sha256(GIF).hexdigest() == asset.sha256()
            assert asset.stream().read() == GIF
            asset.check_unchanged()


def test_changing_a_buffer_afterwards_does_not_change_the_asset() -> None:
    """
    What is judged must be what was received.
    """
    buffer = bytearray(GIF)
    asset = Asset.from_bytes(buffer, LIMITS)

    buffer[6:] = b""

    assert asset.stream().read() == GIF


@pytest.mark.parametrize("in_memory", [True, False])
@given(reads=st.lists(st.tuples(st.integers(0, 25_000), st.integers(0, 9000)), max_size=30))
@settings(deadline=None, derandomize=True, database=None)
def test_read_at_is_a_slice(
    tmp_path_factory: pytest.TempPathFactory, reads: list[tuple[int, int]], *, in_memory: bool
) -> None:
    """
    The window behind small reads must never show, in whatever order they come.
    """
    path = tmp_path_factory.getbasetemp() / "slices.gif"
    path.write_bytes(GIF)

    with Asset.open(GIF if in_memory else path, LIMITS) as asset:
        for offset, length in reads:
            assert asset.read_at(offset, length) == GIF[offset : offset + length]


def test_small_reads_share_a_system_call(gif: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Walking headers byte by byte must not cost a system call each.
    """
    calls = count_reads(monkeypatch)

    with Asset.from_path(gif, LIMITS) as asset:
        for offset in range(0, 8192, 8):
            asset.read_at(offset, 8)

    assert len(calls) <= 3
    assert sum(calls) <= 3 * 4096


def test_opening_reads_only_the_beginning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Most images carry no manifest, and most of their bytes are never needed.
    """
    path = tmp_path / "large.png"
    with path.open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        file.truncate(100 * 1024 * 1024)
    calls = count_reads(monkeypatch)

    with Asset.from_path(path, LIMITS):
        pass

    assert sum(calls) <= 4096


def count_reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """
    Note the length asked for in every read from a file.
    """
    calls: list[int] = []

    def pread(descriptor: int, length: int, offset: int) -> bytes:
        calls.append(length)
        return os.pread(descriptor, length, offset)

    monkeypatch.setattr(provenance.asset.asset, "_pread", pread)
    return calls


def test_a_symbolic_link_is_followed(gif: Path, tmp_path: Path) -> None:
    """
    Folders of images are often trees of links.
    """
    link = tmp_path / "link"
    link.symlink_to(gif)

    with Asset.from_path(link, LIMITS) as asset:
        assert str(link) == asset.name
        assert len(GIF) == asset.size


def test_a_path_of_bytes_keeps_its_name(gif: Path) -> None:
    """
    A name that is not UTF-8 still has to appear in a report.
    """

    class Raw:
        def __fspath__(self) -> bytes:
            return os.fsencode(gif)

    with Asset.open(Raw(), LIMITS) as asset:
        assert str(gif) == asset.name


@pytest.mark.parametrize("path", ["missing", "", "\x00", "image.gif/below", "\ud800", "n" * 300])
def test_a_path_that_leads_nowhere_is_unreadable(
    path: str, gif: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Whatever the operating system answers, it is one error, and it keeps the path to itself.
    """
    monkeypatch.chdir(gif.parent)

    with pytest.raises(UnreadableAssetError) as caught:
        Asset.from_path(path, LIMITS)

    assert caught.value.reason
    assert not path or path not in caught.value.reason
    assert caught.value.__cause__ is not None


def test_a_forbidden_file_is_unreadable(gif: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Made by hand, since tests may run as root.
    """

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied", str(gif))

    monkeypatch.setattr(os, "open", refuse)

    with pytest.raises(UnreadableAssetError, match=r"Permission denied$"):
        Asset.from_path(gif, LIMITS)


def irregular(kind: str, folder: Path) -> str:
    """
    Make what is no regular file in *folder*, the working directory, and return its path.
    """
    if kind == "/dev/zero":
        return kind
    if kind == "fifo":
        os.mkfifo(folder / kind)
    elif kind == "directory":
        (folder / kind).mkdir()
    else:
        with socket.socket(socket.AF_UNIX) as endpoint:
            endpoint.bind(kind)
    return kind


@pytest.mark.skipif(os.name != "posix", reason="POSIX has these kinds of files")
@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("fifo", "a named pipe"),
        ("directory", "a directory"),
        ("/dev/zero", "a character device"),
        ("socket", "a socket"),
    ],
)
@pytest.mark.parametrize("linked", [False, True])
def test_what_is_no_regular_file_is_refused_unopened(
    kind: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, linked: bool
) -> None:
    """
    Opening a FIFO hangs, reading a device may never end, and opening some devices has effects.
    """
    monkeypatch.chdir(tmp_path)
    path = irregular(kind, tmp_path)
    if linked:
        Path("link").symlink_to(path)
    opened: list[object] = []
    monkeypatch.setattr(os, "open", lambda *arguments: opened.append(arguments))

    with pytest.raises(UnreadableAssetError, match=reason):
        Asset.from_path("link" if linked else path, LIMITS)

    assert opened == []


@pytest.mark.skipif(os.name != "posix", reason="POSIX has FIFOs")
def test_a_fifo_put_in_place_after_the_first_look_is_refused_without_waiting(
    gif: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    What the path leads to can be replaced between looking and opening.
    """
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    regular = gif.stat()
    monkeypatch.setattr(os, "stat", lambda *_, **__: regular)

    with pytest.raises(UnreadableAssetError, match="a named pipe"):
        Asset.from_path(fifo, LIMITS)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="descriptors are counted in /proc")
def test_a_refused_file_is_closed(tmp_path: Path) -> None:
    """
    An audit meets millions of files that are no images.
    """
    path = tmp_path / "text"
    path.write_bytes(b"text")
    before = len(list(Path("/proc/self/fd").iterdir()))

    for limits, error in ((LIMITS, UnsupportedAssetError), (Limits(max_bytes=3), AssetTooLargeError)):
        with pytest.raises(error):
            Asset.from_path(path, limits)

    assert before == len(list(Path("/proc/self/fd").iterdir()))


def test_the_size_limit_holds_for_every_source(gif: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Exactly the limit is allowed, one byte more is not, and nothing is read to find out.
    """
    for source in (gif, GIF, memoryview(GIF), io.BytesIO(GIF)):
        Asset.open(source, Limits(max_bytes=len(GIF))).close()

    calls = count_reads(monkeypatch)
    for source in (gif, GIF, memoryview(GIF), io.BytesIO(GIF)):
        with pytest.raises(AssetTooLargeError) as caught:
            Asset.open(source, Limits(max_bytes=len(GIF) - 1))
        assert (caught.value.unit, caught.value.size, caught.value.limit) == (
            "bytes",
            len(GIF),
            len(GIF) - 1,
        )
    assert calls == []


def test_an_endless_stream_is_read_one_byte_past_the_limit() -> None:
    """
    The limit must hold while reading, not after.
    """
    stream = Endless()

    with pytest.raises(AssetTooLargeError):
        Asset.from_stream(stream, Limits(max_bytes=1_000_000))

    assert stream.given == 1_000_001


def test_a_stream_that_gives_more_than_asked_for_is_refused() -> None:
    """
    The limit cannot lean on the stream's manners.
    """
    with pytest.raises(AssetTooLargeError):
        Asset.from_stream(Stream(GIF), Limits(max_bytes=100))


def test_a_stream_may_come_in_small_pieces() -> None:
    """
    A socket gives what has arrived so far.
    """
    stream = Stream(GIF[:10], GIF[10:11], bytearray(GIF[11:]))

    assert Asset.from_stream(stream, LIMITS).stream().read() == GIF
    assert min(stream.asked) >= 64 * 1024


@pytest.mark.parametrize(
    ("piece", "reason"),
    [
        (OSError(5, "Input/output error"), "failed: Input/output error"),
        (ValueError("read of closed file"), "failed: read of closed file"),
        (EOFError(), "failed: EOFError"),
        ("text", "text"),
        (None, "no bytes ready"),
        (3, "int, not bytes"),
    ],
)
def test_a_stream_that_cannot_be_read_is_unreadable(piece: object, reason: str) -> None:
    """
    Half an image must not be judged as if it were a whole one.
    """
    with pytest.raises(UnreadableAssetError, match=reason):
        Asset.from_stream(Stream(GIF, piece), LIMITS)


@pytest.mark.parametrize("source", [None, 3, ["image.gif"]])
def test_open_refuses_what_is_no_source(source: object) -> None:
    """
    A file descriptor is a number like any other, and is not guessed at.
    """
    with pytest.raises(TypeError, match="expected a path"):
        Asset.open(source, LIMITS)  # type: ignore[arg-type]


def test_a_file_that_grows_or_shrinks_is_noticed(gif: Path) -> None:
    """
    A verdict about bytes that are not there any more is worth nothing.
    """
    for size in (len(GIF) + 1, len(GIF) - 1):
        with Asset.from_path(gif, LIMITS) as asset:
            os.truncate(gif, size)

            with pytest.raises(UnreadableAssetError, match="changed while it was being read"):
                asset.check_unchanged()


def test_a_file_that_is_written_over_is_noticed(gif: Path) -> None:
    """
    The size alone does not show it.
    """
    with Asset.from_path(gif, LIMITS) as asset:
        status = gif.stat()
        os.utime(gif, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))

        with pytest.raises(UnreadableAssetError, match="changed while it was being read"):
            asset.check_unchanged()


def test_a_file_that_grows_is_read_to_its_first_size(gif: Path) -> None:
    """
    Until the change is noticed, every reader must see the same bytes.
    """
    with Asset.from_path(gif, LIMITS) as asset:
        with gif.open("ab") as file:
            file.write(b"more")

        assert asset.read_at(len(GIF) - 3, 100) == GIF[-3:]
        assert asset.read_at(0, 100_000) == GIF


def test_a_file_that_grows_has_no_hash(gif: Path) -> None:
    """
    The hash goes into a report, beside a verdict on the bytes as they were.
    """
    with Asset.from_path(gif, LIMITS) as asset:
        with gif.open("ab") as file:
            file.write(b"more")

        with pytest.raises(UnreadableAssetError, match="changed"):
            asset.sha256()


def test_a_file_that_shrinks_has_no_hash(gif: Path) -> None:
    """
    The hash of what is left is not that of the asset.
    """
    with Asset.from_path(gif, LIMITS) as asset:
        os.truncate(gif, 100)

        with pytest.raises(UnreadableAssetError, match="changed"):
            asset.sha256()


def test_a_path_that_is_replaced_does_not_matter(gif: Path, tmp_path: Path) -> None:
    """
    The file is opened once; the engine must not be sent to another one by the same name.
    """
    with Asset.from_path(gif, LIMITS) as asset:
        other = tmp_path / "other"
        other.write_bytes(b"GIF89a, but another")
        other.replace(gif)

        assert asset.stream().read() == GIF
        assert asset.sha256() == hashlib.sha256(GIF).hexdigest()
        asset.check_unchanged()


def test_an_error_while_reading_is_unreadable(gif: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Disks fail and network shares go away.
    """

    def fail(*_: object) -> bytes:
        raise OSError(5, "Input/output error")

    with Asset.from_path(gif, LIMITS) as asset:
        monkeypatch.setattr(provenance.asset.asset, "_pread", fail)
        with pytest.raises(UnreadableAssetError, match="Input/output error"):
            asset.read_at(9000, 8)
        with pytest.raises(UnreadableAssetError, match="Input/output error"):
            asset.read_at(9000, 8000)
        with monkeypatch.context() as patch:
            patch.setattr(os, "fstat", fail)
            with pytest.raises(UnreadableAssetError, match="Input/output error"):
                asset.check_unchanged()


def test_closing_twice_does_no_harm(gif: Path) -> None:
    """
    A context manager may be closed early.
    """
    with Asset.from_path(gif, LIMITS) as asset:
        asset.close()

    with pytest.raises(ValueError, match="closed"):
        asset.stream()


def test_the_descriptor_is_not_inherited(gif: Path) -> None:
    """
    Worker processes must not hold files open that they know nothing of.
    """
    with Asset.from_path(gif, LIMITS) as asset:
        descriptor = asset.stream().fileno()

        assert os.get_inheritable(descriptor) is False
        assert stat.S_ISREG(os.fstat(descriptor).st_mode)


def test_repr_holds_no_path(gif: Path) -> None:
    """
    Paths may be private, and a repr ends up in logs.
    """
    with Asset.from_path(gif, LIMITS) as asset:
        assert repr(asset) == "<Asset image/gif, 20,486 bytes>"


@given(data=st.binary(max_size=300))
@settings(deadline=None, derandomize=True, database=None)
def test_random_bytes_are_an_image_or_an_asset_error(data: bytes) -> None:
    """
    Nothing but an AssetError may come out of bytes an attacker chose.
    """
    for head in (b"", b"RIFF", b"<", b"<!DOCTYPE", b"\xef\xbb\xbf", b"\x00\x00\x00\x20ftyp"):
        with suppress(AssetError):
            assert Asset.from_bytes(head + data, LIMITS).media_type.startswith("image/")


@pytest.mark.corpus
@pytest.mark.skipif(not ENTRIES, reason="the corpus of real images is not beside this repository")
@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["file"])
def test_real_images_are_taken_as_they_are(entry: dict[str, Any]) -> None:
    """
    Media type, size and hash of every file of the corpus are those on record.
    """
    with Asset.from_path(CORPUS / entry["file"], LIMITS) as asset:
        assert MEDIA_TYPES[entry["container"]] == asset.media_type
        assert entry["bytes"] == asset.size
        assert entry["sha256"] == asset.sha256()
