"""
The outputs of an audit, read back by others' readers: real reports, hostile names and hostile texts.
"""

from __future__ import annotations

import ast
import csv
import gc
import inspect
import io
import json
import os
import re
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote_to_bytes, urlsplit
from xml.etree import ElementTree as ET

import pyarrow as pa
import pytest
from jsonschema import Draft4Validator
from pyarrow import parquet

import provenance
from provenance import AssetError, EngineError, errors
from provenance.audit.record import Category, Heading, Record, Summary
from provenance.audit.writer.csv import CsvWriter
from provenance.audit.writer.interface import Writer
from provenance.audit.writer.jsonl import JsonLinesWriter
from provenance.audit.writer.junit import JUnitWriter
from provenance.audit.writer.parquet import MAX_GROUP_CHARACTERS, MAX_GROUP_ROWS, ParquetWriter
from provenance.audit.writer.rule import rules
from provenance.audit.writer.sarif import SarifWriter
from provenance.audit.writer.text import MAX_LINE
from provenance.errors import MalformedAssetError, UnreadableAssetError
from tests.audit.support import (
    HEADING,
    HOSTILE_NAMES,
    HOSTILE_TEXTS,
    SAMPLES,
    hostile_records,
    many_records,
    renamed,
    sample_records,
    summary_of,
    with_text,
)
from tests.support import SHARED

Make = Callable[[BinaryIO, Heading], Writer]
Row = dict[str, Any]

WRITERS: dict[str, Make] = {
    "jsonl": JsonLinesWriter,
    "csv": CsvWriter,
    "parquet": ParquetWriter,
    "junit": JUnitWriter,
    "sarif": SarifWriter,
}
EACH_WRITER = pytest.mark.parametrize("make", WRITERS.values(), ids=WRITERS)

COLUMNS = [
    "name",
    "name_encoded",
    "category",
    "state",
    "accepted",
    "policy",
    "reasons",
    "media_type",
    "bytes",
    "width",
    "height",
    "sha256",
    "trailing_bytes",
    "organization",
    "common_name",
    "signed_at",
    "anchor",
    "software_agent",
    "description",
    "digital_source_type",
    "documented",
    "azure_openai_in",
    "error_type",
    "error_message",
]

EACH_KIND = pytest.mark.parametrize(
    "records", [tuple, sample_records, hostile_records], ids=["none", "real", "hostile"]
)

NOT_FORMULAS = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r\n]")  # noqa: RUF001 - full-width on purpose


def written(
    make: Make, records: Iterable[Record], summary: Summary | None = None, heading: Heading = HEADING
) -> bytes:
    """
    Write an output into memory.
    """
    kept, file = tuple(records), io.BytesIO()
    writer = make(file, heading)
    for record in kept:
        writer.add(record, json.loads(record.report))
    writer.finish(summary or summary_of(kept))
    return file.getvalue()


def named(name: str, *, encoded: bool) -> str:
    """
    Undo the encoding of a name.
    """
    return os.fsdecode(unquote_to_bytes(name)) if encoded else name


# --- all of them ------------------------------------------------------------------------------------


@EACH_WRITER
def test_equal_audits_give_equal_bytes(make: Make) -> None:
    """
    Whoever compares two audits must see what changed in the files, and nothing else.
    """
    records = (*sample_records(), *hostile_records())
    summary = summary_of(records)
    reused = summary_of(records)
    reused.reused = 0

    first, second = written(make, records, summary), written(make, iter(records), reused)

    assert len(first) > 1_000
    assert first == second


@EACH_WRITER
def test_an_audit_of_nothing_is_an_output(make: Make) -> None:
    """
    An empty folder is no failure.
    """
    assert written(make, ()) == written(make, ())


