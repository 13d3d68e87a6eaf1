"""
What an XMP packet says about where the manifest of its image lies.
"""

from __future__ import annotations

import re

_DCTERMS = b"dcterms"
_DECLARATION = rb"""xmlns:([A-Za-z_][\w.-]{0,63})\s{0,64}=\s{0,64}["']http://purl\.org/dc/terms/["']"""
_PREFIX = rb"[\s<]([A-Za-z_][\w.-]*)\Z"
_VALUE = rb"""(?x)
    (?:\s{1,64}rdf:resource)? \s{0,64}=\s{0,64} (?: "([^"<]{1,8192}) | '([^'<]{1,8192}) )
    | (?:\s[^<>]{0,1024})? > ([^<]{1,8192})
    """
_MAX_VALUE_BYTES = 16_384
_MAX_PREFIX_BYTES = 65
_MAX_PROVENANCE_PROPERTIES = 64
_MAX_PROVENANCE_CHARACTERS = 2048
_NAME = b":provenance"


def provenance_of(xmp: bytes) -> str | None:
    """
    Find where an XMP packet says that the manifest lies, or lay.

    The value is the image's own claim, and often outlives the manifest it points at. It is searched
    for, not parsed: no XML parser sees these bytes.

    Args:
        xmp: XMP packet, in UTF-8.

    Returns:
        Value of the first dcterms:provenance property that has one, cut at 2,048 characters; None if
        there is none among the first 64. Hostile text: it may hold anything.

    Source:
        C2PA 2.4, "External manifests"; XMP specification part 1, section 7.
    """
    declared: frozenset[bytes] | None = None
    at = -1
    for _ in range(_MAX_PROVENANCE_PROPERTIES):
        at = xmp.find(_NAME, at + 1)
        if at < 0:
            return None
        start = at + len(_NAME)
        prefix = re.search(_PREFIX, xmp[max(0, at - _MAX_PREFIX_BYTES) : at])
        match = re.match(_VALUE, xmp[start : start + _MAX_VALUE_BYTES])
        if prefix is None or match is None:
            continue
        if prefix[1] != _DCTERMS and declared is None:
            # Once, however many properties there are: the packet is as long as its maker likes.
            declared = frozenset(re.findall(_DECLARATION, xmp))
        if prefix[1] == _DCTERMS or prefix[1] in (declared or ()):
            value = _unescaped((match[1] or match[2] or match[3]).decode("utf-8", "replace")).strip()
            if value:
                return value[:_MAX_PROVENANCE_CHARACTERS]
    return None


def _unescaped(text: str) -> str:
    if "&" not in text:
        return text
    import html  # noqa: PLC0415 - its tables take longer to load than most images take to judge

    return html.unescape(text)
