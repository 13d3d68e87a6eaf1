"""
Rows 2 and 5: time-stamps of authorities that nobody knows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from provenance import Verifier, to_dict
from provenance import authority as made
from provenance.authority import Authority, ManifestSpec, TokenOptions, sign_image
from provenance.manifest.status import StatusKind, ValidationState
from tests.support import codes
from tests.validation.engine_faults.support import (
    PNG,
    PNG_AND_JPEG,
    ask_engine,
    finding_ids,
    options_for,
    readable_v2,
)

# --- 2: the time-stamp authority of version 1 -----------------------------------------------------


@PNG_AND_JPEG
def test_row_2_a_self_made_time_stamp_does_not_revive_an_expired_signer(
    authority: Authority, impostor: Authority, verifier: Verifier, plain: bytes
) -> None:
    """
    In claims of version 1 the engine never checks who the time-stamp authority is.
    """
    signed = sign_image(plain, replace(made.azure_v1(authority), time_stamper=impostor.time_stamper))

    result = verifier.verify(signed)

    assert ask_engine(signed, options_for(authority)).state == "Trusted"
    assert (result.state, result.accepted) == (ValidationState.VALID, False)
    assert (finding_ids(result), result.origin) == (["signing_credential"], None)
    assert result.readings[0].signature.signed_at is None
    informed = codes(result.readings[0].statuses, StatusKind.INFORMATIONAL)
    assert "timeStamp.untrusted" in informed


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(TokenOptions(flip_signature=True), id="signature"),
        pytest.param(TokenOptions(message_digest=bytes(32)), id="message-digest"),
        pytest.param(TokenOptions(content=b"no TSTInfo"), id="content"),
        pytest.param(TokenOptions(certificates=()), id="no-certificates"),
        pytest.param(TokenOptions(ess_version=0), id="no-signing-certificate"),
    ],
)
@pytest.mark.parametrize("describe", [made.azure_v1, readable_v2], ids=["v1", "v2"])
def test_row_2_a_time_stamp_that_does_not_hold_counts_as_none(
    authority: Authority,
    verifier: Verifier,
    describe: Callable[[Authority], ManifestSpec],
    options: TokenOptions,
) -> None:
    """
    An expired signer is then not trusted, whatever time the token states.
    """
    result = verifier.verify(sign_image(PNG, replace(describe(authority), token_options=options)))

    assert (result.state, result.readings[0].signature.signed_at) == (ValidationState.VALID, None)


# --- 5: the time of signing -----------------------------------------------------------------------


def test_row_5_the_time_of_an_untrusted_time_stamp_is_not_signed_at(
    authority: Authority, impostor: Authority, verifier: Verifier
) -> None:
    """
    The engine fills in the time whoever says it; a signer that is still valid stays trusted without it.
    """
    spec = made.azure_v1(authority, credential=authority.lasting_signer)
    signed = sign_image(PNG, replace(spec, time_stamper=impostor.time_stamper))

    result = verifier.verify(signed)

    manifests = ask_engine(signed, options_for(authority)).answer["manifests"]
    assert isinstance(manifests, dict)
    assert manifests[spec.label]["signature_info"]["time"] == "2024-06-01T12:00:00+00:00"
    assert result.state is ValidationState.TRUSTED
    assert result.readings[0].signature.signed_at is None
    report = to_dict(result)["credential"]
    assert (report["signed_at"], report["time_stamp"]) == (None, None)


def test_row_5_the_time_of_a_trusted_time_stamp_is_signed_at(
    authority: Authority, verifier: Verifier
) -> None:
    """
    The other side of the same rule.
    """
    result = verifier.verify(sign_image(PNG, made.azure_v1(authority)))

    assert result.readings[0].signature.signed_at == made.SIGNED_AT
    assert to_dict(result)["credential"]["signed_at"] == "2024-06-01T12:00:00Z"
