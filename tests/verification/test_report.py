"""
The one JSON form of a verdict.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import jsonschema
import pytest

from provenance import (
    AssetTooLargeError,
    EngineError,
    MalformedAssetError,
    PolicyError,
    ProvenanceError,
    TrustError,
    UnreadableAssetError,
    UnsupportedAssetError,
    Verifier,
    error_to_dict,
    schema,
    to_dict,
)
from provenance import authority as made
from provenance.authority import AssertionSpec, Authority, AuthorityNames, Tampering, sign_image
from provenance.trust.profile import TrustProfile
from provenance.verification import report
from provenance.verification.report import NamelessReport

PNG = made.plain_png(24, 16, seed=1)
JPEG = made.plain_jpeg(24, 16, seed=1)
SHA256 = "0" * 64
HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e\n\"'\\\0"
VALIDATOR = jsonschema.Draft202012Validator(
    schema(), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
)


@pytest.fixture(scope="session")
def verifier(sample_trust: TrustProfile) -> Verifier:
    """
    Verify under the default policy, without self-test.
    """
    return Verifier(trust=sample_trust, self_test=False)


@pytest.fixture(scope="session")
def samples(authority: Authority) -> dict[str, bytes]:
    """
    Make an image for everything a report can say.
    """
    stranger = Authority.create(names=AuthorityNames.microsoft())
    v1, v2 = made.azure_v1(authority), made.azure_v2(authority)
    inner = replace(v1, label="urn:uuid:inner", tampering=Tampering(flip_signature=True))
    signed = sign_image(PNG, v1)
    parts = made.image.split_png(signed)
    return {
        "absent": PNG,
        "removed": made.embed_xmp(JPEG, made.remote_manifest_xmp("self#jumbf=gone")),
        "remote": made.embed_xmp(JPEG, made.remote_manifest_xmp("HTTPS://example.invalid/x")),
        "invalid": signed[:-20] + bytes([signed[-20] ^ 1]) + signed[-19:],
        "damaged": made.embed_store(PNG, b"not a store"),
        "two-stores": b"".join(part for _, part in (*parts[:3], parts[2], *parts[3:])),
        "signature": sign_image(PNG, replace(v1, tampering=Tampering(edit_unprotected=lambda _: {}))),
        "valid": sign_image(PNG, made.azure_v1(stranger)),
        "trusted": signed,
        "documented": sign_image(PNG, made.azure_v1(authority, description="AI Generated Image")),
        "v2": sign_image(JPEG, v2),
        "webp": sign_image(made.plain_webp(), v2),
        "ingredient": sign_image(PNG, made.designer(authority, v1)),
        "broken-ingredient": sign_image(PNG, made.designer(authority, inner)),
        "orphan": sign_image(PNG, v2, unreferenced=(made.make_manifest(PNG, v1),)),
        "trailing": signed + b"x",
        "no-actions": sign_image(PNG, replace(v1, actions=None)),
        "unstamped": sign_image(
            PNG, replace(v1, credential=authority.lasting_signer, time_stamper=None, title="t")
        ),
        "hostile": sign_image(PNG, hostile(authority)),
    }


def hostile(authority: Authority) -> made.ManifestSpec:
    """
    Describe a manifest that says something nasty wherever it can say anything.
    """
    spec = made.azure_v1(authority, software_agent=HOSTILE, description=HOSTILE, when=HOSTILE)
    return replace(
        spec,
        title=HOSTILE,
        claim_generator=HOSTILE,
        assertions=(AssertionSpec(label="org.example.<b>", content=HOSTILE),),
    )


SAMPLES = (
    *("absent", "removed", "remote", "invalid", "damaged", "two-stores", "signature", "valid", "trusted"),
    *("documented", "v2", "webp", "ingredient", "broken-ingredient", "orphan", "trailing", "no-actions"),
    *("unstamped", "hostile"),
)
EVERY_SAMPLE = pytest.mark.parametrize("sample", SAMPLES)


def test_every_sample_is_used(samples: Mapping[str, bytes]) -> None:
    """
    The list of names is written by hand.
    """
    assert set(SAMPLES) == set(samples)


def test_the_schema_is_a_schema() -> None:
    """
    Of the draft it says, and of the version that reports say.
    """
    jsonschema.Draft202012Validator.check_schema(schema())

    assert schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema()["$defs"]["verdict"]["properties"]["schema"] == {"const": report.SCHEMA}


@EVERY_SAMPLE
@pytest.mark.parametrize("policy", ["azure-openai", "azure-openai-documented", "azure-openai-lineage"])
def test_every_verdict_fits_the_schema(
    samples: Mapping[str, bytes], sample_trust: TrustProfile, sample: str, policy: str
) -> None:
    """
    With a name and a hash, and without, and after a round through JSON.
    """
    result = Verifier(policy=policy, trust=sample_trust, self_test=False).verify(samples[sample])

    for written in (to_dict(result), to_dict(result, name="a.png", sha256=SHA256)):
        VALIDATOR.validate(written)
        assert json.loads(json.dumps(written)) == written
        assert written["accepted"] is (not written["findings"])
        assert "error" not in written


ERRORS: tuple[ProvenanceError, ...] = (
    AssetTooLargeError("bytes", 2, 1),
    UnreadableAssetError("it is missing"),
    UnsupportedAssetError("it is empty"),
    MalformedAssetError("the file ends"),
    TrustError("nothing there"),
    PolicyError("nothing there"),
    EngineError("nothing there"),
)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("name", [None, "a.png", HOSTILE, "\udcff.png"])
def test_every_error_fits_the_schema(error: ProvenanceError, name: str | None) -> None:
    """
    A line of the same form, with `error` set and no verdict.
    """
    written = error_to_dict(error, name=name)

    VALIDATOR.validate(written)
    assert written == {
        "schema": report.SCHEMA,
        "asset": {"name": name},
        "state": None,
        "accepted": False,
        "error": {"type": type(error).__name__, "message": str(error), "hint": error.hint},
        "engine": "c2pa-python 0.38.1",
    }


def test_a_verdict_with_an_error_does_not_fit_the_schema(
    samples: Mapping[str, bytes], verifier: Verifier
) -> None:
    """
    What could not be judged must not look judged; nor may anything else be added.
    """
    written = to_dict(verifier.verify(samples["trusted"]))

    assert not VALIDATOR.is_valid(written | {"error": None})
    assert not VALIDATOR.is_valid(written | {"state": None})
    assert not VALIDATOR.is_valid(written | {"state": "accepted"})
    assert not VALIDATOR.is_valid(error_to_dict(EngineError("x")) | {"accepted": True})
    assert not VALIDATOR.is_valid(error_to_dict(EngineError("x")) | {"state": "absent"})


@EVERY_SAMPLE
def test_the_same_bytes_give_the_same_report(
    samples: Mapping[str, bytes], sample_trust: TrustProfile, sample: str
) -> None:
    """
    To the byte, from another verifier too; keys always stand in the same order.
    """
    written = {
        json.dumps(to_dict(Verifier(trust=sample_trust, self_test=False).verify(samples[sample])))
        for _ in range(3)
    }

    assert len(written) == 1


@EVERY_SAMPLE
def test_there_is_no_clock_in_a_report(
    samples: Mapping[str, bytes], verifier: Verifier, monkeypatch: pytest.MonkeyPatch, sample: str
) -> None:
    """
    The day decides only where no trusted time-stamp does, and does not stand there even then.
    """
    written = set()

    for year in (2026, 2040, 2100):

        class Frozen(datetime):
            @classmethod
            def now(cls, tz: object = None, *, fixed: int = year) -> datetime:  # type: ignore[override] # noqa: ARG003 - frozen
                return datetime(fixed, 6, 1, tzinfo=UTC)

        monkeypatch.setattr("provenance.verification.judge.datetime", Frozen)
        written.add(json.dumps(to_dict(verifier.verify(samples[sample]))))

    assert len(written) == 1


def times_in(value: object) -> list[str]:
    """
    List everything under a key that holds a time of ours.
    """
    if isinstance(value, dict):
        own = [value[key] for key in ("signed_at", "time", "not_before", "not_after") if value.get(key)]
        return own + [found for item in value.values() for found in times_in(item)]
    return [found for item in value for found in times_in(item)] if isinstance(value, list) else []


@EVERY_SAMPLE
def test_times_are_utc_and_say_so(samples: Mapping[str, bytes], verifier: Verifier, sample: str) -> None:
    """
    Every one ends in Z and can be read back.
    """
    for time in times_in(to_dict(verifier.verify(samples[sample]))):
        assert time.endswith("Z")
        assert datetime.fromisoformat(time).utcoffset() == timedelta(0)


def test_a_time_in_another_zone_is_written_in_utc() -> None:
    """
    Whatever zone a value has.
    """
    local = datetime(2024, 6, 1, 14, 0, 0, 5, tzinfo=timezone(timedelta(hours=2)))

    assert report._time(local) == "2024-06-01T12:00:00.000005Z"
    assert report._time(None) is None


@pytest.mark.parametrize("name", ["\udcff.png", HOSTILE, "", "ä/ö.png"])
def test_a_name_is_passed_on_as_it_is(samples: Mapping[str, bytes], verifier: Verifier, name: str) -> None:
    """
    Lone surrogates stand for bytes that are no UTF-8, and survive JSON.
    """
    written = to_dict(verifier.verify(samples["trusted"]), name=name, sha256=SHA256)

    assert written["asset"]["name"] == name
    assert written["asset"]["sha256"] == SHA256
    assert json.loads(json.dumps(written).encode("ascii"))["asset"]["name"] == name


def test_hostile_text_is_passed_on_as_it_is(samples: Mapping[str, bytes], verifier: Verifier) -> None:
    """
    Escaping is for whoever shows it; a report that changed it would tell another story.
    """
    result = verifier.verify(samples["hostile"])
    written = to_dict(result)

    (action,) = written["manifests"][0]["actions"]
    assert (action["software_agent"], action["description"], action["when"]) == (HOSTILE, HOSTILE, HOSTILE)
    assert (written["manifests"][0]["title"], written["manifests"][0]["claim_generator"]) == (
        HOSTILE,
        HOSTILE,
    )
    assert written["findings"][0]["actual"] == HOSTILE
    assert "\x1b" not in written["findings"][0]["message"]
    assert json.loads(json.dumps(written)) == written


def test_a_trusted_image_is_told_in_full(
    samples: Mapping[str, bytes], verifier: Verifier, authority: Authority, sample_trust: TrustProfile
) -> None:
    """
    Everything a reader may want to check.
    """
    written = to_dict(verifier.verify(samples["trusted"]))

    assert written["asset"] == {
        "name": None,
        "sha256": None,
        "bytes": len(samples["trusted"]),
        "media_type": "image/png",
        "width": 24,
        "height": 16,
        "trailing_bytes": 0,
        "unbound_bytes": 0,
        "remote_manifest": None,
        "xmp_provenance": None,
    }
    assert written["origin"] == {
        "azure_openai_in": "active",
        "software_agent": "Azure OpenAI DALL-E",
        "description": "Generated with AI",
        "when": "2024-06-01T12:00:00Z",
        "digital_source_type": made.TRAINED_ALGORITHMIC_MEDIA,
        "documented": False,
    }
    credential = written["credential"]
    assert (credential["organization"], credential["common_name"]) == (
        "Sample Authority",
        "Sample Authority Signer",
    )
    assert credential["anchor"] == {"name": "Sample Root CA", "sha256": authority.root.sha256}
    assert [one["sha256"] for one in credential["chain"]] == [
        authority.signer.sha256,
        authority.intermediate.sha256,
        authority.root.sha256,
    ]
    assert credential["time_stamp"] == {
        "time": "2024-06-01T12:00:00Z",
        "anchor": {"name": "Sample Time-Stamp Root CA", "sha256": authority.time_stamp_root.sha256},
    }
    assert written["trust"] == {
        "name": sample_trust.name,
        "version": 1,
        "date": None,
        "digest": sample_trust.digest,
        "joined": [],
    }
    assert written["passes"] == ["azure-openai", "azure-openai-lineage"]


def test_an_absent_image_has_nothing_to_tell(samples: Mapping[str, bytes], verifier: Verifier) -> None:
    """
    No credential, no origin, no manifest.
    """
    written = to_dict(verifier.verify(samples["absent"]))

    assert (written["state"], written["credential"], written["manifests"]) == ("absent", None, [])
    assert set(written["origin"].values()) == {None}
    assert written["validation"] == {"success": [], "informational": [], "failure": []}


@pytest.mark.parametrize(
    ("sample", "remote", "provenance"),
    [
        ("absent", None, None),
        ("removed", None, "self#jumbf=gone"),
        ("remote", "HTTPS://example.invalid/x", "HTTPS://example.invalid/x"),
    ],
)
def test_the_place_that_xmp_names_is_told(
    samples: Mapping[str, bytes],
    verifier: Verifier,
    sample: str,
    remote: str | None,
    provenance: str | None,
) -> None:
    """
    As a remote manifest only where it is an address.
    """
    written = to_dict(verifier.verify(samples[sample]))["asset"]

    assert (written["remote_manifest"], written["xmp_provenance"]) == (remote, provenance)


def test_a_signature_that_cannot_be_read_has_a_credential_without_facts(
    samples: Mapping[str, bytes], verifier: Verifier
) -> None:
    """
    Where the engine still reads the manifest.
    """
    for name in ("damaged", "two-stores"):
        assert to_dict(verifier.verify(samples[name]))["credential"] is None


def test_states_of_ingredients_and_orphans_are_told(samples: Mapping[str, bytes], verifier: Verifier) -> None:
    """
    Each manifest with its way; an orphan has neither.
    """
    told = {
        name: [(one["state"], one["path"] and len(one["path"]), one["active"]) for one in manifests]
        for name in ("ingredient", "broken-ingredient", "orphan")
        for manifests in [to_dict(verifier.verify(samples[name]))["manifests"]]
    }

    assert told == {
        "ingredient": [("trusted", 1, True), ("trusted", 2, False)],
        "broken-ingredient": [("trusted", 1, True), ("invalid", 2, False)],
        "orphan": [("trusted", 1, True), (None, None, False)],
    }


def test_statuses_are_told_by_kind_and_source(samples: Mapping[str, bytes], verifier: Verifier) -> None:
    """
    Those of the store and of the active manifest.
    """
    written = to_dict(verifier.verify(samples["two-stores"]))["validation"]
    trusted = to_dict(verifier.verify(samples["trusted"]))["validation"]

    assert [(status["code"], status["source"]) for status in written["failure"]] == [
        ("claim.multiple", "engine")
    ]
    assert {status["source"] for status in trusted["success"]} == {"engine", "validator"}
    assert trusted["failure"] == []


@pytest.mark.parametrize("separators", [None, (",", ":")])
@pytest.mark.parametrize("name", [None, "null", 'a "quoted" name\n', "\udcff.png", '{"name": null}'])
def test_a_report_is_named_later(name: str | None, separators: tuple[str, str] | None) -> None:
    """
    The same bytes are judged once, whatever they are called.
    """
    error = UnsupportedAssetError("it looks like null")
    whole = json.dumps(error_to_dict(error, name=name), separators=separators)

    nameless = NamelessReport.of(error_to_dict(error, name="another"), separators=separators)

    assert nameless.with_name(name) == whole
    assert NamelessReport.parse(nameless.with_name(None)) == nameless
