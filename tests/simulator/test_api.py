"""
The simulated API as Azure's is described: requests, answers, and every kind of refusal, over real HTTP.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from PIL import Image

from provenance import Verifier
from provenance.authority import KeyType, plain_jpeg, plain_png, plain_webp
from provenance.simulator import (
    API_VERSIONS,
    MODELS,
    NEWEST_API_VERSION,
    Behaviour,
    BodyLimits,
    FilterSpelling,
    ManualClock,
    SigningStyle,
    Simulator,
)
from provenance.simulator.api_error import RetryHint
from provenance.simulator.blob_store import BlobStore
from provenance.simulator.drawing import Picture, draw
from provenance.simulator.model import find_model
from provenance.simulator.simulation import ModelInBody

KEY = "the-key-of-this-test"
PROMPT = {"prompt": "A red fox"}
SMALL = {**PROMPT, "size": "1024x640"}
NEWER = tuple(model.name for model in MODELS if not model.answers_with_url)
DEPLOYMENTS = {model.name: model.name for model in MODELS} | {"future": "gpt-image-9"}
PNG = plain_png(24, 16, seed=1)
DAY_S = 24 * 3600

EACH_NEWER = pytest.mark.parametrize("model", NEWER)


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    """
    Run one simulator for the whole module: its time stands still unless a test moves it.
    """
    deployments = DEPLOYMENTS
    with Simulator(
        api_key=KEY,
        deployments=deployments,
        clock=ManualClock(),
        key_type=KeyType.P256,
        limits=BodyLimits(max_bytes=70 * 1024 * 1024),
    ) as simulator:
        yield simulator


@pytest.fixture
def simulator(running: Simulator) -> Simulator:
    """
    Lend the simulator as it was at first.
    """
    running.behaviour = Behaviour()
    running.faults.clear()
    running.simulation.request_log.clear()
    return running


@pytest.fixture
def http(simulator: Simulator) -> Iterator[httpx.Client]:
    """
    Make a client that shows the key.
    """
    with httpx.Client(base_url=simulator.endpoint, headers={"api-key": KEY}, timeout=30) as client:
        yield client


@pytest.fixture
def verifier(simulator: Simulator) -> Verifier:
    """
    Believe the simulator's authority.
    """
    return Verifier(trust=simulator.trust_profile, self_test=False)


def url(deployment: str, operation: str = "generations", version: str | None = NEWEST_API_VERSION) -> str:
    """
    Write the deployment form.
    """
    query = "" if version is None else f"?api-version={version}"
    return f"/openai/deployments/{deployment}/images/{operation}{query}"


def refused(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """
    Expect an error with that code, and give the error back.
    """
    error: dict[str, Any] = response.json()["error"]
    assert (status, code) == (response.status_code, error["code"])
    return error


def image_of(response: httpx.Response, index: int = 0) -> bytes:
    """
    Return an image of an answer.
    """
    assert response.status_code == 200, response.text
    return base64.b64decode(response.json()["data"][index]["b64_json"])


def clock_of(simulator: Simulator) -> ManualClock:
    """
    Return the clock that can be moved.
    """
    assert isinstance(simulator.clock, ManualClock)
    return simulator.clock


def rgba_png(width: int, height: int) -> bytes:
    """
    Make a mask: all of it may be changed.
    """
    out = io.BytesIO()
    Image.new("RGBA", (width, height)).save(out, "PNG")
    return out.getvalue()


# --- who may ask, and for what ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers", [{}, {"api-key": "wrong"}, {"api-key": ""}, {"authorization": "Basic eA=="}]
)
def test_a_wrong_or_missing_key_is_answered_with_401(simulator: Simulator, headers: dict[str, str]) -> None:
    """
    The code is the status, as text.
    """
    response = httpx.post(simulator.endpoint + url("dall-e-3"), json=PROMPT, headers=headers)

    assert "invalid subscription key" in refused(response, 401, "401")["message"]


def test_bearer_tokens_are_accepted_until_they_expire_or_are_revoked(simulator: Simulator) -> None:
    """
    Tokens expire during long runs, and a client has to fetch others.
    """
    simulator.tokens.accept("short", lifetime_s=60)
    simulator.tokens.accept("long")

    def status(token: str) -> int:
        headers = {"authorization": f"Bearer {token}"}
        address = simulator.endpoint + url("gpt-image-2")
        return httpx.post(address, json=SMALL, headers=headers).status_code

    assert (status("short"), status("long"), status("unknown")) == (200, 200, 401)
    clock_of(simulator).advance(61)
    assert (status("short"), status("long")) == (401, 200)
    simulator.tokens.revoke("long")
    assert status("long") == 401


def test_a_token_without_the_role_is_denied_permission(simulator: Simulator) -> None:
    """
    The token is good; what is missing is an assignment in the portal.
    """
    simulator.tokens.accept("powerless", has_role=False)

    response = httpx.post(
        simulator.endpoint + url("dall-e-3"), json=PROMPT, headers={"authorization": "Bearer powerless"}
    )

    refused(response, 401, "PermissionDenied")


@pytest.mark.parametrize(("v1", "status"), [(True, 200), (False, 401)])
def test_the_key_is_a_bearer_token_in_the_v1_form_alone(simulator: Simulator, v1: bool, status: int) -> None:  # noqa: FBT001 - a parameter of the test
    """
    So that OpenAI's own client can be given the key of an Azure resource.
    """
    path = "/openai/v1/images/generations" if v1 else url("gpt-image-2")
    body = {**SMALL, "model": "gpt-image-2"} if v1 else SMALL

    response = httpx.post(simulator.endpoint + path, json=body, headers={"authorization": f"Bearer {KEY}"})

    assert status == response.status_code


def test_a_blocked_resource_answers_403_whatever_the_prompt(simulator: Simulator, http: httpx.Client) -> None:
    """
    Users mistake this for moderation of their prompt.
    """
    simulator.behaviour = replace(simulator.behaviour, resource_blocked=True)

    error = refused(http.post(url("dall-e-3"), json=PROMPT), 403, "Forbidden")

    assert "temporarily blocked" in error["message"]


def test_an_unknown_deployment_is_answered_with_404(http: httpx.Client) -> None:
    """
    In both forms.
    """
    refused(http.post(url("nothing"), json=PROMPT), 404, "DeploymentNotFound")
    body = {**PROMPT, "model": "nothing"}
    refused(http.post("/openai/v1/images/generations", json=body), 404, "DeploymentNotFound")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/images/generations",
        "/openai/images/generations",
        "/openai/v1/images/variations",
        url("dall-e-3", "variations"),
        url("dall-e-3", version=None),
        url("dall-e-3", version="2022-12-01"),
        url("dall-e-3", version="2024-13-99"),
        url("gpt-image-1", version="2024-10-21"),
        url("gpt-image-1", "edits", version="2024-10-21"),
    ],
)
def test_wrong_paths_and_versions_are_not_found(http: httpx.Client, path: str) -> None:
    """
    An api-version that is missing or too old looks like a wrong path.
    """
    assert refused(http.post(path, json=PROMPT), 404, "404") == {
        "code": "404",
        "message": "Resource not found",
    }


def test_another_method_is_not_found(http: httpx.Client) -> None:
    """
    There is no list of images.
    """
    refused(http.get(url("dall-e-3")), 404, "404")


@pytest.mark.parametrize("version", API_VERSIONS)
def test_dall_e_3_answers_under_every_version(http: httpx.Client, version: str) -> None:
    """
    A value it does not take is refused as such, which is quicker than to draw.
    """
    refused(
        http.post(url("dall-e-3", version=version), json={**PROMPT, "n": 2}), 400, "integer_above_max_value"
    )


@pytest.mark.parametrize("version", ["", "?api-version=preview", "?api-version=v1", "?api-version=latest"])
def test_the_v1_form_needs_no_version(http: httpx.Client, version: str) -> None:
    """
    It names the deployment in the body.
    """
    body = {**SMALL, "model": "gpt-image-2"}

    assert http.post(f"/openai/v1/images/generations{version}", json=body).status_code == 200


def test_the_v1_form_refuses_an_unknown_version(http: httpx.Client) -> None:
    """
    With another status than the deployment form.
    """
    response = http.post(f"/openai/v1/images/generations?api-version={NEWEST_API_VERSION}", json=PROMPT)

    assert refused(response, 400, "BadRequest")["message"] == "API version not supported"


def test_the_v1_form_needs_a_model(http: httpx.Client) -> None:
    """
    The deployment's name stands there.
    """
    refused(http.post("/openai/v1/images/generations", json=PROMPT), 400, "missing_required_parameter")


@pytest.mark.parametrize(
    ("setting", "model", "status"),
    [
        ("reported", "gpt-image-2", 400),
        ("reported", "dall-e-3", 200),
        ("refused", "dall-e-3", 400),
        ("refused", "gpt-image-1", 400),
        ("accepted", "gpt-image-2", 200),
    ],
)
def test_the_deployment_form_may_refuse_a_model(
    simulator: Simulator, http: httpx.Client, setting: ModelInBody, model: str, status: int
) -> None:
    """
    Newer models do, as users report, though the documentation shows it.
    """
    simulator.behaviour = replace(simulator.behaviour, model_in_body=setting)

    response = http.post(url(model), json={**PROMPT, "model": model})

    assert status == response.status_code
    assert status == 200 or response.json()["error"]["param"] == "model"


# --- what is asked for -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "options", "code", "words"),
    [
        ("dall-e-3", {"prompt": None}, "missing_required_parameter", "prompt"),
        ("dall-e-3", {"prompt": ""}, "missing_required_parameter", "prompt"),
        ("dall-e-3", {"prompt": 17}, "invalid_type", "string"),
        ("dall-e-3", {"prompt": "x" * 4001}, "string_above_max_length", "4000"),
        ("gpt-image-1", {"prompt": "x" * 32001}, "string_above_max_length", "32000"),
        ("dall-e-3", {"n": 2}, "integer_above_max_value", "1"),
        ("dall-e-3", {"n": 0}, "integer_below_min_value", "1"),
        ("gpt-image-1", {"n": 11}, "integer_above_max_value", "10"),
        ("gpt-image-1", {"n": True}, "invalid_type", "integer"),
        ("gpt-image-1", {"n": 1.5}, "invalid_type", "integer"),
        ("dall-e-3", {"size": "512x512"}, "invalid_value", "'1024x1024', '1792x1024' and '1024x1792'"),
        ("dall-e-3", {"size": "auto"}, "invalid_value", "'1792x1024'"),
        ("gpt-image-1", {"size": "1792x1024"}, "invalid_value", "'1536x1024' and 'auto'"),
        ("gpt-image-2", {"size": "1000x1000"}, "invalid_value", "multiples of 16"),
        ("gpt-image-2", {"size": "3856x1024"}, "invalid_value", "3840"),
        ("gpt-image-2", {"size": "3200x1024"}, "invalid_value", "3:1"),
        ("gpt-image-2", {"size": "512x512"}, "invalid_value", "655360"),
        ("gpt-image-2", {"size": "3840x2176"}, "invalid_value", "8294400"),
        ("gpt-image-2", {"size": "wide"}, "invalid_value", "WxH"),
        ("dall-e-3", {"quality": "high"}, "invalid_value", "'standard' and 'hd'"),
        ("gpt-image-1", {"quality": "hd"}, "invalid_value", "'low', 'medium' and 'high'"),
        ("dall-e-3", {"style": "bold"}, "invalid_value", "'vivid' and 'natural'"),
        ("gpt-image-1", {"style": "vivid"}, "unknown_parameter", "style"),
        ("dall-e-3", {"response_format": "png"}, "invalid_value", "'url' and 'b64_json'"),
        ("gpt-image-1", {"response_format": "b64_json"}, "unknown_parameter", "response_format"),
        ("gpt-image-1", {"output_format": "webp"}, "invalid_value", "'png' and 'jpeg'"),
        ("dall-e-3", {"output_format": "png"}, "unknown_parameter", "output_format"),
        ("gpt-image-1", {"output_compression": 50}, "invalid_value", "jpeg"),
        (
            "gpt-image-1",
            {"output_compression": 101, "output_format": "jpeg"},
            "integer_above_max_value",
            "100",
        ),
        ("gpt-image-1", {"background": "blue"}, "invalid_value", "'auto', 'transparent' and 'opaque'"),
        ("gpt-image-1", {"background": "transparent", "output_format": "jpeg"}, "invalid_value", "'png'"),
        ("gpt-image-1", {"stream": "perhaps"}, "invalid_type", "boolean"),
        ("gpt-image-1", {"stream": True, "partial_images": 4}, "integer_above_max_value", "3"),
        ("gpt-image-1", {"partial_images": 1}, "invalid_value", "stream"),
        ("dall-e-3", {"stream": True}, "unknown_parameter", "stream"),
        ("gpt-image-1", {"input_fidelity": "high"}, "unknown_parameter", "input_fidelity"),
        ("gpt-image-1", {"user": 17}, "invalid_type", "string"),
    ],
)
def test_a_bad_value_is_answered_with_what_is_supported(
    http: httpx.Client, model: str, options: dict[str, object], code: str, words: str
) -> None:
    """
    The message names the supported values: users read nothing else.
    """
    assert words in refused(http.post(url(model), json={**PROMPT, **options}), 400, code)["message"]


@pytest.mark.parametrize("content", [b'{"prompt": "x", "\\ud800": 1}', b'{"prompt": "x", "size": "\\ud800"}'])
def test_text_that_is_no_unicode_is_answered_all_the_same(http: httpx.Client, content: bytes) -> None:
    """
    JSON can hold half a character, and the answer repeats it.
    """
    assert "\ud800" in http.post(url("gpt-image-1"), content=content).json()["error"]["message"]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"n": ' + b"9" * 5000 + b"}"]
)
def test_a_body_that_is_no_json_object_is_refused(http: httpx.Client, content: bytes) -> None:
    """
    Hostile nesting and numbers included.
    """
    refused(http.post(url("gpt-image-1"), content=content), 400, "invalid_json")


def test_an_unknown_model_takes_unknown_values(http: httpx.Client) -> None:
    """
    New models and values appear often.
    """
    body = {**SMALL, "quality": "xhigh", "surprise": [1], "background": "blue"}

    assert http.post(url("future"), json=body).status_code == 200


@pytest.mark.parametrize(
    ("size", "expected"),
    [("1024x640", (1024, 640)), ("3840x1280", (3840, 1280)), ("auto", (1024, 1024)), ("1000x1000", None)],
)
def test_sizes_of_gpt_image_2_follow_its_rules(size: str, expected: tuple[int, int] | None) -> None:
    """
    Multiples of 16, and bounds on edge, ratio and number of pixels.
    """
    assert expected == find_model("gpt-image-2").read_size(size)


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


# --- edits -----------------------------------------------------------------------------------------


@EACH_NEWER
def test_edits_take_images_and_a_mask(http: httpx.Client, verifier: Verifier, model: str) -> None:
    """
    As a form; fields hold numbers as text.
    """
    files = [
        ("image[]", ("a.png", PNG)),
        ("image[]", ("b.jpg", plain_jpeg(24, 16))),
        ("mask", ("mask.png", rgba_png(24, 16))),
    ]

    response = http.post(url(model, "edits"), data={**PROMPT, "n": "2"}, files=files)

    images = [image_of(response, index) for index in (0, 1)]
    assert response.json()["usage"]["input_tokens_details"]["image_tokens"] > 0
    assert [verifier.verify(image).accepted for image in images] == [True, True]


def test_edits_work_in_the_v1_form(simulator: Simulator, http: httpx.Client) -> None:
    """
    The deployment's name is a field of the form.
    """
    form = {**SMALL, "model": "gpt-image-2", "input_fidelity": "high"}

    response = http.post("/openai/v1/images/edits", data=form, files={"image": PNG})

    assert response.status_code == 200
    (entry,) = simulator.requests
    assert entry.asked is not None
    assert (entry.asked.operation, entry.uploads) == ("edits", 1)


@pytest.mark.parametrize(
    ("files", "form", "code", "words"),
    [
        ([], {}, "missing_required_parameter", "image"),
        ([("mask", rgba_png(24, 16))], {}, "missing_required_parameter", "image"),
        ([("image[]", PNG)] * 17, {}, "array_above_max_length", "16"),
        ([("image", plain_webp())], {}, "invalid_image_file", "'png' and 'jpeg'"),
        ([("image", b"text")], {}, "invalid_image_file", "'png' and 'jpeg'"),
        ([("image", b"\x89PNG\r\n\x1a\n")], {}, "invalid_image_file", "'png' and 'jpeg'"),
        ([("image", PNG.ljust(50 * 1024 * 1024, b"x"))], {}, "image_too_large", "50 MB"),
        ([("image", PNG), ("mask", plain_jpeg(24, 16))], {}, "invalid_image_file", "'png'"),
        ([("image", PNG), ("mask", rgba_png(16, 24))], {}, "invalid_value", "same dimensions"),
        ([("image", PNG), ("mask", PNG)], {}, "invalid_value", "alpha"),
        ([("image", PNG), ("mask", PNG.ljust(4 * 1024 * 1024, b"x"))], {}, "image_too_large", "4 MB"),
        ([("image", PNG), ("mask", rgba_png(24, 16)), ("mask", PNG)], {}, "invalid_value", "one mask"),
        ([("image", PNG), ("sound", PNG)], {}, "unknown_parameter", "sound"),
        ([("image", PNG)], {"n": "many"}, "invalid_type", "integer"),
        ([("image", PNG)], {"input_fidelity": "none"}, "invalid_value", "'low' and 'high'"),
        ([("image", PNG)], {"prompt": ""}, "missing_required_parameter", "prompt"),
    ],
)
def test_bad_edits_are_answered_with_the_limit(
    http: httpx.Client, files: list[tuple[str, bytes]], form: dict[str, str], code: str, words: str
) -> None:
    """
    Number, size, kind and dimensions of what is sent.
    """
    # Without a file httpx would send no form of this kind.
    named: list[Any] = list(files) or [("user", (None, b"me"))]

    response = http.post(url("gpt-image-1", "edits"), data={**PROMPT, **form}, files=named)

    assert words in refused(response, 400, code)["message"]


def test_input_fidelity_is_unknown_to_the_smallest_model(http: httpx.Client) -> None:
    """
    The others have it.
    """
    form = {**PROMPT, "input_fidelity": "low"}

    response = http.post(url("gpt-image-1-mini", "edits"), data=form, files={"image": PNG})

    refused(response, 400, "unknown_parameter")


def test_edits_as_json_are_refused(http: httpx.Client) -> None:
    """
    The documentation of 2025 shows them; the service takes forms.
    """
    response = http.post(url("gpt-image-1", "edits"), json={**PROMPT, "image": "aGVsbG8="})

    assert "multipart/form-data" in refused(response, 400, "invalid_content_type")["message"]


@pytest.mark.parametrize("path", [url("dall-e-3", "edits"), "/openai/v1/images/edits"])
def test_dall_e_3_makes_no_edits(http: httpx.Client, path: str) -> None:
    """
    The message says which model it is.
    """
    form = {**PROMPT, "model": "dall-e-3"}

    error = refused(http.post(path, data=form, files={"image": PNG}), 400, "OperationNotSupported")

    assert "dall-e-3" in error["message"]


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"--x\r\n", "multipart/form-data"),
        (b"nonsense", "multipart/form-data; boundary=x"),
        (b"--x\r\nContent-Disposition: form-data\r\n\r\n\r\n--x--\r\n", "multipart/form-data; boundary=x"),
    ],
)
def test_a_broken_form_is_refused(http: httpx.Client, content: bytes, content_type: str) -> None:
    """
    Without a boundary, without parts, without names.
    """
    response = http.post(url("gpt-image-1", "edits"), content=content, headers={"content-type": content_type})

    assert response.status_code == 400


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


# --- the request_log -----------------------------------------------------------------------------------


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
