"""
Images of every kind, signed by an authority made on the spot, and the command to judge them with.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from provenance.authority import (
    PURPOSE_MICROSOFT_CLAIM,
    Authority,
    azure_v1,
    azure_v2,
    designer,
    embed_xmp,
    plain_jpeg,
    plain_png,
    remote_manifest_xmp,
    sign_image,
)
from provenance.cli import main
from provenance.trust.certificate import load
from provenance.trust.profile import anchors_from_pem, dump_trust_profile

PROGRAM = Path(sys.executable).with_name("provenance")

Invoke = Callable[..., Result]
Run = Callable[..., "subprocess.CompletedProcess[bytes]"]


@dataclass(frozen=True, slots=True)
class Images:
    """
    Paths of images, named after what becomes of them under the sample profile, and what judges them.
    """

    accepted: str
    tolerated: str
    lineage: str
    trailing: str
    invalid: str
    valid: str
    absent: str
    remote: str
    text: str
    profile: str
    claim_root: str
    time_stamp_root: str


@pytest.fixture(scope="session")
def authority() -> Authority:
    """
    Make an authority.
    """
    return Authority.create()


@pytest.fixture(scope="session")
def images(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Images:
    """
    Make the images, and a trust profile that believes the authority.
    """
    folder = tmp_path_factory.mktemp("images")

    def write(name: str, data: bytes) -> str:
        (folder / name).write_bytes(data)
        return str(folder / name)

    png = plain_png(40, 24, seed=1)
    accepted = sign_image(png, azure_v1(authority))
    profile = anchors_from_pem(
        "sample",
        (load(authority.root.der),),
        (load(authority.time_stamp_root.der),),
        key_purposes=(PURPOSE_MICROSOFT_CLAIM,),
    )
    spoiled = bytearray(accepted)
    spoiled[-20] ^= 1
    return Images(
        accepted=write("accepted.png", accepted),
        tolerated=write("tolerated.jpg", sign_image(plain_jpeg(40, 24, seed=2), azure_v2(authority))),
        lineage=write("lineage.png", sign_image(png, designer(authority, azure_v1(authority)))),
        trailing=write("trailing.png", accepted + b"more"),
        invalid=write("invalid.png", bytes(spoiled)),
        valid=write("valid.png", sign_image(png, azure_v1(Authority.create("Stranger")))),
        absent=write("absent.png", png),
        remote=write("remote.png", embed_xmp(png, remote_manifest_xmp("https://example.com/store.c2pa"))),
        text=write("notes.txt", b"no image"),
        profile=write("sample.toml", dump_trust_profile(profile).encode()),
        claim_root=write("root.pem", authority.root.pem.encode()),
        time_stamp_root=write("time-stamps.pem", authority.time_stamp_root.pem.encode()),
    )


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """
    Keep the trust profiles of whoever runs the tests out of them.
    """
    folder = tmp_path / "home"
    monkeypatch.setenv("AZURE_IMAGE_PROVENANCE_HOME", str(folder))
    monkeypatch.delenv("NO_COLOR", raising=False)
    return folder


@pytest.fixture
def invoke() -> Invoke:
    """
    Return a way to run the command in this process; a mistake of ours shows as itself.
    """

    def run(*args: str, stdin: bytes | None = None, color: bool = False) -> Result:
        return CliRunner().invoke(main, args, input=stdin, color=color, catch_exceptions=False)

    return run


@pytest.fixture
def judge(invoke: Invoke, images: Images) -> Invoke:
    """
    Return a way to run `verify` under the sample profile.
    """

    def run(*args: str, stdin: bytes | None = None) -> Result:
        return invoke("verify", "--trust-profile", images.profile, *args, stdin=stdin)

    return run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """
    Return a way to run the installed command as a process of its own.
    """

    def run_program(
        *args: str | bytes, stdin: bytes = b"", **environment: str
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [PROGRAM, *args],
            input=stdin,
            capture_output=True,
            cwd=tmp_path,
            env={**os.environ, **environment},
            check=False,
            timeout=60,
        )

    return run_program
