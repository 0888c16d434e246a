"""`python -m bench.flat [EVENTS]`: what an event costs as the engine fills, and what a session at rest holds.

Sessions of ten requests over some minutes that nobody ends: all of them stay in memory, a tenth of the events' number.
"""

from __future__ import annotations

import gc
import random
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import psutil

from bench.stream import AGENTS, wire
from detectors.engine import Engine
from detectors.findings.stage import Detection
from detectors.plan import Plan
from detectors.remembered import RememberedDays, inform
from ingest.collector import relax_collector
from ingest.decode import decode_event
from ingest.enrich import Enricher
from ingest.places import Places
from schemas.app import AppPolicy, Apps
from schemas.event import Event
from schemas.instant import HOUR, SECOND, to_us

SESSION_EVENTS = 10
ACTIVE = 5_000
"""Sessions in use at a time; the others rest."""
USERS_SHARE = 0.3
EVENTS_A_SECOND = 231
"""A million sessions in twelve hours."""
CHUNK = 5_000
STEPS = 10
MEBIBYTE = 2**20
START_US = to_us(datetime(2026, 1, 5, 8, tzinfo=UTC))


def events(count: int, seed: int = 1) -> Iterator[Event]:
    """Yield decoded events in order: a new session with each tenth, the rest requests of those in use."""
    chance = random.Random(seed)
    people = max(1, int(count / SESSION_EVENTS * USERS_SHARE))
    active: list[list[int]] = []
    begun = 0
    for number in range(count):
        time_us = START_US + number * SECOND // EVENTS_A_SECOND
        if number % SESSION_EVENTS == 0:
            active.append([begun, chance.randrange(people)])
            begun += 1
            session, kind, reason = active[-1], "create", "login"
            if len(active) > ACTIVE:
                active.pop(0)
        else:
            session, kind, reason = chance.choice(active), "validate", "request"
        number_of, user = session
        value = wire(
            chance, time_us, kind, reason, number_of, user,
            ip=f"10.{user % 250}.{user // 250 % 250}.7", user_agent=AGENTS[0], device_id=f"d-{user}",
        )  # fmt: skip
        yield decode_event(value)


def measure(count: int) -> None:
    """Print what an event costs in each tenth of the stream, then the memory of what rests."""
    relax_collector()
    apps = Apps({"bank": AppPolicy("bank", realm="bank")})
    engine = Engine(Plan(), apps)
    detection, days, enricher = (
        Detection(engine, Plan(), apps, judges_silence=False),
        RememberedDays(),
        Enricher(Places(), apps),
    )
    process = psutil.Process()
    before = process.memory_info().rss
    spent_s, judged, alerts, time_us = 0.0, 0, 0, 0
    step = max(CHUNK, count // STEPS)
    stream = events(count)
    print(f"{count:,} events, {count // SESSION_EVENTS:,} sessions, {len(Plan().instances())} rules")
    while chunk := [event for event, _ in zip(stream, range(CHUNK), strict=False)]:
        enricher.enrich(chunk)
        begun_s = time.process_time()
        inform(engine, chunk, days)
        alerts += len(detection.process(chunk).changes)
        time_us = chunk[-1].time_us
        detection.expire(time_us)
        engine.take_dirty()
        days.save(engine.take_days())
        spent_s += time.process_time() - begun_s
        judged += len(chunk)
        if judged % step == 0:
            resident = process.memory_info().rss / MEBIBYTE
            print(
                f"{judged:>12,} events: {spent_s / max(CHUNK, count // STEPS) * 1e6:5.1f} µs each, {resident:7,.0f} MiB"
            )
            spent_s = 0.0
    detection.expire(time_us + HOUR)
    engine.take_dirty()
    gc.collect()
    sizes = engine.sizes()
    held = process.memory_info().rss - before
    print(f"at rest: {sizes}, {alerts} changes of alerts")
    print(f"{held / sizes['session'] / 1024:.2f} KiB a live session, its share of users and all else included")


if __name__ == "__main__":
    measure(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000)
