"""Signals as rows: appended with the events, in one sequence."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pyarrow as pa

from schemas.signal import Signal
from store.arrow import INSTANT, texts

INSERT_SIGNALS = """
INSERT INTO signals SELECT seq, signal_id, signal_time, kind, app, session_id, user_id, payload FROM incoming
"""


def to_arrow(signals: Sequence[Signal], first_seq: int) -> pa.Table:
    """Return signals as rows, numbered from `first_seq`."""
    return pa.table(
        {
            "seq": range(first_seq, first_seq + len(signals)),
            "signal_id": texts(signal.signal_id for signal in signals),
            "signal_time": pa.array([signal.time_us for signal in signals], INSTANT),
            "kind": texts(signal.kind for signal in signals),
            "app": texts(signal.app for signal in signals),
            "session_id": texts(signal.session_id for signal in signals),
            "user_id": texts(signal.user_id for signal in signals),
            "payload": texts(msgspec.json.encode(signal.payload).decode() for signal in signals),
        }
    )
