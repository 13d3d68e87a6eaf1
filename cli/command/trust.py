"""
`provenance trust`: the trust profiles there are, and those of the user's own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click

from provenance.cli import options, trust_profile
from provenance.cli.output import terminal
from provenance.cli.output.terminal import Row, quoted
from provenance.distribution import HOME
from provenance.trust.profile import (
    CLAIM_SIGNING,
    DOCUMENT_SIGNING,
    Pin,
    TrustProfile,
    anchors_from_pem,
    load_trust_profile,
    read_pem_certificates,
)


@click.group(
    epilog=f"""\
\b
Examples:
  provenance trust show microsoft
  provenance trust add mine --trust-anchors root.pem --tsa-anchors time-stamps.pem
  provenance verify --trust-profile microsoft --trust-profile mine picture.png

Profiles of your own lie in the folder 'trust' of your configuration directory, or of the directory that
{HOME} names.
""",
)
def trust() -> None:
    """
    Choose whose signatures to trust: anchors are pinned by the SHA-256 of their certificates.

    Claim signers and time-stamp authorities are two lists: who may sign an image may not thereby say when.
    """


@trust.command(
    "list",
    epilog="""\
\b
Examples:
  provenance trust list
  provenance trust list --format json | jq -r '.[].name'
""",
)
@options.output_format("text", "json")
def list_profiles(output_format: str) -> None:
    """
    List the trust profiles: built in, and your own.
    """
    found = [(name, trust_profile.is_built_in(name)) for name in trust_profile.names()]
    if output_format == "json":
        listed = [{"name": name, "built_in": is_built_in} for name, is_built_in in found]
        terminal.emit(json.dumps(listed, indent=2) + "\n")
        return
    terminal.show(
        Row("built in" if is_built_in else "your own", name, depth=0) for name, is_built_in in found
    )
    terminal.show([Row(f"Your own lie in {trust_profile.directory()}", depth=0)])


@trust.command(
    "show",
    epilog="""\
\b
Examples:
  provenance trust show microsoft
  provenance trust show --format json ./my-profile.toml
""",
)
@click.argument(
    "profile", metavar="NAME|FILE.toml", type=trust_profile.find, shell_complete=options.complete_profile
)
@options.output_format("text", "json")
def show_profile(profile: TrustProfile, output_format: str) -> None:
    """
    Show whom a trust profile believes: names, SHA-256 and key purposes.
    """
    if output_format == "json":
        terminal.emit(json.dumps(_as_json(profile), indent=2) + "\n")
    else:
        terminal.show(_in_words(profile))


@trust.command(
    "add",
    epilog="""\
\b
Examples:
  provenance trust add mine --trust-anchors root.pem --tsa-anchors time-stamps.pem
  provenance trust add mine --profile profile.toml --force
""",
)
@click.argument("name")
@click.option(
    "--trust-anchors",
    type=options.PEM_FILE,
    metavar="PEM",
    multiple=True,
    help="Trust claim signers below the certificate authorities in this file.",
)
@click.option(
    "--tsa-anchors",
    type=options.PEM_FILE,
    metavar="PEM",
    multiple=True,
    help="Trust time-stamps below the certificate authorities in this file.",
)
@click.option(
    "--key-purpose",
    "key_purposes",
    metavar="OID",
    multiple=True,
    help="Extended key usage a claim signer needs one of.  "
    f"[default: {CLAIM_SIGNING} and {DOCUMENT_SIGNING}]",
)
@click.option("--profile", "file", type=options.PEM_FILE, metavar="FILE.toml", help="Copy a whole profile.")
@click.option("--force", is_flag=True, help="Replace a profile of that name.")
@click.pass_context
def add_profile(
    ctx: click.Context,
    *,
    name: str,
    trust_anchors: tuple[Path, ...],
    tsa_anchors: tuple[Path, ...],
    key_purposes: tuple[str, ...],
    file: Path | None,
    force: bool,
) -> None:
    """
    Keep a trust profile of your own under NAME, made of PEM files or copied from a TOML file.

    Compare the SHA-256 that are printed with those that the authority publishes.
    """
    if (file is None) == (not trust_anchors):
        raise click.UsageError("Give either --trust-anchors or --profile.", ctx)
    if file is not None and (tsa_anchors or key_purposes):
        raise click.UsageError("--profile goes without --tsa-anchors and --key-purpose.", ctx)
    if file is not None:
        profile = load_trust_profile(file)
    else:
        profile = _from_pem(name, trust_anchors, tsa_anchors, key_purposes)
    trust_profile.add(name, profile, force=force)
    terminal.show(_in_words(trust_profile.find(name)))


@trust.command("remove", epilog="\b\nExample:\n  provenance trust remove mine\n")
@click.argument("name", shell_complete=options.complete_profile)
def remove_profile(name: str) -> None:
    """
    Forget a trust profile of your own.
    """
    trust_profile.remove(name)


def _from_pem(
    name: str, trust_anchors: tuple[Path, ...], tsa_anchors: tuple[Path, ...], key_purposes: tuple[str, ...]
) -> TrustProfile:
    signers = tuple(found for path in trust_anchors for found in read_pem_certificates(path))
    stampers = tuple(found for path in tsa_anchors for found in read_pem_certificates(path))
    purposes = key_purposes or (CLAIM_SIGNING, DOCUMENT_SIGNING)
    return anchors_from_pem(name, signers, stampers, key_purposes=purposes)


def _in_words(profile: TrustProfile) -> Iterator[Row]:
    yield Row(f"{profile.name} version {profile.version}", depth=0, bold=True)
    if profile.date is not None:
        yield Row(f"{profile.date}: newer authorities are not known", "as of")
    yield Row(f"SHA-256 {profile.digest}")
    for anchor in profile.claim_anchors:
        yield Row(quoted(anchor.pin.name), "claim anchor")
        yield from _pin_rows(anchor.pin, 2)
        for pin in anchor.intermediates:
            yield Row(f"{quoted(pin.name)} or another of these issued the signer", "only if", depth=2)
            yield from _pin_rows(pin, 3)
        yield Row(" or ".join(anchor.key_purposes), "key purpose", depth=2)
    for pin in profile.time_stamp_anchors:
        yield Row(quoted(pin.name), "time-stamps")
        yield from _pin_rows(pin, 2)
    if not profile.time_stamp_anchors:
        yield Row("none, so no time-stamp counts", "time-stamps")


def _pin_rows(pin: Pin, depth: int) -> Iterator[Row]:
    yield Row(pin.sha256, depth=depth)
    if pin.evidence or pin.pinned:
        day = f"{pin.pinned}" if pin.pinned else "a day that is not known"
        reason = f": {quoted(pin.evidence)}" if pin.evidence else ""
        yield Row(f"{day}{reason}", "pinned", depth=depth)


def _as_json(profile: TrustProfile) -> dict[str, object]:
    return {
        "name": profile.name,
        "version": profile.version,
        "date": profile.date.isoformat() if profile.date is not None else None,
        "digest": profile.digest,
        "claim_anchors": [
            {
                **_pin(anchor.pin),
                "key_purposes": list(anchor.key_purposes),
                "intermediates": [_pin(pin) for pin in anchor.intermediates],
            }
            for anchor in profile.claim_anchors
        ],
        "time_stamp_anchors": [_pin(pin) for pin in profile.time_stamp_anchors],
    }


def _pin(pin: Pin) -> dict[str, object]:
    return {
        "name": pin.name,
        "sha256": pin.sha256,
        "evidence": pin.evidence or None,
        "pinned": pin.pinned.isoformat() if pin.pinned is not None else None,
    }
