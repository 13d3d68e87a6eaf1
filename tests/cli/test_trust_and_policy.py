"""
`provenance policy` and `provenance trust`.
"""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from provenance.policy.policy import builtin_policies
from provenance.trust.microsoft import MICROSOFT
from provenance.trust.profile import anchors_from_pem, read_pem_certificates
from tests.cli.conftest import Images, Invoke

MINE = """
name = "mine"
version = 3
any_of = ["azure-openai-documented", "part.toml"]
"""
PART = """
name = "part"
version = 1
scope = "lineage"
[created]
software_agent = ["An \\u001b[31magent"]
"""


@pytest.fixture
def policy_file(tmp_path: Path) -> str:
    """
    Write a policy that is composed of a built-in one and a file.
    """
    (tmp_path / "part.toml").write_text(PART)
    (tmp_path / "mine.toml").write_text(MINE)
    return str(tmp_path / "mine.toml")


def test_the_policies_are_listed(invoke: Invoke) -> None:
    """
    With what reports name them by.
    """
    text = invoke("policy", "list").stdout
    listed = json.loads(invoke("policy", "list", "--format", "json").stdout)

    assert [item["name"] for item in listed] == list(builtin_policies())
    assert [item["digest"] for item in listed if item["digest"] not in text] == []


def test_a_policy_is_shown_with_what_is_documented(invoke: Invoke) -> None:
    """
    What Microsoft documents and what it writes are two things.
    """
    text = invoke("policy", "show", "azure-openai").stdout

    assert '"AI Generated Image" - documented by Microsoft' in text
    assert '"Generated with AI" - not documented' in text
    assert "no description at all, with digital source type" in text


def test_a_time_is_demanded_in_words(invoke: Invoke) -> None:
    """
    Seconds and what they are counted from.
    """
    assert (
        "within 300 s of the trusted time-stamp" in invoke("policy", "show", "azure-openai-documented").stdout
    )


@pytest.mark.parametrize("name", builtin_policies())
def test_a_policy_is_shown_as_data(invoke: Invoke, name: str) -> None:
    """
    Everything that decides.
    """
    shown = json.loads(invoke("policy", "show", "--format", "json", name).stdout)

    assert shown["digest"] == builtin_policies()[name].digest
    assert [demand["check"] for demand in shown["demands"]][:2] == ["software_agent", "description"]


def test_a_composed_policy_of_ones_own_is_shown(invoke: Invoke, policy_file: str) -> None:
    """
    Part by part; and what stands in it is escaped.
    """
    text = invoke("policy", "show", policy_file).stdout
    shown = json.loads(invoke("policy", "show", "--format", "json", policy_file).stdout)

    assert "at least one of" in text
    assert '"An \\x1b[31magent"' in text
    assert [part["name"] for part in shown["any_of"]] == ["azure-openai-documented", "part"]


def test_there_is_one_profile_at_first(invoke: Invoke, home: Path) -> None:
    """
    Looking does not make a folder.
    """
    listed = json.loads(invoke("trust", "list", "--format", "json").stdout)

    assert listed == [{"name": "microsoft", "built_in": True}]
    assert "built in" in invoke("trust", "list").stdout
    assert not home.exists()


def test_a_profile_is_shown_with_its_pins(invoke: Invoke) -> None:
    """
    To be compared with what Microsoft publishes.
    """
    text = invoke("trust", "show", "microsoft").stdout
    shown = json.loads(invoke("trust", "show", "--format", "json", "microsoft").stdout)

    anchor = MICROSOFT.claim_anchors[0]
    assert anchor.pin.sha256 in text
    assert anchor.intermediates[0].sha256 in text
    assert anchor.key_purposes[0] in text
    assert [pin["sha256"] for pin in shown["time_stamp_anchors"] if pin["sha256"] not in text] == []
    assert shown["digest"] == MICROSOFT.digest


def test_a_profile_is_made_of_pem_files(invoke: Invoke, images: Images, home: Path) -> None:
    """
    From then on it is known by its name, and belongs to the user alone.
    """
    purpose = ("--key-purpose", "1.3.6.1.4.1.311.76.59.1.9")
    anchors = ("--trust-anchors", images.claim_root, "--tsa-anchors", images.time_stamp_root)

    added = invoke("trust", "add", "mine", *anchors, *purpose)

    assert added.exit_code == 0, added.stderr
    assert "Sample Authority Root CA" in added.stdout
    assert stat.S_IMODE((home / "trust" / "mine.toml").stat().st_mode) == 0o600
    assert invoke("verify", "--trust-profile", "mine", images.accepted).exit_code == 0
    assert "your own" in invoke("trust", "list").stdout


