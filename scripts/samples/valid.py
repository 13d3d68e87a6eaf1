"""
The samples in `sample_images/valid`.
"""

from __future__ import annotations

from provenance import authority as made
from scripts.samples.declaration import VALID, Sample
from scripts.samples.recipe import (
    altered,
    by_impostor,
    by_leaf,
    by_other_intermediate,
    by_other_purpose,
    stamped_by_impostor,
    v1,
    v2,
)

VALID_SAMPLES = (
    Sample(
        "valid/impostor-v1.png",
        "azure_v1 by a self-made authority whose certificates bear Microsoft's exact names",
        "Names can be copied; anchors are pinned by SHA-256",
        VALID,
        by_impostor(made.azure_v1),
    ),
    Sample(
        "valid/impostor-v2.jpg",
        "azure_v2 by a self-made authority whose certificates bear Microsoft's exact names",
        "The same in claim version 2",
        VALID,
        by_impostor(made.azure_v2),
    ),
    Sample(
        "valid/self-made-time-stamp-v1.png",
        "azure_v1 with an expired signer and a time-stamp of a self-made authority",
        "The engine never checks the time-stamp authority of a claim of version 1",
        VALID,
        stamped_by_impostor(v1),
    ),
    Sample(
        "valid/self-made-time-stamp-v2.jpg",
        "azure_v2 with an expired signer and a time-stamp of a self-made authority",
        "The same in claim version 2",
        VALID,
        stamped_by_impostor(v2),
    ),
    Sample(
        "valid/no-time-stamp-v1.jpg",
        "azure_v1 without a time-stamp; the signer expired on 2025-01-01",
        "Nothing shows that the signer was valid when it signed",
        VALID,
        altered(v1, time_stamper=None),
    ),
    Sample(
        "valid/no-time-stamp-v2.png",
        "azure_v2 without a time-stamp; the signer expired on 2025-01-01",
        "The same in claim version 2",
        VALID,
        altered(v2, time_stamper=None),
    ),
    Sample(
        "valid/leaf-issued.png",
        "azure_v1 signed with a certificate that the ordinary signer issued",
        "A certificate that is no authority cannot vouch for another",
        VALID,
        by_leaf,
    ),
    Sample(
        "valid/other-key-purpose.jpg",
        "azure_v1 signed with a certificate of the right authority for protecting e-mail",
        "The engine always accepts that purpose; the trust profile does not",
        VALID,
        by_other_purpose,
    ),
    Sample(
        "valid/other-intermediate.png",
        "azure_v1 signed below the right root and another intermediate of the same name",
        "A root has many children: the intermediate is pinned too",
        VALID,
        by_other_intermediate,
    ),
)
