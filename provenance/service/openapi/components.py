"""
What the parts of the API's description share: schemas, problems, headers, examples.

The schema of reports is the one that ships with the library; here it only stands in another document.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from provenance.errors import (
    DeadlineExceededError,
    MalformedAssetError,
    UnsupportedAssetError,
    WorkerCrashedError,
)
from provenance.service.config.settings import Settings
from provenance.service.http import problem
from provenance.service.http.connection_problem import HEAD_TOO_LARGE, HEAD_TOO_SLOW, TOO_MANY_CONNECTIONS
from provenance.service.http.problem import MEDIA_TYPE, TYPE_PREFIX, Problem, problem_of
from provenance.service.routes.verify import REPORT_HEADER, STORED_HEADER
from provenance.service.store.api_key import Scope
from provenance.verification.report import schema

Description = dict[str, Any]
"""
A part of the description, as JSON has it.
"""

JSON = "application/json"
SECURITY: list[dict[str, list[str]]] = [{"key": []}]

_SCHEMAS = "#/components/schemas/"
_RESPONSES = "#/components/responses/"
_DEFS = "#/$defs/"
_REPORT_PREFIX = "Report-"

REQUEST_ID = "3f2a9c51d07b4e8896ad1c2e5b70f4d3"
"""
Name of the request in the examples.
"""


class _Answer(NamedTuple):
    """
    An answer to a request that is refused, or that failed.

    Attributes:
        text: When it is given.

        examples: Problems that it may hold, by names of their own.
    """

    text: str
    examples: Mapping[str, Problem]


_ALWAYS = ("400", "408", "421", "431", "500", "503")
_WITH_KEY = ("401",)
_ONLY_WITH_KEYS = frozenset({"401", "403", "429"})
_OTHER_SITE = "403-site"
_ONLY_WITHOUT_KEYS = frozenset({"421", _OTHER_SITE})
_LIMITS = Settings()

_HEADERS: dict[str, tuple[str, Description, str | int]] = {
    REPORT_HEADER: ("Whether the report is new, or was kept before.", {"enum": ["new", "reused"]}, "new"),
    STORED_HEADER: ("Whether what was reported is kept.", {"enum": ["yes", "no"]}, "yes"),
    "X-Request-Id": ("Name of the request, as logs have it.", {"type": "string"}, REQUEST_ID),
    "Retry-After": ("Seconds to wait.", {"type": "integer", "minimum": 1}, 1),
    "WWW-Authenticate": ("How to show a key.", {"type": "string"}, 'Bearer realm="provenance"'),
    "Accept-Encoding": ("How a body may be encoded.", {"type": "string"}, "identity"),
}


def components(*, needs_key: bool) -> Description:
    """
    Describe all that is shared.

    Args:
        needs_key: Whether an API key is needed.
    """
    refusals = {
        name: _problem(name, answer)
        for name, answer in _refusals().items()
        if _is_given(name, needs_key=needs_key)
    }
    described: Description = {"schemas": {**_report_schemas(), **_SHAPES}, "responses": refusals}
    if needs_key:
        described["securitySchemes"] = {
            "key": {
                "type": "http",
                "scheme": "bearer",
                "description": "An API key, made by 'provenance keys create'.",
            }
        }
    return described


def reference(name: str) -> Description:
    """
    Refer to a schema.
    """
    return {"$ref": _SCHEMAS + name}


def answers(
    shape: str,
    description: str,
    example: Mapping[str, str],
    *headers: str,
    links: Description | None = None,
) -> Description:
    """
    Describe the answer of an operation that does what it was asked, in JSON.

    Args:
        shape: Name of its schema.

        description: What it holds.

        example: Names of examples, and what each shows.

        headers: Names of its headers.

        links: What can be asked next.
    """
    content = {JSON: {"schema": reference(shape), "examples": shown(example)}}
    answer = {"description": description, "headers": headers_of(*headers), "content": content}
    return {"200": answer if links is None else {**answer, "links": links}}


def shown(example: Mapping[str, str]) -> Description:
    """
    Give examples of answers.

    Args:
        example: Their names, and what each shows.
    """
    return {name: {"summary": shows, "value": sample(name)} for name, shows in example.items()}


def sample(name: str) -> Any:  # noqa: ANN401 - whatever is answered
    """
    Give what one example holds.
    """
    return _examples()[name]


def headers_of(*names: str) -> Description:
    """
    Describe headers of an answer, besides the one that all have.
    """
    described: Description = {}
    for name in (*names, "X-Request-Id"):
        text, form, example = _HEADERS[name]
        described[name] = {"description": text, "schema": form, "example": example}
    return described


def problems(*names: str, asks_for_key: bool = True) -> Description:
    """
    Describe the answers of an operation that does not.

    Args:
        names: Those it has besides what all have, or in the place of these: a status, or a status and what
            the answer is about, joined by a dash.

        asks_for_key: Whether it asks for a key, where there are some.
    """
    wanted = {name[:3]: name for name in (*_ALWAYS, *(_WITH_KEY if asks_for_key else ()), *names)}
    return {status: {"$ref": _RESPONSES + wanted[status]} for status in sorted(wanted)}


def possible(responses: Description, method: str, *, needs_key: bool) -> Description:
    """
    Leave out answers that a service never gives, and put in those that it gives by how it is run.

    Args:
        responses: The answers of an operation, by status.

        method: The method of the operation.

        needs_key: Whether the service has API keys.
    """
    found = {
        status: response for status, response in responses.items() if _is_given(status, needs_key=needs_key)
    }
    if not needs_key and method != "GET":
        found["403"] = {"$ref": _RESPONSES + _OTHER_SITE}
    return found


def problem_examples(name: str) -> Description:
    """
    Give examples of problems, as they are answered.

    Args:
        name: Of the answer they are in.
    """
    return {
        key: {"summary": one.detail or one.title, "value": json.loads(one.body(REQUEST_ID))}
        for key, one in _refusals()[name].examples.items()
    }


def _is_given(name: str, *, needs_key: bool) -> bool:
    if name in _ONLY_WITHOUT_KEYS:
        return not needs_key
    return needs_key or name[:3] not in _ONLY_WITH_KEYS


def _problem(name: str, answer: _Answer) -> Description:
    headers = {header for one in answer.examples.values() for header in one.headers}
    return {
        "description": answer.text,
        "headers": headers_of(*sorted(headers)),
        "content": {MEDIA_TYPE: {"schema": reference("Problem"), "examples": problem_examples(name)}},
    }


@cache
def _examples() -> Description:
    loaded: Description = json.loads((Path(__file__).parent / "examples.json").read_text("utf-8"))
    return loaded


@cache
def _refusals() -> dict[str, _Answer]:
    return {**_about_requests(), **_about_images(), **_about_the_service()}


def _about_requests() -> dict[str, _Answer]:
    host = problem.bad_host().problem
    twice = problem.bad_request("A parameter stands there more than once.").problem
    unknown = problem.bad_request("There is no parameter 'debug'. There is none here.").problem
    unclear = "The request cannot be understood"
    no_key, wrong_key = problem.no_key().problem, problem.key_not_accepted().problem
    no_report = problem.not_found("There is no report on that image.").problem
    return {
        "400": _Answer(f"{unclear}.", {"host": host, "unknown": unknown}),
        "400-query": _Answer(f"{unclear}.", {"host": host, "twice": twice}),
        "400-metrics": _Answer(f"{unclear}.", {"host": host}),
        "400-batch": _Answer(
            f"{unclear}, or holds too many images.",
            {"host": host, "twice": twice, "too-many": problem.too_many(_LIMITS.max_batch).problem},
        ),
        "401": _Answer("There is no API key, or it is not accepted.", {"none": no_key, "wrong": wrong_key}),
        **{
            forbidden(scope): _Answer(
                "The API key is for other things.", {"scope": problem.lacks_scope(scope).problem}
            )
            for scope in Scope
        },
        _OTHER_SITE: _Answer("A page of another site asks.", {"site": problem.other_site().problem}),
        "404": _Answer("There is nothing here.", {"no-report": no_report}),
        "408": _Answer("The request did not arrive in time.", {"head": HEAD_TOO_SLOW}),
        "408-image": _Answer(
            "The request did not arrive in time.", {"head": HEAD_TOO_SLOW, "body": problem.too_slow().problem}
        ),
        "421": _Answer(
            "Without API keys, only this machine's own name is answered for.",
            {"elsewhere": problem.misdirected().problem},
        ),
        "431": _Answer("The head of the request is too large.", {"head": HEAD_TOO_LARGE}),
    }


def forbidden(scope: Scope) -> str:
    """
    Name the answer to a key that lacks a scope.
    """
    return f"403-{scope.name.lower()}"


def _about_images() -> dict[str, _Answer]:
    packed = problem.unsupported("The body is compressed.", {"Accept-Encoding": "identity"}).problem
    no_form = problem.unsupported("Several images are sent as a form, multipart/form-data.").problem
    no_image = problem_of(UnsupportedAssetError("it looks like a PDF document"))
    damaged = problem_of(MalformedAssetError("the file ends at byte 100 without IEND"))
    return {
        "411": _Answer("The length of the body is not given.", {"length": problem.length_required().problem}),
        "413": _Answer(
            "The image is too large.", {"too-large": problem.too_large(_LIMITS.max_bytes).problem}
        ),
        "413-batch": _Answer(
            "The images are too large together.",
            {"too-large": problem.too_large(_LIMITS.max_bytes).problem},
        ),
        "415": _Answer(
            "The body is no image that can be read, or is compressed.",
            {"no-image": no_image, "compressed": packed},
        ),
        "415-batch": _Answer(
            "The body is no form, or is compressed.", {"form": no_form, "compressed": packed}
        ),
        "422": _Answer("The image is damaged before a manifest store is found.", {"damaged": damaged}),
        "429": _Answer("The API key has used up its rate.", {"rate": problem.too_often(3).problem}),
        "504": _Answer(
            "The image was not judged in time.",
            {"late": problem_of(DeadlineExceededError(_LIMITS.deadline_s))},
        ),
    }


def _about_the_service() -> dict[str, _Answer]:
    failed = "The service failed."
    busy, no_room = problem.too_busy().problem, problem.no_room().problem
    no_store = problem.store_unavailable().problem
    crashed = problem_of(WorkerCrashedError(-9))
    return {
        "500": _Answer(failed, {"internal": problem.INTERNAL}),
        "500-image": _Answer(failed, {"internal": problem.INTERNAL, "crashed": crashed}),
        "503": _Answer("The service is busy.", {"connections": TOO_MANY_CONNECTIONS}),
        "503-store": _Answer(
            "The service is busy, or its store does not answer.",
            {"connections": TOO_MANY_CONNECTIONS, "store": no_store},
        ),
        "503-image": _Answer(
            "The service is busy, or has no room.",
            {"connections": TOO_MANY_CONNECTIONS, "busy": busy, "no-room": no_room},
        ),
    }


def _report_schemas() -> Description:
    whole = schema()
    parts = {_REPORT_PREFIX + name: _moved(part) for name, part in whole["$defs"].items()}
    top = {key: _moved(value) for key, value in whole.items() if key not in {"$schema", "$id", "$defs"}}
    return {**parts, "Report": top}


def _moved(part: Any) -> Any:  # noqa: ANN401 - any part of a schema
    """
    Let the references in a part of a schema lead to where the parts stand here.
    """
    if isinstance(part, dict):
        return {
            key: _SCHEMAS + _REPORT_PREFIX + value.removeprefix(_DEFS) if key == "$ref" else _moved(value)
            for key, value in part.items()
        }
    return [_moved(item) for item in part] if isinstance(part, list) else part


def _shape(**properties: Description) -> Description:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(items: Description) -> Description:
    return {"type": "array", "items": items}


_TEXT: Description = {"type": "string"}
_COUNT: Description = {"type": "integer", "minimum": 1}
_FLAG: Description = {"type": "boolean"}
_DIGEST: Description = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_STORED = _shape(created_at={"type": "string", "format": "date-time"}, report=reference("Verdict"))
_READY = _shape(ready=_FLAG)

_SHAPES: Description = {
    "Verdict": reference(f"{_REPORT_PREFIX}verdict"),
    "Reports": _shape(reports=_list(reference("Report"))),
    "StoredReports": _shape(reports=_list(_STORED)),
    "ReportPage": _shape(reports=_list(_STORED), next_cursor={"type": ["string", "null"]}),
    "Deleted": _shape(deleted=_COUNT),
    "Alive": _shape(status={"const": "alive"}),
    "Readiness": _shape(
        status={"enum": ["ready", "not ready"]},
        components=_shape(store=_READY, workers=_READY, self_test=_READY),
    ),
    "Policies": _shape(
        default=_TEXT,
        policies=_list(_shape(name=_TEXT, version=_COUNT, digest=_DIGEST, summary=_TEXT)),
        trust=reference(f"{_REPORT_PREFIX}trust"),
        limits=_shape(max_bytes=_COUNT, max_batch=_COUNT),
        key_needed=_FLAG,
    ),
    "Problem": {
        "description": "Why there is no answer (RFC 9457).",
        "type": "object",
        "properties": {
            "type": {"type": "string", "pattern": f"^{TYPE_PREFIX}[a-z-]+$"},
            "title": _TEXT,
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": _TEXT,
            "instance": {"type": "string", "description": "Name of the request, as logs have it."},
            "hint": {"type": "string", "description": "What can be done about it."},
        },
        "required": ["type", "title", "status", "detail", "instance"],
        "additionalProperties": False,
    },
}
