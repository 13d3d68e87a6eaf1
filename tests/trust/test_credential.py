"""
A claim signature taken apart: every header is an attacker's, and none may be of another type.
"""

from __future__ import annotations

from dataclasses import dataclass

import cbor2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from provenance.authority import Authority, azure_v1, azure_v2
from provenance.errors import StructureError
from provenance.trust.credential import MAX_CERTIFICATES, SigningCredential, decode, read_credential
from tests.support import certificate, signed_manifest

PS256 = -37
NOT_SIGN1 = "^claim signature is not a COSE_Sign1 message$"
WRONG_PART = "^claim signature has parts of the wrong type, or a payload of its own$"
ABSENT = object()
"""
Stands for a header that is left out.
"""

WRONG_TYPES = [
    pytest.param(None, id="null"),
    pytest.param(True, id="true"),
    pytest.param(7, id="number"),
    pytest.param(-7.5, id="float"),
    pytest.param("text", id="text"),
    pytest.param([], id="empty-list"),
    pytest.param([[b"x"]], id="list-of-lists"),
    pytest.param({}, id="empty-map"),
    pytest.param({"val": b"x"}, id="map"),
    pytest.param(cbor2.undefined, id="undefined"),
    pytest.param(cbor2.CBORSimpleValue(99), id="simple-value"),
]


@dataclass(frozen=True, slots=True)
class Message:
    """
    A COSE_Sign1 message with every part at hand; *encoded* writes it down, right or wrong.
    """

    chain: list[bytes]

    def encoded(
        self,
        *,
        protected: object = ABSENT,
        unprotected: object = ABSENT,
        payload: object = None,
        signature: object = b"signature",
        tag: int | None = 18,
    ) -> bytes:
        """
        Write the message, with the parts given instead of the ordinary ones.
        """
        if protected is ABSENT:
            protected = cbor2.dumps({1: PS256})
        if unprotected is ABSENT:
            unprotected = {"x5chain": self.chain}
        parts = [protected, unprotected, payload, signature]
        return cbor2.dumps(parts if tag is None else cbor2.CBORTag(tag, parts))


@pytest.fixture(scope="module")
def message(authority: Authority) -> Message:
    """
    Put the chain of an ordinary signer into a message.
    """
    return Message(list(authority.signer.chain_der))


@pytest.fixture(scope="module")
def real(authority: Authority) -> tuple[bytes, ...]:
    """
    Sign as Microsoft does, in either version.
    """
    return tuple(signed_manifest(spec).signature for spec in (azure_v1(authority), azure_v2(authority)))


def refused(encoded: bytes, why: str) -> None:
    """
    Demand that a message is refused, and for this reason.
    """
    with pytest.raises(StructureError, match=why):
        read_credential(encoded)


# --- what is read ------------------------------------------------------------------------------------


def test_a_version_1_signature_is_taken_apart(authority: Authority) -> None:
    """
    Chain and time-stamp stand in the unprotected header, under text keys.
    """
    signature = signed_manifest(azure_v1(authority)).signature
    protected, unprotected, _, raw = cbor2.loads(signature).value

    found = read_credential(signature)

    assert found == SigningCredential(
        protected=protected,
        algorithm=-7,
        chain=tuple(certificate(item) for item in authority.signer.chain),
        signature=raw,
        tokens=(unprotected["sigTst"]["tstTokens"][0]["val"],),
        token_version=1,
    )
    assert found.leaf == certificate(authority.signer)


def test_a_version_2_signature_is_taken_apart(authority: Authority) -> None:
    """
    The chain is signed, the time-stamp is of the other form, and there is padding.
    """
    signature = signed_manifest(azure_v2(authority)).signature
    protected, unprotected, _, raw = cbor2.loads(signature).value

    found = read_credential(signature)

    assert set(unprotected) == {"sigTst2", "pad"}
    assert found == SigningCredential(
        protected=protected,
        algorithm=-7,
        chain=tuple(certificate(item) for item in authority.signer.chain),
        signature=raw,
        tokens=(unprotected["sigTst2"]["tstTokens"][0]["val"],),
        token_version=2,
    )


