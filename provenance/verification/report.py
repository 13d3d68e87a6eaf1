"""
The one JSON form of a verdict, shared by library, command and service.

The same bytes, policy, trust profile and engine give the same report to the byte: there is no clock
and no duration in it. `asset.name` and `asset.sha256` may be null, and do not count when reports are
compared. Text that comes from an asset is passed on as it is: escape it where it is shown.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, Self

from provenance.errors import ProvenanceError
from provenance.manifest.manifest import Action, Ingredient, Manifest, Reading, Signature
from provenance.manifest.status import StatusKind, ValidationStatus
from provenance.policy.requirement import Check
from provenance.trust.certificate import Certificate
from provenance.trust.profile import TrustProfile
from provenance.validation.engine import VERSION
from provenance.verification.cause import cause_of
from provenance.verification.verdict import AssetFacts, Origin, VerificationResult

SCHEMA = "azure-image-provenance/report/1"
ENGINE = f"c2pa-python {VERSION}"

Report = dict[str, Any]
"""
A report, as JSON has it.
"""


class NamelessReport(NamedTuple):
    """
    The text of a report whose asset is named later: JSON in ASCII, on one line.

    Attributes:
        before: Up to the name; the same for all reports with the same separators.

        after: From behind the name on.
    """

    before: str
    after: str

    @classmethod
    def of(cls, report: Report, *, separators: tuple[str, str] | None = None) -> Self:
        """
        Write a report, leaving its asset's name open.

        Args:
            report: A verdict or an error.

            separators: As `json.dumps` takes them.
        """
        nameless = {**report, "asset": {**report["asset"], "name": None}}
        return cls.parse(json.dumps(nameless, separators=separators))

    @classmethod
    def parse(cls, text: str) -> Self:
        """
        Read what `with_name(None)` wrote.
        """
        before, _, after = text.partition("null")  # nothing of an asset stands before its name
        return cls(before, after)

    def with_name(self, name: str | None) -> str:
        """
        Write the report of an asset of this name.
        """
        return f"{self.before}{json.dumps(name)}{self.after}"


def to_dict(result: VerificationResult, *, name: str | None = None, sha256: str | None = None) -> Report:
    """
    Write a verdict as a report.

    Args:
        result: The verdict.

        name: What the asset is called, or None.

        sha256: SHA-256 of the asset's bytes in lower-case hex, or None if nobody computed it.

    Returns:
        A report that `schema()` describes, without the key `error`.
    """
    return {
        "schema": SCHEMA,
        "asset": _asset(result.facts, name, sha256),
        "state": result.state.value,
        "accepted": result.accepted,
        "policy": {
            "name": result.policy.name,
            "version": result.policy.version,
            "digest": result.policy.digest,
        },
        "trust": trust_to_dict(result.trust),
        "cause": result.cause.value if result.cause else None,
        "findings": [_finding(check) for check in result.findings],
        "passes": list(result.passes),
        "checks": [_check(check) for check in result.checks],
        "origin": _origin(result.origin),
        "credential": _credential(result.active.signature) if result.active else None,
        "manifests": [
            *(_reading(reading) for reading in result.readings),
            *(_unreferenced(manifest) for manifest in result.unreferenced),
        ],
        "validation": _validation(result),
        "tolerated": [_status(s) for reading in result.readings for s in reading.tolerated],
        "engine": ENGINE,
    }


def trust_to_dict(trust: TrustProfile) -> Report:
    """
    Write which trust profile was believed: the `trust` of a report.
    """
    return {**_edition(trust), "digest": trust.digest, "joined": [_edition(part) for part in trust.parts]}


def error_to_dict(error: ProvenanceError, *, name: str | None = None) -> Report:
    """
    Write that an asset could not be judged as a report.

    Returns:
        A report with `state` null, `accepted` false and the key `error`; nothing else but
        `schema`, `asset` and `engine`.
    """
    return {
        "schema": SCHEMA,
        "asset": {"name": name},
        "state": None,
        "accepted": False,
        "error": {"type": type(error).__name__, "message": str(error), "hint": error.hint},
        "engine": ENGINE,
    }


@cache
def schema() -> Report:
    """
    Read the JSON Schema of reports; not to be changed.
    """
    text = (Path(__file__).parent / "schemas" / "report-1.schema.json").read_text("utf-8")
    loaded: Report = json.loads(text)
    return loaded


def _asset(facts: AssetFacts, name: str | None, sha256: str | None) -> Report:
    remote = facts.provenance is not None and facts.provenance.lower().startswith(("http:", "https:"))
    return {
        "name": name,
        "sha256": sha256,
        "bytes": facts.size,
        "media_type": facts.media_type,
        "width": facts.width,
        "height": facts.height,
        "trailing_bytes": facts.trailing_bytes,
        "unbound_bytes": facts.unbound_bytes,
        "remote_manifest": facts.provenance if remote else None,
        "xmp_provenance": facts.provenance,
    }


def _edition(profile: TrustProfile) -> Report:
    return {
        "name": profile.name,
        "version": profile.version,
        "date": profile.date.isoformat() if profile.date is not None else None,
    }


def _finding(check: Check) -> Report:
    return {
        "check": check.id,
        "expected": list(check.expected),
        "actual": check.actual,
        "message": check.message,
    }


def _check(check: Check) -> Report:
    return {
        "id": check.id,
        "outcome": check.outcome.value,
        "expected": list(check.expected),
        "actual": check.actual,
    }


def _origin(origin: Origin | None) -> Report:
    action = origin.reading.manifest.created if origin else None
    where = None
    if origin is not None:
        where = "active" if origin.reading.is_active else "ingredient"
    return {
        "azure_openai_in": where,
        "software_agent": action.software_agent if action else None,
        "description": action.description if action else None,
        "when": action.when if action else None,
        "digital_source_type": action.digital_source_type if action else None,
        "documented": origin.documented if origin else None,
    }


def _credential(signature: Signature) -> Report:
    leaf = signature.chain[0] if signature.chain else None
    anchor, stamp = signature.anchor, signature.time_stamp_anchor
    signed_at = _time(signature.signed_at)
    return {
        "organization": leaf.organization if leaf else None,
        "common_name": leaf.common_name if leaf else None,
        "chain": [_certificate(certificate) for certificate in signature.chain],
        "anchor": {"name": anchor.name, "sha256": anchor.sha256} if anchor else None,
        "signed_at": signed_at,
        "time_stamp": {
            "time": signed_at,
            "anchor": {"name": stamp.name, "sha256": stamp.sha256},
        }
        if stamp
        else None,
    }


def _certificate(certificate: Certificate) -> Report:
    return {
        "subject": certificate.subject,
        "sha256": certificate.sha256,
        "serial_number": str(certificate.serial_number),
        "not_before": _time(certificate.not_before),
        "not_after": _time(certificate.not_after),
    }


def _time(time: datetime | None) -> str | None:
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z") if time is not None else None


def _reading(reading: Reading) -> Report:
    cause = cause_of(reading)
    return {
        **_manifest(reading.manifest),
        "active": reading.is_active,
        "path": list(reading.path),
        "state": reading.state.value,
        "cause": cause.value if cause else None,
        "credential": _credential(reading.signature),
        "failures": [_status(status) for status in reading.failures],
    }


def _unreferenced(manifest: Manifest) -> Report:
    return {
        **_manifest(manifest),
        "active": False,
        "path": None,
        "state": None,
        "cause": None,
        "credential": None,
        "failures": [],
    }


def _manifest(manifest: Manifest) -> Report:
    return {
        "label": manifest.label,
        "title": manifest.title,
        "claim_version": manifest.claim_version,
        "claim_generator": manifest.claim_generator,
        "actions": [_action(action) for action in manifest.actions],
        "assertions": list(manifest.assertions),
        "ingredients": [_ingredient(ingredient) for ingredient in manifest.ingredients],
    }


def _action(action: Action) -> Report:
    return {
        "action": action.action,
        "software_agent": action.software_agent,
        "description": action.description,
        "when": action.when,
        "digital_source_type": action.digital_source_type,
    }


def _ingredient(ingredient: Ingredient) -> Report:
    return {
        "assertion": ingredient.assertion,
        "relationship": ingredient.relationship,
        "title": ingredient.title,
        "manifest": ingredient.manifest,
        "recorded": [_status(status) for status in ingredient.recorded],
    }


def _validation(result: VerificationResult) -> Report:
    statuses = result.store_failures + (result.active.statuses if result.active else ())
    return {kind.value: [_status(s) for s in statuses if s.kind is kind] for kind in StatusKind}


def _status(status: ValidationStatus) -> Report:
    return {
        "code": status.code,
        "url": status.url,
        "explanation": status.explanation,
        "source": status.source.value,
    }
