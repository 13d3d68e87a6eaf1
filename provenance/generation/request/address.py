"""
The endpoint, as the portal, the documentation and gateways show it: a resource, or a whole target URI.

A target URI names more than the resource: the form of URL, the deployment and the api-version. What it
names is read, never repeated in the URL that is asked.
"""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from provenance.generation.errors import SettingError
from provenance.loopback import is_loopback

_TARGET = re.compile(
    r"(?P<prefix>.*?)/openai"
    r"(?:/(?P<form>v1|deployments/(?P<deployment>[^/]+))(?:/(?P<operation>.+))?)?",
    re.IGNORECASE,
)
_OPERATIONS = frozenset({"images", "images/generations", "images/edits"})
_UNREAD = re.compile(r"/(deployments|images)(/|$)", re.IGNORECASE)
_WORDS = re.compile(r"[A-Za-z/_-]{1,40}")
_VERSION = re.compile(r"[A-Za-z0-9._-]{1,64}")
_LONGEST_LABEL = 63
_LONGEST_NAME = 253


class Address(NamedTuple):
    """
    What an endpoint says.

    Attributes:
        base: The endpoint without "/openai" and what follows it, and without a slash at the end.

        deployment: The deployment that a target URI names, or None.

        api_version: Its api-version, or None.

        v1: Which form of URL it has; None for a resource alone.
    """

    base: str
    deployment: str | None = None
    api_version: str | None = None
    v1: bool | None = None


def read_address(endpoint: str) -> Address:
    """
    Read an endpoint.

    Args:
        endpoint: A resource's or a gateway's URL, with or without a path, or a target URI.

    Raises:
        SettingError: If it is none of these; the message shows nothing that could be a secret.
    """
    parts = _split(endpoint.strip())
    path = re.sub("/{2,}", "/", parts.path).rstrip("/")
    found = _TARGET.fullmatch(path)
    if found is None and _UNREAD.search(path):
        raise SettingError(
            "the endpoint's path cannot be read: target URIs have /openai/deployments/NAME/ or /openai/v1/"
        )
    if found is None or found["form"] is None:
        if parts.query:
            raise SettingError(
                "the endpoint must be a URL such as https://NAME.openai.azure.com, without a query; only a "
                "target URI may have an api-version"
            )
        return Address(f"{parts.scheme}://{parts.netloc}{path if found is None else found['prefix']}")
    operation = (found["operation"] or "images").lower()
    if operation not in _OPERATIONS:
        named = f" but to {operation}" if _WORDS.fullmatch(operation) else ""
        raise SettingError(f"the endpoint is a target URI that does not lead to images{named}")
    deployment = unquote(found["deployment"]) if found["deployment"] else None
    base = f"{parts.scheme}://{parts.netloc}{found['prefix']}"
    return Address(base, deployment, _api_version(parts.query), deployment is None)


def _split(endpoint: str) -> SplitResult:
    if not endpoint:
        raise SettingError("no endpoint: pass endpoint=URL or set AZURE_OPENAI_ENDPOINT")
    try:
        parts = urlsplit(endpoint)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise SettingError("the endpoint is not a URL") from error
    is_plain = endpoint.isascii() and endpoint.isprintable() and " " not in endpoint
    if parts.username is not None or parts.fragment or not is_host(host, parts.netloc) or not is_plain:
        raise SettingError(
            "the endpoint must be a URL such as https://NAME.openai.azure.com, and no more; letters beyond "
            "ASCII are written as xn-- in a host, and as %XX in a path"
        )
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise SettingError("the endpoint must begin with https:// (http:// only for this machine)")
    return parts


def is_host(host: str, authority: str) -> bool:
    """
    Return whether a host can be looked up or connected to at all.

    Args:
        host: A name or an address, without brackets.

        authority: Where it stands, with brackets if it has any.

    Source:
        RFC 1035, section 2.3.4 (lengths of names).
    """
    # Looking up a longer name is an error of another kind in every library below.
    if "[" in authority:
        try:
            return ipaddress.ip_address(host) is not None
        except ValueError:
            return False
    labels = host.removesuffix(".").split(".")
    return len(host) <= _LONGEST_NAME and all(0 < len(label) <= _LONGEST_LABEL for label in labels)


def _api_version(query: str) -> str | None:
    fields = parse_qsl(query, keep_blank_values=True)
    if not fields:
        return None
    (name, version), *more = fields
    if more or name.lower() != "api-version":
        raise SettingError(
            "the endpoint's query holds more than an api-version; what a gateway asks for goes into headers"
        )
    if not _VERSION.fullmatch(version):
        raise SettingError("the endpoint's api-version is no version")
    return version
