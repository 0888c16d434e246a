"""What came of one try to deliver a message."""

from __future__ import annotations

from typing import Literal

import msgspec


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What came of one try.

    Attributes:
        kind: ok (taken); retry (try again by the schedule); wait (not tried: the whole lane waits); gone (the
            receiver wants nothing any more: the whole lane is parked); refused (this message will never be taken:
            it is parked alone).
        detail: why, in a few words without any secret.
        retry_after_us: how long the receiver asks everybody to wait, microseconds; None where it does not.
    """

    kind: Literal["ok", "retry", "wait", "gone", "refused"]
    detail: str = ""
    retry_after_us: int | None = None


DELIVERED = Outcome("ok")
