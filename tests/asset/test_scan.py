"""
A manifest store is found wherever the engine finds one, and looking for it costs little.
"""

from __future__ import annotations

import io
import itertools
import json
import struct
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import c2pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.asset.asset import Asset
from provenance.asset.limits import Limits
from provenance.asset.scan import Layout, scan
from provenance.asset.xmp import provenance_of
from provenance.errors import AssetError, AssetTooLargeError, MalformedAssetError

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
IMAGES = sorted(path for path in CORPUS.glob("*/*") if path.suffix != ".json")
WALKED = [path for path in IMAGES if path.suffix in {".jpg", ".png", ".webp"}]
TRAILING_IN_REAL_IMAGES = {
    "samsung-photo-assist.png": 109,
    "samsung-trailer-bound-by-data-hash.png": 109,
    "google-photos-bytes-after-eoi.jpg": 23_660,
}
needs_corpus = pytest.mark.skipif(
    not IMAGES, reason="the corpus of real images is not beside this repository"
)

LIMITS = Limits()
PROPERTY = settings(deadline=None, derandomize=True, database=None)

STORE_UUID = bytes.fromhex("6332706100110010800000aa00389b71")
OTHER_UUID = bytes.fromhex("6a736f6e00110010800000aa00389b71")


def layout(data: bytes, limits: Limits = LIMITS) -> Layout:
    """
    Scan bytes in memory.
    """
    return scan(Asset.from_bytes(data, limits), limits)


class Counting(Asset):
    """
    An asset that notes what is read of it.
    """

    reads: list[int]

    def read_at(self, offset: int, length: int) -> bytes:
        """
        Note the length, then read.
        """
        self.reads.append(length)
        return super().read_at(offset, length)


def counting(data: bytes) -> Counting:
    """
    Make an asset that has noted nothing yet.
    """
    asset = Counting.from_bytes(data, LIMITS)
    asset.reads = []
    return asset


def superbox(uuid: bytes = STORE_UUID, content: bytes = b"content", *, extended: bool = False) -> bytes:
    """
    Build a JUMBF superbox: a description box, then *content*.
    """
    description = b"jumd" + uuid + b"\x03c2pa\x00"
    body = struct.pack(">I", 4 + len(description)) + description + content
    if extended:
        return struct.pack(">I4sQ", 1, b"jumb", 16 + len(body)) + body
    return struct.pack(">I4s", 8 + len(body), b"jumb") + body


# --- PNG -----------------------------------------------------------------------------------------

IHDR = struct.pack(">IIBBBBB", 640, 480, 8, 2, 0, 0, 0)


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    """
    Build a PNG chunk; its checksum is wrong, since nobody here looks at it.
    """
    return struct.pack(">I4s", len(data), kind) + data + b"\x00\x00\x00\x00"


def png(*chunks: bytes, end: bytes = chunk(b"IEND")) -> bytes:
    """
    Build a PNG image of a header, *chunks* and an end.
    """
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", IHDR) + b"".join(chunks) + end


def test_a_plain_png_has_dimensions_and_no_store() -> None:
    """
    The commonest case of all.
    """
    assert layout(png(chunk(b"IDAT", bytes(100_000)))) == Layout(trailing_bytes=0, width=640, height=480)


def test_every_cabx_before_iend_is_a_store() -> None:
    """
    More than one is for the verdict to refuse, so none may be dropped.
    """
    data = png(chunk(b"caBX", b"one"), chunk(b"IDAT", b"x"), chunk(b"caBX", b"two"))

    found = layout(data)

    assert found.stores == (b"one", b"two")
    assert found.store_found


def test_cabx_after_iend_is_trailing_bytes() -> None:
    """
    The container ends at IEND; the engine stops there too.
    """
    found = layout(png() + chunk(b"caBX", b"store"))

    assert not found.store_found
    assert found.trailing_bytes == 17


