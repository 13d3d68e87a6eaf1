"""
Tables of a TOML file, read with clear errors: the one way trust profiles, policies and settings are read.

A key that is not known is an error: a demand that is misspelt must not be a demand that is dropped.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from provenance.errors import ProvenanceError

MAX_FILE_BYTES = 4 * 1024 * 1024
_MAX_NAME = 64


class TomlTable(NamedTuple):
    """
    One table.

    Attributes:
        data: Its keys and values.

        where: How error messages call it.

        error: What is raised.
    """

    data: Mapping[str, object]
    where: str
    error: type[ProvenanceError]

    def __contains__(self, key: object) -> bool:
        """
        Check whether the key is there.
        """
        return key in self.data

    def only(self, *known: str) -> None:
        """
        Refuse keys other than these.
        """
        unknown = sorted(set(self.data) - set(known))
        if unknown:
            raise self.error(f"{self.where} has unknown keys: {', '.join(unknown)}")

    def text(self, key: str, default: str | None = None) -> str:
        """
        Return non-empty text, or *default* where the key is missing and there is one.
        """
        value = self.data.get(key, default)
        if not isinstance(value, str) or not (value or value == default):
            raise self.error(f"{self.where}: {key!r} is missing or not text")
        return value

    def number(self, key: str) -> int:
        """
        Return a whole number.
        """
        value = self.data.get(key)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.error(f"{self.where}: {key!r} is missing or not a whole number")
        return value

    def day(self, key: str) -> dt.date | None:
        """
        Return a day, or None where the key is missing.
        """
        value = self.data.get(key)
        if value is not None and type(value) is not dt.date:
            raise self.error(f"{self.where}: {key!r} is not a day, such as 2026-11-28")
        return value

    def flag(self, key: str) -> bool:
        """
        Return true or false; false where the key is missing.
        """
        value = self.data.get(key, False)
        if not isinstance(value, bool):
            raise self.error(f"{self.where}: {key!r} is not true or false")
        return value

    def texts(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """
        Return a list of text, or *default* where the key is missing and there is one.
        """
        if key not in self.data and default is not None:
            return default
        value = self.data.get(key)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.error(f"{self.where}: {key!r} is missing or not a list of text")
        return tuple(value)

    def table(self, key: str) -> TomlTable:
        """
        Return a table.
        """
        value = self.data.get(key)
        if not isinstance(value, dict):
            raise self.error(f"{self.where}: [{key}] is missing or not a table")
        return TomlTable(value, f"[{key}]", self.error)

    def tables(self, key: str) -> tuple[TomlTable, ...]:
        """
        Return a list of tables; empty where the key is missing.
        """
        value = self.data.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.error(f"{self.where}: {key!r} is not a list of tables")
        return tuple(TomlTable(item, f"[[{key}]]", self.error) for item in value)


@contextlib.contextmanager
def naming_file(where: str, error: type[ProvenanceError], hint: str) -> Iterator[None]:
    """
    Name a file in errors of this kind about what it holds, and what to do about it.

    Args:
        where: How error messages call the file.

        error: The kind of error.

        hint: What can be done about it, as a sentence.
    """
    try:
        yield
    except error as cause:
        message = str(cause)
        named = error(message if message.startswith(where) else f"{where}: {message}")
        named.hint = hint
        raise named from cause


def read_file(path: Path, error: type[ProvenanceError]) -> bytes:
    """
    Read a small file of the user's.

    Raises:
        ProvenanceError: Of the kind asked for, if it cannot be read or is larger than 4 MiB.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as cause:
        raise error(f"{path.name!r} cannot be read: {cause}") from cause
    if len(data) > MAX_FILE_BYTES:
        raise error(f"{path.name!r} is larger than {MAX_FILE_BYTES:,} bytes")
    return data


def parse_toml(data: bytes, where: str, error: type[ProvenanceError]) -> TomlTable:
    """
    Parse TOML.

    Raises:
        ProvenanceError: Of the kind asked for, if it is not TOML in UTF-8.
    """
    try:
        return TomlTable(tomllib.loads(data.decode()), where, error)
    except (ValueError, RecursionError) as cause:
        raise error(f"{where} is not TOML: {cause}") from cause


def is_name(text: str) -> bool:
    """
    Return whether text can name a profile or a policy.

    That is 1 to 64 ASCII letters, digits, '.', '-' and '_', a letter or digit first.
    """
    plain = text.translate({ord(mark): "x" for mark in "._-"})
    return 0 < len(text) <= _MAX_NAME and text.isascii() and plain.isalnum() and text[0].isalnum()
