"""
What `from provenance import ...` offers, and what importing it costs.
"""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import provenance
from provenance import errors


def test_all_names_are_listed_once_and_exist() -> None:
    """
    And in order, so that a new one has its place.
    """
    names = provenance.__all__

    assert len(names) == len(set(names))
    assert list(names) == sorted(names, key=lambda name: (not name.isupper(), name[0].islower(), name))
    assert [name for name in names if not hasattr(provenance, name)] == []


def test_no_name_is_offered_that_is_not_listed() -> None:
    """
    `dir` and completion show what may be relied on, and nothing else is there.
    """
    assert sorted(dir(provenance)) == sorted(provenance.__all__)
    with pytest.raises(AttributeError, match="no attribute 'no_such_name'"):
        provenance.no_such_name  # noqa: B018 - asked for, not used


@pytest.mark.parametrize("name", provenance.__all__)
def test_every_public_name_is_documented(name: str) -> None:
    """
    Those that can carry a docstring; public methods and properties too.
    """
    value = getattr(provenance, name)
    if not inspect.isclass(value) and not inspect.isfunction(value):
        return

    members = vars(value).items() if inspect.isclass(value) else ()
    public = [(key, member) for key, member in members if not key.startswith("_")]
    undocumented = [
        key
        for key, member in public
        if (inspect.isfunction(member) or isinstance(member, (property, classmethod)))
        and not inspect.getdoc(member)
    ]
    assert (bool(inspect.getdoc(value)), undocumented) == (True, [])


def test_all_errors_are_offered() -> None:
    """
    Whoever catches one does not search for its module; StructureError never leaves the library.
    """
    tree = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, errors.ProvenanceError)
    }

    assert tree <= set(provenance.__all__)


@pytest.mark.parametrize(
    ("child", "parent"),
    [
        ("AssetError", "ProvenanceError"),
        ("UnreadableAssetError", "AssetError"),
        ("FolderAssetError", "UnreadableAssetError"),
        ("AssetTooLargeError", "AssetError"),
        ("UnsupportedAssetError", "AssetError"),
        ("MalformedAssetError", "AssetError"),
        ("TrustError", "ProvenanceError"),
        ("PolicyError", "ProvenanceError"),
        ("EngineError", "ProvenanceError"),
        ("InstallationChangedError", "EngineError"),
        ("NotAcceptedError", "ProvenanceError"),
        ("ProvenanceError", "Exception"),
    ],
)
def test_the_tree_of_errors_is_as_drawn(child: str, parent: str) -> None:
    """
    Callers catch branches of it.
    """
    bases = [base.__name__ for base in getattr(provenance, child).__bases__]

    assert bases == [parent]


@pytest.mark.parametrize("name", [name for name in provenance.__all__ if name.endswith("Error")])
def test_every_error_has_a_hint(name: str) -> None:
    """
    What the caller can do about it, as one sentence.
    """
    assert getattr(provenance, name).hint.endswith(".")


def test_importing_the_library_loads_no_engine() -> None:
    """
    It costs as much as everything else together, and a look at the help needs none.
    """
    code = """
import sys
import provenance
print(sorted({"c2pa", "cbor2", "cryptography"} & {name.split(".")[0] for name in sys.modules}))
"""

    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert run.stdout.strip() == "[]"


def test_the_example_of_the_package_works() -> None:
    """
    It is what people copy.
    """
    documented = inspect.getdoc(provenance) or ""

    assert "from provenance import verify" in documented
    assert "result.accepted" in documented
    assert list(inspect.signature(provenance.verify).parameters) == [
        "source",
        "policy",
        "trust",
        "limits",
        "at",
    ]
