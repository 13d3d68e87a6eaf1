"""
Names of a package, imported when they are first asked for: a short command spends most of its time importing.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping


def lazy_names(
    package: str, homes: Mapping[str, tuple[str, ...]]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """
    Make the `__getattr__` and the `__dir__` of a package that offers names of its modules.

    Args:
        package: Its `__name__`.

        homes: The names that each of its modules gives it, by the module's name below the package.

    Returns:
        Both functions. A name is imported once, and is an attribute of the package from then on.

    Source:
        PEP 562.
    """
    home_of = {name: module for module, names in homes.items() for name in names}

    def load(name: str) -> object:
        if name not in home_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value: object = getattr(importlib.import_module(f"{package}.{home_of[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    return load, lambda: sorted(home_of)
