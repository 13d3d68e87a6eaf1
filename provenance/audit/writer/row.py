"""
One file as one row: what a person sorts and filters by, out of its report.

What the credentials of an untrusted image say of their signer is in here as well: only `state` and `anchor`
tell whether that is proved.
"""

from __future__ import annotations

from typing import NamedTuple, Self

from provenance.audit.record import Record
from provenance.audit.writer.file_name import as_text
from provenance.audit.writer.text import as_utf8
from provenance.verification.report import Report


class TableRow(NamedTuple):
    """
    One file; all text can be held by UTF-8.

    Attributes:
        name: Its name, or the percent-encoding of it.

        name_encoded: Whether the name is percent-encoded.

        category: What became of it.

        state: What its credentials prove, or None if it could not be judged.

        accepted: Whether that is enough for the policy.

        policy: Name of the policy it was held against, or None if it could not be judged.

        reasons: Ids of the checks that failed, or the type of the error.

        media_type: From its bytes; this and the following are None where they are not known.

        bytes: Its size.

        width: Pixels across.

        height: Pixels down.

        sha256: SHA-256 of its bytes, lower-case hex.

        trailing_bytes: Bytes after the image's end.

        organization: Of the signer, as the signer's certificate has it.

        common_name: Likewise.

        signed_at: From a trusted time-stamp, RFC 3339 in UTC.

        anchor: Name of the pinned certificate that the signer is below.

        software_agent: What made the image, by trusted credentials that name Azure OpenAI; likewise the
            following.

        description: What was made.

        digital_source_type: How it was made.

        documented: Whether the description is the documented one.

        azure_openai_in: "active" or "ingredient".

        error_type: Why it could not be judged.

        error_message: The same, as a sentence.
    """

    name: str
    name_encoded: bool
    category: str
    state: str | None
    accepted: bool
    policy: str | None
    reasons: tuple[str, ...]
    media_type: str | None
    bytes: int | None
    width: int | None
    height: int | None
    sha256: str | None
    trailing_bytes: int | None
    organization: str | None
    common_name: str | None
    signed_at: str | None
    anchor: str | None
    software_agent: str | None
    description: str | None
    digital_source_type: str | None
    documented: bool | None
    azure_openai_in: str | None
    error_type: str | None
    error_message: str | None

    @classmethod
    def of(cls, record: Record, report: Report) -> Self:
        """
        Return the row of a record and its report.
        """
        name = as_text(record.name)
        asset, error = report["asset"], report.get("error") or {}
        credential, origin = report.get("credential") or {}, report.get("origin") or {}
        return cls(
            name=name.text,
            name_encoded=name.encoded,
            category=record.category.value,
            state=report["state"],
            accepted=report["accepted"],
            policy=_text((report.get("policy") or {}).get("name")),
            reasons=record.reasons,
            media_type=asset.get("media_type"),
            bytes=asset.get("bytes"),
            width=asset.get("width"),
            height=asset.get("height"),
            sha256=asset.get("sha256"),
            trailing_bytes=asset.get("trailing_bytes"),
            organization=_text(credential.get("organization")),
            common_name=_text(credential.get("common_name")),
            signed_at=credential.get("signed_at"),
            anchor=_text((credential.get("anchor") or {}).get("name")),
            software_agent=_text(origin.get("software_agent")),
            description=_text(origin.get("description")),
            digital_source_type=_text(origin.get("digital_source_type")),
            documented=origin.get("documented"),
            azure_openai_in=origin.get("azure_openai_in"),
            error_type=error.get("type"),
            error_message=_text(error.get("message")),
        )


def _text(text: str | None) -> str | None:
    return None if text is None else as_utf8(text)
