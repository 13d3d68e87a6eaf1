"""
The service's API over real HTTP: what is asked, and what comes of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from provenance import Verifier, schema, to_dict
from tests.service.support import ABSENT, ACCEPTED, PROFILE, SAMPLES, Running, running

VALIDATOR = jsonschema.Draft202012Validator(schema())
PNG = ACCEPTED.read_bytes()
SHA256 = hashlib.sha256(PNG).hexdigest()
PATHS = ("/v1/verify", "/v1/verify/batch", "/v1/reports", f"/v1/reports/{SHA256}", "/metrics")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """
    Run a service with small limits.
    """
    folder = tmp_path_factory.mktemp("service")
    with running(folder, max_bytes=200_000, max_batch=3) as started:
        yield started


@pytest.fixture(scope="module")
def client(service: Running) -> Iterator[httpx.Client]:
    """
    Make a client that may do everything.
    """
    with service.client("admin") as made:
        yield made


@pytest.fixture
def fresh(service: Running) -> Running:
    """
    Delete all reports.
    """
    for stored in service.resources.store.reports.search(limit=100).reports:
        service.resources.store.reports.delete(stored.key.sha256)
    return service


def is_problem(answer: httpx.Response, status: int, name: str) -> dict[str, Any]:
    """
    Check that an answer is a problem of some type, and return it.
    """
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    content: dict[str, Any] = answer.json()
    assert content["type"] == f"urn:azure-image-provenance:problem:{name}"
    assert content["status"] == status
    assert content["instance"] == answer.headers["x-request-id"]
    assert content["title"]
    assert content["detail"]
    return content


# --- one image --------------------------------------------------------------------------------------


def test_an_image_as_it_is_gets_the_librarys_report(fresh: Running, client: httpx.Client) -> None:
    """
    With its SHA-256 and without a name, because none was sent.
    """
    expected = to_dict(Verifier(trust=PROFILE).verify(ACCEPTED), sha256=SHA256)

    answer = client.post("/v1/verify", content=PNG)

    assert answer.status_code == 200
    assert answer.json() == json.loads(json.dumps(expected))
    VALIDATOR.validate(answer.json())
    assert answer.headers["provenance-report"] == "new"
    assert answer.headers["provenance-stored"] == "yes"
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "content_type", [None, "image/png", "image/jpeg", "text/plain", "application/json", "nonsense"]
)
def test_the_content_type_decides_nothing(client: httpx.Client, content_type: str | None) -> None:
    """
    What an image is, its bytes say.
    """
    headers = {} if content_type is None else {"Content-Type": content_type}

    answer = client.post("/v1/verify", content=PNG, headers=headers)

    assert answer.json()["asset"]["media_type"] == "image/png"


def test_the_same_image_is_judged_once(fresh: Running, client: httpx.Client) -> None:
    """
    The second answer comes from the store, to the byte.
    """
    first, second = (client.post("/v1/verify", content=PNG) for _ in range(2))

    assert [answer.headers["provenance-report"] for answer in (first, second)] == ["new", "reused"]
    assert first.content == second.content
    assert second.headers["provenance-stored"] == "yes"


def test_another_policy_is_another_question(fresh: Running, client: httpx.Client) -> None:
    """
    And has another answer.
    """
    answers = [
        client.post("/v1/verify", params={"policy": policy}, content=PNG)
        for policy in ("azure-openai", "azure-openai-documented")
    ]

    assert [answer.headers["provenance-report"] for answer in answers] == ["new", "new"]
    assert [answer.json()["accepted"] for answer in answers] == [True, False]
    assert [answer.json()["policy"]["name"] for answer in answers] == [
        "azure-openai",
        "azure-openai-documented",
    ]


def test_a_form_with_a_file_gives_the_report_its_name(fresh: Running, client: httpx.Client) -> None:
    """
    The name is the sender's, and goes to nobody else: the store has none.
    """
    name = 'pic"ture\u202e.png'
    bare = client.post("/v1/verify", content=PNG).json()

    answer = client.post("/v1/verify", files={"image": (name, PNG)})

    assert answer.headers["provenance-report"] == "reused"
    assert answer.json() == {**bare, "asset": {**bare["asset"], "name": "pic%22ture\u202e.png"}}
    (stored,) = fresh.resources.store.reports.of_image(SHA256)
    assert json.loads(stored.report)["asset"]["name"] is None


@pytest.mark.parametrize("name", ["../../etc/passwd", "a\\..\\b.png", "<script>", "x" * 900, " "])
def test_a_hostile_name_is_only_a_name(client: httpx.Client, name: str) -> None:
    """
    It is written as JSON, and is no path to anywhere.
    """
    answer = client.post("/v1/verify", files={"image": (name, PNG)})

    VALIDATOR.validate(answer.json())
    assert answer.json()["asset"]["name"] == name
    assert name not in answer.text or name.isascii()


def test_what_is_not_accepted_is_an_answer_like_any_other(client: httpx.Client) -> None:
    """
    Status 200: the verdict is in the body.
    """
    answer = client.post("/v1/verify", content=ABSENT.read_bytes())

    assert (answer.status_code, answer.json()["state"], answer.json()["accepted"]) == (200, "absent", False)


@pytest.mark.parametrize(
    ("content", "status", "name", "detail"),
    [
        (b"", 415, "unsupported", "it is empty"),
        (b"%PDF-1.7 and more", 415, "unsupported", "a PDF document"),
        (PNG[:100], 422, "malformed", "damaged"),
        (bytes(200_001), 413, "too-large", "200,000 bytes"),
    ],
    ids=["nothing", "no image", "damaged", "too large"],
)
def test_what_cannot_be_judged_is_a_problem(
    client: httpx.Client, content: bytes, status: int, name: str, detail: str
) -> None:
    """
    It must not look like a verdict.
    """
    answer = client.post("/v1/verify", content=content)

    assert detail in is_problem(answer, status, name)["detail"]


def test_the_largest_image_is_taken(client: httpx.Client) -> None:
    """
    The limit is the most that is allowed, not the least that is not.
    """
    content = PNG + bytes(200_000 - len(PNG))

    for answer in (
        client.post("/v1/verify", content=content),
        client.post("/v1/verify", files={"image": ("a.png", content)}),
    ):
        assert answer.json()["asset"]["bytes"] == 200_000


def test_a_file_that_is_too_large_in_a_form_is_refused(client: httpx.Client) -> None:
    """
    Though the form as a whole might just pass.
    """
    answer = client.post("/v1/verify", files={"image": ("a.png", PNG + bytes(200_001 - len(PNG)))})

    is_problem(answer, 413, "too-large")


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("policy=nobody", "'nobody'"),
        ("policy=", "''"),
        ("polcy=azure-openai", "'polcy'"),
        ("policy=azure-openai&policy=azure-openai", "more than once"),
        ("policy=../../etc/passwd.toml", "no policy"),
    ],
)
def test_a_question_that_is_not_understood_is_refused(client: httpx.Client, query: str, detail: str) -> None:
    """
    A policy that is misspelt must not be the default one.
    """
    answer = client.post(f"/v1/verify?{query}", content=PNG)

    assert detail in is_problem(answer, 400, "bad-request")["detail"]


@pytest.mark.parametrize(
    ("headers", "status", "name"),
    [
        ({"Content-Encoding": "gzip"}, 415, "unsupported"),
        ({"Content-Encoding": "identity, br"}, 415, "unsupported"),
        ({"Content-Type": "multipart/mixed; boundary=a"}, 415, "unsupported"),
        ({"Content-Type": "multipart/form-data"}, 400, "bad-request"),
        ({"Content-Type": f"multipart/form-data; boundary={'b' * 300}"}, 400, "bad-request"),
        ({"Content-Type": "multipart/form-data; boundary=never"}, 400, "bad-request"),
    ],
)
def test_a_body_that_is_not_read_is_refused(
    client: httpx.Client, headers: dict[str, str], status: int, name: str
) -> None:
    """
    Nothing is unpacked: what is small on the wire could be large here.
    """
    is_problem(client.post("/v1/verify", content=PNG, headers=headers), status, name)


def test_identity_is_no_encoding(client: httpx.Client) -> None:
    """
    Some clients say so.
    """
    assert client.post("/v1/verify", content=PNG, headers={"Content-Encoding": "identity"}).status_code == 200


@pytest.mark.parametrize(
    ("files", "data", "status", "name"),
    [
        ([("image", ("a.png", PNG)), ("image", ("b.png", PNG))], {}, 400, "too-many"),
        ([("image", ("a.png", PNG))], {"policy": "azure-openai"}, 400, "bad-request"),
    ],
    ids=["two files", "a field"],
)
def test_a_form_holds_exactly_one_file(
    client: httpx.Client,
    files: list[tuple[str, tuple[str, bytes]]],
    data: dict[str, str],
    status: int,
    name: str,
) -> None:
    """
    Which of several was judged must never be a question.
    """
    is_problem(client.post("/v1/verify", files=files, data=data), status, name)


# --- several images ---------------------------------------------------------------------------------


def test_a_batch_gets_reports_in_its_order(fresh: Running, client: httpx.Client) -> None:
    """
    What cannot be judged has its error in its place.
    """
    files = [
        ("image", ("a.png", PNG)),
        ("image", ("b.pdf", b"%PDF-1.7")),
        ("image", ("c.png", ABSENT.read_bytes())),
    ]

    answer = client.post("/v1/verify/batch", files=files)

    reports = answer.json()["reports"]
    assert answer.status_code == 200
    assert [report["asset"]["name"] for report in reports] == ["a.png", "b.pdf", "c.png"]
    assert [report["state"] for report in reports] == ["trusted", None, "absent"]
    assert reports[1]["error"]["type"] == "UnsupportedAssetError"
    assert reports[1]["error"]["hint"] == client.post("/v1/verify", content=b"%PDF-1.7").json()["hint"]
    for report in reports:
        VALIDATOR.validate(report)
    assert answer.headers["provenance-stored"] == "yes"
    assert len(fresh.resources.store.reports.search().reports) == 2


def test_an_image_that_is_too_large_costs_a_batch_only_itself(client: httpx.Client) -> None:
    """
    The others did nothing wrong.
    """
    files = [("image", ("a.png", PNG + bytes(200_001))), ("image", ("b.png", PNG))]

    answer = client.post("/v1/verify/batch", files=files)
    alone = client.post("/v1/verify/batch", files=files[:1])

    first, second = answer.json()["reports"]
    assert (first["error"]["type"], second["accepted"]) == ("AssetTooLargeError", True)
    assert [each.headers["provenance-stored"] for each in (answer, alone)] == ["yes", "no"]


def test_a_batch_is_judged_by_the_policy_that_was_asked_for(client: httpx.Client) -> None:
    """
    All of it.
    """
    files = [("image", ("a.png", PNG))]

    answer = client.post("/v1/verify/batch?policy=azure-openai-documented", files=files)

    assert [report["policy"]["name"] for report in answer.json()["reports"]] == ["azure-openai-documented"]


@pytest.mark.parametrize("count", [0, 4])
def test_a_batch_has_one_to_so_many_images(client: httpx.Client, count: int) -> None:
    """
    More are sent in several.
    """
    body = b"".join(
        b'--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\nx\r\n'
        for _ in range(count)
    )
    headers = {"Content-Type": "multipart/form-data; boundary=b"}

    answer = client.post("/v1/verify/batch", content=body + b"--b--\r\n", headers=headers)

    is_problem(answer, *((400, "bad-request") if count == 0 else (400, "too-many")))


def test_a_batch_is_a_form(client: httpx.Client) -> None:
    """
    One image as it is belongs elsewhere.
    """
    is_problem(client.post("/v1/verify/batch", content=PNG), 415, "unsupported")


# --- reports ----------------------------------------------------------------------------------------


def test_reports_can_be_read_and_deleted(fresh: Running, client: httpx.Client) -> None:
    """
    One for each policy, the newest first; deleting takes them all.
    """
    bare = [
        client.post("/v1/verify", params={"policy": policy}, content=PNG).json()
        for policy in ("azure-openai", "azure-openai-lineage")
    ]

    read = client.get(f"/v1/reports/{SHA256}")
    deleted = client.delete(f"/v1/reports/{SHA256}")

    assert [entry["report"] for entry in read.json()["reports"]] == bare[::-1]
    assert all(entry["created_at"].endswith("Z") for entry in read.json()["reports"])
    assert (deleted.status_code, deleted.json()) == (200, {"deleted": 2})
    is_problem(client.get(f"/v1/reports/{SHA256}"), 404, "not-found")
    is_problem(client.delete(f"/v1/reports/{SHA256}"), 404, "not-found")


def test_reports_can_be_searched(fresh: Running, client: httpx.Client) -> None:
    """
    By what they say and when they were made, a page at a time.
    """
    for path in (ACCEPTED, ABSENT, SAMPLES / "invalid" / "no-signature.png"):
        client.post("/v1/verify", content=path.read_bytes())

    def states(**asked: str) -> list[str]:
        answer = client.get("/v1/reports", params=asked)
        assert answer.status_code == 200, answer.text
        return [entry["report"]["state"] for entry in answer.json()["reports"]]

    assert states() == ["invalid", "absent", "trusted"]
    assert states(state="absent") == ["absent"]
    assert states(accepted="true") == states(origin="active") == ["trusted"]
    assert states(accepted="false", origin="none") == ["invalid", "absent"]
    assert states(policy="azure-openai-lineage") == []
    assert states(since="2026-01-01T00:00:00Z") == ["invalid", "absent", "trusted"]
    assert states(until="2026-01-01T00:00:00+01:00") == states(until="2026-01-01") == []
    first = client.get("/v1/reports", params={"limit": 2}).json()
    rest = client.get("/v1/reports", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [len(page["reports"]) for page in (first, rest)] == [2, 1]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize(
    "query",
    [
        "state=good",
        "accepted=1",
        "origin=azure",
        "since=yesterday",
        "since=2026-13-01T00:00:00Z",
        "until=2026-01",
        "until=20260101",
        "until=0001-01-01T00:00:00%2B23:00",
        "limit=0",
        "limit=101",
        "limit=1e1",
        "limit=-1",
        "cursor=x",
        "cursor=" + "A" * 21 + "%00",
        "cursor=f" + "_" * 21,
        "page=2",
        "policy=",
        "policy=a%20b",
        "state=absent&state=valid",
    ],
)
def test_a_search_that_is_not_understood_is_refused(client: httpx.Client, query: str) -> None:
    """
    A filter that is left out would show what nobody asked for.
    """
    is_problem(client.get(f"/v1/reports?{query}"), 400, "bad-request")


@pytest.mark.parametrize(
    "path", ["x", SHA256.upper(), SHA256[:-1], f"{SHA256}0", f"{SHA256[:-2]}%00", "%2e%2e", f" {SHA256[1:]}"]
)
def test_what_is_no_sha256_is_refused(client: httpx.Client, path: str) -> None:
    """
    Without asking the store.
    """
    for method in ("GET", "DELETE"):
        is_problem(client.request(method, f"/v1/reports/{path}"), 400, "bad-request")


# --- keys -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        None,
        b"",
        b"Bearer",
        b"Basic dXNlcjpwYXNz",
        b"Bearer nonsense",
        b"Bearer aip_aaaaaaaaaaaaaaaa_" + b"A" * 43,
        b"Bearer " + b"A" * 5_000,
        b"Bearer \xe4\xf6",
    ],
)
@pytest.mark.parametrize("path", PATHS)
def test_without_a_key_nothing_is_answered(service: Running, path: str, header: bytes | None) -> None:
    """
    Nor is the body read.
    """
    headers = {} if header is None else {b"Authorization": header}
    method = "POST" if path.startswith("/v1/verify") else "GET"

    answer = httpx.request(method, service.address + path, headers=headers)

    is_problem(answer, 401, "unauthorized")
    assert answer.headers["www-authenticate"] == 'Bearer realm="provenance"'


def test_a_key_with_another_secret_is_refused(service: Running) -> None:
    """
    The part before it is public.
    """
    shown = service.key("verify")["Authorization"]
    other = shown[:-1] + ("A" if shown[-1] != "A" else "B")

    answer = httpx.post(f"{service.address}/v1/verify", content=PNG, headers={"Authorization": other})

    is_problem(answer, 401, "unauthorized")


def test_two_keys_are_none(service: Running) -> None:
    """
    Which of them counts would depend on who reads them.
    """
    header = service.key("verify")["Authorization"]
    headers = [("Authorization", header), ("Authorization", header)]

    is_problem(httpx.post(f"{service.address}/v1/verify", content=PNG, headers=headers), 400, "bad-request")


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        ("verify", {"/v1/verify", "/v1/verify/batch"}),
        ("reports:read", {"GET /v1/reports", "GET /v1/reports/x"}),
        ("reports:delete", {"DELETE /v1/reports/x"}),
        ("admin", {"/v1/verify", "/v1/verify/batch", "GET /v1/reports", "GET /v1/reports/x",
                   "DELETE /v1/reports/x", "GET /metrics"}),
    ],
)  # fmt: skip
def test_a_key_opens_what_it_is_for(service: Running, scope: str, allowed: set[str]) -> None:
    """
    Nothing else: whoever may send images may not read what others sent.
    """
    calls = {
        "/v1/verify": ("POST", "/v1/verify"),
        "/v1/verify/batch": ("POST", "/v1/verify/batch"),
        "GET /v1/reports": ("GET", "/v1/reports"),
        "GET /v1/reports/x": ("GET", "/v1/reports/x"),
        "DELETE /v1/reports/x": ("DELETE", "/v1/reports/x"),
        "GET /metrics": ("GET", "/metrics"),
    }
    with service.client(scope) as client:
        answers = {name: client.request(*call) for name, call in calls.items()}

    assert {name for name, answer in answers.items() if answer.status_code != 403} == allowed
    for name, answer in answers.items():
        if name not in allowed:
            assert "lacks the scope" in is_problem(answer, 403, "forbidden")["detail"]


def test_a_revoked_key_is_refused_soon(service: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Once what is remembered of it is too old; here, at once.
    """
    key, text = service.resources.store.keys.create_key("test", ["verify"])
    headers = {"Authorization": f"Bearer {text}"}
    before = httpx.post(f"{service.address}/v1/verify", content=PNG, headers=headers)

    service.resources.store.keys.revoke_key(key.id)
    monkeypatch.setattr("provenance.service.auth.key_cache.FRESH_S", 0.0)
    after = httpx.post(f"{service.address}/v1/verify", content=PNG, headers=headers)

    assert before.status_code == 200
    is_problem(after, 401, "unauthorized")


