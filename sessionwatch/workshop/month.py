"""The benign month in small: simulated ordinary life as rules see it, for the battery of a rule's test."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from detectors.battery import Subject
from ingest.decode import decode_event
from ingest.enrich import Enricher
from ingest.places import KnownNetwork, Places
from sample_logs.simulate.apps import APPS
from sample_logs.simulate.internet import RANGES
from sample_logs.simulate.labels import Labels
from sample_logs.simulate.month import Month
from schemas.app import AppPolicy, Apps
from schemas.event import Event
from schemas.instant import DAY

if TYPE_CHECKING:
    from detectors.battery.streams import Stream
    from detectors.rules import AnyRule

USERS, DAYS, SEED = 120, 16, 4
"""Small enough to be judged by each rule, and long enough that users have a history to differ from."""
ROBOT_DAYS = 2


@dataclass(frozen=True, slots=True)
class SmallMonth:
    """Ordinary life without an attack.

    Attributes:
        events: enriched, in order.
        apps: what the apps in it declare.
    """

    events: tuple[Event, ...]
    apps: Apps


@cache
def small_month() -> SmallMonth:
    """Return the simulated life of some people, and of the robots among them; made once."""
    apps = simulated_apps()
    month = Month(USERS, DAYS, SEED, attacks=())
    told = (decode_event(line) for line in month.lines(Labels(None)))
    # Robots make most of a small month's events, and do the same on each day.
    robots_until_us = month.begins_us + ROBOT_DAYS * DAY
    events = tuple(event for event in told if not _is_robot(event) or event.time_us < robots_until_us)
    Enricher(simulated_places(), apps).enrich(events)
    for event in events:
        event.arrival_us = event.time_us
    return SmallMonth(events, apps)


def lived_through(rule: type[AnyRule], streams: Iterable[Stream] = ()) -> Subject:
    """Return a rule as the subject of the battery that has the small month for its ordinary life.

    Args:
        rule: its class.
        streams: more streams in which it should be examined.
    """
    month = small_month()
    return Subject(rule, streams=tuple(streams), ordinary=month.events, ordinary_apps=month.apps)


def simulated_apps() -> Apps:
    """Return what the apps of the simulated month declare."""
    return Apps(
        {
            app.name: AppPolicy(
                app.name,
                kind=app.kind,
                realm=app.realm,
                idle_timeout_us=app.idle_us,
                absolute_timeout_us=app.absolute_us,
                rotates_on_login=True,
            )
            for app in APPS.values()
        }
    )


def simulated_places() -> Places:
    """Return the networks in which the simulated month plays."""
    return Places(list(_networks()))


def _is_robot(event: Event) -> bool:
    return event.user_id is not None and event.user_id.startswith("svc-")


def _networks() -> Iterable[KnownNetwork]:
    for block in RANGES:
        # The contract has no word for cafes and hotels: a network of no known kind.
        kind = None if block.kind == "public" else block.kind
        for cidr in (block.cidr_v4, block.cidr_v6) if block.has_v6 else (block.cidr_v4,):
            yield KnownNetwork(cidr, kind, block.asn, block.country, "simulation")
