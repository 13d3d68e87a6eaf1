"""
Proxies, certificates, headers and gateways: what lies between the client and the service.

Everything is run on this machine: proxies lead to a server here whatever host was asked for, and the
authorities behind its certificates are made for the test.
"""

from __future__ import annotations

import ipaddress
import logging
import pickle
import ssl
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID

from provenance.authority import CertificateOptions, Credential, make_name, plain_png
from provenance.cli import main
from provenance.generation import (
    AuthenticationError,
    AzureImageClient,
    GenerationError,
    MalformedAnswerError,
    ProxyError,
    ServiceUnavailableError,
    SettingError,
    TlsError,
)
from provenance.generation.request.address import Address, read_address
from provenance.generation.request.endpoint import load_endpoint
from provenance.generation.transport.effect import TransportError
from provenance.generation.transport.http import failure_of
from provenance.generation.transport.proxy import Proxies
from provenance.generation.transport.tls import load_tls
from tests.generation.support import (
    API_VERSION,
    KEY,
    QUICK,
    Call,
    Caller,
    ConnectProxy,
    ScriptedServer,
    b64_answer,
    http,
    http_json,
)

PICTURE = plain_png(16, 16, seed=3)
HOST = "name.openai.azure.example"
BLOBS = "blobs.example"
SECRET = "s3cret-of-the-gateway"  # noqa: S105 - looked for, in everything that is shown
PASSWORD = "pass-w0rd"  # noqa: S105 - likewise
ONCE = replace(QUICK, max_attempts=1)
DATES = {"not_before": datetime(2020, 1, 1, tzinfo=UTC), "not_after": datetime(2120, 1, 1, tzinfo=UTC)}


@pytest.fixture(params=["sync", "async"])
def caller(request: pytest.FixtureRequest) -> Caller:
    """
    Make calls on either client.
    """
    return Caller(request.param == "async")


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """
    Start from an environment that says nothing of the network.
    """
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch


def write(path: Path, credential: Credential, encryption: KeySerializationEncryption | None = None) -> Path:
    """
    Write a certificate, those above it, and its key.
    """
    chain = b"".join(certificate.public_bytes(Encoding.PEM) for certificate in credential.chain)
    key = credential.private_key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()
    )
    path.write_bytes(chain + key)
    return path


