"""Stored history for the workshop: a span of event time, and what led up to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from detectors.engine import Engine
from detectors.findings.stage import Detection
from detectors.plan import Plan
from detectors.remembered import RememberedDays, inform
from ingest.flags import flags
from ingest.judging import by_day
from schemas.alert import Alert, AlertChange
from schemas.app import Apps
from schemas.event import Event
from schemas.instant import DAY
from schemas.signal import Signal

Item = Event | Signal
History = Callable[[int], Iterable[Item]]
"""Returns what was stored since an instant (microseconds since the epoch), in the order of ingestion."""

CHUNK = 5_000


@dataclass(frozen=True, slots=True)
class Span:
    """From an instant, up to but without another; microseconds since the epoch."""

    since_us: int
    until_us: int

    def __contains__(self, time_us: int) -> bool:
        return self.since_us <= time_us < self.until_us


def warm_up_us(plan: Plan, apps: Apps) -> int:
    """Return how long before a span the reading begins: as far back as any rule of the plan looks, microseconds."""
    looks_back = [DAY, Engine(plan, apps).longest_horizon_us()]
    for rule in plan.instances():
        values = rule.parameters.model_dump().values()
        shown = rule.parameters.model_dump(mode="json").values()
        # Durations are numbers inside and text outside; nothing else is.
        looks_back += [
            value for value, text in zip(values, shown, strict=True) if isinstance(text, str) and isinstance(value, int)
        ]
    return max(looks_back)


def _is_made(item: Item) -> bool:
    return isinstance(item, Signal) and item.kind in _OF_THE_RULES


_OF_THE_RULES = frozenset({"session_flagged", "rule_switched_off"})
"""Signals that follow from the alerts of those days; here other alerts may come, so they are made anew."""


def read(history: History, span: Span, warm_up: int) -> Iterator[list[Item]]:
    """Yield a span's history and what led up to it, chunk by chunk, none of them longer than a day."""
    items = (item for item in history(span.since_us - warm_up) if item.time_us < span.until_us and not _is_made(item))
    while chunk := list(islice(items, CHUNK)):
        yield from by_day(chunk)


class Judgement:
    """One plan, run over history as the pipeline runs it: what stands in the end.

    Args:
        plan: the rules.
        apps: what is declared.
    """

    def __init__(self, plan: Plan, apps: Apps) -> None:
        self._engine = Engine(plan, apps)
        self._detection = Detection(self._engine, plan, apps)
        self._days = RememberedDays()
        self._standing: dict[str, Alert] = {}

    def judge(self, items: Sequence[Item]) -> list[Signal]:
        """Judge more of the history.

        Returns:
            what the pipeline's own detectors must hear of it before they go on.
        """
        inform(self._engine, items, self._days)
        changes = self._detection.process(items).changes
        self._apply(changes)
        self._days.save(self._engine.take_days())
        return flags(changes)

    def alerts(self, span: Span, rule_id: str | None = None) -> dict[str, Alert]:
        """Decide what still settles, and return the final alerts whose time lies in a span, by id.

        Args:
            span: of event time.
            rule_id: of this rule alone; None = of every rule.
        """
        self._apply(self._detection.finish().changes)
        return {
            key: alert
            for key, alert in self._standing.items()
            if alert.event_time_us in span and rule_id in (None, alert.rule_id)
        }

    def _apply(self, changes: Iterable[AlertChange]) -> None:
        for change in changes:
            if change.kind == "withdrawn":
                self._standing.pop(change.alert.alert_id, None)
            else:
                self._standing[change.alert.alert_id] = change.alert
