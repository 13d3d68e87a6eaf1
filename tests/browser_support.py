"""
A real browser for tests of pages: Debian's Chromium, driven through Playwright by `tests/browser/driver.mjs`.

What is missing is installed where that is allowed: Node packages beside the driver, from their lock file, and
programs of the system only by root. Otherwise the test is skipped, and the reason names what is missing.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest

from tests import apt_support

FOLDER = Path(__file__).parent / "browser"
NODE_MAJOR = 20

_LOCK = FOLDER / "package-lock.json"
_STAMP = FOLDER / "node_modules" / ".installed"
_DEBIAN_PACKAGES = {"chromium": "chromium", "node": "nodejs", "npm": "npm"}
_NAMES = {"chromium": ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")}


class PageError(AssertionError):
    """
    The page did not let itself be used as the test asked.
    """


@dataclass(frozen=True, slots=True)
class Seen:
    """
    What a page did since it was opened, beside what it shows.

    Attributes:
        requests: Addresses asked for, the page's own first; `data:` is not counted.

        messages: What reached the console, each as "type: text".

        errors: Exceptions that nobody caught.

        dialogs: Texts of dialogs such as `alert` opens.

        violations: What its Content Security Policy stopped.
    """

    requests: list[str]
    messages: list[str]
    errors: list[str]
    dialogs: list[str]
    violations: list[str]


class Page:
    """
    One page in a browser of its own kind: nothing is shared with other pages.
    """

    def __init__(self, browser: Browser, number: int) -> None:
        self._browser = browser
        self._number = number

    def goto(self, address: str) -> int | None:
        """
        Load an address, until its load event; gives the HTTP status, or None where there is none.
        """
        status: int | None = self._ask("goto", address)
        return status

    def press(self, *keys: str) -> None:
        """
        Press keys one after the other, named as Playwright does: "Tab", "Shift+Tab", "a".
        """
        for key in keys:
            self._ask("press", key)

    def type(self, text: str) -> None:
        """
        Type text wherever the focus is.
        """
        self._ask("type", text)

    def click(self, selector: str) -> None:
        """
        Click the one element that a CSS selector finds.
        """
        self._ask("click", selector)

    def fill(self, selector: str, text: str) -> None:
        """
        Put text into a field.
        """
        self._ask("fill", selector, text)

    def choose(self, selector: str, value: str) -> None:
        """
        Choose an option of a select element.
        """
        self._ask("choose", selector, value)

    def upload(self, selector: str, *paths: Path) -> None:
        """
        Choose files in a file field.
        """
        self._ask("upload", selector, [str(path) for path in paths])

    def press_and_upload(self, key: str, *paths: Path) -> None:
        """
        Press a key that opens the dialog for choosing files, and choose some.
        """
        self._ask("pressAndUpload", key, [str(path) for path in paths])

    def download(self, selector: str) -> tuple[str, str]:
        """
        Click what starts a download; gives the name and the text of the file.
        """
        name, text = self._ask("download", selector)
        return name, text

    def wait(self, expression: str) -> None:
        """
        Wait until a JavaScript expression is true.
        """
        self._ask("wait", expression)

    def evaluate(self, expression: str) -> Any:  # noqa: ANN401 - whatever the expression gives, as JSON
        """
        Evaluate a JavaScript expression in the page.
        """
        return self._ask("evaluate", expression)

    def texts(self, selector: str) -> list[str]:
        """
        Read the text of all elements that a CSS selector finds.
        """
        found: list[str] = self.evaluate(
            f"[...document.querySelectorAll({json.dumps(selector)})].map((e) => e.textContent)"
        )
        return found

    def text(self, selector: str) -> str:
        """
        Read the text of the only element that a CSS selector finds.
        """
        (found,) = self.texts(selector)
        return found

    def screenshot(self, path: Path) -> bytes:
        """
        Write a picture of the window as PNG, and return it.
        """
        self._ask("screenshot", str(path))
        return path.read_bytes()

    def pdf(self, path: Path) -> bytes:
        """
        Print it as PDF; it is written, and given back.
        """
        self._ask("pdf", str(path))
        return path.read_bytes()

    def accessibility(self) -> list[list[str]]:
        """
        Check accessibility with axe; gives what is wrong as [rule, impact, where].
        """
        wrong: list[list[str]] = self._ask("accessibility")
        return wrong

    @property
    def seen(self) -> Seen:
        """
        What it did so far.
        """
        return Seen(**self._ask("seen"))

    def close(self) -> None:
        """
        Close it.
        """
        self._ask("close")

    def _ask(self, method: str, *arguments: object) -> Any:  # noqa: ANN401 - the driver's JSON
        return self._browser.ask(method, self._number, *arguments)


class Browser:
    """
    Chromium, running as long as this is entered.
    """

    def __init__(self, node: str, chromium: str) -> None:
        self._process = subprocess.Popen(
            [node, "driver.mjs", chromium],
            cwd=FOLDER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )

    @contextlib.contextmanager
    def page(self, *, width: int = 1280, height: int = 800, dark: bool = False) -> Iterator[Page]:
        """
        Open an empty page, in a context of its own.

        Args:
            width: Of the window, in CSS pixels.

            height: Likewise.

            dark: Whether its reader prefers dark pages.
        """
        options = {
            "viewport": {"width": width, "height": height},
            "colorScheme": "dark" if dark else "light",
            "reducedMotion": "reduce",
            "locale": "en-GB",
            "timezoneId": "Asia/Kolkata",
        }
        page = Page(self, self.ask("open", None, options))
        try:
            yield page
        finally:
            page.close()

    def ask(self, method: str, page: int | None, *arguments: object) -> Any:  # noqa: ANN401 - the driver's JSON
        """
        Ask the driver to do something.

        Raises:
            PageError: If it could not.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps([method, page, *arguments]) + "\n")
        stdin.flush()
        line = stdout.readline()
        if not line:
            raise PageError(f"the browser ended with exit code {self._process.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            raise PageError(f"{method}: {answer['error']}")
        return answer["result"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


def launch() -> Browser:
    """
    Start the browser, after installing what is missing; skips the test where that cannot be done.
    """
    with _alone():
        programs = {name: _program(name) for name in _DEBIAN_PACKAGES}
        _require_node(programs["node"])
        _install_packages(programs["npm"])
    return Browser(programs["node"], programs["chromium"])


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """
    Wait until no other process looks for what is missing, or installs it: tests run in several at once.
    """
    with _LOCK.open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _program(name: str) -> str:
    found = _find(name)
    if found is None:
        apt_support.install(_DEBIAN_PACKAGES[name])
        found = _find(name)
    if found is None:
        pytest.skip(f"{name} is not installed (Debian: apt-get install {_DEBIAN_PACKAGES[name]})")
    return found


def _find(name: str) -> str | None:
    return next(filter(None, map(shutil.which, _NAMES.get(name, (name,)))), None)


def _require_node(node: str) -> None:
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(re.sub(r"^v(\d+)\..*", r"\1", version)) < NODE_MAJOR:
        pytest.skip(f"Node {NODE_MAJOR} or newer is not installed, only {version}")


def _install_packages(npm: str) -> None:
    """
    Install the packages of the lock file, unless that was done.
    """
    wanted = hashlib.sha256(_LOCK.read_bytes()).hexdigest()
    if _STAMP.is_file() and _STAMP.read_text("ascii") == wanted:
        return
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"npm could not install playwright-core and axe-core: {done.stderr.strip()[-500:]}")
    _STAMP.write_text(wanted, "ascii")
