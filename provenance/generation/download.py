"""
Fetching an image from its URL: without credential, without redirects, and with the query as it is.

The signature in the query covers its exact bytes, and HTTP libraries like to write queries anew; so path
and query go round the library, which then has no signature to log either.
"""

from __future__ import annotations

import re

from provenance.generation.errors import (
    ErrorFacts,
    GenerationError,
    ImageUrlExpiredError,
    MalformedAnswerError,
    ServiceUnavailableError,
)
from provenance.generation.redaction import redact
from provenance.generation.request.address import is_host
from provenance.generation.response.error_answer import read_trace
from provenance.generation.transport.message import HttpRequest, ResponseHead
from provenance.loopback import is_loopback

_URL = re.compile(
    r"(https?)://((?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?)([/?][!-\x22$-~]*)?(?:#[!-~]*)?"
)
_CODE = re.compile(r"<Code>([A-Za-z]{1,64})</Code>")
_DETAIL = re.compile(r"<AuthenticationErrorDetail>([^<]{1,200})</AuthenticationErrorDetail>")
_GONE = frozenset({401, 403, 404, 410})
_LATER = frozenset({408, 429, 500, 502, 503, 504})
_LARGEST_PORT = 65_535


def download_request(url: str, *, local: bool, read_timeout_s: float) -> HttpRequest:
    """
    Make the request for an image.

    Args:
        url: The URL as the answer gave it.

        local: Whether the API is on this machine; only then may the image be there too, over http.

        read_timeout_s: Seconds without a byte.

    Raises:
        MalformedAnswerError: If it is not a URL that may be fetched; the message does not show it.
    """
    found = _URL.fullmatch(url)
    if found is None:
        raise MalformedAnswerError("the image's URL is not a URL that can be fetched")
    scheme, authority, target = found[1], found[2], found[3] or "/"
    host, _, port = authority.rpartition(":") if re.search(r":[0-9]+$", authority) else (authority, "", "")
    if int(port or 0) > _LARGEST_PORT or not is_host(host.strip("[]"), authority):
        raise MalformedAnswerError("the image's URL is not a URL that can be fetched")
    if scheme == "http" and not (local and is_loopback(host.strip("[]"))):
        raise MalformedAnswerError("the image's URL does not begin with https://")
    target = target if target.startswith("/") else f"/{target}"
    return HttpRequest("GET", f"{scheme}://{authority}/", {}, read_timeout_s, target=target.encode("ascii"))


def download_error(head: ResponseHead, body: bytes) -> GenerationError | None:
    """
    Make the error for an answer that is no image, or None if it may be one.
    """
    status = head.status
    if status == 200:  # noqa: PLR2004 - HTTP: OK, and nothing else is a whole image
        encoding = head.headers.get("content-encoding", "identity")
        if encoding != "identity":
            return MalformedAnswerError(
                f"the image came with the encoding {encoding[:20]!r}, though none was asked for"
            )
        return None
    text = body.decode("utf-8", "replace")
    code, detail = _CODE.search(text), _DETAIL.search(text)
    facts = ErrorFacts(
        status=status,
        code=code[1] if code else None,
        trace=read_trace(head.headers),
        retryable=status in _LATER,
    )
    if status in _GONE:
        more = f": {redact(detail[1])}" if detail else ""
        return ImageUrlExpiredError(f"the image's URL is not valid any more{more}", facts)
    if status in _LATER:
        return ServiceUnavailableError("the image could not be downloaded", facts)
    if 300 <= status < 400:  # noqa: PLR2004 - HTTP: redirects
        return MalformedAnswerError("the image's URL redirects elsewhere, which was not followed", facts)
    return MalformedAnswerError("the image could not be downloaded", facts)
