"""
PNG: chunk headers from the signature to IEND.
"""

from __future__ import annotations

import struct
import zlib

from provenance.asset import Asset, Limits
from provenance.container.layout import Findings, Layout, too_many_chunks

_CHUNK_HEADER = struct.Struct(">I4s")
_IHDR = b"\x00\x00\x00\x0dIHDR"
_FAR_BYTES = 16 * 1024
_NEAR_WINDOW_BYTES = 64 * 1024
_FAR_WINDOW_BYTES = 2048
_XMP_KEYWORD = b"XML:com.adobe.xmp\x00"


def scan_png(asset: Asset, limits: Limits) -> Layout:
    """
    Walk chunk headers to IEND; checksums are not looked at.

    Source:
        PNG specification (third edition), section 5; C2PA 2.4, "Embedding manifests into PNG".
    """
    found = Findings(limits)
    end = _walk(asset, found)
    header = asset.read_at(8, 16)
    if header[:8] == _IHDR:
        found.set_dimensions(int.from_bytes(header[8:12], "big"), int.from_bytes(header[12:], "big"))
    else:
        found.damage = "the first chunk, at byte 8, is not IHDR"
    # Every byte of a chunk is hashed with it, but the checksum of the store's own.
    return found.layout(asset.size - end, 0 if found.stores else None)


def _walk(asset: Asset, found: Findings) -> int:
    """
    Walk chunk headers to IEND; return the byte after it, or the asset's size where there is none.
    """
    size, unpack = asset.size, _CHUNK_HEADER.unpack_from
    offset = base = 8
    length = 0
    window = asset.read_at(offset, _FAR_WINDOW_BYTES)
    last = len(window) - 8
    for _ in range(found.limits.max_chunks):
        if offset - base > last:
            # Small chunks are many: there one large read costs less than one read for each.
            window = asset.read_at(offset, _FAR_WINDOW_BYTES if length > _FAR_BYTES else _NEAR_WINDOW_BYTES)
            base, last = offset, len(window) - 8
            if last < 0:
                found.damage = f"the file ends at byte {size:,} without IEND"
                return size
        length, kind = unpack(window, offset - base)
        following: int = offset + 12 + length
        if following > size:
            found.damage = f"the chunk at byte {offset:,} runs past the end of the file"
            return size
        if kind == b"IEND":
            return following
        if kind == b"caBX":
            found.add_store(asset, ((offset + 8, length),))
        elif kind == b"iTXt":
            _read_international_text(asset, offset + 8, length, found)
        offset = following
    raise too_many_chunks(found.limits)


def _read_international_text(asset: Asset, offset: int, length: int, found: Findings) -> None:
    """
    Take the XMP packet out of an iTXt chunk, if it holds one.

    Source:
        PNG specification (third edition), section 11.3.3.4; XMP specification part 3, section 1.1.5.
    """
    keyword = asset.read_at(offset, min(length, len(_XMP_KEYWORD)))
    if keyword != _XMP_KEYWORD or found.xmp_seen:
        return
    found.add_xmp(asset, offset + len(_XMP_KEYWORD), length - len(_XMP_KEYWORD))
    if found.xmp is None:
        return
    # Compression flag and method, then language tag and translated keyword, each ended by a NUL.
    packet = found.xmp[2:].partition(b"\x00")[2].partition(b"\x00")[2]
    if found.xmp[:1] == b"\x01":
        packet = _inflate(packet, found.limits.max_xmp_bytes)
    found.xmp = packet


def _inflate(data: bytes, max_bytes: int) -> bytes:
    """
    Decompress *data*; empty if it is damaged, incomplete or would be larger than *max_bytes*.
    """
    inflater = zlib.decompressobj()
    try:
        inflated = inflater.decompress(data, max_bytes + 1)
    except zlib.error:
        return b""
    return inflated if inflater.eof and len(inflated) <= max_bytes else b""
