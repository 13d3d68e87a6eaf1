"""
Traces by OpenTelemetry, sent in the background by OTLP over HTTP.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from provenance.service.observability.tracing import Attributes

NAME = "azure-image-provenance"

_TIMEOUT_S = 5.0


class OpenTelemetry:
    """
    Follows requests, and sends what it saw every few seconds.
    """

    def __init__(self, endpoint: str) -> None:
        """
        Begin.

        Args:
            endpoint: Address that takes traces, path included.
        """
        # An endpoint that does not answer costs traces, never requests: it is asked in a thread of its own.
        exporter = OTLPSpanExporter(endpoint=endpoint, timeout=_TIMEOUT_S)
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": NAME}), shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer(NAME)
        self._propagator = TraceContextTextMapPropagator()

    def begin(self, headers: Mapping[str, str]) -> OpenTrace:
        """
        Follow a request; the trace that its header "traceparent" names is carried on.
        """
        parent = self._propagator.extract(headers)
        return OpenTrace(self._tracer, self._tracer.start_span("request", parent, SpanKind.SERVER))

    def close(self) -> None:
        """
        Send what was not sent yet.
        """
        self._provider.shutdown()


class OpenTrace:
    """
    One request that is followed.
    """

    def __init__(self, tracer: Tracer, span: Span) -> None:
        self._tracer = tracer
        self._span = span
        self._context: Context = set_span_in_context(span)

    @contextmanager
    def span(self, name: str) -> Iterator[object]:
        """
        Follow one step.
        """
        span = self._tracer.start_span(name, self._context)
        try:
            yield span
        finally:
            span.end()

    def end(self, name: str, attributes: Attributes, *, failed: bool) -> None:
        """
        Say that it is over.
        """
        self._span.update_name(name)
        self._span.set_attributes(dict(attributes))
        if failed:
            self._span.set_status(StatusCode.ERROR)
        self._span.end()
