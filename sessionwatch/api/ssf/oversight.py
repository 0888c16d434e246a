"""Streams as the operator sees them, and what the operator may do about them."""

from __future__ import annotations

import msgspec

from response.ssf.commands import SaveStream
from response.ssf.stream import Stream
from response.ssf.vocabulary import STREAM_UPDATED
from schemas.api import StreamList, StreamStatusRequest, StreamView
from sessionwatch.api.acts import Acts
from sessionwatch.api.problem import Refusal, not_found
from sessionwatch.api.ssf.hub import Hub
from sessionwatch.api.ssf.streams import control_message


def stream_list(hub: Hub) -> StreamList:
    """Return the streams of all receivers that have one."""
    found = (hub.streams.of(name) for name in sorted(hub.receivers))
    return StreamList(items=[stream_view(stream) for stream in found if stream is not None])


def stream_view(stream: Stream) -> StreamView:
    """Return a stream; what it is authorized by is not shown."""
    return StreamView(
        receiver=stream.receiver,
        stream_id=stream.stream_id,
        method=stream.method,
        # The path and query of a configured URL may hold a token.
        endpoint_url=None if stream.standing else stream.endpoint_url,
        status=stream.status,
        reason=stream.reason,
        description=stream.description,
        events=list(stream.delivered),
        removed=len(stream.removed),
        standing=stream.standing,
    )


def change_status(hub: Hub, name: str, acts: Acts, wanted: StreamStatusRequest, by: str) -> StreamView:
    """Give a stream another status, and have its receiver told by a stream-updated event.

    Raises:
        Refusal: 404, the receiver has no stream; 409, it stands in the configuration, or nothing sends to it.
    """
    receiver, stream = hub.receivers.get(name), hub.streams.of(name)
    if receiver is None or stream is None:
        raise not_found("stream")
    if stream.standing:
        raise Refusal(409, "this stream stands in the configuration: change it there")
    with receiver.changing:
        changed = msgspec.structs.replace(stream, status=wanted.status, reason=wanted.reason)
        event = {"status": wanted.status, "reason": wanted.reason}
        told = control_message(receiver, changed, STREAM_UPDATED, event, hub.clock())
        acts.do(SaveStream(changed, f"stream {wanted.status}", by, (told,)))
    return stream_view(changed)
