"""
What shows a report in a browser, for the service's page and the audit's: scripts, a style, symbols and words.

The scripts are ES modules that the service serves as they are, and that the audit's page joins into one. Both
get the words from a module that is written here, `words.js`.
"""

from __future__ import annotations

import json
from pathlib import Path

from provenance.verification.words import Surface, read_words

WORDS_SCRIPT = "words.js"
STYLE = "report.css"


def read_scripts(surface: Surface) -> dict[str, str]:
    """
    Read the modules by their file names, the words of a surface among them.
    """
    files = sorted(Path(__file__).parent.glob("*.js"))
    return {**{file.name: file.read_text("utf-8") for file in files}, WORDS_SCRIPT: _words(surface)}


def read_style() -> str:
    """
    Read the style of what the modules draw; the page defines its colours.
    """
    return (Path(__file__).parent / STYLE).read_text("utf-8")


def read_symbols() -> str:
    """
    Read the element that holds the symbols, to stand in the page's body.
    """
    return (Path(__file__).parent / "symbols.svg").read_text("utf-8")


def _words(surface: Surface) -> str:
    """
    Write the words as a module; JSON is also JavaScript.

    Source:
        ECMA-262, 2019 edition on: "JSON superset".
    """
    words = json.dumps(read_words(surface)._asdict(), indent=1)
    return f"/** The words of the catalogue, as this page says them. */\nexport const WORDS = {words};\n"
