"""
The catalogue of words: it is complete, nothing in it is unused, and nothing beside it says the same again.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import provenance
from provenance import cli, errors
from provenance.audit.record import Category
from provenance.audit.writer import page as audit_page
from provenance.errors import AssetError, EngineError
from provenance.manifest.status import ValidationState
from provenance.service import page as service_page
from provenance.verification import browser, words
from provenance.verification.cause import Cause
from provenance.verification.words import Surface, Words, read_words

FOLDERS = {
    Surface.COMMAND: (Path(str(cli.__file__)).parent / "output",),
    Surface.PAGE: (Path(str(service_page.__file__)).parent, Path(str(browser.__file__)).parent),
    Surface.REPORT: (Path(str(audit_page.__file__)).parent, Path(str(browser.__file__)).parent),
}
"""
Where the words of a surface are said.
"""

SUFFIXES = {Surface.COMMAND: ".py", Surface.PAGE: ".js", Surface.REPORT: ".js"}
EACH_SURFACE = pytest.mark.parametrize("surface", Surface)

CATALOGUE: dict[str, Any] = json.loads(Path(words.__file__).with_name("words.json").read_text("utf-8"))


def sources(surface: Surface) -> str:
    """
    Read the source code of a surface.
    """
    files = (file for folder in FOLDERS[surface] for file in sorted(folder.iterdir()))
    return "\n".join(file.read_text("utf-8") for file in files if file.suffix == SUFFIXES[surface])


def texts(table: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """
    Walk all texts of the catalogue.
    """
    for key, value in table.items():
        if isinstance(value, dict):
            yield from texts(value, (*path, key))
        else:
            yield (*path, key), value


def made_checks() -> set[str]:
    """
    Read from the source which checks are made.
    """
    return {
        node.args[0].value
        for path in Path(provenance.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Check"
        if node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str)
    }


@EACH_SURFACE
def test_every_state_cause_check_error_and_category_has_words(surface: Surface) -> None:
    """
    Through every surface, and none has words that does not exist.
    """
    said = read_words(surface)
    raised = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, AssetError | EngineError) and value is not AssetError
    }

    assert list(said.states) == list(ValidationState)
    assert list(said.causes) == list(Cause)
    assert set(said.checks) == made_checks()
    assert set(said.errors) == raised
    assert list(said.categories) == list(Category)
    assert list(said.verdicts) == ["accepted", "rejected"]


@EACH_SURFACE
def test_whatever_has_words_has_all_that_are_asked_for(surface: Surface) -> None:
    """
    The check "policy" stands for those that were never made, and does not fail.
    """
    said = read_words(surface)

    assert [id_ for id_, entry in said.states.items() if "title" not in entry] == []
    assert [id_ for id_, entry in said.causes.items() if not {"sentence", "next"} <= entry.keys()] == []
    uses = {id_: set(entry) - {"next"} for id_, entry in said.checks.items()}
    assert uses.pop("policy") == {"name"}
    assert set(map(frozenset, uses.values())) == {frozenset({"name", "title", "help"})}
    assert {frozenset(entry) for entry in said.errors.values()} == {frozenset({"title", "help"})}
    assert {frozenset(entry) for entry in said.categories.values()} == {frozenset({"sign", "meaning"})}


@EACH_SURFACE
def test_every_sentence_of_a_surface_is_said_there_and_no_other(surface: Surface) -> None:
    """
    A sentence that nobody says is forgotten; one that is not there would end the program.
    """
    source = sources(surface)
    named = set(re.findall(r"""["']([a-z]+(?:_[a-z]+)*)["']""", source))
    asked = set(re.findall(r"""\bsentence\(\s*["'](\w+)["']""", source))

    assert asked <= read_words(surface).sentences.keys()
    assert read_words(surface).sentences.keys() - named == set()


def test_every_use_of_an_entry_is_asked_for() -> None:
    """
    What is called otherwise is read by nobody.
    """
    uses = {
        use
        for section in ("states", "verdicts", "causes", "checks", "errors", "categories")
        for entry in CATALOGUE[section].values()
        for use in entry
    }

    assert uses == {"glossary", "help", "meaning", "name", "next", "sentence", "sign", "title"}


def test_a_variant_is_of_a_surface_and_differs_from_the_others() -> None:
    """
    A misspelt surface would be an entry of its own; two variants that are alike are one.
    """
    surfaces = {*Surface, "otherwise"}
    variants: dict[tuple[str, ...], list[str]] = {}
    for path, text in texts(CATALOGUE):
        if path[-1] in surfaces:
            variants.setdefault(path[:-1], []).append(text)

    assert variants
    assert {path for path, _ in texts(CATALOGUE) if len(path) > 4} == set()
    assert [path for path, said in variants.items() if len(set(said)) < len(said)] == []


def test_no_words_stand_twice() -> None:
    """
    Neither in the catalogue nor in what reads it.
    """
    long = [text for _, text in texts(CATALOGUE) if len(text) > 24]
    code = "\n".join(sources(surface) for surface in Surface)

    assert len(set(long)) == len(long)
    assert [text for text in long if text in code] == []


def test_every_text_reads_well() -> None:
    """
    One line, without spaces where it begins or ends, and straight quotes but around the names of checks.
    """
    odd = [text for _, text in texts(CATALOGUE) if text != text.strip() or "  " in text or "\n" in text]

    assert odd == []


def test_the_words_of_a_surface_are_plain_texts() -> None:
    """
    Whoever reads them knows of no surfaces.
    """
    for surface in Surface:
        said = read_words(surface)
        assert said._fields == Words._fields
        assert all(isinstance(text, str) for text in said.sentences.values())
        entries = (said.states, said.verdicts, said.causes, said.checks, said.errors, said.categories)
        assert all(isinstance(text, str) for table in entries for e in table.values() for text in e.values())


def test_what_to_do_comes_after_what_is_meant() -> None:
    """
    As two sentences of one text.
    """
    said = read_words(Surface.COMMAND)

    assert said.advice({"meaning": "This.", "next": "That."}) == "This. That."
    assert said.advice({"next": "That."}) == "That."
