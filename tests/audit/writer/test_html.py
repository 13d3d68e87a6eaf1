"""
The audit's HTML page: what is written.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import tracemalloc
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from provenance.audit.record import Summary
from provenance.audit.writer import page as page_parts
from provenance.audit.writer.html import HtmlWriter
from provenance.verification import browser as shared
from tests.audit.writer.html_support import (
    HEADING,
    hostile,
    sample,
    samples,
    thumbnail,
    written,
)

ASSETS = tuple(
    file
    for package in (page_parts, shared)
    for file in sorted(Path(str(package.__file__)).parent.iterdir())
    if file.suffix in {".css", ".html", ".js", ".svg"}
)


class Elements(HTMLParser):
    """
    Reads the elements of a page as a browser would, without running anything.
    """

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.contents: list[str] = []
        self.feed(page.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """
        Keep an element.
        """
        self.tags.append((tag, dict(attrs)))
        self.contents.append("")

    def handle_data(self, data: str) -> None:
        """
        Keep the text that follows a tag.
        """
        if self.contents:
            self.contents[-1] += data

    def data(self, look: str) -> list[Any]:
        """
        Read the JSON in all elements of a class.
        """
        return [
            value
            for (_, attributes), text in zip(self.tags, self.contents, strict=True)
            if attributes.get("class") == look
            for value in json.loads(text)
        ]


def test_every_report_stands_in_the_page_as_it_is() -> None:
    """
    In the order in which they were added, over as many pieces as it takes.
    """
    page = Elements(written(samples()))

    pictures, reports = zip(*page.data("reports-data"), strict=True)

    assert list(reports) == [json.loads(record.report) for record in samples()]
    assert {base64.b64decode(picture) for picture in pictures} == {thumbnail()}
    assert [row[0] for row in page.data("rows-data")] == [record.name for record in samples()]
    assert len([1 for _, attributes in page.tags if attributes.get("class") == "reports-data"]) > 1


def test_no_text_becomes_markup() -> None:
    """
    The page has the elements of an empty one, and those that hold the data.
    """
    records = hostile()

    page = written(records)

    elements = Elements(page)
    reports = [report for _, report in elements.data("reports-data")]
    assert [e for e in elements.tags if "data-first" not in e[1]] == Elements(written([])).tags
    assert reports == [json.loads(record.report) for record in records]
    assert page.count(b"<script") == page.count(b"</script")


def test_what_comes_from_files_is_written_in_ascii_without_marks() -> None:
    """
    Neither the encoding nor the parser of a browser can then read anything else into it.
    """
    page = written(hostile())

    data = re.findall(rb'<script type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL)

    assert len(data) == 5
    assert all(text.isascii() and not re.search(rb"[<>&]", text) for text in data)


def test_a_report_that_somebody_else_wrote_is_written_anew() -> None:
    """
    It may hold any character.
    """
    record = sample("absent/plain.png")
    odd = record._replace(report=record.report.replace('"absent/plain.png"', '"\u2028é"'))

    page = Elements(written([odd]))

    ((_, report),) = page.data("reports-data")
    assert report["asset"]["name"] == "\u2028é"


def test_the_same_records_give_the_same_bytes() -> None:
    """
    Whatever was reused from an earlier run, and however the counts came about.
    """
    skipped = {"symbolic link": 2, "no image": 2}

    one = written(samples(), skipped=skipped)
    other = written(samples(), skipped=dict(reversed(skipped.items())), reused=40)

    assert one == other


def test_only_this_style_and_this_script_may_run() -> None:
    """
    The hashes are those of what stands in the page; everything else is forbidden.
    """
    page = written(samples())
    elements = Elements(page)
    (policy,) = (a["content"] for _, a in elements.tags if a.get("http-equiv") == "Content-Security-Policy")

    hashes = {
        tag: base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        for tag, content in re.findall(r"<(style|script)>(.*?)</\1>", page.decode(), re.DOTALL)
    }

    assert policy == (
        "default-src 'none'; img-src data:; "
        f"style-src 'sha256-{hashes['style']}'; script-src 'sha256-{hashes['script']}'; "
        "base-uri 'none'; form-action 'none'"
    )


@pytest.mark.parametrize("file", ASSETS, ids=lambda file: file.name)
def test_the_page_makes_no_markup_out_of_text_and_names_no_address(file: Path) -> None:
    """
    What is looked for here would be a way out of the escaping, or a request.
    """
    source = file.read_text("utf-8")

    found = re.findall(
        r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|new Function|\bon\w+=|\.on[a-z]+ =|"
        r"fetch\(|XMLHttp|@import|import\(|url\(|src=|https?://(?!cv\.iptc\.org/|www\.w3\.org/2000/svg')",
        source,
    )

    assert found == []


def test_memory_does_not_grow_with_the_number_of_files() -> None:
    """
    Two thousand reports of eight kilobytes each pass through less than one megabyte.
    """

    class Sink(io.BytesIO):
        size = 0

        def write(self, data: Any) -> int:  # noqa: ANN401 - any buffer
            self.size += len(data)
            return len(data)

    record, sink = sample("trusted/dalle-v1.png"), Sink()
    report = json.loads(record.report)
    writer = HtmlWriter(sink, HEADING)
    tracemalloc.start()

    for _ in range(2000):
        writer.add(record, report)
    writer.finish(Summary(complete=True))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert sink.size > 16_000_000
    assert peak < 1_000_000
