"""
What the source code of the library and the command must look like, read from its syntax trees.

Which module may import which stands in pyproject.toml, for import-linter.
"""

from __future__ import annotations

import ast
import importlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]

SIGNING = re.compile(r"PrivateKey|private_key|\bCertificateBuilder\b")
"""
Names in `cryptography` that make, load or use a private key, or issue a certificate.
"""

LAST_RESORT = frozenset({"provenance.cli", "provenance.cli.program"})
"""
Modules that may catch every exception, in one place: where the command ends, so that none ends it with the
code that means a rejection.
"""

MAX_FUNCTION_LINES = 40
MAX_FILE_LINES = 500
MAX_TEST_FILE_LINES = 1_000
MAX_MODULES = 16

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Module:
    """
    One source file.

    Attributes:
        name: As it is imported, "provenance.cli" for cli/__init__.py.

        path: Where it lies.
    """

    name: str
    path: Path

    @property
    def tree(self) -> ast.Module:
        """
        Its syntax tree.
        """
        return parse(self.path)


@cache
def parse(path: Path) -> ast.Module:
    """
    Read a source file.
    """
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def find_modules() -> Iterator[Module]:
    """
    Find the source files of provenance/ and cli/, under the names they ship with.
    """
    for folder, package in (("provenance", "provenance"), ("cli", "provenance.cli")):
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            yield Module(".".join((package, *parts)).removesuffix(".__init__"), path)


MODULES = tuple(find_modules())
KNOWN = frozenset(module.name for module in MODULES)
EACH_MODULE = pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)


def functions(tree: ast.AST) -> Iterator[Function]:
    """
    Find every function and method, nested ones too.
    """
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def code_lines(function: Function) -> int:
    """
    Count the lines of a function from `def` on, without its docstring's.
    """
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    if ast.get_docstring(function, clean=False) is None:
        return lines
    docstring = function.body[0]
    return lines - ((docstring.end_lineno or docstring.lineno) - docstring.lineno + 1)


def public_definitions(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, ast.AST]]:
    """
    Find what a module offers: classes, functions and the methods of those classes, by their names.
    """
    for node in body:
        if not isinstance(node, Function | ast.ClassDef) or node.name.startswith("_"):
            continue
        yield prefix + node.name, node
        if isinstance(node, ast.ClassDef):
            yield from public_definitions(node.body, f"{prefix}{node.name}.")


def caught_types(handler: ast.ExceptHandler) -> set[str]:
    """
    Read which exceptions a handler catches; a bare `except` catches BaseException.
    """
    if handler.type is None:
        return {"BaseException"}
    types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return {ast.unparse(node).removeprefix("builtins.") for node in types}


