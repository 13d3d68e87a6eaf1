"""
The description of the API's operations, in OpenAPI 3.1: what may be asked, and every answer there can be.

Written here and not derived from types, because bodies are read and reports are written without any.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from provenance.manifest.status import ValidationState
from provenance.service.http.problem import MEDIA_TYPE
from provenance.service.openapi.components import (
    JSON,
    SECURITY,
    Description,
    answers,
    components,
    forbidden,
    headers_of,
    possible,
    problem_examples,
    problems,
    reference,
    sample,
    shown,
)
from provenance.service.routes.reports import DEFAULT_LIMIT
from provenance.service.routes.verify import REPORT_HEADER, STORED_HEADER
from provenance.service.store.api_key import Scope
from provenance.service.store.report_store import MAX_PAGE, ORIGINS

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
_IMAGE_PROBLEMS = (forbidden(Scope.VERIFY), "408-image", "411", "429", "503-image")
_SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'
_LINKS: Description = {
    "readReports": {
        "operationId": "readReports",
        "parameters": {"sha256": "$response.body#/asset/sha256"},
        "description": "All reports on the image.",
    }
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
        ("GET", "/v1/reports"): lambda: _search(policies),
        ("GET", "/v1/reports/{sha256}"): _read,
        ("DELETE", "/v1/reports/{sha256}"): _delete,
        ("GET", "/v1/policies"): lambda: _policies(needs_key=needs_key),
        ("GET", "/healthz"): _alive,
        ("GET", "/readyz"): _ready,
        ("GET", "/metrics"): _metrics,
    }
    described = descriptions[method, path]()
    if not needs_key:
        described.pop("security", None)
    return {**described, "responses": possible(described["responses"], method, needs_key=needs_key)}


def _verify(policies: tuple[str, ...]) -> Description:
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
                **{kind: _whole(kind) for kind in ("application/octet-stream", *IMAGE_TYPES)},
                **_form(_BINARY, "A form with one file", _SVG),
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
            **problems(*_IMAGE_PROBLEMS, "400-query", "413", "415", "422", "500-image", "504"),
        },
    }


def _verify_batch(policies: tuple[str, ...], max_batch: int) -> Description:
    images = {"type": "array", "items": _BINARY, "minItems": 1, "maxItems": max_batch}
    return {
        "operationId": "verifyBatch",
        "summary": "Judge several images",
        "description": f"A form with 1 to {max_batch} files. Each counts against the rate of the key. What "
        "cannot be judged has an error in the place of its report, and does not fail the others.",
        "tags": ["verdicts"],
        "security": SECURITY,
        "parameters": [_policy(policies)],
        "requestBody": {"required": True, "content": _form(images, "Two files", [_SVG, "no image"])},
        "responses": {
            **answers(
                "Reports",
                "A report for each image, in the order in which they came.",
                {"batch": "One verdict, and one image that could not be judged"},
                STORED_HEADER,
            ),
            **problems(*_IMAGE_PROBLEMS, "400-batch", "413-batch", "415-batch"),
        },
    }


def _search(policies: tuple[str, ...]) -> Description:
    time: Description = {"type": "string", "anyOf": [{"format": "date-time"}, {"format": "date"}]}
    name: Description = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"}
    cursor = {"pattern": "^AA[A-Za-z0-9_-]{20}$"}
    states = [state.value for state in ValidationState]
    count = {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": DEFAULT_LIMIT}
    return {
        "operationId": "searchReports",
        "summary": "List reports, the newest first",
        "tags": ["reports"],
        "security": SECURITY,
        "parameters": [
            _query("state", "What the credentials prove.", {"enum": states}, ValidationState.TRUSTED.value),
            _query("accepted", "Whether the policy accepted the image.", {"type": "boolean"}, example=True),
            _query("origin", "Where Azure OpenAI's work was found.", {"enum": list(ORIGINS)}, ORIGINS[0]),
            _query("since", "Kept at this time or later.", time, "2026-08-17T00:00:00Z"),
            _query("until", "Kept before this time.", time, "2026-08-18T00:00:00Z"),
            _query("policy", "Name of the policy.", name, policies[0]),
            # Times until the year 2112 begin so.
            _query("cursor", "`next_cursor` of the page before.", cursor, sample("cursor")),
            _query("limit", "Most reports on the page.", count, DEFAULT_LIMIT),
        ],
        "responses": {
            **answers("ReportPage", "One page of reports.", {"page": "The last page"}),
            **problems("400-query", forbidden(Scope.REPORTS_READ), "503-store"),
        },
    }


def _read() -> Description:
    return {
        "operationId": "readReports",
        "summary": "List the reports on one image, the newest first",
        "description": "One for each policy, trust profile and version that it was judged by.",
        "tags": ["reports"],
        "security": SECURITY,
        "parameters": [_sha256()],
        "responses": {
            **answers("StoredReports", "The reports; at least one.", {"stored": "One report"}),
            **problems(forbidden(Scope.REPORTS_READ), "404", "503-store"),
        },
    }


def _delete() -> Description:
    return {
        "operationId": "deleteReports",
        "summary": "Delete the reports on one image",
        "tags": ["reports"],
        "security": SECURITY,
        "parameters": [_sha256()],
        "responses": {
            **answers("Deleted", "How many there were; at least one.", {"deleted": "One report"}),
            **problems(forbidden(Scope.REPORTS_DELETE), "404", "503-store"),
        },
    }


def _policies(*, needs_key: bool) -> Description:
    answer = answers("Policies", "What there is, the default policy first.", {"policies": "As it comes"})
    example = answer["200"]["content"][JSON]["examples"]["policies"]
    example["value"] = {**example["value"], "key_needed": needs_key}
    return {
        "operationId": "listPolicies",
        "summary": "List the policies that may be asked for, and the limits",
        "tags": ["service"],
        "responses": {**answer, **problems(asks_for_key=False)},
    }


def _alive() -> Description:
    return {
        "operationId": "alive",
        "summary": "Tell whether the process answers",
        "tags": ["service"],
        "responses": {
            **answers("Alive", "It does.", {"alive": "Always this"}),
            **problems(asks_for_key=False),
        },
    }


def _ready() -> Description:
    not_ready = {
        "description": "It cannot; 'components' says what is missing.",
        "headers": headers_of("Retry-After"),
        "content": {
            JSON: {
                "schema": reference("Readiness"),
                "examples": shown({"not_ready": "The store does not answer"}),
            },
            MEDIA_TYPE: {"schema": reference("Problem"), "examples": problem_examples("503")},
        },
    }
    return {
        "operationId": "ready",
        "summary": "Tell whether verdicts can be given and kept",
        "tags": ["service"],
        "responses": {
            **answers("Readiness", "They can.", {"ready": "All is well"}),
            **problems(asks_for_key=False),
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
                "headers": headers_of(),
                "content": {
                    "text/plain": {
                        "schema": {"type": "string"},
                        "examples": shown({"metrics": "Some of them"}),
                    }
                },
            },
            **problems("400-metrics", forbidden(Scope.ADMIN), "503-store"),
        },
    }


def _whole(kind: str) -> Description:
    described: Description = {"schema": _BINARY}
    if kind in {"application/octet-stream", "image/svg+xml"}:
        # JSON holds text alone, and of the images that are read only SVG is text.
        described["examples"] = {"image": {"summary": "The image as it is", "value": _SVG}}
    return described


def _form(image: Description, shows: str, example: str | list[str]) -> Description:
    return {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {"image": image},
                "required": ["image"],
                "additionalProperties": False,
            },
            "encoding": _ENCODING,
            "examples": {"form": {"summary": shows, "value": {"image": example}}},
        }
    }


def _policy(policies: tuple[str, ...]) -> Description:
    schema = {"enum": list(policies), "default": policies[0]}
    return _query("policy", "Name of the policy to hold the image against.", schema, policies[0])


def _sha256() -> Description:
    return {
        "name": "sha256",
        "in": "path",
        "required": True,
        "description": "SHA-256 of the image, in lower-case hex.",
        "schema": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        "example": sample("accepted")["asset"]["sha256"],
    }


def _query(name: str, description: str, schema: Description, example: str | int) -> Description:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": {"type": "string", **schema},
        "example": example,
    }
