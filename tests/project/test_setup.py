"""
Set-up from the pinned files: the same on every day, whatever the package index holds by then.

The pinned wheels are fetched once, from the index that pip is configured for, into build/wheels, and are
installed from there beside a folder of far newer releases.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from base64 import urlsafe_b64encode
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "requirements"
WHEELS = ROOT / "build" / "wheels"
INSTALL = ROOT / "scripts" / "install_pinned.sh"
FIND = ROOT / "scripts" / "find_python.sh"

SETS = ("base", "service", "dev", "entra")
"""
Files of requirements/ that together hold all packages, each installed on top of those before it.
"""

OLDEST_PIP = "22.3"
OLDEST_PIP_SHA256 = "1daab4b8d3b97d1d763caeb01a4640a2250a0ea899e257b1e44b9eded91e15ab"
"""
The one that comes with Python 3.11.0; it does not run on newer ones, which come with their own.
"""

EXTRAS = ("binary", "crypto", "toml")
"""
Extras by which pinned packages ask for others.
"""

PYTEST_COV = ("coverage", "iniconfig", "packaging", "pluggy", "pygments", "pytest", "pytest-cov")
"""
A package that asks for an extra, and all that it needs.
"""

MINOR = f"3.{sys.version_info.minor}"

Ran = subprocess.CompletedProcess[str]


def run(*command: str | Path, cwd: Path, **variables: str) -> Ran:
    """
    Run a program away from the settings of whoever runs the tests.
    """
    others = ("MAKE", "PIP_", "PYENV_", "PYTHON", "VENV")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    return subprocess.run(
        command,
        cwd=cwd,
        env={**kept, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def pins(file: Path) -> dict[str, str]:
    """
    Read the versions that a file of requirements/ gives for this system and this Python.
    """
    lines = re.findall(r"^[a-z0-9-]+==[^\\\n]+", file.read_text("utf-8"), re.MULTILINE)
    entries = [Requirement(line) for line in lines]
    return {
        entry.name: str(entry.specifier).removeprefix("==")
        for entry in entries
        if entry.marker is None or entry.marker.evaluate()
    }


def site_packages(environment: Path) -> Path:
    """
    Find where an environment keeps its packages.
    """
    (found,) = environment.glob("lib/python*/site-packages")
    return found


def installed(environment: Path) -> dict[str, str]:
    """
    Read which versions an environment holds, pip's own aside.
    """
    found = metadata.distributions(path=[str(site_packages(environment))])
    versions = {str(canonicalize_name(one.name)): one.version for one in found}
    return {name: version for name, version in versions.items() if name != "pip"}


def fetch(file: Path) -> None:
    """
    Download the wheels of a pinned file to build/wheels; skips where the index does not give them.
    """
    fetching = [sys.executable, "-P", "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    fetching += ["--no-deps", "--require-hashes", "--only-binary", ":all:"]
    fetching += ["--requirement", str(file), "--dest", str(WHEELS)]
    kept = subprocess.run(
        [*fetching, "--no-index", "--find-links", str(WHEELS)], cwd=ROOT, capture_output=True, check=False
    )
    if kept.returncode == 0:
        return
    done = subprocess.run(fetching, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"pip cannot fetch the wheels of {file.name}: {done.stderr.strip()[-500:]}")


@pytest.fixture(scope="module")
def pinned_wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    Fetch every wheel that is pinned, and the two releases of pip.
    """
    WHEELS.mkdir(parents=True, exist_ok=True)
    oldest = tmp_path_factory.mktemp("pip") / "oldest.txt"
    oldest.write_text(f"pip=={OLDEST_PIP} --hash=sha256:{OLDEST_PIP_SHA256}\n", "utf-8")
    for file in (REQUIREMENTS / "dev.txt", REQUIREMENTS / "entra.txt", REQUIREMENTS / "pip.txt", oldest):
        fetch(file)
    return WHEELS


