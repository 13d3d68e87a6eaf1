"""
What an XMP packet says about where the manifest of its image lies.
"""

from __future__ import annotations

import html
import re

_DCTERMS = re.compile(
    rb"""xmlns:([A-Za-z_][\w.-]{0,63})\s{0,64}=\s{0,64}["']http://purl\.org/dc/terms/["']""",
)
_PREFIX = re.compile(rb"[\s<]([A-Za-z_][\w.-]*)\Z")
_VALUE = re.compile(
    rb"""
    (?:\s{1,64}rdf:resource)? \s{0,64}=\s{0,64} (?: "([^"<]{1,8192}) | '([^'<]{1,8192}) )
    | (?:\s[^<>]{0,1024})? > ([^<]{1,8192})
    """,
    re.VERBOSE,
)
_MAX_PREFIX_BYTES = 65
_MAX_PROVENANCE_PROPERTIES = 64
_MAX_PROVENANCE_CHARACTERS = 2048


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
    prefixes = {b"dcterms", *_DCTERMS.findall(xmp)}
    at = -1
    for _ in range(_MAX_PROVENANCE_PROPERTIES):
        at = xmp.find(b":provenance", at + 1)
        if at < 0:
            return None
        prefix = _PREFIX.search(xmp, max(0, at - _MAX_PREFIX_BYTES), at)
        match = _VALUE.match(xmp, at + len(b":provenance"))
        if prefix is None or prefix[1] not in prefixes or match is None:
            continue
        value = html.unescape((match[1] or match[2] or match[3]).decode("utf-8", "replace")).strip()
        if value:
            return value[:_MAX_PROVENANCE_CHARACTERS]
    return None
