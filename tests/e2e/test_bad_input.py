"""What a topic can hold, through Kafka and the whole pipeline: nothing is lost, doubled, or kept that is secret."""

from __future__ import annotations

import base64
import collections
import hashlib
import json
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import psutil
import pytest
from kafka import KafkaConsumer, TopicPartition
from sessionwatch_emitter.transport import Transport

from ingest.batch import Batch
from schemas.instant import MINUTE
from sessionwatch.assembly import build
from sessionwatch.config import load
from tests.e2e.corpus import BAD, ODD, SIGNED_APP, Corpus, Message

# Both rounds are one fixture: with several workers, one of them runs it.
pytestmark = pytest.mark.xdist_group("bad-input")

EACH = 1_000
MIB = 1024 * 1024
PATIENCE_S = 60
Row = dict[str, Any]

CONFIGURATION = """
[kafka]
bootstrap_servers = ["{broker}"]
events_topic = "{topic}"
dead_letter_topic = "{topic}-dlq"
[store]
path = "store.duckdb"
[api]
listen = "127.0.0.1:0"
[apps.{signed}]
signing_key_file = "signing.key"
"""


class Run:
    """A pipeline that has seen the corpus twice, with other ids the second time.

    Attributes:
        sent: both rounds.
        rows: of events, by id.
        letters: dead letters by SHA-256 of the value and reason.
        growth: bytes of memory that the second round added.
        raised: what ended the pipeline, if it did not end when told.
    """

    def __init__(self, broker: str, folder: Path) -> None:
        self.broker = broker
        self.topic = f"bad-input-{uuid.uuid4()}"
        self.sent: list[Message] = []
        self.raised: BaseException | None = None
        self._settled = 0
        self._stop = threading.Event()
        self._running = build(self._settings(folder), watch=self._watch)
        self._store = folder / "store.duckdb"

    def through(self) -> Run:
        """Send both rounds and read what became of them."""
        thread = threading.Thread(target=self._loop)
        thread.start()
        try:
            self._send(seed=1)
            before = _memory()
            self._send(seed=2)
            self.growth = _memory() - before
            self.told = self._dead_letter_topic()
        finally:
            self._stop.set()
            self._running.wake()
            thread.join(PATIENCE_S)
            self._running.close()
        self._read()
        return self

    def of_kind(self, kind: str) -> list[Message]:
        """What was sent of a kind."""
        return [message for message in self.sent if message.kind == kind]

    def letter(self, message: Message) -> list[Row]:
        """The dead letters with a message's value and the reason that it must have."""
        return self.letters[_sha256(message), str(message.reason)]

    def _settings(self, folder: Path) -> Any:
        key = folder / "signing.key"
        key.touch(mode=0o600)
        key.write_text("k1:" + base64.b64encode(b"k" * 32).decode())
        file = folder / "sessionwatch.toml"
        file.write_text(CONFIGURATION.format(broker=self.broker, topic=self.topic, signed=SIGNED_APP))
        return load(file, {})

    def _loop(self) -> None:
        try:
            self._running.run(self._stop)
        except BaseException as raised:
            self.raised = raised
            raise

    def _watch(self, batch: Batch) -> None:
        self._settled += len(batch.events) + len(batch.dead_letters) + batch.duplicates

    def _send(self, seed: int) -> None:
        corpus = Corpus(seed, time.time_ns() // 1_000 - MINUTE)
        messages = corpus.messages(EACH, EACH, EACH)
        transport = Transport(self.broker, self.topic)
        transport.send_all((message.key, message.value, ()) for message in messages)  # type: ignore[misc]
        transport.close()
        self.sent += messages
        _wait_until(lambda: self._settled >= len(self.sent) or self.raised is not None)

    def _dead_letter_topic(self) -> list[Any]:
        wanted = sum(message.reason is not None for message in self.sent)
        consumer = KafkaConsumer(bootstrap_servers=self.broker, enable_auto_commit=False)
        topic = f"{self.topic}-dlq"
        partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        told: list[Any] = []

        def all_read() -> bool:
            for records in consumer.poll(200).values():
                told.extend(records)
            return len(told) >= wanted

        _wait_until(all_read)
        consumer.close()
        return told

    def _read(self) -> None:
        with duckdb.connect(str(self._store), read_only=True) as store:
            self.rows = _by(_dicts(store, "FROM events"), lambda row: str(row["event_id"]))
            self.letters = _by(_dicts(store, "FROM dead_letters"), lambda row: (row["sha256"], row["reason"]))


def _sha256(message: Message) -> str:
    return hashlib.sha256(message.value or b"").hexdigest()


def _dicts(store: duckdb.DuckDBPyConnection, statement: str) -> list[Row]:
    result = store.execute(statement)
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _by(rows: list[Row], identity: Callable[[Row], Any]) -> dict[Any, list[Row]]:
    grouped: dict[Any, list[Row]] = collections.defaultdict(list)
    for row in rows:
        grouped[identity(row)].append(row)
    return grouped


def _memory() -> int:
    return int(psutil.Process().memory_info().rss)


def _wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, "the pipeline did not get through in time"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def run(broker: str, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(broker, tmp_path_factory.mktemp("bad-input")).through()


def test_nothing_crashes(run: Run) -> None:
    assert run.raised is None


def test_every_good_event_is_stored_once(run: Run) -> None:
    good = run.of_kind("good")
    assert len(good) == 2 * EACH
    assert [message.event_id for message in good if len(run.rows[message.event_id]) != 1] == []


def test_good_events_carry_no_flag(run: Run) -> None:
    assert {tuple(run.rows[message.event_id][0]["input_flags"]) for message in run.of_kind("good")} == {()}


@pytest.mark.parametrize("kind", ODD)
def test_every_odd_event_is_stored_once_and_flagged(run: Run, kind: str) -> None:
    for message in run.of_kind(kind):
        (row,) = run.rows[message.event_id]
        assert message.flags <= set(row["input_flags"])
        assert bool(message.flags) == bool(row["input_flags"])


@pytest.mark.parametrize("kind", [kind for kind, case in ODD.items() if case.expected])
def test_odd_values_are_stored_as_cleaned(run: Run, kind: str) -> None:
    for message in run.of_kind(kind):
        (row,) = run.rows[message.event_id]
        expected = {name: value for name, value in message.expected.items() if name != "attributes"}
        assert {name: row[name] for name in expected} == expected


@pytest.mark.parametrize("kind", [*BAD, "future", "same id with another time"])
def test_every_bad_message_is_a_dead_letter_with_its_reason(run: Run, kind: str) -> None:
    messages = run.of_kind(kind)
    assert messages, "the corpus holds none of this kind"
    for message in messages:
        assert run.letter(message), message.value


def test_there_is_one_dead_letter_for_each_bad_message(run: Run) -> None:
    sent = collections.Counter((_sha256(message), str(message.reason)) for message in run.sent if message.reason)
    assert {identity: len(letters) for identity, letters in run.letters.items() if letters} == sent


def test_the_events_stored_are_the_good_and_odd_ones_and_no_others(run: Run) -> None:
    assert {event_id for event_id, rows in run.rows.items() if rows} == {
        message.event_id for message in run.sent if message.reason is None
    }


def test_no_dead_letter_keeps_a_secret(run: Run) -> None:
    secret = [message for message in run.sent if message.secret]
    assert len(secret) > EACH
    for message in secret:
        assert all(message.secret.encode() not in letter["content"] for letter in run.letter(message)), message.kind


def test_the_dead_letter_topic_names_every_place_and_no_content(run: Run) -> None:
    stored = {
        f"{letter['topic']}-{letter['kafka_partition']}-{letter['kafka_offset']}"
        for letters in run.letters.values()
        for letter in letters
    }
    assert {record.key.decode() for record in run.told} == stored
    assert {tuple(sorted(json.loads(record.value))) for record in run.told} == {
        ("offset", "partition", "reason", "sha256", "topic")
    }


def test_memory_stays_flat(run: Run) -> None:
    # Measured: 16 MiB, of which the test itself keeps 5; DuckDB fills its buffers and empties them at each
    # checkpoint, and after 35 rounds (105,000 messages) it is no more than after 10.
    assert run.growth < 48 * MIB
