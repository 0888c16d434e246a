"""The detection stage: the keyed engine, and what its alerts together lead to."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from detectors import snapshot
from detectors.engine import SWEEP_US, Engine, Findings
from detectors.findings.campaigns import WINDOW_US, Campaigns, Grouped, Tool
from detectors.findings.counts import Counts, Sample
from detectors.findings.derived import Derived, Joining
from detectors.findings.joins import Candidate, Joins
from detectors.findings.reports import Finding, Reports, RulesOf
from detectors.findings.risk import HALF_LIVES, Risks
from detectors.findings.standing import CLEARING_VERDICTS, Book, Move, Standing, standing
from detectors.kept_lists import Version
from detectors.plan import Plan
from detectors.provider.facts import alert_of
from detectors.rules import AnyRule
from detectors.rules.risk_threshold import RiskThreshold, RiskThresholdParameters
from detectors.rules.source_silent import SourceSilent
from detectors.silence import Clock, Rhythm, Silence
from schemas.alert import Alert, AlertChange
from schemas.app import Apps
from schemas.event import Event
from schemas.instant import DAY
from schemas.risk import HALF_LIFE_US
from schemas.signal import Signal
from store.rows import CampaignRow, MemberRow, RiskRow, SnapshotRow

if TYPE_CHECKING:
    from detectors.learned.outliers import Outliers

SESSION_OUTLIER = "session-outlier"

FINDINGS_VERSION = 1
"""Raised when stored state of this stage changes its form or meaning."""

JOIN_MEMORY_US = DAY
"""How long a candidate is remembered: no join looks back further."""

SLACK_US = 2 * DAY
MAX_APPS = 1_000

ROW_KIND = "findings"
"""The first word of the kind of this stage's snapshot rows."""

_LASTING = frozenset({"clock", "rhythm", "list"})
_COUNTED = frozenset({"create", "destroy", "fail"})
_encode = msgspec.msgpack.Encoder().encode


@dataclass(slots=True)
class Detected(Findings):
    """What a batch led to: beside alerts and signals the risks, campaigns and memberships that changed."""

    risks: list[RiskRow] = field(default_factory=list)
    campaigns: list[CampaignRow] = field(default_factory=list)
    members: list[MemberRow] = field(default_factory=list)


class StoredFinding(msgspec.Struct, array_like=True):
    """A finding of an app report."""

    app: str
    finding: Finding


class StoredDay(msgspec.Struct, array_like=True):
    """The sessions of an app's day, and the newest event of that app."""

    sample: Sample
    newest_us: int


class StoredList(msgspec.Struct, array_like=True):
    """A network list in its versions."""

    versions: tuple[Version, ...]


