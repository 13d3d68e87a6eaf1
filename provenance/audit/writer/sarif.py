"""
SARIF 2.1.0, as code scanning reads it: one result for each check that a file failed.

Files without Content Credentials are left out unless the gate counts them: they are most files of most
folders, and their absence proves nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import BinaryIO, ClassVar

from provenance.audit.record import Category, Heading, Record, Summary
from provenance.audit.writer.file_name import as_uri
from provenance.audit.writer.rule import Rule, rules
from provenance.audit.writer.text import as_line
from provenance.verification.report import Report

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_TOOL = "azure-image-provenance"


class SarifWriter:
    """
    Writes one run; `error` is the level of what the gate counts, `note` that of everything else.

    Source:
        OASIS SARIF 2.1.0; GitHub, "SARIF support for code scanning", which demands a region and help texts,
        tracks results by `primaryLocationLineHash`, and refuses more than 25,000 results.
    """

    wants_report: ClassVar[bool] = True
    wants_thumbnails: ClassVar[bool] = False

    def __init__(self, file: BinaryIO, heading: Heading) -> None:
        self._file = file
        self._heading = heading
        self._rules = {rule.id: (index, rule) for index, rule in enumerate(rules())}
        self._separator = "\n"
        start = json.dumps({"$schema": _SCHEMA, "version": "2.1.0"})
        self._write(f'{start[:-1]}, "runs": [{{"results": [')

    def add(self, record: Record, report: Report) -> None:
        """
        Write the results of one file, if it has any.
        """
        if record.category is Category.ACCEPTED:
            return
        if record.category is Category.ABSENT and not record.failing:
            return
        for rule, message in _findings(report):
            self._write(self._separator + json.dumps(self._result(record, rule, message)))
            self._separator = ",\n"

    def finish(self, summary: Summary) -> None:
        """
        Write the rules, and how the audit went.
        """
        heading = self._heading
        driver = {"name": _TOOL, "version": heading.tool_version, "rules": [*map(_describe, self._known())]}
        run = {
            "tool": {"driver": driver},
            "invocations": [_invocation(complete=summary.complete)],
            "columnKind": "unicodeCodePoints",
            "properties": {
                **heading._asdict(),
                "complete": summary.complete,
                "categories": {name.value: count for name, count in sorted(summary.categories.items())},
                "failing": summary.failing,
                "skipped": dict(sorted(summary.skipped.items())),
            },
        }
        self._write(f"\n], {json.dumps(run)[1:]}]}}\n")

    def _known(self) -> Iterator[Rule]:
        return (rule for _, rule in self._rules.values())

    def _result(self, record: Record, rule_id: str, message: str) -> Report:
        unknown = Rule(rule_id, f"The check {rule_id} failed", "See the documentation of the policy.")
        index, _ = self._rules.setdefault(rule_id, (len(self._rules), unknown))
        place = {"artifactLocation": {"uri": _uri(record.name)}, "region": {"startLine": 1}}
        fingerprint = _fingerprint(record, rule_id)
        return {
            "ruleId": rule_id,
            "ruleIndex": index,
            "level": "error" if record.failing else "note",
            "message": {"text": _message(message)},
            "locations": [{"physicalLocation": place}],
            "partialFingerprints": {
                "nameCategoryRule/v1": fingerprint,
                "primaryLocationLineHash": f"{fingerprint}:1",
            },
            "properties": {"category": record.category.value},
        }

    def _write(self, text: str) -> None:
        self._file.write(text.encode("ascii"))


def _findings(report: Report) -> Iterator[tuple[str, str]]:
    if "error" in report:
        yield report["error"]["type"], report["error"]["message"]
        return
    for finding in report["findings"]:
        yield finding["check"], finding["message"]


def _uri(name: str) -> str:
    uri = as_uri(name)
    return f"file://{uri}" if uri.startswith("/") else uri


def _fingerprint(record: Record, rule_id: str) -> str:
    # Zero bytes are in no name, so no two of these make the same text.
    text = f"{record.name}\0{record.category.value}\0{rule_id}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _message(text: str) -> str:
    """
    Make text out of an image a message without links or placeholders.

    Source:
        SARIF 2.1.0, 3.11.5 and 3.11.6.
    """
    return as_line(text).replace("](", "] (").replace("{", "{{").replace("}", "}}")


def _describe(rule: Rule) -> Report:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": f"{rule.title}. {rule.help}"},
        "help": {"text": rule.help},
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": ["content-credentials"]},
    }


def _invocation(*, complete: bool) -> Report:
    if complete:
        return {"executionSuccessful": True}
    text = "The audit was interrupted before it had reached every file."
    return {
        "executionSuccessful": False,
        "toolExecutionNotifications": [{"level": "error", "message": {"text": text}}],
    }
