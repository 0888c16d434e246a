"""A lane: one thread that carries the messages of one receiver, so that a slow one delays nobody else."""

from __future__ import annotations

import heapq
import itertools
import queue
import random
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence

import msgspec
import structlog

from response.breaker import Breaker
from response.clock import Clock, now_us
from response.commands import DeliveryResult
from response.outcome import Outcome
from response.schedule import STANDARD, Schedule
from schemas.instant import HOUR, MINUTE, SECOND
from store.rows import OutboxMessage, OutboxState

CAPACITY = 10_000
"""Messages that one lane holds in memory; what exceeds it stays in the store until there is room."""

TOO_OLD = "too old to be worth anything"
LONGEST_WAIT_US = HOUR
"""The longest Retry-After that is honoured: a mistaken answer must not silence a lane for days."""

_SUBMIT_PAUSE_S = 0.05
_FAULT_PAUSE_S = 1.0
_LONGEST_SLEEP_S = 60.0
_PATIENCE_US = 2 * MINUTE
"""A message whose next try is later than this after its first has used up its quick tries."""

Deliver = Callable[[Sequence[OutboxMessage]], Sequence[Outcome]]
"""Tries to deliver messages, and returns what came of each. May block, up to its own deadline."""

Submit = Callable[[DeliveryResult], object]
"""Puts a command into the loop's bounded queue. May block; raises `queue.Full` to be asked again."""

Load = Callable[[str, int], Sequence[OutboxMessage]]
"""Returns a lane's first pending messages from the store, so many at most, in the order of enqueuing; called in the
lane's thread."""

log = structlog.get_logger()


