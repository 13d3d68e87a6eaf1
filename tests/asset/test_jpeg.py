"""
A manifest store is found wherever a JPEG holds one, and looking for it costs little.
"""

from __future__ import annotations

import struct

import pytest

from provenance.asset.limits import Limits
from provenance.asset.scan import Layout, scan
from provenance.errors import AssetTooLargeError, MalformedAssetError
from tests.asset.container_support import LIMITS, layout_of
from tests.asset.scan_support import (
    EOI,
    JFIF,
    SCAN,
    SOI,
    STORE_UUID,
    app11,
    counting,
    jpeg,
    segment,
    spread,
    superbox,
)

OTHER_UUID = bytes.fromhex("6a736f6e00110010800000aa00389b71")


# --- JPEG -----------------------------------------------------------------------------------------


def test_a_plain_jpeg_has_dimensions_and_is_not_read_past_the_first_scan() -> None:
    """
    Its end is not looked for: that would mean reading the whole picture.
    """
    asset = counting(jpeg(JFIF, scan_and_end=SCAN + bytes(100_000) + EOI + b"trailing"))

    found = scan(asset, LIMITS)

    assert found == Layout(width=640, height=480)
    assert sum(asset.reads) < 100


@pytest.mark.parametrize("marker", [0xC1, 0xC2, 0xC9, 0xCF])
def test_every_kind_of_frame_has_dimensions(marker: int) -> None:
    """
    Progressive and arithmetic coding have start-of-frame markers of their own.
    """
    found = layout_of(SOI + segment(marker, struct.pack(">BHHB", 8, 3, 5, 0)) + SCAN + EOI)

    assert (found.width, found.height) == (5, 3)


def test_tables_are_not_frames() -> None:
    """
    DHT, JPG and DAC stand between the start-of-frame markers; 0 lines means "not said yet".
    """
    tables = b"".join(segment(marker, bytes(6)) for marker in (0xC4, 0xC8, 0xCC))
    found = layout_of(SOI + tables + segment(0xC0, struct.pack(">BHHB", 8, 0, 5, 0)) + SCAN)

    assert (found.width, found.height) == (5, None)


@pytest.mark.parametrize("sizes", [(), (100,), (40, 50), (37, 1, 1)])
@pytest.mark.parametrize("extended", [False, True])
def test_a_store_is_joined_from_its_segments(sizes: tuple[int, ...], *, extended: bool) -> None:
    """
    The header that each segment repeats is in the store once.
    """
    box = superbox(content=bytes(range(256)), extended=extended)

    found = layout_of(jpeg(JFIF, *spread(box, *sizes, header_bytes=16 if extended else 8)))

    assert found.stores == (box,)
    assert found.trailing_bytes == 0


def test_segments_may_have_others_between_them() -> None:
    """
    Nothing says that they are neighbours.
    """
    box = superbox(content=bytes(100))
    first, second = spread(box, 60)

    assert layout_of(jpeg(first, JFIF, second)).stores == (box,)


def test_two_instances_are_two_stores() -> None:
    """
    Even when their segments are interleaved.
    """
    boxes = superbox(content=b"1" * 100), superbox(content=b"2" * 100)
    first, second = spread(boxes[0], 60), spread(boxes[1], 60, instance=2)

    assert layout_of(jpeg(first[0], second[0], first[1], second[1])).stores == boxes


def test_a_second_store_under_the_same_instance_number_is_a_second_store() -> None:
    """
    Joined to the first, it would pass as padding.
    """
    assert layout_of(jpeg(app11(superbox()), app11(superbox()))).stores == (superbox(), superbox())


def test_a_continuation_that_looks_like_a_store_is_a_continuation() -> None:
    """
    Stores hold stores: an ingredient's bytes may stand at any place of a segment.
    """
    box = superbox(content=superbox())

    assert layout_of(jpeg(*spread(box, 38 - 8))).stores == (box,)


