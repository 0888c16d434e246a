"""Puts the parts together: from a checked configuration to a running pipeline."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType

import structlog

from detectors.engine import Engine
from ingest.batch import Batch
from ingest.decode import Decoder
from ingest.dedup import Dedup
from ingest.enrich import Enricher
from ingest.inbox import Inbox
from ingest.metrics import Metrics
from ingest.pipeline import Pipeline, Stages
from ingest.places import Places
from ingest.recovery import recover
from ingest.source import KafkaSource
from ingest.topics import ensure_topic
from response.chat import Chat
from response.commands import DeliveryResult
from response.dead_letter_topic import TopicProducer
from response.guard import Guard
from response.outbox import Outbox, open_lanes
from response.policy import Policy
from response.responder import Responder
from response.targets import Target
from response.targets.webhook import WebhookTarget
from sessionwatch.api.app import make_app
from sessionwatch.api.health import Probes
from sessionwatch.api.server import Server
from sessionwatch.config import Settings
from sessionwatch.config.parts import declared_apps, known_networks, policy_lines, rule_plan
from store.database import Database
from store.reader import Reader
from store.rows import OutboxMessage

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
        parts: ExitStack,
    ) -> None:
        self.inbox = inbox
        self.api_port = api.port
        self._pipeline = pipeline
        self._database = database
        self._source = source
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
        running = _build(settings, parts, watch, probe, clock)
        # From here on the parts belong to what is returned.
        running._parts = parts.pop_all()
        return running


def run(settings: Settings) -> None:
    """Run the pipeline until SIGTERM or Ctrl-C.

    Raises:
        StoreError, SourceError, ResponseError, ListenError: as `build`.
    """
    stop = threading.Event()
    running = build(settings)
    try:
        with _stopped_by_signals(stop, running.wake):
            log.info("pipeline ready", api_port=running.api_port, events_topic=settings.kafka.events_topic)
            running.run(stop)
    finally:
        running.close()
    log.info("pipeline stopped")


def _build(
    settings: Settings,
    parts: ExitStack,
    watch: Callable[[Batch], None],
    probe: Callable[[str], None],
    clock: Callable[[], int],
) -> Running:
    apps, plan, metrics = declared_apps(settings), rule_plan(settings), Metrics()
    fingerprint = plan.fingerprint(apps)
    # The port first: nothing else is worth starting without it.
    heartbeat = _Heartbeat()
    api = _serve(settings, metrics, heartbeat)
    parts.callback(api.stop)
    database = Database.open(settings.store.path)
    parts.callback(database.close)
    reader = database.reader()
    source = _open_source(settings, reader)
    parts.callback(source.close)
    heartbeat.connected = lambda: source.connected
    engine = Engine(plan, apps)
    recovered = recover(engine, reader, fingerprint, clock())
    metrics.rerun_differences.inc(recovered.differences)
    inbox = Inbox(source.wake)
    targets, chats = _targets(settings), _chats(settings)
    outbox = _open_outbox(settings, targets, chats, database, inbox)
    responder = _open_responder(settings, targets, chats, reader, outbox)
    parts.callback(responder.close)
    responder.start(clock())

    def watch_batch(batch: Batch) -> None:
        metrics.outbox_pending.set(sum(outbox.waiting().values()))
        watch(batch)

    pipeline = Pipeline(
        Stages(
            source=source,
            decoder=Decoder(apps),
            dedup=Dedup(reader.known),
            enricher=Enricher(Places(known_networks(settings)), apps),
            engine=engine,
            responder=responder,
            writer=database.writer(),
            inbox=inbox,
            metrics=metrics,
            clock=clock,
            fingerprint=fingerprint,
            topic=settings.kafka.events_topic,
            retention_us=settings.store.retention,
            probe=probe,
            watch=watch_batch,
            beat=heartbeat.beat,
        )
    )
    api.start()
    return Running(pipeline, database, source, inbox, api, parts)


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


def _serve(settings: Settings, metrics: Metrics, heartbeat: _Heartbeat) -> Server:
    host, port = settings.api.host, settings.api.port
    app = make_app(Probes(heartbeat.alive, heartbeat.ready), metrics.registry, host, settings.api.allowed_hosts)
    return Server(app, host, port)


def _open_source(settings: Settings, reader: Reader) -> KafkaSource:
    kafka = settings.kafka
    for topic in (kafka.events_topic, kafka.dead_letter_topic):
        ensure_topic(kafka.client(), topic)
    stored_uuid, positions = reader.positions(kafka.events_topic)
    # The client's own limit would cut its fetches; what is meant is the size of a batch.
    bound = {} if kafka.max_poll_records is None else {"max_poll_records": kafka.max_poll_records}
    return KafkaSource(kafka.consumer(), kafka.events_topic, kafka.group, positions, stored_uuid, **bound)


def _open_outbox(
    settings: Settings, targets: list[Target], chats: list[Chat], database: Database, inbox: Inbox
) -> Outbox:
    def submit(result: DeliveryResult) -> None:
        inbox.submit(result, timeout_s=1.0)

    def load(lane: str) -> list[OutboxMessage]:
        return [message for message in database.reader().pending_messages() if message.lane == lane]

    kafka = settings.kafka.producer()
    lanes = open_lanes(
        targets,
        chats,
        submit,
        topics=[TopicProducer(settings.kafka.dead_letter_topic, kafka.pop("bootstrap_servers"), **kafka)],
        load=load,
    )
    return Outbox(lanes, submit)


def _open_responder(
    settings: Settings, targets: list[Target], chats: list[Chat], reader: Reader, outbox: Outbox
) -> Responder:
    response, apps = settings.response, declared_apps(settings)
    guard = Guard(
        reader,
        apps,
        max_share_per_hour=response.max_share_per_hour,
        max_per_hour=response.max_per_hour,
        protected_users=response.protected_users,
    )
    return Responder(
        policy=Policy(policy_lines(settings), apps),
        guard=guard,
        targets=targets,
        chats=chats,
        records=reader,
        apps=apps,
        outbox=outbox,
        dry_run=response.dry_run,
        dead_letter_topic=settings.kafka.dead_letter_topic,
    )


def _dead_letter_producer(settings: Settings) -> TopicProducer:
    client = settings.kafka.producer()
    return TopicProducer(settings.kafka.dead_letter_topic, client.pop("bootstrap_servers"), **client)


def _targets(settings: Settings) -> list[Target]:
    return [
        WebhookTarget(target.name, target.app, target.address(), target.secrets(), allow_private=target.allow_private)
        for target in settings.response.targets
    ]


def _chats(settings: Settings) -> list[Chat]:
    return [Chat(chat.address(), chat.min_severity) for chat in settings.chat]


@contextmanager
def _stopped_by_signals(stop: threading.Event, wake: Callable[[], None]) -> Iterator[None]:
    def request_stop(_number: int, _frame: FrameType | None) -> None:
        stop.set()
        wake()

    before = {number: signal.signal(number, request_stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
