"""
How samples are made: one function for each way to sign a picture, or to spoil a signed one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from provenance import authority as made
from provenance.authority import Authority, CertificateOptions, IngredientSpec, ManifestSpec, Tampering, image
from provenance.authority.splicing import splice_store
from scripts.samples.declaration import Describe, Make, Signers

DOCUMENTED_TEXT = "AI Generated Image"


EMAIL_PROTECTION = "1.3.6.1.5.5.7.3.4"


def signed_v1(**options: Any) -> Make:  # noqa: ANN401 - passed on
    """
    Sign with a manifest of claim version 1, described as `azure_v1` is.
    """
    return lambda signers, plain: made.sign_image(plain, made.azure_v1(signers.authority, **options))


def signed_v2(**options: Any) -> Make:  # noqa: ANN401 - passed on
    """
    Sign with a manifest of claim version 2, described as `azure_v2` is.
    """
    return lambda signers, plain: made.sign_image(plain, made.azure_v2(signers.authority, **options))


def v1(signers: Signers) -> ManifestSpec:
    """
    Describe what Azure OpenAI writes in claim version 1.
    """
    return made.azure_v1(signers.authority)


def v2(signers: Signers) -> ManifestSpec:
    """
    Describe what Azure OpenAI writes in claim version 2.
    """
    return made.azure_v2(signers.authority)


def altered(describe: Describe, **changes: Any) -> Make:  # noqa: ANN401 - passed on
    """
    Sign with a description of which some fields are replaced.
    """
    return lambda signers, plain: made.sign_image(plain, replace(describe(signers), **changes))


def redescribed(content: Any) -> Any:  # noqa: ANN401 - an assertion may hold anything
    """
    Replace the description of an assertion's first action by the documented one.
    """
    first, *rest = content["actions"]
    return {**content, "actions": [{**first, "description": DOCUMENTED_TEXT}, *rest]}


def stamped_by_impostor(describe: Describe) -> Make:
    """
    Sign with an expired certificate and a time-stamp from an authority nobody knows.
    """
    return lambda signers, plain: made.sign_image(
        plain, replace(describe(signers), time_stamper=signers.impostor.time_stamper)
    )


def by_impostor(
    describe: Callable[[Authority], ManifestSpec],
) -> Make:
    """
    Sign with the impostor, who also makes the time-stamp.
    """
    return lambda signers, plain: made.sign_image(plain, describe(signers.impostor))


def moved(describe: Describe) -> Make:
    """
    Embed a manifest store that was made for another picture of the same kind and size.
    """

    def make(signers: Signers, plain: bytes) -> bytes:
        other = signers.picture(f"another.{'jpg' if image.container_of(plain) == 'jpeg' else 'png'}")
        spec = describe(signers)
        store = made.build_store(made.make_manifest(other, spec))
        return made.embed_store(plain, store, after_app0=spec.claim_version > 1)

    return make


def by_leaf(signers: Signers, plain: bytes) -> bytes:
    """
    Sign with a certificate issued by a signer that is no authority.
    """
    credential = signers.authority.signer.issue(CertificateOptions(subject=signers.authority.names.signer))
    return made.sign_image(plain, made.azure_v1(signers.authority, credential=credential))


def by_other_purpose(signers: Signers, plain: bytes) -> bytes:
    """
    Sign with a certificate of the right authority for protecting e-mail.
    """
    credential = signers.authority.issue_signer(key_purposes=(EMAIL_PROTECTION,))
    return made.sign_image(plain, made.azure_v1(signers.authority, credential=credential))


def by_other_intermediate(signers: Signers, plain: bytes) -> bytes:
    """
    Sign below the right root, but below another intermediate of the same name.
    """
    names, root = signers.authority.names, signers.authority.root
    options = CertificateOptions(
        subject=names.intermediate,
        not_before=root.certificate.not_valid_before_utc,
        not_after=root.certificate.not_valid_after_utc,
        is_ca=True,
        path_length=0,
        key_purposes=(),
    )
    credential = root.issue(options).issue(CertificateOptions(subject=names.signer))
    return made.sign_image(plain, made.azure_v1(signers.authority, credential=credential))


def beside_orphan(signers: Signers, plain: bytes) -> bytes:
    """
    Put Azure OpenAI's manifest for the very picture into the store of a Copilot image, unreferenced.
    """
    spec = made.azure_v1(signers.authority, software_agent="Microsoft Copilot", label="urn:uuid:copilot")
    return made.sign_image(plain, spec, unreferenced=(made.make_manifest(plain, v1(signers)),))


def designed(version: int) -> Make:
    """
    Sign as Microsoft Designer does, over an ingredient by Azure OpenAI of the same claim version.
    """
    if version == 1:
        return lambda signers, plain: made.sign_image(plain, made.designer(signers.authority, v1(signers)))
    return lambda signers, plain: made.sign_image(
        plain, made.designer(signers.authority, v2(signers), claim_version=2)
    )


def designed_over_changed(version: int) -> Make:
    """
    Sign as Microsoft Designer does, over an ingredient recorded as changed when it was added.
    """

    def make(signers: Signers, plain: bytes) -> bytes:
        inner = v1(signers)
        uri = f"self#jumbf=/c2pa/{inner.label}/c2pa.assertions/c2pa.hash.boxes"
        failure = {"code": "assertion.boxesHash.mismatch", "url": uri, "explanation": "hash does not match"}
        results = {"activeManifest": {"success": [], "informational": [], "failure": [failure]}}
        recorded: Mapping[str, object] = {"validationResults": results}
        if version == 1:
            recorded = {"validationStatus": [failure]}
        outer = made.designer(signers.authority, inner, claim_version=1 if version == 1 else 2)
        ingredient = IngredientSpec(manifest=inner, recorded=recorded)
        return made.sign_image(plain, replace(outer, ingredients=(ingredient,)))

    return make


def trailed(make: Make) -> Make:
    """
    Append bytes to what *make* makes.
    """
    return lambda signers, plain: make(signers, plain) + b"these bytes are covered by no signature\n"


def padded(make: Make) -> Make:
    """
    Put fill bytes before the EOI of the JPEG file that *make* makes.
    """

    def pad(signers: Signers, plain: bytes) -> bytes:
        signed = make(signers, plain)
        return signed[:-2] + b"\xff" * 40 + signed[-2:]

    return pad


def spliced(make: Make) -> Make:
    """
    Show the JPEG that *make* makes through another quantization table, put between two pieces of its store.
    """

    def splice(signers: Signers, plain: bytes) -> bytes:
        table = image.jpeg_segment(0xDB, b"\x00" + b"\xff" * 64)
        return splice_store(make(signers, plain), table)

    return splice


def goes_on(make: Make) -> Make:
    """
    Continue the scan of the JPEG that *make* makes behind two 0xFF.
    """

    def append(signers: Signers, plain: bytes) -> bytes:
        signed = make(signers, plain)
        return signed[:-2] + b"\xff\xff\x00" + b"an archive could stand here" + signed[-2:]

    return append


def wrongly_summed(make: Make) -> Make:
    """
    Change the checksum of the chunk that holds the store of the PNG that *make* makes.
    """

    def change(signers: Signers, plain: bytes) -> bytes:
        signed = bytearray(make(signers, plain))
        at = signed.index(b"caBX")
        signed[at + 4 + int.from_bytes(signed[at - 4 : at])] ^= 1
        return bytes(signed)

    return change


def before_signing(make: Make) -> Make:
    """
    Append a trailer to the picture before *make* signs it.
    """
    return lambda signers, plain: make(signers, plain + b"a trailer, as phones write one\n")


def leaving_pixels_open(signers: Signers, plain: bytes) -> bytes:
    """
    Sign with a data hash that leaves out 64 bytes behind the store as well.
    """

    def edit(content: Any) -> Any:  # noqa: ANN401 - an assertion may hold anything
        (store,) = content["exclusions"]
        start, end = store["start"], store["start"] + store["length"]
        left = hashlib.sha256(plain[:start] + plain[start + 64 :]).digest()
        return {**content, "exclusions": [store, {"start": end, "length": 64}], "hash": left}

    return altered(v2, tampering=Tampering(edit_binding=edit))(signers, plain)


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


def untouched(_: Signers, plain: bytes) -> bytes:
    """
    Leave the picture without credentials.
    """
    return plain