@pytest.mark.parametrize("sequences", [(0, 1, 2), (1, 5, 9), (3, 2, 1), (1, 1, 1), (2**32 - 1, 0, 0)])
def test_segments_are_joined_in_file_order_whatever_their_numbers(sequences: tuple[int, ...]) -> None:
    """
    Putting them in order would make a store of bytes that nobody signed in that order.
    """
    box = superbox(content=bytes(range(200)))
    parts = box[:80], box[:8] + box[80:160], box[:8] + box[160:]
    segments = [app11(part, sequence=number) for part, number in zip(parts, sequences, strict=True)]

    assert layout_of(jpeg(*segments)).stores == (box,)


def test_jumbf_for_another_purpose_is_no_store() -> None:
    """
    360-degree images and others use the same segments.
    """
    found = layout_of(jpeg(*spread(superbox(OTHER_UUID, bytes(100)), 60)))

    assert not found.store_found
    assert found.trailing_bytes is None


@pytest.mark.parametrize("sequence", [1, 2])
def test_a_store_after_other_jumbf_of_the_same_instance_number_is_found(sequence: int) -> None:
    """
    The engine finds it; a careless writer numbers every box 1.
    """
    other = app11(superbox(OTHER_UUID))

    assert layout_of(jpeg(other, app11(superbox(), sequence=sequence))).stores == (superbox(),)


def test_other_jumbf_after_a_store_of_the_same_instance_number_is_left_out() -> None:
    """
    As the engine does; a box that begins anew is no part of the one before.
    """
    found = layout_of(
        jpeg(app11(superbox()), app11(superbox(OTHER_UUID)), app11(b"12345678more", sequence=2))
    )

    assert found.stores == (superbox(),)


@pytest.mark.parametrize(
    "box",
    [
        superbox().replace(b"jumb", b"XXXX"),
        superbox().replace(b"jumd", b"XXXX"),
        superbox(STORE_UUID[:4] + bytes(12)),
        b"\x00\x00\x00\x0afree12",
        superbox()[:20],
    ],
)
def test_a_damaged_store_is_a_store(box: bytes) -> None:
    """
    Damage must not turn "invalid" into "absent".
    """
    assert layout_of(jpeg(app11(box))).stores == (box,)


def test_damaged_boxes_do_not_count_beside_a_store() -> None:
    """
    Boxes of other standards in the same segments are no second store.
    """
    found = layout_of(jpeg(app11(b"\x00\x00\x00\x0aSPEC12", instance=7), app11(superbox())))

    assert found.stores == (superbox(),)


def test_a_store_without_its_common_identifier_is_a_store() -> None:
    """
    The engine does not look at it, neither at the first segment's nor at the others'.
    """
    box = superbox(content=bytes(100))
    parts = box[:60], box[:8] + box[60:]
    segments = [app11(part, sequence=number + 1, common=b"XY") for number, part in enumerate(parts)]

    assert layout_of(jpeg(*segments)).stores == (box,)


@pytest.mark.parametrize("data", [b"", b"JP", b"JP" + bytes(14), b"XY" + bytes(100), b"Picasa data" * 9])
def test_app11_without_a_box_is_no_store(data: bytes) -> None:
    """
    Cameras and editors put other things there.
    """
    assert not layout_of(jpeg(segment(0xEB, data))).store_found


def test_app11_after_the_first_scan_is_ignored() -> None:
    """
    The engine ignores it too.
    """
    assert not layout_of(jpeg(scan_and_end=SCAN + app11(superbox()) + EOI)).store_found


@pytest.mark.parametrize(
    "filler",
    [
        b"\xff",
        b"\xff\xff\xff",
        b"\xff\x01",
        b"\xff\xd0",
        b"\x00",
        b"garbage",
        b"\xff\x00",
        b"x" * 200_000,
        SOI,
    ],
)
def test_what_stands_between_segments_does_not_hide_a_store(filler: bytes) -> None:
    """
    Decoders skip fill bytes, stand-alone markers and garbage, and so does the engine.
    """
    found = layout_of(jpeg(JFIF, filler, app11(superbox())))

    assert found.stores == (superbox(),)
    assert (found.width, found.trailing_bytes) == (640, 0)


