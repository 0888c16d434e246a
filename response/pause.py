"""The kill switch: while it is thrown nothing is ended automatically, and all of it waits for people."""

from __future__ import annotations

from typing import Protocol

import msgspec

from ingest.batch import Batch
from response.commands import Pause, Resume
from response.guard import Guard
from response.records import Records
from store.rows import ACT_REFUSED, AuditLine

PAUSED = "response.paused"
"""The name of the fact that the store keeps."""
SUBJECT = "response"


class Facts(Protocol):
    """What the pipeline has stored about itself."""

    def fact(self, name: str) -> str | None:
        """Return a fact by its name."""


class Paused(msgspec.Struct, frozen=True):
    """Who has paused the response, when (microseconds since the epoch) and why."""

    by: str
    reason: str
    at_us: int


def read_paused(fact: str | None) -> Paused | None:
    """Return what a stored fact says; None = the response is not paused."""
    return msgspec.json.decode(fact, type=Paused) if fact else None


def pause_reason(facts: Facts) -> str:
    """Return why nothing happens automatically, as the guard says it, or an empty text."""
    return _reason(read_paused(facts.fact(PAUSED)))


class KillSwitch:
    """Applies the two commands, and keeps the guard told.

    Args:
        guard: asked before anything happens automatically.
        records: the store.
    """

    def __init__(self, guard: Guard, records: Records) -> None:
        self._guard = guard
        self._records = records
        self._paused: Paused | None = None

    def restore(self) -> None:
        """Take up what an earlier run has left."""
        self._set(read_paused(self._records.fact(PAUSED)))

    def pause(self, batch: Batch, command: Pause) -> str:
        """Stop; return why not, or an empty text."""
        if self._paused is not None:
            why = f"it is paused already, by {self._paused.by}: {self._paused.reason}"
            return self._refuse(batch, command.by, why)
        self._set(Paused(command.by, command.reason, batch.arrival_us))
        self._write(batch, "response paused", command.by, command.reason)
        return ""

    def resume(self, batch: Batch, command: Resume) -> str:
        """Go on; what was held meanwhile stays with people. Return why not, or an empty text."""
        if self._paused is None:
            return self._refuse(batch, command.by, "it is not paused")
        self._set(None)
        self._write(batch, "response resumed", command.by, command.reason)
        return ""

    @staticmethod
    def _refuse(batch: Batch, by: str, why: str) -> str:
        batch.audit.append(AuditLine(batch.arrival_us, by, ACT_REFUSED, SUBJECT, "", why))
        return why

    def _set(self, paused: Paused | None) -> None:
        self._paused = paused
        self._guard.paused = _reason(paused)

    def _write(self, batch: Batch, act: str, by: str, reason: str) -> None:
        batch.facts[PAUSED] = msgspec.json.encode(self._paused).decode() if self._paused else ""
        batch.audit.append(AuditLine(batch.arrival_us, by, act, SUBJECT, "", reason))


def _reason(paused: Paused | None) -> str:
    return f"the response is paused by {paused.by}: {paused.reason}" if paused else ""