@dataclass(frozen=True, slots=True)
class Pki:
    """
    A throw-away authority, and files of what it issued.
    """

    ca: Path
    server: Path
    client: Path


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    """
    Make an authority for TLS.
    """
    folder = tmp_path_factory.mktemp("pki")
    root = Credential.self_signed(
        CertificateOptions(subject=make_name("Test TLS Root"), is_ca=True, key_purposes=(), **DATES)  # type: ignore[arg-type]  # two dates
    )
    names = [x509.DNSName(HOST), x509.DNSName(BLOBS), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    files = []
    for name, purpose in (
        ("server", ExtendedKeyUsageOID.SERVER_AUTH),
        ("client", ExtendedKeyUsageOID.CLIENT_AUTH),
    ):
        options = CertificateOptions(
            subject=make_name(name),
            key_purposes=(purpose.dotted_string,),
            extra=((x509.SubjectAlternativeName(names), False),),
            **DATES,  # type: ignore[arg-type]  # two dates
        )
        files.append(write(folder / f"{name}.pem", root.issue(options)))
    ca = folder / "ca.pem"
    ca.write_bytes("# Autorité\n".encode() + root.certificate.public_bytes(Encoding.PEM))
    return Pki(ca, *files)


@pytest.fixture
def server(pki: Pki) -> Iterator[ScriptedServer]:
    """
    Start a server that speaks TLS.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki.server)
    with ScriptedServer(context=context) as running:
        yield running


@pytest.fixture
def plain_server() -> Iterator[ScriptedServer]:
    """
    Start a server that does not.
    """
    with ScriptedServer() as running:
        yield running


@pytest.fixture
def proxy(server: ScriptedServer) -> Iterator[ConnectProxy]:
    """
    Start a proxy that leads to that server.
    """
    with ConnectProxy(server.port) as running:
        yield running


def kept(server: ScriptedServer, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - passed on
    """
    Return arguments for a client that keeps images without credentials.
    """
    return server.client(on_rejected="keep", **options)


def require_client(server: ScriptedServer, pki: Pki) -> None:
    """
    Let a server ask for certificates.
    """
    assert server.context is not None
    server.context.verify_mode = ssl.CERT_REQUIRED
    server.context.load_verify_locations(pki.ca)


# --- proxies -------------------------------------------------------------------------------------


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_proxy_is_used_and_its_password_goes_to_it_alone(
    caller: Caller,
    server: ScriptedServer,
    proxy: ConnectProxy,
    pki: Pki,
    surroundings: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    variable: str,
) -> None:
    """
    The proxy sees a tunnel, and neither the key nor what is asked.
    """
    caplog.set_level(logging.DEBUG)
    surroundings.setenv(variable, f"http://me:{PASSWORD}@{proxy.address}")
    server.answer(b64_answer(PICTURE))

    image = caller.generate(kept(server, endpoint=f"https://{HOST}", ca_file=pki.ca))[0]

    assert image.data == PICTURE
    (head,) = proxy.heads
    assert head.startswith(f"CONNECT {HOST}:443 HTTP/1.1\r\n".encode())
    assert b"proxy-authorization: basic" in head.lower()
    assert KEY.encode() not in head
    assert "proxy-authorization" not in server.requests[0].headers
    assert PASSWORD not in caplog.text


def test_images_are_downloaded_through_the_proxy_unless_they_need_none(
    caller: Caller, server: ScriptedServer, proxy: ConnectProxy, pki: Pki, surroundings: pytest.MonkeyPatch
) -> None:
    """
    Each host is looked up for itself; neither key nor further headers go along.
    """
    surroundings.setenv("HTTPS_PROXY", f"http://{proxy.address}")
    surroundings.setenv("NO_PROXY", "fe80::/10, [::1], ::1, *.internal, [, 127.0.0.0/8")
    urls = f"https://{BLOBS}/a.png?sig=x", f"{server.endpoint}/b.png?sig=x"
    server.answer(http_json({"data": [{"url": url} for url in urls]}), http(PICTURE), http(PICTURE))

    options = kept(
        server, endpoint=f"https://{HOST}", ca_file=pki.ca, headers={"Ocp-Apim-Subscription-Key": SECRET}
    )
    generation = caller.generate(options)

    assert [image.data for image in generation] == [PICTURE, PICTURE]
    assert [head.split()[1].decode() for head in proxy.heads] == [f"{HOST}:443", f"{BLOBS}:443"]
    asked, *downloads = server.requests
    assert asked.headers["ocp-apim-subscription-key"] == SECRET
    for download in downloads:
        assert {"api-key", "ocp-apim-subscription-key"} & set(download.headers) == set()


@pytest.mark.parametrize(
    ("refusal", "attempts"),
    [(b"407 Proxy Authentication Required", 1), (b"403 Forbidden", 1), (b"502 Bad Gateway", 3)],
)
def test_a_proxy_that_refuses_is_told(
    caller: Caller,
    server: ScriptedServer,
    proxy: ConnectProxy,
    surroundings: pytest.MonkeyPatch,
    refusal: bytes,
    attempts: int,
) -> None:
    """
    It is not the service that refuses; a proxy that does not reach it now may do so later.
    """
    surroundings.setenv("HTTPS_PROXY", f"http://me:{PASSWORD}@{proxy.address}")
    proxy.refusal = refusal
    options = kept(server, endpoint=f"https://{HOST}", retry=replace(QUICK, max_attempts=3))

    with pytest.raises(ProxyError, match="HTTPS_PROXY") as caught:
        caller.generate(options)

    assert refusal.decode() in str(caught.value)
    assert (caught.value.attempts, len(proxy.heads)) == (attempts, attempts)
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))


def test_a_proxy_that_is_not_there_is_told(
    caller: Caller, server: ScriptedServer, surroundings: pytest.MonkeyPatch
) -> None:
    """
    Whoever looks for the fault at the service does not find it.
    """
    surroundings.setenv("ALL_PROXY", "127.0.0.1:9")

    with pytest.raises(ProxyError, match="ALL_PROXY"):
        caller.generate(kept(server, endpoint=f"https://{HOST}", retry=ONCE))


BAD_PROXIES = [
    "socks5://127.0.0.1:1080",
    "socks5h://me:pass-w0rd@127.0.0.1",
    "socks://127.0.0.1:1080",
    "ftp://proxy.example",
    "http://",
    "http://[::1",
    "http://proxy.example:99999999",
    "http://me:pass-w0rd@pr oxy",
    "http://999.1.1.1:8080",
    "http://pr\u00f6xy.example",
    "http://proxy.example/path?x",
    "://",
]


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "ALL_PROXY"])
@pytest.mark.parametrize("value", BAD_PROXIES)
def test_a_proxy_that_cannot_be_used_is_a_bad_request(
    caller: Caller, server: ScriptedServer, surroundings: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """
    The variable is named, and its value is not shown.
    """
    surroundings.setenv(variable, value)

    with pytest.raises(SettingError, match=variable) as caught:
        caller.generate(kept(server, endpoint=f"https://{HOST}"))

    assert PASSWORD not in "".join(traceback.format_exception(caught.value))


def test_a_proxy_that_nobody_needs_does_no_harm(
    caller: Caller, server: ScriptedServer, proxy: ConnectProxy, pki: Pki, surroundings: pytest.MonkeyPatch
) -> None:
    """
    Many set ALL_PROXY beside HTTPS_PROXY; and this machine needs none at all.
    """
    surroundings.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    server.answer(b64_answer(PICTURE), b64_answer(PICTURE))

    assert caller.generate(kept(server, ca_file=pki.ca))[0].data == PICTURE
    surroundings.setenv("HTTPS_PROXY", f"http://{proxy.address}")
    assert caller.generate(kept(server, endpoint=f"https://{HOST}", ca_file=pki.ca))[0].data == PICTURE
    assert len(proxy.heads) == 1


def test_a_proxy_that_only_an_image_would_need_fails_with_that_image(
    caller: Caller, server: ScriptedServer, surroundings: pytest.MonkeyPatch
) -> None:
    """
    The API itself is reached without it.
    """
    surroundings.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    surroundings.setenv("NO_PROXY", HOST)

    proxies = Proxies()
    assert proxies.lead_to(f"https://{HOST}") is None
    with pytest.raises(SettingError, match="SOCKS"):
        proxies.lead_to(f"https://{BLOBS}")
    with AzureImageClient(**kept(server, endpoint=f"https://{HOST}")):
        pass


@pytest.mark.parametrize(
    ("entry", "url", "exempt"),
    [
        ("*", "https://a.example", True),
        ("a.example", "https://a.example", True),
        ("A.Example", "https://b.a.example", True),
        (".a.example", "https://b.a.example", True),
        ("*.a.example", "https://b.a.example", True),
        ("a.example", "https://ba.example", False),
        ("a.example:443", "https://a.example", True),
        ("a.example:8443", "https://a.example", False),
        ("https://a.example", "https://a.example", True),
        ("http://a.example", "https://a.example", False),
        ("::1", "https://[2001:db8::1]", False),
        ("2001:db8::1", "https://[2001:db8::1]", True),
        ("[2001:db8::1]", "https://[2001:db8::1]", True),
        ("[2001:db8::1]:443", "https://[2001:db8::1]", True),
        ("[2001:db8::1]:1", "https://[2001:db8::1]", False),
        ("2001:DB8:0::1", "https://[2001:db8::1]", True),
        ("2001:db8::/32", "https://[2001:db8:1::1]", True),
        ("fe80::/10", "https://[2001:db8::1]", False),
        ("10.0.0.0/8", "https://10.1.2.3", True),
        ("10.0.0.0/8", "https://11.1.2.3", False),
        ("10.0.0.0/99", "https://10.1.2.3", False),
        ("[,:,://,[::,/8,%", "https://10.1.2.3", False),
        ("x y.example\ta.example", "https://a.example", True),
    ],
)
def test_hosts_without_proxy_are_read_as_curl_reads_them(entry: str, url: str, exempt: bool) -> None:  # noqa: FBT001 - a parameter
    """
    What is no host covers nothing, and ends nothing.
    """
    proxies = Proxies({"https": "http://proxy.example:8080", "no": entry})

    assert (proxies.lead_to(url) is None) is exempt


# --- certificates --------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["ca_file", "SSL_CERT_FILE", "ssl_context"])
def test_an_authority_of_ones_own_is_believed(
    caller: Caller, server: ScriptedServer, pki: Pki, surroundings: pytest.MonkeyPatch, way: str
) -> None:
    """
    On this machine, too: whoever sets SSL_CERT_FILE means every server.
    """
    options: dict[str, Any] = {}
    if way == "ca_file":
        options["ca_file"] = str(pki.ca)
    elif way == "ssl_context":
        options["ssl_context"] = ssl.create_default_context(cafile=pki.ca)
    else:
        surroundings.setenv(way, str(pki.ca))
    server.answer(b64_answer(PICTURE))

    assert caller.generate(kept(server, **options))[0].data == PICTURE


def test_a_folder_of_authorities_is_believed(
    caller: Caller, server: ScriptedServer, pki: Pki, surroundings: pytest.MonkeyPatch
) -> None:
    """
    One that holds none believes nobody; one that is not there is a mistake.
    """
    surroundings.setenv("SSL_CERT_DIR", str(pki.ca.parent))

    with pytest.raises(TlsError, match="not trusted"):
        caller.generate(kept(server))

    surroundings.setenv("SSL_CERT_DIR", str(pki.ca.parent / "nowhere"))
    with pytest.raises(SettingError, match="SSL_CERT_DIR"):
        caller.generate(kept(server))


def test_a_client_certificate_is_shown_to_the_api_alone(
    caller: Caller, server: ScriptedServer, pki: Pki
) -> None:
    """
    An image's URL may lead to anybody.
    """
    require_client(server, pki)
    assert server.context is not None
    server.context.maximum_version = ssl.TLSVersion.TLSv1_2  # there the server's alert is the first to come
    url = f"{server.endpoint}/x.png"
    server.answer(http_json({"data": [{"url": url}]}), http(PICTURE))
    options = kept(server, ca_file=pki.ca, client_certificate=pki.client, retry=ONCE)

    with pytest.raises(ServiceUnavailableError):
        caller.generate(options)

    assert [request.line.split()[0] for request in server.requests] == [b"POST"]


def test_a_missing_client_certificate_is_told(caller: Caller, server: ScriptedServer, pki: Pki) -> None:
    """
    By the server's own alert, where it is the first to come.
    """
    require_client(server, pki)
    assert server.context is not None
    server.context.maximum_version = ssl.TLSVersion.TLSv1_2  # there it always is

    with pytest.raises(TlsError) as caught:
        caller.generate(kept(server, ca_file=pki.ca))

    assert caught.value.attempts == 1
    assert server.requests == []


def test_a_server_without_tls_is_told(caller: Caller, plain_server: ScriptedServer) -> None:
    """
    Trying again would not teach it.
    """
    endpoint = plain_server.endpoint.replace("http:", "https:")

    with pytest.raises((TlsError, ServiceUnavailableError)) as caught:
        caller.generate(kept(plain_server, endpoint=endpoint, retry=ONCE))

    assert caught.value.status is None


@pytest.fixture(scope="module")
def bad_files(pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """
    Write files that are not what they should be.
    """
    folder = tmp_path_factory.mktemp("bad")
    stranger = Credential.self_signed(CertificateOptions(subject=make_name("Stranger"), **DATES))  # type: ignore[arg-type]  # two dates
    files = {
        "missing": folder / "missing.pem",
        "folder": folder,
        "empty": folder / "empty.pem",
        "text": folder / "text.pem",
        "damaged": folder / "damaged.pem",
        "encrypted": write(folder / "encrypted.pem", stranger, BestAvailableEncryption(b"x")),
        "stranger": write(folder / "stranger.pem", stranger),
    }
    files["empty"].write_bytes(b"")
    files["text"].write_bytes(b"no certificate\n")
    files["damaged"].write_bytes(pki.server.read_bytes().replace(b"M", b"N"))
    return files


@pytest.mark.parametrize("name", ["missing", "folder", "empty", "text", "damaged"])
@pytest.mark.parametrize("way", ["ca_file", "client_certificate", "SSL_CERT_FILE"])
def test_a_file_that_cannot_be_used_is_a_bad_request(bad_files: dict[str, Path], way: str, name: str) -> None:
    """
    Without one there would be no trust, or another than was meant.
    """
    path = str(bad_files[name])
    options: dict[str, Any] = {"environment": {way: path}} if way.isupper() else {way: path}

    with pytest.raises(SettingError, match="cannot be used"):
        load_tls(**{"environment": {}, **options})


def test_a_key_that_is_encrypted_or_of_another_is_told(bad_files: dict[str, Path], pki: Pki) -> None:
    """
    OpenSSL itself would ask for the password at the terminal, and wait.
    """
    with pytest.raises(SettingError, match="encrypted"):
        load_tls(client_certificate=bad_files["encrypted"], environment={})
    with pytest.raises(SettingError, match="does not fit"):
        load_tls(client_certificate=pki.client, client_key=bad_files["stranger"], environment={})
    with pytest.raises(SettingError, match="client_key goes with"):
        load_tls(client_key=pki.client, environment={})


def test_a_context_that_checks_nobody_is_refused(pki: Pki) -> None:
    """
    The key would go to whoever answers.
    """
    context = ssl.create_default_context()
    context.check_hostname = False

    for unsafe in (context, "yes"):
        with pytest.raises(SettingError, match="ssl_context"):
            load_tls(ssl_context=unsafe, environment={})  # type: ignore[arg-type]  # one is none
    with pytest.raises(SettingError, match="not both"):
        load_tls(ssl_context=ssl.create_default_context(), client_certificate=pki.client, environment={})


@pytest.mark.parametrize("host", ["999.1.1.1", f"{'a' * 64}.example", "a..example"])
def test_an_image_at_a_host_that_is_none_is_an_error_of_its_own(
    caller: Caller, plain_server: ScriptedServer, host: str
) -> None:
    """
    The answer decides the host; looking such a one up ends in errors that nobody expects.
    """
    plain_server.answer(http_json({"data": [{"url": f"https://{host}/x.png"}]}))

    with pytest.raises(MalformedAnswerError, match=r"address|URL"):
        caller.generate(kept(plain_server))


# --- headers -------------------------------------------------------------------------------------


def test_further_headers_reach_the_api_and_show_nowhere(
    caller: Caller, plain_server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Not even if the server sends them back.
    """
    caplog.set_level(logging.DEBUG)
    plain_server.answer(http_json({"error": {"message": f"bad key {SECRET} of {KEY}"}}, 401))
    options = plain_server.client(headers={"Ocp-Apim-Subscription-Key": SECRET, "X-Auth": f"Basic {SECRET}"})

    (error,) = caller.together(options, [Call("generate", ("x",))], errors=GenerationError)

    assert type(error) is AuthenticationError
    assert plain_server.requests[0].headers["ocp-apim-subscription-key"] == SECRET
    assert plain_server.requests[0].headers["x-auth"] == f"Basic {SECRET}"
    assert plain_server.requests[0].headers["api-key"] == KEY
    shown = f"{error} {error!r} {error.facts} {pickle.dumps(error)!r} {caplog.text}"
    assert SECRET not in shown + "".join(traceback.format_exception(error))
    with AzureImageClient(**options) as client:
        assert SECRET not in f"{client!r} {client._setup.endpoint!r} {client._runner!r}"


def test_a_gateways_key_may_be_the_only_one(caller: Caller, plain_server: ScriptedServer) -> None:
    """
    The gateway then has a credential of its own for the service.
    """
    plain_server.answer(b64_answer(PICTURE))

    caller.generate(kept(plain_server, api_key=None, headers={"Ocp-Apim-Subscription-Key": SECRET}))

    assert "api-key" not in plain_server.requests[0].headers


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"api-key": SECRET}, "pass api_key"),
        ({"Authorization": f"Bearer {SECRET}"}, "pass api_key"),
        ({"Host": "x"}, "own"),
        ({"Content-Type": "x"}, "own"),
        ({"Transfer-Encoding": "chunked"}, "own"),
        ({"Proxy-Authorization": SECRET}, "own"),
        ({"x-a": "1", "X-A": "2"}, "twice"),
        ({"x-a": f"{SECRET}\r\nx-b: 1"}, "x-a is empty"),
        ({"x-a": f"{SECRET}\0"}, "x-a is empty"),
        ({"x-a": f" {SECRET}"}, "x-a is empty"),
        ({"x-a": "\u00e9"}, "x-a is empty"),
        ({"x-a": ""}, "x-a is empty"),
        ({"x-a": "x" * 9000}, "x-a is empty"),
        ({f"{SECRET}: x\r\ny": "x"}, "characters"),
        ({"": "x"}, "characters"),
        ({"a b": "x"}, "characters"),
        ({f"x-{number}": "x" for number in range(33)}, "more than 32"),
    ],
)
def test_headers_that_are_none_or_not_the_callers_are_refused(headers: dict[str, str], message: str) -> None:
    """
    A line break would write headers of its own; no value is shown.
    """
    with pytest.raises(SettingError, match=message) as caught:
        load_endpoint(**{**GOOD, "deployment": "a", "headers": headers})

    assert SECRET not in str(caught.value)