@pytest.mark.parametrize("size", [0, 1, 65_536])
def test_bytes_after_iend_are_counted(size: int) -> None:
    """
    A box hash does not cover them.
    """
    assert size == layout(png(chunk(b"caBX", b"store")) + bytes(size)).trailing_bytes


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
        layout(data)


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
    found = layout(data)

    assert found.stores == (b"store",)
    assert found.trailing_bytes == 0


def itxt(packet: bytes, *, compressed: bool = False, keyword: bytes = b"XML:com.adobe.xmp") -> bytes:
    """
    Build an iTXt chunk.
    """
    flag = b"\x01" if compressed else b"\x00"
    return chunk(b"iTXt", keyword + b"\x00" + flag + b"\x00en\x00key\x00" + packet)


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
    assert expected == layout(png(text), Limits(max_xmp_bytes=1000)).xmp


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

    assert layout(png(chunk(b"IDAT"), chunk(b"IDAT")), limits).trailing_bytes == 0
    with pytest.raises(AssetTooLargeError):
        layout(png(chunk(b"IDAT"), chunk(b"IDAT"), chunk(b"IDAT")), limits)


def test_large_chunks_are_stepped_over() -> None:
    """
    Pictures are not read to look for a manifest store.
    """
    asset = counting(png(chunk(b"IDAT", bytes(65_536)) * 60))

    scan(asset, LIMITS)

    assert sum(asset.reads) < 300_000


# --- JPEG ----------------------------------------------------------------------------------------

SOI, EOI = b"\xff\xd8", b"\xff\xd9"


def segment(marker: int, data: bytes = b"") -> bytes:
    """
    Build a JPEG segment.
    """
    return struct.pack(">BBH", 0xFF, marker, 2 + len(data)) + data


def app11(data: bytes, *, instance: int = 1, sequence: int = 1, common: bytes = b"JP") -> bytes:
    """
    Build an APP11 segment that holds (a part of) a box.
    """
    return segment(0xEB, common + struct.pack(">HI", instance, sequence) + data)


def spread(box: bytes, *sizes: int, header_bytes: int = 8, instance: int = 1) -> list[bytes]:
    """
    Spread a box over segments, each after the first repeating the box's header.
    """
    cuts = [0, *itertools.accumulate(sizes), len(box)]
    parts = [box[start:stop] for start, stop in itertools.pairwise(cuts)]
    return [
        app11((box[:header_bytes] if number else b"") + part, instance=instance, sequence=number + 1)
        for number, part in enumerate(parts)
    ]


JFIF = segment(0xE0, b"JFIF\x00")
FRAME = segment(0xC0, struct.pack(">BHHB", 8, 480, 640, 0))
SCAN = segment(0xDA, b"\x00") + b"\x01\x02\xff\x00\x03\xff\xd0\x04\xff\xff\x00"


def jpeg(*segments: bytes, scan_and_end: bytes = SCAN + EOI) -> bytes:
    """
    Build a JPEG image.
    """
    return SOI + b"".join(segments) + FRAME + scan_and_end


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
    found = layout(SOI + segment(marker, struct.pack(">BHHB", 8, 3, 5, 0)) + SCAN + EOI)

    assert (found.width, found.height) == (5, 3)


def test_tables_are_not_frames() -> None:
    """
    DHT, JPG and DAC stand between the start-of-frame markers; 0 lines means "not said yet".
    """
    tables = b"".join(segment(marker, bytes(6)) for marker in (0xC4, 0xC8, 0xCC))
    found = layout(SOI + tables + segment(0xC0, struct.pack(">BHHB", 8, 0, 5, 0)) + SCAN)

    assert (found.width, found.height) == (5, None)


@pytest.mark.parametrize("sizes", [(), (100,), (40, 50), (37, 1, 1)])
@pytest.mark.parametrize("extended", [False, True])
def test_a_store_is_joined_from_its_segments(sizes: tuple[int, ...], *, extended: bool) -> None:
    """
    The header that each segment repeats is in the store once.
    """
    box = superbox(content=bytes(range(256)), extended=extended)

    found = layout(jpeg(JFIF, *spread(box, *sizes, header_bytes=16 if extended else 8)))

    assert found.stores == (box,)
    assert found.trailing_bytes == 0


