"""What people must hear of deliveries: parked, gone, or not getting through."""

from __future__ import annotations

from ingest.batch import Batch
from response.commands import DeliveryResult
from response.notices import Notices
from response.revocations import Revocations
from schemas.alert import Severity
from store.rows import OutboxMessage


class Troubles:
    """Tells each once, in critical messages, and writes it down.

    Args:
        notices: makes the messages.
        revocations: writes audit lines.
    """

    def __init__(self, notices: Notices, revocations: Revocations) -> None:
        self._notices = notices
        self._revocations = revocations

    def tell_parked(self, batch: Batch, message: OutboxMessage) -> None:
        """Tell that a receiver has not taken a revocation's message in all of its tries."""
        facts = {
            "lane": message.lane,
            "kind": message.kind,
            "message": message.message_id,
            "tries": str(message.attempts),
            "why": message.last_error,
            "revocation": message.subject or "-",
        }
        batch.messages += self._notices.of_trouble(message.message_id, "parked", facts, batch.arrival_us)

    def tell_gone(self, batch: Batch, result: DeliveryResult) -> None:
        """Tell that a receiver wants nothing any more."""
        subject = result.messages[0].message_id if result.messages else result.lane
        batch.messages += self._notices.of_trouble(subject, "gone", _facts(result, result.gone), batch.arrival_us)
        self._revocations.audit(batch, "target gone", result.lane, "", result.gone)

    def tell_trouble(self, batch: Batch, result: DeliveryResult) -> None:
        """Tell that a receiver takes no revocation for now."""
        subject = result.messages[0].message_id
        batch.messages += self._notices.of_trouble(subject, "trouble", _facts(result, result.trouble), batch.arrival_us)
        self._revocations.audit(batch, "target in trouble", result.lane, "", result.trouble)

    def tell_siem(self, batch: Batch, result: DeliveryResult) -> None:
        """Tell that a SIEM takes no alert for now: it waits here, and nobody need be woken."""
        subject = result.messages[0].message_id
        batch.messages += self._notices.of_trouble(
            subject, "siem", _facts(result, result.trouble), batch.arrival_us, Severity.MEDIUM
        )
        self._revocations.audit(batch, "siem in trouble", result.lane, "", result.trouble)


def _facts(result: DeliveryResult, why: str) -> dict[str, str]:
    return {"lane": result.lane, "why": why}
