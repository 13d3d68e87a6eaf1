"""
What the service tells about itself: metrics, log lines and traces, and what none of them may hold.
"""

from __future__ import annotations

import gzip
import json
import logging
import signal
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from provenance.errors import SettingsError
from provenance.service.http.problem import INTERNAL
from provenance.service.observability.json_log import JsonFormatter
from provenance.service.observability.metrics import Metrics
from provenance.service.observability.tracing import open_tracing
from provenance.service.store.store import Store
from tests.service.support import ABSENT, ACCEPTED, Process, Running, exchange, running, until

PNG = ACCEPTED.read_bytes()
SECRET_NAME = "holiday-in-rome.png"  # noqa: S105 - a file name
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """
    Run a service of which nobody else asks anything.
    """
    with running(tmp_path_factory.mktemp("service"), queue=3) as started:
        yield started


# --- metrics ----------------------------------------------------------------------------------------


def test_what_happens_is_counted(service: Running) -> None:
    """
    Requests by route, verdicts by what they are, refusals by reason.
    """
    before = _samples(service)
    with service.client("verify") as client:
        client.post("/v1/verify", content=PNG)
        client.post("/v1/verify", content=PNG)
        client.post("/v1/verify", content=ABSENT.read_bytes())
        client.post("/v1/verify", content=b"no image")
        client.get(f"/v1/reports/{'0' * 64}")
        client.get("/some/where")
    until(lambda: _samples(service).get("provenance_in_flight") == 0)
    after = _samples(service)

    def counted(name: str) -> float:
        return after.get(name, 0) - before.get(name, 0)

    verify = 'route="/v1/verify"'
    assert counted(f'provenance_requests_total{{method="POST",{verify},status="200"}}') == 3
    assert counted(f'provenance_requests_total{{method="POST",{verify},status="415"}}') == 1
    assert counted('provenance_requests_total{method="GET",route="/v1/reports/{sha256}",status="403"}') == 1
    assert counted('provenance_requests_total{method="GET",route="unmatched",status="404"}') == 1
    assert counted('provenance_verdicts_total{accepted="true",policy="azure-openai",state="trusted"}') == 2
    assert counted('provenance_verdicts_total{accepted="false",policy="azure-openai",state="absent"}') == 1
    assert counted("provenance_reused_total") == 1
    assert counted("provenance_unstored_total") == 0
    assert counted('provenance_refused_total{reason="unsupported"}') == 1
    assert counted('provenance_refused_total{reason="forbidden"}') == 1
    assert counted("provenance_received_bytes_total") == 2 * len(PNG) + ABSENT.stat().st_size + len(
        b"no image"
    )
    assert counted(f"provenance_request_duration_seconds_count{{{verify}}}") == 4
    assert counted("provenance_judge_seconds_count") == 2
    assert counted("provenance_wait_seconds_count") == 3


def test_what_is_now_is_shown(service: Running) -> None:
    """
    How full the queue is, and whether workers had to be replaced.
    """
    found = _samples(service)

    assert found["provenance_queue_depth"] == 0
    assert found["provenance_queue_limit"] == 4
    assert found["provenance_worker_restarts_total"] == 0


def test_refused_connections_are_counted_too(service: Running) -> None:
    """
    They are no requests yet.
    """
    with service.connect() as connection:
        connection.sendall(b"no http\r\n\r\n")
        connection.recv(1_000)

    assert _samples(service)['provenance_refused_total{reason="malformed-http"}'] == 1


def test_metrics_can_be_opened_to_all(tmp_path: Path) -> None:
    """
    Where only the monitoring reaches the port.
    """
    with running(tmp_path, metrics_open=True) as open_service:
        answer = httpx.get(f"{open_service.address}/metrics")

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert "provenance_requests_total" in answer.text


def test_a_strange_method_is_no_label() -> None:
    """
    There are as many as somebody cares to send.
    """
    metrics = Metrics()
    for method in ("GET", "MKCALENDAR", "SUBSCRIBE"):
        metrics.begin()
        metrics.end("/", method, 405, 0.1, 0)

    assert b'method="other",route="/",status="405"} 2.0' in metrics.exposition()
    assert b"MKCALENDAR" not in metrics.exposition()


def _samples(service: Running) -> dict[str, float]:
    lines = service.resources.metrics.exposition().decode().splitlines()
    pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: float(value) for name, _, value in pairs}


# --- log lines --------------------------------------------------------------------------------------


