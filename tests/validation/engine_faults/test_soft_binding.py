"""
Row 1: the soft-binding fault, which is tolerated, and nothing beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from provenance import Verifier, to_dict
from provenance import authority as made
from provenance.authority import AssertionSpec, Authority, sign_image
from provenance.manifest.status import StatusKind, ValidationState
from tests.support import codes
from tests.validation.edited_answer_support import active_results, judge_edited
from tests.validation.engine_faults.support import (
    PNG,
    ask_engine,
    failure_codes,
    finding_ids,
    options_for,
    readable_v2,
)


def test_row_1_the_soft_binding_fault_is_tolerated_and_stays_visible(
    authority: Authority, verifier: Verifier
) -> None:
    """
    Every genuine image of claim version 2 meets this fault of the engine.
    """
    spec = made.azure_v2(authority)
    signed = sign_image(PNG, spec)

    result = verifier.verify(signed)

    raw = ask_engine(signed, options_for(authority))
    assert (raw.state, list(raw.failures)) == ("Invalid", ["claim.malformed"])
    assert (result.state, result.accepted) == (ValidationState.TRUSTED, True)
    (tolerated,) = result.readings[0].tolerated
    assert tolerated.code == "claim.malformed"
    assert tolerated.url == f"self#jumbf=/c2pa/{spec.label}/c2pa.assertions/c2pa.soft-binding"
    assert tolerated not in result.readings[0].statuses
    assert [status["code"] for status in to_dict(result)["tolerated"]] == ["claim.malformed"]


def test_row_1_the_fault_is_tolerated_in_an_ingredient_as_well(
    authority: Authority, lineage: Verifier
) -> None:
    """
    Microsoft Designer takes such images in.
    """
    spec = made.designer(authority, made.azure_v2(authority), claim_version=2)

    result = lineage.verify(sign_image(PNG, spec))

    assert result.accepted is True
    assert [len(reading.tolerated) for reading in result.readings] == [0, 1]


SOFT_BINDING = made.soft_binding_assertion()


@pytest.mark.parametrize(
    ("assertions", "failed"),
    [
        pytest.param(
            (replace(SOFT_BINDING, written={"alg": "other"}),),
            ["integrity", "conformance"],
            id="hash-does-not-match",
        ),
        pytest.param((replace(SOFT_BINDING, stored=False),), ["integrity", "conformance"], id="missing"),
        pytest.param((SOFT_BINDING, SOFT_BINDING), ["conformance"], id="a-second-one"),
        pytest.param((replace(SOFT_BINDING, content=b"\xff", form="raw"),), ["integrity"], id="not-cbor"),
        pytest.param((replace(SOFT_BINDING, referenced=False),), ["integrity"], id="not-in-the-claim"),
    ],
)
def test_row_1_nothing_but_the_one_intact_soft_binding_is_tolerated(
    authority: Authority, verifier: Verifier, assertions: tuple[AssertionSpec, ...], failed: list[str]
) -> None:
    """
    The rule needs the assertion's own hash to match, and knows one label only.
    """
    signed = sign_image(PNG, replace(made.azure_v2(authority), assertions=assertions))

    result = verifier.verify(signed)

    assert (result.state, finding_ids(result)) == (ValidationState.INVALID, failed)


@pytest.mark.parametrize("label", ["c2pa.cloud-data", "c2pa.metadata", "c2pa.external-reference"])
def test_row_1_another_assertion_that_cannot_be_decoded_is_invalid(
    authority: Authority, verifier: Verifier, label: str
) -> None:
    """
    Only the soft binding is known to be misread.
    """
    spec = readable_v2(authority)
    other = AssertionSpec(label=label, content=7)

    result = verifier.verify(sign_image(PNG, replace(spec, assertions=(*spec.assertions, other))))

    assert result.state is ValidationState.INVALID


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"explanation": "something else could not be decoded"}, id="explanation"),
        pytest.param({"explanation": ""}, id="no-explanation"),
        pytest.param({"url": "self#jumbf=/c2pa/LABEL/c2pa.assertions/c2pa.metadata"}, id="assertion"),
        pytest.param({"url": "self#jumbf=/c2pa/other/c2pa.assertions/c2pa.soft-binding"}, id="manifest"),
        pytest.param({"url": "self#jumbf=c2pa.assertions/c2pa.soft-binding"}, id="relative"),
        pytest.param({"url": "LABEL"}, id="whole-manifest"),
        pytest.param({"code": "claim.multiple"}, id="code"),
    ],
)
def test_row_1_the_rule_is_exact(
    authority: Authority, verifier: Verifier, monkeypatch: pytest.MonkeyPatch, change: Mapping[str, str]
) -> None:
    """
    What the engine might say some day about something else must not slip through.
    """
    spec = made.azure_v2(authority)
    told = {key: value.replace("LABEL", spec.label) for key, value in change.items()}

    result = judge_edited(verifier, monkeypatch, sign_image(PNG, spec), edit_failures(lambda one: one | told))

    assert (result.state, result.readings[0].tolerated) == (ValidationState.INVALID, ())


def test_row_1_the_rule_needs_the_match_of_the_assertion_itself(
    authority: Authority, verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Without `assertion.hashedURI.match` nobody says that these are the bytes that were signed.
    """

    def forget_match(answer: dict[str, object]) -> None:
        active = active_results(answer)
        active["success"] = [one for one in active["success"] if "soft-binding" not in one["url"]]

    result = judge_edited(verifier, monkeypatch, sign_image(PNG, made.azure_v2(authority)), forget_match)

    assert (result.state, failure_codes(result)) == (ValidationState.INVALID, ["claim.malformed"])


def test_row_1_the_fault_excuses_nothing_else(authority: Authority, verifier: Verifier) -> None:
    """
    A changed picture under the fault is a changed picture.
    """
    signed = bytearray(sign_image(PNG, made.azure_v2(authority)))
    signed[-20] ^= 1

    result = verifier.verify(bytes(signed))

    assert (result.state, failure_codes(result)) == (ValidationState.INVALID, ["assertion.dataHash.mismatch"])
    assert codes(result.readings[0].tolerated, StatusKind.FAILURE) == ["claim.malformed"]


def edit_failures(change: Callable[[dict[str, str]], dict[str, str]]) -> Callable[[dict[str, object]], None]:
    """
    Change every failure of the active manifest.
    """

    def edit(answer: dict[str, object]) -> None:
        active = active_results(answer)
        active["failure"] = [change(failure) for failure in active["failure"]]

    return edit
