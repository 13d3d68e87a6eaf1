"""
What the service's page says of images, in a real browser with the real service behind it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from provenance.authority import Authority
from provenance.cli.output import verdict as render
from provenance.manifest.status import ValidationState
from provenance.verification.cause import Cause
from provenance.verification.verifier import Verifier
from tests.browser_support import Browser
from tests.project.test_samples import DEFAULT, ENTRIES, Entry, judged
from tests.service.page.support import (
    ACCEPTED,
    EACH_OUTCOME,
    LINEAGE,
    OUTCOMES,
    SAMPLES,
    UNTRUSTED,
    Open,
    Running,
    has_focus,
    judge,
    opening,
    raw_report,
    unfold,
)
from tests.verification.cause_support import images_by_cause

pytestmark = pytest.mark.slow


@EACH_OUTCOME
def test_an_outcome_is_told_in_words(outcome: str, service: Running, opened: Open) -> None:
    """
    Seen, said to those who do not see it, and where the focus is.
    """
    path, verdict, state = OUTCOMES[outcome]

    with opened(service.address, failures=("415",) if outcome == "error" else ()) as page:
        judge(page, path)

        assert (page.text(".verdict"), page.text(".state")) == (verdict, state)
        assert page.text("h3") == path.name
        assert has_focus(page, ".card h3")
        said = page.texts("#announcer p")[-1]
        assert said.startswith(f"{path.name}: {verdict[0].lower()}{verdict[1:]}. {state}.")


class ShownVerdict(NamedTuple):
    """
    What the page says of one image.
    """

    verdict: str
    state: str
    facts: dict[str, str]
    failed: int


@pytest.fixture(scope="module")
def verdicts(service: Running, browser: Browser) -> dict[str, ShownVerdict]:
    """
    Have all samples judged, half of them at a time; by the names of their files.
    """
    read = """[...document.querySelectorAll('.card')].map((card) => {
      const text = (selector) => [...card.querySelectorAll(selector)].map((found) => found.textContent);
      const facts = text('.facts dt').map((term, at) => [term, text('.facts dd')[at]]);
      return [text('h3')[0], text('.verdict')[0], text('.state')[0], facts, text('.check.fail').length];
    })"""
    with opening(browser)(service.address) as page:
        judge(page, *(entry.file for entry in ENTRIES[::2]))
        judge(page, *(entry.file for entry in ENTRIES[1::2]))
        cards = page.evaluate(read)
    return {
        name: ShownVerdict(verdict, state, dict(facts), failed)
        for name, verdict, state, facts, failed in cards
    }


FAULTS = [
    (
        "no-time-stamp-v1.jpg",
        "valid, but the signer's certificate had expired, or was not valid yet",
        "The signer is known, but no trusted time-stamp shows when it signed",
    ),
    (
        "self-made-time-stamp-v1.png",
        "valid, but the signer's certificate had expired, or was not valid yet",
        "The signer is known, but no trusted time-stamp shows when it signed",
    ),
    (
        "other-key-purpose.jpg",
        "valid, but signed with a certificate for another purpose",
        "its certificate is not meant for signing such images",
    ),
    (
        "leaf-issued.png",
        "valid, but the certificate chain is not accepted",
        "not every certificate in it may be used in this way",
    ),
]
"""
Images of signers that are known, what the page calls their state, and some of what it says of that.
"""


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.path)
def test_the_page_says_what_the_command_says(entry: Entry, verdicts: dict[str, ShownVerdict]) -> None:
    """
    Two surfaces with two answers would be one too many.
    """
    result = judged(entry.path, DEFAULT)
    rows = {row.label: row.text for row in render.verdict(entry.path, result)}

    shown = verdicts[entry.file.name]

    assert shown.verdict == f"{'Accepted' if result.accepted else 'Rejected'} under {DEFAULT}"
    assert shown.state == rows["state"]
    assert shown.facts.get("Made by") == rows.get("made by")
    assert shown.failed == len(result.findings)
    assert shown.facts.get("Signed at") == rows.get("signed at")
    if result.state is ValidationState.TRUSTED:
        assert shown.facts["Signed by"] == rows["signed by"]
    if result.origin is not None:
        assert shown.facts["Described as"] == rows["described as"]


@pytest.mark.parametrize("cause", list(Cause)[:5])
def test_why_credentials_are_invalid_is_said_as_the_command_says_it(
    cause: Cause, authority: Authority, service: Running, opened: Open, tmp_path: Path
) -> None:
    """
    With what lies below an edit, whose signature holds, and what holds for several manifests once.
    """
    path = tmp_path / f"{cause}.png"
    path.write_bytes(images_by_cause(authority)[cause])
    result = Verifier(trust=SAMPLES / "trust.toml", self_test=False).verify(path)
    rows = {row.label: row.text for row in render.verdict(path.name, result)}

    with opened(service.address) as page:
        judge(page, path)
        unfold(page)

        facts = dict(zip(page.texts(".facts dt"), page.texts(".facts dd"), strict=True))
        assert result.cause is cause
        assert page.text(".state") == rows["state"]
        assert facts.get("Lies below") == rows.get("lies below")
        assert facts.get("Signed by", "").endswith("which does not hold") == (
            "which does not hold" in rows.get("signed by", "")
        )
        assert ("Signed at" in facts) is ("signed at" in rows)
        assert ("Get the image again" in page.text(".advice")) is (cause is Cause.HASH_MISMATCH)
        assert len(page.texts(".check.fail")) == len(result.findings)
        notes = [text.removeprefix("Note: ") for text in page.texts(".notes li")]
        assert notes == [rows["note"]] if "note" in rows else notes == []


def test_the_summary_says_who_signed_when_and_what_made_it(service: Running, opened: Open) -> None:
    """
    Before anything else, and as claims where nobody vouches for it.
    """
    vouched = '"Microsoft Corporation" by its own claim; no trust anchor of this service vouches for it'

    with opened(service.address) as page:
        judge(page, ACCEPTED)
        judge(page, UNTRUSTED)

        untrusted, accepted = (
            dict(zip(page.texts(f"{card} .facts dt"), page.texts(f"{card} .facts dd"), strict=True))
            for card in (".card:first-child", ".card:last-child")
        )
        assert accepted == {
            "Signed by": '"Sample Authority" ("Sample Authority Signer"), below Sample Authority Root CA',
            "Signed at": "2024-06-01 12:00:00 UTC, time-stamp below Sample Authority Time-Stamp Root CA",
            "Made by": 'Azure OpenAI: "Azure OpenAI ImageGen" in the active manifest',
            "Described as": '"Generated with AI", as seen in genuine images, not as documented',
        }
        assert untrusted == {
            "Signed by": vouched,
            "Signed at": "unknown: no time-stamp of a trusted authority",
            "Made by": '"Azure OpenAI DALL-E" by its own claim; no trusted signer says so',
            "Described as": '"Generated with AI" by its own claim',
        }


def test_absent_credentials_say_nothing_about_how_an_image_was_made(service: Running, opened: Open) -> None:
    """
    Where XMP names a place for them, that is said, and nothing is fetched from there.
    """
    with opened(service.address) as page:
        judge(page, SAMPLES / "absent" / "remote-manifest.png")

        assert "This says nothing about how the image was made" in page.text(".body")
        assert page.text(".notes li") == (
            'Note: XMP says that credentials are at "https://manifests.example.com/picture.c2pa": removed, '
            "or remote. Nothing was fetched."
        )


def test_what_lies_behind_a_verdict_is_all_there(service: Running, opened: Open) -> None:
    """
    Checks with what was expected and found, the tree with its states, certificates, codes, tolerated faults.
    """
    with opened(service.address) as page:
        judge(page, SAMPLES / "trusted" / "designer-v2-changed-ingredient.png")
        unfold(page)
        report = raw_report(page)

        assert [text.split("Expected")[0] for text in page.texts(".check.fail")] == [
            "Made by an expected serviceFailedsoftware_agent",
            "Described as expectedFaileddescription",
        ]
        assert "FoundCreated image" not in page.text(".checks")
        assert 'Found"Created image using artificial intelligence technology"' in page.text(".checks")
        assert page.texts(".manifest > h5") == [
            "Active manifest: trusted",
            "Manifest of the ingredient: invalid: changed after signing",
        ]
        assert 'Ingredient "Embedded Ingredient", a part of it' in page.texts(".ingredients > li > p")
        assert "assertion.boxesHash.mismatch (recorded when the ingredient was added)" in page.text(
            ".ingredients"
        )
        chain = [certificate["sha256"] for certificate in report["credential"]["chain"]]
        assert [
            sha for text in page.texts(".more > details > .chain li") for sha in chain if sha in text
        ] == chain
        assert "Valid2024-01-01 to 2025-01-01" in page.text(".more > details > .chain")
        successes = report["validation"]["success"]
        assert len(page.texts(".more > details > .statuses > .success")) == len(successes)


def test_a_tolerated_fault_of_the_engine_is_shown(service: Running, opened: Open) -> None:
    """
    What was set aside stays visible.
    """
    with opened(service.address) as page:
        judge(page, ACCEPTED)

        assert page.text(".notes li") == (
            'Note: claim.malformed ("soft binding assertion could not be decoded") was tolerated: a known '
            "fault of the engine, not of the image."
        )


@pytest.mark.parametrize(
    ("path", "row"),
    [
        (
            "trusted/trailing-bytes.png",
            ("Trailing bytes", "bytes after the image's end, which no signature covers"),
        ),
        (
            "trusted/stray-bytes.jpg",
            ("Unbound bytes", "bytes that no hash covers"),
        ),
    ],
)
def test_bytes_that_nothing_covers_are_counted(
    path: str, row: tuple[str, str], service: Running, opened: Open
) -> None:
    """
    An image with such bytes is trusted and still not accepted.
    """
    with opened(service.address) as page:
        judge(page, SAMPLES / path)
        unfold(page)
        report = raw_report(page)
        facts = dict(zip(page.texts(".more dl dt"), page.texts(".more dl dd"), strict=True))

        count = report["asset"]["trailing_bytes"] or report["asset"]["unbound_bytes"]
        assert facts[row[0]] == f"{count:,} {row[1]}"
        assert page.text(".verdict") == "Rejected under azure-openai"


@pytest.mark.parametrize(
    ("path", "check", "outcome", "found"),
    [
        ("trusted/imagegen-v2.png", "unbound_bytes", "Passed", "no unbound byte"),
        ("trusted/imagegen-v2.png", "trailing_bytes", "Passed", "no trailing byte"),
        ("trusted/stray-bytes.jpg", "unbound_bytes", "Failed", "40 bytes"),
        ("trusted/trailing-bytes.jpg", "trailing_bytes", "Failed", "40 bytes"),
        ("invalid/damaged-manifest-store.jpg", "unbound_bytes", "Not reached", "not looked at"),
        ("invalid/changed-pixels-v2.jpg", "unbound_bytes", "Not reached", "not looked at"),
    ],
)
def test_a_check_of_bytes_says_what_was_found(
    path: str, check: str, outcome: str, found: str, service: Running, opened: Open
) -> None:
    """
    "None" below "every byte bound" would read as the opposite; where no binding holds, nothing is bound.
    """
    with opened(service.address) as page:
        judge(page, SAMPLES / path)
        unfold(page)
        (row,) = [text for text in page.texts(".check") if f"{outcome}{check}Expected" in text]

        assert row.endswith(f"Found{found}")


@pytest.mark.parametrize(
    ("name", "state", "meaning"),
    [
        *FAULTS,
        (
            "impostor-v1.png",
            "valid, but nobody who is trusted vouches for the signer",
            "anyone can sign in any name",
        ),
    ],
)
def test_a_known_signer_is_not_called_a_stranger(
    name: str, state: str, meaning: str, service: Running, opened: Open
) -> None:
    """
    A chain that ends at a trust anchor fails for its certificate; what nobody vouches for, for its name.
    """
    with opened(service.address) as page:
        judge(page, SAMPLES / "valid" / name)

        assert page.text(".state") == state
        assert meaning in page.text(".body")
        assert ("nyone can sign" in page.text(".body")) is (name == "impostor-v1.png")


def test_the_raw_report_can_be_copied_and_downloaded(service: Running, opened: Open) -> None:
    """
    It is what the service answers, without the name, which never left the browser.
    """
    with opened(service.address) as page:
        judge(page, ACCEPTED)
        unfold(page)
        page.click(".card details:last-of-type .actions button:first-child")
        page.wait("document.querySelector('.card details:last-of-type [role=status]').textContent != ''")
        name, text = page.download(".card details:last-of-type .actions button:nth-child(2)")

        expected = httpx.post(f"{service.address}v1/verify", content=ACCEPTED.read_bytes()).json()
        assert json.loads(text) == raw_report(page) == expected
        assert name == f"{expected['asset']['sha256'][:16]}.provenance.json"
        assert expected["asset"]["name"] is None


def test_another_policy_can_be_chosen(service: Running, opened: Open) -> None:
    """
    Those that the service offers, the default one first; the verdict names the one that was asked.
    """
    with opened(service.address) as page:
        judge(page, LINEAGE)
        assert page.texts("#policy option") == [
            "azure-openai",
            "azure-openai-documented",
            "azure-openai-lineage",
        ]
        assert "It passes under azure-openai-lineage" in page.text(".advice")
        page.choose("#policy", "azure-openai-lineage")
        page.click(".card > .actions button:first-child")
        page.wait("document.querySelector('.card[data-phase=accepted]')")

        assert page.text(".verdict") == "Accepted under azure-openai-lineage"
        assert "in an ingredient, not in the active manifest" in page.text(".facts")
        assert page.text("#policy-summary").startswith("As azure-openai, in the image itself")