def test_each_request_has_one_line(tmp_path: Path) -> None:
    """
    With what an operator needs, and nothing of what was sent: no name, path, query or key.
    """
    with Process(tmp_path) as process:
        key = _make_key(process)
        headers = {"Authorization": f"Bearer {key}", "X-Request-Id": "request-1"}
        with httpx.Client(base_url=process.address, headers=headers) as client:
            client.post("/v1/verify", files={"image": (SECRET_NAME, PNG)})
            client.post("/v1/verify", params={"policy": "secret-policy"}, content=PNG)
            client.get("/secret/path", headers={"User-Agent": "secret-agent", "Cookie": "secret=1"})
            client.get("/healthz", headers={"Authorization": "Bearer secret-token"})
        assert process.end() == 0
        lines = process.lines()
        written = process.log.read_text("utf-8")

    judged, refused, lost, healthy = (line for line in lines if line["event"] == "request")
    assert {
        name: judged[name]
        for name in ("level", "method", "route", "status", "request_id", "state", "accepted")
    } == {
        "level": "info",
        "method": "POST",
        "route": "/v1/verify",
        "status": 200,
        "request_id": "request-1",
        "state": "trusted",
        "accepted": True,
    }
    assert judged["received"] > len(PNG)
    assert (judged["reused"], judged["stored"], judged["images"]) == (False, True, 1)
    assert judged["key"] == key.split("_")[1]
    assert judged["duration_ms"] > 0
    assert (refused["status"], refused["problem"]) == (400, "bad-request")
    assert (lost["route"], lost["status"], lost["problem"]) == ("unmatched", 404, "not-found")
    assert healthy["route"] == "/healthz"
    for secret in (SECRET_NAME, "secret", key, key.rpartition("_")[2]):
        assert secret not in written


def _make_key(process: Process) -> str:
    with Store.open(f"sqlite:///{process.folder / 'service.db'}") as store:
        return store.keys.create_key("test", ["verify"])[1]


def test_the_level_of_lines_can_be_chosen(tmp_path: Path) -> None:
    """
    Some want no line for each request.
    """
    with Process(tmp_path, "--no-auth", log_level="warning") as process:
        httpx.get(f"{process.address}/healthz")
        assert process.end(signal.SIGINT) == 0

        assert process.lines() == []


