"""
Records of every kind for what writes and counts them: real ones, and ones with hostile names and texts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from provenance import ProvenanceError, UnreadableAssetError, Verifier
from provenance.audit.gate import Gate
from provenance.audit.record import Category, Heading, Record, Summary
from provenance.verification.report import ENGINE, SCHEMA

SAMPLES = Path(__file__).resolve().parents[2] / "sample_images"

HEADING = Heading(
    policy="azure-openai",
    policy_version=1,
    policy_digest="d" * 64,
    trust="sample",
    trust_digest="e" * 64,
    engine=ENGINE,
    tool_version="0.1.0",
    trust_versions="sample 1",
)

HOSTILE_NAMES = (
    "=cmd|' /C calc'!A0.png",
    "+1+1",
    "-rf",
    "@SUM(A1:A9)",
    "＝cmd()",  # noqa: RUF001 - full-width on purpose
    "folder/＋1",  # noqa: RUF001 - full-width on purpose
    "'=already",
    "''=twice",
    "' = blank",
    "\t=tab",
    "\ttab",
    "'\ttab",
    "\rreturn",
    "\nline",
    " =blank",
    "\ufeff=mark",
    "a\nb\r\nc.png",
    "a\n=cmd().png",
    "a;=cmd();b",
    "a,=cmd(),b",
    "a\t=cmd()\tb",
    "a|=cmd()|b",
    'a"=cmd()"b',
    'a";\'=cmd();"b',
    "a; \n'=cmd()",
    'quote"d.png',
    "back\\slash.png",
    "]]>.png",
    "</script><script>alert(1)</script>.png",
    "--><!-- --.png",
    "<testcase name='x'>&amp;&#10;.png",
    "\u202egnp.exe",
    "\u2028line\u2029paragraph\x85next",
    "\x01\x1b[2J\x7f.png",
    "\ufffe\uffff\ufeff",
    "caf\u00e9/\U0001f4f7.png",
    "\udcff\udcfe.png",
    "=\udcff;=\udcfe",
    "100%.png",
    "100%25\udcff.png",
    "100%25.png",
    "{0} [click](https://example.com)",
    "javascript:alert(1)",
    "//example.com/picture.png",
    "/absolute/caf\u00e9.png",
    "../up.png",
    "?query#fragment",
    "x" * 255,
    "\u00e9" * 127,
    "=" * 255,
    "\n" * 255,
    "'" * 254 + "=",
)
"""
Names that a file can have; no two are the same.
"""

HOSTILE_TEXTS = (
    "=cmd()",
    "\x1b[2J\u202e\nFORGED: accepted",
    "]]></failure><testcase name='x'/>",
    "</script><img src=x onerror=alert(1)>",
    "{0} {{1}} [click](https://example.com) \\[click](1)",
    'quote" comma, semi;=cmd()',
    "\udfff\udc80\ud800\0",
    "\ufffe\uffff\x08\x0b\x85",
    "long " * 10_000,
)
"""
Texts that credentials, or what is made of them, can hold, and some that should not be possible.
"""


@cache
def sample_records() -> tuple[Record, ...]:
    """
    Record every file below the samples, images or not, under the sample trust profile and the usual gate.
    """
    verifier = Verifier(trust=SAMPLES / "trust.toml")
    paths = sorted(path for path in SAMPLES.rglob("*") if path.is_file())
    return tuple(Gate().apply(_record(verifier, path)) for path in paths)


def _record(verifier: Verifier, path: Path) -> Record:
    name = path.relative_to(SAMPLES).as_posix()
    try:
        return Record.of(verifier.verify(path), name)
    except ProvenanceError as error:
        return Record.of(error, name)


def hostile_records() -> Iterator[Record]:
    """
    Yield every record with a hostile name, and some with a hostile text wherever a text can stand.
    """
    rejected = next(r for r in sample_records() if r.category is Category.REJECTED)
    for number, name in enumerate(HOSTILE_NAMES):
        text = HOSTILE_TEXTS[number % len(HOSTILE_TEXTS)]
        failing = number % 3 == 0
        if number % 2:
            record = Record.of(UnreadableAssetError(text), name)
        else:
            record = renamed(with_text(rejected, text), name)
        yield record._replace(failing=failing)


def with_text(record: Record, text: str) -> Record:
    """
    Write a text in every place of a verdict's report that an image has a say in.
    """
    report = json.loads(record.report)
    for key in ("software_agent", "description", "digital_source_type"):
        report["origin"][key] = text
    report["credential"]["organization"] = report["credential"]["common_name"] = text
    for finding in report["findings"]:
        finding["message"] = f"made by {text}"
    return record._replace(report=json.dumps(report))


def renamed(record: Record, name: str) -> Record:
    """
    Return a record under another name, in its report as well.
    """
    before, after = (f'"name": {json.dumps(text)}' for text in (record.name, name))
    return record._replace(name=name, report=record.report.replace(before, after, 1))


def many_records(count: int) -> Iterator[Record]:
    """
    Repeat the samples under names of their own, in the order of the names.
    """
    samples = sample_records()
    for number in range(count):
        yield renamed(samples[number % len(samples)], f"folder-{number // 1_000:06}/{number:09}.png")


def summary_of(records: Iterable[Record], *, complete: bool = True) -> Summary:
    """
    Count records, some skipped files and some that were known before.
    """
    summary = Summary(complete=complete)
    for record in records:
        summary.add(record)
    summary.skipped["symbolic link"] = 2
    summary.reused = 7
    return summary


def baseline_line(name: str | None, category: Category, *reasons: str) -> str:
    """
    Write the least that an earlier output can say of a file.
    """
    start = {"schema": SCHEMA, "asset": {"name": name}, "accepted": category is Category.ACCEPTED}
    if category is Category.ERROR:
        return json.dumps({**start, "state": None, "error": {"type": reasons[0]}})
    state = {Category.UNTRUSTED: "valid", Category.REJECTED: "trusted", Category.ACCEPTED: "trusted"}
    findings = [{"check": reason} for reason in reasons]
    return json.dumps({**start, "state": state.get(category, category.value), "findings": findings})
