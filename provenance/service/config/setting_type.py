"""
Kinds of values that a setting may have: what each takes from a TOML file, and from text.

The environment and the command line give text only; a TOML file gives values with a type, and there the
type has to be the right one. Sizes and durations may be text there, too: TOML has no type for them.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable
from typing import NamedTuple, cast

from provenance.text_value import (
    DURATION,
    SIZE,
    read_flag,
    read_list,
    read_seconds,
    read_size,
    read_whole,
)


class Kind(NamedTuple):
    """
    One kind of value.

    Attributes:
        name: What it is called in the table of settings.

        allowed: What it may be, to end the sentence "it has to be ...".

        take: Gives the value as it is kept; raises ValueError or TypeError for anything else.

        parse: Makes of text what `take` takes; raises ValueError where it cannot.

        is_private: Whether error messages leave the value out, because there may be a password in it.
    """

    name: str
    allowed: str
    take: Callable[[object], object]
    parse: Callable[[str], object] = str
    is_private: bool = False


def whole(least: int, most: int, what: str = "whole number") -> Kind:
    """
    Make the kind of whole numbers within bounds.
    """

    def take(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError
        return value

    return Kind(what, f"a whole number from {least:,} to {most:,}", take, read_whole)


def seconds(least: float, most: float) -> Kind:
    """
    Make the kind of durations within bounds: a number of seconds, or text such as "90s" or "2m".
    """

    def take(value: object) -> float:
        number = read_seconds(value) if isinstance(value, str) else value
        if not isinstance(number, int | float) or isinstance(number, bool):
            raise TypeError
        if not (math.isfinite(number) and least <= number <= most):
            raise ValueError
        return float(number)

    allowed = f"a number of seconds from {least:g} to {most:g}, or {DURATION}"
    return Kind("seconds", allowed, take)


def whole_seconds(least: int, most: int) -> Kind:
    """
    Make the kind of durations of whole seconds.
    """
    kind = seconds(least, most)

    def take(value: object) -> int:
        number = cast("float", kind.take(value))
        if not number.is_integer():
            raise ValueError
        return int(number)

    return kind._replace(allowed=f"a whole {kind.allowed.removeprefix('a ')}", take=take)


def size(least: int, most: int) -> Kind:
    """
    Make the kind of sizes within bounds: a number of bytes, or text such as "20MiB".
    """

    def take(value: object) -> int:
        number = read_size(value) if isinstance(value, str) else value
        if not isinstance(number, int) or isinstance(number, bool) or not least <= number <= most:
            raise ValueError
        return number

    return Kind("size", f"a number of bytes from {least:,} to {most:,}, or {SIZE}", take)


def choice(*words: str) -> Kind:
    """
    Make the kind of one word out of several.
    """

    def take(value: object) -> str:
        if value not in words or not isinstance(value, str):
            raise ValueError
        return value

    return Kind("text", f"one of {', '.join(words)}", take)


def texts(allowed: str, check: Callable[[str], object], least: int = 0) -> Kind:
    """
    Make the kind of lists of text; as text they are separated by commas.

    Args:
        allowed: What each may be.

        check: Raises ValueError for anything else.

        least: How many there are at least.
    """

    def take(value: object) -> tuple[str, ...]:
        if not isinstance(value, list | tuple) or len(value) < least or len(set(value)) < len(value):
            raise ValueError
        for item in value:
            if not isinstance(item, str) or not item:
                raise TypeError
            check(item)
        return tuple(value)

    words = f"a list of {allowed}, none twice" + (", not empty" if least else "")
    return Kind("list of text", words, take, read_list)


def text(allowed: str, check: Callable[[str], object], *, is_private: bool = False) -> Kind:
    """
    Make the kind of text that is not empty and that *check* has no ValueError for.
    """

    def take(value: object) -> str:
        if not isinstance(value, str) or not value:
            raise TypeError
        check(value)
        return value

    return Kind("text", allowed, take, is_private=is_private)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


FLAG = Kind("true or false", "true or false", _flag, read_flag)
"""
Yes or no.
"""


def anything(text: str) -> str:
    """
    Have nothing against any text.
    """
    return text


def host(text: str) -> bytes:
    """
    Refuse what can be neither an address nor a name of a machine.
    """
    if not text.isprintable() or " " in text:
        raise ValueError
    return text.encode("idna")


def network(text: str) -> object:
    """
    Refuse what is neither an IP address nor a network of such.
    """
    return ipaddress.ip_network(text, strict=False)


def web_address(text: str) -> str:
    """
    Refuse what does not begin like an address of HTTP, or holds what no address holds.
    """
    if re.fullmatch(r"https?://[!-~]+", text) is None:
        raise ValueError
    return text
