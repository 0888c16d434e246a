"""Keeps the pipeline busy: `python -m bench.lockout.load SERVERS EVENTS_A_SECOND`, until standard input ends.

At its end it prints, as JSON, how many events were acknowledged in each whole second of the wall clock.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
import uuid
from collections import Counter

from kafka import KafkaProducer

from bench.lockout.setting import LOAD, TOPIC
from schemas.instant import to_rfc3339
from sessionwatch.demo.people import FIREFOX_WINDOWS
from sessionwatch.demo.standard_input import at_end_of_input

TICK_S = 0.01
SESSIONS = 5_000


def main() -> None:
    """Send until told to stop."""
    servers, rate = sys.argv[1], int(sys.argv[2])
    stop = threading.Event()
    at_end_of_input(stop.set)
    acknowledged: Counter[int] = Counter()
    producer = KafkaProducer(bootstrap_servers=servers, linger_ms=5)
    chance, sent = random.Random(1), 0
    began = time.monotonic()
    while not stop.is_set():
        due = int((time.monotonic() - began) * rate)
        for number in range(sent, due):
            key, value = _event(number, chance)
            future = producer.send(TOPIC, value, key=key)
            future.add_callback(lambda _: acknowledged.update((int(time.time()),)))
        sent = max(sent, due)
        time.sleep(TICK_S)
    producer.close()
    print(json.dumps(acknowledged), flush=True)


def _event(number: int, chance: random.Random) -> tuple[bytes, bytes]:
    """Return key and value: at first everybody signs in, then any of them uses their session."""
    person = number if number < SESSIONS else chance.randrange(SESSIONS)
    event = {
        "schema_version": 1,
        "event_id": str(uuid.uuid4()),
        "event_time": to_rfc3339(time.time_ns() // 1_000),
        "type": "create" if number < SESSIONS else "validate",
        "reason": "login" if number < SESSIONS else "request",
        "app": LOAD,
        "session_id": f"s_k1_{person:043d}",
        "user_id": f"person-{person}",
        "ip": f"10.{person // 250}.{person % 250}.7",
        "user_agent": FIREFOX_WINDOWS,
        "count": 3,
        "gap_min_ms": 812.5,
        "gap_dev_ms": 420.25,
    }
    return f"person-{person}".encode(), json.dumps(event, separators=(",", ":")).encode()


if __name__ == "__main__":
    main()
