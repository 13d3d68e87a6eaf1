"""
The service's web page: how it is served, and what it does in a real browser with the real service behind it.
"""

from __future__ import annotations

import hashlib
import json
import re
import socket
import struct
from collections.abc import Iterator
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from provenance.authority import Authority
from provenance.cli.output import verdict as render
from provenance.manifest.status import ValidationState
from provenance.service import page as served
from provenance.verification.cause import Cause
from provenance.verification.verifier import Verifier
from tests.browser_support import Browser
from tests.project.test_samples import DEFAULT, ENTRIES, Entry, judged
from tests.service.page.support import (
    ABSENT,
    ACCEPTED,
    CHANGED,
    FILES,
    LINEAGE,
    NO_IMAGE,
    SAMPLES,
    SHOWN,
    UNTRUSTED,
    Open,
    Running,
    give,
    has_focus,
    judge,
    opening,
    raw_report,
    serving,
    unfold,
)
from tests.verification.cause_support import images_by_cause


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """
    Run a service that asks for no key.
    """
    with serving(tmp_path_factory.mktemp("open"), "--no-auth") as running:
        yield running


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """
    Run a service that asks for a key, and lets each have one image at once and then one every three seconds.
    """
    with serving(tmp_path_factory.mktemp("locked"), rate=20, burst=1) as running:
        yield running


@pytest.fixture
def opened(browser: Browser) -> Open:
    """
    Open pages in the browser.
    """
    return opening(browser)


# --- how it is served -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def client() -> TestClient:
    """
    Ask for the page without a service behind it.
    """
    return TestClient(Starlette(routes=list(served.routes())))


EACH_PART = pytest.mark.parametrize("part", served.parts(), ids=lambda part: part.path)


@EACH_PART
def test_a_file_is_served_as_what_it_is(part: served.Part, client: TestClient) -> None:
    """
    With `nosniff`, a script or a style sheet of another media type is not used.
    """
    expected = {
        "/": "text/html; charset=utf-8",
        ".css": "text/css; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".svg": "image/svg+xml",
    }

    answer = client.get(part.path)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == expected[Path(part.path).suffix or "/"]
    assert answer.content == (FILES / (part.path[1:] or "index.html")).read_bytes()
    assert {name: answer.headers[name] for name in served.HEADERS} == served.HEADERS


@EACH_PART
def test_a_file_that_the_browser_has_is_not_sent_again(part: served.Part, client: TestClient) -> None:
    """
    The tag is strong and of these bytes; what a page may do is said again, as browsers take it from there.
    """
    tag = client.get(part.path).headers["etag"]
    known = [tag, f"W/{tag}", f'"other", {tag}', "*"]

    answers = [client.get(part.path, headers={"If-None-Match": tags}) for tags in known]

    assert tag == f'"{hashlib.sha256(part.content).hexdigest()}"'
    assert [answer.status_code for answer in answers] == [304] * 4
    assert {answer.content for answer in answers} == {b""}
    assert {answer.headers["etag"] for answer in answers} == {tag}
    assert {answer.headers["content-security-policy"] for answer in answers} == {
        served.CONTENT_SECURITY_POLICY
    }


def test_a_file_that_has_changed_is_sent_again(client: TestClient) -> None:
    """
    A page and scripts of two releases would not fit each other.
    """
    answer = client.get("/page.js", headers={"If-None-Match": '"another"'})

    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")
    assert answer.content


def test_the_page_can_only_be_read(client: TestClient) -> None:
    """
    Nothing of the package but its files is there.
    """
    assert client.head("/").headers["content-length"] == str(len((FILES / "index.html").read_bytes()))
    assert client.head("/").content == b""
    assert client.post("/").status_code == 405
    assert client.get("/__init__.py").status_code == 404
    assert client.get("/index.html").status_code == 404


def test_the_policy_lets_nothing_in_from_elsewhere() -> None:
    """
    Nor any script or style that stands in the page, nor any text that is made into markup.
    """
    rules = dict(rule.split(" ", 1) for rule in served.CONTENT_SECURITY_POLICY.split("; "))

    assert rules == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' blob:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }


