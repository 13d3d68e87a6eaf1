"""
The store of reports, on both databases: what is kept, found, searched, deleted and refused.
"""

from __future__ import annotations

import copy
import json
import struct
from base64 import urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from itertools import product
from typing import Any

import jsonschema
import pytest

from provenance.authority import Authority
from provenance.errors import UnreadableAssetError
from provenance.service.store.report_store import MAX_PAGE, MAX_REPORT
from provenance.service.store.store import Store
from provenance.service.store.stored_report import ReportKey, StoredReport, make_record
from provenance.trust.profile import TrustProfile
from provenance.verification.report import Report, error_to_dict, schema
from tests.service.store_support import DAY, NOON, Clock, digest, key_of, make_reports, numbered, record_of

HOSTILE = "\0\x1b[31m\u202e\u2028\"'\\</script>%s\udfff\ud800\U0001f600'; DROP TABLE provenance_reports; --"
KINDS = ("absent", "invalid", "changed", "trusted", "lineage", "undated")


@pytest.fixture(scope="module")
def reports(authority: Authority, sample_trust: TrustProfile) -> dict[str, Report]:
    """
    Judge the images once.
    """
    return make_reports(authority, sample_trust)


def keep(store: Store, report: Report) -> ReportKey:
    """
    Keep a report under its own key.
    """
    assert store.reports.keep(record_of(report)) is True
    return key_of(report)


def found(store: Store, key: ReportKey) -> StoredReport:
    """
    Find what must be there.
    """
    stored = store.reports.find(key)
    assert stored is not None
    return stored


def walk(store: Store, *, limit: int, **conditions: Any) -> list[StoredReport]:  # noqa: ANN401 - as `search` has them
    """
    Read all pages of a search.
    """
    pages = [store.reports.search(limit=limit, **conditions)]
    while pages[-1].next_cursor is not None:
        pages.append(store.reports.search(limit=limit, cursor=pages[-1].next_cursor, **conditions))
    assert all(len(page.reports) == limit for page in pages[:-1])
    return [report for page in pages for report in page.reports]


# --- kept and found ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_report_is_found_as_it_was_kept(store: Store, reports: dict[str, Report], kind: str) -> None:
    """
    But for the name: the same bytes may come under another one.
    """
    report = reports[kind]
    before = copy.deepcopy(report)

    key = keep(store, report)

    stored = found(store, key)
    assert json.loads(stored.report) == {**report, "asset": {**report["asset"], "name": None}}
    assert (stored.key, stored.created_at, stored.created_at.tzinfo) == (key, NOON, UTC)
    assert stored.report.isascii()
    assert report == before
    jsonschema.validate(json.loads(stored.report), schema())


def test_a_report_outlives_the_store_that_kept_it(
    database_url: str, reports: dict[str, Report], clock: Clock
) -> None:
    """
    As after a new start of the service.
    """
    with Store.open(database_url, clock=clock) as first:
        key = keep(first, reports["trusted"])

    with Store.open(database_url, clock=clock) as second:
        assert found(second, key).key == key


def test_hostile_text_survives(store: Store, reports: dict[str, Report]) -> None:
    """
    Whoever makes an image chooses what it says; PostgreSQL has no U+0000, and UTF-8 no surrogates.
    """
    report = copy.deepcopy(reports["trusted"])
    report["origin"]["description"] = HOSTILE
    report["manifests"][0]["title"] = HOSTILE
    report["asset"]["xmp_provenance"] = HOSTILE

    key = keep(store, report)

    assert json.loads(found(store, key).report)["manifests"] == report["manifests"]
    assert json.loads(store.reports.search().reports[0].report)["origin"]["description"] == HOSTILE


def test_nothing_is_found_that_was_not_kept(store: Store, reports: dict[str, Report]) -> None:
    """
    Another policy, trust profile or version is another question about the same image.
    """
    key = keep(store, reports["trusted"])
    others = [
        key._replace(sha256="0" * 64),
        key._replace(policy_digest="0" * 64),
        key._replace(trust_digest="0" * 64),
        key._replace(judged_by="0" * 64),
    ]

    assert [store.reports.find(other) for other in others] == [None] * 4


def test_what_is_kept_stays(store: Store, reports: dict[str, Report], clock: Clock) -> None:
    """
    Keeping again changes nothing, not even the time.
    """
    key = keep(store, reports["trusted"])
    first = found(store, key)
    clock.advance()

    assert store.reports.keep(record_of(reports["trusted"])) is True

    assert found(store, key) == first
    assert store.reports.of_image(key.sha256) == (first,)


