"""
JPEG: segments to the first scan, and past it only where there is a manifest store.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from provenance.asset.asset import Asset
from provenance.asset.layout import Embedding, Findings, Layout, Part, too_many_chunks
from provenance.asset.limits import Limits

_EOI, _SOS, _APP1, _APP11, _FILL = 0xD9, 0xDA, 0xE1, 0xEB, 0xFF
_MARKER_BYTES = _MIN_SEGMENT_BYTES = 2
_SEGMENT_HEADER_BYTES = 4
_STANDALONE = frozenset((0x00, 0x01, *range(0xD0, 0xD9)))
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_NAMES = {
    **{0xC0 + n: f"SOF{n}" for n in range(16)},
    **{0xD0 + n: f"RST{n}" for n in range(8)},
    **{0xE0 + n: f"APP{n}" for n in range(16)},
    0xC4: "DHT",
    0xCC: "DAC",
    _EOI: "EOI",
    _SOS: "SOS",
    0xDB: "DQT",
    0xDD: "DRI",
    0xFE: "COM",
}
_SHORT_BYTES = 20
_RESTARTS = tuple(bytes((0xFF, marker)) for marker in range(0xD0, 0xD8))
_XMP_NAMESPACE = b"http://ns.adobe.com/xap/1.0/\x00"
_ANY_MARKER = re.compile(rb"\xff[^\xff]")
_END_OF_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7]")
_MARKER_IN_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


def scan_jpeg(asset: Asset, limits: Limits) -> Layout:
    """
    Walk segments to the first scan, and past it only if there is a manifest store.

    Source:
        ITU-T T.81, annex B; C2PA 2.4, "Embedding manifests into JPEG".
    """
    found = Findings(limits)
    boxes: _Boxes | None = None
    for marker, offset, length in _segments_to_scan(asset, iter(range(limits.max_chunks)), found):
        if marker == _APP11:
            boxes = boxes or _Boxes(asset)
            boxes.add(offset, length)
        elif marker == _APP1:
            _read_xmp(asset, offset, length, found)
        elif marker in _FRAME_HEADERS:
            lines = asset.read_at(offset + 5, 4)
            found.set_dimensions(int.from_bytes(lines[2:], "big"), int.from_bytes(lines[:2], "big"))
    for box in boxes.stores() if boxes else ():
        found.add_store(asset, box.spans, box.embedding)
    if not found.stores:
        return found.layout(None)
    parts = list(_parts(asset, found))
    end = asset.size if found.damage or parts[-1].name != "EOI" else parts[-1].end
    return found.layout(asset.size - end, parts)


def _read_xmp(asset: Asset, offset: int, length: int, found: Findings) -> None:
    if asset.read_at(offset + 4, min(length - 2, len(_XMP_NAMESPACE))) == _XMP_NAMESPACE:
        start = offset + 4 + len(_XMP_NAMESPACE)
        found.add_xmp(asset, start, offset + 2 + length - start)


def _segments_to_scan(
    asset: Asset, budget: Iterator[int], found: Findings, offset: int = 2, *, strict: bool = True
) -> Iterator[tuple[int, int, int]]:
    """
    Yield marker, offset and length of each segment from *offset* on; the last is SOS or EOI, of length 0.

    What stands between segments is skipped, as decoders and the engine do, and unless *strict* so is what is
    no segment; otherwise that is damage, and ends the walk.
    """
    read_at, size = asset.read_at, asset.size
    gap: _MarkerSearch | None = None
    for _ in budget:
        header = read_at(offset, 4)
        if len(header) < _MARKER_BYTES:
            if strict:
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
        fits = length >= _MIN_SEGMENT_BYTES and offset + 2 + length <= size
        if not fits and not strict:
            offset += 2
            continue
        if not fits:
            found.damage = f"the segment at byte {offset:,} does not fit in the file"
            return
        yield marker, offset, length
        offset += 2 + length
    raise too_many_chunks(found.limits)


def _parts(asset: Asset, found: Findings) -> Iterator[Part]:
    """
    Yield the segments from SOI to EOI as hashes over boxes name them, each scan with its data.

    What is in no part is bound by no such hash: fill bytes, bytes between segments, APP11 segments too short
    to hold a box, and whatever a decoder reads of a scan behind an 0xFF that another one follows.
    """
    yield Part("SOI", 0, _MARKER_BYTES)
    embedding = found.embeddings[0]
    for marker, start, length in _segments(asset, found):
        if start == embedding.start:
            yield Part("C2PA", start, embedding.length)
        elif not embedding.start < start < embedding.end and (marker != _APP11 or length > _SHORT_BYTES):
            yield Part(_NAMES.get(marker, f"{marker:02X}"), start, length)


def _segments(asset: Asset, found: Findings) -> Iterator[tuple[int, int, int]]:
    """
    Yield marker, offset and length of each segment, header and scan data included; the last is EOI.

    Source:
        ITU-T T.81, B.1.1; the data of a scan ends where the engine's box hash ends it.
    """
    budget = iter(range(found.limits.max_chunks))
    ends, markers = _MarkerSearch(asset, _END_OF_SCAN), _MarkerSearch(asset, _MARKER_IN_SCAN)
    offset = _MARKER_BYTES
    while True:
        for marker, start, length in _segments_to_scan(asset, budget, found, offset, strict=False):
            offset = start
            if marker == _SOS:
                break
            yield marker, start, _MARKER_BYTES + length
        else:
            return
        header = int.from_bytes(asset.read_at(offset + _MARKER_BYTES, 2))
        end = ends.find(offset + _MARKER_BYTES + header)
        yield _SOS, offset, end - offset
        offset = markers.find(end)
        # The engine makes a part of each, and there can be millions.
        if ends.restarts + markers.restarts > found.limits.max_chunks:
            raise too_many_chunks(found.limits)


class _MarkerSearch:
    """
    Searches forward for markers, reading pieces that grow, and counts restart markers in what it reads.

    So neither a short gap nor a long scan costs much more reading than it is long.
    """

    __slots__ = ("_asset", "_base", "_pattern", "_piece", "_wanted", "restarts")

    def __init__(self, asset: Asset, pattern: re.Pattern[bytes]) -> None:
        self._asset = asset
        self._pattern = pattern
        self._piece = b""
        self._base = 0
        self._wanted = 4096
        self.restarts = 0

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
            self.restarts += sum(map(self._piece.count, _RESTARTS))
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
    embedding: Embedding
    sequence: int = 0
    spans: list[tuple[int, int]] = field(default_factory=list)

    def add(self, offset: int, length: int, sequence: int, skipped: int) -> None:
        """
        Add a further segment; *skipped* bytes of it after its length repeat what an earlier one said.
        """
        start, fault = self.embedding.start, self.embedding.fault
        if self.spans and offset != self.embedding.end:
            fault = "the segments of the manifest store do not follow one another"
        elif self.spans and sequence != self.sequence + 1:
            fault = fault or "the segments of the manifest store are not numbered one after the other"
        data = offset + _SEGMENT_HEADER_BYTES + skipped
        end = offset + _MARKER_BYTES + length
        self.embedding = Embedding(start, end - start, fault)
        self.sequence = sequence
        self.spans.append((data, max(0, end - data)))


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
        Add an APP11 segment: where its marker stands, and the length it states.
        """
        content = offset + _SEGMENT_HEADER_BYTES
        head = self._asset.read_at(content, min(length - 2, _HEAD_BYTES))
        if len(head) <= _SEGMENT_PREFIX_BYTES * 2:
            return
        instance, sequence = head[2:4], int.from_bytes(head[4:8], "big")
        kind, header_bytes = _classify(head[_SEGMENT_PREFIX_BYTES:])
        box = self._open.get(instance)
        in_store = box is not None and box.kind is _BoxKind.STORE
        if not (in_store or kind is _BoxKind.STORE or head.startswith(b"JP")):
            return
        skipped = _SEGMENT_PREFIX_BYTES
        if box is None or _begins_anew(kind, sequence, box):
            box = self._open[instance] = _Box(kind, header_bytes, Embedding(offset, 0))
            self._boxes.append(box)
        else:
            skipped += box.header_bytes
        box.add(offset, length, sequence, skipped)

    def stores(self) -> list[_Box]:
        """
        Return each manifest store; if there is none, each box too damaged to tell.
        """
        for kind in (_BoxKind.STORE, _BoxKind.UNKNOWN):
            stores = [box for box in self._boxes if box.kind is kind]
            if stores:
                return stores
        return []


def _begins_anew(kind: _BoxKind, sequence: int, box: _Box) -> bool:
    """
    Return whether a segment of *kind* begins another box under the instance number of *box*.

    Bytes out of sequence that begin no box are left where they stand: the verdict has to see them.
    """
    if sequence <= box.sequence:
        return kind is not _BoxKind.UNKNOWN
    return kind is _BoxKind.STORE and box.kind is not _BoxKind.STORE


def _classify(box: bytes) -> tuple[_BoxKind, int]:
    """
    Find out from a box's first bytes what it is, and how long the header is that its segments repeat.
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