# --- endpoints -----------------------------------------------------------------------------------

GOOD: dict[str, Any] = {
    "endpoint": f"https://{HOST}",
    "deployment": None,
    "api_version": None,
    "v1": None,
    "api_key": KEY,
    "token": None,
    "environment": {},
}
TARGET = f"https://{HOST}/openai/deployments/my-images/images/generations?api-version={API_VERSION}"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", ("", None, None, None)),
        ("/team-a/", ("/team-a", None, None, None)),
        ("/openai/", ("", None, None, None)),
        ("/openai/v1/", ("", None, None, True)),
        ("/openai/v1/images/edits", ("", None, None, True)),
        ("/openai/v1/images/generations?api-version=preview", ("", None, "preview", True)),
        ("/openai/deployments/a", ("", "a", None, False)),
        ("/openai/deployments/a%20b/images", ("", "a b", None, False)),
        ("/openai/deployments/a/images/generations?api-version=1", ("", "a", "1", False)),
        ("/openai/deployments/a/images/edits/?api-version=1", ("", "a", "1", False)),
        ("//team-a/x/OpenAI/Deployments/a/images/edits?api-version=1", ("/team-a/x", "a", "1", False)),
        ("/openai/openai/v1", ("/openai", None, None, True)),
        ("/openai-team/openai/deployments/v1/images", ("/openai-team", "v1", None, False)),
        ("/api/projects/p/openai/v1", ("/api/projects/p", None, None, True)),
    ],
)
def test_endpoints_are_read_as_they_are_shown(path: str, expected: tuple[Any, ...]) -> None:
    """
    By portals, documentation and gateways.
    """
    prefix, *more = expected

    assert read_address(f" https://{HOST}{path}\n") == Address(f"https://{HOST}{prefix}", *more)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/openai/deployments/a/chat/completions?api-version=1", "chat/completions"),
        ("/openai/v1/responses", "responses"),
        ("/openai/deployments", "cannot be read"),
        ("/deployments/a/images/generations?api-version=1", "cannot be read"),
        ("?api-version=1", "without a query"),
        (f"/openai/v1?subscription-key={SECRET}", "headers"),
        (f"/openai/v1?api-version=1&code={SECRET}", "headers"),
        ("/openai/v1?api-version=%0d%0a", "no version"),
    ],
)
def test_what_is_no_address_of_images_is_refused(path: str, message: str) -> None:
    """
    A query may hold a secret, so none is shown.
    """
    with pytest.raises(SettingError, match=message) as caught:
        read_address(f"https://{HOST}{path}")

    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("host", ["a..b", f"{'a' * 64}.example", "[v1.x]", "[::1%25x"])