@pytest.mark.parametrize("key", [33, "x5chain"])
@pytest.mark.parametrize("place", ["protected", "unprotected"])
def test_the_chain_may_stand_under_either_key_in_either_header(
    message: Message, place: str, key: int | str
) -> None:
    """
    All four occur or are allowed.
    """
    protected: dict[object, object] = {1: PS256}
    unprotected: dict[object, object] = {}
    (protected if place == "protected" else unprotected)[key] = message.chain

    found = read_credential(message.encoded(protected=cbor2.dumps(protected), unprotected=unprotected))

    assert [item.der for item in found.chain] == message.chain


def test_one_certificate_alone_stands_as_bytes(message: Message) -> None:
    """
    RFC 9360, section 2: a chain of one is not wrapped in a list.
    """
    found = read_credential(message.encoded(unprotected={33: message.chain[0]}))

    assert [item.der for item in found.chain] == message.chain[:1]


def test_a_list_of_one_certificate_is_read_all_the_same(message: Message) -> None:
    """
    Some writers wrap it.
    """
    found = read_credential(message.encoded(unprotected={33: message.chain[:1]}))

    assert [item.der for item in found.chain] == message.chain[:1]


def test_a_message_without_its_tag_is_read(message: Message) -> None:
    """
    The box says what it is, and some writers leave the tag out.
    """
    assert read_credential(message.encoded(tag=None)) == read_credential(message.encoded())


def test_a_message_without_a_time_stamp_has_no_tokens(message: Message) -> None:
    """
    That is an answer, and the validity of the signer then depends on the day.
    """
    found = read_credential(message.encoded())

    assert (found.tokens, found.token_version) == ((), 1)


def test_the_newer_time_stamp_header_hides_the_older(message: Message) -> None:
    """
    It stamps the signature itself; a fall-back would let whoever spoils it choose the other.
    """
    headers = {
        "x5chain": message.chain,
        "sigTst": {"tstTokens": [{"val": b"one"}]},
        "sigTst2": {"tstTokens": [{"val": b"two"}]},
    }

    found = read_credential(message.encoded(unprotected=headers))

    assert (found.tokens, found.token_version) == ((b"two",), 2)


def test_a_time_stamp_in_the_protected_header_is_not_read(message: Message) -> None:
    """
    The signature it would stamp covers it.
    """
    protected = cbor2.dumps({1: PS256, "sigTst": {"tstTokens": [{"val": b"one"}]}})

    assert read_credential(message.encoded(protected=protected)).tokens == ()


def test_unknown_headers_are_passed_over(message: Message) -> None:
    """
    Padding is one.
    """
    unprotected = {"x5chain": message.chain, "pad": bytes(9), "pad2": bytes(9), -65537: {"a": [1]}}

    assert read_credential(message.encoded(unprotected=unprotected)) == read_credential(message.encoded())


@pytest.mark.parametrize("count", [1, 4])
def test_up_to_four_tokens_are_read_in_order(message: Message, count: int) -> None:
    """
    An empty token, and one as long as may be, are tokens still.
    """
    tokens = [b"", bytes(65_536), b"c", b"d"][:count]

    found = read_credential(_with_tokens(message, [{"val": token} for token in tokens]))

    assert list(found.tokens) == tokens


def _with_tokens(message: Message, items: object) -> bytes:
    return message.encoded(unprotected={"x5chain": message.chain, "sigTst": {"tstTokens": items}})


# --- what is refused ---------------------------------------------------------------------------------


@pytest.mark.parametrize("value", WRONG_TYPES)
def test_a_message_of_another_type_is_refused(value: object) -> None:
    """
    Whatever stands in the box, it is a failure and never an exception of another kind.
    """
    refused(cbor2.dumps(value), NOT_SIGN1)


@pytest.mark.parametrize("value", WRONG_TYPES)
def test_a_message_of_another_type_is_refused_under_the_right_tag(value: object) -> None:
    """
    The tag promises a shape and does not make it.
    """
    refused(cbor2.dumps(cbor2.CBORTag(18, value)), NOT_SIGN1)


@pytest.mark.parametrize("tag", [16, 17, 19, 61, 96, 97, 98])
def test_a_message_under_another_tag_is_refused(message: Message, tag: int) -> None:
    """
    COSE_Sign, COSE_Mac and COSE_Encrypt have lists of the same length.
    """
    refused(message.encoded(tag=tag), NOT_SIGN1)


