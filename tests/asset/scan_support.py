"""
PNG, JPEG and WebP images made from nothing, with whatever stands in them, for tests of their walkers.
"""

from __future__ import annotations

import itertools
import struct

from provenance.asset.asset import Asset
from tests.asset.container_support import LIMITS

STORE_UUID = bytes.fromhex("6332706100110010800000aa00389b71")


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


def itxt(packet: bytes, *, compressed: bool = False, keyword: bytes = b"XML:com.adobe.xmp") -> bytes:
    """
    Build an iTXt chunk.
    """
    flag = b"\x01" if compressed else b"\x00"
    return chunk(b"iTXt", keyword + b"\x00" + flag + b"\x00en\x00key\x00" + packet)


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


VP8X = struct.pack("<I", 16) + (639).to_bytes(3, "little") + (479).to_bytes(3, "little")
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
