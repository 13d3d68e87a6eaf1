"""
SVG: a search for elements that can hold a manifest store; no XML parser sees these bytes.

Every start tag with the right local name counts, wherever it stands: the engine alone knows whether it
takes one in a comment for markup, and what it might find is not called absent here.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator

from provenance.asset.asset import Asset
from provenance.asset.layout import Embedding, Findings, Layout
from provenance.asset.limits import Limits
from provenance.errors import AssetTooLargeError

_MAX_BYTES_WITH_STORE = 32 * 1024 * 1024
_MAX_TAGS_WITH_STORE = 500_000
_MAX_ELEMENTS = 64
_PIECE_BYTES = 1024 * 1024
_OVERLAP_BYTES = 32
_LOCAL_NAME = re.compile(rb"[<:]manifest[\s/>]")
_START = re.compile(rb"<((?:[^\s<>/=\"':]+:)?+manifest)(?=[\s/>])")
_REST = re.compile(rb"(?:[^<>\"'/]|\"[^\"<]*+\"|'[^'<]*+')*+(/?>)([^<]*+)")
_BASE64 = re.compile(rb"[A-Za-z0-9+/]*+={0,2}")
_END_TAG = re.compile(rb"</(?:[^\s<>/=\"':]+:)?+svg\s*+>")
_END_BYTES = 64 * 1024
_PACKET_ID = re.compile(rb"W5M0MpCehiHzreSzNTczkc9d")
_PACKET_BEGIN, _PACKET_END = b"<?xpacket", b"<?xpacket end"
_PACKET_BEGIN_BYTES = 256


def scan_svg(asset: Asset, limits: Limits) -> Layout:
    """
    Search the text for manifest stores.

    Raises:
        AssetTooLargeError: If there is a store, and more text or markup than the engine reads in a
            fraction of a second.

    Source:
        C2PA 2.4, "Embedding manifests into SVG".
    """
    found = Findings(limits)
    _find_xmp(asset, found)
    if not _is_whole(asset):
        found.damage = "the text ends before the svg element does"
    if next(_search(asset, _LOCAL_NAME), None) is None:
        return found.layout(None)
    if asset.size > _MAX_BYTES_WITH_STORE:
        raise AssetTooLargeError("bytes beside a manifest store", asset.size, _MAX_BYTES_WITH_STORE)
    text = asset.read_at(0, asset.size)
    embeddings = list(_embeddings(text))
    if not embeddings:
        return found.layout(None)
    tags = text.count(b"<")
    if tags > _MAX_TAGS_WITH_STORE:
        raise AssetTooLargeError("tags beside a manifest store", tags, _MAX_TAGS_WITH_STORE)
    for embedding in embeddings:
        _add_store(text[embedding.start : embedding.end], found)
    return found.layout(None)._replace(embedding=embeddings[0] if len(embeddings) == 1 else None)


def _is_whole(asset: Asset) -> bool:
    """
    Return whether the root element is closed near the end; a file that was cut off seldom closes it.
    """
    end = asset.read_at(max(0, asset.size - _END_BYTES), _END_BYTES).rstrip()
    return end.endswith(b"/>") or (end.endswith(b">") and _END_TAG.search(end) is not None)


def _search(asset: Asset, pattern: re.Pattern[bytes]) -> Iterator[int]:
    """
    Yield where a short *pattern* matches, with one piece of the text in memory.
    """
    for base in range(0, asset.size, _PIECE_BYTES):
        piece = asset.read_at(base, _PIECE_BYTES + _OVERLAP_BYTES)
        for match in pattern.finditer(piece):
            yield base + match.start()


def _embeddings(text: bytes) -> Iterator[Embedding]:
    """
    Yield the span of the text in each element that can hold a store, with what is wrong with it.

    An element without any content holds none.
    """
    count = 0
    for start in _START.finditer(text):
        rest = _REST.match(text, start.end())
        if rest is None:
            embedding = Embedding(start.end(), 0, "the tag around it cannot be read")
        else:
            closed = re.compile(rb"</" + re.escape(start[1]) + rb"\s*+>").match(text, rest.end())
            if rest[1] == b"/>" or (not rest[2] and closed):
                continue
            fault = None
            if not closed:
                fault = "it is not the only content of its element"
            elif not _BASE64.fullmatch(rest[2]) or len(rest[2]) % 4:
                fault = "it is not base64, and nothing else"
            embedding = Embedding(rest.start(2), len(rest[2]), fault)
        count += 1
        if count > _MAX_ELEMENTS:
            raise AssetTooLargeError("elements for a manifest store", count, _MAX_ELEMENTS)
        yield embedding


def _add_store(encoded: bytes, found: Findings) -> None:
    """
    Decode a store; what is no base64 is left out, as the engine does.
    """
    try:
        store = binascii.a2b_base64(encoded)
    except binascii.Error:
        store = b""
    found.require_room(len(store))
    found.stores.append(store)


def _find_xmp(asset: Asset, found: Findings) -> None:
    """
    Find the XMP packet, unless it is larger than allowed.

    Source:
        XMP specification part 3, section 2.6.5.
    """
    at = next(_search(asset, _PACKET_ID), None)
    if at is None:
        return
    start = max(0, at - _PACKET_BEGIN_BYTES)
    begin = asset.read_at(start, at - start).rfind(_PACKET_BEGIN)
    packet = asset.read_at(start + max(0, begin), found.limits.max_xmp_bytes)
    end = packet.find(_PACKET_END)
    if begin >= 0 and end >= 0:
        found.xmp = packet[:end]
