"""
A client that nobody here wrote: openapi-python-client makes it from the description that the service serves.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.service.support import ABSENT, ACCEPTED, Running, running

# It knows of a body as it is under this media type alone, and has to be told of each that is one.
WHOLE = "application/octet-stream"
IMAGE_TYPES = ("avif", "gif", "heic", "jpeg", "png", "svg+xml", "tiff", "webp")

pytestmark = pytest.mark.slow


class Generated:
    """
    The generated client's modules.
    """

    def __init__(self, folder: Path, service: Running, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        Generate a client for a service, with no warning about its description.
        """
        self._name = f"client_{service.port}"
        config = folder / "config.json"
        overrides = {f"image/{subtype}": WHOLE for subtype in IMAGE_TYPES}
        config.write_text(json.dumps({"content_type_overrides": overrides}), "utf-8")
        command = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none"]
        options = ["--config", str(config), "--output-path", str(folder / self._name), "--fail-on-warning"]
        # It formats what it wrote with the ruff that it finds.
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            [*command, "--url", f"{service.address}/openapi.json", *options],
            env={**os.environ, "PATH": path},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        monkeypatch.syspath_prepend(folder)

    def module(self, name: str) -> ModuleType:
        """
        Import one of its modules.
        """
        return importlib.import_module(f"{self._name}.{name}")


def test_a_generated_client_asks_for_verdicts_and_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    As its user would: each answer, refusals included, is a value of a type of its own.
    """
    with running(tmp_path) as service:
        made = Generated(tmp_path, service, monkeypatch)
        models, types = made.module("models"), made.module("types")
        verify, batch = made.module("api.verdicts.verify"), made.module("api.verdicts.verify_batch")
        search, read = made.module("api.reports.search_reports"), made.module("api.reports.read_reports")
        delete = made.module("api.reports.delete_reports")
        token = service.key("admin")["Authorization"].removeprefix("Bearer ")

        def file(path: Path) -> object:
            return types.File(payload=io.BytesIO(path.read_bytes()), file_name=path.name)

        with made.module("client").AuthenticatedClient(service.address, token) as client:
            whole = verify.sync(client=client, body=file(ACCEPTED))
            form = verify.sync(client=client, body=models.VerifyFilesBody(image=file(ACCEPTED)))
            strict = models.VerifyPolicy.AZURE_OPENAI_LINEAGE
            other = verify.sync(client=client, body=file(ACCEPTED), policy=strict)
            refused = verify.sync(client=client, body=types.File(payload=io.BytesIO(b"%PDF-1.7")))
            several = batch.sync(
                client=client, body=models.VerifyBatchBody(image=[file(ACCEPTED), file(ABSENT)])
            )
            page = search.sync(client=client, accepted=True, state=models.SearchReportsState.TRUSTED, limit=1)
            rest = search.sync(client=client, accepted=True, cursor=page.next_cursor)
            stored = read.sync(whole.asset.sha256, client=client)
            deleted = delete.sync(whole.asset.sha256, client=client)
            gone = read.sync(whole.asset.sha256, client=client)

    assert isinstance(whole, models.Verdict)
    assert (whole.state, whole.accepted) == (models.VerdictState.TRUSTED, True)
    assert (whole.asset.name, form.asset.name) == (None, ACCEPTED.name)
    assert (whole.policy.name, other.policy.name) == ("azure-openai", strict.value)
    assert isinstance(refused, models.Problem)
    assert (refused.status, refused.title) == (415, "The body is in a form that is not read")
    assert [report.accepted for report in several.reports] == [True, False]
    assert [len(page.reports), len(rest.reports), len(stored.reports)] == [1, 1, 2]
    assert page.reports[0].report.policy.name == strict.value
    assert deleted == models.Deleted(deleted=2)
    assert (gone.status, gone.detail) == (404, "There is no report on that image.")


def test_a_generated_client_needs_no_key_where_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    What the service is set to is in it.
    """
    with running(tmp_path, no_auth=True, max_batch=3) as service:
        made = Generated(tmp_path, service, monkeypatch)
        with made.module("client").Client(service.address) as client:
            policies = made.module("api.service.list_policies").sync(client=client)
            ready = made.module("api.service.ready").sync(client=client)
            metrics = made.module("api.service.metrics").sync(client=client)

    assert [one.name for one in policies.policies] == [
        *("azure-openai", "azure-openai-documented", "azure-openai-lineage")
    ]
    assert (policies.limits.max_batch, policies.key_needed) == (3, False)
    assert ready.components.store.ready is True
    assert "provenance_requests_total" in metrics
