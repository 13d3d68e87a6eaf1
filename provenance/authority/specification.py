"""
What a manifest shall say, and in which ways it shall be wrong.

Everything here is a description; `claim` writes it. Nothing is checked, since manifests that break
the rules are needed as much as those that keep them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from provenance.authority.box import ManifestBox
from provenance.authority.certificate import Credential
from provenance.authority.hierarchy import SIGNED_AT
from provenance.authority.timestamp import TimeStampAuthority, TokenOptions

Binding = Literal["boxes", "data", "none"]
ContentForm = Literal["cbor", "json", "raw"]
TimeStampForm = Literal["sigTst", "sigTst2"]
Edit = Callable[[dict[object, object]], object]

DEFAULT_LABEL = "urn:uuid:00000000-0000-4000-8000-000000000001"


@dataclass(frozen=True, slots=True, kw_only=True)
class AssertionSpec:
    """
    One assertion.

    Attributes:
        label: Its label; a label that occurs again gets `__1` and so on, as the specification has it.

        content: A CBOR-able value; a JSON-able one for the form "json"; bytes for "raw", which are
            written as the content of the CBOR box whatever they are.

        created: In claims of version 2, list it under created instead of gathered assertions.

        written: What to write instead of *content*, after the hash was taken; None for no change.

        stored: False to name it in the claim only.

        referenced: False to store it only.
    """

    label: str
    content: object
    form: ContentForm = "cbor"
    created: bool = False
    written: object | None = None
    stored: bool = True
    referenced: bool = True


@dataclass(frozen=True, slots=True)
class IngredientReference:
    """
    Stands inside an action for the hashed URI of an ingredient; *index* counts from 0.
    """

    index: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class IngredientSpec:
    """
    One ingredient.

    Attributes:
        manifest: Its manifest: finished, to be made (bound to *image*), or None for none.

        image: Image an unfinished manifest is bound to; None for a small one made on the spot.

        label: Label of the assertion; None for c2pa.ingredient.v2 or .v3, by claim version.

        recorded: Further entries of the assertion, such as {"validationResults": {...}} or
            {"validationStatus": [...]}, that tell what was found when the ingredient was added.

        sha256: Hash to state for its manifest instead of the right one.

        stored: False to refer to its manifest without putting it into the store.
    """

    manifest: ManifestSpec | ManifestBox | None
    image: bytes | None = None
    relationship: str = "componentOf"
    title: str = "Embedded Ingredient"
    format: str = "bin"
    label: str | None = None
    recorded: Mapping[str, object] = field(default_factory=dict)
    sha256: bytes | None = None
    stored: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Tampering:
    """
    How a manifest is spoiled while it is made. The defaults spoil nothing.

    An edit gets what would be written and gives back what is written instead, of any CBOR type.

    Attributes:
        edit_protected: Changes the protected header before signing; bytes given back are taken as the
            encoded header.

        edit_unprotected: Changes the unprotected header, time-stamp included.

        edit_binding: Changes the content of the hard binding before it is hashed and signed.

        edit_claim: Changes the claim before it is signed.

        edit_signed_claim: Changes the encoded claim after it was signed.

        edit_signature: Changes the finished content of the claim signature's CBOR box.

        edit_assertions: By label: changes the content of an assertion after it was hashed.

        edit_manifest: Changes the finished content of the manifest's superbox: its child boxes in
            order (assertion store, claim, claim signature).

        flip_signature: Change one bit of the signature.

        attached_payload: Carry the claim inside the signature instead of nil.
    """

    edit_protected: Edit | None = None
    edit_unprotected: Edit | None = None
    edit_binding: Callable[[dict[str, object]], object] | None = None
    edit_claim: Edit | None = None
    edit_signed_claim: Callable[[bytes], bytes] | None = None
    edit_signature: Callable[[bytes], bytes] | None = None
    edit_assertions: Mapping[str, Callable[[object], object]] = field(default_factory=dict)
    edit_manifest: Callable[[list[bytes]], list[bytes]] | None = None
    flip_signature: bool = False
    attached_payload: bool = False


def without_signature(boxes: list[bytes]) -> list[bytes]:
    """
    Leave out the claim signature; for `Tampering.edit_manifest`.
    """
    return boxes[:2]


def with_claim_twice(boxes: list[bytes]) -> list[bytes]:
    """
    Write the claim twice; for `Tampering.edit_manifest`.
    """
    return [*boxes[:2], boxes[1], *boxes[2:]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestSpec:
    """
    One manifest.

    Attributes:
        credential: Who signs.

        label: Its label in the store.

        claim_version: 1 or 2; settles the labels, the shape of URIs, where the certificate chain goes
            and which form of time-stamp is written.

        claim_generator: Written in claims of version 1 only.

        claim_generator_info: The list (version 1) or map (version 2); None to leave it out.

        format: `dc:format`, in claims of version 1 only; None for what the image is.

        update: Write an update manifest, which takes its hard binding from its one parentOf ingredient:
            *binding* is to be "none".

        binding: Hard binding.

        actions_label: "actions" writes the bare list of 2023; every other label the usual map.

        actions: None for no actions assertion.

        actions_extra: Entries beside the list of actions.

        time_stamper: None for no time-stamp.

        signed_at: Moment of the time-stamp.

        time_stamp_form: None for what fits the claim version.

        token_options: How the time-stamp deviates from an ordinary one.

        salted: Put a salt into the description of assertions.

        reserved: Size of the claim signature's CBOR, padded in the unprotected header; None pads
            claims of version 2 to a size that fits, and leaves others unpadded.
    """

    credential: Credential
    label: str = DEFAULT_LABEL
    claim_version: Literal[1, 2] = 1
    claim_generator: str = "Sample/1.0"
    claim_generator_info: object | None = None
    instance_id: str = "1.0"
    title: str | None = None
    format: str | None = None
    update: bool = False
    binding: Binding = "boxes"
    actions_label: str = "c2pa.actions"
    actions: tuple[Mapping[str, object], ...] | None = None
    actions_extra: Mapping[str, object] = field(default_factory=dict)
    assertions: tuple[AssertionSpec, ...] = ()
    ingredients: tuple[IngredientSpec, ...] = ()
    time_stamper: TimeStampAuthority | None = None
    signed_at: datetime = SIGNED_AT
    time_stamp_form: TimeStampForm | None = None
    token_options: TokenOptions | None = None
    salted: bool = True
    reserved: int | None = None
    tampering: Tampering = field(default_factory=Tampering)
