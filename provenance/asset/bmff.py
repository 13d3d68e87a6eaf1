"""
AVIF, HEIC and other HEIF: boxes of the ISO base media file format.

The manifest store lies in a `uuid` box at the top level. Boxes inside others are looked at only where a
bound or a hard binding needs it, and only those that the engine looks into.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from provenance.asset.asset import Asset
from provenance.asset.layout import Embedding, Findings, Layout, too_many_chunks
from provenance.asset.limits import Limits
from provenance.errors import AssetTooLargeError, MalformedAssetError

MAX_BOXES_WITH_STORE = 2048

_BOX_HEADER = struct.Struct(">I4s")
_LARGE_HEADER_BYTES = 16
_USER_TYPE_BYTES = 16
_FAR_BYTES = 16 * 1024
_NEAR_WINDOW_BYTES = 64 * 1024
_FAR_WINDOW_BYTES = 512
_PURPOSE_BYTES = 64
_MERKLE_OFFSET_BYTES = 8
_MAX_DEPTH = 32
_MAX_META_BYTES = 1024 * 1024
_MAX_PROPERTIES = 1024

_C2PA = bytes.fromhex("d8fec3d6 1b0e 483c 9297 5828877ec481")
_XMP = bytes.fromhex("be7acfcb 97a9 42e8 9c71 999491e3afac")

_CONTAINERS = frozenset(
    (
        *(b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf", b"edts"),
        *(b"udta", b"dinf", b"tref", b"treg", b"mvex", b"mfra", b"meta", b"schi"),
    )
)
_FULL_BOXES = frozenset(
    (
        *(b"pdin", b"mvhd", b"tkhd", b"mdhd", b"hdlr", b"nmhd", b"elng", b"stsd", b"stdp", b"stts"),
        *(b"ctts", b"cslg", b"stss", b"stsh", b"elst", b"dref", b"stsz", b"stz2", b"stsc", b"stco"),
        *(b"co64", b"padb", b"subs", b"saiz", b"saio", b"mehd", b"trex", b"mfhd", b"tfhd", b"trun"),
        *(b"tfra", b"mfro", b"tfdt", b"leva", b"trep", b"assp", b"sbgp", b"sgpd", b"csgp", b"cprt"),
        *(b"tsel", b"kind", b"xml ", b"bxml", b"iloc", b"pitm", b"ipro", b"infe", b"iinf", b"iref"),
        *(b"ipma", b"schm", b"fiin", b"fpar", b"fecr", b"gitn", b"fire", b"stri", b"stsg", b"stvi"),
        *(b"csch", b"sidx", b"ssix", b"prft", b"srpp", b"vmhd", b"smhd", b"srat", b"chnl", b"dmix"),
        *(b"txtC", b"mime", b"uri ", b"uriI", b"hmhd", b"sthd", b"vvhd", b"medc", b"meta"),
    )
)


class BmffBox(NamedTuple):
    """
    One box of an ISO base media file.

    Attributes:
        path: Types of the boxes around it and its own, such as "/meta/iloc".

        start: Its first byte.

        length: Its bytes, header included.

        header: Bytes before its payload; version and flags count as payload.

        version: Of a full box; None for others.

        flags: Likewise.
    """

    path: str
    start: int
    length: int
    header: int
    version: int | None = None
    flags: int | None = None

    @property
    def end(self) -> int:
        """
        The byte after it.
        """
        return self.start + self.length


class BoxDamageError(Exception):
    """
    Boxes do not follow one another. Never leaves the library.
    """


class _Store(NamedTuple):
    """
    One box of content credentials: its purpose, its span, and where the store lies in it.
    """

    purpose: bytes
    start: int
    length: int
    data: tuple[int, int]


def scan_bmff(asset: Asset, limits: Limits) -> Layout:
    """
    Walk the boxes at the top level, and past them only if there is a manifest store.

    Raises:
        AssetTooLargeError: If there are too many boxes; with a store, inside others as well.

    Source:
        ISO/IEC 14496-12, section 4.2; C2PA 2.4, "Embedding manifests into BMFF-based assets".
    """
    found, stores, meta = Findings(limits), list[_Store](), None
    try:
        for count, (kind, start, header, length) in enumerate(_boxes(asset, 0, asset.size)):
            if count >= limits.max_chunks:
                raise too_many_chunks(limits)
            if kind == b"uuid":
                _read_user_box(asset, (start, header, length), found, stores)
            elif kind == b"meta" and meta is None:
                meta = start, header, length
    except BoxDamageError as error:
        found.damage = str(error)
    for store in stores:
        found.add_store(asset, (store.data,))
    if stores:
        count_boxes(asset, limits)
    elif found.damage is not None:
        raise MalformedAssetError(found.damage)
    width, height = _dimensions(asset, *meta) if meta is not None else (None, None)
    return Layout(*_joined(found.stores, stores), width=width, height=height, xmp=found.xmp or None)


def count_boxes(asset: Asset, limits: Limits) -> None:
    """
    Make sure that the engine is not given more boxes than it reads in a fraction of a second.

    Its time grows with the square of their number. What is damaged is left for it to refuse.
    """
    most = min(MAX_BOXES_WITH_STORE, limits.max_chunks)
    try:
        for count, _ in enumerate(tree(asset)):
            if count >= most:
                raise AssetTooLargeError("chunks beside a manifest store", count + 1, most)
    except BoxDamageError:
        return


def tree(asset: Asset) -> Iterator[BmffBox]:
    """
    Yield each box at the top level and inside those the engine looks into, outer ones first.

    The caller has to bound it.

    Raises:
        BoxDamageError: Where boxes no longer follow one another, or are nested deeper than the engine
            allows.
    """
    stack = [("", _boxes(asset, 0, asset.size))]
    while stack:
        around, boxes = stack[-1]
        found = next(boxes, None)
        if found is None:
            stack.pop()
            continue
        kind, start, header, length = found
        path = f"{around}/{kind.decode('latin-1')}"
        full = _is_full(asset, kind, start + header, length)
        state = (
            asset.read_at(start + header + (_USER_TYPE_BYTES if kind == b"uuid" else 0), 4) if full else b""
        )
        if len(state) == 4:  # noqa: PLR2004 - version and flags
            yield BmffBox(path, start, length, header, state[0], int.from_bytes(state[1:], "big"))
        else:
            yield BmffBox(path, start, length, header)
        if kind in _CONTAINERS:
            if len(stack) >= _MAX_DEPTH:
                message = f"boxes are nested deeper than {_MAX_DEPTH}"
                raise BoxDamageError(message)
            inner = start + header + (4 if full else 0)
            stack.append((path, _boxes(asset, inner, start + length, nested=True)))


def _boxes(
    asset: Asset, offset: int, end: int, *, nested: bool = False
) -> Iterator[tuple[bytes, int, int, int]]:
    """
    Yield type, first byte, header bytes and length of the boxes from *offset* to *end*.

    A size of 0 means that a box reaches to the end of the file, and ends the walk; inside another box
    it means nothing, and the engine goes on behind such a header.

    Raises:
        BoxDamageError: If a box does not fit.
    """
    unpack = _BOX_HEADER.unpack_from
    window, base, last, length = b"", offset, -1, 0
    while offset < end:
        if offset - base > last:
            # Small boxes are many: there one large read costs less than one read for each.
            near = 0 < length <= _FAR_BYTES and offset > base
            window = asset.read_at(offset, _NEAR_WINDOW_BYTES if near else _FAR_WINDOW_BYTES)
            base, last = offset, len(window) - 8
            if last < 0:
                message = f"the file ends at byte {asset.size:,}, within the header of a box"
                raise BoxDamageError(message)
        length, kind = unpack(window, offset - base)
        header = 8
        if length == 1:
            header = _LARGE_HEADER_BYTES
            length = int.from_bytes(asset.read_at(offset + 8, 8), "big")
        elif length == 0 and nested:
            offset += 8
            continue
        elif length == 0:
            length = end - offset
        if length < header or offset + length > end:
            message = f"the box at byte {offset:,} does not fit in what is around it"
            raise BoxDamageError(message)
        yield kind, offset, header, length
        offset += length


def _is_full(asset: Asset, kind: bytes, offset: int, length: int) -> bool:
    """
    Return whether version and flags follow a box's header.

    QuickTime's `meta` has none; the engine takes it for that where its first bytes look like a box.
    """
    if kind == b"uuid":
        return asset.read_at(offset, _USER_TYPE_BYTES) == _C2PA
    if kind != b"meta":
        return kind in _FULL_BOXES
    head = asset.read_at(offset, 8)
    size = int.from_bytes(head[:4], "big")
    is_type = all(0x20 <= byte <= 0x7E for byte in head[4:])  # noqa: PLR2004 - printable ASCII
    return not (len(head) == 8 and 0 < size <= length and is_type)  # noqa: PLR2004 - size and type


def _read_user_box(asset: Asset, box: tuple[int, int, int], found: Findings, stores: list[_Store]) -> None:
    """
    Note a box of content credentials, or take the XMP packet out of one.

    The engine knows none with a header of 16 bytes; such a store is noted all the same.
    """
    start, header, length = box
    user_type = asset.read_at(start + header, _USER_TYPE_BYTES)
    payload, end = start + header + _USER_TYPE_BYTES, start + length
    if user_type == _XMP and payload <= end:
        found.add_xmp(asset, payload, end - payload)
    if user_type != _C2PA:
        return
    head = asset.read_at(payload + 4, max(0, min(_PURPOSE_BYTES, end - payload - 4)))
    purpose, ended, _ = head.partition(b"\x00")
    if purpose in (b"manifest", b"original", b"update") or not ended:
        data = payload + 4 + len(purpose) + len(ended) + _MERKLE_OFFSET_BYTES
        stores.append(_Store(purpose, start, length, (data, max(0, end - data))))


def _joined(stores: list[bytes], boxes: list[_Store]) -> tuple[tuple[bytes, ...], Embedding | None]:
    """
    Join a store with the update manifests behind it into the one store that both are.

    Returns:
        All stores, and where the only one lies; of a joined one, where its first part does.
    """
    by_purpose = {box.purpose: data for box, data in zip(boxes, stores, strict=True)}
    if len(boxes) == 2 and by_purpose.keys() == {b"original", b"update"}:  # noqa: PLR2004 - both
        joined = _with_manifests(by_purpose[b"original"], by_purpose[b"update"])
        if joined is not None:
            original = next(box for box in boxes if box.purpose == b"original")
            return (joined,), Embedding(original.start, original.length)
    if len(boxes) == 1:
        fault = None if boxes[0].purpose == b"manifest" else "its box is not one of the purpose 'manifest'"
        return tuple(stores), Embedding(boxes[0].start, boxes[0].length, fault)
    return tuple(stores), None


def _with_manifests(store: bytes, update: bytes) -> bytes | None:
    """
    Append the manifests of *update* to *store*; None if either is not a plain superbox.
    """
    for part in (store, update):
        if int.from_bytes(part[:4], "big") != len(part) or part[4:8] != b"jumb" or part[12:16] != b"jumd":
            return None
    behind = 8 + int.from_bytes(update[8:12], "big")
    if behind > len(update):
        return None
    manifests = update[behind:]
    return (len(store) + len(manifests)).to_bytes(4, "big") + store[4:] + manifests


def _dimensions(asset: Asset, start: int, header: int, length: int) -> tuple[int | None, int | None]:
    """
    Read the extent of the primary item; of the first item that has one where that is not said.

    Source:
        ISO/IEC 14496-12, "Primary item box"; ISO/IEC 23008-12, "Image spatial extents".
    """
    if length > _MAX_META_BYTES:
        return None, None
    data = asset.read_at(start + header, length - header)
    primary, properties, associations = b"", b"", b""
    for kind, payload in _inside(data, 4):
        if kind == b"pitm":
            primary = payload[4:8] if payload[:1] == b"\x01" else payload[4:6]
        elif kind == b"iprp":
            for inner, content in _inside(payload, 0):
                if inner == b"ipco":
                    properties = content
                elif inner == b"ipma":
                    associations = content
    extents: dict[int, bytes] = {
        index: payload
        for index, (kind, payload) in enumerate(_inside(properties, 0), 1)
        if kind == b"ispe" and len(payload) == 12  # noqa: PLR2004 - version and flags, width, height
    }
    wanted = _associated(associations, int.from_bytes(primary, "big"))
    chosen = next((extents[index] for index in wanted if index in extents), None)
    chosen = chosen or next(iter(extents.values()), b"")
    return int.from_bytes(chosen[4:8], "big") or None, int.from_bytes(chosen[8:12], "big") or None


def _inside(data: bytes, offset: int) -> Iterator[tuple[bytes, bytes]]:
    """
    Yield type and payload of the boxes in *data*, as far as they follow one another.
    """
    for _ in range(_MAX_PROPERTIES):
        length = int.from_bytes(data[offset : offset + 4], "big")
        if length < 8 or offset + length > len(data):  # noqa: PLR2004 - a header
            return
        yield data[offset + 4 : offset + 8], data[offset + 8 : offset + length]
        offset += length


def _associated(data: bytes, item: int) -> Iterator[int]:
    """
    Yield the indices of an item's properties.

    Source:
        ISO/IEC 23008-12, "Item property association".
    """
    id_bytes = 4 if data[:1] > b"\x00" else 2
    index_bytes = 2 if data[3:4] and data[3] & 1 else 1
    offset = 8
    for _ in range(min(int.from_bytes(data[4:8], "big"), _MAX_PROPERTIES)):
        count = int.from_bytes(data[offset + id_bytes : offset + id_bytes + 1], "big")
        if int.from_bytes(data[offset : offset + id_bytes], "big") == item:
            start = offset + id_bytes + 1
            for at in range(start, start + count * index_bytes, index_bytes):
                essential = 0x8000 if index_bytes == 2 else 0x80  # noqa: PLR2004 - bytes
                yield int.from_bytes(data[at : at + index_bytes], "big") & ~essential
            return
        offset += id_bytes + 1 + count * index_bytes
