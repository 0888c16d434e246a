"""Puts the parts together: from a checked configuration to a running pipeline."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from types import FrameType

import structlog

from detectors.engine import Engine
from detectors.findings.stage import Detection
from ingest import carried
from ingest.batch import Batch
from ingest.decode import Decoder
from ingest.dedup import MEMORY_FLOOR, Dedup
from ingest.enrich import Enricher
from ingest.inbox import Inbox
from ingest.metrics import Metrics
from ingest.pipeline import Pipeline, Stages
from ingest.recovery import recover
from ingest.redrive import redrive
from ingest.source import KafkaSource
from ingest.topics import ensure_topic
from response.act_links import LinkKey
from response.chat import Chat
from response.commands import DeliveryResult, Note
from response.dead_letter_topic import TopicProducer
from response.guard import Guard
from response.links import Links
from response.messages import TargetMessages
from response.outbox import Outbox, open_lanes
from response.policy import Policy
from response.responder import Responder
from response.siem.destination import Destination
from response.siem.feed import SiemFeed
from response.ssf.desk import SsfDesk
from response.targets import Target
from response.targets.management import FindIdpSession
from response.user_notices import UserMail
from schemas.api import Redriven, Role
from schemas.app import Apps
from sessionwatch.api.acts import Acts
from sessionwatch.api.app import make_app, serve
from sessionwatch.api.budgets import Budgets
from sessionwatch.api.health import Probes
from sessionwatch.api.installation import Installation
from sessionwatch.api.pulse import Pulse
from sessionwatch.api.rates import GUESSES_PER_MINUTE, Rates
from sessionwatch.api.readers import Readers
from sessionwatch.api.server import Server
from sessionwatch.api.service import Service
from sessionwatch.api.tokens import Tokens, load_tokens
from sessionwatch.api.visits import Visits
from sessionwatch.audit_key import make_audit_key
from sessionwatch.audit_start import beginning
from sessionwatch.config import Settings
from sessionwatch.config.parts import declared_apps, guard_limits, known_places, policy_lines, rule_plan
from sessionwatch.digest import open_digest_mail, open_digests
from sessionwatch.drill_key import make_drill_key
from sessionwatch.link_key import make_link_key
from sessionwatch.list_watch import ListWatch
from sessionwatch.shared_signals import SharedSignals
from sessionwatch.siem import analytics, make_siem_topics, open_destinations
from sessionwatch.signals import on_stop_signals
from sessionwatch.targets import make_topics, open_target
from sessionwatch.verdict_key import make_verdict_key
from store.database import Database
from store.reader import Reader
from store.rows import DeadLetter, OutboxMessage

STALLED_S = 60.0
"""A batch that takes longer than this is reported as a dead loop."""

log = structlog.get_logger(__name__)


def now_us() -> int:
    """Return the pipeline's clock: the machine's, in microseconds since the epoch."""
    return time.time_ns() // 1_000


class Running:
    """A pipeline with everything it needs, from `build` until `close`.

    Attributes:
        inbox: the way for commands into the loop, from any thread.
        api_port: where health and metrics are served.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        database: Database,
        source: KafkaSource,
        inbox: Inbox,
        api: Server,
        tokens: Tokens,
        parts: ExitStack,
    ) -> None:
        self.inbox = inbox
        self.api_port = api.port
        self._pipeline = pipeline
        self._database = database
        self._source = source
        self._tokens = tokens
        self._parts = parts

    def run(self, stop: threading.Event) -> None:
        """Run batches until `stop` is set. The calling thread becomes the one that writes.

        Raises:
            StoreError: a transaction failed; nothing of its batch is stored.
        """
        self._pipeline.run(stop)

    def wake(self) -> None:
        """End a poll that waits, so that `stop` is seen at once."""
        self._source.wake()

    def reader(self) -> Reader:
        """Return a reader of committed rows, for the thread that asks."""
        return self._database.reader()

    def sign_in_code(self, name: str, role: Role = "admin", apps: frozenset[str] | None = None) -> str:
        """Return a code that signs in to the API once, within 60 seconds; the token that it gives lives 12 hours.

        Args:
            name: who signs in, for the audit log.
            role: what the token may do.
            apps: what it is limited to; None = all.
        """
        return self._tokens.sign_in_code(name, role, apps)

    def close(self) -> None:
        """Let go of everything, in the reverse order of its start."""
        self._parts.close()


