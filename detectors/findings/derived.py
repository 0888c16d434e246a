"""Rules that are made from other rules' alerts."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal, TypeVar

from pydantic import Field

from detectors.context import KeyContext, UserContext
from detectors.findings.standing import Standing
from detectors.parameters import Parameters
from detectors.rule import Hit, Memory, Rule
from schemas.alert import Alert
from schemas.app import AppPolicy
from schemas.event import Event

Subject = tuple[str, str, str]
"""What an alert is about: user, session, network or app; the realm or app in which it is named; its name."""

Counted = Literal["logins", "logouts", "expiries"]
"""Sessions of a day: that a login began, that a logout ended, that came to their timeout."""

MemoryT = TypeVar("MemoryT", bound=Memory | None)


class Derived(Rule[KeyContext, None]):
    """A rule that reads alerts alone: no event ever comes to it."""

    key = "app"
    needs = frozenset()
    repeats = False

    def on_event(self, event: Event, context: KeyContext, memory: None, app: AppPolicy) -> None:
        """Say nothing: an event alone is no alert of somebody else's."""


class ShareParameters(Parameters):
    """Parameters of rules that tell a share."""

    share: float = Field(0.1, gt=0, le=1, description="Share of the day's sessions from which it is told.")
    sessions: int = Field(20, ge=1, description="Sessions judged in a day below which a share says nothing.")


class Share:
    """Beside a `Rule`: its findings of an app and day are told once they are a share of the day's sessions.

    Class attributes:
        counted: the sessions that the findings are held against.
        found: what the findings are, for the summary: "12 of 40 *found*".
    """

    counted: ClassVar[Counted]
    found: ClassVar[str]


class Joining(Rule[UserContext, MemoryT]):
    """A rule whose hits are candidates: each is told only beside alerts of other rules, and as these say.

    What else the join asks of a candidate stands in its `usual`; what is not the same for two candidates must
    set their episodes apart.
    """

    reported = "join"

    @abstractmethod
    def grounds(self, candidate: Alert, realm: str) -> tuple[Subject, ...]:
        """Return the subjects whose alerts it is held against."""

    @abstractmethod
    def join(self, candidate: Alert, beside: Sequence[Standing]) -> Hit | None:
        """Say what a candidate is beside the alerts that stand; None = nothing.

        Args:
            candidate: the alert that its hits led to.
            beside: what stands at its grounds, in the order of their events; each once.
        """
