"""
Row 7: settings that are ignored in silence.
"""

from __future__ import annotations

import base64

import pytest

from provenance import authority as made
from provenance.authority import Authority, sign_image
from provenance.validation.engine import Anchors, engine_settings
from tests.support import certificate
from tests.validation.engine_faults.support import PNG, ask_engine, options_for, with_trust


def test_row_7_the_settings_have_the_one_shape_that_works(authority: Authority) -> None:
    """
    A misspelt key would be accepted in silence, so the whole shape is pinned.
    """
    root, stamp_root = certificate(authority.root), certificate(authority.time_stamp_root)

    written = engine_settings(Anchors(frozenset({root}), frozenset({stamp_root}), ("1.2.3", "1.2.4")))

    trust = written.pop("trust")
    assert isinstance(trust, dict)
    assert written == {
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
        "core": {"decode_identity_assertions": False, "allowed_network_hosts": []},
    }
    assert trust.keys() == {"anchors", "trust_config"}
    assert trust["trust_config"] == "1.2.3\n1.2.4"
    assert [(one.keys(), one["trust_kind"]) for one in trust["anchors"]] == [
        ({"trust_anchors", "trust_uri", "trust_kind"}, "manifest"),
        ({"trust_anchors", "trust_uri", "trust_kind"}, "tsa"),
    ]
    for anchor, expected in zip(trust["anchors"], (root, stamp_root), strict=True):
        body = "".join(anchor["trust_anchors"].splitlines()[1:-1])
        assert base64.b64decode(body) == expected.der


def test_row_7_an_empty_list_of_anchors_is_left_out(authority: Authority) -> None:
    """
    An empty PEM text makes some releases fail every read.
    """
    trust = engine_settings(Anchors())["trust"]

    assert trust == {"anchors": [], "trust_config": ""}


def test_row_7_the_order_of_anchors_does_not_change_the_settings(authority: Authority) -> None:
    """
    A set has no order, and contexts are kept by what they believe.
    """
    both = (certificate(authority.root), certificate(authority.time_stamp_root))

    written = [engine_settings(Anchors(claims=frozenset(order))) for order in (both, both[::-1])]

    assert written[0] == written[1]


@pytest.mark.parametrize(
    "pem",
    ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"],
    ids=["empty", "no-pem", "no-certificate"],
)
def test_row_7_the_engine_says_nothing_about_unreadable_anchors(authority: Authority, pem: str) -> None:
    """
    It only trusts nobody; hence the self-test, and hence anchors that are parsed before.
    """
    signed = sign_image(PNG, made.azure_v1(authority))
    anchors = [{"trust_anchors": pem, "trust_uri": "urn:x", "trust_kind": "manifest"}]

    raw = ask_engine(signed, with_trust(authority, anchors=anchors))

    assert (raw.error, raw.state) == ("", "Valid")
    assert raw.failures == {"signingCredential.untrusted"}


def test_row_7_the_engine_says_nothing_about_unknown_settings(authority: Authority) -> None:
    """
    Once it does, the self-test has less to do.
    """
    options = {**options_for(authority), "no_such_table": {"no_such_key": True}}

    assert ask_engine(sign_image(PNG, made.azure_v1(authority)), options).state == "Trusted"


def test_row_7_the_purpose_must_stand_at_the_top(authority: Authority) -> None:
    """
    Without it every one of Microsoft's signers is of the wrong purpose.
    """
    raw = ask_engine(sign_image(PNG, made.azure_v1(authority)), with_trust(authority, trust_config=""))

    assert raw.failures == {"signingCredential.untrusted", "signingCredential.invalid"}
