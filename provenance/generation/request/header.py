"""
Further headers for the API, as gateways ask for them; their values are taken for secrets.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from provenance.generation.errors import SettingError

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")
_VALUE = re.compile(r"[!-~](?:[ \t!-~]{0,8190}[!-~])?")
_MOST = 32
_SHORTEST_PART = 8

_CREDENTIALS = frozenset({"api-key", "authorization"})
_OWN = frozenset(
    {
        "accept-encoding", "connection", "content-encoding", "content-length", "content-type", "cookie",
        "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade",
        "x-ms-client-request-id",
    }
)  # fmt: skip


def check_headers(headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """
    Check headers, and return them as pairs of a name in lower case and a value.

    Raises:
        SettingError: If one is no header, or one that the client itself decides. No value is shown, and no
            name that might be one.

    Source:
        RFC 9110, sections 5.1 and 5.5.
    """
    if len(headers) > _MOST:
        message = f"more than {_MOST} further headers"
        raise SettingError(message)
    found: dict[str, str] = {}
    for name, value in headers.items():
        if not _fits(_NAME, name):
            raise SettingError("a further header's name holds characters that no name has")
        lowered = name.lower()
        if lowered in _CREDENTIALS:
            raise SettingError(f"the header {lowered} is not a further one: pass api_key or token")
        if lowered in _OWN or lowered.startswith("proxy-"):
            raise SettingError(f"the header {lowered} is the client's own")
        if lowered in found:
            raise SettingError(f"the header {lowered} is given twice")
        if not _fits(_VALUE, value):
            raise SettingError(f"the value of the header {lowered} is empty, or is not printable ASCII")
        found[lowered] = value
    return tuple(found.items())


def secrets_of(headers: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """
    List what must not appear in any error: the values, and their longer parts.
    """
    parts = (part for _, value in headers for part in value.split() if len(part) >= _SHORTEST_PART)
    return (*(value for _, value in headers), *parts)


def _fits(pattern: re.Pattern[str], text: object) -> bool:
    return isinstance(text, str) and pattern.fullmatch(text) is not None
