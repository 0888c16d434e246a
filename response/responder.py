"""The respond stage: what the alerts of a batch lead to, and what came back from those before."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec
import structlog

from ingest.batch import Batch
from response.automatic import SKIPPED, Automatic, Done
from response.batch_index import ChangeIndex
from response.budget_alert import budget_alert
from response.chat import Chat
from response.commands import (
    Approve,
    DeliveryResult,
    Drop,
    DropMessages,
    EraseName,
    GiveVerdict,
    Note,
    Pause,
    RaiseLate,
    RaiseNotice,
    Release,
    Resume,
    Retry,
    RetryMessages,
    RevokeManually,
    SendDigest,
    Triage,
    UndoTriage,
    UseLink,
)
from response.dead_letter_topic import dead_letter_messages
from response.digests import Digests
from response.escalation import NOT_ESCALATED, Escalation
from response.guard import Guard
from response.in_use import InUse
from response.ledger import Ledger
from response.link_acts import LinkActs
from response.links import NO_LINKS, Links
from response.login_locks import LoginLocks
from response.manual import ManualActs
from response.messages import REVOCATION_KINDS, TargetMessages
from response.notices import CHAT_KINDS, Notices
from response.on_call import OnCall, OnCallStep
from response.outbox import Outbox
from response.outbox_acts import MessageActs
from response.pause import KillSwitch
from response.pipeline_facts import audit_facts
from response.policy import NEVER_REVOKES, TOO_LATE, Decision, Policy
from response.records import Records
from response.revocations import Revocations
from response.settlement import Settlement
from response.siem.feed import SiemFeed
from response.skipped import MAX_SKIPPED, Skipped
from response.ssf.commands import Announce, DropStream, SaveStream, TakeSet
from response.ssf.desk import SsfDesk
from response.step_ups import WITHIN_US, StepUps
from response.targets import Target
from response.triage import TriageDesk
from response.troubles import Troubles
from response.user_notices import NoticeKind, UserMail, UserNotices
from response.verdicts import UserVerdicts
from schemas.alert import Alert, AlertChange
from schemas.app import Apps
from schemas.instant import DAY, HOUR
from schemas.revocation import LONGEST_LOCK_US, Revocation
from store.rows import Erasure, OutboxMessage

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
        siem: tells of every change of an alert.
        dry_run: revocations are shown and never sent.
        escalate: what has no effect on a session is followed by its user, then the user's login.
        dead_letter_topic: where refused records are announced; None = nowhere.
        links: into the console, for chat.
        shared_signals: streams, and what identity providers say; None = there are none.
        on_call: whom alerts go to that nobody answers.
        tell_users: by app, of what its users are told.
        mails: to users, by app.
        step_up_within_us: how long a user has to prove who they are, microseconds.
        digests: what the lead is told of each day or week.
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
        siem: SiemFeed,
        digests: Digests,
        dry_run: bool = True,
        escalate: bool = False,
        dead_letter_topic: str | None = None,
        links: Links = NO_LINKS,
        shared_signals: SsfDesk | None = None,
        on_call: Sequence[OnCallStep] = (),
        tell_users: Mapping[str, Collection[NoticeKind]] | None = None,
        mails: Sequence[UserMail] = (),
        step_up_within_us: int = WITHIN_US,
    ) -> None:
        self._policy = policy
        self._guard = guard
        self._records = records
        self._apps = apps
        self._outbox = outbox
        self._dead_letter_topic = dead_letter_topic
        self._ledger = Ledger(apps)
        self._notices = Notices(chats, links)
        messages = TargetMessages(targets)
        self._revocations = Revocations(self._ledger, messages, records, apps, dry_run=dry_run)
        in_use = InUse(self._revocations, records, apps)
        self._automatic = Automatic(self._revocations, self._ledger, guard, messages, in_use)
        self._escalation = Escalation(self._automatic, self._revocations, self._ledger) if escalate else None
        self._login_locks = LoginLocks(self._ledger, self._revocations)
        self._step_ups = StepUps(
            self._automatic, in_use, self._revocations, messages, guard, records, apps,
            within_us=step_up_within_us, dry_run=dry_run,
        )  # fmt: skip
        self._manual = ManualActs(self._revocations, self._automatic, in_use, self._ledger, guard, records, apps)
        self._kill_switch = KillSwitch(guard, records)
        self._verdicts = UserVerdicts(in_use, self._revocations, self._ledger, guard, records)
        self._message_acts = MessageActs(self._revocations, self._ledger, records)
        self._troubles = Troubles(self._notices, self._revocations)
        self._settlement = Settlement(self._revocations, self._ledger, self._step_ups, self._troubles)
        self._triage = TriageDesk(records)
        self._link_acts = LinkActs(self._triage, self._manual, records)
        self._on_call = OnCall(on_call, self._notices, records)
        self._user_notices = UserNotices(tell_users or {}, targets, mails, records)
        self._digests = digests
        self._skipped = Skipped()
        self._shared_signals = shared_signals
        self._siem = siem
        self._pruned_us = 0
        # Of the batch at hand: incidents that users' verdicts open, and messages that people have tried anew.
        self._incidents: list[Alert] = []
        self._tried_anew: list[OutboxMessage] = []

    def start(self, now_us: int) -> None:
        """Take up what an earlier run left, and start the lanes.

        Args:
            now_us: the pipeline's clock, microseconds since the epoch.
        """
        life_us = max((app.session_life_us for app in self._apps.declared()), default=DAY)
        recent = self._records.revocations_since(now_us - max(life_us, self._guard.memory_us))
        # A lock may last longer than any session.
        locks = self._records.login_locks_since(now_us - LONGEST_LOCK_US)
        known = {row.revocation_id: row for row in [*recent, *self._records.unfinished_revocations(), *locks]}
        self._ledger.restore(known.values(), self._records.pending_messages(kinds=REVOCATION_KINDS))
        self._skipped.restore(self._records.subjects_of_act(SKIPPED, now_us - life_us, MAX_SKIPPED))
        self._guard.restore(row for row in known.values() if row.times.get("sent", 0) > now_us - self._guard.memory_us)
        self._kill_switch.restore()
        self._step_ups.restore()
        self._login_locks.note(known.values())
        self._notices.restore(known.values())
        self._notices.restore_paces(self._records, now_us)
        self._on_call.restore(now_us, lambda alert: "notify" in self._policy.decide(alert, now_us).actions)
        self._user_notices.restore(now_us)
        self._digests.restore()
        if self._shared_signals is not None:
            self._shared_signals.start()
        self._siem.restore()
        self._outbox.start(self._records.pending_lanes())

    def observe(self, batch: Batch) -> None:
        """First half, before detect: apply the commands, and look for proof that sessions are gone."""
        self._incidents, self._tried_anew = [], []
        for place, command in enumerate(batch.commands):
            refusal = self._apply(batch, command)
            if refusal:
                batch.refusals[place] = refusal
        if len(self._ledger):
            for event in batch.events:
                if event.reason == "revoked":
                    self._revocations.confirm(batch, event)
        if len(self._step_ups):
            for event in batch.events:
                self._step_ups.observe(batch, event)

    def respond(self, batch: Batch) -> None:
        """Second half, after detect: decide what the alerts lead to. The most severe come first to the guard."""
        audit_facts(batch)
        self._notices.note_campaigns(batch.members)
        batch.changes += self._missed(batch)
        batch.changes += self._noticed(batch)
        batch.changes += [AlertChange("raised", incident) for incident in self._incidents]
        if self._shared_signals is not None:
            batch.changes += self._shared_signals.changes(batch)
        changed = ChangeIndex(batch.changes)
        for change in sorted(batch.changes, key=lambda change: -change.alert.severity.rank):
            if change.kind == "withdrawn":
                self._withdraw(batch, change, changed)
            elif change.kind == "updated":
                self._look_again(batch, change)
            else:
                self._decide(batch, change)
        self._login_locks.note(batch.revocations)
        self._login_locks.release(batch)
        for one in self._step_ups.expire(batch):
            if one.done.exhausted:
                self._tell_exhausted(batch, one.alert, one.done)
            batch.messages += self._notices.of_step_up(one.alert, one.words, batch.arrival_us)
        batch.messages += self._on_call.messages(batch)
        batch.messages += self._user_notices.messages(batch)
        batch.messages += self._digests.messages(batch)
        self._leave_out_what_was_told(batch)
        if self._dead_letter_topic is not None:
            batch.messages += dead_letter_messages(batch.dead_letters, self._dead_letter_topic, batch.arrival_us)
        self._siem.report(batch)
        if batch.arrival_us - self._pruned_us >= _PRUNE_US:
            self._pruned_us = batch.arrival_us
            self._ledger.prune(batch.arrival_us)

    def after_commit(self, batch: Batch) -> None:
        """Hand what was stored to the lanes. Never blocks."""
        if self._shared_signals is not None:
            self._outbox.hurry(self._shared_signals.after_commit(batch))
        # Delivered too: a token may be polled and acknowledged while its lane still holds it.
        self._outbox.cancel(message for message in batch.settled_messages if message.state in ("dropped", "delivered"))
        self._outbox.committed(batch.settled_messages)
        self._outbox.offer([*self._tried_anew, *batch.messages])

    def is_due(self, now_us: int) -> bool:
        """Return whether time alone asks for a batch: a user has not proved who they are in time, a digest is due.

        Args:
            now_us: the pipeline's clock, microseconds since the epoch.
        """
        timed = (self._step_ups, self._login_locks, self._on_call, self._siem, self._digests)
        return any(one.is_due(now_us) for one in timed)

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
                for waiting in self._settlement.settle(batch, command):
                    self._tell_waiting(batch, waiting)
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
            case SendDigest():
                return self._digests.send(batch, command)
            case UseLink():
                return self._link_acts.use(batch, command)
            case Pause():
                return self._kill_switch.pause(batch, command)
            case Resume():
                return self._kill_switch.resume(batch, command)
            case RetryMessages():
                refusal, self._tried_anew[len(self._tried_anew) :] = self._message_acts.retry(batch, command)
                return refusal
            case DropMessages():
                return self._drop_messages(batch, command)
            case GiveVerdict():
                return self._give_verdict(batch, command)
            case Note():
                self._revocations.audit(
                    batch, command.act, command.subject, command.app, command.reason, actor=command.by
                )
            case EraseName():
                batch.erasures.append(Erasure(command.name, command.by, command.reason))
            case SaveStream() | DropStream() | Announce() | TakeSet():
                if self._shared_signals is None:
                    return "shared signals are not configured"
                return self._shared_signals.apply(batch, command)
            case RaiseLate() | RaiseNotice():
                # Judged already: they join what this batch detects, see `_missed` and `_noticed`.
                pass
            case _:
                log.error("command of an unknown type left alone", type=type(command).__name__)
        return ""

    def _drop_messages(self, batch: Batch, command: DropMessages) -> str:
        refusal, dropped = self._message_acts.drop(batch, command)
        for waiting in self._settlement.drop(batch, dropped):
            self._tell_waiting(batch, waiting)
        return refusal

    def _give_verdict(self, batch: Batch, command: GiveVerdict) -> str:
        refusal, incident = self._verdicts.give(batch, command)
        if incident is not None:
            self._incidents.append(incident)
        return refusal

    def _missed(self, batch: Batch) -> list[AlertChange]:
        """Return the alerts that people have raised afterwards and that nobody has heard of yet, marked late."""
        told = {change.alert.alert_id for change in batch.changes}
        raised: list[AlertChange] = []
        for command in batch.commands:
            if not isinstance(command, RaiseLate):
                continue
            news = [one for one in command.alerts if one.alert_id not in told and self._is_unknown(one)]
            told.update(alert.alert_id for alert in news)
            raised += [AlertChange("raised", msgspec.structs.replace(alert, late=True)) for alert in news]
            found = f"{command.reason} ({len(news)} raised)"
            self._revocations.audit(batch, "missed alerts raised", "rules rerun", "", found, actor=command.by)
        return raised

    def _noticed(self, batch: Batch) -> list[AlertChange]:
        """Return the alerts that no rule makes of events and that nobody has heard of yet."""
        asked = {one.alert.alert_id: one for one in batch.commands if isinstance(one, RaiseNotice)}
        news = [one for one in asked.values() if self._is_unknown(one.alert)]
        for one in news:
            self._revocations.audit(
                batch, "notice raised", one.alert.alert_id, one.alert.app, one.alert.summary, actor=one.by
            )
        return [AlertChange("raised", one.alert) for one in news]

    def _is_unknown(self, alert: Alert) -> bool:
        return self._records.alert_record(alert.alert_id) is None

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
                words = self._escalate(batch, alert)
                # That it stops is told by an alert of its own, whose counts may change with each hit.
                if words and not words.startswith(NOT_ESCALATED):
                    batch.messages += self._notices.of_trouble(
                        alert.alert_id, "escalated", {"app": alert.app, "done": words}, batch.arrival_us, what=words
                    )
        elif alert.alert_id in self._skipped and self._acts_now(batch, alert):
            self._decide(batch, change)

    def _acts_now(self, batch: Batch, alert: Alert) -> bool:
        decision = self._policy.decide(alert, batch.arrival_us)
        if not decision.acts or not self._automatic.is_in_use(batch, alert, decision):
            return False
        if self._automatic.is_decided(alert):
            return False
        record = self._records.alert_record(alert.alert_id)
        return record is None or record.triage.status != "resolved"

    def _asks(self, alert: Alert, now_us: int) -> bool:
        return "revoke_session" in self._policy.decide(alert, now_us).actions

    def _decide(self, batch: Batch, change: AlertChange) -> None:
        alert = change.alert
        decision = self._policy.decide(alert, batch.arrival_us)
        done = decision.withheld and f"not revoked: {decision.withheld}"
        skipped = decision.withheld == TOO_LATE
        if alert.rule_id in NEVER_REVOKES and alert.mode != "shadow" and not alert.late:
            done = self._revocations.disprove(batch, alert, self._guard.paused)
            done = "; ".join(words for words in (done, self._escalate(batch, alert)) if words)
        elif decision.acts:
            acts = self._act(batch, alert, decision)
            done = "; ".join(act.words for act in acts)
            skipped = any(act.skipped for act in acts)
        elif skipped:
            self._automatic.skip(batch, alert, TOO_LATE)
        self._skipped.note(alert.alert_id, skipped=skipped)
        self._revocations.audit(
            batch, f"alert {change.kind}", alert.alert_id, alert.app,
            f"{decision.why}: {', '.join(sorted(decision.actions))}" + (f"; {done}" if done else ""),
            user_id=alert.user_id,
        )  # fmt: skip
        if "notify" in decision.actions:
            self._on_call.note(change, batch.arrival_us)
            done = done or "reported, nothing else"
            batch.messages += self._notices.of_alert(change, done, batch.arrival_us)

    def _escalate(self, batch: Batch, alert: Alert) -> str:
        """Take the next step against a session that goes on; return what was done, or an empty text."""
        if self._escalation is None or alert.late:
            return ""
        step = self._escalation.step(batch, alert)
        if step.done is not None and step.done.exhausted:
            self._tell_exhausted(batch, alert, step.done)
        if step.incident is not None:
            self._raise_once(batch, step.incident)
        return step.words

    def _act(self, batch: Batch, alert: Alert, decision: Decision) -> list[Done]:
        """Do what touches sessions and users, and tell what waits for a person."""
        done = self._automatic.act(batch, alert, decision)
        if "step_up" in decision.acts:
            done.append(Done(self._step_ups.ask(batch, alert, decision.why)))
        for act in done:
            if act.exhausted:
                self._tell_exhausted(batch, alert, act)
            else:
                self._tell_waiting(batch, act)
        return done

    def _tell_waiting(self, batch: Batch, act: Done) -> None:
        """Tell that an act waits for a person, where it does."""
        if act.held is not None:
            waiting = self._ledger.number_held(act.held.app)
            batch.messages += self._notices.of_held(act.held, waiting, batch.arrival_us)

    def _tell_exhausted(self, batch: Batch, alert: Alert, act: Done) -> None:
        """Raise one alert an hour that a budget has no room: each of what waits is listed, and told by it alone."""
        self._raise_once(batch, budget_alert(alert.app, act, self._ledger.number_held(alert.app), batch.arrival_us))

    def _raise_once(self, batch: Batch, raised: Alert) -> None:
        """Raise an alert of the pipeline's own, unless it was raised before."""
        told = any(change.alert.alert_id == raised.alert_id for change in batch.changes)
        if not told and self._is_unknown(raised):
            change = AlertChange("raised", raised)
            batch.changes.append(change)
            self._decide(batch, change)

    def _withdraw(self, batch: Batch, change: AlertChange, changed: ChangeIndex) -> None:
        alert = change.alert
        self._skipped.note(alert.alert_id, skipped=False)
        done = self._automatic.withdraw(batch, alert, still_asked=self._is_still_asked(batch, alert, changed))
        self._step_ups.withdraw(batch, alert)
        self._on_call.note(change, batch.arrival_us)
        self._revocations.audit(batch, "alert withdrawn", alert.alert_id, alert.app, done, user_id=alert.user_id)
        if "notify" in self._policy.decide(alert, batch.arrival_us).actions:
            batch.messages += self._notices.of_withdrawal(alert, done, batch.arrival_us)

    def _is_still_asked(self, batch: Batch, alert: Alert, changed: ChangeIndex) -> bool:
        """Whether another alert that stands asks for the held revocation of the same session."""
        session = alert.session_id
        newest = self._ledger.newest(alert.app, "session", session) if session else None
        if session is None or newest is None or newest.state != "held":
            return False
        others = [*self._records.standing_alerts(alert.app, session), *changed.alerts_of(alert.app, session)]
        return any(other.alert_id not in changed.withdrawn and self._asks(other, batch.arrival_us) for other in others)