def test_a_profile_is_copied_under_another_name(invoke: Invoke, images: Images) -> None:
    """
    Reports name it as the user does.
    """
    assert invoke("trust", "add", "mine", "--profile", images.profile).exit_code == 0

    assert json.loads(invoke("trust", "show", "mine", "--format", "json").stdout)["name"] == "mine"


def test_no_profile_is_replaced_unasked(invoke: Invoke, images: Images) -> None:
    """
    Whom somebody trusts must not change behind their back.
    """
    assert invoke("trust", "add", "mine", "--trust-anchors", images.claim_root).exit_code == 0
    before = invoke("trust", "show", "mine").stdout

    refused = invoke("trust", "add", "mine", "--profile", images.profile)

    assert refused.exit_code == 2
    assert "--force" in refused.stderr
    assert invoke("trust", "show", "mine").stdout == before
    assert "time-stamps  none" in before
    assert invoke("trust", "add", "mine", "--profile", images.profile, "--force").exit_code == 0
    assert invoke("trust", "show", "mine").stdout != before


def test_a_profile_is_forgotten(invoke: Invoke, images: Images) -> None:
    """
    And is no longer found.
    """
    invoke("trust", "add", "mine", "--profile", images.profile)

    assert invoke("trust", "remove", "mine").exit_code == 0
    assert invoke("trust", "remove", "mine").exit_code == 2
    assert invoke("verify", "--trust-profile", "mine", images.accepted).exit_code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("add", "microsoft", "--force", "--profile"),
        ("add", "../mine", "--profile"),
        ("add", "mine.toml", "--profile"),
        ("add", "", "--profile"),
        ("add", "mine", "--tsa-anchors"),
        ("add", "mine", "--key-purpose", "2.5.29.37.0", "--trust-anchors"),
        ("add", "mine", "--key-purpose", "1.2.3", "--profile"),
        ("remove", "microsoft"),
        ("remove", "../images/sample"),
        ("show", "nope"),
        ("show", "/etc"),
    ],
)
def test_what_would_weaken_trust_is_refused(
    invoke: Invoke, images: Images, home: Path, arguments: tuple[str, ...]
) -> None:
    """
    Built-in profiles stay, names lead nowhere else, and "any purpose" is none.
    """
    files = {
        "--profile": images.profile,
        "--trust-anchors": images.claim_root,
        "--tsa-anchors": images.claim_root,
    }
    given = (files[arguments[-1]],) if arguments[-1] in files else ()

    result = invoke("trust", *arguments, *given)

    assert result.exit_code == 2
    assert not home.exists()


def test_a_bare_name_is_no_file_of_the_current_folder(
    invoke: Invoke, images: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Who unpacks an archive and verifies its pictures must not thereby trust whom the archive says.
    """
    (tmp_path / "sample.toml").write_text(Path(images.profile).read_text())
    (tmp_path / "sample").write_text(Path(images.profile).read_text())
    monkeypatch.chdir(tmp_path)

    assert invoke("verify", "--trust-profile", "sample", images.accepted).exit_code == 2
    assert invoke("verify", "--trust-profile", "sample.toml", images.accepted).exit_code == 0


def test_a_profile_of_ones_own_cannot_pass_for_another(invoke: Invoke, images: Images, home: Path) -> None:
    """
    Reports name the profile by what stands in it.
    """
    invoke("trust", "add", "mine", "--profile", images.profile)
    path = home / "trust" / "mine.toml"
    path.write_text(path.read_text().replace('name = "mine"', 'name = "microsoft"', 1))

    result = invoke("verify", "--trust-profile", "mine", images.accepted)

    assert result.exit_code == 2
    assert "calls itself 'microsoft'" in result.stderr


def test_a_home_that_cannot_be_made_is_said(invoke: Invoke, images: Images, home: Path) -> None:
    """
    Without a traceback, and without half a profile.
    """
    home.write_text("in the way")

    result = invoke("trust", "add", "mine", "--profile", images.profile)

    assert result.exit_code == 2
    assert "cannot be made" in result.stderr


@pytest.mark.parametrize("command", ["verify", "audit"])
def test_authorities_added_on_the_command_line_are_believed_about_signers_only(
    invoke: Invoke, images: Images, tmp_path: Path, command: str
) -> None:
    """
    A file of many authorities lets in whoever any of them issued to.
    """
    certificates = read_pem_certificates(Path(images.claim_root))
    out = tmp_path / "out.jsonl"
    form = ("--format", "jsonl") if command == "verify" else ("--fail-on", "none")

    invoke(command, *form, "--trust-anchors", images.claim_root, "--output", str(out), images.accepted)

    trust = json.loads(out.read_text())["trust"]
    added = [anchors_from_pem("x", certificates, signers_only=only) for only in (True, False)]
    assert trust["digest"] == (MICROSOFT | added[0]).digest != (MICROSOFT | added[1]).digest
