"""
The sample images and the images of the self-test: made, judged, and only then written.

What each image must yield is declared here beside how it is made, never computed, and nothing is
written unless the library agrees. Each run makes authorities with new keys and forgets them, so the
signatures differ from run to run; everything else is the same.

    python scripts/make_samples.py            make everything anew
    python scripts/make_samples.py --check    hold what is there against these declarations
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import struct
import tomllib
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from provenance import ClaimAnchor, Pin, ProvenanceError, TrustProfile, Verifier, builtin_policies
from provenance import authority as made
from provenance.authority import (
    PURPOSE_MICROSOFT_CLAIM,
    SIGNED_AT,
    Authority,
    AuthorityNames,
    CertificateOptions,
    IngredientSpec,
    ManifestSpec,
    Tampering,
    image,
)
from provenance.authority.splicing import splice_store
from provenance.trust.profile import dump_trust_profile, load_trust_profile

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "sample_images"
SELF_TEST = ROOT / "provenance" / "verification" / "self_test_data"
STATES = ("trusted", "valid", "invalid", "absent")
IMAGES = (".png", ".jpg", ".webp")
DEFAULT = "azure-openai"
DOCUMENTED_TEXT = "AI Generated Image"
EMAIL_PROTECTION = "1.3.6.1.5.5.7.3.4"
WARNING = "# Written by scripts/make_samples.py; changes made by hand are lost.\n"


@dataclass(frozen=True, slots=True)
class Expected:
    """
    What the library must say about an image.

    Attributes:
        state: State under the profile that believes the image's authority.

        accepted: The built-in policies that accept it.

        findings: The checks that fail under the default policy, in order.

        azure_openai_in: "active", "ingredient", or "" if no trusted manifest shows Azure OpenAI's work.
    """

    state: str
    accepted: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    azure_openai_in: str = ""

    @property
    def text(self) -> str:
        """
        The verdict under the default policy, as the self-test writes it.
        """
        return f"{self.state}, {'accepted' if DEFAULT in self.accepted else 'rejected'}"


OBSERVED = Expected("trusted", (DEFAULT, "azure-openai-lineage"), (), "active")
DOCUMENTED = replace(OBSERVED, accepted=(DEFAULT, "azure-openai-documented", "azure-openai-lineage"))
LINEAGE = Expected("trusted", ("azure-openai-lineage",), ("software_agent", "description"), "ingredient")
NO_LINEAGE = replace(LINEAGE, accepted=(), azure_openai_in="")
OTHER_AGENT = Expected("trusted", (), ("software_agent",))
OTHER_DESCRIPTION = Expected("trusted", (), ("description",))
TRAILING = Expected("trusted", (), ("trailing_bytes",), "active")
UNBOUND = Expected("trusted", (), ("unbound_bytes",), "active")
VALID = Expected("valid", (), ("signing_credential",))
INVALID = Expected("invalid", (), ("integrity",))
RULE_BROKEN = Expected("invalid", (), ("conformance",))
ABSENT = Expected("absent", (), ("manifest_store",))


@dataclass(frozen=True, slots=True)
class Workshop:
    """
    The authorities that sign one set of images.

    Attributes:
        name: Name of the set's trust profile.

        authority: The one that the profile believes.

        impostor: Believed by nobody; what it is called is for the set to choose.

        size: Width and height of the pictures.
    """

    name: str
    authority: Authority
    impostor: Authority
    size: tuple[int, int]

    @property
    def trust(self) -> TrustProfile:
        """
        The profile: pins alone, since the certificates travel in the images.
        """
        authority = self.authority
        anchor = ClaimAnchor(
            _pin(authority.root), (_pin(authority.intermediate),), (PURPOSE_MICROSOFT_CLAIM,)
        )
        return TrustProfile(self.name, (anchor,), (_pin(authority.time_stamp_root),))

    def picture(self, path: str) -> bytes:
        """
        Draw the picture that lies under a path, without credentials; each path has its own.
        """
        seed = zlib.crc32(path.encode())
        if path.endswith(".webp"):
            return made.plain_webp()
        return (landscape if path.endswith(".png") else made.plain_jpeg)(*self.size, seed)


Describe = Callable[[Workshop], ManifestSpec]
"""
Describes a manifest.
"""

Make = Callable[[Workshop, bytes], bytes]
"""
Makes a sample out of a plain picture.
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """
    One image.

    Attributes:
        path: Where it lies in its set.

        how: How it is made.

        why: What it shows.

        expected: What it must yield.

        make: Makes it out of a plain picture.
    """

    path: str
    how: str
    why: str
    expected: Expected
    make: Make


