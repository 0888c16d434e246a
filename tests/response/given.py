"""What the tests of this room begin with: alerts, events, messages, and a batch loop in small."""

from __future__ import annotations

import queue
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from ingest.batch import Batch
from response.chat import Chat
from response.clock import now_us
from response.commands import DeliveryResult
from response.dead_letter_topic import TopicProducer
from response.digests import DigestMail, Digests
from response.guard import Guard, Limits
from response.on_call import OnCallStep
from response.outbox import Outbox, open_lanes
from response.policy import Policy, PolicyLine
from response.responder import Responder
from response.siem.destination import Destination
from response.siem.feed import SiemFeed
from response.ssf.desk import SsfDesk
from response.step_ups import WITHIN_US
from response.targets import Target
from response.user_notices import NoticeKind, UserMail
from schemas.alert import Alert, AlertChange, Evidence, Mode, Severity
from schemas.app import AppPolicy, Apps
from schemas.event import Event
from schemas.instant import SECOND
from store.database import Database
from store.reader import Reader
from store.rows import AuditLine, DeadLetter, OutboxMessage
from tests.store.audit_lines import audit_lines

SESSION = "s_k1_alice"
APPS = Apps({"bank": AppPolicy("bank", realm="bank"), "shop": AppPolicy("shop", realm="shop")})


def alert(
    rule_id: str = "session-hijack",
    severity: Severity = Severity.CRITICAL,
    *,
    session_id: str | None = SESSION,
    user_id: str | None = "alice",
    app: str = "bank",
    mode: Mode = "enforce",
    late: bool = False,
    drill: str | None = None,
    summary: str = "Used from another country and with another browser",
) -> Alert:
    """An alert about alice's session in the bank, as session-hijack raises it."""
    at_us = now_us()
    return Alert(
        alert_id=str(uuid.uuid5(uuid.NAMESPACE_OID, f"{rule_id}:{app}:{session_id}:{user_id}")),
        rule_id=rule_id,
        rule_version=1,
        severity=severity,
        mode=mode,
        app=app,
        key_kind="session",
        key_value=session_id or "",
        event_time_us=at_us,
        first_event_time_us=at_us - 2 * SECOND,
        last_event_time_us=at_us,
        summary=summary,
        evidence=(Evidence(accepted_id(app, session_id), at_us, "accepted from 203.0.113.0/24, DE"),),
        usual={"network": "192.0.2.0/24, NL", "agent": "Firefox on Linux"},
        user_id=user_id,
        session_id=session_id,
        ip="203.0.113.9",
        network="203.0.113.0/24",
        hits=3,
        late=late,
        drill=drill,
    )


