"""What happened before the month: the last visits of people who have not come since."""

from __future__ import annotations

from collections.abc import Sequence

from sample_logs.simulate.apps import BANK, LOCATED
from sample_logs.simulate.chance import chance_of
from sample_logs.simulate.labels import Labels
from sample_logs.simulate.people import Person
from sample_logs.simulate.scene import Scene
from sample_logs.simulate.sessions import Desk
from sample_logs.simulate.wire import Record, Wire
from schemas.instant import DAY, HOUR

NEAREST_DAY, FARTHEST_DAY = 95, 150


def past(seed: int, people: Sequence[Person], begins_us: int, labels: Labels) -> list[Record]:
    """Return the events of the dormant accounts' last visits, months before the beginning.

    Args:
        seed: of the month.
        people: everybody.
        begins_us: when the month begins.
        labels: is told of the sessions.
    """
    records: list[Record] = []
    for person in people:
        if person.dormant:
            chance = chance_of(seed, "past", person.index)
            desk = Desk(Wire(chance, LOCATED), chance)
            day = -chance.randint(NEAREST_DAY, FARTHEST_DAY)
            wakes_us = begins_us + day * DAY + int(person.wake_h * HOUR)
            scene = Scene("", "plain", people, person, 0, (wakes_us, wakes_us + 15 * HOUR), (), desk, chance, 0)
            scene.session(BANK)
            labels.end_day(desk.sessions, ())
            records += desk.wire.records
    return records
