"""Which attacks happen in a month, on whom and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sample_logs.simulate.attacks import KINDS
from sample_logs.simulate.chance import chance_of
from sample_logs.simulate.people import Person
from sample_logs.simulate.scene import STRENGTHS, Strength

_TRIES = 100


@dataclass(frozen=True, slots=True)
class Planned:
    """One attack on one day.

    Attributes:
        number: of the attack; one that goes on for days has it on each of them.
    """

    kind: str
    strength: Strength
    number: int


def plan(
    seed: int, people: Sequence[Person], days: int, kinds: Sequence[str], rate: float
) -> dict[int, dict[int, list[Planned]]]:
    """Return the attacks by day and by the victim's index.

    Each kind comes at every strength in turn, at least once each; a person is attacked once a day at most.

    Args:
        seed: of the month.
        people: everybody.
        days: of the month.
        kinds: of attack.
        rate: how many times as many as usual.
    """
    planned: dict[int, dict[int, list[Planned]]] = {}
    for kind in sorted(kinds):
        attack = KINDS[kind]
        chance = chance_of(seed, "plan", kind)
        count = max(len(STRENGTHS), round(rate * attack.rate * len(people) / 1000 * days / 30))
        candidates = [person.index for person in people if attack.suits(person)] or [person.index for person in people]
        for turn in range(count):
            strength = STRENGTHS[turn % len(STRENGTHS)]
            number = chance.getrandbits(40)
            first, victim = chance.randrange(days), chance.choice(candidates)
            for _ in range(_TRIES):
                if victim not in planned.get(first, {}):
                    break
                first, victim = chance.randrange(days), chance.choice(candidates)
            for day in range(first, min(days, first + attack.days)):
                on_day = planned.setdefault(day, {})
                if victim not in on_day:
                    on_day[victim] = [Planned(kind, strength, number)]
    return planned
