"""
The running service against clients that mean harm, over sockets that send what no library would.

Each attack has to end with a clear refusal or a closed connection, cost nobody else anything, and leave the
service ready.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from provenance.service.http import protocol, transport
from tests.service.support import (
    ABSENT,
    ACCEPTED,
    Running,
    exchange,
    open_files,
    read_all,
    running,
    until,
)

pytestmark = pytest.mark.slow

PNG = ACCEPTED.read_bytes()
MAX_BYTES = 100_000
SLOW_S = 0.6


class Answer(NamedTuple):
    """
    One answer, as it came over the wire.
    """

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def problem(self) -> str:
        """
        Name of the problem that it is.
        """
        assert self.headers["content-type"] == "application/problem+json", self
        content = json.loads(self.body)
        assert content["status"] == self.status
        return str(content["type"].rpartition(":")[2])


def answers(received: bytes) -> list[Answer]:
    """
    Parse what a connection gave.
    """
    found = []
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        line, *fields = head.decode("ascii").split("\r\n")
        headers = {name.lower(): value for name, _, value in (field.partition(": ") for field in fields)}
        if line == "HTTP/1.1 100 Continue":
            received = rest
            continue
        length = int(headers["content-length"])
        assert len(rest) >= length
        found.append(Answer(int(line.split(" ")[1]), headers, rest[:length]))
        received = rest[length:]
    return found


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """
    Run a service that waits for nobody for long.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transport, "LINGER_S", SLOW_S)
        yield from _run(tmp_path_factory.mktemp("service"))


def _run(folder: Path) -> Iterator[Running]:
    with running(
        folder,
        max_bytes=MAX_BYTES,
        max_batch=3,
        header_timeout_s=SLOW_S,
        body_timeout_s=SLOW_S,
        min_body_rate=20_000,
        keep_alive_s=2,
        max_connections=40,
    ) as started:
        yield started


@pytest.fixture(scope="module")
def key(service: Running) -> str:
    """
    Make a key, as a header line.
    """
    return f"Authorization: {service.key('admin')['Authorization']}\r\n"


@pytest.fixture(autouse=True)
def unharmed(service: Running) -> Iterator[None]:
    """
    Check that afterwards the service is what it was: ready, every admission slot free, no request open.
    """
    before = service.resources.dispatcher.restarts
    yield
    until(lambda: service.resources.dispatcher.admitted == 0)
    until(lambda: service.resources.metrics.registry.get_sample_value("provenance_in_flight") == 0)
    assert httpx.get(f"{service.address}/readyz").status_code == 200
    assert service.resources.dispatcher.restarts == before


def post(key: str, *lines: str, path: str = "/v1/verify", body: bytes = b"") -> bytes:
    """
    Write a request with exactly these headers, and `Host` and the key.
    """
    head = "".join(f"{line}\r\n" for line in lines)
    return f"POST {path} HTTP/1.1\r\nHost: a\r\n{key}{head}\r\n".encode("latin-1") + body


def one(service: Running, data: bytes) -> Answer:
    """
    Send bytes on a connection of their own, and give the only answer; the server has to close.
    """
    with service.connect() as connection:
        (answer,) = answers(exchange(connection, data))
        return answer


# --- how long a body is -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lines",
    [(), ("Transfer-Encoding: chunked",), ("Transfer-Encoding: gzip, chunked",)],
    ids=["nothing", "chunked", "gzip, chunked"],
)
def test_a_body_without_a_length_is_refused(service: Running, key: str, lines: tuple[str, ...]) -> None:
    """
    Before any of it is read.
    """
    answer = one(
        service, post(key, *lines, "Connection: close", body=b"5\r\nabcde\r\n0\r\n\r\n" if lines else b"")
    )

    assert (answer.status, answer.problem) == (411, "length-required")


def test_an_endless_body_is_refused_and_cut(service: Running, key: str) -> None:
    """
    Whoever never stops sending is not read for ever either.
    """
    with service.connect() as connection:
        connection.sendall(post(key, "Transfer-Encoding: chunked"))

        with pytest.raises(OSError, match=r"reset|[Bb]roken pipe"):
            send_on(connection, b"ffff\r\n" + bytes(65_535) + b"\r\n")


def send_on(connection: socket.socket, piece: bytes) -> None:
    """
    Send the same again and again, for twenty seconds at most.
    """
    end = time.monotonic() + 20
    while time.monotonic() < end:
        connection.sendall(piece)


