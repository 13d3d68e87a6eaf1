"""
The same file gives the same output to the byte, in every process and through every command.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from provenance.authority import Authority, azure_v1, designer, make_manifest, sign_image
from tests.cli.conftest import Images, Run
from tests.support import PNG

RUNS = 3
ORPHANS = 6


@pytest.fixture(scope="module")
def orphans(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    Make a folder of images with manifests that nothing references: one whole, one changed after signing.
    """
    signed = azure_v1(authority)
    further = tuple(
        make_manifest(PNG, replace(signed, label=f"urn:uuid:{number:08x}-0000-4000-8000-000000000000"))
        for number in (3, 1, 5, 2, 6, 4)
    )
    folder = tmp_path_factory.mktemp("orphans")
    image = sign_image(PNG, designer(authority, signed), unreferenced=further)
    (folder / "whole.png").write_bytes(image)
    (folder / "changed.png").write_bytes(image[:-20] + bytes([image[-20] ^ 1]) + image[-19:])
    return folder


def ran(run: Run, *command: str) -> bytes:
    """
    Run a command in several processes, and return what all of them wrote.
    """
    written = {run(*command, PYTHONHASHSEED=str(seed)).stdout for seed in range(RUNS)}

    assert len(written) == 1
    return written.pop()


def test_two_processes_give_one_report(run: Run, images: Images, orphans: Path) -> None:
    """
    The engine lists manifests that nothing references in an order of chance.
    """
    files = [str(orphans / name) for name in ("whole.png", "changed.png")]

    written = ran(run, "verify", "--format", "jsonl", "--trust-profile", images.profile, *files)

    for line in written.splitlines():
        manifests = json.loads(line)["manifests"]
        further = [manifest["label"] for manifest in manifests if manifest["path"] is None]
        assert further == sorted(further)
        assert len(further) == ORPHANS


def test_two_processes_show_one_tree(run: Run, images: Images, orphans: Path) -> None:
    """
    In words, too.
    """
    written = ran(run, "inspect", "--trust-profile", images.profile, str(orphans / "whole.png"))

    assert written.count(b"urn:uuid:0000000") >= ORPHANS


@pytest.mark.slow
def test_two_audits_write_the_same_files(run: Run, images: Images, orphans: Path, tmp_path: Path) -> None:
    """
    Whoever keeps outputs under version control wants to see what changed, and nothing else.
    """
    names = ("a.jsonl", "a.csv", "a.xml", "a.sarif", "a.html")
    outputs = [option for name in names for option in ("--output", str(tmp_path / name))]
    written: dict[str, set[bytes]] = {name: set() for name in names}

    for _ in range(RUNS):
        run("audit", "--trust-profile", images.profile, "--quiet", *outputs, str(orphans))
        for name in names:
            written[name].add((tmp_path / name).read_bytes())

    assert {name: len(contents) for name, contents in written.items()} == dict.fromkeys(names, 1)
