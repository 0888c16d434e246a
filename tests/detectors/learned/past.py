"""A past to learn from: a few hundred ordinary sessions, some of which change their network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from random import Random

from detectors.exceptions import Exceptions
from detectors.learned import LEARNED
from detectors.learned.model import OutlierModel
from detectors.learned.training import Lessons, Trained
from detectors.plan import Plan, RuleSetting
from detectors.rules import BUILTIN
from schemas.event import Event
from tests.detectors.story import BERLIN, BERLIN_CAFE, FIREFOX, SAFARI_IPHONE, default_apps, login, logout, use

DAY_S = 86_400


def ordinary_sessions(sessions: int = 400, days: int = 8, seed: int = 1) -> Iterator[Event]:
    """Sessions spread over days, in the order of their time."""
    chance = Random(seed)
    events: list[Event] = []
    for number in range(sessions):
        user, at = f"u{number}", chance.random() * days * DAY_S - (days + 1) * DAY_S
        agent = chance.choice([FIREFOX, SAFARI_IPHONE])
        events.append(login(user, at, agent=agent))
        for step in range(chance.randint(3, 40)):
            at += chance.uniform(5, 120)
            moved = step > 10 and number % 5 == 0
            events.append(use(user, at, BERLIN_CAFE if moved else BERLIN, agent))
        events.append(logout(user, at + 60, agent=agent))
    yield from sorted(events, key=lambda event: event.time_us)


@cache
def trained(sessions: int = 400) -> Trained:
    """What training on them leads to."""
    lessons = Lessons(default_apps())
    lessons.take(ordinary_sessions(sessions))
    return lessons.fit(seed=1, per_thousand=1.0)


@cache
def model(threshold: float | None = None, *, old: bool = True) -> OutlierModel:
    """A model of that past; old enough to tell, unless it shall be young."""
    whole = trained().model
    if threshold is not None:
        whole = replace(whole, threshold=threshold)
    return replace(whole, sessions=5_000, days=30) if old else whole


def plan(
    the_model: OutlierModel | None, setting: RuleSetting | None = None, exceptions: Exceptions | None = None
) -> Plan:
    """The learned detector alone."""
    settings = {} if setting is None else {"session-outlier": setting}
    rules = {**BUILTIN, **LEARNED}
    return Plan(settings, rules=rules, only=["session-outlier"], exceptions=exceptions, model=the_model)
