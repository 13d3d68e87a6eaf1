"""
One answer from the service: waiting for its turn, sending, and trying again where that may help.
"""

from __future__ import annotations

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
from provenance.generation.request.endpoint import Endpoint
from provenance.generation.request.image_request import ImageRequest, http_request
from provenance.generation.response.base64_json import AnswerReader
from provenance.generation.response.error_answer import error_of
from provenance.generation.response.image_answer import ResponseContext
from provenance.generation.transport.effect import (
    Procedure,
    Release,
    Sleep,
    TransportError,
    TransportFailure,
    acquire_slot,
    get_token,
    read,
    send,
)
from provenance.generation.transport.message import FormFile, ResponseHead
from provenance.generation.transport.retry import RateLimiter, RetryPolicy

_T = TypeVar("_T")

_ERROR_BYTES = 64 * 1024
_OK = range(200, 300)

WholeAnswer = tuple[Json, tuple[bytes | None, ...], ResponseContext]
"""
An answer's JSON, the images cut out of it, and what came with it.
"""


@dataclass(frozen=True, slots=True)
class ResponseLimits:
    """
    How large an answer and an image may be.

    Attributes:
        answer_bytes: Largest answer; a stream counts as one.

        image_bytes: Largest image that is downloaded.
    """

    answer_bytes: int = 256 * 1024 * 1024
    image_bytes: int = 128 * 1024 * 1024


class Budget:
    """
    The time that one call has.
    """

    def __init__(self, seconds: float | None, clock: Callable[[], float]) -> None:
        """
        Start the clock; None for no limit.
        """
        self._clock = clock
        self._end = None if seconds is None else clock() + seconds

    def left_s(self) -> float | None:
        """
        Return the seconds left, 0 at least; None for no limit.
        """
        return None if self._end is None else max(0.0, self._end - self._clock())

    def allows(self, seconds: float) -> bool:
        """
        Return whether there are more than so many seconds left.
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


@dataclass(frozen=True, slots=True)
class Exchange:
    """
    Speaks with the service; safe to share between threads.

    Attributes:
        endpoint: Where the service is, and as whom to ask.

        retry: When to try again, and when to give up.

        rate_limiter: How many requests a minute there may be, or None for any number.

        limits: How large an answer may be.

        clock: Seconds that never go back.

        random: Numbers from 0 to 1.
    """

    endpoint: Endpoint
    retry: RetryPolicy
    rate_limiter: RateLimiter | None
    limits: ResponseLimits
    clock: Callable[[], float]
    random: Callable[[], float]

    def budget(self) -> Budget:
        """
        Start the time of one call.
        """
        return Budget(self.retry.deadline_s, self.clock)

    def ask(
        self, request: ImageRequest, files: tuple[FormFile, ...], budget: Budget
    ) -> Procedure[WholeAnswer]:
        """
        Return one whole answer: the JSON, the images cut out of it, and what came with it.
        """

        def attempt() -> Procedure[WholeAnswer]:
            _, context = yield from self._open(request, files, budget)
            return (yield from self.read_json(context, budget))

        return (yield from self._with_retries(attempt, budget))

    def open_stream(
        self, request: ImageRequest, files: tuple[FormFile, ...], budget: Budget
    ) -> Procedure[tuple[ResponseHead, ResponseContext]]:
        """
        Return the beginning of a stream, and what comes with it.
        """
        return (yield from self._with_retries(lambda: self._open(request, files, budget), budget))

    def read_json(self, context: ResponseContext, budget: Budget) -> Procedure[WholeAnswer]:
        """
        Read the answer that is open, and close it.
        """
        trace = context.trace
        reader = AnswerReader(self.limits.answer_bytes)
        try:
            while piece := (yield from self.read_piece(budget, trace)):
                reader.feed(piece)
            answer, images = reader.finish()
        except MalformedAnswerError as error:
            facts = replace(error.facts, status=context.status, trace=trace)
            raise MalformedAnswerError(error.message, facts) from error
        yield Release()
        return answer, images, context

    def read_piece(self, budget: Budget, trace: Trace) -> Procedure[bytes]:
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

    def download(self, url: str, budget: Budget) -> Procedure[bytes]:
        """
        Fetch an image.
        """
        seconds = budget.within(self.retry.download_timeout_s)

        def attempt() -> Procedure[bytes]:
            own = Budget(seconds, self.clock)
            timeout_s = own.within(self.retry.read_timeout_s)
            request = download_request(url, local=self.endpoint.is_local, read_timeout_s=timeout_s)
            try:
                head = yield from send(request)
            except TransportError as error:
                raise _unsent(error, ()) from error
            refused = download_error(head, b"")
            if refused is not None:
                body = yield from self._read_some(own)
                raise download_error(head, body) or refused
            data = yield from self._read_image(head, own)
            yield Release()
            return data

        return (yield from self._with_retries(attempt, budget))

    def _read_image(self, head: ResponseHead, budget: Budget) -> Procedure[bytes]:
        limit, pieces, size = self.limits.image_bytes, [], 0
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
        self, request: ImageRequest, files: tuple[FormFile, ...], budget: Budget
    ) -> Procedure[tuple[ResponseHead, ResponseContext]]:
        yield from self._wait_for_turn(budget)
        credential = self.endpoint.credential((yield from get_token()))
        timeout_s = budget.within(self.retry.read_timeout_s)
        try:
            head = yield from send(http_request(request, files, self.endpoint, credential, timeout_s))
        except TransportError as error:
            raise _unsent(error, credential.secrets) from error
        if head.status in _OK:
            return head, ResponseContext(head.status, head.headers, credential.secrets)
        body = yield from self._read_some(budget)
        raise error_of(head.status, head.headers, body, credential.secrets)

    def _wait_for_turn(self, budget: Budget) -> Procedure[None]:
        if not (yield from acquire_slot(budget.left_s())):
            raise GenerationTimeoutError("out of time while other requests were under way")
        budget.check("waiting for other requests")
        wait = self.rate_limiter.reserve() if self.rate_limiter is not None else 0.0
        while wait > 0:
            if not budget.allows(wait):
                raise GenerationTimeoutError("out of time: the pace of requests allows the next one too late")
            yield Sleep(wait)
            wait = self.rate_limiter.blocked_s() if self.rate_limiter is not None else 0.0

    @staticmethod
    def _read_some(budget: Budget) -> Procedure[bytes]:
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

    def _with_retries(self, attempt: Callable[[], Procedure[_T]], budget: Budget) -> Procedure[_T]:
        attempts = 0
        while True:
            attempts += 1
            try:
                return (yield from attempt())
            except GenerationError as error:
                yield Release()
                error.attempts = attempts
                wait = self.retry.wait_s(error, attempts, self.random)
                if wait is None or not budget.allows(wait):
                    raise
                if isinstance(error, RateLimitedError) and self.rate_limiter is not None:
                    self.rate_limiter.block(wait)
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