@pytest.mark.parametrize("length", ["-1", "+5", "0x10", "1e3", "5 5", "5,5", "", "9" * 30, "\u00b2", "5; 6"])
def test_a_length_that_is_no_number_is_refused(service: Running, key: str, length: str) -> None:
    """
    Servers that guess differently are how requests are smuggled.
    """
    answer = one(service, post(key, f"Content-Length: {length}", "Connection: close", body=b"abcde"))

    assert answer.status in {400, 411}
    assert answer.problem in {"malformed-http", "length-required"}


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 5", "Content-Length: 5"),
        ("Content-Length: 5", "Content-Length: 6"),
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Content-Length: 5"),
        ("Transfer-Encoding: chunked, identity",),
        ("Transfer-Encoding: xchunked", "Content-Length: 5"),
        ("Transfer-Encoding : chunked",),
        ("Content-Length : 5",),
        (" Content-Length: 5",),
        ("Content-Length: 5\n\tContent-Length: 6",),
        ("X: a\rContent-Length: 5",),
        ("X: a\x00b", "Content-Length: 5"),
    ],
)
def test_two_ways_to_read_a_length_are_none(service: Running, key: str, lines: tuple[str, ...]) -> None:
    """
    What follows would be a request to one reader and a body to another.
    """
    smuggled = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"

    answer = one(service, post(key, *lines, body=b"0\r\n\r\n" + smuggled))

    assert (answer.status, answer.problem) in {(400, "malformed-http"), (411, "length-required")}
    assert b"alive" not in answer.body


def test_what_follows_a_body_is_the_next_request(service: Running, key: str) -> None:
    """
    A body that is longer than its length is not.
    """
    data = post(key, f"Content-Length: {len(PNG)}", body=PNG)
    more = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    with service.connect() as connection:
        first, second, third = answers(exchange(connection, data + data + more))

    assert (first.status, second.status, third.status) == (200, 200, 200)
    assert first.body == second.body
    assert json.loads(first.body)["asset"]["bytes"] == len(PNG)
    assert json.loads(third.body) == {"status": "alive"}


def test_rubbish_after_a_body_costs_only_what_follows(service: Running, key: str) -> None:
    """
    The answer to what was in order still comes.
    """
    with service.connect() as connection:
        data = post(key, f"Content-Length: {len(PNG)}", body=PNG)
        (answer,) = answers(exchange(connection, data + b"\x00\x01rubbish\r\n\r\n"))

    assert answer.status == 200


def test_a_body_shorter_than_its_length_is_not_judged(service: Running, key: str) -> None:
    """
    Half an image is another image.
    """
    with service.connect() as connection:
        connection.sendall(post(key, f"Content-Length: {len(PNG)}", body=PNG[:-1]))
        connection.shutdown(socket.SHUT_WR)

        assert read_all(connection) == b""


def test_a_body_that_stops_arriving_is_given_up(service: Running, key: str) -> None:
    """
    And the client is told.
    """
    answer = one(service, post(key, f"Content-Length: {len(PNG)}", body=PNG[:-1]))

    assert (answer.status, answer.problem, answer.headers["connection"]) == (408, "too-slow", "close")


def test_a_body_that_trickles_is_given_up(service: Running, key: str) -> None:
    """
    Though there is always another byte before the time for one is over.
    """
    with service.connect() as connection:
        connection.sendall(post(key, f"Content-Length: {MAX_BYTES}", body=PNG))
        trickle = threading.Thread(target=_trickle, args=(connection, b"x", 0.1))
        trickle.start()
        (answer,) = answers(read_all(connection))
        trickle.join()

    assert (answer.status, answer.problem) == (408, "too-slow")


def _trickle(connection: socket.socket, piece: bytes, every_s: float) -> None:
    try:
        for _ in range(200 if piece else 0):
            connection.sendall(piece)
            time.sleep(every_s)
    except OSError:
        return


@pytest.mark.parametrize("length", [MAX_BYTES + 1, 10**12])
def test_a_body_that_is_too_large_is_refused_before_it_is_sent(
    service: Running, key: str, length: int
) -> None:
    """
    By its length alone: whoever waits for leave to send need not send at all.
    """
    answer = one(service, post(key, f"Content-Length: {length}", "Expect: 100-continue"))

    assert (answer.status, answer.problem, answer.headers["connection"]) == (413, "too-large", "close")


