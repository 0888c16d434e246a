"""Fixation: the session id that somebody knew before the login is worth something after it.

An id seen before its login (also in a failed try) should not survive it; an id in use by two users, or an old id
still accepted after its rotation, says the same. How bad that is follows from what the app declares
(`rotates_on_login`), and from whether it was somebody else who knew the id.

Source: OWASP Session Management cheat sheet (renew the id after a change of privilege); MITRE ATT&CK T1563.
Known false positives: an account switch within one session, as support staff and family accounts have it (set
`account_switch` for the app); a user who is renamed while signed in.
"""

from __future__ import annotations

from pydantic import Field

from detectors.context import LINEAGE_REASONS, SessionContext
from detectors.networks import describe
from detectors.parameters import Duration, Parameters
from detectors.rule import Hit, Memory, Rule
from schemas.alert import Evidence, Severity
from schemas.app import AppPolicy
from schemas.event import NO_AGENT, NOWHERE, Agent, Event, Place
from schemas.instant import MINUTE, SECOND


class Sighting(Memory):
    """The first event of a session id that nobody was signed in under.

    Attributes:
        seen_us: when, 0 where there is none.
        resumed: there was a further login or a rotation: what is told late of the time before says nothing.
    """

    seen_us: int = 0
    event_id: str = ""
    place: Place = NOWHERE
    agent: Agent = NO_AGENT
    resumed: bool = False


class FixationParameters(Parameters):
    """Parameters of session-fixation."""

    grace: Duration = Field(
        5 * SECOND,
        description="An event this soon before the login is one of it, told by another server; clock_skew is added.",
    )
    overlap: Duration = Field(
        MINUTE, description="How long after a rotation requests may come with the old id; clock_skew is added."
    )
    account_switch: bool = Field(
        False, description="The app lets a user change accounts within one session, and documents it."
    )


