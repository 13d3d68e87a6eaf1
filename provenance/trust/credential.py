"""
Who signed a claim: the certificates and time-stamp tokens that travel with a claim signature.

Nothing is checked here beyond shape: every header but the protected ones is unsigned, and an
attacker chooses them all. Whatever is not of the type the specification gives is refused, and so is
a signature that carries two chains, since two readers could each judge another one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, NoReturn

import cbor2

from provenance.cbor import ACTIVE_TAGS, decode_one
from provenance.errors import StructureError
from provenance.trust.certificate import Certificate, load

MAX_CERTIFICATES = 8
MAX_TOKENS = 4
MAX_TOKEN_BYTES = 65_536
MAX_SIGNATURE_BYTES = 524_288
_MAX_CBOR_DEPTH = 16
_COSE_SIGN1_TAG = 18
_SIGN1_ITEMS = 4
_ALGORITHM = 1
_CRITICAL = 2
_X5CHAIN = 33
_CHAIN_KEYS = (_X5CHAIN, "x5chain")
_PROCESSED = (_ALGORITHM, *_CHAIN_KEYS)


def _refuse(*_: object) -> NoReturn:
    raise ValueError("a tag that has no place in a signature")


# Shared references in keys cost exponential time, keys that are large numbers can all collide, and others
# compile patterns or parse e-mail.
_REFUSED_TAGS = dict.fromkeys(ACTIVE_TAGS, _refuse)


class SigningCredential(NamedTuple):
    """
    A claim signature taken apart.

    Attributes:
        protected: The protected header, CBOR as stored; part of what is signed.

        algorithm: COSE algorithm number, such as -37 for PS256.

        chain: 1 to 8 certificates, leaf first, as stored; nothing says that they belong together.

        signature: The signature bytes.

        tokens: Time-stamp tokens as stored, at most 4; may be empty.

        token_version: 2 if the tokens stood under `sigTst2`, else 1.
    """

    protected: bytes
    algorithm: int
    chain: tuple[Certificate, ...]
    signature: bytes
    tokens: tuple[bytes, ...]
    token_version: int

    @property
    def leaf(self) -> Certificate:
        """
        The certificate whose key is said to have signed.
        """
        return self.chain[0]


def read_credential(signature: bytes) -> SigningCredential:
    """
    Parse a claim signature.

    Args:
        signature: COSE_Sign1, CBOR as stored in the claim signature box.

    Raises:
        StructureError: If a part is missing, stands twice, is too large or of the wrong type, or a
            header is critical that is not processed here.

    Source:
        RFC 9052, sections 3.1 (`crit`) and 4.2; RFC 9360, section 2 (`x5chain`); C2PA 2.4, "Digital
        signatures" and "Time-stamps". Claims of version 1 carry `x5chain` as text, and unprotected.
    """
    if len(signature) > MAX_SIGNATURE_BYTES:
        raise StructureError(f"claim signature is longer than {MAX_SIGNATURE_BYTES:,} bytes")
    protected_bytes, unprotected, signature_bytes = _sign1(signature)
    protected = _map(decode(protected_bytes), "protected header")
    _check_critical(protected, unprotected)
    algorithm = protected.get(_ALGORITHM)
    if not isinstance(algorithm, int) or isinstance(algorithm, bool):
        raise StructureError("claim signature names no algorithm")
    chains = [header[key] for header in (protected, unprotected) for key in _CHAIN_KEYS if key in header]
    if len(chains) != 1:
        raise StructureError(f"claim signature carries {len(chains)} certificate chains, not one")
    version = 2 if "sigTst2" in unprotected else 1
    return SigningCredential(
        protected=protected_bytes,
        algorithm=algorithm,
        chain=_chain(chains[0]),
        signature=signature_bytes,
        tokens=_tokens(unprotected.get("sigTst2" if version == 2 else "sigTst")),  # noqa: PLR2004 - the header's version
        token_version=version,
    )


def decode(data: bytes) -> object:
    """
    Decode hostile CBOR: definite lengths, no repeated keys, no tags that mean work, at most 16 levels.

    Raises:
        StructureError: If it is anything else, or bytes follow the value.
    """
    return decode_one(
        data,
        semantic_decoders=_REFUSED_TAGS,
        max_depth=_MAX_CBOR_DEPTH,
        allow_indefinite=False,
        allow_duplicate_keys=False,
    )


def _sign1(data: bytes) -> tuple[bytes, Mapping[object, object], bytes]:
    message = decode(data)
    if isinstance(message, cbor2.CBORTag):
        if message.tag != _COSE_SIGN1_TAG:
            raise StructureError("claim signature is not a COSE_Sign1 message")
        message = message.value
    if not isinstance(message, list | tuple) or len(message) != _SIGN1_ITEMS:
        raise StructureError("claim signature is not a COSE_Sign1 message")
    protected, unprotected, payload, signature = message
    if not isinstance(protected, bytes) or not isinstance(signature, bytes) or payload is not None:
        raise StructureError("claim signature has parts of the wrong type, or a payload of its own")
    return protected, _map(unprotected, "unprotected header"), signature


def _check_critical(protected: Mapping[object, object], unprotected: Mapping[object, object]) -> None:
    if _CRITICAL in unprotected:
        raise StructureError("claim signature names critical headers where nothing protects them")
    if _CRITICAL not in protected:
        return
    labels = protected[_CRITICAL]
    if not isinstance(labels, list | tuple) or not labels:
        raise StructureError("claim signature does not name its critical headers as a list")
    for label in labels:
        # A label that equals one of ours but is of another type (1.0, true) is not ours.
        known = type(label) in (int, str) and label in _PROCESSED
        if not known or label not in protected:
            raise StructureError("claim signature has a critical header that is not processed")


def _map(value: object, what: str) -> Mapping[object, object]:
    # Inside a tagged value the decoder gives read-only mappings, which are no dicts.
    if not isinstance(value, Mapping):
        raise StructureError(f"{what} is not a map")
    return value


def _chain(value: object) -> tuple[Certificate, ...]:
    ders = [value] if isinstance(value, bytes) else value
    if not isinstance(ders, list | tuple) or not 1 <= len(ders) <= MAX_CERTIFICATES:
        raise StructureError(f"certificate chain is not 1 to {MAX_CERTIFICATES} certificates")
    if not all(isinstance(der, bytes) for der in ders):
        raise StructureError("certificate chain holds something that is not bytes")
    return tuple(load(der) for der in ders)


def _tokens(value: object) -> tuple[bytes, ...]:
    if value is None:
        return ()
    items = _map(value, "time-stamp header").get("tstTokens")
    if not isinstance(items, list | tuple) or len(items) > MAX_TOKENS:
        raise StructureError(f"time-stamp header is not a list of at most {MAX_TOKENS} tokens")
    tokens = [_map(item, "time-stamp token").get("val") for item in items]
    return tuple(_token(token) for token in tokens)


def _token(value: object) -> bytes:
    if not isinstance(value, bytes) or len(value) > MAX_TOKEN_BYTES:
        raise StructureError("time-stamp token is not bytes, or too long")
    return value
