"""
What the engine alone would fetch is not fetched.
"""

from __future__ import annotations

import json
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cbor2
import pytest

from provenance import Verifier, to_dict
from provenance import authority as made
from provenance.authority import AssertionSpec, Authority, sign_image
from provenance.manifest.status import ValidationState
from tests.support import corpus_files
from tests.validation.engine_faults.support import (
    PNG,
    PNG_AND_JPEG,
    ask_engine,
    options_for,
    readable_v2,
    run_python,
)


@dataclass(slots=True)
class Listener:
    """
    Counts who connects to a port on this machine.
    """

    port: int
    connections: int = 0


@pytest.fixture
def listener() -> Iterator[Listener]:
    """
    Listen while a test runs.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.02)
        counted = Listener(server.getsockname()[1])
        finished = threading.Event()

        def count() -> None:
            while not finished.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                counted.connections += 1
                connection.close()

        thread = threading.Thread(target=count)
        thread.start()
        yield counted
        finished.set()
        thread.join()


def settle() -> None:
    """
    Wait until a connection that was made has been counted.
    """
    time.sleep(0.1)


@PNG_AND_JPEG
def test_network_a_remote_manifest_is_not_fetched(
    listener: Listener, verifier: Verifier, plain: bytes
) -> None:
    """
    The engine fetches it by default; here the address is only reported.
    """
    address = f"http://127.0.0.1:{listener.port}/x"
    remote = made.embed_xmp(plain, made.remote_manifest_xmp(address))

    result = verifier.verify(remote)

    settle()
    assert (listener.connections, result.state) == (0, ValidationState.ABSENT)
    assert to_dict(result)["asset"]["remote_manifest"] == address
    assert address in result.findings[0].message


def test_network_the_engine_alone_would_fetch(listener: Listener) -> None:
    """
    Without this the tests beside it would prove nothing.
    """
    remote = made.embed_xmp(PNG, made.remote_manifest_xmp(f"http://127.0.0.1:{listener.port}/x"))

    raw = ask_engine(remote, None)

    settle()
    assert (listener.connections, raw.error.split(":")[0]) == (1, "Remote")


def iso_box(kind: bytes, body: bytes) -> bytes:
    """
    Write one box of an ISO base media file.
    """
    return (8 + len(body)).to_bytes(4, "big") + kind + body


def remote_image(kind: str, address: str) -> bytes:
    """
    Write an image of another kind, with XMP that names a remote manifest.
    """
    xmp = made.remote_manifest_xmp(address).encode()
    if kind == "tiff":
        entry = struct.pack("<HHHIII", 1, 700, 1, len(xmp), 26, 0)
        return b"II*\0" + struct.pack("<I", 8) + entry + xmp
    adobe = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
    brand = kind.encode()
    return iso_box(b"ftyp", brand + bytes(4) + brand) + iso_box(b"uuid", adobe + xmp)


@pytest.mark.parametrize("kind", ["avif", "heic", "tiff"])
def test_network_a_remote_manifest_is_not_fetched_from_other_containers(
    listener: Listener, verifier: Verifier, kind: str
) -> None:
    """
    The address is in the report; such an image carries no credentials.
    """
    address = f"http://127.0.0.1:{listener.port}/x"

    result = verifier.verify(remote_image(kind, address))

    settle()
    assert (listener.connections, result.state) == (0, ValidationState.ABSENT)
    assert result.facts.provenance == address


def identity_assertion(issuer: str) -> AssertionSpec:
    """
    Describe an identity claims aggregation whose issuer has to be looked up.
    """
    credential = {
        "@context": ["https://www.w3.org/ns/credentials/v2", "https://cawg.io/identity/1.1/ica/context/"],
        "type": ["VerifiableCredential", "IdentityClaimsAggregationCredential"],
        "issuer": issuer,
        "validFrom": "2024-05-27T17:40:40Z",
        "credentialSubject": {
            "verifiedIdentities": [
                {
                    "type": "cawg.social_media",
                    "username": "somebody",
                    "uri": "https://example.invalid/somebody",
                    "verifiedAt": "2024-05-27T08:40:39Z",
                    "provider": {"id": "https://example.invalid", "name": "Example"},
                }
            ],
            "c2paAsset": {"referenced_assertions": [], "sig_type": "cawg.identity_claims_aggregation"},
        },
    }
    protected = cbor2.dumps({1: -8, 3: "application/vc"})
    message = cbor2.CBORTag(18, [protected, {}, json.dumps(credential).encode(), bytes(64)])
    referenced = [{"url": "self#jumbf=c2pa.assertions/c2pa.hash.data", "hash": bytes(32)}]
    payload = {"referenced_assertions": referenced, "sig_type": "cawg.identity_claims_aggregation"}
    content = {"signer_payload": payload, "signature": cbor2.dumps(message), "pad1": b""}
    return AssertionSpec(label="cawg.identity", content=content)


def test_network_an_identity_assertion_is_not_resolved(
    authority: Authority, listener: Listener, verifier: Verifier
) -> None:
    """
    Switching off remote manifests is not enough: the engine resolves a host that the image chooses.
    """
    spec = readable_v2(authority)
    identity = identity_assertion(f"did:web:127.0.0.1%3A{listener.port}")
    signed = sign_image(PNG, replace(spec, assertions=(*spec.assertions, identity)))

    result = verifier.verify(signed)

    settle()
    resolving = {**options_for(authority), "core": {"allowed_network_hosts": []}}
    assert "cawg.ica.did_unavailable" in ask_engine(signed, resolving).failures
    assert result.state is ValidationState.TRUSTED
    assert [s.code for s in result.readings[0].statuses if s.code.startswith("cawg.")] == []
    assert listener.connections == 0


WATCHED = """
import sys

