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
    ForbiddenError,
    GenerationError,
    GenerationTimeoutError,
    InvalidOptionError,
    KeysDisabledError,
    MalformedAnswerError,
    NetworkDeniedError,
    OutputFilteredError,
    PermissionDeniedError,
    PromptFilteredError,
    ProxyError,
    QuotaExceededError,
    RateLimitedError,
    RegistrationRequiredError,
    ResourceBlockedError,
    ServiceUnavailableError,
    WrongPathError,
)
from provenance.generation.redaction import redact
from provenance.generation.response.error_answer import error_of

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
        (400, {"code": "BadRequest", "message": "Tenant provided in token does not match resource token"},
         AuthenticationError),
        (403, {"code": "AuthenticationTypeDisabled"}, KeysDisabledError),
        (403, {"code": "403", "message": "Key based authentication is disabled for this resource."},
         KeysDisabledError),
        (403, {"code": "403", "message": "Denied by Virtual Network/Firewall rules."}, NetworkDeniedError),
        (403, {"code": "AccessDenied", "message": "Public network access is disabled."}, NetworkDeniedError),
        (403, {"message": "The client IP 203.0.113.7 is not let in."}, NetworkDeniedError),
        (403, {"message": "This model requires registration."}, RegistrationRequiredError),
        (403, {"message": "Your organization must be verified to use the model `gpt-image-1`."},
         RegistrationRequiredError),
        (403, {"code": "PermissionDenied", "message": "Principal does not have access to API/Operation."},
         PermissionDeniedError),
        (403, {"code": "quotaExceeded", "message": "Out of call volume quota."}, QuotaExceededError),
        (403, {"message": "Rate limit is exceeded."}, RateLimitedError),
        (403, {"code": "Forbidden", "message": "Access to this resource is blocked."}, ResourceBlockedError),
        (403, {"code": "Forbidden"}, ResourceBlockedError),
        (403, {"code": "Forbidden", "message": "Not on our network, please."}, ForbiddenError),
        (403, {"code": "403", "message": "The resource you requested is blocked."}, ForbiddenError),
        (403, {}, ForbiddenError),
        (407, {}, ProxyError),
        (429, {"code": "insufficient_quota"}, QuotaExceededError),
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
    may_be_retried = status in {408, 429, 500, 502, 503, 504} and expected is not QuotaExceededError
    assert found.facts.retryable == may_be_retried


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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Try again in 37 seconds", 37.0),
        ("Rate limit is exceeded. Try again in 1 second.", 1.0),
        ("Please retry after 16 seconds.", 16.0),
        ("Please try again in 1m12s.", 72.0),
        ("Please try again in 7m12.5s. Visit the page.", 432.5),
        ("Limit 5 / min. Please try again in 6ms.", 0.006),
        ("Please retry after 1 minute and 30 seconds.", 90.0),
        ("Please retry after 2 hours, 1 minute, 5 seconds.", 7265.0),
        ("Please wait 60 seconds before retrying", 60.0),
        ("Retry-After: 12", 12.0),
        ("Please retry after 5", 5.0),
        ("Try again after 00:00:30", 30.0),
        ("Quota will be replenished in 01:23:45.", 5025.0),
        ("Quota will be replenished in 2.01:00:00.", 176_400.0),
        ("Please retry after 86400 seconds.", 86_400.0),
        ("Please retry 3 times.", None),
        ("Please try again later. Error 503", None),
        ("Try again in 3 weeks.", None),
        ("Retry after 2,000 ms", None),
        ("5 seconds", None),
        ("retry " * 10_000, None),
        ("wait 1 s 1 s 1 s 1 s x" * 2_000, 4.0),
    ],
)
def test_waits_are_read_from_text(text: str, expected: float | None) -> None:
    """
    Gateways and some regions send no header; a guess would be worse than our own back-off.
    """
    assert made(429, {"message": text}).facts.retry_after_s == expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Rejected by the safety system. safety_violations=[sexual].", ("sexual",)),
        ("Rejected. safety_violations=[sexual, violence/graphic]", ("sexual", "violence/graphic")),
        ("Rejected. safety_violations=['self-harm']", ("self-harm",)),
        ("Rejected. safety_violations=[]", ()),
        ("Rejected. safety_violations=[<b>]", ()),
        (f"Rejected. safety_violations=[{'x' * 2000}]", ()),
    ],
)
@pytest.mark.parametrize("code", ["moderation_blocked", None])
def test_categories_are_read_from_text(message: str, expected: tuple[str, ...], code: str | None) -> None:
    """
    Some answers name them nowhere else.
    """
    found = made(400, {"code": code, "message": message})

    assert type(found) is PromptFilteredError
    assert found.facts.filtered.refused == expected


def test_categories_are_not_told_twice() -> None:
    """
    They may stand in the text and beside it, each in its own way.
    """
    details = {"moderation_stage": "input", "categories": ["sexual"]}
    message = "safety_violations=[sexual]"

    found = made(400, {"code": "moderation_blocked", "message": message, "moderation_details": details})

    assert found.facts.filtered.results == (FilterResult("sexual", "prompt", filtered=True),)


def test_a_message_has_an_end() -> None:
    """
    Whoever writes it decides how long it is, and patterns are searched in it.
    """
    assert len(made(403, {"message": "token " * 10_000}).message) == 4000
