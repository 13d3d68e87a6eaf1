"""
Answers of the simulated API as Azure's is described, over real HTTP.
"""

from __future__ import annotations

import base64
import io
import json
from dataclasses import replace
from typing import Any

import httpx
import pytest
from PIL import Image

from provenance import Verifier
from provenance.authority import KeyType
from provenance.simulator import (
    FilterSpelling,
    ManualClock,
    SigningStyle,
    Simulator,
)
from provenance.simulator.api_error import RetryHint
from provenance.simulator.blob_store import BlobStore
from provenance.simulator.drawing import Picture, draw
from tests.simulator.support import (
    DAY_S,
    EACH_NEWER,
    KEY,
    PNG,
    PROMPT,
    SMALL,
    clock_of,
    image_of,
    refused,
    standing_still,
    url,
)

settings = standing_still


# --- answers with images ---------------------------------------------------------------------------


def test_dall_e_3_answers_with_a_url_by_default(http: httpx.Client, verifier: Verifier) -> None:
    """
    And with filter results and the prompt as it was rewritten.
    """
    answer = http.post(
        url("dall-e-3"), json={**PROMPT, "quality": "hd", "style": "natural", "user": "me"}
    ).json()

    (item,) = answer["data"]
    assert set(item) == {"url", "revised_prompt", "prompt_filter_results", "content_filter_results"}
    assert item["content_filter_results"]["violence"] == {"filtered": False, "severity": "safe"}
    assert "A red fox" in item["revised_prompt"]
    image = httpx.get(item["url"])
    assert image.headers["content-type"] == "image/png"
    assert verifier.verify(image.content).accepted


@pytest.mark.parametrize("size", ["1024x1024", "1792x1024", "1024x1792"])
def test_dall_e_3_makes_images_of_the_size_asked_for(
    http: httpx.Client, verifier: Verifier, size: str
) -> None:
    """
    In base64 where that is asked for.
    """
    content = image_of(
        http.post(url("dall-e-3"), json={**PROMPT, "size": size, "response_format": "b64_json"})
    )

    with Image.open(io.BytesIO(content)) as image:
        assert size == f"{image.width}x{image.height}"
    assert verifier.verify(content).accepted


def test_a_revised_prompt_is_optional(simulator: Simulator, http: httpx.Client) -> None:
    """
    A client must not count on it.
    """
    simulator.behaviour = replace(simulator.behaviour, revised_prompt=False)

    assert "revised_prompt" not in http.post(url("dall-e-3"), json=PROMPT).json()["data"][0]


