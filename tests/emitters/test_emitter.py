from __future__ import annotations

import gc
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sessionwatch_emitter import EmitterError, Location, RevocationList, SessionEmitter
from sessionwatch_emitter.keys import KeyRing
from sessionwatch_emitter.signature import verify

from ingest.topics import ensure_topic

from .conftest import SECRET, free_port, read, wait_until

KEYS = KeyRing("bank", SECRET)
HOME = {"user": "alice", "ip": "192.0.2.1", "user_agent": "Firefox"}


def test_a_login_is_told_with_its_facts(make_emitter, sent) -> None:
    emitter = make_emitter()
    emitter.created("raw", **HOME, reason="login", auth_method="password", mfa=True, device_id="d1")
    (event,) = sent(emitter, 1)
    told = {name: value for name, value in event.items() if name not in ("event_id", "event_time")}
    assert told == {
        "schema_version": 1,
        "type": "create",
        "app": "bank",
        "session_id": KEYS.session_id("raw"),
        "user_id": "alice",
        "ip": "192.0.2.1",
        "user_agent": "Firefox",
        "device_id": "d1",
        "reason": "login",
        "auth_method": "password",
        "mfa": True,
    }


def test_a_record_is_signed_and_keyed_by_the_user(make_emitter, arrived) -> None:
    emitter = make_emitter()
    emitter.created("raw", **HOME)
    (record,) = arrived(emitter, 1)
    assert record.key == b"alice"
    assert verify(KEYS.signing_key, "k1", "bank", record.key, record.value, record.headers["sw-signature"])


def test_a_rotation_names_the_session_rotated_from(make_emitter, sent) -> None:
    emitter = make_emitter()
    emitter.created("new", user="alice", reason="rotation", parent="old")
    (event,) = sent(emitter, 1)
    assert event["parent_session_id"] == KEYS.session_id("old")


def test_a_sign_on_session_is_named_by_the_realms_key(make_emitter, sent) -> None:
    emitter = make_emitter(sso_secret="r" * 32)
    emitter.created("raw", user="alice", reason="sso", parent="sign-on")
    (event,) = sent(emitter, 1)
    assert event["parent_session_id"].startswith("s_sso_")


def test_location_and_attributes_are_told(make_emitter, sent) -> None:
    emitter = make_emitter()
    emitter.created("raw", user=7, location=Location(country="NL", asn=64500), attributes={"plan": "gold"})
    (event,) = sent(emitter, 1)
    assert (event["user_id"], event["country"], event["asn"]) == ("7", "NL", 64500)
    assert event["attributes"] == {"plan": "gold"}


def test_a_failed_login_carries_the_keyed_hash_of_what_was_typed(make_emitter, arrived) -> None:
    emitter = make_emitter()
    emitter.failed(reason="bad_credentials", user_typed="Alice@example.org", ip="192.0.2.1")
    (record,) = arrived(emitter, 1)
    assert record.event["user_hint"] == KEYS.user_hint("alice@example.org")
    assert b"xample.org" not in record.value


def test_uses_are_sampled_with_count_and_rhythm(make_emitter, sent) -> None:
    emitter = make_emitter()
    for _ in range(5):
        emitter.validated("raw", **HOME)
    first, rest = sent(emitter, 2)
    assert (first["count"], rest["count"]) == (1, 4)
    assert rest["gap_dev_ms"] < 1000


def test_what_was_swallowed_is_sent_without_a_further_request(make_emitter, broker, sent) -> None:
    emitter = make_emitter(sample_interval=0.2)
    for _ in range(3):
        emitter.validated("raw", **HOME)
    # The first use, the first heartbeat, and what the timer sends.
    wait_until(lambda: emitter.counters["sent"] == 3, "the interval's end sent nothing")
    assert [event["count"] for event in sent(emitter, 2)] == [1, 2]


