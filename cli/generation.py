"""
`provenance generate` and `provenance edit`: an image from Azure OpenAI, judged and saved as it came.

The key comes from the environment or a token, never from the command line, where others could read it.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

from provenance.cli import options, render, terminal
from provenance.cli.progress import waiting
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
from provenance.verdict import VerificationResult
from provenance.verifier import Verifier

_BAD_REQUEST = 2
_NOT_JUDGED = 3
_FOLDER = click.Path(path_type=Path, file_okay=False)

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
    click.option("--endpoint", metavar="URL", help="The resource.  [default: AZURE_OPENAI_ENDPOINT]"),
    click.option("--deployment", metavar="NAME", help="[default: AZURE_OPENAI_DEPLOYMENT]"),
    click.option("--api-version", metavar="VERSION", help="[default: OPENAI_API_VERSION, else /openai/v1/]"),
    click.option("--entra", is_flag=True, help="Authenticate with Microsoft Entra instead of a key."),
    click.option("--scope", metavar="URL", default=SCOPE, show_default=True, help="Scope of --entra."),
    click.option(
        "--quarantine",
        type=_FOLDER,
        metavar="DIR",
        help="Folder for images that are not accepted, instead of --out.",
    ),
)
_CLIENT_OPTIONS = ("endpoint", "deployment", "api_version", "model")


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

    Each image gets a report beside it, NAME.provenance.json. The key is read from AZURE_OPENAI_API_KEY.

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
    if entra:
        settings["token"] = entra_token_provider(scope)
    return AzureImageClient(**settings)


def _save(image: GeneratedImage, out: Path, quarantine: Path | None) -> tuple[GeneratedImage, Path]:
    folder = out if image.accepted or quarantine is None else quarantine
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise terminal.OutputError(
            f"{terminal.printable(str(folder))} cannot be made: {error.strerror}"
        ) from error
    return image, image.save(folder).image


def _rows(image: GeneratedImage, path: Path) -> Iterable[terminal.Row]:
    if isinstance(image.outcome, VerificationResult):
        yield from render.verdict(str(path), image.outcome)
    else:
        yield terminal.Row(str(path), depth=0, bold=True)
        yield terminal.Row(f"could not be judged: {image.outcome}", colour="red", bold=True)
    if image.revised_prompt:
        yield terminal.Row(terminal.quoted(image.revised_prompt, 400), "prompt")


def _exit_code(outcome: VerificationResult | ProvenanceError) -> int:
    if isinstance(outcome, VerificationResult):
        return 0 if outcome.accepted else 1
    return _NOT_JUDGED