def test_threads_that_keep_the_same_reports_agree(store: Store, reports: dict[str, Report]) -> None:
    """
    The same image may be sent by many at once.
    """
    many = [numbered(reports["trusted"], number) for number in range(25)]

    def work(offset: int) -> list[StoredReport]:
        order = many[offset:] + many[:offset]
        return sorted(found(store, keep(store, report)) for report in order)

    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(work, range(8)))

    assert outcomes == [outcomes[0]] * 8
    assert len({stored.id for stored in outcomes[0]}) == 25
    assert sorted(walk(store, limit=10)) == outcomes[0]


def test_a_report_that_is_too_long_is_not_kept(store: Store, reports: dict[str, Report]) -> None:
    """
    Or a page of reports could be made larger than the memory of whoever reads it.
    """
    report = copy.deepcopy(reports["trusted"])
    report["asset"]["name"] = report["manifests"][0]["title"] = None
    room = MAX_REPORT - len(json.dumps(report, separators=(",", ":"))) + len("null") - len('""')
    report["manifests"][0]["title"] = "x" * room
    longest, too_long = numbered(report, 1), copy.deepcopy(numbered(report, 2))
    too_long["manifests"][0]["title"] += "x"

    assert store.reports.keep(record_of(longest)) is True
    assert store.reports.keep(record_of(too_long)) is False

    assert len(found(store, key_of(longest)).report) == MAX_REPORT
    assert store.reports.find(key_of(too_long)) is None


@pytest.mark.parametrize("part", ["sha256", "policy_digest", "trust_digest"])
def test_a_report_on_something_else_is_refused(store: Store, reports: dict[str, Report], part: str) -> None:
    """
    A mistake here would give one image the verdict on another.
    """
    other = key_of(reports["trusted"])._replace(**{part: "f" * 64})

    with pytest.raises(ValueError, match="than its key says"):
        store.reports.keep(make_record(other, reports["trusted"], is_for_a_day=False))

    assert store.reports.search().reports == ()


def test_an_error_is_not_kept(store: Store, reports: dict[str, Report]) -> None:
    """
    It may be gone with the next attempt.
    """
    error = error_to_dict(UnreadableAssetError("it is a directory"))

    with pytest.raises(ValueError, match="no verdict"):
        store.reports.keep(make_record(key_of(reports["trusted"]), error, is_for_a_day=False))


# --- verdicts that depend on the day -------------------------------------------------------------