@pytest.mark.parametrize("count", [0, 3, 5])
def test_a_message_of_another_length_is_refused(message: Message, count: int) -> None:
    """
    Four parts, no fewer and no more.
    """
    parts = [*cbor2.loads(message.encoded()).value, b"more"][:count]

    refused(cbor2.dumps(cbor2.CBORTag(18, parts)), NOT_SIGN1)


@pytest.mark.parametrize("value", WRONG_TYPES)
def test_a_protected_header_of_another_type_is_refused(message: Message, value: object) -> None:
    """
    It is a byte string; what is signed are its bytes.
    """
    refused(message.encoded(protected=value), WRONG_PART)


@pytest.mark.parametrize("value", [case for case in WRONG_TYPES if case.id not in {"empty-map", "map"}])
def test_a_protected_header_that_encodes_no_map_is_refused(message: Message, value: object) -> None:
    """
    A byte string of anything else holds no headers.
    """
    refused(message.encoded(protected=cbor2.dumps(value)), "^protected header is not a map$")


@pytest.mark.parametrize("value", [b"", b"\xa1", b"\xa1\x01\x38\x24\x00", b"\xff"])
def test_a_protected_header_that_is_not_one_cbor_value_is_refused(message: Message, value: bytes) -> None:
    """
    Empty, cut off, too long, or a stray break.
    """
    refused(message.encoded(protected=value), "^CBOR cannot be read: |^bytes follow a CBOR value$")


@pytest.mark.parametrize("value", [case for case in WRONG_TYPES if case.id not in {"empty-map", "map"}])
def test_an_unprotected_header_of_another_type_is_refused(message: Message, value: object) -> None:
    """
    It is a map.
    """
    refused(message.encoded(unprotected=value), "^unprotected header is not a map$")


@pytest.mark.parametrize("value", [case for case in WRONG_TYPES if case.id != "number"])
def test_an_algorithm_of_another_type_is_refused(message: Message, value: object) -> None:
    """
    Text names such as "PS256" are not registered, and `true` is a number to Python only.
    """
    refused(message.encoded(protected=cbor2.dumps({1: value})), "names no algorithm")


def test_a_missing_algorithm_is_refused(message: Message) -> None:
    """
    The key's kind does not settle it.
    """
    refused(message.encoded(protected=cbor2.dumps({})), "claim signature names no algorithm")


def test_an_algorithm_in_the_unprotected_header_is_none(message: Message) -> None:
    """
    Whoever changes it there would not be noticed.
    """
    unprotected = {"x5chain": message.chain, 1: PS256}

    refused(message.encoded(protected=cbor2.dumps({}), unprotected=unprotected), "names no algorithm")


@pytest.mark.parametrize("value", [case for case in WRONG_TYPES if case.id != "null"])
def test_a_payload_of_its_own_is_refused(message: Message, value: object) -> None:
    """
    The payload is the claim, and stands elsewhere.
    """
    refused(message.encoded(payload=value), WRONG_PART)


@pytest.mark.parametrize("value", [b"", b"claim"])
def test_a_payload_of_bytes_is_refused(message: Message, value: bytes) -> None:
    """
    Two readers could each take another one of two claims.
    """
    refused(message.encoded(payload=value), WRONG_PART)


@pytest.mark.parametrize("value", WRONG_TYPES)
def test_signature_bytes_of_another_type_are_refused(message: Message, value: object) -> None:
    """
    It is a byte string.
    """
    refused(message.encoded(signature=value), WRONG_PART)


@pytest.mark.parametrize("key", [33, "x5chain"])
@pytest.mark.parametrize("value", WRONG_TYPES)
def test_a_chain_of_another_type_is_refused(message: Message, key: int | str, value: object) -> None:
    """
    Under either name, in either header.
    """
    why = "^certificate chain (is not 1 to 8 certificates|holds something that is not bytes)$"

    refused(message.encoded(unprotected={key: value}), why)
    refused(message.encoded(protected=cbor2.dumps({1: PS256, key: value}), unprotected={}), why)


@pytest.mark.parametrize("value", WRONG_TYPES)
def test_a_certificate_of_another_type_is_refused(message: Message, value: object) -> None:
    """
    Wherever in the chain.
    """
    why = "^certificate chain holds something that is not bytes$"

    refused(message.encoded(unprotected={33: [value]}), why)
    refused(message.encoded(unprotected={33: [*message.chain, value]}), why)


