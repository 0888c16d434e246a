"""The topic of revocations, from the target that writes it to the cache of a service that reads it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sessionwatch_emitter import RevocationCache
from sessionwatch_emitter.errors import SecretError
from sessionwatch_emitter.keys import KeyRing
from sessionwatch_emitter.revocation_list import Refusal
from sessionwatch_emitter.transport import Transport

from ingest.topics import ensure_topic
from response.commands import Release
from response.errors import TargetRefused
from response.outcome import DELIVERED
from response.targets.kafka_topic import KafkaTarget
from store.rows import OutboxMessage
from tests.response.given import Pipeline, alert, eventually
from tests.response.receivers import OLD_SECRET, SECRET
from tests.response.targets.asked import asked
from tests.response.theft import steal

KEYS = KeyRing("bank", b"a secret of the tests, long enough to be one")
SID = "the-sid-of-alice"
NOW = datetime.now(UTC)


@pytest.fixture
def topic(kafka: str) -> str:
    """A compacted topic of the test's own."""
    name = f"session-revocations-{uuid.uuid4()}"
    ensure_topic({"bootstrap_servers": [kafka]}, name, 2, {"cleanup.policy": "compact,delete"})
    return name


def write(broker: str, topic: str, *messages: OutboxMessage, secrets: Sequence[str] = (SECRET,)) -> None:
    with closing(KafkaTarget("topic", "bank", topic, secrets, [broker])) as target:
        for message in messages:
            assert target.deliver(message) == DELIVERED


def of_session(**changes: Any) -> OutboxMessage:
    return asked(**{"session_id": KEYS.session_id(SID), "decided": NOW, **changes})


@pytest.fixture
def start(kafka: str, topic: str) -> Iterator[Any]:
    """Starts caches of the bank's services, which have read the topic to its end."""
    running: list[RevocationCache] = []

    def started(app: str = "bank", **settings: Any) -> RevocationCache:
        settings = {"secrets": [SECRET], "bootstrap_servers": kafka, "topic": topic, **settings}
        running.append(RevocationCache(app, KEYS.session_ids, **settings))
        assert running[-1].start(timeout=20)
        return running[-1]

    yield started
    for cache in running:
        cache.close()


def test_a_token_of_a_revoked_session_is_refused(kafka: str, topic: str, start: Any) -> None:
    write(kafka, topic, of_session())
    cache = start()
    assert cache.refusal({"sid": SID, "sub": "alice"}) == Refusal("session", KEYS.session_id(SID))
    assert cache.refusal({"sid": "another", "sub": "alice"}) is None


def test_a_token_that_is_its_own_session_is_found_by_its_jti(kafka: str, topic: str, start: Any) -> None:
    write(kafka, topic, of_session())
    assert start().refusal({"jti": SID}) == Refusal("session", KEYS.session_id(SID))


def test_a_running_cache_hears_of_it(kafka: str, topic: str, start: Any) -> None:
    cache = start()
    assert cache.refusal({"sid": SID}) is None
    write(kafka, topic, of_session())
    eventually(lambda: cache.refusal({"sid": SID}) is not None, within_s=10)


def test_a_release_lets_the_session_go_on(kafka: str, topic: str, start: Any) -> None:
    write(kafka, topic, of_session(), of_session(kind="session.released", sequence=2))
    assert start().refusal({"sid": SID}) is None


def test_a_late_retry_does_not_undo_a_release(kafka: str, topic: str, start: Any) -> None:
    write(kafka, topic, of_session(kind="session.released", sequence=2), of_session())
    assert start().refusal({"sid": SID}) is None


@pytest.mark.parametrize(
    ("claims", "refused"),
    [
        ({"auth_time": NOW.timestamp() - 60}, True),
        ({"auth_time": NOW.timestamp() + 60}, False),
        ({}, True),
        ({"auth_time": True}, True),
        ({"iat": NOW.timestamp() + 60}, True),
    ],
    ids=["began before", "began after", "unknown", "no time", "renewed since"],
)
def test_of_a_revoked_user_only_later_logins_pass(
    kafka: str, topic: str, start: Any, claims: dict[str, object], refused: bool
) -> None:
    write(kafka, topic, asked("user", decided=NOW))
    assert start().refusal({"sub": "alice", **claims}) == (Refusal("user", "alice") if refused else None)


