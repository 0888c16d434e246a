"""What people do: end a session, let a held revocation go, take one back, have one delivered anew."""

from __future__ import annotations

from ingest.batch import Batch
from response.automatic import Automatic
from response.batch_index import Live
from response.commands import Approve, Drop, Release, Retry, RevokeManually
from response.guard import DEFAULT_IDLE_US, QUORUM, Guard
from response.in_use import InUse
from response.ledger import Ledger
from response.policy import LOCK_FOR_US
from response.records import Records
from response.revocations import TAKEN, UNTIL, Revocations
from schemas.app import Apps
from schemas.instant import to_rfc3339
from schemas.revocation import Revocation, State, revocation_id
from store.rows import ACT_REFUSED

APPROVED_ONCE = "revocation approved once"
"""The act of the audit line that a person has approved what needs two."""
UNDER_WAY: frozenset[State] = frozenset({"requested", "sent"})
_RETRIED: frozenset[State] = frozenset({"failed", "delivered", "confirmed"})
"""Delivered and confirmed too: whoever still sees a thief at work knows better than one server of the app."""


class ManualActs:
    """Applies people's commands. What cannot be done changes nothing: an audit line and the answer say why.

    Args:
        revocations: moves them through their states.
        automatic: ends the sessions from a network one by one.
        in_use: knows which sessions are live.
        ledger: those that still matter.
        guard: people have a limit of their own.
        records: the store.
        apps: what is declared.
    """

    def __init__(
        self,
        revocations: Revocations,
        automatic: Automatic,
        in_use: InUse,
        ledger: Ledger,
        guard: Guard,
        records: Records,
        apps: Apps,
    ) -> None:
        self._revocations = revocations
        self._automatic = automatic
        self._in_use = in_use
        self._ledger = ledger
        self._guard = guard
        self._records = records
        self._apps = apps

    def revoke(self, batch: Batch, command: RevokeManually) -> str:
        """End a session, all sessions of a user or each that is live from a network, or lock a user's login."""
        wanted_id = revocation_id(command.request_id, command.scope)
        newest = self._ledger.newest(command.app, command.scope, command.subject)
        if self._revocations.find(wanted_id) is not None:
            return self._refuse(batch, wanted_id, command.app, command.by, "the request was made before")
        under_way = "" if newest is None else _under_way(newest, batch.arrival_us)
        if newest is not None and under_way:
            return self._refuse(batch, newest.revocation_id, command.app, command.by, under_way)
        live = self._in_use.from_network(batch, command.app, command.subject) if command.scope == "network" else []
        sessions = len(live) if command.scope == "network" else self._count(command, batch.arrival_us)
        unseen = _unseen(command, sessions)
        if unseen:
            return self._refuse(batch, wanted_id, command.app, command.by, unseen)
        allowance = self._guard.admit_manual(command.app, sessions, batch.arrival_us)
        if not allowance.allowed:
            return self._refuse(batch, wanted_id, command.app, command.by, allowance.reason)
        revocation = self._made(batch, command, wanted_id, sessions)
        self._ledger.add(revocation)
        if self._guard.needs_quorum(revocation.scope, revocation.user_id):
            # Whoever asks is the first to approve.
            reason = f"a privileged user: {QUORUM} people have to approve"
            self._revocations.hold(batch, revocation, reason, actor=command.by)
            self._note_approval(batch, revocation, command.by, command.reason)
            return ""
        if command.scope == "network" and not self._revocations.unreachable(revocation):
            self._end_each(batch, revocation, live, command.by, command.reason)
            return ""
        self._revocations.suppress_or_send(batch, revocation, command.by, command.reason)
        return ""

    def approve(self, batch: Batch, command: Approve) -> str:
        """Let a held revocation go."""
        revocation = self._revocations.find(command.revocation_id)
        if revocation is None or revocation.state != "held":
            return self._refuse_state(batch, revocation, command.revocation_id, command.by, "held")
        refused = self._revocations.unreachable(revocation) or self._locked_by_another(revocation, batch.arrival_us)
        if refused:
            return self._refuse(batch, revocation.revocation_id, revocation.app, command.by, refused)
        missing = self._missing_approval(batch, revocation, command)
        if missing is not None:
            return missing
        if revocation.scope == "network":
            return self._approve_network(batch, revocation, command)
        allowance = self._guard.admit_manual(revocation.app, revocation.sessions, batch.arrival_us)
        if not allowance.allowed:
            return self._refuse(batch, revocation.revocation_id, revocation.app, command.by, allowance.reason)
        revocation.times["approved"] = batch.arrival_us
        why = command.reason or "approved"
        self._revocations.suppress_or_send(batch, revocation, command.by, why)
        return ""

    def drop(self, batch: Batch, command: Drop) -> str:
        """Decide that a held revocation is not to go; nothing of it has reached the app."""
        revocation = self._revocations.find(command.revocation_id)
        if revocation is None or revocation.state != "held":
            return self._refuse_state(batch, revocation, command.revocation_id, command.by, "held")
        self._revocations.release(batch, revocation, command.by, command.reason)
        return ""

    def release(self, batch: Batch, command: Release) -> str:
        """Take a revocation back, whatever state it is in."""
        revocation = self._revocations.find(command.revocation_id)
        if revocation is None or revocation.state == "released":
            return self._refuse_state(batch, revocation, command.revocation_id, command.by, "not released yet")
        if revocation.scope == "network" and "sent" in revocation.times:
            # It told the app nothing itself, so that taking it back would leave every session ended.
            why = f"it was {revocation.note}: release those that were wrong"
            return self._refuse(batch, revocation.revocation_id, revocation.app, command.by, why)
        if revocation.rule_id is not None and "sent" in revocation.times:
            batch.rule_errors.append(revocation.rule_id)
        self._revocations.release(batch, revocation, command.by, command.reason)
        return ""

    def retry(self, batch: Batch, command: Retry) -> str:
        """Deliver a revocation anew that failed, or that the app took without effect."""
        revocation = self._revocations.find(command.revocation_id)
        if revocation is None or revocation.state not in _RETRIED:
            expected = "failed, delivered or confirmed"
            return self._refuse_state(batch, revocation, command.revocation_id, command.by, expected)
        return self._revocations.redeliver(batch, revocation, command.by, command.reason)

    def _locked_by_another(self, revocation: Revocation, now_us: int) -> str:
        """Return why a held lock cannot go beside one that a person has asked for meanwhile, or an empty text."""
        newest = self._ledger.newest(revocation.app, revocation.scope, revocation.subject)
        if revocation.scope != "login" or newest is None or newest is revocation:
            return ""
        return _under_way(newest, now_us)

    def _missing_approval(self, batch: Batch, revocation: Revocation, command: Approve) -> str | None:
        """Note an approval that does not suffice, and return why it was refused, or an empty text; None = it does."""
        if not self._guard.needs_quorum(revocation.scope, revocation.user_id):
            return None
        wanted_id = revocation.revocation_id
        lines = [*self._records.acts([wanted_id]), *(line for line in batch.audit if line.subject == wanted_id)]
        people = {line.actor for line in lines if line.act == APPROVED_ONCE}
        if command.by in people:
            why = "you have approved it already: somebody else has to"
            return self._refuse(batch, wanted_id, revocation.app, command.by, why)
        if len(people) + 1 >= QUORUM:
            return None
        self._note_approval(batch, revocation, command.by, command.reason)
        return ""

    def _note_approval(self, batch: Batch, revocation: Revocation, by: str, why: str) -> None:
        revocation.note = f"a privileged user: approved by {by}, a second person has to"
        self._revocations.store(batch, revocation)
        self._revocations.note(batch, revocation, APPROVED_ONCE, why or "approved", actor=by)

    def _approve_network(self, batch: Batch, revocation: Revocation, command: Approve) -> str:
        """Let a network's revocation go: each session that is live from there now gets one of its own."""
        live = self._in_use.from_network(batch, revocation.app, revocation.subject)
        allowance = self._guard.admit_manual(revocation.app, len(live), batch.arrival_us)
        if not allowance.allowed:
            return self._refuse(batch, revocation.revocation_id, revocation.app, command.by, allowance.reason)
        revocation.times["approved"] = batch.arrival_us
        why = command.reason or f"approved by {command.by}"
        self._end_each(batch, revocation, live, command.by, why)
        return ""

    def _end_each(self, batch: Batch, revocation: Revocation, live: list[Live], by: str, why: str) -> None:
        """Carry a network's revocation out: each session gets one of its own."""
        done = self._automatic.end_each(batch, revocation, live, by, why)
        if self._revocations.dry_run:
            self._revocations.suppress(batch, revocation, actor=by)
            return
        revocation.enter("sent", batch.arrival_us, f"carried out as {done} revocations of sessions")
        self._revocations.store(batch, revocation)
        act = "revocation approved" if "approved" in revocation.times else "revocation requested"
        self._revocations.note(batch, revocation, act, f"{why} ({revocation.note})", actor=by)

    def _made(self, batch: Batch, command: RevokeManually, wanted_id: str, sessions: int) -> Revocation:
        by_session = command.scope == "session"
        return Revocation(
            revocation_id=wanted_id,
            app=command.app,
            scope=command.scope,
            subject=command.subject,
            sequence=self._revocations.next_sequence(command.app, command.subject),
            reason=command.reason,
            requested_by=command.by,
            state="requested",
            times={"requested": batch.arrival_us},
            session_id=command.subject if by_session else None,
            user_id=command.subject if command.scope in ("user", "login") else command.user_id,
            alert_id=command.alert_id,
            sessions=sessions,
            lock_for_us=(command.lock_for_us or LOCK_FOR_US) if command.scope == "login" else None,
        )

    def _count(self, command: RevokeManually, now_us: int) -> int:
        if command.scope in ("session", "login"):
            # A lock ends no session, and counts as one: it shuts somebody out.
            return 1
        idle_us = self._apps[command.app].idle_timeout_us or DEFAULT_IDLE_US
        return self._records.live_sessions_of_user(command.app, command.subject, now_us, idle_us)

    def _refuse_state(
        self, batch: Batch, revocation: Revocation | None, wanted_id: str, actor: str, expected: str
    ) -> str:
        app = revocation.app if revocation else ""
        found = f"it is {revocation.state}" if revocation else "there is no such revocation"
        return self._refuse(batch, wanted_id, app, actor, f"{found}, expected one that is {expected}")

    def _refuse(self, batch: Batch, subject: str, app: str, actor: str, why: str) -> str:
        self._revocations.audit(batch, ACT_REFUSED, subject, app, why, actor=actor)
        return why


def _under_way(newest: Revocation, now_us: int) -> str:
    """Return why what the newest revocation of a subject says cannot be asked for anew, or an empty text."""
    if newest.state in UNDER_WAY:
        return f"already being taken away ({newest.state})"
    until_us = newest.times.get(UNTIL, 0)
    # One of several targets suffices: what it has locked is let go at the end, whatever the others did.
    is_locked = newest.state == "delivered" or (newest.state == "failed" and {"delivered", TAKEN} & newest.times.keys())
    if is_locked and until_us > now_us:
        # A second lock would end when the first one does.
        return f"the login is locked until {to_rfc3339(until_us)}: release that lock first ({newest.revocation_id})"
    return ""


def _unseen(command: RevokeManually, sessions: int) -> str:
    """Return why what would end is not what the person was shown, or an empty text."""
    if command.scope == "network" and not sessions:
        return f"no session of {command.app} is live from {command.subject}"
    if command.at_most is not None and sessions > command.at_most:
        return f"{sessions} sessions are live by now, {command.at_most} were shown: look again"
    return ""