def test_a_host_that_cannot_be_is_refused(host: str) -> None:
    """
    Looking it up would end in an error that nobody expects.
    """
    with pytest.raises(SettingError):
        read_address(f"https://{host}")


@pytest.mark.parametrize("variable", [False, True])
def test_a_target_uri_is_not_doubled(
    caller: Caller,
    plain_server: ScriptedServer,
    surroundings: pytest.MonkeyPatch,
    variable: bool,  # noqa: FBT001 - a parameter
) -> None:
    """
    It says everything that is needed, as an argument and in the environment.
    """
    target = TARGET.replace(f"https://{HOST}", f"{plain_server.endpoint}/team-a")
    surroundings.delenv("OPENAI_API_VERSION", raising=False)
    surroundings.setenv("AZURE_OPENAI_ENDPOINT", target if variable else "https://elsewhere.example")
    options = kept(plain_server, deployment=None, api_version=None, endpoint=None if variable else target)
    plain_server.answer(b64_answer(PICTURE), b64_answer(PICTURE))

    caller.generate(options)
    caller.edit(options, PICTURE)

    paths = [request.line.split()[1].decode() for request in plain_server.requests]
    base = "/team-a/openai/deployments/my-images/images"
    assert paths == [f"{base}/{name}?api-version={API_VERSION}" for name in ("generations", "edits")]