@pytest.mark.parametrize("change", [{"ip": "203.0.113.9"}, {"user_agent": "curl"}, {"device_id": "d2"}])
def test_a_change_of_address_agent_or_device_is_told_at_once(make_emitter, change: dict[str, str]) -> None:
    emitter = make_emitter(sample_interval=1000, heartbeat_interval=1000)
    emitter.validated("raw", **HOME)
    emitter.validated("raw", **{**HOME, **change})
    wait_until(lambda: emitter.counters["sent"] == 3, "the change was swallowed")


@pytest.mark.parametrize("telling", [{"reason": "step_up"}, {"reason": "refresh"}, {"action": "payout"}])
def test_what_is_more_than_a_request_is_told_at_once(make_emitter, sent, telling: dict[str, str]) -> None:
    emitter = make_emitter(sample_interval=1000)
    emitter.validated("raw", **HOME)
    emitter.validated("raw", **HOME, **telling)
    assert emitter.counters["swallowed"] == 0


@pytest.mark.parametrize("ending", ["destroyed", "logout_all", "revoked"])
def test_the_first_use_after_the_end_is_told_at_once(make_emitter, sent, ending: str) -> None:
    emitter = make_emitter(sample_interval=1000)
    emitter.validated("raw", **HOME)
    if ending == "destroyed":
        emitter.destroyed("raw", user="alice")
    elif ending == "logout_all":
        emitter.destroyed(None, user="alice", reason="logout_all")
    else:
        emitter.revoked(KEYS.session_id("raw"))
    emitter.validated("raw", **HOME)
    assert [event["type"] for event in sent(emitter, 3)] == ["validate", "destroy", "validate"]
    assert emitter.counters["swallowed"] == 0


@pytest.mark.parametrize("session", ["raw", None], ids=["logout", "logout_all"])
def test_the_first_use_after_the_end_in_another_process_is_told_at_once(
    make_emitter, tmp_path, session: str | None
) -> None:
    first, second = (
        make_emitter(revocations=RevocationList(tmp_path / "shared"), sample_interval=1000) for _ in range(2)
    )
    second.validated("raw", **HOME)
    before = second._mark_of("raw", "alice")
    first.destroyed(session, user="alice", reason="logout" if session else "logout_all")
    wait_until(lambda: second._mark_of("raw", "alice") != before, "the other process heard nothing")
    second.validated("raw", **HOME)
    assert second.counters["swallowed"] == 0


def test_a_flood_of_failures_of_one_session_is_told_by_the_second(make_emitter, sent) -> None:
    emitter = make_emitter()
    for _ in range(50):
        emitter.failed("raw", reason="csrf", ip="192.0.2.1")
    events = sent(emitter, 2)
    assert sum(event["count"] for event in events) == 50
    assert len(events) <= 3


def test_failed_logins_without_a_session_are_never_sampled(make_emitter, sent) -> None:
    emitter = make_emitter()
    for _ in range(20):
        emitter.failed(reason="bad_credentials", user_typed="alice", ip="192.0.2.1")
    assert len(sent(emitter, 20)) == 20


def test_while_keys_rotate_events_carry_the_current_one(make_emitter, sent) -> None:
    emitter = make_emitter(secret="n" * 32, key_id="k2", previous_secrets={"k1": SECRET})
    emitter.validated("raw", user="alice")
    (event,) = sent(emitter, 1)
    assert event["session_id"].startswith("s_k2_")
    assert KEYS.session_id("raw") in emitter.keys.session_ids("raw")


def test_a_heartbeat_comes_with_the_counters(make_emitter, sent) -> None:
    emitter = make_emitter(heartbeat_interval=0.1)
    emitter.validated("raw", **HOME)
    beats = [event for event in sent(emitter, 4, heartbeats=True) if event["type"] == "heartbeat"]
    assert beats[-1]["attributes"]["validated"] == 1
    assert len(beats[-1]["attributes"]) <= 32


