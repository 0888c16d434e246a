"""What people do with messages that have not left: have them tried anew, or give them up."""

from __future__ import annotations

import msgspec

from ingest.batch import Batch
from response.commands import DropMessages, RetryMessages
from response.ledger import Ledger, subject_of
from response.messages import REVOCATION_KINDS, TAKES_AWAY
from response.records import Records
from response.revocations import Revocations
from store.rows import ACT_REFUSED, AuditLine, OutboxMessage, OutboxState

MOST = 10_000
"""Messages of one command."""
TAKEN_BACK = "its revocation was released since"

_RETRIED: tuple[OutboxState, ...] = ("parked", "dropped")
_DROPPED: tuple[OutboxState, ...] = ("pending", "parked")


class MessageActs:
    """Applies the two commands.

    Args:
        revocations: told what becomes of theirs.
        ledger: knows which messages a revocation waits for.
        records: the store.
    """

    def __init__(self, revocations: Revocations, ledger: Ledger, records: Records) -> None:
        self._revocations = revocations
        self._ledger = ledger
        self._records = records

    def retry(self, batch: Batch, command: RetryMessages) -> tuple[str, list[OutboxMessage]]:
        """Have messages tried anew, as if they were new; return why not (or an empty text), and which.

        What would take away what was released since is given up instead: not every receiver tells by the sequence
        that it comes too late.

        Args:
            batch: where the rows go.
            command: which; without an id only parked ones, since what was dropped was dropped on purpose.
        """
        states = _RETRIED if command.message_id is not None else ("parked",)
        found, refused = self._found(command.lane, command.message_id, states)
        if refused:
            return self._refuse(batch, command, refused), []
        taken_back = {one.message_id for one in found if self._is_taken_back(one)}
        batch.settled_messages += [
            msgspec.structs.replace(one, state="dropped", finished_us=batch.arrival_us, last_error=TAKEN_BACK)
            for one in found
            if one.message_id in taken_back
        ]
        if len(taken_back) == len(found):
            return self._refuse(batch, command, f"nothing is tried anew: {TAKEN_BACK}"), []
        again = [
            msgspec.structs.replace(
                one, state="pending", attempts=0, next_try_us=0, first_try_us=None, finished_us=None, last_error=""
            )
            for one in found
            if one.message_id not in taken_back
        ]
        batch.settled_messages += again
        for message in again:
            if message.kind in REVOCATION_KINDS and self._revocations.find(message.subject) is not None:
                self._ledger.await_message(message)
                self._revocations.tried_anew(batch, message)
        self._write(batch, "messages tried anew", command, len(again))
        return "", again

    def drop(self, batch: Batch, command: DropMessages) -> tuple[str, list[OutboxMessage]]:
        """Give messages up; return why not (or an empty text), and which."""
        found, refused = self._found(command.lane, command.message_id, _DROPPED)
        if refused:
            return self._refuse(batch, command, refused), []
        why = f"dropped by {command.by}: {command.reason}"
        dropped = [
            msgspec.structs.replace(one, state="dropped", finished_us=batch.arrival_us, last_error=why) for one in found
        ]
        batch.settled_messages += dropped
        self._write(batch, "messages dropped", command, len(dropped))
        return "", dropped

    def _is_taken_back(self, message: OutboxMessage) -> bool:
        """Return whether a revocation was released that a message would carry out, or a later one of its subject."""
        revocation = self._revocations.find(message.subject) if message.kind in TAKES_AWAY else None
        if revocation is None:
            return False
        newest = self._ledger.newest(*subject_of(revocation)) or revocation
        return revocation.state == "released" or (newest.state == "released" and "sent" in newest.times)

    def _found(
        self, lane: str, message_id: str | None, states: tuple[OutboxState, ...]
    ) -> tuple[list[OutboxMessage], str]:
        wanted = states if message_id is None else None
        rows = self._records.outbox_page(lane=lane, message_id=message_id, states=wanted, limit=MOST)
        found = [message for message, _ in reversed(rows) if message.state in states]
        if found:
            return found, ""
        expected = " or ".join(states)
        if message_id is None:
            return [], f"nothing in the lane {lane} is {expected}"
        known = next((message.state for message, _ in rows), None)
        was = f"it is {known}" if known else "there is no such message in this lane"
        return [], f"{was}, expected one that is {expected}"

    def _refuse(self, batch: Batch, command: RetryMessages | DropMessages, why: str) -> str:
        subject = command.message_id or command.lane
        batch.audit.append(AuditLine(batch.arrival_us, command.by, ACT_REFUSED, subject, "", why))
        return why

    def _write(self, batch: Batch, act: str, command: RetryMessages | DropMessages, count: int) -> None:
        subject = command.message_id or command.lane
        details: dict[str, str | int] = {"lane": command.lane, "messages": count}
        batch.audit.append(AuditLine(batch.arrival_us, command.by, act, subject, "", command.reason, details))
