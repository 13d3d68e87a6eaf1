"""
Spans sent in the background by OTLP over HTTP, with OpenTelemetry's SDK. Needs the extra "tracing".
"""

from __future__ import annotations

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from provenance.distribution import NAME

_TIMEOUT_S = 5.0


def open_provider(endpoint: str) -> TracerProvider:
    """
    Open a provider whose spans are sent every few seconds; `shutdown` sends what is left.

    Args:
        endpoint: Address that takes traces, path included. One that does not answer costs traces, never
            requests: it is asked in a thread of its own.
    """
    provider = TracerProvider(resource=Resource.create({"service.name": NAME}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, timeout=_TIMEOUT_S)))
    return provider
