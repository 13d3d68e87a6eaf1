"""
The built-in trust profile: whom Microsoft's images ask to believe, with the evidence for each pin.

Only fingerprints: the certificates travel in the images. When Microsoft changes an authority, images
read as untrusted until this profile knows it, and the check `known_authority` says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from provenance.trust.certificate import Certificate
from provenance.trust.profile import CLAIM_SIGNING, DOCUMENT_SIGNING, ClaimAnchor, Pin, TrustProfile

_NAME = b"microsoft"
_FIRST = date(2026, 11, 22)
_SECOND = date(2026, 11, 28)

MICROSOFT = TrustProfile(
    name="microsoft",
    version=2,
    date=_SECOND,
    claim_anchors=(
        ClaimAnchor(
            pin=Pin(
                "23ffe2b8bdb9a1711515d4cffda04bc7f793d513c76c243f1020507d8669b7db",
                "Microsoft Supply Chain RSA Root CA 2022",
                evidence="carried by every image of Azure OpenAI seen: 338, signed 2023-10 to 2026-08",
                pinned=_FIRST,
            ),
            # The root also signs code and containers, so the intermediate and the purpose matter.
            intermediates=(
                Pin(
                    "1e92ec6f4c801736ee024905210c4cb95fe4e2a42f404bdb5cc772b12336a6d9",
                    "Microsoft SCD Claimants RSA CA",
                    evidence="issued the signer of each of those 338 images",
                    pinned=_FIRST,
                ),
            ),
            key_purposes=("1.3.6.1.4.1.311.76.59.1.9",),
        ),
        # Not its root, 4e23b06b: that one is believed about time only. A signer may stand directly
        # below this authority or below one more; its own path length forbids a second.
        ClaimAnchor(
            pin=Pin(
                "9252fb534eaaa977ff5a4aaa7e5f670dbe8f37085213065d5a5afb68d0333cf3",
                "Microsoft C2PA Claims AL2 PCA 2025",
                evidence="among the anchors of the C2PA conformance tool since 2026-02, and of the Verify "
                "site; no image seen",
                pinned=_SECOND,
            ),
            key_purposes=(CLAIM_SIGNING, DOCUMENT_SIGNING),
        ),
    ),
    time_stamp_anchors=(
        Pin(
            "33846b545a49c9be4903c60e01713c1bd4e4ef31ea65cd95d69e62794f30b941",
            "DigiCert Trusted Root G4 (cross-signed, as tokens carry it)",
            evidence="carried by the tokens of claims of version 1: 437 seen, 2023-10 to 2026-08",
            pinned=_FIRST,
        ),
        Pin(
            "552f7bdcf1a7af9e6ce672017f4f12abf77240c78e761ac203d1d9d20ac89988",
            "DigiCert Trusted Root G4 (self-signed)",
            evidence="DigiCert's published root, of the same name and key",
            pinned=_FIRST,
        ),
        # "Microsoft C2PA Time Stamp Authority PCA 2025" (862f4cd4) needs no pin: every token seen
        # carries this root above it.
        Pin(
            "4e23b06b3d76c0742fd2593ae94f478528d2ac27a243dde9f3d5a6cfeb4ae9be",
            "Microsoft C2PA AL2 Root CA 2025",
            evidence="carried by the tokens of claims of version 2, 2026-04 to 2026-08",
            pinned=_FIRST,
        ),
        # Its root, "Microsoft Identity Verification Root Certificate Authority 2020" (5367f20c), does
        # not travel in the token.
        Pin(
            "36e731cfa9bfd69dafb643809f6dec500902f7197daeaad86ea0159a2268a2b8",
            "Microsoft Public RSA Timestamping CA 2020",
            evidence="carried by the token of an image made by FLUX in Azure, signed 2025-10-05; issued by "
            "Microsoft's published Identity Verification Root Certificate Authority 2020",
            pinned=_SECOND,
        ),
    ),
)
"""
Whom images of Azure OpenAI and of Microsoft's other generators ask to believe.
"""

_CLAIM_PINS = frozenset(anchor.pin.sha256 for anchor in MICROSOFT.claim_anchors)


def known_as_of(profile: TrustProfile) -> date | None:
    """
    Return as of which day a trust profile knows Microsoft's authorities.

    Returns:
        The day of the newest part that pins one of them for claims; None if none does, or says its day.
    """
    dates = [part.date for part in profile.joined if _knows(part)]
    return max((day for day in dates if day is not None), default=None)


def knows_microsoft(profile: TrustProfile) -> bool:
    """
    Return whether a trust profile pins any of Microsoft's authorities for claims.
    """
    return any(map(_knows, profile.joined))


def is_named_microsoft(chain: Iterable[Certificate]) -> bool:
    """
    Return whether a signer, or anyone it says has issued for it, calls itself Microsoft.

    Anybody can: a name proves nothing, and this is asked only of signers that are not trusted by a pin.
    """
    # Also in the two-byte letters of a BMPString.
    names = (name for certificate in chain for name in (certificate.subject_name, certificate.issuer_name))
    return any(_NAME in name.replace(b"\0", b"").lower() for name in names)


def _knows(part: TrustProfile) -> bool:
    return any(anchor.pin.sha256 in _CLAIM_PINS for anchor in part.claim_anchors)
