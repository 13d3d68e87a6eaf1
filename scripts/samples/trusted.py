"""
The samples in `sample_images/trusted`.
"""

from __future__ import annotations

from datetime import timedelta

from provenance import authority as made
from provenance.authority import SIGNED_AT, Tampering
from scripts.samples.declaration import (
    DOCUMENTED,
    LINEAGE,
    NO_LINEAGE,
    OBSERVED,
    OTHER_AGENT,
    OTHER_DESCRIPTION,
    TRAILING,
    UNBOUND,
    Sample,
)
from scripts.samples.recipe import (
    DOCUMENTED_TEXT,
    altered,
    before_signing,
    beside_orphan,
    designed,
    designed_over_changed,
    goes_on,
    leaving_pixels_open,
    listing_less,
    padded,
    signed_v1,
    signed_v2,
    trailed,
    v1,
)

LATE = (SIGNED_AT - timedelta(minutes=10)).strftime("%Y-%m-%dT%H:%M:%SZ")


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
        lambda signers, plain: made.sign_image(plain, made.azure_2023(signers.authority)),
    ),
    Sample(
        "trusted/dalle-2023-bare-list.jpg",
        "azure_2023: assertion labelled 'actions' that holds the bare list",
        "The oldest form in a JPEG",
        OBSERVED,
        lambda signers, plain: made.sign_image(plain, made.azure_2023(signers.authority)),
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


NOT_ACCEPTED = (
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
