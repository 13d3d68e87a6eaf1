"""
The proxies that the environment names, and the hosts that need none.

Read here and not by the HTTP library, which reads NO_PROXY as URLs, ends in an error of its own on what
is none, and sets up every proxy that is named, whether one is needed or not.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies

from provenance.generation.errors import SettingError
from provenance.loopback import is_loopback

_PORTS = {"http": 80, "https": 443}
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_ENTRY = re.compile(r"(?P<host>\[[^\]]*\](?:/\d+)?|[^:]*(?:::?[^:]*){2,}|[^:]*)(?::(?P<port>\d{1,5}))?")


@dataclass(frozen=True, slots=True)
class Proxy:
    """
    An HTTP proxy. Name and password do not show in the `repr`.

    Attributes:
        variable: Where it is named, such as "HTTPS_PROXY".

        url: Its URL, without name and password.

        auth: These, or None.
    """

    variable: str
    url: str
    auth: tuple[str, str] | None = field(repr=False)


class Proxies:
    """
    Finds the proxy that leads to a host.
    """

    def __init__(self, named: Mapping[str, str] | None = None) -> None:
        """
        Use proxies by scheme, as `urllib.request.getproxies` returns them, by default the environment's.
        """
        self._named = getproxies() if named is None else named
        self._exempt = tuple(filter(None, re.split(r"[\s,]+", self._named.get("no", ""))))

    def lead_to(self, url: str) -> Proxy | None:
        """
        Return the proxy that leads to a URL; None for this machine itself, and for what needs none.

        Raises:
            SettingError: If the proxy that it would be cannot be used; the message does not show it.
        """
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
        if is_loopback(host) or any(_covers(entry, parts.scheme, host, port) for entry in self._exempt):
            return None
        name = next((name for name in (parts.scheme, "all") if self._named.get(name)), None)
        return _read(f"{name.upper()}_PROXY", self._named[name]) if name is not None else None


def _read(variable: str, text: str) -> Proxy:
    text = text.strip()
    try:
        parts = urlsplit(text if _SCHEME.match(text) else f"http://{text}")
        port, host = parts.port, parts.hostname or ""
    except ValueError as error:
        message = f"{variable} is not the URL of a proxy"
        raise SettingError(message) from error
    scheme = parts.scheme.lower()
    if scheme.startswith("socks"):
        raise SettingError(
            f"{variable} names a SOCKS proxy, which cannot be used: name an HTTP proxy in HTTPS_PROXY, or in "
            "NO_PROXY the hosts that can be reached without one"
        )
    is_plain = host.isascii() and host.isprintable() and " " not in host
    if (
        scheme not in _PORTS
        or not host
        or not is_plain
        or parts.path.strip("/")
        or parts.query
        or parts.fragment
    ):
        raise SettingError(
            f"{variable} is not the URL of a proxy, such as http://proxy.example:8080 (http or https)"
        )
    auth = None
    if parts.username is not None or parts.password is not None:
        auth = unquote(parts.username or ""), unquote(parts.password or "")
    address = f"[{host}]" if ":" in host else host
    return Proxy(variable, f"{scheme}://{address}:{port or _PORTS[scheme]}", auth)


def _covers(entry: str, scheme: str, host: str, port: int) -> bool:
    """
    Return whether an entry of NO_PROXY covers a host, as curl does; an entry that is none covers nothing.
    """
    if entry == "*":
        return True
    if found := _SCHEME.match(entry):
        if entry[: found.end() - 3].lower() not in (scheme, "all"):
            return False
        entry = entry[found.end() :].rstrip("/")
    parts = _ENTRY.fullmatch(entry)
    if parts is None or (parts["port"] is not None and int(parts["port"]) != port):
        return False
    name = parts["host"].replace("[", "").replace("]", "").lower()
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name, host = name.removeprefix("*").strip("."), host.lower().strip(".")
        return name != "" and (host == name or host.endswith(f".{name}"))
    try:
        return address in ipaddress.ip_network(name, strict=False)
    except ValueError:
        return False