@pytest.mark.parametrize(
    "call",
    [
        lambda emitter: emitter.created("", user="alice"),
        lambda emitter: emitter.created(None),
        lambda emitter: emitter.validated("raw", no_such_field=1),
        lambda emitter: emitter.validated("raw", location=Location(lat=float("nan"))),
        lambda emitter: emitter.validated("raw", attributes=7),
        lambda emitter: emitter.failed("raw"),
        lambda emitter: emitter.destroyed(None),
        lambda emitter: emitter.revoked("not a hash"),
    ],
)
def test_a_wrong_call_is_counted_and_never_raises(make_emitter, call: Any) -> None:
    emitter = make_emitter()
    call(emitter)
    assert emitter.counters["errors"] == 1


@pytest.mark.parametrize("odd", [object(), [1], {"a": 1}, float("nan"), float("inf"), 2**63, b"bytes"])
def test_an_attribute_that_is_no_scalar_does_not_cost_the_event(make_emitter, sent, odd: object) -> None:
    emitter = make_emitter()
    emitter.created("raw", user="alice", attributes={"plan": "gold", "odd": odd})
    (event,) = sent(emitter, 1)
    assert event["attributes"] == {"plan": "gold"}
    assert emitter.counters["attributes_dropped"] == 1


def test_a_long_attribute_is_told_cut(make_emitter, sent) -> None:
    emitter = make_emitter()
    emitter.validated("raw", user="alice", attributes={"path": "/" * 70_000, "plan": "gold"})
    (event,) = sent(emitter, 1)
    assert event["attributes"] == {"path": "/" * 1_024, "plan": "gold"}


def test_an_event_that_is_too_large_with_its_attributes_is_told_without(make_emitter, sent) -> None:
    emitter = make_emitter()
    emitter.validated("raw", **HOME, attributes={f"a{number}": "\x01" * 1_000 for number in range(32)})
    (event,) = sent(emitter, 1)
    assert (event["user_agent"], "attributes" in event) == ("Firefox", False)
    assert emitter.counters["attributes_dropped"] == 32


def test_of_many_attributes_the_first_32_are_told(make_emitter, sent) -> None:
    emitter = make_emitter()
    emitter.created("raw", user="alice", attributes={f"a{number}": number for number in range(40)})
    (event,) = sent(emitter, 1)
    assert len(event["attributes"]) == 32


def test_an_odd_value_among_swallowed_uses_costs_no_other(make_emitter, sent) -> None:
    emitter = make_emitter()
    odd = Location(lat=float("nan"))
    for location in (None, odd):
        emitter.validated("odd", user="mallory", location=location)
    for _ in range(2):
        emitter.validated("raw", user="alice")
    assert [event["user_id"] for event in sent(emitter, 3)] == ["mallory", "alice", "alice"]
    assert emitter.counters["errors"] == 1


def test_no_raw_value_is_kept_logged_or_sent(make_emitter, arrived, caplog: pytest.LogCaptureFixture) -> None:
    raw = "raw-session-value-4711"
    emitter = make_emitter()
    with caplog.at_level(logging.DEBUG):
        emitter.created(raw, user="alice")
        emitter.validated(raw, user="alice")
        emitter.validated(raw, user="alice")
        emitter.failed(raw, reason="csrf", user_typed=raw)
        emitter.destroyed(raw, user="alice", attributes={"plan": "gold"})
        records = arrived(emitter, 4)
    assert raw.encode() not in b"".join(record.value for record in records)
    assert raw not in caplog.text
    assert raw not in repr(emitter)
    texts = [found for found in gc.get_referrers(raw) if isinstance(found, dict) and found is not locals()]
    assert [found for found in texts if "session_id" in found] == []


def test_a_repr_shows_no_secret(make_emitter) -> None:
    emitter = make_emitter(sasl_plain_password="hunter2")
    assert SECRET not in repr(emitter)
    assert "hunter2" not in repr(emitter)


