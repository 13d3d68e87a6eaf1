"""
Reports to keep, and a clock that stands still until it is moved.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from provenance import Verifier, to_dict
from provenance import authority as made
from provenance.authority import Authority, sign_image
from provenance.service.store.stored_report import ReportKey, ReportRecord, make_record
from provenance.trust.profile import TrustProfile
from provenance.verification.report import Report
from tests.support import PNG

NOON = datetime(2026, 8, 17, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass(slots=True)
class Clock:
    """
    Gives the time that it was set to.
    """

    time: datetime = field(default=NOON)

    def __call__(self) -> datetime:
        """
        Return the time.
        """
        return self.time

    def advance(self, by: timedelta = DAY) -> None:
        """
        Move it on.
        """
        self.time += by


def make_images(authority: Authority) -> dict[str, bytes]:
    """
    Make an image of every kind that makes a difference to the store.
    """
    v1 = made.azure_v1(authority)
    undated = replace(v1, credential=authority.lasting_signer, time_stamper=None)
    signed = sign_image(PNG, v1)
    return {
        "absent": PNG,
        "invalid": made.embed_store(PNG, b"not a store"),
        "changed": signed[:-20] + bytes([signed[-20] ^ 1]) + signed[-19:],
        "trusted": signed,
        "lineage": sign_image(PNG, made.designer(authority, v1)),
        "undated": sign_image(PNG, undated),
        "undated-lineage": sign_image(PNG, made.designer(authority, undated)),
        "undated-orphan": sign_image(
            PNG, v1, unreferenced=(made.make_manifest(PNG, replace(undated, label="urn:uuid:orphan")),)
        ),
    }


def make_reports(authority: Authority, trust: TrustProfile) -> dict[str, Report]:
    """
    Judge them.
    """
    verifier = Verifier(trust=trust, self_test=False)
    return {
        kind: to_dict(verifier.verify(image), name=f"{kind}.png", sha256=digest(image))
        for kind, image in make_images(authority).items()
    }


def digest(data: bytes) -> str:
    """
    Compute a SHA-256 as reports have it.
    """
    return hashlib.sha256(data).hexdigest()


def key_of(report: Report) -> ReportKey:
    """
    Name what a report depends on.
    """
    judged_by = digest(report["engine"].encode())
    return ReportKey(
        report["asset"]["sha256"], report["policy"]["digest"], report["trust"]["digest"], judged_by
    )


def record_of(report: Report) -> ReportRecord:
    """
    Write a report as it is kept under its own key; what is called undated holds for a day.
    """
    is_for_a_day = str(report["asset"]["name"]).startswith("undated")
    return make_record(key_of(report), report, is_for_a_day=is_for_a_day)


def numbered(report: Report, number: int) -> Report:
    """
    Make of a report one on another image.
    """
    return {**report, "asset": {**report["asset"], "sha256": digest(str(number).encode())}}
