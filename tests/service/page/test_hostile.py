"""
The service's web page against images, reports and answers that mean harm, or that nobody expected.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response

from provenance.authority import (
    Authority,
    CertificateOptions,
    IngredientSpec,
    azure_v2,
    embed_xmp,
    make_name,
    plain_png,
    remote_manifest_xmp,
    sign_image,
)
from provenance.cli.output.terminal import printable
from tests.browser_support import Browser
from tests.service.page.support import (
    ACCEPTED,
    LINEAGE,
    SHOWN,
    Open,
    Running,
    StandIn,
    give,
    judge,
    raw_report,
    sample_report,
    unfold,
)

pytestmark = pytest.mark.slow

MARKUP = "<img src=x onerror=alert(1)>"
HOSTILE = {
    "markup": (MARKUP, MARKUP),
    "breakout": ("</script><script>alert(2)</script><!--", "</script><script>alert(2)</script><!--"),
    "override": ("invoice\u202egnp.exe", r"invoice\u202egnp.exe"),
    "controls": ("a\nb\tc\x1b[31m\u2028\u200b\U000e0041", r"a\nb\tc\x1b[31m\u2028\u200b\U000e0041"),
    "quotes": ('" in the active manifest; \\" "', r"\" in the active manifest; \\\" \""),
    "marks": ("e" + "\u0301" * 40, "e" + "\u0301" * 4 + r"\u0301" * 16),
    "long": ("x" * 4096, "x" * 107 + "…" + "x" * 53),
}
"""
What an image may say, and the beginning of what is shown of it between quotation marks.
"""


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    """
    Run a service that answers what the test tells it to.
    """
    with closing(StandIn()) as running:
        yield running


UNSEEN = r"[\x00-\x09\x0b-\x1f\u200b-\u200f\u2028-\u202e\u2066-\u2069\U000e0000-\U000e0fff]|\u0301{5}"
"""
Characters that nobody sees, or that move others; line feeds stand in the page itself.
"""


# --- answers ------------------------------------------------------------------------------------------


STORED = {"Provenance-Report": "new", "Provenance-Stored": "yes"}


@pytest.mark.parametrize(
    ("answer", "state", "next_step"),
    [
        (Response("<h1>Bad Gateway</h1>", 502), "The service answered 502", "Try again"),
        (
            JSONResponse({"title": 7, "detail": [], "hint": None}, 500),
            "The service answered 500",
            "Try again",
        ),
        (
            JSONResponse({"schema": "another/9"}),
            "The answer is not a report that this page can read",
            "Try again",
        ),
        (Response("not JSON"), "The answer cannot be read", "Try again"),
        (JSONResponse([]), "The answer is not a report that this page can read", "Try again"),
        (JSONResponse({"title": "Too large"}, 413), "Too large", "Remove"),
        (
            Response(status_code=429, headers={"Retry-After": "soon"}),
            "The service answered 429",
            "Try again in 5 s",
        ),
        (
            Response(status_code=503, headers={"Retry-After": "Tue, 01 Jan 2999 00:00:00 GMT"}),
            "The service answered 503",
            "Try again in 3600 s",
        ),
    ],
    ids=["proxy", "no-problem", "schema", "no-json", "list", "too-large", "no-date", "date"],
)
def test_an_answer_that_nobody_expected_is_not_a_verdict(
    answer: Response, state: str, next_step: str, stand_in: StandIn, opened: Open
) -> None:
    """
    It is told as far as it can be, and never called rejected.
    """
    stand_in.answers = [answer]
    status = answer.status_code

    with opened(stand_in.address, failures=(str(status),) if status >= 400 else ()) as page:
        judge(page, ACCEPTED)

        assert (page.text(".verdict"), page.text(".card .state")) == ("Not judged", state)
        assert page.texts(".card > .actions button")[0].startswith(
            next_step[:-6] if next_step[-1] == "s" else next_step
        )


def test_a_service_that_is_gone_is_named(stand_in: StandIn, opened: Open) -> None:
    """
    The image stays, for another attempt.
    """
    with opened(stand_in.address, failures=("net::ERR_CONNECTION_REFUSED",)) as page:
        stand_in.close()
        judge(page, ACCEPTED)

        assert page.text(".card .state") == "The service could not be reached"
        assert page.texts(".card > .actions button") == ["Try again", "Remove"]


def test_what_takes_long_can_be_stopped(stand_in: StandIn, opened: Open) -> None:
    """
    What goes on is said meanwhile.
    """
    stand_in.answers = [JSONResponse(sample_report(), headers=STORED)] * 2
    stand_in.may_answer.clear()

    with opened(stand_in.address) as page:
        page.upload("#files", ACCEPTED)
        page.wait("document.querySelector('.card .verdict').textContent == 'Judging…'")
        assert page.evaluate("document.querySelector('.card').getAttribute('aria-busy')") == "true"
        assert len(page.texts("progress[aria-label]")) == 1
        page.click(".card > .actions button")
        page.wait("document.querySelector('.card[data-phase=refused]')")
        assert page.text(".card .state") == "You stopped it"

        stand_in.may_answer.set()
        page.click(".card > .actions button")
        page.wait("document.querySelector('.card[data-phase=accepted]')")


def test_a_report_that_was_not_kept_is_said_to_be(stand_in: StandIn, opened: Open) -> None:
    """
    The verdict counts all the same.
    """
    headers = {"Provenance-Report": "new", "Provenance-Stored": "no"}
    stand_in.answers = [JSONResponse(sample_report(), headers=headers)]

    with opened(stand_in.address) as page:
        judge(page, ACCEPTED)

        assert page.text(".verdict") == "Accepted under azure-openai"
        assert "could not keep this report" in page.text(".body")


def test_an_image_is_sent_without_its_name_and_the_policy_with_it(stand_in: StandIn, opened: Open) -> None:
    """
    Policies may be called anything that an address can hold.
    """
    stand_in.answers = [JSONResponse(sample_report(), headers=STORED)]

    with opened(stand_in.address) as page:
        page.choose("#policy", "other")
        give(page, "drop", ACCEPTED.read_bytes(), "secret-name.html")
        page.wait(f"document.querySelector('{SHOWN}')")

        ((query, headers, body),) = stand_in.requests
        assert query == "policy=other"
        assert headers["content-type"] == "application/octet-stream"
        assert "secret-name" not in str(headers)
        assert body == ACCEPTED.read_bytes()


def test_a_policy_that_the_service_does_not_offer_is_not_recommended(stand_in: StandIn, opened: Open) -> None:
    """
    A report names all policies it passes under; only some may be chosen.
    """
    offered = {**sample_report(LINEAGE), "passes": ["other", "azure-openai-lineage"]}
    stand_in.answers = [JSONResponse(report, headers=STORED) for report in (sample_report(LINEAGE), offered)]

    with opened(stand_in.address) as page:
        judge(page, LINEAGE)
        judge(page, LINEAGE)

        assert page.text(".card:last-child .advice") == (
            "Next: It passes under azure-openai-lineage, which this service does not offer."
        )
        assert page.text(".card:first-child .advice") == (
            "Next: It passes under other: choose that policy above and check again."
        )


def deep_report(depth: int) -> dict[str, Any]:
    """
    Make a report on manifests in manifests, each of which refers to the next one twice.
    """
    report = sample_report(LINEAGE)
    outer, inner = report["manifests"]
    labels = [f"urn:uuid:{number}" for number in range(depth)]
    manifests = []
    for at, label in enumerate(labels):
        reference = {
            **outer["ingredients"][0],
            "manifest": labels[at + 1] if at + 1 < depth else "urn:uuid:gone",
        }
        manifests.append(
            {
                **inner,
                "label": label,
                "path": labels[: at + 1],
                "active": at == 0,
                "ingredients": [reference] * 2,
            }
        )
    return {**report, "manifests": manifests}


def test_a_deep_tree_of_manifests_is_drawn_once(stand_in: StandIn, opened: Open) -> None:
    """
    Sixty-four levels that each refer to the next one twice; and all of it has to fit a phone.
    """
    stand_in.answers = [JSONResponse(deep_report(64), headers=STORED)]

    with opened(stand_in.address, width=390) as page:
        judge(page, LINEAGE)
        unfold(page)

        assert len(page.texts(".manifest")) == 64
        assert (
            sum("is shown elsewhere in this tree" in text for text in page.texts(".ingredients > li > p"))
            == 63
        )
        assert sum("is not in this image" in text for text in page.texts(".ingredients > li > p")) == 2
        assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_names_that_mean_something_to_the_language_mean_nothing_here(stand_in: StandIn, opened: Open) -> None:
    """
    What a table has no words for is shown as it is, even where every object has something by that name.
    """
    report = sample_report(LINEAGE)
    report["manifests"][0]["ingredients"][0]["relationship"] = "constructor"
    report["checks"][0]["id"] = "__proto__"
    stand_in.answers = [JSONResponse(report, headers=STORED)]

    with opened(stand_in.address) as page:
        judge(page, LINEAGE)
        unfold(page)

        assert page.texts(".ingredients > li > p") == ['Ingredient "Embedded Ingredient", "constructor"']
        assert page.texts(".check strong")[0] == "__proto__"


def test_long_lists_are_cut_and_said_to_be(stand_in: StandIn, opened: Open) -> None:
    """
    Eight mebibytes of manifests hold more actions than anybody reads, or any browser draws in time.
    """
    report = sample_report()
    report["manifests"][0]["actions"] *= 5_000
    report["manifests"][0]["assertions"] *= 5_000
    report["validation"]["success"] *= 1_000
    stand_in.answers = [JSONResponse(report, headers=STORED)]

    with opened(stand_in.address) as page:
        judge(page, ACCEPTED)
        unfold(page)

        assert page.texts(".left-out") == [
            "… and 9,900 more, in the raw report",
            "… and 9,900 more, in the raw report",
            f"… and {len(report['validation']['success']) - 100:,} more, in the raw report",
        ]
        assert page.text(".card pre").endswith("… the rest is in what is copied or downloaded")


# --- hostile content --------------------------------------------------------------------------------


def hostile_image(authority: Authority, text: str) -> bytes:
    """
    Sign an image that says something wherever an image may say something.
    """
    short = text.encode()[:60].decode(errors="ignore")  # X.520 allows 64 bytes
    signer = authority.intermediate.issue(CertificateOptions(subject=make_name(short, short, "US")))
    spec = azure_v2(authority, software_agent=text, description=text, when=text, digital_source_type=text)
    ingredient = IngredientSpec(manifest=None, title=text, relationship="componentOf")
    spec = replace(
        spec, credential=signer, title=text, claim_generator_info={"name": text}, ingredients=(ingredient,)
    )
    picture = embed_xmp(plain_png(48, 32, seed=3), remote_manifest_xmp(MARKUP.replace("<", "&lt;")))
    return sign_image(picture, spec)


@pytest.mark.parametrize(("text", "quoted"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_is_shown_as_text(
    text: str, quoted: str, authority: Authority, trusting: Running, opened: Open
) -> None:
    """
    Out of the image and as the file's name; nothing hides in it, runs, or reaches out of its place.
    """
    image = hostile_image(authority, text)

    with opened(trusting.address, width=390) as page:
        give(page, "drop", image, f"{text}.png")
        page.wait(f"document.querySelector('{SHOWN}')")
        unfold(page)
        seen = page.evaluate("document.body.textContent")
        facts = dict(zip(page.texts(".facts dt"), page.texts(".facts dd"), strict=True))

        assert facts["Made by"].startswith(f'"{quoted}')
        assert facts["Described as"].startswith(f'"{quoted}')
        assert facts["Signed by"].startswith(f'"{quoted[:20]}')
        assert page.text("h3").startswith(printable(text)[:50] if not text.isprintable() else text[:5])
        assert re.findall(UNSEEN, seen) == []
        assert raw_report(page)["manifests"][0]["title"] == text
        assert page.evaluate("document.querySelectorAll('script').length") == 1
        assert page.evaluate("document.querySelectorAll('img').length") == 2
        assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_the_policy_is_in_force(trusting: Running, browser: Browser) -> None:
    """
    What the page never does would not work either.
    """
    tries = """(async () => {
      const outcomes = [];
      try { document.body.innerHTML = '<b>'; outcomes.push('markup'); } catch { outcomes.push('refused'); }
      try { await fetch('http://localhost:1/'); outcomes.push('sent'); } catch { outcomes.push('refused'); }
      const script = document.createElement('script');
      try { script.textContent = 'window.ran = true'; document.body.append(script); } catch { }
      outcomes.push(window.ran === true ? 'ran' : 'refused');
      return outcomes;
    })()"""

    with browser.page() as page:
        page.goto(trusting.address)

        assert page.evaluate(tries) == ["refused"] * 3
        violated = {violation.split()[0] for violation in page.seen.violations}
        assert violated >= {"connect-src", "require-trusted-types-for"}
