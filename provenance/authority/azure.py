"""
Descriptions of manifests just like those that Azure OpenAI and Microsoft Designer write.

Only the keys differ from genuine ones; measured on images signed 2023-10 to 2026-08.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from provenance.authority.box import ManifestBox
from provenance.authority.certificate import Credential
from provenance.authority.hierarchy import SIGNED_AT, Authority
from provenance.authority.specification import DEFAULT_LABEL, AssertionSpec, IngredientSpec, ManifestSpec

TRAINED_ALGORITHMIC_MEDIA = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
DALL_E = "Azure OpenAI DALL-E"
IMAGE_GEN = "Azure OpenAI ImageGen"
GENERATED_WITH_AI = "Generated with AI"

_INFO_V1 = {"name": "Microsoft Responsible AI Image Provenance", "version": "1.0"}
_INFO_V2 = {"name": "Microsoft Responsible AI Provenance", "version": "1.0"}
_LABEL_V2 = "urn:c2pa:00000000-0000-4000-8000-000000000002"
_DESIGNER_LABEL = "urn:uuid:00000000-0000-4000-8000-000000000003"
_WATERMARK_ID = "00000000-0000-4000-8000-000000000004"


def azure_2023(
    authority: Authority,
    *,
    label: str = DEFAULT_LABEL,
    credential: Credential | None = None,
    signed_at: datetime = SIGNED_AT,
) -> ManifestSpec:
    """
    Describe a manifest of autumn 2023: the assertion is labelled `actions` and holds the bare list.
    """
    action = {
        "action": "c2pa.created",
        "softwareAgent": DALL_E,
        "when": _when(signed_at),
        "description": GENERATED_WITH_AI,
    }
    return ManifestSpec(
        credential=credential or authority.signer,
        label=label,
        claim_generator="Microsoft Responsible AI/1.0",
        claim_generator_info=[_INFO_V1],
        actions_label="actions",
        actions=(action,),
        time_stamper=authority.time_stamper,
        signed_at=signed_at,
    )


def azure_v1(
    authority: Authority,
    *,
    software_agent: str = DALL_E,
    description: str | None = GENERATED_WITH_AI,
    digital_source_type: str | None = TRAINED_ALGORITHMIC_MEDIA,
    when: str | None = None,
    label: str = DEFAULT_LABEL,
    credential: Credential | None = None,
    signed_at: datetime = SIGNED_AT,
) -> ManifestSpec:
    """
    Describe a manifest of 2024 to 2026: claim version 1, box hashes.

    Args:
        authority: Who signs and time-stamps.

        software_agent: Agent of the created action.

        description: Its description; None to leave it out.

        digital_source_type: Its digital source type; None to leave it out.

        when: Its time; None for the moment of signing.

        label: Label of the manifest.

        credential: Another signer than the authority's expired one.

        signed_at: Moment of the time-stamp.
    """
    fields = {
        "action": "c2pa.created",
        "softwareAgent": software_agent,
        "when": when or _when(signed_at),
        "digitalSourceType": digital_source_type,
        "description": description,
    }
    return ManifestSpec(
        credential=credential or authority.signer,
        label=label,
        claim_generator="Microsoft_Responsible_AI/1.0",
        claim_generator_info=[_INFO_V1],
        actions=({key: value for key, value in fields.items() if value is not None},),
        time_stamper=authority.time_stamper,
        signed_at=signed_at,
    )


def azure_v2(
    authority: Authority,
    *,
    software_agent: object = None,
    description: str | None = GENERATED_WITH_AI,
    digital_source_type: str | None = TRAINED_ALGORITHMIC_MEDIA,
    when: str | None = None,
    soft_binding_unit: str | None = "percentage",
    label: str = _LABEL_V2,
    credential: Credential | None = None,
    signed_at: datetime = SIGNED_AT,
) -> ManifestSpec:
    """
    Describe a manifest since 2026-06: claim version 2, data hash, watermark.

    Args:
        authority: Who signs and time-stamps.

        software_agent: Agent of the created action, of any CBOR type; None for a map that names ImageGen.

        description: Its description; None to leave it out.

        digital_source_type: Its digital source type; None to leave it out.

        when: Its time; None for the moment of signing.

        soft_binding_unit: Region unit of the watermark's soft binding. Genuine images have
            "percentage", which c2pa 0.38 refuses; it reads "percent". None for no watermark at all.

        label: Label of the manifest.

        credential: Another signer than the authority's expired one.

        signed_at: Moment of the time-stamp.
    """
    fields = {
        "action": "c2pa.created",
        "when": when or signed_at.isoformat(timespec="seconds"),
        "softwareAgent": {"name": IMAGE_GEN} if software_agent is None else software_agent,
        "digitalSourceType": digital_source_type,
        "description": description,
    }
    created = {key: value for key, value in fields.items() if value is not None}
    return ManifestSpec(
        credential=credential or authority.signer,
        label=label,
        claim_version=2,
        claim_generator_info={**_INFO_V2, "org.contentauth.c2pa_rs": "0.84.1"},
        instance_id="xmp:iid:00000000-0000-4000-8000-000000000005",
        binding="data",
        actions_label="c2pa.actions.v2",
        actions=(created,) if soft_binding_unit is None else (created, _watermarked(signed_at)),
        actions_extra={"allActionsIncluded": True},
        assertions=() if soft_binding_unit is None else (soft_binding_assertion(soft_binding_unit),),
        time_stamper=authority.time_stamper,
        signed_at=signed_at,
    )


def soft_binding_assertion(unit: str = "percentage") -> AssertionSpec:
    """
    Describe the soft binding of Microsoft's watermark, with Microsoft's region unit or another.
    """
    rectangle = {
        "type": "rectangle",
        "unit": unit,
        "width": 100,
        "height": 100,
        "origin": {"x": 0, "y": 0},
    }
    region = {"region": [{"type": "spatial", "shape": rectangle}]}
    content = {
        "alg": "com.microsoft.invismark.1",
        "pad": [],
        "blocks": [{"scope": {"region": region}, "value": _WATERMARK_ID}],
    }
    return AssertionSpec(label="c2pa.soft-binding", content=content)


def designer(
    authority: Authority,
    ingredient: ManifestSpec | ManifestBox,
    *,
    claim_version: Literal[1, 2] = 1,
    label: str = _DESIGNER_LABEL,
    signed_at: datetime = SIGNED_AT,
) -> ManifestSpec:
    """
    Describe a manifest of Microsoft Designer, which has an Azure OpenAI image as an ingredient.

    Args:
        authority: Who signs and time-stamps.

        ingredient: The Azure OpenAI manifest.

        claim_version: 1 with box hashes, or 2 with a data hash.

        label: Label of the manifest.

        signed_at: Moment of the time-stamp.
    """
    info = {"name": "Microsoft_Designer", "version": f"{claim_version}.0"}
    created = {
        "action": "c2pa.created",
        "digitalSourceType": TRAINED_ALGORITHMIC_MEDIA,
        "description": "Created image using artificial intelligence technology",
    }
    return ManifestSpec(
        credential=authority.signer,
        label=label,
        claim_version=claim_version,
        claim_generator="Microsoft_Designer/1.0",
        claim_generator_info=[info] if claim_version == 1 else info,
        instance_id="urn:uuid:00000000-0000-4000-8000-000000000006",
        binding="boxes" if claim_version == 1 else "data",
        actions_label="c2pa.actions.v2",
        actions=(created,),
        ingredients=(IngredientSpec(manifest=ingredient),),
        time_stamper=authority.time_stamper,
        signed_at=signed_at,
    )


def _watermarked(signed_at: datetime) -> dict[str, object]:
    return {
        "action": "c2pa.watermarked",
        "when": (signed_at + timedelta(seconds=1)).isoformat(timespec="microseconds"),
        "softwareAgent": _INFO_V2,
        "description": "Content watermarked by Microsoft Responsible AI",
    }


def _when(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