def test_a_client_that_waits_for_leave_gets_it(service: Running, key: str) -> None:
    """
    Once everything that is checked beforehand is in order.
    """
    with service.connect() as connection:
        connection.sendall(
            post(key, f"Content-Length: {len(PNG)}", "Expect: 100-continue", "Connection: close")
        )
        assert connection.recv(1_000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        (answer,) = answers(exchange(connection, PNG))

    assert answer.status == 200


def test_whoever_is_refused_while_sending_can_read_why(service: Running, key: str) -> None:
    """
    A connection that is closed with bytes unread is reset, and the answer with it.
    """
    body = os.urandom(5_000_000)
    with service.connect() as connection:
        (answer,) = answers(exchange(connection, post(key, f"Content-Length: {len(body)}", body=body)))

    assert (answer.status, answer.problem) == (413, "too-large")


def test_a_body_where_none_is_expected_is_not_the_next_request(service: Running) -> None:
    """
    A health check with a body that looks like a request.
    """
    smuggled = b"GET /v1/policies HTTP/1.1\r\nHost: a\r\n\r\n"
    head = f"GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: {len(smuggled)}\r\n\r\n".encode()

    answer = one(service, head + smuggled)

    assert (answer.status, answer.headers["connection"]) == (200, "close")


# --- what is in a body ------------------------------------------------------------------------------


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, gzip", "GZIP"])
def test_a_bomb_is_not_unpacked(service: Running, key: str, coding: str) -> None:
    """
    Whatever it is packed by, and though it is small.
    """
    bomb = gzip.compress(bytes(50_000_000)) if coding == "gzip" else zlib.compress(bytes(50_000_000))

    answer = one(service, post(key, f"Content-Length: {len(bomb)}", f"Content-Encoding: {coding}", body=bomb))

    assert (answer.status, answer.problem) == (415, "unsupported")
    assert answer.headers["accept-encoding"] == "identity"


def form(*parts: bytes, boundary: bytes = b"b", end: bytes = b"--b--\r\n") -> bytes:
    """
    Write a form of parts that are written out.
    """
    return b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts) + end


def file(content: bytes = PNG, disposition: bytes = b'form-data; name="image"; filename="a.png"') -> bytes:
    """
    Write a part that is a file.
    """
    return b"Content-Disposition: " + disposition + b"\r\n\r\n" + content


def send_form(
    service: Running, key: str, body: bytes, boundary: str = "b", path: str = "/v1/verify"
) -> Answer:
    """
    Send a form.
    """
    lines = (f"Content-Type: multipart/form-data; boundary={boundary}", f"Content-Length: {len(body)}")
    return one(service, post(key, *lines, "Connection: close", path=path, body=body))


@pytest.mark.parametrize("path", ["/v1/verify", "/v1/verify/batch"])
def test_ten_thousand_parts_are_refused(service: Running, key: str, path: str) -> None:
    """
    At the first that is too many, without a file for each.
    """
    before = open_files()

    answer = send_form(service, key, form(*([file(b"")] * 800)), path=path)
    larger = send_form(service, key, form(*([file(b"x" * 20)] * 10_000)), path=path)

    assert answer.problem == "too-many"
    assert larger.problem in {"too-many", "too-large"}
    assert open_files() <= before + 10


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no form at all",
        b"--b\r\n",
        b"--b--\r\n",
        form(file(), end=b""),
        b"--c\r\n" + file() + b"\r\n--c--\r\n",
        form(b"\r\n" + PNG),
        form(b"Content-Disposition: attachment; filename=a\r\n\r\n" + PNG),
        form(file(disposition=b"form-data; name=image")),
        form(b"Content-Disposition: form-data; filename=a\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA"),
        form(b"X: " + b"x" * 5_000 + b"\r\n" + file()),
        form(b"X: x\r\n" * 20 + file()),
        form(b"\x00: x\r\n" + file()),
        form(b": x\r\n" + file()),
        form(b"no colon\r\n" + file()),
        form(file(disposition=b'form-data; filename="a' + b"\r\n\r\n" + b'"')) [:-3],
    ],
)  # fmt: skip
def test_what_is_no_form_of_a_file_is_refused(service: Running, key: str, body: bytes) -> None:
    """
    However it pretends to be one.
    """
    answer = send_form(service, key, body)

    assert (answer.status, answer.problem) == (400, "bad-request")


