"""
What goes wrong on demand, and what the server itself must withstand.
"""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Literal

import httpx
import pytest

from provenance import Verifier
from provenance.authority import KeyType
from provenance.simulator import (
    MALFORMED_BODY,
    NEWEST_API_VERSION,
    WRONG_SHAPES,
    Alter,
    Answer,
    BodyLimits,
    Cut,
    Delay,
    EventError,
    Fail,
    Fault,
    Fewer,
    Oversize,
    Redirect,
    Simulator,
)
from provenance.simulator.fault import Alteration, Faults
from tests.simulator.support import KEY, SMALL, image_of

NEWER = f"/openai/deployments/gpt-image-2/images/generations?api-version={NEWEST_API_VERSION}"
EDITS = f"/openai/deployments/gpt-image-2/images/edits?api-version={NEWEST_API_VERSION}"
CLASSIC = f"/openai/deployments/dall-e-3/images/generations?api-version={NEWEST_API_VERSION}"


def settings() -> dict[str, object]:
    """
    Return what the simulator of these tests is set to.
    """
    return {"limits": BodyLimits(max_bytes=200_000)}


# --- faults of the API -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (408, "Timeout"),
        (429, "RateLimitReached"),
        (500, "InternalServerError"),
        (502, "BadGateway"),
        (503, "ServiceUnavailable"),
    ],
)
@pytest.mark.parametrize("retry_after_s", [None, 2.5])
def test_the_next_request_fails_and_the_one_after_does_not(
    simulator: Simulator,
    http: httpx.Client,
    status: Literal[408, 429, 500, 502, 503],
    code: str,
    retry_after_s: float | None,
) -> None:
    """
    With and without `Retry-After`.
    """
    simulator.faults.add(Fail(status, retry_after_s))

    failed, fine = http.post(NEWER, json=SMALL), http.post(NEWER, json=SMALL)

    assert (failed.status_code, failed.json()["error"]["code"]) == (status, code)
    assert failed.headers.get("retry-after") == (None if retry_after_s is None else "2.5")
    assert failed.headers["apim-request-id"]
    assert fine.status_code == 200
    assert [entry.fault for entry in simulator.requests] == ["Fail", ""]


def test_an_answer_can_come_too_late(simulator: Simulator, http: httpx.Client) -> None:
    """
    For a client that does not wait long enough.
    """
    simulator.faults.add(Delay(0.5), Delay(0.01))

    with pytest.raises(httpx.ReadTimeout):
        http.post(NEWER, json=SMALL, timeout=0.1)
    assert http.post(NEWER, json=SMALL).status_code == 200


def test_every_image_can_take_its_time(simulator: Simulator, http: httpx.Client) -> None:
    """
    Real ones take minutes.
    """
    simulator.behaviour = replace(simulator.behaviour, seconds_per_image=0.5)

    with pytest.raises(httpx.ReadTimeout):
        http.post(NEWER, json=SMALL, timeout=0.1)


