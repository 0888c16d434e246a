"""Stream management, SSF 1.0 section 8.1: each receiver has one stream."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

import msgspec

from response.ssf.commands import Announce, DropStream, SaveStream
from response.ssf.stream import Stream
from response.ssf.subject import check_subject
from response.ssf.vocabulary import POLL, PUSH, VERIFICATION
from response.targets import lane_of
from response.targets.ssf import CONTROL_KIND, Control
from schemas.instant import SECOND
from sessionwatch.api.acts import Acts
from sessionwatch.api.problem import Refusal, not_found
from sessionwatch.api.ssf.hub import Hub, Receiver
from sessionwatch.api.ssf.stream_body import (
    MIN_VERIFICATION_US,
    StatusBody,
    StreamBody,
    SubjectBody,
    VerificationBody,
    check_fixed,
    delivery_of,
    shown,
)
from store.rows import OutboxMessage

MOST_REMOVED = 1_000
"""Subjects that one stream may leave out."""


def metadata(hub: Hub) -> dict[str, object]:
    """Return the transmitter's configuration, SSF 1.0 section 7."""
    base = hub.issuer
    return {
        "spec_version": "1_0",
        "issuer": base,
        "jwks_uri": f"{base}/ssf/jwks.json",
        "delivery_methods_supported": [PUSH, POLL],
        "configuration_endpoint": f"{base}/ssf/streams",
        "status_endpoint": f"{base}/ssf/status",
        "add_subject_endpoint": f"{base}/ssf/subjects/add",
        "remove_subject_endpoint": f"{base}/ssf/subjects/remove",
        "verification_endpoint": f"{base}/ssf/verify",
        "authorization_schemes": [{"spec_urn": "urn:ietf:rfc:6750"}],
        "default_subjects": "ALL",
        "critical_subject_members": ["session", "user"],
    }


def stream_of(hub: Hub, receiver: Receiver, stream_id: str | None) -> Stream:
    """Return a receiver's stream.

    Raises:
        Refusal: 404, it has none of this id.
    """
    stream = hub.streams.of(receiver.name)
    if stream is None or stream_id != stream.stream_id:
        raise not_found("stream")
    return stream


def show(hub: Hub, receiver: Receiver, stream_id: str | None) -> dict[str, object] | list[dict[str, object]]:
    """Return one stream, or without an id the list of those there are."""
    if stream_id is None:
        stream = hub.streams.of(receiver.name)
        return [] if stream is None else [shown(stream, receiver, hub)]
    return shown(stream_of(hub, receiver, stream_id), receiver, hub)


def create(hub: Hub, receiver: Receiver, acts: Acts, body: StreamBody) -> dict[str, object]:
    """Make a receiver's stream.

    Raises:
        Refusal: 409, it has one already.
    """
    with receiver.changing:
        known = hub.streams.of(receiver.name)
        if known is not None and not known.standing:
            raise Refusal(409, "the receiver has a stream already, and may have one")
        return _save(hub, receiver, acts, body, Stream(receiver.name, str(uuid.uuid4()), "poll"), "stream made")


def update(hub: Hub, receiver: Receiver, acts: Acts, body: StreamBody) -> dict[str, object]:
    """Change what a body names."""
    with receiver.changing:
        stream = _changeable(hub, receiver, body.stream_id)
        kept = StreamBody(
            delivery=body.delivery,
            events_requested=body.events_requested if body.events_requested is not None else list(stream.requested),
            description=body.description if body.description is not None else stream.description,
            iss=body.iss,
            aud=body.aud,
        )
        return _save(hub, receiver, acts, kept, stream, "stream changed", keep_delivery=body.delivery is None)


def replace(hub: Hub, receiver: Receiver, acts: Acts, body: StreamBody) -> dict[str, object]:
    """Write a stream anew: what a body does not name is as in a new stream."""
    with receiver.changing:
        stream = _changeable(hub, receiver, body.stream_id)
        return _save(hub, receiver, acts, body, stream, "stream replaced")


def delete(hub: Hub, receiver: Receiver, acts: Acts, stream_id: str | None) -> None:
    """Delete a stream."""
    with receiver.changing:
        stream = _changeable(hub, receiver, stream_id)
        acts.do(DropStream(receiver.name, stream.stream_id))


def status(stream: Stream) -> dict[str, object]:
    """Return how a stream is."""
    told: dict[str, object] = {"stream_id": stream.stream_id, "status": stream.status}
    return told | ({"reason": stream.reason} if stream.reason else {})


