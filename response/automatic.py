"""What the policy ends by itself: whether it may, how widely, and what it leaves to a person."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ingest.batch import Batch
from response.batch_index import Live
from response.guard import POLICY, Guard, Wanted
from response.in_use import InUse
from response.ledger import Ledger
from response.messages import TargetMessages
from response.policy import LOCK_FOR_US, Action, Decision
from response.revocations import ACCEPTED, Revocations
from schemas.alert import Alert, Severity
from schemas.revocation import LIVE_STATES, Revocation, Scope, revocation_id
from store.rows import PIPELINE

ALERT_WITHDRAWN = "its alert was withdrawn before it was sent"
SKIPPED = "revocation skipped"
"""The act of the audit line that an alert's revocation did not come about, yet might with a further hit."""

SCOPES_OF_ACTS: dict[Action, Scope] = {
    "revoke_session": "session",
    "revoke_user": "user",
    "revoke_network": "network",
    "lock_login": "login",
}
_UNPROVEN: dict[Scope, str] = {
    "session": "no accepted use of the session is among the alert's evidence, and failures alone end nothing",
    "user": "no accepted use by the user is among the alert's evidence, and failures alone end nothing",
    "login": "no accepted use by the user is among the alert's evidence, and failures alone lock nobody out",
    "network": "no accepted use of theirs is among the alert's evidence",
}
_UNUSED: dict[Scope, str] = {
    "session": "the session is not in use any more",
    "user": "no session of the user is in use",
    "network": "no session from the network is in use",
    "login": "",
}
_WHAT: dict[Scope, str] = {
    "session": "the session",
    "user": "all sessions of the user",
    "network": "the sessions from the network",
    "login": "the user's login",
}


class Done(msgspec.Struct, frozen=True):
    """What became of an act.

    Attributes:
        words: for people.
        skipped: a further hit may change it.
        held: what now waits for a person.
        exhausted: which budget has no room, by name.
    """

    words: str
    skipped: bool = False
    held: Revocation | None = None
    exhausted: str = ""


