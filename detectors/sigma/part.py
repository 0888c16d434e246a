"""A part of a rule: it takes every event of a key in order, and says which of them complete it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from detectors.sigma.condition import Predicate
from detectors.sigma.windows import Entry, Windows
from schemas.event import Event

Label = Callable[[Event], str | None]
"""Names an event's group inside a key; None where the event lacks a field of it, and so belongs to none."""


@dataclass(frozen=True, slots=True)
class Completion:
    """An event that completes a part.

    Attributes:
        group: inside the key.
        earlier: the events before it that belong to it.
        opened_us: for a window that is judged at its end, when it began.
        undone: it takes back the completion of the window that began then.
    """

    group: str = ""
    earlier: tuple[Entry, ...] = ()
    opened_us: int | None = None
    undone: bool = False


class Part(ABC):
    """A rule, or a correlation of parts.

    Attributes:
        words: what it saw, for people, as it follows the rule's title.
        settle_us: how long a completion may still be undone.
    """

    words: str = ""
    settle_us: int = 0

    @abstractmethod
    def take(self, event: Event, memory: Windows) -> Completion | None:
        """Take in an event; say whether it completes the part.

        Args:
            event: the next of its key.
            memory: of the whole rule and key, changed in place.
        """

    @abstractmethod
    def event_types(self) -> frozenset[str]:
        """Return the types of the events that matter to it."""

    @abstractmethod
    def completing_types(self) -> frozenset[str]:
        """Return the types of the events that can complete it."""


class EventPart(Part):
    """A rule without correlation: one event completes it."""

    def __init__(self, predicate: Predicate) -> None:
        self._test = predicate.test
        self._types = predicate.event_types()

    def take(self, event: Event, memory: Windows) -> Completion | None:
        """Hold the event against the condition."""
        return _ALONE if self._test(event) else None

    def event_types(self) -> frozenset[str]:
        """Return the types that the condition can hold for."""
        return self._types

    def completing_types(self) -> frozenset[str]:
        """Return the same: there is nothing else."""
        return self._types


_ALONE = Completion()


def types_of(parts: tuple[Part, ...]) -> frozenset[str]:
    """Return the event types that matter to any of some parts."""
    return frozenset[str]().union(*(part.event_types() for part in parts))


def completed_by(parts: tuple[Part, ...]) -> frozenset[str]:
    """Return the event types that can complete any of some parts."""
    return frozenset[str]().union(*(part.completing_types() for part in parts))
