"""
What a caller demands of credentials that are already known to be trusted.

A policy only ever adds requirements: no policy can waive integrity, signature or trust, because the
verifier has settled those before any policy is asked. Demands read one manifest's reading and
nothing else: no clock, no network, no engine.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Protocol

from provenance.errors import PolicyError
from provenance.manifest.manifest import Reading
from provenance.manifest.status import ValidationState
from provenance.policy.requirement import (
    AcceptedDescription,
    Check,
    Description,
    Outcome,
    Requirement,
    SoftwareAgent,
    WhenWithin,
)
from provenance.toml_table import TomlTable, is_name, naming_file, parse_toml, read_file

DEFAULT = "azure-openai"
SCOPES = ("active", "lineage")
_MAX_DEPTH = 4
_HINT = (
    "Correct the file; 'provenance policy show --format json azure-openai' shows what a policy can demand."
)


class Policy(Protocol):
    """
    A named set of requirements.
    """

    @property
    def name(self) -> str:
        """
        What people call it.
        """
        ...

    @property
    def version(self) -> int:
        """
        Counts up when its requirements change.
        """
        ...

    @property
    def summary(self) -> str:
        """
        One line for people; may be empty.
        """
        ...

    @property
    def digest(self) -> str:
        """
        SHA-256 over everything that decides, lower-case hex.
        """
        ...

    def check(self, readings: tuple[Reading, ...]) -> tuple[Check, ...]:
        """
        Hold the readings of an asset against the requirements; satisfied if no check failed.

        Args:
            readings: The active manifest first, then whatever is reached from it.
        """
        ...


@dataclass(frozen=True, slots=True)
class CreatedPolicy:
    """
    Demands on the `c2pa.created` action of one manifest.

    Attributes:
        name: Letters, digits, dots, dashes and underscores.

        version: Counts up when the requirements change.

        requirements: At least one; all have to be met by the same manifest.

        scope: "active", or "lineage" for the active manifest or any ingredient reached from it by
            trusted manifests only.

        summary: One line for people.
    """

    name: str
    version: int
    requirements: tuple[Requirement, ...]
    scope: str = "active"
    summary: str = ""
    _digest: str = field(default="", init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """
        Refuse a policy that demands nothing, or says so in a way nobody understands.

        Raises:
            PolicyError: If so.
        """
        _check_head(self.name, self.version)
        if not self.requirements:
            raise PolicyError(f"policy {self.name!r} demands nothing")
        if self.scope not in SCOPES:
            raise PolicyError(f"policy {self.name!r}: scope {self.scope!r} is none of {', '.join(SCOPES)}")

    @property
    def digest(self) -> str:
        """
        SHA-256 over name, version, scope and requirements, lower-case hex.
        """
        if not self._digest:
            parts = [
                self.name,
                self.version,
                self.scope,
                [repr(requirement) for requirement in self.requirements],
            ]
            object.__setattr__(self, "_digest", _digest(parts))
        return self._digest

    def check(self, readings: tuple[Reading, ...]) -> tuple[Check, ...]:
        """
        Hold the readings against the requirements.

        Returns:
            A check for each requirement, on the active manifest, or under scope "lineage" on the manifest
            that misses least.
        """
        if self.scope == "active":
            candidates = [reading for reading in readings if reading.is_active]
        else:
            candidates = [reading for reading in readings if _has_trusted_path(reading, readings)]
        checked = [
            tuple(requirement.check(reading) for requirement in self.requirements) for reading in candidates
        ]
        if not checked:
            message = "no manifest is reached by trusted manifests only"
            return (Check("lineage", Outcome.FAIL, ("trusted manifests on the way",), None, message),)
        return min(checked, key=_count_failed)


@dataclass(frozen=True, slots=True)
class _Composition:
    """
    Several policies as one.

    Attributes:
        name: Name of the whole.

        policies: At least one.

        version: Counts up when the parts change.

        summary: One line for people.
    """

    name: str
    policies: tuple[Policy, ...]
    version: int = 1
    summary: str = ""

    def __post_init__(self) -> None:
        """
        Refuse an empty composition.

        Raises:
            PolicyError: If so.
        """
        _check_head(self.name, self.version)
        if not self.policies:
            raise PolicyError(f"policy {self.name!r} is composed of nothing")

    @property
    def digest(self) -> str:
        """
        SHA-256 over kind, name, version and the parts' digests, lower-case hex.
        """
        parts = [part.digest for part in self.policies]
        return _digest([type(self).__name__, self.name, self.version, parts])


class AllOf(_Composition):
    """
    Every one of several policies.
    """

    __slots__ = ()

    def check(self, readings: tuple[Reading, ...]) -> tuple[Check, ...]:
        """
        Return the checks of all parts.
        """
        return tuple(check for part in self.policies for check in part.check(readings))


class AnyOf(_Composition):
    """
    At least one of several policies.
    """

    __slots__ = ()

    def check(self, readings: tuple[Reading, ...]) -> tuple[Check, ...]:
        """
        Return the checks of the part that misses least.
        """
        return min((part.check(readings) for part in self.policies), key=_count_failed)


@cache
def builtin_policies() -> dict[str, CreatedPolicy]:
    """
    Read the policies that ship with the library, by name, sorted; not to be changed.
    """
    files = (Path(__file__).parent / "builtin").glob("*.toml")
    policies = [_created_policy(parse_toml(file.read_bytes(), file.name, PolicyError)) for file in files]
    return {policy.name: policy for policy in sorted(policies, key=lambda policy: policy.name)}


def load_policy(name_or_path: str | Path) -> Policy:
    """
    Find a built-in policy by name, or read one from a TOML file.

    The file holds `name`, `version`, `summary`, then either `scope` and `[created]`, or `all_of` or
    `any_of` with names of built-in policies and paths of files beside it.

    Args:
        name_or_path: A built-in name, or a path that ends in ".toml".

    Raises:
        PolicyError: If there is no such policy, or the file is not a policy.
    """
    return _load(name_or_path, depth=0)


def _load(name_or_path: str | Path, *, depth: int) -> Policy:
    name = str(name_or_path)
    if name.endswith(".toml"):
        path = Path(name_or_path)
        data, where = read_file(path, PolicyError), f"policy {path.name!r}"
        with naming_file(where, PolicyError, _HINT):
            return _parse(parse_toml(data, where, PolicyError), path.parent, depth=depth)
    builtin = builtin_policies()
    if name not in builtin:
        raise PolicyError(
            f"there is no policy {name!r}; built in are {', '.join(builtin)}, "
            "and a file of your own ends in '.toml'"
        )
    return builtin[name]


def _parse(table: TomlTable, folder: Path, *, depth: int) -> Policy:
    if depth > _MAX_DEPTH:
        raise PolicyError("policies are composed of each other too deeply, or in a circle")
    for key, composition in (("all_of", AllOf), ("any_of", AnyOf)):
        if key in table:
            table.only("name", "version", "summary", key)
            paths = (folder / part if part.endswith(".toml") else part for part in table.texts(key))
            parts = tuple(_load(path, depth=depth + 1) for path in paths)
            return composition(table.text("name"), parts, table.number("version"), table.text("summary", ""))
    return _created_policy(table)


def _created_policy(table: TomlTable) -> CreatedPolicy:
    table.only("name", "version", "summary", "scope", "created")
    created = table.table("created")
    created.only("software_agent", "description", "when")
    requirements: list[Requirement] = []
    if "software_agent" in created:
        requirements.append(SoftwareAgent(created.texts("software_agent")))
    if "description" in created:
        requirements.append(Description(tuple(_accepted(item) for item in created.tables("description"))))
    if "when" in created:
        requirements.append(_when_within(created.table("when")))
    return CreatedPolicy(
        table.text("name"),
        table.number("version"),
        tuple(requirements),
        table.text("scope", "active"),
        table.text("summary", ""),
    )


def _accepted(table: TomlTable) -> AcceptedDescription:
    table.only("value", "absent", "documented", "requires", "source", "seen")
    if ("value" in table) == table.flag("absent"):
        raise PolicyError("[[created.description]] needs either a value or 'absent = true'")
    evidence = "; ".join(table.text(key) for key in ("source", "seen") if key in table)
    if not evidence:
        raise PolicyError("[[created.description]] needs its evidence: 'source' or 'seen'")
    source_type = None
    if "requires" in table:
        requires = table.table("requires")
        requires.only("digital_source_type")
        source_type = requires.text("digital_source_type")
    value = table.text("value") if "value" in table else None
    return AcceptedDescription(value, source_type, table.flag("documented"), evidence)


def _when_within(table: TomlTable) -> WhenWithin:
    table.only("within_s", "of")
    if table.text("of") != "time-stamp":
        raise PolicyError("[created.when] needs 'of = \"time-stamp\"'")
    return WhenWithin(table.number("within_s"))


def _has_trusted_path(reading: Reading, readings: tuple[Reading, ...]) -> bool:
    states = {other.manifest.label: other.state for other in readings}
    return all(states.get(label) is ValidationState.TRUSTED for label in reading.path)


def _count_failed(checks: tuple[Check, ...]) -> int:
    return sum(check.outcome is Outcome.FAIL for check in checks)


def _digest(parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _check_head(name: str, version: int) -> None:
    if not is_name(name):
        raise PolicyError(f"policy name {name!r} may hold letters, digits, '.', '-' and '_' only")
    if version < 1:
        raise PolicyError(f"policy {name!r}: version must be 1 or more")
