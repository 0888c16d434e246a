"""What an attack is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sample_logs.simulate.people import Person
from sample_logs.simulate.scene import Scene


def anybody(_person: Person) -> bool:
    """Say that an attack suits everybody."""
    return True


@dataclass(frozen=True, slots=True)
class Attack:
    """A kind of attack, at several strengths.

    Attributes:
        kind: its name, as in the labels and on the command line.
        title: what happens, in a sentence.
        carry_out: tells its events at the scene's desk.
        apps: where it can happen; the first is where the month lets it happen.
        rules: the ids of the rules of which at least one has to recognise it.
        rate: how many there are in a month among 1,000 users.
        days: how many days it goes on.
        suits: whom it can happen to.
        campaign: it is about many users.
        drill: it needs no history, so that it can be a fire drill.
    """

    kind: str
    title: str
    carry_out: Callable[[Scene], None]
    apps: tuple[str, ...]
    rules: tuple[str, ...]
    rate: float = 6.0
    days: int = 1
    suits: Callable[[Person], bool] = anybody
    campaign: bool = False
    drill: bool = True
