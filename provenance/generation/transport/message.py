"""
Requests and the heads of responses, as the transport sees them: HTTP, and nothing about images.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

TokenProvider = Callable[[], str] | Callable[[], Awaitable[str]]
"""
Returns a Microsoft Entra token when called; called for each attempt, since tokens expire.
"""


class FormFile(NamedTuple):
    """
    One file of a form.

    Attributes:
        field: Its field in the form.

        file_name: What the form calls it.

        media_type: Its media type.

        data: Its bytes.
    """

    field: str
    file_name: str
    media_type: str
    data: bytes


class ResponseHead(NamedTuple):
    """
    The beginning of an answer; the names of headers are in lower case.
    """

    status: int
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """
    A request to send. Headers and target do not show in the `repr`.

    Attributes:
        method: "GET" or "POST".

        url: The URL; for a download, without path and query.

        headers: What to send beyond the usual; the credential is among them.

        target: Path and query of a download, to the byte; None to take them from `url`.

        body: A JSON body, or None.

        fields: Text fields of a form, or None.

        files: Its files, in order.

        read_timeout_s: Seconds without a byte.
    """

    method: Literal["GET", "POST"]
    url: str
    headers: Mapping[str, str] = field(repr=False)
    read_timeout_s: float
    target: bytes | None = field(default=None, repr=False)
    body: bytes | None = field(default=None, repr=False)
    fields: Mapping[str, str] | None = field(default=None, repr=False)
    files: tuple[FormFile, ...] = field(default=(), repr=False)

    @property
    def is_download(self) -> bool:
        """
        Whether it goes to wherever an image lies, and so must carry no credential.
        """
        return self.target is not None
