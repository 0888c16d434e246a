"""One key as bytes, in the snapshot and in memory while it sleeps: msgpack with fixed types, never pickle.

A tail is written as the sequence numbers of its events, which are rows already: written out, the events of three
minutes are ten times what is known of the key.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from detectors.context import KeyContext, SessionContext, UserContext
from detectors.profile import EMPTY
from detectors.rules import AnyRule
from detectors.state import Pending, State
from detectors.timeline import Item, Timeline, entry_of, order_of
from schemas.alert import Alert
from schemas.event import Event
from schemas.signal import Signal


class StoredTimeline(msgspec.Struct, array_like=True):
    """A timeline as stored: the head is left out, since it follows from base and tail."""

    sessions: dict[str, SessionContext]
    user: UserContext | None
    keyed: KeyContext | None
    memory: dict[str, msgspec.Raw]
    alerts: dict[str, Alert]
    pending: dict[str, Pending]
    tail: list[int]
    middle_at: int
    signals: list[Signal]
    base_order: tuple[int, str]
    newest_us: int
    trusted: bool = True

    @property
    def is_quiet(self) -> bool:
        """Whether nothing but its base counts: then it can sleep as it was written."""
        return self.trusted and not (self.tail or self.signals or self.alerts or self.pending)


_encode = msgspec.msgpack.Encoder().encode
_timeline = msgspec.msgpack.Decoder(StoredTimeline)


def read(content: bytes) -> StoredTimeline:
    """Return what was written.

    Raises:
        msgspec.DecodeError: it is of another version.
    """
    return _timeline.decode(content)


def write(timeline: Timeline) -> bytes:
    """Return a timeline as msgpack."""
    base = timeline.base
    sessions = {name: context for name, context in base.contexts.items() if isinstance(context, SessionContext)}
    only = base.contexts.get("")
    stored = StoredTimeline(
        sessions=sessions,
        # What is ordinary is made of rows already, and looked up when the user comes back.
        user=msgspec.structs.replace(only, profile=EMPTY) if isinstance(only, UserContext) else None,
        keyed=only if isinstance(only, KeyContext) else None,
        memory={name: msgspec.Raw(_encode(memory)) for name, memory in base.memory.items()},
        alerts=dict(base.alerts),
        pending=dict(base.pending),
        middle_at=timeline.middle_at,
        tail=[item.seq for _, _, item in timeline.tail if isinstance(item, Event)],
        signals=[item for _, _, item in timeline.tail if isinstance(item, Signal)],
        base_order=timeline.base_order,
        newest_us=timeline.newest_us,
        trusted=timeline.trusted,
    )
    return _encode(stored)


def write_quiet(timeline: Timeline) -> bytes | None:
    """Return a timeline as msgpack, None where something else than its base counts: it is in use, or alleged of."""
    base = timeline.base
    if timeline.tail or timeline.head is not base or base.alerts or base.pending or timeline.published:
        return None
    return write(timeline)


def fill(
    timeline: Timeline, stored: StoredTimeline, rules: Mapping[str, type[AnyRule]], events: Mapping[int, Event]
) -> Timeline:
    """Fill an empty timeline with what was written of one, and return it.

    Args:
        timeline: as `Engine.new_timeline` returns it.
        stored: as `read` returned it.
        rules: rule classes by id; the memory of a rule that is no longer there is left out.
        events: those of the tail, by their sequence numbers.
    """
    state = State(alerts=stored.alerts, pending=stored.pending)
    state.contexts.update(stored.sessions)
    only = stored.user or stored.keyed
    if only is not None:
        state.contexts[""] = only
    for name, raw in stored.memory.items():
        rule = rules.get(name.split(" ", 1)[0])
        if rule is not None and rule.memory is not None:
            state.memory[name] = msgspec.msgpack.decode(raw, type=rule.memory)
    timeline.base = timeline.middle = timeline.head = state
    items: list[Item] = [*(events[seq] for seq in stored.tail if seq in events), *stored.signals]
    timeline.tail = sorted(map(entry_of, items), key=order_of)
    timeline.middle_at = min(stored.middle_at, len(timeline.tail))
    timeline.base_order = stored.base_order
    timeline.newest_us = stored.newest_us
    timeline.trusted = stored.trusted
    return timeline
