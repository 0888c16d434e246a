"""The month: every day's events of everybody, in the order of their time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from sample_logs.simulate.apps import LOCATED
from sample_logs.simulate.attacks import KINDS
from sample_logs.simulate.chance import chance_of
from sample_logs.simulate.labels import Labels
from sample_logs.simulate.life import Life
from sample_logs.simulate.past import past
from sample_logs.simulate.people import Person, population
from sample_logs.simulate.plan import Planned, plan
from sample_logs.simulate.robots import robots_day
from sample_logs.simulate.scene import Scene
from sample_logs.simulate.sessions import Desk, Session
from sample_logs.simulate.society import SOCIETIES, Society
from sample_logs.simulate.whereabouts import Whereabouts
from sample_logs.simulate.wire import Record, Wire
from schemas.instant import DAY, HOUR, parse_rfc3339

BEGINS_US = parse_rfc3339("2026-06-01T00:00:00Z")
"""A Monday. Always the same, so that the same seed gives the same bytes on any day."""
_EAST_US = 14 * HOUR
"""By how much a day's events may begin before it does in UTC: people further east get up earlier."""


@dataclass(frozen=True, slots=True)
class Month:
    """What is to be simulated.

    Attributes:
        seed: the same seed gives the same bytes.
        attacks: kinds of attack, of `attacks.KINDS`.
        society: how people are on average.
        attack_rate: how many times as many attacks as usual.
        begins_us: the first midnight in UTC, microseconds since the epoch; a Monday.
    """

    users: int
    days: int
    seed: int
    attacks: Sequence[str] = tuple(KINDS)
    society: Society = SOCIETIES["usual"]
    attack_rate: float = 1.0
    begins_us: int = BEGINS_US

    def lines(self, labels: Labels) -> Iterator[bytes]:
        """Yield the events as JSON lines without their ends, in the order of their time.

        Args:
            labels: is told what was attack.
        """
        people = population(self.seed, self.users, self.days, self.society)
        planned = plan(self.seed, people, self.days, self.attacks, self.attack_rate)
        waiting = past(self.seed, people, self.begins_us, labels)
        for day in range(self.days):
            waiting += self._day(people, day, planned.get(day, {}), labels)
            # A day's memory: what comes later than anything of tomorrow's may begin waits for it.
            waiting = yield from _in_order(waiting, self.begins_us + (day + 1) * DAY - _EAST_US)
        yield from (line for _, line in sorted(waiting))
        labels.finish()

    def _day(
        self, people: Sequence[Person], day: int, planned: dict[int, list[Planned]], labels: Labels
    ) -> list[Record]:
        records: list[Record] = []
        for person in people:
            chance = chance_of(self.seed, "life", person.index, day)
            desk = Desk(Wire(chance, LOCATED), chance)
            where = Life(desk, chance, self.begins_us).day(person, day)
            sessions = desk.sessions
            subjects: list[tuple[str, str]] = []
            records += desk.wire.records
            for attack in planned.get(person.index, ()):
                scene = self._attack(attack, people, person, where, sessions)
                sessions = sessions + scene.desk.sessions
                subjects += scene.subjects
                records += scene.desk.wire.records
            labels.end_day(sessions, subjects)
        chance = chance_of(self.seed, "robots", day)
        desk = Desk(Wire(chance, LOCATED), chance)
        robots_day(desk, self.begins_us + day * DAY, chance)
        labels.end_day(desk.sessions, ())
        return records + desk.wire.records

    def _attack(
        self, attack: Planned, people: Sequence[Person], victim: Person, where: Whereabouts, sessions: list[Session]
    ) -> Scene:
        # Chance of its own: who is attacked lives the same life as without.
        chance = chance_of(self.seed, "attack", attack.number, where.day)
        desk = Desk(Wire(chance, LOCATED), chance)
        awake_us = (where.wakes_us, where.sleeps_us)
        scene = Scene(
            attack.kind, attack.strength, people, victim, where.day, awake_us, sessions, desk, chance, attack.number
        )
        KINDS[attack.kind].carry_out(scene)
        return scene


def _in_order(records: list[Record], until_us: int) -> Generator[bytes, None, list[Record]]:
    """Yield the lines before an instant in order; return the records that come later."""
    records.sort()
    until = bisect_left(records, (until_us, b""))
    for _, line in islice(records, until):
        yield line
    return records[until:]
