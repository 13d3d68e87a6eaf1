"""
The description of the service's API: complete, true, and held against the running service by schemathesis.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from scripts import make_examples
from tests.service_support import ABSENT, ACCEPTED, Running, running

ROOT = Path(__file__).resolve().parents[1]
OPERATIONS = {
    ("post", "/v1/verify"),
    ("post", "/v1/verify/batch"),
    ("get", "/v1/reports"),
    ("get", "/v1/reports/{sha256}"),
    ("delete", "/v1/reports/{sha256}"),
    ("get", "/v1/policies"),
    ("get", "/healthz"),
    ("get", "/readyz"),
    ("get", "/metrics"),
}

Described = dict[str, Any]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """
    Run a service.
    """
    with running(tmp_path_factory.mktemp("service"), queue=20) as started:
        yield started


@pytest.fixture(scope="module")
def described(service: Running) -> Described:
    """
    Get its description, as anybody may.
    """
    answer = httpx.get(f"{service.address}/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    content: Described = answer.json()
    return content


def operations(described: Described) -> list[tuple[str, str, Described]]:
    """
    List the operations.
    """
    return [(method, path, one) for path, item in described["paths"].items() for method, one in item.items()]


def resolved(described: Described, part: Described) -> Described:
    """
    Follow a reference, if it is one.
    """
    while "$ref" in part:
        assert part["$ref"].startswith("#/")
        target: Any = described
        for name in part["$ref"][2:].split("/"):
            target = target[name]
        part = target
    return part


def test_every_operation_is_described_and_no_other(service: Running, described: Described) -> None:
    """
    The page aside, which is for people.
    """
    assert described["openapi"].startswith("3.1.")
    assert {(method, path) for method, path, _ in operations(described)} == OPERATIONS
    assert len({one["operationId"] for _, _, one in operations(described)}) == len(OPERATIONS)
    assert all(one["summary"] and one["tags"] for _, _, one in operations(described))


def test_every_reference_leads_somewhere(described: Described) -> None:
    """
    And every part is in use.
    """
    text = json.dumps(described)
    shared = described["components"]

    for kind in ("schemas", "responses"):
        for name in shared[kind]:
            assert f'"#/components/{kind}/{name}"' in text, name
    for reference in {part.split('"')[0] for part in text.split('"$ref": "')[1:]}:
        assert resolved(described, {"$ref": reference})


def test_every_example_is_as_its_schema_says(described: Described) -> None:
    """
    Each answer that does what was asked has at least one, and it is a real one.
    """
    seen = 0
    for _, path, one in operations(described):
        for media_type, content in resolved(described, one["responses"]["200"])["content"].items():
            if media_type == "text/plain":
                continue
            schema = {**content["schema"], "components": described["components"]}
            for example in content["examples"].values():
                jsonschema.Draft202012Validator(schema).validate(example["value"])
                seen += 1
            assert content["examples"], path

    assert seen >= len(OPERATIONS)


def test_the_examples_are_what_the_library_reports_today() -> None:
    """
    `python scripts/make_examples.py` makes them anew.
    """
    assert make_examples.EXAMPLES.read_text("utf-8") == make_examples.as_text(make_examples.examples())


def test_answers_are_as_their_schema_says(service: Running, described: Described) -> None:
    """
    Those of the service itself, whole reports included.
    """
    with service.client("admin") as client:
        report = client.post("/v1/verify", content=ACCEPTED.read_bytes())
        sha256 = report.json()["asset"]["sha256"]
        files = [("image", ("a", ABSENT.read_bytes())), ("image", ("b", b"no image"))]
        found = {
            ("post", "/v1/verify"): report,
            ("post", "/v1/verify/batch"): client.post("/v1/verify/batch", files=files),
            ("get", "/v1/reports"): client.get("/v1/reports"),
            ("get", "/v1/reports/{sha256}"): client.get(f"/v1/reports/{sha256}"),
            ("delete", "/v1/reports/{sha256}"): client.delete(f"/v1/reports/{sha256}"),
            ("get", "/v1/policies"): client.get("/v1/policies"),
            ("get", "/healthz"): client.get("/healthz"),
            ("get", "/readyz"): client.get("/readyz"),
        }

    for (method, path), answer in found.items():
        response = resolved(described, described["paths"][path][method]["responses"][str(answer.status_code)])
        schema = {**response["content"]["application/json"]["schema"], "components": described["components"]}
        jsonschema.Draft202012Validator(schema).validate(answer.json())
        assert {name.lower() for name in response["headers"]} <= set(answer.headers)


def test_every_problem_is_described(described: Described) -> None:
    """
    With its status, its form, and when to try again.
    """
    for _, path, one in operations(described):
        for status, response in one["responses"].items():
            if status == "200":
                continue
            content = resolved(described, response)["content"]
            assert "application/problem+json" in content, (path, status)
        assert {"400", "408", "431", "500", "503"} <= set(one["responses"])
        if "security" in one:
            assert {"401", "403"} <= set(one["responses"])
    assert "Retry-After" in described["components"]["responses"]["503"]["headers"]


def test_without_keys_none_is_described(tmp_path: Path) -> None:
    """
    A client made from the description would ask for one.
    """
    with running(tmp_path, no_auth=True) as started:
        content = httpx.get(f"{started.address}/openapi.json").json()

    assert "securitySchemes" not in content["components"]
    assert all("security" not in one for _, _, one in operations(content))


def test_schemathesis_finds_nothing(service: Running, tmp_path: Path) -> None:
    """
    All its checks: what it makes of the description, allowed and not, is answered as described.
    """
    key = service.key("admin")["Authorization"]
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{service.address}/openapi.json"]
    options = ["--checks", "all", "--max-examples", "15", "--seed", "1", "--no-color", "--header"]
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": "tests.schemathesis_hooks",
        "PYTHONPATH": str(ROOT),
    }

    done = subprocess.run(
        [*command, *options, f"Authorization: {key}", "--generation-database", "none"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    for phase in ("Examples", "Coverage", "Fuzzing", "Stateful"):
        assert f"\u2705 {phase}" in done.stdout, done.stdout
    assert "9 selected / 9 total" in done.stdout
