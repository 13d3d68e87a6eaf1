"""
CBOR of claims and assertions, which many hands write: bounded, and not strict.

Genuine ones hold indefinite lengths and tagged times. What is refused is what would cost memory or time that
the bytes do not account for: lengths past their end, nesting without end, keys that collide.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import cbor2

from provenance.errors import StructureError

MAX_DEPTH = 32
"""
Most levels of arrays, maps and tags; genuine claims and assertions have at most 9.
"""

_ARGUMENT_BYTES = {24: 1, 25: 2, 26: 4, 27: 8}
_INDEFINITE = 31
_BREAK = 0xFF
_BYTES, _TEXT, _ARRAY, _MAP, _TAG = 2, 3, 4, 5, 6


def _untagged(value: object, _immutable: bool) -> object:  # noqa: FBT001 - as the decoder calls it
    return value


ACTIVE_TAGS = (
    *(0, 1, 2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 52, 54, 100),
    *(256, 258, 260, 261, 1004, 43000, 55799),
)
"""
Tags that the decoder would act on: it makes times and numbers, compiles patterns, shares values and more.
"""

_TAGS = dict.fromkeys(ACTIVE_TAGS, _untagged)


def decode(data: bytes) -> object:
    """
    Decode a claim or an assertion; tags are left out, whatever they tag.

    Raises:
        StructureError: If it is not one CBOR value of at most 32 levels with texts or bytes as keys.
    """
    return decode_one(data, semantic_decoders=_TAGS, max_depth=MAX_DEPTH, strict_hashable_types=True)


def decode_one(data: bytes, **options: Any) -> object:  # noqa: ANN401 - as the decoder takes them
    """
    Decode one CBOR value, with options of `cbor2.CBORDecoder`.

    Raises:
        StructureError: If it is none, if the options forbid it, or if bytes follow it.
    """
    source = BytesIO(data)
    try:
        value: object = cbor2.CBORDecoder(source, **options).decode()
    except (cbor2.CBORDecodeError, ValueError, TypeError, OverflowError) as error:
        raise StructureError(f"CBOR cannot be read: {error}") from error
    if source.tell() != len(data):
        raise StructureError("bytes follow a CBOR value")
    return value


def count_items(data: bytes, most: int) -> int:
    """
    Count the values in CBOR, keys and tags included, without making any of them.

    Args:
        data: CBOR values, one after the other.

        most: Where to stop.

    Returns:
        How many there are, or a number greater than *most*.

    Raises:
        StructureError: If a value runs past the end, is of no kind that CBOR knows, or lies deeper than
            32 levels.

    Source:
        RFC 8949, section 3 and appendix C.
    """
    count = position = 0
    open_values: list[int] = []  # how many are still to come on each level; -1 until a break
    while position < len(data) and count <= most:
        count += 1
        position, content = _head(data, position, in_indefinite=bool(open_values) and open_values[-1] < 0)
        if content is None:
            open_values.pop()
        elif content:
            open_values.append(content)
            if len(open_values) > MAX_DEPTH:
                raise StructureError(f"CBOR is nested deeper than {MAX_DEPTH} levels")
            continue
        while open_values and open_values[-1] > 0:
            open_values[-1] -= 1
            if open_values[-1]:
                break
            open_values.pop()
    if count <= most and (open_values or position > len(data)):
        raise StructureError("a CBOR value runs past its end")
    return count


def _head(data: bytes, position: int, *, in_indefinite: bool) -> tuple[int, int | None]:
    """
    Read one head, and skip the content of a string.

    Returns:
        Where the next head begins; and how many values lie inside this one, -1 for as many as come before a
        break, None for a break.
    """
    initial = data[position]
    if initial == _BREAK:
        if not in_indefinite:
            raise StructureError("CBOR has a break where none belongs")
        return position + 1, None
    major, argument = initial >> 5, initial & 31
    position += 1
    if argument in _ARGUMENT_BYTES:
        size = _ARGUMENT_BYTES[argument]
        argument = int.from_bytes(data[position : position + size])
        position += size
    elif argument == _INDEFINITE and _BYTES <= major <= _MAP:
        return position, -1
    elif argument > 23:  # noqa: PLR2004 - RFC 8949, section 3: up to here it is the value itself
        raise StructureError("CBOR has a head that means nothing")
    if major in (_BYTES, _TEXT):
        position += argument
    if position > len(data) or (major in (_ARRAY, _MAP) and argument > len(data) - position):
        raise StructureError("a CBOR value runs past its end")
    if major == _TAG:
        return position, 1
    return position, {_ARRAY: argument, _MAP: 2 * argument}.get(major, 0)


def as_list(value: object) -> Sequence[object]:
    """
    Read a decoded value as a list; anything else is an empty one.
    """
    return value if isinstance(value, list | tuple) else ()