class References(HTMLParser):
    """
    What a page refers to, and what its Content Security Policy would not let it do.
    """

    def __init__(self, page: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.forbidden: list[str] = []
        self._in_script = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """
        Note what a tag refers to.
        """
        names = dict(attrs)
        self.addresses += [value for name in ("href", "src") if (value := names.get(name)) is not None]
        self.forbidden += [name for name in names if name == "style" or name.startswith("on")]
        self._in_script = tag in {"script", "style"}

    def handle_data(self, data: str) -> None:
        """
        Note a script or a style that stands in the page.
        """
        if self._in_script and data.strip():
            self.forbidden.append(data)


def test_everything_the_page_refers_to_is_served_beside_it() -> None:
    """
    By addresses without a slash, so that the service may stand below any path.
    """
    paths = {part.path[1:] for part in served.parts()}
    page = References((FILES / "index.html").read_text("utf-8"))
    scripts = [file.read_text("utf-8") for file in FILES.glob("*.js")]

    imported = {name for script in scripts for name in re.findall(r"from '\./([^']+)'", script)}

    assert page.forbidden == []
    assert {address for address in page.addresses if not address.startswith("#")} <= paths
    assert {f"{file.name}" for file in FILES.glob("*.js")} == imported | {"page.js"}


@pytest.mark.parametrize("file", sorted(FILES.glob("*.js")), ids=lambda file: file.name)
def test_no_script_makes_markup_or_code_from_text(file: Path) -> None:
    """
    The browser would refuse; an old one might not.
    """
    sinks = r"(?:inner|outer)HTML|insertAdjacentHTML|document\.write|\beval\b|Function\(|DOMParser|https?:"
    allowed = {"http://www.w3.org/2000/svg", "http://cv.iptc.org/newscodes/digitalsourcetype/"}
    script = file.read_text("utf-8")
    for text in allowed:
        script = script.replace(text, "")

    assert re.findall(sinks, script) == []


def test_the_service_serves_the_page_without_a_key(locked: Running) -> None:
    """
    With the headers of the page, not with those of the API.
    """
    answer = httpx.get(locked.address)

    assert (answer.status_code, answer.content) == (200, (FILES / "index.html").read_bytes())
    assert {name: answer.headers[name] for name in served.HEADERS} == served.HEADERS


# --- verdicts ---------------------------------------------------------------------------------------


OUTCOMES = {
    "accepted": (
        ACCEPTED,
        "Accepted under azure-openai",
        "trusted: these are the bytes that a trusted signer signed",
    ),
    "rejected": (LINEAGE, "Rejected under azure-openai", "trusted, but not what the policy demands"),
    "absent": (ABSENT, "Rejected under azure-openai", "absent: no Content Credentials"),
    "invalid": (CHANGED, "Rejected under azure-openai", "invalid: changed after signing"),
    "untrusted": (
        UNTRUSTED,
        "Rejected under azure-openai",
        "valid, but nobody who is trusted vouches for the signer",
    ),
    "error": (NO_IMAGE, "Not judged", "This is no image of a kind that is judged here"),
}
EACH_OUTCOME = pytest.mark.parametrize("outcome", OUTCOMES)


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


class Told(NamedTuple):
    """
    What the page says of one image.
    """

    verdict: str
    state: str
    facts: dict[str, str]
    failed: int


@pytest.fixture(scope="module")
def told(service: Running, browser: Browser) -> dict[str, Told]:
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
    return {name: Told(verdict, state, dict(facts), failed) for name, verdict, state, facts, failed in cards}


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
def test_the_page_says_what_the_command_says(entry: Entry, told: dict[str, Told]) -> None:
    """
    Two doors with two answers would be one too many.
    """
    result = judged(entry.path, DEFAULT)
    rows = {row.label: row.text for row in render.verdict(entry.path, result)}

    shown = told[entry.file.name]

    assert shown.verdict == f"{'Accepted' if result.accepted else 'Rejected'} under {DEFAULT}"
    assert shown.state == rows["state"]
    assert shown.facts.get("Made by") == rows.get("made by")
    assert shown.failed == len(result.findings)
    assert ("Signed on" in shown.facts) is ("signed at" in rows)
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
        assert ("Signed on" in facts) is ("signed at" in rows)
        assert ("Get the image again" in page.text(".advice")) is (cause is Cause.HASH_MISMATCH)
        assert len(page.texts(".check.fail")) == len(result.findings)
        notes = [text.removeprefix("Note: ").rstrip(".") for text in page.texts(".notes li")]
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
            "Signed on": "1 June 2024, 12:00:00 UTC, time-stamp below Sample Authority Time-Stamp Root CA",
            "Made by": 'Azure OpenAI: "Azure OpenAI ImageGen" in the active manifest',
            "Described as": '"Generated with AI", as seen in genuine images, not as documented',
        }
        assert untrusted == {
            "Signed by": vouched,
            "Signed on": "unknown: no time-stamp of a trusted authority",
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
        assert "Valid1 January 2024 to 1 January 2025" in page.text(".more > details > .chain")
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


# --- ways in ----------------------------------------------------------------------------------------


def test_an_image_can_be_dropped(service: Running, opened: Open) -> None:
    """
    Anywhere on the page; what is no file is refused with words.
    """
    with opened(service.address) as page:
        give(page, "drop", ACCEPTED.read_bytes(), "dropped.png")
        page.wait(f"document.querySelector('{SHOWN}')")
        page.evaluate(
            "document.body.dispatchEvent("
            "  new DragEvent('drop', { bubbles: true, dataTransfer: new DataTransfer() }))"
        )

        assert page.text("h3") == "dropped.png"
        assert page.text(".verdict") == "Accepted under azure-openai"
        assert page.text("#notice").startswith("Only files can be dropped here.")


def test_an_image_can_be_pasted(service: Running, opened: Open) -> None:
    """
    Where the credentials are gone, the clipboard may be why.
    """
    with opened(service.address) as page:
        give(page, "paste", ABSENT.read_bytes(), "image.png")
        page.wait(f"document.querySelector('{SHOWN}')")

        assert page.text("h3") == "pasted: image.png"
        assert "A picture that is copied and pasted is often drawn anew" in page.text(".advice")


def test_each_of_several_images_gets_a_result(service: Running, opened: Open) -> None:
    """
    In the order in which they were chosen, with a count that has the focus.
    """
    paths = [ACCEPTED, ABSENT, NO_IMAGE, CHANGED]

    with opened(service.address, failures=("415",)) as page:
        judge(page, *paths)

        assert page.texts("h3") == [path.name for path in paths]
        assert page.text("#results-title") == "Results: 1 accepted, 2 rejected, 1 not judged"
        assert has_focus(page, "#results-title")
        assert page.texts("#announcer p")[-1] == "1 accepted, 2 rejected, 1 not judged"
        page.click("#results-clear")
        assert page.texts(".card") == []
        assert has_focus(page, "#files")


def test_more_than_the_page_takes_at_once_is_said(service: Running, opened: Open) -> None:
    """
    Not left out in silence.
    """
    with opened(service.address) as page:
        judge_later = [ABSENT] * 53
        page.upload("#files", *judge_later)

        assert page.text("#notice") == "Only the first 50 are checked; 3 are left out."
        assert len(page.texts(".card")) == 50
        page.wait(f"document.querySelectorAll('{SHOWN}').length == 50")


def test_everything_can_be_done_with_the_keyboard(service: Running, opened: Open) -> None:
    """
    From the first key to the raw report, and the focus is always seen.
    """
    with opened(service.address) as page:
        page.press("Tab")
        assert page.evaluate("document.activeElement.getAttribute('href')") == "#choose"
        page.press("Enter", "Tab")
        assert has_focus(page, "#files")
        assert "3px" in page.evaluate("getComputedStyle(document.querySelector('#files + label')).outline")

        page.press_and_upload("Enter", ACCEPTED)
        page.wait(f"document.querySelector('{SHOWN}')")
        assert has_focus(page, ".card h3")

        visited = []
        for _ in range(12):
            page.press("Tab")
            visited.append(page.evaluate("document.activeElement.textContent"))
            assert "3px" in page.evaluate("getComputedStyle(document.activeElement).outline")
            if visited[-1] == "Raw reportJSON":
                page.press("Enter")
            if visited[-1] == "Copy":
                page.press("Enter")
                page.wait(
                    "document.activeElement.parentElement.querySelector('[role=status]').textContent != ''"
                )
                break
        assert visited[0].startswith("Checks")
        assert visited[-1] == "Copy"


def test_a_file_that_is_too_large_is_not_sent(tmp_path: Path, opened: Open) -> None:
    """
    The service says how much it takes; a browser need not send it all to learn that.
    """
    with serving(tmp_path, "--no-auth", max_bytes=4096) as running, opened(running.address) as page:
        judge(page, ACCEPTED)

        assert page.text(".state") == "The image is larger than 4 KiB"
        assert page.texts(".card > .actions button") == ["Remove"]
        assert [request for request in page.seen.requests if "verify" in request] == []
        assert page.text("#files-limit").startswith("At most 4 KiB each.")


# --- keys, and services that say no -----------------------------------------------------------------


def test_a_key_is_asked_for_and_kept_in_this_tab_only(locked: Running, opened: Open) -> None:
    """
    A wrong one is refused, and the image waits until the right one comes.
    """
    right = locked.make_key("verify", "reports:read")
    wrong = right[:-1] + ("A" if right[-1] != "A" else "B")

    with opened(locked.address, failures=("401",)) as page:
        page.upload("#files", ACCEPTED)
        assert page.text(".verdict") == "Waiting for a key"
        assert has_focus(page, "#key-input")

        page.type(wrong)
        page.press("Enter")
        page.wait(
            "!document.querySelector('#key').hidden && document.querySelector('#key-input').value == ''"
        )
        assert page.text("#key-reason") == "The service does not accept the key it was sent."
        assert has_focus(page, "#key-input")

        page.type(right)
        page.press("Enter")
        page.wait(f"document.querySelector('{SHOWN}')")
        assert page.text(".verdict") == "Accepted under azure-openai"
        assert page.evaluate("Object.values(sessionStorage)") == [right]
        assert right not in page.evaluate("JSON.stringify(localStorage)")
        assert page.evaluate("location.href") == locked.address

        page.goto(locked.address)
        page.wait("document.querySelector('#policy').options.length > 1")
        assert page.evaluate("document.querySelector('#key').hidden") is True
        page.click("#key-forget")
        assert page.evaluate("[document.querySelector('#key').hidden, sessionStorage.length]") == [False, 0]


def test_a_text_that_cannot_be_a_key_is_not_sent(locked: Running, opened: Open) -> None:
    """
    A browser could not even put it into a header.
    """
    with opened(locked.address) as page:
        page.fill("#key-input", "my kéy →")
        page.press("Enter")

        assert page.text("#key-reason").startswith("That is no key")
        assert page.evaluate("sessionStorage.length") == 0


def test_a_key_for_other_things_is_explained(locked: Running, opened: Open) -> None:
    """
    It can be exchanged on the spot, and the report is fetched with the other one.
    """
    judging, reading = locked.make_key("verify"), locked.make_key("reports:read")

    with opened(locked.address, failures=("403",)) as page:
        page.fill("#key-input", judging)
        page.press("Enter")
        judge(page, UNTRUSTED)
        page.click("#history-list button")
        page.wait("document.querySelector('.card[data-phase=refused]')")

        assert page.text(".card[data-phase=refused] .state") == "This is not allowed"
        assert "Your key may check images, but not open results" in page.text(".card[data-phase=refused]")
        assert "ask those who run this service for a key" in page.text(".card[data-phase=refused]")
        assert "reports:read" in page.text(".card[data-phase=refused]")
        page.click(".card[data-phase=refused] .actions button:nth-child(2)")
        assert has_focus(page, "#key-input")
        page.type(reading)
        page.press("Enter")
        page.wait("document.querySelectorAll('.card[data-phase=rejected]').length == 2")


def test_an_image_refused_for_its_key_is_sent_again_with_another(locked: Running, opened: Open) -> None:
    """
    As one that waits for a key is; nobody has to press "Try again".
    """
    reading, judging = locked.make_key("reports:read"), locked.make_key("verify")

    with opened(locked.address, failures=("403",)) as page:
        page.fill("#key-input", reading)
        page.press("Enter")
        judge(page, ACCEPTED)
        assert "The key may not do this." in page.text(".card")
        page.click(".card .actions button:nth-child(2)")
        page.type(judging)
        page.press("Enter")
        page.wait("document.querySelector('.card[data-phase=accepted]')")

        assert len(page.texts(".card")) == 1


def test_a_service_that_asks_to_wait_is_asked_again_after_that(locked: Running, opened: Open) -> None:
    """
    The button counts down, and does nothing before.
    """
    key = locked.make_key("verify")

    with opened(locked.address, failures=("429",)) as page:
        page.fill("#key-input", key)
        page.press("Enter")
        judge(page, ABSENT)
        judge(page, ACCEPTED)
        words, disabled, phase = page.evaluate(
            """(() => {
              const button = document.querySelector('.card[data-phase=refused] .actions button');
              button.click();
              return [button.textContent, button.ariaDisabled, button.closest('.card').dataset.phase];
            })()"""
        )

        assert re.fullmatch(r"Try again in [1-3] s", words)
        assert (disabled, phase) == ("true", "refused")
        assert page.text(".card[data-phase=refused] .state") == "The API key has used up its rate"
        page.wait(
            "document.querySelector('.card[data-phase=refused] .actions button').ariaDisabled == 'false'"
        )
        page.click(".card[data-phase=refused] .actions button")
        page.wait("document.querySelector('.card[data-phase=accepted]')")


def test_a_busy_service_is_asked_again(tmp_path: Path, opened: Open) -> None:
    """
    Its only seat is taken by somebody who sends slowly.
    """
    with (
        serving(tmp_path, "--no-auth", queue=0) as running,
        opened(running.address, failures=("503",)) as page,
    ):
        with closing(_slow_sender(running)):
            judge(page, ACCEPTED)
            assert page.text(".verdict") == "Not judged"
            assert page.text(".state") == "The service is busy"
            assert "That says nothing about the image." in page.text(".body")
        _wait_for_a_seat(running)
        page.wait("document.querySelector('.card .actions button').ariaDisabled == 'false'")
        page.click(".card .actions button")
        page.wait("document.querySelector('.card[data-phase=accepted]')")


def _slow_sender(running: Running) -> socket.socket:
    address = httpx.URL(running.address)
    sender = socket.create_connection((address.host, address.port))
    sender.sendall(b"POST /v1/verify HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n?")
    while httpx.post(f"{running.address}v1/verify", content=b"?").status_code != 503:
        pass
    return sender


def _wait_for_a_seat(running: Running) -> None:
    while httpx.post(f"{running.address}v1/verify", content=b"?").status_code == 503:
        pass


REMEMBERED: dict[str, object] = {
    "sha256": "0" * 64,
    "name": "old.png",
    "accepted": False,
    "state": "absent",
    "policy": "azure-openai",
    "digest": "0" * 64,
    "time": 0,
}
"""
An entry of the list of this browser.
"""


# --- history ----------------------------------------------------------------------------------------


def test_what_was_checked_is_remembered_and_can_be_opened_again(service: Running, opened: Open) -> None:
    """
    The list is of this browser; the report comes from the service.
    """
    with opened(service.address) as page:
        judge(page, UNTRUSTED)
        judge(page, ACCEPTED)
        page.goto(service.address)

        assert page.texts("#history-list button") == [ACCEPTED.name, UNTRUSTED.name]
        assert "Rejected under azure-openai: valid, but not trusted" in page.text(
            "#history-list li:last-child"
        )
        page.click("#history-list li:last-child button")
        page.wait("document.querySelector('.card[data-phase=rejected]')")
        assert page.text("h3") == UNTRUSTED.name
        assert page.text(".card .state") == "valid, but nobody who is trusted vouches for the signer"
        assert page.text(".body > .small").startswith("The service has kept this report since ")
        assert page.texts(".card > .actions button") == ["Remove"]
        assert has_focus(page, ".card h3")

        page.click("#history-clear")
        assert page.evaluate(
            "[document.querySelector('#history').hidden, localStorage['provenance-history']]"
        ) == [
            True,
            "[]",
        ]


def test_the_report_of_the_policy_that_was_asked_is_opened(service: Running, opened: Open) -> None:
    """
    An image has one for each policy.
    """
    with opened(service.address) as page:
        judge(page, LINEAGE)
        page.choose("#policy", "azure-openai-lineage")
        page.click(".card > .actions button:first-child")
        page.wait("document.querySelector('.card[data-phase=accepted]')")
        page.click(".card > .actions > button")
        page.click("#history-list li:last-child button")
        page.wait(f"document.querySelector('{SHOWN}')")

        assert page.text(".verdict") == "Rejected under azure-openai"


def test_a_report_that_is_kept_no_longer_is_said_to_be_gone(service: Running, opened: Open) -> None:
    """
    Reports may be deleted; the list does not know.
    """
    with opened(service.address, failures=("404",)) as page:
        judge(page, CHANGED)
        httpx.delete(f"{service.address}v1/reports/{raw_report(page)['asset']['sha256']}").raise_for_status()
        page.click("#history-list button")
        page.wait("document.querySelector('.card[data-phase=refused]')")

        assert "keeps no report on this image, or not any longer" in page.text(".card[data-phase=refused]")


@pytest.mark.parametrize(
    "stored",
    [
        "no JSON",
        "{}",
        "null",
        json.dumps([None, 5, {"sha256": "../../v1/reports"}, {**REMEMBERED, "name": 7}]),
        json.dumps([{**REMEMBERED, "time": time} for time in (1e300, "x", None)]),
        json.dumps([{**REMEMBERED, "state": "constructor"}, {**REMEMBERED, "sha256": ["0" * 64]}]),
    ],
)
def test_a_list_that_somebody_else_wrote_is_not_believed(stored: str, service: Running, opened: Open) -> None:
    """
    Whatever runs on the same origin can write there.
    """
    with opened(service.address) as page:
        page.evaluate(f"localStorage.setItem('provenance-history', {json.dumps(stored)})")
        page.goto(service.address)
        judge(page, ABSENT)

        assert page.texts("#history-list button") == [ABSENT.name]


def test_the_list_does_not_grow_without_bound(service: Running, opened: Open) -> None:
    """
    Browsers keep a few megabytes for each origin.
    """
    entries = [{**REMEMBERED, "sha256": f"{number:064x}"} for number in range(200)]

    with opened(service.address) as page:
        page.evaluate(f"localStorage.setItem('provenance-history', {json.dumps(json.dumps(entries))})")
        page.goto(service.address)
        judge(page, ABSENT)

        assert len(page.texts("#history-list li")) == 50
        assert page.evaluate("JSON.parse(localStorage['provenance-history']).length") == 50


# --- who reads it, and on what ----------------------------------------------------------------------


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280], ids=["phone", "desk"])
def test_nobody_is_shut_out(*, dark: bool, width: int, service: Running, opened: Open) -> None:
    """
    Contrast, names, roles and order, with every outcome there and everything unfolded.
    """
    with opened(service.address, width=width, dark=dark, failures=("415",)) as page:
        assert page.accessibility() == []
        judge(page, *(path for path, _, _ in OUTCOMES.values()))
        unfold(page)

        assert page.accessibility() == []
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_the_question_for_a_key_shuts_nobody_out(locked: Running, opened: Open) -> None:
    """
    Nor does what comes of it.
    """
    with opened(locked.address, dark=True) as page:
        page.fill("#key-input", "→")
        page.press("Enter")
        page.upload("#files", ABSENT)

        assert page.accessibility() == []


