"""Revocations from the decision to their proof: made, held, sent, delivered, confirmed or disproved."""

from __future__ import annotations

import msgspec
import structlog

from ingest.batch import Batch
from response.batch_index import BatchIndex
from response.ledger import Ledger
from response.messages import TAKES_AWAY, TargetMessages, kind_of
from response.policy import LOCK_FOR_US
from response.records import Records
from schemas.alert import Alert
from schemas.app import Apps
from schemas.event import Event
from schemas.revocation import LIVE_STATES, Revocation, Scope
from schemas.signal import Signal
from store.rows import ACT_REFUSED, PIPELINE, AuditLine, OutboxMessage

_PROVES = frozenset({"destroy", "fail"})
_ON_THE_WAY = frozenset({"sent", "delivered"})
_ARRIVED = frozenset({"delivered", "confirmed"})

_DOES: dict[Scope, str] = {
    "session": "ends a session",
    "user": "ends all sessions of a user",
    "network": "ends a session",
    "login": "locks a login",
}

# Kept in `Revocation.times` beside the states, which keep their first instant: the newest delivery after the
# first, the event time of the newest proof, and that of the newest use that was accepted all the same.
_AGAIN = "delivered again"
_PROVED = "proved"
ACCEPTED = "accepted"
UNTIL = "until"
"""When the lock of a login ends."""
TAKEN = "taken"
"""When the first of several targets has locked a login: whatever the others do, it has to be unlocked there."""

log = structlog.get_logger()


