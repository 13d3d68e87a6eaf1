"""
The hook for pre-commit, as docs/audit.md shows it, run by pre-commit itself.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from provenance.authority import Authority, azure_v1, plain_png, sign_image

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """
    Make a repository with the configuration out of the documentation.
    """
    documented = re.findall(
        r"```yaml\n(repos:.*?)```", (ROOT / "docs" / "audit.md").read_text("utf-8"), re.DOTALL
    )
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / ".pre-commit-config.yaml").write_text(documented[0], "utf-8")
    (folder / "absent.png").write_bytes(plain_png())
    (folder / "notes.txt").write_text("no image", "utf-8")
    _git(folder, "init", "--quiet")
    _git(folder, "add", ".")
    return folder


def test_a_commit_of_ordinary_images_passes(repository: Path) -> None:
    """
    Most images carry no credentials, and that is no failure.
    """
    ran = _pre_commit(repository)

    assert (ran.returncode, "Passed" in ran.stdout) == (0, True), ran.stdout


def test_a_commit_of_a_changed_image_fails(repository: Path) -> None:
    """
    The hook names the file and the reason.
    """
    changed = bytearray(sign_image(plain_png(40, 24, seed=1), azure_v1(Authority.create())))
    changed[-20] ^= 1
    (repository / "changed.png").write_bytes(changed)
    _git(repository, "add", ".")

    ran = _pre_commit(repository)

    assert ran.returncode == 1
    assert "changed.png: integrity" in ran.stdout
    assert "absent.png: " not in ran.stdout


def test_the_hook_for_other_repositories_runs_the_same_command() -> None:
    """
    Two definitions, one command.
    """
    offered = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    local = re.findall(
        r"```yaml\n(repos:.*?)```", (ROOT / "docs" / "audit.md").read_text("utf-8"), re.DOTALL
    )[0]
    [hook] = yaml.safe_load(local)["repos"][0]["hooks"]

    assert {**offered[0], "language": "system"}.items() >= hook.items()


def test_the_recipes_for_ci_are_yaml_and_run_options_that_exist() -> None:
    """
    Whoever copies a recipe should not be the first to run it.
    """
    recipes = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "audit.md").read_text("utf-8"), re.DOTALL)
    shown = subprocess.run(
        [BIN / "provenance", "audit", "--help"], capture_output=True, text=True, check=True
    )

    used = {option for recipe in recipes for option in re.findall(r"(?<= )--[a-z-]+", recipe)}
    assert len(recipes) == 3
    assert all(yaml.safe_load(recipe) for recipe in recipes)
    assert used == {"--output", "--reuse", "--state"}
    assert all(option in shown.stdout for option in used)


def _pre_commit(folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "PRE_COMMIT_HOME": str(folder.parent / "cache"),
    }
    return subprocess.run(
        [BIN / "pre-commit", "run", "--all-files"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)