class Automatic:
    """Carries out what a decision of the policy lists, as far as evidence, guard and configuration allow.

    Args:
        revocations: moves them through their states.
        ledger: those that still matter.
        guard: bounds what is ended without a person.
        messages: knows what the targets can do.
        in_use: knows which sessions are live, and what evidence proves.
    """

    def __init__(
        self,
        revocations: Revocations,
        ledger: Ledger,
        guard: Guard,
        messages: TargetMessages,
        in_use: InUse,
    ) -> None:
        self._revocations = revocations
        self._ledger = ledger
        self._guard = guard
        self._messages = messages
        self._in_use = in_use

    def act(self, batch: Batch, alert: Alert, decision: Decision) -> list[Done]:
        """Do what a decision lists, the widest first; return what became of each.

        Args:
            batch: where the rows go.
            alert: names whom the acts are about.
            decision: of the policy about it.
        """
        done = []
        for act in decision.acts:
            if act == "revoke_network":
                done.append(self._end_network(batch, alert, decision.why))
            elif act in SCOPES_OF_ACTS:
                scope = self._scope(alert, SCOPES_OF_ACTS[act], widen=decision.widen)
                lock_for_us = decision.lock_for_us if scope == "login" else None
                done.append(self._end(batch, alert, scope, decision.why, lock_for_us=lock_for_us))
        return done

    def hold(self, batch: Batch, alert: Alert, why: str, reason: str) -> Done:
        """Keep the revocation of an alert's session for a person.

        Args:
            batch: where the rows go.
            alert: names a session.
            why: which policy line asked.
            reason: why a person has to decide.
        """
        covered = self._covered(alert, "session")
        if covered:
            return Done(covered)
        return self._hold(batch, self._of_alert(batch, alert, "session", why), reason)

    def end_session(self, batch: Batch, alert: Alert, why: str, proven_as: str | None = None) -> Done:
        """Take the session of an alert away, as far as evidence, guard and configuration allow.

        Args:
            batch: where the rows go.
            alert: names the session.
            why: which policy line asked.
            proven_as: the name under which the evidence knows the session, where it was rotated since.
        """
        return self._end(batch, alert, "session", why, proven_as)

    def skip(self, batch: Batch, alert: Alert, why: str) -> None:
        """Write down that an alert's session is left alone for now."""
        self._revocations.audit(batch, SKIPPED, alert.alert_id, alert.app, why, user_id=alert.user_id)

    def is_decided(self, alert: Alert) -> bool:
        """Return whether an alert has its revocation, or a person has released its session."""
        newest = self._ledger.newest(alert.app, "session", alert.session_id or "")
        if newest is not None and newest.state == "released" and newest.note != ALERT_WITHDRAWN:
            return True
        ids = (revocation_id(alert.alert_id, scope) for scope in SCOPES_OF_ACTS.values())
        return any(self._revocations.find(one) is not None for one in ids)

    def withdraw(self, batch: Batch, alert: Alert, *, still_asked: bool) -> str:
        """Deal with the revocations of an alert that does not follow any more; return what becomes of them.

        Args:
            batch: where the rows go.
            alert: withdrawn; it asked for its session or user to be taken away.
            still_asked: another alert that stands asks for the same.
        """
        asked = self._asked_by(alert)
        if not asked:
            return "there was no revocation"
        return "; ".join(self._take_back(batch, one, still_asked=still_asked) for one in asked)

    def is_in_use(self, batch: Batch, alert: Alert, decision: Decision) -> bool:
        """Return whether any act of a decision would find a session to end."""
        acts = [
            self._scope(alert, SCOPES_OF_ACTS[act], widen=decision.widen)
            for act in decision.acts
            if act in SCOPES_OF_ACTS
        ]
        return any(self._in_use.finds(batch, alert, scope) for scope in acts)

    def end_each(
        self, batch: Batch, source: Revocation | Alert, sessions: Iterable[Live], requested_by: str, why: str
    ) -> int:
        """Send a revocation for each of some sessions, which were counted by the guard; return how many.

        Args:
            batch: where the rows go.
            source: the alert, or the network's revocation that a person approved: the ids follow from it.
            sessions: which; one that is being taken away is left out.
            requested_by: who asked.
            why: for the record.
        """
        sent = 0
        for session_id, user_id in sessions:
            newest = self._ledger.newest(source.app, "session", session_id)
            if newest is not None and newest.state in LIVE_STATES - {"failed"}:
                continue
            one = self._of_one(batch, source, session_id, user_id, requested_by, why)
            if requested_by != POLICY:
                one.times["approved"] = batch.arrival_us
            self._ledger.add(one)
            self._revocations.suppress_or_send(batch, one, requested_by, why)
            sent += 1
        return sent

    def _scope(self, alert: Alert, scope: Scope, *, widen: bool) -> Scope:
        """Return the scope in which an act is done: wider only where the line says so and no target is as narrow."""
        reach = self._messages.reach
        if scope != "session" or not widen or alert.user_id is None or reach(alert.app, "session"):
            return scope
        return "user" if reach(alert.app, "user") else scope

    def escalate(self, batch: Batch, alert: Alert, scope: Scope, why: str) -> Done:
        """Take more away than a revocation that had no effect, as far as evidence, guard and configuration allow.

        Args:
            batch: where the rows go.
            alert: that the revocation had no effect; names the user.
            scope: "user", and after that "login".
            why: for the record.
        """
        lock_for_us = LOCK_FOR_US if scope == "login" else None
        return self._end(batch, alert, scope, why, lock_for_us=lock_for_us, escalates=True)

    def _end(
        self,
        batch: Batch,
        alert: Alert,
        scope: Scope,
        why: str,
        proven_as: str | None = None,
        *,
        lock_for_us: int | None = None,
        escalates: bool = False,
    ) -> Done:
        covered = self._covered(alert, scope)
        if covered:
            self._revocations.audit(
                batch, "revocation covered", alert.alert_id, alert.app, covered, user_id=alert.user_id
            )
            return Done(covered)
        left_alone = self._left_alone(batch, alert, scope, proven_as or alert.session_id)
        if left_alone:
            self.skip(batch, alert, left_alone)
            return Done(f"not revoked: {left_alone}", skipped=True)
        failed = self._ledger.newest(alert.app, scope, _subject(alert, scope))
        if failed is not None and failed.state == "failed":
            return Done(self._again(batch, failed, alert))
        revocation = self._of_alert(batch, alert, scope, why)
        revocation.lock_for_us = lock_for_us
        if scope == "user":
            revocation.sessions = len(self._in_use.of_user(batch, alert.app, alert.user_id or ""))
        if self._revocations.dry_run:
            self._revocations.suppress(batch, revocation)
            return Done(f"dry run: {_WHAT[scope]} would have been {_done(scope)}, nothing was sent")
        nobody = self._revocations.unreachable(revocation)
        if nobody:
            return self._hold(batch, revocation, nobody)
        wanted = _wanted(alert, scope, revocation.sessions, escalates=escalates)
        allowance = self._guard.admit(wanted, batch.arrival_us)
        if not allowance.allowed:
            return self._hold(batch, revocation, allowance.reason, allowance.exhausted)
        self._revocations.send(batch, revocation, POLICY, why)
        return Done(_sent(revocation))

    def _left_alone(self, batch: Batch, alert: Alert, scope: Scope, session_id: str | None) -> str:
        """Return why there is nothing to be done now, or an empty text."""
        if not self._in_use.finds(batch, alert, scope):
            return _UNUSED[scope]
        sessions, users = self._in_use.proven(batch, alert)
        proven = session_id in sessions if scope == "session" else alert.user_id in users
        return "" if proven else _UNPROVEN[scope]

    def _end_network(self, batch: Batch, alert: Alert, why: str) -> Done:
        """End the live sessions from a network that the evidence speaks of; the others wait for a person."""
        live = self._in_use.from_network(batch, alert.app, alert.network or "")
        covered = self._covered(alert, "network")
        if covered:
            return Done(covered)
        if not live:
            self.skip(batch, alert, _UNUSED["network"])
            return Done(f"not revoked: {_UNUSED['network']}", skipped=True)
        sessions, users = self._in_use.proven(batch, alert, whole=True)
        spoken_of = [
            (session, user)
            for session, user in live
            if (session in sessions or user in users) and not self._guard.is_protected_user(user)
        ]
        if self._revocations.dry_run:
            revocation = self._of_network(batch, alert, why, len(spoken_of))
            self._revocations.suppress(batch, revocation)
            return Done(f"dry run: {len(spoken_of)} sessions from the network would have been ended, nothing was sent")
        if not self._messages.reach(alert.app, "session"):
            revocation = self._of_network(batch, alert, why, len(live))
            return self._hold(batch, revocation, self._revocations.unreachable(revocation))
        return self._end_some(batch, alert, why, live, spoken_of)

    def _end_some(self, batch: Batch, alert: Alert, why: str, live: list[Live], some: list[Live]) -> Done:
        if some:
            allowance = self._guard.admit(_wanted(alert, "network", len(some)), batch.arrival_us)
            if not allowance.allowed:
                revocation = self._of_network(batch, alert, why, len(live))
                return self._hold(batch, revocation, allowance.reason, allowance.exhausted)
            self.end_each(batch, alert, some, POLICY, why)
        rest = len(live) - len(some)
        words = f"revocations of {len(some)} sessions from the network sent to the app"
        if not rest:
            return Done(words)
        held = self._hold(batch, self._of_network(batch, alert, why, rest), _UNPROVEN["network"])
        return Done(f"{words}; {rest} others wait for a person: {_UNPROVEN['network']}", held=held.held)

    def _hold(self, batch: Batch, revocation: Revocation, reason: str, exhausted: str = "") -> Done:
        self._revocations.hold(batch, revocation, reason)
        return Done(f"revocation held for a person: {reason}", held=revocation, exhausted=exhausted)

    def _covered(self, alert: Alert, scope: Scope) -> str:
        """Return why an alert needs no revocation of its own, or an empty text."""
        newest = self._ledger.newest(alert.app, scope, _subject(alert, scope))
        what = _WHAT[scope]
        if newest is not None:
            if newest.state == "failed" and ACCEPTED in newest.times:
                return (
                    f"the session was revoked and the app accepts it all the same (revocation {newest.revocation_id}, "
                    f"failed: {newest.note}); a person has to look"
                )
            if newest.state in LIVE_STATES - {"failed"} and _holds(newest, alert):
                return f"{what} is already being taken away (revocation {newest.revocation_id}, {newest.state})"
            if newest.state == "suppressed" and self._revocations.dry_run:
                return "dry run: its revocation is already shown, nothing was sent"
            if newest.state == "held" and _rank(newest.severity) >= alert.severity.rank:
                return f"a revocation of {what} is already held for a person: {newest.note}"
        known = self._revocations.find(revocation_id(alert.alert_id, scope))
        if known is not None and known.state == "released" and known.note != ALERT_WITHDRAWN:
            return "not revoked: a person has released this session"
        if known is not None and known.state in LIVE_STATES - {"failed"}:
            return f"this alert has ended {what} before (revocation {known.revocation_id}, {known.state})"
        return ""

    def _again(self, batch: Batch, failed: Revocation, alert: Alert) -> str:
        """Deliver a revocation once more that never reached the app; return what was done. It is counted already."""
        before = failed.note
        refused = self._revocations.unreachable(failed)
        # Nothing but the kill switch: it was admitted once.
        refused = refused or self._guard.paused
        if self._revocations.dry_run or refused:
            why = refused or "dry run: nothing is sent"
            self._revocations.note(batch, failed, "revocation not redelivered", why)
            return f"the session's revocation has failed ({before}) and is not tried anew: {why}"
        why = f"{alert.rule_id} asks too; it had failed: {before}"
        self._revocations.send_again(batch, failed, PIPELINE, why)
        return f"the session's revocation had failed ({before}); it is sent to the app anew"

    def _asked_by(self, alert: Alert) -> list[Revocation]:
        """Return the revocations that an alert asked for: its own, or the held one of its session that covers it."""
        own = [self._ledger.get(revocation_id(alert.alert_id, scope)) for scope in SCOPES_OF_ACTS.values()]
        found = [one for one in own if one is not None]
        if found or alert.session_id is None:
            return found
        newest = self._ledger.newest(alert.app, "session", alert.session_id)
        return [newest] if newest is not None and newest.state == "held" and newest.requested_by == POLICY else []

    def _take_back(self, batch: Batch, revocation: Revocation, *, still_asked: bool) -> str:
        if revocation.state == "held":
            if still_asked:
                return "a revocation of the session stays held: another alert asks for it"
            revocation.enter("released", batch.arrival_us, ALERT_WITHDRAWN)
            self._revocations.store(batch, revocation)
            self._revocations.note(batch, revocation, "revocation released", ALERT_WITHDRAWN)
            return "its revocation was held and is released"
        if revocation.state in LIVE_STATES:
            why = "its alert was withdrawn after it was sent; it is not undone"
            self._revocations.note(batch, revocation, "revocation stands", why)
            return f"its revocation had been sent and is not undone; release it if it was wrong ({revocation.state})"
        return f"its revocation is {revocation.state}"

    def _of_alert(self, batch: Batch, alert: Alert, scope: Scope, why: str) -> Revocation:
        """Return the revocation of an alert: a held one that it makes more urgent, or a new one."""
        subject = _subject(alert, scope)
        newest = self._ledger.newest(alert.app, scope, subject)
        if newest is not None and newest.state == "held":
            newest.severity, newest.rule_id = alert.severity.value, alert.rule_id
            return newest
        revocation = Revocation(
            revocation_id=revocation_id(alert.alert_id, scope),
            app=alert.app,
            scope=scope,
            subject=subject,
            sequence=self._revocations.next_sequence(alert.app, subject),
            reason=f"{alert.rule_id} ({why})",
            requested_by=POLICY,
            state="requested",
            times={"requested": batch.arrival_us},
            session_id=alert.session_id if scope == "session" else None,
            user_id=None if scope == "network" else alert.user_id,
            alert_id=alert.alert_id,
            rule_id=alert.rule_id,
            severity=alert.severity.value,
        )
        self._ledger.add(revocation)
        return revocation

    def _of_network(self, batch: Batch, alert: Alert, why: str, sessions: int) -> Revocation:
        revocation = self._of_alert(batch, alert, "network", why)
        revocation.sessions = sessions
        return revocation

    def _of_one(
        self, batch: Batch, source: Revocation | Alert, session_id: str, user_id: str | None, by: str, why: str
    ) -> Revocation:
        return Revocation(
            revocation_id=revocation_id(f"{_id_of(source)}:{session_id}", "session"),
            app=source.app,
            scope="session",
            subject=session_id,
            sequence=self._revocations.next_sequence(source.app, session_id),
            reason=f"{source.rule_id} ({why})" if source.rule_id else why,
            requested_by=by,
            state="requested",
            times={"requested": batch.arrival_us},
            session_id=session_id,
            user_id=user_id,
            alert_id=source.alert_id,
            rule_id=source.rule_id,
            severity=source.severity.value if isinstance(source, Alert) else source.severity,
        )


