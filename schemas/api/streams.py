"""Event streams of receivers of shared signals, as the operator sees them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints

from schemas.api.shapes import Answer, Request, example

StreamStatusName = Literal["enabled", "paused", "disabled"]


class StreamView(Answer):
    """A receiver's stream.

    Attributes:
        endpoint_url: where its events are pushed to; null when it polls.
        standing: it stands in the configuration, and is changed there.
        removed: how many subjects the receiver has left out.
    """

    receiver: str
    stream_id: str
    method: Literal["push", "poll"]
    endpoint_url: str | None
    status: StreamStatusName
    reason: str
    description: str
    events: list[str]
    removed: int
    standing: bool


class StreamList(Answer):
    """The streams there are."""

    items: list[StreamView]


class StreamStatusRequest(Request):
    """What a stream is to be, and why; the receiver is told so."""

    model_config = example({"status": "paused", "reason": "your endpoint answers with errors"})

    status: StreamStatusName
    reason: Annotated[str, StringConstraints(min_length=3, max_length=300, strip_whitespace=True)]
