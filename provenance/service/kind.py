"""
Kinds of values that a setting may have: what each takes from a TOML file, and from text.

The environment and the command line give text only; a TOML file gives values with a type, and there the
type has to be the right one.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable
from typing import NamedTuple

_SIZE = re.compile(r"([1-9][0-9]{0,14}) ?([KMG]iB)?")
_SIZES = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_FLAGS = {"true": True, "false": False}


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

    return Kind(what, f"a whole number from {least:,} to {most:,}", take, int)


def seconds(least: float, most: float) -> Kind:
    """
    Make the kind of durations within bounds, in seconds.
    """

    def take(value: object) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise TypeError
        if not (math.isfinite(value) and least <= value <= most):
            raise ValueError
        return float(value)

    return Kind("seconds", f"a number of seconds from {least:g} to {most:g}", take, float)


def size(least: int, most: int) -> Kind:
    """
    Make the kind of sizes within bounds: a number of bytes, or text such as "20MiB".
    """

    def take(value: object) -> int:
        number = _bytes(value) if isinstance(value, str) else value
        if not isinstance(number, int) or isinstance(number, bool) or not least <= number <= most:
            raise ValueError
        return number

    allowed = f"a number of bytes from {least:,} to {most:,}, or text such as '500KiB', '20MiB' or '1GiB'"
    return Kind("size", allowed, take)


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
    return Kind("list of text", words, take, _split)


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


def _parse_flag(text: str) -> bool:
    if text not in _FLAGS:
        raise ValueError
    return _FLAGS[text]


FLAG = Kind("true or false", "true or false", _flag, _parse_flag)
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


def _bytes(text: str) -> int:
    found = _SIZE.fullmatch(text)
    if found is None:
        raise ValueError
    return int(found[1]) * _SIZES[found[2] or ""]


def _split(text: str) -> list[str]:
    return [item.strip() for item in text.split(",")] if text.strip() else []
