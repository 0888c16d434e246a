"""The background thread: makes the connection, sends what is queued, and wakes for what is due by time."""

from __future__ import annotations

import atexit
import functools
import logging
import threading
import time
from collections.abc import Callable

from sessionwatch_emitter.counters import Counters
from sessionwatch_emitter.errors import TooLargeError, TransportError
from sessionwatch_emitter.event import Record
from sessionwatch_emitter.event_queue import EventQueue, Priority, Queued
from sessionwatch_emitter.transport import Transport, one_line, passing, refused_for_size, unauthorised

# Records given to Kafka's producer and not acknowledged yet; the rest waits in the queue and can give way there.
WINDOW = 1_000
# A record that the broker refuses this often, sent alone and for no passing reason, is given up.
MAX_ATTEMPTS = 5
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0

_DROPPED = {
    Priority.REQUEST: "dropped_validate",
    Priority.FAIL: "dropped_fail",
    Priority.OTHER: "dropped_other",
}
_log = logging.getLogger("sessionwatch_emitter")


def monotonic_us() -> int:
    """Return the monotonic clock in microseconds."""
    return time.monotonic_ns() // 1000


class Sender:
    """Owns the queue and the thread that empties it.

    Args:
        transport: the way to Kafka; only this thread connects it.
        queue_size: how many records may wait.
        counters: where their fate is counted.
        due: called by the thread when its time has come; queues what is due, and returns the monotonic time
            in microseconds at which it wants to be called again, or None.
        before_exit: called when the interpreter ends.
    """

    def __init__(
        self,
        transport: Transport,
        queue_size: int,
        counters: Counters,
        due: Callable[[int], int | None],
        before_exit: Callable[[], None],
    ) -> None:
        self._transport = transport
        self._counters = counters
        self._due = due
        self._before_exit = before_exit
        self._queue = EventQueue(queue_size)
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._under_way = 0
        self._returned: list[Queued] = []
        # A suspect record is under way, and nothing else.
        self._alone = False
        # The producer has to be made anew.
        self._broken = False
        self._reason = ""
        # Grows from one failure to the next, until an event gets through.
        self._pause_s = FIRST_PAUSE_S
        # When the thread means to wake by itself; what becomes due earlier has to wake it.
        self._wake_us: int | None = None

    def start(self) -> None:
        """Start the thread, unless it runs or the sender was closed."""
        if self._thread is not None:
            return
        with self._changed:
            if self._thread is None and not self._closing.is_set():
                self._thread = threading.Thread(target=self._run, name="sessionwatch-emitter", daemon=True)
                self._thread.start()
                atexit.register(self._before_exit)

    def put(self, priority: Priority, record: Record) -> None:
        """Queue a record; never waits."""
        with self._changed:
            if self._closing.is_set():
                gave_way: Priority | None = Priority.OTHER
            else:
                gave_way = self._queue.put(priority, record)
                self._changed.notify()
        if gave_way is not None:
            self._counters.add(_DROPPED[gave_way])

    def waiting(self) -> int:
        """Return how many records are not acknowledged yet."""
        with self._changed:
            return self._pending()

    def wake_at(self, due_us: int) -> None:
        """Have the thread call `due` at this monotonic time, if it would not by itself."""
        if self._wake_us is not None and self._wake_us <= due_us:
            return
        with self._changed:
            self._wake_us = due_us
            self._changed.notify_all()

    def flush(self, timeout: float) -> bool:
        """Wait until every record is acknowledged or given up; say whether `timeout` seconds were enough."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._pending(), timeout)

    def close(self, timeout: float) -> None:
        """End the thread and the connection; what was not acknowledged by then is lost."""
        self._closing.set()
        with self._changed:
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout)
        atexit.unregister(self._before_exit)

    def abandon(self) -> None:
        """Let go, in a forked child, of what belongs to the parent."""
        atexit.unregister(self._before_exit)
        self._transport.abandon()

    def _pending(self) -> int:
        return len(self._queue) + self._under_way + len(self._returned)

    def _run(self) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._closing.is_set():
            try:
                if self._connect():
                    pause_s = FIRST_PAUSE_S
                    self._serve()
                    continue
                # What is due goes on into the queue, which has a bound.
                self._call_due()
            except Exception as error:  # noqa: BLE001 - a thread that has died would lose all that comes later
                _log.error("sending failed with %s, and is tried again", type(error).__name__)
            self._closing.wait(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        self._transport.close(timeout=0.5)

    def _connect(self) -> bool:
        try:
            self._transport.connect()
        except TransportError as error:
            if not self._broken:
                _log.warning("events wait in memory: %s", error)
            self._broken = True
            return False
        # The producer has just registered its own exit hook; hooks run last in, first out, and ours, which
        # still sends, has to come before the one that closes the producer.
        atexit.unregister(self._before_exit)
        atexit.register(self._before_exit)
        self._broken = False
        return True

    def _serve(self) -> None:
        while not self._closing.is_set():
            self._call_due()
            self._hand_over(self._next_batch())
            if not self._take_back():
                continue
            if self._pause_s == FIRST_PAUSE_S:
                _log.warning("events wait in memory: %s", self._reason)
            self._closing.wait(self._pause_s)
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
            if self._broken:
                self._counters.add("disconnects")
                self._transport.close(timeout=0)
                return

    def _hand_over(self, batch: list[Queued]) -> None:
        for place, queued in enumerate(batch):
            if self._returned or self._closing.is_set():
                # Each would wait for the broker as long as the first has; in the queue the rest can give way.
                with self._changed:
                    self._under_way -= len(batch) - place
                    self._returned.extend(batch[place:])
                    self._changed.notify_all()
                return
            self._transport.send(queued.record, functools.partial(self._done, queued))

    def _call_due(self) -> None:
        with self._changed:
            self._wake_us = None
        wanted_us = self._due(monotonic_us())
        # Meanwhile wake_at may have asked for an earlier time.
        if wanted_us is not None:
            self.wake_at(wanted_us)

    def _next_batch(self) -> list[Queued]:
        with self._changed:
            while not (self._ready() or self._failed() or self._closing.is_set()):
                if self._wake_us is None:
                    self._changed.wait()
                    continue
                left_us = self._wake_us - monotonic_us()
                if left_us <= 0:
                    return []
                self._changed.wait(left_us / 1e6)
            if self._failed() or not self._ready():
                return []
            batch = self._queue.take(WINDOW - self._under_way)
            self._under_way += len(batch)
            self._alone = batch[0].suspect
            return batch

    def _ready(self) -> bool:
        first = self._queue.first()
        if first is None or (self._under_way and (self._alone or first.suspect)):
            return False
        return self._under_way < WINDOW

    def _failed(self) -> bool:
        return self._broken or bool(self._returned)

    def _take_back(self) -> bool:
        """Put what came back into the queue; say whether anything failed."""
        with self._changed:
            failed = self._failed()
            for priority in self._queue.put_back(self._returned):
                self._counters.add(_DROPPED[priority])
            self._returned = []
        return failed

    def _done(self, queued: Queued, error: Exception | None) -> None:
        fate = self._fate(queued, error)
        self._counters.add(fate)
        with self._changed:
            self._under_way -= 1
            if error is None:
                self._pause_s = FIRST_PAUSE_S
            elif not isinstance(error, TooLargeError):
                self._reason = one_line(error)
                # After anything but a passing error, an idempotent producer of kafka-python refuses all that follows.
                self._broken = self._broken or not passing(error)
            if fate == "returned":
                self._returned.append(queued)
            self._changed.notify_all()

    def _fate(self, queued: Queued, error: Exception | None) -> str:
        if error is None:
            return "sent"
        if isinstance(error, TooLargeError):
            return "too_large"
        if passing(error) or unauthorised(error):
            return "returned"
        # kafka-python gives one record's refusal as the answer to all that were on their way.
        if not queued.suspect:
            queued.suspect = True
            return "returned"
        if refused_for_size(error):
            return "too_large"
        queued.attempts += 1
        return "returned" if queued.attempts < MAX_ATTEMPTS else "refused"
