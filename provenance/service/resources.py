"""
The parts of the service, opened together and closed in the order that loses nothing.
"""

from __future__ import annotations

import contextlib
import functools
import operator
from pathlib import Path
from types import TracebackType
from typing import Self

from provenance.errors import SettingsError, TrustError
from provenance.policy.policy import Policy, load_policy
from provenance.service.auth.authorizer import Door
from provenance.service.auth.key_cache import KeyRing
from provenance.service.auth.rate_limit import RateLimit
from provenance.service.bounded_executor import Threads
from provenance.service.config.settings import Settings
from provenance.service.dispatch import Judging
from provenance.service.observability.metrics import Meter
from provenance.service.observability.tracing import open_tracing
from provenance.service.store.report_cache import Shelf
from provenance.service.store.retention import Retention
from provenance.service.store.store import Store
from provenance.service.upload.upload import Room
from provenance.trust.microsoft import MICROSOFT
from provenance.trust.profile import TrustProfile, load_trust_profile

# Fewer than the store has connections, so that verdicts find one, too.
_READING = 4
_MAX_READING = 32


class Service:
    """
    Everything behind the routes; a context manager that opens it and closes it.

    Attributes:
        settings: What it was set to.

        policies: Policies that may be asked for, by name, the default one first.

        trust: Whom it believes.

        meter: What counts.

        tracing: What follows requests.

        store: Where reports and keys are.

        judging: What judges.

        room: Where images are put meanwhile.

        door: Who is let in.

        reading: Threads that ask the store for reports.

        checking: The thread that finds out whether the service is ready.
    """

    def __init__(self, settings: Settings) -> None:
        """
        Open everything but the workers.

        Raises:
            PolicyError: If a policy cannot be used.

            TrustError: If a trust profile cannot be used.

            SettingsError: If two policies have one name, or an extra that is asked for is not installed.

            StoreError: If the store cannot be opened.
        """
        self.settings = settings
        self.policies = _policies(settings.policies)
        self.trust = _trust(settings.trust_profiles)
        self.meter = Meter()
        self.tracing = open_tracing(settings.otlp_endpoint)
        self.store = Store.open(settings.database_url(), timeout_s=settings.store_timeout_s)
        shelf = Shelf(self.store, self.meter)
        self.judging = Judging(settings, tuple(self.policies.values()), self.trust, shelf, self.meter)
        self.reading = Threads("reports", _READING, _MAX_READING)
        self.checking = Threads("readiness", 1, 1)
        self.room = Room(settings.max_bytes, self.judging.seats)
        self._keys = None if settings.no_auth else KeyRing(self.store, self.meter)
        self._retention = Retention(self.store, settings.retention_days)
        self.door = Door(self._keys, RateLimit(settings.rate, settings.burst))
        self.meter.watch(
            depth=lambda: self.judging.taken,
            limit=self.judging.seats,
            restarts=lambda: self.judging.restarts,
        )

    @property
    def default_policy(self) -> Policy:
        """
        The policy that holds where none is asked for.
        """
        return next(iter(self.policies.values()))

    def __enter__(self) -> Self:
        """
        Start the workers; returns once they passed the self-test.

        Raises:
            EngineError: If one did not.
        """
        with contextlib.ExitStack() as stack:
            stack.callback(self.close)
            self.judging.start()
            self._retention.start()
            stack.pop_all()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """
        End the workers, then close the store, then send the last traces.
        """
        self.judging.close()
        self._retention.close()
        if self._keys is not None:
            self._keys.close()
        self.reading.close()
        self.checking.close()
        self.room.close()
        self.store.close()
        self.tracing.close()


def _policies(names: tuple[str, ...]) -> dict[str, Policy]:
    policies: dict[str, Policy] = {}
    for name in names:
        policy = load_policy(name)
        if policy.name in policies:
            raise SettingsError(f"'policies' names two policies that are called {policy.name!r}")
        policies[policy.name] = policy
    return policies


def _trust(names: tuple[str, ...]) -> TrustProfile:
    return functools.reduce(operator.or_, map(_trust_profile, names))


def _trust_profile(name: str) -> TrustProfile:
    if name == MICROSOFT.name:
        return MICROSOFT
    if not name.endswith(".toml"):
        raise TrustError(
            f"there is no trust profile {name!r}; there is {MICROSOFT.name!r}, and files end in '.toml'"
        )
    return load_trust_profile(Path(name))