def test_the_rate_of_a_key_is_its_own(tmp_path: Path) -> None:
    """
    Each image of a batch counts; whoever waits may go on, and nobody else is held up.
    """
    with running(tmp_path, rate=1, burst=3) as service:
        one, other = service.client("verify"), service.client("verify")
        with one, other:
            files = [("image", (name, PNG)) for name in "ab"]
            first = [one.post("/v1/verify", content=PNG), one.post("/v1/verify/batch", files=files)]
            refused = one.post("/v1/verify", content=PNG)
            others = other.post("/v1/verify", content=PNG)

    assert [answer.status_code for answer in first] == [200, 200]
    is_problem(refused, 429, "too-often")
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert others.status_code == 200


def test_what_is_refused_does_not_count(tmp_path: Path) -> None:
    """
    Whoever does as a refusal says, and tries again, has not used up the rate by it.
    """
    with running(tmp_path, rate=1, burst=1, max_bytes=100_000) as service, service.client("verify") as client:
        too_large = client.post("/v1/verify", content=bytes(100_001))
        judged = client.post("/v1/verify", content=PNG)

    is_problem(too_large, 413, "too-large")
    assert judged.status_code == 200


# --- what it says about itself ----------------------------------------------------------------------


def test_health_needs_no_key(service: Running) -> None:
    """
    Whoever looks whether it runs is a machine.
    """
    alive, ready = (httpx.get(service.address + path) for path in ("/healthz", "/readyz"))

    assert (alive.status_code, alive.json()) == (200, {"status": "alive"})
    assert (ready.status_code, ready.json()) == (
        200,
        {
            "status": "ready",
            "components": {name: {"ready": True} for name in ("store", "workers", "self_test")},
        },
    )