def test_segments_may_have_others_between_them() -> None:
    """
    Nothing says that they are neighbours.
    """
    box = superbox(content=bytes(100))
    first, second = spread(box, 60)

    assert layout(jpeg(first, JFIF, second)).stores == (box,)


def test_two_instances_are_two_stores() -> None:
    """
    Even when their segments are interleaved.
    """
    boxes = superbox(content=b"1" * 100), superbox(content=b"2" * 100)
    first, second = spread(boxes[0], 60), spread(boxes[1], 60, instance=2)

    assert layout(jpeg(first[0], second[0], first[1], second[1])).stores == boxes


def test_a_second_store_under_the_same_instance_number_is_a_second_store() -> None:
    """
    Joined to the first, it would pass as padding.
    """
    assert layout(jpeg(app11(superbox()), app11(superbox()))).stores == (superbox(), superbox())


def test_a_continuation_that_looks_like_a_store_is_a_continuation() -> None:
    """
    Stores hold stores: an ingredient's bytes may stand at any place of a segment.
    """
    box = superbox(content=superbox())

    assert layout(jpeg(*spread(box, 38 - 8))).stores == (box,)


@pytest.mark.parametrize("sequences", [(0, 1, 2), (1, 5, 9), (3, 2, 1), (1, 1, 1), (2**32 - 1, 0, 0)])
def test_segments_are_joined_in_file_order_whatever_their_numbers(sequences: tuple[int, ...]) -> None:
    """
    Putting them in order would make a store of bytes that nobody signed in that order.
    """
    box = superbox(content=bytes(range(200)))
    parts = box[:80], box[:8] + box[80:160], box[:8] + box[160:]
    segments = [app11(part, sequence=number) for part, number in zip(parts, sequences, strict=True)]

    assert layout(jpeg(*segments)).stores == (box,)


def test_jumbf_for_another_purpose_is_no_store() -> None:
    """
    360-degree images and others use the same segments.
    """
    found = layout(jpeg(*spread(superbox(OTHER_UUID, bytes(100)), 60)))

    assert not found.store_found
    assert found.trailing_bytes is None


@pytest.mark.parametrize("sequence", [1, 2])
def test_a_store_after_other_jumbf_of_the_same_instance_number_is_found(sequence: int) -> None:
    """
    The engine finds it; a careless writer numbers every box 1.
    """
    other = app11(superbox(OTHER_UUID))

    assert layout(jpeg(other, app11(superbox(), sequence=sequence))).stores == (superbox(),)


def test_other_jumbf_after_a_store_of_the_same_instance_number_is_left_out() -> None:
    """
    As the engine does; a box that begins anew is no part of the one before.
    """
    found = layout(jpeg(app11(superbox()), app11(superbox(OTHER_UUID)), app11(b"12345678more", sequence=2)))

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
    assert layout(jpeg(app11(box))).stores == (box,)


def test_damaged_boxes_do_not_count_beside_a_store() -> None:
    """
    Boxes of other standards in the same segments are no second store.
    """
    found = layout(jpeg(app11(b"\x00\x00\x00\x0aSPEC12", instance=7), app11(superbox())))

    assert found.stores == (superbox(),)


def test_a_store_without_its_common_identifier_is_a_store() -> None:
    """
    The engine does not look at it, neither at the first segment's nor at the others'.
    """
    box = superbox(content=bytes(100))
    parts = box[:60], box[:8] + box[60:]
    segments = [app11(part, sequence=number + 1, common=b"XY") for number, part in enumerate(parts)]

    assert layout(jpeg(*segments)).stores == (box,)


