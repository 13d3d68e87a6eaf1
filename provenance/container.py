"""
Where the manifest store lies in an image file, and which bytes lie after the container's end.

Headers are read, pictures are not: most images carry no manifest store, and that must be cheap to
find out. A store is handed on as it is embedded, damaged or not; whether it holds is not judged here.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from provenance.asset import Asset, Limits
from provenance.errors import AssetTooLargeError, MalformedAssetError


class Layout(NamedTuple):
    """
    What the headers of a container say.

    Attributes:
        stores: Each manifest store as embedded, taken out of its chunk or segments, in file order;
            usually none or one.

        trailing_bytes: Bytes after the container's end; None if that was not measured.

        width: Pixels across as the header says, before any rotation; None if it does not say.

        height: Pixels down, likewise.

        xmp: XMP packet; None if there is none or it is larger than allowed.

        walked: Whether the container was walked at all; if not, only the engine can tell whether it
            holds a manifest store.
    """

    stores: tuple[bytes, ...] = ()
    trailing_bytes: int | None = None
    width: int | None = None
    height: int | None = None
    xmp: bytes | None = None
    walked: bool = True

    @property
    def store_found(self) -> bool:
        """
        Whether there is a manifest store, or what is left of one.
        """
        return bool(self.stores)


def scan(asset: Asset, limits: Limits) -> Layout:
    """
    Walk the container's headers as far as they decide whether there is a manifest store.

    Args:
        asset: A PNG, JPEG or WebP image is walked; of any other only a blank layout is returned.

        limits: Most chunks and segments, largest manifest store and XMP packet.

    Returns:
        The layout. A container that is damaged after or around a manifest store still has one:
        that is for the verdict to say.

    Raises:
        MalformedAssetError: If the container is damaged and no manifest store was found.

        AssetTooLargeError: If there are more chunks, or larger manifest stores, than allowed; the
            stores are not read then.

    Source:
        C2PA 2.4, "Embedding manifests into various file formats".
    """
    if asset.media_type == "image/png":
        return _scan_png(asset, limits)
    if asset.media_type == "image/jpeg":
        return _scan_jpeg(asset, limits)
    if asset.media_type == "image/webp":
        return _scan_webp(asset, limits)
    return Layout(walked=False)


@dataclass(slots=True)
class _Findings:
    """
    What a walk has come across so far.
    """

    limits: Limits
    stores: list[bytes] = field(default_factory=list)
    store_bytes: int = 0
    xmp: bytes | None = None
    xmp_seen: bool = False
    width: int | None = None
    height: int | None = None
    damage: str | None = None

    def add_store(self, asset: Asset, spans: Iterable[tuple[int, int]]) -> None:
        """
        Read a store from its (offset, length) spans, unless that is more than allowed.
        """
        spans = tuple(spans)
        self.store_bytes += sum(length for _, length in spans)
        if self.store_bytes > self.limits.max_store_bytes:
            raise AssetTooLargeError("manifest store bytes", self.store_bytes, self.limits.max_store_bytes)
        self.stores.append(b"".join(asset.read_at(offset, length) for offset, length in spans))

    def add_xmp(self, asset: Asset, offset: int, length: int) -> None:
        """
        Keep the first XMP packet, unless it is larger than allowed.
        """
        if not self.xmp_seen and length <= self.limits.max_xmp_bytes:
            self.xmp = asset.read_at(offset, length)
        self.xmp_seen = True

    def set_dimensions(self, width: int, height: int) -> None:
        """
        Keep the first dimensions found; 0 says nothing.
        """
        if self.width is None and self.height is None:
            self.width, self.height = width or None, height or None

    def layout(self, trailing_bytes: int | None) -> Layout:
        if self.damage is not None and not self.stores:
            raise MalformedAssetError(self.damage)
        return Layout(tuple(self.stores), trailing_bytes, self.width, self.height, self.xmp or None)


def _too_many_chunks(limits: Limits) -> AssetTooLargeError:
    return AssetTooLargeError("chunks", limits.max_chunks + 1, limits.max_chunks)


_CHUNK_HEADER = struct.Struct(">I4s")
_IHDR = b"\x00\x00\x00\x0dIHDR"
_FAR_BYTES = 16 * 1024
_NEAR_WINDOW_BYTES = 64 * 1024
_FAR_WINDOW_BYTES = 2048
_XMP_KEYWORD = b"XML:com.adobe.xmp\x00"


def _scan_png(asset: Asset, limits: Limits) -> Layout:
    """
    Walk chunk headers to IEND; checksums are not looked at.

    Source:
        PNG specification (third edition), section 5; C2PA 2.4, "Embedding manifests into PNG".
    """
    found = _Findings(limits)
    end = None
    for kind, offset, length in _png_chunks(asset, found):
        if kind == b"IEND":
            end = offset + length + 4
        elif kind == b"caBX":
            found.add_store(asset, ((offset, length),))
        elif kind == b"iTXt":
            _read_international_text(asset, offset, length, found)
    header = asset.read_at(8, 16)
    if header[:8] == _IHDR:
        found.set_dimensions(int.from_bytes(header[8:12], "big"), int.from_bytes(header[12:], "big"))
    else:
        found.damage = "the first chunk, at byte 8, is not IHDR"
    return found.layout(0 if end is None else asset.size - end)


def _png_chunks(asset: Asset, found: _Findings) -> Iterator[tuple[bytes, int, int]]:
    """
    Yield type, offset and length of the data of each chunk but IDAT, up to and with IEND.
    """
    size, unpack = asset.size, _CHUNK_HEADER.unpack_from
    offset = base = 8
    length = 0
    window = asset.read_at(offset, _FAR_WINDOW_BYTES)
    last = len(window) - 8
    for _ in range(found.limits.max_chunks):
        if offset - base > last:
            # Small chunks are many: there one large read costs less than one read for each.
            window = asset.read_at(offset, _FAR_WINDOW_BYTES if length > _FAR_BYTES else _NEAR_WINDOW_BYTES)
            base, last = offset, len(window) - 8
            if last < 0:
                found.damage = f"the file ends at byte {size:,} without IEND"
                return
        length, kind = unpack(window, offset - base)
        if offset + 12 + length > size:
            found.damage = f"the chunk at byte {offset:,} runs past the end of the file"
            return
        if kind != b"IDAT":
            yield kind, offset + 8, length
            if kind == b"IEND":
                return
        offset += 12 + length
    raise _too_many_chunks(found.limits)


def _read_international_text(asset: Asset, offset: int, length: int, found: _Findings) -> None:
    """
    Take the XMP packet out of an iTXt chunk, if it holds one.

    Source:
        PNG specification (third edition), section 11.3.3.4; XMP specification part 3, section 1.1.5.
    """
    keyword = asset.read_at(offset, min(length, len(_XMP_KEYWORD)))
    if keyword != _XMP_KEYWORD or found.xmp_seen:
        return
    found.add_xmp(asset, offset + len(_XMP_KEYWORD), length - len(_XMP_KEYWORD))
    if found.xmp is None:
        return
    # Compression flag and method, then language tag and translated keyword, each ended by a NUL.
    packet = found.xmp[2:].partition(b"\x00")[2].partition(b"\x00")[2]
    if found.xmp[:1] == b"\x01":
        packet = _inflate(packet, found.limits.max_xmp_bytes)
    found.xmp = packet


def _inflate(data: bytes, max_bytes: int) -> bytes:
    """
    Decompress *data*; empty if it is damaged, incomplete or would be larger than *max_bytes*.
    """
    inflater = zlib.decompressobj()
    try:
        inflated = inflater.decompress(data, max_bytes + 1)
    except zlib.error:
        return b""
    return inflated if inflater.eof and len(inflated) <= max_bytes else b""


_RIFF_HEADER = struct.Struct("<4sI")
_FRAME_HEADER_BYTES = 10


def _scan_webp(asset: Asset, limits: Limits) -> Layout:
    """
    Walk the chunks inside the RIFF chunk.

    Source:
        RFC 9649, section 2; C2PA 2.4, "Embedding manifests into RIFF-based files".
    """
    found = _Findings(limits)
    end = 8 + int.from_bytes(asset.read_at(4, 4), "little")
    for kind, offset, length in _webp_chunks(asset, end, found):
        if kind == b"C2PA":
            found.add_store(asset, ((offset, length),))
        elif kind == b"XMP ":
            found.add_xmp(asset, offset, length)
        elif kind.startswith(b"VP8"):
            _read_webp_dimensions(kind, asset.read_at(offset, min(length, _FRAME_HEADER_BYTES)), found)
    return found.layout(max(0, asset.size - end - (end & 1)))


def _webp_chunks(asset: Asset, end: int, found: _Findings) -> Iterator[tuple[bytes, int, int]]:
    """
    Yield type, offset and length of the data of each chunk that begins before *end*.

    The last may run past *end*, though not past the file: the engine reads a manifest store there.
    """
    stop = min(end, asset.size)
    if end > asset.size:
        found.damage = f"the RIFF chunk ends at byte {end:,}, the file at byte {asset.size:,}"
    offset = 12
    for _ in range(found.limits.max_chunks):
        header = asset.read_at(offset, 8)
        if offset + len(header) > stop or len(header) < _RIFF_HEADER.size:
            return
        kind, length = _RIFF_HEADER.unpack(header)
        following = offset + 8 + length
        if following > stop:
            found.damage = f"the chunk at byte {offset:,} runs past the end"
            if following > asset.size:
                return
        yield kind, offset + 8, length
        offset = following + (length & 1)
    raise _too_many_chunks(found.limits)


def _read_webp_dimensions(kind: bytes, data: bytes, found: _Findings) -> None:
    """
    Read the canvas (VP8X) or the frame (VP8, VP8L), whichever comes first.

    Source:
        RFC 9649, sections 2.7 and 3.4; RFC 6386, section 9.1.
    """
    width = height = 0
    if kind == b"VP8X" and data[9:]:
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (4, 7))
    elif kind == b"VP8 " and data[3:6] == b"\x9d\x01\x2a":
        width, height = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (6, 8))
    elif kind == b"VP8L" and data[:1] == b"\x2f" and data[4:]:
        packed = int.from_bytes(data[1:5], "little")
        width, height = (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    if width and height:
        found.set_dimensions(width, height)


_EOI, _SOS, _APP1, _APP11, _FILL = 0xD9, 0xDA, 0xE1, 0xEB, 0xFF
_MARKER_BYTES = _MIN_SEGMENT_BYTES = 2
_STANDALONE = frozenset((0x00, 0x01, *range(0xD0, 0xD9)))
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_NOTEWORTHY = _FRAME_HEADERS | {_APP1, _APP11}
_XMP_NAMESPACE = b"http://ns.adobe.com/xap/1.0/\x00"
_ANY_MARKER = re.compile(rb"\xff[^\xff]")
_MARKER_IN_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


def _scan_jpeg(asset: Asset, limits: Limits) -> Layout:
    """
    Walk segments to the first scan, and past it only if there is a manifest store.

    Source:
        ITU-T T.81, annex B; C2PA 2.4, "Embedding manifests into JPEG".
    """
    found = _Findings(limits)
    boxes: _Boxes | None = None
    budget = iter(range(limits.max_chunks))
    marker, offset = 0, 0
    for marker, offset, length in _segments_to_scan(asset, budget, found):
        if marker not in _NOTEWORTHY:
            continue
        if marker == _APP11:
            boxes = boxes or _Boxes(asset)
            boxes.add(offset + 4, length - 2)
        elif marker != _APP1:
            lines = asset.read_at(offset + 5, 4)
            found.set_dimensions(int.from_bytes(lines[2:], "big"), int.from_bytes(lines[:2], "big"))
        elif asset.read_at(offset + 4, min(length - 2, len(_XMP_NAMESPACE))) == _XMP_NAMESPACE:
            start = offset + 4 + len(_XMP_NAMESPACE)
            found.add_xmp(asset, start, offset + 2 + length - start)
    for spans in boxes.stores() if boxes else ():
        found.add_store(asset, spans)
    if not found.stores or found.damage:
        return found.layout(0 if found.stores else None)
    end = offset + 2 if marker == _EOI else _end_of_image(asset, offset, budget, limits)
    return found.layout(asset.size - end)


def _segments_to_scan(
    asset: Asset, budget: Iterator[int], found: _Findings
) -> Iterator[tuple[int, int, int]]:
    """
    Yield marker, offset and length of each segment; the last is the first SOS or EOI, of length 0.

    What stands between segments is skipped, as decoders and the engine do.
    """
    read_at, size = asset.read_at, asset.size
    gap: _MarkerSearch | None = None
    offset = 2
    for _ in budget:
        header = read_at(offset, 4)
        if len(header) < _MARKER_BYTES:
            found.damage = f"the file ends at byte {size:,}, before the first scan"
            return
        marker = header[1]
        if header[0] != _FILL or marker == _FILL:
            gap = gap or _MarkerSearch(asset, _ANY_MARKER)
            offset = gap.find(offset)
            continue
        if marker in _STANDALONE:
            offset += 2
            continue
        if marker in (_SOS, _EOI):
            yield marker, offset, 0
            return
        length = int.from_bytes(header[2:], "big")
        if length < _MIN_SEGMENT_BYTES or offset + 2 + length > size:
            found.damage = f"the segment at byte {offset:,} does not fit in the file"
            return
        yield marker, offset, length
        offset += 2 + length
    raise _too_many_chunks(found.limits)


def _end_of_image(asset: Asset, offset: int, budget: Iterator[int], limits: Limits) -> int:
    """
    Find the byte after EOI, walking over scans and the segments between them from the first SOS on.

    Returns:
        The end of the file if there is no EOI.
    """
    search = _MarkerSearch(asset, _MARKER_IN_SCAN)
    for _ in budget:
        offset = search.find(offset)
        header = asset.read_at(offset, 4)
        if len(header) < _MARKER_BYTES:
            return asset.size
        if header[1] == _EOI:
            return offset + 2
        length = int.from_bytes(header[2:], "big")
        offset += _MARKER_BYTES
        if header[1] not in _STANDALONE and length >= _MIN_SEGMENT_BYTES:
            offset += length
    raise _too_many_chunks(limits)


class _MarkerSearch:
    """
    Searches forward for markers, reading pieces that grow.

    So neither a short gap nor a long scan costs much more reading than it is long.
    """

    __slots__ = ("_asset", "_base", "_pattern", "_piece", "_wanted")

    def __init__(self, asset: Asset, pattern: re.Pattern[bytes]) -> None:
        self._asset = asset
        self._pattern = pattern
        self._piece = b""
        self._base = 0
        self._wanted = 4096

    def find(self, offset: int) -> int:
        """
        Return where the next marker from *offset* on begins, or the asset's size if there is none.
        """
        while True:
            match = self._pattern.search(self._piece, offset - self._base)
            if match is not None:
                return self._base + match.start()
            # One byte is kept: it may be the first of a marker.
            offset = self._base = max(offset, self._base + len(self._piece) - 1)
            self._piece = self._asset.read_at(offset, self._wanted)
            self._wanted = min(self._wanted * 2, 1024 * 1024)
            if len(self._piece) < _MARKER_BYTES:
                return self._asset.size


_MANIFEST_STORE_UUID = bytes.fromhex("63327061 0011 0010 8000 00AA00389B71")
_SEGMENT_PREFIX_BYTES = 8
_HEAD_BYTES = _SEGMENT_PREFIX_BYTES + 48


class _BoxKind(Enum):
    STORE = "a manifest store"
    OTHER = "JUMBF for another purpose"
    UNKNOWN = "damaged, or a box of another kind"


@dataclass(slots=True)
class _Box:
    """
    A box that is spread over APP11 segments, as (offset, length) spans.
    """

    kind: _BoxKind
    header_bytes: int
    sequence: int = 0
    spans: list[tuple[int, int]] = field(default_factory=list)


class _Boxes:
    """
    Puts boxes together from APP11 segments by their instance number, in file order.

    The engine takes "c2pa" where the description's UUID belongs for a manifest store, whatever stands
    around it; so does this, or a damaged store would count as none.

    Source:
        ISO/IEC 18477-3, annex B; ISO/IEC 19566-5, annex D.
    """

    __slots__ = ("_asset", "_boxes", "_open")

    def __init__(self, asset: Asset) -> None:
        self._asset = asset
        self._boxes: list[_Box] = []
        self._open: dict[bytes, _Box] = {}

    def add(self, offset: int, length: int) -> None:
        """
        Take the contents of one APP11 segment.
        """
        head = self._asset.read_at(offset, min(length, _HEAD_BYTES))
        if len(head) <= _SEGMENT_PREFIX_BYTES * 2:
            return
        instance, sequence = head[2:4], int.from_bytes(head[4:8], "big")
        kind, header_bytes = _classify(head[_SEGMENT_PREFIX_BYTES:])
        box = self._open.get(instance)
        in_store = box is not None and box.kind is _BoxKind.STORE
        if not (in_store or kind is _BoxKind.STORE or head.startswith(b"JP")):
            return
        if box is None or _begins_anew(kind, sequence, box):
            skipped = _SEGMENT_PREFIX_BYTES
            box = self._open[instance] = _Box(kind, header_bytes)
            self._boxes.append(box)
        else:
            skipped = _SEGMENT_PREFIX_BYTES + box.header_bytes
        box.sequence = sequence
        box.spans.append((offset + skipped, max(0, length - skipped)))

    def stores(self) -> list[list[tuple[int, int]]]:
        """
        Give the spans of each manifest store; if there is none, of each box too damaged to tell.
        """
        for kind in (_BoxKind.STORE, _BoxKind.UNKNOWN):
            stores = [box.spans for box in self._boxes if box.kind is kind]
            if stores:
                return stores
        return []


def _begins_anew(kind: _BoxKind, sequence: int, box: _Box) -> bool:
    """
    Tell whether a segment of *kind* begins another box under the instance number of *box*.

    Bytes out of sequence that begin no box are left where they stand: the verdict has to see them.
    """
    if sequence <= box.sequence:
        return kind is not _BoxKind.UNKNOWN
    return kind is _BoxKind.STORE and box.kind is not _BoxKind.STORE


def _classify(box: bytes) -> tuple[_BoxKind, int]:
    """
    Tell from a box's first bytes what it is, and how long the header is that its segments repeat.
    """
    if box[16:20] == _MANIFEST_STORE_UUID[:4]:
        return _BoxKind.STORE, 8
    header_bytes = 16 if box[:4] == b"\x00\x00\x00\x01" else 8
    if box[4:8] != b"jumb" or box[header_bytes + 4 : header_bytes + 8] != b"jumd":
        return _BoxKind.UNKNOWN, 8
    uuid = box[header_bytes + 8 : header_bytes + 24]
    if uuid == _MANIFEST_STORE_UUID:
        return _BoxKind.STORE, header_bytes
    return (_BoxKind.OTHER if len(uuid) == len(_MANIFEST_STORE_UUID) else _BoxKind.UNKNOWN), header_bytes
