"""The respond stage: what the alerts of a batch lead to, and what came back from those before."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from ingest.batch import Batch
from response.batch_index import ChangeIndex
from response.chat import Chat
from response.commands import (
    Approve,
    DeliveryResult,
    Drop,
    Note,
    Release,
    Retry,
    RevokeManually,
    Triage,
    UndoTriage,
)
from response.dead_letter_topic import dead_letter_messages
from response.guard import Guard
from response.ledger import Ledger
from response.links import NO_LINKS, Links
from response.manual import ManualActs
from response.messages import REVOCATION_KINDS, TargetMessages
from response.notices import CHAT_KINDS, Notices
from response.outbox import Outbox
from response.policy import NEVER_REVOKES, TOO_LATE, Policy
from response.records import Records
from response.revocations import NOT_IN_USE, SKIPPED, Revocations
from response.skipped import MAX_SKIPPED, Skipped
from response.targets import Target
from response.triage import TriageDesk
from schemas.alert import Alert, AlertChange
from schemas.app import Apps
from schemas.instant import DAY, HOUR
from schemas.revocation import Revocation
from store.rows import OutboxMessage

_PRUNE_US = HOUR

log = structlog.get_logger()


class Responder:
    """The stage between detect and commit. It decides and writes rows; nothing leaves before the commit.

    Everything it remembers was written in the batch that it was decided in. If that transaction fails the
    pipeline stops, so nothing here is ever undone.

    Args:
        policy: which alert leads to what.
        guard: bounds what is ended without a person.
        targets: receivers of revocations, of all apps.
        chats: where people are told.
        records: the store, read in the batch loop's thread.
        apps: what is declared.
        outbox: carries what leaves.
        dry_run: revocations are shown and never sent.
        dead_letter_topic: where refused records are announced; None = nowhere.
        links: into the console, for chat.
    """

    def __init__(
        self,
        *,
        policy: Policy,
        guard: Guard,
        targets: Sequence[Target],
        chats: Sequence[Chat],
        records: Records,
        apps: Apps,
        outbox: Outbox,
        dry_run: bool = True,
        dead_letter_topic: str | None = None,
        links: Links = NO_LINKS,
    ) -> None:
        self._policy = policy
        self._guard = guard
        self._records = records
        self._apps = apps
        self._outbox = outbox
        self._dead_letter_topic = dead_letter_topic
        self._ledger = Ledger(apps)
        self._notices = Notices(chats, links)
        self._revocations = Revocations(self._ledger, guard, TargetMessages(targets), records, apps, dry_run=dry_run)
        self._manual = ManualActs(self._revocations, self._ledger, guard, records, apps)
        self._triage = TriageDesk(records)
        self._skipped = Skipped()
        self._pruned_us = 0

    def start(self, now_us: int) -> None:
        """Take up what an earlier run left, and start the lanes.

        Args:
            now_us: the pipeline's clock, microseconds since the epoch.
        """
        life_us = max((app.session_life_us for app in self._apps.declared()), default=DAY)
        recent = self._records.revocations_since(now_us - max(life_us, HOUR))
        known = {row.revocation_id: row for row in [*recent, *self._records.unfinished_revocations()]}
        self._ledger.restore(known.values(), self._records.pending_messages(kinds=REVOCATION_KINDS))
        self._skipped.restore(self._records.subjects_of_act(SKIPPED, now_us - life_us, MAX_SKIPPED))
        self._guard.restore(row for row in known.values() if row.times.get("sent", 0) > now_us - HOUR)
        self._notices.restore(known.values())
        self._outbox.start(self._records.pending_lanes())

    def observe(self, batch: Batch) -> None:
        """First half, before detect: apply the commands, and look for proof that sessions are gone."""
        for place, command in enumerate(batch.commands):
            refusal = self._apply(batch, command)
            if refusal:
                batch.refusals[place] = refusal
        if len(self._ledger):
            for event in batch.events:
                if event.reason == "revoked":
                    self._revocations.confirm(batch, event)

    def respond(self, batch: Batch) -> None:
        """Second half, after detect: decide what the alerts lead to. The most severe come first to the guard."""
        changed = ChangeIndex(batch.changes)
        for change in sorted(batch.changes, key=lambda change: -change.alert.severity.rank):
            if change.kind == "withdrawn":
                self._withdraw(batch, change, changed)
            elif change.kind == "updated":
                self._look_again(batch, change)
            else:
                self._decide(batch, change)
        self._leave_out_what_was_told(batch)
        if self._dead_letter_topic is not None:
            batch.messages += dead_letter_messages(batch.dead_letters, self._dead_letter_topic, batch.arrival_us)
        if batch.arrival_us - self._pruned_us >= _PRUNE_US:
            self._pruned_us = batch.arrival_us
            self._ledger.prune(batch.arrival_us)

    def after_commit(self, batch: Batch) -> None:
        """Hand what was stored to the lanes. Never blocks."""
        self._outbox.cancel(message for message in batch.settled_messages if message.state == "dropped")
        self._outbox.committed(batch.settled_messages)
        self._outbox.offer(batch.messages)

    def held(self) -> list[Revocation]:
        """Return what waits for a person: the most severe first, then the oldest."""
        return self._ledger.held()

    def close(self, timeout_s: float = 2.0) -> None:
        """Stop the lanes."""
        self._outbox.close(timeout_s)

    def _apply(self, batch: Batch, command: object) -> str:
        """Apply a command; return why it was refused, or an empty text."""
        match command:
            case DeliveryResult():
                self._settle(batch, command)
            case RevokeManually():
                return self._manual.revoke(batch, command)
            case Approve():
                return self._manual.approve(batch, command)
            case Drop():
                return self._manual.drop(batch, command)
            case Release():
                return self._manual.release(batch, command)
            case Retry():
                return self._manual.retry(batch, command)
            case Triage():
                return self._triage.decide(batch, command)
            case UndoTriage():
                return self._triage.undo(batch, command)
            case Note():
                self._revocations.audit(
                    batch, command.act, command.subject, command.app, command.reason, actor=command.by
                )
            case _:
                log.error("command of an unknown type left alone", type=type(command).__name__)
        return ""

    def _settle(self, batch: Batch, result: DeliveryResult) -> None:
        for message in result.messages:
            if message.kind in REVOCATION_KINDS:
                self._settle_revocation(batch, message, told=bool(result.gone))
            else:
                self._settle_other(batch, message)
        if result.gone:
            self._tell_gone(batch, result)
        elif result.trouble and any(message.kind in REVOCATION_KINDS for message in result.messages):
            self._tell_trouble(batch, result)

    def _settle_revocation(self, batch: Batch, message: OutboxMessage, *, told: bool) -> None:
        if message.state == "pending" and not self._ledger.awaits(message):
            # Taken back while its try was under way: the stored row says so already.
            return
        batch.settled_messages.append(message)
        if message.state != "pending":
            self._revocations.settle(batch, message)
        if message.state == "parked" and not told:
            self._tell_parked(batch, message)

    def _settle_other(self, batch: Batch, message: OutboxMessage) -> None:
        batch.settled_messages.append(message)
        is_news = message.state != "pending" and message.kind != "dead_letter"
        # Dead letters come in floods: only that one could not be announced is worth a line.
        if is_news or message.state == "parked":
            self._revocations.audit(
                batch, f"{message.kind} {message.state}", message.subject or message.message_id, "", message.last_error
            )

    def _tell_parked(self, batch: Batch, message: OutboxMessage) -> None:
        title = f"Not delivered: {message.kind} by {message.lane}"
        body = (
            f"{message.lane} did not take message {message.message_id} after {message.attempts} tries "
            f"({message.last_error}); it is parked. Revocation: {message.subject or '-'}. "
            "If a session is to be gone, end it in the app itself."
        )
        batch.messages += self._notices.of_trouble(message.message_id, "parked", title, body, batch.arrival_us)

    def _tell_gone(self, batch: Batch, result: DeliveryResult) -> None:
        title = f"{result.lane} wants nothing any more"
        body = (
            f"The receiver of {result.lane} {result.gone}. Its lane is parked until the next start: no revocation "
            "reaches its app. Correct the address in the configuration, or remove the target."
        )
        subject = result.messages[0].message_id if result.messages else result.lane
        batch.messages += self._notices.of_trouble(subject, "gone", title, body, batch.arrival_us)
        self._revocations.audit(batch, "target gone", result.lane, "", result.gone)

    def _tell_trouble(self, batch: Batch, result: DeliveryResult) -> None:
        title = f"Revocations do not get through: {result.lane}"
        body = (
            f"{result.lane} does not take them ({result.trouble}). They are tried again for a day; until one is taken "
            "its session goes on. End the sessions in the app itself, and see what is wrong with its receiver."
        )
        subject = result.messages[0].message_id
        batch.messages += self._notices.of_trouble(subject, "trouble", title, body, batch.arrival_us)
        self._revocations.audit(batch, "target in trouble", result.lane, "", result.trouble)

    def _leave_out_what_was_told(self, batch: Batch) -> None:
        """Keep the outbox and the lanes in step: the store leaves an id alone that it knows."""
        if any(message.kind in CHAT_KINDS for message in batch.messages):
            batch.messages = self._notices.news(batch.messages, self._records.known_messages, batch.arrival_us)

    def _look_again(self, batch: Batch, change: AlertChange) -> None:
        """Decide about a further hit only where the first could not be acted on."""
        alert = change.alert
        if alert.rule_id in NEVER_REVOKES:
            if alert.mode != "shadow":
                self._revocations.disprove_again(batch, alert)
        elif alert.alert_id in self._skipped and self._acts_now(batch, alert):
            self._decide(batch, change)

    def _acts_now(self, batch: Batch, alert: Alert) -> bool:
        if not self._asks(alert) or not self._revocations.is_live(batch, alert):
            return False
        if self._revocations.is_decided(alert):
            return False
        record = self._records.alert_record(alert.alert_id)
        return record is None or record.triage.status != "resolved"

    def _asks(self, alert: Alert) -> bool:
        return "revoke_session" in self._policy.decide(alert).actions

    def _decide(self, batch: Batch, change: AlertChange) -> None:
        alert = change.alert
        decision = self._policy.decide(alert)
        done = decision.withheld and f"not revoked: {decision.withheld}"
        if alert.rule_id in NEVER_REVOKES and alert.mode != "shadow":
            done = self._revocations.disprove(batch, alert)
        elif "revoke_session" in decision.actions:
            waiting = self._ledger.number_held(alert.app)
            done = self._revocations.by_policy(batch, alert, decision.why)
            if self._ledger.number_held(alert.app) > waiting:
                self._tell_held(batch, alert)
        elif decision.withheld == TOO_LATE:
            self._revocations.skip(batch, alert, TOO_LATE)
        self._skipped.note(alert.alert_id, skipped=decision.withheld == TOO_LATE or done == NOT_IN_USE)
        self._revocations.audit(
            batch, f"alert {change.kind}", alert.alert_id, alert.app,
            f"{decision.why}: {', '.join(sorted(decision.actions))}" + (f"; {done}" if done else ""),
        )  # fmt: skip
        if "notify" in decision.actions:
            done = done or "reported, nothing else"
            batch.messages += self._notices.of_alert(change, done, batch.arrival_us)

    def _tell_held(self, batch: Batch, alert: Alert) -> None:
        held = self._ledger.newest(alert.app, "session", alert.session_id or "")
        if held is not None:
            waiting = self._ledger.number_held(alert.app)
            batch.messages += self._notices.of_held(held, waiting, batch.arrival_us)

    def _withdraw(self, batch: Batch, change: AlertChange, changed: ChangeIndex) -> None:
        alert = change.alert
        self._skipped.note(alert.alert_id, skipped=False)
        done = self._revocations.withdraw(batch, alert, still_asked=self._is_still_asked(alert, changed))
        self._revocations.audit(batch, "alert withdrawn", alert.alert_id, alert.app, done)
        if "notify" in self._policy.decide(alert).actions:
            batch.messages += self._notices.of_withdrawal(alert, done, batch.arrival_us)

    def _is_still_asked(self, alert: Alert, changed: ChangeIndex) -> bool:
        """Whether another alert that stands asks for the held revocation of the same session."""
        session = alert.session_id
        newest = self._ledger.newest(alert.app, "session", session) if session else None
        if session is None or newest is None or newest.state != "held":
            return False
        others = [*self._records.standing_alerts(alert.app, session), *changed.alerts_of(alert.app, session)]
        return any(other.alert_id not in changed.withdrawn and self._asks(other) for other in others)
