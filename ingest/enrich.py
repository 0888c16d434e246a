"""Enrichment: where an event came from and with what, stored with it so that a replay judges the same facts."""

from __future__ import annotations

from collections.abc import Iterable

from ingest.agents import agent_of
from ingest.places import Places
from schemas.app import Apps
from schemas.event import NOWHERE, Event


class Enricher:
    """Fills place and agent.

    Args:
        places: the address look-up.
        apps: which apps' own location is trusted.
    """

    def __init__(self, places: Places, apps: Apps) -> None:
        self._places = places
        self._apps = apps

    def warm_up(self) -> None:
        """Load the agent expressions and the country list (100 ms), before an event waits for them."""
        agent_of("warm-up/1.0")
        self._places.of("127.0.0.1")

    def enrich(self, events: Iterable[Event]) -> None:
        """Fill place and agent of every event."""
        self._places.renew()
        apps, place_of = self._apps, self._places.of
        for event in events:
            given = event.place
            if given is not NOWHERE and not apps[event.app].trust_location:
                given = NOWHERE
            event.place = place_of(event.ip, given)
            event.agent = agent_of(event.user_agent)


def in_order(event: Event) -> tuple[int, str]:
    """Return what events of a batch are sorted by."""
    return event.time_us, event.event_id
