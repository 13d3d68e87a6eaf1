"""
What callers demand: the built-in policies, policies of their own, and compositions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provenance.authority import SIGNED_AT, TRAINED_ALGORITHMIC_MEDIA
from provenance.errors import PolicyError
from provenance.manifest.manifest import Action, Manifest, Reading, Signature
from provenance.manifest.status import ValidationState
from provenance.policy.policy import (
    DEFAULT,
    AllOf,
    AnyOf,
    CreatedPolicy,
    Policy,
    builtin_policies,
    load_policy,
)
from provenance.policy.requirement import (
    AcceptedDescription,
    Check,
    Description,
    Outcome,
    Requirement,
    SoftwareAgent,
    WhenWithin,
)

AGENTS = {
    "Azure OpenAI DALL-E": True,
    "Azure OpenAI ImageGen": True,
    "azure openai dall-e": False,
    "Bing Image Creator": False,
    "": False,
    None: False,
}
# Accepted by the default policy with the digital source type, and without it; documented.
DESCRIPTIONS = {
    "AI Generated Image": (True, True, True),
    "Generated with AI": (True, True, False),
    None: (True, False, False),
    "": (False, False, False),
    "5": (False, False, False),
    "null": (False, False, False),
    "generated with AI": (False, False, False),
    "Created image using artificial intelligence technology": (False, False, False),
}
WHENS = {
    "2024-06-01T12:00:00Z": True,
    "2024-06-01T12:05:00Z": True,
    "2024-06-01T12:05:01Z": False,
    "2024-06-01T12:00:00.1234567Z": True,
    "2024-06-01T12:00:00": False,
    "garbage": False,
    None: False,
}


def reading(
    *actions: Action,
    path: tuple[str, ...] = ("a",),
    state: ValidationState = ValidationState.TRUSTED,
    signed_at: datetime | None = SIGNED_AT,
) -> Reading:
    """
    Describe what validation made of one manifest.
    """
    manifest = Manifest(path[-1], actions=actions)
    return Reading(manifest, path, state, (), (), Signature(signed_at=signed_at))


GENUINE = Action("c2pa.created", "Azure OpenAI DALL-E", "Generated with AI")
FOREIGN = Action("c2pa.created", "Microsoft Designer", "something")


def accepts(policy: Policy, *readings: Reading) -> bool:
    """
    Ask a policy.
    """
    return all(check.outcome is Outcome.PASS for check in policy.check(readings))


# --- the built-in policies ------------------------------------------------------------------------


def test_three_policies_are_built_in() -> None:
    """
    In the order in which they are listed.
    """
    assert list(builtin_policies()) == ["azure-openai", "azure-openai-documented", "azure-openai-lineage"]
    assert DEFAULT == "azure-openai"
    assert [load_policy(name) for name in builtin_policies()] == list(builtin_policies().values())


@pytest.mark.parametrize("source_type", [TRAINED_ALGORITHMIC_MEDIA, None, "http://example.invalid"])
@pytest.mark.parametrize(("agent", "description", "when"), list(product(AGENTS, DESCRIPTIONS, WHENS)))
def test_every_combination_is_answered_as_written(
    agent: str | None, description: str | None, when: str | None, source_type: str | None
) -> None:
    """
    The default and the lineage policy agree about the active manifest; the documented one wants it all.
    """
    found = reading(Action("c2pa.created", agent, description, when, source_type))
    with_type, without_type, documented = DESCRIPTIONS[description]
    described = with_type if source_type == TRAINED_ALGORITHMIC_MEDIA else without_type

    answers = {name: accepts(policy, found) for name, policy in builtin_policies().items()}

    assert answers == {
        "azure-openai": AGENTS[agent] and described,
        "azure-openai-documented": AGENTS[agent] and documented and WHENS[when],
        "azure-openai-lineage": AGENTS[agent] and described,
    }


@pytest.mark.parametrize("name", builtin_policies())
@pytest.mark.parametrize(
    "actions",
    [
        (),
        (Action("c2pa.edited", "Azure OpenAI DALL-E", "Generated with AI"),),
        (GENUINE, GENUINE),
        (GENUINE, FOREIGN),
    ],
    ids=["none", "edited", "twice", "and-another"],
)
def test_exactly_one_created_action_is_needed(name: str, actions: tuple[Action, ...]) -> None:
    """
    Of two nobody can tell which one made the picture.
    """
    assert accepts(builtin_policies()[name], reading(*actions)) is False


def test_the_created_action_may_follow_others() -> None:
    """
    As actions of a second assertion do.
    """
    assert accepts(builtin_policies()[DEFAULT], reading(Action("c2pa.edited"), GENUINE)) is True


@pytest.mark.parametrize("offset_s", [-301, -300, 0, 300, 301])
def test_the_documented_policy_allows_five_minutes(offset_s: int) -> None:
    """
    Exactly, in either direction.
    """
    when = (SIGNED_AT + timedelta(seconds=offset_s)).isoformat()
    found = reading(Action("c2pa.created", "Azure OpenAI DALL-E", "AI Generated Image", when))

    assert accepts(builtin_policies()["azure-openai-documented"], found) is (abs(offset_s) <= 300)


def test_the_documented_policy_needs_a_time_stamp() -> None:
    """
    Without one there is nothing to compare with.
    """
    action = Action("c2pa.created", "Azure OpenAI DALL-E", "AI Generated Image", "2024-06-01T12:00:00Z")

    documented = builtin_policies()["azure-openai-documented"]

    assert (accepts(documented, reading(action)), accepts(documented, reading(action, signed_at=None))) == (
        True,
        False,
    )


TRUSTED, VALID, INVALID = ValidationState.TRUSTED, ValidationState.VALID, ValidationState.INVALID


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        pytest.param((reading(GENUINE),), True, id="active"),
        pytest.param((reading(FOREIGN), reading(GENUINE, path=("a", "b"))), True, id="ingredient"),
        pytest.param(
            (
                reading(FOREIGN),
                reading(FOREIGN, path=("a", "b")),
                reading(GENUINE, path=("a", "b", "c")),
            ),
            True,
            id="deeper",
        ),
        pytest.param((reading(FOREIGN), reading(GENUINE, path=("a", "b"), state=VALID)), False, id="valid"),
        pytest.param(
            (reading(FOREIGN), reading(GENUINE, path=("a", "b"), state=INVALID)), False, id="invalid"
        ),
        pytest.param(
            (reading(FOREIGN, state=VALID), reading(GENUINE, path=("a", "b"))), False, id="active-valid"
        ),
        pytest.param(
            (
                reading(FOREIGN),
                reading(FOREIGN, path=("a", "b"), state=VALID),
                reading(GENUINE, path=("a", "b", "c")),
            ),
            False,
            id="untrusted-between",
        ),
        pytest.param(
            (reading(FOREIGN), reading(GENUINE, path=("a", "gone", "c"))), False, id="missing-between"
        ),
        pytest.param(
            (
                reading(Action("c2pa.created", "Microsoft Designer", "Generated with AI")),
                reading(Action("c2pa.created", "Azure OpenAI DALL-E", "x"), path=("a", "b")),
            ),
            False,
            id="demands-met-by-different-manifests",
        ),
        pytest.param((), False, id="nothing"),
    ],
)
def test_lineage_needs_trust_on_the_whole_way(readings: tuple[Reading, ...], expected: bool) -> None:  # noqa: FBT001 - a case
    """
    And one manifest that meets every demand.
    """
    assert accepts(builtin_policies()["azure-openai-lineage"], *readings) is expected


def test_lineage_reports_the_manifest_that_misses_least() -> None:
    """
    So that findings say what is still wanting.
    """
    near = reading(Action("c2pa.created", "Azure OpenAI DALL-E", "x"), path=("a", "b"))

    checks = builtin_policies()["azure-openai-lineage"].check((reading(FOREIGN), near))

    assert [(check.id, check.outcome) for check in checks] == [
        ("software_agent", Outcome.PASS),
        ("description", Outcome.FAIL),
    ]


def test_without_any_trusted_way_lineage_says_so() -> None:
    """
    A policy that finds nothing to look at must not be satisfied.
    """
    (check,) = builtin_policies()["azure-openai-lineage"].check((reading(GENUINE, state=VALID),))

    assert (check.id, check.outcome) == ("lineage", Outcome.FAIL)


def test_the_default_looks_at_the_active_manifest_only() -> None:
    """
    A genuine ingredient under a foreign edit is not Azure's picture any more.
    """
    assert accepts(builtin_policies()[DEFAULT], reading(FOREIGN), reading(GENUINE, path=("a", "b"))) is False


def test_an_active_policy_without_an_active_manifest_is_not_satisfied() -> None:
    """
    Nothing to look at is no proof.
    """
    assert accepts(builtin_policies()[DEFAULT]) is False


# --- policies as files ----------------------------------------------------------------------------

OWN = """
name = "own"
version = 3
summary = "mine"
[created]
software_agent = ["Mine"]
[[created.description]]
value = "x"
seen = "2024"
[created.when]
within_s = 5
of = "time-stamp"
"""


def write(folder: Path, text: str, name: str = "own.toml") -> Path:
    """
    Write a policy file.
    """
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("as_text", [True, False])
def test_a_file_of_ones_own_is_read(tmp_path: Path, as_text: bool) -> None:  # noqa: FBT001 - a case
    """
    By path or by text, scope "active" unless it says otherwise.
    """
    path = write(tmp_path, OWN)

    policy = load_policy(str(path) if as_text else path)

    assert policy == CreatedPolicy(
        "own",
        3,
        (SoftwareAgent(("Mine",)), Description((AcceptedDescription("x", evidence="2024"),)), WhenWithin(5)),
        "active",
        "mine",
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param('summary = "mine"', "colour = 1", "unknown keys: colour", id="unknown-key"),
        pytest.param("software_agent", "software_agents", "unknown keys: software_agents", id="in-created"),
        pytest.param('value = "x"', 'value = "x"\nlike = true', "unknown keys: like", id="in-description"),
        pytest.param("within_s = 5", "within_s = 5\nzone = 1", "unknown keys: zone", id="in-when"),
        pytest.param('seen = "2024"', "", "needs its evidence", id="no-evidence"),
        pytest.param('value = "x"', "", "either a value or 'absent = true'", id="neither"),
        pytest.param('value = "x"', "absent = false", "either a value or", id="absent-false"),
        pytest.param('value = "x"', 'value = "x"\nabsent = true', "either a value or", id="both"),
        pytest.param('value = "x"', 'value = ""', "'value' is missing or not text", id="empty-value"),
        pytest.param('value = "x"', "value = 5", "'value' is missing or not text", id="value-no-text"),
        pytest.param(
            'seen = "2024"',
            'seen = "2024"\ndocumented = "yes"',
            "'documented' is not true or false",
            id="flag",
        ),
        pytest.param(
            'seen = "2024"',
            'seen = "2024"\nrequires = 5',
            r"\[requires\] is missing or not a table",
            id="requires",
        ),
        pytest.param(
            'seen = "2024"',
            'seen = "2024"\nrequires = {}',
            "'digital_source_type' is missing",
            id="nothing-required",
        ),
        pytest.param(
            'seen = "2024"',
            'seen = "2024"\nrequires = { digital_source_type = "x", more = 1 }',
            "unknown keys: more",
            id="more-required",
        ),
        pytest.param("version = 3", "version = 0", "version must be 1 or more", id="version-0"),
        pytest.param(
            "version = 3", "version = true", "'version' is missing or not a whole", id="version-true"
        ),
        pytest.param("version = 3", "", "'version' is missing", id="no-version"),
        pytest.param('name = "own"', "", "'name' is missing", id="no-name"),
        pytest.param('name = "own"', 'name = "no spaces"', "may hold letters", id="bad-name"),
        pytest.param('name = "own"', 'name = ".."', "may hold letters", id="dots"),
        pytest.param('summary = "mine"', 'scope = "all"', "none of active, lineage", id="scope"),
        pytest.param('["Mine"]', '"Mine"', "not a list of text", id="agent-no-list"),
        pytest.param('["Mine"]', "[]", "at least one name", id="no-agents"),
        pytest.param('["Mine"]', '["Mine", 5]', "not a list of text", id="agent-no-text"),
        pytest.param("within_s = 5", "within_s = 0", "positive", id="no-distance"),
        pytest.param("within_s = 5", 'within_s = "5"', "not a whole number", id="distance-no-number"),
        pytest.param('of = "time-stamp"', 'of = "clock"', "needs 'of", id="of-the-clock"),
        pytest.param('of = "time-stamp"', "", "'of' is missing", id="of-nothing"),
        pytest.param('name = "own"', "name = ", "is not TOML", id="no-toml"),
    ],
)
def test_a_file_that_says_something_else_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    """
    A demand that is misspelt must not be a demand that is dropped.
    """
    assert old in OWN

    with pytest.raises(PolicyError, match=message) as caught:
        load_policy(write(tmp_path, OWN.replace(old, new)))

    assert str(caught.value).startswith("policy 'own.toml'")
    assert caught.value.hint.startswith("Correct the file")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"\[created\] is missing"),
        ('name = "x"\nversion = 1', r"\[created\] is missing"),
        ('name = "x"\nversion = 1\n[created]', "demands nothing"),
        ('name = "x"\nversion = 1\n[created]\ndescription = []', "at least one accepted form"),
        ('name = "x"\nversion = 1\n[created]\ndescription = [1]', "not a list of tables"),
        ('name = "x"\nversion = 1\ncreated = 1', r"\[created\] is missing or not a table"),
        ('name = "x"\nversion = 1\nall_of = []', "composed of nothing"),
        ('name = "x"\nversion = 1\nany_of = []', "composed of nothing"),
        ('name = "x"\nversion = 1\nall_of = "azure-openai"', "not a list of text"),
        (
            'name = "x"\nversion = 1\nall_of = ["azure-openai"]\nany_of = ["azure-openai"]',
            "unknown keys: any_of",
        ),
        ('name = "x"\nversion = 1\nall_of = ["azure-openai"]\n[created]', "unknown keys: created"),
        ('name = "x"\nversion = 1\nall_of = ["azure-openai"]\nscope = "active"', "unknown keys: scope"),
        ('name = "x y"\nversion = 1\nall_of = ["azure-openai"]', "may hold letters"),
        ('version = 1\nall_of = ["azure-openai"]', "'name' is missing"),
        ('name = "x"\nall_of = ["azure-openai"]', "'version' is missing"),
        ('name = "x"\nversion = 0\nall_of = ["azure-openai"]', "version must be 1 or more"),
        ('name = "x"\nversion = 1\nall_of = ["nope"]', "there is no policy 'nope'"),
        ('name = "x"\nversion = 1\nall_of = ["nope.toml"]', "'nope.toml' cannot be read"),
    ],
)
def test_a_policy_that_demands_nothing_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """
    Or is composed of nothing, or of something that is not there.
    """
    with pytest.raises(PolicyError, match=message) as caught:
        load_policy(write(tmp_path, text))

    assert str(caught.value).startswith("policy 'own.toml'")
    assert caught.value.hint.startswith("Correct the file")


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    """
    TOML is UTF-8.
    """
    path = tmp_path / "own.toml"
    path.write_bytes(b"name = '\xff'")

    with pytest.raises(PolicyError, match="is not TOML"):
        load_policy(path)


@pytest.mark.parametrize("name", ["nope", "", "azure-openai ", "Azure-OpenAI", "../azure-openai", "own.TOML"])
def test_an_unknown_name_is_answered_with_the_known_ones(name: str) -> None:
    """
    The person who mistyped it sees what there is.
    """
    with pytest.raises(PolicyError) as caught:
        load_policy(name)

    assert all(known in str(caught.value) for known in builtin_policies())
    assert "ends in '.toml'" in str(caught.value)


@pytest.mark.parametrize("path", ["nowhere.toml", "a\0b.toml"])
def test_a_file_that_cannot_be_read_is_a_policy_error(tmp_path: Path, path: str) -> None:
    """
    Whatever the reason.
    """
    with pytest.raises(PolicyError, match="cannot be read"):
        load_policy(tmp_path / path)


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    """
    It may come from a stranger.
    """
    with pytest.raises(PolicyError, match=r"larger than 4,194,304 bytes"):
        load_policy(write(tmp_path, "#" * (4 * 1024 * 1024 + 1)))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2**40) | st.text("ab.\"'\\\n\u00e9", max_size=5),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=4,
)
KEYS = st.sampled_from(
    [
        *("name", "version", "summary", "scope", "software_agent", "description", "when", "value"),
        *("absent", "documented", "requires", "source", "seen", "within_s", "of", "all_of", "any_of"),
        "digital_source_type",
    ]
)
NAMED = st.fixed_dictionaries({}, optional={"name": st.just("x"), "version": st.just(1)})


def toml(value: object) -> str:
    """
    Write a value the way TOML does; what it cannot say becomes something else.
    """
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    return json.dumps(value) if value is not None else "1979-05-27"


TABLES = st.dictionaries(KEYS, VALUES | st.dictionaries(KEYS, VALUES, max_size=3), max_size=5)


@given(top=TABLES, named=NAMED, created=TABLES | VALUES, described=st.lists(TABLES, max_size=2))
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_file_is_a_policy_or_a_policy_error(
    tmp_path: Path,
    top: dict[str, object],
    named: dict[str, object],
    created: object,
    described: list[dict[str, object]],
) -> None:
    """
    Nothing else comes of a file, and what is read demands something.
    """
    if described and isinstance(created, dict):
        created = {**created, "description": described}
    tables = {**top, **named, "created": created}
    path = write(tmp_path, "\n".join(f"{json.dumps(key)} = {toml(value)}" for key, value in tables.items()))

    try:
        policy = load_policy(path)
    except PolicyError as error:
        assert str(error)  # noqa: PT017 - either end is checked
    else:
        assert accepts(policy, reading(FOREIGN)) is False


# --- compositions ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fixed:
    """
    A policy of so many checks, of which so many fail.
    """

    name: str = "fixed"
    version: int = 1
    digest: str = "0" * 64
    summary: str = ""
    passing: int = 0
    failing: int = 0

    def check(self, readings: tuple[Reading, ...]) -> tuple[Check, ...]:  # noqa: ARG002 - a policy's method
        """
        Answer as told, whatever is asked.
        """
        outcomes = [Outcome.PASS] * self.passing + [Outcome.FAIL] * self.failing
        return tuple(Check("fixed", outcome, (), None, "") for outcome in outcomes)


FIXED = st.builds(Fixed, passing=st.integers(0, 3), failing=st.integers(0, 3))


@given(st.lists(FIXED, min_size=1, max_size=5))
def test_all_of_accepts_if_and_only_if_all_accept(parts: list[Fixed]) -> None:
    """
    With the checks of every one.
    """
    whole = AllOf("whole", tuple(parts))

    assert accepts(whole, reading()) is all(accepts(part, reading()) for part in parts)
    assert len(whole.check((reading(),))) == sum(part.passing + part.failing for part in parts)


@given(st.lists(FIXED, min_size=1, max_size=5))
def test_any_of_accepts_if_and_only_if_any_accepts(parts: list[Fixed]) -> None:
    """
    With the checks of the one that misses least.
    """
    whole = AnyOf("whole", tuple(parts))

    assert accepts(whole, reading()) is any(accepts(part, reading()) for part in parts)
    missed = sum(check.outcome is Outcome.FAIL for check in whole.check((reading(),)))
    assert missed == min(part.failing for part in parts)


@pytest.mark.parametrize("composition", [AllOf, AnyOf])
def test_a_composition_of_nothing_is_refused(composition: type[AllOf | AnyOf]) -> None:
    """
    All of nothing would accept everything.
    """
    with pytest.raises(PolicyError, match="composed of nothing"):
        composition("whole", ())
    with pytest.raises(PolicyError, match="may hold letters"):
        composition("", (Fixed(),))


def test_a_composition_is_read_by_name_and_by_file(tmp_path: Path) -> None:
    """
    Files are found beside the file that names them, not beside the process.
    """
    inner = tmp_path / "inner"
    inner.mkdir()
    write(inner, OWN, "own.toml")
    write(inner, 'name = "mixed"\nversion = 1\nall_of = ["azure-openai", "own.toml"]', "mixed.toml")
    outer = write(
        tmp_path, 'name = "any"\nversion = 2\nany_of = ["azure-openai-lineage", "inner/mixed.toml"]'
    )

    policy = load_policy(outer)

    own = load_policy(inner / "own.toml")
    mixed = AllOf("mixed", (builtin_policies()["azure-openai"], own))
    assert policy == AnyOf("any", (builtin_policies()["azure-openai-lineage"], mixed), 2)


def test_a_circle_of_files_is_refused(tmp_path: Path) -> None:
    """
    It would never end.
    """
    write(tmp_path, 'name = "a"\nversion = 1\nall_of = ["b.toml"]', "a.toml")
    write(tmp_path, 'name = "b"\nversion = 1\nany_of = ["a.toml"]', "b.toml")

    with pytest.raises(PolicyError, match="too deeply, or in a circle"):
        load_policy(tmp_path / "a.toml")


@pytest.mark.parametrize(("depth", "fits"), [(4, True), (5, False)])
def test_compositions_nest_to_a_bound(tmp_path: Path, depth: int, fits: bool) -> None:  # noqa: FBT001 - a case
    """
    Four files below the first.
    """
    write(tmp_path, OWN, f"{depth}.toml")
    for level in range(depth):
        write(tmp_path, f'name = "n"\nversion = 1\nall_of = ["{level + 1}.toml"]', f"{level}.toml")

    if fits:
        assert accepts(load_policy(tmp_path / "0.toml"), reading(FOREIGN)) is False
    else:
        with pytest.raises(PolicyError, match="too deeply"):
            load_policy(tmp_path / "0.toml")


# --- digests --------------------------------------------------------------------------------------

REQUIREMENTS = (SoftwareAgent(("a",)), Description((AcceptedDescription("x"),)), WhenWithin(5))


def policy_of(
    name: str = "p",
    version: int = 1,
    requirements: tuple[Requirement, ...] = REQUIREMENTS,
    scope: str = "active",
    summary: str = "",
) -> CreatedPolicy:
    """
    Build a policy that differs from the others here in one thing.
    """
    return CreatedPolicy(name, version, requirements, scope, summary)


def described(form: AcceptedDescription) -> tuple[Requirement, ...]:
    """
    Demand another description.
    """
    return (REQUIREMENTS[0], Description((form,)), REQUIREMENTS[2])


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(policy_of(name="q"), id="name"),
        pytest.param(policy_of(version=2), id="version"),
        pytest.param(policy_of(scope="lineage"), id="scope"),
        pytest.param(policy_of(requirements=REQUIREMENTS[:2]), id="fewer"),
        pytest.param(policy_of(requirements=(SoftwareAgent(("b",)), *REQUIREMENTS[1:])), id="agent"),
        pytest.param(policy_of(requirements=(SoftwareAgent(("a", "b")), *REQUIREMENTS[1:])), id="agents"),
        pytest.param(policy_of(requirements=(*REQUIREMENTS[:2], WhenWithin(6))), id="distance"),
        pytest.param(policy_of(requirements=described(AcceptedDescription("x", "t"))), id="requirement"),
        pytest.param(policy_of(requirements=described(AcceptedDescription(None))), id="absent"),
        pytest.param(policy_of(requirements=described(AcceptedDescription("None"))), id="the-word-none"),
    ],
)
def test_a_digest_changes_with_the_demands(changed: CreatedPolicy) -> None:
    """
    Reports name it, so that two verdicts can be compared.
    """
    assert changed.digest != policy_of().digest
    assert len(changed.digest) == 64


def test_a_digest_does_not_change_with_what_decides_nothing() -> None:
    """
    Nor with the evidence: neither decides anything.
    """
    witnessed = described(AcceptedDescription("x", evidence="seen somewhere else"))
    assert policy_of(requirements=witnessed).digest == policy_of().digest
    assert policy_of(summary="other words").digest == policy_of().digest


def test_digests_of_compositions_change_with_their_parts() -> None:
    """
    With kind, name, version, parts and their order.
    """
    base, other = policy_of(), policy_of(version=2)
    compositions = [
        AllOf("c", (base,)),
        AnyOf("c", (base,)),
        AllOf("d", (base,)),
        AllOf("c", (base,), 2),
        AllOf("c", (other,)),
        AllOf("c", (base, other)),
        AllOf("c", (other, base)),
    ]

    assert len({composition.digest for composition in compositions}) == len(compositions)


def test_digests_of_the_built_in_policies_are_pinned() -> None:
    """
    A change in what a built-in policy accepts raises its version and is noticed here.
    """
    assert {(policy.name, policy.version) for policy in builtin_policies().values()} == {
        ("azure-openai", 1),
        ("azure-openai-documented", 1),
        ("azure-openai-lineage", 1),
    }
    assert {name: policy.digest[:12] for name, policy in builtin_policies().items()} == {
        "azure-openai": "be047d608a86",
        "azure-openai-documented": "188ad193d186",
        "azure-openai-lineage": "f10aa2a1f92b",
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "a b"}, "may hold letters"),
        ({"name": ""}, "may hold letters"),
        ({"version": 0}, "version must be 1 or more"),
        ({"requirements": ()}, "demands nothing"),
        ({"scope": "everything"}, "none of active, lineage"),
    ],
)
def test_a_meaningless_policy_cannot_be_built(change: dict[str, object], message: str) -> None:
    """
    In code no more than in a file.
    """
    with pytest.raises(PolicyError, match=message):
        policy_of(**change)  # type: ignore[arg-type] # by name
