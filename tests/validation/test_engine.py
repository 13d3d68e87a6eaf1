"""
The engine's answers and errors, made into values; its known faults stand in engine_faults.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace

import c2pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance import authority as made
from provenance.asset.asset import Asset
from provenance.asset.limits import Limits
from provenance.authority import Authority, sign_image
from provenance.errors import EngineError
from provenance.manifest.manifest import Action, Manifest, ManifestStore
from provenance.manifest.status import StatusKind, StatusSource, ValidationStatus
from provenance.validation import engine
from provenance.validation.engine import Anchors, Engine, EngineReading, NoManifestError, RejectedStoreError
from provenance.validation.engine_json import parse_answer
from tests.support import certificate

PNG = made.plain_png(24, 16, seed=1)
SIGNATURE_URL = "self#jumbf=/c2pa/{}/c2pa.signature"


def anchors_of(authority: Authority) -> Anchors:
    """
    Believe an authority's certificates.
    """
    return Anchors(
        frozenset({certificate(authority.root)}),
        frozenset({certificate(authority.time_stamp_root)}),
        (made.PURPOSE_MICROSOFT_CLAIM,),
    )


def read(data: bytes | Path, anchors: Anchors) -> EngineReading:
    """
    Read an asset with an engine of its own.
    """
    with Asset.open(data, Limits()) as asset:
        return Engine().read(asset, anchors)


# --- reading --------------------------------------------------------------------------------------


def test_an_image_is_read_into_values(authority: Authority) -> None:
    """
    Manifest, action and statuses, each where it belongs.
    """
    spec = made.azure_v1(authority)

    store = read(sign_image(PNG, spec), anchors_of(authority)).store

    manifest = store.manifests[store.active]
    assert (store.active, manifest.claim_version) == (spec.label, 1)
    assert manifest.claim_generator == "Microsoft_Responsible_AI/1.0"
    assert manifest.created == Action(
        "c2pa.created",
        "Azure OpenAI DALL-E",
        "Generated with AI",
        "2024-06-01T12:00:00Z",
        made.TRAINED_ALGORITHMIC_MEDIA,
    )
    found = {status.code for status in manifest.statuses if status.kind is StatusKind.SUCCESS}
    assert {"claimSignature.validated", "signingCredential.trusted", "assertion.boxesHash.match"} <= found


def test_nothing_is_believed_without_anchors(authority: Authority) -> None:
    """
    Neither the system's certificates nor those of an earlier call.
    """
    signed = sign_image(PNG, made.azure_v1(authority))
    shared = Engine()

    found = []
    for anchors in (anchors_of(authority), Anchors()):
        with Asset.from_bytes(signed, Limits()) as asset:
            (manifest,) = shared.read(asset, anchors).store.manifests.values()
        found.append({s.code for s in manifest.statuses if s.kind is StatusKind.FAILURE})

    assert found == [set(), {"signingCredential.untrusted", "signingCredential.invalid"}]


@pytest.mark.parametrize("describe", [made.azure_v1, made.azure_v2, made.azure_2023])
def test_a_path_and_bytes_are_read_alike(authority: Authority, tmp_path: Path, describe: object) -> None:
    """
    A file is read by libc's functions with its descriptor, bytes by the binding's.
    """
    assert callable(describe)
    signed = sign_image(PNG, describe(authority))
    path = tmp_path / "signed.png"
    path.write_bytes(signed)

    by_path, by_bytes = (read(source, anchors_of(authority)) for source in (path, signed))

    assert by_path == by_bytes


def test_a_file_is_read_alike_where_the_binding_does_it(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Not every platform has libc's functions.
    """
    path = tmp_path / "signed.png"
    path.write_bytes(sign_image(PNG, made.azure_v1(authority)))
    expected = read(path, anchors_of(authority))
    engine._reader_class.cache_clear()
    monkeypatch.setattr(engine, "os", SimpleNamespace(name="nt", getpid=os.getpid))

    actual = read(path, anchors_of(authority))

    engine._reader_class.cache_clear()
    assert actual == expected


