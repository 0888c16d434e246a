"""The engine's state as rows, one a key, and an engine filled from them again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

import msgspec

from detectors import stored
from detectors.context import UserContext
from detectors.engine import Engine
from detectors.profile import UserKey, read_days, user_of
from detectors.rule import RULE_KEYS, RuleKey
from detectors.rules import AnyRule
from detectors.timeline import Timeline
from schemas.event import Event
from schemas.instant import DAY
from store.rows import SnapshotRow, UserDay

ENGINE_ROW = ("engine", "engine")
"""Kind and key of the row that holds what belongs to no key."""


class StoredEngine(msgspec.Struct):
    """What belongs to no key: stream time, the rules that are off because they raised, and those on their way there.

    Attributes:
        faults: by rule the hour since the epoch, and the items at which it raised in it.
    """

    stream_us: int
    switched_off: list[str]
    faults: dict[str, tuple[int, list[str]]] = {}


_encode = msgspec.msgpack.Encoder().encode
_engine = msgspec.msgpack.Decoder(StoredEngine)


def take(engine: Engine) -> list[SnapshotRow]:
    """Return the rows for every key changed since the last call."""
    rows = [
        SnapshotRow(kind, key, None if timeline is None else stored.write(timeline))
        for (kind, key), timeline in engine.take_dirty()
    ]
    whole = StoredEngine(engine.stream_us, sorted(engine.faults.switched_off), engine.faults.stored())
    rows.append(SnapshotRow(*ENGINE_ROW, _encode(whole)))
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
    read: list[tuple[RuleKey, str, stored.StoredTimeline]] = []
    quiet: list[tuple[str, int, bytes]] = []
    for row in rows:
        if row.content is None:
            continue
        if row.kind == ENGINE_ROW[0]:
            whole = _engine.decode(row.content)
            engine.stream_us = whole.stream_us
            engine.faults.restore(whole.switched_off, whole.faults)
        else:
            kind = next(kind for kind in RULE_KEYS if kind == row.kind)
            one = stored.read(row.content)
            if kind == "session" and one.is_quiet:
                # Most of what there is: as objects it would not fit where it fits as it lies.
                engine.adopt_members(row.key, one.sessions)
                quiet.append((row.key, one.newest_us, row.content))
            else:
                read.append((kind, row.key, one))
    found = events({seq for _, _, timeline in read for seq in timeline.tail})
    filled = [
        (kind, key, stored.fill(engine.new_timeline(kind), timeline, rules, found)) for kind, key, timeline in read
    ]
    _inform({key: timeline for kind, key, timeline in filled if kind == "user" and timeline.tail}, days)
    quiet.sort(key=lambda one: one[1])
    filled.sort(key=lambda one: one[2].newest_us)
    # Sessions first: those that are not quiet are the younger ones. After the engine's own row, wherever that stood:
    # rebuilding a head needs the stream time.
    for key, newest_us, content in quiet:
        engine.adopt_asleep(key, newest_us, content)
    for kind, key, timeline in filled:
        engine.adopt(kind, key, timeline)
    return len(quiet) + len(filled)


def _inform(users: Mapping[str, Timeline], days: DaysOf) -> None:
    wanted = {user_of(key): timeline.tail[0][0] // DAY for key, timeline in users.items()}
    found = read_days(days(wanted)) if wanted else {}
    for key, timeline in users.items():
        user = user_of(key)
        timeline.inform(UserContext(*user), found.get(user, []), wanted[user])
