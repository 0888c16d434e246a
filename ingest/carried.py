"""Signals on their way into the next batch, as the store keeps them: a kill in between must not lose them.

What a batch leads to may be told to the detectors in the next one only, behind the events that led to it.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import structlog

from schemas.signal import Signal

FACT = "carried signals"
"""The name of the fact that the store keeps."""

log = structlog.get_logger(__name__)


def write(signals: Sequence[Signal]) -> str:
    """Return what is stored, in the transaction of the batch that led to them."""
    return msgspec.json.encode(signals).decode()


def read(fact: str | None) -> list[Signal]:
    """Return what was stored; nothing where nothing was, or where it cannot be read."""
    try:
        return msgspec.json.decode(fact, type=list[Signal]) if fact else []
    except msgspec.MsgspecError:
        log.warning("signals of the last batch cannot be read by this version")
        return []