@pytest.mark.slow
@EACH_WRITER
def test_memory_does_not_grow_with_the_audit(make: Make, tmp_path: Path) -> None:
    """
    Fifty thousand records: what is held for the first tenths is as much as is ever held.
    """
    reports = [json.loads(record.report) for record in sample_records()]
    with (tmp_path / "output").open("wb") as file:
        writer = make(file, HEADING)
        peaks = []
        tracemalloc.start()
        try:
            for number, record in enumerate(many_records(50_000)):
                writer.add(record, reports[number % len(reports)])
                if (number + 1) % 12_500 == 0:
                    peaks.append(tracemalloc.get_traced_memory()[1])
                    tracemalloc.reset_peak()
            writer.finish(summary_of(()))
        finally:
            tracemalloc.stop()

    assert max(peaks[1:]) < 1.1 * peaks[0] + 100_000
    assert pa.total_allocated_bytes() < 1_000_000


@EACH_WRITER
def test_an_output_that_is_given_up_makes_no_noise(make: Make, tmp_path: Path) -> None:
    """
    The file is closed and gone before the writer is.
    """
    with (tmp_path / "output").open("wb") as file:
        writer = make(file, HEADING)
        for record in sample_records():
            writer.add(record, json.loads(record.report))
        file.flush()
        size = file.tell()

    del writer
    gc.collect()

    assert (tmp_path / "output").stat().st_size == size


# --- JSON Lines -------------------------------------------------------------------------------------


def test_json_lines_are_the_reports() -> None:
    """
    To the byte, so that every surface gives the same.
    """
    records = (*sample_records(), *hostile_records())

    output = written(JsonLinesWriter, records)

    assert output == b"".join(record.report.encode("ascii") + b"\n" for record in records)
    assert [json.loads(line)["asset"]["name"] for line in output.splitlines()] == [r.name for r in records]


# --- CSV --------------------------------------------------------------------------------------------


def rows_of(output: bytes) -> list[Row]:
    """
    Read a CSV file, strictly.
    """
    return list(csv.DictReader(io.StringIO(output.decode("utf-8"), newline=""), strict=True))


def without_apostrophes(text: str) -> str:
    """
    Undo what keeps a spreadsheet from running a text, as the writer tells people to.
    """
    begins = r"""['\s\ufeff]*[=+\-@＝＋－＠]"""  # noqa: RUF001 - full-width on purpose
    return re.sub(rf"""(?:\A|(?<=[;,|\t\r\n"]))'(?={begins})|\A'(?='*[\t\r\n])""", "", text)


def test_the_columns_are_the_ones_promised() -> None:
    """
    People write formulas and programs against them.
    """
    header, *rows = list(csv.reader(io.StringIO(written(CsvWriter, sample_records()).decode(), newline="")))

    assert header == COLUMNS
    assert {len(row) for row in rows} == {len(COLUMNS)}
    assert len(rows) == len(sample_records())


def test_a_row_says_what_the_report_says() -> None:
    """
    A trusted image, one that could not be judged, one without credentials.
    """
    rows = {row["name"]: row for row in rows_of(written(CsvWriter, sample_records()))}

    trusted, readme, absent = rows["trusted/documented-v1.png"], rows["README.md"], rows["absent/plain.jpg"]
    report = json.loads(next(r.report for r in sample_records() if r.name == "trusted/documented-v1.png"))
    expected = {
        "category": "accepted",
        "state": "trusted",
        "accepted": "true",
        "policy": "azure-openai",
        "reasons": "",
        "media_type": "image/png",
        "bytes": str((SAMPLES / "trusted" / "documented-v1.png").stat().st_size),
        "trailing_bytes": "0",
        "organization": report["credential"]["organization"],
        "signed_at": report["credential"]["signed_at"],
        "anchor": report["credential"]["anchor"]["name"],
        "software_agent": "Azure OpenAI DALL-E",
        "description": "AI Generated Image",
        "documented": "true",
        "azure_openai_in": "active",
        "error_type": "",
    }
    assert expected == {key: trusted[key] for key in expected}
    assert (readme["category"], readme["state"], readme["policy"]) == ("error", "", "")
    assert readme["error_type"] == readme["reasons"] == "UnsupportedAssetError"
    assert readme["error_message"].startswith("not an image this library reads")
    assert (absent["reasons"], absent["width"], absent["signed_at"]) == ("manifest_store", "96", "")


