"""
WebP: the chunks inside the RIFF chunk.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from provenance.asset.asset import Asset
from provenance.asset.layout import Embedding, Findings, Layout, too_many_chunks
from provenance.asset.limits import Limits

_RIFF_HEADER = struct.Struct("<4sI")
_FRAME_HEADER_BYTES = 10


def scan_webp(asset: Asset, limits: Limits) -> Layout:
    """
    Walk the chunks inside the RIFF chunk.

    Source:
        RFC 9649, section 2; C2PA 2.4, "Embedding manifests into RIFF-based files".
    """
    found = Findings(limits)
    end = 8 + int.from_bytes(asset.read_at(4, 4), "little")
    for kind, offset, length in _webp_chunks(asset, end, found):
        if kind == b"C2PA":
            # The byte that makes an odd length even is hashed: it is not part of the chunk.
            found.add_store(asset, ((offset, length),), Embedding(offset - 8, 8 + length))
        elif kind == b"XMP ":
            found.add_xmp(asset, offset, length)
        elif kind.startswith(b"VP8"):
            _read_webp_dimensions(kind, asset.read_at(offset, min(length, _FRAME_HEADER_BYTES)), found)
    return found.layout(max(0, asset.size - end - (end & 1)))


def _webp_chunks(asset: Asset, end: int, found: Findings) -> Iterator[tuple[bytes, int, int]]:
    """
    Yield type, offset and length of the data of each chunk that begins before *end*.

    The last may run past *end*, though not past the file: the engine reads a manifest store there.
    """
    stop = min(end, asset.size)
    if end > asset.size:
        found.damage = f"the RIFF chunk ends at byte {end:,}, the file at byte {asset.size:,}"
    offset = 12
    for _ in range(found.limits.max_chunks):
        header = asset.read_at(offset, 8)
        if offset + len(header) > stop or len(header) < _RIFF_HEADER.size:
            return
        kind, length = _RIFF_HEADER.unpack(header)
        following = offset + 8 + length
        if following > stop:
            found.damage = f"the chunk at byte {offset:,} runs past the end"
            if following > asset.size:
                return
        yield kind, offset + 8, length
        offset = following + (length & 1)
    raise too_many_chunks(found.limits)


def _read_webp_dimensions(kind: bytes, data: bytes, found: Findings) -> None:
    """
    Read the canvas (VP8X) or the frame (VP8, VP8L), whichever comes first.

    Source:
        RFC 9649, sections 2.7 and 3.4; RFC 6386, section 9.1.
    """
    width = height = 0
    if kind == b"VP8X" and data[9:]:
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (4, 7))
    elif kind == b"VP8 " and data[3:6] == b"\x9d\x01\x2a":
        width, height = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (6, 8))
    elif kind == b"VP8L" and data[:1] == b"\x2f" and data[4:]:
        packed = int.from_bytes(data[1:5], "little")
        width, height = (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    if width and height:
        found.set_dimensions(width, height)
