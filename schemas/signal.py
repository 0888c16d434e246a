"""Facts that the pipeline makes itself and that the detectors must see again in a replay."""

from __future__ import annotations

from typing import Literal

import msgspec

SignalKind = Literal[
    "tick",
    "revocation_delivered",
    "revocation_released",
    "rule_switched_off",
    "session_flagged",
    "verdict",
    "list_changed",
    "idp_event",
    "idp_alert",
]


class Signal(msgspec.Struct, frozen=True, gc=False):
    """A fact of the pipeline's own, stored in the batch in which it was seen.

    Attributes:
        signal_id: unique; orders signals of one instant.
        time_us: when it became true, on the pipeline's clock; for a tick the stream time.
        kind: what happened; ``session_flagged``: an alert says that a session may not be its user's, so that nothing
            is learned of it; ``list_changed``: a network list is another, or gone (`detectors.kept_lists.changed`);
            ``idp_alert``: what a provider says has led to an alert, which counts for others as those of rules do.
        app, session_id, user_id: whom it concerns; None for a tick.
        payload: small facts by name, such as ``revocation_id`` or ``rule_id``.
        seq: its place in the order of ingestion.
    """

    signal_id: str
    time_us: int
    kind: SignalKind
    app: str | None = None
    session_id: str | None = None
    user_id: str | None = None
    payload: dict[str, str | int] = {}
    seq: int = 0
