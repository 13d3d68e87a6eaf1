"""
The service's web page, as package data and as routes for an ASGI application.

What it shares with the audit's page lies in `verification/browser`, and is served below "/shared/".

The page needs no key and no build step. It talks to the service that sent it and to nobody else, which its
Content-Security-Policy enforces: whatever an image or a report may hold, no script can come of it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from provenance.verification import browser
from provenance.verification.words import Surface

MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""
Media types by the end of a file's name; only files that end like this are served.
"""

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""
What a browser lets the page do. Without trusted types, text cannot become markup even by mistake.
"""

HEADERS = {
    # Asked for anew each time, and not sent again unless changed: a new release is whole at once.
    "Cache-Control": "no-cache",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""
Headers of every answer, "not modified" included.
"""

_INDEX = "index.html"
_SYMBOLS = "<!-- symbols -->\n"


class PageFile(NamedTuple):
    """
    One file of the page.

    Attributes:
        path: Where it is served, "/" for the page itself.

        content: Its bytes.

        media_type: What they are.

        etag: Strong entity tag, quotes included.
    """

    path: str
    content: bytes
    media_type: str
    etag: str


def page_files() -> tuple[PageFile, ...]:
    """
    Read the files of the page, then what it shares with the audit's, each in the order of their names.
    """
    files = sorted(file for file in Path(__file__).parent.iterdir() if file.suffix in MEDIA_TYPES)
    shared = {browser.STYLE: browser.read_style(), **browser.read_scripts(Surface.PAGE)}
    return (
        *(_read(f"/{file.name}", file.read_text("utf-8")) for file in files),
        *(_read(f"/shared/{name}", shared[name]) for name in sorted(shared)),
    )


def routes() -> list[Route]:
    """
    Return the routes that serve the page; the files are read now, not at each request.

    Returns:
        One route for each file, for GET and HEAD, named "page" or "page:" and the file's name.
    """
    return [_route(file) for file in page_files()]


def _read(path: str, text: str) -> PageFile:
    media_type = MEDIA_TYPES[Path(path).suffix]
    if path == f"/{_INDEX}":
        path, text = "/", text.replace(_SYMBOLS, browser.read_symbols())
    content = text.encode()
    return PageFile(path, content, media_type, f'"{hashlib.sha256(content).hexdigest()}"')


def _route(file: PageFile) -> Route:
    async def answer(request: Request) -> Response:
        headers = {**HEADERS, "ETag": file.etag}
        if _has(request.headers.getlist("if-none-match"), file.etag):
            return Response(status_code=304, headers=headers)
        return Response(file.content, headers={**headers, "Content-Type": file.media_type})

    return Route(file.path, answer, methods=["GET"], name=f"page:{file.path}")


def _has(fields: list[str], etag: str) -> bool:
    """
    Return whether a client holds this very file already.

    Source:
        RFC 9110, section 13.1.2: "If-None-Match" compares weakly.
    """
    tags = {tag.strip().removeprefix("W/") for field in fields for tag in field.split(",")}
    return bool(tags & {etag, "*"})