def test_a_failure_is_logged_by_its_place_and_told_without(
    service: Running, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    By the service itself, whatever its server's logger was told.

    The message of an exception may hold what was sent.
    """

    def fail() -> None:
        raise ZeroDivisionError(SECRET_NAME)

    monkeypatch.setattr(logging.getLogger("uvicorn.error"), "level", logging.CRITICAL)
    monkeypatch.setattr(service.resources.store.reports, "search", lambda **_: fail())
    with service.client("reports:read") as client, caplog.at_level(logging.ERROR):
        answer = client.get("/v1/reports")
        (record,) = until(lambda: [found for found in caplog.records if found.levelno == logging.ERROR])
    line = json.loads(JsonFormatter().format(record))

    assert answer.status_code == 500
    assert answer.json() == {
        "type": "urn:azure-image-provenance:problem:internal",
        "title": "The service failed",
        "status": 500,
        "detail": "The service failed",
        "instance": answer.headers["x-request-id"],
        "hint": INTERNAL.hint,
    }
    assert line["request_id"] == answer.headers["x-request-id"]
    assert line["error"]["type"] == "ZeroDivisionError"
    assert line["error"]["at"][-1].endswith(" fail")
    assert SECRET_NAME not in json.dumps(line)


def test_what_a_proxy_says_of_its_client_is_an_address_or_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """
    It may pass on whatever the client wrote.
    """
    with running(tmp_path, proxies=("127.0.0.1",)) as running_now, caplog.at_level(logging.INFO):
        for said in (SECRET_NAME, "2001:db8::1"):
            httpx.get(f"{running_now.address}/healthz", headers={"X-Forwarded-For": said})
        records = until(lambda: _requests(caplog, 2))

    assert [vars(record)["facts"]["client"] for record in records] == ["", "2001:db8::1"]


def _requests(caplog: pytest.LogCaptureFixture, count: int) -> list[logging.LogRecord]:
    found = [record for record in caplog.records if record.getMessage() == "request"]
    return found if len(found) >= count else []


def test_a_connection_that_is_refused_is_logged_by_the_id_that_it_is_told(
    service: Running, caplog: pytest.LogCaptureFixture
) -> None:
    """
    So that both ends speak of the same.
    """
    with service.connect() as connection, caplog.at_level(logging.INFO):
        head, _, _ = exchange(connection, b"BAD\r\n\r\n").partition(b"\r\n\r\n")
    (record,) = [found for found in caplog.records if found.getMessage() == "connection refused"]

    facts = vars(record)["facts"]
    assert f"x-request-id: {facts['request_id']}".encode() in head
    assert (facts["problem"], facts["client"]) == ("malformed-http", "127.0.0.1")


def test_of_what_libraries_log_only_the_wording_is_told() -> None:
    """
    An address that traces are sent to may hold a token.
    """
    text = "Transient error %s encountered"
    record = logging.LogRecord("opentelemetry.exporter", logging.WARNING, "x", 1, text, (SECRET_NAME,), None)

    assert json.loads(JsonFormatter().format(record))["event"] == text


def test_a_line_is_one_line() -> None:
    """
    Whatever text is in it.
    """
    record = logging.LogRecord("provenance", logging.WARNING, __file__, 1, "a\n%s\u2028", ("b\r\n",), None)
    record.facts = {"reason": '"\n\u0000\udcff'}

    written = JsonFormatter().format(record)

    assert len(written.splitlines()) == 1
    assert json.loads(written)["event"] == "a\nb\r\n".strip()
    assert json.loads(written)["reason"] == '"\n\u0000\udcff'


# --- traces -----------------------------------------------------------------------------------------


class Collector:
    """
    What takes traces over HTTP, as a collector does.
    """

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.services: set[str] = set()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                collector.take(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)

    @property
    def endpoint(self) -> str:
        """
        Where traces are taken.
        """
        return f"http://127.0.0.1:{self._server.server_port}/v1/traces"

    def take(self, request: ExportTraceServiceRequest) -> None:
        """
        Keep what arrived.
        """
        for resource in request.resource_spans:
            named = {item.key: item.value.string_value for item in resource.resource.attributes}
            self.services.add(named["service.name"])
            for scope in resource.scope_spans:
                self.spans.extend(scope.spans)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def test_a_request_is_traced_from_its_caller_on(tmp_path: Path) -> None:
    """
    To a real collector: the request, and below it what it waited for.
    """
    parent = f"00-{TRACE_ID}-b7ad6b7169203331-01"
    with Collector() as collector:
        with running(tmp_path, no_auth=True, otlp_endpoint=collector.endpoint) as service:
            url = f"{service.address}/v1/verify"
            httpx.post(url, files={"image": (SECRET_NAME, PNG)}, headers={"traceparent": parent})
            httpx.post(url, content=PNG)
        spans = {span.name: span for span in collector.spans if span.trace_id.hex() == TRACE_ID}
        names = sorted(span.name for span in collector.spans)

    request = spans["POST /v1/verify"]
    attributes = {item.key: item.value for item in request.attributes}
    assert collector.services == {"azure-image-provenance"}
    assert names == sorted(["POST /v1/verify", "find"] * 2 + ["wait", "judge", "keep"])
    assert request.parent_span_id.hex() == "b7ad6b7169203331"
    assert request.kind == Span.SPAN_KIND_SERVER
    assert {spans[name].parent_span_id for name in ("find", "wait", "judge", "keep")} == {request.span_id}
    assert attributes["status"].int_value == 200
    assert attributes["state"].string_value == "trusted"
    assert attributes["accepted"].bool_value is True
    assert all(span.start_time_unix_nano <= span.end_time_unix_nano for span in collector.spans)
    assert SECRET_NAME.encode() not in b"".join(span.SerializeToString() for span in collector.spans)


def test_a_failure_of_ours_is_marked(tmp_path: Path) -> None:
    """
    A refusal is none.
    """
    with Collector() as collector:
        with running(tmp_path, no_auth=True, otlp_endpoint=collector.endpoint, deadline_s=0.001) as service:
            httpx.post(f"{service.address}/v1/verify", content=PNG)
            httpx.post(f"{service.address}/v1/verify", content=PNG, headers={"Content-Encoding": "gzip"})
        found = {
            next(item.value.int_value for item in span.attributes if item.key == "status"): span.status.code
            for span in collector.spans
            if span.name == "POST /v1/verify"
        }

    assert found == {504: Status.STATUS_CODE_ERROR, 415: Status.STATUS_CODE_UNSET}


def test_a_collector_that_is_not_there_costs_traces_only(tmp_path: Path) -> None:
    """
    It is asked in the background.
    """
    with running(tmp_path, no_auth=True, otlp_endpoint="http://127.0.0.1:9/v1/traces") as service:
        assert httpx.post(f"{service.address}/v1/verify", content=PNG).status_code == 200


def test_without_an_address_nothing_is_traced(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Nor is the library for it needed.
    """
    monkeypatch.delitem(sys.modules, "provenance.service.observability.otlp", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)

    with open_tracing("").begin({"traceparent": f"00-{TRACE_ID}-b7ad6b7169203331-01"}).span("find") as span:
        assert not span.is_recording()


def test_tracing_without_its_extra_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Whoever sets an address would wait for traces that never come.
    """
    monkeypatch.delitem(sys.modules, "provenance.service.observability.otlp", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)

    with pytest.raises(SettingsError, match=r"azure-image-provenance\[tracing\]"):
        open_tracing("http://127.0.0.1:4318/v1/traces")
