"""
Whom we believe: pinned anchors for claim signatures, and others for time-stamps.

A pin is the SHA-256 of a certificate's DER, never a name: names can be copied, bytes cannot be made
to hash the same. Two separate lists, on purpose: a root that may end a claim signer's path says
nothing about time-stamps, and with an empty time-stamp list an old but good signature is expired.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import json
import re
from dataclasses import dataclass, field, replace
from pathlib import Path

from provenance.errors import StructureError, TrustError
from provenance.toml_table import TomlTable, is_name, naming_file, parse_toml, read_file
from provenance.trust.certificate import Certificate, load

CLAIM_SIGNING = "1.3.6.1.4.1.62558.2.1"
DOCUMENT_SIGNING = "1.3.6.1.5.5.7.3.36"
TIME_STAMPING = "1.3.6.1.5.5.7.3.8"
OCSP_SIGNING = "1.3.6.1.5.5.7.3.9"
ANY_PURPOSE = "2.5.29.37.0"

_DEFAULT_PURPOSES = (CLAIM_SIGNING, DOCUMENT_SIGNING)
_NEVER_FOR_CLAIMS = frozenset({TIME_STAMPING, OCSP_SIGNING, ANY_PURPOSE})
_HEX = frozenset("0123456789abcdef")
_SHA256_DIGITS = 64
_MAX_OID = 128
_PEM = rb"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----"
_PROFILE_HINT = "Correct the file, or make one of PEM files with 'provenance trust add'."
_PEM_HINT = "Name a PEM file that holds certificates of certificate authorities, and nothing but those."


def _is_oid(text: str) -> bool:
    arcs = text.split(".")
    short = len(text) <= _MAX_OID and text.isascii() and len(arcs) > 1
    return short and arcs[0] in {"0", "1", "2"} and all(a.isdecimal() and str(int(a)) == a for a in arcs)


@dataclass(frozen=True, slots=True)
class Pin:
    """
    A certificate, pinned.

    Attributes:
        sha256: SHA-256 of the DER, 64 lower-case hex digits.

        name: What people call it. Decides nothing.

        certificate: The certificate itself, or None where it is taken from the asset once its
            SHA-256 matches.

        evidence: Why it is believed: what document or which images show it. Decides nothing.

        pinned: Day it was pinned, or None. Decides nothing.

        signers_only: Whether it is believed about who signed what, and not about which generator made an
            image: so are certificate authorities that were added to a profile, which may have issued to
            anybody.
    """

    sha256: str
    name: str
    certificate: Certificate | None = None
    evidence: str = field(default="", compare=False)
    pinned: dt.date | None = field(default=None, compare=False)
    signers_only: bool = False

    def __post_init__(self) -> None:
        """
        Refuse what is no SHA-256, or not that of the certificate.

        Raises:
            TrustError: If so.
        """
        if len(self.sha256) != _SHA256_DIGITS or not _HEX.issuperset(self.sha256):
            raise TrustError(f"pin {self.name!r} is not a SHA-256 in 64 lower-case hex digits")
        if self.certificate is not None and self.certificate.sha256 != self.sha256:
            raise TrustError(f"pin {self.name!r}: the certificate given has another SHA-256")


@dataclass(frozen=True, slots=True)
class ClaimAnchor:
    """
    A certificate that may end a claim signer's path, and what must hold below it.

    Attributes:
        pin: The anchor.

        intermediates: If not empty, one of these must have issued the signer's certificate.

        key_purposes: One of these OIDs must stand in the signer's extended key usage. Never time
            stamping, OCSP signing or "any".
    """

    pin: Pin
    intermediates: tuple[Pin, ...] = ()
    key_purposes: tuple[str, ...] = _DEFAULT_PURPOSES

    def __post_init__(self) -> None:
        """
        Refuse an anchor without a purpose, or with one that would admit everybody.

        Raises:
            TrustError: If so.
        """
        if not self.key_purposes:
            raise TrustError(f"anchor {self.pin.name!r} demands no key purpose")
        for purpose in self.key_purposes:
            if not _is_oid(purpose):
                raise TrustError(f"anchor {self.pin.name!r}: {purpose!r} is not a dotted OID")
            if purpose in _NEVER_FOR_CLAIMS:
                raise TrustError(f"anchor {self.pin.name!r}: {purpose} is no purpose of a claim signer")


@dataclass(frozen=True, slots=True)
class TrustProfile:
    """
    Whom to believe about claims, and whom about time.

    Attributes:
        name: Letters, digits, dots, dashes and underscores.

        claim_anchors: At least one.

        time_stamp_anchors: May be empty: then no time-stamp counts.

        version: Counts up when the anchors change; None where profiles were joined.

        date: Day as of which its anchors are known to be all, or None. Decides nothing.

        parts: The profiles that were joined; empty where none were.
    """

    name: str
    claim_anchors: tuple[ClaimAnchor, ...]
    time_stamp_anchors: tuple[Pin, ...] = ()
    version: int | None = 1
    date: dt.date | None = None
    parts: tuple[TrustProfile, ...] = field(default=(), compare=False, repr=False)
    _digest: str = field(default="", init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """
        Refuse an empty profile.

        Raises:
            TrustError: If there is no claim anchor, the name has other characters, or the version is
                not 1 or more.
        """
        if not is_name(self.name):
            raise TrustError(f"profile name {self.name!r} may hold letters, digits, '.', '-' and '_' only")
        if not self.claim_anchors:
            raise TrustError(f"trust profile {self.name!r} has no claim anchor, so nothing could be trusted")
        if not self.parts and (self.version is None or self.version < 1):
            raise TrustError(f"trust profile {self.name!r}: version must be 1 or more")

    def __str__(self) -> str:
        """
        Name the profile with its version, or each of those that were joined.
        """
        return " + ".join(f"{part.name} {part.version}" for part in self.joined)

    @property
    def joined(self) -> tuple[TrustProfile, ...]:
        """
        The profiles this one consists of: itself, unless several were joined.
        """
        return self.parts or (self,)

    def __or__(self, other: TrustProfile) -> TrustProfile:
        """
        Join two profiles: whoever either believes is believed, under the demands of that anchor.
        """
        return TrustProfile(
            f"{self.name}.{other.name}"[:64],
            self.claim_anchors + tuple(a for a in other.claim_anchors if a not in self.claim_anchors),
            self.time_stamp_anchors
            + tuple(p for p in other.time_stamp_anchors if p not in self.time_stamp_anchors),
            version=None,
            parts=(*self.joined, *other.joined),
        )

    @property
    def digest(self) -> str:
        """
        SHA-256 over what the profile demands, lower-case hex.

        Names, evidence, version and dates decide nothing and are left out: two profiles with one digest
        believe the same.
        """
        if not self._digest:
            # Every report names it, and computing it costs as much as judging an image without credentials.
            object.__setattr__(self, "_digest", self._compute_digest())
        return self._digest

    def _compute_digest(self) -> str:
        signers_only = sorted(a.pin.sha256 for a in self.claim_anchors if a.pin.signers_only)
        demands = {
            "claim_anchors": sorted(
                [a.pin.sha256, sorted(p.sha256 for p in a.intermediates), sorted(a.key_purposes)]
                for a in self.claim_anchors
            ),
            "carried": sorted(
                pin.sha256
                for pin in (*(a.pin for a in self.claim_anchors), *self.time_stamp_anchors)
                if pin.certificate is not None
            ),
            "time_stamp_anchors": sorted(p.sha256 for p in self.time_stamp_anchors),
            **({"signers_only": signers_only} if signers_only else {}),
        }
        return hashlib.sha256(json.dumps(demands, sort_keys=True).encode()).hexdigest()


def load_trust_profile(path: Path) -> TrustProfile:
    """
    Read a trust profile from a TOML file.

    The file holds `name`, `version` and `date` (optional), `[[claim_anchors]]` (`name`, `sha256` or `pem`,
    `key_purposes`, `signers_only`, `[[claim_anchors.intermediates]]`) and `[[time_stamp_anchors]]` (`name`,
    `sha256` or `pem`). Each pin may say why and when it was pinned (`evidence`, `pinned`).

    Raises:
        TrustError: If the file cannot be read, is not TOML of this form, or is empty.
    """
    data, where = read_file(path, TrustError), f"trust profile {path.name!r}"
    with naming_file(where, TrustError, _PROFILE_HINT):
        table = parse_toml(data, where, TrustError)
        table.only("name", "version", "date", "claim_anchors", "time_stamp_anchors")
        return TrustProfile(
            name=table.text("name"),
            claim_anchors=tuple(_claim_anchor(item) for item in table.tables("claim_anchors")),
            time_stamp_anchors=tuple(_pin(item) for item in table.tables("time_stamp_anchors")),
            version=table.number("version") if "version" in table else 1,
            date=table.day("date"),
        )


def dump_trust_profile(profile: TrustProfile) -> str:
    """
    Write a trust profile in the TOML form that `load_trust_profile` reads.

    Of joined profiles, names, versions and dates are written as comments.
    """
    lines = [f"name = {_toml_text(profile.name)}"]
    lines += [f"# joins {part.name} {part.version} ({part.date})" for part in profile.parts]
    if profile.version is not None:
        lines.append(f"version = {profile.version}")
    if profile.date is not None:
        lines.append(f"date = {profile.date.isoformat()}")
    lines.append("")
    for anchor in profile.claim_anchors:
        lines += ["[[claim_anchors]]", *_pin_lines(anchor.pin)]
        lines += [f"key_purposes = {json.dumps(list(anchor.key_purposes))}", ""]
        for pin in anchor.intermediates:
            lines += ["[[claim_anchors.intermediates]]", *_pin_lines(pin), ""]
    for pin in profile.time_stamp_anchors:
        lines += ["[[time_stamp_anchors]]", *_pin_lines(pin), ""]
    return "\n".join(lines)


def read_pem_certificates(path: Path) -> tuple[Certificate, ...]:
    """
    Read the certificate authorities in a PEM file.

    Returns:
        At least one certificate, in the file's order.

    Raises:
        TrustError: If the file cannot be read, holds none, or holds one that is no authority.
    """
    with naming_file(repr(path.name), TrustError, _PEM_HINT):
        return _authorities(read_file(path, TrustError), path.name)


def anchors_from_pem(
    name: str,
    claim_signers: tuple[Certificate, ...],
    time_stampers: tuple[Certificate, ...] = (),
    *,
    key_purposes: tuple[str, ...] = _DEFAULT_PURPOSES,
    signers_only: bool = False,
) -> TrustProfile:
    """
    Make a trust profile of certificates at hand, without demands on intermediates.

    Args:
        name: Name of the profile.

        claim_signers: Anchors for claim signatures; at least one.

        time_stampers: Anchors for time-stamps; may be empty.

        key_purposes: OIDs of which a claim signer needs one; by default C2PA claim signing and
            document signing.

        signers_only: Whether signers below them are not believed about which generator made an image.

    Raises:
        TrustError: If there is no claim anchor or a purpose is refused.
    """
    pins = (replace(pin(certificate), signers_only=signers_only) for certificate in claim_signers)
    return TrustProfile(
        name,
        tuple(ClaimAnchor(one, key_purposes=key_purposes) for one in pins),
        tuple(pin(c) for c in time_stampers),
    )


def pin(certificate: Certificate) -> Pin:
    """
    Pin a certificate at hand, under its own name.
    """
    return Pin(certificate.sha256, certificate.common_name or certificate.subject, certificate)


def _authorities(pem: bytes, where: str) -> tuple[Certificate, ...]:
    try:
        certificates = tuple(load(base64.b64decode(body)) for body in re.findall(_PEM, pem))
    except (StructureError, binascii.Error) as error:
        raise TrustError(f"{where!r} holds a certificate that cannot be read: {error}") from error
    if not certificates:
        raise TrustError(f"{where!r} holds no PEM certificate")
    for certificate in certificates:
        if not certificate.is_ca:
            raise TrustError(f"{where!r}: {certificate.subject!r} is not a certificate authority")
    return certificates


def _claim_anchor(table: TomlTable) -> ClaimAnchor:
    return ClaimAnchor(
        replace(
            _pin(table, "key_purposes", "intermediates", "signers_only"),
            signers_only=table.flag("signers_only"),
        ),
        tuple(_pin(item) for item in table.tables("intermediates")),
        table.texts("key_purposes", _DEFAULT_PURPOSES),
    )


def _pin(table: TomlTable, *further_keys: str) -> Pin:
    table.only("name", "sha256", "pem", "evidence", "pinned", *further_keys)
    name = table.text("name")
    certificate = _only_authority(table.text("pem"), name) if "pem" in table else None
    sha256 = table.text("sha256", certificate.sha256 if certificate else None)
    evidence = table.text("evidence", "")
    return Pin(sha256.lower().replace(":", ""), name, certificate, evidence, table.day("pinned"))


def _only_authority(pem: str, name: str) -> Certificate:
    certificates = _authorities(pem.encode(), name)
    if len(certificates) != 1:
        raise TrustError(f"anchor {name!r}: pem holds {len(certificates)} certificates, not one")
    return certificates[0]


def _pin_lines(pin: Pin) -> list[str]:
    lines = [f"name = {_toml_text(pin.name)}", f'sha256 = "{pin.sha256}"']
    if pin.evidence:
        lines.append(f"evidence = {_toml_text(pin.evidence)}")
    if pin.pinned is not None:
        lines.append(f"pinned = {pin.pinned.isoformat()}")
    if pin.signers_only:
        lines.append("signers_only = true")
    if pin.certificate is not None:
        body = base64.encodebytes(pin.certificate.der).decode()
        lines.append(f'pem = """\n-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n"""')
    return lines


def _toml_text(text: str) -> str:
    # JSON's escapes are TOML's, but for surrogate pairs, which TOML forbids, and DEL, which it wants.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
