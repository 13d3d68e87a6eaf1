"""
Single requirements on the `c2pa.created` action of a manifest whose signer is already known to be trusted.

A requirement reads one manifest's reading and nothing else: no clock, no network, no engine.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

from provenance.errors import PolicyError
from provenance.manifest.manifest import Reading

_RFC3339 = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)"


class Outcome(StrEnum):
    """
    How a check went.
    """

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    SKIPPED = "skipped"


class Check(NamedTuple):
    """
    Something that was looked at, and how it went; one that failed is a finding.

    Attributes:
        id: Which check, such as "software_agent".

        outcome: Whether it passed, failed, or was not reached because an earlier one failed.

        expected: Values that would pass, for people and programs.

        actual: What was found; None if nothing was. May be hostile text.

        message: The check as one sentence. May quote hostile text.
    """

    id: str
    outcome: Outcome
    expected: tuple[str, ...]
    actual: str | None
    message: str

    def __str__(self) -> str:
        return self.message


class Requirement(Protocol):
    """
    Something a manifest's `c2pa.created` action has to satisfy.
    """

    def check(self, reading: Reading) -> Check:
        """
        Hold one manifest against the requirement.
        """
        ...


@dataclass(frozen=True, slots=True)
class SoftwareAgent:
    """
    The action that created the image names one of the expected agents.

    Says which service made the image, not which customer asked for it. Whoever signs below a certificate
    authority that was only added for its signers is not believed about that.

    Attributes:
        names: Accepted names, at least one; compared to the letter.
    """

    names: tuple[str, ...]

    def __post_init__(self) -> None:
        """
        Refuse an empty list.

        Raises:
            PolicyError: If so.
        """
        if not self.names or not all(self.names):
            raise PolicyError("software_agent needs at least one name, and no empty one")

    def check(self, reading: Reading) -> Check:
        """
        Pass if the agent is one of the names.
        """
        created = reading.manifest.created
        actual = created.software_agent if created else None
        expected = " or ".join(repr(name) for name in self.names)
        anchor = reading.signature.anchor
        if actual in self.names and anchor is not None and anchor.signers_only:
            message = (
                f"{actual!r} is what a signer below {anchor.name!r} says, which was added as an authority of "
                "signers and is not believed about which generator made an image"
            )
            return Check("software_agent", Outcome.FAIL, self.names, actual, message)
        if actual in self.names:
            return Check("software_agent", Outcome.PASS, self.names, actual, f"made by {actual!r}")
        message = f"made by {_quoted(actual)}, not by {expected}"
        return Check("software_agent", Outcome.FAIL, self.names, actual, message)


class AcceptedDescription(NamedTuple):
    """
    One way the description may stand.

    Attributes:
        value: The text to the letter, or None for no description at all.

        digital_source_type: What the digital source type must be then, or None for no requirement.

        documented: Whether Microsoft documents it.

        evidence: Where it is documented, or when it was seen; decides nothing.
    """

    value: str | None
    digital_source_type: str | None = None
    documented: bool = False
    evidence: str = ""

    def admits(self, description: str | None, digital_source_type: str | None) -> bool:
        """
        Return whether this is how the description stands.
        """
        return description == self.value and self.digital_source_type in (None, digital_source_type)

    def __str__(self) -> str:
        text = "no description" if self.value is None else repr(self.value)
        return text if self.digital_source_type is None else f"{text} with {self.digital_source_type}"

    def __repr__(self) -> str:
        # What decides, and so what a policy's digest is made of.
        return f"AcceptedDescription({self.value!r}, {self.digital_source_type!r}, {self.documented!r})"


@dataclass(frozen=True, slots=True)
class Description:
    """
    The action that created the image is described in one of the accepted ways.

    Attributes:
        accepted: Ways to accept, at least one.
    """

    accepted: tuple[AcceptedDescription, ...]

    def __post_init__(self) -> None:
        """
        Refuse an empty list.

        Raises:
            PolicyError: If so.
        """
        if not self.accepted:
            raise PolicyError("description needs at least one accepted form")

    def check(self, reading: Reading) -> Check:
        """
        Pass if the description stands in one of the accepted ways.
        """
        created = reading.manifest.created
        actual = created.description if created else None
        source_type = created.digital_source_type if created else None
        expected = tuple(str(description) for description in self.accepted)
        if created is not None and any(
            description.admits(actual, source_type) for description in self.accepted
        ):
            return Check("description", Outcome.PASS, expected, actual, f"description is {_quoted(actual)}")
        message = f"description is {_quoted(actual)}, not {' or '.join(expected)}"
        return Check("description", Outcome.FAIL, expected, actual, message)


@dataclass(frozen=True, slots=True)
class WhenWithin:
    """
    The action that created the image states a time, close to the trusted time-stamp.

    Attributes:
        seconds: Largest difference accepted, in either direction.
    """

    seconds: int

    def __post_init__(self) -> None:
        """
        Refuse a difference that is not positive.

        Raises:
            PolicyError: If so.
        """
        if self.seconds <= 0:
            raise PolicyError("when.within_s must be a positive number of seconds")

    def check(self, reading: Reading) -> Check:
        """
        Pass if there is such a time and a trusted time-stamp, and they are close.
        """
        created = reading.manifest.created
        actual = created.when if created else None
        stated, stamped = _rfc3339(actual), reading.signature.signed_at
        expected = (f"an RFC 3339 time within {self.seconds} s of the time-stamp",)
        message = f"when is {_quoted(actual)}, time-stamp {stamped.isoformat() if stamped else 'none'}"
        near = stated and stamped and abs((stated - stamped).total_seconds()) <= self.seconds
        outcome = Outcome.PASS if near else Outcome.FAIL
        return Check("when", outcome, expected, actual, message)


def _rfc3339(text: str | None) -> datetime | None:
    # The standard library reads more than RFC 3339 allows.
    if text is None or not re.fullmatch(_RFC3339, text, re.ASCII):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _quoted(value: str | None) -> str:
    return "nothing" if value is None else repr(value)