@pytest.mark.parametrize("app", ["", "Bank", "a b", "ä", "x" * 65])
def test_an_apps_name_must_be_plain(app: str) -> None:
    with pytest.raises(EmitterError, match="the app's name"):
        SessionEmitter(app, secret=SECRET)


def test_what_the_client_refuses_for_its_size_is_counted(make_emitter, sent) -> None:
    emitter = make_emitter(max_request_size=1_500)
    emitter.created("raw", user="alice", attributes={"one": "x" * 1_000, "two": "x" * 1_000})
    emitter.created("other", user="bob")
    assert [event["user_id"] for event in sent(emitter, 1)] == ["bob"]
    assert emitter.counters["too_large"] == 1


@pytest.mark.apache
def test_what_the_broker_refuses_for_its_size_is_counted_and_takes_nothing_with_it(make_emitter, apache) -> None:
    # Of Apache Kafka, since the development broker takes anything.
    emitter = make_emitter(bootstrap_servers=apache.bootstrap_servers)
    small = {"max.message.bytes": "20000"}
    ensure_topic({"bootstrap_servers": apache.bootstrap_servers}, emitter._settings.topic, config=small)
    for number in range(10):
        large = {f"a{place}": "x" * 1_000 for place in range(30)} if number in (3, 7) else None
        emitter.created(f"raw-{number}", user=f"user-{number}", attributes=large)
    assert emitter.flush(20)
    users = {record.event["user_id"] for record in read(apache.bootstrap_servers, emitter._settings.topic, 8)}
    assert users == {f"user-{number}" for number in range(10) if number not in (3, 7)}
    assert emitter.counters["too_large"] == 2


def test_a_dead_broker_delays_neither_start_nor_call() -> None:
    began = time.monotonic()
    emitter = SessionEmitter("bank", secret=SECRET, bootstrap_servers=f"127.0.0.1:{free_port()}")
    for number in range(100):
        emitter.created(f"raw-{number}", user="alice")
    # An attempt to connect alone would take longer.
    assert time.monotonic() - began < 5
    emitter.close(timeout=0)


def test_a_full_queue_gives_up_requests_first_and_counts_them() -> None:
    emitter = SessionEmitter(
        "bank", secret=SECRET, bootstrap_servers=f"127.0.0.1:{free_port()}", queue_size=10, sample_interval=0
    )
    for number in range(20):
        emitter.validated("raw", user="alice", attributes={"n": number})
    for number in range(5):
        emitter.failed(reason="bad_credentials", attributes={"n": number})
    for number in range(10):
        emitter.created(f"raw-{number}", user="alice")
    counters = emitter.counters
    # The first heartbeat may be in the queue already, and gives way like a request.
    assert counters["dropped_validate"] >= 20
    assert (counters["dropped_fail"], counters["dropped_other"]) == (5, 0)
    emitter.close(timeout=0)


def test_after_close_events_are_dropped_and_counted(make_emitter) -> None:
    emitter = make_emitter()
    emitter.created("raw", user="alice")
    emitter.close()
    emitter.created("late", user="alice")
    assert emitter.counters["dropped_other"] == 1


def test_threads_may_share_one_emitter(make_emitter, sent) -> None:
    emitter = make_emitter(sample_interval=1000)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: emitter.validated(f"raw-{number % 10}", user="alice"), range(800)))
    assert sum(event["count"] for event in sent(emitter, 20)) == 800


@pytest.mark.apache
def test_events_wait_for_a_topic_that_is_missing(make_emitter, apache) -> None:
    # Apache Kafka makes no topics by itself here; the development broker does.
    emitter = make_emitter(bootstrap_servers=apache.bootstrap_servers, max_block_ms=200)
    for number in range(5):
        emitter.created(f"raw-{number}", user="alice")
    assert not emitter.flush(0.5)
    ensure_topic({"bootstrap_servers": apache.bootstrap_servers}, emitter._settings.topic)
    assert emitter.flush(20)
    assert len(read(apache.bootstrap_servers, emitter._settings.topic, 5)) == 5