@pytest.mark.parametrize(
    ("boundary", "works"),
    [("b", True), ('"b"', True), ("", False), ('""', False), ("b" * 257, False), ("\u00e4", False)],
)
def test_a_hostile_boundary_is_no_way_in(service: Running, key: str, boundary: str, works: bool) -> None:  # noqa: FBT001 - a parameter
    """
    Either the form can be read by it, or it is refused.
    """
    answer = send_form(service, key, form(file()), boundary)

    assert answer.status == (200 if works else 400)


def test_a_body_full_of_boundaries_costs_no_time_of_others(service: Running, key: str) -> None:
    """
    Almost a boundary, again and again, is the worst that there is to search for.
    """
    bodies = [
        (b"\r\n--b" * (MAX_BYTES // 5 - 50)),
        b"\r\n--" * (MAX_BYTES // 4 - 50),
        b"\r" * (MAX_BYTES - 200),
    ]

    found = [send_form(service, key, form(file(body))) for body in bodies]

    assert {answer.status for answer in found} <= {400, 413, 415}


@pytest.mark.parametrize(
    "name",
    [
        b'form-data; name="image"; filename="../../../etc/passwd"',
        b'form-data; name="image"; filename="\xff\xfe\x00\x1b[2J"',
        b'form-data; name="image"; filename="\xe2\x80\xae gnp.exe"',
        b'form-data; name="image"; filename="a\\"; name=\\"b"',
        b'form-data; name="image"; filename*=UTF-8\'\'%e4; filename="plain"',
        b'form-data; filename="' + b"n" * 3_900 + b'"',
        b'form-data; filename=""',
    ],
)
def test_a_hostile_file_name_is_only_text(service: Running, key: str, name: bytes) -> None:
    """
    It stands in the report of whoever sent it, escaped, and nowhere else.
    """
    answer = send_form(service, key, form(file(disposition=name)))

    assert answer.status == 200
    assert answer.body.isascii()
    assert b"\x1b" not in answer.body
    assert json.loads(answer.body)["accepted"] is True


@pytest.mark.parametrize("seed", range(12))
def test_a_spoiled_form_is_an_answer_or_a_refusal(service: Running, key: str, seed: int) -> None:
    """
    Never a failure of the service.
    """
    rng = random.Random(seed)  # noqa: S311 - the same in each run
    body = bytearray(form(file(ABSENT.read_bytes()[:400])))
    for _ in range(rng.randint(1, 6)):
        body[rng.randrange(len(body))] = rng.randrange(256)

    answer = send_form(service, key, bytes(body), path="/v1/verify/batch")

    assert answer.status in {200, 400}


# --- heads ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "head",
    [
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 40_000 + b"\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 101 + b"\r\n",
        b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\n" + (b"x" * 1_000 + b": y\r\n") * 50 + b"\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 5_000_000,
        b"G" * 200_000,
    ],
    ids=["value", "count", "path", "names", "endless value", "endless method"],
)
def test_a_giant_head_is_refused(service: Running, head: bytes) -> None:
    """
    It is held in memory until it is complete.
    """
    answer = one(service, head)

    assert (answer.status, answer.problem) in {(431, "head-too-large"), (400, "malformed-http")}
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["connection"] == "close"


def test_a_head_as_large_as_allowed_is_read(service: Running) -> None:
    """
    Proxies add a good deal.
    """
    head = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: " + b"x" * 32_000 + b"\r\n\r\n"

    assert one(service, head).status == 200


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: ", b"x"),
        (b"\r\n", b"\r\n"),
        (b"POST /v1/verify HTTP/1.1\r\n", b"x"),
    ],
)
def test_a_slow_head_is_given_up(service: Running, begin: bytes, piece: bytes) -> None:
    """
    Though there is always another byte.
    """
    with service.connect() as connection:
        connection.sendall(begin)
        trickle = threading.Thread(target=_trickle, args=(connection, piece, 0.1))
        trickle.start()
        (answer,) = answers(read_all(connection))
        trickle.join()

    assert (answer.status, answer.problem) == (408, "head-too-slow")


def test_a_connection_on_which_nothing_comes_is_closed(service: Running) -> None:
    """
    Without an answer, because nobody asked.
    """
    with service.connect() as connection:
        assert read_all(connection) == b""


