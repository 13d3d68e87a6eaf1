"""
Small AVIF, TIFF, GIF and SVG images made from nothing, signed or not, for tests of their walkers.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

import cbor2

from provenance import authority as made
from provenance.asset.asset import Asset
from provenance.asset.limits import Limits
from provenance.asset.scan import Layout, scan
from provenance.authority import AssertionSpec, Authority

C2PA_USER_TYPE = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
STORE_EXCLUSION: dict[str, object] = {"xpath": "/uuid", "data": [{"offset": 8, "value": C2PA_USER_TYPE}]}
EXCLUSIONS: tuple[dict[str, object], ...] = (
    STORE_EXCLUSION,
    {"xpath": "/ftyp"},
    {"xpath": "/mfra"},
    {"xpath": "/meta/iloc"},
)
GIF_HEAD = b"GIF89a\x01\0\x02\0\0\0\0"
GIF_IMAGE = b",\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;"
PNG = made.plain_png(8, 8, seed=1)
LIMITS = Limits()


def layout_of(data: bytes, limits: Limits = LIMITS) -> Layout:
    """
    Walk bytes in memory.
    """
    return scan(Asset.from_bytes(data, limits), limits)


def a_store(authority: Authority) -> bytes:
    """
    Make a store of one manifest, bound to some other image.
    """
    return made.build_store(made.make_manifest(PNG, made.azure_v2(authority)))


def box(kind: bytes, *parts: bytes) -> bytes:
    """
    Write one box of an ISO base media file.
    """
    body = b"".join(parts)
    return (8 + len(body)).to_bytes(4, "big") + kind + body


def full_box(kind: bytes, *parts: bytes, version: int = 0, flags: int = 0) -> bytes:
    """
    Write a box with version and flags.
    """
    return box(kind, bytes([version]), flags.to_bytes(3, "big"), *parts)


FTYP = box(b"ftyp", b"avif\0\0\0\0avifmif1")


def store_box(store: bytes, purpose: bytes = b"manifest") -> bytes:
    """
    Write the box that embeds a manifest store.
    """
    return box(b"uuid", C2PA_USER_TYPE, bytes(4), purpose, b"\0", bytes(8), store)


def location_box(*extents: tuple[int, int], version: int = 1, method: int = 0, reference: int = 0) -> bytes:
    """
    Write an item location box: one item for each extent, numbered from 1.
    """
    wide = version > 1
    items = b"".join(
        number.to_bytes(4 if wide else 2, "big")
        + (method.to_bytes(2, "big") if version else b"")
        + struct.pack(">HHII", reference, 1, *extent)
        for number, extent in enumerate(extents, 1)
    )
    count = len(extents).to_bytes(4 if wide else 2, "big")
    return full_box(b"iloc", b"\x44\x00", count, items, version=version)


def meta_box(locations: bytes, kinds: Sequence[bytes], *more: bytes) -> bytes:
    """
    Write the metadata of an image of 30 by 20 pixels whose second property is its extent.
    """
    entries = (
        full_box(b"infe", struct.pack(">HH4s", number, 0, kind), b"\0", version=2)
        for number, kind in enumerate(kinds, 1)
    )
    tile = full_box(b"ispe", struct.pack(">II", 8, 8))
    whole = full_box(b"ispe", struct.pack(">II", 30, 20))
    associations = full_box(b"ipma", struct.pack(">IHBB", 1, 1, 1, 0x82))
    return full_box(
        b"meta",
        full_box(b"hdlr", bytes(4), b"pict", bytes(13)),
        full_box(b"pitm", b"\0\x01"),
        locations,
        full_box(b"iinf", len(kinds).to_bytes(2, "big"), *entries),
        box(b"iprp", box(b"ipco", tile, whole), associations),
        *more,
    )


def avif(
    *,
    inserted: bytes = b"",
    behind: bytes = b"",
    kinds: Sequence[bytes] = (b"av01",),
    version: int = 1,
    lengths: Sequence[int] = (),
    ftyp: bytes = FTYP,
) -> bytes:
    """
    Write an image whose items follow one another in `mdat`, 64 bytes each.

    Args:
        inserted: Boxes between `ftyp` and `meta`.

        behind: Boxes behind `mdat`.

        kinds: Types of the items.

        version: Of the item location box.

        lengths: Lengths to be written for the items; 64 by default.

        ftyp: First box.
    """
    lengths = lengths or [64] * len(kinds)
    empty = meta_box(location_box(*((0, length) for length in lengths), version=version), kinds)
    first = len(ftyp) + len(inserted) + len(empty) + 8
    extents = [(first + 64 * at, length) for at, length in enumerate(lengths)]
    meta = meta_box(location_box(*extents, version=version), kinds)
    data = b"".join(bytes([number]) * 64 for number in range(len(kinds)))
    return ftyp + inserted + meta + box(b"mdat", data) + behind


def sign_avif(
    authority: Authority,
    exclusions: Sequence[Mapping[str, object]] = EXCLUSIONS,
    *,
    behind: bytes = b"",
    kinds: Sequence[bytes] = (b"av01",),
) -> bytes:
    """
    Sign an AVIF image by a hash over its boxes (version 2), with exclusions as they are given.
    """

    def store(image: bytes) -> bytes:
        content = {"exclusions": list(exclusions), "alg": "sha256", "hash": bmff_hash(image), "name": "n"}
        spec = replace(
            made.azure_v1(authority),
            credential=authority.lasting_signer,
            time_stamper=None,
            binding="none",
            assertions=(AssertionSpec(label="c2pa.hash.bmff.v2", content=content),),
        )
        return made.build_store(made.make_manifest(PNG, spec))

    def bmff_hash(image: bytes) -> bytes:
        digest = hashlib.sha256()
        for path, start, end in top_level(image):
            if path == "meta" and any(one["xpath"] == "/meta/iloc" for one in exclusions):
                at = image.index(b"iloc", start) - 4
                size = int.from_bytes(image[at : at + 4], "big")
                digest.update(start.to_bytes(8, "big") + image[start:at] + image[at + size : end])
            elif not any(one["xpath"] == f"/{path}" for one in exclusions):
                digest.update(start.to_bytes(8, "big") + image[start:end])
        return digest.digest()

    size = len(store_box(store(avif())))
    image = avif(inserted=bytes(size), behind=behind, kinds=kinds)
    placed = avif(inserted=box(b"uuid", bytes(size - 8)), behind=behind, kinds=kinds)
    return image[: len(FTYP)] + store_box(store(placed)) + image[len(FTYP) + size :]


def top_level(image: bytes) -> list[tuple[str, int, int]]:
    """
    List type, first byte and end of each box at the top level.
    """
    found, at = [], 0
    while at < len(image):
        size = int.from_bytes(image[at : at + 4], "big")
        found.append((image[at + 4 : at + 8].decode("latin-1"), at, at + size))
        at += size
    return found


def assertion_in(store: bytes, label: str) -> Mapping[str, object]:
    """
    Decode an assertion in CBOR out of a store.
    """
    at = store.index(b"cbor", store.index(label.encode() + b"\0"))
    size = int.from_bytes(store[at - 4 : at], "big")
    return cast("Mapping[str, object]", cbor2.loads(store[at + 4 : at - 4 + size]))


Entry = tuple[int, int, int, int | bytes]


def tiff(*directories: Sequence[Entry], order: str = "<", big: bool = False) -> bytes:
    """
    Write a TIFF file: directories first, then each value of bytes, in the same order.

    Args:
        directories: Tag, type, count, and the value or the bytes it is to point at.

        order: Of bytes, "<" or ">".

        big: Whether to write a BigTIFF file.
    """
    wide = 8 if big else 4
    size = "QHHQQQ" if big else "HHHIII"
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "H", 43 if big else 42)
    head += struct.pack(order + "HHQ", 8, 0, 16) if big else struct.pack(order + "I", 8)
    lengths = [struct.calcsize("<" + size[0]) + len(one) * (12 + 8 * big) + wide for one in directories]
    free = len(head) + sum(lengths)
    written, values, at = head, b"", len(head)
    for number, entries in enumerate(directories):
        written += struct.pack(order + size[0], len(entries))
        for tag, kind, count, value in entries:
            place = value
            if isinstance(value, bytes):
                place = free + len(values)
                values += value
            fmt = "HHQQ" if big else "HHII"
            number_ = place if isinstance(value, bytes) or order == "<" else _left(int(value), wide)
            written += struct.pack(order + fmt, tag, kind, count, number_)
        at += lengths[number]
        following = at if number + 1 < len(directories) else 0
        written += struct.pack(order + ("Q" if big else "I"), following)
    return written + values


def _left(value: int, wide: int) -> int:
    # A SHORT stands in the first bytes of the field; with the most significant byte first, these count most.
    return value << 8 * (wide - 2)


def gif(*extensions: bytes, head: bytes = GIF_HEAD, image: bytes = GIF_IMAGE) -> bytes:
    """
    Write a GIF of one pixel on a screen of 1 by 2, with extensions before the image.
    """
    return head + b"".join(extensions) + image


def gif_store(store: bytes, size: int = 255) -> bytes:
    """
    Write the application extension that embeds a store, in sub-blocks of *size* bytes.
    """
    pieces = (store[at : at + size] for at in range(0, len(store), size))
    return b"!\xff\x0bC2PA_GIF\x01\0\0" + b"".join(bytes([len(one)]) + one for one in pieces) + b"\0"


def svg(content: str) -> bytes:
    """
    Write an SVG image around some content.
    """
    return f'<svg xmlns="http://www.w3.org/2000/svg">{content}<rect width="1" height="1"/></svg>'.encode()


def svg_store(store: bytes, prefix: str = "c2pa") -> str:
    """
    Write the element that embeds a store.
    """
    encoded = base64.b64encode(store).decode()
    element = f'<{prefix}:manifest xmlns:{prefix}="http://c2pa.org/manifest">{encoded}</{prefix}:manifest>'
    return f"<metadata>{element}</metadata>"
