"""The sessions of a day: a sample that depends on nothing but which sessions there were."""

from __future__ import annotations

import random

from detectors.findings.counts import MAX_DAYS, SAMPLE, Counts
from schemas.instant import DAY
from tests.detectors.story import START_US, login, logout

TODAY = START_US // DAY
DAY_S = 86_400


def test_few_sessions_are_counted_one_by_one() -> None:
    counts = Counts()
    for number in range(SAMPLE):
        counts.observe(login(f"user{number}", at=0))
        counts.observe(login(f"user{number}", at=1))
    assert counts.count("bank", TODAY, "logins") == SAMPLE


def test_many_are_estimated_and_bounded() -> None:
    counts = Counts()
    for number in range(20_000):
        counts.observe(login(f"user{number}", at=0))
        if number % 4 == 0:
            counts.observe(logout(f"user{number}", at=1))
    logins, logouts = counts.count("bank", TODAY, "logins"), counts.count("bank", TODAY, "logouts")
    assert 17_000 < logins < 23_000
    assert 0.2 < logouts / logins < 0.3
    [(_, sample)] = counts.stored()
    assert sample is not None
    assert len(sample.flags) <= 2 * SAMPLE


def test_the_order_does_not_matter() -> None:
    events = [login(f"user{number}", at=0) for number in range(5_000)]
    events += [logout(f"user{number}", at=1) for number in range(0, 5_000, 3)]
    shuffled = random.Random(1).sample(events, len(events))
    found = []
    for told in (events, shuffled):
        counts = Counts()
        for event in told:
            counts.observe(event)
        found.append((counts.count("bank", TODAY, "logins"), counts.count("bank", TODAY, "logouts")))
    assert found[0] == found[1]


def test_days_that_are_long_over_are_forgotten() -> None:
    counts = Counts()
    for day in range(30):
        counts.observe(login("alice", at=day * DAY_S))
    assert len(counts.days("bank")) == MAX_DAYS
