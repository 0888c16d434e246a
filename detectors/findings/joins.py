"""Joins: a candidate of one key beside the alerts of others."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

import msgspec

from detectors.findings.derived import Joining, Subject
from detectors.findings.reports import RulesOf
from detectors.findings.standing import Move, Standing, Told
from detectors.rules import AnyRule
from schemas.alert import MAX_EVIDENCE, Alert, AlertChange, Evidence

MAX_CANDIDATES = 50_000
"""Candidates remembered, about 75 MB; the oldest go first."""

MAX_BESIDE = 64
"""Alerts of one subject that a candidate is held against: the newest."""


class Candidate(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A hit that waits for alerts beside it, and the realm of its app."""

    alert: Alert
    realm: str


class Joins:
    """Holds candidates against the alerts that stand.

    Args:
        rules_of: the rules in force by app.
    """

    def __init__(self, rules_of: RulesOf) -> None:
        self.told = Told()
        self.changed: set[str] = set()
        self._rules_of = rules_of
        self._candidates: OrderedDict[str, Candidate] = OrderedDict()
        self._waiting: dict[Subject, set[str]] = {}
        self._beside: dict[Subject, dict[str, Standing]] = {}
        self._dirty: set[str] = set()

    def __len__(self) -> int:
        return len(self._candidates)

    def take(self, change: AlertChange, realm: str) -> None:
        """Take in how a candidate changed."""
        self.put(change.alert.alert_id, None if change.kind == "withdrawn" else Candidate(change.alert, realm))

    def put(self, identity: str, candidate: Candidate | None) -> None:
        """Take in a candidate; None = it no longer stands."""
        before = self._candidates.get(identity)
        if before is not None:
            self._leave(identity, before)
        if candidate is not None:
            self._candidates[identity] = candidate
            for ground in self._grounds(candidate):
                self._waiting.setdefault(ground, set()).add(identity)
        self._dirty.add(identity)
        self.changed.add(identity)

    def move(self, move: Move) -> None:
        """Take in how an alert changed."""
        before, after = move.before, move.after
        grounds = set() if before is None else subjects(before)
        counts = after is not None and not after.cleared
        for ground in grounds | (subjects(after) if after is not None else set()):
            beside = self._beside.setdefault(ground, {})
            if before is not None:
                beside.pop(before.alert_id, None)
            if counts and after is not None and ground in subjects(after):
                beside[after.alert_id] = after
                if len(beside) > MAX_BESIDE:
                    del beside[min(beside.values(), key=_order).alert_id]
            if not beside:
                del self._beside[ground]
            self._dirty |= self._waiting.get(ground, set())

    def forget(self, gone: Standing) -> None:
        """Take an alert as history: what it led to stands."""
        for ground in subjects(gone):
            beside = self._beside.get(ground, {})
            beside.pop(gone.alert_id, None)
            if not beside:
                self._beside.pop(ground, None)

    def changes(self, rule_id: str) -> Iterator[AlertChange]:
        """Yield what is new in the alerts of a joining rule."""
        mine: set[str] = set()
        rest: set[str] = set()
        for identity in self._dirty:
            candidate = self._candidates.get(identity)
            (mine if candidate is None or candidate.alert.rule_id == rule_id else rest).add(identity)
        self._dirty = rest
        for identity in sorted(mine):
            candidate = self._candidates.get(identity)
            change = self.told.renew(identity, None if candidate is None else self._join(candidate))
            if change is not None:
                yield change
        while len(self._candidates) > MAX_CANDIDATES:
            self._retire(next(iter(self._candidates)))

    def expire(self, before_us: int) -> None:
        """Drop the candidates that no alert can meet any more."""
        # What changed last stands last, which is near to the order of time: what is a little out of place stays longer.
        while self._candidates:
            identity, oldest = next(iter(self._candidates.items()))
            if oldest.alert.last_event_time_us >= before_us:
                break
            self._retire(identity)

    def stored(self) -> Iterator[tuple[str, Candidate | None]]:
        """Yield the candidates that changed since the last call; None = gone."""
        changed, self.changed = self.changed, set()
        for identity in sorted(changed):
            yield identity, self._candidates.get(identity)

    def _join(self, candidate: Candidate) -> Alert | None:
        alert, rule = candidate.alert, self._rule(candidate)
        if rule is None:
            return None
        beside = {one.alert_id: one for ground in self._grounds(candidate) for one in self._at(ground)}
        hit = rule.join(alert, sorted(beside.values(), key=_order))
        if hit is None:
            return None
        return msgspec.structs.replace(
            alert,
            severity=rule.fixed_severity or hit.severity,
            summary=hit.summary,
            evidence=_evidence(hit.evidence, alert.evidence),
            usual=hit.usual,
            confidence=hit.confidence,
        )

    def _rule(self, candidate: Candidate) -> Joining[None] | None:
        rule: AnyRule | None = self._rules_of(candidate.alert.app).get(candidate.alert.rule_id)
        return rule if isinstance(rule, Joining) else None

    def _grounds(self, candidate: Candidate) -> tuple[Subject, ...]:
        rule = self._rule(candidate)
        return () if rule is None else rule.grounds(candidate.alert, candidate.realm)

    def _at(self, ground: Subject) -> Iterator[Standing]:
        yield from self._beside.get(ground, {}).values()

    def _leave(self, identity: str, candidate: Candidate) -> None:
        del self._candidates[identity]
        for ground in self._grounds(candidate):
            waiting = self._waiting.get(ground, set())
            waiting.discard(identity)
            if not waiting:
                self._waiting.pop(ground, None)

    def _retire(self, identity: str) -> None:
        self._leave(identity, self._candidates[identity])
        self._dirty.discard(identity)
        self.told.forget(identity)
        self.changed.add(identity)


def subjects(one: Standing) -> set[Subject]:
    """Return what an alert is about; one about a network or app names no single user."""
    found: set[Subject] = set()
    if one.user_id is not None:
        found.add(("user", one.realm, one.user_id))
    if one.session_id is not None:
        found.add(("session", one.app, one.session_id))
    if one.key_kind == "network" and one.network is not None:
        found.add(("network", one.realm, one.network))
    if one.key_kind == "app":
        found.add(("app", one.app, one.app))
    return found


def _evidence(beside: tuple[Evidence, ...], own: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    """Return both by time, each event once; its own newest ones before others."""
    kept = {item.event_id: item for item in (*own[-MAX_EVIDENCE // 2 :], *beside[-MAX_EVIDENCE // 2 :])}
    return tuple(sorted(kept.values(), key=lambda item: (item.time_us, item.event_id)))


def _order(one: Standing) -> tuple[int, str]:
    return one.last_us, one.alert_id
