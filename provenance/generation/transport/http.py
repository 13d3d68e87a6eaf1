"""
Clients, requests and failures of the HTTP library, for either kind of runner.

Its errors carry the request, and so the key, and it logs URLs and headers: both are dealt with here. It
reads nothing from the environment itself: what is read there is read by `tls` and `proxy`.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

import httpx

from provenance.generation.errors import SettingError
from provenance.generation.redaction import redact
from provenance.generation.transport.effect import (
    Effect,
    Procedure,
    TransportError,
    TransportFailure,
)
from provenance.generation.transport.message import HttpRequest, ResponseHead, TokenProvider
from provenance.generation.transport.proxy import Proxies, Proxy
from provenance.generation.transport.retry import RetryPolicy
from provenance.generation.transport.tls import TlsContexts

# Nothing is gained by compressing base64 of an image, and a bomb could hide in it.
HEADERS = {"accept-encoding": "identity", "user-agent": "azure-image-provenance"}
LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=30.0)

CUT = (httpx.RequestError, ssl.SSLError)
"""
What a procedure may raise: with TLS 1.3 a server's alert comes after the handshake, and the asynchronous
client passes it on as it is.
"""

UNSENT = (*CUT, httpx.InvalidURL, UnicodeError)
"""
What sending a request may raise: the last two come of names of hosts that are none.
"""

_C = TypeVar("_C", bound=httpx.Client | httpx.AsyncClient)


@dataclass(frozen=True, slots=True)
class Route:
    """
    How the service and its images are reached.

    Attributes:
        api_url: A URL of the API.

        token: The token callable, or None where there is a key.

        tls: With what to speak TLS.

        proxies: The proxies that lead there.
    """

    api_url: str
    token: TokenProvider | None = field(repr=False)
    tls: TlsContexts
    proxies: Proxies


class HttpClients(Generic[_C]):
    """
    The HTTP clients of one runner: that of the API, and two that hold no credential.

    Attributes:
        api: For the API.
    """

    def __init__(self, make: Callable[..., _C], route: Route) -> None:
        """
        Make them.

        Raises:
            SettingError: If the proxy that leads to the API cannot be used, or the endpoint is no URL.
        """
        redact_logs()
        self._make = make
        self._route = route
        self._api_proxy = route.proxies.lead_to(route.api_url)
        self.api = self._made(route.tls.api, self._api_proxy)
        self._direct = self._made(route.tls.download, None)
        self._proxied: dict[str, _C] = {}
        try:
            httpx.URL(route.api_url)
        except httpx.InvalidURL as error:
            raise SettingError("the endpoint is not a URL") from error

    def __iter__(self) -> Iterator[_C]:
        """
        Yield all of them, to be closed.
        """
        yield from (self.api, self._direct, *self._proxied.values())

    def serving(self, request: HttpRequest) -> tuple[_C, Proxy | None]:
        """
        Return the client for a request, and the proxy that it uses.

        Raises:
            SettingError: If the proxy that leads to an image cannot be used.
        """
        if not request.is_download:
            return self.api, self._api_proxy
        proxy = self._route.proxies.lead_to(request.url)
        if proxy is None:
            return self._direct, None
        found = self._proxied.get(proxy.url)
        if found is None:
            # Threads that are here at the same time make one each, and all but one go unused.
            found = self._proxied.setdefault(proxy.url, self._made(self._route.tls.download, proxy))
        return found, proxy

    def _made(self, context: ssl.SSLContext, proxy: Proxy | None) -> _C:
        try:
            through = _as_httpx_proxy(proxy, self._route.tls.download) if proxy is not None else None
            return self._make(headers=HEADERS, limits=LIMITS, verify=context, proxy=through, trust_env=False)
        except (httpx.InvalidURL, ValueError) as error:
            name = proxy.variable if proxy is not None else "the proxy"
            message = f"{name} is not the URL of a proxy"
            raise SettingError(message) from error


def _as_httpx_proxy(proxy: Proxy, context: ssl.SSLContext) -> httpx.Proxy:
    own_context = context if proxy.url.startswith("https:") else None
    return httpx.Proxy(proxy.url, auth=proxy.auth, ssl_context=own_context)


class _Redacting(logging.Filter):
    """
    Takes signatures out of what the HTTP library logs of answers, such as the target of a redirect.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        redacted = redact(text)
        if redacted != text:
            record.msg, record.args = redacted, ()
        return True


