"""
What the source code of the library and the command must look like, read from its syntax trees.

Nothing is imported here but for `__all__`: an import hidden in a function counts like one at the top,
and one under `if TYPE_CHECKING` does not, because it never runs.
"""

from __future__ import annotations

import ast
import importlib
import re
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]

LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"errors"}),
    frozenset({"atomic_file", "cbor", "distribution", "lazy_names", "loopback", "text_value"}),
    frozenset({"asset", "toml_table", "workers"}),
    frozenset({"trust"}),
    frozenset({"manifest"}),
    frozenset({"authority", "policy", "validation"}),
    frozenset({"verification"}),
    frozenset({"audit", "generation", "simulator"}),
    frozenset({"service"}),
    frozenset({"__init__"}),
    frozenset({"cli"}),
    frozenset({"__main__"}),
)
"""
Every part of the library, bottom up. A part is a module or a sub-package of `provenance`; "__init__" is
`provenance` itself. A new one must be placed here. A part may import lower ones and those beside it.
"""

NARROWER: dict[str, frozenset[str]] = {
    "authority": frozenset({"asset", "errors", "manifest", "trust"}),
}
"""
Parts that may import less than their layer allows: what signs must not lean on what judges it.
"""

ONLY_IMPORTER: dict[str, str] = {"c2pa": "validation"}
"""
Packages from outside that a single part may import.
"""

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
    def part(self) -> str:
        """
        Which part of the library it belongs to.
        """
        return part_of(self.name)

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


def part_of(module: str) -> str:
    """
    Tell which part of the library a module name stands for.
    """
    _, _, rest = module.partition(".")
    return rest.split(".")[0] or "__init__"


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


def walk_running_code(node: ast.AST) -> Iterator[ast.AST]:
    """
    Walk a syntax tree, leaving out what stands under `if TYPE_CHECKING`.
    """
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}:
            for statement in child.orelse:
                yield from walk_running_code(statement)
        else:
            yield from walk_running_code(child)


