"""
Types of settings: what each accepts from a TOML file, and from text.

In the environment and on the command line there is text only; a TOML file has values with a type, and there
the type has to be the right one. Sizes and durations may be text there, too: TOML has no type for them.
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


class SettingType(NamedTuple):
    """
    The type of a setting.

    Attributes:
        name: What it is called in the table of settings.

        allowed: What it may be, to end the sentence "it has to be ...".

        convert: Returns the value as it is kept; raises ValueError or TypeError for anything else.

        parse: Makes of text what `convert` accepts; raises ValueError where it cannot.

        is_private: Whether error messages leave the value out, because there may be a password in it.
    """

    name: str
    allowed: str
    convert: Callable[[object], object]
    parse: Callable[[str], object] = str
    is_private: bool = False


def whole_number(least: int, most: int, what: str = "whole number") -> SettingType:
    """
    Make the type of whole numbers within bounds.
    """

    def convert(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError
        return value

    return SettingType(what, f"a whole number from {least:,} to {most:,}", convert, read_whole)


def seconds(least: float, most: float) -> SettingType:
    """
    Make the type of durations within bounds: a number of seconds, or text such as "90s" or "2m".
    """

    def convert(value: object) -> float:
        number = read_seconds(value) if isinstance(value, str) else value
        if not isinstance(number, int | float) or isinstance(number, bool):
            raise TypeError
        if not (math.isfinite(number) and least <= number <= most):
            raise ValueError
        return float(number)

    allowed = f"a number of seconds from {least:g} to {most:g}, or {DURATION}"
    return SettingType("seconds", allowed, convert)


def whole_seconds(least: int, most: int) -> SettingType:
    """
    Make the type of durations of whole seconds.
    """
    fractional = seconds(least, most)

    def convert(value: object) -> int:
        number = cast("float", fractional.convert(value))
        if not number.is_integer():
            raise ValueError
        return int(number)

    return fractional._replace(allowed=f"a whole {fractional.allowed.removeprefix('a ')}", convert=convert)


def size(least: int, most: int) -> SettingType:
    """
    Make the type of sizes within bounds: a number of bytes, or text such as "20MiB".
    """

    def convert(value: object) -> int:
        number = read_size(value) if isinstance(value, str) else value
        if not isinstance(number, int) or isinstance(number, bool) or not least <= number <= most:
            raise ValueError
        return number

    return SettingType("size", f"a number of bytes from {least:,} to {most:,}, or {SIZE}", convert)


def choice(*words: str) -> SettingType:
    """
    Make the type of one word out of several.
    """

    def convert(value: object) -> str:
        if value not in words or not isinstance(value, str):
            raise ValueError
        return value

    return SettingType("text", f"one of {', '.join(words)}", convert)


def text_list(allowed: str, check: Callable[[str], object], least: int = 0) -> SettingType:
    """
    Make the type of lists of text; as text they are separated by commas.

    Args:
        allowed: What each may be.

        check: Raises ValueError for anything else.

        least: How many there are at least.
    """

    def convert(value: object) -> tuple[str, ...]:
        if not isinstance(value, list | tuple) or len(value) < least or len(set(value)) < len(value):
            raise ValueError
        for item in value:
            if not isinstance(item, str) or not item:
                raise TypeError
            check(item)
        return tuple(value)

    words = f"a list of {allowed}, none twice" + (", not empty" if least else "")
    return SettingType("list of text", words, convert, read_list)


def text(allowed: str, check: Callable[[str], object], *, is_private: bool = False) -> SettingType:
    """
    Make the type of text that is not empty and that *check* has no ValueError for.
    """

    def convert(value: object) -> str:
        if not isinstance(value, str) or not value:
            raise TypeError
        check(value)
        return value

    return SettingType("text", allowed, convert, is_private=is_private)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


FLAG = SettingType("true or false", "true or false", _flag, read_flag)
"""
Yes or no.
"""


def any_text(text: str) -> str:
    """
    Accept any text.
    """
    return text


def host_name(text: str) -> bytes:
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
