"""
The sample images and the images of the self-test: made, judged, and only then written.

What each image must yield is declared in `scripts/samples` beside how it is made, never computed, and nothing
is written unless the library agrees. Each run makes authorities with new keys and forgets them, so the
signatures differ from run to run; everything else is the same.

    python -m scripts.make_samples                 make everything anew
    python -m scripts.make_samples --check         hold what is there against the declarations
    python -m scripts.make_samples --root FOLDER   the same below another folder, which may be empty
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from provenance import ProvenanceError, TrustProfile, Verifier, builtin_policies
from provenance.authority import Authority, AuthorityNames
from provenance.trust.profile import dump_trust_profile, load_trust_profile
from scripts.samples.absent import ABSENT_SAMPLES
from scripts.samples.declaration import DEFAULT, Expected, Sample, Signers
from scripts.samples.invalid import INVALID_SAMPLES
from scripts.samples.self_test import SELF_TEST_IMAGES
from scripts.samples.trusted import ACCEPTED, NOT_ACCEPTED
from scripts.samples.valid import VALID_SAMPLES

ROOT = Path(__file__).resolve().parents[1]
IMAGES = (".png", ".jpg", ".webp")
WARNING = "# Written by scripts/make_samples.py; changes made by hand are lost.\n"
ALL_SAMPLES = ACCEPTED + NOT_ACCEPTED + VALID_SAMPLES + INVALID_SAMPLES + ABSENT_SAMPLES


def sample_signers() -> Signers:
    """
    Make the authorities of the samples; the impostor is called Microsoft.
    """
    impostor = Authority.create(names=AuthorityNames.microsoft())
    return Signers("sample", Authority.create("Sample Authority"), impostor, (96, 64))


def self_test_signers() -> Signers:
    """
    Make the authorities of the self-test; the impostor has the same names as the other.
    """
    name = "Self-Test Authority"
    return Signers("self-test", Authority.create(name), Authority.create(name), (16, 16))


def judge(trust: TrustProfile, images: Mapping[Sample, bytes]) -> Iterator[str]:
    """
    Judge images and yield a sentence for each one that yields something else than declared.
    """
    # The self-test would ask for images that may not be there yet.
    verifiers = {
        name: Verifier(policy=policy, trust=trust, self_test=False)
        for name, policy in builtin_policies().items()
    }
    for sample, content in images.items():
        try:
            found = _observe(verifiers, content)
        except ProvenanceError as error:
            yield f"{sample.path}: {type(error).__name__}: {error}"
            continue
        if found != sample.expected:
            yield f"{sample.path}: {found}, but declared is {sample.expected}"


def _observe(verifiers: Mapping[str, Verifier], content: bytes) -> Expected:
    results = {name: verifier.verify(content) for name, verifier in verifiers.items()}
    origin = results[DEFAULT].origin
    return Expected(
        state=results[DEFAULT].state.value,
        accepted=tuple(name for name, result in results.items() if result.accepted),
        findings=tuple(finding.id for finding in results[DEFAULT].findings),
        azure_openai_in="" if origin is None else "active" if origin.reading.is_active else "ingredient",
    )


def index_toml(images: Mapping[Sample, bytes]) -> str:
    """
    Write the list of samples.
    """
    parts = [WARNING]
    for sample, content in images.items():
        expected = sample.expected
        accepted = (f'"{name}" = {str(name in expected.accepted).lower()}' for name in builtin_policies())
        parts += [
            "[[images]]",
            f"path = {json.dumps(sample.path)}",
            f'sha256 = "{hashlib.sha256(content).hexdigest()}"',
            f"how = {json.dumps(sample.how)}",
            f"why = {json.dumps(sample.why)}",
            f'state = "{expected.state}"',
            f"accepted = {{ {', '.join(accepted)} }}",
            f"findings = {json.dumps(expected.findings)}",
            f'azure_openai_in = "{expected.azure_openai_in}"',
            "",
        ]
    return "\n".join(parts)


def cases_toml(images: Iterable[Sample]) -> str:
    """
    Write the list of the self-test's images.
    """
    parts = [WARNING]
    for sample in images:
        parts += [
            "[[cases]]",
            f"file = {json.dumps(sample.path)}",
            f"why = {json.dumps(sample.why)}",
            f'expected = "{sample.expected.text}"',
            "",
        ]
    return "\n".join(parts)


@dataclass(frozen=True, slots=True)
class ImageSet:
    """
    A folder of images with its list and its trust profile.

    Attributes:
        folder: Where it lies.

        list_name: File name of the list.

        samples: What is in it.
    """

    folder: Path
    list_name: str
    samples: tuple[Sample, ...]

    def list_text(self, images: Mapping[Sample, bytes]) -> str:
        """
        Write the list.
        """
        return index_toml(images) if self.list_name == "index.toml" else cases_toml(images)

    def present(self) -> set[str]:
        """
        Find the images that are there.
        """
        found = (path for path in self.folder.rglob("*") if path.suffix in IMAGES)
        return {path.relative_to(self.folder).as_posix() for path in found}

    def make(self, signers: Signers) -> tuple[dict[Sample, bytes], list[str]]:
        """
        Make all images, and return them with what is wrong with them.
        """
        images = {sample: sample.make(signers, signers.picture(sample.path)) for sample in self.samples}
        return images, list(judge(signers.trust, images))

    def write(self, signers: Signers, images: Mapping[Sample, bytes]) -> None:
        """
        Write images, list and profile, and remove images that are no longer declared.
        """
        for path in self.present() - {sample.path for sample in self.samples}:
            (self.folder / path).unlink()
        for sample, content in images.items():
            (self.folder / sample.path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / sample.path).write_bytes(content)
        (self.folder / self.list_name).write_text(self.list_text(images), encoding="utf-8")
        profile = WARNING + "\n" + dump_trust_profile(signers.trust)
        (self.folder / "trust.toml").write_text(profile, encoding="utf-8")

    def check(self) -> list[str]:
        """
        Compare what is there with what is declared, and return what differs.
        """
        declared = {sample.path for sample in self.samples}
        faults = [f"{path}: not the same here and there" for path in sorted(self.present() ^ declared)]
        if faults:
            return faults
        images = {sample: (self.folder / sample.path).read_bytes() for sample in self.samples}
        written = tomllib.loads((self.folder / self.list_name).read_text(encoding="utf-8"))
        if written != tomllib.loads(self.list_text(images)):
            faults.append(f"{self.list_name} is not what the files and the declarations say")
        return faults + list(judge(load_trust_profile(self.folder / "trust.toml"), images))


Sets = tuple[tuple[ImageSet, Callable[[], Signers]], ...]
"""
Sets of images, each with what makes its authorities.
"""


def image_sets(root: Path = ROOT) -> Sets:
    """
    Name both sets, as they lie below a folder.
    """
    self_test = root / "provenance" / "verification" / "self_test_data"
    return (
        (ImageSet(root / "sample_images", "index.toml", ALL_SAMPLES), sample_signers),
        (ImageSet(self_test, "cases.toml", SELF_TEST_IMAGES), self_test_signers),
    )


def make_all(sets: Sets) -> list[str]:
    """
    Make every set, and write them all if everything came out as declared.

    Returns:
        What did not; empty if everything was written.
    """
    finished = []
    faults: list[str] = []
    for images, make_signers in sets:
        signers = make_signers()
        contents, wrong = images.make(signers)
        faults += wrong
        finished.append((images, signers, contents))
    if not faults:
        for images, signers, contents in finished:
            images.write(signers, contents)
    return faults


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Make or check both sets, and return the exit code.
    """
    parser = argparse.ArgumentParser(description="Make the sample images and the images of the self-test.")
    parser.add_argument("--check", action="store_true", help="write nothing; check what is there")
    parser.add_argument("--root", type=Path, default=ROOT, help="folder above both (default: the repository)")
    options = parser.parse_args(arguments)
    sets = image_sets(options.root)
    faults = [fault for images, _ in sets for fault in images.check()] if options.check else make_all(sets)
    for fault in faults:
        print(fault)
    if faults:
        print("Nothing was written." if not options.check else "The files are not as declared.")
        return 1
    for images, _ in sets:
        size = sum((images.folder / sample.path).stat().st_size for sample in images.samples)
        folder = images.folder.relative_to(options.root)
        print(f"{folder}: {len(images.samples)} images as declared, {size:,} bytes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
