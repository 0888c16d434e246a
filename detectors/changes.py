"""What several looks at the same alerts come to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from schemas.alert import AlertChange

ChangeKind = Literal["raised", "escalated", "updated", "withdrawn"]


def once(changes: Iterable[AlertChange]) -> list[AlertChange]:
    """Return each alert as it is in the end, and how that differs from what those outside know of it.

    Args:
        changes: in the order in which they came about.
    """
    last: dict[str, AlertChange] = {}
    for change in changes:
        identity = change.alert.alert_id
        before = last.pop(identity, None)
        kind = change.kind if before is None else _since(before, change)
        if kind is not None:
            last[identity] = AlertChange(kind, change.alert)
    return list(last.values())


def _since(before: AlertChange, change: AlertChange) -> ChangeKind | None:
    if change.kind == "withdrawn":
        # Nobody has heard of it.
        return None if before.kind == "raised" else "withdrawn"
    if before.kind == "withdrawn":
        return "escalated" if change.alert.severity.rank > before.alert.severity.rank else "updated"
    return before.kind if before.kind in ("raised", "escalated") else change.kind