def _subject(alert: Alert, scope: Scope) -> str:
    """Return whom an act of this scope is about."""
    by_scope = {"session": alert.session_id, "network": alert.network}
    return by_scope.get(scope, alert.user_id) or ""


def _id_of(source: Revocation | Alert) -> str:
    return source.revocation_id if isinstance(source, Revocation) else source.alert_id


def _wanted(alert: Alert, scope: Scope, sessions: int, *, escalates: bool = False) -> Wanted:
    networks = tuple(name for name in (alert.ip, alert.network) if name is not None)
    return Wanted(alert.app, alert.rule_id, alert.severity, alert.user_id, sessions, scope, networks, escalates)


def _holds(revocation: Revocation, alert: Alert) -> bool:
    """Whether a revocation ends what the alert is about: a user's ends only sessions that were there before."""
    if revocation.scope in ("session", "login"):
        return True
    return alert.last_event_time_us <= revocation.times["requested"]


def _done(scope: Scope) -> str:
    return "locked" if scope == "login" else "revoked"


def _sent(revocation: Revocation) -> str:
    if revocation.scope == "user":
        return f"revocation of all {revocation.sessions} sessions of the user sent to the app"
    if revocation.scope == "login":
        return "lock of the user's login sent to the app"
    return "revocation of the session sent to the app"


def _rank(severity: str | None) -> int:
    return Severity(severity).rank if severity else 0
