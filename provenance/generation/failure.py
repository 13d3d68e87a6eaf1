"""
An answer that is no image, as the error it stands for.

Which error a status and a code make is a table. The content filter comes first, because it answers
under several statuses; codes come before statuses, because one status has several causes.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from provenance.generation.errors import (
    AuthenticationError,
    DeploymentNotFoundError,
    ErrorFacts,
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
    Trace,
    WrongPathError,
)
from provenance.generation.field import Json, as_map, first_text
from provenance.generation.filtering import Subject, read_filters
from provenance.generation.redaction import redact

_KEPT = frozenset(
    {"apim-request-id", "x-request-id", "x-ms-client-request-id", "x-ms-region", "x-ms-deployment-name"}
)
_EXCERPT = 300
_RETRYABLE = frozenset({408, 429, 500, 502, 503, 504})
_FILTER_CODES = frozenset(
    {"contentpolicyviolation", "contentfilter", "moderationblocked", "responsibleaipolicyviolation"}
)
_RETRY_AFTER = re.compile(r"(?i)retry after (\d+(?:\.\d+)?) *(milliseconds|seconds|second|minutes?|ms|s)?\b")
_UNITS = {"m": 60.0, "milliseconds": 0.001, "ms": 0.001}


class _Row(NamedTuple):
    statuses: range
    error: type[GenerationError]
    code: str = ""
    message: str = ""


def _only(status: int) -> range:
    return range(status, status + 1)


_ROWS = (
    _Row(range(401, 404), PermissionDeniedError, code="permissiondenied|authorizationfailed|accessdenied"),
    _Row(
        range(401, 404),
        PermissionDeniedError,
        message="firewall|virtual network|private endpoint|public (network )?access|lacks the required",
    ),
    _Row(_only(401), AuthenticationError),
    _Row(_only(403), ResourceBlockedError),
    _Row(_only(404), DeploymentNotFoundError, code="deploymentnotfound|modelnotfound"),
    _Row(_only(404), DeploymentNotFoundError, message="deployment .*does not exist"),
    _Row(range(404, 406), WrongPathError),
    _Row(_only(408), GenerationTimeoutError),
    _Row(_only(504), GenerationTimeoutError),
    _Row(_only(429), RateLimitedError),
    _Row(range(300, 400), WrongPathError),
    _Row(range(500, 600), ServiceUnavailableError),
    _Row(range(400, 500), InvalidOptionError),
)

# An error can come as an event under HTTP 200; then its code or type has to stand for the status.
_STATUS_OF = (
    ("ratelimit", 429),
    ("timeout", 408),
    ("deploymentnotfound", 404),
    ("invalid|usererror|badrequest", 400),
    ("permission", 403),
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
    code = redact(first_text(places[:1], "code", "type") or "", secrets) or None
    message = redact(first_text(places, "message") or fallback, secrets)
    codes = {_letters(place.get(name)) for place in places for name in ("code", "type")}
    meant = status if status >= 300 else _status_of(codes)  # noqa: PLR2004 - HTTP: below 300 nothing failed
    subject = _subject(places, message)
    wait = _retry_after(headers, message)
    facts = ErrorFacts(
        status=status,
        code=code,
        parameter=first_text(places, "param"),
        trace=read_trace(headers),
        filtered=read_filters(places, subject),
        revised_prompt=first_text(places, "revised_prompt"),
        retry_after_s=wait,
        retryable=meant in _RETRYABLE and status == meant and "insufficientquota" not in codes,
    )
    if codes & _FILTER_CODES or (400 <= meant < 500 and "safety system" in message):  # noqa: PLR2004 - HTTP 4xx
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


def _status_of(codes: set[str]) -> int:
    found = (status for pattern, status in _STATUS_OF if any(re.search(pattern, code) for code in codes))
    return next(found, 500)


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


def _retry_after(headers: Mapping[str, str], message: str) -> float | None:
    waits = (
        _number(headers.get("retry-after-ms"), 0.001),
        _number(headers.get("retry-after"), 1.0),
        _until(headers.get("retry-after"), headers.get("date")),
        _in_text(message),
    )
    return next((wait for wait in waits if wait is not None), None)


def _number(text: str | None, unit_s: float) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number * unit_s if math.isfinite(number) and number >= 0 else None


def _until(text: str | None, date: str | None) -> float | None:
    # The server's own clock where it tells it: only the difference matters.
    then, start = _date(text), _date(date)
    return max(0.0, (then - (start or datetime.now(UTC))).total_seconds()) if then is not None else None


def _date(text: str | None) -> datetime | None:
    try:
        date = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError):
        return None
    return date if date.tzinfo is not None else None


def _in_text(message: str) -> float | None:
    found = _RETRY_AFTER.search(message)
    if found is None:
        return None
    unit = found[2] or "s"
    return float(found[1]) * _UNITS.get(
        unit.lower(), _UNITS["m"] if unit.lower().startswith("minute") else 1.0
    )
