"""
The engine's JSON, made into values.

The only place where untyped data is handled: whatever is not of the expected type is left out, and a
field that is present but not text is kept as its JSON. Statuses are sorted to the manifests that they
are about.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from provenance.errors import EngineError
from provenance.manifest.manifest import Action, Ingredient, Manifest, ManifestStore
from provenance.manifest.status import StatusKind, StatusSource, ValidationStatus, manifest_label

_ACTION_LABELS = frozenset({"c2pa.actions", "c2pa.actions.v2", "actions"})


def parse_answer(text: str) -> ManifestStore:
    """
    Read the engine's answer about one asset.

    Args:
        text: What the engine's `Reader.json` gives.

    Returns:
        The manifests, each with the statuses that concern it. The active manifest may be missing.

    Raises:
        EngineError: If it is not a JSON object.
    """
    try:
        answer = json.loads(text)
    except ValueError as error:
        raise EngineError("the C2PA engine answers with something else than JSON") from error
    if not isinstance(answer, dict):
        raise EngineError("the C2PA engine answers with something else than an object")
    return _manifest_store(answer, str(answer.get("active_manifest", "")))


def _manifest_store(answer: dict[str, Any], active: str) -> ManifestStore:
    # The engine lists manifests that nothing references in another order on every run.
    found = sorted(_dict(answer.get("manifests")).items())
    raw = {label: entry for label, entry in found if isinstance(entry, dict)}
    manifests = {label: _manifest(label, entry) for label, entry in raw.items()}
    statuses: dict[str, list[ValidationStatus]] = {label: [] for label in manifests}
    for label, status in _statuses(_dict(answer.get("validation_results")), active, manifests):
        # What cannot be placed must not be lost: then it is about the whole asset.
        statuses.get(label, statuses.get(active, [])).append(status)
    return ManifestStore(
        active,
        {label: m._replace(statuses=tuple(statuses[label])) for label, m in manifests.items()},
    )


def _statuses(
    results: dict[str, Any], active: str, manifests: dict[str, Manifest]
) -> Iterator[tuple[str, ValidationStatus]]:
    for status in _status_codes(_dict(results.get("activeManifest")), StatusSource.ENGINE):
        yield active, status
    for delta in _list(results.get("ingredientDeltas")):
        owners = _ingredient_manifests(str(_dict(delta).get("ingredientAssertionURI", "")), manifests)
        for status in _status_codes(_dict(_dict(delta).get("validationDeltas")), StatusSource.ENGINE):
            named = manifest_label(status.url)
            for owner in [named] if named in manifests else owners:
                yield str(owner), status


def _ingredient_manifests(uri: str, manifests: dict[str, Manifest]) -> list[str]:
    # The manifest an ingredient assertion speaks of, and all of them where its label stands more than
    # once; the one it stands in, if it speaks of none.
    parent = manifest_label(uri) or ""
    assertion = uri.rsplit("/", 1)[-1]
    named = {
        ingredient.manifest: None
        for ingredient in (manifests[parent].ingredients if parent in manifests else ())
        if ingredient.assertion == assertion and ingredient.manifest in manifests
    }
    return [str(label) for label in named] or [parent]


def _manifest(label: str, entry: dict[str, Any]) -> Manifest:
    assertions = [_dict(item) for item in _list(entry.get("assertions"))]
    version = entry.get("claim_version")
    return Manifest(
        label=label,
        claim_version=version if isinstance(version, int) else None,
        claim_generator=_generator(entry),
        title=_optional(entry, "title"),
        actions=tuple(action for item in assertions for action in _actions(item)),
        ingredients=tuple(_ingredient(_dict(item)) for item in _list(entry.get("ingredients"))),
        assertions=tuple(str(item.get("label")) for item in assertions),
    )


def _generator(entry: dict[str, Any]) -> str | None:
    text = entry.get("claim_generator")
    if isinstance(text, str) and text:
        return text
    info = entry.get("claim_generator_info")
    first = _dict(info[0]) if isinstance(info, list) and info else _dict(info)
    parts = [first.get("name"), first.get("version")]
    return " ".join(str(part) for part in parts if part) or None


def _actions(assertion: dict[str, Any]) -> Iterator[Action]:
    if str(assertion.get("label")).split("__")[0] not in _ACTION_LABELS:
        return
    data = assertion.get("data")
    # In 2023 Azure wrote the label "actions", with the list itself as data.
    for item in _list(data if isinstance(data, list) else _dict(data).get("actions")):
        entry = _dict(item)
        agent = entry.get("softwareAgent")
        yield Action(
            action=str(entry.get("action")),
            software_agent=_optional(agent if isinstance(agent, dict) else entry, _agent_key(agent)),
            description=_optional(entry, "description"),
            when=_optional(entry, "when"),
            digital_source_type=_optional(entry, "digitalSourceType"),
        )


def _agent_key(agent: object) -> str:
    return "name" if isinstance(agent, dict) else "softwareAgent"


def _ingredient(entry: dict[str, Any]) -> Ingredient:
    manifest = entry.get("active_manifest")
    return Ingredient(
        assertion=str(entry.get("label", "")),
        relationship=_optional(entry, "relationship"),
        title=_optional(entry, "title"),
        manifest=manifest if isinstance(manifest, str) else None,
        recorded=tuple(_recorded(entry)),
    )


def _recorded(entry: dict[str, Any]) -> Iterator[ValidationStatus]:
    results = _dict(entry.get("validation_results"))
    yield from _status_codes(_dict(results.get("activeManifest")), StatusSource.RECORDED)
    for delta in _list(results.get("ingredientDeltas")):
        yield from _status_codes(_dict(_dict(delta).get("validationDeltas")), StatusSource.RECORDED)
    for item in _list(entry.get("validation_status")):
        # The older form has one list, of what went wrong.
        kind = StatusKind.SUCCESS if _dict(item).get("success") is True else StatusKind.FAILURE
        yield _status(_dict(item), kind, StatusSource.RECORDED)


def _status_codes(codes: dict[str, Any], source: StatusSource) -> Iterator[ValidationStatus]:
    for kind in StatusKind:
        for item in _list(codes.get(kind.value)):
            yield _status(_dict(item), kind, source)


def _status(item: dict[str, Any], kind: StatusKind, source: StatusSource) -> ValidationStatus:
    return ValidationStatus(
        code=str(item.get("code", "")),
        url=str(item.get("url") or ""),
        explanation=str(item.get("explanation") or ""),
        kind=kind,
        source=source,
    )


def _optional(entry: dict[str, Any], key: str) -> str | None:
    if key not in entry:
        return None
    value = entry[key]
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
