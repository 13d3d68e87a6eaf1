"""
The small hostile and odd files that lie beside the project, through the command.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Invoke

CASES = Path(__file__).parents[3] / "shared" / "cases"


def _cases() -> list[Any]:
    index = CASES / "INDEX.json"
    if not index.is_file():
        return [pytest.param(None, id="no cases")]
    return [pytest.param(case, id=case["file"]) for case in json.loads(index.read_text())]


@pytest.mark.parametrize("case", _cases())
def test_a_case_comes_out_as_it_must(invoke: Invoke, case: dict[str, Any] | None) -> None:
    """
    Its state, whether it is accepted, and what must not be held against it.
    """
    if case is None:
        pytest.skip("the hostile files are not beside this repository")
    given = [str(CASES / a[1:]) if a.startswith("@") else a for a in case.get("arguments", [])]

    result = invoke("verify", "--format", "jsonl", *given, str(CASES / case["file"]))

    report = json.loads(result.stdout)
    assert ("error" if "error" in report else report["state"]) in case["states"]
    assert report["accepted"] is case["accepted"]
    found = {finding["check"] for finding in report.get("findings", [])}
    assert found.isdisjoint(case.get("not_among_findings", ()))
