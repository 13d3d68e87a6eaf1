"""
What the headers of a container say, and what a walk collects on its way there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from provenance.asset.asset import Asset
from provenance.asset.limits import Limits
from provenance.errors import AssetTooLargeError, MalformedAssetError


class Part(NamedTuple):
    """
    One box, chunk or segment of a container, as a hash over boxes names it.

    Attributes:
        name: Such as "IHDR" (PNG), "APP1" (JPEG), or "C2PA" for what embeds the manifest store.

        start: Its first byte.

        length: Its bytes, headers and checksum included.
    """

    name: str
    start: int
    length: int

    @property
    def end(self) -> int:
        """
        The byte after it.
        """
        return self.start + self.length


class Embedding(NamedTuple):
    """
    Where the only manifest store lies in its container.

    Attributes:
        start: First byte of what embeds it, headers included.

        length: Bytes up to the end of what embeds it: what a data hash has to exclude, and no more.

        fault: What is wrong with how it is embedded, such as segments that do not follow one another;
            None if nothing is.

        size_field: First byte and length of the field elsewhere that states the store's size, which a
            data hash may leave out as well (TIFF); None where there is no such field. What it says is
            settled by the span that the data hash excludes.
    """

    start: int
    length: int
    fault: str | None = None
    size_field: tuple[int, int] | None = None

    @property
    def end(self) -> int:
        """
        The byte after it.
        """
        return self.start + self.length


class Layout(NamedTuple):
    """
    What the headers of a container say.

    Attributes:
        stores: Each manifest store as embedded, taken out of its chunk or segments, in file order;
            usually none or one.

        embedding: Where the store lies; None unless there is exactly one.

        parts: Boxes of the container from first to last, as a hash over boxes names them; empty where
            there is no store, and for containers that are not bound by boxes.

        trailing_bytes: Bytes after the container's end; None if that was not measured.

        width: Pixels across as the header says, before any rotation; None if it does not say.

        height: Pixels down, likewise.

        xmp: XMP packet; None if there is none or it is larger than allowed.
    """

    stores: tuple[bytes, ...] = ()
    embedding: Embedding | None = None
    parts: tuple[Part, ...] = ()
    trailing_bytes: int | None = None
    width: int | None = None
    height: int | None = None
    xmp: bytes | None = None

    @property
    def store_found(self) -> bool:
        """
        Whether there is a manifest store, or what is left of one.
        """
        return bool(self.stores)


@dataclass(slots=True)
class Findings:
    """
    What a walk has come across so far.
    """

    limits: Limits
    stores: list[bytes] = field(default_factory=list)
    embeddings: list[Embedding] = field(default_factory=list)
    store_bytes: int = 0
    xmp: bytes | None = None
    xmp_seen: bool = False
    width: int | None = None
    height: int | None = None
    damage: str | None = None

    def add_store(
        self, asset: Asset, spans: Iterable[tuple[int, int]], embedding: Embedding | None = None
    ) -> None:
        """
        Read a store from its (offset, length) spans, unless that is more than allowed.
        """
        spans = tuple(spans)
        self.require_room(sum(length for _, length in spans))
        self.stores.append(b"".join(asset.read_at(offset, length) for offset, length in spans))
        if embedding is not None:
            self.embeddings.append(embedding)

    def require_room(self, store_bytes: int) -> None:
        """
        Count the bytes of a further store.

        Raises:
            AssetTooLargeError: If they are more than allowed, over all stores.
        """
        self.store_bytes += store_bytes
        if self.store_bytes > self.limits.max_store_bytes:
            raise AssetTooLargeError("manifest store bytes", self.store_bytes, self.limits.max_store_bytes)

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

    def layout(self, trailing_bytes: int | None, parts: Iterable[Part] = ()) -> Layout:
        """
        Conclude the walk.

        Args:
            trailing_bytes: As a layout has them.

            parts: As a layout has them; looked at only where there is one store.

        Raises:
            MalformedAssetError: If there was damage and no store.
        """
        if self.damage is not None and not self.stores:
            raise MalformedAssetError(self.damage)
        single = len(self.stores) == 1
        return Layout(
            stores=tuple(self.stores),
            embedding=self.embeddings[0] if single and self.embeddings else None,
            parts=tuple(parts) if single else (),
            trailing_bytes=trailing_bytes,
            width=self.width,
            height=self.height,
            xmp=self.xmp or None,
        )


def too_many_chunks(limits: Limits) -> AssetTooLargeError:
    """
    Make the error for more chunks or segments than allowed.
    """
    return AssetTooLargeError("chunks", limits.max_chunks + 1, limits.max_chunks)