@EACH_NEWER
@pytest.mark.parametrize(("output_format", "head"), [("png", b"\x89PNG"), ("jpeg", b"\xff\xd8")])
def test_newer_models_answer_in_base64_with_their_usage(
    http: httpx.Client, verifier: Verifier, model: str, output_format: str, head: bytes
) -> None:
    """
    Without filter annotations.
    """
    response = http.post(url(model), json={**PROMPT, "output_format": output_format, "quality": "low"})

    answer = response.json()
    content = image_of(response)
    assert (answer["output_format"], answer["quality"], answer["size"]) == (output_format, "low", "1024x1024")
    assert [set(item) for item in answer["data"]] == [{"b64_json"}]
    usage = answer["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert set(usage["input_tokens_details"]) == {"image_tokens", "text_tokens"}
    assert content.startswith(head)
    assert verifier.verify(content).accepted


def test_several_images_differ(http: httpx.Client, verifier: Verifier) -> None:
    """
    A client that lost one or saved one twice is found out.
    """
    response = http.post(url("gpt-image-2"), json={**SMALL, "n": 3})

    images = {image_of(response, index) for index in range(3)}
    assert len(images) == 3
    assert all(verifier.verify(image).accepted for image in images)


def test_compression_and_background_show_in_the_image(http: httpx.Client, verifier: Verifier) -> None:
    """
    They are no mere formality.
    """
    body = {**SMALL, "output_format": "jpeg"}
    coarse = image_of(http.post(url("gpt-image-2"), json={**body, "output_compression": 5}))
    fine = image_of(http.post(url("gpt-image-2"), json={**body, "output_compression": 95}))
    clear = image_of(http.post(url("gpt-image-2"), json={**SMALL, "background": "transparent"}))

    assert len(coarse) < len(fine)
    with Image.open(io.BytesIO(clear)) as image:
        assert (image.mode, image.getpixel((0, 0))[3]) == ("RGBA", 0)  # type: ignore[index]  # of RGBA
    assert verifier.verify(clear).accepted


@pytest.mark.parametrize(
    ("style", "model", "agent", "description", "claim_version"),
    [
        (SigningStyle(), "dall-e-3", "DALL-E", "Generated with AI", 1),
        (SigningStyle(), "gpt-image-1", "ImageGen", "Generated with AI", 1),
        (SigningStyle(), "gpt-image-2", "ImageGen", "Generated with AI", 2),
        (SigningStyle(description="documented"), "dall-e-3", "DALL-E", "AI Generated Image", 1),
        (SigningStyle(description="absent"), "gpt-image-1", "ImageGen", None, 1),
        (SigningStyle(claim_version=2, agent="text"), "dall-e-3", "DALL-E", "Generated with AI", 2),
        (SigningStyle(soft_binding_unit=None), "gpt-image-2", "ImageGen", "Generated with AI", 2),
    ],
)
def test_manifests_say_what_azure_writes(
    simulator: Simulator,
    http: httpx.Client,
    verifier: Verifier,
    style: SigningStyle,
    model: str,
    agent: str,
    description: str | None,
    claim_version: int,
) -> None:
    """
    Claims of both versions, both forms of agents, and every description seen or documented.
    """
    simulator.behaviour = replace(simulator.behaviour, signing=style)
    body = {**PROMPT, "response_format": "b64_json"} if model == "dall-e-3" else PROMPT

    content = image_of(http.post(url(model), json=body))

    result = verifier.verify(content)
    assert result.origin is not None
    created = result.origin.reading.manifest.created
    assert created is not None
    assert (f"Azure OpenAI {agent}", description) == (created.software_agent, created.description)
    assert (description == "AI Generated Image") is result.origin.documented
    assert (claim_version == 2) is (b"c2pa.claim.v2" in content)
    assert (claim_version == 2 and style.agent == "map") is (b"softwareAgent\xa1dname" in content)
    assert result.accepted


def test_the_documented_policy_accepts_documented_manifests(simulator: Simulator, http: httpx.Client) -> None:
    """
    The three documented fields to the letter, the time within minutes of the time-stamp.
    """
    style = SigningStyle(description="documented")
    simulator.behaviour = replace(simulator.behaviour, signing=style)
    verifier = Verifier(policy="azure-openai-documented", trust=simulator.trust_profile, self_test=False)

    assert verifier.verify(image_of(http.post(url("gpt-image-2"), json=SMALL))).accepted


def test_images_stay_good_after_their_signer_has_expired(simulator: Simulator, http: httpx.Client) -> None:
    """
    As Azure's do, by their time-stamp; and the next image has another signer.
    """
    clock_of(simulator).advance(-400 * DAY_S)
    old = image_of(http.post(url("gpt-image-2"), json=SMALL))
    clock_of(simulator).advance(400 * DAY_S)
    new = image_of(http.post(url("gpt-image-2"), json=SMALL))

    verifier = Verifier(trust=simulator.trust_profile, self_test=False)
    results = [verifier.verify(image) for image in (old, new)]
    signers = [result.active.signature.chain[0].sha256 for result in results if result.active]
    assert [result.accepted for result in results] == [True, True]
    assert len(set(signers)) == 2


def test_nobody_else_trusts_the_images(http: httpx.Client) -> None:
    """
    Each simulator makes an authority of its own.
    """
    with Simulator(key_type=KeyType.P256) as another:
        stranger = Verifier(trust=another.trust_profile, self_test=False)

    result = stranger.verify(image_of(http.post(url("gpt-image-2"), json=SMALL)))

    assert result.accepted is False


def test_rsa_keys_sign_as_azure_does() -> None:
    """
    PS256 is what genuine images carry, and the default.
    """
    with Simulator(api_key=KEY) as simulator:
        address = simulator.endpoint + url("gpt-image-1")
        response = httpx.post(address, json=PROMPT, headers={"api-key": KEY}, timeout=30)

        content = image_of(response)

    assert Verifier(trust=simulator.trust_profile, self_test=False).verify(content).accepted


@pytest.mark.parametrize(
    "picture",
    [
        Picture(width=1024, height=640, caption="A red fox"),
        Picture(width=1024, height=640, caption="A red fox", image_format="jpeg"),
    ],
)
def test_the_prompt_is_written_into_the_picture(picture: Picture) -> None:
    """
    White letters on the dark band at the bottom, and none without a prompt.
    """

    def white_pixels(caption: str) -> int:
        with Image.open(io.BytesIO(draw(replace(picture, caption=caption)))) as image:
            return sum(image.convert("L").histogram()[230:])

    assert white_pixels("A red fox") > 500
    assert white_pixels("") == 0
    assert draw(picture) == draw(picture)


@pytest.mark.parametrize(
    "caption", ["x" * 32_000, "a\x00b\n\ud800", "D\u00fcrer \u96ea", "\U0001f98a" * 5000]
)
def test_any_prompt_can_be_drawn(caption: str) -> None:
    """
    Long ones, and letters that the font has not.
    """
    assert draw(Picture(width=1024, height=640, caption=caption)).startswith(b"\x89PNG")


def test_pictures_can_have_a_real_size(simulator: Simulator, http: httpx.Client) -> None:
    """
    A gradient takes a twentieth of the bytes of a photograph.
    """
    simulator.behaviour = replace(simulator.behaviour, noise=True)

    assert len(image_of(http.post(url("gpt-image-2"), json=SMALL))) > 1_500_000


# --- URLs of images --------------------------------------------------------------------------------


def stored(http: httpx.Client) -> str:
    """
    Generate an image, and return its URL.
    """
    address: str = http.post(url("dall-e-3"), json=PROMPT).json()["data"][0]["url"]
    return address


def test_urls_of_images_look_like_azures(http: httpx.Client) -> None:
    """
    The signature holds signs that clients like to decode and encode again.
    """
    query = httpx.URL(stored(http)).query.decode()

    fields = dict(part.split("=") for part in query.split("&"))
    assert {"se", "sp", "sv", "sr", "sig"} <= set(fields)
    assert ("%2B" in fields["sig"], "%2F" in fields["sig"], "%3A" in fields["se"]) == (True, True, True)


def test_urls_of_images_expire_after_a_day(simulator: Simulator, http: httpx.Client) -> None:
    """
    With the XML of Azure Storage.
    """
    address = stored(http)

    clock_of(simulator).advance(DAY_S - 1)
    assert httpx.get(address).status_code == 200
    clock_of(simulator).advance(1)
    late = httpx.get(address)

    assert (late.status_code, late.headers["content-type"]) == (403, "application/xml")
    assert late.headers["x-ms-error-code"] == "AuthenticationFailed"
    assert "<Code>AuthenticationFailed</Code>" in late.text
    assert "Signature not valid in the specified time frame" in late.text


def test_the_lifetime_of_urls_can_be_set(simulator: Simulator, http: httpx.Client) -> None:
    """
    So that a test need not move a whole day.
    """
    simulator.behaviour = replace(simulator.behaviour, blob_lifetime_s=5)
    address = stored(http)

    clock_of(simulator).advance(5)

    assert httpx.get(address).status_code == 403


@pytest.mark.parametrize(
    ("old", "new"),
    [("%2B", "+"), ("%2F", "/"), ("%3A", ":"), ("%2B", "%2b"), ("sp=r", "sp=rw"), ("?se", "?x=1&se")],
)
def test_a_query_that_was_changed_is_refused(http: httpx.Client, old: str, new: str) -> None:
    """
    Though it may mean the same.
    """
    path, _, query = stored(http).partition("/blobs/")
    changed = f"/blobs/{query}".replace(old, new)

    # httpx leaves alone what is encoded, and what need not be.
    response = httpx.get(path + changed)

    assert (response.status_code, "did not match" in response.text) == (403, True)


def test_an_unknown_blob_is_not_found(http: httpx.Client) -> None:
    """
    As Azure Storage says it.
    """
    response = http.get("/blobs/private/images/x/generated_00.png")

    assert (response.status_code, response.headers["x-ms-error-code"]) == (404, "BlobNotFound")


def test_a_credential_sent_to_a_blob_is_noticed(simulator: Simulator, http: httpx.Client) -> None:
    """
    A client that does so gives its key to whoever keeps the images.
    """
    address = stored(http)

    httpx.get(address)
    http.get(address)
    httpx.get(address, headers={"authorization": "Bearer x"})

    leaks = [(entry.has_api_key, entry.has_authorization) for entry in simulator.requests[1:]]
    assert leaks == [(False, False), (True, False), (False, True)]


def test_the_oldest_images_make_room() -> None:
    """
    Memory is all there is, and clients may be hostile.
    """
    store = BlobStore(ManualClock(), max_bytes=100)
    links = [store.put(bytes(40), "image/jpeg", 60).partition("?") for _ in range(3)]

    kept = [path for path, _, query in links[1:] if store.get(path, query.encode()).content]

    assert len(kept) == 2
    with pytest.raises(Exception, match="BlobNotFound"):
        store.get(links[0][0], links[0][2].encode())


# --- streams ---------------------------------------------------------------------------------------


def events(response: httpx.Response) -> list[tuple[str, dict[str, Any]]]:
    """
    Parse server-sent events.
    """
    assert response.headers["content-type"].startswith("text/event-stream")
    found = []
    for block in response.text.strip().split("\n\n"):
        name, data = block.split("\n")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


@pytest.mark.parametrize("partial_images", [None, 0, 1, 3])
def test_a_stream_ends_with_the_image_and_its_usage(
    http: httpx.Client, verifier: Verifier, partial_images: int | None
) -> None:
    """
    Without `[DONE]`; what is unfinished is not signed.
    """
    body = {**SMALL, "stream": True, "partial_images": partial_images}

    found = events(http.post(url("gpt-image-2"), json=body))

    partials, (name, last) = found[:-1], found[-1]
    assert [name for name, _ in partials] == ["image_generation.partial_image"] * (partial_images or 0)
    assert [data["partial_image_index"] for _, data in partials] == list(range(partial_images or 0))
    assert (name, last["type"]) == ("image_generation.completed", "image_generation.completed")
    assert last["usage"]["output_tokens"] > 0
    assert verifier.verify(base64.b64decode(last["b64_json"])).accepted
    assert all(not verifier.verify(base64.b64decode(data["b64_json"])).accepted for _, data in partials)


def test_edits_stream_under_their_own_name(http: httpx.Client) -> None:
    """
    Flags are text in a form.
    """
    form = {**SMALL, "stream": "true", "partial_images": "1"}

    found = events(http.post(url("gpt-image-2", "edits"), data=form, files={"image": PNG}))

    assert [name for name, _ in found] == ["image_edit.partial_image", "image_edit.completed"]


# --- filters ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("marker", ["forbidden-prompt", "forbidden-output"])
@pytest.mark.parametrize("spelling", FilterSpelling)
def test_filters_answer_in_every_spelling(
    simulator: Simulator, http: httpx.Client, spelling: FilterSpelling, marker: str
) -> None:
    """
    The details lie somewhere else each time.
    """
    simulator.behaviour = replace(simulator.behaviour, filter_spelling=spelling)

    answer = http.post(url("dall-e-3"), json={"prompt": f"A {marker} fox"})

    in_text = spelling is FilterSpelling.SAFETY_VIOLATIONS
    error = refused(answer, 400, "moderation_blocked" if in_text else spelling.value)
    assert ("safety_violations=[violence]" in error["message"]) is in_text
    if spelling is FilterSpelling.CONTENT_POLICY_VIOLATION:
        inner = error["inner_error"]
        assert inner["code"] == "ResponsibleAIPolicyViolation"
        assert inner["content_filter_results"]["violence"] == {"filtered": True, "severity": "high"}
        assert marker in inner["revised_prompt"]
    elif spelling is FilterSpelling.CONTENT_FILTER:
        assert error["innererror"]["content_filter_result"]["violence"]["filtered"] is True
    elif spelling is FilterSpelling.MODERATION_BLOCKED:
        stage = "input" if marker == "forbidden-prompt" else "output"
        assert error["moderation_details"]["moderation_stage"] == stage
    elif not in_text:
        assert answer.json()["created"] > 0
    assert ("Generated image was filtered" in error["message"]) is (marker == "forbidden-output")


def test_markers_and_the_revised_prompt_can_be_set(simulator: Simulator, http: httpx.Client) -> None:
    """
    Its place in the error is optional, too.
    """
    simulator.behaviour = replace(simulator.behaviour, prompt_markers=("fox",), revised_prompt=False)

    error = refused(http.post(url("dall-e-3"), json=PROMPT), 400, "content_policy_violation")

    assert "revised_prompt" not in error["inner_error"]


# --- quota and headers -----------------------------------------------------------------------------


def test_a_quota_counts_per_deployment_and_minute(simulator: Simulator, http: httpx.Client) -> None:
    """
    Refused requests do not count, and each answer tells what is left.
    """
    simulator.behaviour = replace(simulator.behaviour, quota_per_minute=2)
    clock_of(simulator).advance(3600)

    first = http.post(url("gpt-image-2"), json=SMALL)
    clock_of(simulator).advance(43.5)
    second = http.post(url("gpt-image-2"), json=SMALL)
    clock_of(simulator).advance(0.75)
    third = http.post(url("gpt-image-2"), json=SMALL)

    left = [answer.headers["x-ratelimit-remaining-requests"] for answer in (first, second, third)]
    assert left == ["1", "0", "0"]
    assert "Please retry after 16 seconds." in refused(third, 429, "RateLimitReached")["message"]
    assert (third.headers["retry-after-ms"], third.headers["retry-after"]) == ("15750", "16")
    assert http.post(url("gpt-image-1"), json=PROMPT).status_code == 200
    clock_of(simulator).advance(15.75)
    assert http.post(url("gpt-image-2"), json=SMALL).status_code == 200


@pytest.mark.parametrize(
    "hints", [frozenset[RetryHint](), frozenset({"ms"}), frozenset({"seconds"}), frozenset({"text"})]
)
def test_the_hint_when_to_retry_may_be_missing(
    simulator: Simulator, http: httpx.Client, hints: frozenset[RetryHint]
) -> None:
    """
    Wholly, or but for one place.
    """
    simulator.behaviour = replace(simulator.behaviour, quota_per_minute=0, retry_hints=hints)

    answer = http.post(url("gpt-image-2"), json=SMALL)

    message = refused(answer, 429, "RateLimitReached")["message"]
    found = {"ms"} if "retry-after-ms" in answer.headers else set()
    found |= {"seconds"} if "retry-after" in answer.headers else set()
    found |= {"text"} if "Please retry after" in message else set()
    assert hints == found


@pytest.mark.parametrize(
    ("path", "status", "named"),
    [(url("gpt-image-2"), 200, True), (url("nothing"), 404, False), ("/elsewhere", 404, False)],
)
def test_every_answer_carries_request_ids(http: httpx.Client, path: str, status: int, named: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """
    Support asks for them first.
    """
    answer = http.post(path, json=SMALL, headers={"x-ms-client-request-id": "mine"})

    assert status == answer.status_code
    assert answer.headers["apim-request-id"] == answer.headers["x-request-id"]
    assert answer.headers["x-ms-client-request-id"] == "mine"
    assert answer.headers["x-ms-region"]
    assert ("gpt-image-2" if named else None) == answer.headers.get("x-ms-deployment-name")


# --- the request log -------------------------------------------------------------------------------


def test_requests_are_recorded_without_keys(simulator: Simulator, http: httpx.Client) -> None:
    """
    Nor tokens, nor signatures.
    """
    address = stored(http)
    httpx.get(address)
    http.post(url("gpt-image-2"), json={}, headers={"authorization": "Bearer secret-token"})

    made, fetched, wrong = simulator.requests
    assert made.asked is not None
    assert (made.asked.prompt, made.asked.model.name, made.status) == ("A red fox", "dall-e-3", 200)
    assert (fetched.method, fetched.status, fetched.has_api_key) == ("GET", 200, False)
    assert (wrong.asked, wrong.status, wrong.has_authorization) == (None, 400, True)
    written = repr(simulator.requests)
    assert not any(secret in written for secret in (KEY, "secret-token", "sig="))
