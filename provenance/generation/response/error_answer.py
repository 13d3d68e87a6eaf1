"""
An answer that is no image, as the error it stands for.

Which error a status and a code make is a table. The content filter comes first, because it answers
under several statuses; codes come before statuses, because one status has several causes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from provenance.generation.content_filter import Subject, read_filters
from provenance.generation.errors import (
    AuthenticationError,
    DeploymentNotFoundError,
    ErrorFacts,
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
    Trace,
    WrongPathError,
)
from provenance.generation.json_value import Json, as_list, as_map, as_text, first_text
from provenance.generation.redaction import redact
from provenance.generation.response.retry_after import read_wait

_KEPT = frozenset(
    {"apim-request-id", "x-request-id", "x-ms-client-request-id", "x-ms-region", "x-ms-deployment-name"}
)
_EXCERPT = 300
_LONGEST_MESSAGE = 4000
_RETRYABLE = frozenset({408, 429, 500, 502, 503, 504})
_FILTER_CODES = frozenset(
    {"contentpolicyviolation", "contentfilter", "moderationblocked", "responsibleaipolicyviolation"}
)
_REFUSAL = re.compile(r"safety system|safety_violations=\[")


class _Row(NamedTuple):
    statuses: range
    error: type[GenerationError]
    code: str = ""
    message: str = ""


def _only(status: int) -> range:
    return range(status, status + 1)


_ANY_REFUSAL = range(400, 405)
_ROWS = (
    _Row(_ANY_REFUSAL, KeysDisabledError, code="authenticationtypedisabled"),
    _Row(
        _ANY_REFUSAL,
        KeysDisabledError,
        message="(key.based|local) auth(entication)? is (disabled|not)|disableLocalAuth",
    ),
    _Row(
        range(401, 404),
        NetworkDeniedError,
        message="firewall|virtual network|private endpoint|public (network )?access"
        r"|\b(client|caller) ip\b|\bip (address|rules?|restrictions?)\b",
    ),
    _Row(
        _ANY_REFUSAL,
        RegistrationRequiredError,
        message="requires? (\\w+ )?registration|registration (is )?required|limited access|apply for access"
        "|must be (verified|registered)",
    ),
    _Row(_only(403), QuotaExceededError, message="quota"),
    _Row(_only(403), RateLimitedError, message="rate limit|too many requests"),
    _Row(range(401, 404), PermissionDeniedError, code="permissiondenied|authorizationfailed|accessdenied"),
    _Row(
        range(401, 404),
        PermissionDeniedError,
        message="lacks the required|does not have (access|permission|authorization)",
    ),
    _Row(range(400, 402), AuthenticationError, message="tenant .*token|token .*tenant"),
    _Row(_only(401), AuthenticationError),
    # Gateways use the same code for reasons of their own, so it has to be said in words, or not at all.
    _Row(
        _only(403),
        ResourceBlockedError,
        code="^forbidden$",
        message=r"block|suspend|violat|abus|content policy|code ?of ?conduct|^\{",
    ),
    _Row(_only(403), ForbiddenError),
    _Row(_only(404), DeploymentNotFoundError, code="deploymentnotfound|modelnotfound"),
    _Row(_only(404), DeploymentNotFoundError, message="deployment .*does not exist"),
    _Row(range(404, 406), WrongPathError),
    _Row(_only(407), ProxyError),
    _Row(_only(408), GenerationTimeoutError),
    _Row(_only(504), GenerationTimeoutError),
    _Row(_only(429), QuotaExceededError, code="insufficientquota"),
    _Row(_only(429), RateLimitedError),
    _Row(range(300, 400), WrongPathError),
    _Row(range(500, 600), ServiceUnavailableError),
    _Row(range(400, 500), InvalidOptionError),
)

# An error can come under HTTP 200; then a number in it, its code or its type has to stand for the status.
_NUMBERS = ("status", "statusCode", "status_code", "code")
_STATUS_OF = (
    ("ratelimit|toomanyrequests|insufficientquota", 429),
    ("timeout", 408),
    ("deploymentnotfound", 404),
    ("invalid|usererror|badrequest", 400),
    ("permission|forbidden|accessdenied|authenticationtypedisabled", 403),
    ("authentication|unauthorized", 401),
)


def read_trace(headers: Mapping[str, str]) -> Trace:
    """
    Keep the headers worth keeping, in the order they came.
    """
    lowered = ((name.lower(), redact(value)) for name, value in headers.items())
    kept = ((k, v) for k, v in lowered if k in _KEPT or k.startswith("x-ratelimit-"))
    return Trace(tuple(kept))


def error_of(
    status: int, headers: Mapping[str, str], body: bytes, secrets: tuple[str, ...]
) -> GenerationError:
    """
    Make the error for an answer.

    Args:
        status: HTTP status.

        headers: Headers, with names in lower case.

        body: The body, or its beginning.

        secrets: What must not appear in the error.
    """
    text = redact(body.decode("utf-8", "replace"), secrets)
    try:
        answer = as_map(json.loads(text))
    except (ValueError, RecursionError):
        answer = {}
    fallback = " ".join(text.split())[:_EXCERPT] or "the answer has no body"
    return error_in(answer, status, headers, fallback=fallback, secrets=secrets)


def error_under(
    answer: Json, status: int, headers: Mapping[str, str], secrets: tuple[str, ...]
) -> GenerationError | None:
    """
    Make the error that an answer of success holds nevertheless, or None if it holds none.

    Args:
        answer: The answer, or one image's element of it.

        status: HTTP status.

        headers: Headers of the answer.

        secrets: What must not appear in the error.
    """
    error = answer.get("error")
    if not error and (as_list(answer.get("data")) or first_text((answer,), "message") is None):
        return None
    fallback = redact(json.dumps(error)[: 2 * _EXCERPT], secrets)[:_EXCERPT]
    return error_in(answer, status, headers, fallback=fallback, secrets=secrets)


def error_in(
    answer: Json,
    status: int,
    headers: Mapping[str, str],
    *,
    fallback: str,
    secrets: tuple[str, ...],
) -> GenerationError:
    """
    Make the error that a JSON object describes.

    Args:
        answer: The object; `error` in it, or itself, is the error.

        status: HTTP status; below 300, the code is asked for a better one.

        headers: Headers of the answer.

        fallback: The message where the object has none.

        secrets: What must not appear in the error.
    """
    places = tuple(_places(answer))
    code = redact((first_text(places[:1], "code", "type") or "")[:_EXCERPT], secrets) or None
    said = (first_text(places, "message") or fallback)[: 2 * _LONGEST_MESSAGE]
    message = redact(said, secrets)[:_LONGEST_MESSAGE]
    codes = {_letters(place.get(name)) for place in places for name in ("code", "type")}
    meant = status if status >= 300 else _status_of(places, codes)  # noqa: PLR2004 - HTTP: below 300 nothing failed
    subject = _subject(places, message)
    facts = ErrorFacts(
        status=status,
        code=code,
        parameter=first_text(places, "param"),
        trace=read_trace(headers),
        filtered=read_filters(places, subject),
        revised_prompt=first_text(places, "revised_prompt"),
        retry_after_s=read_wait(headers, message),
        retryable=meant in _RETRYABLE and status == meant and "insufficientquota" not in codes,
    )
    may_be_refused = status < 300 or 400 <= status < 500  # noqa: PLR2004 - HTTP: success, and what the client did
    if codes & _FILTER_CODES or (may_be_refused and _REFUSAL.search(message)):
        return (OutputFilteredError if subject == "output" else PromptFilteredError)(message, facts)
    return _class_of(meant, codes, message)(message, facts)


def _places(answer: Json) -> Iterator[Json]:
    # `error` may be an object or a text; the inner error has two spellings and may be nested.
    error = answer.get("error", answer)
    place: Json = as_map(error) or {"message": error}
    for _ in range(4):
        yield place
        place = as_map(place.get("inner_error", place.get("innererror")))
        if not place:
            break
    yield answer


def _letters(value: object) -> str:
    return re.sub(r"[^a-z]", "", value.lower()) if isinstance(value, str) else ""


def _status_of(places: tuple[Json, ...], codes: set[str]) -> int:
    texts = (as_text(place.get(name)) or "" for place in places for name in _NUMBERS)
    numbers = [int(text) for text in texts if re.fullmatch("[45][0-9]{2}", text)]
    found = [status for pattern, status in _STATUS_OF if any(re.search(pattern, code) for code in codes)]
    return next(iter(numbers + found), 500)


def _subject(places: tuple[Json, ...], message: str) -> Subject:
    stages = {first_text((as_map(place.get("moderation_details")),), "moderation_stage") for place in places}
    return "output" if "output" in stages or "generated image" in message.lower() else "prompt"


def _class_of(status: int, codes: set[str], message: str) -> type[GenerationError]:
    for row in _ROWS:
        if (
            status in row.statuses
            and (not row.code or any(re.search(row.code, code) for code in codes))
            and (not row.message or re.search(row.message, message, re.IGNORECASE))
        ):
            return row.error
    return MalformedAnswerError
