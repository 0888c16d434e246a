"""The audit log as tests read it: each line as it was written, with the names of those in it."""

from __future__ import annotations

import msgspec

from store.reader import Reader
from store.rows import AuditLine


def audit_lines(reader: Reader) -> list[AuditLine]:
    """Every line, the last written first; somebody whose name was erased goes by the pseudonym."""
    return [
        AuditLine(
            named.line.time_us,
            named.actor_name or named.line.actor,
            named.line.act,
            named.line.subject,
            named.line.app,
            named.line.why,
            msgspec.json.decode(named.line.details),
            named.user_name or named.line.user or None,
        )
        for named in reversed(reader.audit_page(0, 0, 2**60, 1_000_000))
    ]
