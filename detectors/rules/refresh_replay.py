"""A refresh token used again after its successor was issued: two parties hold it, and one of them stole it.

A token's use is known by its generation, or by a session that is refreshed into a second heir. Tabs that refresh
side by side, and retries of an answer that got lost, come within the grace.

Source: OAuth 2.0 Security Best Current Practice (RFC 9700, refresh token rotation); MITRE ATT&CK T1550.001.
Known false positives: a client that lost an answer and tries again after more than the grace; a backup of a phone
restored onto another.
"""

from __future__ import annotations

from bisect import insort

from pydantic import Field

from detectors.context import Heir, SessionContext
from detectors.networks import describe
from detectors.parameters import Duration, Parameters
from detectors.rule import Hit, Memory, Rule
from schemas.alert import Evidence, Severity
from schemas.app import AppPolicy
from schemas.event import Event
from schemas.instant import SECOND

MAX_GENERATIONS = 8
"""Generations remembered. What is older than all of them was superseded before the oldest."""

Issue = tuple[int, int, str]
"""A generation, when a refresh first showed it, and the event."""


class Refreshes(Memory):
    """The refreshes of a token family.

    Attributes:
        issues: by generation, the newest generations, lowest first.
        newest_us, newest_event_id: the newest refresh, whether or not its generation is known.
    """

    issues: tuple[Issue, ...] = ()
    newest_us: int = 0
    newest_event_id: str = ""


class RefreshReplayParameters(Parameters):
    """Parameters of refresh-replay."""

    grace: Duration = Field(
        30 * SECOND,
        description="A token used again this soon after its successor is another tab or a retry; clock_skew is added.",
    )


class RefreshReplay(Rule[SessionContext, Refreshes]):
    """A superseded refresh token."""

    id = "refresh-replay"
    title = "Refresh token used again after its successor was issued"
    key = "session"
    needs = frozenset({"create", "validate", "fail"})
    attack = ("T1550.001",)
    severity = Severity.HIGH
    runbook = (
        "Compare network and client of the two uses of the token.",
        "Benign if one client on one network retried after an outage.",
        "Else end the whole family: the user signs in again, and neither copy is worth anything.",
    )
    repeats = False
    memory = Refreshes
    inherits = True
    Parameters = RefreshReplayParameters

    def on_event(self, event: Event, context: SessionContext, memory: Refreshes, app: AppPolicy) -> Hit | None:
        """Judge a refresh, or the app's own word that a token was reused."""
        if event.type == "create" and context.starts_anew(event):
            if event.time_us > memory.newest_us:
                # A new login is a new family, whose generations may begin again.
                memory.issues, memory.newest_us, memory.newest_event_id = (), 0, ""
            return None
        if event.reason == "refresh_reused" and event.type == "fail":
            return self._refused(event, context, memory, app)
        if event.reason != "refresh" or event.type == "fail":
            return None
        superseded = _superseded_by_heir(event, context) or _superseded(memory, event)
        _remember(memory, event)
        if superseded is None or not self._is_past_grace(event, superseded, app):
            return None
        return _hit(Severity.HIGH, event, superseded, "accepted")

    def _refused(self, event: Event, context: SessionContext, memory: Refreshes, app: AppPolicy) -> Hit | None:
        superseded = _superseded_by_heir(event, context) or _superseded(memory, event)
        if superseded is None and event.token_generation is None and memory.newest_us:
            superseded = (0, memory.newest_us, memory.newest_event_id)
        if superseded is None:
            # The app knows of a successor that was not told: a missing fact.
            return Hit(Severity.MEDIUM, "A used refresh token was shown again, and refused", "refused as reused")
        return (
            _hit(Severity.HIGH, event, superseded, "refused") if self._is_past_grace(event, superseded, app) else None
        )

    def _is_past_grace(self, event: Event, superseded: Issue, app: AppPolicy) -> bool:
        assert isinstance(self.parameters, RefreshReplayParameters)
        return event.time_us > superseded[1] + self.parameters.grace + app.clock_skew_us


def _superseded_by_heir(event: Event, context: SessionContext) -> Issue | None:
    """Return since when this token's session goes on under another id."""
    heir: Heir | None = context.heir
    if event.type == "create":
        heir = context.parent.heir if context.parent is not None else None
    if heir is None or heir.reason != "refresh" or heir.session_id == event.session_id:
        return None
    return (0, heir.since_us, heir.event_id)


def _superseded(memory: Refreshes, event: Event) -> Issue | None:
    """Return the refresh since which this event's generation is no longer the newest; None where it is."""
    generation = event.token_generation
    if generation is None:
        return None
    return next((issue for issue in memory.issues if issue[0] >= generation), None)


def _remember(memory: Refreshes, event: Event) -> None:
    if event.time_us > memory.newest_us:
        memory.newest_us, memory.newest_event_id = event.time_us, event.event_id
    generation = event.token_generation
    if generation is None or any(issue[0] == generation for issue in memory.issues):
        return
    issues = list(memory.issues)
    insort(issues, (generation, event.time_us, event.event_id))
    memory.issues = tuple(issues[-MAX_GENERATIONS:])


def _hit(severity: Severity, event: Event, superseded: Issue, how: str) -> Hit:
    seconds = (event.time_us - superseded[1]) / SECOND
    what = "token" if event.token_generation is None else f"token of generation {event.token_generation}"
    return Hit(
        severity,
        f"A refresh {what} was used again {seconds:.1f} s after its successor was issued, and {how}, "
        f"from {describe(event.place)}",
        f"{how} from {describe(event.place)} with {event.agent.family or 'an unknown client'}",
        evidence=(Evidence(superseded[2], superseded[1], "its successor was issued"),),
    )
