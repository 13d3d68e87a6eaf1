"""
What schemathesis knows of images: the hooks, and that the examples of bodies are bytes.
"""

from __future__ import annotations

from typing import Any

import schemathesis

from tests.service.openapi import schemathesis_hooks

__all__ = ["schemathesis_hooks"]

WHOLE = ("application/octet-stream", "image/svg+xml")


@schemathesis.hook
def before_load_schema(_context: schemathesis.HookContext, raw_schema: dict[str, Any]) -> None:
    """
    Where the hooks say what a body may be, schemathesis takes nothing but bytes, which JSON cannot hold.
    """
    content = raw_schema["paths"]["/v1/verify"]["post"]["requestBody"]["content"]
    for media_type in WHOLE:
        for example in content[media_type]["examples"].values():
            example["value"] = example["value"].encode()
