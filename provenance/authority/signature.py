"""
Claim signatures: COSE_Sign1 messages with a certificate chain and a time-stamp in their headers.

Microsoft's claims of version 1 carry chain and time-stamp in the unprotected header, under text keys;
those of version 2 carry the chain in the protected one, and are padded.

Source: RFC 9052, section 4; RFC 9360, section 2; C2PA 2.4, "Digital Signatures" and "Time-stamps".
"""

from __future__ import annotations

import hashlib

import cbor2

from provenance.authority.specification import ManifestSpec

_SIGN1_TAG = 18
_ALGORITHM = 1
_X5CHAIN = 33
_SLACK = 512
_STEP = 2_048
_PAD_HEADERS = 5


def sign_claim(claim: bytes, spec: ManifestSpec) -> bytes:
    """
    Sign a claim the way *spec* says.

    Args:
        claim: The claim, CBOR as it is stored.

        spec: Says who signs and what is wrong with it.

    Returns:
        Content of the CBOR box of the claim signature.

    Raises:
        ValueError: If the signature does not fit into the space reserved for it.
    """
    tampering = spec.tampering
    protected = _protected(spec)
    to_sign = cbor2.dumps(["Signature1", protected, b"", claim])
    signature = spec.credential.sign_cose(to_sign)
    unprotected = _unprotected(spec, protected, claim, signature)
    if tampering.flip_signature:
        signature = signature[:-1] + bytes([signature[-1] ^ 1])
    payload = claim if tampering.attached_payload else None
    encoded = _encode(protected, unprotected, payload, signature)
    if isinstance(unprotected, dict) and (spec.reserved is not None or spec.claim_version > 1):
        size = spec.reserved or _roomy_size(encoded)
        unprotected["pad"] = bytes(_pad_size(encoded, size))
        encoded = _encode(protected, unprotected, payload, signature)
    return tampering.edit_signature(encoded) if tampering.edit_signature else encoded


def time_stamp_imprint(protected: bytes, signed: bytes) -> bytes:
    """
    Hash what a claim's time-stamp is about.

    Args:
        protected: Protected header as stored.

        signed: The claim for `sigTst`; the CBOR byte string of the signature for `sigTst2`.
    """
    return hashlib.sha256(cbor2.dumps(["CounterSignature", protected, b"", signed])).digest()


def _protected(spec: ManifestSpec) -> bytes:
    header: dict[object, object] = {_ALGORITHM: spec.credential.cose_algorithm}
    if spec.claim_version > 1:
        header[_X5CHAIN] = _chain(spec)
    edited: object = header
    if spec.tampering.edit_protected is not None:
        edited = spec.tampering.edit_protected(header)
    return edited if isinstance(edited, bytes) else cbor2.dumps(edited)


def _unprotected(spec: ManifestSpec, protected: bytes, claim: bytes, signature: bytes) -> object:
    header: dict[object, object] = {}
    if spec.claim_version == 1:
        header["x5chain"] = _chain(spec)
    if spec.time_stamper is not None:
        form = spec.time_stamp_form or ("sigTst" if spec.claim_version == 1 else "sigTst2")
        # sigTst2 covers the signature as encoded, byte string header included.
        signed = claim if form == "sigTst" else cbor2.dumps(signature)
        imprint = time_stamp_imprint(protected, signed)
        make = spec.time_stamper.respond if form == "sigTst" else spec.time_stamper.stamp
        token = make(imprint, spec.signed_at, spec.token_options)
        header[form] = {"tstTokens": [{"val": token}]}
    if spec.tampering.edit_unprotected is not None:
        return spec.tampering.edit_unprotected(header)
    return header


def _chain(spec: ManifestSpec) -> object:
    chain = list(spec.credential.chain_der)
    return chain[0] if len(chain) == 1 else chain


def _encode(protected: bytes, unprotected: object, payload: bytes | None, signature: bytes) -> bytes:
    return cbor2.dumps(cbor2.CBORTag(_SIGN1_TAG, [protected, unprotected, payload, signature]))


def _roomy_size(encoded: bytes) -> int:
    # Rounded up, since time-stamps vary by some bytes and a size that varies has to be written anew.
    return -(-(len(encoded) + _SLACK) // _STEP) * _STEP


def _pad_size(encoded: bytes, size: int) -> int:
    missing = size - len(encoded) - len(cbor2.dumps("pad"))
    for pad in range(missing, missing - _PAD_HEADERS - 1, -1):
        if pad >= 0 and len(cbor2.dumps(bytes(pad))) == missing:
            return pad
    raise ValueError(f"a claim signature of {len(encoded)} bytes cannot be padded to {size}")
