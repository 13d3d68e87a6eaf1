"""
One image through the three surfaces: command, service's page and audit's page say the same of it.

Each page is held to what they say of the samples by tests of its own; these images are made for what samples
do not show.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from provenance import VerificationResult, Verifier
from provenance.audit.record import Record
from provenance.authority import Authority, azure_v1, azure_v2, designer, plain_png, sign_image
from provenance.cli.output import verdict
from provenance.trust.profile import TrustProfile
from provenance.verification.cause import Cause
from provenance.verification.words import Surface, read_words
from tests.audit.writer.html_support import fact, written
from tests.browser_support import Browser
from tests.service.page.support import Running, judge, opening
from tests.support import leaf_options
from tests.verification.cause_support import PNG, edited_in_paint, images_by_cause

pytestmark = pytest.mark.slow

TERMS = ("Signed by", "Signed at", "Lies below", "Made by", "Described as")
CREATED = {"action": "c2pa.created"}


class Said(NamedTuple):
    """
    What a surface says of an image.

    Attributes:
        state: What the credentials prove.

        facts: What there is to say of those that every surface speaks of.

        advice: What it means and what to do, as one text.

        notes: What was set aside or left alone.
    """

    state: str
    facts: dict[str, str]
    advice: str
    notes: list[str]


def images(authority: Authority) -> dict[str, bytes]:
    """
    Make an image for each cause, and for each sentence that no cause leads to.
    """
    stranger = Authority.create("Somebody Else")
    country = x509.NameAttribute(NameOID.COUNTRY_NAME, "US")
    organization = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Nameless")
    nameless = authority.intermediate.issue(
        replace(leaf_options(), subject=x509.Name([country, organization]))
    )
    unnamed = replace(azure_v1(stranger), actions=(CREATED,))
    inner = azure_v2(authority)
    outer = azure_v2(authority, label="urn:c2pa:00000000-0000-4000-8000-00000000000f")
    made = {
        "nameless-signer": azure_v1(authority, credential=nameless),
        "unnamed-maker": designer(authority, azure_v1(authority)),
        "unnamed-maker-of-a-stranger": unnamed,
        "unnamed-maker-below-an-edit": edited_in_paint(authority, unnamed),
        "two-makers": replace(azure_v1(stranger), actions=(CREATED, CREATED)),
        "tolerated-twice": replace(outer, ingredients=designer(authority, inner).ingredients),
        "accepted": azure_v1(authority),
    }
    return {
        **{cause.value: image for cause, image in images_by_cause(authority).items()},
        **{name: sign_image(PNG, spec) for name, spec in made.items()},
        "absent": plain_png(24, 16, seed=5),
    }


@pytest.fixture(scope="module")
def folder(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    Write the images.
    """
    path = tmp_path_factory.mktemp("surfaces")
    for name, image in images(authority).items():
        (path / name).write_bytes(image)
    return path


