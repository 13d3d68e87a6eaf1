"""
PNG: chunk headers from the signature to IEND.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from provenance.asset.asset import Asset
from provenance.asset.layout import Embedding, Findings, Layout, Part, too_many_chunks
from provenance.asset.limits import Limits

_CHUNK_HEADER = struct.Struct(">I4s")
_STORE = b"caBX"
_IHDR = b"\x00\x00\x00\x0dIHDR"
_FAR_BYTES = 16 * 1024
_NEAR_WINDOW_BYTES = 64 * 1024
_FAR_WINDOW_BYTES = 2048
_XMP_KEYWORD = b"XML:com.adobe.xmp\x00"


def scan_png(asset: Asset, limits: Limits) -> Layout:
    """
    Walk chunk headers to IEND; of checksums, only the manifest store's is looked at.

    Source:
        PNG specification (third edition), section 5; C2PA 2.4, "Embedding manifests into PNG".
    """
    found = Findings(limits)
    chunks: list[tuple[bytes, int, int]] = []
    end = _walk(asset, found, chunks)
    header = asset.read_at(8, 16)
    if header[:8] == _IHDR:
        found.set_dimensions(int.from_bytes(header[8:12], "big"), int.from_bytes(header[12:], "big"))
    else:
        found.damage = "the first chunk, at byte 8, is not IHDR"
    return found.layout(asset.size - end, _parts(chunks))


def _parts(chunks: list[tuple[bytes, int, int]]) -> Iterator[Part]:
    yield Part("PNGh", 0, 8)
    for kind, start, length in chunks:
        yield Part("C2PA" if kind == _STORE else kind.decode("latin-1"), start, length)


def _walk(asset: Asset, found: Findings, chunks: list[tuple[bytes, int, int]]) -> int:
    """
    Walk chunk headers to IEND; return the byte after it, or the asset's size where there is none.

    Type, offset and length of each chunk, IEND included, are added to *chunks*.
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
        chunks.append((kind, offset, following - offset))
        if kind == b"IEND":
            return following
        if kind == _STORE:
            found.add_store(asset, ((offset + 8, length),), Embedding(offset, 12 + length))
            _check_sum(found, asset.read_at(following - 4, 4))
        elif kind == b"iTXt":
            _read_international_text(asset, offset + 8, length, found)
        offset = following
    raise too_many_chunks(found.limits)


def _check_sum(found: Findings, stated: bytes) -> None:
    # No hash covers the checksum of the store's own chunk, and the engine does not compute it.
    if zlib.crc32(found.stores[-1], zlib.crc32(_STORE)) != int.from_bytes(stated):
        found.embeddings[-1] = found.embeddings[-1]._replace(fault="the checksum of the caBX chunk is wrong")


def _read_international_text(asset: Asset, offset: int, length: int, found: Findings) -> None:
    """
    Read the XMP packet out of an iTXt chunk, if it holds one.

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