@pytest.mark.parametrize("data", [b"", b"JP", b"JP" + bytes(14), b"XY" + bytes(100), b"Picasa data" * 9])
def test_app11_without_a_box_is_no_store(data: bytes) -> None:
    """
    Cameras and editors put other things there.
    """
    assert not layout(jpeg(segment(0xEB, data))).store_found


def test_app11_after_the_first_scan_is_ignored() -> None:
    """
    The engine ignores it too.
    """
    assert not layout(jpeg(scan_and_end=SCAN + app11(superbox()) + EOI)).store_found


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
    found = layout(jpeg(JFIF, filler, app11(superbox())))

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
    assert trailing == layout(jpeg(app11(superbox())) + rest).trailing_bytes


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

    assert layout(data).trailing_bytes == 4


@pytest.mark.parametrize("size", [*range(4080, 4100), *range(12_270, 12_300), 4_000_000])
def test_a_marker_across_two_reads_is_found(size: int) -> None:
    """
    Scans are read in pieces, and EOI may lie across the border of two.
    """
    data = jpeg(app11(superbox()), scan_and_end=SCAN + bytes(size) + EOI + b"more")

    assert layout(data).trailing_bytes == 4


@pytest.mark.parametrize("rest", [b"", b"\xff", bytes(10_000), segment(0xC4, bytes(100))[:50]])
def test_a_jpeg_with_a_store_and_without_an_end_has_no_trailing_bytes(rest: bytes) -> None:
    """
    That the picture is incomplete is for the hard binding to find.
    """
    found = layout(jpeg(app11(superbox()), scan_and_end=SCAN + rest))

    assert found.trailing_bytes == 0


def test_a_jpeg_without_a_scan_ends_at_eoi() -> None:
    """
    Tables alone are a JPEG stream as well.
    """
    assert layout(SOI + EOI) == Layout()
    assert layout(SOI + app11(superbox()) + EOI + b"more").trailing_bytes == 4


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
        layout(data)


def test_a_damaged_jpeg_with_a_store_has_a_layout() -> None:
    """
    A manifest store over a damaged image is a verdict, not an error.
    """
    found = layout(SOI + app11(superbox()) + JFIF[:-1])

    assert found.stores == (superbox(),)
    assert found.trailing_bytes == 0


def test_xmp_is_taken_from_app1() -> None:
    """
    The first packet counts; Exif data stands in the same kind of segment.
    """
    namespace = b"http://ns.adobe.com/xap/1.0/\x00"
    segments = [segment(0xE1, data) for data in (b"", b"Exif\x00", namespace + b"<x/>", namespace + b"<y/>")]

    assert layout(jpeg(*segments)).xmp == b"<x/>"
    assert layout(jpeg(*segments), Limits(max_xmp_bytes=3)).xmp is None
    assert layout(jpeg(segment(0xE1, namespace))).xmp is None
    assert layout(jpeg(segment(0xE1, namespace[:-1]), b"\x00")).xmp is None


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
    assert layout(jpeg(*spread(box, 50_000)), Limits(max_store_bytes=len(box))).stores == (box,)


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


# --- WebP ----------------------------------------------------------------------------------------

VP8X = struct.pack("<I", 16) + (639).to_bytes(3, "little") + (479).to_bytes(3, "little")
VP8 = b"\x00\x00\x00\x9d\x01\x2a" + struct.pack("<HH", 640 | 0x4000, 480 | 0x8000)
VP8L = b"\x2f" + struct.pack("<I", 639 | 479 << 14)


def riff(kind: bytes, data: bytes = b"") -> bytes:
    """
    Build a RIFF chunk, padded to an even size.
    """
    return kind + struct.pack("<I", len(data)) + data + bytes(len(data) & 1)


def webp(*chunks: bytes, extra: int = 0) -> bytes:
    """
    Build a WebP image whose RIFF size is *extra* too large.
    """
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body) + extra) + body


