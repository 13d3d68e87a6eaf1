"""
Names of files in formats that cannot hold every name.
"""

from __future__ import annotations

import csv
import io
import os
from urllib.parse import unquote_to_bytes
from xml.etree import ElementTree as ET
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.audit.writer.file_name import EncodedName, as_text, as_uri, as_xml

NAMES = st.binary(min_size=1, max_size=40).map(lambda raw: os.fsdecode(raw.replace(b"\0", b"\1")))


@pytest.mark.parametrize(
    "name", ["plain.png", "100% right.png", "100%25.png", "ünï cödé.png", "a\nb,'\".png"]
)
def test_a_name_that_is_text_stays_as_it_is(name: str) -> None:
    """
    Nobody should have to decode ordinary names, percent signs included.
    """
    assert as_text(name) == EncodedName(name, encoded=False)


def test_bytes_that_are_no_text_are_percent_encoded_and_flagged() -> None:
    """
    Two names that differ must never look the same.
    """
    assert as_text(os.fsdecode(b"100%\xff.png")) == EncodedName("100%25%FF.png", encoded=True)


@given(NAMES)
def test_every_name_comes_back_from_text(name: str) -> None:
    """
    Through UTF-8 and CSV, as spreadsheets read it.
    """
    written = as_text(name)

    file = io.StringIO(newline="")
    csv.writer(file).writerow([written.text])
    file = io.StringIO(file.getvalue().encode().decode(), newline="")
    read = next(csv.reader(file))[0]
    assert _bytes(EncodedName(read, written.encoded)) == os.fsencode(name)


@given(NAMES)
def test_every_name_comes_back_from_xml(name: str) -> None:
    """
    An attribute's tabs and line breaks turn into spaces, and control characters break the document.
    """
    written = as_xml(name)

    read = ET.fromstring(f"<a b={quoteattr(written.text)}/>").get("b")  # noqa: S314 - written here
    assert read is not None
    assert _bytes(EncodedName(read, written.encoded)) == os.fsencode(name)


@given(NAMES)
def test_every_name_comes_back_from_a_uri(name: str) -> None:
    """
    A URI reference is always encoded, so it needs no flag.
    """
    written = as_uri(name)

    assert written.isascii()
    assert unquote_to_bytes(written) == os.fsencode(name)


def _bytes(name: EncodedName) -> bytes:
    return unquote_to_bytes(name.text) if name.encoded else os.fsencode(name.text)
