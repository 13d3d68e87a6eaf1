"""
Certificate paths, from a signer to a pinned anchor.

Names never decide: a path counts because each certificate's key signed the one below it and the last
is pinned by its SHA-256, or is signed by a pinned certificate that the trust profile carries.

Source: RFC 5280, section 6.1; C2PA 2.4, "X.509 Certificates"; RFC 3161, section 2.3.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

from provenance.errors import StructureError
from provenance.trust.certificate import Certificate, is_issued_by, is_strong
from provenance.trust.profile import ANY_PURPOSE, OCSP_SIGNING, TIME_STAMPING, ClaimAnchor, Pin

_MAX_LENGTH = 8


class CertificationPath(NamedTuple):
    """
    Certificates from a signer to an anchor, each issued by the next; nothing else is checked yet.

    Attributes:
        certificates: Leaf first, anchor last; at least two.

        anchor: The pin of the last one.
    """

    certificates: tuple[Certificate, ...]
    anchor: Pin

    def expired(self, time: datetime) -> Iterator[Certificate]:
        """
        Yield the certificates that are outside their validity at *time*, leaf first.
        """
        return (c for c in self.certificates if not c.is_valid_at(time))


def claim_path(chain: tuple[Certificate, ...], anchors: tuple[ClaimAnchor, ...]) -> CertificationPath | None:
    """
    Follow a claim signer's chain, in the order it was stored, up to the first of these anchors.

    Returns:
        The path, or None if the chain breaks off or turns elsewhere before one. Certificates after
        the anchor are left out.
    """
    found = _ended(chain, tuple(anchor.pin for anchor in anchors))
    if found is None:
        return None
    # From the anchor down: nobody can forge the first link, so that a forged chain costs one check.
    links = reversed(list(pairwise(found.certificates)))
    return found if all(is_issued_by(lower, upper) for lower, upper in links) else None


def _ended(chain: tuple[Certificate, ...], anchors: tuple[Pin, ...]) -> CertificationPath | None:
    pins = {pin.sha256: pin for pin in anchors}
    # A signer that is itself pinned has no path: pins are for authorities.
    for index, certificate in enumerate(chain[1:], start=1):
        if certificate.sha256 in pins:
            return CertificationPath(chain[: index + 1], pins[certificate.sha256])
    for pin in anchors if len(chain) < _MAX_LENGTH else ():
        if pin.certificate is not None and is_issued_by(chain[-1], pin.certificate):
            return CertificationPath((*chain, pin.certificate), pin)
    return None


class SignatureBudget:
    """
    Counts down how many signatures may still be checked for something that an attacker chose.
    """

    def __init__(self, checks: int) -> None:
        """
        Allow so many checks.
        """
        self._left = checks

    def spend(self) -> None:
        """
        Count one check.

        Raises:
            StructureError: If there is none left.
        """
        if not self._left:
            raise StructureError("takes more signature checks than are made")
        self._left -= 1


def time_stamp_path(
    signer: Certificate, pool: tuple[Certificate, ...], anchors: tuple[Pin, ...], budget: SignatureBudget
) -> CertificationPath | None:
    """
    Find a way from a time-stamp signer through the certificates of its token up to a pinned anchor.

    Args:
        signer: The token's signer.

        pool: Certificates the token carries, in no order.

        anchors: Time-stamp anchors.

        budget: Pays for each check of a certificate's signature. Where only the names differ, nothing
            is checked.

    Returns:
        The shortest path, at most 8 certificates long; None if there is none.

    Raises:
        StructureError: If the budget does not suffice to tell.
    """
    # From the anchors down: nobody can forge what they issued, so that little is there to be checked.
    level = [
        CertificationPath((one,), pin)
        for pin in anchors
        for one in _found(pin, pool)
        if one.sha256 != signer.sha256
    ]
    seen = {path.certificates[0].sha256 for path in level}
    for _ in range(_MAX_LENGTH - 1):
        following: list[CertificationPath] = []
        for certificates, pin in level:
            for issued in (signer, *pool):
                if issued.sha256 in seen or not _issued(issued, certificates[0], budget):
                    continue
                path = CertificationPath((issued, *certificates), pin)
                if issued.sha256 == signer.sha256:
                    return path
                seen.add(issued.sha256)
                following.append(path)
        level = following
    return None


def _found(pin: Pin, pool: tuple[Certificate, ...]) -> tuple[Certificate, ...]:
    carried = (pin.certificate,) if pin.certificate is not None else ()
    return tuple(one for one in pool if one.sha256 == pin.sha256)[:1] or carried


def _issued(certificate: Certificate, issuer: Certificate, budget: SignatureBudget) -> bool:
    if certificate.issuer_name != issuer.subject_name:
        return False
    budget.spend()
    return is_issued_by(certificate, issuer)


def path_faults(path: CertificationPath) -> Iterator[str]:
    """
    Yield what forbids the path whoever the signer is.

    That is an issuer that is no authority, may not sign certificates or has too many below it, and
    any rule that this library does not process. Weak keys and hashes never make a path.
    """
    for depth, issuer in enumerate(path.certificates[1:]):
        if not issuer.is_ca:
            yield f"issuer {issuer.common_name!r} is not a certificate authority"
        if not issuer.signs_certificates:
            yield f"issuer {issuer.common_name!r} may not sign certificates"
        if issuer.path_length is not None and depth > issuer.path_length:
            yield f"issuer {issuer.common_name!r} allows {issuer.path_length} intermediates, not {depth}"
    for certificate in path.certificates:
        if certificate.not_understood:
            unknown = ", ".join(certificate.not_understood)
            yield f"certificate {certificate.common_name!r} has rules that are not understood: {unknown}"


def claim_signer_faults(path: CertificationPath, anchor: ClaimAnchor) -> Iterator[str]:
    """
    Yield what forbids the leaf to sign claims below this anchor.
    """
    leaf, issuer = path.certificates[:2]
    purposes = leaf.key_purposes or frozenset()
    if anchor.intermediates and issuer.sha256 not in {pin.sha256 for pin in anchor.intermediates}:
        yield f"issuer {issuer.common_name!r} is not one of the allowed intermediates"
    if purposes & {TIME_STAMPING, OCSP_SIGNING, ANY_PURPOSE}:
        yield "key purposes of time stamping, OCSP signing or any purpose forbid signing claims"
    if not purposes & set(anchor.key_purposes):
        yield f"key purposes {sorted(purposes)} hold none of {sorted(anchor.key_purposes)}"
    usable = purposes & set(anchor.key_purposes)
    for certificate in path.certificates[1:]:
        allowed = certificate.key_purposes
        if usable and allowed is not None and ANY_PURPOSE not in allowed:
            usable &= allowed
            if not usable:
                yield f"issuer {certificate.common_name!r} may not issue for this key purpose"
    yield from _leaf_faults(leaf)


def time_stamp_signer_faults(path: CertificationPath) -> Iterator[str]:
    """
    Yield what forbids the leaf to sign time-stamps.
    """
    leaf = path.certificates[0]
    if leaf.key_purposes != frozenset({TIME_STAMPING}) or not leaf.purposes_critical:
        yield "key purpose is not time stamping alone, marked critical"
    for certificate in path.certificates[1:]:
        allowed = certificate.key_purposes
        if allowed is not None and not allowed & {TIME_STAMPING, ANY_PURPOSE}:
            yield f"issuer {certificate.common_name!r} may not issue for time stamping"
    yield from _leaf_faults(leaf)


def _leaf_faults(leaf: Certificate) -> Iterator[str]:
    if leaf.is_ca:
        yield "signer is a certificate authority"
    if not leaf.signs_data:
        yield "key usage does not allow digital signatures"
    # C2PA 2.4, "Certificate profiles"; RFC 5280, sections 4.2.1.1 and 4.2.1.3.
    if not leaf.identifies_issuer:
        yield "authority key identifier is missing"
    if leaf.signs_certificates and not leaf.is_ca:
        yield "key usage allows to sign certificates, though it is no certificate authority"
    if not is_strong(leaf):
        yield "public key is of a kind or size that is not allowed"
