"""
What is checked before anything is sent: options by model, images to edit, and the client's settings.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from provenance.authority import plain_jpeg, plain_png, plain_webp
from provenance.authority.image import png_chunk
from provenance.generation import (
    MODELS,
    AsyncAzureImageClient,
    AuthenticationError,
    AzureImageClient,
    GenerationError,
    ImageOptions,
    InvalidOptionError,
    RateLimiter,
    RetryPolicy,
    SettingError,
    StreamEditOptions,
    entra_token_provider,
)
from provenance.generation.request.endpoint import Endpoint, load_endpoint
from provenance.generation.request.image_request import make_request
from provenance.generation.request.source import as_sources, read_inputs

GPT = ("gpt-image-1", "gpt-image-1-mini", "gpt-image-1.5", "gpt-image-2")


def _refused(model: str, **options: Any) -> str:  # noqa: ANN401 - passed on
    prompt = options.pop("prompt", "a ship")
    with pytest.raises(InvalidOptionError) as caught:
        make_request(prompt, options, StreamEditOptions, model)
    assert caught.value.status is None
    assert caught.value.facts.parameter
    return str(caught.value)


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        ("dall-e-3", {"size": "512x512"}, "1792x1024"),
        ("dall-e-3", {"quality": "high"}, "standard, hd"),
        ("dall-e-3", {"style": "noir"}, "vivid, natural"),
        ("dall-e-3", {"response_format": "png"}, "url, b64_json"),
        ("dall-e-3", {"output_format": "jpeg"}, "always makes PNG"),
        ("dall-e-3", {"output_compression": 5}, "always makes PNG"),
        ("dall-e-3", {"background": "auto"}, "no background"),
        ("dall-e-3", {"n": 0}, "at least 1"),
        ("dall-e-3", {"prompt": "x" * 4001}, "4,001 characters"),
        ("dall-e-3", {"prompt": " "}, "empty"),
        ("DALL-E-3", {"prompt": 5}, "must be text"),
        *((model, {"size": "1000x1000"}, "size") for model in GPT),
        *((model, {"quality": "hd"}, "low, medium, high, auto") for model in GPT),
        *((model, {"style": "vivid"}, "no style") for model in GPT),
        *((model, {"response_format": "b64_json"}, "always answer with b64_json") for model in GPT),
        *((model, {"output_format": "webp"}, "png, jpeg") for model in GPT),
        *((model, {"output_compression": 101, "output_format": "jpeg"}, "0 to 100") for model in GPT),
        *((model, {"output_compression": 50}, "only with output_format jpeg") for model in GPT),
        *((model, {"n": 11}, "1 to 10") for model in GPT),
        *((model, {"n": True}, "whole number") for model in GPT),
        *((model, {"n": "2"}, "whole number") for model in GPT),
        *((model, {"prompt": "x" * 32_001}, "32,000") for model in GPT),
        *((model, {"partial_images": 4}, "0 to 3") for model in GPT),
        *((model, {"user": 7}, "must be text") for model in GPT),
        ("gpt-image-1", {"background": "pink"}, "transparent"),
        (
            "gpt-image-1",
            {"background": "transparent", "output_format": "jpeg"},
            "only with output_format png",
        ),
        ("gpt-image-1", {"input_fidelity": "medium"}, "low, high"),
        ("gpt-image-1-mini", {"input_fidelity": "high"}, "no input_fidelity"),
        ("gpt-image-2", {"size": "big"}, "WIDTHxHEIGHT"),
        ("gpt-image-2", {"size": 1024}, "WIDTHxHEIGHT"),
        ("gpt-image-2", {"size": "1000x1008"}, "multiples of 16"),
        ("gpt-image-2", {"size": "3856x1600"}, "edge of at most 3840"),
        ("gpt-image-2", {"size": "3200x1024"}, "ratio of at most 3:1"),
        ("gpt-image-2", {"size": "512x512"}, "655,360"),
        ("gpt-image-2", {"size": "3840x3840"}, "8,294,400"),
    ],
)
def test_what_a_model_does_not_take_is_refused(model: str, options: dict[str, Any], message: str) -> None:
    """
    Before it costs a request, with the values there are.
    """
    assert message in _refused(model, **options)


@pytest.mark.parametrize(
    ("model", "options"),
    [
        (
            "dall-e-3",
            {"size": "1792x1024", "quality": "hd", "style": "natural", "response_format": "url", "n": 12},
        ),
        ("dall-e-3", {"prompt": "x" * 4000, "user": "somebody"}),
        *(
            (model, {"size": "1536x1024", "quality": "high", "n": 10, "output_format": "jpeg"})
            for model in GPT
        ),
        *((model, {"output_format": "jpeg", "output_compression": 0}) for model in GPT),
        *((model, {"background": "transparent"}) for model in GPT),
        ("gpt-image-1.5", {"input_fidelity": "high", "partial_images": 0}),
        ("gpt-image-2", {"size": "3840x2160", "background": "pink"}),
        ("gpt-image-2", {"size": "auto"}),
        ("gpt-image-2.5-large", {"size": "9x9", "quality": "xhigh", "n": 99, "style": "x"}),
        (None, {"size": "9x9", "prompt": ""}),
        ("gpt-image-1", {"extra": {"quality": "max", "moderation": "low", "new": [1]}}),
    ],
)
def test_what_a_model_takes_or_is_unknown_passes(model: str | None, options: dict[str, Any]) -> None:
    """
    New models and values appear faster than releases.
    """
    request = make_request(options.pop("prompt", "a ship"), options, StreamEditOptions, model)

    extra = options.pop("extra", {})
    expected = {**options, **extra}
    expected.pop("n", None)
    assert {k: v for k, v in request.fields.items() if k not in ("prompt", "n")} == expected


def test_every_problem_is_told_at_once() -> None:
    """
    One by one they would take as many attempts.
    """
    message = _refused("gpt-image-1", size="1x1", quality="hd", n=0)

    assert all(name in message for name in ("size:", "quality:", "n:"))


def test_the_model_of_a_call_outranks_the_clients() -> None:
    """
    A deployment's model may change under its name.
    """
    request = make_request("x", {"model": "dall-e-3", "n": 2}, ImageOptions, "gpt-image-1")

    assert (request.repeats, request.asked, request.fields) == (2, 2, {"prompt": "x"})


@pytest.mark.parametrize("extra", [{"stream": True}, {"prompt": "y"}, {"mask": "z"}, {"size": "9x9"}])
def test_extra_fields_do_not_change_what_the_client_decides(extra: dict[str, Any]) -> None:
    """
    A stream that nobody expects would not be read.
    """
    message = _refused("gpt-image-2.5", extra=extra, size="8x8")

    assert "argument of its own" in message


@pytest.mark.parametrize("model", ["dall-e-3"])
def test_a_model_without_edits_or_streams_is_not_asked_for_them(model: str) -> None:
    """
    It would answer 404, which looks like a wrong endpoint.
    """
    with pytest.raises(InvalidOptionError, match="makes no edits"):
        make_request("x", {}, StreamEditOptions, model, images=[b"x"])
    with pytest.raises(InvalidOptionError, match="does not stream"):
        make_request("x", {}, StreamEditOptions, model, stream=True)


def test_too_many_images_to_edit_are_refused() -> None:
    """
    The service takes sixteen.
    """
    with pytest.raises(InvalidOptionError, match="1 to 16"):
        make_request("x", {}, StreamEditOptions, "gpt-image-1", images=[b"x"] * 17)


RULES = MODELS["gpt-image-1"].inputs
IMAGE = plain_png(32, 24)
CLEAR = IMAGE[:25] + b"\x06" + IMAGE[26:]
TRANSPARENT = IMAGE[:33] + png_chunk(b"gAMA", bytes(4)) + png_chunk(b"tRNS", bytes(6)) + IMAGE[33:]


@pytest.mark.parametrize(
    ("images", "mask", "message"),
    [
        ([], None, "at least one"),
        ([plain_webp()], None, "image-1.webp is image/webp"),
        ([b"GIF89a\x01\0\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;"], None, "image/gif"),
        ([b"nothing"], None, "image-1: not an image"),
        ([IMAGE, "/no/such/file.png"], None, "image-2: asset cannot be read"),
        ([IMAGE], plain_jpeg(32, 24), "mask.jpg is image/jpeg"),
        ([IMAGE], plain_png(24, 32), "same dimensions, not 24x32 and 32x24"),
        ([IMAGE], IMAGE, "alpha channel"),
        (["https://example.org/image.png"], None, "given by URL is refused"),
        ([IMAGE], "data:image/png;base64,AAAA", "given by URL is refused"),
        (["HTTP://example.org/image.png"], None, "make this machine send requests"),
        ([IMAGE + bytes(50 * 1024 * 1024)], None, "exceeds"),
        ([IMAGE], CLEAR + bytes(4 * 1024 * 1024), "exceeds"),
    ],
)
def test_images_that_the_model_does_not_edit_are_refused(images: list[Any], mask: Any, message: str) -> None:  # noqa: ANN401 - anything
    """
    With the reason, which the service often leaves out.
    """
    with pytest.raises(InvalidOptionError, match=message):
        read_inputs(images, mask, RULES)


@pytest.mark.parametrize("mask", [CLEAR, TRANSPARENT, None])
def test_images_to_edit_are_taken_as_bytes_or_paths(tmp_path: Path, mask: bytes | None) -> None:
    """
    With transparency of either kind in the mask.
    """
    path = tmp_path / "x.bin"
    path.write_bytes(IMAGE)

    found = read_inputs([path, str(path), bytearray(IMAGE), plain_jpeg(8, 8)], mask, RULES)

    assert [image.file.data for image in found[:3]] == [IMAGE] * 3
    assert [image.file.field for image in found[:4]] == ["image[]"] * 4
    assert (found[3].width, found[3].file.media_type) == (8, "image/jpeg")
    assert found[-1].has_alpha is (mask is not None)


def test_of_an_unknown_model_nothing_is_assumed() -> None:
    """
    It may edit WebP, too.
    """
    found = read_inputs([plain_webp()], IMAGE, None)

    assert [image.file.file_name for image in found] == ["image-1.webp", "mask.png"]


@pytest.mark.parametrize("damaged", [IMAGE[:20], IMAGE[:33]])
def test_a_damaged_image_is_refused(damaged: bytes) -> None:
    """
    Its dimensions cannot be told.
    """
    with pytest.raises(InvalidOptionError, match="image-1"):
        read_inputs([damaged], None, RULES)


def test_one_image_or_several_are_taken() -> None:
    """
    A text is a path, not a sequence of letters.
    """
    assert as_sources("abc") == ("abc",)
    assert as_sources(b"abc") == (b"abc",)
    assert as_sources(["a", b"b"]) == ("a", b"b")


GOOD: dict[str, Any] = {
    "endpoint": "https://name.openai.azure.com",
    "deployment": "pictures",
    "api_version": None,
    "v1": None,
    "api_key": "key-1",
    "token": None,
    "environment": {},
}


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://name.openai.azure.com",
        "https://name.openai.azure.com/",
        " https://name.openai.azure.com/openai/ ",
        "https://name.openai.azure.com/openai/v1/",
    ],
)
def test_the_endpoint_may_be_written_in_several_ways(endpoint: str) -> None:
    """
    As the portal, the documentation and other libraries show it.
    """
    settings = load_endpoint(**{**GOOD, "endpoint": endpoint})

    assert settings.url("generations") == "https://name.openai.azure.com/openai/v1/images/generations"


@pytest.mark.parametrize(
    "endpoint",
    ["https://x.services.ai.azure.com", "https://x.cognitiveservices.azure.com", "http://localhost:8080",
     "http://[::1]:80", "http://127.9.9.9", "https://gateway.example.org/azure"],
)  # fmt: skip
def test_any_host_may_be_asked(endpoint: str) -> None:
    """
    Azure has several, gateways have their own, and this machine needs no certificate.
    """
    assert load_endpoint(**{**GOOD, "endpoint": endpoint}).base == endpoint


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"endpoint": None}, "no endpoint"),
        ({"endpoint": "http://name.openai.azure.com"}, "https://"),
        ({"endpoint": "name.openai.azure.com"}, "must be a URL"),
        ({"endpoint": "ftp://name"}, "https://"),
        ({"endpoint": "https://user:secret@name"}, "must be a URL"),
        ({"endpoint": "https://name?api-version=1"}, "must be a URL"),
        ({"endpoint": "https://na\u00efve"}, "must be a URL"),
        ({"endpoint": "https://[::1"}, "not a URL"),
        ({"endpoint": "https://x:99999999"}, "not a URL"),
        ({"deployment": None}, "no deployment"),
        ({"api_key": None}, "no credential"),
        ({"api_key": " "}, "no credential"),
        ({"api_key": "secret\nkey"}, "characters"),
        ({"api_key": "secret k\u00e9y"}, "characters"),
        ({"token": lambda: "x"}, "not both"),
        ({"v1": False}, "needs an api_version"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes: dict[str, Any], message: str) -> None:
    """
    Without showing what might be a secret.
    """
    with pytest.raises(SettingError, match=message) as caught:
        load_endpoint(**{**GOOD, **changes})

    assert "secret" not in str(caught.value)


def test_the_environment_fills_in() -> None:
    """
    As in the other libraries for this service.
    """
    nothing = dict.fromkeys(("endpoint", "deployment", "api_version", "v1", "api_key", "token"))
    environment = {
        "AZURE_OPENAI_ENDPOINT": "https://name.openai.azure.com",
        "AZURE_OPENAI_DEPLOYMENT": "pictures",
        "AZURE_OPENAI_API_KEY": "key-2\n",
        "OPENAI_API_VERSION": "2025-04-01-preview",
    }

    settings = load_endpoint(**{**nothing, "environment": environment})  # type: ignore[arg-type]  # the keys fit
    v1 = load_endpoint(**{**nothing, "v1": True, "environment": environment})  # type: ignore[arg-type]  # likewise
    with_token = load_endpoint(**{**nothing, "token": lambda: "t", "environment": environment})  # type: ignore[arg-type]  # likewise

    assert (settings.api_key, settings.v1, settings.api_version) == ("key-2", False, "2025-04-01-preview")
    assert (v1.v1, v1.api_version) == (True, None)
    assert with_token.api_key is None


def test_a_key_does_not_show() -> None:
    """
    Endpoints are printed by debuggers and test runners.
    """
    assert "key-1" not in repr(load_endpoint(**GOOD))
    assert isinstance(load_endpoint(**GOOD), Endpoint)


@pytest.mark.parametrize(
    "options",
    [{"max_attempts": 0}, {"read_timeout_s": 0}, {"initial_backoff_s": -1}, {"connect_timeout_s": 0}],
)
def test_a_retry_policy_must_make_sense(options: dict[str, Any]) -> None:
    """
    No attempts at all would return nothing.
    """
    with pytest.raises(ValueError, match="must be"):
        RetryPolicy(**options)


def test_a_pace_must_make_sense() -> None:
    """
    No requests a minute would wait for ever.
    """
    with pytest.raises(ValueError, match="more than 0"):
        RateLimiter(0)


@pytest.mark.parametrize(
    ("rate", "expected"), [(6, [0, 0, 0, 0, 0, 0, 60, 60]), (0.5, [0, 120, 240]), (2.5, [0, 0, 48, 48, 96])]
)
def test_no_minute_sees_more_requests_than_allowed(rate: float, expected: list[float]) -> None:
    """
    A bucket that is refilled steadily would let twice as many through in its first minute.
    """
    now = [100.0]
    limiter = RateLimiter(rate, clock=lambda: now[0])

    assert [limiter.reserve() for _ in expected] == pytest.approx(expected)


def test_a_pace_that_is_held_lets_nobody_start() -> None:
    """
    The service has said that it is too much.
    """
    now = [100.0]
    limiter = RateLimiter(6, clock=lambda: now[0])

    limiter.block(5)
    limiter.block(3)

    assert (limiter.reserve(), limiter.blocked_s()) == (5, 5)
    now[0] += 6
    assert (limiter.reserve(), limiter.blocked_s()) == (0, 0)


def test_entra_without_its_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The name of the extra is what a user needs.
    """
    monkeypatch.setitem(sys.modules, "azure.identity", None)

    with pytest.raises(SettingError, match=r"azure-image-provenance\[entra\]"):
        entra_token_provider()


