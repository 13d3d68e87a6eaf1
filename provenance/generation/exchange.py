"""
One answer from the service: waiting for its turn, sending, and trying again where that may help.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from provenance.generation.download import download_error, download_request
from provenance.generation.errors import (
    ErrorFacts,
    GenerationError,
    GenerationTimeoutError,
    MalformedAnswerError,
    ProxyError,
    RateLimitedError,
    ServiceUnavailableError,
    TlsError,
    Trace,
)
from provenance.generation.json_value import Json
from provenance.generation.redaction import redact
from provenance.generation.request.endpoint import Settings
from provenance.generation.request.image_request import Plan, api_request
from provenance.generation.request.source import InputImage
from provenance.generation.response.base64_json import AnswerReader
from provenance.generation.response.error_answer import error_of
from provenance.generation.response.image_answer import Origin
from provenance.generation.transport.effect import (
    Conversation,
    Head,
    Leave,
    Sleep,
    TransportError,
    TransportFailure,
    authorize,
    enter,
    read,
    send,
)
from provenance.generation.transport.retry import Pace, Patience

_T = TypeVar("_T")

_ERROR_BYTES = 64 * 1024
_OK = range(200, 300)

WholeAnswer = tuple[Json, tuple[bytes | None, ...], Origin]
"""
An answer's JSON, the images cut out of it, and what came with it.
"""


@dataclass(frozen=True, slots=True)
class Bounds:
    """
    How much is taken in.

    Attributes:
        answer_bytes: Largest answer; a stream counts as one.

        image_bytes: Largest image that is downloaded.
    """

    answer_bytes: int = 256 * 1024 * 1024
    image_bytes: int = 128 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Chance:
    """
    What makes two runs differ: the clock and the dice.

    Attributes:
        clock: Seconds that never go back.

        random: Numbers from 0 to 1.
    """

    clock: Callable[[], float] = time.monotonic
    random: Callable[[], float] = random.random


class Budget:
    """
    The time that one call has.
    """

    def __init__(self, seconds: float | None, clock: Callable[[], float]) -> None:
        """
        Start the clock; None for no bound.
        """
        self._clock = clock
        self._end = None if seconds is None else clock() + seconds

    def left_s(self) -> float | None:
        """
        Return the seconds left, 0 at least; None for no bound.
        """
        return None if self._end is None else max(0.0, self._end - self._clock())

    def allows(self, seconds: float) -> bool:
        """
        Tell whether there are more than so many seconds left.
        """
        left = self.left_s()
        return left is None or left > seconds

    def within(self, seconds: float) -> float:
        """
        Return *seconds*, or what is left of the budget if that is less.
        """
        left = self.left_s()
        return seconds if left is None else min(seconds, max(left, 0.001))

    def check(self, what: str, trace: Trace = Trace()) -> None:  # noqa: B008 - a frozen, empty value
        """
        Return if there is time left.

        Raises:
            GenerationTimeoutError: If there is none.
        """
        if not self.allows(0.0):
            raise GenerationTimeoutError(f"out of time while {what}", ErrorFacts(trace=trace))


class Exchange:
    """
    Speaks with the service; safe to share between threads.
    """

    def __init__(
        self, settings: Settings, patience: Patience, pace: Pace | None, bounds: Bounds, chance: Chance
    ) -> None:
        """
        Take what all calls share; no pace is no waiting.
        """
        self.bounds = bounds
        self._settings = settings
        self._patience = patience
        self._pace = pace
        self._chance = chance

    def budget(self) -> Budget:
        """
        Start the time of one call.
        """
        return Budget(self._patience.deadline_s, self._chance.clock)

    def ask(self, plan: Plan, files: tuple[InputImage, ...], budget: Budget) -> Conversation[WholeAnswer]:
        """
        Get one whole answer: the JSON, the images cut out of it, and what came with it.
        """

        def attempt() -> Conversation[WholeAnswer]:
            _, origin = yield from self._open(plan, files, budget)
            return (yield from self.read_json(origin, budget))

        return (yield from self._patiently(attempt, budget))

    def open_stream(
        self, plan: Plan, files: tuple[InputImage, ...], budget: Budget
    ) -> Conversation[tuple[Head, Origin]]:
        """
        Get the beginning of a stream, and what comes with it.
        """
        return (yield from self._patiently(lambda: self._open(plan, files, budget), budget))

    def read_json(self, origin: Origin, budget: Budget) -> Conversation[WholeAnswer]:
        """
        Read the answer that is open, and close it.
        """
        trace = origin.trace
        reader = AnswerReader(self.bounds.answer_bytes)
        try:
            while piece := (yield from self.read_piece(budget, trace)):
                reader.feed(piece)
            answer, images = reader.finish()
        except MalformedAnswerError as error:
            facts = replace(error.facts, status=origin.status, trace=trace)
            raise MalformedAnswerError(error.message, facts) from error
        yield Leave()
        return answer, images, origin

    def read_piece(self, budget: Budget, trace: Trace) -> Conversation[bytes]:
        """
        Read the next bytes of the answer that is open.

        Raises:
            GenerationTimeoutError: If they do not come in time.

            MalformedAnswerError: If the answer breaks off.
        """
        budget.check("reading the answer", trace)
        try:
            return (yield from read())
        except TransportError as error:
            facts = ErrorFacts(trace=trace)
            if error.kind == "timeout":
                raise GenerationTimeoutError("the answer stopped coming", facts) from error
            raise MalformedAnswerError(f"the answer breaks off: {redact(error.reason)}", facts) from error

    def download(self, url: str, budget: Budget) -> Conversation[bytes]:
        """
        Fetch an image.
        """
        seconds = budget.within(self._patience.download_timeout_s)

        def attempt() -> Conversation[bytes]:
            own = Budget(seconds, self._chance.clock)
            timeout_s = own.within(self._patience.read_timeout_s)
            request = download_request(url, local=self._settings.is_local, read_timeout_s=timeout_s)
            try:
                head = yield from send(request)
            except TransportError as error:
                raise _unsent(error, ()) from error
            refused = download_error(head, b"")
            if refused is not None:
                body = yield from self._read_some(own)
                raise download_error(head, body) or refused
            data = yield from self._read_image(head, own)
            yield Leave()
            return data

        return (yield from self._patiently(attempt, budget))

    def _read_image(self, head: Head, budget: Budget) -> Conversation[bytes]:
        limit, pieces, size = self.bounds.image_bytes, [], 0
        while True:
            budget.check("downloading the image")
            try:
                piece = yield from read()
            except TransportError as error:
                # Fetching it again costs nothing, unlike making it again.
                raise _unsent(error, ()) from error
            size += len(piece)
            if size > limit:
                raise MalformedAnswerError(
                    f"the image exceeds {limit:,} bytes", ErrorFacts(status=head.status)
                )
            if not piece:
                break
            pieces.append(piece)
        if not size:
            raise MalformedAnswerError("the image has no bytes", ErrorFacts(status=head.status))
        return b"".join(pieces)

    def _open(
        self, plan: Plan, files: tuple[InputImage, ...], budget: Budget
    ) -> Conversation[tuple[Head, Origin]]:
        yield from self._take_turn(budget)
        credential = self._settings.credential((yield from authorize()))
        timeout_s = budget.within(self._patience.read_timeout_s)
        try:
            head = yield from send(api_request(plan, files, self._settings, credential, timeout_s))
        except TransportError as error:
            raise _unsent(error, credential.secrets) from error
        if head.status in _OK:
            return head, Origin(head.status, head.headers, credential.secrets)
        body = yield from self._read_some(budget)
        raise error_of(head.status, head.headers, body, credential.secrets)

    def _take_turn(self, budget: Budget) -> Conversation[None]:
        if not (yield from enter(budget.left_s())):
            raise GenerationTimeoutError("out of time while other requests were under way")
        budget.check("waiting for other requests")
        wait = self._pace.reserve() if self._pace is not None else 0.0
        while wait > 0:
            if not budget.allows(wait):
                raise GenerationTimeoutError("out of time: the pace of requests allows the next one too late")
            yield Sleep(wait)
            wait = self._pace.held() if self._pace is not None else 0.0

    @staticmethod
    def _read_some(budget: Budget) -> Conversation[bytes]:
        # An error whose body breaks off is still that error.
        body = b""
        try:
            while len(body) < _ERROR_BYTES and budget.allows(0.0):
                piece = yield from read()
                body += piece
                if not piece:
                    break
        except TransportError:
            pass
        return body[:_ERROR_BYTES]

    def _patiently(self, attempt: Callable[[], Conversation[_T]], budget: Budget) -> Conversation[_T]:
        attempts = 0
        while True:
            attempts += 1
            try:
                return (yield from attempt())
            except GenerationError as error:
                yield Leave()
                error.attempts = attempts
                wait = self._patience.wait_s(error, attempts, self._chance.random)
                if wait is None or not budget.allows(wait):
                    raise
                if isinstance(error, RateLimitedError) and self._pace is not None:
                    self._pace.hold(wait)
            yield Sleep(wait)


# By what happened: the error, its message, and whether the same request may do better later.
_UNSENT: dict[TransportFailure, tuple[type[GenerationError], str, bool]] = {
    "connect": (ServiceUnavailableError, "the service cannot be reached", True),
    "address": (MalformedAnswerError, "the address is none that can be reached", False),
    "certificate": (TlsError, "the server's certificate is not trusted", False),
    "client certificate": (TlsError, "the server asks for another client certificate than it got", False),
    "tls": (TlsError, "the server does not speak TLS as expected", False),
    "proxy": (ProxyError, "the service cannot be reached through the proxy", True),
    "refused by proxy": (ProxyError, "the proxy lets nothing through", False),
    "cut": (ServiceUnavailableError, "the connection was cut before an answer", True),
    "timeout": (GenerationTimeoutError, "no answer in time", False),
    "other": (MalformedAnswerError, "the answer is not HTTP", False),
}


def _unsent(error: TransportError, secrets: tuple[str, ...]) -> GenerationError:
    kind, message, is_retryable = _UNSENT[error.kind]
    return kind(f"{message}: {redact(error.reason, secrets)}", ErrorFacts(retryable=is_retryable))
