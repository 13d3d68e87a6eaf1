"""
XMP packets: where they say that the manifest lies.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.asset.xmp import provenance_of

PROPERTY = settings(deadline=None, derandomize=True, database=None)


@pytest.mark.parametrize(
    ("xmp", "expected"),
    [
        (b'<rdf:Description dcterms:provenance="self#jumbf=c2pa/x"/>', "self#jumbf=c2pa/x"),
        (b"<a dcterms:provenance = 'https://example.com/?a=1&amp;b=2'/>", "https://example.com/?a=1&b=2"),
        (b"<dcterms:provenance>\n https://a/b </dcterms:provenance>", "https://a/b"),
        (b'<dcterms:provenance xml:lang="en">x</dcterms:provenance>', "x"),
        (b"<dcterms:provenance rdf:resource='urn:x'/>", "urn:x"),
        (b'<a xmlns:t = "http://purl.org/dc/terms/" t:provenance="x"/>', "x"),
        (b"<a xmlns:t='http://purl.org/dc/terms/'><t:provenance>x</t:provenance></a>", "x"),
        (b'<a xmpMM:provenance="no" dcterms:provenance="x"/>', "x"),
        (b'<a dcterms:provenance="" b="" /><dcterms:provenance>x<', "x"),
        (b'<a dcterms:provenance="\xff\xfe"/>', "\ufffd\ufffd"),
        (b'<a dcterms:provenance="unfinished', "unfinished"),
        (b'<a t:provenance="x"/>', None),
        (b'<a adcterms:provenance="x"/>', None),
        (b'<a dcterms:provenances="x"/>', None),
        (b"<dcterms:provenance/><b>x</b>", None),
        (b'<a dcterms:provenance=" "/>', None),
        (b"dcterms:provenance", None),
        (b":provenance='x'", None),
        (b"", None),
    ],
)
def test_the_provenance_property_is_found_in_every_form(xmp: bytes, expected: str | None) -> None:
    """
    XMP allows attributes and elements, both quotes and any prefix.
    """
    assert expected == provenance_of(xmp)


@pytest.mark.parametrize("filling", [b"x", b"&amp;", "é".encode(), b"&NotEqualTilde;"])
def test_a_long_provenance_is_cut(filling: bytes) -> None:
    """
    It ends up in reports.
    """
    found = provenance_of(b'<a dcterms:provenance="' + filling * 10_000 + b'"/>')

    assert found is not None
    assert 0 < len(found) <= 2048


@pytest.mark.parametrize(
    "filling",
    [
        b" dcterms:provenance ",
        b" dcterms:provenance",
        b"<dcterms:provenance " + b"x" * 1000,
        b"xmlns:",
        b"xmlns:" + b"a" * 60,
        b"xmlns:a" + b" " * 60,
        b"a" * 64,
        b'xmlns:a="http://purl.org/dc/terms/"',
    ],
)
def test_a_packet_made_to_make_searching_slow_is_searched(filling: bytes) -> None:
    """
    A pattern that backtracks through a megabyte would not come back.
    """
    assert provenance_of(filling * (1024 * 1024 // len(filling))) is None


@pytest.mark.parametrize("filling", [b"xmlns:a", b"xmlns:a='http://purl.org/dc/terms/' ", b"x"])
def test_prefixes_are_searched_for_once_however_many_properties_there_are(
    filling: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A megabyte searched through for each of 64 properties took seconds, and comes in 2 KB of PNG.
    """
    searched: list[bytes] = []
    search = re.findall

    def count(pattern: bytes, text: bytes) -> list[bytes]:
        searched.append(text)
        found: list[bytes] = search(pattern, text)
        return found

    monkeypatch.setattr(re, "findall", count)
    properties = b'<x t:provenance="v"/>' * 64
    packet = properties + filling * ((1024 * 1024 - len(properties)) // len(filling))

    assert provenance_of(packet) is None
    assert searched == [packet]


@given(xmp=st.binary(max_size=300))
@PROPERTY
def test_random_xmp_is_searched(xmp: bytes) -> None:
    """
    Whatever follows the property's name.
    """
    for head in (b"", b'<a dcterms:provenance="', b"<dcterms:provenance", b"<dcterms:provenance>"):
        found = provenance_of(head + xmp)
        assert found is None or 0 < len(found) <= 2048
