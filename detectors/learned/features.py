"""What a session looks like: numbers that grow while it is used, and vectors of them at fixed points.

Source: Habeeb et al. and Freeman et al. ("Who Are You? A Statistical Approach to Measuring User Authenticity", NDSS
2016) for change of network and client as evidence; our own experiments for which of them carried. Left out on
purpose: what only says how complete an app's events are, such as a missing device id, since a model takes it for
the attack itself.
"""

from __future__ import annotations

import hashlib
import math
import struct
import zlib
from dataclasses import dataclass

import msgspec

from detectors.context import LINEAGE_REASONS, SessionContext, Use
from detectors.distances import between
from detectors.networks import ANONYMISER_TYPES, dissimilar_device, other_device_id, same_network
from detectors.rule import Memory
from schemas.event import Event, Place
from schemas.instant import HOUR, MINUTE, SECOND

FEATURES_VERSION = 1
"""Raised when a feature means something else: a model of another version is not used."""

MAX_POINTS = 8
"""Vectors kept of a session: three counts, an end, and four changes; a few hundred bytes each."""
MAX_CHANGES = 4
"""Changes of context at which a session is scored. Who changes more often shows it at the other points."""
COUNTS = (5, 20, 80)
"""Uses at which a session is scored (decision 11)."""

QUICK_US = 2 * MINUTE
"""Two changes of network within this are more than a walk from one to another."""
STEADY = 0.05
"""Deviation of gaps, as a share of the gap, below which no person clicks."""
SHORTEST_US = MINUTE
"""Speeds are taken over at least this long: what stands in one town may be 20 km apart."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One number of a vector.

    Attributes:
        words: for people.
        unit: behind the number.
        folded: it is stored as ln(1 + x), since it has a long tail.
    """

    name: str
    words: str
    unit: str = ""
    folded: bool = True

    def shown(self, value: float) -> str:
        """Return a stored value for people."""
        plain = math.expm1(value) if self.folded else value
        text = f"{plain:.1f}".removesuffix(".0")
        return f"{text} {self.unit}".rstrip()


FEATURES: tuple[Feature, ...] = (
    Feature("networks", "networks in a day"),
    Feature("systems", "network operators in a day"),
    Feature("countries", "countries in a day"),
    Feature("moves", "changes of network"),
    Feature("quick_moves", "changes of network within two minutes of another"),
    Feature("farthest", "distance between two uses", "km"),
    Feature("fastest", "speed between two uses", "km/h"),
    Feature("anonymised", "uses through an anonymiser or hosting network"),
    Feature("other_os", "changes of operating system"),
    Feature("other_family", "changes of browser"),
    Feature("other_client", "changes of the client's version"),
    Feature("other_devices", "changes of device"),
    Feature("other_users", "changes of user"),
    Feature("uses", "uses"),
    Feature("age", "age of the session", "min"),
    Feature("pace", "uses a minute"),
    Feature("peak", "uses in its busiest minute"),
    Feature("pause", "longest pause", "min"),
    Feature("steady", "uses at an even pace"),
    Feature("refusals", "refused uses"),
    Feature("acts", "sensitive acts"),
    Feature("after_end", "uses after its end"),
)
_pack = struct.Struct(f"<{len(FEATURES)}f").pack


def schema_hash() -> str:
    """Return a digest of what vectors mean: a model is of use with the same one only."""
    described = f"{FEATURES_VERSION} {COUNTS} {MAX_CHANGES} " + " ".join(feature.name for feature in FEATURES)
    return hashlib.sha256(described.encode()).hexdigest()[:16]


