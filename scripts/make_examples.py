#!/usr/bin/env python3
"""
Make the examples in the description of the service's API: real reports on the sample images, real problems.

Usage: python scripts/make_examples.py

Reports are whole. Of the metrics, only those on verdicts are shown.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from provenance import MICROSOFT, Verifier, builtin_policies, error_to_dict, to_dict
from provenance.asset.asset import Asset
from provenance.asset.limits import Limits
from provenance.errors import (
    DeadlineExceededError,
    MalformedAssetError,
    UnsupportedAssetError,
    WorkerCrashedError,
)
from provenance.service.config.settings import Settings
from provenance.service.http import connection_problem, problem
from provenance.service.http.problem import Problem, problem_of
from provenance.service.observability.metrics import Metrics
from provenance.service.store.api_key import Scope
from provenance.verification.report import trust_to_dict

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "sample_images"
EXAMPLES = ROOT / "provenance" / "service" / "openapi" / "examples.json"

KEPT_AT = "2026-08-17T12:00:00Z"
REQUEST_ID = "3f2a9c51d07b4e8896ad1c2e5b70f4d3"


def main() -> None:
    """
    Write them.
    """
    EXAMPLES.write_text(as_text(examples()), encoding="utf-8")


def as_text(made: dict[str, Any]) -> str:
    """
    Write them as the file has them.
    """
    return json.dumps(made, indent=1) + "\n"


def examples() -> dict[str, Any]:
    """
    Make all, as OpenAPI has them: what each shows, and what it holds.
    """
    answered = {
        name: shown(summary, value) for name, summary, value in (*about_images(), *about_the_service())
    }
    refused = {
        name: shown(one.detail or one.title, json.loads(one.body(REQUEST_ID)))
        for name, one in problems().items()
    }
    return {**answered, **refused}


def shown(summary: str, value: object) -> dict[str, Any]:
    """
    Make one example.
    """
    return {"summary": summary, "value": value}


def about_images() -> Iterator[tuple[str, str, object]]:
    """
    Judge sample images, and list what is answered about them.
    """
    accepted, absent = report("trusted/imagegen-v2.png"), report("absent/plain.png")
    named = {**absent, "asset": {**absent["asset"], "name": "plain.png"}}
    stored = {"created_at": KEPT_AT, "report": accepted}
    unsupported = error_to_dict(UnsupportedAssetError("it looks like a PDF document"), name="paper.pdf")
    yield "accepted", "Accepted", accepted
    yield "absent", "No Content Credentials", absent
    yield "batch", "One verdict, and one image that could not be judged", {"reports": [named, unsupported]}
    yield "stored", "One report", {"reports": [stored]}
    yield "page", "The last page", {"reports": [stored], "next_cursor": None}
    yield "deleted", "One report", {"deleted": 1}


def about_the_service() -> Iterator[tuple[str, str, object]]:
    """
    List what is answered about a service with its default settings.
    """
    settings = Settings()
    yield "alive", "Always this", {"status": "alive"}
    yield "ready", "All is well", readiness(store=True)
    yield "not_ready", "The store does not answer", readiness(store=False)
    yield "metrics", "Some of them", metrics()
    policies = {
        "default": "azure-openai",
        "policies": [
            {"name": one.name, "version": one.version, "digest": one.digest, "summary": one.summary}
            for one in builtin_policies().values()
        ],
        "trust": trust_to_dict(MICROSOFT),
        "limits": {"max_bytes": settings.max_bytes, "max_batch": settings.max_batch},
        "key_needed": True,
    }
    yield "policies", "As it comes", policies


def problems() -> dict[str, Problem]:
    """
    Make a problem for each reason that the description shows.
    """
    settings = Settings()
    raised = {
        "host": problem.bad_host(),
        "unknown": problem.bad_request("There is no parameter 'debug'. There is none here."),
        "twice": problem.bad_request("A parameter stands there more than once."),
        "too-many": problem.too_many(settings.max_batch),
        "no-key": problem.no_key(),
        "wrong-key": problem.key_not_accepted(),
        **{f"lacks-{scope.name.lower()}": problem.lacks_scope(scope) for scope in Scope},
        "other-site": problem.other_site(),
        "no-report": problem.not_found("There is no report on that image."),
        "body-too-slow": problem.too_slow(),
        "misdirected": problem.misdirected(),
        "length": problem.length_required(),
        "too-large": problem.too_large(settings.max_bytes),
        "compressed": problem.unsupported("The body is compressed."),
        "no-form": problem.unsupported("Several images are sent as a form, multipart/form-data."),
        "rate": problem.too_often(3),
        "busy": problem.too_busy(),
        "no-room": problem.no_room(),
        "no-store": problem.store_unavailable(),
    }
    return {
        **{name: error.problem for name, error in raised.items()},
        "head-too-slow": connection_problem.HEAD_TOO_SLOW,
        "head-too-large": connection_problem.HEAD_TOO_LARGE,
        "connections": connection_problem.TOO_MANY_CONNECTIONS,
        "no-image": problem_of(UnsupportedAssetError("it looks like a PDF document")),
        "damaged": problem_of(MalformedAssetError("the file ends at byte 100 without IEND")),
        "late": problem_of(DeadlineExceededError(settings.deadline_s)),
        "internal": problem.INTERNAL,
        "crashed": problem_of(WorkerCrashedError(-9)),
    }


def report(path: str) -> dict[str, Any]:
    """
    Report on a sample image.
    """
    verifier = Verifier(trust=IMAGES / "trust.toml", self_test=False)
    with Asset.from_path(IMAGES / path, Limits()) as asset:
        made: dict[str, Any] = to_dict(verifier.verify(asset), sha256=asset.sha256())
    return made


def readiness(*, store: bool) -> dict[str, Any]:
    """
    Make the readiness of a service that lacks its store, or nothing.
    """
    components = {"store": store, "workers": True, "self_test": True}
    return {
        "status": "ready" if store else "not ready",
        "components": {name: {"ready": value} for name, value in components.items()},
    }


def metrics() -> str:
    """
    Count one verdict, and show what is counted of verdicts.
    """
    metrics = Metrics()
    metrics.verdict("trusted", "azure-openai", accepted=True, reused=False, stored=True)
    lines = metrics.exposition().decode().splitlines(keepends=True)
    return "".join(line for line in lines if "provenance_verdicts_total" in line)


if __name__ == "__main__":
    main()
