"""
The entry to the library: one call for one image, and a verifier to keep for many.

A `Verifier` runs the self-test once in each process before its first verdict, so that an engine or a
configuration that silently changed its mind is noticed; a command that ends at once may leave it out.
"""

from __future__ import annotations

import os
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from provenance.asset.asset import Asset, AssetSource
from provenance.asset.limits import Limits
from provenance.distribution import verdict_digest
from provenance.policy.policy import DEFAULT, Policy, builtin_policies, load_policy
from provenance.trust.microsoft import MICROSOFT
from provenance.trust.profile import TrustProfile, dump_trust_profile, load_trust_profile
from provenance.validation.engine import Engine
from provenance.verification.judge import Judge
from provenance.verification.self_test import require_passed
from provenance.verification.verdict import VerificationResult


class Verifier:
    """
    Verifies images under one policy and one trust profile.

    Safe to share between threads, and to use after a fork.
    """

    def __init__(
        self,
        *,
        policy: Policy | str | Path = DEFAULT,
        trust: TrustProfile | Path = MICROSOFT,
        limits: Limits | None = None,
        at: datetime | None = None,
        self_test: bool = True,
    ) -> None:
        """
        Set what images are judged by.

        Args:
            policy: A policy, the name of a built-in one, or the path of a TOML file.

            trust: A trust profile, or the path of a TOML file.

            limits: Bounds on what is read; by default 128 MiB an image, 65,536 chunks, 8 MiB of
                manifest store, 64 manifests.

            at: Aware time that counts where no trusted time-stamp says when a manifest was signed;
                by default the time of each call.

            self_test: Whether to judge known images before the first verdict in each process.

        Raises:
            PolicyError: If there is no such policy, or it demands nothing.

            TrustError: If the trust profile cannot be read, or is empty.

            ValueError: If *at* has no time zone.
        """
        if at is not None and at.tzinfo is None:
            raise ValueError("'at' needs a time zone")
        self.policy = policy if not isinstance(policy, str | Path) else load_policy(policy)
        self.trust = trust if isinstance(trust, TrustProfile) else load_trust_profile(trust)
        self.limits = limits or Limits()
        self.at = at
        self._self_test = self_test
        self._judge = Judge(self.trust, self.policy, self.limits, Engine())

    @property
    def digest(self) -> str:
        """
        SHA-256 over everything that decides its verdicts but the asset and the day, in lower-case hex.

        Names of certificates count, too, for they stand in reports; and the built-in policies, for reports
        say which of them accept.
        """
        return verdict_digest(
            {
                "policy": [self.policy.name, self.policy.version, self.policy.digest],
                "built_in": [policy.digest for policy in builtin_policies().values()],
                "trust": [dump_trust_profile(self.trust), self.trust.digest],
                "limits": asdict(self.limits),
                "at": self.at.isoformat() if self.at is not None else None,
            }
        )

    def verify(self, source: AssetSource | Asset) -> VerificationResult:
        """
        Judge one image.

        Args:
            source: A path, bytes, a binary stream, or an open `Asset` (which stays open).

        Returns:
            The verdict. A bad image is a verdict too: ask it for `.accepted`, `.state`, `.findings`.

        Raises:
            AssetError: If the image cannot be read, is of no kind this library reads, is damaged
                before a manifest store is found, or exceeds a bound.

            EngineError: If the engine fails for reasons that say nothing about the image, or the
                self-test does not pass.
        """
        if self._self_test:
            require_passed(os.getpid())
        if isinstance(source, Asset):
            return self._judge.judge(source, self.at)
        with Asset.open(source, self.limits) as asset:
            return self._judge.judge(asset, self.at)


def verify(
    source: AssetSource | Asset,
    *,
    policy: Policy | str | Path = DEFAULT,
    trust: TrustProfile | Path = MICROSOFT,
    limits: Limits | None = None,
    at: datetime | None = None,
) -> VerificationResult:
    """
    Judge one image; keep a `Verifier` to judge many.

    Args:
        source: A path, bytes, a binary stream, or an open `Asset`.

        policy: A policy, the name of a built-in one, or the path of a TOML file.

        trust: A trust profile, or the path of a TOML file.

        limits: Bounds on what is read.

        at: Aware time that counts where no trusted time-stamp says when a manifest was signed.

    Returns:
        The verdict.

    Raises:
        AssetError: If the image cannot be read or is out of bounds.

        PolicyError: If there is no such policy.

        TrustError: If the trust profile cannot be used.

        EngineError: If the engine fails for reasons that say nothing about the image.
    """
    return Verifier(policy=policy, trust=trust, limits=limits, at=at).verify(source)
