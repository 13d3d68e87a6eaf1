#!/usr/bin/env python3
"""
What auditing folders costs, against tools that do less, in one run on the same files.

Usage: python benchmarks/audit.py REAL [--scratch FOLDER] [--files N] [--only NAME...]

REAL holds genuine images with manifests. A tree of N small images (100,000; about 5 GB) is made in FOLDER.
Prints ratios, because machines are noisy; the best of a few runs stands for each side.

    small     a tree of small images, 1 % signed: files a second over `find | xargs cat` (claimed: at least
              0.25); one worker until N/100 and N/10 files over its last 90 % (claimed: within 20 %)
    real      images with manifests: two workers over one (claimed: at least 1.8), over the Node binding
              at its best (claimed: more than 1; it holds the same engine, does nothing else, and asks about
              trust only where it is given anchors), over one process a file (claimed: at least 10)
    memory    peak resident memory of the parent at N over N/10 files (claimed: within 10 %), and of the
              largest worker (claimed: at most 250 MB)
    resume    an unchanged tree again: first run over second on real images (claimed: at least 20); second
              run over `find -printf` on small ones, with JSON Lines written (claimed: at most 10)
    kill      20 times SIGKILL at random moments, then a run to the end: outputs equal, byte for byte
    answers   the audit's reports equal those of `provenance verify`, on REAL
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from provenance import MICROSOFT, Verifier
from provenance.audit import Audit, Summary
from provenance.audit.writer.outputs import Outputs
from provenance.authority import Authority, azure_v2, plain_jpeg, plain_png, sign_image
from provenance.validation.engine import Anchors, engine_settings

COMMAND = [str(Path(sys.executable).with_name("provenance"))]
NODE_BINDING = "@contentauth/c2pa-node@0.9.8"
COPIES = 2_000
KILLS = 20
PER_FOLDER = 1_000
SIGNED_EVERY = 100
SMALLEST = 5_000
LARGEST = 100_000
PICTURES = 64
OUTPUTS = ("jsonl", "csv", "xml", "sarif", "html", "parquet")

NODE_SCRIPT = """
const fs = require("fs");
const [binding, list, settings] = process.argv.slice(2);
const { readerFromAsset, readerJson } = require(binding);
const files = fs.readFileSync(list, "utf8").split("\\n");
async function run(concurrency) {
  let next = 0;
  const start = process.hrtime.bigint();
  await Promise.all(Array.from({ length: concurrency }, async () => {
    while (next < files.length) {
      try {
        readerJson.call(await readerFromAsset({ path: files[next++] }, settings));
      } catch { /* a damaged store is an exception there */ }
    }
  }));
  return files.length / (Number(process.hrtime.bigint() - start) / 1e9);
}
(async () => {
  const rates = [];
  for (const concurrency of [1, 2, 4, 8]) rates.push(await run(concurrency));
  console.log(JSON.stringify(rates));
})();
"""


class Bench:
    """
    The trees, and what is measured on them.
    """

    def __init__(self, real: Path, scratch: Path, files: int) -> None:
        """
        Set the places; `prepare` fills them.
        """
        self.real = real
        self.scratch = scratch
        self.files = files
        self.small = scratch / f"small-{files}"
        self.copies = scratch / "real"

    def prepare(self) -> None:
        """
        Make the trees that are not there yet.
        """
        if not self.small.exists():
            print(f"making {self.files:,} images in {self.small} ...", flush=True)
            plant(self.small.with_suffix(".part"), self.files, Authority.create())
            self.small.with_suffix(".part").rename(self.small)
        if not self.copies.exists():
            self._copy_real()
        for folder in (self.small, self.copies):
            cat(folder)

    def _copy_real(self) -> None:
        reports = audit_reports(self.real)
        signed = [name for name, report in reports.items() if report["state"] not in {None, "absent"}]
        part = self.copies.with_suffix(".part")
        for number in range(COPIES):
            source = Path(signed[number % len(signed)])
            folder = part / f"{number // 500:02}"
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, folder / f"{number:04}{source.suffix}")
        part.rename(self.copies)

    def run_small(self) -> None:
        """
        Many small files, nearly all without a manifest.
        """
        read = best(lambda: cat(self.small))
        whole = best(lambda: self._audit(self.small), 2)
        show("audit / cat, files a second", read / whole, "at least 0.25")
        show("  files a second", self.files / whole)
        marks = [1, *(self.files // part for part in (100, 10, 1))]
        times = self._growth(marks)
        *rates, last = [
            (later - earlier) / (times[later] - times[earlier])
            for earlier, later in itertools.pairwise(marks)
        ]
        for later, rate in zip(marks[1:], rates, strict=False):
            show(f"files a second until the {later:,}th / in the last 90 %", rate / last, "0.8 to 1.2")

    def _growth(self, marks: list[int]) -> dict[int, float]:
        """
        Return when each of these files was done in one run, in seconds.

        One worker, because a second one would come only after the first thousand.
        """
        plan, summary, times = Audit(jobs=1), Summary(), {}
        with Outputs([(self.scratch / "out.jsonl", None)], plan.heading) as outputs:
            for count, record in enumerate(plan.run([self.small], summary), 1):
                outputs.add(record)
                if count in marks:
                    times[count] = time.perf_counter()
            outputs.finish(summary)
        return times

    def run_real(self) -> None:
        """
        Images with manifests.
        """
        times = {jobs: best(partial(self._audit, self.copies, "--jobs", str(jobs)), 2) for jobs in (1, 2)}
        ours = COPIES / times[2]
        show("2 workers / 1", times[1] / times[2], "at least 1.8")
        show("  files a second with 2", ours)
        show(
            "audit / Node binding at its best, same anchors",
            ours / self._node(self._anchors()),
            "more than 1",
        )
        show("audit / Node binding at its best, asked about no trust", ours / self._node())
        few = sorted(self.copies.rglob("*.*"))[:60]
        start = time.perf_counter()
        for file in few:
            subprocess.run([*COMMAND, "verify", file], stdout=subprocess.DEVNULL, check=False)
        show("audit / one process a file", ours / (len(few) / (time.perf_counter() - start)), "at least 10")

    def _anchors(self) -> str:
        """
        Return the anchors that the audit finds, as settings of the engine; time-stamps aside.
        """
        verifier = Verifier(self_test=False)
        results = [verifier.verify(path) for path in sorted((self.copies / "00").iterdir())[:100]]
        signatures = [result.active.signature for result in results if result.active is not None]
        anchors = frozenset(
            certificate
            for signature in signatures
            for certificate in signature.chain
            if signature.anchor is not None and certificate.sha256 == signature.anchor.sha256
        )
        purposes = tuple({purpose for anchor in MICROSOFT.claim_anchors for purpose in anchor.key_purposes})
        return json.dumps(engine_settings(Anchors(anchors, frozenset(), purposes)))

    def _node(self, *settings: str) -> float:
        folder = self.scratch / "node"
        folder.mkdir(exist_ok=True)
        if not (folder / "package").exists():
            subprocess.run(
                ["npm", "pack", "--silent", NODE_BINDING], cwd=folder, check=True, stdout=sys.stderr
            )
            archive = next(folder.glob("*.tgz"))
            subprocess.run(["tar", "xzf", archive.name], cwd=folder, check=True)
        (folder / "run.js").write_text(NODE_SCRIPT)
        (folder / "list").write_text("\n".join(str(path) for path in sorted(self.copies.rglob("*.*"))))
        binding = folder / "package" / "dist" / "index.node"
        ran = subprocess.run(
            ["node", folder / "run.js", binding, folder / "list", *settings], check=True, capture_output=True
        )
        rates: list[float] = json.loads(ran.stdout)
        print("  Node binding, files a second by concurrency 1, 2, 4, 8:", [round(rate) for rate in rates])
        return max(rates)

    def run_memory(self) -> None:
        """
        Resident memory, sampled while an audit runs.
        """
        tenth = sorted(self.small.iterdir())[: self.files // 10_000]
        small_parent, _ = peak_memory(self._command(*tenth))
        parent, worker = peak_memory(self._command(self.small))
        _, real_worker = peak_memory(self._command(self.copies))
        show(
            f"parent's peak at {self.files:,} / at {self.files // 10:,} files",
            parent / small_parent,
            "0.9 to 1.1",
        )
        show("  parent's peak, MB", parent / 1e6)
        show("  largest worker's peak, MB", max(worker, real_worker) / 1e6, "at most 250")

    def run_resume(self) -> None:
        """
        Audit the same trees once more.
        """
        state = self.scratch / "state.db"
        for path in self.scratch.glob("state.db*"):
            path.unlink()
        first = best(lambda: self._audit(self.copies, "--state", str(state)), 1)
        second = best(lambda: self._audit(self.copies, "--state", str(state)))
        show("real images: first run / second", first / second, "at least 20")
        self._audit(self.small, "--state", str(state))
        again = best(lambda: self._audit(self.small, "--state", str(state)))
        with (self.scratch / "list").open("wb") as listing:
            find = ["find", str(self.small), "-printf", "%p %s %T@\n"]
            listed = best(lambda: timed(lambda: subprocess.run(find, stdout=listing, check=True)), 5)
        show("small images: second run / find -printf", again / listed, "at most 10")
        show("  microseconds a file", again / self.files * 1e6)

    def run_kill(self) -> None:
        """
        Killed again and again, then left alone.
        """
        tree = [self.copies / "00", *sorted(self.small.iterdir())[:5]]
        undisturbed, disturbed = self.scratch / "undisturbed", self.scratch / "disturbed"
        for folder in (undisturbed, disturbed):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        took = timed(lambda: self._write(tree, undisturbed))
        moments = random.Random(20)  # noqa: S311 - no secrets
        killed = 0
        while killed < KILLS:
            running = subprocess.Popen(self._writing(tree, disturbed), start_new_session=True)
            try:
                running.wait(moments.uniform(0, took))
                # It came to its end: what is left to be killed is a run from the beginning.
                for path in disturbed.iterdir():
                    path.unlink()
            except subprocess.TimeoutExpired:
                os.kill(running.pid, signal.SIGKILL)
                running.wait()
                killed += 1
        self._write(tree, disturbed)
        same = [
            (undisturbed / name).read_bytes() == (disturbed / name).read_bytes() for name in output_names()
        ]
        leftovers = [path.name for path in disturbed.iterdir() if path.suffix == ".tmp"]
        show(f"outputs equal after {killed} kills, of {len(same)}", sum(same), str(len(same)))
        print(f"  unfinished outputs left beside them: {len(leftovers)}")

    def _writing(self, tree: list[Path], folder: Path) -> list[str]:
        outputs = [option for name in output_names() for option in ("--output", str(folder / name))]
        return self._command(*tree, "--state", folder / "state.db", *outputs)

    def _write(self, tree: list[Path], folder: Path) -> None:
        subprocess.run(self._writing(tree, folder), check=False, stdout=subprocess.DEVNULL)

    def run_answers(self) -> None:
        """
        Ask both commands the same question.
        """
        audited = audit_reports(self.real)
        ran = subprocess.run(
            [*COMMAND, "verify", "--format", "jsonl", *audited], capture_output=True, check=False
        )
        verified = {report["asset"]["name"]: report for report in map(json.loads, ran.stdout.splitlines())}
        for report in (*audited.values(), *verified.values()):
            report["asset"].pop("sha256", None)  # of images without credentials only when asked for
        show(
            f"reports equal to those of verify, of {len(verified)}",
            sum(audited[name] == report for name, report in verified.items()),
            str(len(verified)),
        )

    def _command(self, *arguments: str | Path) -> list[str]:
        return [*COMMAND, "audit", "--quiet", "--fail-on", "none", *map(str, arguments)]

    def _audit(self, *arguments: str | Path) -> float:
        command = [*self._command(*arguments), "--output", str(self.scratch / "out.jsonl")]
        return timed(lambda: subprocess.run(command, check=True))


def main() -> None:
    """
    Measure and print.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("real", type=Path)
    parser.add_argument("--scratch", type=Path, default=Path("build/audit"))
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--only", nargs="*", default=["small", "real", "memory", "resume", "kill", "answers"])
    arguments = parser.parse_args()
    arguments.scratch.mkdir(parents=True, exist_ok=True)
    bench = Bench(arguments.real.resolve(), arguments.scratch.resolve(), arguments.files)
    bench.prepare()
    for name in arguments.only:
        getattr(bench, f"run_{name}")()