class SessionFixation(Rule[SessionContext, Sighting]):
    """An id known before the login, or to two users."""

    id = "session-fixation"
    title = "Session id known before its login"
    key = "session"
    needs = frozenset({"create", "validate", "fail"})
    attack = ("T1563",)
    severity = Severity.HIGH
    runbook = (
        "Look who used the id before the login: the same browser, or somebody else's.",
        "The same browser on many sessions: the app does not renew the id at the login; tell its developers.",
        "Somebody else's: revoke the session, and look how the id came to the user (a link, a subdomain, a kiosk).",
    )
    repeats = False
    memory = Sighting
    Parameters = FixationParameters

    def on_event(self, event: Event, context: SessionContext, memory: Sighting, app: AppPolicy) -> Hit | None:
        """Judge a login, a use, or note a try under an id that nobody is signed in under."""
        if event.type == "create":
            hit = self._login(event, context, memory, app)
            # The id is a signed-in session's from here on.
            memory.seen_us, memory.event_id, memory.place, memory.agent = 0, "", NOWHERE, NO_AGENT
            return hit
        if event.type == "validate" and (hit := self._used(event, context, app)) is not None:
            return hit
        if context.created_us is None or context.ended_us is not None:
            if memory.seen_us == 0 or event.time_us < memory.seen_us:
                memory.seen_us, memory.event_id = event.time_us, event.event_id
                memory.place, memory.agent = event.place, event.agent
            return None
        return self._told_late(event, context, memory, app)

    def _login(self, event: Event, context: SessionContext, memory: Sighting, app: AppPolicy) -> Hit | None:
        if event.reason in LINEAGE_REASONS:
            memory.resumed = memory.resumed or context.parent_session_id is None
            return None
        if context.ended_us is None:
            if self._is_other_user(event, context):
                return _two_users(event, context)
            if context.created_us is not None:
                # The same user proves again who they are: nobody gains a thing that they had not.
                memory.resumed = True
                return None
        seen = memory
        if context.ended_us is not None and (memory.seen_us == 0 or context.ended_us < memory.seen_us):
            # Whoever had the ended session knows its id.
            place, agent = (memory.place, memory.agent) if memory.seen_us else (event.place, event.agent)
            seen = Sighting(context.ended_us, context.ended_event_id, place, agent)
        memory.resumed = memory.resumed or context.created_us is not None
        if seen.seen_us == 0 or seen.seen_us >= event.time_us - self._grace_us(app):
            return None
        severity = tier(_is_elsewhere(seen.place, seen.agent, event.place, event.agent), app)
        return None if severity is None else _known_before(severity, seen, event)

    def _used(self, event: Event, context: SessionContext, app: AppPolicy) -> Hit | None:
        begun_us = context.created_us
        if self._is_other_user(event, context) and context.ended_us is None:
            in_flight = begun_us is not None and abs(event.time_us - begun_us) <= self._grace_us(app)
            return None if in_flight else _two_users(event, context)
        heir = context.heir
        if heir is None or heir.reason != "rotation" or event.user_id is None or context.ended_us is not None:
            return None
        assert isinstance(self.parameters, FixationParameters)
        if event.time_us <= heir.since_us + self.parameters.overlap + app.clock_skew_us:
            return None
        seconds = (event.time_us - heir.since_us) / SECOND
        return Hit(
            Severity.HIGH,
            f"The id from before the rotation was accepted {seconds:.1f} s after it, from {describe(event.place)}",
            f"accepted from {describe(event.place)}",
            evidence=(Evidence(heir.event_id, heir.since_us, "rotated into another id"),),
        )

    def _told_late(self, event: Event, context: SessionContext, memory: Sighting, app: AppPolicy) -> Hit | None:
        assert context.created_us is not None
        if memory.resumed or context.parent_session_id is not None or context.home is None:
            return None
        if event.time_us >= context.created_us - self._grace_us(app):
            return None
        severity = tier(_is_elsewhere(event.place, event.agent, context.home.place, context.home.agent), app)
        seen = Sighting(event.time_us, event.event_id, event.place, event.agent)
        return None if severity is None else _known_before(severity, seen, event)

    def _is_other_user(self, event: Event, context: SessionContext) -> bool:
        assert isinstance(self.parameters, FixationParameters)
        if self.parameters.account_switch or context.user_id is None or event.user_id is None:
            return False
        # Sign-in services differ in the case in which they write one mail address.
        return context.user_id.strip().casefold() != event.user_id.strip().casefold()

    def _grace_us(self, app: AppPolicy) -> int:
        assert isinstance(self.parameters, FixationParameters)
        return self.parameters.grace + app.clock_skew_us


def tier(elsewhere: bool, app: AppPolicy) -> Severity | None:
    """Return how bad an id is that was known before its login; None where the app says that it works so."""
    if elsewhere or app.rotates_on_login:
        return Severity.HIGH
    return Severity.MEDIUM if app.rotates_on_login is None else None


def _is_elsewhere(before: Place, agent_before: Agent, now: Place, agent_now: Agent) -> bool:
    if None in (before.network, now.network) or before.network == now.network:
        return False
    return not agent_before.similar(agent_now)


def _known_before(severity: Severity, seen: Sighting, event: Event) -> Hit:
    return Hit(
        severity,
        f"The id was known {abs(event.time_us - seen.seen_us) / SECOND:.0f} s before its login, "
        f"on {describe(seen.place)}, and survived it",
        f"signed in from {describe(event.place)}" if event.type == "create" else "told late",
        evidence=(Evidence(seen.event_id, seen.seen_us, f"known on {describe(seen.place)}"),),
    )


def _two_users(event: Event, context: SessionContext) -> Hit:
    evidence: tuple[Evidence, ...] = ()
    if context.uses:
        last = context.uses[-1]
        evidence = (Evidence(last.event_id, last.last_us, f"used from {describe(last.place)}"),)
    return Hit(
        Severity.HIGH,
        f"One session is used by two users, the second from {describe(event.place)}",
        f"used by another user from {describe(event.place)}",
        evidence=evidence,
    )
