"""
What a BMFF hash covers: its exclusions held against the boxes of the file, and the item locations.

Item locations may stand outside the hash, because they change when the manifest store grows. So the
bytes they point at have to be bound, or any picture could be shown out of the store's own box.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, cast

from provenance.asset.asset import Asset
from provenance.asset.bmff import MAX_BOXES_WITH_STORE, BmffBox, BoxDamageError, tree
from provenance.asset.layout import Layout
from provenance.errors import AssetTooLargeError
from provenance.validation.hard_binding.coverage import Coverage

_MISMATCH = "assertion.bmffHash.mismatch"
_MAX_EXCLUSIONS = 64
_MAX_LOCATIONS = 65_536
_MAX_META_BYTES = 4 * 1024 * 1024
_STORE, _ITEMS, _LOCATIONS, _ITEM_DATA = "/uuid", "/meta/iinf", "/meta/iloc", "/meta/idat"
_BRANDS, _DATA = "/ftyp", ("/mdat", _ITEM_DATA)
_CONTENTS = frozenset(("/meta", "/mini", "/moov"))
_MAX_BRANDS = 32
_IN_FILE, _IN_ITEM_DATA, _IN_ITEM = 0, 1, 2

Spans = list[tuple[int, int]]


class _UnreadableError(Exception):
    """
    The assertion or a box is not of a form that can be judged. Never leaves this module.
    """


class _Extent(NamedTuple):
    """
    A piece of an item: where it says it lies, and how.
    """

    item: int
    method: int
    start: int
    length: int
    elsewhere: bool


def bmff_hash_coverage(asset: Asset, layout: Layout, assertion: Mapping[str, object]) -> Coverage:
    """
    Hold a hash over boxes of the ISO base media file format against the file.

    Nothing is hashed here. Left out free of charge are the box of the manifest store; `/ftyp`, which every
    such hash leaves out, if it lists brands and they do not choose between contents; and `/meta/iloc` if the
    only item takes up all the data there are, so that its place is known. Every other byte left out
    counts.

    Args:
        asset: The asset, open.

        layout: What the walk of its boxes found.

        assertion: The decoded `c2pa.hash.bmff.v2` or later; hostile. Version 1 does not cover where boxes
            lie, so that what moves may be shown otherwise.

    Returns:
        The coverage. Bytes that no hash covers are not told for hashes over trees (`merkle`), and
        where something is not of a form that this knows.

    Raises:
        AssetTooLargeError: If there are more boxes, exclusions or item locations than the engine or
            this judge in a fraction of a second.

    Source:
        C2PA 2.4, "BMFF-based hash"; ISO/IEC 14496-12, "Item location box".
    """
    try:
        boxes = _boxes(asset)
        exclusions = _exclusions(assertion)
        excluded = [
            (box, span) for exclusion in exclusions for box, span in _matches(asset, boxes, exclusion)
        ]
        left_out = _union(span for _, span in excluded)
        stored = [(layout.embedding.start, layout.embedding.end)] if layout.embedding is not None else []
        fault = _misplaced(asset, boxes, _union([*left_out, *stored]))
        free = _union(span for box, span in excluded if _is_free(asset, boxes, layout, box))
    except (_UnreadableError, BoxDamageError):
        return Coverage()
    faults = ((_MISMATCH, fault),) if fault is not None else ()
    if assertion.get("merkle") is not None:
        return Coverage(None, faults)
    return Coverage(_size(left_out) - _size(free), faults, beyond_end=True)


def _boxes(asset: Asset) -> list[BmffBox]:
    found: list[BmffBox] = []
    for box in tree(asset):
        found.append(box)
        if len(found) > MAX_BOXES_WITH_STORE:
            raise AssetTooLargeError("chunks beside a manifest store", len(found), MAX_BOXES_WITH_STORE)
    return found


# --- exclusions -----------------------------------------------------------------------------------


def _exclusions(assertion: Mapping[str, object]) -> list[Mapping[str, object]]:
    """
    Read the exclusions of an assertion, after their number has been bounded.
    """
    listed = assertion.get("exclusions")
    if not isinstance(listed, list | tuple):
        raise _UnreadableError
    count = 0
    for entry in listed:
        if not isinstance(entry, Mapping):
            raise _UnreadableError
        parts = (entry.get("data"), entry.get("subset"))
        if any(part is not None and not isinstance(part, list | tuple) for part in parts):
            raise _UnreadableError
        count += 1 + sum(len(part) for part in parts if isinstance(part, list | tuple))
        if count > _MAX_EXCLUSIONS:
            raise AssetTooLargeError("exclusions of a BMFF hash", count, _MAX_EXCLUSIONS)
    return [cast("Mapping[str, object]", entry) for entry in listed]


def _matches(
    asset: Asset, boxes: list[BmffBox], exclusion: Mapping[str, object]
) -> Iterator[tuple[BmffBox, tuple[int, int]]]:
    """
    Yield each box that an exclusion is about, with each span of it that is left out.
    """
    path = exclusion.get("xpath")
    if not isinstance(path, str) or "[" in path:
        raise _UnreadableError
    for box in boxes:
        if box.path == path and _applies(asset, box, exclusion):
            for offset, length in _subset(box, exclusion.get("subset")):
                yield box, (box.start + offset, box.start + offset + length)


def _applies(asset: Asset, box: BmffBox, exclusion: Mapping[str, object]) -> bool:
    length, version, data = (exclusion.get(key) for key in ("length", "version", "data"))
    if length is not None and _number(length) != box.length:
        return False
    if version is not None and box.version is not None and _number(version) != box.version:
        return False
    if not _flags_match(box, exclusion.get("flags"), exclusion.get("exact")):
        return False
    for entry in data if isinstance(data, list | tuple) else ():
        if not isinstance(entry, Mapping) or not isinstance(value := entry.get("value"), bytes):
            raise _UnreadableError
        if asset.read_at(box.start + _number(entry.get("offset")), len(value)) != value:
            return False
    return True


def _flags_match(box: BmffBox, flags: object, exact: object) -> bool:
    """
    Return whether a box has the flags wanted, by the specification or as the engine reads them.

    The engine takes three bytes of flags for the upper ones of four. What either leaves out counts.
    """
    if flags is None or box.flags is None:
        return True
    if not isinstance(flags, bytes) or not (exact is None or isinstance(exact, bool)):
        raise _UnreadableError
    wanted = int.from_bytes(flags[:3], "big")
    if exact is False:
        return box.flags & wanted == wanted or (wanted << 8) | box.flags == wanted << 8
    return box.flags in (wanted, wanted << 8)


def _subset(box: BmffBox, subset: object) -> Iterator[tuple[int, int]]:
    """
    Yield offset and length of each part of a box that is left out; of the whole where none is named.
    """
    if subset is None:
        yield 0, box.length
        return
    for entry in subset if isinstance(subset, list | tuple) else ():
        if not isinstance(entry, Mapping):
            raise _UnreadableError
        offset, length = _number(entry.get("offset")), _number(entry.get("length"))
        rest = box.length - offset
        if rest > 0:
            yield offset, min(length or rest, rest)


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _UnreadableError
    return value


def _is_free(asset: Asset, boxes: list[BmffBox], layout: Layout, box: BmffBox) -> bool:
    """
    Return whether a box may stand outside the hash, because what it says is known otherwise.
    """
    if box.path == _STORE:
        return layout.embedding is not None and layout.embedding.start == box.start
    if box.path == _BRANDS:
        return box.start == 0 and _lists_brands(asset, box) and _has_one_content(boxes)
    return box.path == _LOCATIONS and _is_settled(asset, boxes)


def _lists_brands(asset: Asset, box: BmffBox) -> bool:
    """
    Return whether a file type box holds brands, and nothing that only hides there.
    """
    major, minor, others = (
        asset.read_at(box.start + box.header + at, size)
        for at, size in ((0, 4), (4, 4), (8, 4 * _MAX_BRANDS))
    )
    others = others[: max(0, box.length - box.header - 8)]
    is_whole = len(others) == box.length - box.header - 8 and not len(others) % 4
    return is_whole and (major + minor.strip(b"\0") + others).decode("latin-1").isprintable()


def _has_one_content(boxes: list[BmffBox]) -> bool:
    """
    Return whether there is nothing that readers choose between by brand.
    """
    return sum(box.path in _CONTENTS for box in boxes) == 1


def _union(spans: Iterable[tuple[int, int]]) -> Spans:
    joined: Spans = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined


def _size(spans: Spans) -> int:
    return sum(end - start for start, end in spans)


# --- items ----------------------------------------------------------------------------------------


def _misplaced(asset: Asset, boxes: list[BmffBox], left_out: Spans) -> str | None:
    """
    Describe an item that lies in bytes that are not bound; None if all lie where they must.
    """
    starts = [start for start, _ in left_out]
    data = [box for box in boxes if box.path == _ITEM_DATA]
    left = _MAX_LOCATIONS
    for box in boxes:
        for extent in _extents(asset, box) if box.path == _LOCATIONS else ():
            left -= 1
            if left < 0:
                raise AssetTooLargeError("item locations", _MAX_LOCATIONS + 1, _MAX_LOCATIONS)
            span = _placed(asset, extent, data)
            if span is None:
                return f"item {extent.item} does not lie within this file"
            at = bisect_right(starts, span[1] - 1) - 1
            if at >= 0 and left_out[at][1] > span[0]:
                return f"item {extent.item} lies in bytes that the hash does not cover"
    return None


def _placed(asset: Asset, extent: _Extent, data: list[BmffBox]) -> tuple[int, int] | None:
    """
    Find the bytes of an extent; None if they do not lie within the file.

    What is part of another item lies where that one does.
    """
    if extent.elsewhere or extent.method not in (_IN_FILE, _IN_ITEM_DATA, _IN_ITEM):
        return None
    if extent.method == _IN_ITEM:
        return 0, 0
    first, end = 0, asset.size
    if extent.method == _IN_ITEM_DATA:
        if len(data) != 1:
            return None
        first, end = data[0].start + data[0].header, data[0].end
    start = first + extent.start
    stop = start + extent.length if extent.length else end
    return (start, stop) if start < stop <= end else None


def _extents(asset: Asset, box: BmffBox) -> Iterator[_Extent]:
    """
    Yield the extents of an item location box.

    Source:
        ISO/IEC 14496-12, "Item location box".
    """
    reader = _Reader(_payload(asset, box))
    version = reader.number(1)
    reader.number(3)
    sizes = reader.number(2)
    offset_bytes, length_bytes, base_bytes, index_bytes = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    known = all(size in (0, 4, 8) for size in (offset_bytes, length_bytes, base_bytes, index_bytes))
    if version > 2 or not known:  # noqa: PLR2004 - the versions there are
        raise _UnreadableError
    id_bytes = 4 if version == 2 else 2  # noqa: PLR2004 - numbers of items are wider there
    for _ in range(reader.number(id_bytes)):
        item = reader.number(id_bytes)
        method = reader.number(2) & 15 if version else _IN_FILE
        elsewhere = reader.number(2) != 0
        base = reader.number(base_bytes)
        count = reader.number(2)
        if not (offset_bytes or length_bytes or (version and index_bytes)):
            count = min(count, 1)  # all the same, and written in no bytes
        for _ in range(count):
            reader.number(index_bytes if version else 0)
            start = base + reader.number(offset_bytes)
            yield _Extent(item, method, start, reader.number(length_bytes), elsewhere)


def _is_settled(asset: Asset, boxes: list[BmffBox]) -> bool:
    """
    Return whether item locations can say one thing only: that the one item is all the data there are.

    Of several items, locations outside the hash could show one in the place of another, metadata included;
    and of one that may begin or end elsewhere, another picture.
    """
    locations, items, data = (
        [box for box in boxes if box.path in paths] for paths in ((_LOCATIONS,), (_ITEMS,), _DATA)
    )
    if not len(locations) == len(items) == len(data) == 1 or not _has_one_content(boxes):
        return False
    extents = list(_extents(asset, locations[0]))
    if len(extents) != 1 or _item_count(asset, items[0]) != 1:
        return False
    whole = data[0].start + data[0].header, data[0].end
    return _placed(asset, extents[0], [box for box in data if box.path == _ITEM_DATA]) == whole


def _item_count(asset: Asset, box: BmffBox) -> int:
    """
    Read how many items there are.

    Source:
        ISO/IEC 14496-12, "Item information box".
    """
    reader = _Reader(_payload(asset, box))
    version = reader.number(1)
    reader.number(3)
    return reader.number(4 if version else 2)


def _payload(asset: Asset, box: BmffBox) -> bytes:
    size = box.length - box.header
    if size > _MAX_META_BYTES:
        raise AssetTooLargeError("bytes of a box of items", size, _MAX_META_BYTES)
    return asset.read_at(box.start + box.header, size)


class _Reader:
    """
    Reads numbers one after the other.
    """

    __slots__ = ("_data", "offset")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.offset = 0

    def number(self, size: int) -> int:
        """
        Read a number of *size* bytes.
        """
        end = self.offset + size
        if end > len(self._data):
            raise _UnreadableError
        value = int.from_bytes(self._data[self.offset : end], "big")
        self.offset = end
        return value
