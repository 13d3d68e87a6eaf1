"""
`provenance generate` and `provenance edit`: an image from Azure OpenAI, judged and saved as it came.

The key comes from the environment or a token, never from the command line, where others could read it;
so do a gateway's secrets.
"""

from __future__ import annotations

import functools
import json
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

from provenance.cli import options
from provenance.cli.output import terminal, verdict
from provenance.cli.output.progress import waiting
from provenance.errors import ProvenanceError
from provenance.generation import (
    AzureImageClient,
    ClientOptions,
    GeneratedImage,
    Generation,
    InvalidOptionError,
    OutputFilteredError,
    PromptFilteredError,
    SettingError,
    entra_token_provider,
)
from provenance.generation.entra import SCOPE
from provenance.verification.verdict import VerificationResult
from provenance.verification.verifier import Verifier

_BAD_REQUEST = 2
_NOT_JUDGED = 3
_FOLDER = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path)  # what is wrong with it is said by whoever reads it

# Stands in the order in which help shows it.
_IMAGE_OPTIONS = (
    click.option("--out", type=_FOLDER, metavar="DIR", required=True, help="Folder for images and reports."),
    click.option("--n", type=int, metavar="N", help="How many images."),
    click.option("--size", metavar="WxH|auto", help="Such as 1024x1024."),
    click.option("--quality", metavar="WORD", help="Such as low, medium, high; standard or hd for dall-e-3."),
    click.option("--style", metavar="WORD", help="vivid or natural, for dall-e-3."),
    click.option("--output-format", metavar="WORD", help="png or jpeg, for gpt-image models."),
    click.option("--output-compression", type=int, metavar="0..100", help="For jpeg."),
    click.option("--background", metavar="WORD", help="auto, transparent or opaque."),
    click.option(
        "--model", metavar="NAME", help="Model behind the deployment; decides what is checked first."
    ),
    click.option(
        "--endpoint",
        metavar="URL",
        help="The resource, or a target URI that names deployment and api-version, too.  "
        "[default: AZURE_OPENAI_ENDPOINT]",
    ),
    click.option("--deployment", metavar="NAME", help="[default: AZURE_OPENAI_DEPLOYMENT]"),
    click.option(
        "--api-version",
        metavar="VERSION|v1",
        help="A version with a date asks at /openai/deployments/, v1 at /openai/v1/.  "
        "[default: OPENAI_API_VERSION, else v1]",
    ),
    click.option("--entra", is_flag=True, help="Authenticate with Microsoft Entra instead of a key."),
    click.option("--scope", metavar="URL", default=SCOPE, show_default=True, help="Scope of --entra."),
    click.option(
        "--header",
        "headers",
        metavar="'NAME: VALUE'",
        multiple=True,
        help="A further header for the API; may be repeated. Other users of this machine can see it: "
        "a secret belongs into --header-env.",
    ),
    click.option(
        "--header-env",
        "secret_headers",
        metavar="NAME=VARIABLE",
        multiple=True,
        help="A further header, with the value that an environment variable has; may be repeated.",
    ),
    click.option(
        "--ca-file",
        type=_FILE,
        metavar="PEM",
        help="Trust these certificate authorities for TLS, besides those of SSL_CERT_FILE or the usual ones.",
    ),
    click.option(
        "--client-certificate",
        type=_FILE,
        metavar="PEM",
        help="Certificate to show to the API, and its key unless --client-key names another file.",
    ),
    click.option("--client-key", type=_FILE, metavar="PEM", help="Key of --client-certificate."),
    click.option(
        "--quarantine",
        type=_FOLDER,
        metavar="DIR",
        help="Folder for images that are not accepted, instead of --out.",
    ),
)
_CLIENT_OPTIONS = (
    "endpoint",
    "deployment",
    "api_version",
    "model",
    "ca_file",
    "client_certificate",
    "client_key",
)