_REDACTING = _Redacting()


def redact_logs() -> None:
    """
    Keep signatures out of what the HTTP library logs; doing it twice does no harm.
    """
    for name in ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy"):
        logging.getLogger(name).addFilter(_REDACTING)  # the same one twice is one


class Thrown(NamedTuple):
    """
    An effect's error, for the procedure to deal with.
    """

    error: Exception


def advance(procedure: Procedure[None], result: object) -> Effect:
    """
    Send a procedure the result of its last effect, and return the next one.
    """
    if isinstance(result, Thrown):
        return procedure.throw(result.error)
    return procedure.send(result)


def failure_of(error: Exception, proxy: Proxy | None = None) -> Thrown:
    """
    Make the error of a request for the procedure, without the request.

    Args:
        error: One of `UNSENT`.

        proxy: What the request went through.
    """
    # Not chained to the original either: that one carries the request, and so the key.
    kind = _kind_of(error, proxied=proxy is not None)
    below = _tls_reason(error)
    reason = type(error).__name__
    if kind not in ("other", "address"):  # there, what the server sent may stand in the text
        text = below or str(error)
        reason = f"{reason}: {text[:300]}" if text else reason
    if proxy is not None and kind in ("proxy", "refused by proxy"):
        reason = f"{proxy.variable}: {reason}"
    return Thrown(TransportError(kind, reason))


def _kind_of(error: Exception, *, proxied: bool) -> TransportFailure:
    if not isinstance(error, CUT):
        return "address"
    tls = (_tls_reason(error) or "").upper()
    if tls and "EOF" not in tls:
        is_ours = "ALERT" in tls and "CERTIFICATE" in tls
        return "certificate" if "VERIFY_FAILED" in tls else "client certificate" if is_ours else "tls"
    if isinstance(error, httpx.ProxyError):
        # A gateway's 5xx: the proxy did not reach the service, now.
        return "proxy" if str(error).startswith("5") else "refused by proxy"
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return "proxy" if proxied else "connect"
    text = str(error)
    if (
        isinstance(error, httpx.NetworkError | ssl.SSLError)
        or "disconnected" in text
        or "peer closed" in text
    ):
        return "cut"
    return "timeout" if isinstance(error, httpx.TimeoutException) else "other"


def _tls_reason(error: BaseException) -> str | None:
    # The asynchronous client loses the text on the way, so it is looked for where the error began.
    below: BaseException | None = error
    for _ in range(8):
        if isinstance(below, ssl.SSLError):
            return str(below)
        below = (below.__cause__ or below.__context__) if below is not None else None
    return None


def as_httpx(
    client: httpx.Client | httpx.AsyncClient, request: HttpRequest, retry: RetryPolicy
) -> httpx.Request:
    """
    Make a request of the HTTP library.
    """
    timeout = httpx.Timeout(request.read_timeout_s, connect=retry.connect_timeout_s, pool=None)
    made = client.build_request(
        request.method,
        request.url,
        headers=request.headers,
        content=request.body,
        data=request.fields,
        files=[(f.field, (f.file_name, f.data, f.media_type)) for f in request.files] or None,
        timeout=timeout,
    )
    if request.target is not None:
        made.url = _ExactUrl(request.url, request.target)
    return made


class _ExactUrl(httpx.URL):
    """
    A URL whose path and query are sent as they are, and shown nowhere.

    The library's own way, the extension `target`, would put them into the CONNECT of a proxy as well.
    """

    def __init__(self, url: str, target: bytes) -> None:
        super().__init__(url)
        self._target = target

    @property
    def raw_path(self) -> bytes:
        """
        Path and query, to the byte.
        """
        return self._target


def head_of(response: httpx.Response) -> ResponseHead:
    """
    Read the beginning of an answer.
    """
    return ResponseHead(
        response.status_code, {name.lower(): value for name, value in response.headers.items()}
    )
