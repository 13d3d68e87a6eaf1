"""
What each check and each error means, for whoever sees it outside this project.
"""

from __future__ import annotations

from typing import NamedTuple


class Rule(NamedTuple):
    """
    A check that can fail, or an error that can stand in a verdict's way.

    Attributes:
        id: Of the check, or the type of the error.

        title: What is the case if it shows up.

        help: What that means, and what can be done.
    """

    id: str
    title: str
    help: str


RULES = (
    Rule(
        "manifest_store",
        "The image carries no Content Credentials",
        "That says nothing about how the image was made: many programs and platforms drop Content "
        "Credentials. Where it should carry them, ask for the file as it was first saved.",
    ),
    Rule(
        "integrity",
        "A hash or the claim signature does not hold, or cannot be checked",
        "The message says which. Where a hash does not match, the image or its credentials were changed "
        "after signing: get the file again from where it was made. Where only the claim signature does not "
        "verify, another key signed, or the claim was changed since. Where something is missing or cannot "
        "be read, no more is known. In each case, do not rely on anything the credentials say; if the file "
        "is the same where it was made, tell those who made it.",
    ),
    Rule(
        "conformance",
        "What was signed breaks a rule of C2PA",
        "No hash says that anything was changed: the image was signed like this, or an edit was recorded on "
        "top in a way that the rules do not allow. Another copy will not differ: tell those who made the "
        "image, or ask for it as it was before the edit.",
    ),
    Rule(
        "signing_credential",
        "The signer is unknown, expired or of another purpose",
        "What was signed holds, but the signer is unknown; or it is known, and its certificate had expired "
        "without a trusted time-stamp, or is for another purpose. The message says which. An unknown signer "
        "may be anybody: if you know it, add a trust profile that pins its certificate authority. For an "
        "expired one, ask for an image with a time-stamp.",
    ),
    Rule(
        "known_authority",
        "The signer calls itself Microsoft, and no known authority of Microsoft's is above it",
        "Anybody can sign in any name, so it may be a forgery. Or Microsoft has a new authority that this "
        "version does not know: see whether there is a newer one before you rely on it or discard it.",
    ),
    Rule(
        "trailing_bytes",
        "Bytes follow the end of the image",
        "No signature covers them, and some programs show or run them. Ask for the file as it was first "
        "saved.",
    ),
    Rule(
        "unbound_bytes",
        "Bytes inside the image are covered by no hash",
        "They stand between the parts that were signed and can be changed unnoticed. Ask for the file as it "
        "was first saved.",
    ),
    Rule(
        "software_agent",
        "Something else than the expected software made the image",
        "The credentials are trusted, but the action that created the image names none of the policy's "
        "software agents. If the image is welcome all the same, choose or write a policy that accepts it.",
    ),
    Rule(
        "description",
        "The image is not described as the policy demands",
        "The credentials are trusted, but the action that created the image has none of the policy's "
        "descriptions. If the image is welcome all the same, choose or write a policy that accepts it.",
    ),
    Rule(
        "when",
        "The image does not say that it was made when it was signed",
        "The credentials are trusted, but the time of the action that created the image is missing or too "
        "far from the time-stamp. If the image is welcome all the same, choose or write a policy that "
        "accepts it.",
    ),
    Rule(
        "lineage",
        "No manifest is reached by trusted manifests only",
        "The policy looks at ingredients as well, and each of them, or one on the way to it, is not "
        "trusted. Inspect the image to see which.",
    ),
    Rule(
        "UnreadableAssetError",
        "The file could not be read",
        "It was missing, forbidden, no regular file, or changed meanwhile. Nothing is known about it.",
    ),
    Rule(
        "FolderAssetError",
        "A folder is where a file was",
        "It took the file's place meanwhile. Nothing is known about it.",
    ),
    Rule(
        "AssetTooLargeError",
        "The file, or a part of it, is larger than allowed",
        "Nothing is known about it. Raise the limit if you trust where the image comes from.",
    ),
    Rule(
        "UnsupportedAssetError",
        "The file is no image of a kind that is read",
        "Nothing is known about it. PNG, JPEG, WebP, AVIF, HEIC, TIFF, GIF and SVG are read.",
    ),
    Rule(
        "MalformedAssetError",
        "The image file is incomplete, damaged, or not written as its format demands",
        "It is so where it has to be read to look for a manifest store, so nothing is known about it. "
        "Ask for the file as it was first saved.",
    ),
    Rule(
        "EngineError",
        "The C2PA engine failed",
        "It failed in a way that says nothing of the image. Run 'provenance selftest'.",
    ),
    Rule(
        "WorkerCrashedError",
        "The process that judged the image ended before it answered",
        "Nothing is known about it. Keep the image, and report it: no image should be able to do this.",
    ),
    Rule(
        "DeadlineExceededError",
        "Judging the image took longer than allowed",
        "Nothing is known about it. Allow more time if you trust where the image comes from.",
    ),
    Rule(
        "InstallationChangedError",
        "The installed packages changed while the audit was running",
        "Nothing is known about it. Run the audit again, so that all of it is of one version.",
    ),
)
"""
Checks in the order they are made, then errors.
"""
