"""
The engine's answers, edited before they are read, where no image makes it answer so.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from provenance import VerificationResult, Verifier
from provenance.validation import engine
from provenance.validation.engine_json import parse_answer

EngineAnswer = dict[str, object]
Results = dict[str, list[dict[str, str]]]


def judge_edited(
    verifier: Verifier,
    monkeypatch: pytest.MonkeyPatch,
    asset: bytes,
    edit: Callable[[EngineAnswer], None],
) -> VerificationResult:
    """
    Verify as if the engine had given another answer.
    """

    def parse(text: str) -> object:
        answer = json.loads(text)
        edit(answer)
        return parse_answer(json.dumps(answer))

    monkeypatch.setattr(engine, "parse_answer", parse)
    return verifier.verify(asset)


def active_results(answer: EngineAnswer) -> Results:
    """
    Return the active manifest's results from an answer.
    """
    results = answer["validation_results"]
    assert isinstance(results, dict)
    active: Results = results["activeManifest"]
    return active