def plant(root: Path, count: int, authority: Authority) -> None:
    """
    Write *count* PNG and JPEG images of 5 to 100 kB below *root*, every hundredth signed with ES256.

    Sizes are spread evenly; the same count gives the same unsigned files.
    """
    noise = random.Random(count)  # noqa: S311 - pictures, no secrets
    plain = list(_pictures())
    signed = [sign_image(picture, azure_v2(authority)) for picture in plain]
    for number in range(count):
        folder = root / f"{number // PER_FOLDER:03}"
        folder.mkdir(parents=True, exist_ok=True)
        pictures = signed if number % SIGNED_EVERY == 0 else plain
        picture = noise.choice(pictures)
        suffix = ".png" if picture.startswith(b"\x89PNG") else ".jpg"
        (folder / f"{number:06}{suffix}").write_bytes(picture)


def _pictures() -> Iterator[bytes]:
    sides = {plain_png: 8, plain_jpeg: 8}
    for number in range(PICTURES):
        wanted = SMALLEST + (LARGEST - SMALLEST) * number // PICTURES
        make = plain_png if number % 2 else plain_jpeg
        while len(picture := make(sides[make], sides[make], number)) < wanted:
            sides[make] += 8
        yield picture


def output_names() -> Iterator[str]:
    """
    Return the path of one output of every form.
    """
    return (f"out.{extension}" for extension in OUTPUTS)


