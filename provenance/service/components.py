"""
What the parts of the API's description share: schemas, problems, headers, examples.

The schema of reports is the one that ships with the library; here it only stands in another document.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from provenance.report import schema
from provenance.service.problem import MEDIA_TYPE, TYPE_PREFIX
from provenance.service.verify import REPORT_HEADER, STORED_HEADER

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

_PROBLEMS: dict[int, str] = {
    400: "The request cannot be understood.",
    401: "There is no API key, or it is not accepted.",
    403: "The API key is for other things.",
    404: "There is nothing here.",
    408: "The request did not arrive in time.",
    411: "The length of the body is not given.",
    413: "The image is too large, or there are too many.",
    415: "The body is no image that can be read, or is compressed.",
    421: "Without API keys, only this machine's own name is answered for.",
    422: "The image is damaged before a manifest store is found.",
    429: "The API key has used up its rate.",
    431: "The head of the request is too large.",
    500: "The service failed.",
    503: "The service is busy, or its store does not answer.",
    504: "The image was not judged in time.",
}
_ALWAYS = (400, 408, 421, 431, 500, 503)
_WITH_KEY = (401, 403)
_WAITS = frozenset({429, 503})

_HEADERS: dict[str, tuple[str, Description]] = {
    REPORT_HEADER: ("Whether the report is new, or was kept before.", {"enum": ["new", "reused"]}),
    STORED_HEADER: ("Whether what was reported is kept.", {"enum": ["yes", "no"]}),
    "X-Request-Id": ("Name of the request, as logs have it.", {"type": "string"}),
}


def components(*, needs_key: bool) -> Description:
    """
    Describe all that is shared.

    Args:
        needs_key: Whether an API key is needed.
    """
    described: Description = {
        "schemas": {**_report_schemas(), **_SHAPES},
        "responses": {str(status): _problem(status, text) for status, text in _PROBLEMS.items()},
    }
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
    Describe the answer of an operation that does what it was asked.

    Args:
        shape: Name of its schema.

        description: What it holds.

        example: Names of examples, and what each shows.

        headers: Names of its headers.

        links: What can be asked next.
    """
    examples = {name: {"summary": shows, "value": _examples()[name]} for name, shows in example.items()}
    answer: Description = {
        "description": description,
        "headers": _described((*headers, "X-Request-Id")),
        "content": {JSON: {"schema": reference(shape), "examples": examples}},
    }
    return {"200": answer if links is None else {**answer, "links": links}}


def problems(*statuses: int, needs_key: bool = True) -> Description:
    """
    Describe the answers of an operation that does not.

    Args:
        statuses: Those it has besides what all have.

        needs_key: Whether it asks for a key.
    """
    wanted = {*_ALWAYS, *statuses, *(_WITH_KEY if needs_key else ())}
    return {str(status): {"$ref": f"{_RESPONSES}{status}"} for status in sorted(wanted)}


def _described(headers: tuple[str, ...]) -> Description:
    return {name: {"description": _HEADERS[name][0], "schema": _HEADERS[name][1]} for name in headers}


def _problem(status: int, text: str) -> Description:
    headers = _described(("X-Request-Id",))
    if status in _WAITS:
        headers["Retry-After"] = {
            "description": "Seconds to wait.",
            "schema": {"type": "integer", "minimum": 1},
        }
    if status == 401:  # noqa: PLR2004 - a status
        headers["WWW-Authenticate"] = {"description": "How to show a key.", "schema": {"type": "string"}}
    return {
        "description": text,
        "headers": headers,
        "content": {MEDIA_TYPE: {"schema": reference("Problem")}},
    }


@cache
def _examples() -> Description:
    loaded: Description = json.loads((Path(__file__).parent / "examples.json").read_text("utf-8"))
    return loaded


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
        trust=_shape(name=_TEXT, digest=_DIGEST),
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
