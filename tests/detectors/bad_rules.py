"""Rules that are wrong on purpose, one for each check of the battery. Each is good but for the one thing.

Source: the battery.
Known false positives: all of them.
"""

from __future__ import annotations

import builtins
import itertools
import sys
from datetime import UTC, datetime
from typing import Any, ClassVar

from pydantic import Field

from detectors.context import SessionContext, UserContext
from detectors.parameters import Parameters
from detectors.rule import Hit, Memory, Rule, Undo
from schemas.alert import Severity
from schemas.app import AppPolicy
from schemas.event import Event


class Good(Rule[SessionContext, None]):
    """Fires at each use from a hosting network."""

    id = "good"
    title = "Use from a hosting network"
    key = "session"
    needs = frozenset({"validate"})
    attack = ("T1539",)
    severity = Severity.HIGH
    runbook = ("Look whose network it is.", "Benign if it is the user's own server.")

    def on_event(self, event: Event, context: SessionContext, memory: Any, app: AppPolicy) -> Any:
        return found() if event.place.network_type == "hosting" else None


def found() -> Hit:
    return Hit(Severity.HIGH, "from a hosting network", "used from there")


class NoRunbook(Good):
    id = "no-runbook"
    runbook = ("Look.",)


class SilentParameter(Good):
    id = "silent-parameter"

    class Parameters(Parameters):
        limit: int = Field(3)


class UnknownType(Good):
    id = "unknown-type"
    needs = frozenset({"login"})


class Fickle(Good):
    id = "fickle"
    turns: ClassVar[Any] = itertools.count()

    def on_event(self, event: Event, context: SessionContext, memory: Any, app: AppPolicy) -> Any:
        return found() if next(self.turns) % 7 == 0 else None


class ByArrival(Good):
    """Holds the newest event on itself, so that it sees arrivals and not event time."""

    id = "by-arrival"

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.newest_us = 0

    def on_event(self, event: Event, context: SessionContext, memory: Any, app: AppPolicy) -> Any:
        older, self.newest_us = event.time_us < self.newest_us, max(self.newest_us, event.time_us)
        return found() if older else None


class AcrossKeys(Good):
    """Counts over the sessions of everybody, although its key is the session."""

    id = "across-keys"

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.uses = 0

    def on_event(self, event: Event, context: SessionContext, memory: Any, app: AppPolicy) -> Any:
        self.uses += 1
        return found() if self.uses % 5 == 0 else None


class Names(Memory):
    names: list[str] = []  # noqa: RUF012 - msgspec copies it


class SharedMemory(Good):
    id = "shared-memory"
    memory = Names

    def on_event(self, event: Event, context: SessionContext, memory: Any, app: AppPolicy) -> Any:
        memory.names.append(event.event_id)
        del memory.names[:-5]
        return found() if len(memory.names) == 4 else None


class Anything(Memory):
    seen: object = None


class UnstorableMemory(Good):
    id = "unstorable-memory"
    memory = Anything

    def on_event(self, event: Event, context: SessionContext, memory: Any, app: AppPolicy) -> Any:
        memory.seen = complex(1, 2)


class All(Memory):
    places: tuple[str, ...] = ()


class RemembersAll(Good):
    id = "remembers-all"
    memory = All

    def on_event(self, event: Event, context: SessionContext, memory: Any, app: AppPolicy) -> Any:
        memory.places = (*memory.places, event.place.network or "")


class KeepsKeys(Good):
    id = "keeps-keys"
    kept: ClassVar[set[str]] = set()

    def on_event(self, event: Event, context: SessionContext, memory: Any, app: AppPolicy) -> Any:
        self.kept.add(event.session_id or "")


class Noisy(Good):
    id = "noisy"
    needs = frozenset({"create"})

    def on_event(self, event: Event, context: SessionContext, memory: Any, app: AppPolicy) -> Any:
        return Hit(Severity.MEDIUM, "somebody logs in", "a login")


class Trusting(Good):
    id = "trusting"

    def on_event(self, event: Event, context: SessionContext, memory: Any, app: AppPolicy) -> Any:
        return found() if event.user_agent.lower().startswith("curl") else None  # type: ignore[union-attr]


class UndoesAtOnce(Good):
    id = "undoes-at-once"

    def on_event(self, event: Event, context: SessionContext, memory: Any, app: AppPolicy) -> Any:
        return Undo() if event.place.network_type == "home" else None


class Uses(Memory):
    count: int = 0


class CountsRepeats(Rule[UserContext, Uses]):
    """Says that a use in which nothing changed is of no interest, and counts them."""

    id = "counts-repeats"
    title = "Many uses"
    key = "user"
    needs = frozenset({"validate"})
    attack = ()
    severity = Severity.LOW
    runbook = ("Look.", "Act.")
    repeats = False
    memory = Uses

    def on_event(self, event: Event, context: UserContext, memory: Uses, app: AppPolicy) -> Hit | None:
        memory.count += 1
        return Hit(Severity.LOW, "many uses", "one more") if memory.count % 5 == 0 else None


class ReadsTheClock(Good):
    id = "reads-the-clock"

    def on_event(self, event: Event, context: SessionContext, memory: Any, app: AppPolicy) -> Any:
        return found() if sys.modules["time"].time_ns() // 1_000 < event.time_us else None


class ReadsAFile(Good):
    id = "reads-a-file"

    def on_event(self, event: Event, context: SessionContext, memory: Any, app: AppPolicy) -> Any:
        with builtins.open(__file__) as text:  # noqa: PTH123 - what a rule must not do
            return found() if text.read(1) == "x" else None


class AsksTheNetwork(Good):
    id = "asks-the-network"

    def on_event(self, event: Event, context: SessionContext, memory: Any, app: AppPolicy) -> Any:
        sys.modules["socket"].getaddrinfo("localhost", 80)


class AsksForToday(Good):
    id = "asks-for-today"

    def on_event(self, event: Event, context: SessionContext, memory: Any, app: AppPolicy) -> Any:
        return found() if datetime.now(UTC).year < 2000 else None