def accepted_id(app: str, session_id: str | None) -> str:
    """The id of an accepted use of a session, which the alerts about it name as their evidence."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"accepted:{app}:{session_id}"))


def raised(*alerts: Alert) -> list[AlertChange]:
    """The alerts as changes of a batch."""
    return [AlertChange("raised", one) for one in alerts]


def use(session_id: str = SESSION, *, app: str = "bank", user_id: str = "alice", ago_us: int = 0) -> Event:
    """An accepted use of a session."""
    return event("validate", "request", session_id, app=app, user_id=user_id, ago_us=ago_us)


def event(
    type: str, reason: str, session_id: str = SESSION, *, app: str = "bank", user_id: str = "alice", ago_us: int = 0
) -> Event:
    """An event of a session, `ago_us` microseconds ago."""
    return Event(
        event_id=accepted_id(app, session_id) if type in ("create", "validate") else str(uuid.uuid4()),
        time_us=now_us() - ago_us,
        type=type,
        app=app,
        reason=reason,
        session_id=session_id,
        user_id=user_id,
    )


def message(
    message_id: str = "m1", *, key: str = "k", lane: str = "webhook:bank", payload: str = "{}"
) -> OutboxMessage:
    """A message of the outbox."""
    return OutboxMessage(message_id, lane, "session.revoked", key, "r1", payload, now_us())


def letter(offset: int) -> DeadLetter:
    """A refused record."""
    return DeadLetter("session-events", 0, offset, now_us(), "not_json", "", 3, "ab" * 32, b"{{{")


def eventually(true: Callable[[], object], within_s: float = 5.0) -> None:
    """Fail unless something becomes true within a deadline."""
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.002)


class Pipeline:
    """The batch loop in small, with the real store: observe, respond, commit, hand over."""

    def __init__(
        self,
        folder: Path,
        *,
        targets: Sequence[Target] = (),
        chats: Sequence[Chat] = (),
        lines: Iterable[PolicyLine] = (),
        dry_run: bool = False,
        apps: Apps = APPS,
        share: float = 1.0,
        number: int = 100,
        protected: Iterable[str] = (),
        limits: Limits | None = None,
        step_up_within_us: int = WITHIN_US,
        topics: Sequence[TopicProducer] = (),
        dead_letter_topic: str | None = None,
        shared_signals: Callable[[Reader], SsfDesk] | None = None,
        siem: Sequence[Destination] = (),
        escalate: bool = False,
        on_call: Sequence[OnCallStep] = (),
        tell_users: Mapping[str, Collection[NoticeKind]] | None = None,
        mails: Sequence[UserMail | DigestMail] = (),
        digests: Callable[[Reader], Digests] | None = None,
    ) -> None:
        self.results: queue.Queue[DeliveryResult] = queue.Queue(100)
        self.database = Database.open(folder / "test.duckdb")
        self.writer = self.database.writer()
        self.reader = self.database.reader()
        self.outbox = Outbox(
            open_lanes(targets, chats, self.results.put_nowait, topics=topics, siem=siem, mails=mails, load=self.load),
            self.results.put_nowait,
            self.load,
        )
        self.responder = Responder(
            policy=Policy(tuple(lines), apps),
            guard=Guard(
                self.reader,
                apps,
                limits or Limits(max_share_per_hour=share, max_per_hour=number, protected_users=frozenset(protected)),
            ),
            targets=targets,
            chats=chats,
            records=self.reader,
            apps=apps,
            outbox=self.outbox,
            dry_run=dry_run,
            escalate=escalate,
            on_call=on_call,
            tell_users=tell_users,
            mails=[one for one in mails if isinstance(one, UserMail)],
            dead_letter_topic=dead_letter_topic,
            step_up_within_us=step_up_within_us,
            shared_signals=None if shared_signals is None else shared_signals(self.reader),
            siem=SiemFeed(siem, self.reader, {}),
            digests=Digests({}, self.reader) if digests is None else digests(self.reader),
        )
        self.responder.start(now_us())

    def load(self, lane: str, limit: int) -> list[OutboxMessage]:
        """What a lane has not carried yet."""
        with closing(self.database.reader()) as reader:
            return reader.pending_messages(lane=lane, limit=limit)

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(self, *_: object) -> None:
        self.responder.close()
        self.database.close()

    def turn(
        self,
        events: Iterable[Event] = (),
        changes: Iterable[AlertChange] = (),
        commands: Iterable[object] = (),
        dead_letters: Iterable[DeadLetter] = (),
        later_us: int = 0,
    ) -> Batch:
        """One batch, committed; `later_us` on the pipeline's clock."""
        batch = Batch(
            now_us() + later_us, commands=list(commands), events=list(events), dead_letters=list(dead_letters)
        )
        self.responder.observe(batch)
        batch.changes = list(changes)
        self.responder.respond(batch)
        with self.writer.transaction():
            self.writer.append_signals(batch.signals)
            self.writer.append_events(batch.events)
            self.writer.append_dead_letters(batch.dead_letters)
            self.writer.save_alerts([change.alert for change in batch.changes], batch.arrival_us)
            self.writer.save_triage(batch.triage)
            self.writer.save_revocations(batch.revocations)
            self.writer.save_step_ups(batch.step_ups)
            self.writer.save_facts(batch.facts)
            self.writer.enqueue(batch.messages)
            self.writer.settle(batch.settled_messages)
            self.writer.save_streams(batch.streams, batch.arrival_us)
            self.writer.append_received(batch.received)
            self.writer.append_audit(batch.audit)
        self.responder.after_commit(batch)
        return batch

    def until_result(self, within_s: float = 5.0) -> Batch:
        """Wait for the next result of a lane, and commit it."""
        return self.turn(commands=[self.results.get(timeout=within_s)])

    def until(self, true: Callable[[], object], within_s: float = 5.0) -> None:
        """Commit the results of lanes until something is true."""
        deadline = time.monotonic() + within_s
        while not true():
            self.until_result(max(0.01, deadline - time.monotonic()))

    def states(self) -> list[str]:
        """The states of the stored revocations, the oldest first."""
        return [row.state for row in reversed(self.reader.revocations())]

    def audit(self) -> list[AuditLine]:
        """The audit lines, the oldest first."""
        return list(reversed(audit_lines(self.reader)))

    def acts(self) -> list[str]:
        """What the audit lines say was done, the oldest first."""
        return [line.act for line in self.audit()]
