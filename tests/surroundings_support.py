"""
A folder full of files that want to be run or read, and what tells that one was.
"""

from __future__ import annotations

import ctypes
import importlib.metadata
import os
import shutil
import struct
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parents[1]

OPTIONAL = frozenset(
    {
        "azure",
        "brotli",
        "brotlicffi",
        "chardet",
        "conftest",
        "defusedxml",
        "dotenv",
        "env",
        "fsspec",
        "gevent",
    }
    | {
        "greenlet",
        "h2",
        "olefile",
        "orjson",
        "pandas",
        "psycopg2",
        "psycopg_c",
        "simplejson",
        "sitecustomize",
    }
    | {"socks", "socksio", "ujson", "usercustomize", "watchfiles", "websockets", "winloop", "zstandard"}
)
"""
Modules that something here asks for, or may ask for, though they are not installed.
"""

LIBRARIES = (
    "libc.so.6",
    "libc2pa_c.so",
    "libc2pa_c.dylib",
    "libpq.so",
    "libpq.so.5",
    "libraqm.so.0",
    "libz.so.1",
)
PROGRAMS = ("az", "bash", "cc", "env", "gcc", "ld", "ldconfig", "node", "provenance", "python", "sh", "uname")
SETTINGS = (
    *(".coveragerc", ".env", ".netrc", ".npmrc", ".pg_service.conf", ".pgpass", "_netrc", "alembic.ini"),
    *("c2pa.json", "c2pa.toml", "fonts.conf", "logging.conf", "mime.types", "openssl.cnf", "pg_service.conf"),
    *(
        "pip.conf",
        "provenance.toml",
        "pyproject.toml",
        "python._pth",
        "pyvenv.cfg",
        "service.toml",
        "setup.cfg",
    ),
    *("microsoft.toml", "azure-openai.toml", "azure-image-provenance/trust/theirs.toml"),
)

_MODULE = """
with open({mark!r}, "a", encoding="utf-8") as mark:
    mark.write(__file__ + "\\n")
"""
_LIBRARY = """
#include <stdio.h>

__attribute__((constructor)) static void run(void)
{{
    FILE *mark = fopen("{mark}", "a");
    if (mark) {{
        fputs("a library\\n", mark);
        fclose(mark);
    }}
}}
"""
_PROGRAM = """#!/bin/sh
echo "$0" >> '{mark}'
"""


def module_names() -> frozenset[str]:
    """
    Name the modules at the top of everything that can be imported here, and of what is only tried.
    """
    made_by_the_build = (path.stem for path in Path(sysconfig.get_path("stdlib")).glob("_sysconfigdata*.py"))
    installed = importlib.metadata.packages_distributions()
    return frozenset(sys.stdlib_module_names) | frozenset(installed) | frozenset(made_by_the_build) | OPTIONAL


class Surroundings:
    """
    Such a folder.

    Attributes:
        folder: Where the files lie.
    """

    def __init__(self, folder: Path) -> None:
        """
        Write them.

        Args:
            folder: Where; it is made. What is run leaves a mark beside it.
        """
        self.folder = folder
        self._mark = folder.with_name(f"{folder.name}.mark")
        folder.mkdir()
        for name in module_names():
            self._write(f"{name}.py", _MODULE)
        for name in PROGRAMS:
            self._write(name, _PROGRAM).chmod(0o755)
        for name in SETTINGS:
            self._write(name, "# {mark}\n")
        # A program that comes from standard input is "<stdin>"; a module of the library may lie in a folder.
        for name in ("<stdin>", "cli/__init__.py", "migrations/env.py", "versions/__init__.py"):
            self._write(name, _MODULE)
        self._write("theirs.pth", "import theirs\n")
        self._write("theirs.py", _MODULE)
        self._write("theirs-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: theirs\nVersion: 1\n")
        groups = (
            "opentelemetry_context",
            "opentelemetry_resource_detector",
            "sqlalchemy.dialects",
            "pytest11",
        )
        self._write(
            "theirs-1.dist-info/entry_points.txt", "".join(f"[{group}]\nx = theirs\n" for group in groups)
        )
        self._write_libraries()

    @property
    def marks(self) -> list[str]:
        """
        What was run so far.
        """
        return self._mark.read_text("utf-8").splitlines() if self._mark.exists() else []

    def forget(self) -> None:
        """
        Forget what was run.
        """
        self._mark.unlink(missing_ok=True)

    def _write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            text.replace("{mark!r}", repr(str(self._mark))).replace("{mark}", str(self._mark)), "utf-8"
        )
        return path

    def _write_libraries(self) -> None:
        for place in (self.folder, self.folder / "libs", self.folder / "artifacts"):
            place.mkdir(exist_ok=True)
            for name in LIBRARIES:
                (place / name).write_bytes(b"no library")
        compiler = shutil.which("gcc")
        if compiler is None:
            return
        source = self.folder / "source.c"
        source.write_text(_LIBRARY.format(mark=self._mark), "utf-8")
        made = self.folder / "made.so"
        subprocess.run([compiler, "-shared", "-fPIC", "-o", made, source], check=True)
        for place in (self.folder, self.folder / "libs", self.folder / "artifacts"):
            for name in LIBRARIES:
                shutil.copy(made, place / name)


class Watch:
    """
    Notices whatever opens a folder, or a file in it; nothing at all elsewhere than on Linux.

    Source:
        Linux, inotify(7).
    """

    _OPEN = 0x20
    _EVENT = struct.Struct("iIII")

    def __init__(self, folder: Path) -> None:
        """
        Begin.
        """
        self._handle = -1
        if sys.platform != "linux":
            return
        libc = ctypes.CDLL(None, use_errno=True)
        self._handle = libc.inotify_init1(os.O_NONBLOCK)
        for watched in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
            assert libc.inotify_add_watch(self._handle, os.fsencode(watched), self._OPEN) >= 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._handle >= 0:
            os.close(self._handle)

    def opened(self) -> set[str]:
        """
        Name what was opened since the last call; "" for a folder itself.
        """
        names: set[str] = set()
        while self._handle >= 0:
            try:
                data = os.read(self._handle, 1 << 16)
            except BlockingIOError:
                break
            while data:
                length = self._EVENT.unpack_from(data)[3]
                end = self._EVENT.size + length
                names.add(os.fsdecode(data[self._EVENT.size : end].rstrip(b"\0")))
                data = data[end:]
        return names
