"""
The service's web page in a real browser, for the modules that test it.

Every page that a browser loads here is also watched: no request but to the service itself, nothing on the
console but what a test expects, no dialog, no exception, no violation of its Content Security Policy.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from provenance.service import page as served
from provenance.verification.report import to_dict
from tests.browser_support import Browser, Page
from tests.project.test_samples import DEFAULT, judged
from tests.service.support import Process

SAMPLES = Path(__file__).resolve().parents[3] / "sample_images"
FILES = Path(served.__file__).parent
ACCEPTED = SAMPLES / "trusted" / "imagegen-v2.png"
LINEAGE = SAMPLES / "trusted" / "designer-v1.png"
ABSENT = SAMPLES / "absent" / "plain.png"
CHANGED = SAMPLES / "invalid" / "changed-pixels-v1.png"
UNTRUSTED = SAMPLES / "valid" / "impostor-v1.png"
NO_IMAGE = SAMPLES / "index.toml"

SHOWN = ".card[data-phase=accepted], .card[data-phase=rejected], .card[data-phase=refused]"
FAILED = re.compile(r"error: Failed to load resource: (?:the server responded with a status of )?(\S+).*")
"""
What Chromium itself says where an answer is an error, or none comes; no page can keep it from that.
"""

OUTCOMES = {
    "accepted": (
        ACCEPTED,
        "Accepted under azure-openai",
        "trusted: these are the bytes that a trusted signer signed",
    ),
    "rejected": (LINEAGE, "Rejected under azure-openai", "trusted, but not what the policy demands"),
    "absent": (ABSENT, "Rejected under azure-openai", "absent: no Content Credentials"),
    "invalid": (CHANGED, "Rejected under azure-openai", "invalid: changed after signing"),
    "untrusted": (
        UNTRUSTED,
        "Rejected under azure-openai",
        "valid, but nobody who is trusted vouches for the signer",
    ),
    "error": (NO_IMAGE, "Not judged", "This is no image of a kind that is judged here"),
}
EACH_OUTCOME = pytest.mark.parametrize("outcome", OUTCOMES)

Open = Callable[..., AbstractContextManager[Page]]


class Running(NamedTuple):
    """
    A service that runs.

    Attributes:
        address: Where, with a slash at the end.

        settings: The file with its settings.
    """

    address: str
    settings: Path

    def make_key(self, *scopes: str) -> str:
        """
        Make an API key as its operators do.
        """
        options = [option for scope in scopes for option in ("--scope", scope)]
        command = ["keys", "create", "--name", "page", *options, "--config", str(self.settings)]
        done = subprocess.run(
            [sys.executable, "-m", "provenance.cli", *command], capture_output=True, text=True, check=True
        )
        return done.stdout.split()[0]


@contextmanager
def serving(folder: Path, *options: str, **settings: object) -> Iterator[Running]:
    """
    Run the command that serves until the end of a block, and tell when it answers.

    Args:
        folder: For its settings, its store and its log.

        options: Of the command.

        settings: What its settings file holds, besides whom the samples need trusted.
    """
    with Process(folder, *options, **settings) as process:
        yield Running(f"{process.address}/", folder / "service.toml")
        process.end()


def opening(browser: Browser) -> Open:
    """
    Make what opens the page of a service; when a test is done with it, nothing may have happened behind it.
    """

    @contextmanager
    def open_(
        address: str, *, width: int = 1280, dark: bool = False, failures: tuple[str, ...] = ()
    ) -> Iterator[Page]:
        with browser.page(width=width, dark=dark) as page:
            assert page.goto(address) == 200
            page.wait("document.querySelector('#policy').options.length > 1")
            yield page
            seen = page.seen
        expected = (address, f"blob:{address}")
        assert [request for request in seen.requests if not request.startswith(expected)] == []
        assert tuple(FAILED.sub(r"\1", message) for message in seen.messages) == failures
        assert (seen.errors, seen.dialogs, seen.violations) == ([], [], [])

    return open_


def judge(page: Page, *paths: Path) -> None:
    """
    Choose files, and wait until something has come of each.
    """
    before = len(page.texts(".card"))
    page.upload("#files", *paths)
    page.wait(f"document.querySelectorAll('{SHOWN}').length == {before + len(paths)}")


def unfold(page: Page) -> None:
    """
    Unfold everything that is folded.
    """
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")


def has_focus(page: Page, selector: str) -> bool:
    """
    Return whether an element has the focus.
    """
    found: bool = page.evaluate(f"document.activeElement.matches({json.dumps(selector)})")
    return found


def raw_report(page: Page) -> dict[str, Any]:
    """
    Read the report that the page shows.
    """
    report: dict[str, Any] = json.loads(page.text(".card pre"))
    return report


def give(page: Page, kind: str, content: bytes, name: str = "picture.png") -> None:
    """
    Drop a file onto the page or paste it, as a browser does.
    """
    arguments = json.dumps([kind, base64.b64encode(content).decode(), name])
    page.evaluate(
        """(([kind, content, name]) => {
          const bytes = Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
          const data = new DataTransfer();
          data.items.add(new File([bytes], name));
          const options = { bubbles: true, cancelable: true };
          document.body.dispatchEvent(
            kind === 'drop'
              ? new DragEvent('drop', { ...options, dataTransfer: data })
              : new ClipboardEvent('paste', { ...options, clipboardData: data }),
          );
        })"""
        f"({arguments})"
    )


class StandIn:
    """
    A service that answers what a test tells it to: for what the real one does not do on demand.
    """

    def __init__(self) -> None:
        self.answers: list[Response] = []
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.may_answer = threading.Event()
        self.may_answer.set()
        routes = [
            *served.routes(),
            Route("/v1/policies", self._policies),
            Route("/v1/verify", self._verify, methods=["POST"]),
        ]
        listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        self._server = uvicorn.Server(
            uvicorn.Config(Starlette(routes=routes), log_config=None, lifespan="off")
        )
        self._thread = threading.Thread(target=self._server.run, args=([listener],))
        self._thread.start()

    def close(self) -> None:
        """
        End it.
        """
        self.may_answer.set()
        self._server.should_exit = True
        self._thread.join()

    def _policies(self, _request: Request) -> Response:
        policies = [{"name": name, "version": 1, "summary": name} for name in ("azure-openai", "other")]
        return JSONResponse(
            {
                "default": "azure-openai",
                "policies": policies,
                "trust": {"name": "sample"},
                "limits": {"max_bytes": 1 << 20},
                "key_needed": False,
            }
        )

    async def _verify(self, request: Request) -> Response:
        self.requests.append((request.url.query, dict(request.headers), await request.body()))
        await asyncio.to_thread(self.may_answer.wait)
        return self.answers.pop(0)


def sample_report(path: Path = ACCEPTED) -> dict[str, Any]:
    """
    Make the report on a sample, to be changed.
    """
    result = judged(path.relative_to(SAMPLES).as_posix(), DEFAULT)
    return to_dict(result, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
