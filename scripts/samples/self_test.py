"""
The images of the self-test, in `provenance/verification/self_test_data`.
"""

from __future__ import annotations

from provenance import authority as made
from provenance.authority import Tampering
from scripts.samples.declaration import ABSENT, INVALID, OBSERVED, TRAILING, VALID, Sample
from scripts.samples.picture import retouched
from scripts.samples.recipe import (
    altered,
    by_impostor,
    by_leaf,
    signed_v1,
    signed_v2,
    spliced,
    stamped_by_impostor,
    trailed,
    untouched,
    v1,
)

SELF_TEST_IMAGES = (
    Sample(
        "good-v1.png",
        "",
        "Claim version 1, box hashes, expired signer, good time-stamp",
        OBSERVED,
        signed_v1(),
    ),
    Sample(
        "good-v2.jpg",
        "",
        "Claim version 2, data hash, the tolerated soft-binding fault",
        OBSERVED,
        signed_v2(),
    ),
    Sample(
        "changed-byte.jpg",
        "",
        "One byte of the picture changed",
        INVALID,
        lambda signers, plain: retouched(signed_v2()(signers, plain), plain),
    ),
    Sample(
        "broken-signature.png",
        "",
        "One bit of the claim signature changed",
        INVALID,
        altered(v1, tampering=Tampering(flip_signature=True)),
    ),
    Sample(
        "self-made-time-stamp.png",
        "",
        "Expired signer, time-stamp of an authority nobody knows",
        VALID,
        stamped_by_impostor(v1),
    ),
    Sample("impostor.png", "", "All names right, all keys wrong", VALID, by_impostor(made.azure_v1)),
    Sample("leaf-issued.png", "", "The signer's issuer is no certificate authority", VALID, by_leaf),
    Sample("trailing-bytes.png", "", "Bytes after the container's end", TRAILING, trailed(signed_v1())),
    Sample(
        "spliced-store.jpg",
        "",
        "Another picture between two pieces of the store",
        INVALID,
        spliced(signed_v2()),
    ),
    Sample("plain.png", "", "No credentials at all", ABSENT, untouched),
)
