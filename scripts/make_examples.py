#!/usr/bin/env python3
"""
Make the examples in the description of the service's API: real reports on images that ship with the library.

Usage: python scripts/make_examples.py

They are shortened: checks that passed and status codes go, and of each chain of certificates the first stays.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from provenance import MICROSOFT, UnsupportedAssetError, Verifier, builtin_policies, error_to_dict, to_dict
from provenance.asset import Asset, Limits

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "provenance" / "selftest_data"
EXAMPLES = ROOT / "provenance" / "service" / "examples.json"

KEPT_AT = "2026-08-17T12:00:00Z"


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
    accepted, absent = report("good-v1.png"), report("plain.png")
    stored = {"created_at": KEPT_AT, "report": accepted}
    unsupported = UnsupportedAssetError("it looks like a PDF document")
    policies = builtin_policies().values()
    return {
        "accepted": accepted,
        "absent": absent,
        "batch": {"reports": [absent, error_to_dict(unsupported, name="paper.pdf")]},
        "stored": {"reports": [stored]},
        "page": {"reports": [stored], "next_cursor": None},
        "deleted": {"deleted": 1},
        "alive": {"status": "alive"},
        "ready": {
            "status": "ready",
            "components": {name: {"ready": True} for name in ("store", "workers", "self_test")},
        },
        "policies": {
            "default": "azure-openai",
            "policies": [
                {"name": one.name, "version": one.version, "digest": one.digest, "summary": one.summary}
                for one in policies
            ],
            "trust": {"name": MICROSOFT.name, "digest": MICROSOFT.digest},
            "limits": {"max_bytes": 20 * 1024 * 1024, "max_batch": 16},
            "key_needed": True,
        },
    }


def report(name: str) -> dict[str, Any]:
    """
    Report on an image that ships, shortened.
    """
    verifier = Verifier(trust=IMAGES / "trust.toml", self_test=False)
    with Asset.from_path(IMAGES / name, Limits()) as asset:
        return shortened(to_dict(verifier.verify(asset), sha256=asset.sha256()))


def shortened(whole: dict[str, Any]) -> dict[str, Any]:
    """
    Leave out what makes a report long and is not needed to see its form.
    """
    made: dict[str, Any] = json.loads(json.dumps(whole))
    made["checks"] = [check for check in made["checks"] if check["outcome"] != "pass"]
    made["validation"] = {kind: [] for kind in made["validation"]}
    for credential in (made["credential"], *(manifest["credential"] for manifest in made["manifests"])):
        if credential is not None:
            credential["chain"] = credential["chain"][:1]
    return made


if __name__ == "__main__":
    main()