def build(
    settings: Settings,
    *,
    watch: Callable[[Batch], None] = lambda _batch: None,
    probe: Callable[[str], None] = lambda _name: None,
    clock: Callable[[], int] = now_us,
) -> Running:
    """Start everything but the loop itself.

    Args:
        settings: the checked configuration.
        watch: told every batch after its commit, in the pipeline's thread.
        probe: told ``before`` and ``after`` each stage; the kill tests hang on it.
        clock: microseconds since the epoch.

    Raises:
        StoreError, SourceError, ResponseError, ListenError: each in one line that says what to do.
    """
    with ExitStack() as parts:
        return _build(settings, parts, watch, probe, clock)


def run(settings: Settings) -> None:
    """Run the pipeline until SIGTERM or Ctrl-C.

    Raises:
        StoreError, SourceError, ResponseError, ListenError: as `build`.
    """
    stop = threading.Event()
    running: Running | None = None

    def request_stop(_number: int, _frame: FrameType | None) -> None:
        again = stop.is_set()
        stop.set()
        if running is not None:
            running.wake()
        elif not again:
            # Starting may wait for Kafka, and what waits there looks at no flag.
            raise KeyboardInterrupt

    with on_stop_signals(request_stop), suppress(KeyboardInterrupt), ExitStack() as parts:
        running = _build(settings, parts, _nothing, _nothing, now_us)
        log.info("pipeline ready", api_port=running.api_port, events_topic=settings.kafka.events_topic)
        running.run(stop)
    log.info("pipeline stopped")


def _nothing(_told: object) -> None:
    """Take what nobody asked for."""