class Detection:
    """Stands where the engine alone could: judges events, and holds the alerts that come of them together.

    Args:
        engine: with the rules of `plan`.
        plan: the rules in force.
        apps: what each app declares.
        campaign_window_us: the longest pause inside a campaign.
        judges_silence: time moves as it does for a running pipeline; in a file nothing tells of a silence's end.

    Attributes:
        memory_us: how long an alert counts for others.
    """

    def __init__(
        self,
        engine: Engine,
        plan: Plan,
        apps: Apps,
        *,
        campaign_window_us: int = WINDOW_US,
        judges_silence: bool = True,
    ) -> None:
        self.engine = engine
        self._plan = plan
        self._apps = apps
        self._window_us = campaign_window_us
        self._rules: dict[str, Mapping[str, AnyRule]] = {}
        joining = [rule for rule in plan.classes.values() if issubclass(rule, Joining)]
        # Those that read other joins come after them.
        names = {rule.id for rule in joining}
        self._joining = [rule.id for rule in sorted(joining, key=lambda rule: (bool(rule.reads & names), rule.id))]
        self.memory_us = _risk_horizon_us(plan) + SLACK_US
        self.outliers = _outliers(engine, plan, self.rules_of)
        silence = judges_silence and SourceSilent.id in plan.classes
        self.silence = Silence(self.rules_of, apps) if silence else None
        self._swept_us = 0
        self.book = Book()
        self.counts = Counts()
        self.joins = Joins(self.rules_of)
        self.reports = Reports(self.counts, self.rules_of, apps, _readers(plan))
        self.risks = Risks(self.rules_of, _risk_horizon_us(plan))
        self.campaigns = Campaigns(campaign_window_us)

    def process(self, items: Iterable[Event | Signal]) -> Detected:
        """Judge events and signals, in the order of their arrival; see `Engine.process`."""
        told = list(items)
        for item in told:
            if isinstance(item, Event):
                if self.silence is not None:
                    self.silence.observe(item)
                if item.type in _COUNTED:
                    self.counts.observe(item)
                    if item.type == "create":
                        self.campaigns.observe(item, self._apps.realm_of(item.app))
            elif item.kind == "verdict":
                self._move(self.book.judge(str(item.payload.get("alert_id")), str(item.payload.get("verdict", ""))))
            elif item.kind == "idp_alert":
                self._enter(AlertChange("raised", alert_of(item)))
            elif item.kind == "tick" and self.silence is not None:
                self.silence.tick(item.time_us)
            elif item.kind == "list_changed":
                self._plan.lists.apply(item)
        findings = self.engine.process(told)
        if self.outliers is not None:
            findings.changes += self.outliers.changes(told)
        if self.silence is not None:
            findings.changes += self.silence.changes()
        return self._follow(findings)

    def finish(self) -> Detected:
        """Decide everything that still settles: the stream has ended."""
        return self._follow(self.engine.finish())

    def wants_tick(self, stream_us: int) -> bool:
        """Say whether something waits that this stream time decides."""
        return self.engine.wants_tick(stream_us) or (self.silence is not None and self.silence.wants_tick(stream_us))

    def expire(self, stream_us: int) -> int:
        """Drop what nothing can ask about any more; changes no alert. Returns how many keys were dropped."""
        dropped = self.engine.expire(stream_us)
        if stream_us < self._swept_us + SWEEP_US:
            return dropped
        self._swept_us = stream_us
        self.joins.expire(stream_us - JOIN_MEMORY_US - SLACK_US)
        for gone in self.book.expire(stream_us - self.memory_us):
            self._forget(gone)
        if self.outliers is not None:
            self.outliers.expire(stream_us - self.engine.longest_horizon_us() - SLACK_US)
        return dropped

    def rules_of(self, app: str) -> Mapping[str, AnyRule]:
        """Return the rules in force for an app, by id; those that are off left out."""
        rules = self._rules.get(app)
        if rules is None:
            if len(self._rules) >= MAX_APPS:
                # Anybody who may write to the topic can invent apps.
                self._rules.clear()
            rules = self._rules[app] = {rule.id: rule for rule in self._plan.instances(app)}
        return rules

    def fingerprint(self) -> str:
        """Return a digest of everything that decides what the state means, see `Plan.fingerprint`."""
        described = f"{self._plan.fingerprint(self._apps)} {FINDINGS_VERSION} {self._window_us}"
        return hashlib.sha256(described.encode()).hexdigest()[:32]

    def sizes(self) -> dict[str, int]:
        """Return how much is in memory by kind, and how many keys were evicted."""
        return self.engine.sizes()

    def unpublish(self, keep: Collection[str]) -> None:
        """Forget that alerts were told, but for these, and write risks and campaigns anew: the rules are others."""
        self.engine.unpublish(keep)
        for told in (self.joins.told, self.reports.told, self.risks.told):
            told.keep(set(keep))
        if self.outliers is not None:
            self.outliers.keep(keep)
        self.risks.retell()
        self.campaigns.retell()

    def recall(self, told: Iterable[tuple[Alert, str | None]]) -> None:
        """Let stored alerts count into risks, where the events that led to them are not judged again.

        Their campaigns stay as they are stored.

        Args:
            told: alerts, and what a person said of each.
        """
        for alert, verdict in told:
            rule = self._plan.classes.get(alert.rule_id)
            if rule is None or issubclass(rule, Derived) or rule.reported == "app" or alert.status == "withdrawn":
                continue
            if _counts(alert):
                facts = standing(alert, self._apps.realm_of(alert.app), cleared=verdict in CLEARING_VERDICTS)
                move = self.book.put(facts)
                if move is not None:
                    self.risks.move(move)

    def take_rows(self) -> list[SnapshotRow]:
        """Return the snapshot rows of everything that changed since the last call, the engine's among them."""
        return [*snapshot.take(self.engine), *self._own_rows()]

    def restore(
        self,
        rows: Iterable[SnapshotRow],
        rules: Mapping[str, type[AnyRule]],
        events: snapshot.EventsBySeq,
        days: snapshot.DaysOf,
    ) -> int:
        """Fill an empty stage from the newest row of each key; arguments as for `snapshot.restore`.

        Raises:
            msgspec.DecodeError: the state is of another version.
        """
        keys = snapshot.restore(self.engine, self._adopt(rows), rules, events, days)
        # What follows from all this was told before.
        self._conclude(Detected())
        list(self._own_rows())
        return keys

    def adopt_lasting(self, rows: Iterable[SnapshotRow]) -> None:
        """Take over what no rule decides: rhythms and network lists, where the rest is rebuilt from the events.

        Raises:
            msgspec.DecodeError: the state is of another version.
        """
        for row in rows:
            kind, _, part = row.kind.partition(" ")
            if kind == ROW_KIND and part in _LASTING and row.content is not None:
                self._adopt_row(part, row.key, row.content)
        if self.silence is not None:
            self.silence.take_over()

    def _follow(self, findings: Findings) -> Detected:
        detected = Detected(signals=findings.signals)
        for change in findings.changes:
            rule = self._plan.classes.get(change.alert.rule_id)
            reported = "key" if rule is None else rule.reported
            if reported == "app":
                self.reports.take(change, own=True)
            elif reported == "join":
                self.joins.take(change, self._apps.realm_of(change.alert.app))
            else:
                detected.changes.append(change)
                self._enter(change)
        self._conclude(detected)
        return detected

    def _conclude(self, detected: Detected) -> None:
        for rule_id in self._joining:
            for change in self.joins.changes(rule_id):
                detected.changes.append(change)
                self._enter(change)
        detected.changes += self.reports.changes()
        for gone in self.book.overflow():
            self._forget(gone)
        changes, detected.risks = self.risks.changes()
        detected.changes += changes
        grouped: Grouped = self.campaigns.changes()
        detected.campaigns, detected.members = grouped.campaigns, grouped.members

    def _enter(self, change: AlertChange) -> None:
        """Let an alert count for the others, where it is told to people."""
        if not _counts(change.alert):
            return
        self.reports.take(change, own=False)
        self._move(self.book.take(change, self._apps.realm_of(change.alert.app)))

    def _move(self, move: Move | None) -> None:
        if move is not None:
            self.joins.move(move)
            self.risks.move(move)
            self.campaigns.move(move)

    def _forget(self, gone: Standing) -> None:
        self.joins.forget(gone)
        self.risks.forget(gone)
        self.campaigns.forget(gone)

    def _own_rows(self) -> Iterator[SnapshotRow]:
        for alert_id, one in self.book.stored():
            yield _row("alert", alert_id, one)
        for alert_id, candidate in self.joins.stored():
            yield _row("candidate", alert_id, candidate)
        for (rule_id, alert_id), filed in self.reports.stored():
            yield _row("finding", f"{rule_id} {alert_id}", filed and StoredFinding(*filed))
        for (app, day), sample in self.counts.stored():
            content = None if sample is None else StoredDay(sample, self.counts.newest_us.get(app, 0))
            yield _row("day", f"{day} {app}", content)
        for (realm, agent), tool in self.campaigns.stored_tools():
            yield _row("tool", msgspec.json.encode([realm, agent]).decode(), tool)
        if self.silence is not None:
            yield _row("clock", "clock", self.silence.clock)
            for app, rhythm in self.silence.stored():
                yield _row("rhythm", app, rhythm)
        for name, versions in self._plan.lists.stored():
            yield _row("list", name, StoredList(versions))
        for session, alert in () if self.outliers is None else self.outliers.stored():
            yield _row("outlier", session, alert)

    def _adopt(self, rows: Iterable[SnapshotRow]) -> Iterator[SnapshotRow]:
        """Take this stage's own rows out."""
        for row in rows:
            kind, _, part = row.kind.partition(" ")
            if kind != ROW_KIND:
                yield row
            elif row.content is not None:
                self._adopt_row(part, row.key, row.content)

    def _adopt_row(self, part: str, key: str, content: bytes) -> None:
        decode = msgspec.msgpack.decode
        if part == "alert":
            self._move(self.book.put(decode(content, type=Standing)))
        elif part == "candidate":
            self.joins.put(key, decode(content, type=Candidate))
        elif part == "finding":
            rule_id, alert_id = key.split(" ", 1)
            filed = decode(content, type=StoredFinding)
            self.reports.put(rule_id, filed.app, alert_id, filed.finding)
        elif part == "day":
            day, app = key.split(" ", 1)
            stored = decode(content, type=StoredDay)
            self.counts.put((app, int(day)), stored.sample, stored.newest_us)
        elif part == "tool":
            realm, agent = msgspec.json.decode(key, type=tuple[str, str])
            self.campaigns.tools[realm, agent] = decode(content, type=Tool)
        elif part == "clock" and self.silence is not None:
            self.silence.clock = decode(content, type=Clock)
        elif part == "rhythm" and self.silence is not None:
            self.silence.put(key, decode(content, type=Rhythm))
        elif part == "list":
            self._plan.lists.put(key, decode(content, type=StoredList).versions)
        elif part == "outlier" and self.outliers is not None:
            self.outliers.put(key, decode(content, type=Alert))