def _image_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_IMAGE_OPTIONS):
        command = option(command)
    return command


@click.command(
    epilog="""\
\b
Examples:
  export AZURE_OPENAI_ENDPOINT=https://NAME.openai.azure.com AZURE_OPENAI_API_KEY=...
  provenance generate "a lighthouse at dusk" --deployment my-images --out pictures
  provenance generate "a lighthouse" --deployment my-images --model gpt-image-1 \\
      --n 2 --size 1536x1024 --quality high --out pictures --quarantine rejected
  provenance generate "a lighthouse" --out pictures --endpoint \\
      "https://NAME.openai.azure.com/openai/deployments/my-images/images/generations?api-version=VERSION"
  provenance generate "a lighthouse" --endpoint https://gateway.example/team --deployment my-images \\
      --header-env Ocp-Apim-Subscription-Key=GATEWAY_KEY --ca-file company.pem --out pictures
""",
)
@click.argument("prompt")
@_image_options
@options.verifier
@options.output_format("text", "json")
@click.pass_context
def generate(ctx: click.Context, /, *, prompt: str, **given: Any) -> None:  # noqa: ANN401 - options as click has them
    """
    Generate images with Azure OpenAI, verify them, and save them as they came.

    Each image gets a report beside it, NAME.provenance.json. The key is read from AZURE_OPENAI_API_KEY. HTTP
    proxies are taken from HTTPS_PROXY, ALL_PROXY and NO_PROXY.

    Exits 0 if every image is accepted, 1 if any is not, 2 for a bad request, 3 if the service refused or
    failed.
    """
    _run(ctx, functools.partial(AzureImageClient.generate, prompt=prompt), given)


@click.command(
    epilog="""\
\b
Examples:
  provenance edit photo.png "make it night" --deployment my-images --out pictures
  provenance edit a.png --image b.png "both in one room" --deployment my-images --out pictures
  provenance edit photo.png "a red door" --mask door.png --deployment my-images --out pictures
""",
)
@click.argument("image", type=click.Path(path_type=Path))
@click.argument("prompt")
@click.option("--image", "more", type=click.Path(path_type=Path), multiple=True, help="A further image.")
@click.option("--mask", type=click.Path(path_type=Path), help="PNG; transparent where the image may change.")
@click.option("--input-fidelity", metavar="WORD", help="low or high.")
@_image_options
@options.verifier
@options.output_format("text", "json")
@click.pass_context
def edit(
    ctx: click.Context,
    /,
    *,
    image: Path,
    prompt: str,
    more: tuple[Path, ...],
    mask: Path | None,
    **given: Any,  # noqa: ANN401 - options as click has them
) -> None:
    """
    Edit images with Azure OpenAI, verify what comes back, and save it as it came.

    Exits 0 if every image is accepted, 1 if any is not, 2 for a bad request, 3 if the service refused or
    failed.
    """
    call = functools.partial(AzureImageClient.edit, image=(image, *more), prompt=prompt, mask=mask)
    _run(ctx, call, given)


def _run(ctx: click.Context, call: Callable[..., Generation], given: dict[str, Any]) -> None:
    out, quarantine, output_format = given.pop("out"), given.pop("quarantine"), given.pop("output_format")
    for folder in filter(None, (out, quarantine)):
        _check_folder(folder)
    try:
        with _client(given) as client, waiting("waiting for the image"):
            wanted = {name: value for name, value in given.items() if value is not None}
            generation = call(client, **wanted)
    except (InvalidOptionError, SettingError) as error:
        terminal.complain(str(error), error.hint)
        ctx.exit(_BAD_REQUEST)
    except (PromptFilteredError, OutputFilteredError) as error:
        terminal.complain(str(error), _filter_in_words(error))
        ctx.exit(_NOT_JUDGED)
    images = [_save(image, out, quarantine) for image in generation]
    if output_format == "json":
        reports = [image.report(str(path)) for image, path in images]
        terminal.emit(json.dumps(reports, indent=2) + "\n")
    else:
        terminal.show(row for image, path in images for row in _rows(image, path))
    for failure in generation.failures:
        terminal.complain(str(failure), failure.hint)
    ctx.exit(
        max(_exit_code(image.outcome) for image in generation) or (_NOT_JUDGED if generation.failures else 0)
    )


