"""`sessionwatch emit FILE`, against a real broker."""

from __future__ import annotations

import base64
import gzip
import hmac
import json
import struct
import uuid
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition
from typer.testing import CliRunner

from sessionwatch import cli
from tests.sessionwatch.conftest import private_file, signing_key_text


def event(**fields: object) -> str:
    return json.dumps(
        {
            "schema_version": 1,
            "event_id": str(uuid.uuid4()),
            "event_time": "2026-11-01T10:00:00Z",
            "type": "fail",
            "app": "bank",
            **fields,
        }
    )


@pytest.fixture
def topic(broker: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """A topic of its own, which the environment tells the command."""
    name = f"emit-{uuid.uuid4().hex[:8]}"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SESSIONWATCH__KAFKA__BOOTSTRAP_SERVERS", broker)
    monkeypatch.setenv("SESSIONWATCH__KAFKA__EVENTS_TOPIC", name)
    return name


def sent(broker: str, topic: str, count: int) -> list[Any]:
    """The records of a topic, `count` of them."""
    consumer = KafkaConsumer(bootstrap_servers=broker, consumer_timeout_ms=5_000)
    try:
        consumer.assign([TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)])
        consumer.seek_to_beginning()
        return [record for _, record in zip(range(count), consumer, strict=False)]
    finally:
        consumer.close()


def test_events_go_out_as_they_stand_under_their_key(broker: str, topic: str, tmp_path: Path) -> None:
    lines = [
        event(user_id="alice", session_id="s_k1_a", ip="192.0.2.1"),
        event(session_id="s_k1_b", ip="192.0.2.1"),
        event(ip="192.0.2.1"),
        event(),
    ]
    (tmp_path / "f.jsonl").write_text("\n\n".join(lines))
    ended = CliRunner().invoke(cli.app, ["emit", "f.jsonl", "--json"])
    assert ended.exit_code == 0
    told = json.loads(ended.stdout)
    assert (told["sent"], told["refused"], told["topic"]) == (4, 0, topic)
    records = sent(broker, topic, 4)
    assert {record.value.decode(): record.key for record in records} == dict(
        zip(lines, [b"alice", b"s_k1_b", b"192.0.2.1", None], strict=True)
    )
    assert all(not record.headers for record in records)


def test_bad_lines_are_named_and_the_others_sent(topic: str, tmp_path: Path) -> None:
    (tmp_path / "f.jsonl").write_text("\n".join([event(), "nonsense", "[]", event(app="BANK"), event()]))
    ended = CliRunner().invoke(cli.app, ["emit", "f.jsonl"])
    assert ended.exit_code == 1
    assert ended.stdout == f"2 events sent to {topic}, 3 lines refused\n"
    assert ended.stderr.splitlines() == [
        "line 2: not_json: at character 0",
        "line 3: not_object: expected an object, not an array",
        "line 4: bad_app: app",
    ]


def test_a_flood_of_bad_lines_is_counted_not_listed(topic: str, tmp_path: Path) -> None:
    (tmp_path / "f.jsonl").write_text("nonsense\n" * 30)
    ended = CliRunner().invoke(cli.app, ["emit", "f.jsonl"])
    assert ended.stdout == f"0 events sent to {topic}, 30 lines refused\n"
    assert ended.stderr.splitlines()[-1] == "and 10 more lines were refused"


@pytest.mark.usefixtures("topic")
def test_a_compressed_file(tmp_path: Path) -> None:
    (tmp_path / "f.jsonl.gz").write_bytes(gzip.compress(f"{event()}\n".encode()))
    ended = CliRunner().invoke(cli.app, ["emit", "f.jsonl.gz", "--json"])
    assert json.loads(ended.stdout)["sent"] == 1


def test_events_are_signed_with_a_key_from_a_file(broker: str, topic: str, tmp_path: Path) -> None:
    line = event(user_id="alice")
    (tmp_path / "f.jsonl").write_text(line)
    private_file(tmp_path / "keys", signing_key_text("k1", b"k"))
    assert CliRunner().invoke(cli.app, ["emit", "f.jsonl", "--signing-key-file", "keys"]).exit_code == 0
    (record,) = sent(broker, topic, 1)
    signed = b"".join(struct.pack(">I", len(part)) + part for part in (b"bank", b"alice", line.encode()))
    signature = base64.b64encode(hmac.digest(b"k" * 32, signed, "sha256"))
    assert record.headers == [("sw-signature", b"v1,k1," + signature)]


@pytest.mark.usefixtures("topic")
def test_a_wrong_signing_key_file_stops_before_anything_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "f.jsonl").write_text(event())
    private_file(tmp_path / "keys", "k1:secret")
    monkeypatch.setattr("sys.argv", ["sessionwatch", "emit", "f.jsonl", "--signing-key-file", "keys"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    assert capsys.readouterr().err == (
        "sessionwatch: --signing-key-file: line 1: expected <key id>:<base64 of 32 bytes>, "
        "as `sessionwatch-emitter keys` prints it\n"
    )


def test_a_dead_broker_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SESSIONWATCH__KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("SESSIONWATCH__KAFKA__BOOTSTRAP_TIMEOUT_MS", "300")
    monkeypatch.setattr("sys.argv", ["sessionwatch", "emit", "f.jsonl"])
    (tmp_path / "f.jsonl").write_text(event())
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith("sessionwatch: cannot reach Kafka at 127.0.0.1:1: ")
    assert said.count("\n") == 1
