"""The store's file itself, where no pipeline runs: read-only, or opened for seconds to write."""

from __future__ import annotations

import getpass
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from typing import Literal, TypeVar

from response.commands import (
    Approve,
    DeliveryResult,
    Drop,
    DropMessages,
    EraseName,
    Note,
    Pause,
    Release,
    Resume,
    RetryMessages,
    RevokeManually,
    SendDigest,
    Triage,
    UndoTriage,
)
from response.messages import REVOCATION_KINDS, TargetMessages
from response.outbox import Outbox
from response.targets import lane_of
from schemas.api import (
    AlertDetail,
    AlertPage,
    AlertPatch,
    AlertPolicy,
    AppPolicyAudit,
    AuditCheck,
    AuditCheckpoints,
    AuditPage,
    CampaignDetail,
    CampaignPage,
    DeadLetterPage,
    DigestName,
    DigestView,
    NameErased,
    NameErasure,
    OutboxDone,
    OutboxPage,
    OutboxRequest,
    PolicyTrial,
    PolicyTrialRequest,
    Redriven,
    RedriveRequest,
    ResponseState,
    RevocationDetail,
    RevocationPage,
    RevokePreview,
    RevokeRequest,
    RevokeSubject,
    RuleList,
    SessionPage,
    UserPage,
)
from schemas.api.reruns import Rerun, RerunRequest
from schemas.event import Event
from schemas.instant import DAY, parse_rfc3339
from schemas.revocation import revocation_id
from schemas.signal import Signal
from sessionwatch.api.answers.alerts import alert_detail, alert_page
from sessionwatch.api.answers.apps import app_policy_audit
from sessionwatch.api.answers.audit import audit_check, audit_checkpoints, audit_page, name_erased
from sessionwatch.api.answers.campaigns import campaign_detail, campaign_page
from sessionwatch.api.answers.digest import digest_view
from sessionwatch.api.answers.live import live_window
from sessionwatch.api.answers.outbox import outbox_done, outbox_page, response_state
from sessionwatch.api.answers.policy import alert_policy
from sessionwatch.api.answers.rerun import rerun
from sessionwatch.api.answers.revocations import (
    preview,
    revocation_detail,
    revocation_page,
    user_of,
    visible_revocation,
)
from sessionwatch.api.answers.rules import rule_list
from sessionwatch.api.answers.sessions import session_page
from sessionwatch.api.answers.span import window
from sessionwatch.api.answers.system import dead_letter_page
from sessionwatch.api.answers.trial import policy_trial
from sessionwatch.api.answers.users import users_by_risk
from sessionwatch.api.asker import Asker
from sessionwatch.api.installation import Installation
from sessionwatch.api.principal import Principal
from sessionwatch.api.problem import Refusal
from sessionwatch.assembly import now_us, open_chats, open_responder, open_targets, redriving
from sessionwatch.audit_key import make_audit_key, read_audit_key
from sessionwatch.commands.carrying import carry, key_of
from sessionwatch.commands.remote import Parameters
from sessionwatch.config import Settings
from sessionwatch.config.parts import declared_apps
from sessionwatch.errors import CommandError
from store.alert_search import AlertFilter
from store.database import Database
from store.revocation_search import RevocationFilter
from store.rows import OutboxMessage

AnswerT = TypeVar("AnswerT")


