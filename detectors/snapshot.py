"""State as bytes: msgpack with fixed types, never pickle.

A tail is stored as the sequence numbers of its events, which are rows already: written out, the events of three
minutes are ten times what is known of the key.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

import msgspec

from detectors.context import KeyContext, SessionContext, UserContext
from detectors.engine import Engine
from detectors.profile import EMPTY, UserKey, read_days, user_of
from detectors.rule import RULE_KEYS, RuleKey
from detectors.rules import AnyRule
from detectors.state import Pending, State
from detectors.timeline import Item, Timeline, entry_of, order_of
from schemas.alert import Alert
from schemas.event import Event
from schemas.instant import DAY
from schemas.signal import Signal
from store.rows import SnapshotRow, UserDay

ENGINE_ROW = ("engine", "engine")
"""Kind and key of the row that holds what belongs to no key."""


class StoredTimeline(msgspec.Struct):
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


class StoredEngine(msgspec.Struct):
    """What belongs to no key: stream time, the rules that are off because they raised, and those on their way there.

    Attributes:
        faults: by rule the hour since the epoch, and the items at which it raised in it.
    """

    stream_us: int
    switched_off: list[str]
    faults: dict[str, tuple[int, list[str]]] = {}


_encode = msgspec.msgpack.Encoder().encode
_timeline = msgspec.msgpack.Decoder(StoredTimeline)
_engine = msgspec.msgpack.Decoder(StoredEngine)


def take(engine: Engine) -> list[SnapshotRow]:
    """Return the rows for every key changed since the last call."""
    rows = [
        SnapshotRow(kind, key, None if timeline is None else encode(timeline))
        for (kind, key), timeline in engine.take_dirty()
    ]
    stored = StoredEngine(engine.stream_us, sorted(engine.faults.switched_off), engine.faults.stored())
    rows.append(SnapshotRow(*ENGINE_ROW, _encode(stored)))
    return rows


DaysOf = Callable[[Mapping[UserKey, int]], Iterable[UserDay]]
"""Looks up the finished days of users, each before a day (days since the epoch)."""

EventsBySeq = Callable[[Collection[int]], Mapping[int, Event]]
"""Looks stored events up by their sequence numbers."""


def restore(
    engine: Engine,
    rows: Iterable[SnapshotRow],
    rules: Mapping[str, type[AnyRule]],
    events: EventsBySeq,
    days: DaysOf,
) -> int:
    """Fill an engine from the newest row of each key.

    Args:
        engine: to be filled.
        rows: the newest of each key.
        rules: rule classes by id; the memory of a rule that is no longer there is left out.
        events: the look-up for the tails.
        days: the look-up for the users who have one: their tails are judged again.

    Returns:
        how many keys were restored.
    """
    stored: list[tuple[RuleKey, str, StoredTimeline]] = []
    for row in rows:
        if row.content is None:
            continue
        if row.kind == ENGINE_ROW[0]:
            whole = _engine.decode(row.content)
            engine.stream_us = whole.stream_us
            engine.faults.restore(whole.switched_off, whole.faults)
        else:
            kind = next(kind for kind in RULE_KEYS if kind == row.kind)
            stored.append((kind, row.key, _timeline.decode(row.content)))
    found = events({seq for _, _, timeline in stored for seq in timeline.tail})
    filled = [(kind, key, _filled(engine.new_timeline(kind), timeline, rules, found)) for kind, key, timeline in stored]
    _inform({key: timeline for kind, key, timeline in filled if kind == "user" and timeline.tail}, days)
    # After the engine's own row, wherever that stood: rebuilding a head needs the stream time.
    for kind, key, timeline in filled:
        engine.adopt(kind, key, timeline)
    engine.take_dirty()
    return len(stored)


def encode(timeline: Timeline) -> bytes:
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
    )
    return _encode(stored)


def _inform(users: Mapping[str, Timeline], days: DaysOf) -> None:
    wanted = {user_of(key): timeline.tail[0][0] // DAY for key, timeline in users.items()}
    found = read_days(days(wanted)) if wanted else {}
    for key, timeline in users.items():
        user = user_of(key)
        timeline.inform(UserContext(*user), found.get(user, []), wanted[user])


def _filled(
    timeline: Timeline, stored: StoredTimeline, rules: Mapping[str, type[AnyRule]], events: Mapping[int, Event]
) -> Timeline:
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
    return timeline
