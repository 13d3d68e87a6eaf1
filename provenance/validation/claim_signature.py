"""
Our own validation of claim signatures: who signed a manifest and when, independent of the engine.

For one manifest at a time: the claim signature, the path from its signer to a pinned anchor, the key
purpose, and the time-stamp with its own signature, imprint and path. What it finds it says in the
specification's status codes. Assertion hashes and hard binding are the engine's to check.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import cbor2
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

from provenance.errors import StructureError
from provenance.manifest.jumbf import SignedManifest
from provenance.manifest.manifest import Signature
from provenance.manifest.status import StatusKind, StatusSource, ValidationStatus
from provenance.trust.certificate import Certificate, is_affordable
from provenance.trust.certification_path import (
    CertificationPath,
    SignatureBudget,
    claim_path,
    claim_signer_faults,
    path_faults,
    time_stamp_path,
    time_stamp_signer_faults,
)
from provenance.trust.credential import SigningCredential, read_credential
from provenance.trust.profile import TrustProfile
from provenance.trust.timestamp import TimeStamp, read_time_stamp

_Hash = type[hashes.SHA256 | hashes.SHA384 | hashes.SHA512]
_PSS: dict[int, _Hash] = {-37: hashes.SHA256, -38: hashes.SHA384, -39: hashes.SHA512}
_ECDSA: dict[int, _Hash] = {-7: hashes.SHA256, -35: hashes.SHA384, -36: hashes.SHA512}
_EDDSA = -8
# Genuine: one token a claim signature, and three signature checks a token. What is chosen to be slow
# costs 1 ms a check.
_MAX_TIME_STAMP_CHECKS = 8


class SignatureResult(NamedTuple):
    """
    What our own validator found about one manifest.

    Attributes:
        signature: Who signed it, as far as it could be read.

        statuses: Successes, information and failures, in the order they were found.

        claim_anchor: The certificate that ends the signer's path, or None.

        time_stamp_anchor: The certificate that ends the path of the time-stamp's signer, or None.

        failed_time_stampers: Signers of the time-stamps that count for nothing.
    """

    signature: Signature
    statuses: tuple[ValidationStatus, ...]
    claim_anchor: Certificate | None = None
    time_stamp_anchor: Certificate | None = None
    failed_time_stampers: tuple[Certificate, ...] = ()


class SignatureValidator:
    """
    Judges claim signatures under one trust profile; keeps nothing between calls.
    """

    def __init__(self, trust: TrustProfile) -> None:
        """
        Keep the profile whose anchors are believed.
        """
        self._trust = trust

    def check(self, manifest: SignedManifest, at: datetime) -> SignatureResult:
        """
        Judge the signature of one manifest.

        Args:
            manifest: Claim and claim signature, as stored.

            at: Aware time that counts where no trusted time-stamp says when it was signed.

        Returns:
            What was found; a damaged or hostile signature is a failure in it, never an exception.

        Source:
            C2PA 2.4, "Validate the signature", "Validate the time-stamp", "Validate the credential".
        """
        statuses = _StatusCollector(f"self#jumbf=/c2pa/{manifest.label}/c2pa.signature")
        try:
            credential = read_credential(manifest.signature)
        except StructureError as error:
            statuses.failure("claimSignature.mismatch", str(error))
            return SignatureResult(Signature(), statuses.all())
        _check_claim_signature(manifest.claim, credential, statuses)
        failed: list[Certificate] = []
        stamped = self._check_time_stamps(manifest.claim, credential, statuses, failed)
        path = self._check_signer(credential, stamped[0].gen_time if stamped else at, statuses)
        signature = Signature(
            chain=credential.chain,
            anchor=path.anchor if path else None,
            signed_at=stamped[0].gen_time if stamped else None,
            time_stamp_anchor=stamped[1].anchor if stamped else None,
        )
        return SignatureResult(
            signature,
            statuses.all(),
            path.certificates[-1] if path else None,
            stamped[1].certificates[-1] if stamped else None,
            tuple(failed),
        )

    def _check_time_stamps(
        self,
        claim: bytes,
        credential: SigningCredential,
        statuses: _StatusCollector,
        failed: list[Certificate],
    ) -> tuple[TimeStamp, CertificationPath] | None:
        message = _counter_signed(claim, credential)
        budget = SignatureBudget(_MAX_TIME_STAMP_CHECKS)
        for token in credential.tokens:
            try:
                budget.spend()
                stamp = read_time_stamp(token)
                failed.append(stamp.signer)
                outcome = self._time_stamp(stamp, message, budget)
            except StructureError as error:
                statuses.information("timeStamp.malformed", str(error))
                continue
            if isinstance(outcome, CertificationPath):
                failed.pop()
                statuses.success("timeStamp.validated", "time-stamp holds")
                statuses.success("timeStamp.trusted", f"authority is below {outcome.anchor.name}")
                return stamp, outcome
            statuses.information(*outcome)
        return None

    def _time_stamp(
        self, stamp: TimeStamp, message: bytes, budget: SignatureBudget
    ) -> CertificationPath | tuple[str, str]:
        if not stamp.covers(message):
            return "timeStamp.mismatch", "time-stamp is of another signature"
        if not stamp.signature_holds:
            return "timeStamp.mismatch", "signature of the time-stamp does not hold"
        path = time_stamp_path(stamp.signer, stamp.certificates, self._trust.time_stamp_anchors, budget)
        if path is None:
            return "timeStamp.untrusted", "authority has no path to a pinned anchor"
        faults = [*path_faults(path), *time_stamp_signer_faults(path)]
        if faults:
            return "timeStamp.untrusted", "; ".join(faults)
        if any(path.expired(stamp.gen_time)):
            return "timeStamp.outsideValidity", "authority was outside its validity"
        return path

    def _check_signer(
        self, credential: SigningCredential, time: datetime, statuses: _StatusCollector
    ) -> CertificationPath | None:
        judged = [
            (path, [*path_faults(path), *claim_signer_faults(path, anchor)])
            for anchor in self._trust.claim_anchors
            if (path := claim_path(credential.chain, (anchor,))) is not None
        ]
        if not judged:
            statuses.failure("signingCredential.untrusted", "chain does not lead to a pinned anchor")
            return None
        # A joined profile may know several anchors of one chain: whoever either believes is believed.
        path, faults = min(judged, key=lambda one: (len(one[1]), one[0].anchor.signers_only))
        expired = [str(certificate.common_name) for certificate in path.expired(time)]
        if faults:
            statuses.failure("signingCredential.invalid", "; ".join(faults))
        if expired:
            statuses.failure("signingCredential.expired", f"outside validity: {', '.join(expired)}")
        if not faults and not expired:
            statuses.success("signingCredential.trusted", f"signer is below {path.anchor.name}")
        return path


class _StatusCollector:
    """
    Collects what is found about one claim signature.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._found: list[ValidationStatus] = []

    def all(self) -> tuple[ValidationStatus, ...]:
        return tuple(self._found)

    def success(self, code: str, explanation: str) -> None:
        self._add(code, explanation, StatusKind.SUCCESS)

    def information(self, code: str, explanation: str) -> None:
        self._add(code, explanation, StatusKind.INFORMATIONAL)

    def failure(self, code: str, explanation: str) -> None:
        self._add(code, explanation, StatusKind.FAILURE)

    def _add(self, code: str, explanation: str, kind: StatusKind) -> None:
        status = ValidationStatus(code, self._url, explanation, kind, StatusSource.VALIDATOR)
        self._found.append(status)


