"""
`provenance generate`, `edit` and `simulate`, against the simulator over real HTTP.
"""

from __future__ import annotations

import base64
import errno
import json
import os
import pty
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner, Result

from provenance.authority import KeyType, plain_png
from provenance.cli import main
from provenance.simulator import Alter, Answer, Deny, Simulator
from provenance.simulator.fault import Alteration, Denial
from provenance.trust.profile import dump_trust_profile, load_trust_profile
from provenance.verification.report import schema
from tests.cli.conftest import PROGRAM

KEY = "a-key-that-nobody-may-see"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    """
    Run one simulator for all tests.
    """
    with Simulator(api_key=KEY, key_type=KeyType.P256, quota_per_minute=1000) as running:
        yield running


@pytest.fixture
def profile(simulator: Simulator, tmp_path: Path) -> str:
    """
    Write the profile that believes the simulator.
    """
    path = tmp_path / "simulated.toml"
    path.write_text(dump_trust_profile(simulator.trust_profile))
    return str(path)


def invoke(simulator: Simulator, *arguments: str) -> Result:
    """
    Run the command with the simulator as its resource.
    """
    environment = {**variables(simulator), "OPENAI_API_VERSION": None}
    return CliRunner().invoke(main, list(arguments), env=environment)


def variables(simulator: Simulator) -> dict[str, str]:
    """
    Name the simulator as the resource.
    """
    return {
        "AZURE_OPENAI_ENDPOINT": simulator.endpoint,
        "AZURE_OPENAI_API_KEY": KEY,
        "AZURE_OPENAI_DEPLOYMENT": "gpt-image-1",
    }


def test_an_image_is_generated_verified_and_saved(simulator: Simulator, profile: str, tmp_path: Path) -> None:
    """
    One command from prompt to verdict; the folder is made.
    """
    out = tmp_path / "deep" / "pictures"

    result = invoke(simulator, "generate", "a lighthouse", "--out", str(out), "--trust-profile", profile)

    images = sorted(out.glob("*.png"))
    assert (result.exit_code, len(images)) == (0, 1)
    assert "ACCEPTED under azure-openai" in result.stdout
    assert str(images[0]) in result.stdout
    report = json.loads(Path(f"{images[0]}.provenance.json").read_text())
    jsonschema.validate(report, schema())
    assert report["accepted"] is True


def test_reports_of_several_images_are_an_array(simulator: Simulator, profile: str, tmp_path: Path) -> None:
    """
    The one report form, with the saved path as name.
    """
    arguments = ("--n", "2", "--format", "json", "--out", str(tmp_path), "--trust-profile", profile)

    result = invoke(simulator, "generate", "two lighthouses", *arguments)

    reports = json.loads(result.stdout)
    assert (result.exit_code, [report["accepted"] for report in reports]) == (0, [True, True])
    assert all(Path(report["asset"]["name"]).is_file() for report in reports)


def test_what_is_not_accepted_goes_into_quarantine(simulator: Simulator, tmp_path: Path) -> None:
    """
    Under Microsoft's own profile the simulator is a stranger.
    """
    out, quarantine = tmp_path / "out", tmp_path / "quarantine"

    result = invoke(simulator, "generate", "a cat", "--out", str(out), "--quarantine", str(quarantine))

    assert (result.exit_code, out.exists()) == (1, False)
    assert len(list(quarantine.glob("*.png"))) == 1
    assert "REJECTED" in result.stdout


