"""
JPEG: segments to the first scan, and past it only where there is a manifest store.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from provenance.asset import Asset, Limits
from provenance.container.layout import Findings, Layout, too_many_chunks

_EOI, _SOS, _APP1, _APP11, _FILL = 0xD9, 0xDA, 0xE1, 0xEB, 0xFF
_MARKER_BYTES = _MIN_SEGMENT_BYTES = 2
_SEGMENT_HEADER_BYTES = 4
_PIECE_BYTES = 64 * 1024
_STANDALONE = frozenset((0x00, 0x01, *range(0xD0, 0xD9)))
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_NOTEWORTHY = _FRAME_HEADERS | {_APP1, _APP11}
_XMP_NAMESPACE = b"http://ns.adobe.com/xap/1.0/\x00"
_ANY_MARKER = re.compile(rb"\xff[^\xff]")
_MARKER_IN_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


def scan_jpeg(asset: Asset, limits: Limits) -> Layout:
    """
    Walk segments to the first scan, and past it only if there is a manifest store.

    Source:
        ITU-T T.81, annex B; C2PA 2.4, "Embedding manifests into JPEG".
    """
    found = Findings(limits)
    boxes: _Boxes | None = None
    budget = iter(range(limits.max_chunks))
    marker, offset, bound = 0, 0, _MARKER_BYTES
    for marker, offset, length in _segments_to_scan(asset, budget, found):
        if marker == _APP11:
            boxes = boxes or _Boxes(asset)
            boxes.add(offset + 4, length - 2)
            continue
        if length:
            bound += _MARKER_BYTES + length
        if marker not in _NOTEWORTHY:
            continue
        if marker != _APP1:
            lines = asset.read_at(offset + 5, 4)
            found.set_dimensions(int.from_bytes(lines[2:], "big"), int.from_bytes(lines[:2], "big"))
        elif asset.read_at(offset + 4, min(length - 2, len(_XMP_NAMESPACE))) == _XMP_NAMESPACE:
            start = offset + 4 + len(_XMP_NAMESPACE)
            found.add_xmp(asset, start, offset + 2 + length - start)
    stores = boxes.stores() if boxes else []
    for box in stores:
        found.add_store(asset, box.spans)
    if not found.stores or found.damage:
        return found.layout(0 if found.stores else None)
    unbound = offset - bound - sum(box.embedded_bytes for box in stores)
    if marker == _EOI:
        return found.layout(asset.size - offset - _MARKER_BYTES, unbound)
    end, further = _end_of_image(asset, offset, budget, limits)
    return found.layout(asset.size - end, unbound + further)


def _segments_to_scan(asset: Asset, budget: Iterator[int], found: Findings) -> Iterator[tuple[int, int, int]]:
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
    raise too_many_chunks(found.limits)


def _end_of_image(asset: Asset, offset: int, budget: Iterator[int], limits: Limits) -> tuple[int, int]:
    """
    Find the byte after EOI, walking over scans and the segments between them from the first SOS on.

    Returns:
        The end of the image, or of the file if there is no EOI; and how many bytes on the way are
        fill bytes or APP11 segments, which no hash over boxes covers.
    """
    search, unbound, start = _MarkerSearch(asset, _MARKER_IN_SCAN), 0, offset
    for _ in budget:
        offset = search.find(offset)
        # One byte more: before the marker there may be fill bytes.
        before, header = asset.read_at(offset - 1, 1), asset.read_at(offset, 4)
        if len(header) < _MARKER_BYTES:
            return asset.size, unbound
        if before[0] == _FILL and offset > start:
            unbound += _fill_before(asset, offset)
        if header[1] == _EOI:
            return offset + _MARKER_BYTES, unbound
        length = int.from_bytes(header[2:], "big")
        offset += _MARKER_BYTES
        if header[1] not in _STANDALONE and length >= _MIN_SEGMENT_BYTES:
            unbound += _MARKER_BYTES + length if header[1] == _APP11 else 0
            offset += length
    raise too_many_chunks(limits)


def _fill_before(asset: Asset, offset: int) -> int:
    """
    Count the fill bytes that stand before a marker, in pieces that grow.
    """
    end, wanted = offset, 16
    while True:
        piece = asset.read_at(max(0, end - wanted), min(end, wanted))
        rest = piece.rstrip(b"\xff")
        end -= len(piece) - len(rest)
        if rest or not end:
            return offset - end
        wanted = min(wanted * 2, _PIECE_BYTES)


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
    embedded_bytes: int = 0


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
        box.embedded_bytes += _SEGMENT_HEADER_BYTES + length
        box.spans.append((offset + skipped, max(0, length - skipped)))

    def stores(self) -> list[_Box]:
        """
        Give each manifest store; if there is none, each box too damaged to tell.
        """
        for kind in (_BoxKind.STORE, _BoxKind.UNKNOWN):
            stores = [box for box in self._boxes if box.kind is kind]
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