def _check_claim_signature(claim: bytes, credential: SigningCredential, statuses: _StatusCollector) -> None:
    message = cbor2.dumps(["Signature1", credential.protected, b"", claim])
    if _verifies(credential, message):
        statuses.success("claimSignature.validated", "claim signature holds")
    else:
        statuses.failure(
            "claimSignature.mismatch", "claim signature does not hold, or is of a kind not allowed"
        )


def _counter_signed(claim: bytes, credential: SigningCredential) -> bytes:
    # Version 1 stamps the claim, version 2 the claim signature.
    content = claim if credential.token_version == 1 else cbor2.dumps(credential.signature)
    return cbor2.dumps(["CounterSignature", credential.protected, b"", content])


def _verifies(credential: SigningCredential, message: bytes) -> bool:
    algorithm, signature = credential.algorithm, credential.signature
    if not is_affordable(credential.leaf):
        return False
    try:
        key = credential.leaf.x509.public_key()
        if isinstance(key, rsa.RSAPublicKey) and algorithm in _PSS:
            digest = _PSS[algorithm]()
            key.verify(signature, message, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
        elif isinstance(key, ec.EllipticCurvePublicKey) and algorithm in _ECDSA:
            key.verify(_as_der(signature, key), message, ec.ECDSA(_ECDSA[algorithm]()))
        elif isinstance(key, ed25519.Ed25519PublicKey) and algorithm == _EDDSA:
            key.verify(signature, message)
        else:
            return False
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


def _as_der(signature: bytes, key: ec.EllipticCurvePublicKey) -> bytes:
    half = (key.curve.key_size + 7) // 8
    if len(signature) != 2 * half:
        raise ValueError("ECDSA signature of another length than the curve's")
    return utils.encode_dss_signature(int.from_bytes(signature[:half]), int.from_bytes(signature[half:]))
