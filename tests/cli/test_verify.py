"""
`provenance verify`: verdicts in words and as reports.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import jsonschema
import pytest
from click.testing import Result

from provenance.authority import Authority, azure_v1, plain_png, sign_image
from provenance.errors import EngineError
from provenance.verification.report import schema
from provenance.verification.verifier import Verifier
from tests.cli.conftest import Images, Invoke

BAD = "\x1b[2J\u202e\n  ACCEPTED"


def reports(result: Result) -> list[dict[str, object]]:
    """
    Read JSON Lines, each of which has to satisfy the schema.
    """
    found = [json.loads(line) for line in result.stdout.splitlines()]
    for report in found:
        jsonschema.validate(report, schema())
    return found


@pytest.mark.parametrize(
    ("kind", "code", "words"),
    [
        (
            "accepted",
            0,
            (
                "ACCEPTED under azure-openai",
                "trusted: these are the bytes that a trusted signer signed",
                '"Sample Authority" ("Sample Authority Signer"), below Sample Authority Root CA',
                "2024-06-01 12:00:00 UTC, time-stamp below Sample Authority Time-Stamp Root CA",
                'Azure OpenAI: "Azure OpenAI DALL-E" in the active manifest',
                '"Generated with AI", as seen in genuine images, not as documented',
            ),
        ),
        ("tolerated", 0, ("ACCEPTED", "claim.malformed", "a known fault of the engine, not of the image")),
        (
            "lineage",
            1,
            (
                "REJECTED under azure-openai",
                "trusted, but not what the policy demands",
                'Azure OpenAI: "Azure OpenAI DALL-E" in an ingredient, not in the active manifest',
                "software_agent: expected Azure OpenAI DALL-E or Azure OpenAI ImageGen; found nothing",
                "It passes under: azure-openai-lineage",
            ),
        ),
        (
            "trailing",
            1,
            ("REJECTED", "trusted, but what follows the image is not: 4 bytes", "as it was first saved"),
        ),
        (
            "invalid",
            1,
            (
                "REJECTED",
                "invalid: changed after signing",
                "by its own claim, which does not hold",
                "by its own claim; invalid credentials prove nothing",
                "Get the image again",
            ),
        ),
        (
            "valid",
            1,
            (
                "REJECTED",
                "valid, but nobody who is trusted vouches for the signer",
                "no anchor of yours vouches for it",
                "by its own claim; no trusted signer says so",
                "provenance trust add",
            ),
        ),
        ("absent", 1, ("REJECTED", "absent: no Content Credentials", "nothing about how the image was made")),
        ("remote", 1, ("absent", '"https://example.com/store.c2pa"', "Nothing was fetched")),
    ],
)
def test_a_verdict_is_said_in_words(
    judge: Invoke, images: Images, kind: str, code: int, words: tuple[str, ...]
) -> None:
    """
    State and acceptance are two answers, and both are given, with what to do next.
    """
    result = judge(asdict(images)[kind])

    assert result.exit_code == code
    assert [word for word in words if word not in result.stdout] == []
    assert len(result.stdout.splitlines()) <= 10
    assert "\x1b" not in result.stdout
    assert result.stderr == ""


def test_words_that_say_more_than_a_signature_does_are_not_used(judge: Invoke, images: Images) -> None:
    """
    A signature shows who signed which bytes, not that a picture is true.
    """
    text = judge(images.accepted, images.valid, images.invalid, images.absent).stdout.lower()

    assert [word for word in ("authentic", "real ", "fake", "verified") if word in text] == []


def test_an_image_that_cannot_be_judged_is_no_verdict(judge: Invoke, images: Images) -> None:
    """
    What could not be judged must not look judged.
    """
    result = judge(images.text)

    assert result.exit_code == 3
    assert result.stdout == ""
    assert result.stderr.startswith(f"provenance: {images.text}: not an image this library reads: ")
    assert "Give a PNG" in result.stderr


@pytest.mark.parametrize(
    ("kinds", "code"),
    [
        (("accepted", "accepted"), 0),
        (("accepted", "absent"), 1),
        (("text", "accepted"), 3),
        (("absent", "text", "accepted"), 3),
    ],
)
def test_the_worst_decides_the_exit_code(
    judge: Invoke, images: Images, kinds: tuple[str, ...], code: int
) -> None:
    """
    3 outranks 1, and 1 outranks 0, in whatever order they come.
    """
    assert judge(*(asdict(images)[kind] for kind in kinds)).exit_code == code


def test_several_images_are_summed_up(judge: Invoke, images: Images) -> None:
    """
    The last line is what is read first.
    """
    result = judge(images.accepted, images.absent, images.text)

    assert result.stdout.splitlines()[-1] == "3 files: 1 accepted, 1 rejected, 1 could not be judged"


def test_quiet_leaves_out_what_is_accepted(judge: Invoke, images: Images) -> None:
    """
    For folders in which nearly everything is accepted.
    """
    quiet = judge("--quiet", images.accepted, images.absent)

    assert images.accepted not in quiet.stdout
    assert images.absent in quiet.stdout
    assert quiet.exit_code == 1
    assert judge("--quiet", images.accepted).stdout == ""


def test_quiet_is_refused_for_reports(judge: Invoke, images: Images) -> None:
    """
    Every input gets one line, so nothing can be left out.
    """
    assert judge("--quiet", "--format", "jsonl", images.accepted).exit_code == 2


def test_every_input_gets_one_line(judge: Invoke, images: Images) -> None:
    """
    An error is a line of the same form, in its place, and stands on standard error as well.
    """
    result = judge("--format", "jsonl", images.absent, "missing.png", images.accepted)

    found = reports(result)
    assert [report["state"] for report in found] == ["absent", None, "trusted"]
    assert [report["accepted"] for report in found] == [False, False, True]
    assert found[1]["error"] == {
        "type": "UnreadableAssetError",
        "message": "asset cannot be read: No such file or directory",
        "hint": "Name a regular file that this process may read and that nothing is writing to.",
    }
    assert "provenance: missing.png: asset cannot be read: No such file or directory" in result.stderr
    assert result.exit_code == 3


def test_a_report_names_the_file_as_given_and_its_bytes(judge: Invoke, images: Images) -> None:
    """
    Whoever joins reports with a list of files needs the very same name.
    """
    (report,) = reports(judge("--format", "jsonl", images.absent))

    asset = report["asset"]
    assert isinstance(asset, dict)
    assert asset["name"] == images.absent
    assert asset["sha256"] is not None


@pytest.mark.parametrize("count", [1, 2])
def test_json_is_always_an_array(judge: Invoke, images: Images, count: int) -> None:
    """
    A filter written for one file must hold for two.
    """
    found = json.loads(judge("--format", "json", *[images.absent] * count).stdout)

    assert [report["state"] for report in found] == ["absent"] * count


def test_standard_input_is_judged(judge: Invoke, images: Images) -> None:
    """
    Bytes off a pipe are judged like a file's.
    """
    result = judge("--format", "jsonl", "-", stdin=Path(images.accepted).read_bytes())

    (report,) = reports(result)
    asset = report["asset"]
    assert isinstance(asset, dict)
    assert (asset["name"], report["accepted"], result.exit_code) == ("-", True, 0)


def test_an_engine_that_fails_is_an_entry(
    judge: Invoke, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    It says nothing about the image, and must not end a run over many.
    """

    def fail(*_: object) -> None:
        raise EngineError("broken")

    monkeypatch.setattr(Verifier, "verify", fail)

    result = judge("--format", "jsonl", images.accepted)

    (report,) = reports(result)
    assert report["error"] is not None
    assert result.exit_code == 3