@pytest.mark.parametrize("after_bytes", [1, 1000])
@pytest.mark.parametrize("stream", [False, True])
def test_the_connection_can_be_cut_in_the_body(
    simulator: Simulator,
    http: httpx.Client,
    after_bytes: int,
    stream: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """
    The status was 200 by then, and the next connection is a good one.
    """
    simulator.faults.add(Cut(after_bytes))

    with pytest.raises(httpx.RemoteProtocolError):
        http.post(NEWER, json={**SMALL, "stream": stream})
    assert http.post(NEWER, json=SMALL).status_code == 200


def test_a_body_can_be_malformed(simulator: Simulator, http: httpx.Client) -> None:
    """
    It breaks off, though the length is right.
    """
    simulator.faults.add(MALFORMED_BODY)

    answer = http.post(NEWER, json=SMALL)

    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json()


@pytest.mark.parametrize("fault", [*WRONG_SHAPES, Answer(b"<html>", 502, "text/html")])
def test_a_body_can_have_another_shape(simulator: Simulator, http: httpx.Client, fault: Answer) -> None:
    """
    As proxies and future versions make them.
    """
    simulator.faults.add(fault)

    answer = http.post(NEWER, json=SMALL)

    assert (answer.status_code, answer.content) == (fault.status, fault.content)


@pytest.mark.parametrize(
    ("alteration", "state"),
    [
        ("unsigned", "absent"),
        ("reencoded", "absent"),
        ("tampered", "invalid"),
        ("appended", "invalid"),
    ],
)
@pytest.mark.parametrize("options", [{}, {"output_format": "jpeg"}])
def test_images_can_be_spoiled(
    simulator: Simulator, http: httpx.Client, alteration: Alteration, state: str, options: dict[str, str]
) -> None:
    """
    None of them is accepted.
    """
    simulator.faults.add(Alter(alteration))
    verifier = Verifier(trust=simulator.trust_profile, self_test=False)

    result = verifier.verify(image_of(http.post(NEWER, json={**SMALL, **options})))

    assert (result.state.value, result.accepted) == (state, False)


@pytest.mark.parametrize("alteration", ["truncated", "garbage"])
def test_images_can_be_no_images(simulator: Simulator, http: httpx.Client, alteration: Alteration) -> None:
    """
    Half of one, and text.
    """
    whole = image_of(http.post(NEWER, json=SMALL))
    simulator.faults.add(Alter(alteration))

    content = image_of(http.post(NEWER, json=SMALL))

    assert len(content) < len(whole) * 0.6


@pytest.mark.parametrize("count", [0, 1, 3])
def test_there_can_be_another_number_of_images(simulator: Simulator, http: httpx.Client, count: int) -> None:
    """
    Whoever counts on `n` is wrong.
    """
    simulator.faults.add(Fewer(count))

    assert len(http.post(NEWER, json={**SMALL, "n": 2}).json()["data"]) == count


@pytest.mark.parametrize("partial_images", [0, 2])
def test_a_stream_can_end_in_an_error(simulator: Simulator, http: httpx.Client, partial_images: int) -> None:
    """
    Under HTTP 200.
    """
    simulator.faults.add(EventError("server_error"))

    answer = http.post(NEWER, json={**SMALL, "stream": True, "partial_images": partial_images})

    assert answer.status_code == 200
    assert answer.text.count("event: image_generation.partial_image") == partial_images
    assert "completed" not in answer.text
    name, data = answer.text.strip().split("\n\n")[-1].split("\n")
    assert name == "event: error"
    assert json.loads(data.removeprefix("data: "))["error"]["code"] == "server_error"


def test_the_api_can_redirect(simulator: Simulator, http: httpx.Client) -> None:
    """
    Httpx would keep the api-key.
    """
    simulator.faults.add(Redirect(f"{simulator.endpoint}/elsewhere", 307))

    answer = http.post(NEWER, json=SMALL)

    assert (answer.status_code, answer.headers["location"]) == (307, f"{simulator.endpoint}/elsewhere")


def test_faults_are_for_those_who_were_let_in(simulator: Simulator, http: httpx.Client) -> None:
    """
    So that a queue is not used up by a request that fails of itself.
    """
    simulator.faults.add(Fail(500))

    httpx.post(simulator.endpoint + NEWER, json=SMALL)
    http.post("/openai/nothing")

    assert http.post(NEWER, json=SMALL).status_code == 500


def test_faults_by_chance_repeat_with_their_seed() -> None:
    """
    And what is queued comes first.
    """
    choices: tuple[Fault, ...] = (Fail(500), Cut())

    def taken(seed: int) -> list[Fault | None]:
        faults = Faults()
        faults.at_random(choices, 0.5, seed=seed)
        faults.add(Fail(408))
        return [faults.take("api") for _ in range(100)]

    assert taken(1) == taken(1) != taken(2)
    assert taken(1)[0] == Fail(408)
    assert 20 < taken(1).count(None) < 80
    assert set(taken(1)[1:]) == {None, *choices}


@pytest.mark.parametrize(("faults", "probability"), [((), 0.5), ((Cut(),), 1.5), ((Cut(),), -1)])
def test_meaningless_chances_are_refused(faults: tuple[Fault, ...], probability: float) -> None:
    """
    Nothing to choose from, or no probability.
    """
    with pytest.raises(ValueError, match="probability"):
        Faults().at_random(faults, probability)


# --- faults of the images' URLs --------------------------------------------------------------------


@pytest.fixture
def address(http: httpx.Client) -> str:
    """
    Generate an image, and return its URL.
    """
    made: str = http.post(CLASSIC, json={"prompt": "A red fox"}).json()["data"][0]["url"]
    return made


def test_blobs_have_faults_of_their_own(simulator: Simulator, address: str) -> None:
    """
    Errors, redirects and cuts.
    """
    simulator.faults.add(Fail(503), Redirect("/elsewhere", 302), Cut(10), target="blob")

    assert [httpx.get(address).status_code for _ in range(2)] == [503, 302]
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(address)
    assert httpx.get(address).status_code == 200


def test_a_blob_can_be_too_large(simulator: Simulator, address: str) -> None:
    """
    Without saying so before.
    """
    simulator.faults.add(Oversize(1_000_000), target="blob")

    answer = httpx.get(address)

    assert (len(answer.content), "content-length" in answer.headers) == (1_000_000, False)


def test_a_blob_can_be_endless(simulator: Simulator, address: str) -> None:
    """
    Until the client has enough.
    """
    simulator.faults.add(Oversize(), target="blob")
    received = 0

    with httpx.stream("GET", address) as answer:
        for piece in answer.iter_raw():
            received += len(piece)
            if received > 5_000_000:
                break

    assert received > 5_000_000
    assert httpx.get(address).status_code == 200


# --- hostile clients -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "content_type"), [(NEWER, "application/json"), (EDITS, "multipart/form-data; boundary=x")]
)
@pytest.mark.parametrize("announced", [True, False])
def test_a_body_over_the_limit_is_refused(
    http: httpx.Client,
    path: str,
    content_type: str,
    announced: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """
    Whether its length was announced or not.
    """
    start = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'

    def pieces() -> Iterator[bytes]:
        yield start
        yield from [bytes(1000)] * 300

    content = b"".join(pieces()) if announced else pieces()
    answer = http.post(path, content=content, headers={"content-type": content_type})

    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "413")


