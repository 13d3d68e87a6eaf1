"""
The contracts of import-linter, each held by an import that breaks it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    Copy the sources, with cli/ where it ships.
    """
    tree = tmp_path_factory.mktemp("shipped")
    without = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "provenance", tree / "provenance", ignore=without)
    shutil.copytree(ROOT / "cli", tree / "provenance" / "cli", ignore=without)
    return tree


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    """
    Run import-linter with the project's contracts.
    """
    command = [
        str(Path(sys.executable).with_name("lint-imports")),
        "--no-cache",
        str(ROOT / "pyproject.toml"),
    ]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)


def test_the_contracts_hold(shipped: Path) -> None:
    """
    Imports only point down, and there is no circle.
    """
    answer = lint(shipped)

    assert answer.returncode == 0, answer.stdout


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("asset/png.py", "from provenance.trust import certificate", "Layers"),
        ("errors.py", "from provenance import text_value", "Layers"),
        ("verification/report.py", "from provenance.verification import verifier", "Layers of verification"),
        ("authority/box.py", "from provenance.validation import claim_signature", "Layers"),
        ("audit/record.py", "from provenance.generation import errors", "Layers"),
        ("verification/judge.py", "import provenance.cli", "Layers"),
        ("validation/claim_signature.py", "from provenance.validation import engine", "Two validators"),
        ("validation/engine.py", "from provenance.validation import hard_binding", "Two validators"),
        (
            "validation/hard_binding/data_hash.py",
            "from provenance.validation import engine_json",
            "Our validator does not read the engine's answers",
        ),
        ("verification/judge.py", "import c2pa", "The engine is imported nowhere"),
        ("asset/png.py", "def hidden():\n    from provenance.asset import scan", "Layers of asset"),
        ("trust/certificate.py", "from provenance.trust import profile", "No circle"),
    ],
)
def test_an_import_that_breaks_a_contract_is_found(
    shipped: Path, module: str, line: str, contract: str
) -> None:
    """
    A contract that names no module that there is would hold whatever is imported.
    """
    path = shipped / "provenance" / module
    before = path.read_bytes()
    try:
        path.write_bytes(before + f"\n{line}\n".encode())
        answer = lint(shipped)
    finally:
        path.write_bytes(before)

    broken = [name for name in answer.stdout.splitlines() if name.endswith("BROKEN")]
    assert answer.returncode == 1
    assert any(name.startswith(contract) for name in broken), answer.stdout


def test_a_module_without_a_place_is_found(shipped: Path) -> None:
    """
    A new module must be placed before it may import anything or be imported.
    """
    path = shipped / "provenance" / "asset" / "jxl.py"
    path.touch()
    try:
        answer = lint(shipped)
    finally:
        path.unlink()

    assert answer.returncode == 1
    assert "jxl" in answer.stdout