@pytest.fixture
def hostile(authority: Authority, tmp_path: Path) -> str:
    """
    Sign an image whose agent's name would repaint the terminal, and give it such a name itself.
    """
    path = tmp_path / f"{BAD.replace('/', '')}.png"
    path.write_bytes(sign_image(plain_png(), azure_v1(authority, software_agent=BAD, description=BAD)))
    return str(path)


@pytest.mark.parametrize("command", ["verify", "inspect"])
def test_text_of_an_image_cannot_repaint_the_verdict(
    invoke: Invoke, images: Images, hostile: str, command: str
) -> None:
    """
    Whoever is signed for chooses these names.
    """
    result = invoke(command, "--trust-profile", images.profile, hostile)

    assert "\\x1b[2J\\u202e\\n" in result.stdout
    assert all(line.isprintable() for line in result.stdout.splitlines())
    assert [line for line in result.stdout.splitlines() if line.strip().startswith("ACCEPTED")] == []


def test_a_file_takes_the_answer(judge: Invoke, images: Images, tmp_path: Path) -> None:
    """
    What is there already is replaced as a whole, and nothing else is left behind.
    """
    target = tmp_path / "out" / "reports.jsonl"
    target.parent.mkdir()
    target.write_text("before")

    result = judge("--format", "jsonl", "--output", str(target), images.absent, images.accepted)

    assert result.stdout == ""
    assert [json.loads(line)["state"] for line in target.read_text().splitlines()] == ["absent", "trusted"]
    assert list(target.parent.iterdir()) == [target]


