"""
Single requirements on the created action.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.authority import SIGNED_AT, TRAINED_ALGORITHMIC_MEDIA
from provenance.errors import PolicyError
from provenance.manifest.manifest import Action, Manifest, Reading, Signature
from provenance.manifest.status import ValidationState
from provenance.policy.requirement import (
    AcceptedDescription,
    Check,
    Description,
    Outcome,
    SoftwareAgent,
    WhenWithin,
)

DALL_E = "Azure OpenAI DALL-E"
AGENT = SoftwareAgent((DALL_E, "Azure OpenAI ImageGen"))
DESCRIPTION = Description(
    (
        AcceptedDescription("AI Generated Image", documented=True),
        AcceptedDescription(None, TRAINED_ALGORITHMIC_MEDIA),
    )
)
WITHIN = WhenWithin(300)


def reading(*actions: Action, signed_at: datetime | None = SIGNED_AT) -> Reading:
    """
    Describe a trusted active manifest with these actions.
    """
    signature = Signature(signed_at=signed_at)
    return Reading(Manifest("a", actions=actions), ("a",), ValidationState.TRUSTED, (), (), signature)


def created(**fields: str | None) -> Action:
    """
    Describe a created action.
    """
    return Action("c2pa.created", **fields)


@pytest.mark.parametrize("agent", [DALL_E, "Azure OpenAI ImageGen"])
def test_an_expected_agent_passes(agent: str) -> None:
    """
    Either of the documented two.
    """
    check = AGENT.check(reading(created(software_agent=agent)))

    assert check == Check("software_agent", Outcome.PASS, AGENT.names, agent, f"made by {agent!r}")


@pytest.mark.parametrize(
    "agent",
    [
        None,
        "",
        DALL_E.lower(),
        f" {DALL_E}",
        f"{DALL_E}\0",
        f"{DALL_E} 3",
        "Azure OpenAI",
        "Bing Image Creator",
    ],
)
def test_another_agent_fails_and_is_named(agent: str | None) -> None:
    """
    Compared to the letter: names that only look alike are other names.
    """
    check = AGENT.check(reading(created(software_agent=agent)))

    assert (check.outcome, check.actual) == (Outcome.FAIL, agent)
    assert ("nothing" if agent is None else repr(agent)) in str(check)


@pytest.mark.parametrize("requirement", [AGENT, DESCRIPTION, WITHIN])
@pytest.mark.parametrize(
    "actions",
    [
        (),
        (Action("c2pa.edited", DALL_E, "AI Generated Image", "2024-06-01T12:00:00Z"),),
        (
            Action("c2pa.created", DALL_E, "AI Generated Image", "2024-06-01T12:00:00Z"),
            Action("c2pa.created", "somebody else"),
        ),
    ],
    ids=["none", "another-action", "two-created"],
)
def test_without_one_created_action_no_demand_is_met(
    requirement: SoftwareAgent | Description | WhenWithin, actions: tuple[Action, ...]
) -> None:
    """
    A missing action has no description either, and that is not the absence that is accepted.
    """
    check = requirement.check(reading(*actions))

    assert (check.outcome, check.actual) == (Outcome.FAIL, None)


@pytest.mark.parametrize(
    ("description", "source_type", "outcome"),
    [
        ("AI Generated Image", None, Outcome.PASS),
        ("AI Generated Image", "http://example.invalid", Outcome.PASS),
        (None, TRAINED_ALGORITHMIC_MEDIA, Outcome.PASS),
        (None, None, Outcome.FAIL),
        (None, TRAINED_ALGORITHMIC_MEDIA + "/", Outcome.FAIL),
        ("", TRAINED_ALGORITHMIC_MEDIA, Outcome.FAIL),
        ("null", TRAINED_ALGORITHMIC_MEDIA, Outcome.FAIL),
        ("ai generated image", TRAINED_ALGORITHMIC_MEDIA, Outcome.FAIL),
        ("AI Generated Image ", TRAINED_ALGORITHMIC_MEDIA, Outcome.FAIL),
    ],
)
def test_a_description_stands_in_one_of_the_accepted_ways(
    description: str | None, source_type: str | None, outcome: Outcome
) -> None:
    """
    Each way with what it requires, and nothing in between.
    """
    check = DESCRIPTION.check(reading(created(description=description, digital_source_type=source_type)))

    assert (check.outcome, check.actual) == (outcome, description)
    assert check.expected == ("'AI Generated Image'", f"no description with {TRAINED_ALGORITHMIC_MEDIA}")


@pytest.mark.parametrize(
    "when",
    [
        "2024-06-01T12:00:00Z",
        "2024-06-01T12:05:00Z",
        "2024-06-01T11:55:00Z",
        "2024-06-01T12:04:59.9999999Z",
        "2024-06-01T12:00:00.1234567Z",
        "2024-06-01T12:00:00.123456789+00:00",
        "2024-06-01T14:00:00+02:00",
        "2024-06-01T00:00:00-12:00",
    ],
)
def test_a_time_close_to_the_time_stamp_passes(when: str) -> None:
    """
    Azure writes seven decimals; both ends count.
    """
    assert WITHIN.check(reading(created(when=when))).outcome is Outcome.PASS


@pytest.mark.parametrize(
    "when",
    [
        pytest.param(None, id="absent"),
        pytest.param("", id="empty"),
        pytest.param("2024-06-01T12:05:01Z", id="too-late"),
        pytest.param("2024-06-01T12:05:00.000001Z", id="a-microsecond-too-late"),
        pytest.param("2024-06-01T11:54:59.999999Z", id="too-early"),
        pytest.param("2024-06-01T12:00:00", id="no-zone"),
        pytest.param("2024-06-01 12:00:00Z", id="no-T"),
        pytest.param("2024-06-01t12:00:00z", id="lower-case"),
        pytest.param("20240601T120000Z", id="basic-format"),
        pytest.param("2024-06-01T12:00Z", id="no-seconds"),
        pytest.param("2024-06-01", id="date"),
        pytest.param("2024-06-01T12:00:00.Z", id="no-decimals"),
        pytest.param("2024-06-01T12:00:00+0000", id="zone-without-colon"),
        pytest.param("2024-06-01T12:00:00+24:00", id="impossible-zone"),
        pytest.param("2024-13-01T12:00:00Z", id="month-13"),
        pytest.param("2024-06-01T12:00:00Z\n", id="newline"),
        pytest.param("२०२४-06-01T12:00:00Z", id="other-digits"),
        pytest.param("0001-01-01T00:00:00Z", id="year-1"),
        pytest.param("0001-01-01T00:00:00+23:59", id="before-year-1"),
        pytest.param("9999-12-31T23:59:59-23:59", id="after-year-9999"),
        pytest.param("1717243200", id="number"),
        pytest.param("garbage", id="garbage"),
    ],
)
def test_any_other_time_fails(when: str | None) -> None:
    """
    What cannot be read, or is far away.
    """
    check = WITHIN.check(reading(created(when=when)))

    assert (check.outcome, check.actual) == (Outcome.FAIL, when)


def test_without_a_trusted_time_stamp_no_time_is_close() -> None:
    """
    A signer's own word about the time is compared with nothing.
    """
    check = WITHIN.check(reading(created(when="2024-06-01T12:00:00Z"), signed_at=None))

    assert (check.outcome, check.message.endswith("time-stamp none")) == (Outcome.FAIL, True)


@given(st.integers(-400_000_000, 400_000_000), st.integers(-23 * 60, 23 * 60), st.integers(1, 10**6))
def test_the_distance_is_measured_in_any_zone(distance_us: int, zone_minutes: int, seconds: int) -> None:
    """
    To the microsecond, in either direction.
    """
    zone = timezone(timedelta(minutes=zone_minutes))
    when = (SIGNED_AT + timedelta(microseconds=distance_us)).astimezone(zone).isoformat()

    check = WhenWithin(seconds).check(reading(created(when=when)))

    assert (check.outcome is Outcome.PASS) == (abs(distance_us) <= seconds * 1_000_000)


@given(st.text(max_size=40))
def test_any_text_is_a_time_or_fails(when: str) -> None:
    """
    Hostile text raises nothing.
    """
    check = WITHIN.check(reading(created(when=when), signed_at=datetime(1, 1, 1, tzinfo=UTC)))

    assert (check.outcome, check.actual) == (Outcome.FAIL, when)


@pytest.mark.parametrize("seconds", [0, -1])
def test_a_distance_that_is_not_positive_is_refused(seconds: int) -> None:
    """
    Nothing could ever meet it by more than luck.
    """
    with pytest.raises(PolicyError, match="positive"):
        WhenWithin(seconds)


@pytest.mark.parametrize("names", [(), ("",), (DALL_E, "")])
def test_an_empty_name_is_refused(names: tuple[str, ...]) -> None:
    """
    It would accept an image whose agent is empty.
    """
    with pytest.raises(PolicyError, match="at least one name, and no empty one"):
        SoftwareAgent(names)


def test_a_description_that_accepts_nothing_is_refused() -> None:
    """
    Or it would be a requirement that only looks like one.
    """
    with pytest.raises(PolicyError, match="at least one accepted form"):
        Description(())


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (AcceptedDescription("a"), "'a'"),
        (AcceptedDescription(None), "no description"),
        (AcceptedDescription(None, "x"), "no description with x"),
        (AcceptedDescription("a", "x"), "'a' with x"),
    ],
)
def test_an_accepted_form_reads_as_a_phrase(form: AcceptedDescription, text: str) -> None:
    """
    It stands in findings.
    """
    assert str(form) == text