class Point(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A session as it looked at one event.

    Attributes:
        why: what made it a point, for people.
        vector: `FEATURES` as little-endian 32-bit floats.
        excepted: who answers for such a hit and why; None where nobody does.
    """

    time_us: int
    event_id: str
    why: str
    vector: bytes
    user_id: str | None
    ip: str | None
    device_id: str | None
    place: Place
    drill: str | None
    excepted: str | None

    @property
    def order(self) -> tuple[int, str]:
        """Its place in event time."""
        return self.time_us, self.event_id


class Trace(Memory, array_like=True):
    """What is remembered of a session beside its context; counted since its newest login.

    Attributes:
        uses: requests, those that an event stands for included.
        client: checksum of the newest User-Agent; versions differ in it.
        changes: changes of context at which it was scored.
        points: in the order in which they were judged.
    """

    begun_us: int = 0
    last_us: int = 0
    uses: int = 0
    minute: int = 0
    in_minute: int = 0
    peak: int = 0
    pause_us: int = 0
    moves: int = 0
    moved_us: int = 0
    quick_moves: int = 0
    farthest_km: float = 0.0
    fastest_kmh: float = 0.0
    anonymised: int = 0
    other_os: int = 0
    other_family: int = 0
    client: int = 0
    other_client: int = 0
    other_devices: int = 0
    other_users: int = 0
    steady: int = 0
    refusals: int = 0
    acts: int = 0
    after_end: int = 0
    changes: int = 0
    points: tuple[Point, ...] = ()

    def take(self, event: Event, context: SessionContext) -> str | None:
        """Take in an event of a session.

        Args:
            event: of the session.
            context: what was known of it before.

        Returns:
            why the session is to be scored at this event; None = it is not.
        """
        if event.type == "fail":
            # Of a session nobody has used, whoever invents ids would leave traces.
            if context.home is not None:
                self.refusals += event.count
            return None
        if event.type == "destroy":
            return "its end" if self.uses and context.ended_us is None else None
        if event.type == "create" and event.reason not in LINEAGE_REASONS and self.uses:
            self._begin_anew()
        before = self.uses
        self._count(event, context)
        changed = self._compare(event, context)
        if changed and self.changes < MAX_CHANGES:
            self.changes += 1
            return changed
        for count in COUNTS:
            if before < count <= self.uses:
                return f"use {count}"
        return None

    def add(self, point: Point) -> None:
        """Keep a point, where there is room."""
        if len(self.points) < MAX_POINTS:
            self.points = (*self.points, point)

    def vector(self, event: Event, context: SessionContext) -> bytes:
        """Return what the session looks like after an event that was taken in."""
        places = {use.place.network: use.place for use in context.uses}
        if event.type != "destroy" and event.place.network is not None:
            places[event.place.network] = event.place
        minutes = max(0, self.last_us - self.begun_us) / MINUTE
        plain = (
            len(places),
            len({place.asn for place in places.values()}),
            len({place.country for place in places.values()}),
            self.moves,
            self.quick_moves,
            self.farthest_km,
            self.fastest_kmh,
            self.anonymised,
            self.other_os,
            self.other_family,
            self.other_client,
            self.other_devices,
            self.other_users,
            self.uses,
            minutes,
            self.uses / max(1.0, minutes),
            self.peak,
            self.pause_us / MINUTE,
            self.steady,
            self.refusals,
            self.acts,
            self.after_end,
        )
        return _pack(*map(math.log1p, plain))

    def _begin_anew(self) -> None:
        """Forget all but the points: a login took the session id up again."""
        points, fresh = self.points, Trace()
        for name in self.__struct_fields__:
            setattr(self, name, getattr(fresh, name))
        self.points = points

    def _count(self, event: Event, context: SessionContext) -> None:
        time_us, count = event.time_us, event.count
        if not self.uses:
            self.begun_us = self.last_us = time_us
        gap_us = time_us - self.last_us
        if gap_us > 0:
            self.last_us = time_us
            if gap_us > self.pause_us and count == 1:
                self.pause_us = gap_us
            deviation_ms = event.gap_dev_ms
            # Of sampled uses their emitter says how even they were; the gaps between events do not.
            if count > 2 and deviation_ms is not None and deviation_ms * 1_000 < STEADY * gap_us / count:
                self.steady += count
        self.uses += count
        minute = time_us // MINUTE
        if minute != self.minute:
            self.minute, self.in_minute = minute, 0
        # Those that an event stands for came since the one before it.
        self.in_minute += min(count, math.ceil(count * MINUTE / gap_us)) if gap_us > MINUTE else count
        self.peak = max(self.peak, self.in_minute)
        if event.place.network_type in ANONYMISER_TYPES:
            self.anonymised += count
        if event.action is not None:
            self.acts += 1
        if context.ended_us is not None and event.type == "validate" and time_us > context.ended_us + SECOND:
            self.after_end += count

    def _compare(self, event: Event, context: SessionContext) -> str | None:
        """Count what has changed since the last use; return the first change of context."""
        previous = context.uses[-1] if context.uses else context.home
        changed: list[str] = []
        if event.user_agent is not None:
            client = zlib.crc32(event.user_agent.encode("utf-8", "replace")) or 1
            if self.client and client != self.client:
                self.other_client += 1
            self.client = client
        if previous is None or context.starts_anew(event):
            return None
        if previous.place is not event.place and not same_network(previous, event):
            self._move(event, previous)
            changed.append("a change of network")
        shows = event.type == "validate" or event.user_agent is not None
        if shows and dissimilar_device(previous, event, agent_expected=context.sends_agent):
            self.other_os += previous.agent.os != event.agent.os
            self.other_family += previous.agent.family != event.agent.family
            self.other_devices += other_device_id(previous, event)
            changed.append("a change of client")
        if context.user_id is not None and event.user_id is not None and context.user_id != event.user_id:
            self.other_users += 1
            changed.append("a change of user")
        return changed[0] if changed else None

    def _move(self, event: Event, previous: Use) -> None:
        self.moves += 1
        if self.moved_us and abs(event.time_us - self.moved_us) <= QUICK_US:
            self.quick_moves += 1
        self.moved_us = event.time_us
        distance = between(previous.place, event.place)
        if distance is not None:
            taken_us = max(SHORTEST_US, abs(event.time_us - previous.last_us))
            self.farthest_km = max(self.farthest_km, distance.km)
            self.fastest_kmh = max(self.fastest_kmh, distance.km * HOUR / taken_us)
