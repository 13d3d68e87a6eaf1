"""
Each status and body, and the error it stands for.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from provenance.generation import (
    AuthenticationError,
    DeploymentNotFoundError,
    FilterResult,
    GenerationError,
    GenerationTimeoutError,
    InvalidOptionError,
    MalformedAnswerError,
    OutputFilteredError,
    PermissionDeniedError,
    PromptFilteredError,
    RateLimitedError,
    ResourceBlockedError,
    ServiceUnavailableError,
    WrongPathError,
)
from provenance.generation.failure import error_of
from provenance.generation.redaction import redact

HATE = {"hate": {"filtered": True, "severity": "high"}, "jailbreak": {"filtered": False, "detected": False}}


def made(status: int, error: object, **headers: str) -> GenerationError:
    """
    Make the error for a body.
    """
    return error_of(status, headers, json.dumps({"error": error}).encode(), ())


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        (400, {"code": None, "message": "Size must be one of ..."}, InvalidOptionError),
        (413, {}, InvalidOptionError),
        (422, "text", InvalidOptionError),
        (401, {"code": "401", "message": "invalid subscription key"}, AuthenticationError),
        (401, {"code": "PermissionDenied", "message": "lacks the data action"}, PermissionDeniedError),
        (401, {"message": "The principal lacks the required data action"}, PermissionDeniedError),
        (403, {"code": "403", "message": "Denied by Virtual Network/Firewall rules."}, PermissionDeniedError),
        (403, {"code": "Forbidden", "message": "Access to this resource is blocked."}, ResourceBlockedError),
        (404, {"code": "DeploymentNotFound"}, DeploymentNotFoundError),
        (404, {"message": "The API deployment x does not exist."}, DeploymentNotFoundError),
        (404, {"code": "404", "message": "Resource not found"}, WrongPathError),
        (405, {}, WrongPathError),
        (301, {}, WrongPathError),
        (408, {"code": "Timeout"}, GenerationTimeoutError),
        (504, {}, GenerationTimeoutError),
        (429, {"code": "RateLimitReached"}, RateLimitedError),
        (500, {}, ServiceUnavailableError),
        (502, {}, ServiceUnavailableError),
        (503, {}, ServiceUnavailableError),
        (600, {}, MalformedAnswerError),
        (400, {"code": "contentFilter", "message": "Your task failed as a result of our safety system."},
         PromptFilteredError),
        (400, {"code": "contentFilter", "message": "Generated image was filtered as a result of ..."},
         OutputFilteredError),
        (400, {"message": "Generated image was filtered as a result of our safety system."},
         OutputFilteredError),
        (403, {"inner_error": {"code": "ResponsibleAIPolicyViolation"}}, PromptFilteredError),
    ],
)  # fmt: skip
def test_each_status_and_code_has_its_class(status: int, error: object, expected: type) -> None:
    """
    Codes before statuses, and the filter before both.
    """
    found = made(status, error)

    assert type(found) is expected
    assert found.status == status
    assert found.facts.retryable == (status in {408, 429, 500, 502, 503, 504})


@pytest.mark.parametrize(
    ("error", "results"),
    [
        ({"inner_error": {"content_filter_results": HATE}}, "prompt"),
        ({"innererror": {"content_filter_result": HATE}}, "prompt"),
        ({"innererror": {"innererror": {"prompt_filter_results": HATE}}}, "prompt"),
        ({"content_filter_results": HATE}, "prompt"),
        ({"prompt_filter_results": [{"prompt_index": 0, "content_filter_results": HATE}]}, "prompt"),
        ({"message": "generated image", "content_filter_results": HATE}, "output"),
    ],
)
def test_filter_details_are_found_wherever_they_stand(error: dict[str, Any], results: Any) -> None:  # noqa: ANN401 - a literal type
    """
    They are all that the prompt's author can act on.
    """
    found = made(400, {"code": "content_filter", **error})

    assert found.facts.filtered.results == (
        FilterResult("hate", results, filtered=True, severity="high"),
        FilterResult("jailbreak", results, filtered=False, detected=False),
    )
    assert found.facts.filtered.refused == ("hate",)


@pytest.mark.parametrize("place", [{}, {"inner_error": 1}, {"innererror": 1}])
def test_the_revised_prompt_is_found(place: dict[str, Any]) -> None:
    """
    Beside the code, or further in.
    """
    inner = {"revised_prompt": "rewritten"}
    error = dict.fromkeys(place, inner) or inner

    assert made(400, {"code": "content_filter", **error}).facts.revised_prompt == "rewritten"


@pytest.mark.parametrize(
    "body", [b"", b"<html>\n <b>Bad  gateway</b>", b"\xff\xfe", b"[" * 100_000, b"17", b"null"]
)
def test_an_error_without_json_is_still_that_error(body: bytes) -> None:
    """
    Gateways write HTML.
    """
    found = error_of(502, {}, body, ())

    assert type(found) is ServiceUnavailableError
    assert len(found.message) <= 300
    assert "\n" not in found.message


def test_headers_worth_keeping_are_kept() -> None:
    """
    For those who are asked why.
    """
    found = error_of(
        500,
        {"apim-request-id": "1", "x-request-id": "2", "x-ratelimit-remaining": "3", "server": "x"},
        b"{}",
        (),
    )

    assert found.request_id == "1"
    assert dict(found.facts.trace.rate_limits) == {"x-ratelimit-remaining": "3"}
    assert "server" not in dict(found.facts.trace.headers)
    assert str(found) == "{} (HTTP 500, request 1)"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://x/y?se=1&sig=abc%2B%3D&sp=r", "https://x/y?se=1&sig=***&sp=r"),
        ("\\u0026sig=abc\\u0026", "\\u0026sig=***\\u0026"),
        ("SIG%3Dabc", "SIG%3D***"),
        ("Authorization: Bearer a.b-c", "Authorization: Bearer ***"),
        ('"api-key": "abc"', '"api-key": "***"'),
        ("design=good", "design=good"),
        ("my-secret and a", "*** and a"),
    ],
)
def test_secrets_are_taken_out(text: str, expected: str) -> None:
    """
    The known ones, and what looks like one; a short one would take words apart.
    """
    assert redact(text, ("my-secret", "a")) == expected
