"""
Where the service is, which deployment is meant, and who asks.

There are two forms of URL. With an api-version, from the argument or OPENAI_API_VERSION, it is the
deployment's: the deployment stands in the path, and `model` must not stand in the body. Without one, or
with `v1=True`, it is `/openai/v1/`, where `model` in the body names the deployment.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote, urlsplit

from provenance.generation.errors import AuthenticationError, SettingError
from provenance.loopback import is_loopback

TokenProvider = Callable[[], str] | Callable[[], Awaitable[str]]
"""
What gives a Microsoft Entra token when called; called for each attempt, since tokens expire.
"""

Operation = Literal["generations", "edits"]


@dataclass(frozen=True, slots=True)
class Credential:
    """
    What one request is sent with; nothing of it shows in the `repr`.

    Attributes:
        headers: The header to send.

        secrets: What must not appear in any error.
    """

    headers: Mapping[str, str] = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """
    Where requests go, and as whom. The key does not show in the `repr`.

    Attributes:
        base: The endpoint without a trailing slash or "/openai".

        deployment: The deployment's name; None in an unusual v1 set-up where `extra` names the model.

        api_version: The api-version sent, or None.

        v1: Which form of URL.

        api_key: The key, or None.

        token: The token callable, or None.
    """

    base: str
    deployment: str
    api_version: str | None
    v1: bool
    api_key: str | None = field(repr=False)
    token: TokenProvider | None = field(repr=False)

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
        Give the field that names the deployment, in the form that has it.
        """
        return {"model": self.deployment} if self.v1 else {}

    def credential(self, token: str | None) -> Credential:
        """
        Write the header that says who asks.

        Args:
            token: A token; None to use the key.

        Raises:
            AuthenticationError: If the token cannot be sent as a header.
        """
        if token is None:
            return Credential({"api-key": self.api_key or ""}, (self.api_key or "",))
        if not _is_header(token):
            raise AuthenticationError("the token callable gave something that is no token")
        return Credential({"authorization": f"Bearer {token}"}, (token,))


def load_settings(
    *,
    endpoint: str | None,
    deployment: str | None,
    api_version: str | None,
    v1: bool | None,
    api_key: str | None,
    token: TokenProvider | None,
    environment: Mapping[str, str] = os.environ,
) -> Settings:
    """
    Join arguments and environment; arguments win.

    Raises:
        SettingError: If something is missing, contradictory or unusable.
    """
    base = _base(endpoint or environment.get("AZURE_OPENAI_ENDPOINT") or "")
    name = deployment or environment.get("AZURE_OPENAI_DEPLOYMENT") or ""
    if not name:
        raise SettingError("no deployment: pass deployment=NAME or set AZURE_OPENAI_DEPLOYMENT")
    version = api_version or (None if v1 else environment.get("OPENAI_API_VERSION")) or None
    if v1 is False and version is None:
        raise SettingError("the deployment's form of URL needs an api_version (or OPENAI_API_VERSION)")
    if api_key and token:
        raise SettingError("pass api_key or token, not both")
    key = None if token else (api_key or environment.get("AZURE_OPENAI_API_KEY") or "").strip()
    if not token and not key:
        raise SettingError("no credential: pass api_key or token, or set AZURE_OPENAI_API_KEY")
    if key and not _is_header(key):
        raise SettingError("the api key holds characters that no key has")
    return Settings(base, name, version, v1 if v1 is not None else version is None, key, token)


def _base(endpoint: str) -> str:
    if not endpoint:
        raise SettingError("no endpoint: pass endpoint=URL or set AZURE_OPENAI_ENDPOINT")
    try:
        parts = urlsplit(endpoint.strip())
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise SettingError("the endpoint is not a URL") from error
    if (
        parts.username is not None
        or parts.query
        or parts.fragment
        or not host
        or not _is_header(endpoint.strip())
    ):
        raise SettingError("the endpoint must be a URL such as https://NAME.openai.azure.com, and no more")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise SettingError("the endpoint must begin with https:// (http:// only for this machine)")
    path = parts.path.rstrip("/")
    for end in ("/openai/v1", "/openai"):
        path = path.removesuffix(end)
    return f"{parts.scheme}://{parts.netloc}{path}"


def _is_header(text: object) -> bool:
    return isinstance(text, str) and text.isascii() and text.isprintable() and " " not in text and text != ""