def test_the_store_is_handed_out_as_the_engine_read_it(authority: Authority) -> None:
    """
    Byte for byte as embedded, but for manifests that nothing references.
    """
    spec = made.azure_v1(authority)
    orphan = made.make_manifest(PNG, made.azure_v1(authority, label="urn:uuid:orphan"))
    signed, joined = sign_image(PNG, spec), sign_image(PNG, spec, unreferenced=(orphan,))

    plain, with_orphan = (read(data, Anchors()).manifest_store for data in (signed, joined))

    assert plain in signed
    assert [manifest.label for manifest in made.split_store(plain)] == [spec.label]
    assert [manifest.label for manifest in made.split_store(with_orphan)] == [spec.label]


def test_an_image_without_a_store_has_none() -> None:
    """
    That is an answer, and nobody's fault.
    """
    with pytest.raises(NoManifestError):
        read(PNG, Anchors())


@pytest.mark.parametrize(
    ("store", "kind"), [(b"garbage, not a store", "Verify"), (made.build_store(), "Other")]
)
def test_a_store_that_is_refused_says_how(store: bytes, kind: str) -> None:
    """
    The engine's kind of error stands in the report.
    """
    with pytest.raises(RejectedStoreError) as caught:
        read(made.embed_store(PNG, store), Anchors())

    assert caught.value.kind == kind
    assert str(caught.value)


@pytest.mark.parametrize(
    ("message", "kind", "text"),
    [
        ("Verify: bad box", "Verify", "bad box"),
        ("Verify:", "Verify", "Verify:"),
        ("no colon at all", "no colon at all", "no colon at all"),
        ("", "", ""),
        ("Other: ManifestNotFound: x", "Other", "ManifestNotFound: x"),
    ],
)
def test_an_error_is_taken_apart(message: str, kind: str, text: str) -> None:
    """
    Of whatever shape it is.
    """
    error = engine._refusal(message)

    assert isinstance(error, RejectedStoreError)
    assert (error.kind, str(error)) == (kind, text)


def test_settings_that_are_refused_are_no_fault_of_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Some day the engine may check its settings.
    """

    class Refusing:
        @staticmethod
        def from_dict(_: object) -> object:
            raise c2pa.C2paError("Other: unknown key")

    stub = SimpleNamespace(Context=Refusing, C2paError=c2pa.C2paError)
    monkeypatch.setattr(engine, "load_engine", lambda: stub)

    with pytest.raises(EngineError, match="refuses its settings: Other: unknown key"):
        read(PNG, Anchors())


def test_a_context_is_made_once_for_the_same_anchors(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    It costs 0.6 ms, and is shared between threads.
    """
    made_of: list[object] = []
    real = c2pa.Context.from_dict

    def counted(settings: object) -> object:
        made_of.append(settings)
        return real(settings)

    monkeypatch.setattr(c2pa.Context, "from_dict", counted)
    shared = Engine()
    signed = sign_image(PNG, made.azure_v1(authority))

    for _ in range(3):
        with Asset.from_bytes(signed, Limits()) as asset:
            shared.read(asset, anchors_of(authority))

    assert len(made_of) == 1


