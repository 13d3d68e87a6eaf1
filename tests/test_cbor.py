"""
CBOR of claims and assertions, counted and decoded.
"""

from __future__ import annotations

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.cbor import MAX_DEPTH, count_items, decode
from provenance.errors import StructureError
from tests.manifest.test_store_bounds import LIES

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | st.binary() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=30,
)


def size(value: object) -> int:
    """
    Count a value and what lies in it.
    """
    if isinstance(value, list):
        return 1 + sum(map(size, value))
    if isinstance(value, dict):
        return 1 + sum(size(key) + size(item) for key, item in value.items())
    return 1


@given(VALUES)
def test_every_value_is_counted(value: object) -> None:
    """
    Keys included.
    """
    assert count_items(cbor2.dumps(value), 10**6) == size(value)


@given(VALUES, st.data())
def test_a_value_that_is_cut_is_refused(value: object, data: st.DataObject) -> None:
    """
    Wherever it is cut.
    """
    encoded = cbor2.dumps(value)
    cut = data.draw(st.integers(0, len(encoded) - 1))

    with pytest.raises(StructureError):
        decode(encoded[:cut])
    if cut:
        with pytest.raises(StructureError):
            count_items(encoded[:cut], 10**6)


@given(st.binary(max_size=200))
def test_any_bytes_are_counted_or_refused(data: bytes) -> None:
    """
    What the decoder takes, the counter takes too.
    """
    try:
        decode(data)
    except StructureError:
        return
    assert 1 <= count_items(data, 10**6) <= len(data)


@pytest.mark.parametrize("lie", LIES)
def test_what_is_not_there_is_not_decoded(lie: str) -> None:
    """
    Nothing is allocated for it either.
    """
    with pytest.raises(StructureError):
        decode(LIES[lie])


def test_counting_stops_where_it_is_told_to() -> None:
    """
    Soon after, however much there is.
    """
    assert count_items(b"\x9a\x00\x0f\x42\x40" + b"\x80" * 1_000_000, 10) == 11


def test_levels_are_bounded() -> None:
    """
    For arrays, maps, tags and indefinite lengths alike.
    """
    for head in (b"\x81", b"\xa1\x00", b"\xc6", b"\x9f"):
        tail = b"\xff" if head == b"\x9f" else b""
        for levels in (MAX_DEPTH, MAX_DEPTH + 1):
            data = head * levels + b"\x00" + tail * levels
            if levels <= MAX_DEPTH:
                assert count_items(data, 1000) > MAX_DEPTH
            else:
                with pytest.raises(StructureError):
                    count_items(data, 1000)


def test_what_is_tagged_is_given_without_its_tag() -> None:
    """
    So that no tag makes the decoder do anything.
    """
    tags = [0, 1, 2, 4, 5, 28, 30, 35, 36, 37, 52, 54, 258]
    encoded = b"".join(cbor2.dumps(cbor2.CBORTag(tag, "text")) for tag in tags)

    assert decode(bytes([0x80 + len(tags)]) + encoded) == ["text"] * len(tags)


def test_bytes_after_a_value_are_refused() -> None:
    """
    Two readers could each read another one.
    """
    with pytest.raises(StructureError):
        decode(b"\x01\x02")