def test_every_name_survives_csv() -> None:
    """
    Line breaks, quotes and separators included.
    """
    rows = rows_of(written(CsvWriter, hostile_records()))

    names = [named(without_apostrophes(r["name"]), encoded=r["name_encoded"] == "true") for r in rows]

    assert names == list(HOSTILE_NAMES)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_no_cell_begins_like_a_formula(delimiter: str) -> None:
    """
    Whatever separator a spreadsheet expects: in many countries it is the semicolon.
    """
    text = written(CsvWriter, hostile_records()).decode("utf-8")

    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)

    cells = [cell for row in rows for cell in row]
    assert len(cells) > len(HOSTILE_NAMES)
    assert [cell for cell in cells if NOT_FORMULAS.match(cell)] == []


def test_quotes_are_no_help_against_another_separator() -> None:
    """
    Why an apostrophe also stands in the middle of a text: quotes around it do not hold it together.
    """
    text = '"ok","a;=cmd();b"\r\n'

    assert next(csv.reader([text], delimiter=";"))[1] == "=cmd()"


def test_text_in_a_cell_is_one_short_line() -> None:
    """
    A name may be of several lines, because it must be exact; everything else is for people.
    """
    for row in rows_of(written(CsvWriter, hostile_records())):
        del row["name"]
        assert [cell for cell in row.values() if not cell.isprintable()] == []
        assert max(map(len, row.values())) < 2 * MAX_LINE


# --- Parquet ----------------------------------------------------------------------------------------


def table_of(output: bytes) -> pa.Table:
    """
    Read a Parquet file.
    """
    return parquet.read_table(pa.BufferReader(output))


def test_parquet_has_typed_columns() -> None:
    """
    So that nobody has to guess whether "true" is a text.
    """
    table = table_of(written(ParquetWriter, sample_records()))

    others = {
        "name_encoded": "bool",
        "accepted": "bool",
        "documented": "bool",
        "bytes": "int64",
        "width": "int64",
        "height": "int64",
        "trailing_bytes": "int64",
        "signed_at": "timestamp[us, tz=UTC]",
        "reasons": "list<element: string not null>",
    }
    assert table.column_names == [*COLUMNS, "report"]
    assert {field.name: str(field.type) for field in table.schema if str(field.type) != "string"} == others


def test_parquet_says_what_csv_says() -> None:
    """
    One row, two forms.
    """
    rows = table_of(written(ParquetWriter, sample_records())).to_pylist()

    def as_cell(value: object) -> str:
        if value is None:
            return ""
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, datetime):
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        return " ".join(value) if isinstance(value, list) else str(value)

    reports = [row.pop("report") for row in rows]
    assert reports == [record.report for record in sample_records()]
    assert any(row["signed_at"] for row in rows)
    assert [{k: as_cell(v) for k, v in row.items()} for row in rows] == rows_of(
        written(CsvWriter, sample_records())
    )


def test_names_and_texts_survive_parquet() -> None:
    """
    What UTF-8 cannot hold is an escape, and exact in the report.
    """
    records = list(hostile_records())

    rows = table_of(written(ParquetWriter, records)).to_pylist()

    assert [named(row["name"], encoded=row["name_encoded"]) for row in rows] == list(HOSTILE_NAMES)
    assert [json.loads(row["report"]) for row in rows] == [json.loads(record.report) for record in records]
    descriptions = [row["description"] for row in rows if row["description"] is not None]
    assert "\\udfff\\udc80\\ud800\\x00" in descriptions
    assert "\x1b[2J\u202e\nFORGED: accepted" in descriptions


