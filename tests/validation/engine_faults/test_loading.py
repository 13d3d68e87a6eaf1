"""
The engine's library is loaded by its absolute path, in its exact version.
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import c2pa
import pytest

from provenance import authority as made
from provenance.authority import Authority, sign_image
from provenance.errors import EngineError
from provenance.validation import engine
from provenance.validation.engine import load_engine
from tests.validation.engine_faults.support import PNG, run_python

DECOY = """
#include <stdio.h>

__attribute__((constructor)) static void run(void)
{
    FILE *marker = fopen("it-ran", "w");
    if (marker)
        fclose(marker);
}
"""


JUDGE = """
import sys
from provenance import Verifier

print(Verifier(self_test=False).verify(sys.argv[1]).state)
"""


def audited_folder(folder: Path, authority: Authority, library: bytes) -> Path:
    """
    Write a signed image and a file called like the engine's library, under all the names there are.
    """
    signed = folder / "signed.png"
    signed.write_bytes(sign_image(PNG, made.azure_v1(authority)))
    for name in ("libc2pa_c.so", "libc2pa_c.dylib", "c2pa_c.dll"):
        for place in (folder, folder / "libs", folder / "artifacts"):
            place.mkdir(exist_ok=True)
            (place / name).write_bytes(library)
    return signed


def test_loading_a_text_file_named_like_the_library_is_not_loaded(
    authority: Authority, tmp_path: Path
) -> None:
    """
    The binding looks into the current directory first.
    """
    signed = audited_folder(tmp_path, authority, b"not a library")

    run = run_python(JUDGE, str(signed), cwd=tmp_path)

    assert (run.returncode, run.stdout.strip(), run.stderr) == (0, "valid", "")


def compiled_decoy(folder: Path) -> bytes:
    """
    Compile a library that leaves a mark when it is loaded.
    """
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    source = folder / "decoy.c"
    source.write_text(DECOY)
    target = folder / "decoy.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", str(target), str(source)], check=True)
    return target.read_bytes()


def test_loading_code_in_an_audited_folder_does_not_run(authority: Authority, tmp_path: Path) -> None:
    """
    A library of that name in the current directory would run as whoever audits it.
    """
    folder = tmp_path / "audited"
    folder.mkdir()
    signed = audited_folder(folder, authority, compiled_decoy(tmp_path))

    run = run_python(JUDGE, str(signed), cwd=folder)

    assert (run.returncode, run.stdout.strip(), run.stderr) == (0, "valid", "")
    assert not (folder / "it-ran").exists()


def test_loading_the_binding_alone_would_run_it(authority: Authority, tmp_path: Path) -> None:
    """
    Without this the test beside it would prove nothing.
    """
    folder = tmp_path / "audited"
    folder.mkdir()
    audited_folder(folder, authority, compiled_decoy(tmp_path))

    run_python("import c2pa", cwd=folder)

    assert (folder / "it-ran").exists()


@pytest.fixture
def fresh_loading(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """
    Forget that the engine was loaded, before and after.
    """
    load_engine.cache_clear()
    yield monkeypatch
    monkeypatch.undo()
    load_engine.cache_clear()


def no_distribution(name: str) -> str:
    """
    Stand in for `importlib.metadata.version` where nothing is installed.
    """
    raise importlib.metadata.PackageNotFoundError(name)


@pytest.mark.parametrize("version", ["0.37.10", "0.38.0", "0.38.2", "0.38.1.post1", "1.0.0"])
def test_loading_another_version_is_an_error(fresh_loading: pytest.MonkeyPatch, version: str) -> None:
    """
    Releases differ in verdicts; 0.37 trusted what must not be.
    """
    fresh_loading.setattr(importlib.metadata, "version", lambda _: version)

    with pytest.raises(EngineError, match=f"c2pa-python {version} is installed, but {engine.VERSION}"):
        load_engine()


def test_loading_without_the_engine_is_an_error(fresh_loading: pytest.MonkeyPatch) -> None:
    """
    It says what to do about it.
    """
    fresh_loading.setattr(importlib.metadata, "version", no_distribution)

    with pytest.raises(EngineError, match="not installed") as caught:
        load_engine()

    assert "Reinstall" in caught.value.hint


def test_loading_without_the_library_file_is_an_error(
    fresh_loading: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """
    When the name given cannot be loaded the binding searches the current directory again.
    """
    origin = str(tmp_path / "c2pa" / "__init__.py")
    spec = type("Spec", (), {"origin": origin})
    fresh_loading.setattr("importlib.util.find_spec", lambda _: spec)

    with pytest.raises(EngineError, match="missing from its installation"):
        load_engine()


@pytest.mark.parametrize("missing", ["spec", "origin", "platform"])
def test_loading_where_there_is_no_library_is_an_error(
    fresh_loading: pytest.MonkeyPatch, missing: str
) -> None:
    """
    A platform without a library, or a package without a place.
    """
    if missing == "platform":
        fresh_loading.setattr(sys, "platform", "plan9")
    else:
        spec = None if missing == "spec" else type("Spec", (), {"origin": None})
        fresh_loading.setattr("importlib.util.find_spec", lambda _: spec)

    with pytest.raises(EngineError, match="has no library for"):
        load_engine()


LOADED = """
import os, sys

loaded = []
sys.addaudithook(lambda event, values: loaded.extend(values) if event == "ctypes.dlopen" else None)
before = dict(os.environ)

from provenance.validation.engine import load_engine

load_engine()
assert dict(os.environ) == before
print(*{str(name) for name in loaded if name})
"""


def test_loading_names_the_installed_library_by_its_absolute_path(tmp_path: Path) -> None:
    """
    So that the search never begins; and programs started later are told nothing of it.
    """
    run = run_python(LOADED, cwd=tmp_path)

    library = Path(c2pa.__file__).resolve().parent / "libs" / engine._LIBRARY[sys.platform]
    assert (run.returncode, run.stdout.strip(), run.stderr) == (0, str(library), "")


def test_loading_leaves_a_name_that_was_set_already(fresh_loading: pytest.MonkeyPatch) -> None:
    """
    Whoever uses the binding beside this library may have set it.
    """
    fresh_loading.setenv("C2PA_LIBRARY_NAME", "theirs.so")

    load_engine()

    assert os.environ["C2PA_LIBRARY_NAME"] == "theirs.so"


def test_loading_a_library_that_cannot_be_loaded_is_an_error(
    fresh_loading: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """
    The file may be there and be made for another system; the binding would search on.
    """
    (tmp_path / "c2pa" / "libs").mkdir(parents=True)
    (tmp_path / "c2pa" / "libs" / engine._LIBRARY[sys.platform]).write_bytes(b"not a library")
    spec = type("Spec", (), {"origin": str(tmp_path / "c2pa" / "__init__.py")})
    fresh_loading.setattr("importlib.util.find_spec", lambda _: spec)

    with pytest.raises(EngineError, match="cannot be loaded"):
        load_engine()
