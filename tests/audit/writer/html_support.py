"""
The audit's HTML page, written and read, for the modules that test it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

from PIL import Image

from provenance.audit.record import Heading, Record, Summary
from provenance.audit.writer.html import HtmlWriter
from provenance.errors import MalformedAssetError
from tests.browser_support import Page
from tests.project.test_samples import DEFAULT, ENTRIES, judged

HEADING = Heading(
    "azure-openai", 1, "ab" * 32, "sample", "cd" * 32, "c2pa-python 0.38.1", "0.1.0", "sample 1"
)


def written(records: Iterable[Record], **facts: Any) -> bytes:  # noqa: ANN401 - fields of the summary
    """
    Write a page.
    """
    out = io.BytesIO()
    summary = Summary(**{"complete": True, **facts})
    writer = HtmlWriter(out, HEADING)
    for record in records:
        writer.add(record, json.loads(record.report))
        summary.add(record)
    writer.finish(summary)
    return out.getvalue()


def fact(page: Page, term: str) -> str | None:
    """
    Read what the details say of something, apart from what single manifests say.
    """
    found: str | None = page.evaluate(
        "[...document.querySelectorAll('#details dt')]"
        f".find((e) => e.closest('.manifest') === null && e.textContent === {json.dumps(term)})"
        "?.nextElementSibling.textContent ?? null"
    )
    return found


MARKUP = "<img src=x onerror=alert(1)>"
BREAKOUT = "</script><script>alert(2)</script><!--"
OVERRIDE = "invoice\u202egnp.exe"
NO_TEXT = "caf\udce9 50%.png"


@cache
def thumbnail() -> bytes:
    """
    Make a small picture.
    """
    out = io.BytesIO()
    Image.new("RGB", (48, 32), (200, 60, 20)).save(out, "WEBP")
    return out.getvalue()


@cache
def samples() -> tuple[Record, ...]:
    """
    Judge the sample images.
    """
    return tuple(
        Record.of(judged(entry.path, DEFAULT), entry.path, sha256=entry.sha256, thumbnail=thumbnail())
        for entry in sorted(ENTRIES, key=lambda entry: entry.path)
    )


def sample(path: str) -> Record:
    """
    Take one of the sample images.
    """
    (found,) = (record for record in samples() if record.name == path)
    return found


def changed(record: Record, name: str, change: Callable[[dict[str, Any]], None] | None = None) -> Record:
    """
    Give a record another name, and a report in which something stands that an attacker chose.
    """
    report = json.loads(record.report)
    report["asset"]["name"] = name
    if change is not None:
        change(report)
    return record._replace(name=name, report=json.dumps(report))


def with_hostile_text(record: Record, text: str) -> Record:
    """
    Put a text wherever an attacker may put some.
    """

    def change(report: dict[str, Any]) -> None:
        manifest = report["manifests"][0]
        manifest |= {"label": text, "title": text, "claim_generator": text, "assertions": [text, text]}
        for action in manifest["actions"]:
            action |= {"software_agent": text, "description": text, "when": text, "digital_source_type": text}
        keys = ("assertion", "relationship", "title", "manifest")
        manifest["ingredients"].append({**dict.fromkeys(keys, text), "recorded": []})
        for credential in (report["credential"], manifest["credential"]):
            credential |= {"organization": text, "common_name": text}
            credential["chain"][0]["subject"] = text
        report["asset"]["xmp_provenance"] = text
        for check in report["checks"]:
            check["actual"] = text
        for status in report["validation"]["success"]:
            status |= {"explanation": text, "url": text}

    return changed(record, text, change)


def hostile() -> list[Record]:
    """
    Make records of files whose makers know that somebody will look at them in a browser.
    """
    controls = "a\nb\tc\x00\x1b[31m\u2028"
    texts = [MARKUP, BREAKOUT, OVERRIDE, controls, "x" * 4096, "__proto__", "&lt;b&gt;&amp;"]
    signed = sample("valid/impostor-v1.png")
    return [
        *(with_hostile_text(signed, text) for text in texts),
        changed(sample("absent/plain.png"), NO_TEXT),
        Record.of(MalformedAssetError(MARKUP), f"{BREAKOUT}.png"),
    ]


def many(count: int) -> Iterator[Record]:
    """
    Make many records out of few; every hundredth file was signed by somebody else.
    """
    plain, signed = sample("absent/plain.png"), sample("trusted/dalle-v1.png")
    for number in range(count):
        yield changed(signed if number % 100 == 0 else plain, f"folder/picture-{number:06d}.png")
