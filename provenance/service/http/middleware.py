"""
What holds for every request, whatever it asks: an id, headers, a log line, a place in the metrics.

It stands around the whole application, so that no answer leaves without its headers, and none uncounted.
"""

from __future__ import annotations

import ipaddress
import logging
import re
import secrets
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from provenance.loopback import is_loopback
from provenance.service.http import problem
from provenance.service.http.body import BODY
from provenance.service.http.problem import ProblemError
from provenance.service.http.request_context import KEY, RequestContext
from provenance.service.observability.metrics import Metrics
from provenance.service.observability.tracing import Tracing

logger = logging.getLogger("provenance.service.requests")

HEADERS: dict[bytes, bytes] = {
    b"cache-control": b"no-store",
    b"content-security-policy": b"; ".join(
        (b"default-src 'none'", b"base-uri 'none'", b"form-action 'none'", b"frame-ancestors 'none'")
    ),
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"referrer-policy": b"no-referrer",
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
}
"""
Headers of every answer, unless it has others by these names. That only HTTPS is spoken is for a proxy to say.
"""

# Shorter than the secret of an API key: what is taken for a name stands in the log.
_ID = re.compile(rb"[A-Za-z0-9._-]{1,40}")
_HOST = re.compile(rb"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::[0-9]*)?")
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITE = frozenset({b"same-origin", b"none"})
_UNMATCHED = "unmatched"
_PAGE = "page"
_FAILED = 500


class RequestMiddleware:
    """
    Answers around the application: nothing leaves without its headers, and nothing uncounted.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, tracing: Tracing, *, only_local: bool) -> None:
        """
        Set what stands inside.

        Args:
            app: The application.

            metrics: What counts requests.

            tracing: What traces them.

            only_local: Whether to refuse what is not addressed to this machine by its own name, and what
                pages of other sites have a browser send here: there are no keys that they would lack.
        """
        self._app = app
        self._metrics = metrics
        self._tracing = tracing
        self._only_local = only_local

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """
        Answer one request.
        """
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        context = RequestContext(_request_id(scope), self._tracing.begin(_trace_headers(scope)))
        inner = {**scope, KEY: context}
        if scope["method"] == "HEAD":
            # The server leaves the body of the answer out.
            inner["method"] = "GET"
        exchange = _Exchange(context, receive, send, has_body=_has_body(scope))
        self._metrics.begin()
        try:
            refused = self._refusal(scope)
            if refused is None:
                await self._app(inner, exchange.receive, exchange.send)
            else:
                context.problem = refused.problem.name
                await refused.problem.response(context.request_id)(inner, exchange.receive, exchange.send)
        finally:
            self._end(inner, context, scope["method"])

    def _refusal(self, scope: Scope) -> ProblemError | None:
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) > 1 or (not hosts and scope["http_version"] != "1.0"):
            return problem.bad_host()
        if self._only_local and hosts and not is_loopback(_name_of(hosts[0])):
            return problem.misdirected()
        if self._only_local and scope["method"] not in _SAFE_METHODS and _is_foreign(scope):
            return problem.other_site()
        return None

    def _end(self, scope: Scope, context: RequestContext, method: str) -> None:
        duration_s = time.perf_counter() - context.begin
        if BODY in scope:
            context.received += scope[BODY].diverted
        route = _route(scope)
        self._metrics.end(route, method, context.status, duration_s, context.received)
        if context.problem:
            self._metrics.refused(context.problem)
        facts = {"method": method, "route": route, **context.facts()}
        context.trace.end(f"{method} {route}", facts, failed=context.status >= _FAILED)
        line = {**facts, "client": _client(scope), "duration_ms": round(duration_s * 1000, 2)}
        logger.info("request", extra={"facts": line})


class _Exchange:
    """
    The messages of one request and its answer.
    """

    def __init__(self, context: RequestContext, receive: Receive, send: Send, *, has_body: bool) -> None:
        self._context = context
        self._receive = receive
        self._send = send
        self._is_unread = has_body

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._context.received += len(message.get("body", b""))
            self._is_unread = message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._context.status = message["status"]
            message["headers"] = self._headers(message.get("headers", ()))
        await self._send(message)

    def _headers(self, given: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        names = {name.lower() for name, _ in given}
        headers = [*given, (b"x-request-id", self._context.request_id.encode())]
        headers += [(name, value) for name, value in HEADERS.items() if name not in names]
        if self._is_unread:
            # What is still on its way belongs to this request, and must not be taken for the next.
            headers.append((b"connection", b"close"))
        return headers


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _ID.fullmatch(value):
            given: str = value.decode()
            return given
    return secrets.token_hex(16)


def _trace_headers(scope: Scope) -> dict[str, str]:
    # Not `tracestate`, which is any text.
    return {
        name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"
    }


def _has_body(scope: Scope) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip(b" 0"))
        for name, value in scope["headers"]
    )


def _name_of(host: bytes) -> str:
    found = _HOST.fullmatch(host)
    return "" if found is None else (found[1] or found[2]).decode("ascii")


def _is_foreign(scope: Scope) -> bool:
    """
    Check whether a page of another site has a browser send this.

    Source:
        W3C, Fetch Metadata Request Headers; browsers set it, and pages cannot.
    """
    return any(name == b"sec-fetch-site" and value not in _OWN_SITE for name, value in scope["headers"])


def _client(scope: Scope) -> str:
    """
    Return the address of the client. A proxy's word for it may be any text.
    """
    client = scope.get("client")
    try:
        return "" if client is None else str(ipaddress.ip_address(client[0]))
    except ValueError:
        return ""


def _route(scope: Scope) -> str:
    route = scope.get("route")
    path = getattr(route, "path", _UNMATCHED)
    return _PAGE if str(getattr(route, "name", "")).startswith(_PAGE) else str(path)
