"""Containment of rules that raise: the event is lost to that rule alone; one that keeps raising is switched off."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import structlog

from detectors.rules import AnyRule
from schemas.alert import Alert, AlertChange, Severity, alert_id
from schemas.instant import HOUR
from schemas.signal import Signal

FAULTS_AN_HOUR = 5
"""Decision 21: five faults in an hour switch a rule off."""

log = structlog.get_logger(__name__)


class Faults:
    """Counts faults by rule and hour of event time, and remembers which rules are off because of them."""

    def __init__(self) -> None:
        self.switched_off: set[str] = set()
        self.total = 0
        self._hours: dict[str, tuple[int, set[str]]] = {}
        self._news: list[tuple[str, int, int, str]] = []

    def record(self, rule: AnyRule, item_id: str, time_us: int, error: Exception) -> None:
        """Count a fault; the same item counts once, however often its key's tail is run again.

        Args:
            rule: the one that raised.
            item_id, time_us: of the event or signal at which it did.
            error: what it raised; its text may hold anything, so only its type is logged.
        """
        hour = time_us // HOUR
        known, items = self._hours.get(rule.id, (hour, set()))
        if hour > known:
            items = set()
        if item_id in items:
            return
        items.add(item_id)
        self._hours[rule.id] = (max(hour, known), items)
        self.total += 1
        log.error("rule raised", rule=rule.id, item=item_id, error=type(error).__name__)
        if len(items) >= FAULTS_AN_HOUR and rule.id not in self.switched_off:
            self.switched_off.add(rule.id)
            self._news.append((rule.id, rule.version, time_us, item_id))

    def stored(self) -> dict[str, tuple[int, list[str]]]:
        """Return what a restart must remember: by rule its newest hour and the items at which it raised in it."""
        return {rule_id: (hour, sorted(items)) for rule_id, (hour, items) in self._hours.items()}

    def restore(self, switched_off: Iterable[str], hours: Mapping[str, tuple[int, Iterable[str]]]) -> None:
        """Take over what was stored."""
        self.switched_off.update(switched_off)
        self._hours = {rule_id: (hour, set(items)) for rule_id, (hour, items) in hours.items()}

    def apply(self, signal: Signal, versions: dict[str, int]) -> None:
        """Switch a rule off as a stored signal says, unless it is another version by now."""
        rule_id = str(signal.payload.get("rule_id", ""))
        if versions.get(rule_id) == signal.payload.get("rule_version"):
            self.switched_off.add(rule_id)

    def take_news(self) -> tuple[list[AlertChange], list[Signal]]:
        """Return the notices and signals for rules switched off since the last call."""
        changes, signals = [], []
        for rule_id, version, time_us, item_id in self._news:
            changes.append(AlertChange("raised", _notice(rule_id, version, time_us)))
            signals.append(
                Signal(
                    f"off:{rule_id}:{item_id}",
                    time_us,
                    "rule_switched_off",
                    payload={"rule_id": rule_id, "rule_version": version},
                )
            )
        self._news.clear()
        return changes, signals


def _notice(rule_id: str, version: int, time_us: int) -> Alert:
    return Alert(
        alert_id=alert_id("rule-switched-off", "", rule_id, str(time_us)),
        rule_id="rule-switched-off",
        rule_version=version,
        severity=Severity.CRITICAL,
        mode="alert",
        app="",
        key_kind="system",
        key_value=rule_id,
        event_time_us=time_us,
        first_event_time_us=time_us,
        last_event_time_us=time_us,
        hits=FAULTS_AN_HOUR,
        summary=f"Rule {rule_id} raised {FAULTS_AN_HOUR} times within an hour and is switched off: "
        "nothing it watches is seen until it is mended",
    )
