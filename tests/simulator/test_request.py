"""
Requests to the simulated API as Azure's is described, and every kind of refusal, over real HTTP.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest

from provenance import Verifier
from provenance.authority import plain_jpeg, plain_webp
from provenance.simulator import (
    API_VERSIONS,
    NEWEST_API_VERSION,
    Simulator,
)
from provenance.simulator.model import find_model
from provenance.simulator.simulation import ModelInBody
from tests.simulator.support import (
    EACH_NEWER,
    KEY,
    PNG,
    PROMPT,
    SMALL,
    clock_of,
    image_of,
    refused,
    rgba_png,
    standing_still,
    url,
)

settings = standing_still


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