def test_every_state_has_a_symbol_and_words(service: Running, opened: Open) -> None:
    """
    Nothing is told by a colour alone.
    """
    with opened(service.address, failures=("415",)) as page:
        judge(page, *(path for path, _, _ in OUTCOMES.values()))
        drawn = page.evaluate(
            "[...document.querySelectorAll('.card')].map((card) =>"
            "  [...card.querySelectorAll('.verdict use, .state use')].map((use) => use.getAttribute('href'))"
            "    .join())"
        )

        assert drawn == [
            "#icon-pass,#icon-trusted",
            "#icon-fail,#icon-trusted",
            "#icon-fail,#icon-absent",
            "#icon-fail,#icon-invalid",
            "#icon-fail,#icon-untrusted",
            "#icon-error",
        ]
        assert page.evaluate(
            "[...document.querySelectorAll('use')].every((use) => "
            "document.querySelector(use.getAttribute('href')))"
        )


@EACH_OUTCOME
def test_the_page_can_be_looked_at(outcome: str, service: Running, opened: Open, tmp_path: Path) -> None:
    """
    On a desk, in the dark, and on a phone: three pictures that differ.
    """
    pictures = []
    for width, dark in ((1280, False), (1280, True), (390, False)):
        with opened(
            service.address, width=width, dark=dark, failures=("415",) if outcome == "error" else ()
        ) as page:
            judge(page, OUTCOMES[outcome][0])
            pictures.append(page.screenshot(tmp_path / f"{outcome}-{width}-{dark}.png"))

    assert [struct.unpack(">II", picture[16:24]) for picture in pictures] == [
        (1280, 800),
        (1280, 800),
        (390, 800),
    ]
    assert len(set(pictures)) == 3