def test_an_image_is_edited(simulator: Simulator, profile: str, tmp_path: Path) -> None:
    """
    What was generated can be edited.
    """
    invoke(simulator, "generate", "a door", "--out", str(tmp_path), "--trust-profile", profile)
    (first,) = tmp_path.glob("*.png")
    arguments = ("--image", str(first), "--out", str(tmp_path / "edited"), "--trust-profile", profile)

    result = invoke(simulator, "edit", str(first), "a red door", *arguments)

    assert (result.exit_code, len(list((tmp_path / "edited").glob("*.png")))) == (0, 1)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--model", "gpt-image-1", "--size", "5x5"), 2, "size"),
        (("--endpoint", "http://example.com"), 2, "http"),
        (("--deployment", "nowhere"), 3, "eployment"),
        (("--api-version", "1999-01-01"), 3, ""),
    ],
    ids=["bad-size", "no-tls", "no-such-deployment", "bad-version"],
)
def test_what_cannot_be_had_is_explained(
    simulator: Simulator, tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    """
    A bad request is 2, a refusal 3; the key is never shown.
    """
    result = invoke(simulator, "generate", "a cat", "--out", str(tmp_path), *arguments)

    assert (result.exit_code, words in result.stderr, list(tmp_path.iterdir())) == (code, True, [])
    assert KEY not in result.output


@pytest.mark.parametrize("output_format", ["text", "json"])
def test_an_error_beside_an_image_is_told(
    simulator: Simulator, profile: str, tmp_path: Path, output_format: str
) -> None:
    """
    On stderr, so that the reports stay reports; the image is saved.
    """
    picture = base64.b64encode(plain_png(16, 16, seed=1)).decode()
    answer = {"data": [{"b64_json": picture}], "error": {"message": "One could not be made."}}
    simulator.faults.add(Answer(json.dumps(answer).encode()))
    arguments = ("--out", str(tmp_path / "out"), "--trust-profile", profile, "--format", output_format)

    result = invoke(simulator, "generate", "a cat", "--n", "2", *arguments)

    assert (result.exit_code, len(list((tmp_path / "out").glob("*.png")))) == (1, 1)
    assert "One could not be made." in result.stderr
    assert "One could not be made." not in result.stdout


@pytest.mark.parametrize(
    ("reason", "words"),
    [("keys disabled", "--entra"), ("firewall", "Networking"), ("unknown", "policy of this organization")],
)
def test_each_denial_has_its_remedy(simulator: Simulator, tmp_path: Path, reason: Denial, words: str) -> None:
    """
    None of them is about the prompt, and none is a rejected image.
    """
    simulator.faults.add(Deny(reason))

    result = invoke(simulator, "generate", "a cat", "--out", str(tmp_path))

    assert (result.exit_code, words in result.stderr, "prompt" in result.stderr) == (3, True, False)


@pytest.mark.parametrize("marker", ["forbidden-prompt", "forbidden-output"])
def test_what_the_filter_said_is_told(simulator: Simulator, tmp_path: Path, marker: str) -> None:
    """
    Whoever has to reword the prompt needs the category, and the prompt as it was rewritten.
    """
    arguments = ("--deployment", "dall-e-3", "--model", "dall-e-3", "--out", str(tmp_path))

    result = invoke(simulator, "generate", f"a {marker} cat", *arguments)

    assert (result.exit_code, list(tmp_path.iterdir())) == (3, [])
    assert "Reword the prompt; refused for: " in result.stderr


def test_a_terminal_shows_for_how_long_it_waits(simulator: Simulator, profile: str, tmp_path: Path) -> None:
    """
    A high-quality image takes minutes; the line is gone when the answer is there.
    """
    command = [str(PROGRAM), "generate", "a cat", "--out", str(tmp_path), "--trust-profile", profile]
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=theirs, env={**os.environ, **variables(simulator)}
    ) as process:
        process.communicate()
    os.close(theirs)
    shown = os.read(ours, 65_536).decode()
    os.close(ours)

    assert process.returncode == 0
    assert "waiting for the image, 0 s" in shown
    assert shown.endswith("\r\x1b[K")


@pytest.mark.parametrize("option", ["--out", "--quarantine"])
@pytest.mark.parametrize(
    "command", [("generate", "a cat"), ("edit", "cat.png", "a dog")], ids=["generate", "edit"]
)
def test_a_folder_that_cannot_be_made_is_explained_before_anything_is_asked(
    simulator: Simulator, profile: str, tmp_path: Path, command: tuple[str, ...], option: str
) -> None:
    """
    The image would be lost then, and be paid for.
    """
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    before = len(simulator.requests)
    folders = {"--out": tmp_path / "out", "--quarantine": tmp_path / "rejected", option: blocked / "x" / "y"}
    arguments = [str(part) for pair in folders.items() for part in pair]

    result = invoke(simulator, *command, *arguments, "--trust-profile", profile)

    assert (result.exit_code, f"{blocked / 'x' / 'y'} cannot be made: " in result.stderr) == (3, True)
    assert len(simulator.requests) == before
    assert {path.name for path in tmp_path.iterdir()} == {"file", Path(profile).name}


def test_a_folder_that_takes_no_files_is_found_before_anything_is_asked(
    simulator: Simulator, profile: str
) -> None:
    """
    It is there, and nobody may write into it, not even an administrator.
    """
    closed = next(folder for folder in ("/proc/self", "/System") if Path(folder).is_dir())
    before = len(simulator.requests)

    result = invoke(simulator, "generate", "a cat", "--out", closed, "--trust-profile", profile)

    assert (result.exit_code, f"{closed} cannot be written to: " in result.stderr) == (3, True)
    assert len(simulator.requests) == before