@pytest.fixture(scope="module")
def results(folder: Path, sample_trust: TrustProfile) -> Mapping[str, VerificationResult]:
    """
    Judge the images.
    """
    verifier = Verifier(trust=sample_trust, self_test=False)
    return {path.name: verifier.verify(path) for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def on_page(folder: Path, trusting: Running, browser: Browser) -> Mapping[str, Said]:
    """
    Read what the service's page says.
    """
    read = """[...document.querySelectorAll('.card')].map((card) => {
      const text = (selector) => [...card.querySelectorAll(selector)].map((found) => found.textContent);
      const facts = text('.facts dt').map((term, at) => [term, text('.facts dd')[at]]);
      const [advice] = text('.advice');
      return [text('h3')[0], text('.state')[0], facts, text('.body > p:not([class])')[0] ?? '', advice ?? '',
        text('.notes li')];
    })"""
    with opening(browser)(trusting.address) as page:
        judge(page, *sorted(folder.iterdir()))
        cards = page.evaluate(read)
    return {
        name: Said(
            state,
            {term: said for term, said in facts if term in TERMS},
            f"{meaning} {advice.removeprefix('Next: ')}".strip(),
            [note.removeprefix("Note: ") for note in notes],
        )
        for name, state, facts, meaning, advice, notes in cards
    }


@pytest.fixture(scope="module")
def in_report(
    results: Mapping[str, VerificationResult], browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Said]:
    """
    Read what the audit's page says.
    """
    path = tmp_path_factory.mktemp("report") / "audit.html"
    path.write_bytes(written(Record.of(result, name) for name, result in results.items()))
    notes = (
        "[...document.querySelectorAll('#details dt')].filter((e) => e.textContent === 'Note')"
        ".map((e) => e.nextElementSibling.textContent)"
    )
    found = {}
    with browser.page() as page:
        page.goto(path.as_uri())
        page.press("/", "ArrowDown", "Enter")
        for name in results:
            assert page.text("#details-title") == name
            facts = {term: said for term in TERMS if (said := fact(page, term)) is not None}
            found[name] = Said(
                fact(page, "State") or "", facts, fact(page, "Next") or "", page.evaluate(notes)
            )
            page.press("ArrowRight")
    return found


def by_command(name: str, result: VerificationResult) -> Said:
    """
    Read what the command says.
    """
    rows = list(verdict.verdict(name, result))
    facts = {row.label.capitalize(): row.text for row in rows if row.label.capitalize() in TERMS}
    (state,) = (row.text for row in rows if row.label == "state")
    advice = "".join(row.text for row in rows if row.label == "next")
    return Said(state, facts, advice, [row.text for row in rows if row.label == "note"])


def variants(surface: Surface) -> Iterator[tuple[str, str]]:
    """
    Find the texts that a surface has in words of its own: the command's, and the surface's.
    """
    command, other = read_words(Surface.COMMAND), read_words(surface)
    for section in ("states", "causes", "checks"):
        theirs, ours = getattr(command, section), getattr(other, section)
        yield from ((command.advice(theirs[id_]), other.advice(ours[id_])) for id_ in theirs)
    yield from ((text, other.sentences[name]) for name, text in command.sentences.items())


def in_words_of(surface: Surface, text: str) -> str:
    """
    Write in a surface's words what the command says in its own.
    """
    for theirs, ours in variants(surface):
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", re.escape(theirs))
        if theirs not in {"", ours} and (found := re.fullmatch(pattern, text)):
            return ours.format(**found.groupdict())
    return text


def translated(said: Said, surface: Surface) -> Said:
    """
    Write all that the command says in a surface's words.
    """
    facts = {term: in_words_of(surface, text) for term, text in said.facts.items()}
    advice = in_words_of(surface, said.advice)
    if said.state.startswith("valid"):
        advice = f"{read_words(surface).states['valid'].get('meaning', '')} {advice}".strip()
    return said._replace(facts=facts, advice=advice)


NAMES = [
    *Cause,
    "nameless-signer",
    "unnamed-maker",
    "unnamed-maker-of-a-stranger",
    "unnamed-maker-below-an-edit",
    "two-makers",
    "tolerated-twice",
    "accepted",
    "absent",
]
EACH_NAME = pytest.mark.parametrize("name", [name for name in NAMES if name != Cause.VALIDATORS_DISAGREE])


@EACH_NAME
def test_the_page_says_what_the_command_says(
    name: str, results: Mapping[str, VerificationResult], on_page: Mapping[str, Said]
) -> None:
    """
    It also tells how images of strangers are described, as a claim of theirs.
    """
    expected = translated(by_command(name, results[name]), Surface.PAGE)
    said = on_page[name]

    claimed = {"Described as"} if results[name].origin is None else set()
    facts = {term: text for term, text in said.facts.items() if term not in claimed}

    assert said._replace(facts=facts) == expected


@EACH_NAME
def test_the_report_says_what_the_command_says(
    name: str, results: Mapping[str, VerificationResult], in_report: Mapping[str, Said]
) -> None:
    """
    Word by word, where the catalogue has no other words for it.
    """
    expected = translated(by_command(name, results[name]), Surface.REPORT)
    said = in_report[name]

    assert said == expected


@pytest.mark.parametrize(
    ("name", "term", "text"),
    [
        ("nameless-signer", "Signed by", '"Nameless", below Sample Root CA'),
        ("unnamed-maker", "Made by", "Azure OpenAI: "),
        (
            "unnamed-maker-of-a-stranger",
            "Made by",
            "not said: the c2pa.created action names no software agent",
        ),
        ("two-makers", "Made by", "not said: there is no single c2pa.created action"),
    ],
)
def test_what_is_not_there_is_not_made_up(
    name: str, term: str, text: str, results: Mapping[str, VerificationResult]
) -> None:
    """
    Neither as "None" nor as "nothing".
    """
    said = by_command(name, results[name])

    assert said.facts[term].startswith(text)
    assert not {"None", "null", "nothing"} & set(json.dumps(said.facts).replace('"', " ").split())
