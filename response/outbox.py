"""The outbox: hands committed messages to their lanes."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable

import structlog

from response.chat import AT_ONCE as AT_ONCE_TO_CHAT
from response.chat import Chat
from response.dead_letter_topic import AT_ONCE, TopicProducer
from response.digests import DigestMail
from response.lanes import Deliver, Lane, Load, Submit
from response.outcome import Outcome
from response.schedule import URGENT
from response.siem.destination import AT_ONCE as AT_ONCE_TO_SIEM
from response.siem.destination import Destination
from response.targets import Target, lane_of
from response.user_notices import UserMail
from store.rows import OutboxMessage

log = structlog.get_logger()


class Outbox:
    """All lanes. Messages leave only after the transaction that stored them.

    Args:
        lanes: one for each receiver of the configuration.
        submit: takes the results of messages that no lane carries.
        load: returns the pending messages of a lane that is not in the configuration (any more).
    """

    def __init__(self, lanes: Iterable[Lane], submit: Submit, load: Load | None = None) -> None:
        self._lanes = {lane.name: lane for lane in lanes}
        self._submit = submit
        self._load = load

    def start(self, pending_lanes: Iterable[str]) -> None:
        """Start the lanes; each fetches what an earlier run has left it.

        Args:
            pending_lanes: those that have something left in the store.
        """
        for lane in self._lanes.values():
            lane.start()
        if self._load is not None:
            for name in pending_lanes:
                if name not in self._lanes:
                    self._give_up(name)

    def offer(self, messages: Iterable[OutboxMessage]) -> None:
        """Hand over messages right after their commit. Never blocks."""
        for name, group in _by_lane(messages).items():
            if name not in self._lanes:
                self._give_up(name)
            self._lanes[name].offer(group)

    def cancel(self, messages: Iterable[OutboxMessage]) -> None:
        """Take back messages that need not leave any more."""
        for name, group in _by_lane(messages).items():
            if name in self._lanes:
                self._lanes[name].cancel(group)

    def hurry(self, lanes: Iterable[str]) -> None:
        """Have what waits in these lanes tried at once."""
        for name in lanes:
            if name in self._lanes:
                self._lanes[name].hurry()

    def committed(self, messages: Iterable[OutboxMessage]) -> None:
        """Note that these results of lanes are stored."""
        for name, group in _by_lane(messages).items():
            if name in self._lanes:
                self._lanes[name].committed(message.message_id for message in group)

    def waiting(self) -> dict[str, int]:
        """Return how many messages each lane holds."""
        return {name: lane.waiting() for name, lane in self._lanes.items()}

    def open_breakers(self) -> dict[str, int]:
        """Return by lane when its next probe is made, microseconds, of those whose receiver only fails."""
        times = {name: lane.opens_at() for name, lane in self._lanes.items()}
        return {name: opens_us for name, opens_us in times.items() if opens_us}

    def close(self, timeout_s: float = 2.0) -> None:
        """Stop every lane, within `timeout_s` seconds in all; what has not left does so after the next start."""
        deadline = time.monotonic() + timeout_s
        for lane in self._lanes.values():
            lane.stop(0)
        for lane in self._lanes.values():
            lane.stop(max(0.0, deadline - time.monotonic()))

    def _give_up(self, name: str) -> None:
        """Open a lane that parks the messages of a receiver that does not stand in the configuration (any more)."""
        log.warning("messages are parked, their lane is not configured", lane=name)
        refused = Outcome("refused", f"{name} is not in the configuration")
        lane = Lane(name, lambda messages: [refused] * len(messages), self._submit, at_once=AT_ONCE, load=self._load)
        self._lanes[name] = lane
        lane.start()


def open_lanes(
    targets: Iterable[Target],
    chats: Iterable[Chat],
    submit: Submit,
    *,
    topics: Iterable[TopicProducer] = (),
    siem: Iterable[Destination] = (),
    mails: Iterable[UserMail | DigestMail] = (),
    load: Load | None = None,
) -> list[Lane]:
    """Return a lane for each receiver.

    Args:
        targets, chats, topics, siem, mails: the receivers.
        submit: takes the results.
        load: returns a lane's pending messages from the store: what an earlier run left, or exceeds its memory.
    """
    lanes = [
        Lane(lane_of(one), one_by_one(one), submit, schedule=URGENT, load=load, close=one.close) for one in targets
    ]
    lanes += [
        Lane(name, one.deliver, submit, at_once=AT_ONCE_TO_CHAT, load=load) for one in chats for name in one.lanes
    ]
    lanes += [Lane(one.lane, one.deliver, submit, load=load) for one in mails]
    lanes += [Lane(one.lane, one.deliver, submit, at_once=AT_ONCE, load=load, close=one.close) for one in topics]
    lanes += [
        Lane(one.lane, one.way.deliver, submit, at_once=AT_ONCE_TO_SIEM, load=load, close=one.way.close) for one in siem
    ]
    return lanes


def one_by_one(target: Target) -> Deliver:
    """Return a target's delivery as a lane calls it."""
    return lambda messages: [target.deliver(message) for message in messages]


def _by_lane(messages: Iterable[OutboxMessage]) -> dict[str, list[OutboxMessage]]:
    groups: dict[str, list[OutboxMessage]] = defaultdict(list)
    for message in messages:
        groups[message.lane].append(message)
    return groups
