"""
Images that are not trusted, one for each cause.
"""

from __future__ import annotations

from dataclasses import replace

from provenance.authority import (
    Authority,
    Credential,
    IngredientSpec,
    ManifestSpec,
    azure_v1,
    azure_v2,
    make_key,
    plain_png,
    sign_image,
)
from provenance.verification.cause import Cause
from tests.support import leaf_options

PNG = plain_png(24, 16, seed=1)
EDIT = "Edited offline without trusted certificate and secure signature"


def changed_pixel(png: bytes) -> bytes:
    """
    Change a byte of the picture.
    """
    return png[:-20] + bytes([png[-20] ^ 1]) + png[-19:]


def edited_in_paint(editor: Authority, below: ManifestSpec) -> ManifestSpec:
    """
    Describe what Paint on Windows puts on top of a manifest: an edit, in an update manifest.
    """
    action = {"action": "c2pa.edited", "softwareAgent": "Microsoft Paint", "description": EDIT}
    return ManifestSpec(
        credential=editor.signer,
        label="urn:uuid:00000000-0000-4000-8000-0000000000ed",
        claim_generator="Paint/11.2603",
        update=True,
        binding="none",
        actions=(action,),
        ingredients=(IngredientSpec(manifest=below, image=PNG, relationship="parentOf"),),
    )


def against_a_rule(authority: Authority) -> ManifestSpec:
    """
    Describe a manifest whose first action neither creates nor opens anything.
    """
    return replace(
        azure_v2(authority),
        actions=({"action": "c2pa.converted", "softwareAgent": {"name": "Sample"}},),
    )


def by_another_key(signer: Credential) -> Credential:
    """
    Keep the certificate, and take another key of the same kind.
    """
    return replace(signer, private_key=make_key())


def images_by_cause(authority: Authority) -> dict[Cause, bytes]:
    """
    Sign an image for each cause, for who trusts the authority.
    """
    stranger = Authority.create("Somebody Else")
    genuine = azure_v1(authority)
    late = genuine.signed_at.replace(year=genuine.signed_at.year + 5)
    purpose = authority.intermediate.issue(replace(leaf_options(), key_purposes=("1.3.6.1.5.5.7.3.4",)))
    specs = {
        Cause.SIGNATURE_MISMATCH: azure_v2(authority, credential=by_another_key(authority.signer)),
        Cause.INCOMPLETE: replace(genuine, binding="none"),
        Cause.RULE_BROKEN: against_a_rule(authority),
        Cause.EDIT_RECORDED: edited_in_paint(stranger, genuine),
        Cause.SIGNER_UNKNOWN: azure_v1(stranger),
        Cause.SIGNER_EXPIRED: replace(genuine, time_stamper=None),
        Cause.SIGNER_OUTSIDE_VALIDITY: azure_v1(authority, signed_at=late),
        Cause.SIGNER_PURPOSE: azure_v1(authority, credential=purpose),
        Cause.SIGNER_PATH: azure_v1(authority, credential=authority.signer.issue(leaf_options())),
    }
    return {
        Cause.HASH_MISMATCH: changed_pixel(sign_image(PNG, genuine)),
        **{cause: sign_image(PNG, spec) for cause, spec in specs.items()},
    }
