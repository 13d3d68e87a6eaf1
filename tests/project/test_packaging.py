"""
What is shipped, and what is committed.

The wheel is built from a copy of the sources: setuptools puts everything it ever built in a folder into
the next wheel, so a file deleted long ago would still be found here.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from email.parser import Parser
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PYTHON = Path(sys.executable)
SHIPPED = {"cli": "provenance/cli", "provenance": "provenance"}
LEFT_BEHIND = shutil.ignore_patterns("__pycache__", "*.egg-info", "build", "dist", "node_modules")

DEPLOYMENTS = {
    "base.txt": (),
    "audit.txt": ("audit",),
    "entra.txt": ("entra",),
    "service.txt": ("service", "postgresql", "tracing"),
    "simulator.txt": ("simulator",),
}
"""
What deployments are installed from, and the extras of which it holds the packages.
"""

INDEX_HOSTS = ("pypi" + ".org", "python" + "hosted", "npm" + "js.", "deb." + "debian", "crates" + ".io")
"""
Where packages come from. Put together here, so that this file does not name them either.
"""

MACHINE_FOLDERS = ("home", "root", "Users", "work", "workspace")
"""
Folders at the top of a machine below which people keep their work.
"""


@pytest.fixture(scope="module")
def source_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    Copy what a build reads, tests included, to where nothing was ever built.
    """
    copy = tmp_path_factory.mktemp("source")
    for name in ("cli", "provenance", "tests"):
        shutil.copytree(ROOT / name, copy / name, ignore=LEFT_BEHIND)
    for name in ("LICENSE", "README.md", "pyproject.toml", "setup.py"):
        shutil.copy(ROOT / name, copy)
    return copy


