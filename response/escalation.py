"""Escalation: what follows where a session goes on although its revocation was delivered twice (decision 27).

First all sessions of its user, then the user's login. It is off unless the configuration says so, it is counted by
the guard, and it stops where the fault is the app's: when more than three, or every one, of the app's revocations of
the last hour had no effect. That is one incident about the app, and no reason to lock its users out.
"""

from __future__ import annotations

import msgspec

from ingest.batch import Batch
from response.app_alert import app_alert
from response.automatic import Automatic, Done
from response.ledger import Ledger
from response.policy import NEVER_REVOKES
from response.revocations import ACCEPTED, Revocations
from schemas.alert import Alert, Severity
from schemas.instant import HOUR
from schemas.revocation import Revocation, Scope

RULE_ID = "revocations-without-effect"
"""What the incident is filed under; no rule of the engine has this name."""
NOT_ESCALATED = "not escalated: "
MOST_FAILED = 3
"""Revocations of an app without effect, within an hour: more of them, and it is the app that is broken."""


class Step(msgspec.Struct, frozen=True):
    """What an alert that a revocation had no effect has led to.

    Attributes:
        words: for people; empty = nothing.
        done: what became of the act, where there was one.
        incident: about the app, where escalation has stopped.
    """

    words: str = ""
    done: Done | None = None
    incident: Alert | None = None


NOTHING = Step()


class Escalation:
    """Takes the next step.

    Args:
        automatic: carries it out, as far as evidence, guard and configuration allow.
        revocations: know what had no effect.
        ledger: those that still matter.
    """

    def __init__(self, automatic: Automatic, revocations: Revocations, ledger: Ledger) -> None:
        self._automatic = automatic
        self._revocations = revocations
        self._ledger = ledger

    def step(self, batch: Batch, alert: Alert) -> Step:
        """Take the next step, where it is time for one.

        Args:
            batch: where the rows go.
            alert: that a revoked session is still accepted.
        """
        revocation = self._ledger.newest(alert.app, "session", alert.session_id or "")
        if revocation is None or alert.user_id is None or not self._revocations.is_outlived(revocation):
            return NOTHING
        broken = self._broken(alert.app, batch.arrival_us)
        if broken:
            words = f"{NOT_ESCALATED}{broken}"
            return Step(words, incident=_incident(alert.app, broken, batch.arrival_us))
        scope = self._next_scope(batch, alert, revocation)
        if scope is None:
            return NOTHING
        done = self._automatic.escalate(batch, alert, scope, "escalated: the revocation of a session had no effect")
        if done.skipped or done.exhausted or done.held is not None or not self._is_made(alert, scope, batch):
            return Step(done.words, done)
        return Step(f"escalated: {done.words}", done)

    def _next_scope(self, batch: Batch, alert: Alert, revocation: Revocation) -> Scope | None:
        """Return how wide the next step is; None = what was done must take effect first, or all was done."""
        of_user = self._ledger.newest(alert.app, "user", alert.user_id or "")
        if of_user is None or of_user.times.get("requested", 0) < revocation.times["sent"]:
            return "user"
        if of_user.state in ("held", "suppressed", "released"):
            return None
        used_us = revocation.times[ACCEPTED]
        if of_user.state != "failed" and not self._revocations.fails_by(batch, of_user, used_us):
            return None
        return "login" if self._ledger.newest(alert.app, "login", alert.user_id or "") is None else None

    def _is_made(self, alert: Alert, scope: Scope, batch: Batch) -> bool:
        newest = self._ledger.newest(alert.app, scope, alert.user_id or "")
        return newest is not None and newest.times.get("sent") == batch.arrival_us

    def _broken(self, app: str, now_us: int) -> str:
        """Return why the app itself is at fault, or an empty text."""
        recent = [
            one
            for one in self._ledger.sent_since(app, now_us - HOUR)
            if one.scope == "session" and one.rule_id not in NEVER_REVOKES
        ]
        failed = sum(one.state == "failed" for one in recent)
        if failed > MOST_FAILED or (recent and failed == len(recent)):
            return f"{failed} of {len(recent)} revocations that {app} was sent in the last hour had no effect"
        return ""


def _incident(app: str, why: str, now_us: int) -> Alert:
    summary = f"The app does not end sessions: {why}; nothing is escalated, a person has to look at the app"
    return app_alert(RULE_ID, app, str(now_us // HOUR), Severity.CRITICAL, summary, now_us)