def imported_names(module: Module, tree: ast.AST) -> Iterator[str]:
    """
    Read which modules the code of one imports, by their full names.

    `from provenance import cbor` imports `provenance.cbor`; `from provenance import verify` imports
    `provenance`.
    """
    for node in walk_running_code(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = absolute_source(module, node)
            for alias in node.names:
                submodule = f"{source}.{alias.name}"
                placed = source == "provenance" and any(alias.name in layer for layer in LAYERS)
                yield submodule if submodule in KNOWN or placed else source


def absolute_source(module: Module, node: ast.ImportFrom) -> str:
    """
    Name the module that a `from` import reads, whether written relatively or not.
    """
    if not node.level:
        return node.module or ""
    is_package = module.path.name == "__init__.py"
    parts = module.name.split(".")
    base = parts[: len(parts) - node.level + is_package]
    return ".".join((*base, node.module) if node.module else base)


def layer_of(part: str) -> int:
    """
    Tell how high a part stands; a part that was never placed is a failure of its own test.
    """
    return next((height for height, layer in enumerate(LAYERS) if part in layer), -1)


def imported_parts(module: Module) -> frozenset[str]:
    """
    Read which other parts of the library a module imports.
    """
    names = imported_names(module, module.tree)
    ours = (name for name in names if name == "provenance" or name.startswith("provenance."))
    return frozenset(part_of(name) for name in ours) - {module.part}


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


def find_cycle(graph: dict[str, frozenset[str]]) -> list[str]:
    """
    Find parts that import each other in a circle.

    Returns:
        The circle, its first part again at the end; empty if there is none.
    """
    finished: set[str] = set()

    def visit(part: str, trail: list[str]) -> list[str]:
        if part in trail:
            return [*trail[trail.index(part) :], part]
        if part in finished:
            return []
        found = (visit(target, [*trail, part]) for target in sorted(graph.get(part, ())))
        circle = next(filter(None, found), [])
        finished.add(part)
        return circle

    return next(filter(None, (visit(part, []) for part in sorted(graph))), [])


def test_the_source_files_are_found() -> None:
    """
    Every other test here would pass over an empty folder.
    """
    assert {"provenance.errors", "provenance.manifest.status"} <= KNOWN


def test_no_part_is_placed_twice() -> None:
    """
    The layer table is data that people edit.
    """
    placed = [part for layer in LAYERS for part in layer]

    assert len(set(placed)) == len(placed)
    assert set(NARROWER) | set(ONLY_IMPORTER.values()) <= set(placed)


@EACH_MODULE
def test_a_module_has_a_place_in_the_layers(module: Module) -> None:
    """
    A new module must be placed before it may import anything or be imported.
    """
    assert layer_of(module.part) >= 0, f"place {module.part!r} in LAYERS"


@EACH_MODULE
def test_imports_only_point_down(module: Module) -> None:
    """
    What judges must not know who asks, or the same question gets two answers.
    """
    upwards = {part for part in imported_parts(module) if layer_of(part) > layer_of(module.part)}

    assert upwards == set()


@EACH_MODULE
def test_an_imported_part_has_a_place_in_the_layers(module: Module) -> None:
    """
    A misspelt or unplaced part would otherwise count as the lowest.
    """
    unplaced = {part for part in imported_parts(module) if layer_of(part) < 0}

    assert unplaced == set()


@EACH_MODULE
def test_a_narrowed_part_imports_no_more_than_it_may(module: Module) -> None:
    """
    A signer that shared code with the verifier would share its mistakes too.
    """
    if module.part not in NARROWER:
        return

    assert imported_parts(module) - NARROWER[module.part] == set()


def test_parts_beside_each_other_form_no_circle() -> None:
    """
    Within a layer imports are allowed, as long as there is still an order to read them in.
    """
    parts = {module.part for module in MODULES}
    graph = {
        part: frozenset().union(*(imported_parts(module) for module in MODULES if module.part == part))
        for part in parts
    }

    assert find_cycle(graph) == []


def test_a_circle_is_found() -> None:
    """
    The search itself, on a graph that holds one.
    """
    graph = {"a": frozenset({"b"}), "b": frozenset({"c", "d"}), "c": frozenset[str](), "d": frozenset({"b"})}

    circle = find_cycle(graph)

    assert circle == ["b", "d", "b"]
    assert all(target in graph[part] for part, target in pairwise(circle))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import provenance.validation.engine", {"provenance.validation.engine"}),
        ("from provenance.validation.engine import Engine", {"provenance.validation.engine"}),
        ("from provenance.validation import engine", {"provenance.validation.engine"}),
        ("from provenance import verify", {"provenance"}),
        ("from .validation import engine", {"provenance.validation.engine"}),
        ("from .validation.engine import Engine", {"provenance.validation.engine"}),
        (
            "def read():\n    from provenance.validation.engine import Engine",
            {"provenance.validation.engine"},
        ),
        ("if TYPE_CHECKING:\n    import provenance.validation.engine\nelse:\n    import json", {"json"}),
    ],
)
def test_every_spelling_of_an_import_is_read(code: str, expected: set[str]) -> None:
    """
    A spelling that was overlooked would be a way around the layers.
    """
    module = Module("provenance", ROOT / "provenance" / "__init__.py")

    assert set(imported_names(module, ast.parse(code))) == expected


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
def test_only_the_engine_module_imports_the_engine(module: Module) -> None:
    """
    Its JSON, its errors and the order it must be loaded in are dealt with in one place.
    """
    outside = {name.split(".")[0] for name in imported_names(module, module.tree)}

    assert {name for name in outside if ONLY_IMPORTER.get(name, module.part) != module.part} == set()


@EACH_MODULE
def test_only_the_authority_signs(module: Module) -> None:
    """
    A library that judges signatures has no use for a private key.
    """
    if module.part == "authority":
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


FACES = [
    module
    for module in MODULES
    if module.name != "provenance.lazy_names" and "lazy_names(" in module.path.read_text("utf-8")
]


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.name)
def test_a_face_offers_what_type_checkers_see(face: Module) -> None:
    """
    Its names stand three times: for type checkers, for `import *`, and for the interpreter.
    """
    package = importlib.import_module(face.name)
    seen = {
        alias.asname or alias.name
        for node in ast.walk(face.tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for statement in node.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }

    assert seen == set(package.__all__) == set(dir(package))
    assert [name for name in package.__all__ if not hasattr(package, name)] == []
    assert len(set(package.__all__)) == len(package.__all__)


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.name)
def test_a_face_offers_no_name_of_a_module(face: Module) -> None:
    """
    Such a name would mean the module as soon as anybody imports that.
    """
    modules = {
        module.name.removeprefix(f"{face.name}.")
        for module in MODULES
        if module.name.startswith(f"{face.name}.")
    }

    assert modules & set(importlib.import_module(face.name).__all__) == set()


def test_there_are_faces() -> None:
    """
    Or the tests above would pass over nothing.
    """
    assert {"provenance", "provenance.policy", "provenance.audit"} <= {face.name for face in FACES}
