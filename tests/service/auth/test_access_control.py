"""
Who is let in, how often, and what is done while the store does not answer; by the clock of the test.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from provenance import StoreError, Verifier, to_dict
from provenance.service.auth import key_cache
from provenance.service.auth.key_cache import FRESH_S, MAX_ASKED, STALE_S, KeyCache
from provenance.service.auth.rate_limit import RateLimit
from provenance.service.http.problem import ProblemError
from provenance.service.observability.metrics import Metrics
from provenance.service.store.api_key import ApiKey
from provenance.service.store.circuit_breaker import OPEN_S, CircuitBreaker
from provenance.service.store.key_store import KeyStore
from provenance.service.store.report_cache import ReportCache
from provenance.service.store.report_store import ReportStore
from provenance.service.store.store import Store
from tests.service.store_support import key_of, record_of
from tests.service.support import ABSENT


class Clock:
    """
    A clock that goes on when it is told to.
    """

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        """
        Return the time.
        """
        return self.now


@pytest.fixture
def clock() -> Clock:
    """
    Make a clock.
    """
    return Clock()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """
    Open a store.
    """
    with Store.open(f"sqlite:///{tmp_path / 'service.db'}") as opened:
        yield opened


class Asked:
    """
    Counts what a method of the store is asked, and fails while it is told to.
    """

    def __init__(self, store: KeyStore | ReportStore, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.fails = False
        real = getattr(store, name)

        def ask(*args: object, **named: object) -> object:
            self.count += 1
            if self.fails:
                raise StoreError("it is gone")
            return real(*args, **named)

        monkeypatch.setattr(store, name, ask)


# --- keys -------------------------------------------------------------------------------------------


@pytest.fixture
def cache(store: Store, clock: Clock) -> Iterator[KeyCache]:
    """
    Make a cache of keys.
    """
    made = KeyCache(store.keys, Metrics(), clock)
    yield made
    made.close()


def find(cache: KeyCache, text: str) -> ApiKey | None:
    """
    Find a key.
    """
    return asyncio.run(cache.find(text))


def test_a_key_is_looked_up_once_in_a_while(
    cache: KeyCache, store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Not for each request.
    """
    key, text = store.keys.create_key("test", ["verify"])
    asked = Asked(store.keys, "find_key", monkeypatch)

    found = [find(cache, text) for _ in range(3)]
    clock.now += FRESH_S
    found.append(find(cache, text))

    assert found == [key] * 4
    assert asked.count == 2


def test_a_revoked_key_is_refused_once_it_is_looked_up_again(
    cache: KeyCache, store: Store, clock: Clock
) -> None:
    """
    No later.
    """
    key, text = store.keys.create_key("test", ["verify"])
    find(cache, text)
    store.keys.revoke_key(key.id)

    remembered = find(cache, text)
    clock.now += FRESH_S

    assert remembered == key
    assert find(cache, text) is None
    clock.now -= FRESH_S
    assert find(cache, text) is None