def test_a_verdict_that_depends_on_the_day_is_found_on_that_day(
    store: Store, reports: dict[str, Report], clock: Clock
) -> None:
    """
    From midnight to midnight, in UTC.
    """
    clock.time = datetime(2026, 8, 17, 0, 0, tzinfo=UTC)
    key = keep(store, reports["undated"])

    clock.time = datetime(2026, 8, 18, 5, 29, 59, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    late = store.reports.find(key)
    clock.advance(timedelta(seconds=1))

    assert late is not None
    assert store.reports.find(key) is None
    assert store.reports.of_image(key.sha256) == (late,)


def test_a_verdict_of_another_day_replaces_it(store: Store, reports: dict[str, Report], clock: Clock) -> None:
    """
    One row for each question, and the newest answer in it.
    """
    key = keep(store, reports["undated"])
    clock.advance()
    later = copy.deepcopy(reports["undated"])
    later.update(state="valid", accepted=False)

    assert store.reports.keep(record_of(later)) is True

    stored = found(store, key)
    assert json.loads(stored.report)["state"] == "valid"
    assert stored.created_at == NOON + DAY
    assert store.reports.of_image(key.sha256) == (stored,)
    assert store.reports.search(state="trusted").reports == ()
    assert store.reports.search(state="valid", accepted=False).reports == (stored,)


def test_a_verdict_of_the_same_day_stays(store: Store, reports: dict[str, Report], clock: Clock) -> None:
    """
    Keeping is idempotent here, too.
    """
    key = keep(store, reports["undated"])
    first = found(store, key)
    clock.advance(timedelta(hours=3))

    assert store.reports.keep(record_of(reports["undated"])) is True

    assert found(store, key) == first


def test_what_was_judged_before_midnight_does_not_hold_after_it(
    store: Store, reports: dict[str, Report], clock: Clock
) -> None:
    """
    Judging and keeping may take place on two days.
    """
    report = reports["undated"]
    clock.time = datetime(2026, 8, 18, 0, 0, 1, tzinfo=UTC)

    assert store.reports.keep(record_of(report), judged_at=clock.time - timedelta(seconds=2)) is True

    assert store.reports.find(key_of(report)) is None


def test_a_late_verdict_of_yesterday_does_not_replace_that_of_today(
    store: Store, reports: dict[str, Report], clock: Clock
) -> None:
    """
    Another instance was quicker, and whoever keeps is told that this one is not there.
    """
    report = reports["undated"]
    key = keep(store, report)
    today = found(store, key)

    assert store.reports.keep(record_of(report), judged_at=NOON - DAY) is False

    assert found(store, key) == today


def test_a_dated_verdict_holds_on(store: Store, reports: dict[str, Report], clock: Clock) -> None:
    """
    And when it was judged does not matter.
    """
    report = reports["trusted"]
    assert store.reports.keep(record_of(report), judged_at=NOON - 10 * DAY) is True
    clock.advance(3650 * DAY)

    assert found(store, key_of(report)).created_at == NOON


def test_the_time_of_judging_names_its_zone(store: Store, reports: dict[str, Report]) -> None:
    """
    Or it could be another day.
    """
    report = reports["undated"]

    with pytest.raises(ValueError, match="judged_at has to name a time zone"):
        store.reports.keep(record_of(report), judged_at=NOON.replace(tzinfo=None))


# --- searched ------------------------------------------------------------------------------------


@pytest.fixture
def many(store: Store, reports: dict[str, Report], clock: Clock) -> list[Report]:
    """
    Keep 36 reports of six kinds and two policies, three of them at a time, an hour apart.
    """
    kept = []
    for number in range(36):
        report = numbered(reports[KINDS[number % 6]], number)
        if number % 5 == 0:
            report["policy"] = {"name": "other's 100%", "version": 1, "digest": "5" * 64}
        clock.time = NOON + timedelta(hours=number // 3)
        keep(store, report)
        kept.append(report)
    return kept


def named(stored: list[StoredReport] | tuple[StoredReport, ...]) -> list[str]:
    """
    Name the images of reports.
    """
    return [report.key.sha256 for report in stored]


CONDITIONS = [
    dict(zip(("state", "accepted", "origin", "policy", "since", "until"), values, strict=True))
    for values in product(
        (None, "absent", "trusted"),
        (None, True, False),
        (None, "active", "ingredient", "none"),
        (None, "other's 100%", "azure-openai"),
        (None, 3),
        (None, 9),
    )
]


def matches(report: Report, hour: int, wanted: dict[str, Any]) -> bool:
    """
    Return whether a report is what is searched for, by a second way.
    """
    return (
        wanted["state"] in {None, report["state"]}
        and wanted["accepted"] in {None, report["accepted"]}
        and wanted["origin"] in {None, report["origin"]["azure_openai_in"] or "none"}
        and wanted["policy"] in {None, report["policy"]["name"]}
        and (wanted["since"] is None or hour >= wanted["since"])
        and (wanted["until"] is None or hour < wanted["until"])
    )


def test_a_search_finds_what_matches_and_nothing_else(store: Store, many: list[Report]) -> None:
    """
    Every combination of conditions, the newest first, in pages of every size.
    """
    for number, wanted in enumerate(CONDITIONS):
        expected = [
            report["asset"]["sha256"]
            for position, report in reversed(list(enumerate(many)))
            if matches(report, position // 3, wanted)
        ]
        asked = {
            name: NOON + timedelta(hours=value) if isinstance(value, int) and value > 1 else value
            for name, value in wanted.items()
            if value is not None
        }

        assert named(walk(store, limit=1 + number % 7, **asked)) == expected, asked


def test_the_conditions_above_are_met_by_some(many: list[Report]) -> None:
    """
    Or the test would hold for a search that finds nothing.
    """
    met = [wanted for wanted in CONDITIONS if any(matches(report, 5, wanted) for report in many)]

    assert len(met) > len(CONDITIONS) / 8
    assert {report["state"] for report in many} >= {"absent", "invalid", "trusted"}


def test_pages_hold_still_while_reports_come_and_go(
    store: Store, many: list[Report], reports: dict[str, Report], clock: Clock
) -> None:
    """
    What was there at the beginning and still is comes once, in order.
    """
    before = named(walk(store, limit=100))
    seen: list[str] = []
    cursor = None
    for number in range(100, 200):
        page = store.reports.search(limit=5, cursor=cursor)
        seen += named(page.reports)
        clock.advance(timedelta(seconds=1))
        keep(store, numbered(reports["trusted"], number))
        # The last of this page is where the next one begins.
        store.reports.delete(seen[-1])
        cursor = page.next_cursor
        if cursor is None:
            break

    assert seen == before


def test_reports_of_the_same_time_are_told_apart(store: Store, reports: dict[str, Report]) -> None:
    """
    A clock is coarse, and many images come at once.
    """
    for number in range(20):
        keep(store, numbered(reports["absent"], number))

    assert named(walk(store, limit=3)) == [digest(str(number).encode()) for number in reversed(range(20))]


@pytest.mark.parametrize(("limit", "pages"), [(1, 4), (2, 2), (3, 2), (4, 1), (MAX_PAGE, 1)])
def test_the_last_page_says_that_it_is_the_last(
    store: Store, reports: dict[str, Report], limit: int, pages: int
) -> None:
    """
    Without an empty page behind it.
    """
    for number in range(4):
        keep(store, numbered(reports["absent"], number))
    cursors = [store.reports.search(limit=limit).next_cursor]
    while cursors[-1] is not None:
        cursors.append(store.reports.search(limit=limit, cursor=cursors[-1]).next_cursor)

    assert len(cursors) == pages


def test_an_empty_store_has_one_empty_page(store: Store) -> None:
    """
    No report, and no cursor.
    """
    assert store.reports.search() == ((), None)
    assert store.reports.of_image("0" * 64) == ()


LARGEST = 2**63 - 1


def cursor(time: int, number: int) -> str:
    """
    Make a cursor by hand.
    """
    return urlsafe_b64encode(struct.pack(">qq", time, number)).decode().rstrip("=")


@pytest.mark.parametrize("number", [LARGEST, -LARGEST - 1, 0, 2**31, -(2**31) - 1])
def test_a_made_up_cursor_is_a_place_like_any_other(
    store: Store, reports: dict[str, Report], number: int
) -> None:
    """
    It can only choose where to begin, and that needs no permission.
    """
    keep(store, reports["trusted"])
    first, last = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    times = [(time - epoch) // timedelta(microseconds=1) for time in (first, epoch, last)]

    pages = [store.reports.search(cursor=cursor(time, number)) for time in times]

    assert [len(page.reports) for page in pages] == [0, 0, 1]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "0",
        "A" * 21,
        "A" * 23,
        "A" * 1_000_000,
        "A" * 22 + "==",
        "A" * 22 + "\n",
        "A" * 21 + "+",
        "\0" * 22,
        "é" * 22,
        "\ud800" * 22,
        "' OR 1=1 --",
        cursor(LARGEST, 0),
        cursor(-LARGEST - 1, 0),
        cursor(253_402_300_800_000_000, 0),
        cursor(-62_135_596_800_000_001, 0),
    ],
)
def test_a_cursor_that_no_page_gave_is_refused(store: Store, text: str) -> None:
    """
    As the caller's mistake, not the database's.
    """
    with pytest.raises(ValueError, match="cursor has to be one"):
        store.reports.search(cursor=text)


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        ({"limit": 0}, "limit has to be 1 to 100"),
        ({"limit": -1}, "limit"),
        ({"limit": 101}, "limit"),
        ({"limit": 2**70}, "limit"),
        ({"state": "accepted"}, "state has to be one of absent, invalid, valid, trusted"),
        ({"state": "TRUSTED"}, "state"),
        ({"state": ""}, "state"),
        ({"state": "\0"}, "state"),
        ({"origin": "nowhere"}, "origin has to be one of active, ingredient, none"),
        ({"policy": "a\0b"}, "policy has to be printable"),
        ({"policy": "\ud800"}, "policy"),
        ({"policy": "a\nb"}, "policy"),
        ({"policy": "x" * 201}, "policy"),
        ({"since": datetime(2026, 1, 1)}, "since has to name a time zone"),  # noqa: DTZ001 - on purpose
        ({"until": datetime(2026, 1, 1)}, "until has to name a time zone"),  # noqa: DTZ001 - on purpose
        ({"since": datetime.min.replace(tzinfo=timezone(DAY / 2))}, "since has to lie in the years"),
        ({"until": datetime.max.replace(tzinfo=timezone(-DAY / 2))}, "until has to lie in the years"),
    ],
)
def test_a_condition_that_makes_no_sense_is_refused(
    store: Store, conditions: dict[str, Any], message: str
) -> None:
    """
    Its name is said; nothing of it reaches the database.
    """
    with pytest.raises(ValueError, match=message):
        store.reports.search(**conditions)


