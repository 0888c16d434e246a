"""What the tests of this folder begin with: findings, messages, destinations that keep what they are told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from response.clock import now_us
from response.outcome import DELIVERED, Outcome
from response.siem.destination import Destination
from response.siem.documents import Format, encode
from response.siem.feed import SIEM_KIND
from response.siem.finding import Activity, Analytic, Finding
from schemas.alert import Alert, Severity
from store.rows import OutboxMessage, TriageRow
from tests.response.given import alert

HIJACK = Analytic("Session used from two places", ("T1539", "T1550.004"), ("Look at it.", "Revoke it."))


def finding(
    one: Alert | None = None, activity: Activity = "created", triage: TriageRow | None = None, link: str | None = None
) -> Finding:
    """A finding about alice's session."""
    return Finding(one or alert(), activity, now_us(), HIJACK, triage, link)


def document(form: Format, one: Finding | None = None, max_bytes: int = 256 * 1024) -> dict[str, Any]:
    """The document of a finding, read back."""
    parsed: dict[str, Any] = json.loads(encode(one or finding(), form, max_bytes))
    return parsed


def message(number: int = 1, form: Format = "ocsf", severity: Severity = Severity.CRITICAL) -> OutboxMessage:
    """A message as the feed makes it."""
    payload = encode(finding(alert(severity=severity)), form, 8_192)
    return OutboxMessage(f"m{number}", "siem:soc", SIEM_KIND, f"alert-{number}", f"alert-{number}", payload, now_us())


class Kept:
    """A way that keeps what it carries."""

    def __init__(self) -> None:
        self.messages: list[OutboxMessage] = []

    def deliver(self, messages: Sequence[OutboxMessage]) -> list[Outcome]:
        """Keep them."""
        self.messages += messages
        return [DELIVERED] * len(messages)

    def close(self) -> None:
        """Nothing is held."""

    @property
    def documents(self) -> list[dict[str, Any]]:
        """What it was told, in that order."""
        return [json.loads(one.payload) for one in self.messages]


def destination(
    way: Kept, form: Format = "ocsf", *, name: str = "soc", min_severity: Severity = Severity.INFO, shadow: bool = False
) -> Destination:
    """A destination by this way."""
    return Destination(name, form, way, min_severity, shadow)
