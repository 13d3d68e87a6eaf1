"""
Throw-away authorities and images signed by them, good and bad; the only place that signs.

For tests, samples, simulations and benchmarks. A private key made here lives as long as the process
and is never written anywhere; whoever trusts a root made here trusts whoever made it.
"""

from __future__ import annotations

from provenance.authority.azure import (
    TRAINED_ALGORITHMIC_MEDIA,
    azure_2023,
    azure_v1,
    azure_v2,
    designer,
    soft_binding_assertion,
)
from provenance.authority.box import ManifestBox, build_store, split_store
from provenance.authority.certificate import (
    PURPOSE_MICROSOFT_CLAIM,
    PURPOSE_TIME_STAMPING,
    CertificateOptions,
    Credential,
    KeyType,
    make_key,
    make_name,
)
from provenance.authority.claim import make_manifest, sign_image
from provenance.authority.hierarchy import SIGNED_AT, Authority, AuthorityNames
from provenance.authority.image import (
    embed_store,
    embed_xmp,
    plain_jpeg,
    plain_png,
    plain_webp,
    remote_manifest_xmp,
)
from provenance.authority.signature import time_stamp_imprint
from provenance.authority.specification import (
    AssertionSpec,
    IngredientReference,
    IngredientSpec,
    ManifestSpec,
    Tampering,
    with_claim_twice,
    without_signature,
)
from provenance.authority.timestamp import PssParameters, TimeStampAuthority, TokenOptions, wrap_token

__all__ = [
    "PURPOSE_MICROSOFT_CLAIM",
    "PURPOSE_TIME_STAMPING",
    "SIGNED_AT",
    "TRAINED_ALGORITHMIC_MEDIA",
    "AssertionSpec",
    "Authority",
    "AuthorityNames",
    "CertificateOptions",
    "Credential",
    "IngredientReference",
    "IngredientSpec",
    "KeyType",
    "ManifestBox",
    "ManifestSpec",
    "PssParameters",
    "Tampering",
    "TimeStampAuthority",
    "TokenOptions",
    "azure_2023",
    "azure_v1",
    "azure_v2",
    "build_store",
    "designer",
    "embed_store",
    "embed_xmp",
    "make_key",
    "make_manifest",
    "make_name",
    "plain_jpeg",
    "plain_png",
    "plain_webp",
    "remote_manifest_xmp",
    "sign_image",
    "soft_binding_assertion",
    "split_store",
    "time_stamp_imprint",
    "with_claim_twice",
    "without_signature",
    "wrap_token",
]
