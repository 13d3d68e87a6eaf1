"""
The samples in `sample_images/invalid`.
"""

from __future__ import annotations

from provenance import authority as made
from provenance.authority import Tampering
from scripts.samples.declaration import INVALID, RULE_BROKEN, Sample
from scripts.samples.picture import retouched, twice
from scripts.samples.recipe import (
    altered,
    moved,
    redescribed,
    signed_v1,
    signed_v2,
    spliced,
    v1,
    v2,
    wrongly_summed,
)

INVALID_SAMPLES = (
    Sample(
        "invalid/changed-pixels-v1.png",
        "azure_v1, then two pixels changed and the PNG's checksum made to fit",
        "Box hashes cover the picture",
        INVALID,
        lambda signers, plain: retouched(signed_v1()(signers, plain), plain),
    ),
    Sample(
        "invalid/changed-pixels-v2.jpg",
        "azure_v2, then one byte of the scan changed",
        "The data hash covers the picture; the tolerated fault tolerates nothing else",
        INVALID,
        lambda signers, plain: retouched(signed_v2()(signers, plain), plain),
    ),
    Sample(
        "invalid/changed-assertion-v1.png",
        "azure_v1, then the description in the store changed to 'AI Generated Image'",
        "The claim holds a hash of every assertion",
        INVALID,
        altered(v1, tampering=Tampering(edit_assertions={"c2pa.actions": redescribed})),
    ),
    Sample(
        "invalid/changed-assertion-v2.jpg",
        "azure_v2, then the description in the store changed to 'AI Generated Image'",
        "Gathered assertions are covered as well",
        INVALID,
        altered(v2, tampering=Tampering(edit_assertions={"c2pa.actions.v2": redescribed})),
    ),
    Sample(
        "invalid/broken-signature-v1.jpg",
        "azure_v1 with one bit of the claim signature changed",
        "Nothing holds without the claim signature",
        INVALID,
        altered(v1, tampering=Tampering(flip_signature=True)),
    ),
    Sample(
        "invalid/broken-signature-v2.png",
        "azure_v2 with one bit of the claim signature changed",
        "The same in claim version 2",
        INVALID,
        altered(v2, tampering=Tampering(flip_signature=True)),
    ),
    Sample(
        "invalid/no-signature.png",
        "azure_v1 without the claim signature's box",
        "An unsigned claim is no credential",
        INVALID,
        altered(v1, tampering=Tampering(edit_manifest=made.without_signature)),
    ),
    Sample(
        "invalid/no-hard-binding.png",
        "azure_v1 without box hashes",
        "A manifest that is bound to no picture fits every picture",
        INVALID,
        altered(v1, binding="none"),
    ),
    Sample(
        "invalid/moved-manifest-v1.png",
        "The manifest store that azure_v1 made for another picture of the same size",
        "Copied credentials do not fit",
        INVALID,
        moved(v1),
    ),
    Sample(
        "invalid/moved-manifest-v2.jpg",
        "The manifest store that azure_v2 made for another picture of the same size",
        "The same with a data hash",
        INVALID,
        moved(v2),
    ),
    Sample(
        "invalid/two-manifest-stores.png",
        "azure_v1, then its manifest store repeated",
        "Which of two stores speaks cannot be told",
        INVALID,
        lambda signers, plain: twice(signed_v1()(signers, plain)),
    ),
    Sample(
        "invalid/damaged-manifest-store.jpg",
        "azure_v1, then the type of the manifest store's first inner box changed",
        "Credentials that cannot be read are a verdict, not an error",
        INVALID,
        lambda signers, plain: signed_v1()(signers, plain).replace(b"jumdc2pa", b"jumXc2pa", 1),
    ),
    Sample(
        "invalid/spliced-store-v2.jpg",
        "azure_v2, then another quantization table put between two pieces of its manifest store",
        "The engine adds up how long the pieces are: another picture reads as the signed one",
        INVALID,
        spliced(signed_v2()),
    ),
    Sample(
        "invalid/wrong-checksum-v2.png",
        "azure_v2, then the checksum of the manifest store's chunk changed",
        "No hash covers it, and the engine does not compute it",
        INVALID,
        wrongly_summed(signed_v2()),
    ),
    Sample(
        "invalid/first-action-is-no-creation-v2.jpg",
        "azure_v2 whose only action is c2pa.edited",
        "Signed like this against a rule of C2PA: hashes and signature hold, and nobody changed anything",
        RULE_BROKEN,
        altered(v2, actions=({"action": "c2pa.edited"},)),
    ),
)
