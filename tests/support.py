"""
What several test modules say or make the same way.

Nothing here is random or looks at the clock: equal calls give manifests that mean the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from provenance.authority import (
    PURPOSE_MICROSOFT_CLAIM,
    Authority,
    CertificateOptions,
    Credential,
    ManifestSpec,
    Tampering,
    build_store,
    make_manifest,
    make_name,
    plain_png,
)
from provenance.authority.certificate import ROOT_FROM, ROOT_UNTIL
from provenance.manifest.jumbf import SignedManifest, signed_manifests
from provenance.manifest.status import StatusKind, ValidationStatus
from provenance.trust.certificate import Certificate, load
from provenance.trust.profile import ClaimAnchor, Pin, TrustProfile

SHARED = Path(__file__).resolve().parents[2] / "shared"
PNG = plain_png(24, 16, seed=1)


def certificate(source: Credential | x509.Certificate) -> Certificate:
    """
    Read a made certificate the way the library reads hostile ones.
    """
    made = source.certificate if isinstance(source, Credential) else source
    return load(made.public_bytes(Encoding.DER))


def pin(credential: Credential, name: str = "pinned", *, carried: bool = False) -> Pin:
    """
    Pin a certificate by its SHA-256, and give the certificate itself where it is to be carried.
    """
    return Pin(credential.sha256, name, certificate(credential) if carried else None)


def trust_in(authority: Authority, name: str = "sample") -> TrustProfile:
    """
    Believe an authority the way the Microsoft profile believes Microsoft.
    """
    return TrustProfile(
        name=name,
        claim_anchors=(
            ClaimAnchor(
                pin=pin(authority.root, "Sample Root CA"),
                intermediates=(pin(authority.intermediate, "Sample Claim CA"),),
                key_purposes=(PURPOSE_MICROSOFT_CLAIM,),
            ),
        ),
        time_stamp_anchors=(pin(authority.time_stamp_root, "Sample Time-Stamp Root CA"),),
    )


def ca_options(name: str = "Another CA", path_length: int | None = None) -> CertificateOptions:
    """
    Describe an ordinary certificate authority, valid for a century.
    """
    return CertificateOptions(
        subject=make_name(name, "Sample Authority", "US"),
        not_before=ROOT_FROM,
        not_after=ROOT_UNTIL,
        is_ca=True,
        path_length=path_length,
        key_purposes=(),
    )


def leaf_options(name: str = "Sample Signer") -> CertificateOptions:
    """
    Describe an ordinary claim signer, valid at `SIGNED_AT` and for a year in all.
    """
    return CertificateOptions(subject=make_name(name, "Sample Authority", "US"))


def with_sha1(issuer: Credential, issued: Credential) -> Credential:
    """
    Sign a certificate anew over SHA-1, which `cryptography` refuses to do; the issuer's key is RSA.
    """
    assert isinstance(issuer.private_key, rsa.RSAPrivateKey)
    body = issued.certificate.tbs_certificate_bytes.replace(_SHA256_WITH_RSA, _SHA1_WITH_RSA)
    signature = issuer.private_key.sign(body, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303 - weak on purpose
    der = _der(0x30, body + _der(0x30, _SHA1_WITH_RSA + b"\x05\x00") + _der(0x03, b"\x00" + signature))
    certificate_ = x509.load_der_x509_certificate(der)
    return Credential(certificate_, issued.private_key, (certificate_, *issuer.chain))


_SHA256_WITH_RSA = bytes.fromhex("06092a864886f70d01010b")
_SHA1_WITH_RSA = bytes.fromhex("06092a864886f70d010105")


def _der(tag: int, content: bytes) -> bytes:
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    return bytes([tag, 0x82]) + len(content).to_bytes(2) + content


def signed_manifest(spec: ManifestSpec, image: bytes = PNG) -> SignedManifest:
    """
    Sign an image and take the active manifest's claim and signature out of the store.
    """
    store = build_store(make_manifest(image, spec))
    found = list(signed_manifests(store, max_manifests=64).values())[-1]
    assert found is not None
    return found


def changed(
    manifest: SignedManifest, *, signature: bytes | None = None, claim: bytes | None = None
) -> SignedManifest:
    """
    Put other bytes in the place of the claim signature or the claim.
    """
    return SignedManifest(
        manifest.label,
        manifest.claim if claim is None else claim,
        manifest.claim_version,
        manifest.signature if signature is None else signature,
    )


def tampered(spec: ManifestSpec, tampering: Tampering) -> ManifestSpec:
    """
    Spoil a description.
    """
    return replace(spec, tampering=tampering)


def codes(statuses: Iterable[ValidationStatus], kind: StatusKind) -> list[str]:
    """
    Name the status codes of one kind, in the order they were found.
    """
    return [status.code for status in statuses if status.kind is kind]


@dataclass(frozen=True, slots=True)
class CorpusFile:
    """
    One real image, and what is expected of it.

    Attributes:
        name: Path below the corpus, with slashes.

        credentials: "trusted", "valid", "invalid", "not trusted" or "absent".

        accepted: Whether each built-in policy accepts it.

        azure_openai_in: "active", "ingredient" or None.
    """

    name: str
    credentials: str
    accepted: dict[str, bool]
    azure_openai_in: str | None


def corpus_files(folder: str = "") -> tuple[CorpusFile, ...]:
    """
    List the real corpus, or one folder of it; empty where it is not beside the project.
    """
    index = SHARED / "corpus" / "EXPECTED.json"
    if not index.is_file():
        return ()
    rows = json.loads(index.read_text(encoding="utf-8"))["files"]
    return tuple(
        CorpusFile(
            row["file"],
            row["expect"]["credentials"],
            row["expect"]["accepted"],
            row["expect"].get("azure_openai_in"),
        )
        for row in rows
        if row["file"].startswith(folder)
    )
