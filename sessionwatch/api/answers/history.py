"""Stored history as msgpack, page by page: for those who judge it again somewhere else."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from operator import attrgetter

import msgspec

from schemas.event import Event
from schemas.signal import Signal
from sessionwatch.api.asker import Asker

MSGPACK = "application/msgpack"


class _Page(msgspec.Struct, array_like=True):
    events: list[Event]
    signals: list[Signal]
    next: int | None


_decode = msgspec.msgpack.Decoder(_Page).decode


def history_page(asker: Asker, since_us: int, after: int | None) -> bytes:
    """Return a page of what was stored since an instant.

    Args:
        asker: who asks.
        since_us: microseconds since the epoch.
        after: as the page before said; None for the first.
    """
    items, following = asker.reader.replay_page(since_us, after)
    events = [item for item in items if isinstance(item, Event)]
    signals = [item for item in items if isinstance(item, Signal)]
    return msgspec.msgpack.encode(_Page(events, signals, following))


def decode_page(content: bytes) -> tuple[Iterable[Event | Signal], int | None]:
    """Return a page's events and signals in the order of ingestion, and where the next one begins.

    Raises:
        msgspec.MsgspecError: it is no such page.
    """
    page = _decode(content)
    stored: list[Iterable[Event | Signal]] = [page.events, page.signals]
    return heapq.merge(*stored, key=attrgetter("seq")), page.next
