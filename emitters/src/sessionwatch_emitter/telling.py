"""What one process does with what it is told: it samples, and hands on to the background thread."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

from sessionwatch_emitter.counters import Counters
from sessionwatch_emitter.errors import RevocationListError
from sessionwatch_emitter.event import Fields, Scalar, build_record, scalars
from sessionwatch_emitter.event_queue import Priority
from sessionwatch_emitter.keys import KeyRing
from sessionwatch_emitter.revocation_list import RevocationList
from sessionwatch_emitter.sampling import Sample, Sampler
from sessionwatch_emitter.sender import Sender, monotonic_us
from sessionwatch_emitter.transport import Transport

# A session that fails more often than this is told about once a second, with the number.
FAIL_INTERVAL_US = 1_000_000
# How long the end of the process may wait for a broker.
EXIT_TIMEOUT_S = 2.0
# How many ended sessions wait to be made known to other processes.
MOST_ENDED = 10_000

_log = logging.getLogger("sessionwatch_emitter")


class Settings(NamedTuple):
    """What holds for all processes of an app.

    Attributes:
        servers, topic, kafka: for the transport.
        sample_interval_us, heartbeat_interval_us: in microseconds.
        revocations: the app's revocation list, through which its processes hear which sessions ended.
    """

    app: str
    keys: KeyRing
    servers: Any
    topic: str
    kafka: Mapping[str, Any]
    queue_size: int
    sample_interval_us: int
    heartbeat_interval_us: int
    revocations: RevocationList | None


class Use(NamedTuple):
    """What makes two uses of a session differ, so that the second is told at once."""

    user_id: object
    ip: object
    user_agent: object
    device_id: object
    mfa: object
    bound: object
    mark: tuple[int, int]


class Telling:
    """What belongs to one process and must not survive a fork: locks, samplers, counters, queue, thread.

    Args:
        settings: of the app.
    """

    def __init__(self, settings: Settings) -> None:
        self.counters = Counters()
        self._settings = settings
        self._instance = secrets.token_hex(6)
        self._sampling = threading.Lock()
        self._uses = Sampler(settings.sample_interval_us)
        self._fails = Sampler(FAIL_INTERVAL_US)
        # What other processes have yet to hear of: session and user, either of which may be None.
        self._ended: deque[tuple[str | None, object]] = deque(maxlen=MOST_ENDED)
        self._next_heartbeat_us = 0
        self._warned: set[tuple[str, type[Exception]]] = set()
        self._sender = Sender(
            Transport(settings.servers, settings.topic, **settings.kafka),
            settings.queue_size,
            self.counters,
            self._due,
            self._at_exit,
        )

    def start(self) -> None:
        """Start the background thread and the connection, unless that was done before."""
        self._sender.start()

    def called(self, name: str) -> None:
        """Count a call of the app's, and make sure that the thread runs."""
        self.counters.add(name)
        self._sender.start()

    def lost(self, name: str, error: Exception) -> None:
        """Count an event that could not be told, and warn."""
        self.counters.add("errors")
        # Once a kind, and without the error's text: it could quote what the app has passed.
        if (name, type(error)) not in self._warned:
            self._warned.add((name, type(error)))
            _log.error("an event is lost: %s failed with %s", name, type(error).__name__)

    def attributes(self, attributes: Mapping[str, Scalar] | None) -> dict[str, object] | None:
        """Return the app's own attributes as far as they fit; the rest is counted."""
        if not attributes:
            return None
        kept = scalars(attributes)
        if len(kept) < len(attributes):
            self.counters.add("attributes_dropped", len(attributes) - len(kept))
        return kept or None

    def begin(self, session_id: str, fields: Fields, time_us: int) -> None:
        """Tell that a session began."""
        with self._sampling:
            samples = self._uses.begin(session_id, monotonic_us())
        self._send_uses(samples)
        self._send("create", time_us, fields)

    def use(self, session_id: str, facts: Use, fields: Fields, time_us: int, *, unsampled: bool) -> None:
        """Tell that a session was used, now or at the end of its interval."""
        ended = facts.mark != (0, 0)
        with self._sampling:
            samples = self._uses.use(
                session_id, facts, fields, monotonic_us(), time_us, unsampled=unsampled, ended=ended
            )
            due_us = self._uses.next_due_us()
        self._send_uses(samples)
        self._swallowed(samples, due_us)

    def fail(self, session_id: str | None, fields: Fields, time_us: int) -> None:
        """Tell that a session or a login was refused."""
        if session_id is None:
            self._send("fail", time_us, fields, Priority.FAIL)
            return
        names = ("reason", "user_id", "user_hint", "ip", "user_agent", "device_id")
        facts = tuple(fields.get(name) for name in names)
        with self._sampling:
            samples = self._fails.use(session_id, facts, fields, monotonic_us(), time_us)
            due_us = self._fails.next_due_us()
        self._send_fails(samples)
        self._swallowed(samples, due_us)

    def end(self, session_id: str | None, fields: Fields, time_us: int) -> None:
        """Tell that a session ended, or all of a user."""
        now_us = monotonic_us()
        revocations = self._settings.revocations
        with self._sampling:
            samples = self._uses.end(session_id, now_us) if session_id is not None else []
            if fields["reason"] == "logout_all" and fields["user_id"] is not None:
                user_id = fields["user_id"]
                samples += self._uses.end_where(
                    lambda facts: isinstance(facts, Use) and facts.user_id == user_id, now_us
                )
            if revocations is not None:
                self._ended.append((session_id, fields["user_id"]))
        self._send_uses(samples)
        self._send("destroy", time_us, {**fields, "session_id": session_id})
        if revocations is not None:
            self._sender.wake_at(now_us)

    def beat(self) -> None:
        """Tell the counters, and how many events wait."""
        self._sender.start()
        attributes: dict[str, Scalar] = {name: number for name, number in self.counted().items() if number}
        attributes["waiting"] = self._sender.waiting()
        attributes["instance"] = self._instance
        self._send("heartbeat", now_us(), {"attributes": attributes}, Priority.REQUEST)

    def counted(self) -> dict[str, int]:
        """Return what was counted in this process."""
        values = self.counters.snapshot()
        if self._settings.revocations is not None:
            values["revocation_list_unreadable"] = self._settings.revocations.unreadable
        return values

    def flush(self, timeout: float) -> bool:
        """Send all that was told until now; say whether it was acknowledged within `timeout` seconds."""
        moment_us = monotonic_us()
        with self._sampling:
            uses, fails = self._uses.drain(moment_us), self._fails.drain(moment_us)
        self._send_uses(uses)
        self._send_fails(fails)
        return self._sender.flush(timeout)

    def close(self, timeout: float) -> None:
        """Send what is left, for at most `timeout` seconds, and end the thread."""
        self.flush(timeout)
        self._sender.close(1.0)

    def abandon(self) -> None:
        """Leave everything to the parent process: this one has been forked off."""
        self._sender.abandon()

    def _swallowed(self, samples: list[Sample], due_us: int | None) -> None:
        if not samples:
            self.counters.add("swallowed")
        if due_us is not None:
            self._sender.wake_at(due_us)

    def _send_uses(self, samples: list[Sample]) -> None:
        for sample in samples:
            fields = {
                **sample.fields,
                "session_id": sample.session_id,
                "count": sample.count,
                "gap_min_ms": sample.gap_min_ms,
                "gap_dev_ms": sample.gap_dev_ms,
            }
            priority = Priority.REQUEST if fields["reason"] == "request" else Priority.OTHER
            self._send("validate", sample.time_us, fields, priority)

    def _send_fails(self, samples: list[Sample]) -> None:
        for sample in samples:
            fields = {**sample.fields, "session_id": sample.session_id, "count": sample.count}
            self._send("fail", sample.time_us, fields, Priority.FAIL)

    def _send(self, kind: str, time_us: int, fields: Fields, priority: Priority = Priority.OTHER) -> None:
        try:
            record = build_record(self._settings.app, self._settings.keys, kind, time_us, fields)
        except (TypeError, ValueError) as error:
            # One event's odd value must not cost the others that are due with it.
            self.lost(kind, error)
            return
        if record.attributes_dropped:
            self.counters.add("attributes_dropped", record.attributes_dropped)
        self._sender.put(priority, record)

    def _due(self, moment_us: int) -> int | None:
        """Queue what is due by time; called by the sender's thread."""
        self._send_due(moment_us)
        self._note_ends()
        if moment_us >= self._next_heartbeat_us:
            self._next_heartbeat_us = moment_us + self._settings.heartbeat_interval_us
            self.beat()
        with self._sampling:
            wanted = (self._uses.next_due_us(), self._fails.next_due_us(), self._next_heartbeat_us)
        return min(due_us for due_us in wanted if due_us is not None)

    def _send_due(self, moment_us: int) -> None:
        while True:
            # In portions, so that no request waits for the lock.
            with self._sampling:
                uses, fails = self._uses.due(moment_us), self._fails.due(moment_us)
            if not (uses or fails):
                return
            self._send_uses(uses)
            self._send_fails(fails)

    def _note_ends(self) -> None:
        revocations = self._settings.revocations
        if revocations is None or not self._ended:
            return
        with self._sampling:
            ended = list(self._ended)
            self._ended.clear()
        try:
            revocations.note_ends(
                [session_id for session_id, _ in ended if session_id is not None],
                [str(user_id) for session_id, user_id in ended if session_id is None],
            )
        except RevocationListError as error:
            _log.warning("other processes tell the next use of an ended session later: %s", error)

    def _at_exit(self) -> None:
        self.close(EXIT_TIMEOUT_S)


def now_us() -> int:
    """Return the time of day in microseconds since the epoch."""
    return time.time_ns() // 1000
