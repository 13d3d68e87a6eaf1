"""
The gate: which files it counts, what an earlier audit excuses, and how a program ends.
"""

from __future__ import annotations

import random
import tracemalloc
from pathlib import Path

import pytest

from provenance.audit.gate import CHOICES, DEFAULT, Baseline, BaselineRecord, Gate
from provenance.audit.record import Category, Record, Summary
from provenance.errors import BaselineError
from tests.audit.support import baseline_line, hostile_records, many_records, sample_records


def made(name: str, category: Category, *reasons: str) -> Record:
    """
    Make a record as short as can be.
    """
    return Record(name, category, reasons, baseline_line(name, category, *(reasons or ("reason",))))


def everything_but(baseline: Path) -> Gate:
    """
    Return a gate that fails everything that an earlier output does not know.
    """
    return Gate(frozenset(CHOICES), Baseline.load(baseline))


def write_lines(path: Path, *lines: str) -> Path:
    """
    Write an earlier output.
    """
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


# --- what counts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("invalid,error", {Category.INVALID, Category.ERROR}),
        ("absent", {Category.ABSENT}),
        (" rejected , untrusted", {Category.REJECTED, Category.UNTRUSTED}),
        ("invalid,invalid", {Category.INVALID}),
        ("none", set()),
        ("absent,integrity,invalid,untrusted,rejected,error", set(CHOICES)),
    ],
)
def test_categories_are_named_with_commas(text: str, expected: set[Category]) -> None:
    """
    As people write lists on a command line.
    """
    assert expected == Gate.parse(text).fail_on


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("accepted", "'accepted' is none of absent, integrity, invalid, untrusted, rejected, error, none"),
        ("invalid,typo", "'typo' is none of"),
        ("Invalid", "'Invalid' is none of"),
        ("", "'' is none of"),
        ("invalid,", "'' is none of"),
        ("none,invalid", "'none' goes with nothing else"),
    ],
)
def test_what_is_no_list_of_categories_is_refused(text: str, message: str) -> None:
    """
    A gate that was misspelt must not be a gate that lets everything pass.
    """
    with pytest.raises(ValueError, match=message):
        Gate.parse(text)


def test_what_is_accepted_cannot_fail() -> None:
    """
    Nothing could be done about it.
    """
    with pytest.raises(ValueError, match="accepted"):
        Gate(frozenset(Category))


@pytest.mark.parametrize("category", Category)
@pytest.mark.parametrize("named", CHOICES)
def test_a_record_fails_if_its_category_was_named(category: Category, named: Category) -> None:
    """
    And only then.
    """
    record = Gate(frozenset({named})).apply(made("a", category, "reason"))

    assert record.failing is (category is named)


def test_by_default_integrity_and_errors_fail() -> None:
    """
    Most files of most folders carry no credentials, and many signers are unknown.
    """
    assert Gate().fail_on == DEFAULT == Gate.parse("integrity,error").fail_on


@pytest.mark.parametrize(
    ("reasons", "by_default"),
    [
        (("integrity",), True),
        (("integrity", "conformance"), True),
        (("integrity", "trailing_bytes"), True),
        (("conformance",), False),
        (("conformance", "trailing_bytes"), False),
    ],
)
def test_a_rule_broken_from_birth_fails_only_where_all_that_is_invalid_does(
    reasons: tuple[str, ...], *, by_default: bool
) -> None:
    """
    Nobody has changed such an image, and another copy would be no better.
    """
    record = made("a", Category.INVALID, *reasons)

    assert Gate().apply(record).failing is by_default
    assert Gate.parse("integrity").apply(record).failing is by_default
    assert Gate.parse("invalid").apply(record).failing
    assert not Gate.parse("absent,untrusted,rejected,error").apply(record).failing


def test_what_got_worse_than_its_baseline_fails(tmp_path: Path) -> None:
    """
    A signer who breaks a rule is no licence to change the image.
    """
    known = Baseline([BaselineRecord("a", Category.INVALID, ("conformance",))])

    for gate in (Gate(baseline=known), Gate(frozenset({Category.INVALID}), known)):
        assert not gate.apply(made("a", Category.INVALID, "conformance")).failing
        assert gate.apply(made("a", Category.INVALID, "integrity", "conformance")).failing


