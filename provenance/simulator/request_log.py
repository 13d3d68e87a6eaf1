"""
A log of what was asked of the simulator, without keys, tokens and signatures.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from datetime import datetime

from provenance.simulator.request.image_request import ImageRequest

_MAX_TEXT = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRequest:
    """
    One request and how it was answered.

    Attributes:
        at: When it came, by the simulation's clock.

        path: Path of the URL, without the query; cut after 256 characters.

        api_version: What the query says; empty if nothing.

        has_api_key: The request carried an api-key header. On a blob's path that is a leak.

        has_authorization: The request carried an Authorization header; the same goes for it.

        asked: What was asked for; None if that was refused before it was read.

        uploads: How many files came with it.

        status: HTTP status of the answer.

        fault: Name of the fault it met; empty if none.
    """

    at: datetime
    method: str
    path: str
    api_version: str
    has_api_key: bool
    has_authorization: bool
    user_agent: str
    client_request_id: str
    request_id: str
    status: int
    asked: ImageRequest | None = None
    uploads: int = 0
    fault: str = ""


def shorten(text: str) -> str:
    """
    Cut a text that a client chose.
    """
    return text[:_MAX_TEXT]


class RequestLog:
    """
    The latest requests; safe to share between threads.
    """

    def __init__(self, kept: int = 2_000) -> None:
        self._requests: deque[RecordedRequest] = deque(maxlen=kept)
        self._lock = threading.Lock()

    def add(self, request: RecordedRequest) -> None:
        """
        Add a request; the oldest makes room.
        """
        with self._lock:
            self._requests.append(request)

    def requests(self) -> tuple[RecordedRequest, ...]:
        """
        Return a copy, oldest first.
        """
        with self._lock:
            return tuple(self._requests)

    def clear(self) -> None:
        """
        Remove everything.
        """
        with self._lock:
            self._requests.clear()
