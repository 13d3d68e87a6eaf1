"""
A report before it is stored, and as it is found again.

A record is made where the verdict is, so that nobody has to read the report again.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple

from provenance.verification.report import NamelessReport, Report

_SHA256 = re.compile(r"[0-9a-f]{64}")
_MAX_TEXT = 200


class ReportKey(NamedTuple):
    """
    What a verdict depends on.

    Attributes:
        sha256: SHA-256 of the image's bytes, in lower-case hex.

        policy_digest: Digest of the policy.

        trust_digest: Digest of the trust profile.

        judged_by: Digest of everything that decides the verdict but the image and the day.
    """

    sha256: str
    policy_digest: str
    trust_digest: str
    judged_by: str


class ReportRecord(NamedTuple):
    """
    A verdict as it is to be kept; made by `make_record`.

    Attributes:
        key: What it depends on.

        state: What the credentials prove.

        accepted: Whether the policy accepts that.

        origin: Where Azure OpenAI's work is found: "active", "ingredient" or "none".

        policy: Name of the policy.

        is_for_a_day: Whether it may be another one tomorrow.

        report: The report as JSON text in ASCII; `asset.name` is null.
    """

    key: ReportKey
    state: str
    accepted: bool
    origin: str
    policy: str
    is_for_a_day: bool
    report: str


class StoredReport(NamedTuple):
    """
    A report that is kept.

    Attributes:
        id: Its number in this store.

        key: What the verdict depends on.

        state: What the credentials prove.

        accepted: Whether the policy accepts that.

        created_at: When it was kept.

        report: The report as JSON text in ASCII; `asset.name` is null.
    """

    id: int
    key: ReportKey
    state: str
    accepted: bool
    created_at: datetime
    report: str


class ReportPage(NamedTuple):
    """
    Some of the reports that were searched for.

    Attributes:
        reports: The newest first; may be empty.

        next_cursor: Where the next page begins, or None if this is the last.
    """

    reports: tuple[StoredReport, ...]
    next_cursor: str | None


def make_record(key: ReportKey, report: Report, *, is_for_a_day: bool) -> ReportRecord:
    """
    Write a verdict as it is to be kept, without the asset's name.

    Args:
        key: What it depends on.

        report: The verdict, as `report.to_dict` writes it, with `asset.sha256`.

        is_for_a_day: Whether the verdict may be another one tomorrow.

    Raises:
        ValueError: If it is an error and no verdict, or one on something else than *key* says.
    """
    check_key(key)
    if "error" in report:
        raise ValueError("an error is no verdict, and is not kept")
    about = (report["asset"]["sha256"], report["policy"]["digest"], report["trust"]["digest"])
    if about != key[:-1]:
        raise ValueError("the report is on another image, policy or trust profile than its key says")
    return ReportRecord(
        key,
        report["state"],
        report["accepted"] is True,
        report["origin"]["azure_openai_in"] or "none",
        check_text(report["policy"]["name"], "the policy's name"),
        is_for_a_day,
        nameless(report).with_name(None),
    )


def nameless(report: Report) -> NamelessReport:
    """
    Write a report as the service does, without spaces.
    """
    return NamelessReport.of(report, separators=(",", ":"))


def check_key(key: ReportKey) -> None:
    """
    Check that a key is one.

    Raises:
        ValueError: If there is something else in it than digests.
    """
    for digest in key:
        check_sha256(digest)


def check_sha256(text: str) -> str:
    """
    Check that a text is a SHA-256.

    Raises:
        ValueError: If it is not, in lower-case hex.
    """
    if _SHA256.fullmatch(text) is None:
        raise ValueError("a SHA-256 has 64 hexadecimal digits in lower case")
    return text


def check_text(text: str, name: str) -> str:
    """
    Check that a text can be kept: PostgreSQL has no U+0000, and neither database a lone surrogate.

    Raises:
        ValueError: If it is too long or not printable; *name* says what it is.
    """
    if len(text) > _MAX_TEXT or not text.isprintable():
        raise ValueError(f"{name} has to be printable text of at most {_MAX_TEXT} characters")
    return text
