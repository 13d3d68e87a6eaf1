"""
Whole authorities: a root, an intermediate and signers for claims, and the same again for time-stamps.

Every date is fixed, so nothing made here depends on the day it is made. The default signer has
expired, as Azure's have: only a time-stamp keeps its claims valid.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509

from provenance.authority.certificate import (
    LEAF_FROM,
    LEAF_UNTIL,
    PURPOSE_MICROSOFT_CLAIM,
    PURPOSE_TIME_STAMPING,
    ROOT_FROM,
    ROOT_UNTIL,
    CertificateOptions,
    Credential,
    KeyType,
    make_name,
)
from provenance.authority.timestamp import TimeStampAuthority

SIGNED_AT = datetime(2024, 6, 1, 12, 0, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class AuthorityNames:
    """
    The names in an authority's certificates; anyone can choose any.
    """

    root: x509.Name
    intermediate: x509.Name
    signer: x509.Name
    time_stamp_root: x509.Name
    time_stamp_intermediate: x509.Name
    time_stamper: x509.Name

    @classmethod
    def of(cls, organization: str) -> AuthorityNames:
        """
        Name everything after one organization.
        """
        return cls(
            root=make_name(f"{organization} Root CA", organization, "US"),
            intermediate=make_name(f"{organization} Claim CA", organization, "US"),
            signer=make_name(f"{organization} Signer", organization, "US"),
            time_stamp_root=make_name(f"{organization} Time-Stamp Root CA", organization, "US"),
            time_stamp_intermediate=make_name(f"{organization} Time-Stamp CA", organization, "US"),
            time_stamper=make_name(f"{organization} Time-Stamping", organization, "US"),
        )

    @classmethod
    def microsoft(cls) -> AuthorityNames:
        """
        Copy the very names that genuine Azure OpenAI images carry, as an impostor would.
        """
        organization = "Microsoft Corporation"
        return cls(
            root=make_name("Microsoft Supply Chain RSA Root CA 2022", organization, "US"),
            intermediate=make_name("Microsoft SCD Claimants RSA CA", organization, "US"),
            signer=make_name(organization, organization, "US"),
            time_stamp_root=make_name("Microsoft C2PA AL2 Root CA 2025", organization, "US"),
            time_stamp_intermediate=make_name(
                "Microsoft C2PA Time Stamp Authority PCA 2025", organization, "US"
            ),
            time_stamper=make_name("Microsoft C2PA TimeStamping", organization, "US"),
        )


@dataclass(frozen=True, slots=True)
class Authority:
    """
    Two small hierarchies, one for claims and one for time-stamps, that share nothing.

    Attributes:
        signer: Signs claims; valid 2024-01-01 to 2025-01-01.

        lasting_signer: Signs claims; valid 2024-01-01 to 2119-01-01.

        time_stamper: Makes time-stamps from 2020 to 2119.
    """

    names: AuthorityNames
    root: Credential
    intermediate: Credential
    signer: Credential
    lasting_signer: Credential
    time_stamp_root: Credential
    time_stamp_intermediate: Credential
    time_stamper: TimeStampAuthority

    @classmethod
    def create(
        cls,
        organization: str = "Sample Authority",
        *,
        names: AuthorityNames | None = None,
        key_type: KeyType = KeyType.P256,
    ) -> Authority:
        """
        Make an authority with new keys.

        Args:
            organization: What everything is named after, unless *names* are given.

            names: Names of all the certificates.

            key_type: Kind of every key. RSA looks most like Azure; P-256 is much quicker.
        """
        chosen = names or AuthorityNames.of(organization)
        root = Credential.self_signed(_ca(chosen.root, key_type))
        intermediate = root.issue(_ca(chosen.intermediate, key_type, path_length=0))
        stamp_root = Credential.self_signed(_ca(chosen.time_stamp_root, key_type))
        stamp_intermediate = stamp_root.issue(_ca(chosen.time_stamp_intermediate, key_type, path_length=0))
        stamper = stamp_intermediate.issue(_time_stamper(chosen.time_stamper, key_type))
        return cls(
            names=chosen,
            root=root,
            intermediate=intermediate,
            signer=intermediate.issue(CertificateOptions(subject=chosen.signer, key_type=key_type)),
            lasting_signer=intermediate.issue(
                CertificateOptions(subject=chosen.signer, key_type=key_type, not_after=_LEAF_LAST)
            ),
            time_stamp_root=stamp_root,
            time_stamp_intermediate=stamp_intermediate,
            time_stamper=TimeStampAuthority(stamper),
        )

    def issue_signer(
        self,
        *,
        subject: x509.Name | None = None,
        not_before: datetime = LEAF_FROM,
        not_after: datetime = LEAF_UNTIL,
        key_purposes: tuple[str, ...] = (PURPOSE_MICROSOFT_CLAIM,),
        key_usages: frozenset[str] | None = None,
        key_type: KeyType = KeyType.P256,
    ) -> Credential:
        """
        Issue another claim signer below the intermediate.

        For anything rarer use `intermediate.issue(CertificateOptions(...))`.
        """
        options = CertificateOptions(
            subject=subject or self.names.signer,
            not_before=not_before,
            not_after=not_after,
            key_purposes=key_purposes,
            key_usages=key_usages,
            key_type=key_type,
        )
        return self.intermediate.issue(options)


_LEAF_LAST = datetime(2119, 1, 1, tzinfo=UTC)


def _ca(subject: x509.Name, key_type: KeyType, path_length: int | None = None) -> CertificateOptions:
    return CertificateOptions(
        subject=subject,
        not_before=ROOT_FROM,
        not_after=ROOT_UNTIL,
        is_ca=True,
        path_length=path_length,
        key_purposes=(),
        key_type=key_type,
    )


def _time_stamper(subject: x509.Name, key_type: KeyType) -> CertificateOptions:
    return CertificateOptions(
        subject=subject,
        not_before=ROOT_FROM,
        not_after=_LEAF_LAST,
        key_purposes=(PURPOSE_TIME_STAMPING,),
        key_type=key_type,
    )