@pytest.fixture(scope="module")
def wheel(source_tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    Build the wheel as a release would, but with the build tools that are installed already.
    """
    out = tmp_path_factory.mktemp("dist")
    run(PYTHON, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, source_tree, cwd=source_tree)
    (built,) = out.iterdir()
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    Install the wheel into a fresh environment, and lend it the dependencies of this one.

    Returns:
        The folder of its programs.
    """
    environment = tmp_path_factory.mktemp("installed")
    run(PYTHON, "-m", "venv", "--without-pip", environment, cwd=environment)
    python = environment / "bin" / "python"
    run(PYTHON, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel, cwd=environment)
    # Only now: pip would take the editable install, which lies beside the dependencies, for this one.
    lent = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site_packages,) = environment.glob("lib/python*/site-packages")
    (site_packages / "lent.pth").write_text("\n".join(sorted(lent)), encoding="utf-8")
    return python.parent


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """
    Run a program that must succeed, away from the settings of whoever runs the tests.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    result = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result


def wheel_names(wheel: Path) -> set[str]:
    """
    Read the names of the files in a wheel.
    """
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def committed_files() -> list[Path]:
    """
    List the files of the repository, and those about to be added to it.
    """
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT).stdout
    files = (ROOT / name for name in listed.split("\0") if name)
    return [path for path in files if path.is_file() and not path.is_symlink()]


def pinned(name: str) -> dict[str, str]:
    """
    Read the exact versions out of a file of requirements/.
    """
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", text, re.MULTILINE))


def pyproject() -> dict[str, dict[str, list[str]]]:
    """
    Read the part of pyproject.toml that these tests speak of.
    """
    document = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return {
        "project": {"dependencies": document["project"]["dependencies"]},
        "extras": document["project"]["optional-dependencies"],
        "groups": {
            group: [entry for entry in entries if isinstance(entry, str)]
            for group, entries in document["dependency-groups"].items()
        },
    }


def asked_for(name: str) -> list[str]:
    """
    List what a file of requirements/ has to provide, as pyproject.toml says it.
    """
    declared = pyproject()
    extras = DEPLOYMENTS.get(name, ())
    return [
        *declared["project"]["dependencies"],
        *(one for extra in extras for one in declared["extras"][extra]),
    ]


def not_in(pins: dict[str, str], roots: list[str]) -> list[str]:
    """
    List the requirements, and theirs in turn, that pins do not meet on this system; extras included.
    """
    todo = [(Requirement(root), "") for root in roots]
    seen: set[tuple[str, str]] = set()
    unmet = []
    while todo:
        requirement, extra = todo.pop()
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        if not requirement.specifier.contains(pins.get(name, "0"), prereleases=True) or name not in pins:
            unmet.append(str(requirement))
        for own in ("", *requirement.extras):
            if (name, own) not in seen:
                seen.add((name, own))
                todo += [(Requirement(line), own) for line in metadata.requires(name) or ()]
    return sorted(set(unmet))


def test_the_wheel_has_one_top_level_name(wheel: Path) -> None:
    """
    A second one, "cli" or "tests", would overwrite another project's.
    """
    top_level = {name.split("/")[0] for name in wheel_names(wheel)}

    assert {name for name in top_level if not name.endswith(".dist-info")} == {"provenance"}
    assert len(top_level) == 2


def test_the_wheel_holds_what_the_source_folders_hold(wheel: Path, source_tree: Path) -> None:
    """
    A data file that is not shipped fails only at the user's; a test that is shipped fails never.
    """
    expected = {
        f"{target}/{path.relative_to(source_tree / folder).as_posix()}"
        for folder, target in SHIPPED.items()
        for path in (source_tree / folder).rglob("*")
        if path.is_file()
    }

    assert {name for name in wheel_names(wheel) if name.startswith("provenance/")} == expected


@pytest.mark.parametrize(
    "pattern",
    [
        r"provenance/py\.typed",
        r"provenance/policy/builtin/[^/]+\.toml",
        r"provenance/verification/schemas/[^/]+\.json",
        r"provenance/verification/self_test_data/[^/]+\.(jpg|png)",
        r"provenance/cli/__init__\.py",
    ],
)
def test_the_wheel_holds_each_kind_of_file(wheel: Path, pattern: str) -> None:
    """
    An empty source folder would agree with an empty wheel.
    """
    assert [name for name in wheel_names(wheel) if re.fullmatch(pattern, name)] != []


def test_the_wheel_names_its_licence_and_its_command(wheel: Path) -> None:
    """
    Both are read by other programs.
    """
    with zipfile.ZipFile(wheel) as archive:
        (info,) = {name.split("/")[0] for name in archive.namelist() if ".dist-info/" in name}
        metadata = Parser().parsestr(archive.read(f"{info}/METADATA").decode())
        commands = archive.read(f"{info}/entry_points.txt").decode()

    assert metadata["Name"] == "azure-image-provenance"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["License-File"] == "LICENSE"
    assert commands.split() == ["[console_scripts]", "provenance", "=", "provenance.cli:main"]


def test_the_installed_command_tells_its_version(installed: Path, wheel: Path, tmp_path: Path) -> None:
    """
    Outside the repository nothing is found by chance.
    """
    answer = run(installed / "provenance", "--version", cwd=tmp_path).stdout

    assert wheel.name.split("-")[1] in answer


def test_the_installed_command_finds_its_policies(installed: Path, tmp_path: Path) -> None:
    """
    The policies are data, and data is what packaging forgets.
    """
    answer = run(installed / "provenance", "policy", "list", cwd=tmp_path).stdout

    assert "azure-openai" in answer


def test_the_installed_library_is_the_one_imported(installed: Path, tmp_path: Path) -> None:
    """
    Guards the tests above: they must not run the editable install that lent its dependencies.
    """
    code = "import provenance; print(provenance.__file__)"

    answer = run(installed / "python", "-c", code, cwd=tmp_path).stdout

    assert Path(answer.strip()).is_relative_to(installed.parent)


def test_the_installed_command_runs_inside_the_sources(installed: Path, tmp_path: Path) -> None:
    """
    Its workers must not take the folder `provenance` that lies there for the installed one.
    """
    output = tmp_path / "reports.jsonl"
    samples = ("--trust-profile", "sample_images/trust.toml", "--fail-on", "none", "sample_images/trusted")

    run(installed / "provenance", "audit", "--jobs", "2", "--output", output, *samples, cwd=ROOT)

    states = [json.loads(line)["state"] for line in output.read_text("utf-8").splitlines()]
    assert states == ["trusted"] * len(list((ROOT / "sample_images" / "trusted").iterdir()))


def test_no_committed_file_names_a_package_index() -> None:
    """
    Where packages come from is a setting of each machine, mirrors included.
    """
    pattern = re.compile("|".join(re.escape(host) for host in INDEX_HOSTS).encode(), re.IGNORECASE)

    assert [str(path) for path in committed_files() if pattern.search(path.read_bytes())] == []


def test_no_committed_file_names_a_folder_of_one_machine() -> None:
    """
    Such a path works for one person, and tells the others who that is.
    """
    folders = [re.escape(f"/{folder}/") for folder in MACHINE_FOLDERS]
    if len(ROOT.parts) > 2:
        folders.append(re.escape(f"{ROOT}/"))
    # A slash after a word belongs to an address or to a relative path.
    pattern = re.compile(rf"(?<![\w./~-])(?:{'|'.join(folders)})[\w.-]".encode())

    assert [str(path) for path in committed_files() if pattern.search(path.read_bytes())] == []


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "requirements").iterdir()))
def test_every_requirement_is_pinned_with_hashes(name: str) -> None:
    """
    One requirement without a hash makes pip refuse them all, but only on a new machine.
    """
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    blocks = re.split(r"^(?=[^\s#])", text, flags=re.MULTILINE)
    entries = [block for block in blocks if block.strip()]

    assert entries != []
    assert [
        block
        for block in entries
        if not re.match(r"[a-z0-9-]+==\S+( ; [^\n]+)? \\\n +--hash=sha256:[0-9a-f]{64}", block)
    ] == []


def test_the_pins_lie_in_the_declared_ranges() -> None:
    """
    A range that was changed without `make requirements` would be tested with the wrong versions.
    """
    declared = pyproject()
    cases = [
        ("base.txt", declared["project"]["dependencies"]),
        ("dev.txt", [*declared["project"]["dependencies"], *declared["groups"]["dev"]]),
        ("dev.txt", declared["groups"]["build"]),
        ("lock.txt", declared["groups"]["lock"]),
        ("pip.txt", declared["groups"]["pip"]),
        *((name, asked_for(name)) for name in DEPLOYMENTS),
    ]

    outside = [
        (name, str(requirement))
        for name, entries in cases
        for requirement in map(Requirement, entries)
        if not requirement.specifier.contains(pinned(name).get(requirement.name, "0"))
    ]

    assert outside == []


def test_tests_run_with_the_versions_that_users_get() -> None:
    """
    The development pins hold the user's, one by one.
    """
    tested = pinned("dev.txt")
    of_azure_identity = {"azure-core", "azure-identity", "msal", "msal-extensions", "pyjwt"}

    others = {
        (file, name)
        for file in DEPLOYMENTS
        for name, version in pinned(file).items()
        if tested.get(name) != version
    }

    assert others == {("entra.txt", name) for name in of_azure_identity}


@pytest.mark.parametrize("name", sorted({*DEPLOYMENTS, "dev.txt"} - {"entra.txt"}))
def test_every_set_is_whole(name: str) -> None:
    """
    Extras included, which `pip check` does not look at; whatever installs the set resolves nothing.
    """
    roots = [*asked_for(name), *pyproject()["groups"]["dev"]] if name == "dev.txt" else asked_for(name)

    assert not_in(pinned(name), roots) == []
    assert not_in({}, roots) != []


def test_every_extra_can_be_deployed_from_pins() -> None:
    """
    A new extra needs a file, or a place in one.
    """
    assert sorted(extra for extras in DEPLOYMENTS.values() for extra in extras) == sorted(
        pyproject()["extras"]
    )


@pytest.mark.parametrize("name", ["c2pa-python", "uvicorn"])
def test_what_is_derived_from_is_pinned_exactly(name: str) -> None:
    """
    Private parts may change in any release. The simulator uses public parts of uvicorn alone.
    """
    declared = pyproject()
    lists = {
        "": declared["project"]["dependencies"],
        "dev": declared["groups"]["dev"],
        "service": declared["extras"]["service"],
    }

    found = [
        (place, requirement.specifier)
        for place, entries in lists.items()
        for requirement in map(Requirement, entries)
        if requirement.name == name
    ]

    assert [place for place, _ in found] == ([""] if name == "c2pa-python" else ["dev", "service"])
    assert {str(specifier) for _, specifier in found} == {f"=={metadata.version(name)}"}
