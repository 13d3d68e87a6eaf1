"""
Traces of requests by OpenTelemetry's API; nothing is recorded unless there is an address to send traces to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

from opentelemetry.context import Context
from opentelemetry.trace import (
    NoOpTracerProvider,
    Span,
    SpanKind,
    StatusCode,
    Tracer,
    TracerProvider,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from provenance.distribution import NAME
from provenance.errors import SettingsError

Attributes = Mapping[str, str | int | bool]
"""
What is recorded of a request: what its log line holds, so no path, name, key or image of a client's.
"""


class RequestTrace:
    """
    The spans of one request.
    """

    def __init__(self, tracer: Tracer, parent: Context | None = None) -> None:
        self._tracer = tracer
        self._span = tracer.start_span("request", parent, SpanKind.SERVER)
        self._context = set_span_in_context(self._span)

    def span(self, name: str) -> AbstractContextManager[Span]:
        """
        Open a span below the request's, in whatever thread; of an exception nothing is recorded.
        """
        return self._tracer.start_as_current_span(
            name, self._context, record_exception=False, set_status_on_exception=False
        )

    def end(self, name: str, attributes: Attributes, *, failed: bool) -> None:
        """
        Close the request's span under its final name; *failed* is for reasons of ours.
        """
        self._span.update_name(name)
        self._span.set_attributes(dict(attributes))
        if failed:
            self._span.set_status(StatusCode.ERROR)
        self._span.end()


class Tracing:
    """
    Makes the traces of a service.
    """

    def __init__(self, provider: TracerProvider, close: Callable[[], None]) -> None:
        """
        Set where traces go.

        Args:
            provider: Where they go.

            close: Sends what was not sent yet.
        """
        self._tracer = provider.get_tracer(NAME)
        self._propagator = TraceContextTextMapPropagator()
        self.close = close

    def begin(self, headers: Mapping[str, str]) -> RequestTrace:
        """
        Begin the trace of a request; the one that its header "traceparent" names is carried on.
        """
        return RequestTrace(self._tracer, self._propagator.extract(headers))


def open_tracing(endpoint: str) -> Tracing:
    """
    Trace to an address of OTLP over HTTP; "" is for no traces.

    Raises:
        SettingsError: If the extra "tracing" is not installed.
    """
    if not endpoint:
        return Tracing(NoOpTracerProvider(), lambda: None)
    try:
        from provenance.service.observability.otlp import open_provider  # noqa: PLC0415 - comes with an extra
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"'otlp_endpoint' is set, but {error.name} is not installed: "
            "pip install 'azure-image-provenance[tracing]'"
        ) from error
    provider = open_provider(endpoint)
    return Tracing(provider, provider.shutdown)