@pytest.mark.parametrize(
    ("rest", "trailing"),
    [
        (b"", 0),
        (b"more", 4),
        (EOI, 2),
        (SOI + EOI, 4),
        (bytes(3_000_000), 3_000_000),
    ],
)
def test_bytes_after_eoi_are_counted_when_there_is_a_store(rest: bytes, trailing: int) -> None:
    """
    A box hash does not cover them.
    """
    assert trailing == layout_of(jpeg(app11(superbox())) + rest).trailing_bytes


@pytest.mark.parametrize(
    "between",
    [
        b"",
        segment(0xC4, b"\xff\xd9" * 10),
        segment(0xFE, EOI) + segment(0xDA, b"\x00") + b"second scan",
        b"\xff\x01\xff\xd8",
        b"\xff\x02\x00\x00",
        b"\xff\x00" * 40_000,
    ],
)
def test_the_end_of_a_jpeg_is_found_behind_many_scans(between: bytes) -> None:
    """
    Progressive images have tables between scans, and a table may hold the bytes of an EOI.
    """
    data = jpeg(app11(superbox()), scan_and_end=SCAN + between + EOI + b"more")

    assert layout_of(data).trailing_bytes == 4


@pytest.mark.parametrize("size", [*range(4080, 4100), *range(12_270, 12_300), 4_000_000])
def test_a_marker_across_two_reads_is_found(size: int) -> None:
    """
    Scans are read in pieces, and EOI may lie across the border of two.
    """
    data = jpeg(app11(superbox()), scan_and_end=SCAN + bytes(size) + EOI + b"more")

    assert layout_of(data).trailing_bytes == 4


@pytest.mark.parametrize("rest", [b"", b"\xff", bytes(10_000), segment(0xC4, bytes(100))[:50]])
def test_a_jpeg_with_a_store_and_without_an_end_has_no_trailing_bytes(rest: bytes) -> None:
    """
    That the picture is incomplete is for the hard binding to find.
    """
    found = layout_of(jpeg(app11(superbox()), scan_and_end=SCAN + rest))

    assert found.trailing_bytes == 0


def test_a_jpeg_without_a_scan_ends_at_eoi() -> None:
    """
    Tables alone are a JPEG stream as well.
    """
    assert layout_of(SOI + EOI) == Layout()
    assert layout_of(SOI + app11(superbox()) + EOI + b"more").trailing_bytes == 4


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (SOI + JFIF, "ends at byte 11, before the first scan"),
        (SOI + JFIF[:-1], "segment at byte 2 does not fit"),
        (SOI + JFIF + b"\xff\xe1\x00\x01", "segment at byte 11 does not fit"),
        (SOI + JFIF + b"\xff\xe1\x00", "segment at byte 11 does not fit"),
        (SOI + b"\xff", "ends at byte 3"),
        (SOI + b"\xff" * 10_000, "ends at byte 10,002"),
    ],
)
def test_a_damaged_jpeg_without_a_store_is_malformed(data: bytes, reason: str) -> None:
    """
    What is missing may have held the manifest store, so "absent" would be a guess.
    """
    with pytest.raises(MalformedAssetError, match=reason):
        layout_of(data)


def test_a_damaged_jpeg_with_a_store_has_a_layout() -> None:
    """
    A manifest store over a damaged image is a verdict, not an error.
    """
    found = layout_of(SOI + app11(superbox()) + JFIF[:-1])

    assert found.stores == (superbox(),)
    assert found.trailing_bytes == 0


