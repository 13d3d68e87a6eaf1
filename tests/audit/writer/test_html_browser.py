"""
The audit's HTML page: what a real browser makes of it.

Every page that a browser loads here is also watched: no request but for the page itself, nothing on the
console, no dialog, no exception, no violation of its Content Security Policy.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from provenance.audit.record import Category, Record
from provenance.audit.writer import html
from provenance.authority import Authority
from provenance.cli.output import verdict
from provenance.errors import MalformedAssetError
from provenance.trust.profile import TrustProfile
from provenance.verification.verifier import Verifier
from tests.audit.writer.html_support import (
    BREAKOUT,
    MARKUP,
    NO_TEXT,
    OVERRIDE,
    changed,
    fact,
    hostile,
    many,
    sample,
    samples,
    written,
)
from tests.browser_support import Browser, Page, Seen
from tests.project.test_samples import DEFAULT, ENTRIES, judged
from tests.verification.cause_support import images_by_cause

pytestmark = pytest.mark.slow

Open = Callable[..., AbstractContextManager[Page]]


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Open:
    """
    Write a page and open it; when the test is done with it, nothing may have happened behind it.
    """

    @contextmanager
    def open_(
        records: Iterable[Record] | None = None,
        *,
        address: str = "",
        width: int = 1280,
        dark: bool = False,
        **facts: Any,  # noqa: ANN401 - fields of the summary
    ) -> Iterator[Page]:
        path = tmp_path / "audit.html"
        path.write_bytes(written(samples() if records is None else records, **facts))
        with browser.page(width=width, dark=dark) as page:
            page.goto(path.as_uri() + address)
            yield page
            assert page.seen == Seen([path.as_uri()], [], [], [], [])

    return open_


def names(page: Page) -> list[str]:
    """
    Read the names in the list, as far as it is drawn.
    """
    found: list[str] = page.evaluate("[...document.querySelectorAll('.name')].map((e) => e.title)")
    return found


def focused(page: Page) -> str:
    """
    Name what has the focus: the file, where it is one.
    """
    element = "document.activeElement"
    found: str = page.evaluate(f"{element}.closest('.name')?.title ?? {element}.textContent")
    return found


def wait_for_focus(page: Page, name: str) -> None:
    """
    Wait until a file has the focus: a dialog hands it back a moment after it is closed.
    """
    page.wait(f"document.activeElement.closest('.name')?.title === {json.dumps(name)}")


def press_until(page: Page, key: str, expression: str, at_most: int = 40) -> None:
    """
    Press a key until something is so.
    """
    for _ in range(at_most):
        if page.evaluate(expression):
            return
        page.press(key)
    raise AssertionError(f"{key} does not lead to {expression}")


def unfold(page: Page) -> None:
    """
    Unfold all of a file's details.
    """
    page.evaluate("document.querySelectorAll('#details details').forEach((e) => { e.open = true; })")
    page.wait("document.querySelector('#details pre') !== null")


def test_the_page_shows_every_category_and_its_number(opened: Open) -> None:
    """
    They are all there is, also where a category is empty.
    """
    amounts = [sum(r.category is category for r in samples()) for category in Category]

    with opened(width=1600) as page:
        assert page.texts(".category .number") == [str(amount) for amount in amounts]
        assert page.texts(".category .badge :not(.sign)") == [category.value for category in Category]
        assert page.text("#files") == f"{len(ENTRIES)} files"
        assert page.text("#count") == f"{len(ENTRIES)} files"
        assert page.evaluate("document.getElementById('list').ariaRowCount") == str(len(ENTRIES) + 1)
        assert page.texts("#heading dd") == [
            "azure-openai, version 1",
            "ab" * 32,
            "sample 1",
            "cd" * 32,
            "c2pa-python 0.38.1",
            "azure-image-provenance 0.1.0",
        ]


def test_the_reasons_are_ranked(opened: Open) -> None:
    """
    The most frequent first, and all of them, also where only a few are shown at once.
    """
    odd = [sample("absent/plain.png")._replace(reasons=(f"odd_{number:02d}",)) for number in range(12)]
    reasons = [reason for record in (*samples(), *odd) for reason in record.reasons]
    ranked = sorted(set(reasons), key=lambda reason: (-reasons.count(reason), reason))

    with opened([*samples(), *odd]) as page:
        assert page.texts(".reason .id") == ranked
        assert page.texts(".reason .number") == [str(reasons.count(reason)) for reason in ranked]
        assert page.evaluate("document.querySelectorAll('#reasons li:not([hidden])').length") == 8
        page.click("#more-reasons")
        assert page.evaluate("document.querySelectorAll('#reasons li:not([hidden])').length") == len(ranked)
        assert focused(page).startswith(ranked[8])


def test_every_sample_is_told_in_the_words_of_the_command(opened: Open) -> None:
    """
    Two wordings of one verdict would be two verdicts.
    """
    told = {}
    with opened() as page:
        page.press("/", "ArrowDown", "Enter")
        for record in samples():
            assert page.text("#details-title") == record.name
            told[record.name] = {
                term: fact(page, term.capitalize()) or ""
                for term in ("state", "signed by", "signed at", "made by", "described as")
            }
            page.press("ArrowRight")

    for name, words in told.items():
        rows = {row.label: row.text for row in verdict.verdict(name, judged(name, DEFAULT))}
        assert words == {term: rows.get(term, "").replace("anchor of yours", "anchor") for term in words}


def test_every_cause_is_told_in_the_words_of_the_command(
    authority: Authority, sample_trust: TrustProfile, opened: Open
) -> None:
    """
    Another key, a broken rule, an edit on top, an expired signer: none is said to be changed or unknown.
    """
    verifier = Verifier(trust=sample_trust, self_test=False)
    images = {cause.value: image for cause, image in images_by_cause(authority).items()}
    results = {name: verifier.verify(image) for name, image in sorted(images.items())}
    terms = ("state", "signed by", "signed at", "lies below", "made by", "note")
    told = {}

    with opened([Record.of(result, name) for name, result in results.items()]) as page:
        page.press("/", "ArrowDown", "Enter")
        for name in results:
            assert page.text("#details-title") == name
            told[name] = {term: fact(page, term.capitalize()) or "" for term in terms}
            page.press("ArrowRight")

    for name, words in told.items():
        rows = {row.label: row.text for row in verdict.verdict(name, results[name])}
        assert words == {term: rows.get(term, "").replace("anchor of yours", "anchor") for term in terms}


def test_details_hold_all_that_is_known(opened: Open) -> None:
    """
    Failed checks with what was expected and found, manifests, chain, status codes, and the report itself.
    """
    record = sample("trusted/designer-v1.png")

    with opened(address="#file=trusted/designer-v1.png") as page:
        assert page.texts("#details h3") == ["Verdict", "2 failed checks", "Image", "2 manifests"]
        assert page.text("#details .fail:first-child div:last-child > dd") == "nothing"
        titles = ["Active manifest: trusted", "Manifest of the ingredient: trusted"]
        assert page.texts(".manifest > h4") == titles
        unfold(page)
        assert page.texts("#details .chain li > p")[0].startswith("Signer: CN=Sample Authority Signer")
        assert json.loads(page.text("#details pre")) == json.loads(record.report)


def test_what_could_not_be_judged_says_why_and_what_to_do(opened: Open) -> None:
    """
    There is no verdict to show, and none is shown.
    """
    error = MalformedAssetError("chunk ends early at byte 12")

    with opened([Record.of(error, "broken.png")]) as page:
        page.press("/", "ArrowDown", "Enter")
        assert page.texts("#details h3") == ["Could not be judged"]
        assert fact(page, "Error") == "MalformedAssetError"
        assert fact(page, "Message") == str(error)
        assert fact(page, "Next") == error.hint


@pytest.mark.parametrize("amount", [0, 2])
def test_a_maker_is_named_only_where_a_single_action_names_one(opened: Open, amount: int) -> None:
    """
    Of two actions that both created the image, neither did.
    """

    def change(report: dict[str, Any]) -> None:
        actions = report["manifests"][0]["actions"]
        report["manifests"][0]["actions"] = actions[:1] * amount

    record = changed(sample("valid/impostor-v1.png"), "odd.png", change)

    with opened([record], width=1600) as page:
        assert page.text(".cell.made-column") == ""
        page.press("/", "ArrowDown", "Enter")
        assert fact(page, "Made by") == "not said: there is no single c2pa.created action"


def test_it_can_be_used_with_the_keyboard_alone(opened: Open) -> None:
    """
    Search, move, open, walk on, close: and the focus is where one left it.
    """
    with opened() as page:
        page.press("/")
        page.type("invalid/ png")
        page.press("ArrowDown", "ArrowDown", "ArrowDown", "ArrowUp")
        expected = [record.name for record in samples() if "invalid/" in record.name and "png" in record.name]
        assert names(page) == expected
        assert focused(page) == expected[1]
        page.press("Enter")
        page.wait("document.getElementById('details').open")
        assert focused(page) == expected[1]
        page.press("ArrowRight")
        assert page.text("#details-title") == expected[2]
        assert page.text("#place") == f"3 of {len(expected)}"
        page.press("Escape")
        page.wait("!document.getElementById('details').open")
        wait_for_focus(page, expected[2])
        page.press("End")
        assert focused(page) == expected[-1]
        page.press("Home", "PageDown", "PageUp")
        assert focused(page) == expected[0]


def test_the_tab_key_leads_everywhere_and_out_again(opened: Open) -> None:
    """
    The list is one stop, however long it is.
    """
    kind = "document.activeElement.closest('a, .category, .reasons, summary, input, .columns, .rows')"
    stops = []

    with opened(many(300), width=1600) as page:
        page.press("Tab")
        while page.evaluate("document.activeElement !== document.body"):
            stops.append(page.evaluate(f"{kind}.className || {kind}.tagName"))
            page.press("Tab")

    assert stops == [
        "skip",
        *["category"] * 6,
        "SUMMARY",
        "reasons",
        "INPUT",
        *["columns"] * 6,
        "rows",
    ]


@pytest.mark.parametrize("category", [category.value for category in Category if category != "error"])
def test_a_category_filters(opened: Open, category: str) -> None:
    """
    Pressed with the space bar; pressed again, all are there again.
    """
    expected = [record.name for record in samples() if record.category == category]
    pressed = f"document.activeElement.matches('.category:has(.of-{category})')"

    with opened(width=1600) as page:
        press_until(page, "Tab", pressed)
        page.press("Space")
        assert names(page)[: len(expected)] == expected[: len(names(page))]
        assert page.text("#count") == f"{len(expected)} of {len(ENTRIES)} files"
        assert page.evaluate("document.activeElement.ariaPressed") == "true"
        page.wait(f"document.getElementById('status').textContent.startsWith('{len(expected)} of')")
        page.press("Space")
        assert page.text("#count") == f"{len(ENTRIES)} files"
        assert page.evaluate("document.activeElement.ariaPressed") == "false"


def test_a_reason_filters(opened: Open) -> None:
    """
    Two reasons show the files that have either; a category beside them narrows.
    """

    def having(*reasons: str) -> int:
        return sum(bool(set(record.reasons) & set(reasons)) for record in samples())

    with opened() as page:
        page.click(".reason:has-text('integrity')")
        assert page.text("#count").startswith(f"{having('integrity')} of")
        page.click(".reason:has-text('trailing_bytes')")
        assert page.text("#count").startswith(f"{having('integrity', 'trailing_bytes')} of")
        page.click(".category:has-text('rejected')")
        assert page.text("#count").startswith(f"{having('trailing_bytes')} of")
        page.click("#clear")
        assert page.text("#count") == f"{len(ENTRIES)} files"
        assert page.evaluate("document.querySelectorAll('[aria-pressed=true]').length") == 0


@pytest.mark.parametrize(
    "query", ["IMPOSTOR", "microsoft corporation", "imagegen", "{sha256}", "trusted/ webp", "no such file"]
)
def test_search_finds_by_name_signer_agent_and_digest(opened: Open, query: str) -> None:
    """
    Upper and lower case are the same; every word has to be found.
    """
    query = query.format(sha256=ENTRIES[0].sha256)

    def is_found(record: Record) -> bool:
        row = html._row(record, json.loads(record.report))
        text = " ".join(str(row[place]) for place in (0, 4, 7, 9)).lower()
        return all(word in text for word in query.lower().split())

    expected = [record.name for record in samples() if is_found(record)]

    with opened() as page:
        page.fill("#query", query)
        page.wait(f"document.getElementById('count').textContent.startsWith('{len(expected)} of')")
        assert names(page) == expected[: len(names(page))]
        assert page.evaluate("document.getElementById('nothing').hidden") is bool(expected)


@pytest.mark.parametrize(
    ("column", "place"), [("File", 0), ("Signed by", 4), ("Signed (UTC)", 6), ("Made by", 7), ("Reasons", 3)]
)
def test_a_column_sorts_both_ways(opened: Open, column: str, place: int) -> None:
    """
    What has nothing in it comes last either way.
    """
    values = {r.name: html._row(r, json.loads(r.report))[place] for r in samples()}
    values = {name: ", ".join(value) if isinstance(value, list) else value for name, value in values.items()}
    having = [record.name for record in samples() if values[record.name]]
    lacking = [record.name for record in samples() if not values[record.name]]
    upwards = sorted(having, key=lambda name: values[name])
    downwards = sorted(having, key=lambda name: values[name], reverse=True)
    head = f"document.activeElement.textContent.startsWith({json.dumps(column)})"

    with opened(width=1600) as page:
        press_until(page, "Tab", head)
        if column != "File":
            page.press("Enter")
        assert page.evaluate("document.activeElement.parentElement.ariaSort") == "ascending"
        assert names(page) == [*upwards, *lacking][: len(names(page))]
        page.press("Enter")
        assert page.evaluate("document.activeElement.parentElement.ariaSort") == "descending"
        assert names(page) == [*downwards, *lacking][: len(names(page))]
        assert page.evaluate("document.querySelectorAll('[aria-sort]:not([aria-sort=none])').length") == 1


def test_categories_sort_in_their_own_order(opened: Open) -> None:
    """
    Not in that of the alphabet.
    """
    with opened(width=390) as page:
        page.choose("#sort-key", "rank")
        assert names(page)[0].startswith("trusted/")
        page.click("#sort-direction")
        assert names(page)[0].startswith("absent/")


def test_hostile_text_stays_text(opened: Open) -> None:
    """
    In the list, in the details, in the title of the page and in its address.
    """
    records = hostile()
    told: list[str] = []

    with opened(records, width=1600) as page:
        page.press("/", "ArrowDown", "Enter")
        for _ in records:
            unfold(page)
            assert page.texts("#details :is(img[src=x], script, b)") == []
            told.append(page.text("#details-title"))
            page.press("ArrowRight")
        assert page.evaluate("Object.keys(Object.prototype)") == []
    assert MARKUP in told
    assert f"{BREAKOUT}.png" in told
    assert f"{'x' * 1600}…{'x' * 800}" in told


def test_characters_that_are_not_seen_are_shown(opened: Open) -> None:
    """
    A name that reads backwards, or over several lines, reads as what it is; a percent sign alone is one.
    """
    tricky = [OVERRIDE, "a\nb\u200b", NO_TEXT, "50%.png"]
    plain = sample("absent/plain.png")

    with opened([changed(plain, name) for name in tricky]) as page:
        assert names(page) == [
            "50%.png",
            "a\\nb\\u200b",
            "caf%E9 50%25.png",
            "invoice\\u202egnp.exe",
        ]
        assert page.texts(".open .first .escape") == ["\\n", "\\u200b", "\\u202e"]
        assert len(page.texts("bdi.first")) == len(tricky)
        page.press("/", "ArrowDown", "ArrowDown", "ArrowDown", "Enter")
        assert fact(page, "Name") == "percent-encoded, because its bytes are not text"
        page.press("ArrowRight")
        unfold(page)
        assert "invoice\\u202egnp.exe" in page.text("#details pre")


def test_ten_thousand_files_are_listed(opened: Open) -> None:
    """
    Only the rows in view are there, the number of all is told, and the last is reached.
    """
    with opened(many(10_000)) as page:
        assert page.evaluate("document.getElementById('list').ariaRowCount") == "10001"
        assert page.text("#count") == "10,000 files"
        assert len(names(page)) < 100
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        page.wait("document.querySelector('.row:last-child').ariaRowIndex === '10001'")
        assert names(page)[-1] == "folder/picture-009999.png"
        page.press("/")
        page.type("azure 5000")
        page.press("ArrowDown")
        assert names(page) == ["folder/picture-005000.png"]
        assert page.text("#count") == "1 of 10,000 files"
        page.press("Enter")
        assert page.text("#details-title") == "folder/picture-005000.png"
        page.press("Escape", "/", "ControlOrMeta+a", "Backspace", "ArrowDown", "End")
        page.wait("document.activeElement.closest('.row')?.ariaRowIndex === '10001'")
        assert focused(page) == "folder/picture-009999.png"


def test_a_row_that_is_scrolled_away_keeps_the_focus(opened: Open) -> None:
    """
    Else the next key would be lost.
    """
    with opened(many(500)) as page:
        page.press("/", "ArrowDown", "ArrowDown")
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        page.wait("document.querySelector('.row:last-child').ariaRowIndex === '501'")
        assert focused(page) == "folder/picture-000001.png"
        page.press("ArrowDown")
        assert focused(page) == "folder/picture-000002.png"
        assert page.evaluate("document.activeElement.getBoundingClientRect().top > 0")


def test_what_is_chosen_stands_in_the_address(opened: Open) -> None:
    """
    So that it can be passed on; whoever follows it sees the same.
    """
    address = "#q=v1&category=rejected%2Cinvalid&sort=-name"
    expected = [
        record.name
        for record in reversed(samples())
        if "v1" in record.name and record.category in {"rejected", "invalid"}
    ]

    with opened() as page:
        page.fill("#query", "v1")
        page.click(".category:has-text('rejected')")
        page.click(".category:has-text('invalid')")
        page.click(".name-column button")
        page.wait(f"location.hash === {json.dumps(address)}")
        page.click("#clear")
        page.click(".name-column button")
        page.wait("location.hash === ''")

    with opened(address=address) as page:
        assert names(page) == expected
        page.evaluate(f"location.hash = 'file={expected[0]}'")
        page.wait("document.getElementById('details').open")
        assert page.text("#details-title") == expected[0]
        page.press("Escape")
        page.wait("location.hash === ''")
        wait_for_focus(page, expected[0])


def test_an_audit_that_was_interrupted_says_so(opened: Open) -> None:
    """
    What is missing must not look as if it had been judged.
    """
    with opened(complete=False) as page:
        assert page.text(".notice").startswith("This audit is incomplete")
    with opened() as page:
        assert page.texts(".notice") == []


def test_a_page_that_lost_records_says_so(browser: Browser, tmp_path: Path) -> None:
    """
    A page is a file like others: it may be edited, or cut.
    """
    path = tmp_path / "audit.html"
    page_ = re.sub(rb'<script type="application/json" class="rows-data".*?</script>', b"", written(samples()))
    path.write_bytes(page_)

    with browser.page() as page:
        page.goto(path.as_uri())
        assert page.text(".notice") == f"This page is damaged: {len(ENTRIES)} files were written, 0 are here."
        path.write_bytes(page_[: len(page_) // 2])
        page.goto(path.as_uri())
        assert page.text(".notice").startswith("Reading the records. If this does not go away")


def test_what_was_left_out_and_what_the_gate_counts_is_told(opened: Open) -> None:
    """
    A file that nobody judged is not a file without faults.
    """
    records = [record._replace(failing=record.category is Category.INVALID) for record in samples()]
    failing = [record.name for record in records if record.failing]

    with opened(records, skipped={"symbolic link": 3, "<b>": 4}) as page:
        assert page.texts("#skipped li") == ["<b>4", "symbolic link3"]
        page.click(".gate")
        assert page.text("#count").startswith(f"{len(failing)} of")
        assert names(page) == failing[: len(names(page))]
        page.press("/", "ArrowDown", "Enter")
        assert fact(page, "Gate") == "counts as a failure"


def test_an_audit_of_nothing_says_so(opened: Open) -> None:
    """
    An empty folder is an answer, too.
    """
    with opened([]) as page:
        assert page.text("#nothing") == "No files were audited."
        assert page.evaluate("document.getElementById('reasons-panel').hidden")
        page.press("/", "ArrowDown", "Enter")
        assert page.evaluate("document.getElementById('details').open") is False


def test_absence_is_never_taken_for_evidence(opened: Open) -> None:
    """
    Neither a file without credentials nor a trusted signature says what a picture shows.
    """
    with opened(address="#file=absent/plain.png") as page:
        assert (fact(page, "Next") or "").startswith("This says nothing about how the image was made.")
        everything = page.evaluate("document.body.innerText")
    assert not re.search(r"\b(authentic|genuine image|fake|not AI|verified)\b", everything, re.IGNORECASE)


def test_what_is_chosen_changes_the_picture(opened: Open, tmp_path: Path) -> None:
    """
    Seen by a reader with eyes, and not only by one with a parser.
    """
    with opened() as page:
        before = page.screenshot(tmp_path / "before.png")
        page.click(".category:has-text('accepted')")
        after = page.screenshot(tmp_path / "after.png")

    for picture in (before, after):
        with Image.open(io.BytesIO(picture)) as image:
            assert (image.format, image.size) == ("PNG", (1280, 800))
            assert len(image.convert("RGB").getcolors(1 << 24) or ()) > 100
    assert before != after


def test_it_is_dark_where_its_reader_wants_it_dark(opened: Open, tmp_path: Path) -> None:
    """
    And light elsewhere.
    """
    grounds = []
    for dark in (False, True):
        with opened(dark=dark) as page:
            page.screenshot(tmp_path / "page.png")
        with Image.open(tmp_path / "page.png") as image:
            grounds.append(image.convert("L").getpixel((5, 5)))

    assert grounds == [255, 18]


@pytest.mark.parametrize("width", [320, 390, 800, 1280, 1700])
def test_nothing_sticks_out_of_the_window(opened: Open, width: int) -> None:
    """
    Nobody has to scroll sideways, whatever a file is called.
    """
    with opened([*hostile(), *samples()], width=width) as page:
        sticks_out = "document.documentElement.scrollWidth > innerWidth"
        assert page.evaluate(sticks_out) is False
        page.press("/", "ArrowDown")
        for _ in hostile():
            page.press("Enter")
            body = "document.getElementById('details-body')"
            assert page.evaluate(f"{body}.scrollWidth > {body}.clientWidth") is False
            page.press("Escape", "ArrowDown")
        assert page.evaluate(sticks_out) is False


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 900, 1600])
def test_accessibility(opened: Open, width: int, *, dark: bool) -> None:
    """
    Of the whole page, and of a file's details, all unfolded; axe finds nothing.
    """
    records = [*samples(), *hostile()]

    with opened(records, width=width, dark=dark, complete=False, skipped={"symbolic link": 1}) as page:
        assert page.accessibility() == []
        page.click(".category:has-text('invalid')")
        page.press("/", "ArrowDown", "Enter")
        unfold(page)
        assert page.accessibility() == []


def test_all_rows_are_printed_and_no_more_than_a_bound(opened: Open, tmp_path: Path) -> None:
    """
    On paper nobody scrolls; and a browser cannot print a hundred thousand rows.
    """
    state = "[document.querySelectorAll('.row').length, document.getElementById('reasons-panel').open]"

    with opened(many(2500), width=390) as page:
        page.evaluate(f"addEventListener('beforeprint', () => {{ window.printed = {state}; }})")
        page.fill("#query", "picture-0001")
        page.wait("document.getElementById('count').textContent.startsWith('100 of')")
        assert page.pdf(tmp_path / "page.pdf").startswith(b"%PDF-")
        assert page.evaluate("printed") == [100, True]
        page.click("#clear")
        page.pdf(tmp_path / "page.pdf")
        assert page.evaluate("printed") == [2000, True]
        rows, unfolded = page.evaluate(state)
        assert rows < 100
        assert unfolded is False
