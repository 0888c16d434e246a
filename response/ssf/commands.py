"""What receivers and transmitters of shared signals ask of the batch loop."""

from __future__ import annotations

import msgspec

from response.ssf.stream import Stream
from response.ssf.verify import ReceivedSet
from store.rows import IdpSession, OutboxMessage


class SaveStream(msgspec.Struct, frozen=True, gc=False):
    """A receiver makes or changes its stream, or the operator does.

    Attributes:
        act: what the audit log calls it.
        by: who does; empty = the receiver.
        messages: that tell the receiver.
    """

    stream: Stream
    act: str
    by: str = ""
    messages: tuple[OutboxMessage, ...] = ()


class DropStream(msgspec.Struct, frozen=True, gc=False):
    """A receiver deletes its stream."""

    receiver: str
    stream_id: str


class Announce(msgspec.Struct, frozen=True, gc=False):
    """A receiver asks for a verification event, or is told of its stream."""

    message: OutboxMessage
    by: str


class TakeSet(msgspec.Struct, frozen=True, gc=False):
    """An identity provider has said something.

    Attributes:
        transmitter: by whom, as in the configuration.
        received: its token, verified.
        sessions: of the realm's apps, those that it is about.
        user_id: whom it is about, where it says so.
    """

    transmitter: str
    received: ReceivedSet
    sessions: tuple[IdpSession, ...] = ()
    user_id: str | None = None