@pytest.mark.parametrize("der", [b"", b"\x30\x00", bytes(20_000)])
def test_a_certificate_that_cannot_be_read_is_refused(message: Message, der: bytes) -> None:
    """
    Even one above the anchor: the chain is read whole or not at all.
    """
    refused(message.encoded(unprotected={33: der}), "^certificate ")
    refused(message.encoded(unprotected={33: [*message.chain, der]}), "^certificate ")


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(cbor2.CBORTag(0, "2024-01-01T00:00:00Z"), id="time"),
        pytest.param(cbor2.CBORTag(1, 0), id="epoch"),
        pytest.param(cbor2.CBORTag(2, b"\1" * 9), id="bignum"),
        pytest.param(cbor2.CBORTag(24, b"\x41x"), id="encoded-cbor"),
        pytest.param(cbor2.CBORTag(37, bytes(16)), id="uuid"),
        pytest.param(cbor2.CBORTag(99, b"x"), id="unknown"),
        pytest.param(cbor2.CBORTag(258, [b"x"]), id="set"),
    ],
)
def test_a_tagged_value_is_refused_wherever_something_is_read(message: Message, value: cbor2.CBORTag) -> None:
    """
    A decoder makes values of its own of many tags, and none of them is what belongs here.
    """
    ordinary = {"x5chain": message.chain}
    everywhere = [
        cbor2.dumps(value),
        cbor2.dumps(cbor2.CBORTag(18, value)),
        message.encoded(protected=value),
        message.encoded(protected=cbor2.dumps(value)),
        message.encoded(unprotected=value),
        message.encoded(payload=value),
        message.encoded(signature=value),
        message.encoded(unprotected={33: value}),
        message.encoded(unprotected={"x5chain": [*message.chain, value]}),
        message.encoded(unprotected={**ordinary, "sigTst": value}),
        message.encoded(unprotected={**ordinary, "sigTst2": {"tstTokens": value}}),
        _with_tokens(message, [value]),
        _with_tokens(message, [{"val": value}]),
    ]

    for encoded in everywhere:
        with pytest.raises(StructureError):
            read_credential(encoded)


def test_as_many_certificates_as_allowed_are_read(message: Message) -> None:
    """
    The bound itself is allowed.
    """
    chain = (message.chain * 3)[:MAX_CERTIFICATES]

    assert [item.der for item in read_credential(message.encoded(unprotected={33: chain})).chain] == chain


def test_nine_certificates_are_refused(message: Message) -> None:
    """
    Nobody needs as many.
    """
    refused(message.encoded(unprotected={33: message.chain * 3}), "is not 1 to 8 certificates")


@pytest.mark.parametrize(
    ("in_protected", "in_unprotected"),
    [
        pytest.param((), (), id="none"),
        pytest.param((33, "x5chain"), (), id="both-keys-protected"),
        pytest.param((), (33, "x5chain"), id="both-keys-unprotected"),
        pytest.param((33,), (33,), id="both-headers"),
        pytest.param((33,), ("x5chain",), id="both-headers-other-key"),
        pytest.param((33, "x5chain"), (33, "x5chain"), id="everywhere"),
    ],
)
def test_a_message_carries_exactly_one_chain(
    message: Message, in_protected: tuple[int | str, ...], in_unprotected: tuple[int | str, ...]
) -> None:
    """
    Two readers could each judge another one, even where the two are equal.
    """
    protected = cbor2.dumps({1: PS256, **dict.fromkeys(in_protected, message.chain)})
    unprotected = dict.fromkeys(in_unprotected, message.chain)
    count = len(in_protected) + len(in_unprotected)

    refused(
        message.encoded(protected=protected, unprotected=unprotected), f"carries {count} certificate chains"
    )


@pytest.mark.parametrize("key", ["sigTst", "sigTst2"])
@pytest.mark.parametrize("value", [case for case in WRONG_TYPES if case.id != "null"])
def test_a_time_stamp_header_of_another_type_is_refused(message: Message, key: str, value: object) -> None:
    """
    An empty map holds no list of tokens either.
    """
    refused(
        message.encoded(unprotected={"x5chain": message.chain, key: value}),
        "^time-stamp header is not a (map|list of at most 4 tokens)$",
    )


