"""
The authority of one simulator, and how it signs: as Azure does.

Keys are made anew at each start and live in memory only. As with Azure, the signer's certificate is
short-lived, so that only its time-stamp keeps an image good later.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import uuid4

from provenance.authority import (
    PURPOSE_MICROSOFT_CLAIM,
    Authority,
    Credential,
    KeyType,
    ManifestSpec,
    azure_v1,
    azure_v2,
    sign_image,
)
from provenance.simulator.model import ImageModel
from provenance.trust.profile import ClaimAnchor, Pin, TrustProfile

DescriptionStyle = Literal["observed", "documented", "absent"]
AgentForm = Literal["map", "text"]

_DESCRIPTIONS: dict[DescriptionStyle, str | None] = {
    "observed": "Generated with AI",
    "documented": "AI Generated Image",
    "absent": None,
}
_LIFETIME = timedelta(days=270)
_BACKDATED = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningStyle:
    """
    What the manifests say.

    Attributes:
        claim_version: None for what suits the model: 1 for dall-e-3 and gpt-image-1, else 2.

        description: Of the created action: what genuine images hold, what is documented, or none.

        agent: How claims of version 2 name the software agent; version 1 has text only.

        soft_binding_unit: Region unit of the watermark in claims of version 2. Genuine images have
            "percentage"; None for no watermark.
    """

    claim_version: Literal[1, 2] | None = None
    description: DescriptionStyle = "observed"
    agent: AgentForm = "map"
    soft_binding_unit: str | None = "percentage"


class Signer:
    """
    An authority with a signer that is valid now; safe to share between threads.
    """

    def __init__(self, key_type: KeyType = KeyType.RSA2048) -> None:
        self._key_type = key_type
        self._authority = Authority.create("Azure API Simulator", key_type=key_type)
        self._credential: Credential | None = None
        self._lock = threading.Lock()

    @property
    def trust_profile(self) -> TrustProfile:
        """
        Whom to believe to accept what is signed here, as strictly as the Microsoft profile.
        """
        authority = self._authority
        return TrustProfile(
            name="simulator",
            claim_anchors=(
                ClaimAnchor(
                    pin=Pin(authority.root.sha256, "Azure API Simulator Root CA"),
                    intermediates=(Pin(authority.intermediate.sha256, "Azure API Simulator Claim CA"),),
                    key_purposes=(PURPOSE_MICROSOFT_CLAIM,),
                ),
            ),
            time_stamp_anchors=(
                Pin(authority.time_stamp_root.sha256, "Azure API Simulator Time-Stamp Root CA"),
            ),
        )

    def sign(self, image: bytes, model: ImageModel, style: SigningStyle, at: datetime) -> bytes:
        """
        Sign an image, time-stamped with *at*.
        """
        return sign_image(image, self._describe(model, style, at))

    def _describe(self, model: ImageModel, style: SigningStyle, at: datetime) -> ManifestSpec:
        description = _DESCRIPTIONS[style.description]
        credential = self._credential_at(at)
        if (style.claim_version or model.claim_version) == 1:
            spec = azure_v1(
                self._authority,
                software_agent=model.agent,
                description=description,
                label=f"urn:uuid:{uuid4()}",
                credential=credential,
                signed_at=at,
            )
        else:
            spec = azure_v2(
                self._authority,
                software_agent={"name": model.agent} if style.agent == "map" else model.agent,
                description=description,
                soft_binding_unit=style.soft_binding_unit,
                label=f"urn:c2pa:{uuid4()}",
                credential=credential,
                signed_at=at,
            )
        return replace(spec, instance_id=f"xmp:iid:{uuid4()}") if spec.claim_version > 1 else spec

    def _credential_at(self, at: datetime) -> Credential:
        with self._lock:
            current = self._credential
            if current is None or not (
                current.certificate.not_valid_before_utc <= at < current.certificate.not_valid_after_utc
            ):
                since = (at - _BACKDATED).astimezone(UTC).replace(microsecond=0)
                current = self._authority.issue_signer(
                    not_before=since, not_after=since + _LIFETIME, key_type=self._key_type
                )
                self._credential = current
            return current