def test_a_slow_head_after_a_request_is_given_up(service: Running) -> None:
    """
    The second request of a connection is waited for no longer than the first.
    """
    with service.connect() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        until(lambda: connection.recv(65_536, socket.MSG_PEEK).endswith(b"}"))
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHo")
        first, second = answers(read_all(connection))

    assert (first.status, second.problem) == (200, "head-too-slow")


@pytest.mark.parametrize("between", [b"", b"\r\n"])
def test_an_idle_connection_is_closed(service: Running, between: bytes) -> None:
    """
    Line ends now and then do not keep it.
    """
    with service.connect() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        trickle = threading.Thread(target=_trickle, args=(connection, between, 0.3))
        trickle.start()
        first, *_ = answers(read_all(connection))
        trickle.join()

    assert first.status == 200


@pytest.mark.parametrize(
    "head",
    [
        b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\nHost: a\r\n\r\n",
        b"GET /healthz\r\n\r\n",
        b"GET /\x80\xff HTTP/1.1\r\nHost: a\r\n\r\n",
        b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"WRONG /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100) + b"\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
        b"GET /healthz HTTP/1.1\nHost: a\n\n\r\n\r\n",
    ],
)
def test_what_is_no_proper_http_is_refused(service: Running, head: bytes) -> None:
    """
    Nothing is guessed.
    """
    answer = one(service, head)

    assert (answer.status, answer.problem) in {
        (400, "malformed-http"),
        (400, "bad-request"),
        (404, "not-found"),
    }


@pytest.mark.parametrize(
    "path",
    [
        "/..%2f..%2fetc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/v1/reports/..%2f..%2fhealthz",
        "/v1/reports/%00",
        "/v1/verify%00",
        "/v1/verify;policy=a",
        "/v1/verify%3fpolicy=a",
        "/\\..\\..\\etc\\passwd",
        "/page.css/..",
        "/index.html/",
        "/%ff%fe",
        "/" + "a/" * 2_000,
    ],
)
def test_a_path_leads_nowhere_else(service: Running, key: str, path: str) -> None:
    """
    No part of it is ever a path of a file.
    """
    answer = one(service, f"GET {path} HTTP/1.1\r\nHost: a\r\n{key}Connection: close\r\n\r\n".encode())

    assert (answer.status, answer.problem) in {(404, "not-found"), (400, "bad-request")}


@pytest.mark.parametrize(
    "name", ["X-Forwarded-Host: evil", "X-HTTP-Method-Override: DELETE", "X-Original-URL: /metrics"]
)
def test_headers_that_reroute_elsewhere_do_nothing(service: Running, name: str) -> None:
    """
    Some frameworks heed them.
    """
    answer = one(service, f"GET /healthz HTTP/1.1\r\nHost: a\r\n{name}\r\nConnection: close\r\n\r\n".encode())

    assert json.loads(answer.body) == {"status": "alive"}


@pytest.mark.parametrize("upgrade", ["websocket", "h2c", "TLS/1.0"])
def test_nothing_is_upgraded(service: Running, key: str, upgrade: str) -> None:
    """
    It is answered as HTTP/1.1, its body included.
    """
    lines = (f"Upgrade: {upgrade}", "Connection: Upgrade, HTTP2-Settings", f"Content-Length: {len(PNG)}")

    answer = one(service, post(key, *lines, body=PNG))

    assert (answer.status, answer.headers["connection"]) == (200, "close")


@pytest.mark.parametrize("count", [1, 3])
def test_who_sends_no_more_is_still_answered(service: Running, key: str, count: int) -> None:
    """
    As long as all that was asked is there.
    """
    whole = post(key, f"Content-Length: {len(PNG)}", body=PNG)
    with service.connect() as connection, service.connect() as other:
        connection.sendall(whole * count)
        connection.shutdown(socket.SHUT_WR)
        other.sendall(whole[:-1])
        other.shutdown(socket.SHUT_WR)

        assert [answer.status for answer in answers(read_all(connection))] == [200] * count
        assert read_all(other) == b""


