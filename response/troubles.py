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
        title = f"Not delivered: {message.kind} by {message.lane}"
        body = (
            f"{message.lane} did not take message {message.message_id} after {message.attempts} tries "
            f"({message.last_error}); it is parked. Revocation: {message.subject or '-'}. "
            "If a session is to be gone, end it in the app itself."
        )
        batch.messages += self._notices.of_trouble(message.message_id, "parked", title, body, batch.arrival_us)

    def tell_gone(self, batch: Batch, result: DeliveryResult) -> None:
        """Tell that a receiver wants nothing any more."""
        title = f"{result.lane} wants nothing any more"
        body = (
            f"The receiver of {result.lane} {result.gone}. Its lane is parked until the next start: no revocation "
            "reaches its app. Correct the address in the configuration, or remove the target."
        )
        subject = result.messages[0].message_id if result.messages else result.lane
        batch.messages += self._notices.of_trouble(subject, "gone", title, body, batch.arrival_us)
        self._revocations.audit(batch, "target gone", result.lane, "", result.gone)

    def tell_trouble(self, batch: Batch, result: DeliveryResult) -> None:
        """Tell that a receiver takes no revocation for now."""
        title = f"Revocations do not get through: {result.lane}"
        body = (
            f"{result.lane} does not take them ({result.trouble}). They are tried again for a day; until one is taken "
            "its session goes on. End the sessions in the app itself, and see what is wrong with its receiver."
        )
        subject = result.messages[0].message_id
        batch.messages += self._notices.of_trouble(subject, "trouble", title, body, batch.arrival_us)
        self._revocations.audit(batch, "target in trouble", result.lane, "", result.trouble)

    def tell_siem(self, batch: Batch, result: DeliveryResult) -> None:
        """Tell that a SIEM takes no alert for now: it waits here, and nobody need be woken."""
        title = f"Alerts do not get through: {result.lane}"
        body = (
            f"{result.lane} does not take them ({result.trouble}). They are tried again for a day and then parked; "
            f"have parked ones tried anew by: sessionwatch outbox retry --lane {result.lane} --reason '…'"
        )
        subject = result.messages[0].message_id
        batch.messages += self._notices.of_trouble(subject, "trouble", title, body, batch.arrival_us, Severity.MEDIUM)
        self._revocations.audit(batch, "siem in trouble", result.lane, "", result.trouble)
