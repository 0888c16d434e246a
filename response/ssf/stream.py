"""Event streams: what each receiver has asked for, SSF 1.0 section 8."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from response.ssf.subject import Subject, matches
from response.ssf.vocabulary import SENT

Method = Literal["push", "poll"]
StreamStatus = Literal["enabled", "paused", "disabled"]


class Stream(msgspec.Struct, frozen=True):
    """One receiver's stream; each has one at most.

    Attributes:
        receiver: as in the configuration.
        endpoint_url: where tokens are pushed to; None when they are polled.
        authorization: the header that the receiver wants with each push; a secret, never shown.
        requested: event types that it asks for; empty = all that are sent.
        removed: subjects that it does not want to hear of; all others are its subjects.
        standing: it stands in the configuration: the URL is the operator's own.
    """

    receiver: str
    stream_id: str
    method: Method
    endpoint_url: str | None = None
    authorization: str | None = None
    requested: tuple[str, ...] = ()
    status: StreamStatus = "enabled"
    reason: str = ""
    description: str = ""
    removed: tuple[Subject, ...] = ()
    standing: bool = False

    @property
    def delivered(self) -> tuple[str, ...]:
        """The event types that are sent: those asked for, as far as they are known."""
        return tuple(event for event in SENT if not self.requested or event in self.requested)

    def excludes(self, sub_id: Subject) -> bool:
        """Return whether the receiver does not want to hear of a subject."""
        return any(matches(subject, sub_id) for subject in self.removed)


class Streams:
    """The streams there are, by receiver. Any thread may ask; the batch loop alone changes them, after its commit.

    Args:
        standing: streams of the configuration; one that the receiver has made itself goes before.
    """

    def __init__(self, standing: Iterable[Stream] = ()) -> None:
        self._standing: Mapping[str, Stream] = {stream.receiver: stream for stream in standing}
        self._made: dict[str, Stream] = {}
        self._lock = threading.Lock()

    def restore(self, stored: Iterable[Stream]) -> None:
        """Take up what an earlier run has stored."""
        with self._lock:
            self._made = {stream.receiver: stream for stream in stored}

    def of(self, receiver: str) -> Stream | None:
        """Return a receiver's stream."""
        with self._lock:
            return self._made.get(receiver) or self._standing.get(receiver)

    def put(self, stream: Stream) -> None:
        """Note that a stream was stored."""
        with self._lock:
            self._made[stream.receiver] = stream

    def drop(self, receiver: str) -> None:
        """Note that a stream was deleted."""
        with self._lock:
            self._made.pop(receiver, None)
