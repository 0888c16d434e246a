"""The events of a fire drill: an attack of the simulated month, on users that are set aside, ending now."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sample_logs.simulate.attacks import Attack
from sample_logs.simulate.chance import chance_of
from sample_logs.simulate.people import Person, reserved_person
from sample_logs.simulate.scene import Scene, Strength
from sample_logs.simulate.sessions import Desk
from sample_logs.simulate.wire import Record, Wire
from schemas.drill import RESERVED_PREFIX, read_drill
from schemas.instant import HOUR

MOST_USERS = 120
"""More than any campaign asks for."""
_EARLIER_US = 1_000 * HOUR


def drill_events(attack: Attack, app: str, user_id: str, mark: str, ends_us: int, strength: Strength) -> list[bytes]:
    """Return the events as JSON lines, in the order of their time; the last one happens at `ends_us`.

    The victim's own day comes first, so that the attack stands out from something; it lies in the past, since
    nobody waits half an hour for a drill.

    Args:
        attack: what is carried out.
        app: where.
        user_id: the victim.
        mark: the signed id, which is also what the events' chance follows from: no two drills are alike.
        ends_us: microseconds since the epoch.
        strength: how plainly it shows.
    """
    chance = chance_of("drill", mark)
    number = chance.getrandbits(40)
    drill = read_drill(mark)
    alone = drill is not None and drill.named
    others = [] if alone else [f"{RESERVED_PREFIX}{number:x}-{place}" for place in range(MOST_USERS)]
    people = [reserved_person(name) for name in (user_id, *others)]

    def act(wakes_us: int) -> list[Record]:
        return _act(attack, app, people, mark, wakes_us, number, strength)

    return [line for _, line in _ending_at(act, ends_us)]


def _ending_at(act: Callable[[int], list[Record]], ends_us: int) -> list[Record]:
    """Carry an attack out twice: once to see how long it takes, and once so that it ends when it should."""
    rehearsal_us = ends_us - _EARLIER_US
    last_us = max(time_us for time_us, _ in act(rehearsal_us))
    return sorted(act(rehearsal_us + ends_us - last_us))


def _act(
    attack: Attack, app: str, people: Sequence[Person], mark: str, wakes_us: int, number: int, strength: Strength
) -> list[Record]:
    chance = chance_of("drill", mark, "act")
    desk = Desk(Wire(chance, frozenset(), mark, app), chance)
    victim = people[0]
    awake_us = (wakes_us, wakes_us + 15 * HOUR)
    scene = Scene(attack.kind, strength, people, victim, 0, awake_us, (), desk, chance, number, drilled=victim.user_id)
    attack.carry_out(scene)
    return desk.wire.records
