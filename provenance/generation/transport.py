"""
Requests and failures of the HTTP library, for either kind of driver; nothing else knows that library.

Its errors carry the request, and so the key, and it logs URLs and headers: both are dealt with here.
"""

from __future__ import annotations

import logging
from typing import NamedTuple

import httpx

from provenance.generation.patience import Patience
from provenance.generation.redaction import redact
from provenance.generation.step import (
    Conversation,
    Head,
    Request,
    Step,
    TransportError,
    TransportFailure,
)

# Nothing is gained by compressing base64 of an image, and a bomb could hide in it.
HEADERS = {"accept-encoding": "identity", "user-agent": "azure-image-provenance"}
LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=30.0)


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


def guard_logs() -> None:
    """
    Let the HTTP library log no signatures; doing it twice does no harm.
    """
    for name in ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy"):
        logging.getLogger(name).addFilter(_REDACTING)  # the same one twice is one


class Thrown(NamedTuple):
    """
    A step's error, for the conversation to deal with.
    """

    error: Exception


def advance(conversation: Conversation[None], result: object) -> Step:
    """
    Give a conversation the result of its last step, and get the next one.
    """
    if isinstance(result, Thrown):
        return conversation.throw(result.error)
    return conversation.send(result)


def failure_of(error: httpx.RequestError) -> Thrown:
    """
    Make the error of a request for the conversation, without the request.
    """
    # Not chained to the original either: that one carries the request, and so the key.
    reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    kind: TransportFailure = "other"
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError):
        kind = "certificate" if "CERTIFICATE" in reason.upper() else "connect"
    elif isinstance(error, httpx.TimeoutException):
        kind = "timeout"
    elif isinstance(error, httpx.NetworkError) or "disconnected" in reason or "peer closed" in reason:
        kind = "cut"
    else:
        reason = type(error).__name__  # what the server sent may stand in the text
    return Thrown(TransportError(kind, reason))


def as_httpx(client: httpx.Client | httpx.AsyncClient, request: Request, patience: Patience) -> httpx.Request:
    """
    Make a request of the HTTP library.
    """
    timeout = httpx.Timeout(request.read_timeout_s, connect=patience.connect_timeout_s, pool=None)
    extensions = {"target": request.target} if request.target is not None else {}
    return client.build_request(
        request.method,
        request.url,
        headers=request.headers,
        content=request.body,
        data=request.fields,
        files=[(f.field, (f.file_name, f.data, f.media_type)) for f in request.files] or None,
        timeout=timeout,
        extensions=extensions,
    )


def head_of(response: httpx.Response) -> Head:
    """
    Read the beginning of an answer.
    """
    return Head(response.status_code, {name.lower(): value for name, value in response.headers.items()})
