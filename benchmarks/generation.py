#!/usr/bin/env python3
"""
What the client costs beyond the server's own time, and how much memory it takes.

Usage: python benchmarks/generation.py [--images N] [--megabytes M]

Against a server on this machine that answers at once with a fixed body, so that everything measured is
the client's: sending, reading, decoding, judging.

    client / image      seconds per image over those of a bare read of the same answer by the HTTP library
    of which judging    seconds per image that the verifier takes alone
    memory / images     peak growth of resident memory for ten images of 4 MB in one answer, over their
                        bytes, in a process of its own (claimed: at most 3)
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import resource
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from provenance import Verifier
from provenance.authority import Authority, azure_v1, plain_png, sign_image
from provenance.generation import AsyncAzureImageClient, AzureImageClient

KIB = 1024
MEGABYTE = 1_000_000


class Handler(BaseHTTPRequestHandler):
    """
    Answers everything with one body.
    """

    protocol_version = "HTTP/1.1"
    body: Path

    def do_POST(self) -> None:
        """
        Read the request and answer.
        """
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(self.body.stat().st_size))
        self.end_headers()
        with self.body.open("rb") as file:
            while piece := file.read(256 * KIB):
                self.wfile.write(piece)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the base class
        """
        Log nothing.
        """


def main() -> None:
    """
    Measure and print.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--images", type=int, default=10)
    parser.add_argument("--megabytes", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--grow", metavar="ENDPOINT", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.grow:
        grow(arguments.grow, arguments.images)
        return
    image = signed(arguments.megabytes * MEGABYTE)
    times(image, arguments.rounds)
    memory(image, arguments.images)


def signed(size: int) -> bytes:
    """
    Make an image of about so many bytes, with a manifest.
    """
    side = int((size / 3) ** 0.5)
    return sign_image(plain_png(side, side), azure_v1(Authority.create()))


def serve(image: bytes, count: int, folder: Path) -> ThreadingHTTPServer:
    """
    Start the server, with an answer that holds *count* images.
    """
    data = [{"b64_json": base64.b64encode(image).decode()}] * count
    body = folder / "answer.json"
    body.write_text(json.dumps({"created": 1, "data": data}))
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"body": body}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def options(endpoint: str) -> dict[str, Any]:
    """
    Return a client's arguments; the images' signer is unknown here, so they are kept.
    """
    return {
        "endpoint": endpoint,
        "deployment": "bench",
        "api_key": "bench-key",
        "on_rejected": "keep",
        "requests_per_minute": None,
    }


def times(image: bytes, rounds: int) -> None:
    """
    Print the client's time for one image over a bare read.
    """
    folder = Path(__file__).resolve().parents[1] / "build" / "benchmark"
    folder.mkdir(parents=True, exist_ok=True)
    server = serve(image, 1, folder)
    endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    verifier = Verifier()
    verifier.verify(image)
    with httpx.Client(trust_env=False) as bare, AzureImageClient(**options(endpoint)) as client:
        client.generate("warm up")
        works: dict[str, Callable[[], object]] = {
            "bare read": lambda: bare.post(endpoint, content=b"{}"),
            "client": lambda: client.generate("a lighthouse"),
            "judging": lambda: verifier.verify(image),
        }
        found = {name: median(work, rounds) for name, work in works.items()}
    found["async client"] = asyncio.run(async_median(endpoint, rounds))
    server.shutdown()
    print(f"one image of {len(image):,} bytes, median of {rounds}:")
    for name, seconds in found.items():
        print(f"  {name:14} {1000 * seconds:8.1f} ms")
    for name in ("client", "async client"):
        print(f"  {name + ' beyond the server':34} {1000 * (found[name] - found['bare read']):8.1f} ms")


def median(work: Callable[[], object], rounds: int) -> float:
    """
    Return the seconds one call takes.
    """
    found = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return statistics.median(found)


async def async_median(endpoint: str, rounds: int) -> float:
    """
    Return the seconds one call of the other client takes.
    """
    found = []
    async with AsyncAzureImageClient(**options(endpoint)) as client:
        await client.generate("warm up")
        for _ in range(rounds):
            start = time.perf_counter()
            await client.generate("a lighthouse")
            found.append(time.perf_counter() - start)
    return statistics.median(found)


def memory(image: bytes, count: int) -> None:
    """
    Print how far a process grows that gets *count* images in one answer.
    """
    folder = Path(__file__).resolve().parents[1] / "build" / "benchmark"
    server = serve(image, count, folder)
    endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    command = [sys.executable, __file__, "--grow", endpoint, "--images", str(count)]
    grown = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    server.shutdown()
    total = count * len(image)
    print(f"{count} images of {len(image):,} bytes in one answer:")
    print(f"  memory / images {grown / total:.2f}   (claimed: at most 3)")


def grow(endpoint: str, count: int) -> None:
    """
    Print by how many bytes this process grows over its size once everything is loaded.
    """
    with AzureImageClient(**options(endpoint)) as client:
        Verifier().verify(plain_png())
        before = peak_bytes()
        generation = client.generate("a lighthouse", n=count)
        after = peak_bytes()
    if len(generation) != count:
        raise SystemExit(f"{len(generation)} images came")
    print(after - before)


def peak_bytes() -> int:
    """
    Return the most memory this process has held.
    """
    status = Path("/proc/self/status")
    if status.exists():
        # Not ru_maxrss, which Linux passes on from the process that started this one.
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * KIB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
