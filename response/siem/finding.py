"""A finding: what a SIEM is told about an alert, before it takes the form of a schema."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from detectors.findings.risk import POINTS
from response.text import MAX_SHOWN, identifier, safe
from schemas.alert import Alert
from schemas.limits import MAX_TEXT
from store.rows import TriageRow, Verdict

FINDING_NAMESPACE = uuid.UUID("5e551094-4a7c-5c8e-9d0f-a1e27a1e2708")

PRODUCT = "sessionwatch"

Activity = Literal["created", "updated", "closed"]
"""What has happened to the alert: it is new, something about it has changed, it needs nobody any more."""

State = Literal["new", "in_progress", "suppressed", "resolved", "withdrawn"]


@dataclass(frozen=True, slots=True)
class Analytic:
    """What is known of a rule besides its alerts.

    Attributes:
        title: what it catches, in a few words.
        attack: ATT&CK technique ids.
        runbook: what to look at and what to do.
    """

    title: str
    attack: tuple[str, ...] = ()
    runbook: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """An alert as it is at one moment.

    Attributes:
        alert: as it is now, whole.
        activity: what has happened to it.
        at_us: when that was, on the pipeline's clock, microseconds since the epoch.
        analytic: of its rule.
        triage: what people have made of it; None = nothing.
        link: the address of its page in the console.
    """

    alert: Alert
    activity: Activity
    at_us: int
    analytic: Analytic
    triage: TriageRow | None = None
    link: str | None = None

    @property
    def uid(self) -> str:
        """The id of this report: the same on every try and by every way, another for every change of the alert."""
        return str(uuid.uuid5(FINDING_NAMESPACE, f"{self.alert.alert_id}:{self.at_us}"))

    @property
    def state(self) -> State:
        """How the alert stands."""
        if self.alert.status == "withdrawn":
            return "withdrawn"
        status = None if self.triage is None else self.triage.status
        if status == "resolved":
            return "resolved"
        if self.alert.suppressed_by is not None:
            return "suppressed"
        return "new" if status is None else "in_progress"

    @property
    def verdict(self) -> Verdict | None:
        """What it turned out to be, where a person has said so."""
        return None if self.triage is None else self.triage.verdict

    @property
    def risk_score(self) -> float:
        """What it adds to its user's risk, 0 to 100: by severity and confidence."""
        return POINTS[self.alert.severity] * min(1.0, max(0.0, self.alert.confidence))


@dataclass(frozen=True, slots=True)
class Room:
    """How much a document may say; what exceeds it is cut, and the document says so.

    Attributes:
        evidence: most events that are named one by one.
        characters: of one text that a client chose.
        identifier: characters of one identifier: longer than any that an event may hold, so that two stay two.
        is_whole: what a rule says of itself and the link are told; else its title is cut, and the rest left out.
    """

    evidence: int
    characters: int = MAX_SHOWN
    identifier: int = MAX_TEXT
    is_whole: bool = True

    def text(self, text: str) -> str:
        """Return words for people."""
        return safe(text, self.characters)

    def title(self, text: str) -> str:
        """Return the name of a rule."""
        return text if self.is_whole else identifier(text, self.characters)

    def name(self, text: str) -> str:
        """Return what a machine compares."""
        return identifier(text, self.identifier)


@cache
def product_version() -> str:
    """Return the version of this installation."""
    try:
        return version(PRODUCT)
    except PackageNotFoundError:
        return "0"