@pytest.mark.parametrize("value", [case for case in WRONG_TYPES if case.id != "empty-list"])
def test_tokens_of_another_type_are_refused(message: Message, value: object) -> None:
    """
    They are a list of maps.
    """
    refused(
        _with_tokens(message, value),
        "^time-stamp (header is not a list|token is not a map|token is not bytes)",
    )


@pytest.mark.parametrize("value", [case for case in WRONG_TYPES if case.id != "map"])
def test_a_token_of_another_type_is_refused(message: Message, value: object) -> None:
    """
    Even behind a good one.
    """
    why = "^time-stamp token is not (a map|bytes)"

    refused(_with_tokens(message, [value]), why)
    refused(_with_tokens(message, [{"val": b"x"}, value]), why)


@pytest.mark.parametrize("value", WRONG_TYPES)
def test_a_token_value_of_another_type_is_refused(message: Message, value: object) -> None:
    """
    It is a byte string.
    """
    refused(_with_tokens(message, [{"val": value}]), "^time-stamp token is not bytes")


def test_five_tokens_are_refused(message: Message) -> None:
    """
    Each costs several signature checks.
    """
    refused(_with_tokens(message, [{"val": b"x"}] * 5), "is not a list of at most 4 tokens")


def test_a_token_that_is_too_long_is_refused(message: Message) -> None:
    """
    Real ones are 4 to 6 KiB.
    """
    refused(_with_tokens(message, [{"val": bytes(65_537)}]), "token is not bytes, or too long")


# --- hostile CBOR ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        pytest.param("9f0102ff", id="list"),
        pytest.param("bf0102ff", id="map"),
        pytest.param("5f4101ff", id="bytes"),
        pytest.param("7f6161ff", id="text"),
        pytest.param("829f01ff01", id="inside"),
    ],
)
def test_indefinite_lengths_are_refused(data: str) -> None:
    """
    They give one value several encodings, and a reader work without bound.
    """
    with pytest.raises(StructureError, match=r"^CBOR cannot be read: "):
        decode(bytes.fromhex(data))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param("a201010102", id="number"),
        pytest.param("a2616101616102", id="text"),
        pytest.param("a2011801180102", id="other-encoding"),
        pytest.param("a20101f502", id="true-is-one-to-python"),
        pytest.param("81a201010102", id="inside"),
    ],
)
def test_repeated_keys_are_refused(data: str) -> None:
    """
    Two readers could each take another one of the two values.
    """
    with pytest.raises(StructureError, match=r"^CBOR cannot be read: "):
        decode(bytes.fromhex(data))


def test_bytes_after_the_value_are_refused(message: Message) -> None:
    """
    A box holds one message; padding has its own header.
    """
    refused(message.encoded() + b"\0", "bytes follow a CBOR value")


def test_a_message_that_is_cut_off_is_refused(message: Message) -> None:
    """
    At whatever byte.
    """
    encoded = message.encoded()

    for length in range(0, len(encoded), 7):
        refused(encoded[:length], "CBOR cannot be read")


def test_sixteen_levels_are_read() -> None:
    """
    The bound itself is allowed.
    """
    value = decode(b"\x81" * 15 + b"\x80")
    levels = 1
    while isinstance(value, list) and value:
        value, levels = value[0], levels + 1

    assert levels == 16


@pytest.mark.parametrize("opening", [b"\x81", b"\xa1\x01", b"\xc6", b"\xd8\x1c\x81"])
def test_a_bomb_of_depth_is_refused(opening: bytes) -> None:
    """
    Lists, maps and tags count, and nothing recurses without bound.
    """
    with pytest.raises(StructureError, match="depth"):
        decode(opening * 200_000)


