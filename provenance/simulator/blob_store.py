"""
Images kept for download, under URLs that are signed and expire.

They live in memory, and the oldest make room for new ones. The query must come back byte for byte: it
holds percent-encoded signs that a client changes when it decodes and encodes it again.

Source: Azure Storage, service SAS and its error codes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote
from uuid import uuid4

from provenance.simulator.clock import Clock

PREFIX = "/blobs/"

_MAX_KEPT_BYTES = 512 * 1024 * 1024
_AUTHENTICATION_FAILED = (
    "Server failed to authenticate the request. Make sure the value of Authorization header is formed "
    "correctly including the signature."
)


@dataclass(frozen=True, slots=True)
class Blob:
    """
    A file to download.
    """

    content: bytes
    media_type: str
    query: bytes
    starts: datetime
    expires: datetime


class BlobError(Exception):
    """
    A download that is answered with an error.

    Attributes:
        status: HTTP status.

        code: Code of Azure Storage.

        detail: What else the XML says; may be empty.
    """

    def __init__(self, status: int, code: str, message: str, detail: str = "") -> None:
        super().__init__(status, code, message, detail)
        self.status = status
        self.code = code
        self.message = message
        self.detail = detail

    def __str__(self) -> str:
        return f"answered with HTTP {self.status} {self.code}"

    def xml(self, request_id: str, now: datetime) -> bytes:
        """
        Write the answer's body, as Azure Storage does, byte order mark included.
        """
        message = f"{self.message}\nRequestId:{request_id}\nTime:{now.isoformat()}"
        detail = (
            f"<AuthenticationErrorDetail>{self.detail}</AuthenticationErrorDetail>" if self.detail else ""
        )
        text = f"<Error><Code>{self.code}</Code><Message>{message}</Message>{detail}</Error>"
        return f'\ufeff<?xml version="1.0" encoding="utf-8"?>{text}'.encode()


class BlobStore:
    """
    The files to download; safe to share between threads.
    """

    def __init__(self, clock: Clock, *, max_bytes: int = _MAX_KEPT_BYTES) -> None:
        self._clock = clock
        self._max_bytes = max_bytes
        self._secret = secrets.token_bytes(32)
        self._blobs: OrderedDict[str, Blob] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def put(self, content: bytes, media_type: str, lifetime_s: float) -> str:
        """
        Store a file.

        Returns:
            Where it is to be had: path and query, to be joined to the address of the server.
        """
        suffix = media_type.rpartition("/")[2].replace("jpeg", "jpg")
        path = f"{PREFIX}private/images/{uuid4()}/generated_00.{suffix}"
        starts = self._clock()
        expires = starts + timedelta(seconds=lifetime_s)
        query = self._sign(path, starts, expires)
        with self._lock:
            self._blobs[path] = Blob(content, media_type, query.encode(), starts, expires)
            self._size += len(content)
            while self._size > self._max_bytes and len(self._blobs) > 1:
                self._size -= len(self._blobs.popitem(last=False)[1].content)
        return f"{path}?{query}"

    def get(self, path: str, query: bytes) -> Blob:
        """
        Return a file.

        Args:
            path: Path of the URL.

            query: Query of the URL as it came, not decoded.

        Raises:
            BlobError: 403 if the query is another than was given out, or has expired; 404 if there is no
                such file.
        """
        with self._lock:
            blob = self._blobs.get(path)
        if blob is None:
            raise BlobError(404, "BlobNotFound", "The specified blob does not exist.")
        if not hmac.compare_digest(query, blob.query):
            detail = "Signature did not match."
            raise BlobError(403, "AuthenticationFailed", _AUTHENTICATION_FAILED, detail)
        now = self._clock()
        if now >= blob.expires:
            period = f"Start [{_rfc_1123(blob.starts)}] - Expiry [{_rfc_1123(blob.expires)}]"
            detail = f"Signature not valid in the specified time frame: {period}"
            detail += f" - Current [{_rfc_1123(now)}]"
            raise BlobError(403, "AuthenticationFailed", _AUTHENTICATION_FAILED, detail)
        return blob

    def _sign(self, path: str, starts: datetime, expires: datetime) -> str:
        while True:
            # Another start each time, until the signature holds both signs that clients like to re-encode.
            identity = uuid4()
            text = f"{path} {starts.isoformat()} {expires.isoformat()} {identity}".encode()
            signature = base64.b64encode(hmac.digest(self._secret, text, hashlib.sha256)).decode()
            if "+" in signature and "/" in signature:
                break
        return (
            f"se={quote(_iso(expires), safe='')}&sp=r&sv=2024-11-04&sr=b&skoid={identity}"
            f"&skt={quote(_iso(starts), safe='')}&ske={quote(_iso(expires), safe='')}&sks=b&skv=2024-11-04"
            f"&sig={quote(signature, safe='')}"
        )


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _rfc_1123(moment: datetime) -> str:
    return moment.strftime("%a, %d %b %Y %H:%M:%S GMT")