ENVIRONMENT = {
    "AZURE_OPENAI_ENDPOINT": TARGET,
    "AZURE_OPENAI_DEPLOYMENT": "others",
    "OPENAI_API_VERSION": "2024-02-01",
}


@pytest.mark.parametrize(
    "changes",
    [
        {"endpoint": TARGET, "deployment": "others"},
        {"endpoint": TARGET, "api_version": "2024-02-01"},
        {"endpoint": TARGET, "v1": True},
        {
            "endpoint": f"https://{HOST}/openai/v1",
            "deployment": "a",
            "v1": False,
            "api_version": "2024-02-01",
        },
        {"endpoint": f"https://{HOST}/openai/v1", "deployment": "a", "api_version": "2024-02-01"},
        {"deployment": "a", "v1": False, "api_version": "v1"},
        {"endpoint": f"https://{HOST}/openai/deployments/a"},
        {"endpoint": None, "environment": {**ENVIRONMENT, "OPENAI_API_VERSION": API_VERSION}},
        {"endpoint": None, "environment": {**ENVIRONMENT, "AZURE_OPENAI_DEPLOYMENT": "my-images"}},
        {"endpoint": None, "deployment": "another", "environment": {"AZURE_OPENAI_ENDPOINT": TARGET}},
    ],
)
def test_an_endpoint_and_its_surroundings_must_agree(changes: dict[str, Any]) -> None:
    """
    Choosing one in silence would ask another deployment than was meant.
    """
    with pytest.raises(SettingError):
        load_endpoint(**{**GOOD, **changes})


