"""
Claim signatures made on the spot, and what our validator finds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from provenance.authority import (
    PURPOSE_MICROSOFT_CLAIM,
    SIGNED_AT,
    Authority,
    CertificateOptions,
    Credential,
    ManifestSpec,
    TimeStampAuthority,
    TokenOptions,
    azure_v1,
    azure_v2,
)
from provenance.manifest.jumbf import SignedManifest
from provenance.manifest.status import StatusKind
from provenance.trust.profile import ClaimAnchor, TrustProfile
from provenance.validation.claim_signature import SignatureResult, SignatureValidator
from tests.support import changed, codes, leaf_options, pin, signed_manifest

LATER = datetime(2026, 1, 1, tzinfo=UTC)
CODE_SIGNING = "1.3.6.1.5.5.7.3.3"
ALL_GOOD = [
    "claimSignature.validated",
    "timeStamp.validated",
    "timeStamp.trusted",
    "signingCredential.trusted",
]

BOTH_VERSIONS = pytest.mark.parametrize("describe", [azure_v1, azure_v2])
Describe = Callable[[Authority], ManifestSpec]


def check(
    manifest: ManifestSpec | SignedManifest, trust: TrustProfile, at: datetime = LATER
) -> SignatureResult:
    """
    Check a claim signature; by default on a day when the ordinary signer has expired.
    """
    found = signed_manifest(manifest) if isinstance(manifest, ManifestSpec) else manifest
    return SignatureValidator(trust).check(found, at)


def plain(credential: Credential) -> ManifestSpec:
    """
    Describe the smallest manifest this credential can sign, without a time-stamp.
    """
    return ManifestSpec(credential=credential, binding="none")


def successes(result: SignatureResult) -> list[str]:
    """
    Name what holds.
    """
    return codes(result.statuses, StatusKind.SUCCESS)


def failures(result: SignatureResult) -> list[str]:
    """
    Name what does not.
    """
    return codes(result.statuses, StatusKind.FAILURE)


def information(result: SignatureResult) -> list[str]:
    """
    Name what is said beside.
    """
    return codes(result.statuses, StatusKind.INFORMATIONAL)


def explanation(result: SignatureResult, code: str) -> str:
    """
    Return the words beside a code that stands once.
    """
    (found,) = [status.explanation for status in result.statuses if status.code == code]
    return found


def believe(
    root: Credential,
    *intermediates: Credential,
    purposes: tuple[str, ...] = (PURPOSE_MICROSOFT_CLAIM,),
    carried: bool = False,
    name: str = "made",
) -> TrustProfile:
    """
    Believe one root.
    """
    anchor = ClaimAnchor(pin(root, carried=carried), tuple(pin(item) for item in intermediates), purposes)
    return TrustProfile(name, (anchor,))


def signer(**changes: object) -> CertificateOptions:
    """
    Describe a signer that differs from the ordinary one.
    """
    return replace(leaf_options(), **changes)  # type: ignore[arg-type]  # the names are checked when it runs


WEAK_KEY = rsa.generate_private_key(65537, 1024)  # noqa: S505 - weak on purpose


def with_header(manifest: SignedManifest, key: object, value: object) -> SignedManifest:
    """
    Set an unprotected header of a claim signature.
    """
    protected, unprotected, payload, signature = cbor2.loads(manifest.signature).value
    parts = [protected, {**unprotected, key: value}, payload, signature]
    return changed(manifest, signature=cbor2.dumps(cbor2.CBORTag(18, parts)))


HEADERS = {1: "sigTst", 2: "sigTst2"}


def counter_signed(manifest: SignedManifest, version: int) -> bytes:
    """
    Write what a time-stamp of this version is about, as RFC 9052 and C2PA have it.
    """
    protected, _, _, signature = cbor2.loads(manifest.signature).value
    content = manifest.claim if version == 1 else cbor2.dumps(signature)
    return cbor2.dumps(["CounterSignature", protected, b"", content])


def stamped(
    manifest: SignedManifest,
    *stampers: TimeStampAuthority | bytes,
    at: datetime = SIGNED_AT,
    options: TokenOptions | None = None,
) -> SignedManifest:
    """
    Put tokens, finished or to be made, into the header that fits the claim's version.
    """
    message = counter_signed(manifest, manifest.claim_version)
    digest = hashlib.new(options.imprint_hash if options else "sha256", message).digest()
    tokens = [item if isinstance(item, bytes) else item.stamp(digest, at, options) for item in stampers]
    value = {"tstTokens": [{"val": token} for token in tokens]}
    return with_header(manifest, HEADERS[manifest.claim_version], value)
