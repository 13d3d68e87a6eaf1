"""
Both clients against the simulator: what comes back, and which error each answer and each fault makes.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest

from provenance.authority import KeyType, plain_png
from provenance.generation import (
    AuthenticationError,
    DeploymentNotFoundError,
    ForbiddenError,
    GeneratedImage,
    GenerationError,
    GenerationTimeoutError,
    ImageRejectedError,
    ImageUrlExpiredError,
    InvalidOptionError,
    KeysDisabledError,
    MalformedAnswerError,
    NetworkDeniedError,
    OutputFilteredError,
    PartialImage,
    PromptFilteredError,
    QuotaExceededError,
    RateLimitedError,
    RateLimiter,
    RegistrationRequiredError,
    ResourceBlockedError,
    ResponseLimits,
    RetryPolicy,
    ServiceUnavailableError,
    SettingError,
    WrongPathError,
)
from provenance.simulator import (
    MALFORMED_BODY,
    WRONG_SHAPES,
    Alter,
    Answer,
    Behaviour,
    Delay,
    Deny,
    EventError,
    Fail,
    Fault,
    Fewer,
    FilterSpelling,
    ManualClock,
    Oversize,
    Redirect,
    Simulator,
)
from provenance.simulator.fault import Alteration, Denial
from provenance.verification.verifier import Verifier
from tests.generation.support import API_VERSION, KEY, QUICK, Call, Caller, Options

FailStatus = Literal[408, 429, 500, 502, 503]

CLOCK = ManualClock()
FORMS = {"deployment": API_VERSION, "v1": None}


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    """
    Start one simulator for all tests here.
    """
    with Simulator(api_key=KEY, key_type=KeyType.P256, clock=CLOCK) as simulator:
        yield simulator


@pytest.fixture
def simulator(running: Simulator) -> Simulator:
    """
    Return it as it was at first.
    """
    running.behaviour = Behaviour()
    running.faults.clear()
    running.simulation.request_log.clear()
    return running


@pytest.fixture(params=["sync", "async"])
def caller(request: pytest.FixtureRequest) -> Caller:
    """
    Make calls on either client.
    """
    return Caller(request.param == "async")


@pytest.fixture
def client(simulator: Simulator) -> dict[str, Any]:
    """
    Return keyword arguments for a client of gpt-image-1 that does not wait.
    """
    return {
        "endpoint": simulator.endpoint,
        "api_key": KEY,
        "deployment": "gpt-image-1",
        "model": "gpt-image-1",
        "api_version": API_VERSION,
        "verifier": Verifier(trust=simulator.trust_profile),
        "requests_per_minute": None,
        "retry": QUICK,
    }


@pytest.fixture
def dall_e(client: dict[str, Any]) -> dict[str, Any]:
    """
    Return keyword arguments for a client of dall-e-3, which answers with URLs.
    """
    return {**client, "deployment": "dall-e-3", "model": "dall-e-3"}


@pytest.mark.parametrize("form", FORMS)
def test_an_image_comes_back_judged(caller: Caller, client: Options, simulator: Simulator, form: str) -> None:
    """
    In both forms of URL, with everything the answer says.
    """
    generation = caller.generate({**client, "api_version": FORMS[form]}, n=2, size="1024x1024")

    image = generation[0]
    asked = simulator.requests[-1]
    assert (len(generation), generation.missing, generation.failures) == (2, 0, ())
    assert image.accepted
    assert image.verification.state.value == "trusted"
    assert image.media_type == "image/png"
    assert image.usage is not None
    assert image.usage.total_tokens is not None
    assert image.trace.request_id == asked.request_id
    assert asked.client_request_id
    assert ("deployments" in asked.path) == (form == "deployment")
    assert asked.api_version == (FORMS[form] or "")


def test_an_image_is_downloaded_without_the_key(
    caller: Caller, dall_e: Options, simulator: Simulator
) -> None:
    """
    The store of images is another server than the one the key is for.
    """
    generation = caller.generate(dall_e, response_format="url")

    blob = simulator.requests[-1]
    assert generation[0].accepted
    assert generation[0].revised_prompt
    assert {result.subject for result in generation[0].filtered.results} == {"prompt", "output"}
    assert (blob.method, blob.has_api_key, blob.has_authorization) == ("GET", False, False)
    assert blob.status == 200


def test_more_images_of_a_model_that_makes_one_take_more_requests(
    caller: Caller, dall_e: Options, simulator: Simulator
) -> None:
    """
    dall-e-3 refuses n over 1.
    """
    generation = caller.generate(dall_e, n=3)

    posts = [request for request in simulator.requests if request.method == "POST"]
    assert (len(generation), generation.missing, len(posts)) == (3, 0, 3)
    assert {request.asked.n for request in posts if request.asked} == {1}
    assert len({image.sha256 for image in generation}) == 3


def test_one_of_several_requests_may_fail(caller: Caller, dall_e: Options, simulator: Simulator) -> None:
    """
    The images that came were paid for, and the one that did not is not hidden.
    """
    simulator.faults.add(MALFORMED_BODY)

    generation = caller.generate(dall_e, n=3)

    assert (len(generation), generation.asked, generation.missing) == (2, 3, 1)
    assert [type(failure) for failure in generation.failures] == [MalformedAnswerError]


def test_all_of_several_requests_failing_is_an_error(
    caller: Caller, dall_e: Options, simulator: Simulator
) -> None:
    """
    There is nothing to return.
    """
    with pytest.raises(PromptFilteredError):
        caller.generate(dall_e, "forbidden-prompt", n=2)


def test_images_are_edited(caller: Caller, client: Options, simulator: Simulator, tmp_path: Path) -> None:
    """
    From bytes and from paths, with a name of ours and not the file's.
    """
    made = caller.generate(client)[0]
    saved = made.save(tmp_path / "private-name.png").image

    one = caller.edit(client, made.data)
    several = caller.edit(client, [saved, made.data], n=2, input_fidelity="high")

    assert (len(one), len(several)) == (1, 2)
    assert simulator.requests[-1].uploads == 2
    assert simulator.requests[-1].path.endswith("/images/edits")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("method", ["stream_generate", "stream_edit"])
def test_a_stream_yields_partial_images_and_then_the_final_one(
    caller: Caller, client: Options, method: str, form: str
) -> None:
    """
    Only the final image is judged.
    """
    options = {**client, "api_version": FORMS[form]}
    image = (caller.generate(client)[0].data,) if method == "stream_edit" else ()

    values = caller.stream(options, method, *image, "a lighthouse", partial_images=2)

    assert [type(value) for value in values] == [PartialImage, PartialImage, GeneratedImage]
    assert [value.index for value in values if isinstance(value, PartialImage)] == [0, 1]
    final = values[-1]
    assert isinstance(final, GeneratedImage)
    assert final.accepted
    assert final.usage is not None


def test_fewer_images_than_asked_for_are_no_error(
    caller: Caller, client: Options, simulator: Simulator
) -> None:
    """
    The service decides, and says nothing.
    """
    simulator.faults.add(Fewer(1))

    generation = caller.generate(client, n=3)

    assert (len(generation), generation.asked, generation.missing) == (1, 3, 2)


def test_no_images_at_all_are_an_error(caller: Caller, client: Options, simulator: Simulator) -> None:
    """
    A caller who iterates over nothing would think that all went well.
    """
    simulator.faults.add(Fewer(0))

    with pytest.raises(MalformedAnswerError, match="no image"):
        caller.generate(client, n=3)


@pytest.mark.parametrize("spelling", FilterSpelling)
@pytest.mark.parametrize(
    ("word", "expected"),
    [("forbidden-prompt", PromptFilteredError), ("forbidden-output", OutputFilteredError)],
)
def test_the_filter_is_understood_in_every_spelling(
    caller: Caller,
    client: Options,
    simulator: Simulator,
    spelling: FilterSpelling,
    word: str,
    expected: type[PromptFilteredError],
) -> None:
    """
    What was wrong with the prompt is all that its author can act on.
    """
    simulator.behaviour = Behaviour(filter_spelling=spelling)

    with pytest.raises(GenerationError) as caught:
        caller.generate(client, word)

    error = caught.value
    assert type(error) is expected
    assert isinstance(error, expected)
    assert error.status == 400
    assert error.request_id
    if spelling is not FilterSpelling.TASK_FAILED:
        assert error.filtered.refused == ("violence",)
    if spelling is FilterSpelling.CONTENT_POLICY_VIOLATION:
        assert error.revised_prompt
    assert len(simulator.requests) == 1


@pytest.mark.parametrize(
    ("changes", "expected", "status"),
    [
        ({"api_key": "another-key"}, AuthenticationError, 401),
        ({"api_key": None, "token": lambda: "another-token"}, AuthenticationError, 401),
        ({"deployment": "nothing-here"}, DeploymentNotFoundError, 404),
        ({"deployment": "nothing-here", "api_version": None}, DeploymentNotFoundError, 404),
        ({"api_version": "1999-01-01"}, WrongPathError, 404),
        ({"endpoint": "/elsewhere"}, WrongPathError, 404),
    ],
)
def test_each_refusal_has_its_class(
    caller: Caller,
    client: Options,
    simulator: Simulator,
    changes: dict[str, Any],
    expected: type[GenerationError],
    status: int,
) -> None:
    """
    Each says what to do, and none is tried again.
    """
    if "endpoint" in changes:
        changes = {"endpoint": simulator.endpoint + changes["endpoint"]}

    with pytest.raises(GenerationError) as caught:
        caller.generate({**client, **changes})

    assert (type(caught.value), caught.value.status) == (expected, status)
    assert caught.value.attempts == 1
    assert caught.value.request_id
    assert caught.value.hint


def test_a_blocked_resource_is_not_taken_for_moderation(
    caller: Caller, client: Options, simulator: Simulator
) -> None:
    """
    Rewording prompts for a day does not help then.
    """
    simulator.behaviour = Behaviour(resource_blocked=True)

    with pytest.raises(ResourceBlockedError, match="403"):
        caller.generate(client)


@pytest.mark.parametrize(
    ("reason", "expected", "words", "wait_s"),
    [
        ("keys disabled", KeysDisabledError, "Key based", None),
        ("firewall", NetworkDeniedError, "Firewall", None),
        ("private endpoint", NetworkDeniedError, "private endpoint", None),
        ("registration", RegistrationRequiredError, "registration", None),
        ("gateway quota", QuotaExceededError, "call volume", 3723.0),
        ("unknown", ForbiddenError, "policy of this organization", None),
    ],
)
def test_each_denial_has_its_class_and_the_services_words(
    caller: Caller,
    client: Options,
    simulator: Simulator,
    reason: Denial,
    expected: type[GenerationError],
    words: str,
    wait_s: float | None,
) -> None:
    """
    The remedies differ, so nothing is said that the service did not say; none is tried again.
    """
    simulator.faults.add(Deny(reason))

    with pytest.raises(GenerationError, match=words) as caught:
        caller.generate(client)

    assert (type(caught.value), caught.value.facts.retry_after_s) == (expected, wait_s)
    assert "blocked" not in f"{caught.value} {caught.value.hint}"
    assert len(simulator.requests) == 1


def test_a_gateway_gets_the_header_that_it_asks_for(
    caller: Caller, client: Options, simulator: Simulator
) -> None:
    """
    Without it, the hint says where it goes.
    """
    simulator.behaviour = Behaviour(gateway_headers=(("ocp-apim-subscription-key", "of-the-gateway"),))

    with pytest.raises(AuthenticationError, match="subscription key") as caught:
        caller.generate(client)

    assert "headers=" in caught.value.hint
    assert caller.generate({**client, "headers": {"Ocp-Apim-Subscription-Key": "of-the-gateway"}})[0].accepted


def test_a_gateways_wait_is_kept(caller: Caller, client: Options, simulator: Simulator) -> None:
    """
    It stands in the text alone.
    """
    waits: list[float] = []
    simulator.faults.add(Deny("gateway rate"))

    assert caller.generate({**client, "sleep": waits.append})[0].accepted
    assert waits == [37.0]


@pytest.mark.parametrize("method", ["generate", "edit", "stream_generate", "stream_edit"])
@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        ({"error": {"code": "429", "message": "Too busy today."}}, "application/json", RateLimitedError),
        ({"error": "Too busy today."}, "application/json", ServiceUnavailableError),
        ({"error": {"code": "BadRequest", "message": "Too busy today."}}, "text/plain", InvalidOptionError),
        ({"data": [], "error": {"type": "invalid_request_error", "message": "Too busy today."}},
         "application/json", InvalidOptionError),
        ({"statusCode": 403, "message": "Too busy today."}, "application/json", ForbiddenError),
        ({"data": [{"error": {"status": 500, "message": "Too busy today."}}]}, "application/json",
         ServiceUnavailableError),
        ({"error": {"message": "Too busy today. safety_violations=[hate]"}}, "application/json",
         PromptFilteredError),
    ],
)  # fmt: skip
def test_an_error_under_a_status_of_success_keeps_its_message(
    caller: Caller,
    client: Options,
    simulator: Simulator,
    method: str,
    body: dict[str, Any],
    content_type: str,
    expected: type[GenerationError],
) -> None:
    """
    Some gateways know no other status; the image may have been billed, so it is not tried again.
    """
    if content_type == "text/plain" and not method.startswith("stream"):
        content_type = "text/html"  # nobody looks at it there
    simulator.faults.add(Answer(json.dumps(body).encode(), 200, content_type))
    arguments = (plain_png(64, 64), "x") if "edit" in method else ("x",)

    (error,) = caller.together(client, [Call(method, arguments)], errors=GenerationError)

    assert (type(error), error.status) == (expected, 200)
    assert error.message.startswith("Too busy today.")
    assert len(simulator.requests) == 1


def test_an_error_beside_an_image_is_not_lost(caller: Caller, client: Options, simulator: Simulator) -> None:
    """
    Neither is the image, which was paid for.
    """
    data = caller.generate(client)[0].data
    answer = {"data": [{"b64_json": base64.b64encode(data).decode()}], "error": {"message": "One failed."}}
    simulator.faults.add(Answer(json.dumps(answer).encode()))

    generation = caller.generate(client, n=2)

    assert (len(generation), generation.missing) == (1, 1)
    assert [failure.message for failure in generation.failures] == ["One failed."]


def test_an_option_refused_by_the_service_names_it(caller: Caller, client: Options) -> None:
    """
    What the table does not know is for the service to refuse.
    """
    with pytest.raises(InvalidOptionError) as caught:
        caller.generate({**client, "model": None}, size="17x17")

    assert (caught.value.status, caught.value.facts.parameter) == (400, "size")


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_what_may_be_retried_is(
    caller: Caller, client: Options, simulator: Simulator, status: FailStatus
) -> None:
    """
    Twice in a row, as busy services fail.
    """
    simulator.faults.add(Fail(status), Fail(status, retry_after_s=0))

    assert caller.generate(client)[0].accepted
    assert [request.status for request in simulator.requests] == [status, status, 200]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (408, GenerationTimeoutError),
        (429, RateLimitedError),
        (500, ServiceUnavailableError),
        (502, ServiceUnavailableError),
        (503, ServiceUnavailableError),
    ],
)
def test_retries_end(
    caller: Caller,
    client: Options,
    simulator: Simulator,
    status: FailStatus,
    expected: type[GenerationError],
) -> None:
    """
    With the last error, which says how often it was tried.
    """
    simulator.faults.add(*[Fail(status)] * 3)

    with pytest.raises(GenerationError) as caught:
        caller.generate({**client, "retry": replace(QUICK, max_attempts=3)})

    assert (type(caught.value), caught.value.status) == (expected, status)
    assert caught.value.attempts == 3
    assert "3 attempts" in str(caught.value)


@pytest.mark.parametrize("fault", [MALFORMED_BODY, *WRONG_SHAPES, Answer(b"<html>", 200, "text/html")])
def test_an_answer_of_another_shape_is_an_error(
    caller: Caller, client: Options, simulator: Simulator, fault: Fault
) -> None:
    """
    And is not tried again: the image may have been made and billed.
    """
    simulator.faults.add(fault)

    with pytest.raises(MalformedAnswerError):
        caller.generate(client)

    assert len(simulator.requests) == 1


def test_an_answer_that_takes_long_is_waited_for(
    caller: Caller, client: Options, simulator: Simulator
) -> None:
    """
    Images can take minutes.
    """
    simulator.faults.add(Delay(0.3))

    assert caller.generate(client)[0].accepted


def test_a_redirect_is_not_followed(caller: Caller, client: Options, simulator: Simulator) -> None:
    """
    The key would go along.
    """
    simulator.faults.add(Redirect(f"{simulator.endpoint}/elsewhere"))

    with pytest.raises(WrongPathError):
        caller.generate(client)

    assert len(simulator.requests) == 1


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        ((Redirect("https://example.org/"),), "redirects"),
        ((Answer(b"", 200, "image/png"),), "no bytes"),
        ((Oversize(200_000),), "exceeds"),
        ((Answer(b"?", 400, "text/plain"),), "could not be downloaded"),
    ],
)
def test_a_download_that_goes_wrong_is_an_error(
    caller: Caller, dall_e: Options, simulator: Simulator, faults: tuple[Fault, ...], message: str
) -> None:
    """
    Of one class, with the answer's request id; it is not made again.
    """
    simulator.faults.add(*faults, target="blob")

    with pytest.raises(MalformedAnswerError, match=message) as caught:
        caller.generate({**dall_e, "limits": ResponseLimits(image_bytes=100_000)}, size="1024x1024")

    assert caught.value.request_id == simulator.requests[0].request_id
    assert caught.value.facts.revised_prompt
    assert [request.method for request in simulator.requests] == ["POST", "GET"]


@pytest.mark.parametrize("fault", [Fail(503), Fail(500), Fail(429)])
def test_a_download_is_tried_again(
    caller: Caller, dall_e: Options, simulator: Simulator, fault: Fault
) -> None:
    """
    Unlike making an image, fetching it again costs nothing.
    """
    simulator.faults.add(fault, fault, target="blob")

    assert caller.generate(dall_e)[0].accepted
    assert [request.method for request in simulator.requests] == ["POST", "GET", "GET", "GET"]


def test_a_download_that_never_works_is_unavailable(
    caller: Caller, dall_e: Options, simulator: Simulator
) -> None:
    """
    Retries end here, too.
    """
    simulator.faults.add(*[Fail(503)] * 2, target="blob")

    with pytest.raises(ServiceUnavailableError) as caught:
        caller.generate({**dall_e, "retry": replace(QUICK, max_attempts=2)})

    assert caught.value.attempts == 2


def test_an_expired_url_says_so(caller: Caller, dall_e: Options, simulator: Simulator) -> None:
    """
    Generating again helps, trying again does not.
    """
    simulator.behaviour = Behaviour(blob_lifetime_s=-1)

    with pytest.raises(ImageUrlExpiredError) as caught:
        caller.generate(dall_e)

    assert (caught.value.status, caught.value.code) == (403, "AuthenticationFailed")
    assert len(simulator.requests) == 2


@pytest.mark.parametrize("alteration", ["unsigned", "reencoded", "tampered", "appended", "garbage"])
def test_an_image_that_is_not_accepted_is_raised(
    caller: Caller, client: Options, simulator: Simulator, alteration: Alteration
) -> None:
    """
    With every image of the call, which was paid for.
    """
    simulator.faults.add(Alter(alteration))

    with pytest.raises(ImageRejectedError) as caught:
        caller.generate(client, n=2)

    assert (len(caught.value.generation), len(caught.value.rejected)) == (2, 2)
    assert "2 of 2 images not accepted" in str(caught.value)
    assert caught.value.places == ()


def test_an_image_that_is_not_accepted_can_be_kept(
    caller: Caller, client: Options, simulator: Simulator
) -> None:
    """
    Whoever asks for it looks at the verdict.
    """
    simulator.faults.add(Alter("unsigned"))

    image = caller.generate({**client, "on_rejected": "keep"})[0]

    assert (image.accepted, image.verification.state.value) == (False, "absent")


@pytest.mark.parametrize("method", ["generate", "stream_generate"])
def test_an_image_that_is_not_accepted_can_be_quarantined(
    caller: Caller, client: Options, simulator: Simulator, tmp_path: Path, method: str
) -> None:
    """
    The bytes are evidence.
    """
    simulator.faults.add(Alter("tampered"))
    options = {**client, "on_rejected": "quarantine", "quarantine": tmp_path / "new" / "folder"}

    with pytest.raises(ImageRejectedError) as caught:
        caller.together(options, [Call(method, ("a lighthouse",))])

    (place,) = caught.value.places
    assert place.image.read_bytes() == caught.value.rejected[0].data
    assert sorted(path.name for path in place.image.parent.iterdir()) == [place.image.name, place.report.name]
    assert str(place.image) in str(caught.value)


def test_a_quarantine_that_cannot_be_written_is_told(
    caller: Caller, client: Options, simulator: Simulator, tmp_path: Path
) -> None:
    """
    The image is still in the error.
    """
    (tmp_path / "file").touch()
    simulator.faults.add(Alter("unsigned"))
    options = {**client, "on_rejected": "quarantine", "quarantine": tmp_path / "file"}

    with pytest.raises(ImageRejectedError, match="not quarantined: the folder cannot be made") as caught:
        caller.generate(options)

    assert caught.value.rejected[0].data


def test_a_stream_that_ends_with_an_error_says_which(
    caller: Caller, client: Options, simulator: Simulator
) -> None:
    """
    The status was 200, long before.
    """
    simulator.faults.add(EventError("server_error"))

    with pytest.raises(ServiceUnavailableError) as caught:
        caller.stream(client, partial_images=1)

    assert caught.value.status == 200


def test_a_server_that_is_not_there_is_unavailable(caller: Caller, client: Options) -> None:
    """
    After some attempts: it may be starting.
    """
    options = {**client, "endpoint": "http://127.0.0.1:1", "retry": replace(QUICK, max_attempts=2)}

    with pytest.raises(ServiceUnavailableError, match="cannot be reached") as caught:
        caller.generate(options)

    assert (caught.value.status, caught.value.attempts) == (None, 2)


async def _async_token() -> str:
    await asyncio.sleep(0)
    return "good-token"


class _AsyncToken:
    async def __call__(self) -> str:
        return await _async_token()


@pytest.mark.parametrize("token", [lambda: "good-token", _async_token, _AsyncToken()])
def test_a_token_is_asked_for_at_each_attempt(
    caller: Caller, client: Options, simulator: Simulator, token: Callable[[], Any]
) -> None:
    """
    Tokens expire during long runs.
    """
    asked: list[float] = []
    simulator.tokens.accept("good-token")
    simulator.faults.add(Fail(500))
    is_sync = asyncio.iscoroutine(found := token()) is False
    if asyncio.iscoroutine(found):
        found.close()

    def counted() -> Any:  # noqa: ANN401 - a token or something to wait for
        asked.append(1)
        return token()

    options = {**client, "api_key": None, "token": counted}
    if is_sync or caller.is_async:
        assert caller.generate(options)[0].accepted
        assert caller.generate({**options, "token": token})[0].accepted
        assert len(asked) == 2
        assert simulator.requests[-1].has_authorization
        assert not simulator.requests[-1].has_api_key
    else:
        with pytest.raises(AuthenticationError, match="AsyncAzureImageClient"):
            caller.generate(options)


def test_the_pace_holds_for_all_callers_of_a_client(
    caller: Caller, client: Options, simulator: Simulator
) -> None:
    """
    A quota counts requests, whoever makes them.
    """
    simulator.behaviour = Behaviour(quota_per_minute=3)
    clock = SharedClock()
    CLOCK.advance(120)
    options = {
        **client,
        "requests_per_minute": RateLimiter(3, clock=clock),
        "max_concurrency": 1,
        "sleep": clock.sleep,
    }

    results = caller.together(options, [Call("generate", (f"number {n}",)) for n in range(6)])

    assert all(result[0].accepted for result in results)
    assert sum(request.status == 429 for request in simulator.requests) == 0
    assert clock.slept >= 59


def test_no_more_requests_than_allowed_are_under_way(
    caller: Caller, client: Options, simulator: Simulator
) -> None:
    """
    More are answered with errors.
    """
    simulator.behaviour = Behaviour(seconds_per_image=0.1)
    before = threading.active_count()

    results = caller.together(
        {**client, "max_concurrency": 1}, [Call("generate", (f"number {n}",)) for n in range(3)]
    )

    times = [request.at for request in simulator.requests]
    assert len(results) == 3
    assert len(times) == 3
    assert threading.active_count() <= before + 40


class SharedClock:
    """
    A clock that sleeping moves on, together with the simulator's; for threads and tasks.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = 0.0
        self.slept = 0.0

    def __call__(self) -> float:
        """
        Return the time.
        """
        with self._lock:
            return self._now

    def sleep(self, seconds: float) -> None:
        """
        Let time pass.
        """
        with self._lock:
            self._now += seconds
            self.slept += seconds
            CLOCK.advance(seconds)