def test_row_groups_are_bounded() -> None:
    """
    By rows, and by the size of their reports: some are a thousand times longer than others.
    """
    short = next(record for record in sample_records() if record.category is Category.ABSENT)
    long = [short._replace(report=short.report + " " * (MAX_GROUP_CHARACTERS // 4))] * 9

    by_rows = parquet.ParquetFile(pa.BufferReader(written(ParquetWriter, [short] * (MAX_GROUP_ROWS + 1))))
    by_size = parquet.ParquetFile(pa.BufferReader(written(ParquetWriter, long)))

    def sizes(file: parquet.ParquetFile) -> list[int]:
        return [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]

    assert sizes(by_rows) == [MAX_GROUP_ROWS, 1]
    assert sizes(by_size) == [4, 4, 1]


@pytest.mark.parametrize("complete", [True, False])
def test_parquet_says_what_it_holds(complete: bool) -> None:  # noqa: FBT001 - a parameter of a test
    """
    Under which policy, and whether it is all.
    """
    output = written(ParquetWriter, sample_records(), summary_of(sample_records(), complete=complete))

    file = parquet.ParquetFile(pa.BufferReader(output))

    metadata = {key.decode(): value for key, value in file.metadata.metadata.items()}
    summary = json.loads(metadata["provenance.summary"])
    assert json.loads(metadata["provenance.heading"]) == HEADING._asdict()
    assert summary["complete"] is complete
    assert summary["categories"] == Counter(record.category for record in sample_records())
    assert summary["skipped"] == {"symbolic link": 2}
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"


# --- JUnit ------------------------------------------------------------------------------------------

ALLOWED: dict[str, tuple[set[str], set[str]]] = {
    "testsuites": (set(), {"testsuite"}),
    "testsuite": ({"name", "tests", "failures", "errors", "skipped"}, {"properties", "testcase"}),
    "properties": (set(), {"property"}),
    "property": ({"name", "value"}, set()),
    "testcase": ({"name", "classname"}, {"skipped", "error", "failure", "system-out"}),
    "failure": ({"type", "message"}, set()),
    "error": ({"type", "message"}, set()),
    "skipped": ({"type", "message"}, set()),
    "system-out": (set(), set()),
}
"""
Attributes, all of which are there, and children that may be, by element; less than junit-10.xsd allows.
"""


def suite_of(output: bytes) -> ET.Element:
    """
    Read a JUnit file, and see that it is one.
    """
    root = ET.fromstring(output)  # noqa: S314 - it is our own
    for element in root.iter():
        attributes, children = ALLOWED[element.tag]
        assert (element.tag, set(element.attrib)) == (element.tag, attributes)
        assert {child.tag for child in element} <= children
    (suite,) = root
    return suite


def counts_of(suite: ET.Element) -> dict[str, int]:
    """
    Count what is in a suite, by the attributes that should say the same.
    """
    cases = suite.findall("testcase")
    found = Counter(child.tag for case in cases for child in case)
    return {
        "tests": len(cases),
        "failures": found["failure"],
        "errors": found["error"],
        "skipped": found["skipped"],
    }


@EACH_KIND
def test_the_counts_of_a_suite_are_right(records: Callable[[], Iterable[Record]]) -> None:
    """
    They stand before what they count.
    """
    made = tuple(records())

    suite = suite_of(written(JUnitWriter, made))

    counts = counts_of(suite)
    assert counts == {key: int(value) for key, value in suite.attrib.items() if key != "name"}
    assert counts["tests"] == len(made)
    assert counts["failures"] + counts["errors"] == sum(record.failing for record in made)


def test_a_suite_may_begin_anywhere_in_a_file() -> None:
    """
    The counts are filled in where it began.
    """
    file = io.BytesIO(b"before")
    file.seek(6)

    writer = JUnitWriter(file, HEADING)
    writer.add(sample_records()[0], json.loads(sample_records()[0].report))
    writer.finish(summary_of(sample_records()[:1]))

    assert file.getvalue() == b"before" + written(JUnitWriter, sample_records()[:1])


@pytest.mark.parametrize(
    ("name", "failing", "expected"),
    [
        ("invalid/changed-pixels-v1.png", True, "failure"),
        ("invalid/changed-pixels-v1.png", False, None),
        ("absent/plain.png", False, None),
        ("absent/plain.png", True, "failure"),
        ("trusted/dalle-v1.png", False, None),
        ("README.md", True, "error"),
        ("README.md", False, "skipped"),
    ],
)
def test_a_file_passes_unless_the_gate_counts_it(name: str, failing: bool, expected: str | None) -> None:  # noqa: FBT001 - a parameter of a test
    """
    What could not be judged never passes: it must not look judged.
    """
    record = next(record for record in sample_records() if record.name == name)

    (case,) = suite_of(written(JUnitWriter, [record._replace(failing=failing)])).findall("testcase")

    assert [child.tag for child in case] == ([expected] if expected else [])
    assert (case.get("classname"), case.get("name")) == (os.path.dirname(name) or ".", os.path.basename(name))  # noqa: PTH119, PTH120 - a name, no path
    if expected:
        assert case[0].get("type") == (record.reasons[0] if expected != "failure" else record.category)
        lines = (case[0].text or "").splitlines()
        assert case[0].get("message") == lines[0]
        assert len(lines[0]) > 20


def test_every_name_survives_junit() -> None:
    """
    Two names never look the same, except for the flag; the folder is the class.
    """
    names = []
    for case in suite_of(written(JUnitWriter, hostile_records())).findall("testcase"):
        folder, file = case.attrib["classname"], case.attrib["name"]
        name = file if folder == "." else f"{folder.rstrip('/')}/{file}"
        flag = case.findtext("system-out")
        assert flag in {None, "name is percent-encoded"}
        names.append(named(name, encoded=flag is not None))

    assert [re.sub("/+", "/", name) for name in names] == [re.sub("/+", "/", n) for n in HOSTILE_NAMES]


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_no_text_adds_a_line_to_a_failure(text: str) -> None:
    """
    Each finding is one line, so that none can pretend to be another.
    """
    rejected = next(record for record in sample_records() if record.category is Category.REJECTED)
    records = [
        with_text(rejected, text)._replace(failing=True),
        Record.of(UnreadableAssetError(text), "a")._replace(failing=True),
    ]

    failure, error = (case[0] for case in suite_of(written(JUnitWriter, records)).findall("testcase"))

    assert len((failure.text or "").splitlines()) == len(rejected.reasons)
    assert len((error.text or "").splitlines()) == 2
    assert all(line.isprintable() for line in (failure.text or "").splitlines())


def test_an_incomplete_audit_is_an_error_in_the_suite() -> None:
    """
    Nobody looks at properties; an error is seen.
    """
    whole = suite_of(written(JUnitWriter, sample_records()))
    part = suite_of(written(JUnitWriter, sample_records(), summary_of(sample_records(), complete=False)))

    def flag(suite: ET.Element) -> str | None:
        return {p.get("name"): p.get("value") for p in suite.iter("property")}["complete"]

    last = part.findall("testcase")[-1]
    assert (flag(whole), flag(part)) == ("true", "false")
    assert [child.get("type") for child in last] == ["Incomplete"]
    assert "/" in last.attrib["name"]
    assert int(part.attrib["errors"]) == int(whole.attrib["errors"]) + 1
    assert counts_of(part) == {key: int(value) for key, value in part.attrib.items() if key != "name"}


def test_the_suite_says_under_what_it_was_judged() -> None:
    """
    Hostile text is in names of policies, too: a user may be given one.
    """
    heading = HEADING._replace(policy='"<&>\n\ud800')

    suite = suite_of(written(JUnitWriter, (), heading=heading))

    properties = {p.get("name"): p.get("value") for p in suite.iter("property")}
    assert properties["policy"] == '"<&>\\n\\ud800'
    assert properties["policy_digest"] == HEADING.policy_digest


# --- SARIF ------------------------------------------------------------------------------------------


def run_of(output: bytes) -> dict[str, Any]:
    """
    Read a SARIF file.
    """
    log = json.loads(output)
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    assert isinstance(run, dict)
    return run


def place_of(result: dict[str, Any]) -> str:
    """
    Read where a result is.
    """
    (location,) = result["locations"]
    uri = location["physicalLocation"]["artifactLocation"]["uri"]
    assert isinstance(uri, str)
    return uri


@pytest.fixture(scope="module")
def sarif_schema() -> Draft4Validator:
    """
    Read the standard's schema; what asks for it is skipped where it is not there.
    """
    path = SHARED / "schemas" / "sarif-schema-2.1.0.json"
    if not path.is_file():
        pytest.skip("../shared/schemas does not lie beside the project")
    return Draft4Validator(json.loads(path.read_text("utf-8")))


@pytest.mark.corpus
@pytest.mark.parametrize("complete", [True, False])
@EACH_KIND
def test_the_log_fits_the_schema(
    sarif_schema: Draft4Validator,
    records: Callable[[], Iterable[Record]],
    complete: bool,  # noqa: FBT001 - a parameter of a test
) -> None:
    """
    The standard's own, not one of ours.
    """
    made = tuple(records())

    output = written(SarifWriter, made, summary_of(made, complete=complete))

    assert [error.message for error in sarif_schema.iter_errors(json.loads(output))] == []


def test_results_are_what_was_not_accepted() -> None:
    """
    One for each check that failed; absence is none, unless it counts.
    """
    records = sample_records()

    results = run_of(written(SarifWriter, records))["results"]

    left_out = {Category.ACCEPTED, Category.ABSENT}
    expected = [(r.name, reason) for r in records if r.category not in left_out for reason in r.reasons]
    assert expected == [(place_of(result), result["ruleId"]) for result in results]
    assert len(expected) > 30


@pytest.mark.parametrize("category", [c for c in Category if c is not Category.ACCEPTED])
@pytest.mark.parametrize("failing", [True, False])
def test_what_the_gate_counts_is_an_error(category: Category, failing: bool) -> None:  # noqa: FBT001 - a parameter of a test
    """
    Everything else is a note, which blocks nobody.
    """
    record = next(record for record in sample_records() if record.category is category)

    results = run_of(written(SarifWriter, [record._replace(failing=failing)]))["results"]

    if category is Category.ABSENT and not failing:
        assert results == []
    else:
        assert {result["level"] for result in results} == {"error" if failing else "note"}
        assert {result["properties"]["category"] for result in results} == {category}


def test_every_result_has_what_code_scanning_demands() -> None:
    """
    Without a region or a help text an upload is refused, or shows nothing.
    """
    run = run_of(written(SarifWriter, (*sample_records(), *hostile_records())))

    described = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert described[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 1
        assert result["message"]["text"]
    assert [rule["id"] for rule in described] == [rule.id for rule in rules()]
    assert all(rule["help"]["text"] and rule["shortDescription"]["text"] for rule in described)


def test_there_is_a_rule_for_every_check_and_every_error() -> None:
    """
    Read from the source: a check that is added without a help text is noticed.
    """
    checks = {
        node.args[0].value
        for path in (Path(provenance.__file__).parent).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Check"
        if node.args and isinstance(node.args[0], ast.Constant)
    }
    raised = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, AssetError | EngineError) and value is not AssetError
    }

    # The check "policy" stands for those that were never made, and does not fail.
    assert checks - {"policy"} | raised == {rule.id for rule in rules()}


def test_a_rule_that_is_not_known_is_described_all_the_same() -> None:
    """
    A record may come from a newer version's state.
    """
    record = Record.of(MalformedAssetError("cut off"), "a")
    report = json.loads(record.report)
    report["error"]["type"] = "NewError"

    run = run_of(written(SarifWriter, [record._replace(report=json.dumps(report))] * 2))

    assert [result["ruleIndex"] for result in run["results"]] == [len(rules())] * 2
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]][len(rules()) :] == ["NewError"]


