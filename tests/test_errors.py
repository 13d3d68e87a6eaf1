"""
What errors say can be done about them.
"""

from __future__ import annotations

import pickle

import pytest

from provenance.errors import AssetTooLargeError


def test_only_the_limit_that_an_option_raises_is_to_be_raised() -> None:
    """
    There is `--max-bytes`, and nothing of the kind for what a container or a manifest store holds.
    """
    assert AssetTooLargeError("bytes", 2, 1).hint.startswith("Raise the limit")


@pytest.mark.parametrize("unit", ["chunks", "manifests", "manifest store bytes", "report bytes"])
def test_a_bound_without_an_option_is_not_to_be_raised(unit: str) -> None:
    """
    Nor once the error comes out of another process.
    """
    error = AssetTooLargeError(unit, 2, 1)

    for one in (error, pickle.loads(pickle.dumps(error))):  # noqa: S301 - our own bytes
        assert one.hint.startswith("No option raises this limit")
        assert one.hint.endswith(".")
