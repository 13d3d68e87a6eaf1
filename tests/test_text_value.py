"""
Sizes, durations, times and the like from text: the same through every surface.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from provenance import SettingsError
from provenance.audit.gate import Gate
from provenance.cli import main, options
from provenance.cli.command import keys
from provenance.service.config.load import load_settings
from provenance.service.http import parameters as asked
from provenance.service.http.problem import ProblemError
from provenance.text_value import (
    DURATION,
    FLAG,
    SIZE,
    TIME,
    WHOLE,
    TextValueError,
    read_flag,
    read_list,
    read_seconds,
    read_size,
    read_time,
    read_whole,
)

K, M, G = 1 << 10, 1 << 20, 1 << 30
NOON = datetime(2026, 8, 17, 12, tzinfo=UTC)

READ: dict[str, tuple[Callable[[str], object], str, dict[str, object]]] = {
    "size": (
        read_size,
        SIZE,
        {
            "1": 1,
            "500000": 500_000,
            "64M": 64 * M,
            "64 MiB": 64 * M,
            "1g": G,
            "1GB": 10**9,
            "3k": 3 * K,
            "7B": 7,
        },
    ),
    "seconds": (
        read_seconds,
        DURATION,
        {
            "0": 0.0,
            "30": 30.0,
            "1.5": 1.5,
            "1.5s": 1.5,
            "250ms": 0.25,
            "2 m": 120.0,
            "1h": 3600.0,
            "90d": 7776000.0,
        },
    ),
    "time": (
        read_time,
        TIME,
        {
            "2026-08-17T12:00:00Z": NOON,
            "2026-08-17t12:00:00z": NOON,
            "2026-08-17 14:00:00+02:00": NOON,
            "2026-08-17T12:00:00": NOON,
            "2026-08-17T12:00:00.5Z": NOON + timedelta(milliseconds=500),
            "2026-08-17": NOON - timedelta(hours=12),
        },
    ),
    "whole": (read_whole, WHOLE, {"0": 0, "42": 42, "9" * 18: 10**18 - 1}),
    "flag": (read_flag, FLAG, {"true": True, "false": False}),
}
REFUSED = {
    "size": ["", "0", "-1", "1.5M", "64X", "M", "1_000", "1e3", "٣", "64M\n", " 64M", "1TiB", "1" * 16],
    "seconds": ["", "-1", "1e1", "inf", "nan", "1_0", "٣", "30\n", "1y", "s", ".5", "1" * 10],
    "time": [
        "",
        "now",
        "2026-08",
        "2026-13-01",
        "2026-08-17T25:00:00Z",
        "20260817",
        "2026-08-17T12:00Z",
        "2026-08-17T12:00:00Z\n",
        "0001-01-01T00:00:00+23:00",
        "9999-12-31T23:59:59-01:00",
        "٢٠٢٦-08-17",
    ],
    "whole": ["", "-1", "+1", "1_0", "1.0", "0x1", "٣", " 1", "1\n", "9" * 19],
    "flag": ["", "yes", "1", "True", "true "],
}


@pytest.mark.parametrize("kind", READ)
def test_text_becomes_a_value(kind: str) -> None:
    """
    Of the type and in the unit that the name says.
    """
    read, _, expected = READ[kind]

    found = {text: read(text) for text in expected}

    assert found == expected
    assert [type(value) for value in found.values()] == [type(value) for value in expected.values()]


@pytest.mark.parametrize(
    ("kind", "text"), [(kind, text) for kind, texts in REFUSED.items() for text in texts]
)
def test_anything_else_is_refused_in_the_same_words(kind: str, text: str) -> None:
    """
    As an option and as a parameter of a request.
    """
    read, wanted, _ = READ[kind]

    with pytest.raises(TextValueError) as caught:
        read(text)
    with pytest.raises(click.BadParameter) as as_option:
        options.reading(read)(text)
    with pytest.raises(ProblemError) as as_parameter:
        asked.as_value(read, text, "since")

    assert str(caught.value) == f"{text!r} is not {wanted}"
    assert as_option.value.message == f"{caught.value}."
    assert str(as_parameter.value.problem.detail) == f"'since' has to be {wanted}."


def test_a_time_is_one_in_utc() -> None:
    """
    Whatever zone the text names.
    """
    zone = timezone(timedelta(hours=5, minutes=30))
    texts = [NOON.astimezone(zone).isoformat(), "2026-08-17", "2026-08-17T12:00:00"]

    assert [read_time(text).tzinfo for text in texts] == [UTC] * 3


def test_a_list_is_what_stands_between_commas() -> None:
    """
    Nothing between two commas is an item, too, for whoever reads it to refuse.
    """
    assert read_list("a, b ,c") == ["a", "b", "c"]
    assert read_list(" ") == []
    assert read_list("a,,b") == ["a", "", "b"]
    assert Gate.parse("invalid, error") == Gate.parse("error,invalid")
    for text in ("", " ", "error,", ","):
        with pytest.raises(ValueError, match="'' is none of"):
            Gate.parse(text)


@pytest.mark.parametrize("text", READ["size"][2])
def test_a_size_is_the_same_in_every_place(text: str, tmp_path: Path) -> None:
    """
    What works as an option has to work in the environment and in a settings file.
    """
    expected = READ["size"][2][text]
    config = tmp_path / "service.toml"
    config.write_text(f"max_bytes = '{text}'", "utf-8")

    assert options.reading(read_size)(text) == expected
    assert load_settings(environment={"PROVENANCE_MAX_BYTES": text}).max_bytes == expected
    assert load_settings(config, {}).max_bytes == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("30", 30.0), ("1.5", 1.5), ("2m", 120.0), ("250ms", 0.25), ("90 s", 90.0)]
)
def test_a_duration_is_the_same_in_every_place(text: str, expected: float, tmp_path: Path) -> None:
    """
    Plain numbers are seconds.
    """
    config = tmp_path / "service.toml"
    config.write_text(f"deadline_s = '{text}'", "utf-8")

    assert options.reading(read_seconds)(text) == expected
    assert load_settings(environment={"PROVENANCE_DEADLINE_S": text}).deadline_s == expected
    assert load_settings(config, {}).deadline_s == expected


def test_whole_seconds_stay_whole() -> None:
    """
    Where the server below counts in whole ones.
    """
    settings = load_settings(environment={"PROVENANCE_SHUTDOWN_S": "2m", "PROVENANCE_KEEP_ALIVE_S": "90"})

    assert (settings.shutdown_s, settings.keep_alive_s) == (120, 90)
    assert type(settings.shutdown_s) is int
    with pytest.raises(SettingsError, match="whole number of seconds"):
        load_settings(environment={"PROVENANCE_SHUTDOWN_S": "1.5"})


@pytest.mark.parametrize("text", ["0.05", "2h", "nan", "inf", "-1", "soon"])
def test_a_deadline_of_an_audit_stays_within_bounds(text: str) -> None:
    """
    What is no number must not pass for one within them.
    """
    result = CliRunner().invoke(main, ["audit", "--deadline", text, "."])

    assert result.exit_code == 2
    assert repr(text) in result.stderr


@pytest.mark.parametrize("text", ["90", "1" * 9 + "w", "0d", "0.0s"])
def test_a_key_does_not_expire_at_a_time_that_nobody_meant(text: str) -> None:
    """
    A number without a unit could be days or seconds.
    """
    with pytest.raises(click.BadParameter, match="neither a period"):
        keys._read_expiry(text)


def test_a_key_expires_after_a_period_or_at_a_time() -> None:
    """
    Both read as everywhere.
    """
    now = datetime.now(UTC)

    assert timedelta(days=90) <= keys._read_expiry("90d") - now < timedelta(days=90, minutes=5)
    assert timedelta(minutes=90) <= keys._read_expiry("1.5h") - now < timedelta(minutes=95)
    assert keys._read_expiry("2027-08-17") == datetime(2027, 8, 17, tzinfo=UTC)