def test_users_are_not_looked_up_where_nothing_says_when_a_session_began(kafka: str, topic: str, start: Any) -> None:
    write(kafka, topic, asked("user", decided=NOW))
    assert start(started_claim=None).refusal({"sub": "alice"}) is None


def test_an_entry_ends_with_the_life_of_a_session(kafka: str, topic: str, start: Any) -> None:
    write(kafka, topic, of_session(decided=NOW - timedelta(days=31)))
    assert start().refusal({"sid": SID}) is None
    assert start(absolute_timeout=90 * 24 * 3600).refusal({"sid": SID}) is not None


def test_another_apps_revocations_are_passed_over(kafka: str, topic: str, start: Any) -> None:
    write(kafka, topic, of_session())
    cache = start("shop")
    assert cache.refusal({"sid": SID}) is None
    assert cache.refused_records == 0


def test_what_is_not_signed_revokes_nobody(kafka: str, topic: str, start: Any) -> None:
    write(kafka, topic, of_session(), secrets=[OLD_SECRET])
    with closing(Transport([kafka], topic)) as transport:
        transport.send_all([(b"k", of_session().payload.encode(), ()), (b"k", b"{", ()), (b"k", b"\xff", ())])
    cache = start()
    assert cache.refusal({"sid": SID}) is None
    assert cache.refused_records == 4


def test_while_a_secret_is_replaced_either_is_known(kafka: str, topic: str, start: Any) -> None:
    write(kafka, topic, of_session(), secrets=[SECRET, OLD_SECRET])
    assert start(secrets=[OLD_SECRET]).refusal({"sid": SID}) is not None


def test_without_kafka_it_refuses_only_who_is_told_to(start: Any) -> None:
    away = {"bootstrap_servers": "127.0.0.1:1", "secrets": [SECRET]}
    assert RevocationCache("bank", KEYS.session_ids, **away).refusal({"sid": SID}) is None
    closed = RevocationCache("bank", KEYS.session_ids, **away, fail_closed=True)
    assert not closed.start(timeout=0.1)
    assert closed.refusal({"sid": SID}) == Refusal(None, "")
    closed.close()


def test_it_stops_when_it_is_told_to(start: Any) -> None:
    cache = start()
    begun = time.monotonic()
    cache.close()
    assert time.monotonic() - begun < 4


def test_a_cache_without_a_secret_is_refused() -> None:
    with pytest.raises(SecretError, match="needs the secret"):
        RevocationCache("bank", KEYS.session_ids, secrets=[])


def test_a_target_without_a_secret_is_refused() -> None:
    with pytest.raises(TargetRefused, match="target topic: a topic needs a secret"):
        KafkaTarget("topic", "bank", "session-revocations", [], ["127.0.0.1:1"])


def test_brokers_that_are_away_are_a_try_that_failed() -> None:
    with closing(KafkaTarget("topic", "bank", "session-revocations", [SECRET], ["127.0.0.1:1"])) as target:
        outcome = target.deliver(of_session())
    assert outcome.kind == "retry"
    assert "cannot reach Kafka" in outcome.detail


def test_a_theft_is_refused_and_a_release_lets_it_go_on(
    kafka: str, topic: str, start: Any, pipeline: Callable[..., Pipeline]
) -> None:
    session = KEYS.session_id(SID)
    cache = start()
    one = pipeline(targets=[KafkaTarget("topic", "bank", topic, [SECRET], [kafka])])
    steal(one, alert(session_id=session), session=session)
    one.until_result()
    eventually(lambda: cache.refusal({"sid": SID}) is not None, within_s=20)
    [revocation] = one.reader.revocations_since(0)
    one.turn(commands=[Release(revocation.revocation_id, "ada", "it was she")])
    one.until_result()
    eventually(lambda: cache.refusal({"sid": SID}) is None, within_s=20)
