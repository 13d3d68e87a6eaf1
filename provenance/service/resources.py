"""
The parts of the service, opened together and closed in the order that loses nothing.
"""

from __future__ import annotations

import contextlib
import functools
import operator
from pathlib import Path
from typing import Self

from provenance.errors import SettingsError, TrustError
from provenance.policy.policy import Policy, load_policy
from provenance.service.auth.authorizer import Authorizer
from provenance.service.auth.key_cache import KeyCache
from provenance.service.auth.rate_limit import RateLimit
from provenance.service.bounded_executor import BoundedExecutor
from provenance.service.config.settings import Settings
from provenance.service.dispatch import ImageDispatcher
from provenance.service.observability.metrics import Metrics
from provenance.service.observability.tracing import open_tracing
from provenance.service.store.report_cache import ReportCache
from provenance.service.store.retention import Retention
from provenance.service.store.store import Store
from provenance.service.upload.file_pool import FilePool
from provenance.trust.microsoft import MICROSOFT
from provenance.trust.profile import TrustProfile, load_trust_profile

# Fewer than the store has connections, so that verdicts find one, too.
_READING = 4
_MAX_READING = 32


class ServiceResources:
    """
    Everything behind the routes; a context manager that opens it and closes it.

    Attributes:
        settings: What it was set to.

        policies: Policies that may be asked for, by name, the default one first.

        trust: Whom it believes.

        metrics: What is counted.

        tracing: What makes traces.

        store: Where reports and keys are.

        dispatcher: What judges.

        files: Where images are put meanwhile.

        authorizer: What says who may ask.

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
        self.metrics = Metrics()
        self.tracing = open_tracing(settings.otlp_endpoint)
        self.store = Store.open(settings.database_url(), timeout_s=settings.store_timeout_s)
        cache = ReportCache(self.store.reports, self.metrics)
        self.dispatcher = ImageDispatcher(
            settings, tuple(self.policies.values()), self.trust, cache, self.metrics
        )
        self.reading = BoundedExecutor("reports", _READING, _MAX_READING)
        self.checking = BoundedExecutor("readiness", 1, 1)
        self.files = FilePool(settings.max_bytes, self.dispatcher.slots)
        self._keys = None if settings.no_auth else KeyCache(self.store.keys, self.metrics)
        self._retention = Retention(self.store.reports, settings.retention_days)
        self.authorizer = Authorizer(self._keys, RateLimit(settings.rate, settings.burst))
        self.metrics.watch(
            depth=lambda: self.dispatcher.admitted,
            limit=self.dispatcher.slots,
            restarts=lambda: self.dispatcher.restarts,
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
            self.dispatcher.start()
            self._retention.start()
            stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """
        End the workers, then close the store, then send the last traces.
        """
        self.dispatcher.close()
        self._retention.close()
        if self._keys is not None:
            self._keys.close()
        self.reading.close()
        self.checking.close()
        self.files.close()
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