touched = []


def watch(event, arguments):
    if event in {"socket.connect", "socket.getaddrinfo", "socket.sendto", "urllib.Request"}:
        touched.append(event)


sys.addaudithook(watch)

from provenance import Verifier

states = []
for path in sys.argv[1:]:
    states.append(str(Verifier(self_test=False).verify(path).state))
assert not touched, touched
print(*states)
"""


def test_network_no_python_socket_is_opened_over_the_whole_corpus(corpus: Path) -> None:
    """
    Neither by the library nor by anything it imports.
    """
    files = [file for file in corpus_files() if file.credentials != "not trusted"]

    run = run_python(WATCHED, *(str(corpus / file.name) for file in files))

    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.split() == [file.credentials for file in files]


def test_network_no_native_socket_is_opened_either(
    authority: Authority, tmp_path: Path, listener: Listener
) -> None:
    """
    The engine is not Python, so the system calls of a whole run are watched.
    """
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    spec = readable_v2(authority)
    identity = identity_assertion("did:web:host.invalid")
    samples = {
        "identity.png": sign_image(PNG, replace(spec, assertions=(*spec.assertions, identity))),
        "remote.png": made.embed_xmp(PNG, made.remote_manifest_xmp(f"http://127.0.0.1:{listener.port}/x")),
        "plain.png": sign_image(PNG, made.azure_v1(authority)),
    }
    for name, data in samples.items():
        (tmp_path / name).write_bytes(data)
    trace = tmp_path / "trace"
    command = ["strace", "-f", "-qq", "-e", "trace=%network", "-o", str(trace), sys.executable, "-c", WATCHED]

    run = subprocess.run(
        [*command, *(str(tmp_path / name) for name in samples)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    if "ptrace" in run.stderr:
        pytest.skip("this machine does not let processes be traced")
    assert (run.returncode, run.stdout.split()) == (0, ["valid", "absent", "valid"])
    lines = trace.read_text().splitlines()
    assert [line for line in lines if "AF_INET" in line or "AF_NETLINK" in line] == []
