"""The records that the kill tests send: users at work, thefts, and what is refused, always the same ones."""

from __future__ import annotations

import json
import random
import time
import uuid
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from kafka import KafkaProducer

from schemas.instant import SECOND, to_rfc3339

PARTITIONS = 4
USERS = 40
SPAN_S = 90.0
PROTECTED = "user07"
"""Stolen from like others, but only a person may end this user's sessions."""

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126 Safari/537.36"

HOME, OFFICE, HOSTING, ABROAD = "192.0.2.10", "203.0.113.7", "198.51.100.9", "198.18.4.4"
NETWORKS = """
[[networks]]
cidr = "192.0.2.0/24"
asn = 64500
country = "DE"
type = "home"
[[networks]]
cidr = "198.51.100.0/24"
asn = 64540
country = "NL"
type = "hosting"
[[networks]]
cidr = "198.18.0.0/15"
asn = 64530
country = "US"
[[networks]]
cidr = "203.0.113.0/24"
asn = 64520
country = "FR"
"""
"""What the addresses of this stream are, for a configuration file."""


@dataclass(frozen=True)
class Line:
    """One record: when it is sent, where to, what."""

    at_s: float
    partition: int
    value: bytes


def lines() -> list[Line]:
    """Return the records in the order in which they are sent."""
    start_us = time.time_ns() // 1_000 - int((SPAN_S + 10) * SECOND)
    found = [line for number in range(USERS) for line in _user(number, start_us)]
    return sorted([*found, *_refused(start_us)], key=lambda line: line.at_s)


def thefts(users: int, stolen: int) -> list[Line]:
    """Return logins of so many users, and then how the sessions of the first of them are taken elsewhere.

    Args:
        users: each has one session.
        stolen: how many of these, one after another.
    """
    start_us = time.time_ns() // 1_000 - int((SPAN_S + 10) * SECOND)
    step_s = SPAN_S / (users + stolen)
    found = []
    for number in range(users):
        home = f"192.0.2.{1 + number % 250}"
        found.append(_Life(_numbered(number), start_us).line("create", number * step_s, reason="login", ip=home))
    for number in range(stolen):
        abroad = f"198.18.{number // 250}.{1 + number % 250}"
        life, at_s = _Life(_numbered(number), start_us), (users + number) * step_s
        found.append(life.line("validate", at_s, reason="request", ip=abroad, user_agent=CHROME))
    return found


def _numbered(number: int) -> str:
    return f"user{number:04}"


def sent_twice(once: list[Line]) -> list[Line]:
    """Return every record twice, the second time somewhat later, as a producer without idempotence does."""
    chance = random.Random(7)
    again = [Line(line.at_s + chance.choice((0.0, 0.001, 2.0)), line.partition, line.value) for line in once]
    return sorted([*once, *again], key=lambda line: line.at_s)


def send(servers: str, topic: str, records: list[Line]) -> None:
    """Send records, and wait until every one is acknowledged."""
    producer = KafkaProducer(bootstrap_servers=servers, linger_ms=5)
    futures = [producer.send(topic, line.value, partition=line.partition) for line in records]
    for future in futures:
        future.get(10)
    producer.close()


def _user(number: int, start_us: int) -> Iterator[Line]:
    """A login, uses, and what sets some users apart."""
    user = f"user{number:02}"
    chance = random.Random(number)
    life = _Life(user, start_us)
    yield life.line("create", chance.uniform(0, 5), reason="login")
    for at_s in sorted(chance.uniform(10, SPAN_S) for _ in range(18)):
        yield life.line("validate", at_s, reason="request", ip=chance.choice((HOME, "192.0.2.77")))
    if number % 8 in (6, 7):
        # Taken to another country and another browser.
        for at_s in (60.0, 60.5, 70.0):
            yield life.line("validate", at_s + number / 100, reason="request", ip=ABROAD, user_agent=CHROME)
    if number % 8 == 1:
        # Same browser, from a hosting network.
        for at_s in (50.0, 51.0):
            yield life.line("validate", at_s + number / 100, reason="request", ip=HOSTING)
    if number % 8 == 2:
        # Everywhere at once.
        for at_s, ip in ((40.0, HOSTING), (41.0, ABROAD), (42.0, OFFICE)):
            yield life.line("validate", at_s + number / 100, reason="request", ip=ip)
    if number % 8 == 3:
        # Used on after the logout, which clears the cookie only.
        yield life.line("destroy", SPAN_S - 8, reason="logout")
    if number % 8 == 4:
        yield life.line("fail", 30.0, reason="bad_credentials", session_id=None)


class _Life:
    """Makes the events of one session."""

    def __init__(self, user: str, start_us: int) -> None:
        self._user = user
        self._start_us = start_us

    def line(self, kind: str, at_s: float, **fields: object) -> Line:
        """Return an event so many seconds after the start."""
        event = {
            "schema_version": 1,
            "event_id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self._user} {kind} {at_s}")),
            "event_time": to_rfc3339(self._start_us + int(at_s * SECOND)),
            "type": kind,
            "app": "bank",
            "session_id": f"s_k1_{self._user}",
            "user_id": self._user,
            "ip": HOME,
            "user_agent": FIREFOX,
        }
        return Line(at_s, partition_of(self._user), json.dumps({**event, **fields}).encode())


def partition_of(user: str) -> int:
    """Return where a user's records go."""
    return zlib.crc32(user.encode()) % PARTITIONS


def _refused(start_us: int) -> Iterator[Line]:
    life = _Life("mallory", start_us)
    good = life.line("validate", 20.0, reason="request")
    yield good
    # The same id at another time.
    event = json.loads(good.value) | {"event_time": to_rfc3339(start_us + 25 * SECOND)}
    yield Line(25.0, good.partition, json.dumps(event).encode())
    for number in range(30):
        at_s = 15.0 + 2.4 * number
        event = json.loads(life.line("validate", at_s, reason="request").value)
        bad = (
            b"{ no JSON",
            b"[1, 2]",
            json.dumps(event | {"type": "stolen"}).encode(),
            json.dumps(event | {"session_id": "a raw cookie of a user"}).encode(),
            json.dumps(event | {"event_time": 1_760_000_000}).encode(),
            json.dumps(event | {"schema_version": 9}).encode(),
        )[number % 6]
        yield Line(at_s, number % PARTITIONS, bad)
