"""
Row 6: bytes outside the hard binding.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from provenance import Verifier
from provenance import authority as made
from provenance.authority import AssertionSpec, Authority, box, sign_image
from provenance.manifest.status import ValidationState
from provenance.trust.profile import TrustProfile
from tests.validation.engine_faults.support import (
    PNG,
    PNG_AND_JPEG,
    POLICIES,
    ask_engine,
    finding_ids,
    options_for,
    store_of,
)


@PNG_AND_JPEG
@pytest.mark.parametrize("trailing", [b"\0", b"behind", PNG], ids=["one", "text", "another-image"])
def test_row_6_bytes_behind_the_image_are_found(
    authority: Authority, verifier: Verifier, plain: bytes, trailing: bytes
) -> None:
    """
    Box hashes do not cover them, so the credentials hold and the file is still not accepted.
    """
    signed = sign_image(plain, made.azure_v1(authority)) + trailing

    result = verifier.verify(signed)

    assert ask_engine(signed, options_for(authority)).state == "Trusted"
    assert (result.state, result.accepted) == (ValidationState.TRUSTED, False)
    assert (finding_ids(result), result.facts.trailing_bytes) == (["trailing_bytes"], len(trailing))
    assert result.passes == ()


@pytest.mark.parametrize("policy", POLICIES)
def test_row_6_no_policy_waives_trailing_bytes(
    authority: Authority, sample_trust: TrustProfile, policy: str
) -> None:
    """
    Policies add demands; they are not even asked.
    """
    spec = made.azure_v1(authority, description="AI Generated Image")

    result = Verifier(policy=policy, trust=sample_trust, self_test=False).verify(sign_image(PNG, spec) + b"x")

    assert finding_ids(result) == ["trailing_bytes"]
    assert [(check.id, check.outcome) for check in result.checks][-1] == ("policy", "skipped")


@pytest.mark.parametrize("hidden", [b"junk" * 1000, box.box(b"free", b"junk" * 1000)], ids=["junk", "box"])
def test_row_6_bytes_behind_the_store_inside_its_chunk_are_found(
    authority: Authority, verifier: Verifier, hidden: bytes
) -> None:
    """
    Box hashes leave the whole chunk unbound, so room for anything would be there.
    """
    hiding = made.embed_store(PNG, store_of(sign_image(PNG, made.azure_v1(authority))) + hidden)

    result = verifier.verify(hiding)

    assert ask_engine(hiding, options_for(authority)).state == "Trusted"
    assert (result.state, result.accepted) == (ValidationState.INVALID, False)


GIF_HEAD = b"GIF89a\x01\0\x01\0\0\0\0"
GIF_FRAME = (b",\0\0\0\0\x01\0\x01\0\0", b"\x02\x02D\x01\0", b";")


def signed_gif(authority: Authority) -> bytes:
    """
    Sign a GIF by the hashes of its boxes, under the names that the engine gives them.
    """
    named = [("GIF89a", GIF_HEAD[:6]), ("LSD", GIF_HEAD[6:]), ("C2PA", None)]
    named += list(zip(("2C", "TBID", "3B"), GIF_FRAME, strict=True))
    boxes = [
        {"names": [name], "hash": hashlib.sha256(part).digest() if part else b"\0", "pad": b""}
        for name, part in named
    ]
    binding = AssertionSpec(label="c2pa.hash.boxes", content={"alg": "sha256", "boxes": boxes})
    spec = replace(made.azure_v1(authority), binding="none", assertions=(binding,))
    store = made.build_store(made.make_manifest(PNG, spec))
    pieces = (store[start : start + 255] for start in range(0, len(store), 255))
    extension = b"!\xff\x0bC2PA_GIF\x01\0\0" + b"".join(bytes([len(one)]) + one for one in pieces) + b"\0"
    return GIF_HEAD + extension + b"".join(GIF_FRAME)


def test_row_6_a_gif_bound_by_its_boxes_is_judged(authority: Authority, verifier: Verifier) -> None:
    """
    Without this the test beside it would prove nothing.
    """
    assert verifier.verify(signed_gif(authority)).state is ValidationState.TRUSTED


def test_row_6_bytes_behind_a_gif_are_not_accepted(authority: Authority, verifier: Verifier) -> None:
    """
    Box hashes leave them unbound in a GIF as in a PNG.
    """
    result = verifier.verify(signed_gif(authority) + b"behind")

    assert (result.accepted, result.facts.trailing_bytes) == (False, 6)
