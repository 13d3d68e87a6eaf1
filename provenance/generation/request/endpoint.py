"""
Where the service is, which deployment is meant, and who asks.

There are two forms of URL. With a dated api-version, from the argument or OPENAI_API_VERSION, it is the
deployment's: the deployment stands in the path, and `model` must not stand in the body. Without one, with
one that only the other form has ("v1", "preview", "latest"), or with `v1=True`, it is `/openai/v1/`, where
`model` in the body names the deployment. An endpoint that is a target URI says which it is.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote, urlsplit

from provenance.generation.errors import AuthenticationError, SettingError
from provenance.generation.request.address import Address, read_address
from provenance.generation.request.header import check_headers, secrets_of
from provenance.generation.transport.message import TokenProvider
from provenance.loopback import is_loopback

Operation = Literal["generations", "edits"]

V1_VERSIONS = frozenset({"v1", "preview", "latest"})
"""
The api-versions that only the v1 form has.
"""


@dataclass(frozen=True, slots=True)
class RequestCredential:
    """
    What one request is sent with; nothing of it shows in the `repr`.

    Attributes:
        headers: The header to send.

        secrets: What must not appear in any error.
    """

    headers: Mapping[str, str] = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """
    Where requests go, and as whom. The key does not show in the `repr`.

    Attributes:
        base: The endpoint without a trailing slash or "/openai".

        deployment: The deployment's name; None in an unusual v1 set-up where `extra` names the model.

        api_version: The api-version sent, or None.

        v1: Which form of URL.

        api_key: The key, or None.

        token: The token callable, or None.

        headers: Further headers for the API, as pairs of a name in lower case and a value.
    """

    base: str
    deployment: str
    api_version: str | None
    v1: bool
    api_key: str | None = field(repr=False)
    token: TokenProvider | None = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def is_local(self) -> bool:
        """
        Whether the endpoint is on this machine.
        """
        return is_loopback(urlsplit(self.base).hostname or "")

    def url(self, operation: Operation) -> str:
        """
        Write the URL of an operation.
        """
        middle = "v1" if self.v1 else f"deployments/{quote(self.deployment, safe='')}"
        query = f"?api-version={quote(self.api_version, safe='')}" if self.api_version else ""
        return f"{self.base}/openai/{middle}/images/{operation}{query}"

    def body_model(self) -> dict[str, object]:
        """
        Return the field that names the deployment, in the form that has it.
        """
        return {"model": self.deployment} if self.v1 else {}

    def credential(self, token: str | None) -> RequestCredential:
        """
        Write the headers that say who asks, and those that a gateway asks for.

        Args:
            token: A token; None to use the key.

        Raises:
            AuthenticationError: If the token cannot be sent as a header.
        """
        further, secrets = dict(self.headers), secrets_of(self.headers)
        if token is not None:
            if not _is_header(token):
                raise AuthenticationError("the token callable gave something that is no token")
            return RequestCredential({**further, "authorization": f"Bearer {token}"}, (token, *secrets))
        if self.api_key is None:
            return RequestCredential(further, secrets)
        return RequestCredential({**further, "api-key": self.api_key}, (self.api_key, *secrets))


def load_endpoint(
    *,
    endpoint: str | None,
    deployment: str | None,
    api_version: str | None,
    v1: bool | None,
    api_key: str | None,
    token: TokenProvider | None,
    headers: Mapping[str, str] | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Endpoint:
    """
    Join arguments and environment; arguments win, and so does what an endpoint that is one of them names.

    Raises:
        SettingError: If something is missing, contradictory or unusable.
    """
    address = read_address(endpoint or environment.get("AZURE_OPENAI_ENDPOINT") or "")
    # An endpoint that was passed outranks the environment; one from there must agree with it.
    beside = {} if endpoint else environment
    name = _agreed("deployment", deployment, address.deployment, beside.get("AZURE_OPENAI_DEPLOYMENT"))
    name = name or environment.get("AZURE_OPENAI_DEPLOYMENT") or ""
    if not name:
        raise SettingError("no deployment: pass deployment=NAME or set AZURE_OPENAI_DEPLOYMENT")
    version, is_v1 = _form(address, api_version, v1, beside, environment)
    if api_key and token:
        raise SettingError("pass api_key or token, not both")
    further = check_headers(headers or {})
    key = None if token else (api_key or environment.get("AZURE_OPENAI_API_KEY") or "").strip() or None
    if not token and not key and not further:
        raise SettingError("no credential: pass api_key or token, or set AZURE_OPENAI_API_KEY")
    if key and not _is_header(key):
        raise SettingError("the api key holds characters that no key has")
    return Endpoint(address.base, name, version, is_v1, key, token, further)


def _form(
    address: Address,
    api_version: str | None,
    v1: bool | None,  # noqa: FBT001 - three-valued, and private
    beside: Mapping[str, str],
    environment: Mapping[str, str],
) -> tuple[str | None, bool]:
    if v1 is not None and address.v1 is not None and v1 != address.v1:
        raise SettingError("the endpoint is a target URI of the other form of URL than v1 asks for")
    is_v1 = v1 if v1 is not None else address.v1
    if is_v1:
        version = _agreed("api_version", api_version, address.api_version, None)
        if v1 is None and version is not None and version not in V1_VERSIONS:
            raise SettingError(
                "the endpoint ends in /openai/v1, which has no such api_version: leave one out"
            )
        return version, True
    version = _agreed("api_version", api_version, address.api_version, beside.get("OPENAI_API_VERSION"))
    version = version or environment.get("OPENAI_API_VERSION") or None
    if is_v1 is None:
        return version, version is None or version in V1_VERSIONS
    if version is None or version in V1_VERSIONS:
        raise SettingError(
            "the deployment's form of URL needs an api_version (or OPENAI_API_VERSION) with a date"
        )
    return version, False


def _agreed(what: str, argument: str | None, in_endpoint: str | None, beside: str | None) -> str | None:
    other = argument or (beside if in_endpoint else None)
    if in_endpoint and other and other != in_endpoint:
        where = "passed" if argument else "in the environment"
        raise SettingError(f"the endpoint names one {what}, and another is {where}: leave one of them out")
    return in_endpoint or argument


def _is_header(text: object) -> bool:
    return isinstance(text, str) and text.isascii() and text.isprintable() and " " not in text and text != ""
