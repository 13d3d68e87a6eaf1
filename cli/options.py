"""
Options that several commands share, and how their text becomes objects.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import click
from click.shell_completion import CompletionItem

from provenance.asset.limits import Limits
from provenance.cli import trust_profile
from provenance.policy.policy import DEFAULT, Policy, builtin_policies, load_policy
from provenance.text_value import TextValueError, read_size, read_time
from provenance.trust.microsoft import MICROSOFT
from provenance.trust.profile import TrustProfile, anchors_from_pem, pin, read_pem_certificates
from provenance.verification.verifier import Verifier

Value = TypeVar("Value")


def complete_policy(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """
    Complete the names of built-in policies, else files.
    """
    found = [
        CompletionItem(name, help=policy.summary)
        for name, policy in builtin_policies().items()
        if name.startswith(incomplete)
    ]
    return found or [CompletionItem(incomplete, type="file")]


def complete_profile(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """
    Complete the names of trust profiles, else files.
    """
    found = [CompletionItem(name) for name in trust_profile.names() if name.startswith(incomplete)]
    return found or [CompletionItem(incomplete, type="file")]


def reading(
    read: Callable[[str], Value], least: float = -math.inf, most: float = math.inf
) -> Callable[[str], Value]:
    """
    Return the type of an option whose text means a value.

    Args:
        read: Returns the value, or raises TextValueError.

        least: Least value, where values are numbers.

        most: Largest value, likewise.
    """

    def convert(text: str) -> Value:
        try:
            value = read(text)
        except TextValueError as error:
            raise click.BadParameter(f"{error}.") from error
        if isinstance(value, int | float) and not least <= value <= most:
            raise click.BadParameter(f"{text!r} is not from {least:g} to {most:g}.")
        return value

    return convert


PEM_FILE = click.Path(path_type=Path)
"""
A file of PEM certificates; what is wrong with it is said by whoever reads it.
"""

# Stands in the order in which help shows it.
_VERIFIER_OPTIONS = (
    click.option(
        "--policy",
        type=load_policy,
        shell_complete=complete_policy,
        metavar="NAME|FILE.toml",
        default=DEFAULT,
        show_default=True,
        help="Policy to hold the images against.",
    ),
    click.option(
        "--trust-profile",
        "trust_profiles",
        type=trust_profile.find,
        shell_complete=complete_profile,
        metavar="NAME|FILE.toml",
        default=(MICROSOFT.name,),
        multiple=True,
        help="Trust profile; several are joined.  [default: microsoft]",
    ),
    click.option(
        "--trust-anchors",
        type=PEM_FILE,
        metavar="PEM",
        multiple=True,
        help="Also trust claim signers below the certificate authorities in this file, but not what they say "
        "of which generator made an image: for that, see 'provenance trust add --help'.",
    ),
    click.option(
        "--tsa-anchors",
        type=PEM_FILE,
        metavar="PEM",
        multiple=True,
        help="Also trust time-stamps below the certificate authorities in this file.",
    ),
    click.option(
        "--at",
        type=reading(read_time),
        metavar="TIME",
        help="Judge as of this time (RFC 3339, or a date; UTC unless it names a zone) where no trusted "
        "time-stamp tells when an image was signed.  [default: now]",
    ),
    click.option(
        "--max-bytes",
        type=reading(read_size),
        metavar="SIZE",
        help="Largest image to read, such as 500000, 64M or 1GiB.  [default: 128MiB]",
    ),
)


def verifier(command: Callable[..., None]) -> Callable[..., None]:
    """
    Add the options that say how to judge; the command gets a `verifier` in their place.
    """

    @functools.wraps(command)
    def wrapper(
        *,
        policy: Policy,
        trust_profiles: tuple[TrustProfile, ...],
        trust_anchors: tuple[Path, ...],
        tsa_anchors: tuple[Path, ...],
        at: datetime | None,
        max_bytes: int | None,
        **further: object,
    ) -> None:
        trust = _join(trust_profiles, trust_anchors, tsa_anchors)
        limits = Limits() if max_bytes is None else Limits(max_bytes=max_bytes)
        # A command that ends at once would spend more time on the self-test than on its images.
        ready = Verifier(policy=policy, trust=trust, limits=limits, at=at, self_test=False)
        command(verifier=ready, **further)

    with_options: Callable[..., None] = wrapper
    for option in reversed(_VERIFIER_OPTIONS):
        with_options = option(with_options)
    return with_options


def output_format(*formats: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """
    Add the option that chooses one of *formats*; the first is the default.
    """
    return click.option(
        "--format",
        "output_format",
        type=click.Choice(formats),
        default=formats[0],
        show_default=True,
        help="Form of the answer.",
    )


def _join(
    chosen: tuple[TrustProfile, ...], trust_anchors: tuple[Path, ...], tsa_anchors: tuple[Path, ...]
) -> TrustProfile:
    profile = functools.reduce(operator.or_, chosen)
    signers = tuple(certificate for path in trust_anchors for certificate in read_pem_certificates(path))
    if signers:
        profile |= anchors_from_pem("trust-anchors", signers, signers_only=True)
    stampers = [certificate for path in tsa_anchors for certificate in read_pem_certificates(path)]
    pins = tuple(pin(found) for found in stampers)
    if not pins:
        return profile
    new = tuple(pin for pin in pins if pin not in profile.time_stamp_anchors)
    return replace(
        profile,
        name=f"{profile.name}.tsa-anchors"[:64],
        time_stamp_anchors=profile.time_stamp_anchors + new,
    )