def _filter_in_words(error: PromptFilteredError | OutputFilteredError) -> str:
    refused = ", ".join(error.facts.filtered.refused)
    revised = f" The prompt as it was rewritten: {error.revised_prompt}" if error.revised_prompt else ""
    return f"Reword the prompt{f'; refused for: {refused}' if refused else ''}.{revised}"


def _client(given: dict[str, Any]) -> AzureImageClient:
    verifier: Verifier = given.pop("verifier")
    scope, entra = given.pop("scope"), given.pop("entra")
    settings: ClientOptions = {"verifier": verifier, "on_rejected": "keep"}
    for name in _CLIENT_OPTIONS:
        value = given.pop(name)
        if value is not None:
            settings[name] = value  # type: ignore[literal-required] # one of the names above
    headers = _headers(given.pop("headers"), given.pop("secret_headers"))
    if headers:
        settings["headers"] = headers
    if entra:
        settings["token"] = entra_token_provider(scope)
    return AzureImageClient(**settings)


def _headers(plain: tuple[str, ...], secret: tuple[str, ...]) -> dict[str, str]:
    # What is wrong with one is said without showing it: it may be a secret in the wrong place.
    found: list[tuple[str, str]] = []
    for text in plain:
        name, colon, value = text.partition(":")
        if not colon:
            raise click.UsageError("--header takes 'NAME: VALUE', with a colon.")
        found.append((name.strip(), value.strip(" \t")))
    for text in secret:
        name, equals, variable = text.partition("=")
        value = os.environ.get(variable, "") if equals else ""
        if not value.strip():
            raise click.UsageError("--header-env takes NAME=VARIABLE, the name of a variable that is set.")
        found.append((name.strip(), value.strip()))
    if len({name.lower() for name, _ in found}) < len(found):
        raise click.UsageError("a header is given twice.")
    return dict(found)


def _check_folder(folder: Path) -> None:
    """
    Check that files can be written into a folder, or that it can be made, before anything is paid for.

    It is not made yet: where nothing comes back, nothing is left behind.
    """
    what = "made"
    try:
        there = next(filter(_is_taken, (folder, *folder.absolute().parents)))
        what = "written to" if there == folder else what
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise _unusable(folder, what, error) from error


def _is_taken(path: Path) -> bool:
    """
    Return whether anything is there; a link that leads nowhere is in a folder's way as a file is.
    """
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _unusable(folder: Path, what: str, error: OSError) -> terminal.OutputError:
    return terminal.OutputError(f"{terminal.printable(str(folder))} cannot be {what}: {error.strerror}")


def _save(image: GeneratedImage, out: Path, quarantine: Path | None) -> tuple[GeneratedImage, Path]:
    folder = out if image.accepted or quarantine is None else quarantine
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(folder, "made", error) from error
    return image, image.save(folder).image


def _rows(image: GeneratedImage, path: Path) -> Iterable[terminal.Row]:
    if isinstance(image.outcome, VerificationResult):
        yield from verdict.verdict(str(path), image.outcome)
    else:
        yield terminal.Row(str(path), depth=0, bold=True)
        yield terminal.Row(f"could not be judged: {image.outcome}", colour="red", bold=True)
    if image.revised_prompt:
        yield terminal.Row(terminal.quoted(image.revised_prompt, 400), "prompt")


def _exit_code(outcome: VerificationResult | ProvenanceError) -> int:
    if isinstance(outcome, VerificationResult):
        return 0 if outcome.accepted else 1
    return _NOT_JUDGED