def test_a_head_that_ends_in_two_pieces_keeps_its_body(service: Running, key: str) -> None:
    """
    Wherever the network cuts it.
    """
    whole = post(key, "Upgrade: h2c", "Connection: Upgrade", f"Content-Length: {len(PNG)}", body=PNG)
    end = whole.index(b"\r\n\r\n")
    found = []
    for cut in range(end, end + 5):
        with service.connect() as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(whole[:cut])
            time.sleep(0.05)
            (answer,) = answers(exchange(connection, whole[cut:]))
            found.append(answer.status)

    assert found == [200] * 5


@pytest.mark.parametrize("trailer", ["Host: a", "Authorization: {key}"])
def test_a_trailer_is_no_header(service: Running, key: str, trailer: str) -> None:
    """
    What stands before the service has looked at headers only.
    """
    headers = {"Host": "a", "Authorization": key.strip().partition(": ")[2]}
    name = trailer.partition(":")[0]
    sent = "".join(f"{other}: {value}\r\n" for other, value in headers.items() if other != name)
    request = f"GET /v1/reports HTTP/1.1\r\n{sent}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"

    answer = one(service, f"{request}0\r\n{name}: {headers[name]}\r\n\r\n".encode())

    assert answer.status == {"Host": 400, "Authorization": 401}[name]


# --- many at once -----------------------------------------------------------------------------------


