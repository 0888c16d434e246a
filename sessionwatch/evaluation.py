"""How good the detection is: alerts held against labels.

Source of the figures: recall and precision as usual, over sessions; average precision as the sum over the ranks of
an attacked session of (its precision at that rank) / (number of attacked sessions), ties counted as one rank.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec

from schemas.alert import Alert, Severity
from schemas.instant import parse_rfc3339
from sessionwatch.errors import CommandError

_WEIGHTS = {Severity.INFO: 5, Severity.LOW: 20, Severity.MEDIUM: 50, Severity.HIGH: 75, Severity.CRITICAL: 95}
"""0 to 100 by severity: ranks count in the average precision, so only their order matters."""

COUNTED = Severity.MEDIUM
"""What is told to people by default; below that an alert is a record, neither a find nor a false alarm."""

RECORDED = Severity.LOW
"""What is kept as a record to look at beside others; some kinds of attack are no more than that by themselves."""


@dataclass(frozen=True, slots=True)
class Labels:
    """What was what.

    Attributes:
        attack: kind of attack by subject: a session id, ``user:ID`` or ``ip:ADDR``.
        benign: the sessions that are none.
    """

    attack: Mapping[str, str]
    benign: frozenset[str]


@dataclass(slots=True)
class Kind:
    """An attack kind: how many there were, how many were found, and how many at least recorded."""

    total: int = 0
    found: int = 0
    recorded: int = 0

    @property
    def recall(self) -> float:
        """The share that was found."""
        return self.found / self.total if self.total else 0.0


@dataclass(slots=True)
class Evaluation:
    """The figures.

    Attributes:
        kinds: by attack kind.
        benign: sessions that are no attack.
        false_alerts: alerts of medium severity or above that belong to no attack.
        idle_records: alerts of low severity that belong to no attack.
        precision: the share of such alerts that belong to an attack; None without any.
        average_precision: of the risk score over sessions, users and addresses; None without an attack.
        noisy: false alerts by rule, the most first.
    """

    kinds: dict[str, Kind] = field(default_factory=dict)
    benign: int = 0
    alerts: int = 0
    false_alerts: int = 0
    idle_records: int = 0
    precision: float | None = None
    average_precision: float | None = None
    noisy: dict[str, int] = field(default_factory=dict)

    @property
    def false_alerts_per_1000(self) -> float | None:
        """False alerts for each thousand benign sessions; None without such sessions."""
        return None if not self.benign else 1000 * self.false_alerts / self.benign

    @property
    def idle_records_per_1000(self) -> float | None:
        """Records of low severity for each thousand benign sessions; None without such sessions."""
        return None if not self.benign else 1000 * self.idle_records / self.benign

    @property
    def recall(self) -> float | None:
        """The share of all attacks that was found; None without any."""
        total = sum(kind.total for kind in self.kinds.values())
        return sum(kind.found for kind in self.kinds.values()) / total if total else None

    def as_json(self) -> dict[str, object]:
        """Return the figures as one JSON object."""
        return {
            "recall": {
                name: {
                    "attacks": kind.total,
                    "found": kind.found,
                    "recall": round(kind.recall, 4),
                    "recorded": kind.recorded,
                }
                for name, kind in sorted(self.kinds.items())
            },
            "recall_overall": _rounded(self.recall),
            "benign_sessions": self.benign,
            "alerts": self.alerts,
            "false_alerts": self.false_alerts,
            "false_alerts_per_1000_benign_sessions": _rounded(self.false_alerts_per_1000),
            "low_records_per_1000_benign_sessions": _rounded(self.idle_records_per_1000),
            "precision": _rounded(self.precision),
            "average_precision": _rounded(self.average_precision),
            "false_alerts_by_rule": self.noisy,
        }


def read_labels(lines: Iterable[str], name: str) -> Labels:
    """Return labels from CSV: ``session_id,attack`` with a heading; an empty attack is a benign session.

    Raises:
        CommandError: a line is no label; the message names it.
    """
    rows = csv.reader(lines)
    heading = [cell.strip().lower() for cell in next(rows, [])]
    if heading[:2] != ["session_id", "attack"]:
        raise CommandError(f'{name}: expected the heading "session_id,attack"')
    attack: dict[str, str] = {}
    benign: set[str] = set()
    for number, row in enumerate(rows, 2):
        if not row or not any(cell.strip() for cell in row):
            continue
        if len(row) < 2 or not row[0].strip():
            raise CommandError(f"{name}, line {number}: expected a session id and an attack, or nothing for benign")
        subject, kind = row[0].strip(), row[1].strip()
        if kind:
            attack[subject] = kind
        else:
            benign.add(subject)
    return Labels(attack, frozenset(benign - attack.keys()))


class AttackedEvents:
    """Learns, on the way, which events show an attacked session or address.

    An event is of its session, of the session that it was opened through, and of its address. Not of its user: a user
    who is attacked lives on meanwhile.

    Args:
        labels: of the same events.
    """

    def __init__(self, labels: Labels) -> None:
        self._attack = labels.attack
        self._by_event: dict[str, tuple[str, ...]] = {}
        self._refused: dict[str, list[tuple[str, int]]] = defaultdict(list)

    def watch(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        """Pass lines of events on."""
        for line in lines:
            try:
                named = _decode(line)
            except msgspec.MsgspecError:
                named = _Named()
            subjects = [str(named.session_id), str(named.parent_session_id), f"ip:{named.ip}"]
            attacked = tuple(subject for subject in subjects if subject in self._attack)
            if attacked:
                self._by_event[str(named.event_id).lower()] = attacked
            if named.type == "fail" and attacked and attacked[-1] == subjects[-1]:
                self._note_refusal(subjects[-1], named)
            yield line

    def of(self, alert: Alert) -> set[str]:
        """Return the attacked sessions and addresses that an alert names by its events.

        It names twenty events at most. One about a whole app is therefore also about the other addresses of the same
        kind of attack that the app refused while it lasted.
        """
        found = {
            subject for evidence in alert.evidence for subject in self._by_event.get(evidence.event_id.lower(), ())
        }
        if alert.key_kind == "app":
            kinds = {self._attack[subject] for subject in found if subject in self._refused}
            since_us = min([alert.first_event_time_us, *(evidence.time_us for evidence in alert.evidence)])
            found |= {
                subject
                for subject, refused in self._refused.items()
                if self._attack[subject] in kinds
                and any(app == alert.app and since_us <= at_us <= alert.last_event_time_us for app, at_us in refused)
            }
        return found

    def _note_refusal(self, subject: str, named: _Named) -> None:
        # A line that is no event is told by those who judge it.
        with suppress(ValueError):
            self._refused[subject].append((str(named.app), parse_rfc3339(str(named.event_time))))


class _Named(msgspec.Struct):
    event_id: object = None
    event_time: object = None
    type: object = None
    app: object = None
    ip: object = None
    session_id: object = None
    parent_session_id: object = None


_decode = msgspec.json.Decoder(_Named).decode


def evaluate(alerts: Iterable[Alert], labels: Labels, events: AttackedEvents | None = None) -> Evaluation:
    """Hold final alerts against labels.

    An alert belongs to an attack when the attacked session, user or address is what it is about, or when one of the
    events that it names is of an attacked session or address (`AttackedEvents`). One of medium severity or above finds
    the attack; one of low severity records it.

    Args:
        alerts: shadow ones too: whether a rule may tell is not how well it sees.
        labels: of the same events.
        events: which events show attacked sessions and addresses, where that is known.
    """
    result = Evaluation(benign=len(labels.benign))
    scores: dict[str, float] = defaultdict(float)
    false_by_rule: dict[str, int] = defaultdict(int)
    found: set[str] = set()
    recorded: set[str] = set()
    for alert in alerts:
        subjects = subjects_of(alert)
        if events is not None:
            subjects |= events.of(alert)
        hit = subjects & labels.attack.keys()
        for subject in subjects:
            scores[subject] = max(scores[subject], risk_score(alert))
        if alert.severity.rank >= RECORDED.rank:
            recorded |= hit
        if alert.severity.rank < COUNTED.rank:
            result.idle_records += alert.severity is RECORDED and not hit
            continue
        found |= hit
        result.alerts += 1
        if not hit:
            result.false_alerts += 1
            false_by_rule[alert.rule_id] += 1
    for subject, kind in labels.attack.items():
        counted = result.kinds.setdefault(kind, Kind())
        counted.total += 1
        counted.found += subject in found
        counted.recorded += subject in recorded
    if result.alerts:
        result.precision = (result.alerts - result.false_alerts) / result.alerts
    result.average_precision = average_precision(
        [(scores.get(subject, 0.0), subject in labels.attack) for subject in {*labels.attack, *labels.benign}]
    )
    result.noisy = dict(sorted(false_by_rule.items(), key=lambda item: (-item[1], item[0])))
    return result


def subjects_of(alert: Alert) -> set[str]:
    """Return whom an alert is about, as labels name it: its session, ``user:ID`` and ``ip:ADDR``."""
    subjects = set()
    if alert.session_id is not None:
        subjects.add(alert.session_id)
    if alert.user_id is not None:
        subjects.add(f"user:{alert.user_id}")
    if alert.ip is not None:
        subjects.add(f"ip:{alert.ip}")
    return subjects


def risk_score(alert: Alert) -> float:
    """Return how bad an alert says it is, 0 to 100: its severity, by how sure it is."""
    return _WEIGHTS[alert.severity] * alert.confidence


def average_precision(scored: Iterable[tuple[float, bool]]) -> float | None:
    """Return the average precision of a ranking; None where nothing is positive.

    Args:
        scored: score and whether it is an attack.
    """
    by_score: dict[float, list[bool]] = defaultdict(list)
    for score, positive in scored:
        by_score[score].append(positive)
    positives = sum(positive for group in by_score.values() for positive in group)
    if not positives:
        return None
    seen = hits = 0
    total = 0.0
    for score in sorted(by_score, reverse=True):
        group = by_score[score]
        seen, hits = seen + len(group), hits + sum(group)
        total += sum(group) / positives * (hits / seen)
    return total


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
