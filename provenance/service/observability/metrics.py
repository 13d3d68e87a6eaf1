"""
What the service counts, for Prometheus.

Every label comes from a short list of our own: no path, name or key of a client's ever becomes one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})


class Metrics:
    """
    The counters of one service, in a registry of their own.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "provenance_requests",
            "Requests answered.",
            ("route", "method", "status"),
            registry=self.registry,
        )
        self._duration = Histogram(
            "provenance_request_duration_seconds",
            "From the head of a request to the end of its answer.",
            ("route",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._received = Counter(
            "provenance_received_bytes", "Bytes of the bodies of requests.", registry=self.registry
        )
        self._verdicts = Counter(
            "provenance_verdicts",
            "Verdicts given, those from the store included.",
            ("state", "accepted", "policy"),
            registry=self.registry,
        )
        self._reused = Counter(
            "provenance_reused", "Verdicts that came from the store.", registry=self.registry
        )
        self._unstored = Counter(
            "provenance_unstored", "Verdicts given that are not in the store.", registry=self.registry
        )
        self._waited = Histogram(
            "provenance_wait_seconds",
            "How long an image waited for a worker.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._judged = Histogram(
            "provenance_judge_seconds",
            "How long a worker took for an image.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._refused = Counter(
            "provenance_refused",
            "Requests refused or failed, by reason.",
            ("reason",),
            registry=self.registry,
        )
        self._store_errors = Counter(
            "provenance_store_errors", "Failures of the store.", ("operation",), registry=self.registry
        )
        self._in_flight = Gauge(
            "provenance_in_flight", "Requests that are being answered.", registry=self.registry
        )

    def watch(self, *, depth: Callable[[], int], limit: int, restarts: Callable[[], int]) -> None:
        """
        Expose what others count.

        Args:
            depth: Counts the requests with images that are taken on.

            limit: How many may be.

            restarts: Counts the workers that had to be replaced.
        """
        queued = Gauge(
            "provenance_queue_depth", "Requests with images that are taken on.", registry=self.registry
        )
        queued.set_function(depth)
        most = Gauge("provenance_queue_limit", "Most of them at a time.", registry=self.registry)
        most.set(limit)
        self.registry.register(_Restarts(restarts))

    def begin(self) -> None:
        """
        Count a request in.
        """
        self._in_flight.inc()

    def end(self, route: str, method: str, status: int, duration_s: float, received: int) -> None:
        """
        Count a request out.
        """
        self._in_flight.dec()
        self._requests.labels(route, method if method in _METHODS else "other", str(status)).inc()
        self._duration.labels(route).observe(duration_s)
        self._received.inc(received)

    def verdict(self, state: str, policy: str, *, accepted: bool, reused: bool, stored: bool) -> None:
        """
        Count a verdict.
        """
        self._verdicts.labels(state, "true" if accepted else "false", policy).inc()
        if reused:
            self._reused.inc()
        if not stored:
            self._unstored.inc()

    def waited(self, duration_s: float) -> None:
        """
        Count how long a worker was waited for.
        """
        self._waited.observe(duration_s)

    def judged(self, duration_s: float) -> None:
        """
        Count how long a worker took.
        """
        self._judged.observe(duration_s)

    def refused(self, reason: str) -> None:
        """
        Count a refusal.
        """
        self._refused.labels(reason).inc()

    def store_failed(self, operation: str) -> None:
        """
        Count a failure of the store.
        """
        self._store_errors.labels(operation).inc()

    def exposition(self) -> bytes:
        """
        Write all of it in Prometheus's text format.
        """
        return generate_latest(self.registry)


class _Restarts(Collector):
    def __init__(self, restarts: Callable[[], int]) -> None:
        self._restarts = restarts

    def collect(self) -> Iterator[CounterMetricFamily]:
        yield CounterMetricFamily(
            "provenance_worker_restarts",
            "Workers that crashed or were too slow, and were replaced.",
            value=self._restarts(),
        )
