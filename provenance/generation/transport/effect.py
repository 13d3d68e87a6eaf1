"""
The effects that a procedure asks of its runner: the whole protocol is written once, above these.

A procedure is a generator. It yields an effect, and is sent the effect's result or thrown the effect's
error; it never waits, reads or writes itself. So the same code serves threads and tasks.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Literal, TypeVar, cast

from provenance.generation.errors import GenerationError
from provenance.generation.transport.message import HttpRequest, ResponseHead

_T = TypeVar("_T")

TransportFailure = Literal[
    "connect", "address", "certificate", "client certificate", "tls", "proxy", "refused by proxy", "cut",
    "timeout", "other",
]  # fmt: skip


class TransportError(Exception):
    """
    A request could not be sent, or its answer did not come or broke off.

    Attributes:
        kind: What happened.

        reason: The same in words, without URL and headers.
    """

    def __init__(self, kind: TransportFailure, reason: str) -> None:
        super().__init__(kind, reason)
        self.kind = kind
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Sleep:
    """
    Wait for some seconds.
    """

    seconds: float


@dataclass(frozen=True, slots=True)
class AcquireSlot:
    """
    Acquire one of the slots for requests at the same time; results in whether one came free in time.
    """

    timeout_s: float | None


@dataclass(frozen=True, slots=True)
class Release:
    """
    Close the answer and release the slot, if there are any.
    """


@dataclass(frozen=True, slots=True)
class GetToken:
    """
    Call the token callable; results in the token, or None where there is a key.
    """


@dataclass(frozen=True, slots=True)
class Send:
    """
    Send a request; results in the `ResponseHead` of the answer.
    """

    request: HttpRequest


@dataclass(frozen=True, slots=True)
class Read:
    """
    Read the next bytes of the answer; results in these, empty at its end.
    """


@dataclass(frozen=True, slots=True)
class Compute:
    """
    Do something that takes a moment, away from an event loop; results in what it returns.
    """

    work: Callable[[], object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Emit:
    """
    Hand a value to the caller.
    """

    value: object = field(repr=False)


@dataclass(frozen=True, slots=True)
class Gather:
    """
    Run several procedures at the same time; results for each in what it emitted, or its error.
    """

    procedures: tuple[Procedure[None], ...] = field(repr=False)


Effect = Sleep | AcquireSlot | Release | GetToken | Send | Read | Compute | Emit | Gather
Procedure = Generator[Effect, object, _T]


def acquire_slot(timeout_s: float | None) -> Procedure[bool]:
    """
    Return whether a slot came free in time, and was acquired.
    """
    return cast("bool", (yield AcquireSlot(timeout_s)))


def get_token() -> Procedure[str | None]:
    """
    Return a token, or None where there is a key.
    """
    return cast("str | None", (yield GetToken()))


def send(request: HttpRequest) -> Procedure[ResponseHead]:
    """
    Send a request and return the beginning of its answer.
    """
    return cast("ResponseHead", (yield Send(request)))


def read() -> Procedure[bytes]:
    """
    Return the next bytes, empty at the end.
    """
    return cast("bytes", (yield Read()))


def compute(work: Callable[[], _T]) -> Procedure[_T]:
    """
    Return what *work* returns.
    """
    return cast("_T", (yield Compute(work)))


def gather(procedures: tuple[Procedure[None], ...]) -> Procedure[tuple[object | GenerationError, ...]]:
    """
    Return what each procedure emitted last, or its error.
    """
    return cast("tuple[object | GenerationError, ...]", (yield Gather(procedures)))
