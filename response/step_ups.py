"""Step-up: the user is asked to prove anew who uses a session, before it is taken away."""

from __future__ import annotations

import uuid

import msgspec

from ingest.batch import Batch
from response.automatic import Automatic, Done
from response.guard import Guard
from response.in_use import InUse
from response.messages import TargetMessages
from response.records import Records
from response.revocations import Revocations
from schemas.alert import Alert
from schemas.app import Apps
from schemas.event import Event
from schemas.instant import MINUTE
from store.rows import PIPELINE, OutboxMessage, StepUpRow, StepUpState

WITHIN_US = 10 * MINUTE
"""Long enough to find a phone, short enough that a thief gains little."""
STEP_UP_NAMESPACE = uuid.UUID("5e551094-4a7c-5c8e-9d0f-a1e27a1e2704")

_OVER: frozenset[StepUpState] = frozenset({"cleared", "expired", "ended", "cancelled", "failed", "suppressed"})


class Expired(msgspec.Struct, frozen=True):
    """A step-up that nobody answered, and what that led to."""

    alert: Alert
    words: str
    done: Done


class StepUps:
    """Asks, and waits for the answer on the pipeline's clock.

    Cleared by `validate(step_up)` of the session, and by a fresh login from a device that the user was known by
    before the alert where the login follows from the session (`parent_session_id`). A login that does not follow from
    it clears it only if the session is used no more after it: the user may sign in elsewhere while a thief goes on.
    A session that is rotated or refreshed meanwhile is followed.

    Args:
        automatic: ends the session of whoever does not answer.
        in_use: knows which sessions are live.
        revocations: writes audit lines.
        messages: makes what leaves.
        guard: says when the response is paused.
        records: the store.
        apps: what is declared.
        within_us: how long the user has, microseconds.
        dry_run: step-ups are shown and never sent.
    """

    def __init__(
        self,
        automatic: Automatic,
        in_use: InUse,
        revocations: Revocations,
        messages: TargetMessages,
        guard: Guard,
        records: Records,
        apps: Apps,
        *,
        within_us: int = WITHIN_US,
        dry_run: bool,
    ) -> None:
        self._automatic = automatic
        self._in_use = in_use
        self._revocations = revocations
        self._messages = messages
        self._guard = guard
        self._records = records
        self._apps = apps
        self._within_us = within_us
        self._dry_run = dry_run
        self._open: dict[tuple[str, str], StepUpRow] = {}
        self._due_us: int | None = None

    def restore(self) -> None:
        """Take up what an earlier run has asked."""
        for row in self._records.open_step_ups():
            self._open[row.app, row.session_id] = row
        self._schedule()

    def __len__(self) -> int:
        """Return how many wait for their users."""
        return len(self._open)

    def is_due(self, now_us: int) -> bool:
        """Return whether a step-up has to be decided."""
        return self._due_us is not None and self._due_us <= now_us

    def ask(self, batch: Batch, alert: Alert, why: str) -> str:
        """Have the app ask the user of an alert's session; return what was done.

        Args:
            batch: where the rows go.
            alert: names a session.
            why: which policy line asked.
        """
        waiting = self._open.get((alert.app, alert.session_id or ""))
        if waiting is not None:
            return "the user is already being asked to prove who they are"
        refused = self._not_now(batch, alert)
        if refused:
            self._revocations.audit(batch, "step-up skipped", alert.alert_id, alert.app, refused, user_id=alert.user_id)
            return f"no step-up: {refused}"
        row = self._row(batch, alert)
        if self._dry_run:
            self._end(batch, row, "suppressed", "dry run")
            return "dry run: the user would have been asked to prove who they are, nothing was sent"
        if not self._messages.asks_step_up(alert.app):
            held = self._automatic.hold(batch, alert, why, f"no target for app {alert.app} can ask for a step-up")
            return f"no step-up: no target for app {alert.app} can ask for one; {held.words}"
        self._post(batch, row, alert)
        self._revocations.audit(batch, "step-up asked", alert.alert_id, alert.app, why, user_id=alert.user_id)
        return "the user is asked to prove who they are"

    def observe(self, batch: Batch, event: Event) -> None:
        """Look at an event for an answer."""
        if event.session_id is None:
            return
        row = self._open.get((event.app, event.session_id))
        parent = self._open.get((event.app, event.parent_session_id or ""))
        if row is not None:
            self._of_session(batch, row, event)
        elif event.type == "create" and event.reason == "login" and event.user_id is not None:
            self._of_login(batch, event)
        elif event.type == "create" and parent is not None:
            self._follow(batch, parent, event)

    def settle(self, batch: Batch, message: OutboxMessage) -> Done | None:
        """Note that a target has taken the question, or never will; return what that led to, if anything.

        Args:
            batch: where the rows go.
            message: delivered, parked or dropped, and among the batch's settled ones.
        """
        row = next((one for one in self._open.values() if one.step_up_id == message.subject), None)
        if row is None:
            return None
        if message.state == "delivered":
            row.state = "delivered"
            batch.step_ups.append(row)
            self._revocations.audit(
                batch, "step-up delivered", row.alert_id, row.app, message.lane, user_id=row.user_id
            )
            return None
        why = f"{message.lane} did not ask for it: {message.last_error}"
        if row.state == "delivered" or self._is_under_way(batch, row):
            # The user is asked by another target, and can answer.
            self._revocations.audit(batch, "step-up not asked", row.alert_id, row.app, why, user_id=row.user_id)
            return None
        self._end(batch, row, "failed", why)
        alert = self._alert_of(row)
        if alert is None:
            return None
        # Nobody had the chance to answer, so a person decides; about the session as it is named by now.
        return self._automatic.hold(batch, msgspec.structs.replace(alert, session_id=row.session_id), "step-up", why)

    def withdraw(self, batch: Batch, alert: Alert) -> None:
        """Forget the question of an alert that does not follow any more."""
        row = self._open.get((alert.app, alert.session_id or ""))
        if row is not None and row.alert_id == alert.alert_id:
            self._end(batch, row, "cancelled", "its alert was withdrawn")

    def expire(self, batch: Batch) -> list[Expired]:
        """Decide about those whose time is over; return those that nobody answered, and what was done."""
        if not self.is_due(batch.arrival_us):
            return []
        over = [row for row in self._open.values() if row.due_us <= batch.arrival_us]
        decided = [self._expire(batch, row) for row in over]
        return [one for one in decided if one is not None]

    def _is_under_way(self, batch: Batch, row: StepUpRow) -> bool:
        """Return whether a target may yet take the question."""
        settled = {message.message_id: message.state for message in batch.settled_messages}
        messages = self._records.messages_of(row.step_up_id)
        return any(settled.get(message.message_id, message.state) == "pending" for message in messages)

    def _post(self, batch: Batch, row: StepUpRow, alert: Alert) -> None:
        self._open[row.app, row.session_id] = row
        self._schedule()
        batch.step_ups.append(row)
        sequence = self._revocations.next_sequence(row.app, row.session_id)
        batch.messages += self._messages.of_step_up(row, alert, sequence, batch.arrival_us)

    def _of_session(self, batch: Batch, row: StepUpRow, event: Event) -> None:
        skew_us = self._apps[event.app].clock_skew_us
        if event.type == "validate" and event.reason == "step_up" and event.time_us + skew_us >= row.asked_us:
            self._clear(batch, row, "the user has proved who they are")
        elif event.type == "destroy" and event.reason != "rotated":
            self._end(batch, row, "ended", f"the session ended by itself ({event.reason})")

    def _of_login(self, batch: Batch, event: Event) -> None:
        for row in [one for one in self._open.values() if (one.app, one.user_id) == (event.app, event.user_id)]:
            skew_us = self._apps[event.app].clock_skew_us
            if event.time_us + skew_us < row.asked_us or not self._is_known(row, event):
                continue
            if event.parent_session_id == row.session_id:
                self._clear(batch, row, "the user has signed in afresh from a known device")
            elif row.login_us is None:
                row.login_us = event.time_us
                batch.step_ups.append(row)

    def _follow(self, batch: Batch, row: StepUpRow, event: Event) -> None:
        """Ask in the session that the questioned one was rotated or refreshed into: it has proved nothing."""
        alert = self._alert_of(row)
        self._end(batch, row, "ended", f"the session goes on as {event.session_id}")
        if alert is None:
            return
        child = msgspec.structs.replace(
            row,
            step_up_id=_step_up_id(f"{row.step_up_id}:{event.session_id}"),
            session_id=event.session_id or "",
            state="asked",
            ended_us=None,
            note="",
        )
        self._post(batch, child, alert)

    def _is_known(self, row: StepUpRow, event: Event) -> bool:
        if event.device_id is None or event.user_id is None:
            return False
        alert = self._alert_of(row)
        # Before the alert: what the thief has brought along is known by nothing but the theft.
        before_us = min(row.asked_us, alert.first_event_time_us if alert else row.asked_us)
        return self._records.is_known_device(event.app, event.user_id, event.device_id, before_us)

    def _expire(self, batch: Batch, row: StepUpRow) -> Expired | None:
        record = self._records.alert_record(row.alert_id)
        if record is None or record.alert.status == "withdrawn":
            self._end(batch, row, "cancelled", "its alert does not stand any more")
            return None
        if record.triage.verdict in ("benign", "false_alarm"):
            self._end(batch, row, "cancelled", f"its alert was found to be {record.triage.verdict.replace('_', ' ')}")
            return None
        if row.login_us is not None and self._last_use(batch, row) <= row.login_us:
            self._clear(batch, row, "the user has signed in afresh from a known device, and left this session")
            return None
        # The session may go on under another name since.
        alert = msgspec.structs.replace(record.alert, session_id=row.session_id)
        if not self._in_use.is_live(batch, alert):
            self._end(batch, row, "ended", "the session is not in use any more")
            return None
        self._end(batch, row, "expired", "the user did not prove who they are in time")
        why = "step-up not answered"
        done = self._automatic.end_session(batch, alert, why, proven_as=record.alert.session_id)
        if done.skipped:
            # What failures alone have led to: asking was allowed, ending is not.
            done = self._automatic.hold(batch, alert, why, done.words.removeprefix("not revoked: "))
        return Expired(record.alert, f"step-up not answered; {done.words}", done)

    def _last_use(self, batch: Batch, row: StepUpRow) -> int:
        used_us, _ = self._revocations.index(batch).use_of(row.app, row.session_id)
        return max(used_us or 0, self._records.last_use(row.app, row.session_id, row.asked_us) or 0)

    def _clear(self, batch: Batch, row: StepUpRow, why: str) -> None:
        self._end(batch, row, "cleared", why)
        record = self._records.alert_record(row.alert_id)
        if record is not None and record.triage.status is None:
            # Settled, and by nobody's judgement: there is no verdict to learn from.
            done = msgspec.structs.replace(
                record.triage, status="resolved", note=why, by=PIPELINE, at_us=batch.arrival_us
            )
            batch.triage.append(done)

    def _end(self, batch: Batch, row: StepUpRow, state: StepUpState, why: str) -> None:
        assert state in _OVER
        row.state, row.ended_us, row.note = state, batch.arrival_us, why
        self._open.pop((row.app, row.session_id), None)
        self._schedule()
        batch.step_ups.append(row)
        self._revocations.audit(batch, f"step-up {state}", row.alert_id, row.app, why, user_id=row.user_id)

    def _not_now(self, batch: Batch, alert: Alert) -> str:
        if self._guard.paused:
            return self._guard.paused
        if not self._in_use.is_live(batch, alert):
            return "the session is not in use any more"
        return ""

    def _alert_of(self, row: StepUpRow) -> Alert | None:
        record = self._records.alert_record(row.alert_id)
        return None if record is None else record.alert

    def _row(self, batch: Batch, alert: Alert) -> StepUpRow:
        now_us = batch.arrival_us
        return StepUpRow(
            step_up_id=_step_up_id(f"{alert.alert_id}:{now_us}"),
            app=alert.app,
            session_id=alert.session_id or "",
            user_id=alert.user_id,
            alert_id=alert.alert_id,
            rule_id=alert.rule_id,
            state="asked",
            asked_us=now_us,
            due_us=now_us + self._within_us,
        )

    def _schedule(self) -> None:
        self._due_us = min((row.due_us for row in self._open.values()), default=None)


def _step_up_id(name: str) -> str:
    return str(uuid.uuid5(STEP_UP_NAMESPACE, name))