@pytest.mark.parametrize(
    ("changes", "url"),
    [
        ({"endpoint": TARGET, "environment": ENVIRONMENT}, TARGET),
        ({"endpoint": TARGET, "deployment": "my-images", "api_version": API_VERSION}, TARGET),
        ({"api_version": "v1", "environment": ENVIRONMENT}, "/openai/v1/images/generations?api-version=v1"),
        ({"environment": {**ENVIRONMENT, "OPENAI_API_VERSION": "preview"}},
         "/openai/v1/images/generations?api-version=preview"),
        ({"endpoint": f"https://{HOST}/openai/v1/", "environment": ENVIRONMENT},
         "/openai/v1/images/generations"),
        ({"environment": ENVIRONMENT},
         "/openai/deployments/others/images/generations?api-version=2024-02-01"),
    ],
)  # fmt: skip
def test_what_is_nearest_decides(changes: dict[str, Any], url: str) -> None:
    """
    Arguments before the environment, and what an endpoint says before what stands beside it.
    """
    settings = load_endpoint(**{**GOOD, **changes})

    assert settings.url("generations") == (url if url == TARGET else f"https://{HOST}{url}")


# --- the command ---------------------------------------------------------------------------------


def run(
    server: ScriptedServer, folder: Path, *arguments: str, **variables: str | None
) -> tuple[int, str, str]:
    """
    Generate with the command; an image without credentials is a 1.
    """
    environment = {
        "AZURE_OPENAI_ENDPOINT": server.endpoint,
        "AZURE_OPENAI_API_KEY": KEY,
        "AZURE_OPENAI_DEPLOYMENT": "pictures",
        "OPENAI_API_VERSION": API_VERSION,
        **variables,
    }
    result = CliRunner().invoke(main, ["generate", "x", "--out", str(folder), *arguments], env=environment)
    return result.exit_code, result.stdout, result.stderr


