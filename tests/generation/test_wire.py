"""
What goes over the wire, to the byte, and what comes back from servers that no honest one resembles.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import logging
import pickle
import ssl
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from provenance.authority import Authority, plain_jpeg, plain_png
from provenance.authority.image import png_chunk
from provenance.generation import (
    AsyncAzureImageClient,
    AuthenticationError,
    AzureImageClient,
    GeneratedImage,
    GenerationError,
    GenerationTimeoutError,
    InvalidOptionError,
    MalformedAnswerError,
    OutputFilteredError,
    PartialImage,
    PermissionDeniedError,
    RateLimitedError,
    ResponseLimits,
    RetryPolicy,
    ServiceUnavailableError,
)
from tests.generation.support import (
    KEY,
    QUICK,
    Call,
    Caller,
    Hang,
    Script,
    ScriptedServer,
    b64,
    b64_answer,
    events,
    http,
    http_json,
)

PICTURE = plain_png(16, 16, seed=3)
OTHER = plain_jpeg(16, 16, seed=3)
SIGNATURE = "nO%2Bt%2fa%3D+signature'~!x"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """
    Start a server that answers as it is told.
    """
    with ScriptedServer() as running:
        yield running


@pytest.fixture(params=["sync", "async"])
def caller(request: pytest.FixtureRequest) -> Caller:
    """
    Make calls on either client.
    """
    return Caller(request.param == "async")


def kept(server: ScriptedServer, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - passed on
    """
    Return arguments for a client that keeps images without credentials.
    """
    return server.client(on_rejected="keep", **options)


def test_the_deployment_form_holds_no_model(caller: Caller, server: ScriptedServer) -> None:
    """
    Newer models answer 400 when it is there.
    """
    server.answer(b64_answer(PICTURE))

    caller.generate(kept(server, model="gpt-image-1"), "a ship", n=2, extra={"moderation": "low"})

    (asked,) = server.requests
    expected = b"POST /openai/deployments/pictures/images/generations?api-version=2025-04-01-preview HTTP/1.1"
    assert asked.line == expected
    assert asked.json == {"prompt": "a ship", "n": 2, "moderation": "low"}
    assert asked.headers["api-key"] == KEY
    assert asked.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({"api_version": None}, b"/openai/v1/images/generations"),
        ({"v1": True, "api_version": "preview"}, b"/openai/v1/images/generations?api-version=preview"),
        (
            {"deployment": "my pictures/1"},
            b"/openai/deployments/my%20pictures%2F1/images/generations?api-version=2025-04-01-preview",
        ),
    ],
)
def test_each_form_has_its_url(
    caller: Caller, server: ScriptedServer, options: dict[str, Any], path: bytes
) -> None:
    """
    The deployment stands in the path or in the body.
    """
    server.answer(b64_answer(PICTURE))

    caller.generate(kept(server, **options), "a ship")

    (asked,) = server.requests
    assert asked.line == b"POST " + path + b" HTTP/1.1"
    assert asked.json.get("model") == ("pictures" if b"/v1/" in path else None)


def test_an_edit_is_a_form(caller: Caller, server: ScriptedServer) -> None:
    """
    The service takes forms, although a page of its documentation shows JSON.
    """
    server.answer(b64_answer(PICTURE), b64_answer(PICTURE))
    mask = _with_transparency(PICTURE)

    caller.edit(kept(server), PICTURE, "dusk", mask=mask, n=2, extra={"flag": True})
    caller.edit(kept(server, api_version=None), [PICTURE, OTHER], "dusk")

    one, two = server.requests
    assert one.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert b'name="image"; filename="image-1.png"\r\nContent-Type: image/png\r\n\r\n' + PICTURE in one.body
    assert b'name="mask"; filename="mask.png"\r\nContent-Type: image/png\r\n\r\n' + mask in one.body
    assert b'name="n"\r\n\r\n2\r\n' in one.body
    assert b'name="flag"\r\n\r\ntrue\r\n' in one.body
    assert b'name="model"' not in one.body
    assert two.body.count(b'name="image[]"') == 2
    assert b'filename="image-2.jpg"\r\nContent-Type: image/jpeg' in two.body
    assert b'name="model"\r\n\r\npictures\r\n' in two.body


def _with_transparency(image: bytes) -> bytes:
    return image[:33] + png_chunk(b"tRNS", bytes(6)) + image[33:]


def test_the_query_of_a_download_is_kept_to_the_byte(caller: Caller, server: ScriptedServer) -> None:
    """
    The signature covers it; HTTP libraries write some characters anew.
    """
    target = (
        f"/private/images/%7e%41|x/generated_00.png?se=2026-01-01T00%3A00%3A00Z&sig={SIGNATURE}&[y]=`{{}}"
    )
    server.answer(
        http_json({"data": [{"url": server.endpoint + target + "#part"}]}, set_cookie="a=b; Path=/"),
        http(PICTURE),
    )

    image = caller.generate(kept(server))[0]

    download = server.requests[1]
    assert download.line == f"GET {target} HTTP/1.1".encode()
    assert set(download.headers) & {"api-key", "authorization", "cookie", "referer"} == set()
    assert image.data == PICTURE


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/x",
        "http://example.org/x.png",
        "https://user:password@example.org/x",
        "https://example.org/a b",
        "https://example.org/\u00e9",
        "https://example.org/x\r\nHost: y",
        "https://example.org:99999/x",
        "//example.org/x",
    ],
)
def test_a_url_that_must_not_be_fetched_is_not(caller: Caller, server: ScriptedServer, url: str) -> None:
    """
    And does not stand in the error.
    """
    server.answer(http_json({"data": [{"url": url}]}))

    with pytest.raises(MalformedAnswerError, match="URL") as caught:
        caller.generate(kept(server))

    assert "example.org" not in str(caught.value)
    assert len(server.requests) == 1


def test_an_encoded_download_is_refused(caller: Caller, server: ScriptedServer) -> None:
    """
    Bytes that were sent otherwise than asked for are not the bytes that were signed.
    """
    server.answer(
        http_json({"data": [{"url": f"{server.endpoint}/x"}]}),
        http(gzip.compress(PICTURE), content_encoding="gzip"),
    )

    with pytest.raises(MalformedAnswerError, match="encoding 'gzip'"):
        caller.generate(kept(server))


def test_an_encoded_answer_is_read(caller: Caller, server: ScriptedServer) -> None:
    """
    Some gateways compress whatever they are told.
    """
    body = json.dumps({"data": [{"b64_json": b64(PICTURE)}]}).encode()
    server.answer(http(gzip.compress(body), content_encoding="gzip"))

    assert caller.generate(kept(server))[0].data == PICTURE


def test_a_damaged_encoding_is_an_error(caller: Caller, server: ScriptedServer) -> None:
    """
    Of the answer, not of ours.
    """
    server.answer(http(b"no gzip", content_encoding="gzip"))

    with pytest.raises(MalformedAnswerError, match="breaks off"):
        caller.generate(kept(server))


@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1"])
def test_a_connection_cut_before_an_answer_is_tried_again(
    caller: Caller, server: ScriptedServer, first: bytes
) -> None:
    """
    Nothing has come, so nothing is known to have been made.
    """
    server.answer(first, first, b64_answer(PICTURE))

    assert caller.generate(kept(server))[0].data == PICTURE
    assert len(server.requests) == 3
    assert len({request.headers["x-ms-client-request-id"] for request in server.requests}) == 3


def test_a_connection_that_is_always_cut_is_unavailable(caller: Caller, server: ScriptedServer) -> None:
    """
    After the attempts allowed.
    """
    with pytest.raises(ServiceUnavailableError, match="cut before an answer"):
        caller.generate(kept(server, retry=replace(QUICK, max_attempts=2)))

    assert len(server.requests) == 2


def test_an_answer_that_breaks_off_is_not_tried_again(caller: Caller, server: ScriptedServer) -> None:
    """
    The image was made, and making it again costs again.
    """
    server.answer(b64_answer(PICTURE)[:-100])

    with pytest.raises(MalformedAnswerError, match="breaks off"):
        caller.generate(kept(server))

    assert len(server.requests) == 1


def test_a_download_that_breaks_off_is_tried_again(caller: Caller, server: ScriptedServer) -> None:
    """
    Fetching costs nothing.
    """
    server.answer(
        http_json({"data": [{"url": f"{server.endpoint}/x"}]}), http(PICTURE)[:-1], b"", http(PICTURE)
    )

    assert caller.generate(kept(server))[0].data == PICTURE


def test_what_is_not_http_is_malformed(caller: Caller, server: ScriptedServer) -> None:
    """
    Trying again would not make it HTTP.
    """
    server.answer(b"220 mail.example.org ESMTP\r\n\r\n")

    with pytest.raises(MalformedAnswerError, match="not HTTP"):
        caller.generate(kept(server))


@pytest.mark.parametrize(
    "script",
    [Hang(), Hang(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{"), Hang(b"HTTP/1.1 500 X\r\n\r\n")],
)
def test_silence_is_a_timeout(caller: Caller, server: ScriptedServer, script: Script) -> None:
    """
    Which is not tried again: ten minutes have passed, and the image may be billed.
    """
    server.answer(script)
    expected = ServiceUnavailableError if b"500" in getattr(script, "first", b"") else GenerationTimeoutError

    with pytest.raises(expected):
        caller.generate(kept(server, retry=replace(QUICK, read_timeout_s=0.1, max_attempts=1)))

    assert len(server.requests) == 1


def test_a_trickle_ends_at_the_deadline(caller: Caller, server: ScriptedServer) -> None:
    """
    Every byte comes in time, and the whole never does.
    """
    server.answer((http(b"", content_length="10000"), *[b" "] * 5000))

    with pytest.raises(GenerationTimeoutError, match="out of time while reading"):
        caller.generate(kept(server, retry=replace(QUICK, deadline_s=0.2)))


def test_a_download_ends_in_time(caller: Caller, server: ScriptedServer) -> None:
    """
    However slowly it comes.
    """
    server.answer(
        http_json({"data": [{"url": f"{server.endpoint}/x"}]}),
        (http(b"", content_length="10000"), *[b" "] * 5000),
    )

    with pytest.raises(GenerationTimeoutError, match="out of time while downloading"):
        caller.generate(kept(server, retry=replace(QUICK, download_timeout_s=0.2)))


def test_a_slot_is_waited_for_until_the_deadline(caller: Caller, server: ScriptedServer) -> None:
    """
    Others may hold all of them for minutes.
    """
    server.answer(Hang(), Hang())
    options = kept(server, max_concurrency=1, retry=replace(QUICK, deadline_s=0.3, read_timeout_s=0.6))

    results = caller.together(options, [Call("generate", ("x",))] * 2, errors=GenerationError)

    assert {type(result) for result in results} == {GenerationTimeoutError}


def test_a_pace_that_is_too_slow_for_the_deadline_is_a_timeout(
    caller: Caller, server: ScriptedServer
) -> None:
    """
    Waiting for it would be in vain.
    """
    server.answer(b64_answer(PICTURE))
    options = kept(server, requests_per_minute=1, retry=replace(QUICK, deadline_s=5))

    results = caller.together(
        {**options, "max_concurrency": 1}, [Call("generate", ("x",))] * 2, errors=GenerationError
    )

    assert sum(isinstance(result, GenerationTimeoutError) for result in results) == 1
    assert len(server.requests) == 1


def test_an_answer_that_is_too_large_is_not_read_on(caller: Caller, server: ScriptedServer) -> None:
    """
    Memory is bounded, whatever the server sends.
    """
    server.answer(b64_answer(PICTURE, PICTURE))

    with pytest.raises(MalformedAnswerError, match="exceeds 1,000 bytes"):
        caller.generate(kept(server, limits=ResponseLimits(answer_bytes=1000)))


def test_images_of_one_answer_may_fail_singly(caller: Caller, server: ScriptedServer) -> None:
    """
    The others were paid for.
    """
    filtered = {"hate": {"filtered": True, "severity": "high"}}
    data = [
        {"b64_json": b64(PICTURE), "new": {"field": [1]}},
        {"b64_json": "***"},
        {"content_filter_results": filtered, "revised_prompt": "rewritten"},
        {"b64_json": None, "url": None},
        17,
    ]
    server.answer(http_json({"data": data, "usage": {"total_tokens": "many"}, "new": True}))

    generation = caller.generate(kept(server), n=5)

    kinds = [type(failure) for failure in generation.failures]
    assert (len(generation), generation.missing) == (1, 4)
    assert kinds == [MalformedAnswerError, OutputFilteredError, MalformedAnswerError, MalformedAnswerError]
    withheld = generation.failures[1]
    assert isinstance(withheld, OutputFilteredError)
    assert (withheld.filtered.refused, withheld.revised_prompt) == (("hate",), "rewritten")


@pytest.mark.parametrize(
    ("headers", "text", "expected"),
    [
        ({"retry_after_ms": "1500", "retry_after": "7"}, "retry after 9 seconds", 1.5),
        ({"retry_after": "7"}, "retry after 9 seconds", 7.0),
        (
            {"retry_after": "Sun, 06 Nov 2033 08:49:47 GMT", "date": "Sun, 06 Nov 2033 08:49:37 GMT"},
            "",
            10.0,
        ),
        ({"retry_after": "Sun, 06 Nov 1994 08:49:37 GMT"}, "", 0.0),
        ({"retry_after_ms": "soon", "retry_after": "-1"}, "Please retry after 9 seconds.", 9.0),
        ({"retry_after": "nan"}, "Please retry after 2 minutes.", 120.0),
        ({}, "Please retry after 250 milliseconds.", 0.25),
        ({}, "Please retry after 1 second.", 1.0),
    ],
)
def test_the_service_says_how_long_to_wait(
    caller: Caller, server: ScriptedServer, headers: dict[str, str], text: str, expected: float
) -> None:
    """
    In any of its ways; the most exact one counts.
    """
    waits: list[float] = []
    error = {"error": {"code": "RateLimitReached", "message": text or "Too many."}}
    server.answer(http_json(error, 429, **headers), b64_answer(PICTURE))

    caller.generate(kept(server, sleep=waits.append))

    assert waits == [expected]


def test_without_a_hint_the_wait_doubles_with_jitter(caller: Caller, server: ScriptedServer) -> None:
    """
    The header is sometimes missing.
    """
    waits: list[float] = []
    server.answer(*[http_json({"error": {"message": "Too many."}}, 429)] * 5, b64_answer(PICTURE))
    retry = RetryPolicy(max_backoff_s=8.0)

    caller.generate(kept(server, sleep=waits.append, retry=retry, random=lambda: 0.5))

    assert waits == [0.75, 1.5, 3.0, 6.0, 6.0]


def test_a_wait_of_hours_is_the_callers_to_decide(caller: Caller, server: ScriptedServer) -> None:
    """
    A program that sleeps for a day looks like one that hangs.
    """
    server.answer(http_json({"error": {"code": "RateLimitReached"}}, 429, retry_after="86400"))

    with pytest.raises(RateLimitedError) as caught:
        caller.generate(kept(server))

    assert caught.value.facts.retry_after_s == 86400


def test_an_exhausted_budget_is_not_tried_again(caller: Caller, server: ScriptedServer) -> None:
    """
    It has the status of a rate limit and no end.
    """
    server.answer(http_json({"error": {"code": "insufficient_quota", "message": "No credit."}}, 429))

    with pytest.raises(RateLimitedError):
        caller.generate(kept(server))

    assert len(server.requests) == 1


def test_a_rate_limit_holds_everybody_back(caller: Caller, server: ScriptedServer) -> None:
    """
    The quota is the deployment's, so the others would be refused too.
    """
    waits: list[float] = []
    limit = {"error": {"code": "RateLimitReached", "message": "Please retry after 3 seconds."}}
    server.answer(http_json(limit, 429), b64_answer(PICTURE), b64_answer(PICTURE))
    options = kept(server, requests_per_minute=60, max_concurrency=1)

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        time.sleep(seconds / 100)

    results = caller.together(
        {**options, "sleep": sleep, "clock": lambda: time.monotonic() * 100}, [Call("generate", ("x",))] * 2
    )

    assert len(results) == 2
    assert len(waits) >= 2
    assert max(waits) <= 3.01


def _partial(index: int = 0) -> dict[str, object]:
    return {
        "type": "image_generation.partial_image",
        "b64_json": b64(OTHER),
        "partial_image_index": index,
    }


def _completed() -> dict[str, object]:
    return {
        "type": "image_generation.completed",
        "b64_json": b64(PICTURE),
        "usage": {"total_tokens": 5, "input_tokens_details": {"text_tokens": 2}},
    }


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("size", [3, 11, 1000, 100_000])
def test_a_stream_may_be_cut_anywhere(
    caller: Caller, server: ScriptedServer, ending: bytes, size: int
) -> None:
    """
    Pieces end where the network likes.
    """
    whole = events(
        ": comment", {"type": "new.event"}, _partial(0), _partial(1), _completed(), "[DONE]", ending=ending
    )
    server.answer(tuple(whole[at : at + size] for at in range(0, len(whole), size)))

    values = caller.stream(kept(server), partial_images=2)

    final = values[-1]
    assert isinstance(final, GeneratedImage)
    assert final.data == PICTURE
    assert final.usage is not None
    assert (final.usage.total_tokens, final.usage.input_text_tokens) == (5, 2)
    assert all(isinstance(value, PartialImage) and value.data == OTHER for value in values[:-1])
    assert server.requests[0].json["stream"] is True


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (events(_partial()), "without a final image"),
        (events(), "without a final image"),
        (events("no json"), "not a JSON object"),
        (events({"type": "image_generation.completed", "b64_json": "***"}), "base64 is damaged"),
        (events({"type": "image_generation.completed"}), "neither b64_json nor url"),
        (events(_partial(), _completed())[:-200], "breaks off"),
        (events(_completed(), "x" * 40_000), "exceeds"),
    ],
)
def test_a_stream_without_a_final_image_is_an_error(
    caller: Caller, server: ScriptedServer, script: bytes, expected: str
) -> None:
    """
    A caller waiting for the final image must not wait in vain.
    """
    server.answer(script)

    with pytest.raises(MalformedAnswerError, match=expected):
        caller.stream(kept(server, limits=ResponseLimits(answer_bytes=30_000)))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"code": "RateLimitReached", "message": "Later."}, RateLimitedError),
        ({"code": "408", "type": "timeout"}, GenerationTimeoutError),
        ({"type": "image_generation_user_error", "message": "No."}, InvalidOptionError),
        ({"type": "image_generation_server_error", "message": "Oh."}, ServiceUnavailableError),
        ({"code": "PermissionDenied", "message": "No."}, PermissionDeniedError),
        ({"code": "Unauthorized", "message": "No."}, AuthenticationError),
        (
            {"code": "moderation_blocked", "moderation_details": {"moderation_stage": "output"}},
            OutputFilteredError,
        ),
        ("something", ServiceUnavailableError),
    ],
)
def test_an_error_in_a_stream_has_its_class(
    caller: Caller, server: ScriptedServer, error: object, expected: type[GenerationError]
) -> None:
    """
    Its status was 200, so only the code can tell.
    """
    server.answer(events(_partial(), {"type": "error", "error": error}))

    with pytest.raises(expected) as caught:
        caller.stream(kept(server))

    assert (type(caught.value), caught.value.status) == (expected, 200)


def test_a_service_that_does_not_stream_is_understood(caller: Caller, server: ScriptedServer) -> None:
    """
    It answers as if it had not been asked to.
    """
    server.answer(b64_answer(PICTURE))

    (image,) = caller.stream(kept(server))

    assert isinstance(image, GeneratedImage)
    assert image.data == PICTURE


def test_a_damaged_partial_image_is_left_out(caller: Caller, server: ScriptedServer) -> None:
    """
    Only the final one counts.
    """
    server.answer(events({**_partial(), "b64_json": "***"}, _completed()))

    assert len(caller.stream(kept(server))) == 1


def test_a_stream_that_is_left_gives_its_slot_back(server: ScriptedServer) -> None:
    """
    Whoever has seen enough may go.
    """
    whole = events(_partial(), _completed())
    server.answer(Hang(whole[: len(whole) // 2]), b64_answer(PICTURE))

    with AzureImageClient(**kept(server, max_concurrency=1)) as client:
        for value in client.stream_generate("x"):
            assert isinstance(value, PartialImage)
            break
        assert client.generate("y")[0].data == PICTURE


def test_a_cancelled_task_leaves_nothing(server: ScriptedServer, tmp_path: Path) -> None:
    """
    No slot, no connection, no file.
    """
    server.answer(Hang(), Hang(events(_partial())[:-50]), b64_answer(PICTURE))

    async def run() -> bytes:
        async with AsyncAzureImageClient(**kept(server, max_concurrency=1)) as client:
            for method in (client.generate, _first):
                task = asyncio.create_task(
                    method("x") if method is not _first else _first(client)  # type: ignore[arg-type]
                )
                await asyncio.sleep(0.15)
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            return (await client.generate("y"))[0].data

    async def _first(client: AsyncAzureImageClient) -> None:
        async for _ in client.stream_generate("x"):
            pass

    assert asyncio.run(run()) == PICTURE


def test_several_requests_are_cancelled_together(server: ScriptedServer) -> None:
    """
    None goes on alone in the background.
    """
    server.answer(*[Hang()] * 2, b64_answer(PICTURE))

    async def run() -> int:
        async with AsyncAzureImageClient(**kept(server, model="dall-e-3")) as client:
            task = asyncio.create_task(client.generate("x", n=4))
            await asyncio.sleep(0.15)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            assert len(asyncio.all_tasks()) == 1
            return len(await client.generate("y"))

    assert asyncio.run(run()) == 1
    assert len(server.requests) == 3


def test_an_error_that_is_not_ours_ends_several_requests(caller: Caller, server: ScriptedServer) -> None:
    """
    A token callable that fails is its author's to hear of.
    """

    def token() -> str:
        raise LookupError("no token today")

    options = kept(server, model="dall-e-3", api_key=None, token=token)

    with pytest.raises(LookupError, match="no token today"):
        caller.generate(options, n=3)


def test_an_interrupt_ends_several_requests(server: ScriptedServer) -> None:
    """
    What has not begun does not begin any more.
    """
    server.answer(*[http_json({"error": {"message": "Later."}}, 503)] * 50)
    begun = threading.Event()

    def sleep(_seconds: float) -> None:
        begun.set()
        time.sleep(0.05)

    class Interrupted(BaseException):
        pass

    def join(_thread: threading.Thread) -> None:
        begun.wait()
        raise Interrupted

    with AzureImageClient(**kept(server, model="dall-e-3"), sleep=sleep) as client:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(threading.Thread, "join", join)
            with pytest.raises(Interrupted):
                client.generate("x", n=20)
        time.sleep(0.2)
        before = len(server.requests)
        time.sleep(0.3)

    assert len(server.requests) == before


def test_a_certificate_that_is_not_trusted_is_told(
    caller: Caller, server: ScriptedServer, authority: Authority, tmp_path: Path
) -> None:
    """
    Trying again would not make it trusted, and not looking at it is no way out.
    """
    files = tmp_path / "certificate.pem", tmp_path / "key.pem"
    files[0].write_bytes(authority.signer.certificate.public_bytes(Encoding.PEM))
    files[1].write_bytes(
        authority.signer.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.context.load_cert_chain(*files)

    with pytest.raises(ServiceUnavailableError, match="certificate is not trusted") as caught:
        caller.generate(kept(server, endpoint=server.endpoint.replace("http:", "https:")))

    assert caught.value.attempts == 1
    assert server.requests == []


def test_of_a_long_error_only_the_beginning_is_read(caller: Caller, server: ScriptedServer) -> None:
    """
    A message of megabytes is no message.
    """
    server.answer(http(b"no " * 100_000, 400))

    with pytest.raises(InvalidOptionError) as caught:
        caller.generate(kept(server))

    assert len(caught.value.message) == 300


_SIG = "nO%2Bt%2fa%3Dsignature%3D"
_ECHO = {"error": {"code": "500", "message": f"bad key {KEY} at https://x/y?sig={_SIG}&se=1"}}


def _failures(server: ScriptedServer) -> dict[str, tuple[Script, ...]]:
    url = f"{server.endpoint}/private/x.png?sig={_SIG}"
    answer = http_json({"data": [{"url": url}]})
    detail = f"<AuthenticationErrorDetail>sig={_SIG} Bearer {KEY}</AuthenticationErrorDetail>"
    xml = f"<Error><Code>AuthenticationFailed</Code>{detail}</Error>"
    return {
        "echo in JSON": (http_json(_ECHO, 400),),
        "echo in HTML": (http(f"<p>{KEY} api-key: {KEY} sig={_SIG}</p>".encode(), 502),),
        "echo in a header": (http_json({}, 401, x_request_id=f"a?sig={_SIG}"),),
        "echo in a stream": (events({"type": "error", **_ECHO}),),
        "not JSON": (http(f"{KEY} {_SIG}".encode()),),
        "not HTTP": (f"sig={_SIG}\r\n\r\n".encode(),),
        "cut": (b"",),
        "time out": (Hang(),),
        "expired": (answer, http(xml.encode(), 403)),
        "download cut": (answer, b""),
        "download redirected": (answer, http(b"", 302, location=url)),
        "download times out": (answer, Hang()),
        "unsafe URL": (http_json({"data": [{"url": f"http://example.org/?sig={_SIG}"}]}),),
        "rejected": (b64_answer(PICTURE),),
    }


@pytest.mark.parametrize(
    "name",
    [
        "echo in JSON",
        "echo in HTML",
        "echo in a header",
        "echo in a stream",
        "not JSON",
        "not HTTP",
        "cut",
        "time out",
        "expired",
        "download cut",
        "download redirected",
        "download times out",
        "unsafe URL",
        "rejected",
    ],
)
@pytest.mark.parametrize("with_token", [False, True])
def test_no_secret_shows_anywhere(
    caller: Caller,
    server: ScriptedServer,
    caplog: pytest.LogCaptureFixture,
    name: str,
    with_token: bool,  # noqa: FBT001 - a parameter
) -> None:
    """
    Not in messages, representations, pickles, tracebacks with local variables, or logs of any level.
    """
    caplog.set_level(logging.DEBUG)
    server.answer(*_failures(server)[name])
    secret: dict[str, Any] = {"api_key": None, "token": lambda: KEY} if with_token else {"api_key": KEY}
    retry = replace(QUICK, max_attempts=1, read_timeout_s=0.2)
    method = "stream_generate" if "stream" in name else "generate"

    (error,) = caller.together(
        server.client(retry=retry, **secret), [Call(method, ("x",))], errors=GenerationError
    )

    assert isinstance(error, GenerationError)
    copied = pickle.loads(pickle.dumps(error))  # noqa: S301 - made here
    shown = "\n".join(
        (
            str(error),
            repr(error),
            str(error.facts),
            error.hint,
            repr(copied),
            "".join(traceback.format_exception(error)),
            caplog.text,
        )
    )
    assert (str(copied), type(copied)) == (str(error), type(error))
    assert KEY not in shown
    assert KEY.encode() not in pickle.dumps(error)
    assert _SIG not in shown
    assert _SIG.encode() not in pickle.dumps(error)


@pytest.mark.parametrize("kind", [AzureImageClient, AsyncAzureImageClient])
def test_a_client_does_not_show_its_key(kind: type, server: ScriptedServer) -> None:
    """
    It is printed sooner or later.
    """
    made = kind(**server.client())

    assert repr(made) == f"<{kind.__name__} {server.endpoint} pictures>"
    assert KEY not in repr(vars(made)) + repr(made._setup.endpoint) + repr(made._runner)


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "\u00e9", None])
def test_what_is_no_token_is_not_sent(caller: Caller, server: ScriptedServer, token: Any) -> None:  # noqa: ANN401 - anything
    """
    A line break would write headers of its own.
    """
    with pytest.raises(AuthenticationError, match="no token"):
        caller.generate(server.client(api_key=None, token=lambda: token or ""))

    assert server.requests == []
