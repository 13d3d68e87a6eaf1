"""
Following requests through the service; nothing at all unless there is an address to send traces to.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from provenance.errors import SettingsError

Attributes = Mapping[str, str | int | bool]
"""
What is told of a request: what its log line holds, so no path, name, key or image of a client's.
"""


class Trace(Protocol):
    """
    One request that is followed.
    """

    def span(self, name: str) -> AbstractContextManager[object]:
        """
        Follow one step of it, in whatever thread.
        """
        ...

    def end(self, name: str, attributes: Attributes, *, failed: bool) -> None:
        """
        Say that it is over, what it was, and whether it failed for reasons of ours.
        """
        ...


class Tracing(Protocol):
    """
    Follows requests.
    """

    def begin(self, headers: Mapping[str, str]) -> Trace:
        """
        Follow a request; the trace that its headers name, if any, is carried on.
        """
        ...

    def close(self) -> None:
        """
        Send what was not sent yet.
        """
        ...


class NoTracing:
    """
    Follows nothing.
    """

    def begin(self, headers: Mapping[str, str]) -> Trace:  # noqa: ARG002 - as the protocol has it
        """
        Follow nothing.
        """
        return NO_TRACE

    def close(self) -> None:
        """
        Have nothing to send.
        """


def open_tracing(endpoint: str) -> Tracing:
    """
    Trace to an address of OTLP over HTTP; "" is for no tracing.

    Raises:
        SettingsError: If the extra "tracing" is not installed.
    """
    if not endpoint:
        return NoTracing()
    try:
        from provenance.service.observability.otlp import OpenTelemetry  # noqa: PLC0415 - comes with an extra
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"'otlp_endpoint' is set, but {error.name} is not installed: "
            "pip install 'azure-image-provenance[tracing]'"
        ) from error
    return OpenTelemetry(endpoint)


class _NoTrace:
    def span(self, name: str) -> AbstractContextManager[object]:  # noqa: ARG002 - as the protocol has it
        return nullcontext()

    def end(self, name: str, attributes: Attributes, *, failed: bool) -> None: ...


NO_TRACE: Trace = _NoTrace()
"""
A request that is not followed.
"""
