"""
`provenance inspect`: everything an image says, as a tree.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from provenance.authority import Authority, IngredientSpec, azure_v1, make_manifest, plain_png, sign_image
from tests.cli.conftest import Images, Invoke


def test_an_inspection_shows_the_tree(invoke: Invoke, images: Images) -> None:
    """
    The ingredient stands below the manifest that names it, with its own state.
    """
    result = invoke("inspect", "--trust-profile", images.profile, images.lineage)

    lines = [line for line in result.stdout.splitlines() if "manifest " in line or "ingredient" in line]
    active = next(line for line in lines if "active manifest" in line)
    below = next(line for line in lines if line.strip().startswith('manifest "urn:uuid:'))
    assert result.exit_code == 0
    assert active.endswith("- trusted")
    assert below.endswith("- trusted")
    assert len(active) - len(active.lstrip()) < len(below) - len(below.lstrip())


@pytest.mark.parametrize(
    "words",
    [
        "image/png, 40 x 24 pixels",
        'action       "c2pa.created", by "Azure OpenAI DALL-E", described as "Generated with AI"',
        'anchor       "Sample Authority Root CA", SHA-256 ',
        "time-stamp   2024-06-01 12:00:00 UTC",
        '1 "CN=Sample Authority Signer',
        "valid 2024-01-01 to 2025-01-01",
        'success      "assertion.boxesHash.match" by engine',
        'success      "signingCredential.trusted" by validator',
        "trailing     none",
        "accepted",
    ],
)
def test_an_inspection_shows_all_there_is(invoke: Invoke, images: Images, words: str) -> None:
    """
    Whoever inspects wants to see what the verdict rests on.
    """
    assert words in invoke("inspect", "--trust-profile", images.profile, images.accepted).stdout


@pytest.mark.parametrize("kind", ["trailing", "invalid", "valid", "absent", "remote", "tolerated"])
def test_an_inspection_succeeds_whatever_the_verdict(invoke: Invoke, images: Images, kind: str) -> None:
    """
    It was asked what is there, not whether it is enough.
    """
    result = invoke("inspect", "--trust-profile", images.profile, asdict(images)[kind])

    assert result.exit_code == 0
    assert all(line.isprintable() for line in result.stdout.splitlines())


def test_an_inspection_marks_what_proves_nothing(
    invoke: Invoke, images: Images, authority: Authority, tmp_path: Path
) -> None:
    """
    A genuine manifest that is dropped into another store is listed by the engine like any other.
    """
    png = plain_png()
    stray = make_manifest(png, azure_v1(authority, label="urn:uuid:00000000-0000-4000-8000-000000000009"))
    path = tmp_path / "stray.png"
    path.write_bytes(sign_image(png, azure_v1(authority), unreferenced=(stray,)))

    result = invoke("inspect", "--trust-profile", images.profile, str(path))

    words = 'unreferenced manifest "urn:uuid:00000000-0000-4000-8000-000000000009" - it proves nothing'
    assert words in result.stdout


def test_an_inspection_leaves_out_what_nobody_reads_to_the_end(
    invoke: Invoke, images: Images, authority: Authority, tmp_path: Path
) -> None:
    """
    A store may hold thousands of actions; the first hundred have to do.
    """
    actions = tuple({"action": "c2pa.edited"} for _ in range(150))
    path = tmp_path / "edited.png"
    path.write_bytes(sign_image(plain_png(), replace(azure_v1(authority), actions=actions)))

    result = invoke("inspect", "--trust-profile", images.profile, str(path))

    assert result.stdout.count('"c2pa.edited"') == 100
    assert "... and 50 more" in result.stdout


def test_an_inspection_as_json_is_the_report(invoke: Invoke, judge: Invoke, images: Images) -> None:
    """
    One form, whoever asks.
    """
    inspected = invoke("inspect", "--trust-profile", images.profile, "--format", "json", images.lineage)

    verified = judge("--format", "json", images.lineage)
    assert [json.loads(inspected.stdout)] == json.loads(verified.stdout)


@pytest.mark.parametrize("output_format", ["text", "json"])
def test_what_cannot_be_inspected_is_said(invoke: Invoke, images: Images, output_format: str) -> None:
    """
    The error stands on standard error, and as a report where one was asked for.
    """
    result = invoke("inspect", "--format", output_format, images.text)

    assert result.exit_code == 3
    assert "not an image" in result.stderr
    assert bool(result.stdout) == (output_format == "json")


def test_an_inspection_shows_ingredients_without_credentials(
    invoke: Invoke, images: Images, authority: Authority, tmp_path: Path
) -> None:
    """
    They are part of the picture's history, though nothing vouches for them.
    """
    sketch = IngredientSpec(manifest=None, title="Sketch", relationship="parentOf")
    path = tmp_path / "sketch.png"
    path.write_bytes(sign_image(plain_png(), replace(azure_v1(authority), ingredients=(sketch,))))

    result = invoke("inspect", "--trust-profile", images.profile, str(path))

    assert 'ingredient "Sketch", "parentOf"' in result.stdout
    assert "without a manifest of its own" in result.stdout


def test_a_manifest_that_two_ingredients_share_is_shown_once(
    invoke: Invoke, images: Images, authority: Authority, tmp_path: Path
) -> None:
    """
    Or the tree could grow without end.
    """
    png = plain_png()
    part = make_manifest(png, azure_v1(authority, label="urn:uuid:00000000-0000-4000-8000-000000000009"))
    twice = (IngredientSpec(manifest=part), IngredientSpec(manifest=part))
    path = tmp_path / "twice.png"
    path.write_bytes(sign_image(png, replace(azure_v1(authority), ingredients=twice)))

    result = invoke("inspect", "--trust-profile", images.profile, str(path))

    assert result.stdout.count('ingredient "Embedded Ingredient"') == 2
    assert result.stdout.count('000000000009" - trusted') == 1
