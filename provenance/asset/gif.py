"""
GIF: blocks up to the first image, and past it only where there is a manifest store.
"""

from __future__ import annotations

from provenance.asset.asset import Asset
from provenance.asset.layout import Embedding, Findings, Layout, Part, too_many_chunks
from provenance.asset.limits import Limits
from provenance.errors import AssetTooLargeError

_MAX_BLOCKS_WITH_STORE = 4096
_MAX_SUB_BLOCKS_WITH_STORE = 65_536
_SUB_BLOCKS_PER_CHUNK = 16
_SCREEN_END = 13
_WINDOW_BYTES = 2048
_MAX_WINDOW_BYTES = 1024 * 1024
_TABLE_FLAG, _TABLE_SIZE = 0x80, 0x07
_EXTENSION, _IMAGE, _TRAILER = b"\x21", b"\x2c", b"\x3b"
_APPLICATION, _PLAIN_TEXT, _GRAPHIC_CONTROL = 0xFF, 0x01, 0xF9
_DESCRIPTOR_BYTES = 10
_STORE = b"\x0bC2PA_GIF\x01\x00\x00"
_XMP = b"\x0bXMP DataXMP"
_XMP_TRAILER_BYTES = 258


def scan_gif(asset: Asset, limits: Limits) -> Layout:
    """
    Walk the blocks to the first image, and past it only if there is a manifest store.

    Raises:
        AssetTooLargeError: If there are too many blocks, fewer before a store or an image.

    Source:
        GIF89a specification; C2PA 2.4, "Embedding manifests into GIF" and "General boxes hash".
    """
    found, walk = Findings(limits), _Walk(asset, limits)
    screen = asset.read_at(0, _SCREEN_END)
    found.set_dimensions(int.from_bytes(screen[6:8], "little"), int.from_bytes(screen[8:10], "little"))
    walk.to_image(found)
    stores = {part.start: part for part in walk.stores}
    if walk.is_ambiguous:
        # The engine takes other lengths for some blocks, and may come upon a store where none is.
        misread = _Walk(asset, limits, as_engine=True)
        misread.to_image(Findings(limits))
        stores |= {part.start: part for part in misread.stores}
    for part in stores.values():
        _add_store(asset, part, found)
    layout = found.layout(None)
    if not stores:
        return layout
    walk.check_beside_store(limits)
    trailing = None if found.damage else walk.to_end()
    only = next(iter(stores.values())) if len(stores) == 1 else None
    embedding = Embedding(only.start, only.length) if only is not None else None
    return layout._replace(embedding=embedding, parts=tuple(walk.parts), trailing_bytes=trailing)


def _table_bytes(packed: bytes) -> int:
    """
    Compute how long the colour table is that a packed field announces; 0 for none.
    """
    if not packed or not packed[0] & _TABLE_FLAG:
        return 0
    return 3 << ((packed[0] & _TABLE_SIZE) + 1)


def _add_store(asset: Asset, part: Part, found: Findings) -> None:
    """
    Read a store out of the sub-blocks of its application extension.
    """
    offset = part.start + 2 + len(_STORE)
    # In sub-blocks of one byte a store takes twice its size.
    store = _joined(asset.read_at(offset, min(part.end - offset, 2 * found.limits.max_store_bytes + 2)))
    found.require_room(len(store))
    found.stores.append(store)


def _joined(data: bytes) -> bytes:
    """
    Join the sub-blocks that *data* begins with.
    """
    parts, at = [], 0
    while at < len(data) and data[at]:
        parts.append(data[at + 1 : at + 1 + data[at]])
        at += 1 + data[at]
    return b"".join(parts)


