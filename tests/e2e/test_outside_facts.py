"""What changes outside while the pipeline runs: a list, the silence of an app, a model; real broker and store."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from kafka import KafkaProducer

from ingest.topics import ensure_topic
from schemas.alert import Alert
from schemas.event import Event
from schemas.instant import DAY, HOUR, MINUTE, SECOND, to_rfc3339
from schemas.signal import Signal
from sessionwatch.assembly import Running, build, now_us
from sessionwatch.config import load
from sessionwatch.model_file import save
from tests.detectors.learned.past import trained
from tests.e2e.rig import eventually

CONFIGURATION = """
[kafka]
bootstrap_servers = ["{servers}"]
events_topic = "{topic}"
dead_letter_topic = "{topic}-dlq"
[store]
path = "store.duckdb"
[api]
listen = "127.0.0.1:0"
[models]
path = "models"
[apps.shop]
[[networks]]
cidr = "192.0.2.0/24"
asn = 64500
country = "DE"
[[networks]]
cidr = "198.51.100.0/24"
asn = 64530
country = "US"
[[lists]]
name = "blocked"
file = "blocked.txt"
owner = "soc"
expires = 2099-12-31
"""


class Shop:
    """An app that speaks straight to the broker, and the pipeline's clock, which can be put forward."""

    def __init__(self, folder: Path, servers: str) -> None:
        self.folder, self.topic = folder, f"events-{uuid4()}"
        self.ahead_us = 0
        ensure_topic({"bootstrap_servers": servers}, self.topic)
        (folder / "sessionwatch.toml").write_text(CONFIGURATION.format(servers=servers, topic=self.topic))
        (folder / "blocked.txt").write_text("# nobody yet\n")
        self._producer = KafkaProducer(bootstrap_servers=servers)

    def clock(self) -> int:
        return now_us() + self.ahead_us

    def say(self, kind: str, at_us: int, **fields: object) -> None:
        told = {
            "schema_version": 1,
            "event_id": str(uuid4()),
            "event_time": to_rfc3339(at_us),
            "type": kind,
            "app": "shop",
        }
        self._producer.send(self.topic, json.dumps({**told, **fields}).encode(), key=b"shop")

    def flush(self) -> None:
        self._producer.flush(10)

    def block(self, text: str) -> None:
        fresh = self.folder / "fresh.txt"
        fresh.write_text(text)
        fresh.replace(self.folder / "blocked.txt")

    def close(self) -> None:
        self._producer.close()

    @contextmanager
    def watched(self) -> Iterator[Running]:
        """The pipeline, from its start to its end."""
        running, stop = build(load(self.folder / "sessionwatch.toml", {}), clock=self.clock), threading.Event()
        loop = threading.Thread(target=running.run, args=(stop,), name="pipeline")
        loop.start()
        try:
            yield running
        finally:
            stop.set()
            running.wake()
            loop.join()
            running.close()


@pytest.fixture
def shop(broker: str, tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path, broker)
    yield made
    made.close()


def alerts(running: Running, rule_id: str) -> list[Alert]:
    reader = running.reader()
    try:
        return [alert for alert in reader.alerts() if alert.rule_id == rule_id]
    finally:
        reader.close()


def signals(running: Running, kind: str) -> list[Signal]:
    reader = running.reader()
    try:
        return [item for item in reader.replay_after(0) if isinstance(item, Signal) and item.kind == kind]
    finally:
        reader.close()


def events(running: Running) -> int:
    reader = running.reader()
    try:
        return sum(isinstance(item, Event) for item in reader.replay_after(0))
    finally:
        reader.close()


def sign_in(shop: Shop, user: str) -> None:
    shop.say(
        "create", now_us(), reason="login", session_id=f"s_{user}", user_id=user, ip="198.51.100.9", user_agent="x"
    )
    shop.flush()


def test_a_list_that_changes_is_asked_without_a_restart_and_known_after_one(shop: Shop) -> None:
    with shop.watched() as running:
        eventually(lambda: len(signals(running, "list_changed")) == 1)
        sign_in(shop, "before")
        eventually(lambda: events(running) == 1)
        shop.block("198.51.100.0/24\n")
        eventually(lambda: len(signals(running, "list_changed")) == 2)
        sign_in(shop, "after")
        eventually(lambda: [alert.user_id for alert in alerts(running, "listed-network")] == ["after"])
    with shop.watched() as running:
        sign_in(shop, "again")
        eventually(lambda: {alert.user_id for alert in alerts(running, "listed-network")} == {"after", "again"})
        assert len(signals(running, "list_changed")) == 2


def test_an_app_that_falls_silent_is_told_by_the_pipelines_own_ticks(shop: Shop) -> None:
    begin_us = now_us() - 2 * DAY
    for number in range(576):
        shop.say("heartbeat", begin_us + number * 5 * MINUTE, attributes={"dropped_validate": number})
    shop.flush()
    with shop.watched() as running:
        eventually(lambda: len(signals(running, "list_changed")) == 1)
        assert not alerts(running, "source-silent")
        shop.ahead_us = 4 * HOUR
        eventually(lambda: len(alerts(running, "source-silent")) == 1)
        (found,) = alerts(running, "source-silent")
        assert (found.key_kind, found.key_value, str(found.severity)) == ("app", "shop", "high")
        assert "575 events dropped" in found.summary
        shop.say("heartbeat", shop.clock() - SECOND)
        shop.say("heartbeat", shop.clock() - SECOND)
        shop.flush()
        shop.ahead_us += 10 * MINUTE
        shop.say("heartbeat", shop.clock() - SECOND)
        shop.flush()
        eventually(lambda: "it speaks again" in alerts(running, "source-silent")[0].summary)
    with shop.watched() as running:
        assert len(alerts(running, "source-silent")) == 1


def test_a_trained_model_tells_in_shadow(shop: Shop) -> None:
    save(trained(), shop.folder / "models", seed=1, per_thousand=1.0)
    with shop.watched() as running:
        sign_in(shop, "alice")
        for number in range(6):
            shop.say(
                "validate", now_us() + number, reason="request", session_id="s_alice", user_id="alice", ip="192.0.2.7",
                user_agent="curl/8.5.0", count=40,
            )  # fmt: skip
        shop.flush()
        eventually(lambda: len(alerts(running, "session-outlier")) == 1)
        (found,) = alerts(running, "session-outlier")
        assert (found.mode, found.session_id) == ("shadow", "s_alice")
        assert found.model_id is not None
    with shop.watched() as running:
        assert [alert.alert_id for alert in alerts(running, "session-outlier")] == [found.alert_id]
