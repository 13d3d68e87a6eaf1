"""
`provenance policy`: what the policies require, in words and as data.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import click

from provenance.cli import options
from provenance.cli.output import terminal
from provenance.cli.output.terminal import Row, quoted
from provenance.policy.policy import AllOf, AnyOf, CreatedPolicy, Policy, builtin_policies, load_policy
from provenance.policy.requirement import (
    AcceptedDescription,
    Description,
    Requirement,
    SoftwareAgent,
    WhenWithin,
)

_SCOPES = {
    "active": "the active manifest",
    "lineage": "one manifest: the active one, or an ingredient reached by trusted manifests only",
}


@click.group(
    epilog="""\
\b
Examples:
  provenance policy list
  provenance policy show azure-openai
  provenance policy show --format json ./my-policy.toml
""",
)
def policy() -> None:
    """
    See what the policies demand of an image whose credentials are trusted already.

    No policy can waive integrity, signature or trust, or admit bytes after the image's end.
    """


@policy.command(
    "list",
    epilog="""\
\b
Examples:
  provenance policy list
  provenance policy list --format json | jq -r '.[].name'
""",
)
@options.output_format("text", "json")
def list_policies(output_format: str) -> None:
    """
    List the built-in policies.
    """
    found = builtin_policies().values()
    if output_format == "json":
        terminal.emit(json.dumps([_head(item) for item in found], indent=2) + "\n")
        return
    for item in found:
        terminal.show([Row(f"{item.name} {item.version}", depth=0, bold=True)])
        terminal.show([Row(item.summary), Row(f"SHA-256 {item.digest}")])


@policy.command(
    "show",
    epilog="""\
\b
Examples:
  provenance policy show azure-openai
  provenance policy show --format json ./my-policy.toml
""",
)
@click.argument("chosen", metavar="NAME|FILE.toml", type=load_policy, shell_complete=options.complete_policy)
@options.output_format("text", "json")
def show_policy(chosen: Policy, output_format: str) -> None:
    """
    Show what one policy demands, and which of its values Microsoft documents.

    NAME is a built-in policy; FILE.toml is one of your own.
    """
    if output_format == "json":
        terminal.emit(json.dumps(_as_json(chosen), indent=2) + "\n")
    else:
        terminal.show(_in_words(chosen, 0))


def _in_words(item: Policy, depth: int) -> Iterator[Row]:
    yield Row(f"{item.name} {item.version}", depth=depth, bold=True)
    if item.summary:
        yield Row(item.summary, depth=depth + 1)
    yield Row(f"SHA-256 {item.digest}", depth=depth + 1)
    if isinstance(item, AllOf | AnyOf):
        words = "every one of" if isinstance(item, AllOf) else "at least one of"
        yield Row(f"demands {words}:", depth=depth + 1)
        for part in item.policies:
            yield from _in_words(part, depth + 2)
    elif isinstance(item, CreatedPolicy):
        yield Row(f"demands of the c2pa.created action of {_SCOPES[item.scope]}:", depth=depth + 1)
        for requirement in item.requirements:
            yield from _requirement_in_words(requirement, depth + 2)


def _requirement_in_words(requirement: Requirement, depth: int) -> Iterator[Row]:
    if isinstance(requirement, SoftwareAgent):
        yield Row(" or ".join(map(quoted, requirement.names)), "made by", depth)
    elif isinstance(requirement, Description):
        for position, description in enumerate(requirement.accepted):
            yield Row(_description_in_words(description), "or" if position else "described as", depth)
    elif isinstance(requirement, WhenWithin):
        yield Row(f"stated, and within {requirement.seconds} s of the trusted time-stamp", "when", depth)
    else:
        yield Row(repr(requirement), depth=depth)


def _description_in_words(description: AcceptedDescription) -> str:
    text = "no description at all" if description.value is None else quoted(description.value)
    if description.digital_source_type is not None:
        text += f", with digital source type {quoted(description.digital_source_type)}"
    standing = "documented by Microsoft" if description.documented else "not documented, but seen"
    return f"{text} - {standing}: {description.evidence}"


def _head(item: Policy) -> dict[str, object]:
    return {"name": item.name, "version": item.version, "summary": item.summary, "digest": item.digest}


def _as_json(item: Policy) -> dict[str, object]:
    if isinstance(item, AllOf | AnyOf):
        key = "all_of" if isinstance(item, AllOf) else "any_of"
        return {**_head(item), key: [_as_json(part) for part in item.policies]}
    if isinstance(item, CreatedPolicy):
        requirements = [_requirement_as_json(requirement) for requirement in item.requirements]
        return {**_head(item), "scope": item.scope, "demands": requirements}
    return _head(item)


def _requirement_as_json(requirement: Requirement) -> dict[str, object]:
    if isinstance(requirement, SoftwareAgent):
        return {"check": "software_agent", "names": list(requirement.names)}
    if isinstance(requirement, Description):
        return {
            "check": "description",
            "accepted": [_description_as_json(description) for description in requirement.accepted],
        }
    if isinstance(requirement, WhenWithin):
        return {"check": "when", "within_s": requirement.seconds, "of": "time-stamp"}
    return {"check": repr(requirement)}


def _description_as_json(description: AcceptedDescription) -> dict[str, object]:
    return {
        "value": description.value,
        "digital_source_type": description.digital_source_type,
        "documented": description.documented,
        "evidence": description.evidence,
    }
