"""
The service's web page: how it is served, and what its files hold.
"""

from __future__ import annotations

import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath

import httpx
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from provenance.asset import scan
from provenance.service import page as served
from provenance.verification import browser
from provenance.verification.words import Surface, read_words
from tests.service.page.support import FILES, Running

SHARED = Path(browser.__file__).parent
PATHS = {
    "/": FILES / "index.html",
    **{f"/{file.name}": file for file in FILES.iterdir() if file.suffix in {".css", ".js", ".svg"}},
    **{f"/shared/{file.name}": file for file in SHARED.iterdir() if file.suffix in {".css", ".js"}},
}
"""
Files of the page by where they are served. The words have no file: they are written.
"""

WORDS = "/shared/words.js"


def source(path: str) -> str:
    """
    Read what has to be served at a path.
    """
    return (
        PATHS[path]
        .read_text("utf-8")
        .replace("<!-- symbols -->\n", (SHARED / "symbols.svg").read_text("utf-8"))
    )


@pytest.fixture(scope="module")
def client() -> TestClient:
    """
    Ask for the page without a service behind it.
    """
    return TestClient(Starlette(routes=list(served.routes())))


EACH_PART = pytest.mark.parametrize("part", served.page_files(), ids=lambda part: part.path)


@EACH_PART
def test_a_file_is_served_as_what_it_is(part: served.PageFile, client: TestClient) -> None:
    """
    With `nosniff`, a script or a style sheet of another media type is not used.
    """
    expected = {
        "/": "text/html; charset=utf-8",
        ".css": "text/css; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".svg": "image/svg+xml",
    }

    answer = client.get(part.path)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == expected[Path(part.path).suffix or "/"]
    assert answer.text == (source(part.path) if part.path != WORDS else part.content.decode())
    assert {name: answer.headers[name] for name in served.HEADERS} == served.HEADERS


def test_every_file_is_served() -> None:
    """
    Those of the page, those that it shares with the audit's page, and the words.
    """
    assert sorted(part.path for part in served.page_files()) == sorted([*PATHS, WORDS])


def test_the_words_are_served_as_a_module(client: TestClient) -> None:
    """
    Those of this surface, and nothing but data.
    """
    found = re.fullmatch(r"/\*\*.*\*/\nexport const WORDS = (\{.*\});\n", client.get(WORDS).text, re.DOTALL)

    assert found is not None
    assert json.loads(found[1]) == read_words(Surface.PAGE)._asdict()


def test_the_page_offers_to_choose_whatever_is_read() -> None:
    """
    An image of a new kind is not greyed out where people choose one.
    """
    found = re.search(r'accept="([^"]+)"', source("/"))

    assert found is not None
    assert sorted(found[1].split(",")) == sorted(scan._WALKERS)


@EACH_PART
def test_a_file_that_the_browser_has_is_not_sent_again(part: served.PageFile, client: TestClient) -> None:
    """
    The tag is strong and of these bytes; what a page may do is said again, as browsers take it from there.
    """
    tag = client.get(part.path).headers["etag"]
    known = [tag, f"W/{tag}", f'"other", {tag}', "*"]

    answers = [client.get(part.path, headers={"If-None-Match": tags}) for tags in known]

    assert tag == f'"{hashlib.sha256(part.content).hexdigest()}"'
    assert [answer.status_code for answer in answers] == [304] * 4
    assert {answer.content for answer in answers} == {b""}
    assert {answer.headers["etag"] for answer in answers} == {tag}
    assert {answer.headers["content-security-policy"] for answer in answers} == {
        served.CONTENT_SECURITY_POLICY
    }


def test_a_file_that_has_changed_is_sent_again(client: TestClient) -> None:
    """
    A page and scripts of two releases would not fit each other.
    """
    answer = client.get("/page.js", headers={"If-None-Match": '"another"'})

    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")
    assert answer.content


def test_the_page_can_only_be_read(client: TestClient) -> None:
    """
    Nothing of the package but its files is there.
    """
    assert client.head("/").headers["content-length"] == str(len(source("/").encode()))
    assert client.head("/").content == b""
    assert client.post("/").status_code == 405
    assert client.get("/__init__.py").status_code == 404
    assert client.get("/index.html").status_code == 404


def test_the_policy_lets_nothing_in_from_elsewhere() -> None:
    """
    Nor any script or style that stands in the page, nor any text that is made into markup.
    """
    rules = dict(rule.split(" ", 1) for rule in served.CONTENT_SECURITY_POLICY.split("; "))

    assert rules == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' blob:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }


class References(HTMLParser):
    """
    What a page refers to, and what its Content Security Policy would not let it do.
    """

    def __init__(self, page: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.forbidden: list[str] = []
        self._in_script = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """
        Note what a tag refers to.
        """
        names = dict(attrs)
        self.addresses += [value for name in ("href", "src") if (value := names.get(name)) is not None]
        self.forbidden += [name for name in names if name == "style" or name.startswith("on")]
        self._in_script = tag in {"script", "style"}

    def handle_data(self, data: str) -> None:
        """
        Note a script or a style that stands in the page.
        """
        if self._in_script and data.strip():
            self.forbidden.append(data)


def test_everything_the_page_refers_to_is_served_beside_it() -> None:
    """
    By addresses without a slash, so that the service may stand below any path.
    """
    paths = {part.path[1:] for part in served.page_files()}
    page = References(source("/"))
    scripts = {part.path: part.content.decode() for part in served.page_files() if part.path.endswith(".js")}

    imported = {
        (PurePosixPath(path).parent / name).as_posix()
        for path, script in scripts.items()
        for name in re.findall(r"from '([^']+)'", script)
    }

    assert page.forbidden == []
    assert {address for address in page.addresses if not address.startswith("#")} <= paths
    assert set(scripts) == imported | {"/page.js"}


@EACH_PART
def test_no_script_makes_markup_or_code_from_text(part: served.PageFile) -> None:
    """
    The browser would refuse; an old one might not.
    """
    sinks = r"(?:inner|outer)HTML|insertAdjacentHTML|document\.write|\beval\b|Function\(|DOMParser|https?:"
    allowed = {"http://www.w3.org/2000/svg", "http://cv.iptc.org/newscodes/digitalsourcetype/"}
    script = part.content.decode()
    for text in allowed:
        script = script.replace(text, "")

    assert re.findall(sinks, script) == []


@pytest.mark.slow
def test_the_service_serves_the_page_without_a_key(locked: Running) -> None:
    """
    With the headers of the page, not with those of the API.
    """
    answer = httpx.get(locked.address)

    assert (answer.status_code, answer.content) == (200, source("/").encode())
    assert {name: answer.headers[name] for name in served.HEADERS} == served.HEADERS
