"""
A manifest store is found wherever a PNG holds one, and looking for it costs little.
"""

from __future__ import annotations

import struct
import zlib

import pytest

from provenance.asset.limits import Limits
from provenance.asset.scan import Layout, scan
from provenance.errors import AssetTooLargeError, MalformedAssetError
from tests.asset.container_support import LIMITS, layout_of
from tests.asset.scan_support import chunk, counting, itxt, png


def test_a_plain_png_has_dimensions_and_no_store() -> None:
    """
    The commonest case of all.
    """
    assert layout_of(png(chunk(b"IDAT", bytes(100_000)))) == Layout(trailing_bytes=0, width=640, height=480)


def test_every_cabx_before_iend_is_a_store() -> None:
    """
    More than one is for the verdict to refuse, so none may be dropped.
    """
    data = png(chunk(b"caBX", b"one"), chunk(b"IDAT", b"x"), chunk(b"caBX", b"two"))

    found = layout_of(data)

    assert found.stores == (b"one", b"two")
    assert found.store_found


def test_cabx_after_iend_is_trailing_bytes() -> None:
    """
    The container ends at IEND; the engine stops there too.
    """
    found = layout_of(png() + chunk(b"caBX", b"store"))

    assert not found.store_found
    assert found.trailing_bytes == 17


@pytest.mark.parametrize("size", [0, 1, 65_536])
def test_bytes_after_iend_are_counted(size: int) -> None:
    """
    A box hash does not cover them.
    """
    assert size == layout_of(png(chunk(b"caBX", b"store")) + bytes(size)).trailing_bytes


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (png(end=b""), "ends at byte 33 without IEND"),
        (png(end=b"\x00\x00"), "ends at byte 35 without IEND"),
        (png(end=chunk(b"IEND")[:-1]), "chunk at byte 33 runs past"),
        (png(end=b"\xff\xff\xff\xffIDAT"), "chunk at byte 33 runs past"),
        (png()[:20], "chunk at byte 8 runs past"),
        (b"\x89PNG\r\n\x1a\n", "byte 8"),
        (b"\x89PNG\r\n\x1a\n" + chunk(b"IDAT") + chunk(b"IEND"), "byte 8, is not IHDR"),
        (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR") + chunk(b"IEND"), "byte 8, is not IHDR"),
        (png(end=struct.pack(">I4s", 100, b"caBX") + b"store"), "chunk at byte 33 runs past"),
    ],
)
def test_a_damaged_png_without_a_store_is_malformed(data: bytes, reason: str) -> None:
    """
    What is missing may have held the manifest store, so "absent" would be a guess.
    """
    with pytest.raises(MalformedAssetError, match=reason):
        layout_of(data)


@pytest.mark.parametrize(
    "data",
    [
        png(chunk(b"caBX", b"store"), end=b""),
        png(chunk(b"caBX", b"store"), chunk(b"IDAT", bytes(10)))[:-20],
        b"\x89PNG\r\n\x1a\n" + chunk(b"caBX", b"store") + chunk(b"IEND"),
    ],
)
def test_a_damaged_png_with_a_store_has_a_layout(data: bytes) -> None:
    """
    A manifest store over a damaged image is a verdict, not an error.
    """
    found = layout_of(data)

    assert found.stores == (b"store",)
    assert found.trailing_bytes == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (itxt(b"<x/>"), b"<x/>"),
        (itxt(zlib.compress(b"<x/>"), compressed=True), b"<x/>"),
        (itxt(zlib.compress(b"x" * 1000), compressed=True), b"x" * 1000),
        (itxt(zlib.compress(b"x" * 1001), compressed=True), None),
        (itxt(zlib.compress(b"<x/>")[:-1], compressed=True), None),
        (itxt(b"not deflated", compressed=True), None),
        (itxt(b"x" * 1001), None),
        (itxt(b""), None),
        (itxt(b"<x/>", keyword=b"Comment"), None),
        (itxt(b"<x/>", keyword=b"Comment") + itxt(b"<y/>"), b"<y/>"),
        (itxt(b"<x/>") + itxt(b"<y/>"), b"<x/>"),
        (chunk(b"iTXt", b"XML:com.adobe.xmp"), None),
        (chunk(b"iTXt", b"XML:com.adobe.xmp\x00"), None),
        (chunk(b"iTXt", b"XML:com.adobe.xmp\x00\x00\x00<x/>"), None),
    ],
)
def test_xmp_is_taken_from_itxt(text: bytes, expected: bytes | None) -> None:
    """
    A small compressed chunk must not become a large packet.
    """
    assert expected == layout_of(png(text), Limits(max_xmp_bytes=1000)).xmp


def test_a_png_of_empty_chunks_is_refused_after_as_many_as_allowed() -> None:
    """
    The engine takes seconds over such a file.
    """
    asset = counting(png(chunk(b"tEXt") * 200_000))

    with pytest.raises(AssetTooLargeError) as caught:
        scan(asset, LIMITS)

    assert (caught.value.unit, caught.value.size, caught.value.limit) == ("chunks", 65_537, 65_536)
    assert sum(asset.reads) < 13 * 65_536


def test_as_many_chunks_as_allowed_are_walked() -> None:
    """
    The limit itself is allowed; IHDR and IEND count.
    """
    limits = Limits(max_chunks=4)

    assert layout_of(png(chunk(b"IDAT"), chunk(b"IDAT")), limits).trailing_bytes == 0
    with pytest.raises(AssetTooLargeError):
        layout_of(png(chunk(b"IDAT"), chunk(b"IDAT"), chunk(b"IDAT")), limits)


def test_large_chunks_are_stepped_over() -> None:
    """
    Pictures are not read to look for a manifest store.
    """
    asset = counting(png(chunk(b"IDAT", bytes(65_536)) * 60))

    scan(asset, LIMITS)

    assert sum(asset.reads) < 300_000