def _outliers(engine: Engine, plan: Plan, rules_of: RulesOf) -> Outliers | None:
    if plan.model is None or SESSION_OUTLIER not in plan.classes:
        return None
    # Heavy to import, and seldom there.
    from detectors.learned.outliers import Outliers

    return Outliers(engine, plan.model, rules_of)


def _counts(alert: Alert) -> bool:
    """Say whether an alert is anybody's business: no trial of a rule, no excepted hit, no fire drill, no notice."""
    return alert.mode != "shadow" and alert.drill is None and alert.key_kind != "system"


def _readers(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Return by rule the app reports that are made from its alerts."""
    readers: dict[str, tuple[str, ...]] = {}
    for name, rule in plan.classes.items():
        if not issubclass(rule, Joining):
            for read in rule.reads:
                readers[read] = (*readers.get(read, ()), name)
    return readers


def _risk_horizon_us(plan: Plan) -> int:
    """Return how long an alert counts into a risk."""
    rules = [rule for rule in plan.instances() if isinstance(rule, RiskThreshold)]
    half_lives = [rule.parameters.half_life for rule in rules if isinstance(rule.parameters, RiskThresholdParameters)]
    return HALF_LIVES * max(half_lives, default=HALF_LIFE_US)


def _row(part: str, key: str, content: msgspec.Struct | None) -> SnapshotRow:
    return SnapshotRow(f"{ROW_KIND} {part}", key, None if content is None else _encode(content))
