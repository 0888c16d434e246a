"""Applies what receivers and transmitters of shared signals ask, in the batch loop."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from ingest.batch import Batch
from response.ssf.commands import Announce, DropStream, SaveStream, TakeSet
from response.ssf.evidence import Provider, alerts_of, summary
from response.ssf.stream import Stream, Streams
from response.ssf.vocabulary import IDP_RULES, SESSION_REVOKED
from response.text import safe
from schemas.alert import AlertChange
from schemas.instant import MINUTE
from schemas.signal import Signal
from store.rows import AuditLine, ReceivedRow, StreamRow

RETRANSMISSION_US = 10 * MINUTE
"""For so long the same token again is a try whose answer was lost: taken, without any effect. Later it is a replay."""

REPLAYED = "the jti was received before"


class SharedSignalRecords(Protocol):
    """What the desk asks of the store."""

    def ssf_streams(self) -> list[str]:
        """Return the streams that receivers have made, as JSON."""

    def received_set(self, transmitter: str, jti: str) -> tuple[str, int] | None:
        """Return digest and time of receipt of a token that was taken before."""


class SsfDesk:
    """Keeps streams, and turns what providers say into alerts.

    Args:
        records: the store.
        streams: changed after the commit of what changed them.
        lanes: of each receiver, by its name.
        providers: whose word counts.
    """

    def __init__(
        self,
        records: SharedSignalRecords,
        streams: Streams | None = None,
        providers: Iterable[Provider] = (),
        lanes: Mapping[str, Sequence[str]] = {},
    ) -> None:
        self._records = records
        self._streams = streams or Streams()
        self._lanes = lanes
        self._providers: Mapping[str, Provider] = {provider.name: provider for provider in providers}

    def start(self) -> None:
        """Take up the streams that an earlier run has stored."""
        self._streams.restore(msgspec.json.decode(content, type=Stream) for content in self._records.ssf_streams())

    def apply(self, batch: Batch, command: SaveStream | DropStream | Announce | TakeSet) -> str:
        """Apply a command; return why it was refused, or an empty text."""
        match command:
            case SaveStream(stream, act, by, messages):
                batch.streams.append(StreamRow(stream.receiver, msgspec.json.encode(stream).decode()))
                batch.messages.extend(messages)
                why = stream.status + (f": {safe(stream.reason)}" if stream.reason else "")
                _audit(batch, by or stream.receiver, act, stream.stream_id, why)
            case DropStream(receiver, stream_id):
                batch.streams.append(StreamRow(receiver, None))
                _audit(batch, receiver, "stream deleted", stream_id, "")
            case Announce(message, by):
                batch.messages.append(message)
                _audit(batch, by, "stream event asked for", message.subject, message.kind)
            case TakeSet():
                return self._take(batch, command)
        return ""

    def changes(self, batch: Batch) -> list[AlertChange]:
        """Return the alerts of the tokens that this batch has taken."""
        taken = {(row.transmitter, row.jti) for row in batch.received}
        changes: list[AlertChange] = []
        for command in batch.commands:
            if isinstance(command, TakeSet) and (command.transmitter, command.received.jti) in taken:
                # The first of two that arrived together.
                taken.discard((command.transmitter, command.received.jti))
                provider = self._providers[command.transmitter]
                found = alerts_of(provider, command.received, command.sessions, command.user_id, batch.arrival_us)
                changes += [AlertChange("raised", alert) for alert in found]
        return changes

    def after_commit(self, batch: Batch) -> list[str]:
        """Let the streams be as they are stored now, and return the lanes in which something may go on."""
        for row in batch.streams:
            if row.content is None:
                self._streams.drop(row.receiver)
            else:
                self._streams.put(msgspec.json.decode(row.content, type=Stream))
        return [lane for row in batch.streams for lane in self._lanes.get(row.receiver, ())]

    def _take(self, batch: Batch, command: TakeSet) -> str:
        received, name = command.received, command.transmitter
        if name not in self._providers:
            return f"{name} is not in the configuration"
        known = self._known(batch, command)
        if known is not None:
            digest, received_us = known
            again = digest == received.digest and batch.arrival_us - received_us <= RETRANSMISSION_US
            return "" if again else REPLAYED
        batch.received.append(ReceivedRow(name, received.jti, received.digest, batch.arrival_us))
        batch.signals.append(_signal(command, batch.arrival_us))
        _audit(batch, name, "security event taken", received.jti, _said(command))
        return ""

    def _known(self, batch: Batch, command: TakeSet) -> tuple[str, int] | None:
        for row in batch.received:
            if (row.transmitter, row.jti) == (command.transmitter, command.received.jti):
                return row.digest, row.received_us
        return self._records.received_set(command.transmitter, command.received.jti)


def _signal(command: TakeSet, at_us: int) -> Signal:
    received = command.received
    return Signal(
        signal_id=f"idp_event:{command.transmitter}:{received.jti}",
        time_us=at_us,
        kind="idp_event",
        user_id=command.user_id,
        payload={
            "transmitter": command.transmitter,
            "jti": received.jti,
            "event_type": safe(received.event_type),
            "happened_us": received.happened_us,
        },
    )


def _said(command: TakeSet) -> str:
    event_type = command.received.event_type
    if event_type == SESSION_REVOKED and not command.sessions:
        return "session-revoked: no session of the realm is known by this name"
    if event_type in IDP_RULES:
        return f"{summary(command.transmitter, command.received)} ({len(command.sessions)} sessions)"
    return f"{safe(event_type)}: nothing follows from it"


def _audit(batch: Batch, actor: str, act: str, subject: str, why: str) -> None:
    batch.audit.append(AuditLine(batch.arrival_us, actor, act, subject, "", why))
