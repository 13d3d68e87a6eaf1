"""
TIFF and DNG: image file directories, from the first to the last.

The manifest store lies in the last directory, in older files in the first; those between are looked at
as well, and others only where there is a store.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from provenance.asset.asset import Asset
from provenance.asset.layout import Embedding, Findings, Layout, too_many_chunks
from provenance.asset.limits import Limits
from provenance.errors import AssetTooLargeError

_MAX_ENTRIES_WITH_STORE = 4096
_MAX_LOCATIONS = 262_144
_WIDTH, _HEIGHT, _XMP, _STORE = 256, 257, 700, 0xCD41
_SUB_DIRECTORIES, _EXIF, _GPS = 330, 0x8769, 0x8825
_DATA = ((273, 279), (324, 325), (513, 514))
_WANTED = frozenset((_WIDTH, _HEIGHT, _XMP, _STORE, _SUB_DIRECTORIES, _EXIF, _GPS, *chain(*_DATA)))
_UNDEFINED = 7
_NUMBERS = {3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}


class _Form(NamedTuple):
    """
    How a file writes numbers: order of bytes, size of a directory's count and of offsets, and entries.
    """

    order: str
    count_bytes: int
    offset_bytes: int
    entry: struct.Struct

    def number(self, data: bytes) -> int:
        """
        Read one number.
        """
        return int.from_bytes(data, "little" if self.order == "<" else "big")


class _Entry(NamedTuple):
    """
    One entry of a directory: where it stands, what type of value it has, how many, and which or where.
    """

    start: int
    kind: int
    quantity: int
    value: bytes


class _Directory(NamedTuple):
    """
    One directory, with those of its entries that matter here.
    """

    start: int
    end: int
    size: int
    entries: dict[int, _Entry]
    stores: list[_Entry]
    following: int


class _DamageError(Exception):
    """
    A directory does not fit in the file. Never leaves this module.
    """


def scan_tiff(asset: Asset, limits: Limits) -> Layout:
    """
    Walk the directories, and look at what they point at only if there is a manifest store.

    Raises:
        AssetTooLargeError: If there are too many directories and entries, fewer beside a store.

    Source:
        TIFF 6.0, section 2; C2PA 2.4, "Embedding manifests into TIFF-based assets".
    """
    found, directories, form = Findings(limits), list[_Directory](), _form(asset)
    try:
        for directory in _directories(asset, form, limits):
            directories.append(directory)
    except _DamageError as error:
        found.damage = str(error)
    if directories:
        _describe(asset, form, directories[0].entries, found)
    stores = [entry for directory in directories for entry in directory.stores]
    for entry in stores:
        found.add_store(asset, ((form.number(entry.value), entry.quantity),))
    layout = found.layout(None)
    if not stores:
        return layout
    below = _below(asset, form, directories, limits)
    embedding = _embedding(asset, form, stores[0], [*directories, *below]) if len(stores) == 1 else None
    return layout._replace(embedding=embedding)


def _form(asset: Asset) -> _Form:
    head = asset.read_at(0, 4)
    order = "<" if head.startswith(b"II") else ">"
    if b"+" in head:
        return _Form(order, 8, 8, struct.Struct(order + "HHQ8s"))
    return _Form(order, 2, 4, struct.Struct(order + "HHI4s"))


def _directories(asset: Asset, form: _Form, limits: Limits) -> Iterator[_Directory]:
    """
    Yield the directories that lead to one another.

    Raises:
        _DamageError: If one does not fit in the file, or leads back to one before.
    """
    at, seen, budget = form.number(asset.read_at(form.offset_bytes, form.offset_bytes)), set[int](), 0
    while True:
        if at in seen:
            message = f"the directory at byte {at:,} comes twice"
            raise _DamageError(message)
        seen.add(at)
        directory = _read_directory(asset, form, at, limits)
        budget += 1 + directory.size
        if budget > limits.max_chunks:
            raise too_many_chunks(limits)
        yield directory
        at = directory.following
        if not at:
            return


def _read_directory(asset: Asset, form: _Form, at: int, limits: Limits) -> _Directory:
    first = at + form.count_bytes
    size = form.number(asset.read_at(at, form.count_bytes))
    end = first + size * form.entry.size + form.offset_bytes
    if at < 2 * form.offset_bytes or end > asset.size:
        message = f"the directory at byte {at:,} does not fit in the file"
        raise _DamageError(message)
    if size > limits.max_chunks:
        raise too_many_chunks(limits)
    data = asset.read_at(first, end - first)
    entries: dict[int, _Entry] = {}
    stores: list[_Entry] = []
    listed = form.entry.iter_unpack(data[: -form.offset_bytes])
    for start, (tag, kind, count, value) in zip(range(first, end, form.entry.size), listed, strict=False):
        if tag in _WANTED:
            entries[tag] = _Entry(start, kind, count, value)
            if tag == _STORE:
                stores.append(entries[tag])
    return _Directory(at, end, size, entries, stores, form.number(data[-form.offset_bytes :]))


def _describe(asset: Asset, form: _Form, entries: dict[int, _Entry], found: Findings) -> None:
    """
    Read dimensions and XMP from the first directory.
    """
    width, height = (next(iter(_numbers(asset, form, entries.get(tag), 1)), 0) for tag in (_WIDTH, _HEIGHT))
    found.set_dimensions(width, height)
    xmp = entries.get(_XMP)
    if xmp is not None and xmp.quantity > form.offset_bytes:
        found.add_xmp(asset, form.number(xmp.value), xmp.quantity)


def _numbers(asset: Asset, form: _Form, entry: _Entry | None, most: int) -> tuple[int, ...]:
    """
    Read the whole numbers of an entry; none if they are of another type, not in the file, or over *most*.
    """
    if entry is None or entry.kind not in _NUMBERS or not 0 < entry.quantity <= most:
        return ()
    numbers = struct.Struct(f"{form.order}{entry.quantity}{_NUMBERS[entry.kind]}")
    if numbers.size <= form.offset_bytes:
        return numbers.unpack_from(entry.value)
    data = asset.read_at(form.number(entry.value), numbers.size)
    return numbers.unpack(data) if len(data) == numbers.size else ()


def _below(asset: Asset, form: _Form, directories: Iterable[_Directory], limits: Limits) -> list[_Directory]:
    """
    Read the directories that others point at, as the engine does for each.

    Raises:
        AssetTooLargeError: If all together have more entries than the engine reads in a fraction of a
            second.
    """
    found: list[_Directory] = []
    most = min(_MAX_ENTRIES_WITH_STORE, limits.max_chunks)
    total = 0
    for directory in directories:
        total += 1 + directory.size
        pointers = [entry for tag in (_EXIF, _GPS) if (entry := directory.entries.get(tag))]
        places = [form.number(entry.value) for entry in pointers]
        for at in chain(places, _sub_directories(asset, form, directory.entries.get(_SUB_DIRECTORIES), most)):
            try:
                found.append(_read_directory(asset, form, at, limits))
            except _DamageError:
                total += 1
            else:
                total += 1 + found[-1].size
            if total > most:
                break
        if total > most:
            raise AssetTooLargeError("directories and entries beside a manifest store", total, most)
    return found


def _sub_directories(asset: Asset, form: _Form, entry: _Entry | None, most: int) -> Iterator[int]:
    # The engine takes these for numbers of four bytes, whatever their type; other readers heed it.
    if entry is None:
        return
    count = min(entry.quantity, most + 1)
    yield from _numbers(asset, form, entry._replace(quantity=count), most + 1)
    yield from _numbers(asset, form, entry._replace(kind=4, quantity=count), most + 1)


def _embedding(asset: Asset, form: _Form, entry: _Entry, directories: list[_Directory]) -> Embedding:
    """
    Find out where the store lies, and whether anything else does, too: a data hash leaves those bytes out.
    """
    start = form.number(entry.value)
    end, fault = start + entry.quantity, None
    if entry.kind != _UNDEFINED:
        fault = "its entry is not of the type UNDEFINED"
    elif entry.quantity <= form.offset_bytes or end > asset.size:
        fault = "it does not lie within the file"
    elif start < 2 * form.offset_bytes or any(one.start < end and start < one.end for one in directories):
        fault = "a directory lies within it"
    elif _holds_data(asset, form, start, end, directories):
        fault = "image data lie within it"
    return Embedding(start, entry.quantity, fault, (entry.start + 4, form.offset_bytes))


def _holds_data(asset: Asset, form: _Form, start: int, end: int, directories: list[_Directory]) -> bool:
    """
    Return whether image data that a directory names reach into the bytes from *start* to *end*.
    """
    left = _MAX_LOCATIONS
    for directory in directories:
        for places, lengths in _DATA:
            entry = directory.entries.get(places)
            if entry is None:
                continue
            left -= entry.quantity
            if left < 0:
                raise AssetTooLargeError("strips and tiles", _MAX_LOCATIONS - left, _MAX_LOCATIONS)
            first = _numbers(asset, form, entry, _MAX_LOCATIONS)
            sizes = _numbers(asset, form, directory.entries.get(lengths), _MAX_LOCATIONS)
            if len(sizes) < len(first):
                sizes += (asset.size,) * (len(first) - len(sizes))
            if any(at < end and start < at + size for at, size in zip(first, sizes, strict=False)):
                return True
    return False
