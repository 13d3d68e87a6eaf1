"""
Nothing is run, or read, from the working folder or from the folder that is judged, whichever command it is.

A command that is added needs its entry in `COMMANDS` below.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import click
import httpx
import pytest

from provenance.cli import main
from tests.cli.conftest import PROGRAM, Images
from tests.surroundings_support import Surroundings, Watch, module_names

KEY = "simulated"
TIMEOUT_S = 120


@dataclass(frozen=True, slots=True)
class Place:
    """
    Where a command runs, and with what.

    Attributes:
        working: The working folder.

        images: Samples; they lie elsewhere.

        out: An empty folder elsewhere.

        variables: The whole environment.
    """

    working: Path
    images: Images
    out: Path
    variables: Mapping[str, str]

    def run(self, *arguments: str | Path, code: int = 0, **variables: str) -> str:
        """
        Run a command that is to end with an exit code.

        Returns:
            What it wrote to standard output.
        """
        done = subprocess.run(
            [PROGRAM, *arguments],
            cwd=self.working,
            env={**self.variables, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    @contextlib.contextmanager
    def running(self, *arguments: str | Path, **variables: str) -> Iterator[str]:
        """
        Run a command until it is told to end.

        Returns:
            The first line that it writes: its address.
        """
        with (
            (self.out / "log").open("wb") as log,
            subprocess.Popen(
                [PROGRAM, *arguments],
                cwd=self.working,
                env={**self.variables, **variables},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            ) as process,
        ):
            try:
                assert process.stdout is not None
                address = process.stdout.readline().strip()
                assert address, (self.out / "log").read_text("utf-8")
                yield address
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(TIMEOUT_S)
        assert process.returncode == 0, (self.out / "log").read_text("utf-8")


# --- every command --------------------------------------------------------------------------------


def _verify(place: Place) -> None:
    written = place.run(
        "verify", "--trust-profile", place.images.profile, "--format", "json", place.images.accepted
    )
    (report,) = json.loads(written)
    assert (report["state"], report["accepted"]) == ("trusted", True)


def _inspect(place: Place) -> None:
    assert "signingCredential.trusted" in place.run(
        "inspect", "--trust-profile", place.images.profile, place.images.accepted
    )


def _audit(place: Place) -> None:
    outputs = [place.out / name for name in ("a.html", "a.jsonl", "a.csv", "a.parquet", "a.xml", "a.sarif")]
    arguments = [argument for output in outputs for argument in ("--output", output)]
    profile = ("--trust-profile", place.images.profile, "--jobs", "2", "--state", place.out / "state.db")
    written = place.run("audit", *profile, *arguments, place.images.accepted, place.images.absent)
    assert re.search(r"accepted +1 .*\n.*absent +1 ", written)
    assert "data:image/webp" in outputs[0].read_text("utf-8")  # a thumbnail
    assert all(output.stat().st_size for output in outputs)


def _generate(place: Place, *arguments: str | Path) -> None:
    profile = place.out / "simulated.toml"
    simulate = ("simulate", "--port", "0", "--api-key", KEY, "--trust-out", profile)
    with place.running(*simulate) as endpoint:
        place.run(
            *(arguments or ("generate", "a lighthouse")),
            *("--out", place.out, "--trust-profile", profile, "--deployment", "gpt-image-1"),
            AZURE_OPENAI_ENDPOINT=endpoint,
            AZURE_OPENAI_API_KEY=KEY,
        )
    (report,) = place.out.glob("*.provenance.json")
    assert json.loads(report.read_bytes())["state"] == "trusted"


def _edit(place: Place) -> None:
    _generate(place, "edit", place.images.absent, "make it night")


class _Collector(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *values: object) -> None:  # noqa: A002 - the name is the base class's
        pass


@contextlib.contextmanager
def _collecting() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Collector) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1/traces"
        finally:
            server.shutdown()
            thread.join()


def _serve(place: Place) -> None:
    settings = {"PORT": "0", "WORKERS": "2", "TRUST_PROFILES": place.images.profile}
    image = Path(place.images.accepted).read_bytes()
    with _collecting() as collector:
        settings["OTLP_ENDPOINT"] = collector
        variables = {f"PROVENANCE_{name}": value for name, value in settings.items()}
        with place.running("serve", "--no-auth", **variables) as address:
            answer = httpx.post(f"{address}/v1/verify", content=image, timeout=60)
            page = httpx.get(address, timeout=60)
    assert answer.json()["state"] == "trusted"
    assert page.status_code == 200


def _keys_create(place: Place) -> None:
    assert place.run("keys", "create", "--name", "uploads", "--scope", "verify").startswith("aip_")


def _keys_list(place: Place) -> None:
    _keys_create(place)
    (key,) = json.loads(place.run("keys", "list", "--format", "json"))
    assert key["name"] == "uploads"


def _keys_revoke(place: Place) -> None:
    _keys_create(place)
    (key,) = json.loads(place.run("keys", "list", "--format", "json"))
    place.run("keys", "revoke", key["id"])


def _policy_list(place: Place) -> None:
    assert "azure-openai-lineage" in place.run("policy", "list")


def _policy_show(place: Place) -> None:
    assert "azure-openai" in place.run("policy", "show", "azure-openai")


def _trust_list(place: Place) -> None:
    (found,) = json.loads(place.run("trust", "list", "--format", "json"))
    assert found["name"] == "microsoft"


def _trust_show(place: Place) -> None:
    assert "Microsoft" in place.run("trust", "show", "microsoft")
    place.run("trust", "show", "theirs", code=2)


def _trust_add(place: Place) -> None:
    place.run("trust", "add", "ours", "--trust-anchors", place.images.claim_root)
    assert "ours" in place.run("trust", "list")


def _trust_remove(place: Place) -> None:
    _trust_add(place)
    place.run("trust", "remove", "ours")
    _trust_list(place)


def _selftest(place: Place) -> None:
    place.run("selftest")


def _schema(place: Place) -> None:
    assert json.loads(place.run("schema"))["$schema"]


def _completion(place: Place) -> None:
    for shell in ("bash", "zsh", "fish"):
        assert "provenance" in place.run("completion", shell)
    assert "verify" in place.run(
        COMP_WORDS="provenance ver", COMP_CWORD="1", _PROVENANCE_COMPLETE="bash_complete"
    )


COMMANDS: dict[str, Callable[[Place], None]] = {
    "verify": _verify,
    "inspect": _inspect,
    "audit": _audit,
    "generate": _generate,
    "edit": _edit,
    "serve": _serve,
    "simulate": _generate,
    "keys create": _keys_create,
    "keys list": _keys_list,
    "keys revoke": _keys_revoke,
    "policy list": _policy_list,
    "policy show": _policy_show,
    "trust add": _trust_add,
    "trust list": _trust_list,
    "trust remove": _trust_remove,
    "trust show": _trust_show,
    "selftest": _selftest,
    "schema": _schema,
    "completion": _completion,
}
"""
By name: what runs the command, and holds its result against what is right.
"""


def find_commands(group: click.Group) -> Iterator[str]:
    """
    Return all commands, and those below them.
    """
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from (f"{name} {below}" for below in find_commands(command))
        else:
            yield name


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Surroundings:
    """
    Write the folder, once.
    """
    return Surroundings(tmp_path_factory.mktemp("surroundings") / "downloads")


@pytest.fixture
def place(surroundings: Surroundings, images: Images, tmp_path: Path) -> Iterator[Place]:
    """
    Yield a place to run commands in, and see that nothing there was run.
    """
    (tmp_path / "user").mkdir()
    (tmp_path / "out").mkdir()
    kept = {name: value for name, value in os.environ.items() if name in {"LANG", "LC_ALL", "PATH", "TMPDIR"}}
    # A variable that is empty is one that is not set, and not the working folder.
    unset = dict.fromkeys(
        ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "AZURE_IMAGE_PROVENANCE_HOME", "PYTHONPATH"), ""
    )
    surroundings.forget()
    yield Place(
        surroundings.folder, images, tmp_path / "out", {**kept, **unset, "HOME": str(tmp_path / "user")}
    )
    assert surroundings.marks == []


IMPORTED = """
import importlib, pkgutil, sys
import provenance, provenance.cli
from provenance.validation.engine import load_engine

