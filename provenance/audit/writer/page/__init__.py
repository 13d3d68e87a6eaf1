"""
The parts of the audit's HTML page, joined into texts that need no network: page, style and one script.

The scripts are ES modules, these and what the service's page shows reports with. They are joined by rules
that know a few ways to import and to export, and refuse all others: a bundler would be more than is needed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path, PurePosixPath

from provenance.verification import browser
from provenance.verification.words import Surface

_FOLDER = Path(__file__).parent
_FIRST = "page.js"
_STYLES = ("base", "overview", "list", "details", "narrow", "print")  # later ones outdo earlier ones
_SHARED = "shared"
_IMPORT = re.compile(r"^import \{([\w\s,]+)\} from '([\w./-]+)';\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async function|function|class|const) \w)", re.MULTILINE)
_DECLARATION = re.compile(r"^(?:export )?(?:async function|function|class|const|let) (\w+)", re.MULTILINE)
_LEFT = re.compile(r"^\s*(?:import|export)\b|\bimport\s*\(|\bimport\.meta\b|^await\b", re.MULTILINE)


class ScriptError(Exception):
    """
    The scripts cannot be joined: a mistake in the program.
    """


def read_template() -> str:
    """
    Read the page, with places for the rest.
    """
    return (_FOLDER / "report.html").read_text("utf-8")


def read_style() -> str:
    """
    Read the style of the page and of what is drawn in it.
    """
    own = ((_FOLDER / f"{name}.css").read_text("utf-8") for name in _STYLES)
    return "\n".join((browser.read_style(), *own))


@cache
def read_script() -> str:
    """
    Read the script of the page, all modules in one.
    """
    own = {file.name: file.read_text("utf-8") for file in sorted(_FOLDER.glob("*.js"))}
    shared = {f"{_SHARED}/{name}": text for name, text in browser.read_scripts(Surface.REPORT).items()}
    return join_modules(own | shared, _FIRST)


def join_modules(modules: Mapping[str, str], first: str) -> str:
    """
    Join ES modules into one script, each after those that it imports from.

    Args:
        modules: Texts by path.

        first: Path of the module that is asked for.

    Returns:
        A script in a scope of its own, in strict mode.

    Raises:
        ScriptError: If a module is missing or not needed, imports or exports in another way than by name, or
            declares at its outermost level what another one declares; or if imports form a circle.
    """
    texts: dict[str, str] = {}
    declared: dict[str, str] = {}
    _add(first, modules, texts, declared, ())
    if unused := modules.keys() - texts.keys():
        raise ScriptError(f"no module imports from {', '.join(sorted(unused))}")
    return "'use strict';\n\n(() => {\n" + "\n".join(texts.values()) + "})();\n"


def _add(
    path: str,
    modules: Mapping[str, str],
    texts: dict[str, str],
    declared: dict[str, str],
    above: tuple[str, ...],
) -> None:
    if path in texts:
        return
    if path in above:
        raise ScriptError(f"modules import from each other: {' -> '.join((*above, path))}")
    if path not in modules:
        raise ScriptError(f"there is no module {path}, which {above[-1]} imports from")
    text = modules[path]
    for found in _IMPORT.finditer(text):
        source = (PurePosixPath(path).parent / found[2]).as_posix()
        _add(source, modules, texts, declared, (*above, path))
        missing = set(re.findall(r"\w+", found[1])) - _exported(modules[source])
        if missing:
            raise ScriptError(f"{source} does not export {', '.join(sorted(missing))}, which {path} imports")
    for name in _DECLARATION.findall(text):
        if name in declared:
            raise ScriptError(f"{path} and {declared[name]} both declare {name}")
        declared[name] = path
    joined = _EXPORT.sub("", _IMPORT.sub("", text))
    if left := _LEFT.search(joined):
        raise ScriptError(f"{path} has a way to import or export that is not known here: {left[0].strip()!r}")
    texts[path] = joined.strip() + "\n"


def _exported(text: str) -> set[str]:
    return {
        name for found in _EXPORT.finditer(text) for name in _DECLARATION.findall(text[found.start() :])[:1]
    }