def _build(
    settings: Settings,
    parts: ExitStack,
    watch: Callable[[Batch], None],
    probe: Callable[[str], None],
    clock: Callable[[], int],
) -> Running:
    apps, plan, metrics = declared_apps(settings), rule_plan(settings, with_lists=False), Metrics()
    detection = Detection(Engine(plan, apps), plan, apps, campaign_window_us=settings.campaigns.window)
    fingerprint = detection.fingerprint()
    # The port first: nothing else is worth starting without it.
    heartbeat = _Heartbeat()
    app = make_app(Probes(heartbeat.alive, heartbeat.ready), metrics.registry, settings.api.host, settings.api.hosts)
    api = Server(app, settings.api.host, settings.api.port)
    parts.callback(api.stop)
    database = Database.open(settings.store.path)
    parts.callback(database.close)
    tokens = load_tokens(settings.api, settings.store.path, clock)
    drills = make_drill_key(settings.store.path)
    verdicts = make_verdict_key(settings.store.path)
    links = make_link_key(settings)
    audit_key = make_audit_key(settings.store)
    readers = Readers(database.reader)
    # Before the database: an open cursor would keep its file. After the server: no request may be under way.
    parts.callback(readers.close)
    parts.callback(api.stop)
    reader = database.reader()
    source = _open_source(settings, reader)
    parts.callback(source.close)
    heartbeat.connected = lambda: source.connected
    begun = beginning(settings, audit_key, reader, clock())
    recovered = recover(detection, reader, fingerprint, clock(), plan.classes)
    metrics.rerun_differences.inc(recovered.differences)
    dedup = Dedup(reader.known, known_letters=reader.known_letters)
    dedup.remember(reader.recent_ids(MEMORY_FLOOR))
    inbox = Inbox(source.wake)
    parts.callback(inbox.close)
    find_idp_session = _idp_sessions(database, apps, clock)
    signals = SharedSignals(settings, find_idp_session, clock=clock)
    make_topics(settings, apps)
    make_siem_topics(settings)
    targets, chats = open_targets(settings, signals, find_idp_session), open_chats(settings, links)
    destinations = open_destinations(settings)
    outbox = _open_outbox(settings, targets, chats, destinations, database, inbox)
    desk = signals.desk(reader, targets)
    responder = open_responder(settings, targets, chats, reader, outbox, desk, destinations)
    parts.callback(responder.close)
    responder.start(clock())

    pulse = Pulse(clock, lambda: [*heartbeat.alive(), *heartbeat.ready()], reader.newest_event())

    def watch_batch(batch: Batch) -> None:
        pulse.committed(batch, source.lag())
        metrics.outbox_pending.set(sum(outbox.waiting().values()))
        watch(batch)

    visits = Visits(_noting(inbox), clock)

    def beat() -> None:
        heartbeat.beat()
        visits.tick()

    pipeline = Pipeline(
        Stages(
            source=source,
            decoder=Decoder(apps, drills),
            dedup=dedup,
            enricher=Enricher(known_places(settings), apps),
            detection=detection,
            responder=responder,
            days=reader,
            facts=ListWatch(settings.lists, plan.lists.newest).signals,
            writer=database.writer(audit_key),
            inbox=inbox,
            metrics=metrics,
            clock=clock,
            fingerprint=fingerprint,
            topic=settings.kafka.events_topic,
            retention_us=settings.store.retention,
            audit_retention_us=settings.store.audit_kept,
            begun=begun.lines,
            begun_facts=begun.facts,
            carried=carried.read(reader.fact(carried.FACT)),
            rerun=recovered.rerun,
            probe=probe,
            watch=watch_batch,
            beat=beat,
        )
    )
    acts = Acts(inbox.submit)
    hub = signals.hub(targets, readers.of_this_thread, acts)
    serve(
        app,
        Service(
            installation=Installation(settings, clock),
            tokens=tokens,
            read=readers.of_this_thread,
            acts=acts,
            beat=pulse.beat,
            redrive=redriving(settings),
            drills=drills,
            verdicts=verdicts,
            reach=TargetMessages(targets).reach,
            budgets=Budgets(apps, guard_limits(settings.response)),
            open_breakers=outbox.open_breakers,
            audit_key=audit_key,
            visits=visits,
            rates=Rates(settings.api.requests_per_minute),
            guesses=Rates(GUESSES_PER_MINUTE),
            ssf=hub,
            links=links,
        ),
    )
    api.start()
    for poller in signals.pollers(hub):
        poller.start()
        parts.callback(poller.stop)
    # From here on the parts belong to what is returned.
    return Running(pipeline, database, source, inbox, api, tokens, parts.pop_all())


class _Heartbeat:
    """Knows when the loop last turned, for `/healthz`, and whether Kafka answers, for `/readyz`."""

    def __init__(self) -> None:
        self._at = time.monotonic()
        self.connected: Callable[[], bool] = lambda: False

    def beat(self) -> None:
        """Note a turn of the loop."""
        self._at = time.monotonic()

    def alive(self) -> list[str]:
        """Return why only a restart would help."""
        still_s = time.monotonic() - self._at
        return [f"the batch loop has not turned for {still_s:.0f} s"] if still_s > STALLED_S else []

    def ready(self) -> list[str]:
        """Return what the pipeline waits for."""
        return [] if self.connected() else ["Kafka does not answer"]


def _noting(inbox: Inbox) -> Callable[[Note], None]:
    """Return what hands a note to the loop, from any thread and its own, without waiting for room."""

    def note(one: Note) -> None:
        try:
            inbox.submit(one, timeout_s=0)
        except queue.Full:
            log.error("no room for a line of the audit log", act=one.act, why=one.reason)

    return note


def redriving(settings: Settings) -> Callable[[list[DeadLetter]], Redriven]:
    """Return what sends dead letters through again."""

    def send_again(letters: list[DeadLetter]) -> Redriven:
        kafka = settings.kafka
        done = redrive(letters, kafka.events_topic, kafka.consumer(), kafka.producer())
        return Redriven(found=done.found, sent=done.sent, gone=done.gone, empty=done.empty)

    return send_again


