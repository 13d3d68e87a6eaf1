"""
The command over genuine images, where a collection of them lies beside the project.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Invoke

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not CORPUS.is_dir(), reason="no collection of genuine images beside the project"),
]


@pytest.mark.parametrize("policy", ["azure-openai", "azure-openai-documented", "azure-openai-lineage"])
def test_the_command_answers_as_expected(invoke: Invoke, policy: str) -> None:
    """
    Hundreds of public pictures were looked at to write these answers down.
    """
    rows = json.loads((CORPUS / "EXPECTED.json").read_text())["files"]
    files = [str(CORPUS / row["file"]) for row in rows]

    result = invoke("verify", "--policy", policy, "--format", "jsonl", *files)

    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(report["asset"]["name"], report["accepted"]) for report in found] == [
        (file, row["expect"]["accepted"][policy]) for file, row in zip(files, rows, strict=True)
    ]
    assert all(
        row["expect"]["credentials"] in (report["state"], "not trusted")
        for report, row in zip(found, rows, strict=True)
    )