def test_places_are_uris_that_lead_to_the_files() -> None:
    """
    Percent-encoded, relative unless the name is a whole path; no file chooses a scheme or a host.
    """
    results = run_of(written(SarifWriter, hostile_records()))["results"]

    places = list(dict.fromkeys(map(place_of, results)))
    names = []
    for place in places:
        parts = urlsplit(place)
        assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == (
            ("file" if place.startswith("file://") else ""),
            "",
            "",
            "",
        )
        names.append(os.fsdecode(unquote_to_bytes(place.removeprefix("file://"))))
    assert names == list(HOSTILE_NAMES)
    assert [place for place in places if not re.fullmatch(r"[\x21-\x7e]+", place)] == []


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_messages_hold_no_links_and_no_placeholders(text: str) -> None:
    """
    A viewer makes links of some brackets, and looks for arguments between braces.
    """
    rejected = next(record for record in sample_records() if record.category is Category.REJECTED)

    messages = [
        r["message"]["text"] for r in run_of(written(SarifWriter, [with_text(rejected, text)]))["results"]
    ]

    assert len(messages) == len(rejected.reasons)
    for message in messages:
        assert message.isprintable()
        assert "](" not in message
        assert re.sub(r"\{\{|\}\}", "", message).count("{") == 0
        assert len(message) < 12 * MAX_LINE


