"""
The pages for developers, against the files that they name.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("docs/architecture.md", "docs/engine.md", "CONTRIBUTING.md")
PLACES = ("", "provenance", "docs")
_PATH = re.compile(r"`([\w.-]+(?:/[\w.-]+)+/?|[\w-]+\.(?:py|toml|md|sh|txt))`")
_ELSEWHERE = {"build/newest", "build/types", "provenance/cli/...", "uvicorn/protocols/http/httptools_impl.py"}


def named_paths(page: str) -> list[str]:
    """
    Find what reads like a path of the project: with a slash, or with an extension.
    """
    found = _PATH.findall((ROOT / page).read_text("utf-8"))
    return sorted({path for path in found if path.upper() != path and "NAME" not in path} - _ELSEWHERE)


def exists(path: str) -> bool:
    """
    Look for a path below the places that the pages speak of, with or without its extension.
    """
    places = [ROOT / place / path for place in PLACES]
    return any(place.exists() or place.with_name(f"{place.name}.py").exists() for place in places)


@pytest.mark.parametrize("page", PAGES)
def test_every_path_that_a_page_names_is_there(page: str) -> None:
    """
    A page that names what was moved away sends its reader nowhere.
    """
    paths = named_paths(page)

    assert len(paths) > 1
    assert [path for path in paths if not exists(path)] == []


def test_every_contract_that_a_recipe_names_is_there() -> None:
    """
    A new module is to be placed in it.
    """
    page = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    named = {" ".join(name.split()) for name in re.findall(r'contract\s+"([^"]+)"', page)}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contracts = {contract["name"] for contract in project["tool"]["importlinter"]["contracts"]}

    assert len(named) > 1
    assert named - contracts == set()


def test_every_folder_has_its_line() -> None:
    """
    Whoever comes new finds each folder on one page.
    """
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    rows = "\n".join(line for line in page.splitlines() if line.startswith("|"))
    folders = [
        path.parent.relative_to(ROOT)
        for top in ("provenance", "cli")
        for path in (ROOT / top).glob("**/__init__.py")
    ]
    names = {f"{folder.name}/" for folder in folders if folder.parts not in {("provenance",), ("cli",)}}

    assert len(names) > 20
    assert {name for name in names if name not in rows} == set()
