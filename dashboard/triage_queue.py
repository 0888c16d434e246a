"""The queue as one person sees it: it stands still until they ask for what is new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from schemas.api import AlertRow

_Place = tuple[int, datetime, str]


@dataclass(slots=True)
class TriageQueue:
    """A list of alerts whose order is frozen when it is shown.

    Attributes:
        order: ids as they are shown.
        rows: each as it was last read.
        gone: shown, but no longer what was asked for.
        waiting: asked for, but not shown yet.
        more: further ones follow after the last.
    """

    order: list[str] = field(default_factory=list)
    rows: dict[str, AlertRow] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    waiting: list[AlertRow] = field(default_factory=list)
    more: bool = False
    _end: _Place | None = None

    def show(self, listed: Sequence[AlertRow], *, more: bool) -> None:
        """Take the list as the new order.

        Args:
            listed: the most severe first, and among those the newest.
            more: the list was cut.
        """
        self.order = [alert.alert_id for alert in listed]
        self.rows = {alert.alert_id: alert for alert in listed}
        self.gone, self.waiting, self.more = set(), [], more
        self._end = _place(listed[-1]) if listed and more else None

    def read(self, listed: Sequence[AlertRow], *, more: bool) -> None:
        """Take the same question's newer answer, and move nothing."""
        answered = {alert.alert_id: alert for alert in listed}
        self.rows.update({shown: answered[shown] for shown in self.order if shown in answered})
        last = _place(listed[-1]) if listed and more else None
        # Beyond the end of a cut list nothing is known: a row there may only have been pushed out.
        self.gone = {
            shown for shown in self.order if shown not in answered and (last is None or _place(self.rows[shown]) > last)
        }
        known = set(self.order)
        self.waiting = [
            alert
            for alert in listed
            if alert.alert_id not in known and (self._end is None or _place(alert) > self._end)
        ]

    def decided(self, alert_id: str) -> str | None:
        """Take a decided alert off the list; returns its neighbour: the one after, else the one before."""
        if alert_id not in self.order:
            return self.order[0] if self.order else None
        here = self.order.index(alert_id)
        self.order.pop(here)
        return self.order[min(here, len(self.order) - 1)] if self.order else None

    def put_back(self, alert: AlertRow, index: int) -> None:
        """Put an alert back to where it stood."""
        self.rows[alert.alert_id] = alert
        if alert.alert_id not in self.order:
            self.order.insert(min(index, len(self.order)), alert.alert_id)
        self.waiting = [one for one in self.waiting if one.alert_id != alert.alert_id]

    def shown(self) -> list[AlertRow]:
        """Return the alerts in their frozen order."""
        return [self.rows[alert_id] for alert_id in self.order]


def _place(alert: AlertRow) -> _Place:
    return alert.severity.rank, alert.event_time, alert.alert_id