@pytest.mark.parametrize("below", ["", "x/y"])
def test_a_link_that_leads_nowhere_is_found_before_anything_is_asked(
    simulator: Simulator, profile: str, tmp_path: Path, below: str
) -> None:
    """
    No folder can be made in its place, and none is made where it leads.
    """
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "nowhere")
    before = len(simulator.requests)

    result = invoke(simulator, "generate", "a cat", "--out", str(link / below), "--trust-profile", profile)

    assert result.exit_code == 3
    assert f"{link / below} cannot be " in result.stderr
    assert len(simulator.requests) == before
    assert not (tmp_path / "nowhere").exists()


def test_a_folder_whose_name_is_too_long_is_found_before_anything_is_asked(
    simulator: Simulator, profile: str, tmp_path: Path
) -> None:
    """
    Nothing can be there, and nothing can be made there.
    """
    before = len(simulator.requests)
    out = str(tmp_path / ("x" * 300))

    result = invoke(simulator, "generate", "a cat", "--out", out, "--trust-profile", profile)

    assert (result.exit_code, "cannot be made: File name too long" in result.stderr) == (3, True)
    assert len(simulator.requests) == before


def test_a_folder_that_is_lost_meanwhile_is_explained(
    simulator: Simulator, profile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The image is lost then, so it must not look saved.
    """

    def mkdir(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "mkdir", mkdir)
    out = tmp_path / "out"

    result = invoke(simulator, "generate", "a cat", "--out", str(out), "--trust-profile", profile)

    words = f"{out} cannot be made: No space left on device"
    assert (result.exit_code, words in result.stderr) == (3, True)


@pytest.mark.parametrize(
    ("alteration", "code", "words"),
    [
        ("tampered", 1, "invalid: changed after signing"),
        ("unsigned", 1, "absent: no Content Credentials"),
        ("appended", 1, "what follows the image is not"),
        ("garbage", 3, "could not be judged"),
    ],
)
def test_what_the_service_spoilt_is_kept_and_named(
    simulator: Simulator, profile: str, tmp_path: Path, alteration: Alteration, code: int, words: str
) -> None:
    """
    Nothing that came is lost, and nothing spoilt looks accepted.
    """
    simulator.faults.add(Alter(alteration))

    result = invoke(simulator, "generate", "a cat", "--out", str(tmp_path / "o"), "--trust-profile", profile)

    assert (result.exit_code, words in result.stdout) == (code, True)
    assert len(list((tmp_path / "o").glob("*.provenance.json"))) == 1


def test_the_simulator_runs_until_it_is_told_to_end(tmp_path: Path) -> None:
    """
    It says where it listens, and writes whom to trust.
    """
    trust = tmp_path / "trust.toml"
    command = [str(PROGRAM), "simulate", "--port", "0", "--api-key", KEY, "--trust-out", str(trust)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        endpoint = process.stdout.readline().strip()
        result = subprocess.run(
            [str(PROGRAM), "generate", "a cat", "--out", str(tmp_path), "--trust-profile", str(trust)],
            env={
                **os.environ,
                "AZURE_OPENAI_ENDPOINT": endpoint,
                "AZURE_OPENAI_API_KEY": KEY,
                "AZURE_OPENAI_DEPLOYMENT": "gpt-image-1",
            },
            capture_output=True,
            check=False,
        )
        process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 20
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)

    assert (result.returncode, process.returncode) == (0, 0)
    assert len(load_trust_profile(trust).claim_anchors) == 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("--host", "192.0.2.1"), 2), (("--host", "192.0.2.1", "--allow-remote"), 3)],
    ids=["not-allowed", "not-ours"],
)
def test_the_simulator_stays_on_this_machine_unless_told(arguments: tuple[str, ...], code: int) -> None:
    """
    Whoever can reach it can make it sign.
    """
    result = CliRunner().invoke(main, ["simulate", "--port", "0", *arguments])

    assert result.exit_code == code


def test_a_port_that_is_taken_is_named_with_what_to_do() -> None:
    """
    Not a bad request: it may be free the next time.
    """
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        result = CliRunner().invoke(main, ["simulate", "--port", str(port)])

    assert result.exit_code == 3
    assert result.stderr == (
        f"provenance: cannot listen on 127.0.0.1:{port}: Address already in use; "
        "--port chooses another port, and --port 0 any that is free\n"
    )


def test_a_trust_profile_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """
    The port is not at fault then.
    """
    trust = tmp_path / "missing" / "trust.toml"

    result = CliRunner().invoke(main, ["simulate", "--port", "0", "--trust-out", str(trust)])

    assert (result.exit_code, result.stderr) == (
        3,
        f"provenance: {trust} cannot be written: No such file or directory\n",
    )
