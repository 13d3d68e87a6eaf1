"""
The simulator, judged by a client that nobody here wrote: the official `openai` package, unmodified.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from dataclasses import replace
from urllib.request import urlopen

import openai
import pytest
from openai import AsyncAzureOpenAI, AzureOpenAI, OpenAI
from openai.types import (
    ImageEditCompletedEvent,
    ImageGenCompletedEvent,
    ImageGenPartialImageEvent,
    ImagesResponse,
)

from provenance import Verifier
from provenance.authority import plain_png
from provenance.simulator import NEWEST_API_VERSION, EventError, Fail, FilterSpelling, Simulator
from tests.simulator.support import KEY

PROMPT = "A red fox"
PNG = plain_png(24, 16, seed=1)
EACH_NEWER = pytest.mark.parametrize(
    "model", ["gpt-image-1", "gpt-image-1-mini", "gpt-image-1.5", "gpt-image-2"]
)


def azure(
    simulator: Simulator, deployment: str | None = None, *, key: str | None = KEY, retries: int = 0
) -> AzureOpenAI:
    """
    Make the client of the deployment form.
    """
    return AzureOpenAI(
        azure_endpoint=simulator.endpoint,
        azure_deployment=deployment,
        api_key=key,
        api_version=NEWEST_API_VERSION,
        max_retries=retries,
    )


@pytest.fixture
def v1(simulator: Simulator) -> Iterator[OpenAI]:
    """
    Make the client of the v1 form.
    """
    with OpenAI(base_url=f"{simulator.endpoint}/openai/v1/", api_key=KEY, max_retries=0) as client:
        yield client


def first_image(response: ImagesResponse) -> bytes:
    """
    Return the first image of an answer, by whichever way it came.
    """
    assert response.data
    item = response.data[0]
    if item.b64_json is not None:
        return base64.b64decode(item.b64_json)
    assert item.url is not None
    with urlopen(item.url) as download:  # noqa: S310 - on this machine
        content: bytes = download.read()
    return content


def accepted(simulator: Simulator, content: bytes) -> bool:
    """
    Judge an image by the simulator's trust profile.
    """
    return Verifier(trust=simulator.trust_profile, self_test=False).verify(content).accepted


@pytest.mark.parametrize("response_format", ["url", "b64_json"])
@pytest.mark.parametrize("in_path", [True, False])
def test_dall_e_3_generates(simulator: Simulator, response_format: str, in_path: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """
    With the deployment in the client or in the call, which the client then repeats in the body.
    """
    with azure(simulator, "dall-e-3" if in_path else None) as client:
        response = client.images.generate(
            model=openai.omit if in_path else "dall-e-3",
            prompt=PROMPT,
            response_format="url" if response_format == "url" else "b64_json",
        )

    assert response.data
    assert response.data[0].revised_prompt
    assert accepted(simulator, first_image(response))


@EACH_NEWER
def test_newer_models_generate(simulator: Simulator, model: str) -> None:
    """
    With the deployment in the client, which then leaves it out of the body.
    """
    with azure(simulator, model) as client:
        response = client.images.generate(prompt=PROMPT, n=2, quality="low", output_format="jpeg")

    assert response.data
    assert response.usage
    assert (len(response.data), response.output_format) == (2, "jpeg")
    assert response.usage.total_tokens > 0
    assert accepted(simulator, first_image(response))


@EACH_NEWER
def test_newer_models_generate_in_the_v1_form(simulator: Simulator, v1: OpenAI, model: str) -> None:
    """
    The key goes as a bearer token there.
    """
    response = v1.images.generate(model=model, prompt=PROMPT)

    assert accepted(simulator, first_image(response))
    assert simulator.requests[0].has_authorization


@EACH_NEWER
def test_newer_models_edit(simulator: Simulator, v1: OpenAI, model: str) -> None:
    """
    In both forms: one image, and several.
    """
    with azure(simulator, model) as client:
        one = client.images.edit(image=("a.png", PNG), prompt=PROMPT)
    several = v1.images.edit(model=model, image=[("a.png", PNG), ("b.png", PNG)], prompt=PROMPT, n=1)

    assert accepted(simulator, first_image(one))
    assert accepted(simulator, first_image(several))
    assert [entry.uploads for entry in simulator.requests] == [1, 2]


def test_an_asynchronous_client_works(simulator: Simulator) -> None:
    """
    Over the same interface.
    """

    async def generate() -> ImagesResponse:
        async with AsyncAzureOpenAI(
            azure_endpoint=simulator.endpoint,
            azure_deployment="gpt-image-2",
            api_key=KEY,
            api_version=NEWEST_API_VERSION,
        ) as client:
            return await client.images.generate(prompt=PROMPT)

    assert accepted(simulator, first_image(asyncio.run(generate())))


def test_an_entra_token_is_fetched_again_when_it_has_expired(simulator: Simulator) -> None:
    """
    The client asks its provider before each request.
    """
    simulator.tokens.accept("first", lifetime_s=0)
    simulator.tokens.accept("second")
    tokens = iter(["first", "second"])
    with AzureOpenAI(
        azure_endpoint=simulator.endpoint,
        azure_deployment="gpt-image-2",
        azure_ad_token_provider=lambda: next(tokens),
        api_version=NEWEST_API_VERSION,
        max_retries=0,
    ) as client:
        with pytest.raises(openai.AuthenticationError):
            client.images.generate(prompt=PROMPT)

        assert client.images.generate(prompt=PROMPT).data


@pytest.mark.parametrize("partial_images", [0, 2])
def test_a_stream_is_read(simulator: Simulator, v1: OpenAI, partial_images: int) -> None:
    """
    Partial images, and the final one with its usage.
    """
    with v1.images.generate(
        model="gpt-image-2", prompt=PROMPT, stream=True, partial_images=partial_images
    ) as stream:
        *partials, last = list(stream)

    assert [type(event) for event in partials] == [ImageGenPartialImageEvent] * partial_images
    assert isinstance(last, ImageGenCompletedEvent)
    assert last.usage.total_tokens > 0
    assert accepted(simulator, base64.b64decode(last.b64_json))


def test_an_edit_is_streamed(simulator: Simulator) -> None:
    """
    In the deployment form.
    """
    with azure(simulator, "gpt-image-1") as client:
        *_, last = list(
            client.images.edit(image=("a.png", PNG), prompt=PROMPT, stream=True, partial_images=1)
        )

    assert isinstance(last, ImageEditCompletedEvent)
    assert accepted(simulator, base64.b64decode(last.b64_json))


def test_an_error_in_a_stream_is_raised(simulator: Simulator, v1: OpenAI) -> None:
    """
    Though the status was 200.
    """
    simulator.faults.add(EventError())

    with (
        v1.images.generate(model="gpt-image-2", prompt=PROMPT, stream=True, partial_images=1) as stream,
        pytest.raises(openai.APIError, match="An error occurred"),
    ):
        list(stream)


@pytest.mark.parametrize(
    ("spelling", "code", "key"),
    [
        (FilterSpelling.CONTENT_POLICY_VIOLATION, "content_policy_violation", "inner_error"),
        (FilterSpelling.CONTENT_FILTER, "content_filter", "innererror"),
        (FilterSpelling.MODERATION_BLOCKED, "moderation_blocked", "moderation_details"),
        (FilterSpelling.TASK_FAILED, "contentFilter", "message"),
    ],
)
def test_a_filtered_prompt_is_a_bad_request_with_details(
    simulator: Simulator, spelling: FilterSpelling, code: str, key: str
) -> None:
    """
    The client finds the code, and hands on what else there is.
    """
    simulator.behaviour = replace(simulator.behaviour, filter_spelling=spelling)

    with azure(simulator, "dall-e-3") as client, pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(prompt="A forbidden-prompt fox")

    assert caught.value.code == code
    assert isinstance(caught.value.body, dict)
    assert caught.value.body[key]
    assert caught.value.request_id


def test_a_bad_value_is_a_bad_request(v1: OpenAI) -> None:
    """
    With the parameter's name.
    """
    with pytest.raises(openai.BadRequestError, match="Supported values are") as caught:
        v1.images.generate(model="gpt-image-1", prompt=PROMPT, size="256x256")

    assert (caught.value.param, caught.value.code) == ("size", "invalid_value")


def test_model_in_the_body_is_refused_by_newer_models(simulator: Simulator) -> None:
    """
    The client sends it where the deployment is named in the call alone, as users found out.
    """
    with azure(simulator) as client, pytest.raises(openai.BadRequestError, match="does not exist") as caught:
        client.images.generate(model="gpt-image-2", prompt=PROMPT)

    assert caught.value.param == "model"


def test_a_wrong_key_is_an_authentication_error(simulator: Simulator) -> None:
    """
    The code is the status.
    """
    with (
        azure(simulator, "dall-e-3", key="wrong") as client,
        pytest.raises(openai.AuthenticationError) as caught,
    ):
        client.images.generate(prompt=PROMPT)

    assert caught.value.code == "401"


def test_a_blocked_resource_is_a_permission_error(simulator: Simulator) -> None:
    """
    And not a bad request, as a filtered prompt is.
    """
    simulator.behaviour = replace(simulator.behaviour, resource_blocked=True)

    with azure(simulator, "dall-e-3") as client, pytest.raises(openai.PermissionDeniedError) as caught:
        client.images.generate(prompt=PROMPT)

    assert caught.value.code == "Forbidden"


@pytest.mark.parametrize(("deployment", "code"), [("nothing", "DeploymentNotFound"), ("x/y", "404")])
def test_what_is_not_there_is_not_found(simulator: Simulator, deployment: str, code: str) -> None:
    """
    A deployment, and a path.
    """
    with azure(simulator, deployment) as client, pytest.raises(openai.NotFoundError) as caught:
        client.images.generate(prompt=PROMPT)

    assert caught.value.code == code


def test_a_full_quota_is_a_rate_limit_error(simulator: Simulator) -> None:
    """
    With the headers that say how long to wait.
    """
    simulator.behaviour = replace(simulator.behaviour, quota_per_minute=0)

    with azure(simulator, "gpt-image-2") as client, pytest.raises(openai.RateLimitError) as caught:
        client.images.generate(prompt=PROMPT)

    assert caught.value.code == "RateLimitReached"
    assert caught.value.response.headers["retry-after-ms"] == "60000"


def test_the_client_waits_as_long_as_it_is_told(simulator: Simulator) -> None:
    """
    It is let in at its only retry; of itself it would have come back after half a second at most.
    """
    simulator.behaviour = replace(simulator.behaviour, quota_per_minute=1, quota_window_s=1.0)

    with azure(simulator, "gpt-image-2", retries=1) as client:
        responses = [client.images.generate(prompt=PROMPT) for _ in range(2)]

    assert [entry.status for entry in simulator.requests] == [200, 429, 200]
    assert all(accepted(simulator, first_image(response)) for response in responses)


@pytest.mark.parametrize("status", [408, 500, 503])
def test_the_client_retries_what_failed(simulator: Simulator, status: int) -> None:
    """
    Until it has an image.
    """
    simulator.faults.add(Fail(500 if status == 500 else 503 if status == 503 else 408, retry_after_s=0.01))

    with azure(simulator, "gpt-image-2", retries=1) as client:
        assert client.images.generate(prompt=PROMPT).data

    assert [entry.status for entry in simulator.requests] == [status, 200]
