"""A session that goes on after its user signed out everywhere.

What ended is every session that the user had in the app; where the app is the realm's sign-on service (kind `sso`),
in all apps of the realm. The session that the logout names stays out of it: many apps keep the one that asked.

Source: MITRE ATT&CK T1550.004; keycloak#23604, #27342 and #22914, where signing out everywhere told no app.
Known false positives: an app that keeps the asking session and does not name it in the event.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from detectors.context import LINEAGE_REASONS, MAX_SESSIONS, USE_HORIZON_US, UserContext
from detectors.networks import describe
from detectors.parameters import Duration, Parameters
from detectors.rule import Hit, Memory, Rule
from schemas.alert import Evidence, Severity
from schemas.app import AppPolicy
from schemas.event import Event
from schemas.instant import DAY, MINUTE, SECOND

MAX_ENDED = 2 * MAX_SESSIONS
"""Ended sessions remembered a user: those of two logouts in a row."""

MAX_APPS = 8
"""Apps of a realm whose last logout is remembered a user."""

Ended = tuple[str, str, int, str]
"""App and id of a session that must be over, since when, and by which event."""


class LogoutAll(Memory):
    """What a user's sign-outs everywhere ended.

    Attributes:
        ended: the sessions known then.
        logouts: by app, "" for all of the realm: the session that asked, since when, and by which event.
        closed: app and id of the sessions that came to an end of their own since.
    """

    ended: tuple[Ended, ...] = ()
    logouts: tuple[tuple[str, str, int, str], ...] = ()
    closed: tuple[tuple[str, str], ...] = ()


class LogoutAllParameters(Parameters):
    """Parameters of logout-all-incomplete."""

    grace: Duration = Field(
        MINUTE, description="How long requests in flight and the word to other apps may take; clock_skew is added."
    )
    unknown_for: Duration = Field(
        DAY, description="How long after it a session whose login was never told counts as older; at most 1d."
    )


class LogoutAllIncomplete(Rule[UserContext, LogoutAll]):
    """Signed out everywhere, but for this one."""

    id = "logout-all-incomplete"
    version = 2
    title = "Sign-out everywhere left a session alive"
    key = "user"
    needs = frozenset({"create", "validate", "destroy"})
    attack = ("T1550.004",)
    severity = Severity.HIGH
    runbook = (
        "List the user's sessions that were used after the sign-out, and their apps.",
        "Benign if the app keeps the session that asked: it should name it in the event.",
        "Else revoke those sessions, and have the developers end all of them on the server, tokens too.",
    )
    repeats = False
    reported: ClassVar[Literal["key", "app"]] = "app"
    memory = LogoutAll
    Parameters = LogoutAllParameters

    def on_event(self, event: Event, context: UserContext, memory: LogoutAll, app: AppPolicy) -> Hit | None:
        """Note a sign-out everywhere; judge a use after one."""
        if event.type == "destroy":
            if event.reason == "logout_all":
                _note(event, context, memory, "" if app.kind == "sso" else event.app)
            elif memory.logouts:
                # What is used after that is another rule's, and no session of unknown beginning.
                one = (event.app, event.session_id or "")
                memory.closed = (*(other for other in memory.closed if other != one), one)[-MAX_ENDED:]
            return None
        if not memory.logouts:
            return None
        ended = _entry(memory, event.app, event.session_id)
        if event.type == "create":
            ended = self._created(event, memory, ended)
        if ended is not None:
            return self._hit(event, ended, Severity.HIGH, app)
        if event.type == "validate" and (logout := self._unknown(event, context, memory)) is not None:
            return self._hit(event, logout, Severity.MEDIUM, app)
        return None

    def _created(self, event: Event, memory: LogoutAll, ended: Ended | None) -> Ended | None:
        """Follow an ended session into its heir; a login under the same id is a new session."""
        if ended is not None and event.time_us >= ended[2]:
            memory.ended = tuple(one for one in memory.ended if one != ended)
        parent = _entry(memory, event.app, event.parent_session_id) if event.reason in LINEAGE_REASONS else None
        if parent is None:
            return None
        heir = (event.app, event.session_id or "", parent[2], parent[3])
        memory.ended = (*memory.ended, heir)[-MAX_ENDED:]
        return heir

    def _unknown(self, event: Event, context: UserContext, memory: LogoutAll) -> Ended | None:
        """Return the sign-out that a session of unknown beginning must have been meant by."""
        if len(context.sessions) >= MAX_SESSIONS:
            # Its login may be among those that had to be forgotten.
            return None
        known = next((one for one in context.sessions if _is(event, one.app, one.session_id)), None)
        if known is not None and known.created_us is not None:
            return None
        if (event.app, event.session_id or "") in memory.closed:
            return None
        assert isinstance(self.parameters, LogoutAllParameters)
        within_us = min(self.parameters.unknown_for, USE_HORIZON_US)
        for app, asking, since_us, event_id in reversed(memory.logouts):
            if app in ("", event.app) and since_us < event.time_us <= since_us + within_us:
                is_asking = event.session_id == asking
                return None if is_asking else (event.app, event.session_id or "", since_us, event_id)
        return None

    def _hit(self, event: Event, ended: Ended, severity: Severity, app: AppPolicy) -> Hit | None:
        assert isinstance(self.parameters, LogoutAllParameters)
        _, _, since_us, event_id = ended
        if event.time_us <= since_us + self.parameters.grace + app.clock_skew_us:
            return None
        seconds = (event.time_us - since_us) / SECOND
        known = "" if severity is Severity.HIGH else ", its beginning unknown,"
        return Hit(
            severity,
            f"A session{known} was accepted {seconds:.0f} s after its user signed out everywhere, "
            f"from {describe(event.place)}",
            f"accepted from {describe(event.place)}",
            evidence=(Evidence(event_id, since_us, "signed out everywhere"),),
        )


def _note(event: Event, context: UserContext, memory: LogoutAll, scope: str) -> None:
    asking = event.session_id or ""
    ended = {(one[0], one[1]): one for one in memory.ended}
    for session in context.sessions:
        if scope not in ("", session.app) or _is(event, session.app, session.session_id):
            continue
        if session.created_us is None or session.created_us <= event.time_us:
            one = (session.app, session.session_id)
            ended[one] = (*one, event.time_us, event.event_id)
    ended.pop((event.app, asking), None)
    memory.ended = tuple(ended.values())[-MAX_ENDED:]
    others = tuple(one for one in memory.logouts if one[0] != scope)
    memory.logouts = (*others, (scope, asking, event.time_us, event.event_id))[-MAX_APPS:]


def _entry(memory: LogoutAll, app: str, session_id: str | None) -> Ended | None:
    return next((one for one in memory.ended if one[0] == app and one[1] == session_id), None)


def _is(event: Event, app: str, session_id: str) -> bool:
    return event.app == app and event.session_id == session_id
