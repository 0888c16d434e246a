"""Where a SIEM takes alerts: what it wants to hear, in which schema, and the way there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from response.outcome import Outcome
from response.siem.documents import Format
from schemas.alert import Alert, Severity
from store.rows import OutboxMessage

MAX_BYTES = 256 * 1024
"""Of a document where the way has no narrower limit: far above what twenty events of evidence take."""

AT_ONCE = 500
"""Messages of one try: one round trip, or one `fsync`, for all of them."""


class Way(Protocol):
    """Carries documents. Called by one thread only."""

    def deliver(self, messages: Sequence[OutboxMessage]) -> Sequence[Outcome]:
        """Make one try with each message, and return what came of each."""

    def close(self) -> None:
        """Let go of connections and files."""


@dataclass(frozen=True, slots=True)
class Destination:
    """One place that is told of alerts.

    Attributes:
        name: as in the configuration.
        form: the schema.
        way: there.
        min_severity: below, nothing is told.
        shadow: alerts of rules on trial are told too.
        max_bytes: of one document.
    """

    name: str
    form: Format
    way: Way
    min_severity: Severity = Severity.INFO
    shadow: bool = False
    max_bytes: int = MAX_BYTES

    @property
    def lane(self) -> str:
        """The lane of its messages."""
        return f"siem:{self.name}"

    def wants(self, alert: Alert) -> bool:
        """Return whether an alert is told here."""
        return alert.severity.rank >= self.min_severity.rank and (self.shadow or alert.mode != "shadow")