def test_a_record_is_marked_anew() -> None:
    """
    It may come from an earlier run under another gate.
    """
    record = made("a", Category.INVALID, "integrity")._replace(failing=True)

    assert not Gate.parse("none").apply(record).failing


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("none", 0),
        ("absent", 1),
        ("invalid", 1),
        ("integrity", 1),
        ("error", 3),
        ("invalid,error", 3),
        ("untrusted,rejected", 1),
    ],
)
def test_the_exit_code_of_the_samples(text: str, expected: int) -> None:
    """
    What could not be judged outranks what was judged: it must not look judged.
    """
    gate, summary = Gate.parse(text), Summary()
    for record in sample_records():
        summary.add(gate.apply(record))

    assert expected == gate.exit_code(summary)


def test_an_error_that_is_known_does_not_outrank_a_failure() -> None:
    """
    Only what counts decides.
    """
    known = made("broken", Category.ERROR, "MalformedAssetError")
    gate, summary = Gate(DEFAULT, Baseline([BaselineRecord(*known[:3])])), Summary()
    for record in (known, made("changed", Category.INVALID, "integrity")):
        summary.add(gate.apply(record))

    assert (summary.failing, summary.failing_errors, gate.exit_code(summary)) == (1, 0, 1)


# --- baseline ---------------------------------------------------------------------------------------


def test_nothing_fails_against_its_own_output(tmp_path: Path) -> None:
    """
    Real reports and hostile names, as the audit writes them.
    """
    records = [*sample_records(), *hostile_records()]
    path = write_lines(tmp_path / "before.jsonl", *(record.report for record in records))

    gate = everything_but(path)

    assert [record.name for record in records if gate.apply(record).failing] == []
    assert gate.baseline is not None
    assert len(gate.baseline) == len(records)


@pytest.mark.parametrize(
    "now",
    [
        made("b", Category.UNTRUSTED, "signing_credential"),
        made("a", Category.INVALID, "integrity"),
        made("a", Category.ABSENT, "manifest_store"),
        made("a", Category.UNTRUSTED, "signing_credential", "trailing_bytes"),
        made("a", Category.UNTRUSTED, "trailing_bytes"),
        made("a", Category.ERROR, "MalformedAssetError"),
        made("A", Category.UNTRUSTED, "signing_credential"),
        made("a ", Category.UNTRUSTED, "signing_credential"),
    ],
    ids=lambda record: f"{record.name!r} {record.category} {'+'.join(record.reasons)}",
)
def test_a_file_that_is_new_or_got_worse_counts(tmp_path: Path, now: Record) -> None:
    """
    Otherwise whoever wants to hide a change would only need a file that is known already.
    """
    before = baseline_line("a", Category.UNTRUSTED, "signing_credential")
    gate = everything_but(write_lines(tmp_path / "before.jsonl", before))

    assert gate.apply(now).failing
    assert not gate.apply(made("a", Category.UNTRUSTED, "signing_credential")).failing


def test_an_empty_baseline_knows_nothing(tmp_path: Path) -> None:
    """
    An audit of an empty folder writes one.
    """
    gate = everything_but(write_lines(tmp_path / "before.jsonl"))

    assert gate.apply(made("a", Category.ABSENT, "manifest_store")).failing


@pytest.mark.slow
def test_no_two_of_very_many_names_are_taken_for_each_other() -> None:
    """
    Marks are short; one that stood for two files would excuse the wrong one.
    """
    names = [f"{number:06}" for number in range(200_000)]
    baseline = Baseline(BaselineRecord(name, Category.INVALID, ("integrity",)) for name in names[::2])

    known = [name for name in names if made(name, Category.INVALID, "integrity") in baseline]

    assert known == names[::2]


@pytest.mark.slow
def test_a_baseline_of_very_many_files_is_small() -> None:
    """
    Eight bytes a file stay; names would be fifty times that.
    """
    count = 100_000
    tracemalloc.start()
    try:
        baseline = Baseline(
            BaselineRecord(f"folder/{number:09}.png", Category.INVALID, ("integrity",))
            for number in range(count)
        )
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(baseline) == count
    assert kept < 10 * count


