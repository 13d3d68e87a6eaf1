"""
What came of one audited file, as the run makes it and the writers read it.

Six categories, one for each file: `rejected` means that trusted credentials were found and the policy
demands more; what is not trusted at all is `untrusted`, `invalid` or `absent`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Self

from provenance.errors import ProvenanceError
from provenance.manifest.status import ValidationState
from provenance.verification.report import SCHEMA, NamelessReport, error_to_dict, to_dict
from provenance.verification.verdict import VerificationResult


class Category(StrEnum):
    """
    What became of a file.
    """

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNTRUSTED = "untrusted"
    INVALID = "invalid"
    ABSENT = "absent"
    ERROR = "error"

    @classmethod
    def of(cls, state: ValidationState, *, accepted: bool) -> Category:
        """
        Return the category of a file by its verdict.
        """
        return cls.ACCEPTED if accepted else _BY_STATE[state]


_BY_STATE = {
    ValidationState.ABSENT: Category.ABSENT,
    ValidationState.INVALID: Category.INVALID,
    ValidationState.VALID: Category.UNTRUSTED,
    ValidationState.TRUSTED: Category.REJECTED,
}


# Every report begins alike, whatever it is about.
_BEFORE_NAME = NamelessReport.of({"schema": SCHEMA, "asset": {}}).before


class UnnamedRecord(NamedTuple):
    """
    A record of bytes whatever they are called, as it travels between processes and to the next run.

    Attributes:
        category: What became of them.

        reasons: As a record has them.

        rest: The report, from behind the asset's name on; ASCII.

        thumbnail: As a record has it.
    """

    category: Category
    reasons: tuple[str, ...]
    rest: str
    thumbnail: bytes | None = None

    @classmethod
    def of(
        cls,
        outcome: VerificationResult | ProvenanceError,
        *,
        sha256: str | None = None,
        thumbnail: bytes | None = None,
    ) -> Self:
        """
        Record a verdict, or why there is none.
        """
        if isinstance(outcome, ProvenanceError):
            category, report = Category.ERROR, error_to_dict(outcome)
            reasons: tuple[str, ...] = (type(outcome).__name__,)
        else:
            category = Category.ACCEPTED if outcome.accepted else _BY_STATE[outcome.state]
            report = to_dict(outcome, sha256=sha256)
            reasons = tuple(dict.fromkeys(finding.id for finding in outcome.findings))
        return cls(category, reasons, NamelessReport.of(report).after, thumbnail)

    def with_name(self, name: str) -> Record:
        """
        Return the record of a file of this name.
        """
        report = NamelessReport(_BEFORE_NAME, self.rest).with_name(name)
        return Record(name, self.category, self.reasons, report, self.thumbnail)


class Record(NamedTuple):
    """
    What came of one file.

    Attributes:
        name: As the report has it; may hold lone surrogates for bytes that are no UTF-8.

        category: What became of it.

        reasons: Ids of the checks that failed, or the type of the error; empty if it was accepted.

        report: The report, as one line of JSON without the newline.

        thumbnail: A small WebP picture of it, or None.

        failing: Whether the gate counts it as a failure.
    """

    name: str
    category: Category
    reasons: tuple[str, ...]
    report: str
    thumbnail: bytes | None = None
    failing: bool = False

    @classmethod
    def of(
        cls,
        outcome: VerificationResult | ProvenanceError,
        name: str,
        *,
        sha256: str | None = None,
        thumbnail: bytes | None = None,
    ) -> Self:
        """
        Record a verdict, or why there is none.
        """
        return cls(*UnnamedRecord.of(outcome, sha256=sha256, thumbnail=thumbnail).with_name(name))


class Heading(NamedTuple):
    """
    What holds for all files of an audit, known before the first.

    Attributes:
        policy: Name of the policy.

        policy_version: Its version.

        policy_digest: Its digest.

        trust: Name of the trust profile.

        trust_digest: Its digest.

        engine: Name and version of the C2PA engine.

        tool_version: Version of this package.

        trust_versions: The trust profile with its version, or those that were joined, such as
            "microsoft 2 + mine 1".
    """

    policy: str
    policy_version: int
    policy_digest: str
    trust: str
    trust_digest: str
    engine: str
    tool_version: str
    trust_versions: str


@dataclass(slots=True)
class Summary:
    """
    Counts over an audit, while it runs and at its end.

    Attributes:
        categories: Files by category.

        reasons: Failed checks and errors, by id.

        skipped: What was left out, by why, such as "symbolic link".

        reused: Files whose record was kept from an earlier run.

        failing: Files that the gate counts as failures.

        failing_errors: Those among them that could not be judged.

        complete: Whether every file was reached; False after an interruption.
    """

    categories: Counter[Category] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    reused: int = 0
    failing: int = 0
    failing_errors: int = 0
    complete: bool = False

    def add(self, record: Record) -> None:
        """
        Count one file.
        """
        self.categories[record.category] += 1
        for reason in record.reasons:
            self.reasons[reason] += 1
        self.failing += record.failing
        self.failing_errors += record.failing and record.category is Category.ERROR
