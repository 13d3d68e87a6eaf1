"""
The samples in `sample_images/absent`.
"""

from __future__ import annotations

from scripts.samples.declaration import ABSENT, Sample
from scripts.samples.recipe import named_in_xmp, untouched

REMOTE = "https://manifests.example.com/picture.c2pa"


REMOVED = "self#jumbf=/c2pa/urn:uuid:00000000-0000-4000-8000-000000000001"


ABSENT_SAMPLES = (
    Sample("absent/plain.png", "A PNG as drawn", "Most images carry nothing", ABSENT, untouched),
    Sample("absent/plain.jpg", "A JPEG as drawn", "Most images carry nothing", ABSENT, untouched),
    Sample("absent/plain.webp", "A WebP of one pixel", "Most images carry nothing", ABSENT, untouched),
    Sample(
        "absent/re-saved.png",
        "The picture without its manifest store; XMP still names the manifest that was in it",
        "Saving an image anew removes its credentials; a trace of them is worth saying and proves nothing",
        ABSENT,
        named_in_xmp(REMOVED),
    ),
    Sample(
        "absent/re-saved.jpg",
        "The picture without its manifest store; XMP still names the manifest that was in it",
        "The same in a JPEG",
        ABSENT,
        named_in_xmp(REMOVED),
    ),
    Sample(
        "absent/remote-manifest.png",
        f"XMP names {REMOTE} as the place of the manifest",
        "Nothing is fetched; the address is reported",
        ABSENT,
        named_in_xmp(REMOTE),
    ),
    Sample(
        "absent/remote-manifest.jpg",
        f"XMP names {REMOTE} as the place of the manifest",
        "The same in a JPEG",
        ABSENT,
        named_in_xmp(REMOTE),
    ),
)