@pytest.mark.parametrize("first", [riff(b"VP8X", VP8X), riff(b"VP8 ", VP8), riff(b"VP8L", VP8L)])
def test_a_plain_webp_has_dimensions_and_no_store(first: bytes) -> None:
    """
    Each of its three forms says them in its own way; the canvas comes before the frame.
    """
    found = layout(webp(first, riff(b"VP8L", b"\x2f\x00\x00\x00\x00")))

    assert found == Layout(trailing_bytes=0, width=640, height=480)


@pytest.mark.parametrize("first", [riff(b"VP8X", VP8X[:9]), riff(b"VP8 ", bytes(10)), riff(b"VP8L", b"\x2f")])
def test_a_damaged_frame_header_has_no_dimensions(first: bytes) -> None:
    """
    Made-up dimensions are worse than none.
    """
    found = layout(webp(first))

    assert (found.width, found.height) == (None, None)


def test_every_c2pa_chunk_is_a_store_and_xmp_is_taken() -> None:
    """
    Chunks of odd size are padded.
    """
    found = layout(
        webp(riff(b"VP8L", VP8L), riff(b"C2PA", b"one"), riff(b"XMP ", b"<x/>"), riff(b"C2PA", b"two"))
    )

    assert found.stores == (b"one", b"two")
    assert found.xmp == b"<x/>"


@pytest.mark.parametrize("rest", [b"", b"m", riff(b"C2PA", b"late")])
def test_bytes_after_the_riff_chunk_are_counted(rest: bytes) -> None:
    """
    A chunk there is not part of the image.
    """
    found = layout(webp(riff(b"C2PA", b"store")) + rest)

    assert found.stores == (b"store",)
    assert len(rest) == found.trailing_bytes


def test_a_missing_pad_byte_is_no_damage() -> None:
    """
    Some writers leave it out, and some do not count it.
    """
    padded = webp(riff(b"C2PA", b"odd"))

    assert layout(padded[:4] + struct.pack("<I", len(padded) - 9) + padded[8:]).trailing_bytes == 0
    assert layout(padded[:4] + struct.pack("<I", len(padded) - 9) + padded[8:-1]).trailing_bytes == 0


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
        layout(data)


def test_a_damaged_webp_with_a_store_has_a_layout() -> None:
    """
    The engine reads a store that runs past the RIFF chunk, but not one that runs past the file.
    """
    assert layout(webp(riff(b"C2PA", b"store!"), extra=10)).stores == (b"store!",)
    assert layout(webp(riff(b"C2PA", b"store!"), extra=-2)).stores == (b"store!",)
    assert layout(webp(riff(b"C2PA", b"store!"), b"VP8L\xff\xff\xff\xff")).stores == (b"store!",)


def test_a_webp_of_empty_chunks_is_refused_after_as_many_as_allowed() -> None:
    """
    The engine takes seconds over such a file.
    """
    asset = counting(webp(riff(b"ABCD") * 100_000))

    with pytest.raises(AssetTooLargeError) as caught:
        scan(asset, LIMITS)

    assert caught.value.unit == "chunks"
    assert sum(asset.reads) < 9 * 65_536


@pytest.mark.parametrize(
    "build",
    [
        lambda stores: png(*(chunk(b"caBX", store) for store in stores)),
        lambda stores: webp(*(riff(b"C2PA", store) for store in stores)),
        lambda stores: jpeg(*(app11(store, instance=number) for number, store in enumerate(stores))),
    ],
)
def test_the_limit_on_stores_holds_over_all_of_them(build: Callable[[list[bytes]], bytes]) -> None:
    """
    Many small stores cost as much as one large one.
    """
    store = superbox(content=bytes(500))

    with pytest.raises(AssetTooLargeError) as caught:
        layout(build([store] * 10), Limits(max_store_bytes=9 * len(store)))

    assert caught.value.unit == "manifest store bytes"


# --- all of them ---------------------------------------------------------------------------------


MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\xff\x00\x00\x00WEBP", png()[:-12], jpeg()[:11], webp())


