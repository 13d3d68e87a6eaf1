"""
File names in formats that cannot hold every name.

A name is bytes; most are UTF-8. What a format cannot hold is percent-encoded, and a flag says so,
because a name may hold percent signs of its own.
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple
from urllib.parse import quote

_NOT_TEXT = re.compile("[\\ud800-\\udfff\0%]")
_NOT_XML = re.compile("[\\ud800-\\udfff\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\\ufffe\\uffff\t\n\r%]")


class EncodedName(NamedTuple):
    """
    A name as a format holds it.

    Attributes:
        text: The name, or its percent-encoding.

        encoded: Whether it is percent-encoded: then decoding gives the bytes of the name.
    """

    text: str
    encoded: bool


def as_text(name: str) -> EncodedName:
    """
    Return a name that UTF-8 can hold.
    """
    return _encoded(name, _NOT_TEXT)


def as_xml(name: str) -> EncodedName:
    """
    Return a name that XML 1.0 can hold in an attribute, where tabs and line breaks would turn into spaces.
    """
    return _encoded(name, _NOT_XML)


def as_uri(name: str) -> str:
    """
    Return a name as a relative URI reference; a leading slash makes it an absolute path.
    """
    return quote(os.fsencode(name), safe="/")


def _encoded(name: str, forbidden: re.Pattern[str]) -> EncodedName:
    if not any(found.group() != "%" for found in forbidden.finditer(name)):
        return EncodedName(name, encoded=False)
    return EncodedName(
        forbidden.sub(lambda found: quote(os.fsencode(found.group()), safe=""), name), encoded=True
    )