class _Walk:
    """
    Walks blocks, reading pieces that grow.

    Attributes:
        parts: What was walked, under the names that a hash over boxes uses.

        stores: Those of them that hold a manifest store.

        is_ambiguous: Whether there was a block that the engine measures otherwise.
    """

    __slots__ = (
        "_as_engine",
        "_asset",
        "_base",
        "_limits",
        "_offset",
        "_sub_blocks",
        "_wanted",
        "_window",
        "is_ambiguous",
        "parts",
        "stores",
    )

    def __init__(self, asset: Asset, limits: Limits, *, as_engine: bool = False) -> None:
        self._asset = asset
        self._limits = limits
        self._as_engine = as_engine
        self._window = b""
        self._base = 0
        self._wanted = _WINDOW_BYTES
        self._offset = 0
        self._sub_blocks = 0
        self.parts: list[Part] = []
        self.stores: list[Part] = []
        self.is_ambiguous = False

    def to_image(self, found: Findings) -> None:
        """
        Walk from the beginning to the first image, the trailer, or what is no block.
        """
        table = _table_bytes(self._asset.read_at(10, 1))
        for name, length in (("GIF89a", 6), ("LSD", 7), ("GCT", table)):
            self._advance(name, length)
        while True:
            start = self._offset
            head = self._head()
            if head[:1] in (_IMAGE, _TRAILER):
                return
            if len(head) < 2 or head[:1] != _EXTENSION:  # noqa: PLR2004 - introducer and label
                found.damage = f"there is no block of a GIF file at byte {start:,}"
                return
            whole = self._skip_extension(head)
            if head[2 : 2 + len(_XMP)] == _XMP and head[1] == _APPLICATION and whole:
                self._add_xmp(start, found)
            if not whole:
                found.damage = f"the file ends at byte {self._asset.size:,}, within a block"
                return

    def to_end(self) -> int | None:
        """
        Walk on to the trailer.

        Returns:
            How many bytes are behind it; None if there is none.
        """
        while True:
            head = self._head()
            if head[:1] == _TRAILER:
                self._advance("3B", 1)
                return self._asset.size - self._offset
            if head[:1] == _IMAGE:
                self._advance("2C", _DESCRIPTOR_BYTES)
                self._advance("LCT", _table_bytes(head[9:10]))
                start = self._offset
                self._offset += 1
                whole = self._skip_sub_blocks()
                self.parts.append(Part("TBID", start, self._offset - start))
            else:
                whole = head[:1] == _EXTENSION and len(head) > 1 and self._skip_extension(head)
            if not whole:
                return None

    def check_beside_store(self, limits: Limits) -> None:
        """
        Make sure that the engine is not given more blocks than it reads in a fraction of a second.
        """
        most = min(_MAX_BLOCKS_WITH_STORE, limits.max_chunks)
        if len(self.parts) > most:
            raise AssetTooLargeError("chunks beside a manifest store", len(self.parts), most)
        most = _MAX_SUB_BLOCKS_WITH_STORE
        if self._sub_blocks > most:
            raise AssetTooLargeError("sub-blocks beside a manifest store", self._sub_blocks, most)

    def _advance(self, name: str, length: int) -> None:
        if length:
            self.parts.append(Part(name, self._offset, length))
            self._offset += length

    def _head(self) -> bytes:
        if len(self.parts) >= self._limits.max_chunks:
            raise too_many_chunks(self._limits)
        self._fill(_DESCRIPTOR_BYTES + len(_STORE))
        at = self._offset - self._base
        return self._window[at : at + _DESCRIPTOR_BYTES + len(_STORE)]

    def _fill(self, needed: int) -> None:
        if self._offset + needed > self._base + len(self._window) or self._offset < self._base:
            self._window = self._asset.read_at(self._offset, self._wanted)
            self._base = self._offset
            self._wanted = min(self._wanted * 2, _MAX_WINDOW_BYTES)

    def _skip_extension(self, head: bytes) -> bool:
        """
        Skip an extension; tell whether the file holds all of it.
        """
        start, label, size = self._offset, head[1], head[2:3]
        is_text, is_control = label == _PLAIN_TEXT, label == _GRAPHIC_CONTROL
        ambiguous = is_text or (is_control and size != b"\x04")
        self.is_ambiguous |= ambiguous
        self._offset += 2
        if ambiguous and self._as_engine:
            self._offset += 11 if is_text else 6
        whole = (is_control and ambiguous and self._as_engine) or self._skip_sub_blocks()
        is_store = label == _APPLICATION and head[2 : 2 + len(_STORE)] == _STORE
        self.parts.append(Part("C2PA" if is_store else f"21{label:02X}", start, self._offset - start))
        if is_store:
            self.stores.append(self.parts[-1])
        return whole

    def _skip_sub_blocks(self) -> bool:
        """
        Skip sub-blocks and the empty one behind them; tell whether the file holds them all.
        """
        size = self._asset.size
        while self._offset < size:
            self._fill(1)
            window, last = self._window, len(self._window)
            at, count = self._offset - self._base, 0
            while at < last and (length := window[at]):
                at += 1 + length
                count += 1
            self._offset = self._base + at
            self._sub_blocks += count
            if self._sub_blocks > self._limits.max_chunks * _SUB_BLOCKS_PER_CHUNK:
                raise too_many_chunks(self._limits)
            if at < last:
                self._offset += 1
                return True
        return False

    def _add_xmp(self, start: int, found: Findings) -> None:
        first = start + 2 + len(_XMP)
        length = self._offset - first
        if not _XMP_TRAILER_BYTES < length <= found.limits.max_xmp_bytes or found.xmp_seen:
            return
        found.xmp_seen = True
        data = self._asset.read_at(first, length)
        # Adobe does not cut the packet into sub-blocks: a trailer makes its bytes look as if it were.
        if data[:1] in (b"<", b"\xef"):
            found.xmp = data[:-_XMP_TRAILER_BYTES]
        else:
            found.xmp = _joined(data)[: 1 - _XMP_TRAILER_BYTES]
