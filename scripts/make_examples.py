#!/usr/bin/env python3
"""
Make the examples in the description of the service's API: real reports on the sample images.

Usage: python scripts/make_examples.py

Reports are whole. Of the metrics, only those on verdicts are shown.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from provenance import MICROSOFT, UnsupportedAssetError, Verifier, builtin_policies, error_to_dict, to_dict
from provenance.asset.asset import Asset
from provenance.asset.limits import Limits
from provenance.service.observability.metrics import Metrics
from provenance.verification.report import trust_to_dict

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "sample_images"
EXAMPLES = ROOT / "provenance" / "service" / "openapi" / "examples.json"

KEPT_AT = "2026-08-17T12:00:00Z"
CURSOR = "AAZZPOjdcAAAAAAAAAAAKg"
"""
Points to the report with id 42, kept at that time.
"""


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
    Make one for each answer that the description shows.
    """
    accepted, absent = report("trusted/imagegen-v2.png"), report("absent/plain.png")
    named = {**absent, "asset": {**absent["asset"], "name": "plain.png"}}
    stored = {"created_at": KEPT_AT, "report": accepted}
    unsupported = UnsupportedAssetError("it looks like a PDF document")
    policies = builtin_policies().values()
    return {
        "accepted": accepted,
        "absent": absent,
        "batch": {"reports": [named, error_to_dict(unsupported, name="paper.pdf")]},
        "stored": {"reports": [stored]},
        "page": {"reports": [stored], "next_cursor": None},
        "deleted": {"deleted": 1},
        "cursor": CURSOR,
        "alive": {"status": "alive"},
        "ready": readiness(store=True),
        "not_ready": readiness(store=False),
        "metrics": metrics(),
        "policies": {
            "default": "azure-openai",
            "policies": [
                {"name": one.name, "version": one.version, "digest": one.digest, "summary": one.summary}
                for one in policies
            ],
            "trust": trust_to_dict(MICROSOFT),
            "limits": {"max_bytes": 20 * 1024 * 1024, "max_batch": 16},
            "key_needed": True,
        },
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