def test_fingerprints_follow_name_category_and_rule() -> None:
    """
    Code scanning must know a finding again, whatever else is found and whether it counts.
    """
    records = [*sample_records(), *(renamed(r, f"copy/{r.name}") for r in sample_records())]

    def fingerprints(records: Iterable[Record]) -> dict[tuple[str, str, str], str]:
        results = run_of(written(SarifWriter, records))["results"]
        return {
            (place_of(r), r["properties"]["category"], r["ruleId"]): r["partialFingerprints"][
                "nameCategoryRule/v1"
            ]
            for r in results
        }

    every = fingerprints(records)
    some = fingerprints(r._replace(failing=not r.failing) for r in records if r.category is Category.INVALID)

    assert len(set(every.values())) == len(every)
    assert some.items() <= every.items()
    assert len(some) > 20


def test_code_scanning_knows_the_fingerprint_by_its_own_name() -> None:
    """
    It looks at one of them only.
    """
    for result in run_of(written(SarifWriter, sample_records()))["results"]:
        prints = result["partialFingerprints"]
        assert prints["primaryLocationLineHash"] == prints["nameCategoryRule/v1"] + ":1"


@pytest.mark.parametrize("complete", [True, False])
def test_the_log_says_whether_the_audit_was_complete(complete: bool) -> None:  # noqa: FBT001 - a parameter of a test
    """
    Results that are missing must not read like results that are gone.
    """
    run = run_of(written(SarifWriter, sample_records(), summary_of(sample_records(), complete=complete)))

    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is complete
    assert len(invocation.get("toolExecutionNotifications", [])) == (not complete)
    assert run["properties"]["complete"] is complete
    assert run["properties"]["policy_digest"] == HEADING.policy_digest
    assert run["tool"]["driver"]["version"] == HEADING.tool_version


def test_each_result_is_a_line_of_its_own() -> None:
    """
    Two logs can be compared by people.
    """
    output = written(SarifWriter, sample_records())

    results = run_of(output)["results"]
    lines = [json.loads(line.rstrip(",")) for line in output.decode("ascii").splitlines()[1:-1]]
    assert lines == results
