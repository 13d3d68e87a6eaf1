"""
The engine asked directly, and small images to ask it about.

Each fault is shown twice: with the engine asked directly, so that a release that mends it is noticed,
and with this library, whose verdict must not depend on it.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import c2pa
import pytest

from provenance import VerificationResult
from provenance import authority as made
from provenance.authority import Authority, ManifestSpec, image
from provenance.manifest.status import StatusKind
from provenance.validation.engine import Anchors, engine_settings
from tests.support import certificate, codes

PNG = made.plain_png(40, 24, seed=1)
JPEG = made.plain_jpeg(40, 24, seed=1)
WEBP = made.plain_webp()
POLICIES = ("azure-openai", "azure-openai-documented", "azure-openai-lineage")
PNG_AND_JPEG = pytest.mark.parametrize("plain", [PNG, JPEG], ids=["png", "jpeg"])


@dataclass(frozen=True, slots=True)
class Raw:
    """
    What the engine says when it is asked directly.

    Attributes:
        state: Its own state; None after an error.

        failures: Failure codes of its whole answer, ingredients included.

        answer: Its JSON.

        error: Its error, or empty.
    """

    state: str | None
    failures: frozenset[str]
    answer: Mapping[str, object]
    error: str = ""


def ask_engine(asset: bytes, options: Mapping[str, object] | None) -> Raw:
    """
    Ask the engine directly; None for its own defaults.
    """
    context = c2pa.Context.from_dict(options) if options is not None else None
    try:
        with c2pa.Reader("image/png", io.BytesIO(asset), context=context) as reader:
            answer = json.loads(reader.json())
    except c2pa.C2paError as error:
        return Raw(None, frozenset(), {}, str(error))
    failures = frozenset(status["code"] for status in answer.get("validation_status", []))
    return Raw(answer["validation_state"], failures, answer)


def options_for(authority: Authority) -> dict[str, object]:
    """
    Write the settings this library would use, had it been given the anchors as certificates.
    """
    anchors = Anchors(
        claims=frozenset({certificate(authority.root)}),
        time_stamps=frozenset({certificate(authority.time_stamp_root)}),
        key_purposes=(made.PURPOSE_MICROSOFT_CLAIM,),
    )
    return engine_settings(anchors)


def with_trust(authority: Authority, **trust: object) -> dict[str, object]:
    """
    Change entries of the trust settings.
    """
    options = options_for(authority)
    believed = options["trust"]
    assert isinstance(believed, dict)
    return {**options, "trust": {**believed, **trust}}


def readable_v2(authority: Authority) -> ManifestSpec:
    """
    Describe a manifest of version 2 whose soft binding the engine can read.
    """
    return made.azure_v2(authority, soft_binding_unit="percent")


def failure_codes(result: VerificationResult) -> list[str]:
    """
    Name the failures of the store and of the active manifest.
    """
    active = result.active.statuses if result.active else ()
    return codes((*result.store_failures, *active), StatusKind.FAILURE)


def finding_ids(result: VerificationResult) -> list[str]:
    """
    Name the checks that failed.
    """
    return [check.id for check in result.findings]


def store_of(png: bytes) -> bytes:
    """
    Read the manifest store of a PNG.
    """
    return dict(image.split_png(png))["caBX"][8:-4]


def run_python(code: str, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """
    Run a program in a process of its own.
    """
    command = [sys.executable, "-c", code, *arguments]
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("C2PA", "COV"))}
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
