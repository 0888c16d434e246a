"""What a check is given: a rule, and streams that mean something to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from detectors.battery.stage import ordinary_apps, quick_apps
from detectors.battery.streams import Item, Stream, attack, provoking
from detectors.rules import AnyRule
from schemas.app import Apps

_PROVOKING_SEEDS = 5
_ATTACK_SEEDS = 2


@dataclass(frozen=True, slots=True)
class Subject:
    """A rule under examination.

    Attributes:
        rule: its class.
        streams: more streams in which it should be examined, such as those beside it; each fires or stays silent.
        ordinary: more ordinary life in which it must stay silent, in order, such as a simulated month.
        tolerated: alerts of medium severity or above that it may raise there, for each 1,000 sessions begun.
        apps: what the app of the battery's own streams and of `streams` declares.
        ordinary_apps: what the apps of `ordinary` declare.
    """

    rule: type[AnyRule]
    streams: Sequence[Stream] = ()
    ordinary: Iterable[Item] = ()
    tolerated: float = 1.0
    apps: Apps = field(default_factory=quick_apps)
    ordinary_apps: Apps = field(default_factory=ordinary_apps)

    def every_stream(self) -> list[Stream]:
        """Return the battery's own streams and those of the subject."""
        own: list[Stream] = [provoking(seed) for seed in range(_PROVOKING_SEEDS)]
        own += [attack(seed) for seed in range(_ATTACK_SEEDS)]
        return own + list(self.streams)