@pytest.mark.parametrize("magic", MAGIC)
@given(data=st.binary(max_size=400))
@PROPERTY
def test_random_bytes_raise_nothing_but_asset_errors(magic: bytes, data: bytes) -> None:
    """
    Every byte after the magic is an attacker's to choose.
    """
    with suppress(AssetError):
        assert layout(magic + data).embedding is None or layout(magic + data).store_found


WHOLE = (
    png(chunk(b"IDAT", b"x"), chunk(b"caBX", superbox()), itxt(zlib.compress(b"<x/>"), compressed=True)),
    jpeg(
        JFIF,
        *spread(superbox(content=bytes(100)), 60),
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\x00<x/>"),
    ),
    webp(riff(b"VP8X", VP8X), riff(b"VP8L", VP8L), riff(b"C2PA", superbox()), riff(b"XMP ", b"<x/>")),
)


@pytest.mark.parametrize("whole", WHOLE)
def test_a_truncated_image_is_an_asset_error_or_a_layout(whole: bytes) -> None:
    """
    At whatever byte it is cut.
    """
    assert layout(whole).store_found

    for size in range(len(whole)):
        with suppress(AssetError):
            assert layout(whole[:size]).trailing_bytes in (0, None)


@pytest.mark.parametrize("whole", WHOLE)
@given(changes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=8))
@PROPERTY
def test_a_damaged_image_is_an_asset_error_or_a_layout(whole: bytes, changes: list[tuple[int, int]]) -> None:
    """
    Lengths, markers and types included.
    """
    damaged = bytearray(whole)
    for offset, value in changes:
        damaged[offset % len(damaged)] = value

    with suppress(AssetError):
        found = layout(bytes(damaged))
        assert sum(map(len, found.stores)) <= len(whole)


def test_a_file_that_shrinks_while_it_is_scanned_is_an_asset_error(tmp_path: Path) -> None:
    """
    The size was read first, so headers may be missing where they must be.
    """
    path = tmp_path / "image"
    for data in (
        png(chunk(b"IDAT", bytes(9000))),
        jpeg(segment(0xE1, bytes(9000))),
        webp(riff(b"ABCD", bytes(9000))),
    ):
        path.write_bytes(data)
        with Asset.from_path(path, LIMITS) as asset, suppress(MalformedAssetError):
            with path.open("r+b") as file:
                file.truncate(5000)
            assert not scan(asset, LIMITS).store_found


# --- the corpus ----------------------------------------------------------------------------------

# The engine hands out the store without an ingredient's manifest there, since that one's claim was changed.
REBUILT_BY_THE_ENGINE = {"claim-hash-mismatch-in-ingredient.jpg"}


@pytest.fixture(scope="module")
def context() -> Any:  # noqa: ANN401  (the engine's binding has no types)
    """
    Make an engine that stays off the network.
    """
    return c2pa.Context(
        c2pa.Settings.from_dict(
            {
                "verify": {"remote_manifest_fetch": False},
                "core": {"decode_identity_assertions": False, "allowed_network_hosts": []},
            }
        )
    )