def test_the_policies_are_told_to_everybody(service: Running) -> None:
    """
    The page shows them before it asks for a key.
    """
    answer = httpx.get(f"{service.address}/v1/policies").json()

    assert answer["default"] == "azure-openai"
    assert [policy["name"] for policy in answer["policies"]] == [
        "azure-openai",
        "azure-openai-documented",
        "azure-openai-lineage",
    ]
    assert answer["limits"] == {"max_bytes": 200_000, "max_batch": 3}
    assert (answer["trust"]["name"], answer["key_needed"]) == ("sample", True)


def test_the_page_is_there(service: Running) -> None:
    """
    At the root, under a policy of its own that lets its scripts run.
    """
    answer = httpx.get(service.address)

    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/", "/healthz", "/v1/verify", "/nowhere", "/openapi.json", "/v1/policies"])
def test_every_answer_has_its_headers(service: Running, path: str) -> None:
    """
    Problems too; and nothing says what answers.
    """
    answer = httpx.get(service.address + path)

    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-request-id"]
    assert "server" not in answer.headers
    assert "access-control-allow-origin" not in answer.headers
    if path != "/":
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("given", ["abc-123.X_y", "a" * 40])
def test_a_name_that_a_request_brings_is_kept(service: Running, given: str) -> None:
    """
    So that it can be followed from the proxy on.
    """
    answer = httpx.get(f"{service.address}/healthz", headers={"X-Request-Id": given})

    assert answer.headers["x-request-id"] == given


