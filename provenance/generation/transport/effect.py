"""
What a conversation asks of whoever drives it: the whole protocol is written once, above these.

A conversation is a generator. It yields a step, and is sent the step's result or thrown the step's
error; it never waits, reads or writes itself. So the same code serves threads and tasks.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeVar, cast

from provenance.generation.errors import GenerationError
from provenance.generation.request.source import InputImage

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


class Head(NamedTuple):
    """
    The beginning of an answer; the names of headers are in lower case.
    """

    status: int
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Request:
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
    files: tuple[InputImage, ...] = field(default=(), repr=False)

    @property
    def is_download(self) -> bool:
        """
        Whether it goes to wherever an image lies, and so must carry no credential.
        """
        return self.target is not None


@dataclass(frozen=True, slots=True)
class Sleep:
    """
    Wait for some seconds.
    """

    seconds: float


@dataclass(frozen=True, slots=True)
class Enter:
    """
    Take one of the slots for requests at the same time; gives whether one came free in time.
    """

    timeout_s: float | None


@dataclass(frozen=True, slots=True)
class Leave:
    """
    Close the answer and give the slot back, if there are any.
    """


@dataclass(frozen=True, slots=True)
class Authorize:
    """
    Call the token callable; gives the token, or None where there is a key.
    """


@dataclass(frozen=True, slots=True)
class Open:
    """
    Send a request; gives the `Head` of the answer.
    """

    request: Request


@dataclass(frozen=True, slots=True)
class Read:
    """
    Give the next bytes of the answer, empty at its end.
    """


@dataclass(frozen=True, slots=True)
class Compute:
    """
    Do something that takes a moment, away from an event loop; gives what it returns.
    """

    work: Callable[[], object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Emit:
    """
    Hand a value to the caller.
    """

    value: object = field(repr=False)


@dataclass(frozen=True, slots=True)
class Together:
    """
    Hold several conversations at the same time; gives for each what it emitted, or its error.
    """

    conversations: tuple[Conversation[None], ...] = field(repr=False)


Step = Sleep | Enter | Leave | Authorize | Open | Read | Compute | Emit | Together
Conversation = Generator[Step, object, _T]


def enter(timeout_s: float | None) -> Conversation[bool]:
    """
    Take a slot; tell whether one came free in time.
    """
    return cast("bool", (yield Enter(timeout_s)))


def authorize() -> Conversation[str | None]:
    """
    Get a token, or None where there is a key.
    """
    return cast("str | None", (yield Authorize()))


def send(request: Request) -> Conversation[Head]:
    """
    Send a request and get the beginning of its answer.
    """
    return cast("Head", (yield Open(request)))


def read() -> Conversation[bytes]:
    """
    Get the next bytes, empty at the end.
    """
    return cast("bytes", (yield Read()))


def compute(work: Callable[[], _T]) -> Conversation[_T]:
    """
    Get what *work* returns.
    """
    return cast("_T", (yield Compute(work)))


def together(
    conversations: tuple[Conversation[None], ...],
) -> Conversation[tuple[object | GenerationError, ...]]:
    """
    Get what each conversation emitted last, or its error.
    """
    return cast("tuple[object | GenerationError, ...]", (yield Together(conversations)))