def test_pipelined_requests_are_answered_in_order(service: Running) -> None:
    """
    As many as there are at once, up to a bound.
    """
    paths = ["/healthz", "/nowhere", "/v1/policies", "/readyz"] * 3
    requests = b"".join(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode() for path in paths)
    with service.connect() as connection:
        connection.sendall(requests + b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        found = answers(read_all(connection))

    assert [answer.status for answer in found] == [200, 404, 200, 200] * 3 + [200]


@pytest.mark.parametrize("before", [1, 3])
def test_a_pipelined_request_that_is_broken_takes_no_other_s_answer(
    service: Running, key: str, before: int
) -> None:
    """
    Whoever counts answers would take a refusal for the verdict on another image.
    """
    good = post(key, f"Content-Length: {len(PNG)}", body=PNG)
    broken = post(key, "Transfer-Encoding: chunked", body=b"ZZ\r\n")

    with service.connect() as connection:
        found = answers(exchange(connection, good * before + broken))

    assert [answer.status for answer in found] == [200] * before


def test_a_head_behind_another_request_has_to_be_complete_soon(service: Running) -> None:
    """
    As any other.
    """
    with service.connect() as connection:
        first, late = answers(exchange(connection, b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /he"))

    assert (first.status, late.status, late.problem) == (200, 408, "head-too-slow")


def test_too_many_pipelined_requests_are_not_held(service: Running) -> None:
    """
    Each costs memory until its turn comes.
    """
    with service.connect() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n" * 1_000)
        found = answers(read_all(connection))

    assert {answer.status for answer in found} == {200}
    assert len(found) < 100


def test_too_many_connections_are_turned_away(service: Running) -> None:
    """
    Those that are there are still answered, and afterwards there is room again.
    """
    held = [service.connect() for _ in range(40)]
    try:
        until(lambda: len(service.server.server_state.connections) >= 40)
        with service.connect() as connection:
            (refused,) = answers(read_all(connection))
        held[0].sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        (answered,) = answers(read_all(held[0]))
    finally:
        for connection in held:
            connection.close()
    until(lambda: not service.server.server_state.connections)

    assert (refused.status, refused.problem) == (503, "too-many-connections")
    assert answered.status == 200


def test_far_too_many_connections_are_just_closed(service: Running) -> None:
    """
    To tell each of them why would take all descriptors that there are.
    """
    connections = service.server.server_state.connections
    held = [service.connect() for _ in range(40 + protocol.MAX_REFUSED_CONNECTIONS + 40)]
    try:
        until(lambda: _ends(held[-1]))
        most = len(connections)
    finally:
        for connection in held:
            connection.close()
    until(lambda: not connections)

    assert most <= 40 + protocol.MAX_REFUSED_CONNECTIONS


def _ends(connection: socket.socket) -> bool:
    connection.settimeout(0)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def test_who_does_not_read_is_not_waited_for(service: Running, key: str) -> None:
    """
    Answers that nobody takes would fill the memory.
    """
    for path in (ACCEPTED, ABSENT):
        httpx.post(
            f"{service.address}/v1/verify",
            content=path.read_bytes(),
            headers=dict([key.strip().split(": ", 1)]),
        )
    request = f"GET /openapi.json HTTP/1.1\r\nHost: a\r\n{key}\r\n".encode()
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.connect(("127.0.0.1", service.port))

        with pytest.raises(OSError, match=r"reset|[Bb]roken pipe"):
            send_on(connection, request)


def test_who_reads_slowly_gets_everything(service: Running) -> None:
    """
    Though it takes longer than nothing at all would be waited for.
    """
    expected = len(httpx.get(f"{service.address}/openapi.json").content)
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.connect(("127.0.0.1", service.port))
        request = b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n"
        connection.sendall((request + b"\r\n") * 9 + request + b"Connection: close\r\n\r\n")
        received = bytearray()
        while piece := connection.recv(4_096):
            received += piece
            time.sleep(0.01)
    found = answers(bytes(received))

    assert [len(answer.body) for answer in found] == [expected] * 10


def test_a_client_that_goes_away_leaves_nothing_behind(service: Running, key: str) -> None:
    """
    In the middle of its head, of its body, or before its answer.
    """
    before = open_files()
    for data in (
        b"POST /v1/ver",
        post(key, f"Content-Length: {len(PNG)}", body=PNG[:2_000]),
        post(key, f"Content-Length: {len(PNG)}", body=PNG),
    ):
        for _ in range(5):
            with service.connect() as connection:
                connection.sendall(data)

    until(lambda: not service.server.server_state.connections)
    until(lambda: open_files() <= before + service.resources.dispatcher.slots + 2)


def test_when_all_slots_are_in_use_others_are_refused_at_once(service: Running, key: str) -> None:
    """
    Before their body is read; requests that need no admission are answered.
    """
    slots = service.resources.dispatcher.slots
    held = []
    try:
        for _ in range(slots):
            connection = service.connect()
            held.append(connection)
            connection.sendall(post(key, f"Content-Length: {len(PNG)}", body=PNG[:100]))
        until(lambda: service.resources.dispatcher.admitted == slots)
        answer = one(service, post(key, f"Content-Length: {len(PNG)}", "Expect: 100-continue"))
        health = httpx.get(f"{service.address}/healthz")
        for connection in held:
            connection.sendall(PNG[100:])
        finished = [answers(_until_complete(connection))[0] for connection in held]
    finally:
        for connection in held:
            connection.close()

    assert (answer.status, answer.problem, answer.headers["retry-after"]) == (503, "too-busy", "1")
    assert health.status_code == 200
    assert {found.status for found in finished} == {200}


def _until_complete(connection: socket.socket) -> bytes:
    received = b""
    while not (b"\r\n\r\n" in received and received.endswith(b"}")):
        received += connection.recv(65_536)
    return received


# --- another's browser ------------------------------------------------------------------------------


def test_without_keys_only_this_machines_name_is_answered_for(tmp_path: Path) -> None:
    """
    A page of somebody else's can have its own name lead to this machine.
    """
    ours = ("127.0.0.1", "localhost:9", "[::1]:80")
    others = ("evil.example", "127.0.0.1.evil.example", "evil.example:80", "[::1", "")
    with running(tmp_path, no_auth=True) as started:
        found = {
            host: httpx.get(f"{started.address}/v1/reports", headers={"Host": host}).status_code
            for host in (*ours, *others)
        }

    assert found == {**dict.fromkeys(ours, 200), **dict.fromkeys(others, 421)}


@pytest.mark.parametrize(("site", "status"), [("cross-site", 403), ("same-site", 403), ("same-origin", 200)])
def test_without_keys_pages_of_other_sites_have_nothing_judged(
    tmp_path: Path, site: str, status: int
) -> None:
    """
    They could fill the store with what they like; to look at the page from theirs harms nobody.
    """
    with running(tmp_path, no_auth=True) as started:
        headers = {"Sec-Fetch-Site": site}
        asked = httpx.post(f"{started.address}/v1/verify", content=PNG, headers=headers)
        page = httpx.get(f"{started.address}/", headers=headers)

        assert (asked.status_code, page.status_code) == (status, 200)
        assert len(started.resources.store.reports.search().reports) == (status == 200)


def test_with_keys_it_does_not_matter_where_a_page_is(service: Running, key: str) -> None:
    """
    It has to have one.
    """
    lines = (f"Content-Length: {len(PNG)}", "Sec-Fetch-Site: cross-site", "Connection: close")

    assert one(service, post(key, *lines, body=PNG)).status == 200
