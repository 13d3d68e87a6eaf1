"""
Asset in, verdict out: how the container, the engine, our own validator and a policy are put together.

`trusted` needs the engine and our validator to agree; where they do not, the verdict is the lower one
and says so. The state comes from status codes, never from the engine's own state.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from provenance.asset.asset import Asset
from provenance.asset.limits import Limits
from provenance.asset.scan import Layout, scan
from provenance.asset.xmp import provenance_of
from provenance.errors import AssetTooLargeError, StructureError
from provenance.manifest.jumbf import (
    MANIFEST_STORE,
    SignedManifest,
    TooManyManifestsError,
    signed_manifests,
    walk,
)
from provenance.manifest.manifest import Manifest, ManifestStore, Reading, Signature
from provenance.manifest.status import (
    StatusKind,
    StatusSource,
    ValidationState,
    ValidationStatus,
    is_about_signer,
    manifest_label,
    succeeded,
)
from provenance.manifest.store_bounds import check_boxes, check_claims
from provenance.policy.policy import Policy
from provenance.policy.requirement import Check, Outcome
from provenance.trust.profile import TrustProfile
from provenance.validation.claim_signature import SignatureResult, SignatureValidator
from provenance.validation.engine import Anchors, Engine, EngineReading, NoManifestError, RejectedStoreError
from provenance.validation.hard_binding.binding import coverage
from provenance.validation.hard_binding.coverage import Coverage
from provenance.verification.cause import by_engine, is_signed_and_bound
from provenance.verification.check_catalogue import absent_check, authority_checks, verifier_checks
from provenance.verification.tolerance import separate_tolerated
from provenance.verification.verdict import AssetFacts, VerificationResult

# Where what looks like the place of a manifest store may hold something else, which nobody takes for one.
_FOR_OTHERS_TOO = frozenset({"image/jpeg", "image/svg+xml"})


class _Validation(NamedTuple):
    store: ManifestStore | None = None
    signatures: Mapping[str, SignatureResult | None] | None = None
    failures: tuple[ValidationStatus, ...] = ()
    coverage: Coverage = Coverage()


class Judge:
    """
    Judges assets under one trust profile and one policy; safe to share between threads.
    """

    def __init__(self, trust: TrustProfile, policy: Policy, limits: Limits, engine: Engine) -> None:
        """
        Keep what all assets are judged by.
        """
        self._trust = trust
        self._policy = policy
        self._limits = limits
        self._engine = engine
        self._validator = SignatureValidator(trust)

    def judge(self, asset: Asset, at: datetime | None = None) -> VerificationResult:
        """
        Judge one asset.

        Args:
            asset: The asset, open.

            at: Aware time that counts where no trusted time-stamp says when a manifest was signed;
                None for now. A verdict that rests on a trusted time-stamp does not depend on it.

        Raises:
            AssetError: If the container is damaged before a manifest store is found, or a bound is
                exceeded, or the asset changes while it is read.

            EngineError: If the engine fails for reasons that say nothing about the asset.
        """
        layout = scan(asset, self._limits)
        provenance = provenance_of(layout.xmp) if layout.xmp is not None else None
        facts = AssetFacts(
            asset.size,
            asset.media_type,
            layout.width,
            layout.height,
            layout.trailing_bytes,
            provenance=provenance,
        )
        if not layout.stores:
            return self._absent(facts)
        validation = self._validate(asset, layout, at or datetime.now(UTC))
        asset.check_unchanged()
        if validation.store is None and not validation.failures:
            return self._absent(facts)
        return self._verdict(facts, validation, fixed_time=at is not None)

    def _absent(self, facts: AssetFacts) -> VerificationResult:
        checks = (absent_check(facts.provenance),)
        return VerificationResult(ValidationState.ABSENT, checks, facts, self._policy, self._trust)

    def _validate(self, asset: Asset, layout: Layout, at: datetime) -> _Validation:
        if len(layout.stores) > 1:
            return _Validation(
                failures=(_failure("claim.multiple", f"{len(layout.stores)} manifest stores"),)
            )
        try:
            return self._validate_store(asset, layout, layout.stores[0], at)
        except NoManifestError:
            # A store that we found and the engine did not is no reason to call the credentials absent.
            explanation = "the engine finds no manifest store where there is one"
            return _Validation(failures=(_failure("claim.missing", explanation, StatusSource.VALIDATOR),))
        except RejectedStoreError as error:
            if error.failed_reading:
                asset.sha256()  # raises if the bytes cannot be had: then the image is not to blame
            return _Validation(failures=(_failure("general.error", f"{error.kind}: {error}"),))

    def _validate_store(self, asset: Asset, layout: Layout, store: bytes, at: datetime) -> _Validation:
        try:
            root = walk(store)
            check_boxes(root, self._limits)
            manifests = signed_manifests(root, max_manifests=self._limits.max_manifests)
            check_claims(manifests, self._limits)
        except TooManyManifestsError as error:
            raise AssetTooLargeError("manifests", error.count, self._limits.max_manifests) from error
        except StructureError as error:
            if asset.media_type in _FOR_OTHERS_TOO and store[16:20] != MANIFEST_STORE[:4]:
                return _Validation()
            # What cannot be read in bounds is not handed to the engine, which knows none.
            return _Validation(failures=(_failure("general.error", str(error), StatusSource.VALIDATOR),))
        covered = coverage(asset, layout, root)
        failures = [_failure(*fault, StatusSource.VALIDATOR) for fault in covered.faults]
        signatures = {
            label: self._validator.check(manifest, at) if manifest is not None else None
            for label, manifest in manifests.items()
        }
        reading = self._engine.read(asset, self._anchors(signatures))
        if reading.store.active not in reading.store.manifests:
            failures.append(_failure("claim.missing", "the active manifest is not among the manifests"))
        elif manifests and not self._same_claims(reading, store, manifests):
            explanation = "engine and validator read different manifests"
            failures.append(_failure("claim.multiple", explanation, StatusSource.VALIDATOR))
        return _Validation(reading.store, signatures, tuple(failures), coverage=covered)

    def _same_claims(
        self, reading: EngineReading, store: bytes, ours: Mapping[str, SignedManifest | None]
    ) -> bool:
        # Two readers that find different stores in one file could each be shown what they like. The
        # engine leaves out of its store what the active manifest does not need.
        if list(ours)[-1] != reading.store.active:
            return False
        if reading.manifest_store == store:
            return True
        try:
            theirs = signed_manifests(reading.manifest_store, max_manifests=self._limits.max_manifests)
        except StructureError:
            return False
        return reading.store.active in theirs and all(ours.get(label) == theirs[label] for label in theirs)

    def _anchors(self, signatures: Mapping[str, SignatureResult | None]) -> Anchors:
        found = [result for result in signatures.values() if result is not None]
        claims = frozenset(one.claim_anchor for one in found if one.claim_anchor is not None)
        pinned = {certificate.sha256 for certificate in claims}
        anchors = [anchor for anchor in self._trust.claim_anchors if anchor.pin.sha256 in pinned]
        purposes = sorted({purpose for anchor in anchors for purpose in anchor.key_purposes})
        stamps = frozenset(one.time_stamp_anchor for one in found if one.time_stamp_anchor is not None)
        return Anchors(claims, stamps, tuple(purposes))

    def _verdict(self, facts: AssetFacts, validation: _Validation, *, fixed_time: bool) -> VerificationResult:
        store, signatures = validation.store, validation.signatures or {}
        readings: tuple[Reading, ...] = ()
        unreferenced: tuple[Manifest, ...] = ()
        if store is not None:
            recorded = _recorded(store)
            found = [
                _reading(store.manifests[path[-1]], path, signatures, recorded, fixed_time=fixed_time)
                for path in store.reached()
            ]
            readings = _with_trusted_paths(store, found)
            reached = {reading.manifest.label for reading in readings}
            unreferenced = tuple(m for label, m in store.manifests.items() if label not in reached)
        broken = bool(validation.failures) or not readings
        state = ValidationState.INVALID if broken else readings[0].state
        facts = facts._replace(unbound_bytes=validation.coverage.unbound_bytes)
        checks = (
            *verifier_checks(state, readings, validation.failures, facts, validation.coverage),
            *authority_checks(readings[0] if readings else None, self._trust),
        )
        if all(check.outcome is Outcome.PASS for check in checks):
            checks += self._policy.check(readings)
        else:
            message = "not asked, because the verifier's own checks failed"
            checks += (Check("policy", Outcome.SKIPPED, (self._policy.name,), None, message),)
        return VerificationResult(
            state, checks, facts, self._policy, self._trust, readings, unreferenced, validation.failures
        )


def _failure(code: str, explanation: str, source: StatusSource = StatusSource.ENGINE) -> ValidationStatus:
    return ValidationStatus(code, "", explanation, StatusKind.FAILURE, source)


def _recorded(store: ManifestStore) -> dict[str, list[ValidationStatus]]:
    # What was recorded when an ingredient was added belongs to the ingredient's own verdict: the
    # engine leaves out of its deltas whatever was recorded already.
    below = {label: {path[-1] for path in store.reached(label)} for label in store.manifests}
    found: dict[str, list[ValidationStatus]] = {label: [] for label in store.manifests}
    for *_, recorder in store.reached():
        for ingredient in store.manifests[recorder].ingredients:
            for status in ingredient.recorded if ingredient.manifest in found else ():
                named = manifest_label(status.url)
                # Nobody can vouch for a manifest that contains their own words, whichever way it does.
                elsewhere = named in found and recorder not in below[str(named)]
                found[str(named if elsewhere else ingredient.manifest)].append(status)
    return found


def _with_trusted_paths(store: ManifestStore, readings: list[Reading]) -> tuple[Reading, ...]:
    # One path through trusted manifests is enough, whatever other paths there are.
    trusted = {one.manifest.label for one in readings if one.state is ValidationState.TRUSTED}
    paths = {path[-1]: path for path in store.reached(through=trusted)}
    return tuple(one._replace(path=paths.get(one.manifest.label, one.path)) for one in readings)


def _reading(
    manifest: Manifest,
    path: tuple[str, ...],
    signatures: Mapping[str, SignatureResult | None],
    recorded: Mapping[str, list[ValidationStatus]],
    *,
    fixed_time: bool,
) -> Reading:
    result = signatures.get(manifest.label)
    found = separate_tolerated(manifest, tuple(recorded[manifest.label]), result, fixed_time=fixed_time)
    ours = result.statuses if result is not None else ()
    state = _state(found.kept, ours, found.tolerated, is_active=len(path) == 1)
    signature = result.signature if result is not None else Signature()
    return Reading(manifest, path, state, found.kept, found.tolerated, signature)


def _state(
    statuses: tuple[ValidationStatus, ...],
    ours: tuple[ValidationStatus, ...],
    tolerated: tuple[ValidationStatus, ...],
    *,
    is_active: bool,
) -> ValidationState:
    failures = [status for status in statuses if status.kind is StatusKind.FAILURE]
    theirs = by_engine(statuses, is_active=is_active)
    if not is_signed_and_bound(statuses, is_active=is_active) or any(
        not is_about_signer(status.code) for status in failures
    ):
        return ValidationState.INVALID
    trusted = succeeded(theirs, "signingCredential.trusted") or any(
        status.code == "signingCredential.untrusted" for status in tolerated
    )
    by_us = succeeded(ours, "signingCredential.trusted") and succeeded(ours, "claimSignature.validated")
    return ValidationState.VALID if failures or not trusted or not by_us else ValidationState.TRUSTED