class Lane:
    """Carries messages in the order of their key, tries again by a schedule, and reports each result.

    A message that waits for its next try holds back the later ones of its own ordering key, and no others.

    Args:
        name: as in `OutboxMessage.lane`.
        deliver: makes one try.
        submit: takes the results. A result is offered until it is taken, or the lane is stopped: then the
            message goes out once more after the next start, under the same id.
        schedule: when failed tries are repeated.
        at_once: how many messages `deliver` takes in one call.
        capacity: how many messages are held in memory.
        load: where messages are fetched from that an earlier run left, or that exceed the capacity.
        close: lets go of the receiver's connections, in the lane's thread at its end.
        clock: now, microseconds since the epoch.
        chance: for the jitter.
    """

    def __init__(
        self,
        name: str,
        deliver: Deliver,
        submit: Submit,
        *,
        schedule: Schedule = STANDARD,
        at_once: int = 1,
        capacity: int = CAPACITY,
        load: Load | None = None,
        close: Callable[[], None] | None = None,
        clock: Clock = now_us,
        chance: random.Random | None = None,
    ) -> None:
        self.name = name
        self._deliver = deliver
        self._submit = submit
        self._schedule = schedule
        self._at_once = at_once
        self._capacity = capacity
        self._load = load
        self._close = close
        self._clock = clock
        self._chance = chance or random.Random()
        self._breaker = Breaker()
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._order = itertools.count()
        # The first message of each key stands in the heap, those behind it in the key's queue.
        self._due: list[tuple[int, int, OutboxMessage]] = []
        self._behind: dict[str, deque[OutboxMessage]] = {}
        # Every message held, and those whose result is not committed yet: the store calls those pending.
        self._held: set[str] = set()
        self._uncommitted: set[str] = set()
        self._cancelled: set[str] = set()
        # With a store to fetch from, what an earlier run has left comes first.
        self._overflowed = load is not None
        self._missed = False
        # What was cancelled while the store is being read: it may still be read there as pending.
        self._cancelled_meanwhile: set[str] | None = None
        self._paused_until_us = 0
        self._gone = ""
        self._trouble = ""
        self._told_trouble = False
        self._thread = threading.Thread(target=self._run, name=f"lane {name}", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def opens_at(self) -> int:
        """Return when the next probe may be made through an open breaker, microseconds; 0 = it is closed."""
        return self._breaker.opens_at()

    def stop(self, timeout_s: float = 2.0) -> None:
        """Ask the thread to end and wait for it; a try under way is left behind after `timeout_s` seconds."""
        self._stopping.set()
        with self._changed:
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def offer(self, messages: Iterable[OutboxMessage]) -> None:
        """Take committed messages to be carried. Never blocks."""
        with self._changed:
            for message in messages:
                self._take_in(message)
            self._changed.notify()

    def cancel(self, messages: Iterable[OutboxMessage]) -> None:
        """Forget messages that need not leave any more; one whose try is under way may still leave."""
        with self._changed:
            for message in messages:
                if message.message_id in self._held:
                    self._forget(message)
                elif self._cancelled_meanwhile is not None:
                    self._cancelled_meanwhile.add(message.message_id)
            self._changed.notify()

    def hurry(self) -> None:
        """Try everything that waits at once: the receiver is not what it was."""
        with self._changed:
            self._paused_until_us = 0
            self._due = [(0, place, message) for _, place, message in self._due]
            heapq.heapify(self._due)
            self._changed.notify()

    def committed(self, message_ids: Iterable[str]) -> None:
        """Note that the results of these messages are stored."""
        with self._changed:
            self._uncommitted.difference_update(message_ids)

    def waiting(self) -> int:
        """Return how many messages are held in memory."""
        with self._changed:
            return len(self._held)

    def _take_in(self, message: OutboxMessage) -> None:
        if message.message_id in self._held or message.message_id in self._uncommitted:
            return
        # Once one was left in the store, all later ones are: otherwise they would overtake it.
        if self._overflowed or len(self._held) >= self._capacity:
            self._overflowed = self._missed = True
            return
        self._held.add(message.message_id)
        queued = self._behind.get(message.ordering_key)
        if queued is None:
            self._behind[message.ordering_key] = deque()
            self._push(message)
        else:
            queued.append(message)

    def _forget(self, message: OutboxMessage) -> None:
        queued = self._behind[message.ordering_key]
        for later in queued:
            if later.message_id == message.message_id:
                queued.remove(later)
                self._held.discard(message.message_id)
                return
        for place, (_, _, first) in enumerate(self._due):
            if first.message_id == message.message_id:
                del self._due[place]
                heapq.heapify(self._due)
                self._finish(first)
                return
        self._cancelled.add(message.message_id)

    def _push(self, message: OutboxMessage) -> None:
        heapq.heappush(self._due, (message.next_try_us, next(self._order), message))

    def _run(self) -> None:
        while not self._stopping.is_set():
            batch: list[OutboxMessage] = []
            try:
                self._refill()
                batch = self._next()
                if batch:
                    self._carry(batch)
            except Exception as error:  # noqa: BLE001 - whatever it was, the messages behind it must still leave
                log.error("lane stumbled", lane=self.name, error=type(error).__name__)
                self._put_back(batch)
                self._stopping.wait(_FAULT_PAUSE_S)
        if self._close is not None:
            self._close()

    def _refill(self) -> None:
        """Fetch what was left in the store, as soon as there is room for a good number."""
        with self._changed:
            if not self._wants_more() or self._load is None:
                return
            known = self._held | self._uncommitted
            self._missed = False
            self._cancelled_meanwhile = set()
        # Outside the lock: `offer` is called by the batch loop, which must not wait for a query. What is
        # offered meanwhile is left in the store and noted as missed, so that the next turn looks again.
        limit = self._capacity + len(known)
        stored = self._load(self.name, limit)
        with self._changed:
            # As many as were asked for: there may be more.
            more, self._overflowed = self._missed or len(stored) >= limit, False
            known |= self._cancelled_meanwhile
            self._cancelled_meanwhile = None
            for message in stored:
                if message.message_id not in known:
                    self._take_in(message)
            self._overflowed = self._overflowed or more

    def _put_back(self, batch: list[OutboxMessage]) -> None:
        """Take up messages again whose turn was cut short."""
        with self._changed:
            waiting = {first.message_id for _, _, first in self._due}
            for message in batch:
                if message.message_id in self._held and message.message_id not in waiting:
                    self._push(message)

    def _wants_more(self) -> bool:
        return self._overflowed and self._load is not None and len(self._held) <= self._capacity // 2

    def _next(self) -> list[OutboxMessage]:
        """Wait until messages are due, and return them; an empty list = look again."""
        with self._changed:
            if self._stopping.is_set() or self._wants_more():
                return []
            wait_us = self._wait_us()
            if wait_us is None or wait_us > 0:
                limit_s = _LONGEST_SLEEP_S if wait_us is None else min(wait_us / SECOND, _LONGEST_SLEEP_S)
                self._changed.wait(limit_s)
                return []
            now = self._clock()
            # A probe through the open breaker is one message.
            limit = 1 if self._breaker.is_open else self._at_once
            batch: list[OutboxMessage] = []
            while self._due and len(batch) < limit and (self._gone or self._due[0][0] <= now):
                batch.append(heapq.heappop(self._due)[2])
            return batch

    def _wait_us(self) -> int | None:
        if not self._due:
            return None
        if self._gone:
            return 0
        return max(self._due[0][0], self._paused_until_us, self._breaker.opens_at()) - self._clock()

    def _carry(self, batch: list[OutboxMessage]) -> None:
        started_us = self._clock()
        parked_before = bool(self._gone)
        results: list[OutboxMessage] = []
        live: list[OutboxMessage] = []
        for message in batch:
            if message.expires_us is not None and message.expires_us <= started_us:
                log.warning("message dropped, too old", lane=self.name, message_id=message.message_id)
                results.append(self._ended(message, "dropped", TOO_OLD, started_us))
            elif self._gone:
                results.append(self._ended(message, "parked", self._gone, started_us))
            else:
                live.append(message)
        if live:
            outcomes = self._try(live)
            self._note_call(outcomes)
            results += [self._judge(m, outcome, started_us) for m, outcome in zip(live, outcomes, strict=True)]
        with self._changed:
            # Before the report: as soon as it is in the queue it may be committed.
            self._uncommitted.update(m.message_id for m in results if m.state != "pending")
        gone = "" if parked_before else self._gone
        self._report(DeliveryResult(self.name, tuple(results), self._clock(), gone, self._news_of_trouble()))
        with self._changed:
            for message in results:
                if message.state == "pending" and message.message_id not in self._cancelled:
                    self._push(message)
                else:
                    self._finish(message)

    def _try(self, messages: list[OutboxMessage]) -> Sequence[Outcome]:
        try:
            outcomes = self._deliver(messages)
            if len(outcomes) != len(messages):
                raise ValueError(f"{len(outcomes)} outcomes of {len(messages)} messages")
            return outcomes
        except Exception as error:  # noqa: BLE001 - code from outside may raise anything; it costs one try
            log.error("delivery raised", lane=self.name, error=type(error).__name__)
            return [Outcome("retry", f"the delivery failed: {type(error).__name__}")] * len(messages)

    def _note_call(self, outcomes: Sequence[Outcome]) -> None:
        """Tell the breaker how a call went: once, however many messages it carried."""
        failures = [outcome for outcome in outcomes if outcome.kind == "retry"]
        if len(failures) < len(outcomes):
            self._breaker.succeeded()
            self._trouble, self._told_trouble = "", False
        elif all(outcome.retry_after_us is None for outcome in failures) and self._breaker.failed(self._clock()):
            # One that says when to come again is alive and asks for less, which is no failure.
            self._trouble = failures[0].detail
            log.error("circuit breaker open", lane=self.name, detail=self._trouble)

    def _news_of_trouble(self) -> str:
        """Return why nothing gets through, where that was not said yet."""
        if not self._trouble or self._told_trouble:
            return ""
        self._told_trouble = True
        return self._trouble

    def _judge(self, message: OutboxMessage, outcome: Outcome, started_us: int) -> OutboxMessage:
        """Return the message as it is after a try."""
        ended_us = self._clock()
        if outcome.kind == "ok":
            return self._tried(message, started_us, state="delivered", finished_us=ended_us, last_error="")
        if outcome.kind == "wait":
            # No try, so that the schedule of tries is not used up.
            self._paused_until_us = ended_us + min(outcome.retry_after_us or 0, LONGEST_WAIT_US)
            return msgspec.structs.replace(message, next_try_us=self._paused_until_us)
        if outcome.kind == "gone":
            self._gone = outcome.detail
            log.error("receiver is gone, its lane is parked", lane=self.name, detail=outcome.detail)
        if outcome.kind in ("gone", "refused"):
            return self._tried(message, started_us, state="parked", finished_us=ended_us, last_error=outcome.detail)
        return self._put_off(message, outcome, started_us, ended_us)

    def _put_off(self, message: OutboxMessage, outcome: Outcome, started_us: int, ended_us: int) -> OutboxMessage:
        first_us = message.first_try_us if message.first_try_us is not None else started_us
        due_us = self._schedule.next_try(message.attempts + 1, first_us, ended_us, self._chance)
        if outcome.retry_after_us is not None:
            # A pause for the whole lane.
            self._paused_until_us = ended_us + min(outcome.retry_after_us, LONGEST_WAIT_US)
        if due_us is not None and max(due_us, self._paused_until_us) - first_us > _PATIENCE_US:
            self._trouble = outcome.detail
        if due_us is None:
            log.error("message parked after its last try", lane=self.name, message_id=message.message_id)
            return self._tried(message, started_us, state="parked", finished_us=ended_us, last_error=outcome.detail)
        log.warning("try failed", lane=self.name, message_id=message.message_id, detail=outcome.detail)
        return self._tried(message, started_us, next_try_us=due_us, last_error=outcome.detail)

    @staticmethod
    def _tried(message: OutboxMessage, started_us: int, **changes: object) -> OutboxMessage:
        # A copy: the loop's thread still holds the object that it offered.
        first_us = message.first_try_us if message.first_try_us is not None else started_us
        return msgspec.structs.replace(message, attempts=message.attempts + 1, first_try_us=first_us, **changes)

    @staticmethod
    def _ended(message: OutboxMessage, state: OutboxState, why: str, at_us: int) -> OutboxMessage:
        return msgspec.structs.replace(message, state=state, finished_us=at_us, last_error=why)

    def _report(self, result: DeliveryResult) -> None:
        while not self._stopping.is_set():
            try:
                self._submit(result)
            except queue.Full:
                self._stopping.wait(_SUBMIT_PAUSE_S)
            except Exception as error:  # noqa: BLE001 - a result that is lost would be a delivery made twice
                log.error("result not taken", lane=self.name, error=type(error).__name__)
                self._stopping.wait(_FAULT_PAUSE_S)
            else:
                return

    def _finish(self, message: OutboxMessage) -> None:
        """Let go of a message, and bring forward the next one of its key."""
        self._held.discard(message.message_id)
        self._cancelled.discard(message.message_id)
        queued = self._behind[message.ordering_key]
        if queued:
            self._push(queued.popleft())
        else:
            del self._behind[message.ordering_key]
