"""
The description of the service's API: complete, true, and held against the running service by schemathesis.
"""

from __future__ import annotations

import contextlib
import http.client
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

from provenance.distribution import version
from provenance.service.config.settings import Settings
from provenance.service.http import connection_problem
from provenance.service.routes.reports import DEFAULT_LIMIT, PARAMETERS
from provenance.service.store.api_key import Scope
from provenance.service.store.report_store import MAX_PAGE, ORIGINS, STATES
from scripts import make_examples
from tests.service.support import ABSENT, ACCEPTED, Running, running

ROOT = Path(__file__).resolve().parents[3]
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

INLINED = ("examples", "headers", "parameters")

Described = dict[str, Any]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """
    Run a service.
    """
    with running(tmp_path_factory.mktemp("service"), queue=20) as started:
        yield started


@pytest.fixture(scope="module")
def served(service: Running) -> Described:
    """
    Get its description, as anybody may.
    """
    answer = httpx.get(f"{service.address}/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    content: Described = answer.json()
    return content


@pytest.fixture(scope="module")
def described(served: Described) -> Described:
    """
    Follow its references to parameters, headers and examples.
    """
    return inlined(served)


def inlined(served: Described) -> Described:
    """
    Put what stands there once into each of its places; schemas and answers stay where they are.
    """

    def follow(part: Any) -> Any:  # noqa: ANN401 - any part of a document
        if isinstance(part, list):
            return [follow(item) for item in part]
        if not isinstance(part, dict):
            return part
        if part.keys() == {"$ref"} and part["$ref"].split("/")[2] in INLINED:
            return follow(resolved(served, part))
        return {name: follow(value) for name, value in part.items()}

    found: Described = follow(served)
    return found


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


def test_every_reference_leads_somewhere(served: Described) -> None:
    """
    And every part is in use.
    """
    text = json.dumps(served)
    shared = served["components"]

    for section in ("schemas", "responses", *INLINED):
        for name in shared[section]:
            assert f'"#/components/{section}/{name}"' in text, name
    for reference in {part.split('"')[0] for part in text.split('"$ref": "')[1:]}:
        assert resolved(served, {"$ref": reference})


def test_the_file_says_what_the_code_does(described: Described) -> None:
    """
    Where a value stands in both.
    """
    paths = described["paths"]
    given = {one["name"]: one["schema"] for one in paths["/v1/reports"]["get"]["parameters"]}
    policy = next(one for one in paths["/v1/verify"]["post"]["parameters"] if one["name"] == "policy")
    form = paths["/v1/verify/batch"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]

    assert tuple(given) == PARAMETERS
    assert (given["state"]["enum"], given["origin"]["enum"]) == ([*STATES], [*ORIGINS])
    assert (given["limit"]["maximum"], given["limit"]["default"]) == (MAX_PAGE, DEFAULT_LIMIT)
    assert policy["schema"]["enum"] == [*Settings().policies]
    assert policy["schema"]["default"] == policy["example"] == Settings().policies[0]
    assert form["properties"]["image"]["maxItems"] == Settings().max_batch
    assert described["info"]["version"] == version()
    assert {name for name in described["components"]["responses"] if name.startswith("403")} == {
        f"403-{scope.name.lower()}" for scope in Scope
    }


def test_what_a_service_is_set_to_is_described(tmp_path: Path) -> None:
    """
    A client offers no policy that is not there, and does not send more images than are taken.
    """
    policies = ("azure-openai-lineage", "azure-openai")
    with running(tmp_path, policies=policies, max_batch=3) as started:
        content = inlined(httpx.get(f"{started.address}/openapi.json").json())
    batch = content["paths"]["/v1/verify/batch"]["post"]
    form = batch["requestBody"]["content"]["multipart/form-data"]["schema"]

    for path in ("/v1/verify", "/v1/verify/batch"):
        (policy,) = content["paths"][path]["post"]["parameters"]
        assert (policy["schema"]["enum"], policy["schema"]["default"]) == ([*policies], policies[0])
    assert batch["description"].startswith("A form with 1 to 3 files.")
    assert form["properties"]["image"] == {
        "type": "array",
        "items": {"type": "string", "format": "binary"},
        "minItems": 1,
        "maxItems": 3,
    }


def examples_of(part: Described) -> list[Any]:
    """
    List the examples of a parameter, a header or a content.
    """
    found = [part["example"]] if "example" in part else []
    return found + [example["value"] for example in part.get("examples", {}).values()]


def exemplified(described: Described) -> Iterator[tuple[str, Described]]:
    """
    Yield whatever is to have examples: parameters, and the headers and contents of answers.
    """
    for _, _, one in operations(described):
        for parameter in one.get("parameters", ()):
            yield f"{one['operationId']}, {parameter['name']}", parameter
        for status, response in one["responses"].items():
            parts = resolved(described, response)
            for section in ("headers", "content"):
                for name, part in parts[section].items():
                    yield f"{one['operationId']}, {status}, {name}", part


def check(described: Described, schema: Described, example: object) -> None:
    """
    Hold an example, or an answer, against a schema of the document.
    """
    whole = {**schema, "components": described["components"]}
    jsonschema.Draft202012Validator(
        whole, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    ).validate(example)


def test_everything_has_an_example_that_is_as_its_schema_says(described: Described) -> None:
    """
    Every parameter, every answer, and every header of an answer.
    """
    for name, part in exemplified(described):
        assert examples_of(part), name
        for example in examples_of(part):
            check(described, part["schema"], example)


def test_every_body_has_an_example_that_is_as_its_schema_says(described: Described) -> None:
    """
    JSON holds text alone, so that pictures made of other bytes have none.
    """
    for path in ("/v1/verify", "/v1/verify/batch"):
        content = described["paths"][path]["post"]["requestBody"]["content"]
        for media_type, part in content.items():
            is_text = media_type in {"application/octet-stream", "image/svg+xml", "multipart/form-data"}
            assert bool(examples_of(part)) is is_text, media_type
            for example in examples_of(part):
                check(described, part["schema"], example)


def test_the_parameters_lead_to_the_report_that_is_shown(described: Described) -> None:
    """
    One image in all of them, judged as a reader of the report would expect.
    """
    paths = described["paths"]
    answer = paths["/v1/verify"]["post"]["responses"]["200"]["content"]["application/json"]
    shown = answer["examples"]["accepted"]["value"]

    for method in ("get", "delete"):
        (sha256,) = paths["/v1/reports/{sha256}"][method]["parameters"]
        assert sha256["example"] == shown["asset"]["sha256"]
    assert shown["accepted"] is True
    assert {one["outcome"] for one in shown["checks"]} == {"pass"}
    assert shown["validation"]["success"]
    assert len(shown["credential"]["chain"]) == 3


def test_the_examples_are_accepted(service: Running, described: Described) -> None:
    """
    Every parameter that is shown, and every body.
    """
    with service.client("admin") as client:
        parameters = described["paths"]["/v1/reports"]["get"]["parameters"]
        for parameter in parameters:
            given = json.dumps(parameter["example"]).strip('"')
            assert client.get("/v1/reports", params={parameter["name"]: given}).status_code == 200
        content = described["paths"]["/v1/verify"]["post"]["requestBody"]["content"]
        (image,) = examples_of(content["image/svg+xml"])
        (policy,) = described["paths"]["/v1/verify"]["post"]["parameters"]
        answer = client.post("/v1/verify", params={"policy": policy["example"]}, content=image)
        whole, form = (
            examples_of(content["application/octet-stream"]),
            examples_of(content["multipart/form-data"]),
        )

    assert (answer.status_code, answer.json()["state"]) == (200, "absent")
    assert (whole, form) == ([image], [{"image": image}])


def test_the_metrics_that_are_shown_are_there(service: Running, described: Described) -> None:
    """
    Under the same names, with the same words.
    """
    response = described["paths"]["/metrics"]["get"]["responses"]["200"]
    (shown,) = examples_of(response["content"]["text/plain"])

    with service.client("admin") as client:
        client.post("/v1/verify", content=ACCEPTED.read_bytes())
        answer = client.get("/metrics")

    names = [line.rpartition(" ")[0] if line[0] != "#" else line for line in shown.splitlines()]
    assert len(names) == 3
    assert [name for name in names if name not in answer.text] == []
    assert {name.lower() for name in response["headers"]} <= set(answer.headers)


def problem_shown(described: Described, response: str, example: str) -> Described:
    """
    Return an example of a problem, but for what each request has of its own.
    """
    content = described["components"]["responses"][response]["content"]["application/problem+json"]
    value: Described = content["examples"][example]["value"]
    return {**value, "instance": ""}


def announcing(service: Running, path: str, content_type: str) -> httpx.Response:
    """
    Announce a body that is larger than any that is taken, and send none of it.
    """
    headers = {**service.key("verify"), "Content-Length": str(1 << 40), "Content-Type": content_type}
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", service.port, timeout=20)) as connection:
        connection.request("POST", path, headers=headers)
        answer = connection.getresponse()
        return httpx.Response(answer.status, headers=answer.getheaders(), content=answer.read())


def problems_met(service: Running) -> Iterator[tuple[str, str, httpx.Response]]:
    """
    Ask a service with keys for what it refuses; by the names of answer and example.
    """
    image = ACCEPTED.read_bytes()
    none = "0" * 64
    with service.client("admin", "verify") as client:
        yield "400", "unknown", client.get("/healthz?debug")
        yield "400-query", "twice", client.get("/v1/reports?limit=1&limit=2")
        yield (
            "400-batch",
            "too-many",
            client.post("/v1/verify/batch", files=[("image", (str(at), b"?")) for at in range(17)]),
        )
        yield "404", "no-report", client.get(f"/v1/reports/{none}")
        yield "411", "length", client.post("/v1/verify", content=iter([b"?"]))
        yield "413", "too-large", announcing(service, "/v1/verify", "image/png")
        form = "multipart/form-data; boundary=a"
        yield "413-batch", "too-large", announcing(service, "/v1/verify/batch", form)
        yield "415", "no-image", client.post("/v1/verify", content=b"%PDF-1.7")
        packed = {"Content-Encoding": "gzip"}
        yield "415", "compressed", client.post("/v1/verify", content=image, headers=packed)
        yield "415-batch", "form", client.post("/v1/verify/batch", content=image)
        yield "422", "damaged", client.post("/v1/verify", content=ABSENT.read_bytes()[:100])
        yield "431", "head", client.get("/healthz", headers={"X-Long": "x" * 100_000})
    with service.client() as client:
        yield "401", "none", client.get("/metrics")
        yield "401", "wrong", client.get("/metrics", headers={"Authorization": "Bearer of-bad-news"})
    for scope, path in (("verify", "/v1/verify"), ("reports_read", "/v1/reports"), ("admin", "/metrics")):
        other = "verify" if scope != "verify" else "reports:read"
        with service.client(other) as client:
            answer = client.post(path, content=image) if scope == "verify" else client.get(path)
            yield f"403-{scope}", "scope", answer
    with service.client("verify") as client:
        yield "403-reports_delete", "scope", client.delete(f"/v1/reports/{none}")


def test_problems_are_as_they_are_shown(service: Running, described: Described) -> None:
    """
    Word for word, with the headers that belong to them.
    """
    for response, example, answer in problems_met(service):
        assert {**answer.json(), "instance": ""} == problem_shown(described, response, example)
        assert answer.headers["x-request-id"]
        assert str(answer.status_code) == response[:3]


def test_problems_of_a_connection_are_as_they_are_shown(described: Described) -> None:
    """
    They are made before there is a request that could be refused.
    """
    made = {
        ("408", "head"): connection_problem.HEAD_TOO_SLOW,
        ("431", "head"): connection_problem.HEAD_TOO_LARGE,
    }
    made["503", "connections"] = connection_problem.TOO_MANY_CONNECTIONS

    for (response, example), problem in made.items():
        assert json.loads(problem.body("")) == problem_shown(described, response, example)


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
        check(described, response["content"]["application/json"]["schema"], answer.json())
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
        assert {"401", "403"} & set(one["responses"]) == ({"401", "403"} if "security" in one else set())
    assert "Retry-After" in described["components"]["responses"]["503"]["headers"]


def test_no_answer_is_described_that_never_comes(described: Described) -> None:
    """
    With keys, any host is answered for; in a batch, what cannot be judged is an item's error.
    """
    batch = described["paths"]["/v1/verify/batch"]["post"]["responses"]
    text = resolved(described, batch["400"])["description"]

    assert all("421" not in one["responses"] for _, _, one in operations(described))
    assert set(batch) == {
        *("200", "400", "401", "403", "408", "411", "413", "415", "429", "431", "500", "503"),
    }
    assert text == "The request cannot be understood, or holds too many images."


def test_without_keys_none_is_described(tmp_path: Path) -> None:
    """
    A client made from the description would ask for one.
    """
    with running(tmp_path, no_auth=True) as started:
        served = httpx.get(f"{started.address}/openapi.json").json()
        elsewhere = httpx.get(f"{started.address}/healthz", headers={"Host": "example.com"})
        foreign = httpx.delete(
            f"{started.address}/v1/reports/{'0' * 64}", headers={"Sec-Fetch-Site": "cross-site"}
        )

    content = inlined(served)
    assert "securitySchemes" not in content["components"]
    assert all("security" not in one for _, _, one in operations(content))
    assert all({"401", "429"}.isdisjoint(one["responses"]) for _, _, one in operations(content))
    assert all((method != "get") == ("403" in one["responses"]) for method, _, one in operations(content))
    assert {**foreign.json(), "instance": ""} == problem_shown(content, "403-site", "site")
    assert all("421" in one["responses"] for _, _, one in operations(content))
    assert {**elsewhere.json(), "instance": ""} == problem_shown(content, "421", "elsewhere")
    test_every_reference_leads_somewhere(served)


@pytest.mark.slow
def test_schemathesis_finds_nothing(service: Running, tmp_path: Path) -> None:
    """
    All its checks: what it makes of the description, allowed and not, is answered as described.
    """
    key = service.key("admin")["Authorization"]
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{service.address}/openapi.json"]
    options = ["--checks", "all", "--max-examples", "15", "--seed", "1", "--no-color", "--header"]
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": "tests.service.openapi.schemathesis_images",
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
