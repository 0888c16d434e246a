"""The whole way: Kafka, decode, dedup, enrich, detect, respond, DuckDB. Events a CPU second."""

from __future__ import annotations

import tempfile
import threading
import time
from pathlib import Path

from sessionwatch_emitter.transport import Transport

from bench.floors import bare_json, bare_kafka, cpu_seconds
from bench.stream import EVENTS_A_SECOND, events
from bench.table import Figure
from detectors.engine import Engine
from detectors.findings.stage import Detection
from detectors.plan import Plan
from detectors.remembered import RememberedDays, inform
from ingest.batch import Batch
from ingest.broker import DevelopmentBroker
from ingest.decode import decode_event
from ingest.enrich import Enricher
from ingest.places import Places
from ingest.topics import ensure_topic
from schemas.app import Apps
from schemas.event import Event
from schemas.instant import SECOND
from sessionwatch.assembly import build
from sessionwatch.config import load

BATCH = 5_000
TOPIC = "session-events"
CONFIGURATION = """
[kafka]
bootstrap_servers = ["{bootstrap}"]
[store]
path = "{folder}/bench.duckdb"
[api]
listen = "127.0.0.1:0"
[apps.bank]
"""


def measure(count: int) -> list[Figure]:
    """Return the figures for `count` events.

    Floors of the same run: kafka-python's consumption alone, and `json.loads` over the same values.
    """
    records = list(events(count, time.time_ns() // 1_000 - count * SECOND // EVENTS_A_SECOND))
    values = [value for _, value in records]
    json_s = bare_json(values)
    decode_s, decoded = _decoding(values)
    enrich_s = cpu_seconds(lambda: Enricher(Places(), Apps()).enrich(decoded))
    detect_s = cpu_seconds(lambda: _detect(decoded))
    with DevelopmentBroker() as broker, tempfile.TemporaryDirectory() as folder:
        ensure_topic({"bootstrap_servers": broker.bootstrap_servers}, TOPIC)
        Transport(broker.bootstrap_servers, TOPIC).send_all((key, value, []) for key, value in records)
        kafka_s = bare_kafka(broker.bootstrap_servers, TOPIC, count)
        start_s, whole_s, after_start = _whole_way(broker.bootstrap_servers, Path(folder), count)
    return [
        Figure("bare json.loads", count, json_s, json_s),
        Figure("bare kafka-python", count, kafka_s, json_s),
        Figure("decode with all checks", count, decode_s, json_s),
        Figure("enrich", count, enrich_s, json_s),
        Figure("detect, all rules", count, detect_s, json_s),
        Figure("the whole way into DuckDB", after_start, whole_s, json_s * after_start / count),
        Figure("its start and first batch", count - after_start, start_s, json_s * (count - after_start) / count),
    ]


def _detect(events: list[Event]) -> None:
    plan, apps = Plan(), Apps()
    engine, days = Engine(plan, apps), RememberedDays()
    detection = Detection(engine, plan, apps)
    for start in range(0, len(events), BATCH):
        batch = events[start : start + BATCH]
        inform(engine, batch, days)
        detection.process(batch)


def _decoding(values: list[bytes]) -> tuple[float, list[Event]]:
    decoded: list[Event] = []
    return cpu_seconds(lambda: decoded.extend(map(decode_event, values))), decoded


def _whole_way(bootstrap: str, folder: Path, count: int) -> tuple[float, float, int]:
    """Return CPU seconds until the first batch is committed, CPU seconds after it, and the events after it.

    Apart, since imports, expressions and the first allocations of a database file cost the same for any stream.
    """
    configuration = folder / "bench.toml"
    configuration.write_text(CONFIGURATION.format(bootstrap=bootstrap, folder=folder))
    stop, seen, first = threading.Event(), [0], [0.0, 0.0]

    def watch(batch: Batch) -> None:
        if not seen[0]:
            first[:] = [time.process_time(), len(batch.events)]
        seen[0] += len(batch.events)
        if seen[0] >= count:
            stop.set()

    began = time.process_time()
    running = build(load(configuration), watch=watch)
    try:
        running.run(stop)
        ended = time.process_time()
    finally:
        running.close()
    return first[0] - began, ended - first[0], count - int(first[1])