def test_xmp_is_taken_from_app1() -> None:
    """
    The first packet counts; Exif data stands in the same kind of segment.
    """
    namespace = b"http://ns.adobe.com/xap/1.0/\x00"
    segments = [segment(0xE1, data) for data in (b"", b"Exif\x00", namespace + b"<x/>", namespace + b"<y/>")]

    assert layout_of(jpeg(*segments)).xmp == b"<x/>"
    assert layout_of(jpeg(*segments), Limits(max_xmp_bytes=3)).xmp is None
    assert layout_of(jpeg(segment(0xE1, namespace))).xmp is None
    assert layout_of(jpeg(segment(0xE1, namespace[:-1]), b"\x00")).xmp is None


def test_a_store_that_is_too_large_is_not_read() -> None:
    """
    The sum over all segments counts; the engine would need many times as much memory.
    """
    box = superbox(content=bytes(100_000))
    asset = counting(jpeg(*spread(box, 50_000)))

    with pytest.raises(AssetTooLargeError) as caught:
        scan(asset, Limits(max_store_bytes=len(box) - 1))

    assert (caught.value.unit, caught.value.size) == ("manifest store bytes", len(box))
    assert sum(asset.reads) < 1000
    assert layout_of(jpeg(*spread(box, 50_000)), Limits(max_store_bytes=len(box))).stores == (box,)


def test_large_jumbf_for_another_purpose_is_neither_read_nor_refused() -> None:
    """
    It is no manifest store, so the limit on manifest stores is none of its business.
    """
    asset = counting(jpeg(*spread(superbox(OTHER_UUID, bytes(100_000)), 50_000)))

    assert not scan(asset, Limits(max_store_bytes=1000)).store_found
    assert sum(asset.reads) < 1000


BEFORE_SCAN = (segment(0xE0), b"\xff\x00", b"x\xff\xff\x00", segment(0xEB, b"JP" + bytes(30)))
AFTER_SCAN = (segment(0xFE), b"\xff\x01", b"\xff\x00\xff\xd8")


@pytest.mark.parametrize(
    "data",
    [
        *(jpeg(JFIF, filler * 100_000) for filler in BEFORE_SCAN),
        *(jpeg(app11(superbox()), scan_and_end=SCAN + filler * 100_000) for filler in AFTER_SCAN),
    ],
    ids=range(len(BEFORE_SCAN) + len(AFTER_SCAN)),
)
def test_a_jpeg_of_empty_segments_is_refused_after_as_many_as_allowed(data: bytes) -> None:
    """
    Neither many segments nor gaps between them may cost more than reading the file a few times.
    """
    asset = counting(data)

    with pytest.raises(AssetTooLargeError) as caught:
        scan(asset, LIMITS)

    assert (caught.value.unit, caught.value.size) == ("chunks", 65_537)
    assert len(asset.reads) < 3 * 65_536
    assert sum(asset.reads) < 3 * len(data) + 70 * 65_536


def test_a_long_scan_is_read_once() -> None:
    """
    Looking for EOI must stay linear.
    """
    data = jpeg(app11(superbox()), scan_and_end=SCAN + b"\xff\x00" * 2_000_000 + EOI)
    asset = counting(data)

    scan(asset, LIMITS)

    assert sum(asset.reads) < 1.1 * len(data)
    assert len(asset.reads) < 40


# --- the corpus -----------------------------------------------------------------------------------


@pytest.mark.parametrize("marker", range(0xD0, 0xD8))
def test_restart_markers_are_bounded_where_there_is_a_store(marker: int) -> None:
    """
    The engine makes a part of each: five megabytes of them cost it 6 s and 380 MiB.
    """
    data = jpeg(app11(superbox()), scan_and_end=SCAN + bytes((0xFF, marker)) * 50 + EOI)

    assert layout_of(data, Limits(max_chunks=120)).store_found
    with pytest.raises(AssetTooLargeError):
        layout_of(data, Limits(max_chunks=40))
