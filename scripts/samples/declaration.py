"""
What a sample is: where it lies, how it is made, why, and what it must yield.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from provenance import ClaimAnchor, Pin, TrustProfile
from provenance import authority as made
from provenance.authority import PURPOSE_MICROSOFT_CLAIM, Authority, ManifestSpec
from scripts.samples.picture import landscape

DEFAULT = "azure-openai"


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
class Signers:
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


Describe = Callable[[Signers], ManifestSpec]
"""
Describes a manifest.
"""


Make = Callable[[Signers, bytes], bytes]
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


def _pin(credential: made.Credential) -> Pin:
    common_name = credential.certificate.subject.rfc4514_string().partition("CN=")[2].partition(",")[0]
    return Pin(credential.sha256, common_name)
