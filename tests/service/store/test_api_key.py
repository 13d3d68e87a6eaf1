"""
API keys: made, presented, refused, revoked, and their secrets kept nowhere.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import pickle
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from provenance.service.store import api_key
from provenance.service.store.api_key import ApiKey, PresentedKey, Scope, make_key, parse_key
from provenance.service.store.database import Database
from provenance.service.store.store import Store
from provenance.service.store.tables import KEYS
from tests.service.store_support import DAY, NOON, Clock

SECRET = "s" * 43
ID = "a" * 16


def test_a_key_is_a_public_id_and_a_secret_of_256_bits() -> None:
    """
    Scanners for leaked secrets find it by its first four characters.
    """
    text, parts = make_key()

    prefix, key_id, secret = text.split("_", 2)
    assert (prefix, key_id) == ("aip", parts.id)
    assert len(secret) == 43
    assert parts.digest == hashlib.sha256(secret.encode()).digest()
    assert parse_key(text) == parts
    assert api_key.is_key_id(key_id)


def test_no_two_keys_are_alike() -> None:
    """
    Neither in their ids nor in their secrets.
    """
    made = [make_key() for _ in range(2_000)]

    assert len({parts.id for _, parts in made}) == len({parts.digest for _, parts in made}) == 2_000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "aip",
        "aip__",
        SECRET,
        f"{ID}_{SECRET}",
        f"aip_{ID}",
        f"aip_{ID}_",
        f"aip_{ID}_{SECRET[1:]}",
        f"aip_{ID}_{SECRET}s",
        f"aip_{ID[1:]}_{SECRET}",
        f"aip_{ID.upper()}_{SECRET}",
        f"AIP_{ID}_{SECRET}",
        f"aip-{ID}-{SECRET}",
        f" aip_{ID}_{SECRET}",
        f"aip_{ID}_{SECRET}\n",
        f"aip_{ID}_{SECRET[1:]}\0",
        f"aip_{ID}_{SECRET[1:]}\ud800",
        f"aip_{ID}_{SECRET[1:]}\uff53",
        f"aip_{ID[1:]}1_{SECRET}",
        f"aip_{ID[1:]}'_{SECRET}",
        f"Bearer aip_{ID}_{SECRET}",
        f"aip_{ID}_{SECRET}" * 100_000,
    ],
)
def test_what_has_not_the_form_of_a_key_is_none(text: str) -> None:
    """
    To the letter: what is almost a key was mangled on the way, or made up.
    """
    assert parse_key(text) is None


@given(text=st.text() | st.text(alphabet="aip_sx-2\n", max_size=70))
def test_any_text_can_be_presented(text: str) -> None:
    """
    Headers hold what the other side likes.
    """
    assert parse_key(text) is None


def test_a_secret_is_compared_in_the_same_time_whatever_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    By the comparison that is made for it, and also where there is no such key.
    """
    compared: list[tuple[bytes, bytes]] = []
    compare = hmac.compare_digest

    def noted(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", noted)
    digest = hashlib.sha256(b"secret").digest()
    presented, zero = PresentedKey("id", digest), PresentedKey("id", bytes(32))

    assert presented.matches(digest) is True
    assert presented.matches(digest[:-1] + b"x") is False
    assert presented.matches(None) is False
    assert zero.matches(None) is False
    assert [len(other) for _, other in compared] == [32] * 4


@pytest.mark.parametrize("scope", Scope)
def test_a_key_allows_what_it_was_made_for(scope: Scope) -> None:
    """
    And nothing else; `admin` allows everything.
    """
    made = {own: ApiKey(ID, "n", frozenset({own}), NOON, None, None) for own in Scope}

    assert {own for own, key in made.items() if key.allows(scope)} == {scope, Scope.ADMIN}


def test_scopes_that_a_newer_version_knows_allow_nothing_here() -> None:
    """
    The store may be shared with it for a while.
    """
    assert api_key.read_scopes("admin:all reports:read verify2 Verify") == {Scope.REPORTS_READ}
    assert api_key.read_scopes("") == frozenset()


@pytest.mark.parametrize("scopes", [{scope} for scope in Scope] + [set(Scope), {"verify", "admin"}])
def test_scopes_are_read_as_they_were_written(scopes: set[str]) -> None:
    """
    The same ones in the same way, whatever their order was.
    """
    checked = api_key.check_scopes(scopes)

    assert api_key.read_scopes(api_key.write_scopes(checked)) == checked == scopes
    assert api_key.write_scopes(checked) == api_key.write_scopes(sorted(checked, reverse=True))


# --- a key in the store --------------------------------------------------------------------------


def test_a_key_is_found_by_its_text(store: Store) -> None:
    """
    With everything it was made with.
    """
    key, text = store.keys.create_key("uploads \N{SNOWMAN}", ["verify", Scope.REPORTS_READ], NOON + DAY)

    assert store.keys.find_key(text) == key
    assert key.name == "uploads \N{SNOWMAN}"
    assert key.scopes == {Scope.VERIFY, Scope.REPORTS_READ}
    assert (key.created_at, key.expires_at, key.revoked_at) == (NOON, NOON + DAY, None)
    assert all(time is None or time.tzinfo is UTC for time in (key.created_at, key.expires_at))


def test_the_secret_of_another_key_does_not_fit(store: Store) -> None:
    """
    Nor a changed one, nor one for an id that is not there.
    """
    (first, first_text), (second, second_text) = (store.keys.create_key("n", ["admin"]) for _ in range(2))
    secret = first_text.rpartition(f"{first.id}_")[2]
    last = "A" if secret[-1] != "A" else "E"

    presented = [
        first_text.replace(first.id, second.id),
        second_text.replace(second.id, first.id),
        first_text.replace(first.id, "a" * 16),
        first_text[:-1] + last,
        first_text.swapcase(),
    ]

    assert [store.keys.find_key(text) for text in presented] == [None] * 5
    assert [store.keys.find_key(text) for text in (first_text, second_text)] == [first, second]


def test_a_key_expires(store: Store, clock: Clock) -> None:
    """
    At that time, not after it; a time in another zone is the same time.
    """
    expires_at = (NOON + DAY).astimezone(timezone(timedelta(hours=-8)))
    _, text = store.keys.create_key("n", ["verify"], expires_at)
    clock.time = NOON + DAY - timedelta(microseconds=1)
    before = store.keys.find_key(text)
    clock.time = NOON + DAY

    assert before is not None
    assert store.keys.find_key(text) is None
    assert [key.is_usable(clock()) for key in store.keys.list_keys()] == [False]


def test_a_key_is_revoked(store: Store, clock: Clock) -> None:
    """
    For good, and for every instance; others stay.
    """
    (key, text), (other, other_text) = (store.keys.create_key("n", ["verify"]) for _ in range(2))
    clock.advance()

    assert store.keys.revoke_key(key.id) is True
    clock.advance()
    assert store.keys.revoke_key(key.id) is True

    assert store.keys.find_key(text) is None
    assert store.keys.find_key(other_text) == other
    revoked = {found.id: found.revoked_at for found in store.keys.list_keys()}
    assert revoked == {key.id: NOON + DAY, other.id: None}


@pytest.mark.parametrize("key_id", ["", "a" * 16, "A" * 16, "' OR 1=1 --", "\0", "\ud800", "a" * 1_000_000])
def test_what_is_no_key_cannot_be_revoked(store: Store, key_id: str) -> None:
    """
    And revokes no other one.
    """
    key, text = store.keys.create_key("n", ["verify"])

    assert store.keys.revoke_key(key_id) is False

    assert store.keys.find_key(text) == key


def test_a_whole_key_is_no_id(store: Store) -> None:
    """
    It should not be typed where ids are.
    """
    _, text = store.keys.create_key("n", ["verify"])

    assert store.keys.revoke_key(text) is False


def test_keys_are_listed_in_the_order_they_were_made_in(store: Store, clock: Clock) -> None:
    """
    With those that are of no more use.
    """
    keys = []
    for number in range(4):
        keys.append(store.keys.create_key(f"key {number}", ["verify"], NOON + 10 * DAY)[0])
        clock.advance(DAY)
    clock.advance(10 * DAY)

    assert store.keys.list_keys() == tuple(keys)


@pytest.mark.parametrize(
    ("name", "scopes", "expires_at", "message"),
    [
        ("", ["verify"], None, "name of a key"),
        (" n", ["verify"], None, "name of a key"),
        ("n" * 101, ["verify"], None, "name of a key"),
        ("a\nb", ["verify"], None, "name of a key"),
        ("a\0b", ["verify"], None, "name of a key"),
        ("\x1b[2J", ["verify"], None, "name of a key"),
        ("\ud800", ["verify"], None, "name of a key"),
        ("\u202e", ["verify"], None, "name of a key"),
        ("n", [], None, "at least one scope"),
        (
            "n",
            ["verify", "all"],
            None,
            "no scope 'all'; there are verify, reports:read, reports:delete, admin",
        ),
        ("n", ["verify admin"], None, "no scope 'verify admin'"),
        ("n", "admin", None, "no scope 'a'"),
        ("n", ["verify"], NOON, "expires_at has to be in the future"),
        ("n", ["verify"], NOON - DAY, "expires_at has to be in the future"),
        ("n", ["verify"], datetime(2100, 1, 1), "expires_at has to name a time zone"),  # noqa: DTZ001 - on purpose
        (
            "n",
            ["verify"],
            datetime.max.replace(tzinfo=timezone(-DAY / 2)),
            "expires_at has to lie in the years",
        ),
    ],
)
def test_a_key_that_makes_no_sense_is_not_made(
    store: Store, name: str, scopes: list[str], expires_at: datetime | None, message: str
) -> None:
    """
    And the message says why.
    """
    with pytest.raises(ValueError, match=message):
        store.keys.create_key(name, scopes, expires_at)

    assert store.keys.list_keys() == ()


def test_the_secret_is_kept_nowhere(
    database_url: str, store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Not in the database, not in what is logged at any level, and not in any value but the one answer.
    """
    caplog.set_level(logging.DEBUG)
    for name in ("sqlalchemy.engine", "sqlalchemy.pool", "psycopg", "alembic"):
        caplog.set_level(logging.DEBUG, logger=name)
    with Store.open(database_url) as logging_store:
        key, text = logging_store.keys.create_key("n", ["verify"])
        assert logging_store.keys.find_key(text) == key
        logging_store.keys.revoke_key(key.id)
    secret = text.rpartition(f"{key.id}_")[2]
    parts = parse_key(text)
    assert parts is not None

    with closing(Database(database_url, timeout_s=5)) as database, database.connect() as connection:
        rows = connection.execute(select(KEYS)).all()
    files = b"".join(file.read_bytes() for file in tmp_path.iterdir() if file.is_file())
    shown = f"{key!r} {key} {store.keys.list_keys()!r} {store!r} {parts!r} {rows!r} {caplog.text}"

    assert key.id in shown
    assert "INSERT INTO provenance_keys" in caplog.text
    assert secret not in shown
    assert secret.encode() not in files
    assert secret.encode() not in pickle.dumps((key, store.keys.list_keys()))
    assert [row.secret_sha256 for row in rows] == [parts.digest]
