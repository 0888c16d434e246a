"""Revocations from the decision to their proof: made, held, sent, delivered, confirmed or disproved."""

from __future__ import annotations

import msgspec
import structlog

from ingest.batch import Batch
from response.batch_index import BatchIndex
from response.guard import DEFAULT_IDLE_US, POLICY, Guard
from response.ledger import Ledger
from response.messages import TargetMessages
from response.records import Records
from schemas.alert import Alert, Severity
from schemas.app import Apps
from schemas.event import Event
from schemas.revocation import LIVE_STATES, Revocation, revocation_id
from schemas.signal import Signal
from store.rows import AuditLine, OutboxMessage

ALERT_WITHDRAWN = "its alert was withdrawn before it was sent"
NOT_IN_USE = "not revoked: the session is not in use any more"
SKIPPED = "revocation skipped"
"""The act of the audit line that an alert's revocation did not come about, yet might with a further hit."""
PIPELINE = "pipeline"
"""The actor of audit lines that no person caused."""

_PROVES = frozenset({"destroy", "fail"})
_ON_THE_WAY = frozenset({"sent", "delivered"})
_ARRIVED = frozenset({"delivered", "confirmed"})

# Kept in `Revocation.times` beside the states, which keep their first instant: the newest delivery after the
# first, the event time of the newest proof, and that of the newest use that was accepted all the same.
_AGAIN = "delivered again"
_PROVED = "proved"
_ACCEPTED = "accepted"

log = structlog.get_logger()


