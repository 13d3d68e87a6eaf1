"""
The service's web page: what it does in a real browser with the real service behind it.
"""

from __future__ import annotations

import json
import re
import socket
import struct
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.service.page.support import (
    ABSENT,
    ACCEPTED,
    CHANGED,
    EACH_OUTCOME,
    LINEAGE,
    NO_IMAGE,
    OUTCOMES,
    SHOWN,
    UNTRUSTED,
    Open,
    Running,
    give,
    has_focus,
    judge,
    raw_report,
    serving,
    unfold,
)

pytestmark = pytest.mark.slow


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
    Its only admission slot is taken by somebody who sends slowly.
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
        _wait_for_admission(running)
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


def _wait_for_admission(running: Running) -> None:
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
