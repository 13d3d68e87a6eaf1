"""
The API's description in OpenAPI 3.1: a file, and the few parts of it that depend on how the service is run.

The schema of reports is the one that ships with the library; here it only stands in another document.
`scripts/make_examples.py` makes the examples.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from provenance.distribution import version
from provenance.verification.report import schema

Description = dict[str, Any]
"""
The description, or a part of it, as JSON has it.
"""

_SCHEMAS = "#/components/schemas/"
_DEFS = "#/$defs/"
_REPORT_PREFIX = "Report-"
_ONLY_WITH_KEYS = frozenset({"401", "403", "429"})
_ONLY_WITHOUT_KEYS = frozenset({"421"})


def describe(policies: Sequence[str], max_batch: int, *, needs_key: bool) -> Description:
    """
    Describe the API of one service.

    Args:
        policies: Names of the policies that may be asked for, the default one first.

        max_batch: Most images in one request.

        needs_key: Whether an API key is needed.
    """
    document = _read("description.json")
    document["info"]["version"] = version()
    shared = document["components"]
    shared["schemas"].update(_report_schemas())
    shared["examples"] = _read("examples.json")
    shared["examples"]["policies"]["value"]["key_needed"] = needs_key
    shared["parameters"]["sha256"]["example"] = shared["examples"]["accepted"]["value"]["asset"]["sha256"]
    policy = shared["parameters"]["policy"]
    policy["schema"].update(enum=list(policies), default=policies[0])
    searched = _named(document["paths"]["/v1/reports"]["get"]["parameters"], "policy")
    policy["example"] = searched["example"] = policies[0]
    batch = document["paths"]["/v1/verify/batch"]["post"]
    batch["description"] = batch["description"].format(max_batch=max_batch)
    form = batch["requestBody"]["content"]["multipart/form-data"]["schema"]
    form["properties"]["image"]["maxItems"] = max_batch
    _choose_responses(document, needs_key=needs_key)
    return document


def _read(name: str) -> Description:
    content: Description = json.loads((Path(__file__).parent / name).read_text("utf-8"))
    return content


def _named(parameters: list[Description], name: str) -> Description:
    return next(one for one in parameters if one.get("name") == name)


def _choose_responses(document: Description, *, needs_key: bool) -> None:
    """
    Leave out what a service with keys, or one without, never answers.
    """
    never = _ONLY_WITHOUT_KEYS if needs_key else _ONLY_WITH_KEYS
    for path in document["paths"].values():
        for method, operation in path.items():
            for status in never & operation["responses"].keys():
                del operation["responses"][status]
            if not needs_key:
                operation.pop("security", None)
                if method != "get":
                    operation["responses"]["403"] = {"$ref": "#/components/responses/403-site"}
    if not needs_key:
        del document["components"]["securitySchemes"]
    _drop_unused(document)


def _drop_unused(document: Description) -> None:
    shared = document["components"]
    for section in ("responses", "headers", "examples"):
        text = json.dumps(document)
        shared[section] = {
            name: part for name, part in shared[section].items() if f'"#/components/{section}/{name}"' in text
        }


def _report_schemas() -> Description:
    whole = schema()
    parts = {_REPORT_PREFIX + name: _moved(part) for name, part in whole["$defs"].items()}
    top = {key: _moved(value) for key, value in whole.items() if key not in {"$schema", "$id", "$defs"}}
    return {**parts, "Report": top}


def _moved(part: Any) -> Any:  # noqa: ANN401 - any part of a schema
    """
    Move the references in a part of a schema to where the parts stand here.
    """
    if isinstance(part, dict):
        return {
            key: _SCHEMAS + _REPORT_PREFIX + value.removeprefix(_DEFS) if key == "$ref" else _moved(value)
            for key, value in part.items()
        }
    return [_moved(item) for item in part] if isinstance(part, list) else part