@pytest.mark.parametrize("path", [NEWER, EDITS])
def test_a_body_that_does_not_come_is_not_waited_for(path: str) -> None:
    """
    A client that stops sending must not hold a place for ever.
    """
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\napi-key: {KEY}\r\ncontent-length: 100\r\n"
    head += "content-type: multipart/form-data; boundary=x\r\n\r\n"

    with Simulator(api_key=KEY, key_type=KeyType.P256, limits=BodyLimits(timeout_s=0.1)) as impatient:
        host, _, port = impatient.endpoint.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(head.encode() + b"--x\r\n")
            answer = connection.recv(1000)

    assert answer.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("path", [NEWER, EDITS])
def test_a_client_that_leaves_harms_nobody(simulator: Simulator, http: httpx.Client, path: str) -> None:
    """
    In the middle of its request.
    """
    host, _, port = simulator.endpoint.removeprefix("http://").partition(":")
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\napi-key: {KEY}\r\ncontent-length: 100\r\n"
    head += "content-type: multipart/form-data; boundary=x\r\n\r\n"

    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(head.encode() + b"--x\r\n")

    assert http.post(NEWER, json=SMALL).status_code == 200


def test_nothing_is_logged(
    simulator: Simulator, http: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    """
    A cut is no error of the server's, and keys have no place in a log.
    """
    caplog.set_level(logging.DEBUG, "uvicorn")
    simulator.faults.add(Cut())

    with pytest.raises(httpx.RemoteProtocolError):
        http.post(NEWER, json=SMALL)

    assert [record for record in caplog.records if record.name.startswith("uvicorn")] == []


def test_many_requests_at_once_are_all_answered(simulator: Simulator) -> None:
    """
    With faults by chance and a quota: each one gets an answer or an error, and each image is another.
    """
    simulator.behaviour = replace(simulator.behaviour, quota_per_minute=20)
    simulator.faults.at_random((Fail(500), Fail(503), Cut()), 0.3, seed=7)
    images: set[bytes] = set()
    lock = threading.Lock()

    def ask(number: int) -> str:
        body = {**SMALL, "prompt": f"Fox {number}"}
        try:
            answer = httpx.post(simulator.endpoint + NEWER, json=body, headers={"api-key": KEY}, timeout=30)
        except httpx.RemoteProtocolError:
            return "cut"
        if answer.status_code == 200:
            with lock:
                images.add(image_of(answer))
        return str(answer.status_code)

    with ThreadPoolExecutor(8) as pool:
        outcomes = Counter(pool.map(ask, range(60)))

    assert outcomes.total() == 60
    assert outcomes["200"] + outcomes["cut"] >= 20
    assert {"200", "429", "500", "503", "cut"} == set(outcomes)
    assert len(images) == outcomes["200"]
