"""Sessions of real session stores in a real Redis, deleted through the map that the SDK keeps."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
import redis
from sessionwatch_emitter.keys import KeyRing
from sessionwatch_emitter.redis_session_map import LAYOUTS, RedisSessionMap

from response.errors import TargetRefused
from response.outcome import DELIVERED, Outcome
from response.targets.redis_store import RedisTarget
from store.rows import OutboxMessage
from tests.response.given import Pipeline, alert
from tests.response.targets.asked import asked
from tests.response.targets.redis_server import UnavailableError, redis_server
from tests.response.theft import steal

KEYS = KeyRing("bank", b"a secret of the tests, long enough to be one")
NOW = datetime.now(UTC)
BEFORE, LATER = NOW.timestamp() - 60, NOW.timestamp() + 60
UNKNOWN = "the map in Redis knows no such {}: it has ended, or none is kept"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The URL of a Redis server."""
    try:
        with redis_server() as url:
            yield url
    except UnavailableError as reason:
        pytest.skip(f"no Redis: {reason}")


@pytest.fixture
def store(server: str) -> Iterator[redis.Redis]:
    """The app's own client, on an empty database."""
    with redis.Redis.from_url(server) as client:
        client.flushdb()
        yield client


def sessions_of(store: redis.Redis, layout: str = "flask-session") -> RedisSessionMap:
    return RedisSessionMap(store, KEYS.session_ids, layout=layout)


def save(store: redis.Redis, raw: str, *, user: str = "alice", started: float = BEFORE, lifetime: float = 900) -> None:
    """Save a session as an app does: its content, and the map beside it."""
    store.set(f"session:{raw}", b"content", ex=int(lifetime))
    sessions_of(store).keep(raw, user=user, lifetime=lifetime, started=started)


def of(raw: str) -> OutboxMessage:
    return asked(session_id=KEYS.session_id(raw), decided=NOW)


def deliver(server: str, message: OutboxMessage) -> Outcome:
    with closing(RedisTarget("store", "bank", server)) as target:
        return target.deliver(message)


def test_a_session_is_deleted_and_no_other(server: str, store: redis.Redis) -> None:
    save(store, "stolen")
    save(store, "mine")
    assert deliver(server, of("stolen")) == DELIVERED
    assert store.get("session:stolen") is None
    assert store.get("session:mine") == b"content"


def test_a_second_delivery_changes_nothing(server: str, store: redis.Redis) -> None:
    save(store, "stolen")
    assert [deliver(server, of("stolen")) for _ in range(2)] == [DELIVERED, DELIVERED]


def test_what_a_request_under_way_has_saved_again_is_deleted_again(server: str, store: redis.Redis) -> None:
    save(store, "stolen")
    deliver(server, of("stolen"))
    save(store, "stolen")
    assert deliver(server, of("stolen")) == DELIVERED
    assert store.get("session:stolen") is None


def test_a_session_that_the_map_does_not_know_is_refused(server: str, store: redis.Redis) -> None:
    store.set("session:stolen", b"content")
    assert deliver(server, of("stolen")) == Outcome("refused", UNKNOWN.format("session"))
    assert store.get("session:stolen") == b"content"


def test_of_a_users_sessions_those_end_that_began_before(server: str, store: redis.Redis) -> None:
    save(store, "first")
    save(store, "second")
    save(store, "signed-in-again", started=LATER)
    save(store, "bobs", user="bob")
    assert deliver(server, asked("user", decided=NOW)) == DELIVERED
    assert [store.exists(f"session:{raw}") for raw in ("first", "second", "signed-in-again", "bobs")] == [0, 0, 1, 1]


def test_a_user_that_the_map_does_not_know_is_refused(server: str, store: redis.Redis) -> None:
    assert deliver(server, asked("user", decided=NOW)) == Outcome("refused", UNKNOWN.format("user"))


def test_a_store_cannot_bring_a_session_back(server: str, store: redis.Redis) -> None:
    outcome = deliver(server, asked(kind="session.released"))
    assert outcome == Outcome("refused", "a session store cannot be told session.released")


def test_the_map_lives_as_long_as_the_session(store: redis.Redis) -> None:
    save(store, "long", lifetime=900)
    save(store, "short", lifetime=60)
    assert store.ttl(f"sessionwatch:session:{KEYS.session_id('short')}") == pytest.approx(60, abs=5)
    assert store.ttl("sessionwatch:user:alice") == pytest.approx(900, abs=5)
    save(store, "short", lifetime=1800)
    assert store.ttl("sessionwatch:user:alice") == pytest.approx(1800, abs=5)


def test_a_users_sessions_that_have_expired_are_forgotten(store: redis.Redis) -> None:
    early = RedisSessionMap(store, KEYS.session_ids, layout="flask-session", clock=lambda: time.time() - 1000)
    early.keep("old", user="alice", lifetime=900, started=BEFORE)
    save(store, "new")
    assert store.zrange("sessionwatch:user:alice", 0, -1) == [KEYS.session_id("new").encode()]


def test_a_session_that_the_app_has_ended_is_forgotten(server: str, store: redis.Redis) -> None:
    save(store, "mine")
    sessions_of(store).forget("mine", user="alice")
    assert store.keys("sessionwatch:*") == []


def test_while_keys_are_replaced_it_is_found_by_either(server: str, store: redis.Redis) -> None:
    both = KeyRing("bank", b"n" * 32, "k2", previous={"k1": b"a secret of the tests, long enough to be one"})
    store.set("session:stolen", b"content")
    RedisSessionMap(store, both.session_ids, layout="flask-session").keep("stolen", lifetime=900, started=BEFORE)
    assert deliver(server, of("stolen")) == DELIVERED
    assert store.get("session:stolen") is None