@pytest.mark.parametrize("policy", ["'; DROP TABLE provenance_reports; --", "%", "_zure-openai", "' OR ''='"])
def test_a_hostile_name_of_a_policy_is_a_name(store: Store, reports: dict[str, Report], policy: str) -> None:
    """
    Of no policy that there is.
    """
    keep(store, reports["trusted"])

    assert store.reports.search(policy=policy).reports == ()
    assert len(store.reports.search(policy="azure-openai").reports) == 1


def test_the_ends_of_time_can_be_searched_for(store: Store, reports: dict[str, Report]) -> None:
    """
    Both are times, and both databases have them.
    """
    keep(store, reports["trusted"])
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

    assert len(store.reports.search(since=first, until=last).reports) == 1
    assert store.reports.search(since=last).reports == store.reports.search(until=first).reports == ()


NO_SHA256 = [
    "",
    "0",
    "0" * 63,
    "0" * 65,
    "A" * 64,
    "g" * 64,
    "\0" * 64,
    "0" * 63 + "\n",
    "0" * 64 + "\n",
    "'" * 64,
]


@pytest.mark.parametrize("text", [*NO_SHA256, "\uff10" * 64, "\ud800" * 64])
def test_what_is_no_sha256_is_refused(store: Store, reports: dict[str, Report], text: str) -> None:
    """
    Wherever one is asked for.
    """
    key = key_of(reports["trusted"])
    for part in ("sha256", "policy_digest", "trust_digest", "judged_by"):
        with pytest.raises(ValueError, match="64 hexadecimal digits"):
            store.reports.find(key._replace(**{part: text}))
    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        store.reports.of_image(text)
    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        store.reports.delete(text)