def test_another_process_gets_a_context_of_its_own(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    After a fork the parent's is dead.
    """
    shared = Engine()
    signed = sign_image(PNG, made.azure_v1(authority))
    found = []

    for process in (1, 2, 1):
        monkeypatch.setattr(engine, "os", SimpleNamespace(name=os.name, getpid=lambda pid=process: pid))
        with Asset.from_bytes(signed, Limits()) as asset:
            found.append(shared.read(asset, anchors_of(authority)))

    assert found[0] == found[1] == found[2]
    assert len(shared._contexts) == 2


def test_the_engine_is_loaded_once() -> None:
    """
    And is the module that everything else here is measured against.
    """
    loaded = engine.load_engine()

    assert isinstance(loaded, ModuleType)
    assert loaded is engine.load_engine() is c2pa


# --- answers --------------------------------------------------------------------------------------


def parsed(answer: object) -> ManifestStore:
    """
    Read an answer given as a value.
    """
    return parse_answer(json.dumps(answer))


def only(entry: Mapping[str, object]) -> Manifest:
    """
    Read an answer of one manifest.
    """
    return parsed({"active_manifest": "a", "manifests": {"a": entry}}).manifests["a"]


def actions_in(data: object, label: str = "c2pa.actions") -> tuple[Action, ...]:
    """
    Read an answer of one actions assertion.
    """
    return only({"assertions": [{"label": label, "data": data}]}).actions


@pytest.mark.parametrize("text", ["", "{", "nonsense", "\ud800", "{} {}"])
def test_an_answer_that_is_no_json_is_the_engines_fault(text: str) -> None:
    """
    It says nothing about the image.
    """
    with pytest.raises(EngineError, match="something else than JSON"):
        parse_answer(text)


@pytest.mark.parametrize("text", ["[]", "null", "1", '"text"', "true"])
def test_an_answer_that_is_no_object_is_the_engines_fault(text: str) -> None:
    """
    Likewise.
    """
    with pytest.raises(EngineError, match="something else than an object"):
        parse_answer(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("manifests", "assertions", "label", "data", "actions", "action", "softwareAgent"),
                    *("ingredients", "active_manifest", "validation_results", "activeManifest", "failure"),
                    *("ingredientDeltas", "validationDeltas", "code", "url", "claim_generator_info"),
                    *("validation_status", "ingredientAssertionURI", "name", "success", "title", "a"),
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=40,
)


@given(st.dictionaries(st.sampled_from(["active_manifest", "manifests", "validation_results"]), JSON))
def test_any_object_is_read(answer: dict[str, object]) -> None:
    """
    What is of another type than expected is left out; nothing is indexed blindly.
    """
    store = parsed(answer)

    assert all(path[-1] in store.manifests for path in store.reached())
    assert all(isinstance(action.action, str) for m in store.manifests.values() for action in m.actions)


def test_manifests_that_are_no_objects_are_left_out() -> None:
    """
    So that whatever names them finds nothing.
    """
    assert list(parsed({"manifests": {"a": 1, "b": {}, "c": None}}).manifests) == ["b"]
    assert parsed({"manifests": ["a"]}).manifests == {}


@pytest.mark.parametrize("label", ["c2pa.actions", "c2pa.actions.v2", "actions", "c2pa.actions.v2__1"])
def test_actions_are_read_from_every_label_they_had(label: str) -> None:
    """
    In 2023 Azure wrote "actions".
    """
    assert [a.action for a in actions_in({"actions": [{"action": "c2pa.created"}]}, label)] == [
        "c2pa.created"
    ]
    assert [a.action for a in actions_in([{"action": "c2pa.created"}], label)] == ["c2pa.created"]


@pytest.mark.parametrize("label", ["c2pa.action", "c2pa.actions.v3", "org.example.actions", "C2PA.ACTIONS"])
def test_other_labels_hold_no_actions(label: str) -> None:
    """
    Anyone may put a list called actions anywhere.
    """
    assert actions_in({"actions": [{"action": "c2pa.created"}]}, label) == ()


def test_actions_of_several_assertions_stand_in_order() -> None:
    """
    Created and gathered ones; two created actions must both be seen.
    """
    first = {"label": "c2pa.actions.v2", "data": {"actions": [{"action": "one"}, {"action": "two"}]}}
    second = {"label": "c2pa.actions.v2__1", "data": {"actions": [{"action": "three"}]}}

    manifest = only({"assertions": [first, {"label": "x"}, second]})

    assert [action.action for action in manifest.actions] == ["one", "two", "three"]
    assert manifest.assertions == ("c2pa.actions.v2", "x", "c2pa.actions.v2__1")


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("Azure OpenAI ImageGen", "Azure OpenAI ImageGen"),
        ({"name": "Azure OpenAI ImageGen"}, "Azure OpenAI ImageGen"),
        ({"name": "Azure OpenAI ImageGen", "version": "1"}, "Azure OpenAI ImageGen"),
        ({"Name": "Azure OpenAI ImageGen"}, None),
        ({"name": 5}, "5"),
        ({}, None),
        (["Azure OpenAI ImageGen"], '["Azure OpenAI ImageGen"]'),
        (5, "5"),
        (None, "null"),
        ("", ""),
    ],
)
def test_a_software_agent_is_text_or_a_map_with_a_name(written: object, read_as: str | None) -> None:
    """
    Anything else never reads as one of the names.
    """
    (action,) = actions_in([{"action": "c2pa.created", "softwareAgent": written}])

    assert action.software_agent == read_as


@pytest.mark.parametrize("key", ["softwareagent", "SoftwareAgent", "software_agent", " softwareAgent"])
def test_a_key_in_another_spelling_is_another_key(key: str) -> None:
    """
    Readers that fold cases would find an agent where others find none.
    """
    (action,) = actions_in([{"action": "c2pa.created", key: "Azure OpenAI DALL-E"}])

    assert action.software_agent is None


@pytest.mark.parametrize("written", [5, None, True, [], {"en": "x"}, 1.5])
@pytest.mark.parametrize(
    ("key", "field"),
    [("description", "description"), ("when", "when"), ("digitalSourceType", "digital_source_type")],
)
def test_a_field_that_is_no_text_does_not_read_as_absent(written: object, key: str, field: str) -> None:
    """
    A policy accepts an absent description, and must not be given one that only looks absent.
    """
    (action,) = actions_in([{"action": "c2pa.created", key: written}])

    assert getattr(action, field) == json.dumps(written)


def test_a_field_that_is_missing_is_none() -> None:
    """
    Which is how absence is told.
    """
    assert actions_in([{"action": "c2pa.created"}]) == (Action("c2pa.created"),)
    assert actions_in([{}, 7]) == (Action("None"), Action("None"))


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"claim_generator": "Sample/1.0"}, "Sample/1.0"),
        ({"claim_generator": "", "claim_generator_info": [{"name": "A", "version": "1"}]}, "A 1"),
        ({"claim_generator_info": {"name": "A"}}, "A"),
        ({"claim_generator_info": [{"version": 1}]}, "1"),
        ({"claim_generator_info": []}, None),
        ({"claim_generator_info": [7]}, None),
        ({}, None),
    ],
)
def test_the_claim_generator_is_read_in_either_form(entry: dict[str, object], expected: str | None) -> None:
    """
    Text in claims of version 1, a map in those of version 2.
    """
    assert only(entry).claim_generator == expected


def test_other_facts_of_a_manifest_are_read() -> None:
    """
    And of the wrong type they are left out or kept as JSON.
    """
    assert (only({"claim_version": 2, "title": "t"}).claim_version, only({"title": "t"}).title) == (2, "t")
    assert (only({"claim_version": "2"}).claim_version, only({"title": 5}).title) == (None, "5")


def status(code: str, url: str = "") -> dict[str, str]:
    """
    Write one status.
    """
    return {"code": code, "url": url, "explanation": "why"}


def results(*failures: dict[str, str]) -> dict[str, object]:
    """
    Write results of nothing but failures.
    """
    return {"success": [], "informational": [], "failure": list(failures)}


def test_an_ingredient_is_read_with_what_was_recorded() -> None:
    """
    In all three forms: results, deltas, and the older list.
    """
    entry = {
        "label": "c2pa.ingredient.v3",
        "relationship": "parentOf",
        "title": "photo",
        "active_manifest": "b",
        "validation_results": {
            "activeManifest": results(status("one")),
            "ingredientDeltas": [{"validationDeltas": results(status("two"))}],
        },
        "validation_status": [status("three"), status("four") | {"success": True}],
    }

    (ingredient,) = only({"ingredients": [entry]}).ingredients

    assert (ingredient.assertion, ingredient.relationship) == ("c2pa.ingredient.v3", "parentOf")
    assert (ingredient.title, ingredient.manifest) == ("photo", "b")
    assert [(one.code, one.kind) for one in ingredient.recorded] == [
        ("one", StatusKind.FAILURE),
        ("two", StatusKind.FAILURE),
        ("three", StatusKind.FAILURE),
        ("four", StatusKind.SUCCESS),
    ]
    assert {one.source for one in ingredient.recorded} == {StatusSource.RECORDED}


def test_an_ingredient_may_say_nothing() -> None:
    """
    Or something of the wrong type.
    """
    bare, odd = only({"ingredients": [{}, {"active_manifest": 5, "relationship": 6}]}).ingredients

    assert (bare.assertion, bare.relationship, bare.manifest, bare.recorded) == ("", None, None, ())
    assert (odd.manifest, odd.relationship) == (None, "6")


def test_statuses_are_sorted_by_the_array_they_stand_in() -> None:
    """
    New codes appear with every release; a list of known ones would miss them.
    """
    found = {kind: [status(f"code.of.next.year.{kind}")] for kind in ("success", "informational", "failure")}
    store = parsed(
        {"active_manifest": "a", "manifests": {"a": {}}, "validation_results": {"activeManifest": found}}
    )

    assert store.manifests["a"].statuses == tuple(
        ValidationStatus(f"code.of.next.year.{kind}", "", "why", kind) for kind in StatusKind
    )


def delta(uri: str, *failures: dict[str, str]) -> dict[str, object]:
    """
    Write what was found about one ingredient.
    """
    return {"ingredientAssertionURI": uri, "validationDeltas": results(*failures)}


def sorted_statuses(*deltas: dict[str, object]) -> dict[str, list[str]]:
    """
    Read deltas about a manifest "a" with an ingredient "b", which has an ingredient "c".
    """
    manifests = {
        "a": {"ingredients": [{"label": "c2pa.ingredient", "active_manifest": "b"}]},
        "b": {"ingredients": [{"label": "c2pa.ingredient", "active_manifest": "c"}]},
        "c": {},
    }
    answer = {
        "active_manifest": "a",
        "manifests": manifests,
        "validation_results": {"activeManifest": results(), "ingredientDeltas": list(deltas)},
    }
    store = parsed(answer)
    return {label: [one.code for one in m.statuses] for label, m in store.manifests.items() if m.statuses}


ASSERTION = "self#jumbf=/c2pa/{}/c2pa.assertions/c2pa.ingredient"


@pytest.mark.parametrize(
    ("uri", "url", "owner"),
    [
        pytest.param(ASSERTION.format("a"), SIGNATURE_URL.format("b"), "b", id="named"),
        pytest.param(ASSERTION.format("a"), SIGNATURE_URL.format("c"), "c", id="named-deeper"),
        pytest.param(ASSERTION.format("a"), ASSERTION.format("a"), "a", id="the-assertion-itself"),
        pytest.param(ASSERTION.format("a"), "b", "b", id="bare-label"),
        pytest.param(ASSERTION.format("a"), "", "b", id="no-url"),
        pytest.param(ASSERTION.format("b"), "self#jumbf=c2pa.assertions/x", "c", id="relative"),
        pytest.param(ASSERTION.format("a"), SIGNATURE_URL.format("unknown"), "b", id="unknown-manifest"),
        pytest.param(ASSERTION.format("a") + "__1", "", "a", id="unknown-assertion"),
        pytest.param(ASSERTION.format("c"), "", "c", id="no-ingredient-there"),
    ],
)
def test_a_delta_belongs_to_the_manifest_it_is_about(uri: str, url: str, owner: str) -> None:
    """
    The manifest its address names, else the ingredient, else the manifest the assertion stands in.
    """
    assert sorted_statuses(delta(uri, status("x", url))) == {owner: ["x"]}


@pytest.mark.parametrize("uri", ["", "nonsense", ASSERTION.format("unknown"), "self#jumbf=c2pa.assertions/x"])
def test_a_delta_about_nothing_we_know_is_not_lost(uri: str) -> None:
    """
    A failure that cannot be placed must count against the asset, not for it.
    """
    assert sorted_statuses(delta(uri, status("claimSignature.mismatch"))) != {}


def test_the_read_method_needs_a_stream_at_its_beginning(authority: Authority) -> None:
    """
    An asset may have been read before.
    """
    signed = sign_image(PNG, made.azure_v1(authority))
    with Asset.from_stream(io.BytesIO(signed), Limits()) as asset:
        first = Engine().read(asset, Anchors())
        second = Engine().read(asset, Anchors())

    assert first == second