class Revocations:
    """Moves revocations through their states, and writes each step into the batch.

    `sent` is entered when the message is handed to its lane, at the commit: what has been decided is under way
    even while the receiver does not answer.

    Args:
        ledger: those that still matter.
        guard: bounds what is ended without a person.
        messages: makes what leaves.
        records: the store.
        apps: what is declared.
        dry_run: revocations are shown and never sent.
    """

    def __init__(
        self,
        ledger: Ledger,
        guard: Guard,
        messages: TargetMessages,
        records: Records,
        apps: Apps,
        *,
        dry_run: bool,
    ) -> None:
        self._ledger = ledger
        self._guard = guard
        self._messages = messages
        self._records = records
        self._apps = apps
        self._dry_run = dry_run
        self._indexed = BatchIndex(Batch(0))

    def by_policy(self, batch: Batch, alert: Alert, why: str) -> str:
        """Take the session of an alert away, as far as guard and configuration allow; return what was done.

        Args:
            batch: where the rows go.
            alert: names a session.
            why: which policy line asked.
        """
        covered = self._covered(alert)
        if covered:
            self.audit(batch, "revocation covered", alert.alert_id, alert.app, covered)
            return covered
        if not self.is_live(batch, alert):
            self.skip(batch, alert, "the session is not in use any more")
            return NOT_IN_USE
        failed = self._ledger.newest(alert.app, "session", alert.session_id or "")
        if failed is not None and failed.state == "failed":
            return self._again(batch, failed, alert)
        revocation = self._of_alert(batch, alert, why)
        if self._dry_run:
            self._suppress(batch, revocation)
            return "dry run: the session would have been revoked, nothing was sent"
        refused = self._refusal(revocation, alert, batch.arrival_us)
        if refused:
            self.hold(batch, revocation, refused)
            return f"revocation held for a person: {refused}"
        self.send(batch, revocation, POLICY, why)
        return "revocation of the session sent to the app"

    def skip(self, batch: Batch, alert: Alert, why: str) -> None:
        """Write down that an alert's session is left alone for now."""
        self.audit(batch, SKIPPED, alert.alert_id, alert.app, why)

    def is_decided(self, alert: Alert) -> bool:
        """Return whether an alert has its revocation, or a person has released its session."""
        newest = self._ledger.newest(alert.app, "session", alert.session_id or "")
        if newest is not None and newest.state == "released" and newest.note != ALERT_WITHDRAWN:
            return True
        return self.find(revocation_id(alert.alert_id, "session")) is not None

    def withdraw(self, batch: Batch, alert: Alert, *, still_asked: bool) -> str:
        """Deal with the revocation of an alert that does not follow any more; return what becomes of it.

        Args:
            batch: where the rows go.
            alert: withdrawn; it asked for its session to be taken away.
            still_asked: another alert that stands asks for the same.
        """
        revocation = self._asked_by(alert)
        if revocation is None:
            return "there was no revocation"
        if revocation.state == "held":
            if still_asked:
                return "a revocation of the session stays held: another alert asks for it"
            revocation.enter("released", batch.arrival_us, ALERT_WITHDRAWN)
            self._store(batch, revocation)
            self.audit(batch, "revocation released", revocation.revocation_id, revocation.app, ALERT_WITHDRAWN)
            return "its revocation was held and is released"
        if revocation.state in LIVE_STATES:
            self.audit(
                batch, "revocation stands", revocation.revocation_id, revocation.app,
                "its alert was withdrawn after it was sent; it is not undone",
            )  # fmt: skip
            return f"its revocation had been sent and is not undone; release it if it was wrong ({revocation.state})"
        return f"its revocation is {revocation.state}"

    def settle(self, batch: Batch, message: OutboxMessage) -> None:
        """Note that a target has taken a message, or never will.

        Args:
            batch: where the rows go.
            message: delivered, parked or dropped.
        """
        awaited = self._ledger.arrived(message)
        revocation = self._ledger.get(message.subject)
        if revocation is None or not awaited or message.kind != "session.revoked":
            return
        at_us = message.finished_us or batch.arrival_us
        if message.state != "delivered" and revocation.state in _ON_THE_WAY:
            self._fail(batch, revocation, f"{message.lane} did not take it: {message.last_error}")
        elif message.state == "delivered" and not self._ledger.waits_for(revocation.revocation_id):
            self._delivered(batch, revocation, message, at_us)

    def confirm(self, batch: Batch, event: Event) -> None:
        """Take an app's word that a session was revoked: `destroy(revoked)`, or a refused use (decision 30)."""
        if event.reason != "revoked" or event.type not in _PROVES:
            return
        revocation = self._proved_by(event)
        if revocation is None:
            return
        newest_us = max(event.time_us, revocation.times.get(_PROVED, 0))
        if revocation.state == "confirmed":
            # Of further proof only its age is kept, and no row is written for it alone: a thief who goes on
            # trying brings one a second.
            revocation.times[_PROVED] = newest_us
        elif self._is_proof(revocation, event):
            revocation.times[_PROVED] = newest_us
            revocation.enter("confirmed", batch.arrival_us)
            self._store(batch, revocation)
            self.audit(
                batch, "revocation confirmed", revocation.revocation_id, event.app, f"{event.type}(revoked)",
                actor=event.app,
            )  # fmt: skip

    def disprove_again(self, batch: Batch, alert: Alert) -> None:
        """Note a further accepted use of a revoked session, by another server of the app than the one that refuses.

        Only the state changes: it is delivered anew once, by `disprove`, and from then on a person has to look.
        """
        session = alert.session_id
        revocation = self._ledger.newest(alert.app, "session", session) if session else None
        if revocation is None:
            return
        used_us = alert.last_event_time_us
        if revocation.state == "failed" and revocation.times.get(_ACCEPTED, used_us) < used_us:
            revocation.times[_ACCEPTED] = used_us
            self._store(batch, revocation)
        elif revocation.state in _ARRIVED and used_us > self._holds_until(revocation):
            revocation.times[_ACCEPTED] = used_us
            self._fail(batch, revocation, "the session is still accepted by a part of the app")

    def disprove(self, batch: Batch, alert: Alert) -> str:
        """Note that a revoked session is still accepted, deliver once more, and return what was done."""
        session = alert.session_id
        revocation = self._ledger.newest(alert.app, "session", session) if session else None
        if revocation is None or revocation.state not in LIVE_STATES:
            return "the session was revoked by the app itself; a person has to look"
        revocation.times[_ACCEPTED] = max(alert.last_event_time_us, revocation.times.get(_ACCEPTED, 0))
        self._fail(batch, revocation, "the session was accepted again after it was revoked")
        if "redelivered" in revocation.times:
            return "its revocation was delivered twice already; a person has to look"
        if self._dry_run:
            return "dry run: its revocation would have been delivered once more; a person has to look"
        revocation.times["redelivered"] = batch.arrival_us
        self._post(batch, self._messages.of(revocation, "session.revoked", batch.arrival_us, turn="again"))
        self.audit(
            batch,
            "revocation redelivered",
            revocation.revocation_id,
            revocation.app,
            "not effective, once more",
        )
        return "its revocation is delivered once more; a person has to look"

    def send(self, batch: Batch, revocation: Revocation, actor: str, why: str) -> None:
        """Let a revocation go: it leaves right after the commit."""
        revocation.times.setdefault("requested", batch.arrival_us)
        revocation.enter("sent", batch.arrival_us)
        self._store(batch, revocation)
        self._post(batch, self._messages.of(revocation, "session.revoked", batch.arrival_us))
        self.audit(batch, "revocation requested", revocation.revocation_id, revocation.app, why, actor=actor)

    def hold(self, batch: Batch, revocation: Revocation, reason: str) -> None:
        """Keep a revocation for a person."""
        revocation.times.setdefault("requested", batch.arrival_us)
        revocation.enter("held", batch.arrival_us, reason)
        self._store(batch, revocation)
        self.audit(batch, "revocation held", revocation.revocation_id, revocation.app, reason)
        log.warning("revocation held", revocation_id=revocation.revocation_id, app=revocation.app, reason=reason)

    def release(self, batch: Batch, revocation: Revocation, actor: str, why: str) -> None:
        """Take a revocation back. What may have reached the app is followed by a release with a higher sequence."""
        was_sent = "sent" in revocation.times
        for message in self._ledger.waits_for(revocation.revocation_id):
            self._drop(batch, message)
        revocation.enter("released", batch.arrival_us, why)
        if was_sent:
            revocation.sequence = self.next_sequence(revocation.app, revocation.subject)
            self._post(batch, self._messages.of(revocation, "session.released", batch.arrival_us))
            batch.signals.append(self._signal("revocation_released", revocation, batch.arrival_us, "released"))
        self._store(batch, revocation)
        self.audit(batch, "revocation released", revocation.revocation_id, revocation.app, why, actor=actor)

    def redeliver(self, batch: Batch, revocation: Revocation, actor: str, why: str) -> str:
        """Deliver a revocation anew because a person asks for it; return why not, or an empty text."""
        refused = "dry run: nothing is sent" if self._dry_run else self.unreachable(revocation)
        if refused:
            self.audit(batch, "manual act refused", revocation.revocation_id, revocation.app, refused, actor=actor)
            return refused
        self._send_again(batch, revocation, actor, why or "a person asked")
        return ""

    def unreachable(self, revocation: Revocation) -> str:
        """Return why nobody would take a revocation, or an empty text; in a dry run nobody need."""
        if self._dry_run or self._messages.reach(revocation.app, revocation.scope):
            return ""
        return f"no target for app {revocation.app} ends a {revocation.scope}"

    def suppress_or_send(self, batch: Batch, revocation: Revocation, actor: str, why: str) -> None:
        """Let a person's revocation go, unless nothing is sent at all (dry run) or nobody would take it."""
        nobody = self.unreachable(revocation)
        if self._dry_run:
            self._suppress(batch, revocation)
        elif nobody:
            self.hold(batch, revocation, nobody)
        else:
            self.send(batch, revocation, actor, why)

    def next_sequence(self, app: str, subject: str) -> int:
        """Return the next number of a session or user of an app."""
        return max(self._records.max_sequence(app, subject), self._ledger.sequence(app, subject)) + 1

    def find(self, wanted_id: str) -> Revocation | None:
        """Return a revocation from memory or the store."""
        found = self._ledger.get(wanted_id)
        if found is None:
            found = self._records.revocation(wanted_id)
            if found is not None:
                self._ledger.add(found)
        return found

    @staticmethod
    def audit(batch: Batch, act: str, subject: str, app: str, why: str, *, actor: str = PIPELINE) -> None:
        """Write an audit line."""
        batch.audit.append(AuditLine(batch.arrival_us, actor, act, subject, app, why))

    def _covered(self, alert: Alert) -> str:
        """Return why an alert needs no revocation of its own, or an empty text."""
        session = alert.session_id or ""
        newest = self._ledger.newest(alert.app, "session", session)
        if newest is not None:
            if newest.state == "failed" and _ACCEPTED in newest.times:
                return (
                    f"the session was revoked and the app accepts it all the same (revocation {newest.revocation_id}, "
                    f"failed: {newest.note}); a person has to look"
                )
            if newest.state in LIVE_STATES - {"failed"}:
                return f"the session is already being taken away (revocation {newest.revocation_id}, {newest.state})"
            if newest.state == "suppressed" and self._dry_run:
                return "dry run: its revocation is already shown, nothing was sent"
            if newest.state == "held" and _rank(newest.severity) >= alert.severity.rank:
                return f"a revocation of the session is already held for a person: {newest.note}"
        known = self.find(revocation_id(alert.alert_id, "session"))
        if known is not None and known.state == "released" and known.note != ALERT_WITHDRAWN:
            return "not revoked: a person has released this session"
        return ""

    def _again(self, batch: Batch, failed: Revocation, alert: Alert) -> str:
        """Deliver a revocation once more that never reached the app; return what was done. It is counted already."""
        before = failed.note
        refused = self.unreachable(failed)
        if self._dry_run or refused:
            why = refused or "dry run: nothing is sent"
            self.audit(batch, "revocation not redelivered", failed.revocation_id, failed.app, why)
            return f"the session's revocation has failed ({before}) and is not tried anew: {why}"
        self._send_again(batch, failed, PIPELINE, f"{alert.rule_id} asks too; it had failed: {before}")
        return f"the session's revocation had failed ({before}); it is sent to the app anew"

    def _send_again(self, batch: Batch, revocation: Revocation, actor: str, why: str) -> None:
        revocation.enter("sent", batch.arrival_us)
        self._store(batch, revocation)
        turn = f"asked {batch.arrival_us}"
        self._post(batch, self._messages.of(revocation, "session.revoked", batch.arrival_us, turn))
        self.audit(batch, "revocation redelivered", revocation.revocation_id, revocation.app, why, actor=actor)

    def _asked_by(self, alert: Alert) -> Revocation | None:
        """Return the revocation that an alert asked for: its own, or the held one of its session that covers it."""
        own = self._ledger.get(revocation_id(alert.alert_id, "session"))
        if own is not None or alert.session_id is None:
            return own
        newest = self._ledger.newest(alert.app, "session", alert.session_id)
        return newest if newest is not None and newest.state == "held" and newest.requested_by == POLICY else None

    def _of_alert(self, batch: Batch, alert: Alert, why: str) -> Revocation:
        """Return the revocation of an alert: a held one that it makes more urgent, or a new one."""
        session = alert.session_id or ""
        newest = self._ledger.newest(alert.app, "session", session)
        if newest is not None and newest.state == "held":
            newest.severity, newest.rule_id = alert.severity.value, alert.rule_id
            return newest
        revocation = Revocation(
            revocation_id=revocation_id(alert.alert_id, "session"),
            app=alert.app,
            scope="session",
            subject=session,
            sequence=self.next_sequence(alert.app, session),
            reason=f"{alert.rule_id} ({why})",
            requested_by=POLICY,
            state="requested",
            times={"requested": batch.arrival_us},
            session_id=session,
            user_id=alert.user_id,
            alert_id=alert.alert_id,
            rule_id=alert.rule_id,
            severity=alert.severity.value,
        )
        self._ledger.add(revocation)
        return revocation

    def _refusal(self, revocation: Revocation, alert: Alert, now_us: int) -> str:
        """Return why a revocation may not leave by itself, or an empty text."""
        nobody = self.unreachable(revocation)
        if nobody:
            return nobody
        allowance = self._guard.admit(
            revocation.app, alert.rule_id, alert.severity, revocation.user_id, revocation.sessions, now_us
        )
        return allowance.reason

    def is_live(self, batch: Batch, alert: Alert) -> bool:
        """Return whether an alert's session was used within the idle timeout and not ended since."""
        idle_us = self._apps[alert.app].idle_timeout_us or DEFAULT_IDLE_US
        # This batch is not stored yet.
        used_us, ended_us = self._index(batch).use_of(alert.app, alert.session_id or "")
        if ended_us is not None and (used_us is None or used_us <= ended_us):
            return False
        if used_us is not None and used_us >= batch.arrival_us - idle_us:
            return True
        return self._records.is_live(alert.app, alert.session_id or "", batch.arrival_us, idle_us)

    def _is_proof(self, revocation: Revocation, event: Event) -> bool:
        """Whether the event is younger than what it is to prove, and than the last use that spoke against it."""
        if event.time_us <= revocation.times.get(_ACCEPTED, 0):
            return False
        if revocation.state in _ON_THE_WAY:
            return event.time_us + self._apps[event.app].clock_skew_us >= revocation.times["sent"]
        return revocation.state == "failed" and (
            _ACCEPTED in revocation.times or event.time_us > revocation.times["failed"]
        )

    def _proved_by(self, event: Event) -> Revocation | None:
        """Return the revocation that an app's word belongs to: of a session with its own, that one alone."""
        by_session = event.session_id and self._ledger.newest(event.app, "session", event.session_id)
        if by_session and "sent" in by_session.times and by_session.state != "released":
            return by_session
        return self._ledger.newest(event.app, "user", event.user_id) if event.user_id else None

    def _holds_until(self, revocation: Revocation) -> int:
        """Return the event time up to which an accepted use says nothing against a revocation (decision 30)."""
        app, times = self._apps[revocation.app], revocation.times
        delivered_us = max(times.get("delivered", 0), times.get(_AGAIN, 0))
        proved_us = times.get(_PROVED, times.get("confirmed", 0))
        return max(delivered_us + app.revoke_grace_us + app.clock_skew_us, proved_us)

    def _delivered(self, batch: Batch, revocation: Revocation, message: OutboxMessage, at_us: int) -> None:
        revocation.times[_AGAIN if "delivered" in revocation.times else "delivered"] = at_us
        if revocation.state == "sent":
            # Proved or disproved meanwhile, that would say more than a delivery.
            revocation.enter("delivered", at_us)
        self._store(batch, revocation)
        self.audit(batch, "revocation delivered", revocation.revocation_id, revocation.app, message.lane)
        batch.signals.append(self._signal("revocation_delivered", revocation, at_us, message.message_id))

    def _fail(self, batch: Batch, revocation: Revocation, why: str) -> None:
        revocation.enter("failed", batch.arrival_us, why)
        self._store(batch, revocation)
        self.audit(batch, "revocation failed", revocation.revocation_id, revocation.app, why)
        log.error("revocation failed", revocation_id=revocation.revocation_id, app=revocation.app, why=why)

    def _suppress(self, batch: Batch, revocation: Revocation) -> None:
        revocation.enter("suppressed", batch.arrival_us, "dry run")
        self._store(batch, revocation)
        self.audit(batch, "revocation suppressed", revocation.revocation_id, revocation.app, "dry run")

    def _drop(self, batch: Batch, message: OutboxMessage) -> None:
        self._ledger.arrived(message)
        # A copy: the lane's thread still holds the object that it was offered.
        why = "released before it was delivered"
        dropped = msgspec.structs.replace(message, state="dropped", finished_us=batch.arrival_us, last_error=why)
        batch.settled_messages.append(dropped)

    def _post(self, batch: Batch, messages: list[OutboxMessage]) -> None:
        for message in messages:
            self._ledger.await_message(message)
        batch.messages.extend(messages)

    @staticmethod
    def _signal(kind: str, revocation: Revocation, at_us: int, what: str) -> Signal:
        return Signal(
            signal_id=f"{revocation.revocation_id}:{revocation.sequence}:{what}",
            time_us=at_us,
            kind=kind,  # type: ignore[arg-type]  # only the two literals above
            app=revocation.app,
            session_id=revocation.session_id,
            user_id=revocation.user_id,
            payload={"revocation_id": revocation.revocation_id, "sequence": revocation.sequence},
        )

    def _store(self, batch: Batch, revocation: Revocation) -> None:
        self._ledger.changed(revocation)
        self._index(batch).store(revocation)

    def _index(self, batch: Batch) -> BatchIndex:
        if self._indexed.batch is not batch:
            self._indexed = BatchIndex(batch)
        return self._indexed


def _rank(severity: str | None) -> int:
    return Severity(severity).rank if severity else 0