def test_text_in_a_file_has_no_colour(judge: Invoke, images: Images, tmp_path: Path) -> None:
    """
    Colour is for terminals.
    """
    target = tmp_path / "report.txt"

    judge("--output", str(target), images.accepted)

    assert "ACCEPTED" in target.read_text()
    assert "\x1b" not in target.read_text()


def test_a_run_that_ends_badly_leaves_the_file_as_it_was(
    judge: Invoke, images: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Half a report reads like a shorter one.
    """
    target = tmp_path / "out" / "reports.jsonl"
    target.parent.mkdir()
    target.write_text("before")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Verifier, "verify", stop)
    result = judge("--output", str(target), images.absent)

    assert result.exit_code == 130
    assert target.read_text() == "before"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("target", ["/dev/null", "missing/reports.jsonl"])
def test_what_cannot_be_replaced_is_refused(judge: Invoke, images: Images, target: str) -> None:
    """
    A device that is replaced by a file is gone for everybody.
    """
    result = judge("--output", target, images.absent)

    assert result.exit_code == 3
    assert target.rsplit("/", maxsplit=1)[-1] in result.stderr
    assert not Path(target).is_file()


def test_a_dash_as_output_is_standard_output(judge: Invoke, images: Images) -> None:
    """
    As everywhere.
    """
    assert "REJECTED" in judge("--output", "-", images.absent).stdout


def test_the_policy_is_chosen_by_name(judge: Invoke, images: Images) -> None:
    """
    The same image, another demand.
    """
    assert judge("--policy", "azure-openai-lineage", images.lineage).exit_code == 0
    assert judge("--policy", "azure-openai-documented", images.accepted).exit_code == 1


@pytest.mark.parametrize("name", ["nope", "missing.toml"])
def test_a_policy_that_is_not_there_is_a_bad_request(judge: Invoke, images: Images, name: str) -> None:
    """
    No image may be rejected for a typing mistake.
    """
    result = judge("--policy", name, images.accepted)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert "provenance policy list" in result.stderr


def test_trust_is_the_users_choice(invoke: Invoke, images: Images) -> None:
    """
    By default only Microsoft's images are trusted.
    """
    assert "nobody who is trusted vouches for the signer" in invoke("verify", images.accepted).stdout


def test_profiles_are_joined(invoke: Invoke, images: Images) -> None:
    """
    Whoever either believes is believed.
    """
    both = ("--trust-profile", "microsoft", "--trust-profile", images.profile)

    result = invoke("verify", *both, "--format", "jsonl", images.accepted)

    (report,) = reports(result)
    trust = report["trust"]
    assert isinstance(trust, dict)
    assert (trust["name"], result.exit_code) == ("microsoft.sample", 0)


def test_time_stamp_anchors_are_added_alone(invoke: Invoke, images: Images, tmp_path: Path) -> None:
    """
    An expired signer is trusted only with a time-stamp whose authority is.
    """
    without = tmp_path / "without.toml"
    text = Path(images.profile).read_text()
    without.write_text(text[: text.index("[[time_stamp_anchors]]")])
    options = ("verify", "--trust-profile", str(without))

    assert invoke(*options, images.accepted).exit_code == 1
    assert invoke(*options, "--tsa-anchors", images.time_stamp_root, images.accepted).exit_code == 0


def test_claim_anchors_are_added_with_the_default_purposes(invoke: Invoke, images: Images) -> None:
    """
    Microsoft's own purpose is no default: whoever wants it says so in a profile.
    """
    anchors = ("--trust-anchors", images.claim_root, "--tsa-anchors", images.time_stamp_root)

    result = invoke("verify", *anchors, "--format", "jsonl", images.accepted)

    (report,) = reports(result)
    trust = report["trust"]
    assert isinstance(trust, dict)
    assert (trust["name"], report["state"]) == ("microsoft.trust-anchors.tsa-anchors", "valid")


@pytest.mark.parametrize("option", ["--trust-anchors", "--tsa-anchors"])
def test_a_file_without_certificates_is_a_bad_request(invoke: Invoke, images: Images, option: str) -> None:
    """
    The engine would have accepted it in silence.
    """
    result = invoke("verify", option, images.text, images.accepted)

    assert result.exit_code == 2
    assert "holds no PEM certificate" in result.stderr


@pytest.mark.parametrize("time", ["2024-06-01", "2024-06-01T12:00:00Z", "2024-06-01t14:00:00.5+02:00"])
def test_a_verdict_can_be_had_as_of_a_time(invoke: Invoke, images: Images, tmp_path: Path, time: str) -> None:
    """
    Without a time-stamp a verdict depends on the day.
    """
    plain = tmp_path / "plain.toml"
    text = Path(images.profile).read_text()
    plain.write_text(text[: text.index("[[time_stamp_anchors]]")])

    result = invoke("verify", "--trust-profile", str(plain), "--at", time, images.accepted)

    assert result.exit_code == 0


@pytest.mark.parametrize("time", ["yesterday", "2024-13-01", "2024-06-01T12", "20240601", "2024-06-01Z", ""])
def test_what_is_no_time_is_a_bad_request(judge: Invoke, images: Images, time: str) -> None:
    """
    A time that is guessed at is worse than none.
    """
    assert judge("--at", time, images.accepted).exit_code == 2


@pytest.mark.parametrize(
    ("size", "code"),
    [("10", 3), ("0.1k", 2), ("1K", 3), ("1 MiB", 0), ("1mb", 0), ("2G", 0), ("0", 2), ("-1", 2), ("1XB", 2)],
)
def test_size_is_limited(judge: Invoke, images: Images, size: str, code: int) -> None:
    """
    A limit of nothing, or one that nobody understands, is none.
    """
    assert judge(f"--max-bytes={size}", images.accepted).exit_code == code


def test_two_manifest_stores_are_no_readable_one(images: Images, judge: Invoke, tmp_path: Path) -> None:
    """
    Which one counts cannot be told, and so neither does; nobody is named.
    """
    png = Path(images.accepted).read_bytes()
    at = png.index(b"caBX") - 4
    size = int.from_bytes(png[at : at + 4], "big") + 12
    path = tmp_path / "two.png"
    path.write_bytes(png[: at + size] + png[at:])

    result = judge(str(path))

    assert result.exit_code == 1
    assert "invalid: the credentials are incomplete, or cannot be checked" in result.stdout
    assert "claim.multiple" in result.stdout
    assert "signed by" not in result.stdout


def test_an_image_of_another_service_is_no_azure_image(
    judge: Invoke, authority: Authority, tmp_path: Path
) -> None:
    """
    Microsoft signs for other services too.
    """
    path = tmp_path / "other.png"
    path.write_bytes(sign_image(plain_png(), azure_v1(authority, software_agent="Bing Image Creator")))

    result = judge(str(path))

    assert '"Bing Image Creator" in the active manifest; not Azure OpenAI' in result.stdout
    assert "It passes under no built-in policy." in result.stdout


def test_what_is_not_there_is_said(judge: Invoke, authority: Authority, tmp_path: Path) -> None:
    """
    Neither who made it nor when: silence would be taken for something.
    """
    spec = replace(azure_v1(authority, credential=authority.lasting_signer), actions=None, time_stamper=None)
    path = tmp_path / "silent.png"
    path.write_bytes(sign_image(plain_png(), spec))

    result = judge(str(path))

    assert "signed at    unknown: no time-stamp of a trusted authority" in result.stdout
    assert "made by      not said: there is no single c2pa.created action" in result.stdout