@pytest.mark.parametrize("given", [b"", b"a b", b"a" * 41, b'x"}', b"\xe4"])
def test_a_name_that_would_spoil_the_log_is_replaced(service: Running, given: bytes) -> None:
    """
    It is text of whoever sent it.
    """
    answer = httpx.get(f"{service.address}/healthz", headers={b"X-Request-Id": given})

    assert len(answer.headers["x-request-id"]) == 32


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1/verify", "POST"),
        ("/v1/verify/batch", "POST"),
        (f"/v1/reports/{SHA256}", "DELETE, GET, HEAD"),
        ("/v1/reports", "GET, HEAD"),
        ("/healthz", "GET, HEAD"),
        ("/", "GET, HEAD"),
    ],
)
@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
def test_other_methods_are_refused(client: httpx.Client, path: str, allowed: str, method: str) -> None:
    """
    And what there is instead is said.
    """
    answer = client.request(method, path)

    is_problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/v1/policies", "/openapi.json", "/"])
def test_head_is_get_without_the_body(client: httpx.Client, path: str) -> None:
    """
    As HTTP has it.
    """
    head, get = client.head(path), client.get(path)

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]


@pytest.mark.parametrize(
    "path",
    ["/v1/verify/", "//v1/verify", "/V1/verify", "/v1/%76erify%2f", "/v1/../healthz", "/docs", "/redoc"],
)
def test_there_is_nothing_at_other_paths(service: Running, path: str) -> None:
    """
    Nothing is tidied up: a proxy before this might understand it otherwise.
    """
    with service.connect() as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        received = b"".join(iter(lambda: connection.recv(65_536), b""))

    assert received.startswith(b"HTTP/1.1 404 ")
    assert b"not-found" in received