def audit_reports(folder: Path) -> dict[str, dict[str, object]]:
    """
    Audit a folder, and read the reports by name.
    """
    ran = subprocess.run(
        [*COMMAND, "audit", "--quiet", "--fail-on", "none", "--format", "jsonl", folder],
        capture_output=True,
        check=True,
    )
    return {report["asset"]["name"]: report for report in map(json.loads, ran.stdout.splitlines())}


def cat(folder: Path) -> float:
    """
    Read every file below a folder; seconds.
    """
    command = 'find "$1" -type f -print0 | xargs -0 cat >/dev/null'
    return timed(lambda: subprocess.run(["bash", "-c", command, "cat", folder], check=True))


def peak_memory(command: list[str]) -> tuple[int, int]:
    """
    Run a command, and take the peak of its own resident memory and of its largest descendant's; bytes.
    """
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    peaks = {running.pid: 0}
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            for pid in (running.pid, *descendants(running.pid)):
                peaks[pid] = max(peaks.get(pid, 0), high_water(pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    running.wait()
    done.set()
    watcher.join()
    own = peaks.pop(running.pid)
    return own, max(peaks.values(), default=0)


def descendants(pid: int) -> Iterator[int]:
    """
    Find the processes below one.
    """
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return
    for child in children:
        yield child
        yield from descendants(child)


def high_water(pid: int) -> int:
    """
    Read the peak of a process's resident memory; 0 if it is gone.
    """
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0)


def timed(work: Callable[[], object]) -> float:
    """
    Return how long something takes, in seconds.
    """
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def best(measure: Callable[[], float], times: int = 3) -> float:
    """
    Measure several times and keep the shortest.
    """
    return min(measure() for _ in range(times))


def show(what: str, value: float, claim: str = "") -> None:
    """
    Print a figure beside what is claimed.
    """
    print(f"{what:<70} {value:>10.2f}  {f'claimed: {claim}' if claim else ''}", flush=True)


if __name__ == "__main__":
    main()
