"""
The verdict on an asset, as a value.

Three questions have three answers, never one boolean: what the credentials prove, whether that is
enough for the caller, and, as an exception instead of a verdict, whether it could be judged at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from provenance.errors import ProvenanceError
from provenance.manifest.manifest import Manifest, Reading
from provenance.manifest.status import ValidationState, ValidationStatus
from provenance.policy.policy import Policy, builtin_policies
from provenance.policy.requirement import Check, Outcome
from provenance.trust.profile import TrustProfile
from provenance.verification.cause import Cause, cause_of_all


class AssetFacts(NamedTuple):
    """
    What the container says of an asset, whatever its credentials prove.

    Attributes:
        size: Bytes.

        media_type: Media type, from the bytes.

        width: Pixels across, or None if the header was not read.

        height: Pixels down, likewise.

        trailing_bytes: Bytes after the container's end, which a hash over boxes does not cover and a hash
            over the whole file does; None if that was not measured.

        unbound_bytes: Bytes before the container's end that the hard binding does not cover, the manifest
            store aside; None if there is no hard binding, or none that tells.

        provenance: What the XMP packet gives as the place of the manifest, or None; hostile, and
            never followed.
    """

    size: int
    media_type: str
    width: int | None = None
    height: int | None = None
    trailing_bytes: int | None = None
    unbound_bytes: int | None = None
    provenance: str | None = None


class Origin(NamedTuple):
    """
    Where trusted credentials show Azure OpenAI's work.

    Attributes:
        reading: The manifest whose `c2pa.created` action names Azure OpenAI.

        documented: Whether it holds the description Microsoft documents, to the letter.
    """

    reading: Reading
    documented: bool


@dataclass(frozen=True, slots=True)
class VerificationResult:
    """
    The verdict on one asset.

    Three questions, three answers: `state` is what the credentials prove, `accepted` whether that is
    enough for the policy, and an exception instead of a result says that it could not be judged.

    Attributes:
        state: What the active manifest and its hard binding prove about these bytes.

        checks: Everything that was looked at, in order; the failed ones are the findings.

        facts: What the container says.

        readings: The active manifest, then what is reached from it, by distance; empty if there is
            no manifest or none can be read.

        unreferenced: Manifests that nothing references; they prove nothing.

        store_failures: What is wrong with the manifest store as a whole.

        policy: The policy asked.

        trust: The trust profile believed.
    """

    state: ValidationState
    checks: tuple[Check, ...]
    facts: AssetFacts
    policy: Policy
    trust: TrustProfile
    readings: tuple[Reading, ...] = ()
    unreferenced: tuple[Manifest, ...] = ()
    store_failures: tuple[ValidationStatus, ...] = ()

    def __bool__(self) -> bool:
        """
        Refuse: `if verify(image):` would pass for every image.

        Raises:
            TypeError: Always.
        """
        raise TypeError("a verdict is not true or false: ask for .accepted or .state")

    @property
    def findings(self) -> tuple[Check, ...]:
        """
        The checks that failed; none means accepted.
        """
        return tuple(check for check in self.checks if check.outcome is Outcome.FAIL)

    @property
    def accepted(self) -> bool:
        """
        Whether the credentials are trusted, nothing lies outside them, and the policy is satisfied.
        """
        return not self.findings

    @property
    def active(self) -> Reading | None:
        """
        The active manifest, or None.
        """
        return self.readings[0] if self.readings else None

    @property
    def cause(self) -> Cause | None:
        """
        Why the state is `invalid` or `valid`; None for `absent` and `trusted`.
        """
        return cause_of_all(self.state, self.readings, self.store_failures)

    @property
    def depends_on_day(self) -> bool:
        """
        Whether the verdict may be another one tomorrow.

        It may, if no trusted time-stamp dates one of the manifests: then its signer's certificate counts as
        of now. That holds even where the caller fixed the time: the engine goes by its own clock, and what
        it says is in the report.
        """
        return any(reading.signature.signed_at is None for reading in self.readings)

    @property
    def passes(self) -> tuple[str, ...]:
        """
        Names of the built-in policies that accept the asset; none where no policy was asked.
        """
        unasked = any(check.id == "policy" and check.outcome is Outcome.SKIPPED for check in self.checks)
        if self.state is not ValidationState.TRUSTED or unasked:
            return ()
        return tuple(
            name
            for name, policy in builtin_policies().items()
            if all(check.outcome is Outcome.PASS for check in policy.check(self.readings))
        )

    @property
    def origin(self) -> Origin | None:
        """
        Where trusted manifests show Azure OpenAI's work: in the active one first, then by distance.

        None unless the asset's state is trusted, whatever any manifest claims.
        """
        if self.state is not ValidationState.TRUSTED:
            return None
        policies = builtin_policies()
        for reading in self.readings:
            along_path = [other for other in self.readings if other.manifest.label in reading.path]
            azure = all(
                requirement.check(reading).outcome is Outcome.PASS
                for requirement in policies["azure-openai"].requirements
            )
            if azure and all(other.state is ValidationState.TRUSTED for other in along_path):
                described = policies["azure-openai-documented"].requirements[1].check(reading)
                return Origin(reading, described.outcome is Outcome.PASS)
        return None

    def raise_if_rejected(self) -> None:
        """
        Return if the asset is accepted.

        Raises:
            NotAcceptedError: If it is not.
        """
        if not self.accepted:
            raise NotAcceptedError(self)


class NotAcceptedError(ProvenanceError):
    """
    The image was judged, and the policy does not accept it.

    Attributes:
        result: The verdict, with every finding.
    """

    hint = "Read the findings of the result: each says what was expected and what was found."

    def __init__(self, result: VerificationResult) -> None:
        super().__init__(result)
        self.result = result

    def __str__(self) -> str:
        reasons = "; ".join(str(finding) for finding in self.result.findings)
        return f"not accepted under policy {self.result.policy.name!r}: {reasons}"