def test_a_hostile_name_of_a_policy_is_not_kept(store: Store, reports: dict[str, Report]) -> None:
    """
    A policy made in code can be called anything.
    """
    report = copy.deepcopy(reports["trusted"])
    report["policy"]["name"] = "a\0b"

    with pytest.raises(ValueError, match="the policy's name"):
        store.reports.keep(record_of(report))


# --- deleted -------------------------------------------------------------------------------------


def test_all_reports_on_an_image_are_listed_and_deleted(
    store: Store, reports: dict[str, Report], clock: Clock
) -> None:
    """
    Under every policy, the newest first; those on other images stay.
    """
    other = keep(store, numbered(reports["trusted"], 1))
    keys = []
    for number in range(3):
        clock.advance()
        report = {**reports["undated"], "policy": {"name": "p", "version": 1, "digest": str(number) * 64}}
        keys.append(keep(store, report))

    assert [stored.key for stored in store.reports.of_image(keys[0].sha256)] == keys[::-1]
    assert store.reports.delete(keys[0].sha256) == 3
    assert store.reports.delete(keys[0].sha256) == 0

    assert store.reports.of_image(keys[0].sha256) == ()
    assert [stored.key for stored in store.reports.search().reports] == [other]


def test_what_was_deleted_can_be_kept_again(store: Store, reports: dict[str, Report]) -> None:
    """
    Deleting is no ban.
    """
    key = keep(store, reports["trusted"])
    store.reports.delete(key.sha256)

    assert store.reports.find(key) is None
    assert found(store, keep(store, reports["trusted"])).key == key


def test_old_reports_are_purged(store: Store, reports: dict[str, Report], clock: Clock) -> None:
    """
    More of them than are deleted at once; what was kept at that time or later stays.
    """
    for number in range(1_001):
        keep(store, numbered(reports["absent"], number))
    clock.advance()
    young = [keep(store, numbered(reports["absent"], number)) for number in range(2_000, 2_003)]

    assert store.reports.purge(NOON) == 0
    assert store.reports.purge(NOON + DAY) == 1_001
    assert store.reports.purge(NOON + DAY) == 0

    assert {stored.key for stored in store.reports.search().reports} == set(young)


def test_what_is_purged_is_said_with_a_zone(store: Store) -> None:
    """
    An hour too many would be gone for good.
    """
    with pytest.raises(ValueError, match="before has to name a time zone"):
        store.reports.purge(datetime(2026, 1, 1))  # noqa: DTZ001 - on purpose