@pytest.mark.corpus
@needs_corpus
@pytest.mark.parametrize("path", WALKED, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_real_stores_are_those_the_engine_reads(path: Path, context: Any) -> None:  # noqa: ANN401
    """
    "Absent" is said without asking the engine, so it must be what the engine would say.
    """
    with Asset.from_path(path, LIMITS) as asset:
        found = scan(asset, LIMITS)
        embedded = read_store(asset, context)

    if embedded is None:
        assert found.stores == ()
    elif embedded == b"" or path.name in REBUILT_BY_THE_ENGINE:
        assert len(found.stores) == 1
        assert len(found.stores[0]) == int.from_bytes(found.stores[0][:4], "big")
    else:
        assert found.stores == (embedded,)


def read_store(asset: Asset, context: Any) -> bytes | None:  # noqa: ANN401
    """
    Let the engine read the manifest store; empty if it finds one and refuses it, None if it finds none.
    """
    store = io.BytesIO()
    try:
        with c2pa.Reader(asset.media_type, asset.stream(), context=context) as reader:
            label = json.loads(reader.json())["active_manifest"]
            reader.resource_to_stream(f"self#jumbf=/c2pa/{label}", store)
    except c2pa.C2paError.ManifestNotFound:
        return None
    except c2pa.C2paError:
        return b""
    return store.getvalue()


@pytest.mark.corpus
@needs_corpus
@pytest.mark.parametrize("path", IMAGES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_real_images_have_dimensions_and_no_trailing_bytes(path: Path) -> None:
    """
    Rejecting trailing bytes must reject nothing genuine; phones write some, which their data hashes cover.
    """
    with Asset.from_path(path, LIMITS) as asset:
        found = scan(asset, LIMITS)

    assert (found.width is None) == (found.height is None) == (path.name == "low-overhead-heif.avif")
    assert (found.trailing_bytes or 0) == TRAILING_IN_REAL_IMAGES.get(path.name, 0)


@pytest.mark.corpus
@needs_corpus
@pytest.mark.parametrize(
    ("file", "size"),
    [
        ("azure-openai/imagegen-claim-v1-20250508-17105e.jpg", (1024, 1536)),
        ("azure-openai/ingredient-claim-v2-2026080118-d596df.png", (1536, 1024)),
        ("other-signer/openai-chatgpt-dalle.webp", (1024, 1024)),
        ("none/plain-2.jpg", (468, 585)),
    ],
)
def test_width_comes_before_height(file: str, size: tuple[int, int]) -> None:
    """
    JPEG writes them the other way round.
    """
    with Asset.from_path(CORPUS / file, LIMITS) as asset:
        found = scan(asset, LIMITS)

    assert (found.width, found.height) == size


@pytest.mark.corpus
@needs_corpus
def test_a_removed_manifest_leaves_its_trace() -> None:
    """
    The image is "absent", and the trace is worth saying.
    """
    with Asset.from_path(CORPUS / "none" / "xmp-points-to-a-removed-manifest.jpg", LIMITS) as asset:
        found = scan(asset, LIMITS)

    assert not found.store_found
    assert found.xmp is not None
    assert (provenance_of(found.xmp) or "").startswith("self#jumbf=/c2pa/adobe:urn:uuid:5f5bba8c")


@pytest.mark.corpus
@needs_corpus
def test_a_store_with_a_damaged_first_box_is_found() -> None:
    """
    It is invalid, not absent.
    """
    with Asset.from_path(CORPUS / "invalid" / "corrupt-box-type.jpg", LIMITS) as asset:
        assert scan(asset, LIMITS).store_found


@pytest.mark.corpus
@needs_corpus
@pytest.mark.parametrize(
    "path", [path for path in WALKED if path.parent.name == "azure-openai"], ids=lambda p: p.name
)
def test_a_truncated_download_is_an_asset_error_or_a_layout(path: Path) -> None:
    """
    Cut in the middle of headers, of the store and of the picture.
    """
    data = path.read_bytes()

    for size in {*range(0, 200, 7), *range(200, 60_000, 1999), len(data) // 2, len(data) - 1}:
        with suppress(AssetError):
            assert layout(data[:size]).trailing_bytes == 0


@pytest.mark.parametrize("marker", range(0xD0, 0xD8))
def test_restart_markers_are_bounded_where_there_is_a_store(marker: int) -> None:
    """
    The engine makes a part of each: five megabytes of them cost it 6 s and 380 MiB.
    """
    data = jpeg(app11(superbox()), scan_and_end=SCAN + bytes((0xFF, marker)) * 50 + EOI)

    assert layout(data, Limits(max_chunks=120)).store_found
    with pytest.raises(AssetTooLargeError):
        layout(data, Limits(max_chunks=40))