class Offline:
    """Answers from the file as the API would, to whoever may read it.

    Args:
        settings: the configuration.

    Raises:
        StoreError: there is no file, or another process has it.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._installation = Installation(settings, now_us)
        self._principal = Principal(f"{_user()} at the command line", "admin")
        # Now rather than at the first question: a missing file should be told before anything else.
        self._database = Database.open(settings.store.path, read_only=True)

    def alerts(self, parameters: Parameters) -> AlertPage:
        """Return a page of alerts."""
        asked = _Asked(parameters)

        def answer(asker: Asker) -> AlertPage:
            since_us, until_us = window(asker, asked.instant("since"), None, self._settings.store.retention)
            wanted = AlertFilter(
                apps=asked.many("app"),
                severities=asked.many("severity"),  # type: ignore[arg-type]  # texts that equal the names
                statuses=asked.many("status"),  # type: ignore[arg-type]
                rule_id=asked.text("rule"),
                user_id=asked.text("user"),
                session_id=asked.text("session"),
                campaign_id=asked.text("campaign"),
                text=asked.text("q"),
                since_us=since_us,
                until_us=until_us,
            )
            return alert_page(asker, wanted, "newest", asked.text("cursor"), asked.limit)

        return self._answer(answer)

    def alert(self, alert_id: str) -> AlertDetail:
        """Return an alert whole."""
        return self._answer(lambda asker: alert_detail(asker, alert_id))

    def triage(self, alert_id: str, patch: AlertPatch) -> AlertDetail:
        """Write down what a person makes of an alert."""
        by = self._principal.name
        if patch.undo:
            self._act(UndoTriage(alert_id, by))
        else:
            self._act(Triage(alert_id, by, patch.status, patch.verdict, patch.note, patch.assign))
        return self.alert(alert_id)

    def campaigns(self, parameters: Parameters) -> CampaignPage:
        """Return a page of campaigns."""
        asked = _Asked(parameters)

        def answer(asker: Asker) -> CampaignPage:
            since_us, _ = window(asker, asked.instant("since"), None, self._settings.store.retention)
            return campaign_page(asker, asked.many("app"), since_us, asked.text("cursor"), asked.limit)

        return self._answer(answer)

    def campaign(self, campaign_id: str) -> CampaignDetail:
        """Return a campaign with its members."""
        return self._answer(lambda asker: campaign_detail(asker, campaign_id))

    def sessions(self, parameters: Parameters) -> SessionPage:
        """Return a page of sessions."""
        asked = _Asked(parameters)
        live = parameters.get("live")
        return self._answer(
            lambda asker: session_page(
                asker,
                window(asker, asked.instant("since"), None, live_window(asker) if live is True else DAY),
                apps=asked.many("app"),
                user_id=asked.text("user"),
                network=asked.text("network"),
                live=live if isinstance(live, bool) else None,
                cursor=asked.text("cursor"),
                limit=asked.limit,
            )
        )

    def users(self, parameters: Parameters) -> UserPage:
        """Return a page of users, the highest risk first."""
        asked = _Asked(parameters)
        return self._answer(lambda asker: users_by_risk(asker, asked.many("app"), asked.text("cursor"), asked.limit))

    def dead_letters(self, parameters: Parameters) -> DeadLetterPage:
        """Return a page of refused messages."""
        asked = _Asked(parameters)
        return self._answer(
            lambda asker: dead_letter_page(
                asker, asked.text("reason"), asked.instant("since"), asked.text("cursor"), asked.limit
            )
        )

    def preview(self, wanted: RevokeSubject) -> RevokePreview:
        """Return what a revocation would do."""
        return self._answer(lambda asker: preview(asker, wanted))

    def revoke(self, wanted: RevokeRequest) -> RevocationDetail:
        """End sessions: the app is told at once in one try, else when the pipeline is started next."""
        user_id = self._answer(lambda asker: user_of(asker, wanted))
        request_id = f"{self._principal.name}:{uuid.uuid4()}"
        command = RevokeManually(
            request_id, wanted.app, wanted.scope, wanted.subject, self._principal.name, wanted.reason, user_id,
            wanted.alert_id, wanted.sessions, wanted.lock_for_us,
        )  # fmt: skip
        self._carry(self._act(command))
        made = revocation_id(request_id, wanted.scope)
        return self._answer(lambda asker: revocation_detail(asker, made))

    def release(self, revocation_id: str, reason: str) -> RevocationDetail:
        """Take a revocation back: the app is told at once in one try, else when the pipeline is started next."""
        found = self._answer(lambda asker: visible_revocation(asker, revocation_id))
        self._carry(self._act(Release(found.revocation_id, self._principal.name, reason)))
        return self._answer(lambda asker: revocation_detail(asker, found.revocation_id))

    def revocations(self, parameters: Parameters) -> RevocationPage:
        """Return a page of revocations."""
        asked = _Asked(parameters)

        def answer(asker: Asker) -> RevocationPage:
            since_us, until_us = window(asker, asked.instant("since"), None, self._settings.store.retention)
            wanted = RevocationFilter(
                apps=asked.many("app"),
                states=asked.many("state"),  # type: ignore[arg-type]  # texts that equal the names
                since_us=since_us,
                until_us=until_us,
            )
            return revocation_page(asker, wanted, asked.text("cursor"), asked.limit)

        return self._answer(answer)

    def settle(self, revocation_id: str, verb: Literal["approve", "drop"], reason: str) -> RevocationDetail:
        """Let a held revocation go, or not: the app is told at once in one try, else with the pipeline's next start."""
        found = self._answer(lambda asker: visible_revocation(asker, revocation_id))
        decided = {"approve": Approve, "drop": Drop}[verb]
        self._carry(self._act(decided(found.revocation_id, self._principal.name, reason)))
        return self._answer(lambda asker: revocation_detail(asker, found.revocation_id))

    def alert_policy(self, alert_id: str) -> AlertPolicy:
        """Return why an alert led to what it did."""
        return self._answer(lambda asker: alert_policy(asker, alert_id))

    def policy_trial(self, wanted: PolicyTrialRequest) -> PolicyTrial:
        """Return what a policy would have done."""
        reach = TargetMessages(open_targets(self._settings)).reach
        since_us = parse_rfc3339(wanted.since)
        return self._answer(lambda asker: policy_trial(asker, wanted.response, since_us, reach))

    def rules(self) -> RuleList:
        """Return the rules in force, and how they do."""
        return self._answer(rule_list)

    def app_policy(self, app: str) -> AppPolicyAudit:
        """Return how an app keeps to what it declares."""
        return self._answer(lambda asker: app_policy_audit(asker, app))

    def digest(self, kind: DigestName) -> DigestView:
        """Return what the lead's next digest would say."""
        return self._answer(lambda asker: digest_view(asker, kind))

    def send_digest(self, kind: DigestName) -> DigestView:
        """Have the lead mailed a digest: it leaves when the pipeline is started next."""
        self._act(SendDigest(kind, self._principal.name))
        return self.digest(kind)

    def response_state(self) -> ResponseState:
        """Return whether anything is ended automatically."""
        return self._answer(response_state)

    def pause(self, reason: str) -> ResponseState:
        """Stop everything that happens automatically, from the pipeline's next start on."""
        self._act(Pause(self._principal.name, reason))
        return self._answer(response_state)

    def resume(self, reason: str) -> ResponseState:
        """Let it go on."""
        self._act(Resume(self._principal.name, reason))
        return self._answer(response_state)

    def outbox(self, parameters: Parameters) -> OutboxPage:
        """Return a page of messages."""
        asked = _Asked(parameters)
        states = asked.many("state")
        return self._answer(
            lambda asker: outbox_page(
                asker,
                states,  # type: ignore[arg-type]  # texts that equal the names
                asked.text("lane"),
                asked.text("cursor"),
                asked.limit,
            )
        )

    def outbox_retry(self, wanted: OutboxRequest) -> OutboxDone:
        """Have messages tried anew, when the pipeline is started next."""
        self._act(RetryMessages(wanted.lane, self._principal.name, wanted.reason, wanted.message_id))
        return self._answer(lambda asker: outbox_done(asker, wanted.lane, wanted.message_id))

    def outbox_drop(self, wanted: OutboxRequest) -> OutboxDone:
        """Give messages up."""
        self._act(DropMessages(wanted.lane, self._principal.name, wanted.reason, wanted.message_id))
        return self._answer(lambda asker: outbox_done(asker, wanted.lane, wanted.message_id))

    def audit(self, parameters: Parameters) -> AuditPage:
        """Return a page of the audit log."""
        asked = _Asked(parameters)
        since_us, until_us = asked.instant("since"), asked.instant("until")
        return self._answer(lambda asker: audit_page(asker, since_us, until_us, asked.text("cursor"), asked.limit))

    def audit_checkpoints(self) -> AuditCheckpoints:
        """Return what was signed of the audit log."""
        return self._answer(audit_checkpoints)

    def audit_check(self, keys: Sequence[str], head: str | None) -> AuditCheck:
        """Return whether the audit log is as it was written."""
        known = list(keys) or [read_audit_key(self._settings.store).public]
        return self._answer(lambda asker: audit_check(asker, known, head))

    def erase_name(self, wanted: NameErasure) -> NameErased:
        """Have the audit log forget a name."""
        self._act(EraseName(wanted.name, self._principal.name, wanted.reason))
        pseudonym = read_audit_key(self._settings.store).pseudonym(wanted.name)
        return self._answer(lambda asker: name_erased(asker, pseudonym))

    def redrive(self, wanted: RedriveRequest) -> Redriven:
        """Send refused messages through again; they are judged when the pipeline is started next."""
        since_us = 0 if wanted.since is None else parse_rfc3339(wanted.since)
        reader = self._database.reader()
        letters = reader.refused_page(reason=wanted.dead_letter_reason, since_us=since_us, limit=wanted.limit)
        reader.close()
        done = redriving(self._settings)(letters)
        subject = wanted.dead_letter_reason or "all reasons"
        why = f"{wanted.reason} ({done.sent} of {done.found} sent)"
        self._act(Note("dead letters redriven", subject, self._principal.name, why))
        return done

    def history(self, since_us: int) -> Iterator[Event | Signal]:
        """Return what was stored since an instant, microseconds since the epoch, in the order of ingestion."""
        reader = self._database.reader()
        try:
            yield from reader.replay_since(since_us)
        finally:
            reader.close()

    def rerun(self, wanted: RerunRequest) -> Rerun:
        """Raise what was missed: it is told when the pipeline is started next."""
        return self._answer(lambda asker: rerun(asker, wanted, self._act))

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def _answer(self, make: Callable[[Asker], AnswerT]) -> AnswerT:
        reader = self._database.reader()
        try:
            return make(Asker(self._principal, self._installation, lambda: reader))
        except Refusal as refusal:
            raise CommandError(refusal.detail) from None
        finally:
            reader.close()

    def _carry(self, made: Sequence[OutboxMessage]) -> None:
        """Tell the apps of what was decided, in one try each: nobody else would before the pipeline's next start."""
        keys = {key_of(message) for message in made if message.kind in REVOCATION_KINDS}
        if not keys:
            return
        settings = self._settings

        def find_idp_session(app: str, session_id: str) -> str | None:
            with closing(self._database.reader()) as reader:
                since_us = now_us() - declared_apps(settings)[app].session_life_us
                return reader.idp_session_of(app, session_id, since_us)

        with closing(self._database.reader()) as reader:
            # What waits about the same subject comes first: an app must not hear of a release before its revocation.
            waiting = [one for one in reader.pending_messages(kinds=REVOCATION_KINDS) if key_of(one) in keys]
        # The streams of shared signals live in the pipeline.
        targets = {lane_of(one): one for one in open_targets(settings, None, find_idp_session) if one.kind != "ssf"}
        told = carry(waiting, targets)
        for target in targets.values():
            target.close()
        if told:
            self._act(*(DeliveryResult(message.lane, (message,), now_us()) for message in told))

    def _act(self, *commands: object) -> list[OutboxMessage]:
        """Apply commands as the pipeline would, in one transaction, and open the file read-only again.

        Returns:
            What is to leave by reason of them.

        Raises:
            CommandError: one was refused.
        """
        self._database.close()
        try:
            with Database.open(self._settings.store.path) as database:
                refusal, messages = _apply(self._settings, database, commands)
        finally:
            self._database = Database.open(self._settings.store.path, read_only=True)
        if refusal:
            raise CommandError(refusal)
        return messages


