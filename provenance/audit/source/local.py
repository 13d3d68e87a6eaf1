"""
Files below the paths that a user names, in an order that does not depend on the file system.

Names are bytes: they are sorted, opened and remembered as bytes, and become text only to be shown. A link is
followed only where the user named it; what is left out is counted, and what cannot be looked at is an item of
its own, so that nothing is missing in silence.
"""

from __future__ import annotations

import os
import re
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from provenance.errors import UnreadableAssetError

EXCLUDED = "excluded"
HIDDEN = "hidden"
SPECIAL_FILE = "special file"
SYMBOLIC_LINK = "symbolic link"

_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_SLASH = ord("/")


class FoundFile(NamedTuple):
    """
    A file, or a place that could not be looked at.

    Attributes:
        name: The path as the user named it, joined with the way from there; may hold lone surrogates for
            bytes that are no UTF-8.

        path: The absolute path.

        size: Bytes.

        mtime_ns: Time of modification, in nanoseconds.

        ctime_ns: Time of the last change of the file or of what is known of it; nobody can set it back.

        named: Whether the user named the file itself.

        error: Why it could not be looked at, or None; then the numbers are 0.
    """

    name: str
    path: bytes
    size: int = 0
    mtime_ns: int = 0
    ctime_ns: int = 0
    named: bool = False
    error: UnreadableAssetError | None = None

    @property
    def stamp(self) -> tuple[int, int, int]:
        """
        Size and both times.
        """
        return self[2:5]


def list_files(
    paths: Iterable[str | os.PathLike[str]],
    *,
    include: Iterable[str] = (),
    exclude: Iterable[str] = (),
    hidden: bool = False,
    skipped: Counter[str] | None = None,
    own: Iterable[bytes] = (),
) -> Iterator[FoundFile]:
    """
    List every file below some paths, once.

    Below each path the order is that of the bytes of the full path. Memory holds the names in one folder on
    each level. What lies below an earlier path, and is reached from there, is not walked again.

    Args:
        paths: Files and folders, walked in this order. Only these are followed if they are symbolic links.

        include: Globs; if there are any, other files are left out. Matched against the path from the folder
            that was named, with slashes, where `**` stands for any number of folders; a glob without a slash
            is matched against the last part alone. A file that was named itself needs no match.

        exclude: Globs of files and folders to leave out, whatever includes them.

        hidden: Whether to look at names that begin with a dot.

        skipped: Where to count what is left out, by why, a folder as one; None to count nothing.

        own: Absolute paths, links resolved, to pass over without counting them, such as files that are just
            being written.

    Returns:
        Files, and items with an error for what could not be looked at; the walk goes on after those.

    Raises:
        ValueError: If a glob cannot be read.
    """
    name_filter = _Filter(include, exclude, hidden=hidden)
    return _FolderWalk(name_filter, Counter() if skipped is None else skipped).find(
        [*map(_root, paths)], set(own)
    )


class _Root(NamedTuple):
    name: str
    path: bytes
    status: os.stat_result | None = None
    error: UnreadableAssetError | None = None

    @property
    def is_folder(self) -> bool:
        return self.status is not None and stat.S_ISDIR(self.status.st_mode)


class _Level(NamedTuple):
    """
    A folder under three names, each of which ends in a slash, and what is left to do in it, last first.
    """

    path: bytes
    name: str
    relative: str
    names: list[bytes]