def test_the_command_reaches_a_gateway_with_certificates_and_headers(
    server: ScriptedServer, pki: Pki, tmp_path: Path
) -> None:
    """
    Everything that the library can do for it.
    """
    require_client(server, pki)
    server.answer(b64_answer(PICTURE))
    arguments = ("--ca-file", str(pki.ca), "--client-certificate", str(pki.client), "--api-version", "v1",
                 "--header", "X-Team: a",
                 "--header-env", "Ocp-Apim-Subscription-Key=GATEWAY_KEY")  # fmt: skip

    code, out, err = run(server, tmp_path, *arguments, GATEWAY_KEY=SECRET)

    (asked,) = server.requests
    assert (code, "absent" in out, err) == (1, True, "")
    assert asked.line == b"POST /openai/v1/images/generations?api-version=v1 HTTP/1.1"
    assert (asked.headers["x-team"], asked.headers["ocp-apim-subscription-key"]) == ("a", SECRET)


@pytest.mark.parametrize(
    ("arguments", "variables", "words"),
    [
        (("--ca-file", "nowhere.pem"), {}, "ca_file"),
        (("--client-certificate", "nowhere.pem"), {}, "client's certificate"),
        (("--client-key", "nowhere.pem"), {}, "client_key"),
        ((), {"SSL_CERT_FILE": "nowhere.pem", "AZURE_OPENAI_ENDPOINT": f"https://{HOST}"}, "SSL_CERT_FILE"),
        ((), {"SSL_CERT_DIR": "nowhere", "AZURE_OPENAI_ENDPOINT": f"https://{HOST}"}, "SSL_CERT_DIR"),
        ((), {"ALL_PROXY": "socks5://x:s3cret@y", "AZURE_OPENAI_ENDPOINT": f"https://{HOST}"}, "ALL_PROXY"),
        (("--header", "s3cret"), {}, "colon"),
        (("--header", "api-key: s3cret"), {}, "api_key"),
        (("--header", "x: s3cret\r\ny: z"), {}, "header x"),
        (("--header", "x: s3cret", "--header", "X: s3cret"), {}, "twice"),
        (("--header-env", "s3cret"), {}, "NAME=VARIABLE"),
        (("--header-env", "x=NOT_SET_ANYWHERE"), {}, "NAME=VARIABLE"),
        (("--endpoint", "https://a.example/openai/deployments/b/images/edits?api-version=1",
          "--deployment", "c"), {}, "deployment"),
    ],
)  # fmt: skip
def test_what_the_command_cannot_use_is_a_bad_request(
    plain_server: ScriptedServer,
    tmp_path: Path,
    arguments: tuple[str, ...],
    variables: dict[str, str],
    words: str,
) -> None:
    """
    2, with what to do, and without a traceback or a secret.
    """
    code, out, err = run(plain_server, tmp_path, *arguments, **variables)

    assert (code, out, words in err, "Traceback" in err, "s3cret" in err) == (2, "", True, False, False)
    assert plain_server.requests == []


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ("[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required", "client certificate"),
        ("EOF occurred in violation of protocol", "cut"),
    ],
)
def test_an_alert_that_comes_after_the_handshake_is_a_failure_of_its_own(told: str, kind: str) -> None:
    """
    The asynchronous client lets it out as the system's error, which nobody expects.
    """
    thrown = failure_of(ssl.SSLError(1, told))

    assert isinstance(thrown.error, TransportError)
    assert thrown.error.kind == kind