def _open_source(settings: Settings, reader: Reader) -> KafkaSource:
    kafka = settings.kafka
    for topic in (kafka.events_topic, kafka.dead_letter_topic):
        ensure_topic(kafka.client(), topic)
    stored_uuid, positions = reader.positions(kafka.events_topic)
    # The client's own limit would cut its fetches; what is meant is the size of a batch.
    bound = {} if kafka.max_poll_records is None else {"max_poll_records": kafka.max_poll_records}
    return KafkaSource(kafka.consumer(), kafka.events_topic, kafka.group, positions, stored_uuid, **bound)


def _open_outbox(
    settings: Settings,
    targets: list[Target],
    chats: list[Chat],
    destinations: list[Destination],
    database: Database,
    inbox: Inbox,
) -> Outbox:
    def submit(result: DeliveryResult) -> None:
        inbox.submit(result, timeout_s=1.0)

    def load(lane: str, limit: int) -> list[OutboxMessage]:
        # Each lane asks in its own thread, and seldom.
        with closing(database.reader()) as reader:
            return reader.pending_messages(lane=lane, limit=limit)

    kafka = settings.kafka.producer()
    lanes = open_lanes(
        targets,
        chats,
        submit,
        topics=[TopicProducer(settings.kafka.dead_letter_topic, kafka.pop("bootstrap_servers"), **kafka)],
        siem=destinations,
        mails=[*open_mails(settings), *open_digest_mail(settings)],
        load=load,
    )
    return Outbox(lanes, submit, load)


def open_responder(
    settings: Settings,
    targets: list[Target],
    chats: list[Chat],
    reader: Reader,
    outbox: Outbox,
    shared_signals: SsfDesk | None = None,
    destinations: list[Destination] | None = None,
) -> Responder:
    """Return the stage that decides, not started yet."""
    response, apps = settings.response, declared_apps(settings)
    guard, links = Guard(reader, apps, guard_limits(response)), Links(settings.dashboard.public_url)
    destinations = open_destinations(settings) if destinations is None else destinations
    return Responder(
        policy=Policy(policy_lines(settings), apps),
        guard=guard,
        targets=targets,
        chats=chats,
        records=reader,
        apps=apps,
        outbox=outbox,
        dry_run=response.dry_run,
        escalate=response.escalate,
        dead_letter_topic=settings.kafka.dead_letter_topic,
        links=links,
        step_up_within_us=response.step_up_within,
        on_call=[step.step() for step in settings.on_call],
        tell_users={name: app.tell_users for name, app in settings.apps.items() if app.tell_users},
        mails=open_mails(settings),
        shared_signals=shared_signals,
        siem=SiemFeed(destinations, reader, analytics(settings), links),
        digests=open_digests(settings, reader),
    )


def _dead_letter_producer(settings: Settings) -> TopicProducer:
    client = settings.kafka.producer()
    return TopicProducer(settings.kafka.dead_letter_topic, client.pop("bootstrap_servers"), **client)


def open_targets(
    settings: Settings, signals: SharedSignals | None = None, find_idp_session: FindIdpSession = lambda _a, _s: None
) -> list[Target]:
    """Return the receivers of revocations.

    Args:
        settings: the checked configuration.
        signals: signs what is sent as a token; None = what the configuration says, for a process that sends nothing.
        find_idp_session: returns the identity provider's name of an app's session, in any thread.
    """
    signals = signals or SharedSignals(settings)
    return [open_target(target, settings, signals, find_idp_session) for target in settings.response.targets]


def _idp_sessions(database: Database, apps: Apps, clock: Callable[[], int]) -> Callable[[str, str], str | None]:
    """Return what looks up the identity provider's name of a session, in any thread."""

    def find(app: str, session_id: str) -> str | None:
        with closing(database.reader()) as reader:
            return reader.idp_session_of(app, session_id, clock() - apps[app].session_life_us)

    return find


def open_mails(settings: Settings) -> list[UserMail]:
    """Return the ways by which users are mailed."""
    addresses = {name: app.mail_address(name) for name, app in settings.apps.items()}
    return [UserMail(name, address) for name, address in addresses.items() if address is not None]


def open_chats(settings: Settings, links: LinkKey | None = None) -> list[Chat]:
    """Return where people are told.

    Args:
        settings: the checked configuration.
        links: makes the links by which people act; None = there are none.
    """
    return [chat.chat(links) for chat in settings.chat]
