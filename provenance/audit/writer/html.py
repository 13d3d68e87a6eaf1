"""
The audit as one page of HTML that needs no network: counts, reasons, a list, and every report.

What comes from files is hostile and stands in the page as JSON, in elements that browsers do not run; the
page's own script makes text of it. Most of the page is reports and thumbnails: they lie in many small
pieces, so that a browser need not read them all, and this writer need not hold them.
"""

from __future__ import annotations

import base64
import hashlib
import json
from string import Template
from typing import Any, BinaryIO, ClassVar

from provenance.audit.record import Heading, Record, Summary
from provenance.audit.writer import page
from provenance.audit.writer.file_name import as_text
from provenance.manifest.manifest import CREATED
from provenance.manifest.status import ValidationState
from provenance.verification import browser
from provenance.verification.report import Report

_PIECE = 64 * 1024
_MAX_TEXT = 500
_END_OF_RECORDS = "<!-- records -->\n"
_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})

_Json = Any


class HtmlWriter:
    """
    Writes the page piece by piece; what it holds at once does not grow with the number of files.
    """

    wants_report: ClassVar[bool] = True
    wants_thumbnails: ClassVar[bool] = True

    def __init__(self, file: BinaryIO, heading: Heading) -> None:
        """
        Write what comes before the first record.
        """
        style, script = page.read_style(), page.read_script()
        text = Template(page.read_template()).substitute(
            security=_security_policy(style, script),
            style=style,
            symbols=browser.read_symbols(),
            heading=_embedded(json.dumps(heading._asdict())),
            script=script,
        )
        before, _, self._after = text.partition(_END_OF_RECORDS)
        self._file = file
        self._count = 0
        self._rows = _Pieces(file, "rows-data")
        self._reports = _Pieces(file, "reports-data")
        file.write(before.encode())

    def add(self, record: Record, report: Report) -> None:
        """
        Write one file's record.
        """
        thumbnail = record.thumbnail and base64.b64encode(record.thumbnail).decode("ascii")
        # A report is JSON on one line already; only one that somebody else wrote needs writing anew.
        text = record.report if record.report.isascii() else json.dumps(report)
        self._rows.add(json.dumps(_row(record, report), separators=(",", ":")))
        self._reports.add(f"[{json.dumps(thumbnail)},{text}]")
        self._count += 1

    def finish(self, summary: Summary) -> None:
        """
        Write what is left, what is only known now, and the script that shows it all.
        """
        self._rows.flush()
        self._reports.flush()
        ending = {
            "files": self._count,
            "complete": summary.complete,
            "skipped": sorted(summary.skipped.items(), key=lambda item: (-item[1], item[0])),
        }
        data = _embedded(json.dumps(ending))
        self._file.write(f'<script type="application/json" id="ending-data">{data}</script>\n'.encode())
        self._file.write(self._after.encode())


class _Pieces:
    """
    JSON values, written as arrays in elements of about `_PIECE` bytes each.
    """

    def __init__(self, file: BinaryIO, look: str) -> None:
        self._file = file
        self._look = look
        self._first = 0
        self._held: list[str] = []
        self._size = 0

    def add(self, text: str) -> None:
        self._held.append(_embedded(text))
        self._size += len(self._held[-1])
        if self._size >= _PIECE:
            self.flush()

    def flush(self) -> None:
        if not self._held:
            return
        tag = f'<script type="application/json" class="{self._look}" data-first="{self._first}">'
        self._file.write(f"{tag}[{','.join(self._held)}]</script>\n".encode("ascii"))
        self._first += len(self._held)
        self._held.clear()
        self._size = 0


def _security_policy(style: str, script: str) -> str:
    """
    Write a policy that allows this style, this script and embedded pictures, and nothing else.

    Source:
        W3C, Content Security Policy Level 3, "hash-source".
    """
    return "; ".join(
        (
            "default-src 'none'",
            "img-src data:",
            f"style-src {_hash_source(style)}",
            f"script-src {_hash_source(script)}",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _hash_source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _embedded(ascii_json: str) -> str:
    """
    Make JSON safe between tags: outside its strings these characters do not occur.

    Source:
        HTML Living Standard, "Restrictions for contents of script elements".
    """
    return ascii_json.translate(_ESCAPES)


def _row(record: Record, report: Report) -> list[_Json]:
    """
    Return what the list shows of a file, in the order in which the script names it.
    """
    name = as_text(record.name)
    signer, vouched = _signer(report)
    agent, maker = _maker(report)
    return [
        name.text,
        name.encoded,
        record.category.value,
        list(record.reasons),
        _cut(signer),
        vouched,
        _signed_at(report),
        _cut(agent),
        maker,
        report["asset"].get("sha256"),
        record.failing,
    ]


def _signer(report: Report) -> tuple[str | None, bool]:
    """
    Return who signed, and whether an anchor vouches for that.
    """
    credential = report.get("credential")
    if credential is None or not credential["chain"]:
        return None, False
    name = credential["organization"] or credential["common_name"] or credential["chain"][0]["subject"]
    vouched = credential["anchor"] is not None and _holds(report)
    return name, vouched


def _holds(report: Report) -> bool:
    return all(finding["check"] != "integrity" for finding in report["findings"])


def _signed_at(report: Report) -> str | None:
    credential = report.get("credential")
    if credential is None or not _holds(report):
        return None
    signed_at: str | None = credential["signed_at"]
    return signed_at


def _maker(report: Report) -> tuple[str | None, str | None]:
    """
    Return what made the image, and on whose word; both None if nothing is said.
    """
    if report.get("credential") is None:
        return None, None
    where = report["origin"]["azure_openai_in"]
    if where is not None:
        return report["origin"]["software_agent"], "azure" if where == "active" else "ingredient"
    actions = report["manifests"][0]["actions"]
    created = [action for action in actions if action["action"] == CREATED]
    if len(created) != 1:
        return None, None
    trusted = report["state"] == ValidationState.TRUSTED
    return created[0]["software_agent"], "other" if trusted else "claimed"


def _cut(text: str | None) -> str | None:
    if text is None or len(text) <= _MAX_TEXT:
        return text
    return text[: _MAX_TEXT - 1] + "…"