load_engine()
for package in (provenance, provenance.cli):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith(".__main__") and ".migrations." not in module.name:
            importlib.import_module(module.name)
found = {name.partition(".")[0] for name, module in sys.modules.items() if getattr(module, "__file__", None)}
print(*(name for name in found if not name.startswith("__")))
"""


def test_the_folder_holds_a_file_for_all_that_is_imported() -> None:
    """
    A module that no file is named after would be looked for in vain.
    """
    ran = subprocess.run([sys.executable, "-P", "-c", IMPORTED], capture_output=True, text=True, check=True)

    imported = set(ran.stdout.split())
    assert {"alembic", "c2pa", "provenance", "threading", "uvicorn"} <= imported
    assert imported <= module_names()


def test_the_files_work(surroundings: Surroundings) -> None:
    """
    Without this the tests below would prove nothing.
    """
    surroundings.forget()
    with Watch(surroundings.folder) as watch:
        code = "import sys; sys.path.insert(0, ''); import theirs"
        subprocess.run([sys.executable, "-P", "-c", code], cwd=surroundings.folder, check=True)
        opened = watch.opened()

    assert [Path(mark).name for mark in surroundings.marks] == ["theirs.py"]
    if sys.platform == "linux":
        assert {"", "theirs.py"} <= opened
    surroundings.forget()


@pytest.mark.parametrize("command", list(find_commands(main)))
def test_nothing_comes_from_the_working_folder(place: Place, command: str) -> None:
    """
    Whatever lies there, it is not even looked at.
    """
    with Watch(place.working) as watch:
        COMMANDS[command](place)

        assert watch.opened() == set()


# --- the folder that is judged --------------------------------------------------------------------


@pytest.fixture
def judged(place: Place, images: Images) -> Place:
    """
    Write pictures into the folder, and a manifest store beside the one that has none.
    """
    shutil.copy(images.accepted, place.working / "accepted.png")
    shutil.copy(images.absent, place.working / "absent.png")
    (place.working / "absent.c2pa").write_bytes(_store(Path(images.accepted).read_bytes()))
    return place


@pytest.mark.parametrize("there", ["there", "elsewhere"])
def test_nothing_is_run_in_a_folder_that_is_audited(judged: Place, tmp_path: Path, there: str) -> None:
    """
    From where the pictures are, or from elsewhere.
    """
    folder = "." if there == "there" else judged.working
    place = replace(judged, working=judged.working if there == "there" else tmp_path)
    outputs = ("--output", place.out / "a.html", "--output", place.out / "a.jsonl")
    profile = ("--trust-profile", place.images.profile, "--jobs", "2", "--hidden")

    place.run("audit", *profile, *outputs, folder)

    reports = map(json.loads, (place.out / "a.jsonl").read_text("utf-8").splitlines())
    states = {Path(report["asset"]["name"]).name: report.get("state") for report in reports}
    assert (states["accepted.png"], states["absent.png"]) == ("trusted", "absent")


@pytest.mark.parametrize("command", ["verify", "inspect"])
def test_nothing_is_run_beside_a_file_that_is_judged(judged: Place, command: str) -> None:
    """
    A manifest store beside it is not its own either.
    """
    profile = ("--trust-profile", judged.images.profile)
    with Watch(judged.working) as watch:
        written = judged.run(command, *profile, "--format", "json", "accepted.png")
        unsigned = judged.run(
            command, *profile, "--format", "json", "absent.png", code=0 if command == "inspect" else 1
        )

        assert watch.opened() <= {"accepted.png", "absent.png"}
    assert '"trusted"' in written
    assert '"absent"' in unsigned


def test_nothing_is_run_beside_a_file_that_is_edited(judged: Place) -> None:
    """
    The simulator is started there as well.
    """
    _generate(judged, "edit", "absent.png", "make it night")


def _store(png: bytes) -> bytes:
    kind = png.index(b"caBX")
    length = int.from_bytes(png[kind - 4 : kind])
    return png[kind + 4 : kind + 4 + length]
