"""
What an asset says about itself, as values.
"""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.manifest.manifest import Action, Ingredient, Manifest, ManifestStore, Reading, Signature
from provenance.manifest.status import StatusKind, StatusSource, ValidationState, ValidationStatus


def store(active: str, **references: tuple[str | None, ...]) -> ManifestStore:
    """
    Describe who has whom as an ingredient.
    """
    return ManifestStore(
        active,
        {
            label: Manifest(
                label, ingredients=tuple(Ingredient("c2pa.ingredient", None, None, to) for to in told)
            )
            for label, told in references.items()
        },
    )


def test_the_created_action_is_found_among_others() -> None:
    """
    It need not be the first.
    """
    created = Action("c2pa.created", "agent")

    assert Manifest("a", actions=(Action("c2pa.edited"), created)).created is created


@pytest.mark.parametrize(
    "actions",
    [
        pytest.param((), id="none"),
        pytest.param((Action("c2pa.edited"),), id="others-only"),
        pytest.param((Action("c2pa.created", "a"), Action("c2pa.created", "b")), id="two"),
        pytest.param((Action("c2pa.created", "a"), Action("c2pa.created", "a")), id="the-same-twice"),
        pytest.param((Action("C2PA.Created", "a"),), id="other-case"),
        pytest.param((Action("c2pa.created.v2", "a"),), id="longer"),
    ],
)
def test_without_exactly_one_created_action_there_is_none(actions: tuple[Action, ...]) -> None:
    """
    Of two nobody can tell which one made the picture.
    """
    assert Manifest("a", actions=actions).created is None


def test_manifests_are_reached_by_distance_and_once() -> None:
    """
    The path is the shortest one, the active manifest first.
    """
    found = store("a", a=("b", "c"), b=("d",), c=("d", "e"), d=(), e=(), orphan=("a",))

    assert list(found.reached()) == [("a",), ("a", "b"), ("a", "c"), ("a", "b", "d"), ("a", "c", "e")]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(store("a", a=("a",)), [("a",)], id="itself"),
        pytest.param(store("a", a=("b",), b=("a",)), [("a",), ("a", "b")], id="circle"),
        pytest.param(store("a", a=("x", None)), [("a",)], id="missing-and-none"),
        pytest.param(store("x", a=()), [], id="active-missing"),
        pytest.param(store("a"), [], id="empty"),
    ],
)
def test_hostile_references_end(found: ManifestStore, expected: list[tuple[str, ...]]) -> None:
    """
    Labels and references are an attacker's to choose.
    """
    assert list(found.reached()) == expected


LABELS = st.sampled_from("abcdefgh")


@given(st.dictionaries(LABELS, st.lists(LABELS, max_size=4), max_size=8), LABELS)
def test_every_manifest_is_reached_at_most_once_over_references(
    references: dict[str, list[str]], active: str
) -> None:
    """
    And each step of a path is a reference.
    """
    paths = list(store(active, **{label: tuple(to) for label, to in references.items()}).reached())

    assert len({path[-1] for path in paths}) == len(paths)
    for path in paths:
        assert path[0] == active
        assert all(label in references for label in path)
        assert all(to in references[label] for label, to in pairwise(path))


def status(kind: StatusKind) -> ValidationStatus:
    """
    Find something.
    """
    return ValidationStatus("code", "", "", kind, StatusSource.ENGINE)


def test_a_reading_tells_its_failures_and_whether_it_is_active() -> None:
    """
    Tolerated failures are none of them.
    """
    every = tuple(status(kind) for kind in StatusKind)
    tolerated = (status(StatusKind.FAILURE),)

    active = Reading(Manifest("a"), ("a",), ValidationState.VALID, every, tolerated, Signature())
    inner = Reading(Manifest("b"), ("a", "b"), ValidationState.VALID, (), tolerated, Signature())

    assert (active.is_active, inner.is_active) == (True, False)
    assert (active.failures, inner.failures) == ((status(StatusKind.FAILURE),), ())


def test_nothing_can_be_changed_afterwards() -> None:
    """
    A verdict is handed to strangers' code.
    """
    with pytest.raises(AttributeError):
        Action("c2pa.created").software_agent = "Azure OpenAI DALL-E"  # type: ignore[misc] # the point
