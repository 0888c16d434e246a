"""What people must hear of deliveries: parked, gone, or not getting through."""

from __future__ import annotations

from ingest.batch import Batch
from response.commands import DeliveryResult
from response.messages import REVOCATION_KINDS
from response.notices import Notices
from response.revocations import Revocations
from response.siem.feed import SIEM_KIND
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
        # By lane, why nothing gets through, where so far it has kept back no revocation.
        self._untold: dict[str, str] = {}

    def hear(self, batch: Batch, result: DeliveryResult) -> None:
        """Tell that nothing gets through a lane, once a revocation or an alert for a SIEM is kept back by it.

        A lane says so once, whatever message it was about: a user's notice may be the first that fails.
        """
        if any(message.state == "delivered" for message in result.messages):
            self._untold.pop(result.lane, None)
        why = result.trouble or self._untold.get(result.lane, "")
        if not why:
            return
        if any(message.kind in REVOCATION_KINDS for message in result.messages):
            self._untold.pop(result.lane, None)
            self.tell_trouble(batch, result, why)
        elif any(message.kind == SIEM_KIND for message in result.messages):
            self.tell_siem(batch, result)
        else:
            self._untold[result.lane] = why

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

    def tell_trouble(self, batch: Batch, result: DeliveryResult, why: str) -> None:
        """Tell that a receiver takes no revocation for now."""
        subject = result.messages[0].message_id
        batch.messages += self._notices.of_trouble(subject, "trouble", _facts(result, why), batch.arrival_us)
        self._revocations.audit(batch, "target in trouble", result.lane, "", why)

    def tell_siem(self, batch: Batch, result: DeliveryResult) -> None:
        """Tell that a SIEM takes no alert for now: it waits here, and nobody need be woken."""
        subject = result.messages[0].message_id
        batch.messages += self._notices.of_trouble(
            subject, "siem", _facts(result, result.trouble), batch.arrival_us, Severity.MEDIUM
        )
        self._revocations.audit(batch, "siem in trouble", result.lane, "", result.trouble)


def _facts(result: DeliveryResult, why: str) -> dict[str, str]:
    return {"lane": result.lane, "why": why}
