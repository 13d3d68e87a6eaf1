"""
A manifest store is found wherever a WebP holds one, and looking for it costs little.
"""

from __future__ import annotations

import struct

import pytest

from provenance.asset.scan import Layout, scan
from provenance.errors import AssetTooLargeError, MalformedAssetError
from tests.asset.container_support import LIMITS, layout_of
from tests.asset.scan_support import VP8L, VP8X, counting, riff, webp

VP8 = b"\x00\x00\x00\x9d\x01\x2a" + struct.pack("<HH", 640 | 0x4000, 480 | 0x8000)


@pytest.mark.parametrize("first", [riff(b"VP8X", VP8X), riff(b"VP8 ", VP8), riff(b"VP8L", VP8L)])
def test_a_plain_webp_has_dimensions_and_no_store(first: bytes) -> None:
    """
    Each of its three forms says them in its own way; the canvas comes before the frame.
    """
    found = layout_of(webp(first, riff(b"VP8L", b"\x2f\x00\x00\x00\x00")))

    assert found == Layout(trailing_bytes=0, width=640, height=480)


@pytest.mark.parametrize("first", [riff(b"VP8X", VP8X[:9]), riff(b"VP8 ", bytes(10)), riff(b"VP8L", b"\x2f")])
def test_a_damaged_frame_header_has_no_dimensions(first: bytes) -> None:
    """
    Made-up dimensions are worse than none.
    """
    found = layout_of(webp(first))

    assert (found.width, found.height) == (None, None)


def test_every_c2pa_chunk_is_a_store_and_xmp_is_taken() -> None:
    """
    Chunks of odd size are padded.
    """
    found = layout_of(
        webp(riff(b"VP8L", VP8L), riff(b"C2PA", b"one"), riff(b"XMP ", b"<x/>"), riff(b"C2PA", b"two"))
    )

    assert found.stores == (b"one", b"two")
    assert found.xmp == b"<x/>"


@pytest.mark.parametrize("rest", [b"", b"m", riff(b"C2PA", b"late")])
def test_bytes_after_the_riff_chunk_are_counted(rest: bytes) -> None:
    """
    A chunk there is not part of the image.
    """
    found = layout_of(webp(riff(b"C2PA", b"store")) + rest)

    assert found.stores == (b"store",)
    assert len(rest) == found.trailing_bytes


def test_a_missing_pad_byte_is_no_damage() -> None:
    """
    Some writers leave it out, and some do not count it.
    """
    padded = webp(riff(b"C2PA", b"odd"))

    assert layout_of(padded[:4] + struct.pack("<I", len(padded) - 9) + padded[8:]).trailing_bytes == 0
    assert layout_of(padded[:4] + struct.pack("<I", len(padded) - 9) + padded[8:-1]).trailing_bytes == 0


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (webp(riff(b"VP8L", VP8L), extra=10), "RIFF chunk ends at byte 36, the file at byte 26"),
        (webp(riff(b"VP8L", VP8L), extra=-4) + b"more", "chunk at byte 12 runs past"),
        (webp(b"VP8L\xff\xff\xff\xff"), "chunk at byte 12 runs past"),
        (webp(b"C2PA\xff\x00\x00\x00store"), "chunk at byte 12 runs past"),
    ],
)
def test_a_damaged_webp_without_a_store_is_malformed(data: bytes, reason: str) -> None:
    """
    What is missing may have held the manifest store, so "absent" would be a guess.
    """
    with pytest.raises(MalformedAssetError, match=reason):
        layout_of(data)


def test_a_damaged_webp_with_a_store_has_a_layout() -> None:
    """
    The engine reads a store that runs past the RIFF chunk, but not one that runs past the file.
    """
    assert layout_of(webp(riff(b"C2PA", b"store!"), extra=10)).stores == (b"store!",)
    assert layout_of(webp(riff(b"C2PA", b"store!"), extra=-2)).stores == (b"store!",)
    assert layout_of(webp(riff(b"C2PA", b"store!"), b"VP8L\xff\xff\xff\xff")).stores == (b"store!",)


def test_a_webp_of_empty_chunks_is_refused_after_as_many_as_allowed() -> None:
    """
    The engine takes seconds over such a file.
    """
    asset = counting(webp(riff(b"ABCD") * 100_000))

    with pytest.raises(AssetTooLargeError) as caught:
        scan(asset, LIMITS)

    assert caught.value.unit == "chunks"
    assert sum(asset.reads) < 9 * 65_536
