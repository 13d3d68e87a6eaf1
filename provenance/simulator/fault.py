"""
What goes wrong on demand: one fault for each of the next requests, or faults at random.

A fault applies to a request that was authorized (right path, key, api-version and deployment), before its
body is read and before it counts against the quota. Blobs have faults of their own.
"""

from __future__ import annotations

import random
import threading
from collections import deque
from dataclasses import dataclass
from typing import Literal

FaultTarget = Literal["api", "blob"]
Denial = Literal[
    "keys disabled",
    "firewall",
    "private endpoint",
    "registration",
    "gateway quota",
    "gateway rate",
    "unknown",
]
Alteration = Literal["unsigned", "reencoded", "tampered", "appended", "truncated", "garbage"]


@dataclass(frozen=True, slots=True)
class Delay:
    """
    Answer as usual, but later.
    """

    seconds: float


@dataclass(frozen=True, slots=True)
class Fail:
    """
    Answer with 408, 429, 500, 502 or 503; with `Retry-After` only if it is given.
    """

    status: Literal[408, 429, 500, 502, 503] = 500
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Deny:
    """
    Refuse for a reason that is not the prompt's: 403, or 429 for a gateway's rate.

    Resources may take no keys, let in other networks only or not have registered; gateways have quotas.
    """

    reason: Denial


@dataclass(frozen=True, slots=True)
class Cut:
    """
    Cut the connection once so many bytes of the answer's body were sent.
    """

    after_bytes: int = 64


@dataclass(frozen=True, slots=True)
class Answer:
    """
    Answer with these bytes, whatever was asked.
    """

    content: bytes
    status: int = 200
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Alter:
    """
    Spoil the images.

    Attributes:
        alteration: Leave them unsigned, decode and encode them again, flip a bit of the pixels, append
            bytes, leave out the second half, or send something that is no image.
    """

    alteration: Alteration = "unsigned"


@dataclass(frozen=True, slots=True)
class Fewer:
    """
    Send so many images, however many were asked for.
    """

    count: int = 0


@dataclass(frozen=True, slots=True)
class EventError:
    """
    End a stream with an `error` event in the place of the last one; the status is 200 all the same.
    """

    code: str = "server_error"


@dataclass(frozen=True, slots=True)
class Oversize:
    """
    Send a blob of so many zero bytes, or one that does not end, whatever length is due.

    Attributes:
        size: Bytes; None for no end.
    """

    size: int | None = None


@dataclass(frozen=True, slots=True)
class Redirect:
    """
    Send the client elsewhere.
    """

    location: str
    status: Literal[301, 302, 303, 307, 308] = 307


Fault = Delay | Fail | Deny | Cut | Answer | Alter | Fewer | EventError | Oversize | Redirect

MALFORMED_BODY = Answer(b'{"created": 1750000000, "data": [{"b64_json": "iVBORw0KGgo')
"""
JSON that breaks off.
"""

WRONG_SHAPES: tuple[Answer, ...] = tuple(
    Answer(content)
    for content in (
        b"",
        b"null",
        b"[]",
        b"{}",
        b'"image"',
        b'{"created": 1750000000, "data": null}',
        b'{"created": 1750000000, "data": {"b64_json": "iVBORw0KGgo="}}',
        b'{"created": 1750000000, "data": [null]}',
        b'{"created": 1750000000, "data": [{}]}',
        b'{"created": 1750000000, "data": [{"b64_json": 17}]}',
        b'{"created": 1750000000, "data": [{"b64_json": "***"}]}',
        b'{"created": 1750000000, "data": [{"url": null}]}',
    )
)
"""
JSON of other forms than the documented one, and no JSON at all.
"""


class Faults:
    """
    The faults still to come; safe to share between threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queues: dict[FaultTarget, deque[Fault]] = {"api": deque(), "blob": deque()}
        self._random: dict[FaultTarget, _RandomFaults] = {}

    def add(self, *faults: Fault, target: FaultTarget = "api") -> None:
        """
        Queue faults: each of the next requests meets one of them, in this order.
        """
        with self._lock:
            self._queues[target].extend(faults)

    def at_random(
        self, faults: tuple[Fault, ...], probability: float, *, seed: int = 0, target: FaultTarget = "api"
    ) -> None:
        """
        Apply one of these to requests at random, once nothing is queued.

        Raises:
            ValueError: If there is no fault, or *probability* is not between 0 and 1.
        """
        if not faults or not 0 <= probability <= 1:
            raise ValueError("expected faults and a probability between 0 and 1")
        with self._lock:
            source = random.Random(seed)  # noqa: S311 - repeatable faults, not secrets
            self._random[target] = _RandomFaults(faults, probability, source)

    def clear(self) -> None:
        """
        Remove all faults.
        """
        with self._lock:
            self._random.clear()
            for queue in self._queues.values():
                queue.clear()

    def take(self, target: FaultTarget) -> Fault | None:
        """
        Remove and return the fault of the next request; usually None.
        """
        with self._lock:
            queue = self._queues[target]
            if queue:
                return queue.popleft()
            chosen = self._random.get(target)
            return chosen.draw() if chosen is not None else None


@dataclass(frozen=True, slots=True)
class _RandomFaults:
    faults: tuple[Fault, ...]
    probability: float
    source: random.Random

    def draw(self) -> Fault | None:
        if self.source.random() >= self.probability:
            return None
        return self.source.choice(self.faults)
