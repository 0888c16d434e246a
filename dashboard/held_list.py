"""The list of held revocations: frozen under the hand, like the queue of alerts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from schemas.alert import Severity
from schemas.revocation import RevocationView


@dataclass(slots=True)
class HeldList:
    """Revocations that wait for a person, in an order that stands still until it is asked for anew.

    Attributes:
        order: ids as they are shown.
        rows: each as it was last read.
        gone: shown, but decided meanwhile.
        fresh: how many wait that are not shown yet.
        waiting: how many wait in all, by the newest answer.
        oldest: of these, since when; None without any.
        more: the API has told the first of them alone.
    """

    order: list[str] = field(default_factory=list)
    rows: dict[str, RevocationView] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    fresh: int = 0
    waiting: int = 0
    oldest: datetime | None = None
    more: bool = False

    def show(self, listed: Sequence[RevocationView], *, more: bool) -> None:
        """Take the newest answer as the list: the most severe first, and among those the oldest.

        Args:
            listed: that wait for a person, in any order.
            more: there are others.
        """
        ordered = sorted(listed, key=lambda one: (-_rank(one), since(one), one.revocation_id))
        self.order = [one.revocation_id for one in ordered]
        self.rows = {one.revocation_id: one for one in ordered}
        self._count(listed, more=more)
        self.gone, self.fresh = set(), 0

    def read(self, listed: Sequence[RevocationView], *, more: bool) -> None:
        """Take the newest answer, and move nothing; an empty list has nothing to be moved."""
        if not self.order:
            self.show(listed, more=more)
            return
        answered = {one.revocation_id: one for one in listed}
        self.rows.update({shown: answered[shown] for shown in self.order if shown in answered})
        # Of a cut answer nobody knows what is beyond its end.
        self.gone = set() if more else {shown for shown in self.order if shown not in answered}
        self.fresh = len(answered.keys() - set(self.order))
        self._count(listed, more=more)

    def shown(self, most: int) -> list[RevocationView]:
        """Return the first of the list, in its frozen order."""
        return [self.rows[one] for one in self.order[:most]]

    def _count(self, listed: Sequence[RevocationView], *, more: bool) -> None:
        self.waiting, self.more = len(listed), more
        self.oldest = min(map(since, listed), default=None)


def since(revocation: RevocationView) -> datetime:
    """Return since when a revocation waits."""
    return revocation.times.get("held") or min(revocation.times.values())


def _rank(revocation: RevocationView) -> int:
    return Severity(revocation.severity).rank if revocation.severity else 0
