"""`python -m bench.flat [EVENTS]`: what an event costs as the engine fills, and what a session at rest holds.

Sessions of ten requests over some minutes that nobody ends: all of them stay in memory, a tenth of the events' number.
Each is of a user of its own, with a device and, four in a /24, a network of its own: users who came to hold more and
more sessions would make later events other work than earlier ones.
"""

from __future__ import annotations

import gc
import random
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import IPv4Address

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
EVENTS_A_SECOND = 231
"""A million sessions in twelve hours."""
CHUNK = 5_000
STEPS = 10
MEBIBYTE = 2**20
FIRST_ADDRESS = int(IPv4Address("20.0.0.0"))
START_US = to_us(datetime(2026, 1, 5, 8, tzinfo=UTC))


def events(count: int, seed: int = 1) -> Iterator[Event]:
    """Yield decoded events in order: a new session with each tenth, the rest requests of those in use."""
    chance = random.Random(seed)
    active: list[int] = []
    begun = 0
    for number in range(count):
        time_us = START_US + number * SECOND // EVENTS_A_SECOND
        if number % SESSION_EVENTS == 0:
            active.append(begun)
            begun += 1
            session, kind, reason = active[-1], "create", "login"
            if len(active) > ACTIVE:
                active.pop(0)
        else:
            session, kind, reason = chance.choice(active), "validate", "request"
        value = wire(
            chance, time_us, kind, reason, session, session,
            ip=str(IPv4Address(FIRST_ADDRESS + session * 64)), user_agent=AGENTS[0], device_id=f"d-{session}",
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
    for later_us in (HOUR, 2 * HOUR):
        # What has come to rest belongs into the next snapshot, and only then sleeps.
        detection.expire(time_us + later_us)
        engine.take_dirty()
    detection.expire(time_us + 3 * HOUR)
    gc.collect()
    _show_rest(engine, process.memory_info().rss - before, alerts)


def _show_rest(engine: Engine, held: int, alerts: int) -> None:
    sizes = engine.sizes()
    asleep = [sys.getsizeof(key) + sys.getsizeof(content) for key, content in engine.asleep()]
    print(f"at rest: {sizes}, {len(asleep):,} sessions asleep, {alerts} changes of alerts")
    print(f"{sum(asleep) / len(asleep):,.0f} bytes a live session at rest: its key and what is held of it")
    print(
        f"{held / sizes['session'] / 1024:.2f} KiB resident a session, its user, network, device and all else with it"
    )


if __name__ == "__main__":
    measure(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000)
