"""What people do: end a session, let a held revocation go, take one back, have one delivered anew."""

from __future__ import annotations

from ingest.batch import Batch
from response.commands import Approve, Drop, Release, Retry, RevokeManually
from response.guard import DEFAULT_IDLE_US, Guard
from response.ledger import Ledger
from response.records import Records
from response.revocations import Revocations
from schemas.app import Apps
from schemas.revocation import Revocation, State, revocation_id

UNDER_WAY: frozenset[State] = frozenset({"requested", "sent"})
_RETRIED: frozenset[State] = frozenset({"failed", "delivered", "confirmed"})
"""Delivered and confirmed too: whoever still sees a thief at work knows better than one server of the app."""


class ManualActs:
    """Applies people's commands. What cannot be done changes nothing: an audit line and the answer say why.

    Args:
        revocations: moves them through their states.
        ledger: those that still matter.
        guard: people have a limit of their own.
        records: the store.
        apps: what is declared.
    """

    def __init__(self, revocations: Revocations, ledger: Ledger, guard: Guard, records: Records, apps: Apps) -> None:
        self._revocations = revocations
        self._ledger = ledger
        self._guard = guard
        self._records = records
        self._apps = apps

    def revoke(self, batch: Batch, command: RevokeManually) -> str:
        """End a session, or all sessions of a user."""
        wanted_id = revocation_id(command.request_id, command.scope)
        newest = self._ledger.newest(command.app, command.scope, command.subject)
        if self._revocations.find(wanted_id) is not None:
            return self._refuse(batch, wanted_id, command.app, command.by, "the request was made before")
        if newest is not None and newest.state in UNDER_WAY:
            why = f"already being taken away ({newest.state})"
            return self._refuse(batch, newest.revocation_id, command.app, command.by, why)
        sessions = self._count(command, batch.arrival_us)
        allowance = self._guard.admit_manual(command.app, sessions, batch.arrival_us)
        if not allowance.allowed:
            return self._refuse(batch, wanted_id, command.app, command.by, allowance.reason)
        revocation = self._made(batch, command, wanted_id, sessions)
        self._ledger.add(revocation)
        self._revocations.suppress_or_send(batch, revocation, command.by, command.reason)
        return ""

    def approve(self, batch: Batch, command: Approve) -> str:
        """Let a held revocation go."""
        revocation = self._revocations.find(command.revocation_id)
        if revocation is None or revocation.state != "held":
            return self._refuse_state(batch, revocation, command.revocation_id, command.by, "held")
        unreachable = self._revocations.unreachable(revocation)
        if unreachable:
            return self._refuse(batch, revocation.revocation_id, revocation.app, command.by, unreachable)
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
        self._revocations.release(batch, revocation, command.by, command.reason)
        return ""

    def retry(self, batch: Batch, command: Retry) -> str:
        """Deliver a revocation anew that failed, or that the app took without effect."""
        revocation = self._revocations.find(command.revocation_id)
        if revocation is None or revocation.state not in _RETRIED:
            expected = "failed, delivered or confirmed"
            return self._refuse_state(batch, revocation, command.revocation_id, command.by, expected)
        return self._revocations.redeliver(batch, revocation, command.by, command.reason)

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
            user_id=command.user_id if by_session else command.subject,
            alert_id=command.alert_id,
            sessions=sessions,
        )

    def _count(self, command: RevokeManually, now_us: int) -> int:
        if command.scope == "session":
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
        self._revocations.audit(batch, "manual act refused", subject, app, why, actor=actor)
        return why