def set_status(hub: Hub, receiver: Receiver, acts: Acts, body: StatusBody) -> dict[str, object]:
    """Enable, pause or disable a stream."""
    with receiver.changing:
        stream = _changeable(hub, receiver, body.stream_id)
        changed = msgspec.structs.replace(stream, status=body.status, reason=body.reason)
        acts.do(SaveStream(changed, f"stream {body.status}"))
        return status(changed)


def add_subject(hub: Hub, receiver: Receiver, acts: Acts, body: SubjectBody) -> None:
    """Take a subject in that was removed; all others are subjects already."""
    with receiver.changing:
        stream, subject = _changeable(hub, receiver, body.stream_id), _subject(body)
        removed = tuple(one for one in stream.removed if one != subject)
        if len(removed) != len(stream.removed):
            acts.do(SaveStream(msgspec.structs.replace(stream, removed=removed), "subject added"))


def remove_subject(hub: Hub, receiver: Receiver, acts: Acts, body: SubjectBody) -> None:
    """Leave a subject out from now on.

    Raises:
        Refusal: 403, a thousand are left out already.
    """
    with receiver.changing:
        stream, subject = _changeable(hub, receiver, body.stream_id), _subject(body)
        if subject in stream.removed:
            return
        if len(stream.removed) >= MOST_REMOVED:
            raise Refusal(403, f"a stream can leave out {MOST_REMOVED} subjects")
        acts.do(SaveStream(msgspec.structs.replace(stream, removed=(*stream.removed, subject)), "subject removed"))


def ask_verification(hub: Hub, receiver: Receiver, acts: Acts, body: VerificationBody) -> None:
    """Have a verification event sent by the stream.

    Raises:
        Refusal: 429, asked too often.
    """
    with receiver.changing:
        stream = stream_of(hub, receiver, body.stream_id)
        now_us = hub.clock()
        wait_us = hub.verified_us.get(receiver.name, 0) + MIN_VERIFICATION_US - now_us
        if wait_us > 0:
            raise Refusal(429, "asked too often", {"retry-after": str(wait_us // SECOND + 1)})
        hub.verified_us[receiver.name] = now_us
        event = {} if body.state is None else {"state": body.state}
        acts.do(Announce(control_message(receiver, stream, VERIFICATION, event, now_us), receiver.name))


def control_message(
    receiver: Receiver, stream: Stream, event_type: str, event: Mapping[str, str], now_us: int
) -> OutboxMessage:
    """Return the message that tells a receiver something of its stream.

    Raises:
        Refusal: 409, no target of the configuration sends to this receiver.
    """
    if not receiver.targets:
        raise Refusal(409, "no target sends to this receiver yet")
    payload = msgspec.json.encode(Control(event_type, dict(event), stream.stream_id)).decode()
    return OutboxMessage(
        message_id=str(uuid.uuid4()),
        lane=lane_of(receiver.targets[0]),
        kind=CONTROL_KIND,
        ordering_key=f"stream:{stream.stream_id}",
        subject=stream.stream_id,
        payload=payload,
        created_us=now_us,
    )


def _changeable(hub: Hub, receiver: Receiver, stream_id: str | None) -> Stream:
    stream = stream_of(hub, receiver, stream_id)
    if stream.standing:
        raise Refusal(403, "this stream stands in the transmitter's configuration: make one of your own by POST")
    return stream


def _save(
    hub: Hub,
    receiver: Receiver,
    acts: Acts,
    body: StreamBody,
    stream: Stream,
    act: str,
    *,
    keep_delivery: bool = False,
) -> dict[str, object]:
    check_fixed(body, receiver, hub)
    if keep_delivery:
        method, url, authorization = stream.method, stream.endpoint_url, stream.authorization
    else:
        method, url, authorization = delivery_of(body, receiver, hub)
    changed = msgspec.structs.replace(
        stream,
        method=method,
        endpoint_url=url,
        authorization=authorization,
        requested=tuple(body.events_requested or ()),
        description=body.description or "",
    )
    acts.do(SaveStream(changed, act))
    return shown(changed, receiver, hub)


def _subject(body: SubjectBody) -> Mapping[str, object]:
    try:
        return check_subject(body.subject)
    except ValueError as error:
        raise Refusal(400, f"subject: {error}") from None