class _FolderWalk:
    """
    One walk over all paths.
    """

    def __init__(self, name_filter: _Filter, skipped: Counter[str]) -> None:
        self._filter = name_filter
        self._skipped = skipped
        self._ignored: set[bytes] = set()
        self._listed: set[bytes] = set()

    def find(self, roots: list[_Root], own: set[bytes]) -> Iterator[FoundFile]:
        walked: set[bytes] = set()
        self._ignored |= own
        for root in roots:
            if root.is_folder:
                self._ignored.update(_paths_below(root.path, own))
            else:  # what was named has a place of its own, whatever folder it lies in
                self._ignored.add(root.path)
        for root in roots:
            if root.path in walked or self._is_listed(root):
                continue
            walked.add(root.path)
            if root.status is None:
                yield FoundFile(root.name, root.path, error=root.error)
            elif root.is_folder:
                yield from self._list_folder(root)
                self._listed.add(root.path)
                self._ignored.add(root.path)
            else:
                status = root.status
                times = status.st_mtime_ns, status.st_ctime_ns
                yield FoundFile(root.name, root.path, status.st_size, *times, named=True)

    def _is_listed(self, root: _Root) -> bool:
        if not root.is_folder:
            return False
        parts = root.path.split(b"/")
        tops = (b"/".join(parts[:depth]) or b"/" for depth in range(1, len(parts)))
        return any(top in self._listed and self._was_entered(top, root.path) for top in tops)

    def _was_entered(self, top: bytes, path: bytes) -> bool:
        """
        Return whether a folder was entered on the way down from *top*.
        """
        prefix = _with_slash(top)
        relative = ""
        for part in os.fsdecode(path[len(prefix) :]).split("/"):
            relative = f"{relative}/{part}" if relative else part
            is_link = os.path.islink(prefix + os.fsencode(relative))  # noqa: PTH114 - bytes
            if is_link or self._filter.refusal(part, relative, is_folder=True) is not None:
                return False
        return True

    def _list_folder(self, root: _Root) -> Iterator[FoundFile]:
        # A stack of its own, because a hostile tree is deeper than Python's.
        stack: list[_Level] = []
        name = root.name if root.name.endswith("/") else f"{root.name}/"
        yield from self._enter(_Level(_with_slash(root.path), name, "", []), stack)
        while stack:
            level = stack[-1]
            yield from self._files(level)
            if not level.names:
                stack.pop()
                continue
            folder = level.names.pop()
            shown = os.fsdecode(folder)
            below = _Level(level.path + folder, level.name + shown, level.relative + shown, [])
            yield from self._enter(below, stack)

    def _files(self, level: _Level) -> Iterator[FoundFile]:
        """
        Yield the files that come before the next folder.
        """
        path, name, _, names = level
        lstat, decode, is_regular = os.lstat, os.fsdecode, stat.S_ISREG
        while names and names[-1][-1] != _SLASH:
            entry = names.pop()
            full, shown = path + entry, name + decode(entry)
            try:
                status = lstat(full)
            except OSError as error:
                yield FoundFile(shown, full, error=_unreadable(error))
                continue
            if is_regular(status.st_mode):
                yield FoundFile(shown, full, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
            else:
                yield FoundFile(shown, full, error=UnreadableAssetError("it was replaced by something else"))

    def _enter(self, level: _Level, stack: list[_Level]) -> Iterator[FoundFile]:
        """
        Read what is in a folder, and put it on the stack.
        """
        try:
            # A folder below the first must not have become a link since its name was read.
            flags = _FOLDER_FLAGS | os.O_NOFOLLOW if stack else _FOLDER_FLAGS
            descriptor = os.open(level.path[:-1] or b"/", flags)
            try:
                with os.scandir(descriptor) as entries:
                    for entry in entries:
                        self._add_entry(entry, level)
            finally:
                os.close(descriptor)
        except OSError as error:
            yield FoundFile(level.name[:-1] or "/", level.path[:-1] or b"/", error=_unreadable(error))
        # Folders have their slash, so this is the order of all paths below here.
        level.names.sort(reverse=True)
        stack.append(level)

    def _add_entry(self, entry: os.DirEntry[str], level: _Level) -> None:
        shown = entry.name
        name = os.fsencode(shown)
        if level.path + name in self._ignored:
            return
        reason, is_folder = None, False
        if shown[0] == "." and not self._filter.hidden:
            reason = HIDDEN
        elif entry.is_dir(follow_symlinks=False):
            is_folder = True
        elif not entry.is_file(follow_symlinks=False):
            reason = SYMBOLIC_LINK if entry.is_symlink() else SPECIAL_FILE
        if reason is None and self._filter.globs:
            reason = self._filter.refusal(shown, level.relative + shown, is_folder=is_folder)
        if reason is None:
            level.names.append(name + b"/" if is_folder else name)
        else:
            self._skipped[reason] += 1


class _Filter:
    """
    What to leave out because of its name.
    """

    def __init__(self, include: Iterable[str], exclude: Iterable[str], *, hidden: bool) -> None:
        self.hidden = hidden
        self._include = _compiled(include)
        self._exclude = _compiled(exclude)
        self.globs = self._include is not None or self._exclude is not None

    def refusal(self, name: str, relative: str, *, is_folder: bool) -> str | None:
        if name.startswith(".") and not self.hidden:
            return HIDDEN
        if self._exclude is not None and self._exclude.fullmatch(relative):
            return EXCLUDED
        if self._include is None or is_folder or self._include.fullmatch(relative):
            return None
        return EXCLUDED


def _root(path: str | os.PathLike[str]) -> _Root:
    given = os.fspath(path)
    absolute = given.encode("utf-8", "surrogatepass")
    try:
        absolute = _absolute(os.fsencode(given))
        return _Root(given, absolute, os.stat(given))  # noqa: PTH116 - Path would change what was given
    except (OSError, ValueError) as error:
        return _Root(given, absolute, error=_unreadable(error))


def _absolute(path: bytes) -> bytes:
    # What ".." means behind a link, only the file system knows.
    return os.path.realpath(path) if b".." in path.split(b"/") else os.path.abspath(path)  # noqa: PTH100 - bytes


def _paths_below(folder: bytes, own: set[bytes]) -> Iterator[bytes]:
    """
    Return the paths that files have below a folder that a link leads to.
    """
    real = _with_slash(os.path.realpath(folder))
    return (_with_slash(folder) + path[len(real) :] for path in own if path.startswith(real))


def _with_slash(path: bytes) -> bytes:
    return path if path.endswith(b"/") else path + b"/"


def _unreadable(error: OSError | ValueError) -> UnreadableAssetError:
    reason = error.strerror if isinstance(error, OSError) else None
    return UnreadableAssetError(reason or "no file can have this name")


def _compiled(globs: Iterable[str]) -> re.Pattern[str] | None:
    try:
        expressions = [_translated(glob) for glob in globs]
        return re.compile("|".join(expressions), re.DOTALL) if expressions else None
    except re.error as error:
        raise ValueError(f"a glob cannot be read: {error}") from error


def _translated(glob: str) -> str:
    """
    Write a glob as an expression that matches a whole path with slashes.
    """
    path = glob.removeprefix("./").rstrip("/")
    if not path:
        raise ValueError(f"the glob {glob!r} matches nothing")
    if "/" not in path:
        path = f"**/{path}"
    *folders, last = path.lstrip("/").split("/")
    *runs, ending = _split(folders, "**")
    skipped = [f"(?>(?:[^/]+/)*?{_folders(run)})" for run in runs[1:] if run]
    end = _folders(ending) + (".+" if last == "**" else _part(last))
    return "".join([*map(_folders, runs[:1]), *skipped, "(?:[^/]+/)*" if runs else "", end])


def _split(parts: Iterable[str], mark: str) -> list[list[str]]:
    runs: list[list[str]] = [[]]
    for part in parts:
        if part == mark:
            runs.append([])
        else:
            runs[-1].append(part)
    return runs


def _folders(parts: Iterable[str]) -> str:
    return "".join(_part(part) + "/" for part in parts)


def _part(glob: str) -> str:
    """
    Write one part of a glob, between slashes, as an expression.

    Whatever stands between two stars is taken where it comes first, and that is final: a name made for it
    would otherwise be gone through once more for each star.
    """
    pieces, position = [""], 0
    for token in re.finditer(r"\*+|\?|\[!?\]?[^\]]*\]", glob, re.DOTALL):
        pieces[-1] += re.escape(glob[position : token.start()])
        if token.group().startswith("*"):
            pieces.append("")
        else:
            pieces[-1] += _token(token.group())
        position = token.end()
    pieces[-1] += re.escape(glob[position:])
    if len(pieces) == 1:
        return pieces[0]
    first, *between, last = pieces
    return "".join([first, *(f"(?>[^/]*?{piece})" for piece in between if piece), "[^/]*", last])


def _token(token: str) -> str:
    if token == "?":  # noqa: S105 - no password
        return "[^/]"
    negated = token.startswith("[!")
    members = token[2 if negated else 1 : -1]
    for special in ("\\", "[", "]", "^", "&", "~", "|"):
        members = members.replace(special, "\\" + special)
    return f"(?!/)[{'^' if negated else ''}{members}]"
