"""More sessions of one user at once than the app means to allow, or than one person opens.

Where the app declares `max_sessions` that is the measure; else five live ones, or three new ones within half an hour,
of one class of device: a phone beside a laptop is nobody else.

Source: OWASP Session Management cheat sheet (simultaneous sessions); MITRE ATT&CK T1550.004.
Known false positives: private windows, of which each is a session; an app that opens a session with every call of
its client: declare its `max_sessions`, or set the numbers for it. Robots and tools open as many as they like.
"""

from __future__ import annotations

from collections import Counter

from pydantic import Field

from detectors.context import LINEAGE_REASONS, MAX_SESSIONS, LiveSession, UserContext
from detectors.networks import describe
from detectors.parameters import Duration, Parameters
from detectors.rule import Hit, Rule
from schemas.alert import Severity
from schemas.app import AppPolicy
from schemas.event import Event
from schemas.instant import MINUTE

NO_PERSON = frozenset({"tool", "robot"})


class ConcurrentSessionsParameters(Parameters):
    """Parameters of concurrent-sessions."""

    live: int = Field(5, ge=2, le=MAX_SESSIONS, description="How many live sessions of one device class are too many.")
    new: int = Field(3, ge=2, le=MAX_SESSIONS, description="How many new ones within the window are too many.")
    window: Duration = Field(30 * MINUTE, description="How long a session counts as new.")
    idle: Duration = Field(
        30 * MINUTE,
        description="How long after its last use a session is live, where the app declares no idle timeout.",
    )


class ConcurrentSessions(Rule[UserContext, None]):
    """Too many sessions of one person at once."""

    id = "concurrent-sessions"
    version = 2
    title = "More live sessions of a user than usual"
    key = "user"
    needs = frozenset({"create"})
    attack = ("T1550.004",)
    severity = Severity.MEDIUM
    runbook = (
        "List the user's live sessions by device, network and when they began.",
        "Benign if all are on the user's own devices, such as private windows.",
        "Else end those the user does not know, and reset the password.",
    )
    repeats = False
    Parameters = ConcurrentSessionsParameters

    def on_event(self, event: Event, context: UserContext, memory: None, app: AppPolicy) -> Hit | None:
        """Judge a new session against those that are live."""
        if event.reason in LINEAGE_REASONS or event.agent.device_class in NO_PERSON:
            return None
        live = self._live(event, context, app)
        said = self._policy(live, app) if app.max_sessions is not None else self._habit(event, live)
        if said is None:
            return None
        return Hit(
            Severity.MEDIUM,
            said,
            f"began a session from {describe(event.place)}",
            usual={"network": describe(live[-1].place)} if live else {},
        )

    def _live(self, event: Event, context: UserContext, app: AppPolicy) -> list[LiveSession]:
        """Return the user's other live sessions in this app."""
        assert isinstance(self.parameters, ConcurrentSessionsParameters)
        idle_us = app.idle_timeout_us or self.parameters.idle
        return [
            session
            for session in context.sessions
            if session.app == event.app
            and session.session_id != event.session_id
            and session.last_us >= event.time_us - idle_us
            and session.agent.device_class not in NO_PERSON
        ]

    def _policy(self, live: list[LiveSession], app: AppPolicy) -> str | None:
        if app.max_sessions is None or len(live) + 1 <= app.max_sessions:
            return None
        return f"{len(live) + 1} live sessions, where the app allows {app.max_sessions}"

    def _habit(self, event: Event, live: list[LiveSession]) -> str | None:
        assert isinstance(self.parameters, ConcurrentSessionsParameters)
        kind = event.agent.device_class
        alike = [session for session in live if session.agent.device_class == kind]
        since = event.time_us - self.parameters.window
        new = [session for session in alike if session.created_us is not None and session.created_us > since]
        # A browser that signs in again holds the newer cookie: its older sessions are nobody's any more.
        used = {session.device_id or session.session_id for session in alike} - {event.device_id}
        begun = {session.device_id or session.session_id for session in new} - {event.device_id}
        if len(used) + 1 < self.parameters.live and len(begun) + 1 < self.parameters.new:
            return None
        classes = Counter(session.agent.device_class or "unknown" for session in live)
        classes[kind or "unknown"] += 1
        counted = ", ".join(f"{count} {name}" for name, count in sorted(classes.items()))
        return f"{len(live) + 1} live sessions ({counted}), {len(begun) + 1} of them new on this kind of device"
