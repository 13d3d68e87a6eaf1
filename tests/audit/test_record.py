"""
What came of a file, in one of six categories.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from provenance.audit.record import Category, Record, Summary
from provenance.errors import UnsupportedAssetError
from provenance.trust.profile import load_trust_profile
from provenance.verification.verifier import Verifier

SAMPLES = Path(__file__).resolve().parents[2] / "sample_images"


@pytest.fixture(scope="module")
def verifier() -> Verifier:
    """
    Believe the authority of the sample images.
    """
    return Verifier(trust=load_trust_profile(SAMPLES / "trust.toml"), self_test=False)


@pytest.mark.parametrize(
    ("sample", "category", "reasons"),
    [
        ("trusted/imagegen-v2.png", Category.ACCEPTED, ()),
        ("trusted/designer-v1.png", Category.REJECTED, ("software_agent", "description")),
        ("valid/impostor-v1.png", Category.UNTRUSTED, ("signing_credential",)),
        ("invalid/changed-pixels-v1.png", Category.INVALID, ("integrity",)),
    ],
)
def test_every_verdict_has_one_category(
    verifier: Verifier, sample: str, category: Category, reasons: tuple[str, ...]
) -> None:
    """
    Counts by category must add up to the number of files.
    """
    result = verifier.verify(SAMPLES / sample)

    record = Record.of(result, sample, sha256="0" * 64)

    assert (record.name, record.category, record.reasons) == (sample, category, reasons)
    report = json.loads(record.report)
    assert (report["asset"]["name"], report["asset"]["sha256"]) == (sample, "0" * 64)
    assert report["accepted"] is (category is Category.ACCEPTED)
    assert "\n" not in record.report


def test_an_image_without_credentials_is_absent(verifier: Verifier) -> None:
    """
    That is no failure of anything.
    """
    plain = next((SAMPLES / "absent").iterdir())

    record = Record.of(verifier.verify(plain), plain.name)

    assert (record.category, record.reasons) == (Category.ABSENT, ("manifest_store",))


def test_an_error_is_recorded_by_its_type() -> None:
    """
    The report says the rest.
    """
    record = Record.of(UnsupportedAssetError("it is empty"), "a.png", thumbnail=b"small")

    assert (record.category, record.reasons) == (Category.ERROR, ("UnsupportedAssetError",))
    assert json.loads(record.report)["error"]["message"] == "not an image this library reads: it is empty"
    assert (record.thumbnail, record.failing) == (b"small", False)


def test_a_summary_counts_categories_reasons_and_failures() -> None:
    """
    One file may have several reasons, and has one category.
    """
    summary = Summary()
    summary.add(Record("a", Category.INVALID, ("integrity", "trailing_bytes"), "{}", failing=True))
    summary.add(Record("b", Category.INVALID, ("integrity",), "{}"))
    summary.add(Record("c", Category.ACCEPTED, (), "{}"))

    assert summary.categories == {Category.INVALID: 2, Category.ACCEPTED: 1}
    assert summary.reasons.most_common() == [("integrity", 2), ("trailing_bytes", 1)]
    assert (summary.failing, summary.reused, summary.complete) == (1, 0, False)