def test_entra_tokens_come_from_azure_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    With the scope asked for, and the credential given or the default one.
    """
    asked: list[tuple[object, ...]] = []
    package, identity = ModuleType("azure"), ModuleType("azure.identity")
    identity.DefaultAzureCredential = lambda: "default"  # type: ignore[attr-defined]  # stands for the real one

    def provider(*arguments: object) -> Any:  # noqa: ANN401 - a callable
        asked.append(arguments)
        return lambda: "token"

    identity.get_bearer_token_provider = provider  # type: ignore[attr-defined]  # stands for the real one
    monkeypatch.setitem(sys.modules, "azure", package)
    monkeypatch.setitem(sys.modules, "azure.identity", identity)

    assert entra_token_provider()() == "token"
    assert entra_token_provider("https://ai.azure.com/.default", "own")() == "token"
    assert asked == [
        ("default", "https://cognitiveservices.azure.com/.default"),
        ("own", "https://ai.azure.com/.default"),
    ]


def test_a_token_that_entra_does_not_give_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    azure-identity tells each way that it tried, over many lines; other errors are not ours to name.
    """

    class AzureError(Exception):
        pass

    class CredentialUnavailableError(AzureError):
        pass

    def fail() -> str:
        raise AzureError("No way to a token.\n\tEnvironmentCredential: ...")

    identity = ModuleType("azure.identity")
    identity.CredentialUnavailableError = CredentialUnavailableError  # type: ignore[attr-defined]  # stands for the real one
    identity.get_bearer_token_provider = lambda *_: fail  # type: ignore[attr-defined]  # likewise
    monkeypatch.setitem(sys.modules, "azure", ModuleType("azure"))
    monkeypatch.setitem(sys.modules, "azure.identity", identity)

    with pytest.raises(AuthenticationError, match=r"^Microsoft Entra gives no token: No way to a token\.$"):
        entra_token_provider(credential="own")()


def test_both_clients_have_the_same_methods() -> None:
    """
    Whoever changes from one to the other changes nothing else.
    """

    def public(kind: type) -> set[str]:
        return {name for name in vars(kind) if not name.startswith("_")}

    assert public(AzureImageClient) == public(AsyncAzureImageClient)


def test_all_public_names_are_there() -> None:
    """
    And every error of the package is among them.
    """
    from provenance import generation  # noqa: PLC0415 - the package itself is looked at

    errors = [vars(sys.modules[f"provenance.generation.{name}"]) for name in ("errors", "image")]
    classes = {
        name
        for module in errors
        for name, value in module.items()
        if isinstance(value, type) and issubclass(value, GenerationError) and not name.startswith("_")
    }
    assert [name for name in generation.__all__ if not hasattr(generation, name)] == []
    assert classes <= set(generation.__all__)
    assert os.path.basename(generation.__file__) == "__init__.py"  # noqa: PTH119 - a name, not a path
