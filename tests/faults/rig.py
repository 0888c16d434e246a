"""Runs pipelines in processes of their own, kills them, and tells what is left in the store and at the receivers."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import duckdb
from kafka import KafkaConsumer, TopicPartition

from tests.faults.stream import NETWORKS, PROTECTED
from tests.response.receivers import SECRET, Call, Receiver

ROOT = Path(__file__).parents[2]
RUN_S = 60.0

EVENTS = "SELECT event_id::VARCHAR, epoch_us(event_time), type, app, session_id FROM events ORDER BY ALL"
DEAD_LETTERS = "SELECT topic, kafka_partition, kafka_offset, reason, sha256 FROM dead_letters ORDER BY ALL"
ALERTS = """
SELECT alert_id, rule_id, severity, hits, epoch_us(event_time), withdrawn FROM alerts ORDER BY ALL
"""
REVOCATIONS = "SELECT revocation_id, app, subject, sequence, state FROM revocations ORDER BY ALL"

Rows = list[tuple[Any, ...]]


@dataclass
class Run:
    """What one pipeline did, over all its lives.

    Attributes:
        max_per_hour: the guard's budget of sessions of the bank.
        more: what stands in the configuration beside the bank's own.
        release_every: people release one session in so many while it runs; 0 = none.
        exits: how each process ended; -9 = killed. Those killed from outside are not among them.
        log: every line that it logged.
        results: what it printed at its end.
    """

    folder: Path
    servers: str
    topic: str
    records: int
    receiver: Receiver
    chat: Receiver
    batch: int
    snapshot_every: int
    max_per_hour: int = 1_000
    more: str = ""
    release_every: int = 0
    exits: list[int] = field(default_factory=list)
    log: list[dict[str, Any]] = field(default_factory=list)
    results: list[dict[str, Any]] = field(default_factory=list)

    @property
    def store(self) -> Path:
        """The DuckDB file."""
        return self.folder / "sessionwatch.duckdb"

    @property
    def dead_letter_topic(self) -> str:
        """The topic of dead letters, this run's own."""
        return f"{self.folder.name}-dlq"

    def live(self, *lives: str, within_s: float = RUN_S) -> int:
        """Run processes one after another, and return the exit code of the last.

        Args:
            lives: ``after decode@4`` is killed at the fourth call of that hook (``~5``: after it has stood still
                there for five seconds), ``@0.2`` so many seconds after its first poll; without any there is one,
                which ends when it is done.
            within_s: how long all of them may take, in seconds.
        """
        with self._process(*lives or ("@0",)) as process:
            self._end(process, within_s)
        return self.exits[-1]

    def start_for(self, seconds: float) -> None:
        """Run one process and kill it from outside, most likely while it still starts."""
        with self._process("@0") as process:
            try:
                self._end(process, seconds)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                self._end(process, RUN_S)

    def configure(self) -> None:
        """Write the configuration and what it names."""
        (self.folder / "bank.whsec").write_text(SECRET)
        (self.folder / "sessionwatch.toml").write_text(self._configuration())

    def rows(self, statement: str) -> Rows:
        """Return rows of the store; no pipeline may be running."""
        with duckdb.connect(str(self.store), read_only=True) as connection:
            return connection.execute(statement).fetchall()

    def delivered(self) -> set[str]:
        """Return the ids of the signed webhooks that arrived."""
        arrived = whole(self.receiver)
        for call in arrived:
            call.verified()
        return {call.headers["webhook-id"] for call in arrived}

    def told(self) -> set[str]:
        """Return the headlines of the alerts that the chat was told of.

        What is due together after a kill is one digest, which holds no more of each.
        """
        headlines: set[str] = set()
        for call in whole(self.chat):
            said = json.loads(call.body)
            alone = re.search(r"Alert: [0-9a-f-]{36}", said["message"])
            headlines |= {said["title"]} if alone else set(re.findall(r"^- (.+)$", said["message"], re.MULTILINE))
        return headlines

    def announced(self) -> set[bytes]:
        """Return the keys in the topic of dead letters."""
        return keys_in(self.servers, self.dead_letter_topic)

    def said(self, event: str) -> list[dict[str, Any]]:
        """Return the log lines of an event."""
        return [line for line in self.log if line["event"] == event]

    @contextmanager
    def _process(self, *lives: str) -> Iterator[subprocess.Popen[str]]:
        module = [sys.executable, "-m", "tests.faults.pipeline_process", str(self.folder / "sessionwatch.toml")]
        options = ["--records", str(self.records), "--snapshot-every", str(self.snapshot_every)]
        options += ["--release-every", str(self.release_every)]
        with subprocess.Popen(
            [*module, *lives, *options], cwd=ROOT, env=environment(), text=True, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        ) as process:  # fmt: skip
            try:
                yield process
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)

    def _end(self, process: subprocess.Popen[str], seconds: float) -> None:
        out, err = process.communicate(timeout=seconds)
        unexpected = [line for line in err.splitlines() if not line.startswith("{")]
        assert not unexpected, "\n".join(unexpected)
        self.log += [json.loads(line) for line in err.splitlines()]
        results = [json.loads(line) for line in out.splitlines()]
        self.exits += [result["exit"] for result in results if "exit" in result]
        self.results += [result for result in results if "exit" not in result]

    def __enter__(self) -> Self:
        self.folder.mkdir()
        self.configure()
        return self

    def __exit__(self, *_: object) -> None:
        self.receiver.__exit__()
        self.chat.__exit__()

    def _configuration(self) -> str:
        return f"""
[kafka]
bootstrap_servers = ["{self.servers}"]
events_topic = "{self.topic}"
dead_letter_topic = "{self.dead_letter_topic}"
group = "{self.folder.name}"
max_poll_records = {self.batch}
[store]
path = "sessionwatch.duckdb"
[api]
listen = "127.0.0.1:0"
[apps.bank]
clock_skew = "0s"
{NETWORKS}
[rules.session-hijack]
mode = "enforce"
[rules.use-after-destroy]
mode = "enforce"
grace = "2s"
[response]
dry_run = false
max_share_per_hour = 1.0
max_per_hour = {self.max_per_hour}
protected_users = ["{PROTECTED}"]
[[response.policy]]
match = {{ rule = ["use-after-destroy"] }}
do = ["notify", "revoke_session"]
[[response.targets]]
name = "bank"
kind = "webhook"
app = "bank"
url = "{self.receiver.url}"
secret_file = "bank.whsec"
allow_private = true
[[chat]]
url = "json://127.0.0.1:{self.chat.port}/"
group_within = "0s"
max_per_minute = 600
min_severity = "medium"
{self.more}
"""


def new_run(folder: Path, servers: str, topic: str, records: int, *, batch: int = 20, snapshot_every: int = 30) -> Run:
    """Return a run with receivers and a store of its own; use it as a context manager."""
    return Run(folder, servers, topic, records, Receiver().__enter__(), Receiver().__enter__(), batch, snapshot_every)


def whole(receiver: Receiver) -> list[Call]:
    """Return the requests that arrived whole: the body of one may be missing, if its sender was killed meanwhile."""
    return [call for call in receiver.calls if len(call.body) == int(call.headers["content-length"])]


def environment() -> dict[str, str]:
    """Return the environment in which a process of the tests finds the product."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def keys_in(servers: str, topic: str, seconds: float = 10.0) -> set[bytes]:
    """Return the keys of everything that a topic holds now."""
    consumer = KafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False, fetch_max_wait_ms=50)
    try:
        partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        found: set[bytes] = set()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for records in consumer.poll(100).values():
                found |= {record.key for record in records}
            ends = [(consumer.highwater(place), consumer.position(place)) for place in partitions]
            if all(highwater is not None and position >= highwater for highwater, position in ends):
                break
        return found
    finally:
        consumer.close()
