"""
How docstrings of functions begin: with the verb that says what the function does, read from syntax trees.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

AVOIDED = frozenset(
    {"Give", "Gives", "Have", "Has", "Say", "Says", "Take", "Takes", "Tell", "Tells"},
)
"""
Words that fit every function and describe none: Return, Check, Parse, Read, Write, Open ... say more.
"""


def find_sources() -> Iterator[str]:
    """
    Find the source files that are held to the rule, by their path from the top of the repository.
    """
    for folder in ("cli", "provenance"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix()


def avoided_beginnings(tree: ast.AST) -> Iterator[str]:
    """
    Find functions, nested and private ones included, whose docstring begins with a word to avoid.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first, *_ = [*(word.strip(".,:;") for word in (ast.get_docstring(node) or "").split()), ""]
            if first in AVOIDED:
                yield f"{node.name}, line {node.lineno}: {first}"


@pytest.mark.parametrize("source", list(find_sources()))
def test_a_docstring_begins_with_what_the_function_does(source: str) -> None:
    """
    "Return whether" instead of "Tell whether": a reader finds the kind of function in the first word.
    """
    tree = ast.parse((ROOT / source).read_text(encoding="utf-8"), filename=source)

    assert list(avoided_beginnings(tree)) == []


def test_a_word_to_avoid_is_found_wherever_a_function_stands() -> None:
    """
    In a class, in another function, in a private or an asynchronous one; a class may begin as it likes.
    """
    source = '''
class Box:
    """
    Take no notice of this.
    """

    def method(self):
        """
        Give it.
        """

async def _private():
    """
    Return whether it is.
    """

    def nested():
        """Tell."""

def bare():
    pass
'''

    assert list(avoided_beginnings(ast.parse(source))) == ["method, line 7: Give", "nested, line 17: Tell"]