def test_reading_a_baseline_holds_one_line_at_a_time(tmp_path: Path) -> None:
    """
    An earlier output may be larger than memory.
    """
    path = tmp_path / "before.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for record in many_records(3_000):
            file.write(record.report + "\n")
    tracemalloc.start()
    try:
        Baseline.load(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert path.stat().st_size > 10_000_000
    assert peak < 2_000_000


# --- hostile baselines ------------------------------------------------------------------------------

GOOD = baseline_line("a", Category.ABSENT, "manifest_store")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "is not JSON"),
        ("no", "is not JSON"),
        (GOOD + GOOD, "is not JSON"),
        ("\ufeff" + GOOD, "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ('{"a":' * 100_000, "is not JSON"),
        ("9" * 10_000, "is not JSON"),
        ("null", "is no report"),
        ("[]", "is no report"),
        ("{}", "is no report"),
        (GOOD.replace("report/1", "report/2"), "is no report of the form azure-image-provenance/report/1"),
        (GOOD.replace('"a"', "null"), "without a name"),
        (GOOD.replace('"a"', '["a"]'), "without a name"),
        (GOOD.replace('"state": "absent"', '"state": "fine"'), "'fine' is not a valid ValidationState"),
        (GOOD.replace('"state": "absent"', '"state": null'), "not complete"),
        (GOOD.replace("false", "0"), "not complete"),
        (GOOD.replace('[{"check": "manifest_store"}]', "{}"), "not complete"),
        (GOOD.replace('"manifest_store"', "7"), "names no check"),
        (GOOD.replace('{"check": "manifest_store"}', '"manifest_store"'), "names no check"),
        (baseline_line("a", Category.ERROR, "X").replace('"X"', "{}"), "not complete"),
        (baseline_line("a", Category.ERROR, "X").replace("false", "true"), "not complete"),
    ],
)
def test_a_line_that_is_no_report_is_named(tmp_path: Path, line: str, message: str) -> None:
    """
    A baseline that was read by half would excuse by half.
    """
    path = write_lines(tmp_path / "before.jsonl", GOOD, line, GOOD)

    with pytest.raises(BaselineError, match=f"line 2: .*{message}") as caught:
        Baseline.load(path)

    assert (caught.value.where, caught.value.line) == (str(path), 2)


def test_a_line_of_another_encoding_is_named(tmp_path: Path) -> None:
    """
    JSON Lines are UTF-8.
    """
    path = tmp_path / "before.jsonl"
    path.write_bytes(GOOD.encode() + b"\n" + GOOD.encode("utf-16"))

    with pytest.raises(BaselineError, match="line 2: it is not JSON"):
        Baseline.load(path)


def test_a_line_has_a_longest_length(tmp_path: Path) -> None:
    """
    A file without line breaks must not be read into memory.
    """
    path = write_lines(tmp_path / "before.jsonl", GOOD)
    limit = path.stat().st_size

    assert len(Baseline.load(path, max_line_bytes=limit)) == 1
    with pytest.raises(BaselineError, match=f"line 1: longer than {limit - 1:,} bytes"):
        Baseline.load(path, max_line_bytes=limit - 1)


def test_a_device_without_an_end_is_refused() -> None:
    """
    It has no line breaks either.
    """
    with pytest.raises(BaselineError, match="line 1: longer than"):
        Baseline.load(Path("/dev/zero"), max_line_bytes=100_000)


@pytest.mark.parametrize("name", ["missing.jsonl", "."])
def test_a_baseline_that_cannot_be_read_is_an_error(tmp_path: Path, name: str) -> None:
    """
    As if it were empty would count everything; as if it knew all would count nothing.
    """
    with pytest.raises(BaselineError, match="cannot be read") as caught:
        Baseline.load(tmp_path / name)

    assert caught.value.line is None


@pytest.mark.parametrize("seed", range(32))
def test_a_baseline_that_was_cut_off_is_refused(tmp_path: Path, seed: int) -> None:
    """
    Wherever a disk was full: what is missing would count as new, and nobody would know why.
    """
    rng = random.Random(seed)  # noqa: S311 - repeatable, not secret
    lines = [record.report.encode() for record in sample_records()]
    place = rng.randrange(len(lines))
    lines[place] = lines[place][: rng.randrange(1, len(lines[place]))]
    path = tmp_path / "before.jsonl"
    path.write_bytes(b"\n".join(lines[: place + 1]))

    with pytest.raises(BaselineError, match=f"line {place + 1}: it is not JSON"):
        Baseline.load(path)


@pytest.mark.parametrize("seed", range(32))
def test_a_damaged_byte_is_found(tmp_path: Path, seed: int) -> None:
    """
    It is named with its line, so that somebody can look.
    """
    rng = random.Random(seed)  # noqa: S311 - repeatable, not secret
    data = bytearray("\n".join(record.report for record in sample_records()).encode())
    place = rng.choice([index for index, byte in enumerate(data) if byte != ord("\n")])
    data[place] = 0xFF
    path = tmp_path / "before.jsonl"
    path.write_bytes(data)

    with pytest.raises(BaselineError) as caught:
        Baseline.load(path)

    assert caught.value.line == data.count(b"\n", 0, place) + 1
