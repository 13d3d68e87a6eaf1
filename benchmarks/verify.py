#!/usr/bin/env python3
"""
What verifying costs, against the bare engine, in one run on the same files.

Usage: python benchmarks/verify.py FOLDER [--seconds N]

FOLDER holds images, with and without a manifest. Prints ratios, because machines are noisy: each is
taken from rounds in which both sides alternate, and is the median of the rounds' ratios.

    ours / engine       images with a manifest: our time over the bare engine's (claimed: at most 1.3)
    engine / ours       images without one: the engine's time over ours (claimed: at least 6)
    2 threads / 1       images a second on two threads over one (claimed: at least 1.8)
    memory / file       peak growth of resident memory over the largest file's size
    command / import    `provenance verify` of one signed file over `python -c "import c2pa"`
                        (claimed: at most 2.2), in processor time, best of the runs
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from provenance import ValidationState, Verifier
from provenance.asset.asset import Asset
from provenance.asset.limits import Limits
from provenance.validation.engine import Anchors, engine_settings, load_engine

Work = Callable[[Path], object]


def main() -> None:
    """
    Measure and print.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=Path())
    parser.add_argument("--grow", nargs=2, metavar=("SMALL", "LARGE"), help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, default=6.0, help="how long each comparison may take")
    arguments = parser.parse_args()
    if arguments.grow:
        grow(*arguments.grow)
        return
    verifier = Verifier(self_test=False)
    files = sorted(path for path in arguments.folder.rglob("*") if path.suffix in {".png", ".jpg", ".webp"})
    results = {path: verifier.verify(path) for path in files}
    plain = [path for path, result in results.items() if result.state is ValidationState.ABSENT]
    signed = [path for path, result in results.items() if result.state is ValidationState.TRUSTED]
    accepted = [path for path in signed if results[path].accepted]
    print(f"{len(signed)} images with a trusted manifest, {len(plain)} without any, in {arguments.folder}")
    engine = bare_engine(verifier, signed)
    seconds = arguments.seconds
    show(
        "ours / engine, with a manifest", 1 / compare(engine, verifier.verify, signed, seconds), "at most 1.3"
    )
    show("engine / ours, without one", compare(engine, verifier.verify, plain, seconds), "at least 6")
    show("2 threads / 1", threads_ratio(verifier.verify, signed, seconds), "at least 1.8")
    show("(the engine alone: 2 threads / 1)", threads_ratio(engine, signed, seconds), "for comparison")
    memory_ratio(signed)
    command_ratio(min(accepted, key=lambda path: path.stat().st_size))


def show(what: str, ratio: float, claim: str) -> None:
    """
    Print one ratio beside what is claimed of it.
    """
    print(f"{what:36} {ratio:6.2f}   ({claim})")


def bare_engine(verifier: Verifier, signed: Sequence[Path]) -> Work:
    """
    Make the call to compare with: the engine reading a path, with the anchors of the images.
    """
    c2pa = load_engine()
    results = [verifier.verify(path) for path in signed]
    chains = [reading.signature.chain for result in results for reading in result.readings]
    anchors = Anchors(
        frozenset(chain[-1] for chain in chains if chain),
        frozenset(),
        verifier.trust.claim_anchors[0].key_purposes,
    )
    context = c2pa.Context.from_dict(engine_settings(anchors))

    def read(path: Path) -> object:
        try:
            with c2pa.Reader(path, context=context) as reader:
                return json.loads(reader.json())
        except c2pa.C2paError:
            return None

    return read


def compare(first: Work, second: Work, files: Sequence[Path], seconds: float) -> float:
    """
    Return how many times longer *first* takes than *second*, as the median over alternating rounds.
    """
    ratios: list[float] = []
    # As in a folder, each side does many files in a row: a few microseconds show only then.
    row = [*files] * max(1, 200 // len(files))
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(ratios) < 5:  # noqa: PLR2004 - fewer rounds have no median worth it
        ratios.append(sum(timed(first, path) for path in row) / sum(timed(second, path) for path in row))
    return statistics.median(ratios)


def timed(work: Work, path: Path) -> float:
    """
    Return the seconds one call takes.
    """
    start = time.perf_counter()
    work(path)
    return time.perf_counter() - start


def threads_ratio(work: Work, files: Sequence[Path], seconds: float) -> float:
    """
    Return the throughput of two threads over that of one, as the median over alternating rounds.
    """
    ratios: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(ratios) < 5:  # noqa: PLR2004 - fewer rounds have no median worth it
        ratios.append(2 * run_threads(work, files, 1) / run_threads(work, files, 2))
    return statistics.median(ratios)


def run_threads(work: Work, files: Sequence[Path], count: int) -> float:
    """
    Return the seconds that *count* threads take, each doing all files.
    """
    threads = [threading.Thread(target=lambda: [work(path) for path in files]) for _ in range(count)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - start


def memory_ratio(signed: Sequence[Path]) -> None:
    """
    Print how far resident memory grows over the largest signed file, in a process of its own.
    """
    largest = max(signed, key=lambda path: path.stat().st_size)
    small = min(signed, key=lambda path: path.stat().st_size)
    command = [sys.executable, __file__, "--grow", str(small), str(largest)]
    grown = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    show("memory / file, from a path", grown / largest.stat().st_size, f"{largest.stat().st_size:,} bytes")


def grow(small: str, largest: str) -> None:
    """
    Print the bytes by which peak resident memory grows from a small file to a large one.
    """
    verifier = Verifier(self_test=False)
    verifier.verify(small)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with Asset.from_path(largest, Limits()) as asset:
        verifier.verify(asset)
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)


def command_ratio(signed: Path) -> None:
    """
    Print the processor time of the command over that of importing the engine.
    """
    command = [str(Path(sys.executable).with_name("provenance")), "verify", str(signed)]
    bare = [sys.executable, "-c", "import c2pa"]
    processor_time(command), processor_time(bare)
    rounds = [(processor_time(command), processor_time(bare)) for _ in range(15)]
    show("command / import c2pa", min(c for c, _ in rounds) / min(b for _, b in rounds), "at most 2.2")


def processor_time(command: list[str]) -> float:
    """
    Return user and system seconds of a child process.
    """
    # Installed packages are compiled; here the first run does it, if it may.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
