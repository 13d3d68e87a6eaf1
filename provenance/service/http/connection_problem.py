"""
Problems of a connection: what is answered without the application, because there is no request to give it.
"""

from __future__ import annotations

from provenance.service.http.middleware import HEADERS
from provenance.service.http.problem import MEDIA_TYPE, Problem, too_busy
from provenance.service.http.uvicorn_protocol import STATUS_LINE

MAX_HEAD_BYTES = 32 * 1024
"""
Most bytes of a request's head: line and headers.
"""

MAX_HEADERS = 100
"""
Most headers of a request.
"""

MALFORMED = Problem(400, "malformed-http", "The request is not HTTP", "It cannot be read as HTTP/1.1.")
HEAD_TOO_LARGE = Problem(
    431,
    "head-too-large",
    "The head of the request is too large",
    f"At most {MAX_HEAD_BYTES:,} bytes in at most {MAX_HEADERS} headers are read.",
)
HEAD_TOO_SLOW = Problem(408, "head-too-slow", "The head of the request did not arrive in time")
TOO_MANY_CONNECTIONS = Problem(
    503, "too-many-connections", "There are too many connections", headers=too_busy().problem.headers
)
"""
What there is.
"""


def write_problem(problem: Problem, request_id: str, default_headers: list[tuple[bytes, bytes]]) -> bytes:
    """
    Write a problem as a whole answer of HTTP/1.1, after which the connection is closed.
    """
    body = problem.body(request_id)
    headers = [
        *default_headers,
        *((name.lower().encode(), value.encode()) for name, value in problem.headers.items()),
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
        (b"x-request-id", request_id.encode()),
        *HEADERS.items(),
    ]
    lines = (b"%s: %s\r\n" % header for header in headers)
    return b"".join((STATUS_LINE[problem.status], *lines, b"\r\n", body))