class _Shut(Outbox):
    """Carries nothing: what is enqueued waits in the store for the pipeline's next start."""

    def __init__(self) -> None:
        super().__init__([], lambda _result: None)

    def offer(self, messages: Iterable[OutboxMessage]) -> None:
        """Leave the messages where they are."""


def _apply(settings: Settings, database: Database, commands: Sequence[object]) -> tuple[str, list[OutboxMessage]]:
    from ingest.batch import Batch

    reader, writer = database.reader(), database.writer(make_audit_key(settings.store))
    responder = open_responder(settings, open_targets(settings), open_chats(settings), reader, _Shut())
    try:
        batch = Batch(now_us(), commands=list(commands))
        responder.start(batch.arrival_us)
        responder.observe(batch)
        responder.respond(batch)
        with writer.transaction():
            writer.append_signals(batch.signals)
            writer.save_alerts([change.alert for change in batch.changes], batch.arrival_us)
            writer.save_triage(batch.triage)
            writer.save_revocations(batch.revocations)
            writer.save_step_ups(batch.step_ups)
            writer.save_facts(batch.facts)
            writer.enqueue(batch.messages)
            writer.settle(batch.settled_messages)
            writer.append_audit(batch.audit)
            writer.erase_from_audit(batch.erasures, batch.arrival_us)
            writer.checkpoint_audit(batch.arrival_us, always=True)
    finally:
        responder.close(0)
        reader.close()
    return next(iter(batch.refusals.values()), ""), batch.messages


class _Asked:
    """Reads the parameters of a list as the API's query does."""

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters

    @property
    def limit(self) -> int:
        """Most rows of a page."""
        limit = self._parameters.get("limit")
        return limit if isinstance(limit, int) else 100

    def text(self, name: str) -> str | None:
        """Return a text, or None."""
        value = self._parameters.get(name)
        return value if isinstance(value, str) and value else None

    def instant(self, name: str) -> int | None:
        """Return an instant in microseconds since the epoch, or None."""
        value = self.text(name)
        return None if value is None else parse_rfc3339(value)

    def many(self, name: str) -> list[str] | None:
        """Return several texts, or None for no bound."""
        value = self._parameters.get(name)
        if value is None or isinstance(value, str | int):
            return None
        return list(value) or None


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody"