def test_made_up_keys_hold_up_nobody_who_has_one(
    cache: KeyCache, store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Where the store hangs, only so many of them wait; once it failed, those that waited do not ask as well.
    """
    key, text = store.keys.create_key("test", ["verify"])
    made_up = [store.keys.create_key(str(number), ["verify"])[1] for number in range(MAX_ASKED + 1)]
    real, asked, answered = store.keys.find_key, [], threading.Event()

    def hang(presented: str) -> ApiKey | None:
        if presented == text:
            return real(presented)
        asked.append(presented)
        answered.wait(30)
        raise StoreError("it is gone")

    async def ask() -> tuple[ApiKey | None, list[ApiKey | BaseException | None]]:
        await cache.find(text)
        clock.now += FRESH_S
        waiting = [asyncio.ensure_future(cache.find(other)) for other in made_up[:-1]]
        await asyncio.sleep(0)
        known = await cache.find(text)
        with pytest.raises(ProblemError, match="503 too-busy"):
            await cache.find(made_up[-1])
        answered.set()
        return known, await asyncio.gather(*waiting, return_exceptions=True)

    monkeypatch.setattr(store.keys, "find_key", hang)

    known, others = asyncio.run(ask())

    assert known == key
    assert {type(other) for other in others} == {StoreError}
    assert len(asked) == 1


def test_a_key_that_expires_is_refused_at_once(
    cache: KeyCache, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Though it is remembered.
    """
    now = datetime.now(UTC)
    key, text = store.keys.create_key("test", ["verify"], now + timedelta(hours=1))
    assert find(cache, text) == key

    class Later:
        @staticmethod
        def now(_zone: object) -> datetime:
            return now + timedelta(hours=1)

    monkeypatch.setattr(key_cache, "datetime", Later)

    assert find(cache, text) is None


def test_a_key_is_accepted_while_the_store_is_gone_but_not_for_ever(
    cache: KeyCache, store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A database that restarts must not stop moderation; one that is gone must not keep a key alive.
    """
    key, text = store.keys.create_key("test", ["verify"])
    asked = Asked(store.keys, "find_key", monkeypatch)
    find(cache, text)
    asked.fails = True

    clock.now += STALE_S - 1
    found = [find(cache, text) for _ in range(5)]
    clock.now += 1
    with pytest.raises(StoreError):
        find(cache, text)

    assert found == [key] * 5
    assert asked.count == 3  # once it was there, once to see that it is gone, once at the end
    asked.fails = False
    clock.now += OPEN_S
    assert find(cache, text) == key


def test_what_is_no_key_is_never_looked_up(
    cache: KeyCache, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Nor is one remembered that does not exist.
    """
    asked = Asked(store.keys, "find_key", monkeypatch)

    assert [find(cache, text) for text in ("", "aip_", "x" * 10_000, "\udcff", "aip_" + "a" * 100)] == [
        None
    ] * 5
    assert asked.count == 0
    assert [find(cache, "aip_aaaaaaaaaaaaaaaa_" + "A" * 43) for _ in range(2)] == [None, None]
    assert asked.count == 2


def test_only_so_many_keys_are_remembered(
    cache: KeyCache, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Those that were looked up last.
    """
    monkeypatch.setattr(key_cache, "_MAX_KEYS", 2)
    texts = [store.keys.create_key("test", ["verify"])[1] for _ in range(3)]
    asked = Asked(store.keys, "find_key", monkeypatch)

    for text in (*texts, *texts[1:], texts[0]):
        assert find(cache, text) is not None

    assert asked.count == 4


# --- rates ------------------------------------------------------------------------------------------


def test_a_bucket_empties_and_fills(clock: Clock) -> None:
    """
    At its rate, up to its size.
    """
    rate = RateLimit(60, 2, clock)

    def taken() -> bool:
        try:
            rate.consume("a")
        except ProblemError as error:
            return error.problem.headers["Retry-After"] != "1"
        return True

    first = [taken() for _ in range(3)]
    clock.now += 0.9
    too_early = taken()
    clock.now += 0.1
    one_more = [taken(), taken()]
    clock.now += 1_000
    full = [taken() for _ in range(3)]

    assert (first, too_early, one_more) == ([True, True, False], False, [True, False])
    assert full == [True, True, False]


def test_what_is_owed_has_to_be_made_up(clock: Clock) -> None:
    """
    The rest of a batch that was let in.
    """
    rate = RateLimit(60, 1, clock)
    rate.consume("a")
    for _ in range(3):
        rate.consume_with_debt("a")

    with pytest.raises(ProblemError) as caught:
        rate.consume("a")

    assert caught.value.problem.headers["Retry-After"] == "4"
    rate.consume("b")


def test_without_a_rate_nothing_is_counted(clock: Clock) -> None:
    """
    Nor remembered.
    """
    rate = RateLimit(0, 1, clock)

    for _ in range(100):
        rate.consume("a")
        rate.consume_with_debt("a")

    assert rate._buckets == {}


# --- a store that fails -----------------------------------------------------------------------------


def test_a_store_that_failed_is_left_alone_for_a_moment(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Then one asks, and the others go on without it until that is answered.
    """
    report = to_dict(Verifier().verify(ABSENT), sha256="0" * 64)
    key = key_of(report)
    verdict = record_of(report)
    now = datetime.now(UTC)
    finding, keeping = Asked(store.reports, "find", monkeypatch), Asked(store.reports, "keep", monkeypatch)
    metrics = Metrics()
    cache = ReportCache(store.reports, metrics, clock)
    keeping.fails = True

    kept = [cache.keep(verdict, now) for _ in range(3)]
    found = cache.find(key)
    finding.fails = True
    without = [cache.find(key), cache.find(key), cache.keep(verdict, now)]
    counts = (keeping.count, finding.count)
    finding.fails = keeping.fails = False
    clock.now += OPEN_S
    again = [cache.find(key), cache.keep(verdict, now), cache.find(key) is not None]

    assert kept == [False] * 3
    assert found is None
    assert without == [None, None, False]
    assert counts == (1, 2)
    assert again == [None, True, True]
    assert metrics.registry.get_sample_value("provenance_store_errors_total", {"operation": "keep"}) == 1


def test_after_a_failure_one_asks_for_all(clock: Clock) -> None:
    """
    Were all to ask, all would wait until it times out.
    """
    breaker = CircuitBreaker(clock)

    assert not breaker.is_open()
    assert breaker.record_failure()
    assert not breaker.record_failure()
    assert breaker.is_open()
    clock.now += OPEN_S
    assert breaker.is_open(probe=False)
    assert [breaker.is_open(), breaker.is_open(), breaker.is_open()] == [False, True, True]
    breaker.record_success()
    assert not breaker.is_open()