class Revocations:
    """Moves revocations through their states, and writes each step into the batch.

    `sent` is entered when the message is handed to its lane, at the commit: what has been decided is under way
    even while the receiver does not answer.

    Args:
        ledger: those that still matter.
        messages: makes what leaves.
        records: the store.
        apps: what is declared.
        dry_run: revocations are shown and never sent.
    """

    def __init__(
        self,
        ledger: Ledger,
        messages: TargetMessages,
        records: Records,
        apps: Apps,
        *,
        dry_run: bool,
    ) -> None:
        self._ledger = ledger
        self._messages = messages
        self._records = records
        self._apps = apps
        self.dry_run = dry_run
        self._indexed = BatchIndex(Batch(0))

    def settle(self, batch: Batch, message: OutboxMessage) -> None:
        """Note that a target has taken a message, or never will.

        Args:
            batch: where the rows go.
            message: delivered, parked or dropped.
        """
        awaited = self._ledger.arrived(message)
        revocation = self._ledger.get(message.subject)
        if revocation is None or not awaited:
            return
        at_us = message.finished_us or batch.arrival_us
        is_revoked, is_delivered = message.kind in TAKES_AWAY, message.state == "delivered"
        if is_revoked and not is_delivered and revocation.state in _ON_THE_WAY:
            self._fail(batch, revocation, f"{message.lane} did not take it: {message.last_error}")
        elif is_revoked and is_delivered and not self._ledger.waits_for(revocation.revocation_id):
            self._delivered(batch, revocation, message, at_us)
        else:
            # One of several targets, or a release.
            if is_revoked and is_delivered and revocation.scope == "login":
                revocation.times.setdefault(TAKEN, at_us)
                self.store(batch, revocation)
            error = f": {message.last_error}" if message.last_error and not is_delivered else ""
            self.note(batch, revocation, f"{message.kind} {message.state}", f"{message.lane}{error}")

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
            self.store(batch, revocation)
            self.note(batch, revocation, "revocation confirmed", f"{event.type}(revoked)", actor=event.app)

    def disprove_again(self, batch: Batch, alert: Alert) -> None:
        """Note a further accepted use of a revoked session, by another server of the app than the one that refuses.

        Only the state changes: it is delivered anew once, by `disprove`, and from then on a person has to look.
        """
        session = alert.session_id
        revocation = self._ledger.newest(alert.app, "session", session) if session else None
        if revocation is None:
            return
        used_us = alert.last_event_time_us
        if revocation.state == "failed" and revocation.times.get(ACCEPTED, used_us) < used_us:
            revocation.times[ACCEPTED] = used_us
            self.store(batch, revocation)
        elif revocation.state in _ARRIVED and used_us > self._holds_until(revocation):
            revocation.times[ACCEPTED] = used_us
            self._fail(batch, revocation, "the session is still accepted by a part of the app")

    def disprove(self, batch: Batch, alert: Alert, paused: str = "") -> str:
        """Note that a revoked session is still accepted, deliver once more, and return what was done.

        Args:
            batch: where the rows go.
            alert: says so.
            paused: why nothing happens automatically; empty = it does.
        """
        session = alert.session_id
        revocation = self._ledger.newest(alert.app, "session", session) if session else None
        if revocation is None or revocation.state not in LIVE_STATES:
            return "the session was revoked by the app itself; a person has to look"
        revocation.times[ACCEPTED] = max(alert.last_event_time_us, revocation.times.get(ACCEPTED, 0))
        self._fail(batch, revocation, "the session was accepted again after it was revoked")
        if "redelivered" in revocation.times:
            return "its revocation was delivered twice already; a person has to look"
        if self.dry_run:
            return "dry run: its revocation would have been delivered once more; a person has to look"
        if paused:
            return f"its revocation is not delivered once more: {paused}"
        revocation.times["redelivered"] = batch.arrival_us
        self._post_revoked(batch, revocation, turn="again")
        self.note(batch, revocation, "revocation redelivered", "not effective, once more")
        return "its revocation is delivered once more; a person has to look"

    def is_outlived(self, revocation: Revocation) -> bool:
        """Return whether a session went on although its revocation was delivered a second time."""
        used_us = revocation.times.get(ACCEPTED, 0)
        return revocation.state == "failed" and _AGAIN in revocation.times and used_us > self._holds_until(revocation)

    def fails_by(self, batch: Batch, revocation: Revocation, used_us: int) -> bool:
        """Note that a user's sessions go on, where an accepted use says so; return whether it does.

        Args:
            batch: where the rows go.
            revocation: of all sessions of a user.
            used_us: event time of the use, microseconds since the epoch.
        """
        if "delivered" not in revocation.times or used_us <= self._holds_until(revocation):
            return False
        revocation.times[ACCEPTED] = used_us
        self._fail(batch, revocation, "a session of the user is still accepted")
        return True

    def send(self, batch: Batch, revocation: Revocation, actor: str, why: str) -> None:
        """Let a revocation go: it leaves right after the commit."""
        revocation.times.setdefault("requested", batch.arrival_us)
        self._begin(batch, revocation)
        self._post_revoked(batch, revocation)
        self.note(batch, revocation, "revocation requested", why, actor=actor)

    def hold(self, batch: Batch, revocation: Revocation, reason: str, *, actor: str = PIPELINE) -> None:
        """Keep a revocation for a person."""
        revocation.times.setdefault("requested", batch.arrival_us)
        revocation.enter("held", batch.arrival_us, reason)
        self.store(batch, revocation)
        self.note(batch, revocation, "revocation held", reason, actor=actor)
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
        self.store(batch, revocation)
        self.note(batch, revocation, "revocation released", why, actor=actor)

    def tried_anew(self, batch: Batch, message: OutboxMessage) -> None:
        """Note that a person has a message of a revocation tried anew: one that had failed is under way again."""
        revocation = self._ledger.get(message.subject)
        if revocation is not None and revocation.state == "failed" and message.kind in TAKES_AWAY:
            revocation.enter("sent", batch.arrival_us)
            self.store(batch, revocation)

    def redeliver(self, batch: Batch, revocation: Revocation, actor: str, why: str) -> str:
        """Deliver a revocation anew because a person asks for it; return why not, or an empty text."""
        refused = "dry run: nothing is sent" if self.dry_run else self.unreachable(revocation)
        if refused:
            self.note(batch, revocation, ACT_REFUSED, refused, actor=actor)
            return refused
        self.send_again(batch, revocation, actor, why or "a person asked")
        return ""

    def unreachable(self, revocation: Revocation) -> str:
        """Return why nobody would take a revocation, or an empty text; in a dry run nobody need."""
        # A network's is carried out session by session.
        scope: Scope = "session" if revocation.scope == "network" else revocation.scope
        if self.dry_run or self._messages.reach(revocation.app, scope):
            return ""
        return f"no target for app {revocation.app} {_DOES[revocation.scope]}"

    def suppress_or_send(self, batch: Batch, revocation: Revocation, actor: str, why: str) -> None:
        """Let a person's revocation go, unless nothing is sent at all (dry run) or nobody would take it."""
        nobody = self.unreachable(revocation)
        if self.dry_run:
            self.suppress(batch, revocation, actor=actor)
        elif nobody:
            self.hold(batch, revocation, nobody, actor=actor)
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
    def audit(
        batch: Batch, act: str, subject: str, app: str, why: str, *, actor: str = PIPELINE, user_id: str | None = None
    ) -> None:
        """Write an audit line."""
        batch.audit.append(AuditLine(batch.arrival_us, actor, act, subject, app, why, user_id=user_id))

    def note(self, batch: Batch, revocation: Revocation, act: str, why: str, *, actor: str = PIPELINE) -> None:
        """Write an audit line about a revocation."""
        user_id = revocation.user_id
        self.audit(batch, act, revocation.revocation_id, revocation.app, why, actor=actor, user_id=user_id)

    def send_again(self, batch: Batch, revocation: Revocation, actor: str, why: str) -> None:
        """Deliver a revocation anew, under message ids of its own."""
        self._begin(batch, revocation)
        turn = f"asked {batch.arrival_us}"
        self._post_revoked(batch, revocation, turn)
        self.note(batch, revocation, "revocation redelivered", why, actor=actor)

    def _is_proof(self, revocation: Revocation, event: Event) -> bool:
        """Whether the event is younger than what it is to prove, and than the last use that spoke against it."""
        if event.time_us <= revocation.times.get(ACCEPTED, 0):
            return False
        if revocation.state in _ON_THE_WAY:
            return event.time_us + self._apps[event.app].clock_skew_us >= revocation.times["sent"]
        return revocation.state == "failed" and (
            ACCEPTED in revocation.times or event.time_us > revocation.times["failed"]
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
        self.store(batch, revocation)
        self.note(batch, revocation, "revocation delivered", message.lane)
        batch.signals.append(self._signal("revocation_delivered", revocation, at_us, message.message_id))

    def _fail(self, batch: Batch, revocation: Revocation, why: str) -> None:
        revocation.enter("failed", batch.arrival_us, why)
        self.store(batch, revocation)
        self.note(batch, revocation, "revocation failed", why)
        log.error("revocation failed", revocation_id=revocation.revocation_id, app=revocation.app, why=why)

    def suppress(self, batch: Batch, revocation: Revocation, *, actor: str = PIPELINE) -> None:
        """Show a revocation and send nothing."""
        revocation.enter("suppressed", batch.arrival_us, "dry run")
        self.store(batch, revocation)
        self.note(batch, revocation, "revocation suppressed", f"dry run: {revocation.reason}", actor=actor)

    def _drop(self, batch: Batch, message: OutboxMessage) -> None:
        self._ledger.arrived(message)
        # A copy: the lane's thread still holds the object that it was offered.
        why = "released before it was delivered"
        dropped = msgspec.structs.replace(message, state="dropped", finished_us=batch.arrival_us, last_error=why)
        batch.settled_messages.append(dropped)

    def _begin(self, batch: Batch, revocation: Revocation) -> None:
        revocation.enter("sent", batch.arrival_us)
        if revocation.scope == "login":
            # One that was held by a version without locks has no length of its own.
            revocation.times[UNTIL] = batch.arrival_us + (revocation.lock_for_us or LOCK_FOR_US)
        self.store(batch, revocation)

    def _post_revoked(self, batch: Batch, revocation: Revocation, turn: str = "") -> None:
        kind = kind_of(revocation.scope)
        self._post(batch, self._messages.of(revocation, kind, batch.arrival_us, turn))

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

    def store(self, batch: Batch, revocation: Revocation) -> None:
        """Put a changed revocation among the rows to write."""
        self._ledger.changed(revocation)
        self.index(batch).store(revocation)

    def index(self, batch: Batch) -> BatchIndex:
        """Return the batch by what is looked up in it."""
        if self._indexed.batch is not batch:
            self._indexed = BatchIndex(batch)
        return self._indexed
