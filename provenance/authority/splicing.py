"""
A signed JPEG with another picture between two pieces of its manifest store.

What is put there is bound by no hash, and the claim signature holds: room comes from the padding of the claim
signature, which nobody signs. The engine compares how long the pieces are with how long the exclusion is, and
not where they lie.
"""

from __future__ import annotations

import struct

from provenance.authority import box
from provenance.authority.image import jpeg_segment

_APP11 = 0xEB
_PREFIX = 8
_HEADER = 8
_SEGMENT_HEADER = 4
_PAD = b"\x63pad\x59"


def splice_store(signed: bytes, between: bytes) -> bytes:
    """
    Put segments between two pieces of the manifest store of a JPEG, and hide as many of its own behind them.

    Args:
        signed: JPEG with a data hash, its store in one segment, and padding in its claim signature for
            *between* and 28 bytes more.

        between: Whole segments, which a decoder reads in place of as many bytes behind the store.

    Raises:
        ValueError: If there is not enough padding.
    """
    start = signed.index(b"\xff\xeb")
    end = start + 2 + int.from_bytes(signed[start + 2 : start + 4])
    prefix, store = signed[start + 4 : start + 4 + _PREFIX], signed[start + 4 + _PREFIX : end]
    hidden = signed[end : end + len(between)]
    shorter = _swallow(store, hidden)
    cut = len(shorter) // 2
    pieces = shorter[:cut], shorter[:_HEADER] + shorter[cut:]
    segments = [
        jpeg_segment(_APP11, prefix[:4] + struct.pack(">I", number) + piece)
        for number, piece in enumerate(pieces, 1)
    ]
    return signed[:start] + segments[0] + between + segments[1] + signed[end + len(between) :]


def _swallow(store: bytes, hidden: bytes) -> bytes:
    """
    Put bytes into a box at the end of a store, and take them, and what pieces cost, out of the padding.
    """
    cost = _SEGMENT_HEADER + _PREFIX + _HEADER
    spared = len(hidden) + _HEADER + cost
    at = store.rindex(_PAD) + len(_PAD)
    padding = int.from_bytes(store[at : at + 2]) - spared
    if padding <= 0xFF:  # noqa: PLR2004 - below this the head of the byte string would get shorter, too
        raise ValueError("the claim signature has too little padding")
    content = bytearray(store[:at] + struct.pack(">H", padding) + store[at + 2 + spared :])
    *around, innermost = _last_boxes(store)
    for position in around:
        _lengthen(content, position, -cost)
    _lengthen(content, innermost, -spared)
    return bytes(content) + box.box(b"free", hidden)


def _last_boxes(store: bytes) -> list[int]:
    """
    Find where the store's superbox begins, and the last box in it, in that, and so on.
    """
    found = [0]
    while store[found[-1] + 4 : found[-1] + 8] == b"jumb":
        position, end = found[-1] + _HEADER, found[-1] + int.from_bytes(store[found[-1] : found[-1] + 4])
        while position + int.from_bytes(store[position : position + 4]) < end:
            position += int.from_bytes(store[position : position + 4])
        found.append(position)
    return found


def _lengthen(content: bytearray, position: int, by: int) -> None:
    struct.pack_into(">I", content, position, int.from_bytes(content[position : position + 4]) + by)