@pytest.mark.parametrize("head", ["5b", "7b", "9b", "bb"])
@pytest.mark.parametrize("length", [2**31, 2**40, 2**63 - 1, 2**64 - 1])
def test_a_length_that_is_a_lie_costs_nothing(head: str, length: int) -> None:
    """
    Memory follows what is there and not what is announced.
    """
    with pytest.raises(StructureError, match=r"^CBOR cannot be read: "):
        decode(bytes.fromhex(head) + length.to_bytes(8))


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(cbor2.CBORTag(30, [1, 0]), id="one-over-nought"),
        pytest.param(cbor2.CBORTag(4, [2**62, 1]), id="huge-exponent"),
        pytest.param(cbor2.CBORTag(5, [2**62, 1]), id="huge-binary-exponent"),
        pytest.param(cbor2.CBORTag(1, float("inf")), id="infinite-time"),
        pytest.param(cbor2.CBORTag(1, 2**63), id="time-out-of-range"),
        pytest.param(cbor2.CBORTag(35, "(("), id="bad-expression"),
        pytest.param(cbor2.CBORTag(35, "(" * 5_000 + ")" * 5_000), id="deep-expression"),
        pytest.param(cbor2.CBORTag(37, b"x"), id="bad-uuid"),
        pytest.param(cbor2.CBORTag(261, {b"xxxx": 99}), id="bad-network"),
        pytest.param(cbor2.CBORTag(258, 1), id="bad-set"),
        pytest.param(cbor2.CBORTag(29, 1), id="dangling-reference"),
        pytest.param(cbor2.CBORTag(25, 0), id="dangling-string"),
    ],
)
def test_tags_that_promise_another_value_are_refused(value: cbor2.CBORTag) -> None:
    """
    The decoder turns tags into values of its own, and their errors must not escape.
    """
    with pytest.raises(StructureError, match=r"^CBOR cannot be read: "):
        decode(cbor2.dumps(value))


def test_a_bomb_of_shared_references_is_refused() -> None:
    """
    Seven lists as a map key, each holding the one before it N times: to hash it takes N ** 7 steps.

    N is 4 here; with 60, which fits into 1,500 bytes, it takes hours.
    """
    lists = [b"\xd8\x1c\x84" + (b"\x01" if i == 0 else b"\xd8\x1d" + bytes([i - 1])) * 4 for i in range(7)]

    with pytest.raises(StructureError):
        decode(b"\xa1\x87" + b"".join(lists) + b"\x01")


def test_a_bomb_of_colliding_keys_is_refused() -> None:
    """
    Python hashes numbers modulo a prime: keys beyond 64 bits can be made that all collide.

    The time grows with the square of their number; 16,000 in 320 kB take seconds.
    """
    keys = (cbor2.dumps((2**61 - 1) * (2**70 + index)) for index in range(200))

    with pytest.raises(StructureError):
        decode(b"\xb8\xc8" + b"".join(key + b"\0" for key in keys))


@settings(max_examples=300)
@given(st.binary(max_size=256))
@example(b"\xd2\xd8\x1c\x84\x41\xa0\xd8\x1d\x00\xf6\x40")
def test_any_bytes_are_a_credential_or_a_structure_error(data: bytes) -> None:
    """
    Nothing but `StructureError` comes out; no certificate is short enough for anything else.
    """
    with pytest.raises(StructureError):
        read_credential(data)


_SPOT = st.tuples(st.integers(0, 8_191), st.integers(0, 255))


@settings(max_examples=400)
@given(version=st.sampled_from([1, 2]), spots=st.lists(_SPOT, min_size=1, max_size=3))
def test_a_spoilt_message_is_read_or_a_structure_error(
    real: tuple[bytes, ...], version: int, spots: list[tuple[int, int]]
) -> None:
    """
    Mutations of real messages reach deeper than arbitrary bytes; what is read keeps its bounds.
    """
    mutated = bytearray(real[version - 1])
    for position, value in spots:
        mutated[position % len(mutated)] = value

    try:
        found = read_credential(bytes(mutated))
    except StructureError:
        return

    assert 1 <= len(found.chain) <= 8
    assert len(found.tokens) <= 4
    assert isinstance(found.algorithm, int)


_CBOR = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64 - 1)
    | st.floats()
    | st.text(max_size=4)
    | st.binary(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=2) | st.sampled_from([1, 33, "x5chain", "sigTst", "sigTst2"]), inner, max_size=4
        )
        | st.builds(
            cbor2.CBORTag,
            st.sampled_from([0, 1, 2, 3, 4, 5, 18, 24, 30, 35, 36, 37, 100, 258, 260, 261]),
            inner,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=300)
@given(protected=_CBOR, unprotected=_CBOR, signature=_CBOR)
def test_headers_of_any_cbor_are_a_structure_error(
    protected: object, unprotected: object, signature: object
) -> None:
    """
    No certificate can be written in four bytes, so nothing here is a credential.
    """
    encoded = cbor2.dumps(cbor2.CBORTag(18, [cbor2.dumps(protected), unprotected, None, signature]))

    with pytest.raises(StructureError):
        read_credential(encoded)
