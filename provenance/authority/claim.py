"""
Manifests written from their description, and images signed with them.

A data hash names the bytes its own manifest takes up, so such a manifest is written repeatedly until
its size is the one it names.

Source: C2PA 2.4, "Claims", "Assertions" and "Binding to Content".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

import cbor2

from provenance.authority import box, image
from provenance.authority.box import ManifestBox
from provenance.authority.signature import sign_claim
from provenance.authority.specification import (
    AssertionSpec,
    ContentForm,
    IngredientReference,
    IngredientSpec,
    ManifestSpec,
)
from provenance.manifest import jumbf

_MAX_ROUNDS = 64
_SPLITTERS = {"png": image.split_png, "jpeg": image.split_jpeg}


def sign_image(asset: bytes, spec: ManifestSpec, *, unreferenced: tuple[ManifestBox, ...] = ()) -> bytes:
    """
    Sign an image.

    Args:
        asset: PNG or JPEG (one scan); WebP for a data hash. A manifest store it has is replaced.

        spec: The active manifest.

        unreferenced: Finished manifests to put into the store before it, though nothing refers to them.

    Returns:
        The image with its manifest store.

    Raises:
        ValueError: If the image is of another kind, or the size of the manifest does not settle.
    """
    return image.embed_store(asset, _make(asset, spec, unreferenced).store, after_app0=spec.claim_version > 1)


def make_manifest(asset: bytes, spec: ManifestSpec) -> ManifestBox:
    """
    Make a manifest bound to an image without putting it there; arguments as for `sign_image`.
    """
    return _make(asset, spec, ()).manifest


@dataclass(frozen=True, slots=True)
class _Made:
    manifest: ManifestBox
    store: bytes


@dataclass(frozen=True, slots=True)
class _Written:
    """
    An assertion as stored and as the claim refers to it.
    """

    spec: AssertionSpec
    label: str
    superbox: bytes
    sha256: bytes


def _make(asset: bytes, spec: ManifestSpec, unreferenced: tuple[ManifestBox, ...]) -> _Made:
    ingredients = tuple(_finish(ingredient) for ingredient in spec.ingredients)
    size = 0
    for _ in range(_MAX_ROUNDS):
        manifest = _manifest(asset, spec, ingredients, size)
        store = box.build_store(*unreferenced, manifest)
        if spec.binding != "data" or len(store) == size:
            return _Made(manifest, store)
        size = len(store)
    raise ValueError("the size of the manifest does not settle")


def _finish(ingredient: IngredientSpec) -> ManifestBox | None:
    if isinstance(ingredient.manifest, ManifestSpec):
        return make_manifest(ingredient.image or image.plain_png(), ingredient.manifest)
    return ingredient.manifest


def _manifest(
    asset: bytes, spec: ManifestSpec, ingredients: tuple[ManifestBox | None, ...], store_size: int
) -> ManifestBox:
    tampering = spec.tampering
    assertions = _assertions(asset, spec, ingredients, store_size)
    claim = _claim(asset, spec, assertions)
    edited = tampering.edit_claim(claim) if tampering.edit_claim else claim
    encoded = cbor2.dumps(edited)
    signature = box.superbox(
        jumbf.CLAIM_SIGNATURE, "c2pa.signature", box.box(b"cbor", sign_claim(encoded, spec))
    )
    if tampering.edit_signed_claim is not None:
        encoded = tampering.edit_signed_claim(encoded)
    stored = [written.superbox for written in assertions if written.spec.stored]
    claim_label = "c2pa.claim" if spec.claim_version == 1 else "c2pa.claim.v2"
    boxes = [
        box.superbox(box.ASSERTION_STORE, "c2pa.assertions", *stored),
        box.superbox(jumbf.CLAIM, claim_label, box.box(b"cbor", encoded)),
        signature,
    ]
    if tampering.edit_manifest is not None:
        boxes = tampering.edit_manifest(boxes)
    required = tuple(
        made
        for made, ingredient in zip(ingredients, spec.ingredients, strict=True)
        if made and ingredient.stored
    )
    kind = jumbf.UPDATE_MANIFEST if spec.update else jumbf.MANIFEST
    return ManifestBox(spec.label, box.superbox(kind, spec.label, *boxes), signature[8:], required)


def _assertions(
    asset: bytes, spec: ManifestSpec, ingredients: tuple[ManifestBox | None, ...], store_size: int
) -> list[_Written]:
    described = [
        _ingredient(spec, ingredient, made)
        for ingredient, made in zip(spec.ingredients, ingredients, strict=True)
    ]
    references = [
        _hashed_uri(spec, _write(spec, assertion, described[:index]))
        for index, assertion in enumerate(described)
    ]
    ordered = [*described, *_actions(spec, references), *spec.assertions]
    binding = _binding(asset, spec, store_size)
    if binding is not None:
        ordered.insert(0 if spec.claim_version == 1 else len(ordered), binding)
    return [_write(spec, assertion, ordered[:index]) for index, assertion in enumerate(ordered)]


def _write(spec: ManifestSpec, assertion: AssertionSpec, earlier: list[AssertionSpec]) -> _Written:
    repeated = sum(1 for other in earlier if other.label == assertion.label)
    label = f"{assertion.label}__{repeated}" if repeated else assertion.label
    hashed = _assertion_box(label, assertion.content, assertion.form, salted=spec.salted)
    content = assertion.content if assertion.written is None else assertion.written
    edit = spec.tampering.edit_assertions.get(label)
    stored = _assertion_box(label, edit(content) if edit else content, assertion.form, salted=spec.salted)
    return _Written(assertion, label, stored, box.content_sha256(hashed))


def _assertion_box(label: str, content: object, form: ContentForm, *, salted: bool) -> bytes:
    if form == "json":
        return box.superbox(box.JSON, label, box.box(b"json", json.dumps(content).encode()), salted=salted)
    payload = content if form == "raw" and isinstance(content, bytes) else cbor2.dumps(content)
    return box.superbox(box.CBOR, label, box.box(b"cbor", payload), salted=salted)


def _actions(spec: ManifestSpec, ingredients: list[dict[str, object]]) -> list[AssertionSpec]:
    if spec.actions is None:
        return []
    actions = _resolve(list(spec.actions), ingredients)
    content = actions if spec.actions_label == "actions" else {"actions": actions, **spec.actions_extra}
    return [AssertionSpec(label=spec.actions_label, content=content)]


def _resolve(value: object, ingredients: list[dict[str, object]]) -> object:
    if isinstance(value, IngredientReference):
        return ingredients[value.index]
    if isinstance(value, Mapping):
        return {key: _resolve(item, ingredients) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_resolve(item, ingredients) for item in value]
    return value


def _binding(asset: bytes, spec: ManifestSpec, store_size: int) -> AssertionSpec | None:
    if spec.binding == "none":
        return None
    container = image.container_of(asset)
    before, behind = image.place(asset, store_size, after_app0=spec.claim_version > 1)
    content: dict[str, object] = {"alg": "sha256"}
    if spec.binding == "data":
        length = len(image.wrap(container, bytes(store_size)))
        content = {
            "exclusions": [{"start": len(before), "length": length}],
            "name": "jumbf manifest",
            "alg": "sha256",
            "hash": hashlib.sha256(before + behind).digest(),
            "pad": bytes(8),
        }
    else:
        content["boxes"] = _hashed_boxes(container, before, behind)
    edit = spec.tampering.edit_binding
    written = edit(content) if edit else content
    return AssertionSpec(label=f"c2pa.hash.{spec.binding}", content=written, created=True)


def _hashed_boxes(container: str, before: bytes, behind: bytes) -> list[dict[str, object]]:
    if container not in _SPLITTERS:
        raise ValueError(f"no box hashes for {container}")
    hashed: list[dict[str, object]] = []
    position = 0
    for name, part in _SPLITTERS[container](before + behind):
        if position == len(before):
            hashed.append({"names": ["C2PA"], "hash": b"\x00", "pad": b""})
        hashed.append({"names": [name], "hash": hashlib.sha256(part).digest(), "pad": b""})
        position += len(part)
    return hashed


def _ingredient(spec: ManifestSpec, ingredient: IngredientSpec, made: ManifestBox | None) -> AssertionSpec:
    label = ingredient.label or f"c2pa.ingredient.v{spec.claim_version + 1}"
    content: dict[str, object] = {
        "relationship": ingredient.relationship,
        "dc:title": ingredient.title,
        "dc:format": ingredient.format,
    }
    if made is not None:
        url = f"self#jumbf=/c2pa/{made.label}"
        own = {"url": url, "alg": "sha256", "hash": ingredient.sha256 or made.sha256}
        if label.startswith("c2pa.ingredient.v3"):
            content["validationResults"] = {}
            content["activeManifest"] = own
            content["claimSignature"] = {
                "url": f"{url}/c2pa.signature",
                "alg": "sha256",
                "hash": made.signature_sha256,
            }
        else:
            content["c2pa_manifest"] = own
    return AssertionSpec(label=label, content=content | dict(ingredient.recorded))


def _hashed_uri(spec: ManifestSpec, written: _Written) -> dict[str, object]:
    if spec.claim_version > 1:
        return {"url": f"self#jumbf=c2pa.assertions/{written.label}", "hash": written.sha256}
    url = f"self#jumbf=c2pa/{spec.label}/c2pa.assertions/{written.label}"
    return {"alg": "sha256", "url": url, "hash": written.sha256}


def _claim(asset: bytes, spec: ManifestSpec, assertions: list[_Written]) -> dict[object, object]:
    referenced = [one for one in assertions if one.spec.referenced]
    if spec.claim_version == 1:
        claim: dict[object, object] = {
            "alg": "sha256",
            "dc:format": spec.format or image.MEDIA_TYPES[image.container_of(asset)],
            "signature": f"self#jumbf=c2pa/{spec.label}/c2pa.signature",
            "instanceID": spec.instance_id,
            "claim_generator": spec.claim_generator,
            "claim_generator_info": spec.claim_generator_info,
            "dc:title": spec.title,
            "assertions": [_hashed_uri(spec, one) for one in referenced],
        }
    else:
        gathered = [_hashed_uri(spec, one) for one in referenced if not one.spec.created]
        claim = {
            "instanceID": spec.instance_id,
            "claim_generator_info": spec.claim_generator_info,
            "signature": f"self#jumbf=/c2pa/{spec.label}/c2pa.signature",
            "created_assertions": [_hashed_uri(spec, one) for one in referenced if one.spec.created],
            "gathered_assertions": gathered or None,
            "dc:title": spec.title,
            "alg": "sha256",
        }
    return {key: value for key, value in claim.items() if value is not None}