# --- pictures and what is done to them ----------------------------------------------------------------


def landscape(width: int, height: int, seed: int) -> bytes:
    """
    Draw a sky, a sun and hills in 16 colours, as an uncompressed PNG; *width* is even.
    """
    noise = random.Random(seed)  # noqa: S311 - pixels, not secrets
    horizon, slope = height * noise.randint(5, 7) // 10, noise.randint(3, 6)
    hills = [horizon - abs(x % (4 * slope) - 2 * slope) // 2 for x in range(width)]
    sun = (noise.randrange(width // 4, width), noise.randrange(height // 8, height // 3), height // 7)
    rows = bytearray()
    for y in range(height):
        colours = [_colour(x, y, height, hills[x], sun) for x in range(width)]
        rows += b"\x00" + bytes(16 * a + b for a, b in zip(colours[::2], colours[1::2], strict=True))
    return b"".join(
        (
            image.PNG_SIGNATURE,
            image.png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 4, 3, 0, 0, 0)),
            image.png_chunk(b"PLTE", _palette(noise)),
            image.png_chunk(b"IDAT", zlib.compress(rows, 0)),
            image.png_chunk(b"IEND", b""),
        )
    )


def _colour(x: int, y: int, height: int, ground: int, sun: tuple[int, int, int]) -> int:
    # 0 to 7 are the sky, 8 is the sun, 9 to 15 are the hills.
    across, down, radius = sun
    if y >= ground:
        return 9 + min(6, (y - ground) * 7 // max(height - ground, 1))
    if (x - across) ** 2 + (y - down) ** 2 <= radius**2:
        return 8
    return min(7, y * 8 // ground)


def _palette(noise: random.Random) -> bytes:
    top, low = [noise.randint(0, 120) for _ in range(3)], [noise.randint(130, 255) for _ in range(3)]
    sky = [bytes(a + (b - a) * step // 7 for a, b in zip(top, low, strict=True)) for step in range(8)]
    near = [noise.randint(60, 160) for _ in range(3)]
    hills = [bytes(part * (10 - step) // 10 for part in near) for step in range(7)]
    return b"".join((*sky, b"\xff\xe0\x60", *hills))


def retouched(signed: bytes, plain: bytes) -> bytes:
    """
    Change one byte of the picture in a signed image; a PNG's checksum is made to fit.
    """
    if image.container_of(plain) == "jpeg":
        scan = dict(image.split_jpeg(plain))["SOS"]
        # Any byte of the scan but one that is, or comes after, a marker's first.
        spot = next(i for i in range(len(scan) // 2, len(scan)) if 0 < scan[i] < 0xFE and scan[i - 1] != 0xFF)  # noqa: PLR2004 - ISO 10918-1
        return signed.replace(scan, scan[:spot] + bytes([scan[spot] ^ 1]) + scan[spot + 1 :])
    chunk = dict(image.split_png(plain))["IDAT"]
    rows = bytearray(zlib.decompress(chunk[8:-4]))
    rows[len(rows) // 2] ^= 0x11
    return signed.replace(chunk, image.png_chunk(b"IDAT", zlib.compress(rows, 0)))


def twice(signed: bytes) -> bytes:
    """
    Repeat the manifest store of a signed PNG.
    """
    chunk = dict(image.split_png(signed))["caBX"]
    return signed.replace(chunk, chunk * 2)


# --- manifests ----------------------------------------------------------------------------------------


def signed_v1(**options: Any) -> Make:  # noqa: ANN401 - passed on
    """
    Sign with a manifest of claim version 1, described as `azure_v1` is.
    """
    return lambda shop, plain: made.sign_image(plain, made.azure_v1(shop.authority, **options))


def signed_v2(**options: Any) -> Make:  # noqa: ANN401 - passed on
    """
    Sign with a manifest of claim version 2, described as `azure_v2` is.
    """
    return lambda shop, plain: made.sign_image(plain, made.azure_v2(shop.authority, **options))


def v1(shop: Workshop) -> ManifestSpec:
    """
    Describe what Azure OpenAI writes in claim version 1.
    """
    return made.azure_v1(shop.authority)


def v2(shop: Workshop) -> ManifestSpec:
    """
    Describe what Azure OpenAI writes in claim version 2.
    """
    return made.azure_v2(shop.authority)


def altered(describe: Describe, **changes: Any) -> Make:  # noqa: ANN401 - passed on
    """
    Sign with a description of which some fields are replaced.
    """
    return lambda shop, plain: made.sign_image(plain, replace(describe(shop), **changes))


def redescribed(content: Any) -> Any:  # noqa: ANN401 - an assertion may hold anything
    """
    Give the first action of an assertion the documented description.
    """
    first, *rest = content["actions"]
    return {**content, "actions": [{**first, "description": DOCUMENTED_TEXT}, *rest]}


def stamped_by_impostor(describe: Describe) -> Make:
    """
    Sign with an expired certificate and a time-stamp from an authority nobody knows.
    """
    return lambda shop, plain: made.sign_image(
        plain, replace(describe(shop), time_stamper=shop.impostor.time_stamper)
    )


def by_impostor(
    describe: Callable[[Authority], ManifestSpec],
) -> Make:
    """
    Sign with the impostor, who also makes the time-stamp.
    """
    return lambda shop, plain: made.sign_image(plain, describe(shop.impostor))


def moved(describe: Describe) -> Make:
    """
    Embed a manifest store that was made for another picture of the same kind and size.
    """

    def make(shop: Workshop, plain: bytes) -> bytes:
        other = shop.picture(f"another.{'jpg' if image.container_of(plain) == 'jpeg' else 'png'}")
        spec = describe(shop)
        store = made.build_store(made.make_manifest(other, spec))
        return made.embed_store(plain, store, after_app0=spec.claim_version > 1)

    return make


def by_leaf(shop: Workshop, plain: bytes) -> bytes:
    """
    Sign with a certificate issued by a signer that is no authority.
    """
    credential = shop.authority.signer.issue(CertificateOptions(subject=shop.authority.names.signer))
    return made.sign_image(plain, made.azure_v1(shop.authority, credential=credential))


def by_other_purpose(shop: Workshop, plain: bytes) -> bytes:
    """
    Sign with a certificate of the right authority for protecting e-mail.
    """
    credential = shop.authority.issue_signer(key_purposes=(EMAIL_PROTECTION,))
    return made.sign_image(plain, made.azure_v1(shop.authority, credential=credential))


def by_other_intermediate(shop: Workshop, plain: bytes) -> bytes:
    """
    Sign below the right root, but below another intermediate of the same name.
    """
    names, root = shop.authority.names, shop.authority.root
    options = CertificateOptions(
        subject=names.intermediate,
        not_before=root.certificate.not_valid_before_utc,
        not_after=root.certificate.not_valid_after_utc,
        is_ca=True,
        path_length=0,
        key_purposes=(),
    )
    credential = root.issue(options).issue(CertificateOptions(subject=names.signer))
    return made.sign_image(plain, made.azure_v1(shop.authority, credential=credential))


def beside_orphan(shop: Workshop, plain: bytes) -> bytes:
    """
    Put Azure OpenAI's manifest for the very picture into the store of a Copilot image, unreferenced.
    """
    spec = made.azure_v1(shop.authority, software_agent="Microsoft Copilot", label="urn:uuid:copilot")
    return made.sign_image(plain, spec, unreferenced=(made.make_manifest(plain, v1(shop)),))


def designed(version: int) -> Make:
    """
    Sign as Microsoft Designer does, over an ingredient by Azure OpenAI of the same claim version.
    """
    if version == 1:
        return lambda shop, plain: made.sign_image(plain, made.designer(shop.authority, v1(shop)))
    return lambda shop, plain: made.sign_image(
        plain, made.designer(shop.authority, v2(shop), claim_version=2)
    )


def designed_over_changed(version: int) -> Make:
    """
    Sign as Microsoft Designer does, over an ingredient recorded as changed when it was added.
    """

    def make(shop: Workshop, plain: bytes) -> bytes:
        inner = v1(shop)
        uri = f"self#jumbf=/c2pa/{inner.label}/c2pa.assertions/c2pa.hash.boxes"
        failure = {"code": "assertion.boxesHash.mismatch", "url": uri, "explanation": "hash does not match"}
        results = {"activeManifest": {"success": [], "informational": [], "failure": [failure]}}
        recorded: Mapping[str, object] = {"validationResults": results}
        if version == 1:
            recorded = {"validationStatus": [failure]}
        outer = made.designer(shop.authority, inner, claim_version=1 if version == 1 else 2)
        ingredient = IngredientSpec(manifest=inner, recorded=recorded)
        return made.sign_image(plain, replace(outer, ingredients=(ingredient,)))

    return make


def trailed(make: Make) -> Make:
    """
    Append bytes to what *make* makes.
    """
    return lambda shop, plain: make(shop, plain) + b"these bytes are covered by no signature\n"


def padded(make: Make) -> Make:
    """
    Put fill bytes before the EOI of the JPEG file that *make* makes.
    """

    def pad(shop: Workshop, plain: bytes) -> bytes:
        signed = make(shop, plain)
        return signed[:-2] + b"\xff" * 40 + signed[-2:]

    return pad


def spliced(make: Make) -> Make:
    """
    Show the JPEG that *make* makes through another quantization table, put between two pieces of its store.
    """

    def splice(shop: Workshop, plain: bytes) -> bytes:
        table = image.jpeg_segment(0xDB, b"\x00" + b"\xff" * 64)
        return splice_store(make(shop, plain), table)

    return splice


def goes_on(make: Make) -> Make:
    """
    Have the scan of the JPEG that *make* makes go on behind two 0xFF.
    """

    def append(shop: Workshop, plain: bytes) -> bytes:
        signed = make(shop, plain)
        return signed[:-2] + b"\xff\xff\x00" + b"an archive could stand here" + signed[-2:]

    return append


def wrongly_summed(make: Make) -> Make:
    """
    Change the checksum of the chunk that holds the store of the PNG that *make* makes.
    """

    def change(shop: Workshop, plain: bytes) -> bytes:
        signed = bytearray(make(shop, plain))
        at = signed.index(b"caBX")
        signed[at + 4 + int.from_bytes(signed[at - 4 : at])] ^= 1
        return bytes(signed)

    return change


def before_signing(make: Make) -> Make:
    """
    Append a trailer to the picture before *make* signs it.
    """
    return lambda shop, plain: make(shop, plain + b"a trailer, as phones write one\n")


def leaving_pixels_open(shop: Workshop, plain: bytes) -> bytes:
    """
    Sign with a data hash that leaves out 64 bytes behind the store as well.
    """

    def edit(content: Any) -> Any:  # noqa: ANN401 - an assertion may hold anything
        (store,) = content["exclusions"]
        start, end = store["start"], store["start"] + store["length"]
        left = hashlib.sha256(plain[:start] + plain[start + 64 :]).digest()
        return {**content, "exclusions": [store, {"start": end, "length": 64}], "hash": left}

    return altered(v2, tampering=Tampering(edit_binding=edit))(shop, plain)


def listing_less(content: Any) -> Any:  # noqa: ANN401 - an assertion may hold anything
    """
    End a list of boxes with the store.
    """
    boxes = content["boxes"]
    return {**content, "boxes": boxes[: 1 + [box["names"] for box in boxes].index(["C2PA"])]}


def named_in_xmp(address: str) -> Make:
    """
    Name a manifest in XMP instead of carrying one.
    """
    return lambda _, plain: made.embed_xmp(plain, made.remote_manifest_xmp(address))


def untouched(_: Workshop, plain: bytes) -> bytes:
    """
    Leave the picture without credentials.
    """
    return plain


# --- the samples --------------------------------------------------------------------------------------

LATE = (SIGNED_AT - timedelta(minutes=10)).strftime("%Y-%m-%dT%H:%M:%SZ")
REMOTE = "https://manifests.example.com/picture.c2pa"
REMOVED = "self#jumbf=/c2pa/urn:uuid:00000000-0000-4000-8000-000000000001"

ACCEPTED = (
    Sample(
        "trusted/dalle-v1.png",
        "azure_v1: claim version 1, box hashes, DALL-E, 'Generated with AI'",
        "What Azure OpenAI wrote for DALL-E in 2024; the signer has expired, its time-stamp has not",
        OBSERVED,
        signed_v1(),
    ),
    Sample(
        "trusted/dalle-v1-no-source-type.jpg",
        "azure_v1 without digitalSourceType",
        "Most genuine images before 2025 name no digital source type",
        OBSERVED,
        signed_v1(digital_source_type=None),
    ),
    Sample(
        "trusted/dalle-v1-no-description.jpg",
        "azure_v1 without description, digitalSourceType trainedAlgorithmicMedia",
        "Genuine images since 2025-05 often have no description at all",
        OBSERVED,
        signed_v1(description=None),
    ),
    Sample(
        "trusted/imagegen-v1.jpg",
        "azure_v1 with softwareAgent 'Azure OpenAI ImageGen'",
        "The other documented agent",
        OBSERVED,
        signed_v1(software_agent="Azure OpenAI ImageGen"),
    ),
    Sample(
        "trusted/imagegen-v1-no-description.png",
        "azure_v1 with softwareAgent 'Azure OpenAI ImageGen', without description",
        "The other documented agent, in the form of 2025-05 to 2026-07",
        OBSERVED,
        signed_v1(software_agent="Azure OpenAI ImageGen", description=None),
    ),
    Sample(
        "trusted/dalle-2023-bare-list.png",
        "azure_2023: assertion labelled 'actions' that holds the bare list",
        "The oldest form, which is not what the specification describes",
        OBSERVED,
        lambda shop, plain: made.sign_image(plain, made.azure_2023(shop.authority)),
    ),
    Sample(
        "trusted/dalle-2023-bare-list.jpg",
        "azure_2023: assertion labelled 'actions' that holds the bare list",
        "The oldest form in a JPEG",
        OBSERVED,
        lambda shop, plain: made.sign_image(plain, made.azure_2023(shop.authority)),
    ),
    Sample(
        "trusted/imagegen-v2.png",
        "azure_v2: claim version 2, data hash, agent as a map, soft binding with region unit 'percentage'",
        "The form since 2026-06; the engine's fault about the soft binding is tolerated and reported",
        OBSERVED,
        signed_v2(),
    ),
    Sample(
        "trusted/imagegen-v2.jpg",
        "azure_v2: claim version 2, data hash, agent as a map, soft binding with region unit 'percentage'",
        "The same in a JPEG",
        OBSERVED,
        signed_v2(),
    ),
    Sample(
        "trusted/imagegen-v2-agent-as-text.jpg",
        "azure_v2 with softwareAgent as text and no watermark",
        "Agents are read as text and as a map, in either claim version",
        OBSERVED,
        signed_v2(software_agent="Azure OpenAI ImageGen", soft_binding_unit=None),
    ),
    Sample(
        "trusted/imagegen-v2-no-description.png",
        "azure_v2 without description, digitalSourceType trainedAlgorithmicMedia",
        "No description in the newest form",
        OBSERVED,
        signed_v2(description=None),
    ),
    Sample(
        "trusted/imagegen-v2.webp",
        "azure_v2 in a WebP of one pixel",
        "The third container whose chunks are walked",
        OBSERVED,
        signed_v2(),
    ),
    Sample(
        "trusted/documented-v1.png",
        "azure_v1 with description 'AI Generated Image'",
        "Microsoft's documentation to the letter; no genuine image seen so far is like this",
        DOCUMENTED,
        signed_v1(description=DOCUMENTED_TEXT),
    ),
    Sample(
        "trusted/documented-v2.jpg",
        "azure_v2 with description 'AI Generated Image'",
        "Microsoft's documentation to the letter, in claim version 2",
        DOCUMENTED,
        signed_v2(description=DOCUMENTED_TEXT),
    ),
    Sample(
        "trusted/documented-v1-late-when.jpg",
        "azure_v1 with description 'AI Generated Image' and 'when' ten minutes before the time-stamp",
        "The documented policy holds 'when' against the time-stamp; the others do not",
        OBSERVED,
        signed_v1(description=DOCUMENTED_TEXT, when=LATE),
    ),
    Sample(
        "trusted/bound-trailer-v2.jpg",
        "A trailer appended after EOI, then azure_v2",
        "A data hash covers the whole file: what follows the image was signed with it",
        OBSERVED,
        before_signing(signed_v2()),
    ),
)

TRUSTED_ONLY = (
    Sample(
        "trusted/designer-v1.png",
        "designer over azure_v1: claim version 1, the Azure OpenAI image as an ingredient",
        "Azure OpenAI's work is in an ingredient: enough for azure-openai-lineage alone",
        LINEAGE,
        designed(1),
    ),
    Sample(
        "trusted/designer-v2.jpg",
        "designer over azure_v2: claim version 2, the Azure OpenAI image as an ingredient",
        "The same in claim version 2, with the tolerated fault in the ingredient",
        LINEAGE,
        designed(2),
    ),
    Sample(
        "trusted/designer-v1-changed-ingredient.jpg",
        "designer over azure_v1; validationStatus records that the ingredient's hash did not match",
        "An ingredient changed before it was added is no evidence, though the image itself is trusted",
        NO_LINEAGE,
        designed_over_changed(1),
    ),
    Sample(
        "trusted/designer-v2-changed-ingredient.png",
        "designer over azure_v1; validationResults record that the ingredient's hash did not match",
        "The same, recorded the way claims of version 2 do",
        NO_LINEAGE,
        designed_over_changed(2),
    ),
    Sample(
        "trusted/bing-image-creator.jpg",
        "azure_v1 with softwareAgent 'Bing Image Creator' and description 'AI Generated Image'",
        "The same signer vouches for other services; the documented description alone proves nothing",
        OTHER_AGENT,
        signed_v1(software_agent="Bing Image Creator", description=DOCUMENTED_TEXT),
    ),
    Sample(
        "trusted/flux-in-azure-v1.png",
        "azure_v1 with softwareAgent 'Black forest labs in Azure AI'",
        "A model hosted in Azure is not Azure OpenAI",
        OTHER_AGENT,
        signed_v1(software_agent="Black forest labs in Azure AI"),
    ),
    Sample(
        "trusted/flux-in-azure-v2.jpg",
        "azure_v2 with softwareAgent {name: 'Black Forest Labs in Azure AI'}",
        "The same in the newest form",
        OTHER_AGENT,
        signed_v2(software_agent={"name": "Black Forest Labs in Azure AI"}),
    ),
    Sample(
        "trusted/agent-in-other-case.png",
        "azure_v1 with softwareAgent 'azure openai dall-e'",
        "Names are compared to the letter",
        OTHER_AGENT,
        signed_v1(software_agent="azure openai dall-e"),
    ),
    Sample(
        "trusted/unknown-description.png",
        "azure_v1 with description 'Made by a machine'",
        "Only the documented description and observed ones are accepted",
        OTHER_DESCRIPTION,
        signed_v1(description="Made by a machine"),
    ),
    Sample(
        "trusted/no-description-no-source-type.jpg",
        "azure_v1 without description and without digitalSourceType",
        "A missing description is accepted only beside trainedAlgorithmicMedia",
        OTHER_DESCRIPTION,
        signed_v1(description=None, digital_source_type=None),
    ),
    Sample(
        "trusted/orphan-azure-manifest.png",
        "A Copilot manifest is active; Azure OpenAI's lies in the store and nothing refers to it",
        "Manifests that nothing references prove nothing",
        OTHER_AGENT,
        beside_orphan,
    ),
    Sample(
        "trusted/trailing-bytes.png",
        "azure_v1, then text appended after IEND",
        "Box hashes do not cover what follows the last box, and the engine does not mind",
        TRAILING,
        trailed(signed_v1()),
    ),
    Sample(
        "trusted/trailing-bytes.jpg",
        "azure_v1, then text appended after EOI",
        "The same in a JPEG",
        TRAILING,
        trailed(signed_v1()),
    ),
    Sample(
        "trusted/stray-bytes.jpg",
        "azure_v1, then fill bytes put before EOI",
        "Box hashes do not cover what stands between segments, and the engine does not mind",
        UNBOUND,
        padded(signed_v1()),
    ),
    Sample(
        "trusted/scan-goes-on.jpg",
        "azure_v1, then FF FF 00 and more put before EOI",
        "A decoder reads on where the engine's hash has ended",
        UNBOUND,
        goes_on(signed_v1()),
    ),
    Sample(
        "trusted/second-exclusion.png",
        "azure_v2 by a signer whose data hash leaves out 64 bytes of the picture as well",
        "The engine only mentions it; whoever finds such an image can put other pixels there",
        UNBOUND,
        leaving_pixels_open,
    ),
    Sample(
        "trusted/list-ends-early.png",
        "azure_v1 by a signer whose list of hashed boxes ends with the manifest store",
        "The engine asks no more of a list than that what it names is there",
        UNBOUND,
        altered(v1, tampering=Tampering(edit_binding=listing_less)),
    ),
)

VALID_ONLY = (
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

CHANGED = (
    Sample(
        "invalid/changed-pixels-v1.png",
        "azure_v1, then two pixels changed and the PNG's checksum made to fit",
        "Box hashes cover the picture",
        INVALID,
        lambda shop, plain: retouched(signed_v1()(shop, plain), plain),
    ),
    Sample(
        "invalid/changed-pixels-v2.jpg",
        "azure_v2, then one byte of the scan changed",
        "The data hash covers the picture; the tolerated fault tolerates nothing else",
        INVALID,
        lambda shop, plain: retouched(signed_v2()(shop, plain), plain),
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
        lambda shop, plain: twice(signed_v1()(shop, plain)),
    ),
    Sample(
        "invalid/damaged-manifest-store.jpg",
        "azure_v1, then the type of the manifest store's first inner box changed",
        "Credentials that cannot be read are a verdict, not an error",
        INVALID,
        lambda shop, plain: signed_v1()(shop, plain).replace(b"jumdc2pa", b"jumXc2pa", 1),
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

WITHOUT = (
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

ALL_SAMPLES = ACCEPTED + TRUSTED_ONLY + VALID_ONLY + CHANGED + WITHOUT

SELF_TEST_IMAGES = (
    Sample(
        "good-v1.png",
        "",
        "Claim version 1, box hashes, expired signer, good time-stamp",
        OBSERVED,
        signed_v1(),
    ),
    Sample(
        "good-v2.jpg",
        "",
        "Claim version 2, data hash, the tolerated soft-binding fault",
        OBSERVED,
        signed_v2(),
    ),
    Sample(
        "changed-byte.jpg",
        "",
        "One byte of the picture changed",
        INVALID,
        lambda shop, plain: retouched(signed_v2()(shop, plain), plain),
    ),
    Sample(
        "broken-signature.png",
        "",
        "One bit of the claim signature changed",
        INVALID,
        altered(v1, tampering=Tampering(flip_signature=True)),
    ),
    Sample(
        "self-made-time-stamp.png",
        "",
        "Expired signer, time-stamp of an authority nobody knows",
        VALID,
        stamped_by_impostor(v1),
    ),
    Sample("impostor.png", "", "All names right, all keys wrong", VALID, by_impostor(made.azure_v1)),
    Sample("leaf-issued.png", "", "The signer's issuer is no certificate authority", VALID, by_leaf),
    Sample("trailing-bytes.png", "", "Bytes after the container's end", TRAILING, trailed(signed_v1())),
    Sample(
        "spliced-store.jpg",
        "",
        "Another picture between two pieces of the store",
        INVALID,
        spliced(signed_v2()),
    ),
    Sample("plain.png", "", "No credentials at all", ABSENT, untouched),
)


def sample_workshop() -> Workshop:
    """
    Make the authorities of the samples; the impostor is called Microsoft.
    """
    impostor = Authority.create(names=AuthorityNames.microsoft())
    return Workshop("sample", Authority.create("Sample Authority"), impostor, (96, 64))


def self_test_workshop() -> Workshop:
    """
    Make the authorities of the self-test; the impostor has the same names as the other.
    """
    name = "Self-Test Authority"
    return Workshop("self-test", Authority.create(name), Authority.create(name), (16, 16))


# --- judging, writing, checking -----------------------------------------------------------------------


def judge(trust: TrustProfile, images: Mapping[Sample, bytes]) -> Iterator[str]:
    """
    Judge images and yield a sentence for each one that yields something else than declared.
    """
    # The self-test would ask for images that may not be there yet.
    verifiers = {
        name: Verifier(policy=policy, trust=trust, self_test=False)
        for name, policy in builtin_policies().items()
    }
    for sample, content in images.items():
        try:
            found = _observe(verifiers, content)
        except ProvenanceError as error:
            yield f"{sample.path}: {type(error).__name__}: {error}"
            continue
        if found != sample.expected:
            yield f"{sample.path}: {found}, but declared is {sample.expected}"


def _observe(verifiers: Mapping[str, Verifier], content: bytes) -> Expected:
    results = {name: verifier.verify(content) for name, verifier in verifiers.items()}
    origin = results[DEFAULT].origin
    return Expected(
        state=results[DEFAULT].state.value,
        accepted=tuple(name for name, result in results.items() if result.accepted),
        findings=tuple(finding.id for finding in results[DEFAULT].findings),
        azure_openai_in="" if origin is None else "active" if origin.reading.is_active else "ingredient",
    )


def index_toml(images: Mapping[Sample, bytes]) -> str:
    """
    Write the list of samples.
    """
    parts = [WARNING]
    for sample, content in images.items():
        expected = sample.expected
        accepted = (f'"{name}" = {str(name in expected.accepted).lower()}' for name in builtin_policies())
        parts += [
            "[[images]]",
            f"path = {json.dumps(sample.path)}",
            f'sha256 = "{hashlib.sha256(content).hexdigest()}"',
            f"how = {json.dumps(sample.how)}",
            f"why = {json.dumps(sample.why)}",
            f'state = "{expected.state}"',
            f"accepted = {{ {', '.join(accepted)} }}",
            f"findings = {json.dumps(expected.findings)}",
            f'azure_openai_in = "{expected.azure_openai_in}"',
            "",
        ]
    return "\n".join(parts)


def cases_toml(images: Iterable[Sample]) -> str:
    """
    Write the list of the self-test's images.
    """
    parts = [WARNING]
    for sample in images:
        parts += [
            "[[cases]]",
            f"file = {json.dumps(sample.path)}",
            f"why = {json.dumps(sample.why)}",
            f'expected = "{sample.expected.text}"',
            "",
        ]
    return "\n".join(parts)


@dataclass(frozen=True, slots=True)
class ImageSet:
    """
    A folder of images with its list and its trust profile.

    Attributes:
        folder: Where it lies.

        list_name: File name of the list.

        samples: What is in it.
    """

    folder: Path
    list_name: str
    samples: tuple[Sample, ...]

    def list_text(self, images: Mapping[Sample, bytes]) -> str:
        """
        Write the list.
        """
        return index_toml(images) if self.list_name == "index.toml" else cases_toml(images)

    def present(self) -> set[str]:
        """
        Find the images that are there.
        """
        found = (path for path in self.folder.rglob("*") if path.suffix in IMAGES)
        return {path.relative_to(self.folder).as_posix() for path in found}

    def make(self, shop: Workshop) -> tuple[dict[Sample, bytes], list[str]]:
        """
        Make all images; say what is wrong with them.
        """
        images = {sample: sample.make(shop, shop.picture(sample.path)) for sample in self.samples}
        return images, list(judge(shop.trust, images))

    def write(self, shop: Workshop, images: Mapping[Sample, bytes]) -> None:
        """
        Write images, list and profile, and remove images that are no longer declared.
        """
        for path in self.present() - {sample.path for sample in self.samples}:
            (self.folder / path).unlink()
        for sample, content in images.items():
            (self.folder / sample.path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / sample.path).write_bytes(content)
        (self.folder / self.list_name).write_text(self.list_text(images), encoding="utf-8")
        profile = WARNING + "\n" + dump_trust_profile(shop.trust)
        (self.folder / "trust.toml").write_text(profile, encoding="utf-8")

    def check(self) -> list[str]:
        """
        Hold what is there against what is declared; say what differs.
        """
        declared = {sample.path for sample in self.samples}
        faults = [f"{path}: not the same here and there" for path in sorted(self.present() ^ declared)]
        if faults:
            return faults
        images = {sample: (self.folder / sample.path).read_bytes() for sample in self.samples}
        written = tomllib.loads((self.folder / self.list_name).read_text(encoding="utf-8"))
        if written != tomllib.loads(self.list_text(images)):
            faults.append(f"{self.list_name} is not what the files and this script say")
        return faults + list(judge(load_trust_profile(self.folder / "trust.toml"), images))


SETS = (
    (ImageSet(SAMPLES, "index.toml", ALL_SAMPLES), sample_workshop),
    (ImageSet(SELF_TEST, "cases.toml", SELF_TEST_IMAGES), self_test_workshop),
)


def make_all() -> list[str]:
    """
    Make every set, and write them all if everything came out as declared.
    """
    finished = []
    faults: list[str] = []
    for images, workshop in SETS:
        shop = workshop()
        contents, wrong = images.make(shop)
        faults += wrong
        finished.append((images, shop, contents))
    if not faults:
        for images, shop, contents in finished:
            images.write(shop, contents)
    return faults


def main() -> int:
    """
    Do as the command line says; give back the exit code.
    """
    parser = argparse.ArgumentParser(description="Make the sample images and the images of the self-test.")
    parser.add_argument("--check", action="store_true", help="write nothing; check what is there")
    only_check = parser.parse_args().check
    faults = [fault for images, _ in SETS for fault in images.check()] if only_check else make_all()
    for fault in faults:
        print(fault)
    if faults:
        print("Nothing was written." if not only_check else "The files are not as declared.")
        return 1
    for images, _ in SETS:
        size = sum((images.folder / sample.path).stat().st_size for sample in images.samples)
        print(f"{images.folder.relative_to(ROOT)}: {len(images.samples)} images as declared, {size:,} bytes")
    return 0


def _pin(credential: made.Credential) -> Pin:
    common_name = credential.certificate.subject.rfc4514_string().partition("CN=")[2].partition(",")[0]
    return Pin(credential.sha256, common_name)


if __name__ == "__main__":
    raise SystemExit(main())