@pytest.mark.parametrize(
    "changes",
    [
        {"max_concurrency": 0},
        {"on_rejected": "ignore"},
        {"on_rejected": "quarantine"},
        {"quarantine": "folder"},
        {"token": lambda: "x"},
    ],
)
def test_contradictory_settings_are_refused(caller: Caller, client: Options, changes: dict[str, Any]) -> None:
    """
    When the client is made, not when the first image is rejected.
    """
    with pytest.raises(SettingError):
        caller.generate({**client, **changes})


def test_misspelt_arguments_are_refused(caller: Caller, client: Options, simulator: Simulator) -> None:
    """
    A misspelt option would otherwise be sent, or left out.
    """
    with pytest.raises(TypeError, match="deploymint"):
        caller.generate({**client, "deploymint": "x"})
    with pytest.raises(TypeError, match="qualty"):
        caller.generate(client, qualty="high")
    assert simulator.requests == ()


def test_retries_have_a_deadline(caller: Caller, client: Options, simulator: Simulator) -> None:
    """
    A wait that would go beyond it is not begun.
    """
    simulator.faults.add(Fail(429, retry_after_s=30))

    with pytest.raises(RateLimitedError) as caught:
        caller.generate({**client, "retry": RetryPolicy(deadline_s=20)})

    assert caught.value.facts.retry_after_s == 30
    assert caught.value.attempts == 1


def test_an_image_that_is_not_edited_is_not_sent(
    caller: Caller, client: Options, simulator: Simulator
) -> None:
    """
    Fifty megabytes take their time.
    """
    with pytest.raises(InvalidOptionError, match="given by URL"):
        caller.edit(client, "https://example.org/image.png")

    assert simulator.requests == ()


def test_a_quarantine_that_holds_another_file_of_that_name_is_told(
    caller: Caller, client: Options, simulator: Simulator, tmp_path: Path
) -> None:
    """
    It is not overwritten, and the image is still in the error.
    """
    simulator.faults.add(Answer(b'{"data": [{"b64_json": "bm90aGluZw=="}]}'))
    options = {**client, "on_rejected": "quarantine", "quarantine": tmp_path}
    name = f"image-{hashlib.sha256(b'nothing').hexdigest()[:16]}.bin"
    (tmp_path / name).write_bytes(b"precious")

    with pytest.raises(ImageRejectedError, match=r"not quarantined: .* already there") as caught:
        caller.generate(options)

    assert caught.value.places == ()
    assert (tmp_path / name).read_bytes() == b"precious"
