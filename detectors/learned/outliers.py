"""Scoring: the sessions whose points are new in a batch, all at once after the keyed engine has judged it.

When a session is scored is fixed by its events (decision 11), only the computing is batched. The alert follows from
all of a session's points: so neither order nor batches nor restarts matter, and it is withdrawn where an event out
of order shows that a point never was.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

import msgspec

from detectors.engine import Engine
from detectors.findings.reports import RulesOf
from detectors.learned.features import FEATURES, Point, Trace
from detectors.learned.model import OutlierModel, read_vectors
from detectors.learned.session_outlier import SessionOutlier
from detectors.rules import AnyRule
from detectors.timeline import entry_of
from schemas.alert import MAX_EVIDENCE, Alert, AlertChange, Evidence, Mode, alert_id
from schemas.event import Event
from schemas.signal import Signal

Order = tuple[int, str]
_PREFIX = f"{SessionOutlier.id} "
_LAST = chr(0x10FFFF)


@dataclass(frozen=True, slots=True)
class Seen:
    """A session to be scored.

    Attributes:
        points: in event time.
        order: of the earliest event of its family in the batch.
    """

    app: str
    session_id: str
    points: tuple[Point, ...]
    order: Order


class Outliers:
    """Holds what sessions look like against a model.

    Args:
        engine: where the sessions' points are collected.
        model: to score them with.
        rules_of: the rules in force by app.
    """

    def __init__(self, engine: Engine, model: OutlierModel, rules_of: RulesOf) -> None:
        self._engine = engine
        self._model = model
        self._rules_of = rules_of
        self._told: dict[str, Alert] = {}
        self._changed: set[str] = set()

    def changes(self, items: Iterable[Event | Signal]) -> list[AlertChange]:
        """Score the sessions of a batch that have new points, and return what is new of their alerts."""
        seen = list(self._touched(items))
        alerts = self._alerts(seen, self._model.score([one.points for one in seen]))
        changes = (self._renew(one, alert) for one, alert in zip(seen, alerts, strict=True))
        return [change for change in changes if change is not None]

    def stored(self) -> Iterator[tuple[str, Alert | None]]:
        """Yield the alerts that changed since the last call, by session; None = no longer remembered."""
        changed, self._changed = self._changed, set()
        for session in sorted(changed):
            yield session, self._told.get(session)

    def put(self, session: str, alert: Alert) -> None:
        """Take in a stored alert as told."""
        self._told[session] = alert
        self._changed.add(session)

    def expire(self, before_us: int) -> None:
        """Take the alerts of sessions that are over as history."""
        for session in [key for key, alert in self._told.items() if alert.last_event_time_us < before_us]:
            del self._told[session]
            self._changed.add(session)

    def keep(self, alert_ids: Collection[str]) -> None:
        """Forget that any but these were told."""
        self._told = {key: alert for key, alert in self._told.items() if alert.alert_id in alert_ids}

    def _touched(self, items: Iterable[Event | Signal]) -> Iterator[Seen]:
        """Yield the sessions whose points may differ from those that were scored before."""
        earliest: dict[tuple[str, str], Order] = {}
        for item in items:
            if isinstance(item, Event) and item.session_id is not None:
                order, session = entry_of(item)[:2], (item.app, item.session_id)
                if session not in earliest or order < earliest[session]:
                    earliest[session] = order
        families: dict[str, Order] = {}
        for session, order in earliest.items():
            root = self._engine.family_of(*session)
            families[root] = min(order, families.get(root, order))
        for root, order in families.items():
            state = self._engine.family(root)
            for name, memory in () if state is None else sorted(state.memory.items()):
                if not name.startswith(_PREFIX) or not isinstance(memory, Trace):
                    continue
                app, session_id = root.split(" ", 1)[0], name.removeprefix(_PREFIX)
                last = max((point.order for point in memory.points), default=None)
                # Events behind the last point change none of them.
                if (last is not None and order <= last) or (last is None and f"{app} {session_id}" in self._told):
                    yield Seen(app, session_id, tuple(sorted(memory.points, key=_order)), order)

    def _alerts(self, seen: list[Seen], scores: list[list[float]]) -> Iterator[Alert | None]:
        threshold = self._model.threshold
        over = [
            [(score, point) for score, point in zip(ours, one.points, strict=True) if score >= threshold]
            for one, ours in zip(seen, scores, strict=True)
        ]
        worst = [max(hits, key=_worst) for hits in over if hits]
        reasons = iter(self._model.explain([point for _, point in worst]))
        told = iter(worst)
        for one, hits in zip(seen, over, strict=True):
            rule = self._rules_of(one.app).get(SessionOutlier.id)
            if not hits:
                yield None
                continue
            score_and_point, why = next(told), next(reasons)
            yield None if rule is None else self._alert(rule, one, hits, score_and_point, why)

    def _alert(
        self,
        rule: AnyRule,
        seen: Seen,
        hits: list[tuple[float, Point]],
        worst: tuple[float, Point],
        why: list[tuple[int, float]],
    ) -> Alert:
        threshold = self._model.threshold
        score, point = worst
        first, last = hits[0][1], hits[-1][1]
        here = read_vectors([point.vector])[0]
        excepted = next((hit.excepted for _, hit in hits), None) if all(hit.excepted for _, hit in hits) else None
        named = [(FEATURES[feature], float(here[feature]), float(self._model.medians[feature])) for feature, _ in why]
        told = ", ".join(f"{feature.words} {feature.shown(value)}" for feature, value, _ in named)
        return Alert(
            alert_id=alert_id(rule.id, seen.app, seen.session_id, "session"),
            rule_id=rule.id,
            rule_version=rule.version,
            severity=rule.fixed_severity or rule.severity,
            mode=self._mode(rule, excepted),
            app=seen.app,
            key_kind="session",
            key_value=seen.session_id,
            event_time_us=first.time_us,
            first_event_time_us=first.time_us,
            last_event_time_us=last.time_us,
            summary=f"Unlike the sessions of the past at {point.why}: {told or 'in no single respect'}",
            evidence=tuple(
                Evidence(hit.event_id, hit.time_us, f"{hit.why}: score {value:.3f}, told from {threshold:.3f}")
                for value, hit in hits[:MAX_EVIDENCE]
            ),
            usual={feature.words: feature.shown(usual) for feature, _, usual in named},
            user_id=point.user_id,
            session_id=seen.session_id,
            ip=point.ip,
            network=point.place.network,
            device_id=point.device_id,
            hits=len(hits),
            confidence=self._model.confidence(score),
            model_id=self._model.model_id,
            drill=point.drill,
            asn=point.place.asn,
            network_type=point.place.network_type,
            suppressed_by=excepted,
        )

    def _mode(self, rule: AnyRule, excepted: str | None) -> Mode:
        # Whatever is set: a model that has seen too little tells nobody.
        return "shadow" if self._model.young or excepted is not None else rule.active_mode

    def _renew(self, seen: Seen, alert: Alert | None) -> AlertChange | None:
        session = f"{seen.app} {seen.session_id}"
        before = self._told.get(session)
        if before == alert:
            return None
        if alert is None and before is not None and seen.order > (before.last_event_time_us, _LAST):
            # Only an event out of order can make it untrue; here the session was forgotten meanwhile.
            return None
        self._changed.add(session)
        if alert is None:
            assert before is not None
            del self._told[session]
            return AlertChange("withdrawn", msgspec.structs.replace(before, status="withdrawn"))
        self._told[session] = alert
        return AlertChange("raised" if before is None else "updated", alert)


def _order(point: Point) -> Order:
    return point.order


def _worst(hit: tuple[float, Point]) -> tuple[float, int, str]:
    """Of equal scores the first event counts."""
    score, point = hit
    return score, -point.time_us, point.event_id
