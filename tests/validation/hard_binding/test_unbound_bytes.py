"""
Bytes inside an image file that its hard binding does not cover.
"""

from __future__ import annotations

import pytest

from provenance.authority import Authority, azure_v1, azure_v2, plain_jpeg, sign_image
from provenance.trust.profile import TrustProfile
from provenance.verification.verifier import Verifier

UNBOUND = {
    "fill-bytes": b"\xff" * 7,
    "stray-bytes": b"AAA",
    "app11-of-another-use": b"\xff\xeb\x00\x10JP" + bytes(12),
    "app11-of-no-use": b"\xff\xeb\x00\x04ab",
}
BEFORE_EOI = {"fill-bytes", "app11-of-another-use", "app11-of-no-use"}


def boundaries(jpeg: bytes) -> list[int]:
    """
    Find where segments begin, the first after SOI, up to SOS.
    """
    found = [2]
    while jpeg[found[-1] + 1] != 0xDA:
        found.append(found[-1] + 2 + int.from_bytes(jpeg[found[-1] + 2 : found[-1] + 4]))
    return found[1:]


@pytest.mark.parametrize("name", UNBOUND)
def test_bytes_between_the_boxes_of_a_jpeg_file_are_found(
    authority: Authority, sample_trust: TrustProfile, name: str
) -> None:
    """
    `c2pa.hash.boxes` covers segments: the engine calls a file with anything between them trusted.
    """
    jpeg = sign_image(plain_jpeg(), azure_v1(authority))
    places = [*boundaries(jpeg), *([len(jpeg) - 2] if name in BEFORE_EOI else [])]
    verifier = Verifier(trust=sample_trust, self_test=False)

    results = [verifier.verify(jpeg[:at] + UNBOUND[name] + jpeg[at:]) for at in places]

    assert {str(result.state) for result in results} == {"trusted"}
    assert {tuple(check.id for check in result.findings) for result in results} == {("unbound_bytes",)}
    assert {result.facts.unbound_bytes for result in results} == {len(UNBOUND[name])}


def test_a_data_hash_binds_what_stands_between_the_boxes(
    authority: Authority, sample_trust: TrustProfile
) -> None:
    """
    So nothing can be put there afterwards, and what was there when it was signed does no harm.
    """
    padded = plain_jpeg()[:-2] + b"\xff\xff\xff" + plain_jpeg()[-2:]
    verifier = Verifier(trust=sample_trust, self_test=False)

    signed = verifier.verify(sign_image(padded, azure_v2(authority)))
    changed = verifier.verify(sign_image(plain_jpeg(), azure_v2(authority))[:-2] + b"\xff\xff\xd9")

    assert (str(signed.state), signed.accepted, signed.facts.unbound_bytes) == ("trusted", True, 0)
    assert (str(changed.state), changed.accepted) == ("invalid", False)
