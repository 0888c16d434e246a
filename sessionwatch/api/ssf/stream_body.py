"""The bodies of stream management, SSF 1.0 section 8.1: what a receiver may say, and what it is told."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from response.ssf.allow_list import is_allowed
from response.ssf.stream import Stream, StreamStatus
from response.ssf.vocabulary import POLL, PUSH, SENT
from schemas.instant import SECOND
from sessionwatch.api.problem import Refusal
from sessionwatch.api.ssf.hub import Hub, Receiver

MIN_VERIFICATION_US = 30 * SECOND
"""A verification event costs a delivery: a receiver may ask for one twice a minute."""

Line = Annotated[str, Field(max_length=300)]


class Body(BaseModel):
    """A body; what a receiver says beyond the standard is passed over, as the standard asks."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class Delivery(Body):
    """How events are to be delivered."""

    method: str
    endpoint_url: Annotated[str, Field(max_length=2_048)] | None = None
    authorization_header: Annotated[str, Field(max_length=2_048, pattern=r"^[ -~]+$")] | None = None


Kind = TypeVar("Kind", bound=Body)


class StreamBody(Body):
    """A stream, as its receiver writes it. What belongs to the transmitter must be as it is, where it is named."""

    stream_id: Line | None = None
    iss: Line | None = None
    aud: str | list[str] | None = None
    delivery: Delivery | None = None
    events_requested: Annotated[list[Line], Field(max_length=50)] | None = None
    description: Line | None = None


class StatusBody(Body):
    """The status that a receiver wants."""

    stream_id: Line | None = None
    status: StreamStatus
    reason: Line = ""


class VerificationBody(Body):
    """A wish for a verification event."""

    stream_id: Line | None = None
    state: Annotated[str, Field(max_length=1_024)] | None = None


class SubjectBody(Body):
    """A subject that is added or removed."""

    stream_id: Line | None = None
    subject: dict[str, Any]
    verified: bool = True


class SetError(Body):
    """Why a receiver does not take a token."""

    err: Line
    description: Line = ""


class PollBody(Body):
    """A poll, RFC 8936 section 2.2."""

    max_events: Annotated[int, Field(ge=0)] | None = Field(default=None, alias="maxEvents")
    return_immediately: bool = Field(default=False, alias="returnImmediately")
    ack: Annotated[list[Line], Field(max_length=1_000)] = []
    set_errs: dict[Line, SetError] = Field(default={}, alias="setErrs")


def of_stream(kind: type[Kind], content: bytes, stream_id: str | None) -> Kind:
    """Return a body about a stream; its id may stand in the query instead, where some receivers write it."""
    body = read(kind, content)
    named: str | None = getattr(body, "stream_id", None)
    return body if named is not None else body.model_copy(update={"stream_id": stream_id})


def read(kind: type[Kind], content: bytes) -> Kind:
    """Return a body.

    Raises:
        Refusal: 400, it is not as the standard wants it.
    """
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        # What was sent is not repeated.
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])[:100]
        raise Refusal(400, f"{where}: {first['msg']}"[:300]) from None


def shown(stream: Stream, receiver: Receiver, hub: Hub) -> dict[str, object]:
    """Return a stream as its receiver sees it; what it has told of its authorization is not repeated."""
    pushed = stream.method == "push"
    endpoint = stream.endpoint_url if pushed else f"{hub.issuer}/ssf/poll/{stream.stream_id}"
    return {
        "stream_id": stream.stream_id,
        "iss": hub.issuer,
        "aud": receiver.audience,
        "delivery": {"method": PUSH if pushed else POLL, "endpoint_url": endpoint},
        "events_supported": list(SENT),
        "events_requested": list(stream.requested or SENT),
        "events_delivered": list(stream.delivered),
        "min_verification_interval": MIN_VERIFICATION_US // SECOND,
        "description": stream.description,
    }


def check_fixed(body: StreamBody, receiver: Receiver, hub: Hub) -> None:
    """Refuse a body that would change what belongs to the transmitter.

    Raises:
        Refusal: 400.
    """
    if body.iss is not None and body.iss != hub.issuer:
        raise Refusal(400, "iss: it belongs to the transmitter and cannot be changed")
    if body.aud is not None and body.aud not in (receiver.audience, [receiver.audience]):
        raise Refusal(400, "aud: it belongs to the transmitter and cannot be changed")


def delivery_of(
    body: StreamBody, receiver: Receiver, hub: Hub
) -> tuple[Literal["push", "poll"], str | None, str | None]:
    """Return method, URL and authorization of a body; without any delivery events are polled.

    Raises:
        Refusal: 400, an unknown method, or a URL that is not on the allow-list.
    """
    delivery = body.delivery
    if delivery is None or delivery.method == POLL:
        return "poll", None, None
    if delivery.method != PUSH:
        raise Refusal(400, "delivery.method: it is not supported")
    if delivery.endpoint_url is None or not is_allowed(delivery.endpoint_url, hub.allowed):
        raise Refusal(400, f"delivery.endpoint_url: it is not allowed for {receiver.name}")
    return "push", delivery.endpoint_url, delivery.authorization_header