def test_it_needs_few_rights(server: str, store: redis.Redis) -> None:
    save(store, "stolen")
    store.execute_command(
        "ACL", "SETUSER", "sessionwatch", "reset", "on", ">pass", "~sessionwatch:*", "~session:*",
        "+evalsha", "+script|load", "+get", "+set", "+del", "+zrange",
    )  # fmt: skip
    try:
        limited = server.replace("redis://", "redis://sessionwatch:pass@")
        assert [deliver(limited, one) for one in (of("stolen"), asked("user", decided=NOW))] == [DELIVERED, DELIVERED]
    finally:
        store.execute_command("ACL", "DELUSER", "sessionwatch")
    assert store.get("session:stolen") is None


def test_a_right_that_is_missing_is_told(server: str, store: redis.Redis) -> None:
    save(store, "stolen")
    store.execute_command("ACL", "SETUSER", "sessionwatch", "reset", "on", ">pass", "~sessionwatch:*", "+@all")
    try:
        outcome = deliver(server.replace("redis://", "redis://sessionwatch:pass@"), of("stolen"))
    finally:
        store.execute_command("ACL", "DELUSER", "sessionwatch")
    assert outcome.kind == "retry"
    assert "stolen" not in outcome.detail
    assert store.get("session:stolen") == b"content"


def test_a_server_that_is_away_is_a_try_that_failed() -> None:
    assert deliver("redis://127.0.0.1:1/0", of("stolen")).kind == "retry"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("redis://store.example/0", "redis:// on loopback only: use rediss://"),
        ("https://store.example/0", "the URL must begin with rediss://, unix://, or on loopback redis://"),
        ("redis://127.0.0.1:port/0", "the URL cannot be read"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused(url: str, why: str) -> None:
    with pytest.raises(TargetRefused, match=f"target store: {why}"):
        RedisTarget("store", "bank", url)


def test_a_layout_holds_one_place_for_the_id(store: redis.Redis) -> None:
    with pytest.raises(ValueError, match="layout must be one of django, flask-session"):
        sessions_of(store, "sess:")


@pytest.mark.parametrize("layout", ["express-session", "spring-session"])
def test_the_stores_of_other_languages_are_known_by_their_keys(server: str, store: redis.Redis, layout: str) -> None:
    key = LAYOUTS[layout].format("abc")
    store.hset(key, "content", "x")
    sessions_of(store, layout).keep("s:abc.signature", store_id="abc", lifetime=900, started=BEFORE)
    assert deliver(server, of("s:abc.signature")) == DELIVERED
    assert store.exists(key) == 0


def test_a_session_of_flask_session(server: str, store: redis.Redis) -> None:
    flask = pytest.importorskip("flask", reason="Flask is not installed")
    flask_session = pytest.importorskip("flask_session", reason="Flask-Session is not installed")
    app = flask.Flask("bank")
    app.config.update(SESSION_TYPE="redis", SESSION_REDIS=store)
    flask_session.Session(app)
    sessions = sessions_of(store)

    @app.route("/login")
    def login() -> str:
        flask.session["user"] = "alice"
        sessions.keep(flask.session.sid, user="alice", lifetime=900, started=BEFORE)
        return "in"

    @app.route("/")
    def home() -> str:
        return str(flask.session.get("user"))

    client = app.test_client()
    client.get("/login")
    assert client.get("/").text == "alice"
    assert deliver(server, of(client.get_cookie("session").value)) == DELIVERED
    assert client.get("/").text == "None"


DJANGO = """
import json, sys, time
from django.conf import settings
cache = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": sys.argv[1]}
settings.configure(CACHES={"default": cache}, SESSION_ENGINE="django.contrib.sessions.backends.cache")
import django; django.setup()
from django.contrib.sessions.backends.cache import SessionStore
session = SessionStore(session_key=sys.argv[2] if len(sys.argv) > 2 else None)
if len(sys.argv) == 2:
    session["user"] = "alice"
    session.create()
    session.save()
print(json.dumps({"key": session.session_key, "user": session.get("user")}))
"""


@pytest.mark.skipif(importlib.util.find_spec("django") is None, reason="Django is not installed")
def test_a_session_of_djangos_cache(server: str, store: redis.Redis) -> None:
    def django(*arguments: str) -> dict[str, str]:
        command = [sys.executable, "-c", DJANGO, server, *arguments]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout)

    raw = django()["key"]
    assert django(raw)["user"] == "alice"
    sessions_of(store, "django").keep(raw, user="alice", lifetime=900, started=BEFORE)
    assert deliver(server, of(raw)) == DELIVERED
    assert django(raw)["user"] is None


def test_a_decision_from_before_ends_no_session_of_today(server: str, store: redis.Redis) -> None:
    save(store, "today")
    assert deliver(server, asked("user", decided=NOW - timedelta(days=1))) == DELIVERED
    assert store.get("session:today") == b"content"


def test_a_theft_ends_the_session_in_the_store(
    server: str, store: redis.Redis, pipeline: Callable[..., Pipeline]
) -> None:
    save(store, "stolen")
    session = KEYS.session_id("stolen")
    one = pipeline(targets=[RedisTarget("store", "bank", server)])
    steal(one, alert(session_id=session), session=session)
    one.until(lambda: [row.state for row in one.reader.revocations_since(0)] == ["delivered"])
    assert store.get("session:stolen") is None
