"""
What tests of the authority share: the engine as a judge, and images to sign.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import c2pa
import cbor2
import pytest
from cryptography import x509

from provenance import authority as made
from provenance.authority import (
    Authority,
    ManifestSpec,
    Tampering,
    image,
)

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus" / "azure-openai"
DIGEST = hashlib.sha256(b"what is stamped").digest()
PLAIN = {
    "image/png": made.plain_png(40, 24, seed=1),
    "image/jpeg": made.plain_jpeg(40, 24, seed=1),
    "image/webp": made.plain_webp(),
}
PNG = PLAIN["image/png"]
MADE_UP = {"action": "c2pa.created", "softwareAgent": "Sample", "digitalSourceType": "http://example.invalid"}
PNG_AND_JPEG = pytest.mark.parametrize("media_type", ["image/png", "image/jpeg"])

Describe = Callable[[Authority], ManifestSpec]


def readable_v2(authority: Authority) -> ManifestSpec:
    """
    Describe a manifest of version 2 whose soft binding the engine can read.
    """
    return made.azure_v2(authority, soft_binding_unit="percent")


BOTH_VERSIONS = pytest.mark.parametrize(
    "describe", [pytest.param(made.azure_v1, id="v1"), pytest.param(readable_v2, id="v2")]
)


class Judged:
    """
    What the raw engine says about an image, given an authority's anchors.
    """

    def __init__(self, asset: bytes, authority: Authority) -> None:
        self.error = ""
        self.json: dict[str, object] = {}
        context = c2pa.Context.from_dict(engine_settings(authority))
        try:
            with c2pa.Reader("image/png", io.BytesIO(asset), context=context) as reader:
                self.json = json.loads(reader.json())
        except c2pa.C2paError as error:
            self.error = str(error)

    @property
    def state(self) -> object:
        """
        The engine's state; None after an error.
        """
        return self.json.get("validation_state")

    @property
    def failures(self) -> dict[str, str]:
        """
        Explanations by failure code, ingredients' included.
        """
        statuses = self.json.get("validation_status", [])
        assert isinstance(statuses, list)
        return {status["code"]: status["explanation"] for status in statuses}

    @property
    def successes(self) -> set[str]:
        """
        Success codes of the active manifest.
        """
        results = self.json["validation_results"]
        assert isinstance(results, dict)
        return {status["code"] for status in results["activeManifest"]["success"]}

    @property
    def ingredient_successes(self) -> set[str]:
        """
        Success codes of all ingredients.
        """
        results = self.json["validation_results"]
        assert isinstance(results, dict)
        deltas = results.get("ingredientDeltas", [])
        return {status["code"] for delta in deltas for status in delta["validationDeltas"]["success"]}


def engine_settings(authority: Authority) -> dict[str, object]:
    """
    Write the settings under which the engine trusts one authority and asks nobody.
    """
    anchors = [
        {"trust_anchors": authority.root.pem, "trust_uri": "urn:x", "trust_kind": "manifest"},
        {"trust_anchors": authority.time_stamp_root.pem, "trust_uri": "urn:y", "trust_kind": "tsa"},
    ]
    return {
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
        "core": {"decode_identity_assertions": False, "allowed_network_hosts": []},
        "trust": {"anchors": anchors, "trust_config": made.PURPOSE_MICROSOFT_CLAIM},
    }


def tampered(spec: ManifestSpec, tampering: Tampering) -> ManifestSpec:
    """
    Spoil a description.
    """
    return replace(spec, tampering=tampering)


def store_of(png: bytes) -> bytes:
    """
    Return the manifest store of a PNG.
    """
    return dict(image.split_png(png))["caBX"][8:-4]


def shape(value: object) -> object:
    """
    Reduce a CBOR value to its types and its keys in order; equal members of a list count once.
    """
    if isinstance(value, cbor2.CBORTag):
        return ("tag", value.tag, [shape(item) for item in value.value])
    if isinstance(value, Mapping):
        return [(key, shape(item)) for key, item in value.items()]
    if isinstance(value, list | tuple):
        members: list[object] = []
        for item in map(shape, value):
            if item not in members:
                members.append(item)
        return ("list", members)
    return type(value).__name__


def other_name() -> x509.Name:
    """
    Name somebody else.
    """
    return made.make_name("Somebody Else", "Elsewhere", "FR")
