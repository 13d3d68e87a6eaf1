"""
Row 11: headers of the wrong type in a claim signature.
"""

from __future__ import annotations

from dataclasses import replace

import cbor2
import pytest

from provenance import Verifier
from provenance import authority as made
from provenance.authority import Authority, Tampering, sign_image
from provenance.manifest.status import ValidationState
from tests.validation.engine_faults.support import PNG, readable_v2

WRONG = {
    "number": 7,
    "negative": -1,
    "text": "text",
    "bytes": b"bytes",
    "list": [1],
    "empty-list": [],
    "map": {"a": 1},
    "null": None,
    "true": True,
    "float": 1.5,
    "tag": cbor2.CBORTag(1, 5),
    "undefined": cbor2.undefined,
}

PLACES = {
    "chain": lambda wrong: Tampering(edit_unprotected=lambda header: {**header, "x5chain": wrong}),
    "in-chain": lambda wrong: Tampering(edit_unprotected=lambda header: {**header, "x5chain": [wrong]}),
    "stamp": lambda wrong: Tampering(edit_unprotected=lambda header: {**header, "sigTst": wrong}),
    "tokens": lambda wrong: Tampering(
        edit_unprotected=lambda header: {**header, "sigTst": {"tstTokens": wrong}}
    ),
    "token": lambda wrong: Tampering(
        edit_unprotected=lambda header: {**header, "sigTst": {"tstTokens": [wrong]}}
    ),
    "value": lambda wrong: Tampering(
        edit_unprotected=lambda header: {**header, "sigTst": {"tstTokens": [{"val": wrong}]}}
    ),
    "protected": lambda wrong: Tampering(edit_protected=lambda _: wrong),
    "unprotected": lambda wrong: Tampering(edit_unprotected=lambda _: wrong),
    "algorithm": lambda wrong: Tampering(edit_protected=lambda header: {**header, 1: wrong}),
    "signature": lambda wrong: Tampering(edit_signature=lambda _: cbor2.dumps(wrong)),
    "claim": lambda wrong: Tampering(edit_claim=lambda _: wrong),
}

HARMLESS = {("stamp", "null"), ("tokens", "empty-list"), ("value", "bytes")}
"""
Places where this leaves a signature whole and only without a time-stamp.
"""


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("place", PLACES)
def test_row_11_a_header_of_the_wrong_type_is_a_verdict(
    authority: Authority, verifier: Verifier, place: str, wrong: str
) -> None:
    """
    These bytes are unsigned or a stranger's, and reach whoever parses them.
    """
    tampering = PLACES[place](WRONG[wrong])
    signed = sign_image(PNG, replace(made.azure_v1(authority), tampering=tampering))

    result = verifier.verify(signed)

    expected = ValidationState.VALID if (place, wrong) in HARMLESS else ValidationState.INVALID
    assert (result.state, result.accepted) == (expected, False)


@pytest.mark.parametrize("wrong", [name for name in WRONG if name != "bytes"])
def test_row_11_a_protected_chain_of_the_wrong_type_is_a_verdict(
    authority: Authority, verifier: Verifier, wrong: str
) -> None:
    """
    In claims of version 2 the chain is signed, by whoever owns the key.
    """
    tampering = Tampering(edit_protected=lambda header: {**header, 33: WRONG[wrong]})

    result = verifier.verify(sign_image(PNG, replace(readable_v2(authority), tampering=tampering)))

    assert (result.state, result.accepted) == (ValidationState.INVALID, False)


ECDSA_WITH_SHA256 = bytes.fromhex("06082a8648ce3d040302")
UNKNOWN_ALGORITHM = bytes.fromhex("06082a8648ce3d040322")


@pytest.mark.parametrize("position", [0, 1, 2], ids=["leaf", "intermediate", "root"])
def test_row_11_a_certificate_signed_by_an_unknown_algorithm_is_a_verdict(
    authority: Authority, verifier: Verifier, position: int
) -> None:
    """
    Certificates are parsed in part when they are read, and in part when they are judged.
    """
    chain = list(authority.signer.chain_der)
    chain[position] = chain[position].replace(ECDSA_WITH_SHA256, UNKNOWN_ALGORITHM)
    tampering = Tampering(edit_unprotected=lambda header: {**header, "x5chain": chain})

    result = verifier.verify(sign_image(PNG, replace(made.azure_v1(authority), tampering=tampering)))

    assert result.accepted is False
