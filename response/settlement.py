"""What came back from the lanes: what each result means for what was to be done."""

from __future__ import annotations

from ingest.batch import Batch
from response.automatic import Done
from response.commands import DeliveryResult
from response.ledger import Ledger
from response.messages import REVOCATION_KINDS, STEP_UP
from response.revocations import Revocations
from response.siem.feed import SIEM_KIND
from response.step_ups import StepUps
from response.troubles import Troubles
from store.rows import OutboxMessage

_IN_FLOODS = frozenset({"dead_letter", SIEM_KIND})
"""Kinds of messages of which there may be thousands a minute."""


class Settlement:
    """Settles messages.

    Args:
        revocations: what messages took away, or did not.
        ledger: which of them still wait.
        step_ups: what users were asked.
        troubles: tells people what does not get through.
    """

    def __init__(self, revocations: Revocations, ledger: Ledger, step_ups: StepUps, troubles: Troubles) -> None:
        self._revocations = revocations
        self._ledger = ledger
        self._step_ups = step_ups
        self._troubles = troubles

    def settle(self, batch: Batch, result: DeliveryResult) -> list[Done]:
        """Take in what became of messages; return the acts that now wait for a person."""
        waiting: list[Done] = []
        for message in result.messages:
            if message.kind in REVOCATION_KINDS:
                self._settle_revocation(batch, message, told=bool(result.gone))
            elif message.kind == STEP_UP:
                batch.settled_messages.append(message)
                if message.state != "pending":
                    waiting += self._settle_step_up(batch, message)
            else:
                self._settle_other(batch, message)
        if result.gone:
            self._troubles.tell_gone(batch, result)
        else:
            self._troubles.hear(batch, result)
        return waiting

    def drop(self, batch: Batch, dropped: list[OutboxMessage]) -> list[Done]:
        """Take in that people have dropped messages; return the acts that now wait for a person."""
        waiting: list[Done] = []
        for message in dropped:
            if message.kind in REVOCATION_KINDS:
                self._revocations.settle(batch, message)
            elif message.kind == STEP_UP:
                waiting += self._settle_step_up(batch, message)
        return waiting

    def _settle_revocation(self, batch: Batch, message: OutboxMessage, *, told: bool) -> None:
        if message.state == "pending" and not self._ledger.awaits(message):
            # Taken back while its try was under way: the stored row says so already.
            return
        batch.settled_messages.append(message)
        if message.state != "pending":
            self._revocations.settle(batch, message)
        if message.state == "parked" and not told:
            self._troubles.tell_parked(batch, message)

    def _settle_step_up(self, batch: Batch, message: OutboxMessage) -> list[Done]:
        done = self._step_ups.settle(batch, message)
        return [] if done is None else [done]

    def _settle_other(self, batch: Batch, message: OutboxMessage) -> None:
        batch.settled_messages.append(message)
        is_news = message.state != "pending" and message.kind not in _IN_FLOODS
        # Of these only that one could not be delivered is worth a line.
        if is_news or message.state == "parked":
            self._revocations.audit(
                batch, f"{message.kind} {message.state}", message.subject or message.message_id, "", message.last_error
            )
