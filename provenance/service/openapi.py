"""
The description of the API's operations, in OpenAPI 3.1: what may be asked, and every answer there can be.

Written here and not derived from types, because bodies are read and reports are written without any.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from provenance.service.components import (
    JSON,
    SECURITY,
    Description,
    answers,
    components,
    problems,
    reference,
)
from provenance.service.reports import DEFAULT_LIMIT
from provenance.service.store import MAX_PAGE, ORIGINS
from provenance.service.verify import REPORT_HEADER, STORED_HEADER
from provenance.status import ValidationState

TITLE = "Content Credentials of images from Azure OpenAI"
SUMMARY = "Judges whether an image's Content Credentials (C2PA) prove that Azure OpenAI made it."
DESCRIPTION = """\
A verdict is an answer like any other: its status is 200, and `accepted` in the report says whether the \
policy accepts the image. Every other status means that there is no verdict, and says why in \
`application/problem+json`.
"""

IMAGE_TYPES = (
    "image/avif",
    "image/gif",
    "image/heic",
    "image/jpeg",
    "image/png",
    "image/svg+xml",
    "image/tiff",
    "image/webp",
)
"""
Media types of what is read.
"""

_BINARY: Description = {"type": "string", "format": "binary"}
_ENCODING: Description = {"image": {"contentType": ", ".join(IMAGE_TYPES)}}
_IMAGE_PROBLEMS = (411, 413, 415, 429, 504)
_LINKS: Description = {
    "readReports": {
        "operationId": "readReports",
        "parameters": {"sha256": "$response.body#/asset/sha256"},
        "description": "All reports on the image.",
    }
}
_SHA256: Description = {
    "name": "sha256",
    "in": "path",
    "required": True,
    "description": "SHA-256 of the image, in lower-case hex.",
    "schema": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    "example": "1f2ec1f50c8b9c7b1d3f2b5c6c2d0e6a7b8c9d0e1f2a3b4c5d6e7f8091a2b3c4",
}


def complete(
    generated: Description, operations: Mapping[tuple[str, str], Description], *, needs_key: bool
) -> Description:
    """
    Put a description together.

    Args:
        generated: What the framework knows; not changed.

        operations: The operations, by method and path.

        needs_key: Whether an API key is needed.
    """
    # Not handed to the framework: it leaves out every null, and reports hold some.
    paths: Description = {}
    for (method, path), described in operations.items():
        paths.setdefault(path, {})[method.lower()] = described
    return {**generated, "paths": paths, "components": components(needs_key=needs_key)}


def operation(
    method: str, path: str, *, policies: tuple[str, ...], max_batch: int, needs_key: bool
) -> Description:
    """
    Describe one operation.

    Args:
        method: Its method.

        path: Its path.

        policies: Names of the policies that may be asked for, the default one first.

        max_batch: Most images in one request.

        needs_key: Whether an API key is needed.

    Raises:
        KeyError: If there is no such operation.
    """
    descriptions: dict[tuple[str, str], Callable[[], Description]] = {
        ("POST", "/v1/verify"): lambda: _verify(policies),
        ("POST", "/v1/verify/batch"): lambda: _verify_batch(policies, max_batch),
        ("GET", "/v1/reports"): _search,
        ("GET", "/v1/reports/{sha256}"): _read,
        ("DELETE", "/v1/reports/{sha256}"): _delete,
        ("GET", "/v1/policies"): _policies,
        ("GET", "/healthz"): _alive,
        ("GET", "/readyz"): _ready,
        ("GET", "/metrics"): _metrics,
    }
    described = descriptions[method, path]()
    if not needs_key:
        described.pop("security", None)
    return described


def _verify(policies: tuple[str, ...]) -> Description:
    form = {
        "type": "object",
        "properties": {"image": _BINARY},
        "required": ["image"],
        "additionalProperties": False,
    }
    return {
        "operationId": "verify",
        "summary": "Judge an image",
        "description": "The body is the image as it is, or a form with exactly one file. Its kind is told "
        "from its bytes, whatever the content type says. One image under one policy is judged once.",
        "tags": ["verdicts"],
        "security": SECURITY,
        "parameters": [_policy(policies)],
        "requestBody": {
            "required": True,
            "content": {
                **{kind: {"schema": _BINARY} for kind in ("application/octet-stream", *IMAGE_TYPES)},
                "multipart/form-data": {"schema": form, "encoding": _ENCODING},
            },
        },
        "responses": {
            **answers(
                "Verdict",
                "The verdict, whatever it is.",
                {"accepted": "Accepted", "absent": "No Content Credentials"},
                REPORT_HEADER,
                STORED_HEADER,
                links=_LINKS,
            ),
            **problems(*_IMAGE_PROBLEMS, 422),
        },
    }


def _verify_batch(policies: tuple[str, ...], max_batch: int) -> Description:
    form = {
        "type": "object",
        "properties": {"image": {"type": "array", "items": _BINARY, "minItems": 1, "maxItems": max_batch}},
        "required": ["image"],
        "additionalProperties": False,
    }
    return {
        "operationId": "verifyBatch",
        "summary": "Judge several images",
        "description": f"A form with 1 to {max_batch} files. Each counts against the rate of the key. What "
        "cannot be judged has an error in the place of its report, and does not fail the others.",
        "tags": ["verdicts"],
        "security": SECURITY,
        "parameters": [_policy(policies)],
        "requestBody": {
            "required": True,
            "content": {"multipart/form-data": {"schema": form, "encoding": _ENCODING}},
        },
        "responses": {
            **answers(
                "Reports",
                "A report for each image, in the order in which they came.",
                {"batch": "One verdict, and one image that could not be judged"},
                STORED_HEADER,
            ),
            **problems(*_IMAGE_PROBLEMS),
        },
    }


def _search() -> Description:
    time: Description = {"type": "string", "format": "date-time"}
    name: Description = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"}
    count = {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": DEFAULT_LIMIT}
    return {
        "operationId": "searchReports",
        "summary": "List reports, the newest first",
        "tags": ["reports"],
        "security": SECURITY,
        "parameters": [
            _query(
                "state", "What the credentials prove.", {"enum": [state.value for state in ValidationState]}
            ),
            _query("accepted", "Whether the policy accepted the image.", {"type": "boolean"}),
            _query("origin", "Where Azure OpenAI's work was found.", {"enum": list(ORIGINS)}),
            _query("since", "Kept at this time or later.", time),
            _query("until", "Kept before this time.", time),
            _query("policy", "Name of the policy.", name),
            # Times until the year 2112 begin so.
            _query("cursor", "`next_cursor` of the page before.", {"pattern": "^AA[A-Za-z0-9_-]{20}$"}),
            _query("limit", "Most reports on the page.", count),
        ],
        "responses": {
            **answers("ReportPage", "One page of reports.", {"page": "The last page"}),
            **problems(),
        },
    }


def _read() -> Description:
    return {
        "operationId": "readReports",
        "summary": "List the reports on one image, the newest first",
        "description": "One for each policy, trust profile and engine that it was judged by.",
        "tags": ["reports"],
        "security": SECURITY,
        "parameters": [_SHA256],
        "responses": {
            **answers("StoredReports", "The reports; at least one.", {"stored": "One report"}),
            **problems(404),
        },
    }


def _delete() -> Description:
    return {
        "operationId": "deleteReports",
        "summary": "Delete the reports on one image",
        "tags": ["reports"],
        "security": SECURITY,
        "parameters": [_SHA256],
        "responses": {
            **answers("Deleted", "How many there were; at least one.", {"deleted": "One report"}),
            **problems(404),
        },
    }


def _policies() -> Description:
    return {
        "operationId": "listPolicies",
        "summary": "List the policies that may be asked for, and the limits",
        "tags": ["service"],
        "responses": {
            **answers("Policies", "What there is, the default policy first.", {"policies": "As it comes"}),
            **problems(needs_key=False),
        },
    }


def _alive() -> Description:
    return {
        "operationId": "alive",
        "summary": "Tell whether the process answers",
        "tags": ["service"],
        "responses": {
            **answers("Alive", "It does.", {"alive": "Always this"}),
            **problems(needs_key=False),
        },
    }


def _ready() -> Description:
    not_ready = {
        "description": "It cannot; 'components' says what is missing.",
        "content": {
            JSON: {"schema": reference("Readiness")},
            "application/problem+json": {"schema": reference("Problem")},
        },
    }
    return {
        "operationId": "ready",
        "summary": "Tell whether verdicts can be given and kept",
        "tags": ["service"],
        "responses": {
            **answers("Readiness", "They can.", {"ready": "All is well"}),
            **problems(needs_key=False),
            "503": not_ready,
        },
    }


def _metrics() -> Description:
    return {
        "operationId": "metrics",
        "summary": "Show what was counted, in Prometheus's text format",
        "tags": ["service"],
        "security": SECURITY,
        "responses": {
            "200": {
                "description": "All metrics.",
                "content": {"text/plain": {"schema": {"type": "string"}}},
            },
            **problems(),
        },
    }


def _policy(policies: tuple[str, ...]) -> Description:
    schema = {"enum": list(policies), "default": policies[0]}
    return _query("policy", "Name of the policy to hold the image against.", schema)


def _query(name: str, description: str, schema: Description) -> Description:
    schema = {"type": "string", **schema}
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}
