"""
The real images that lie beside the project, through the library.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import jsonschema
import pytest

from provenance import Verifier, builtin_policies, schema, to_dict
from tests.support import CorpusFile, corpus_files

STATES = {
    "trusted": {"trusted"},
    "valid": {"valid"},
    "invalid": {"invalid"},
    "absent": {"absent"},
    "not trusted": {"valid", "invalid"},
}
FILES = corpus_files()
EVERY_FILE = pytest.mark.parametrize(
    "file", FILES or [pytest.param(None, id="no corpus")], ids=lambda file: file.name if file else None
)
VALIDATOR = jsonschema.Draft202012Validator(schema())


@cache
def verifier(policy: str) -> Verifier:
    """
    Keep one verifier for each policy, as a caller would.
    """
    return Verifier(policy=policy, self_test=False)


@EVERY_FILE
def test_a_real_image_is_answered_as_expected(corpus: Path, file: CorpusFile) -> None:
    """
    Its state, whether each built-in policy accepts it, and where it shows Azure OpenAI's work.
    """
    results = {name: verifier(name).verify(corpus / file.name) for name in builtin_policies()}

    assert {name: result.accepted for name, result in results.items()} == file.accepted
    for result in results.values():
        assert result.state in STATES[file.credentials]
        assert to_dict(result)["origin"]["azure_openai_in"] == file.azure_openai_in
        assert set(result.passes) == {name for name, accepted in file.accepted.items() if accepted}


@EVERY_FILE
def test_the_report_on_a_real_image_fits_the_schema(corpus: Path, file: CorpusFile) -> None:
    """
    Whatever real signers write.
    """
    written = to_dict(verifier("azure-openai").verify(corpus / file.name), name=file.name)

    VALIDATOR.validate(written)
    assert json.loads(json.dumps(written)) == written


@EVERY_FILE
def test_a_real_image_is_judged_alike_from_path_bytes_and_stream(corpus: Path, file: CorpusFile) -> None:
    """
    The bytes are judged, and nothing about where they came from.
    """
    path = corpus / file.name
    with path.open("rb") as stream:
        results = [verifier("azure-openai").verify(source) for source in (path, path.read_bytes(), stream)]

    assert len({json.dumps(to_dict(result)) for result in results}) == 1


@pytest.mark.parametrize("order", [1, -1], ids=["forwards", "backwards"])
def test_the_order_of_real_images_does_not_matter(corpus: Path, order: int) -> None:
    """
    One verifier for all of them gives what a new one gives for each.
    """
    shared = Verifier(self_test=False)
    files = [file.name for file in FILES][::order]

    together = {name: json.dumps(to_dict(shared.verify(corpus / name))) for name in files}

    alone = {name: json.dumps(to_dict(Verifier(self_test=False).verify(corpus / name))) for name in files}
    assert together == alone


@EVERY_FILE
def test_bytes_behind_a_genuine_image_make_it_unacceptable(corpus: Path, file: CorpusFile) -> None:
    """
    None of the genuine ones has any.
    """
    if file.credentials != "trusted":
        return

    result = verifier("azure-openai-lineage").verify((corpus / file.name).read_bytes() + b"x")

    assert (result.accepted, result.passes, result.facts.trailing_bytes) == (False, (), 1)