@pytest.fixture(scope="module")
def newer_wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    Make a far newer release of every package that is pinned.
    """
    folder = tmp_path_factory.mktemp("newer")
    for name in {name for file in REQUIREMENTS.glob("*.txt") for name in pins(file)}:
        write_wheel(folder, name.replace("-", "_"), "9999.0")
    return folder


def write_wheel(folder: Path, name: str, version: str) -> None:
    """
    Write a wheel that holds nothing but what makes it one.
    """
    info = f"{name}-{version}.dist-info"
    extras = "".join(f"Provides-Extra: {extra}\n" for extra in EXTRAS)
    files = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{extras}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [f"{path},{_digest(text)},{len(text)}\n" for path, text in files.items()]
    files[f"{info}/RECORD"] = "".join(rows) + f"{info}/RECORD,,\n"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)


def _digest(text: str) -> str:
    digest = urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
    return f"sha256={digest.rstrip(b'=').decode()}"


def environment(folder: Path, wheels: Path, pip: str) -> Path:
    """
    Make an environment that holds nothing but one release of pip.

    Returns:
        Its Python.
    """
    bundled = pip == "oldest" and MINOR != "3.11"
    options = [] if bundled else ["--without-pip"]
    made = run(sys.executable, "-m", "venv", *options, folder, cwd=folder.parent)
    assert made.returncode == 0, made.stderr
    if not bundled:
        version = pins(REQUIREMENTS / "pip.txt")["pip"] if pip == "newest" else OLDEST_PIP
        with zipfile.ZipFile(wheels / f"pip-{version}-py3-none-any.whl") as archive:
            archive.extractall(site_packages(folder))
    return folder / "bin" / "python"


def part_of(name: str, folder: Path, *packages: str) -> Path:
    """
    Write a file with the pins of a few packages alone.
    """
    text = (REQUIREMENTS / name).read_text("utf-8")
    blocks = re.findall(r"^([a-z0-9-]+)(==.*\n(?:  .*\n)+)", text, re.MULTILINE)
    file = folder / f"part-of-{name}"
    file.write_text("".join(package + rest for package, rest in blocks if package in packages), "utf-8")
    return file


def from_folders(*folders: Path) -> dict[str, str]:
    """
    Return the settings by which pip finds releases in folders, and nowhere else.
    """
    return {
        "PIP_COMPILE": "0",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_FIND_LINKS": " ".join(folder.as_uri() for folder in folders),
        "PIP_NO_INDEX": "1",
    }


@pytest.mark.parametrize("pip", ["oldest", "newest"])
def test_set_up_takes_the_pins_beside_newer_releases(
    tmp_path: Path, pinned_wheels: Path, newer_wheels: Path, pip: str
) -> None:
    """
    A release that came out after the pins were written changes nothing.
    """
    python = environment(tmp_path / "made", pinned_wheels, pip)
    expected: dict[str, str] = {}

    for name in SETS:
        file = REQUIREMENTS / f"{name}.txt"
        done = run("bash", INSTALL, python, file, cwd=tmp_path, **from_folders(newer_wheels, pinned_wheels))

        expected |= pins(file)
        assert (name, done.returncode, done.stdout) == (name, 0, ""), done.stderr
        assert installed(tmp_path / "made") == expected


def test_resolving_the_pins_beside_newer_releases_fails(
    tmp_path: Path, pinned_wheels: Path, newer_wheels: Path
) -> None:
    """
    Guards the test above: these newer releases are of the kind that stops a set-up which resolves.
    """
    file = part_of("dev.txt", tmp_path, *PYTEST_COV)
    python = environment(tmp_path / "made", pinned_wheels, "oldest")
    resolving = ("-m", "pip", "install", "--dry-run", "--require-hashes", "--requirement", file)

    alone = run(python, *resolving, cwd=tmp_path, **from_folders(pinned_wheels))
    beside = run(python, *resolving, cwd=tmp_path, **from_folders(newer_wheels, pinned_wheels))

    assert alone.returncode == 0, alone.stderr
    assert beside.returncode == 1
    assert "In --require-hashes mode" in beside.stderr
    assert "coverage[toml]" in beside.stderr


def test_set_up_from_an_incomplete_file_is_an_error(tmp_path: Path, pinned_wheels: Path) -> None:
    """
    Nothing is resolved, so nothing else would notice.
    """
    file = part_of("base.txt", tmp_path, "httpx")
    python = environment(tmp_path / "made", pinned_wheels, "newest")

    done = run("bash", INSTALL, python, file, cwd=tmp_path, **from_folders(pinned_wheels))

    assert done.returncode == 1
    assert "requires httpcore, which is not installed" in done.stderr
    assert "make requirements" in done.stderr


def test_nothing_is_built_while_setting_up(tmp_path: Path, pinned_wheels: Path) -> None:
    """
    A build runs the package's own code, with tools that nobody pinned.
    """
    source = tmp_path / "iniconfig-9999.0.tar.gz"
    source.write_bytes(b"whatever it holds")
    file = tmp_path / "source.txt"
    file.write_text(
        f"iniconfig==9999.0 --hash=sha256:{hashlib.sha256(source.read_bytes()).hexdigest()}\n", "utf-8"
    )
    python = environment(tmp_path / "made", pinned_wheels, "newest")

    done = run("bash", INSTALL, python, file, cwd=tmp_path, **from_folders(tmp_path))

    assert done.returncode == 1
    assert "No matching distribution found for iniconfig==9999.0" in done.stderr


def test_no_module_of_the_working_folder_runs_while_setting_up(tmp_path: Path, pinned_wheels: Path) -> None:
    """
    `python -m pip` alone would look there first.
    """
    (tmp_path / "pip.py").write_text("raise SystemExit('not pip')", "utf-8")
    (tmp_path / "empty.txt").touch()
    python = environment(tmp_path / "made", pinned_wheels, "newest")

    done = run("bash", INSTALL, python, "empty.txt", cwd=tmp_path, **from_folders(pinned_wheels))

    assert "not pip" not in done.stderr
    assert done.returncode == 0


def test_every_place_that_installs_pins_resolves_nothing() -> None:
    """
    Scripts, the Makefile and the documents say it in full, each time.
    """
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT).stdout
    files = [
        ROOT / name
        for name in listed.split("\0")
        if name and not name.startswith(("tests/", "requirements/"))
    ]
    commands = [
        (str(path.relative_to(ROOT)), command)
        for path in files
        if path.suffix in {"", ".md", ".sh", ".toml", ".yaml", ".yml"} and path.is_file()
        for command in path.read_text("utf-8").replace("\\\n", " ").splitlines()
        if re.search(r"\bpip install\b.*(\s-r|--requirement)\b", command)
    ]

    demanded = ("--no-deps", "--require-hashes", "--only-binary :all:")
    assert {path for path, _ in commands} == {
        "docs/audit.md",
        "docs/operations.md",
        "scripts/install_pinned.sh",
    }
    assert [found for found in commands if not all(option in found[1] for option in demanded)] == []


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """
    Make a folder for a PATH with what make and the scripts need, and no Python.
    """
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in ("bash", "dirname", "make", "sed", "sh", "sort", "touch"):
        (folder / name).symlink_to(str(shutil.which(name)))
    return folder


def stand_in(folder: Path, name: str, *lines: str) -> Path:
    """
    Write a program in the place of a Python.
    """
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text("\n".join(["#!/bin/sh", *lines]), "utf-8")
    program.chmod(0o755)
    return folder


def this_python(*, version: str = "") -> str:
    """
    Write how a stand-in starts this Python, which may pretend to be of another version.
    """
    python = shlex.quote(sys.executable)
    if not version:
        return f'exec {python} "$@"'
    pretending = f"import sys; sys.version_info = ({version}, 0); sys.executable = '$0'; exec(sys.argv[1])"
    return f'exec {python} -I -c "{pretending}" "$3"'


def found(tmp_path: Path, tools: Path, *names: str) -> tuple[int, str]:
    """
    Ask for a Python where two folders and the tools are the PATH.
    """
    path = os.pathsep.join(str(folder) for folder in (tmp_path / "first", tmp_path / "second", tools))
    done = run("bash", FIND, *names, cwd=tmp_path, PATH=path)
    return done.returncode, done.stdout.strip()


def test_a_python_that_does_not_start_is_passed_over(tmp_path: Path, tools: Path) -> None:
    """
    Version managers leave stand-ins for versions that are not activated.
    """
    stand_in(tmp_path / "first", "python3", "echo 'not activated' >&2", "exit 127")
    stand_in(tmp_path / "second", "python3", this_python())

    assert found(tmp_path, tools, "python3") == (0, sys.executable)


def test_a_python_that_pyenv_keeps_is_found(tmp_path: Path, tools: Path) -> None:
    """
    Its stand-in starts what a variable names.
    """
    waiting = f'[ "$PYENV_VERSION" = {MINOR} ] || exit 127'
    stand_in(tmp_path / "first", f"python{MINOR}", waiting, this_python())

    assert found(tmp_path, tools, f"python{MINOR}") == (0, sys.executable)


def test_a_python_that_is_too_old_is_passed_over(tmp_path: Path, tools: Path) -> None:
    """
    However it is called.
    """
    stand_in(tmp_path / "first", "python3", this_python(version="3, 10"))
    stand_in(tmp_path / "first", "python", this_python(version="3, 11"))

    assert found(tmp_path, tools, "python3") == (1, "")
    assert found(tmp_path, tools, "python3", "python") == (0, str(tmp_path / "first" / "python"))


def made_environment(folder: Path, *lines: str) -> Path:
    """
    Make what make takes for an environment that is set up.
    """
    folder.mkdir()
    stand_in(folder / "bin", "python", *lines)
    for name in (".dependencies", ".installed"):
        (folder / name).touch()
    return folder


@pytest.mark.parametrize(("lines", "is_other"), [((this_python(),), False), (("echo 3.10",), True)])
def test_a_python_that_is_named_is_used(tmp_path: Path, lines: tuple[str, ...], *, is_other: bool) -> None:
    """
    An environment that another one made is made anew.
    """
    folder = made_environment(tmp_path / "made", *lines)

    planned = run("make", "-n", "setup", f"PYTHON={sys.executable}", f"VENV={folder}", cwd=ROOT).stdout

    assert (f"-m venv --clear '{folder}'" in planned) == is_other


def test_a_python_that_is_missing_is_an_error(tmp_path: Path, tools: Path) -> None:
    """
    With what to do.
    """
    done = run("make", "setup", "PYTHON=python3.99", f"VENV={tmp_path / 'made'}", cwd=ROOT, PATH=str(tools))

    assert done.returncode == 2
    assert "python3.99 is missing or older than Python 3.11: install one, or name it" in done.stderr


def test_where_no_newer_python_is_make_says_so(tmp_path: Path, tools: Path) -> None:
    """
    Nobody should believe that more was tested than was.
    """
    folder = made_environment(tmp_path / "made", this_python())

    done = run("make", "newest-python", f"VENV={folder}", cwd=ROOT, PATH=str(tools))

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("No newer Python here than the one in")


def test_a_newer_python_runs_all_but_the_slow_tests(tmp_path: Path, tools: Path) -> None:
    """
    In an environment of its own; make itself only tells here what it would do there.
    """
    folder = made_environment(tmp_path / "made", this_python(version="3, 11"))
    named = re.findall(
        r"Programming Language :: Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text("utf-8")
    )
    newest = named[-1]
    stand_in(tmp_path / "first", f"python{newest}", this_python(version=newest.replace(".", ", ")))
    path = f"{tmp_path / 'first'}{os.pathsep}{tools}"

    done = run("make", "-n", "newest-python", f"VENV={folder}", cwd=ROOT, PATH=path)

    assert "All but the slow tests again, on" in done.stdout
    assert re.search(r"\.venv-newest/bin/python -m pytest .*-m .not slow.", done.stdout)