def used_names(tree: ast.AST) -> Iterator[str]:
    """
    Read every name that is imported or used, annotations included.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.alias):
            yield node.name


def test_the_source_files_are_found() -> None:
    """
    Every other test here would pass over an empty folder.
    """
    assert {"provenance.errors", "provenance.manifest.status"} <= KNOWN


SOURCES = sorted(
    path
    for folder in ("provenance", "cli", "scripts", "benchmarks")
    for suffix in ("py", "js", "css", "sh")
    for path in (ROOT / folder).rglob(f"*.{suffix}")
)
TESTS = sorted((ROOT / "tests").rglob("*.py"))
FOLDERS = sorted({module.path.parent for module in MODULES})


def from_the_top(path: Path) -> str:
    """
    Name a path from the top of the repository.
    """
    return path.relative_to(ROOT).as_posix()


def count_lines(path: Path) -> int:
    """
    Count the lines of a file.
    """
    return len(path.read_text("utf-8").splitlines())


@pytest.mark.parametrize("path", SOURCES, ids=from_the_top)
def test_a_file_is_read_in_one_go(path: Path) -> None:
    """
    A file that does more than one thing grows; it is parted before that.
    """
    assert count_lines(path) <= MAX_FILE_LINES


@pytest.mark.parametrize("path", TESTS, ids=from_the_top)
def test_a_file_of_tests_is_not_endless(path: Path) -> None:
    """
    Whoever looks for a test finds it by the name of its file.
    """
    assert count_lines(path) <= MAX_TEST_FILE_LINES


@pytest.mark.parametrize("folder", FOLDERS, ids=from_the_top)
def test_a_folder_is_seen_at_a_glance(folder: Path) -> None:
    """
    More modules than that are more than one thing, too.
    """
    assert len(list(folder.glob("*.py"))) <= MAX_MODULES


@EACH_MODULE
def test_functions_are_short(module: Module) -> None:
    """
    What does not fit on a screen is not read before it is changed.
    """
    long = {node.name: code_lines(node) for node in functions(module.tree)}

    assert {name: lines for name, lines in long.items() if lines > MAX_FUNCTION_LINES} == {}


def test_docstrings_do_not_count_as_lines_of_a_function() -> None:
    """
    Explaining more must never be a reason to split.
    """
    tree = ast.parse('def answer():\n    """\n    Explain.\n    """\n    return 42\n')

    assert [code_lines(node) for node in functions(tree)] == [2]


@EACH_MODULE
def test_only_the_authority_signs(module: Module) -> None:
    """
    A library that judges signatures has no use for a private key.
    """
    if module.name.startswith("provenance.authority"):
        return

    assert {name for name in used_names(module.tree) if SIGNING.search(name)} == set()


@EACH_MODULE
def test_nobody_catches_every_exception(module: Module) -> None:
    """
    A mistake of ours must not be reported as a property of the image.
    """
    handlers = [node for node in ast.walk(module.tree) if isinstance(node, ast.ExceptHandler)]
    allowed = 1 if module.name in LAST_RESORT else 0

    assert [handler.lineno for handler in handlers if caught_types(handler) & {"Exception", "BaseException"}][
        allowed:
    ] == []


@EACH_MODULE
def test_every_public_name_has_a_docstring(module: Module) -> None:
    """
    The help of the language itself is where users look first.
    """
    named = (("the module itself", module.tree), *public_definitions(module.tree.body))

    missing = [
        name
        for name, node in named
        if isinstance(node, ast.Module | ast.ClassDef | Function) and not ast.get_docstring(node)
    ]

    assert missing == []


LAZY_PACKAGES = [
    module
    for module in MODULES
    if module.name != "provenance.lazy_names" and "lazy_names(" in module.path.read_text("utf-8")
]


@pytest.mark.parametrize("lazy_package", LAZY_PACKAGES, ids=lambda lazy_package: lazy_package.name)
def test_a_lazy_package_offers_what_type_checkers_see(lazy_package: Module) -> None:
    """
    Its names stand three times: for type checkers, for `import *`, and for the interpreter.
    """
    package = importlib.import_module(lazy_package.name)
    seen = {
        alias.asname or alias.name
        for node in ast.walk(lazy_package.tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for statement in node.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }

    assert seen == set(package.__all__) == set(dir(package))
    assert [name for name in package.__all__ if not hasattr(package, name)] == []
    assert len(set(package.__all__)) == len(package.__all__)


@pytest.mark.parametrize("lazy_package", LAZY_PACKAGES, ids=lambda lazy_package: lazy_package.name)
def test_a_lazy_package_offers_no_name_of_a_module(lazy_package: Module) -> None:
    """
    Such a name would mean the module as soon as anybody imports that.
    """
    modules = {
        module.name.removeprefix(f"{lazy_package.name}.")
        for module in MODULES
        if module.name.startswith(f"{lazy_package.name}.")
    }

    assert modules & set(importlib.import_module(lazy_package.name).__all__) == set()


def test_there_are_faces() -> None:
    """
    Or the tests above would pass over nothing.
    """
    assert {"provenance", "provenance.policy", "provenance.audit"} <= {
        lazy_package.name for lazy_package in LAZY_PACKAGES
    }
