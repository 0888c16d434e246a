"""More sessions of one user at once than the app declares.

Apps differ in how they enforce a limit: some refuse the login, some end the oldest session, some do so without a
word. So this counts what is proven: sessions that were still accepted after the newest of them had begun.

Source: OWASP Session Management cheat sheet (simultaneous logons).
Known false positives: requests in flight while the oldest session is put out, which the grace covers.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from detectors.context import LiveSession, UserContext
from detectors.networks import describe
from detectors.parameters import Duration, Parameters
from detectors.rule import Hit, Rule
from schemas.alert import Severity
from schemas.app import AppPolicy
from schemas.event import Event
from schemas.instant import MINUTE


class SessionLimitParameters(Parameters):
    """Parameters of session-limit-not-enforced."""

    grace: Duration = Field(
        MINUTE, description="How long after a login the session that makes room may still be used; clock_skew is added."
    )


class SessionLimitNotEnforced(Rule[UserContext, None]):
    """One session too many."""

    id = "session-limit-not-enforced"
    title = "Limit of concurrent sessions not enforced"
    key = "user"
    needs = frozenset({"validate"})
    attack = ("T1550.004",)
    severity = Severity.LOW
    runbook = (
        "Count the user's live sessions, and compare with the limit that the configuration declares for the app.",
        "Benign if the limit was raised, or holds for some users only: declare what holds.",
        "Else have the app's developers count on the server, at each login.",
    )
    repeats = False
    # Who was in use together is known only in order.
    judges_late = False
    reported: ClassVar[Literal["key", "app"]] = "app"
    Parameters = SessionLimitParameters

    def on_event(self, event: Event, context: UserContext, memory: None, app: AppPolicy) -> Hit | None:
        """Judge a use by the sessions in use beside it."""
        if app.max_sessions is None or len(context.sessions) <= app.max_sessions:
            return None
        assert isinstance(self.parameters, SessionLimitParameters)
        sessions = _of_app(event, context)
        if len(sessions) <= app.max_sessions:
            return None
        together = most_together(sessions, self.parameters.grace + app.clock_skew_us)
        if together <= app.max_sessions:
            return None
        return Hit(
            Severity.LOW,
            f"{together} sessions of one user are accepted side by side; the app declares {app.max_sessions}",
            f"accepted beside {together - 1} others, from {describe(event.place)}",
        )


def most_together(sessions: list[LiveSession], grace_us: int) -> int:
    """Return how many sessions have been accepted after the newest of them had begun.

    Args:
        sessions: each with a known beginning.
        grace_us: a use must be this much later than that beginning, microseconds.
    """
    begun = [one.created_us for one in sessions if one.created_us is not None]
    return max(
        (
            1
            + sum(
                one.created_us < newest_us and one.last_us > newest_us + grace_us for one in sessions if one.created_us
            )
            for newest_us in begun
        ),
        default=0,
    )


def _of_app(event: Event, context: UserContext) -> list[LiveSession]:
    """Return the app's sessions whose beginning is known, with this use taken in."""
    sessions = []
    for session in context.sessions:
        if session.app != event.app or session.created_us is None:
            continue
        if session.session_id == event.session_id:
            session = LiveSession(
                session.app,
                session.session_id,
                session.created_us,
                max(session.last_us, event.time_us),
                event.agent,
                event.place,
                event.device_id,
            )
        sessions.append(session)
    return sessions
