"""What of an alert the other findings are made from, and the book of all alerts that stand."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

import msgspec

from schemas.alert import Alert, AlertChange, Evidence, KeyKind, Severity

MAX_STANDING = 200_000
"""Alerts remembered at once, about 150 MB. An attacker who causes more only pushes out the oldest."""

CLEARING_VERDICTS = frozenset({"false_alarm", "benign"})
"""What a person says of an alert that no longer counts against anybody."""


class Standing(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An alert that stands, in the few facts that other findings ask for.

    Attributes:
        rank: of its severity, 0 for info up to 4 for critical.
        began_us: its first event, or the earliest that its evidence names.
        shown: its newest piece of evidence.
        cleared: a person has said that it is benign or a false alarm.
    """

    alert_id: str
    rule_id: str
    rank: int
    confidence: float
    app: str
    realm: str
    key_kind: KeyKind
    key_value: str
    user_id: str | None
    session_id: str | None
    network: str | None
    asn: int | None
    network_type: str | None
    device_id: str | None
    tool: str | None
    began_us: int
    event_us: int
    last_us: int
    summary: str
    shown: Evidence | None = None
    cleared: bool = False

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return SEVERITIES[self.rank]


SEVERITIES = tuple(Severity)


def standing(alert: Alert, realm: str, *, cleared: bool = False) -> Standing:
    """Return the facts of an alert."""
    earliest = min((item.time_us for item in alert.evidence), default=alert.first_event_time_us)
    return Standing(
        alert_id=alert.alert_id,
        rule_id=alert.rule_id,
        rank=alert.severity.rank,
        confidence=alert.confidence,
        app=alert.app,
        realm=realm,
        key_kind=alert.key_kind,
        key_value=alert.key_value,
        user_id=alert.user_id,
        session_id=alert.session_id,
        network=alert.network,
        asn=alert.asn,
        network_type=alert.network_type,
        device_id=alert.device_id,
        tool=alert.tool,
        began_us=min(alert.first_event_time_us, earliest),
        event_us=alert.event_time_us,
        last_us=alert.last_event_time_us,
        summary=alert.summary,
        shown=alert.evidence[-1] if alert.evidence else None,
        cleared=cleared,
    )


class Move(msgspec.Struct, frozen=True, gc=False):
    """How an alert's facts changed: None before = it is new, None after = it was withdrawn."""

    before: Standing | None
    after: Standing | None


class Book:
    """The alerts that stand, least recently changed first.

    Args:
        bound: the most.
    """

    def __init__(self, bound: int = MAX_STANDING) -> None:
        self._bound = bound
        self._standing: OrderedDict[str, Standing] = OrderedDict()
        self._changed: set[str] = set()

    def __len__(self) -> int:
        return len(self._standing)

    def stored(self) -> Iterator[tuple[str, Standing | None]]:
        """Yield the alerts whose facts changed since the last call; None = no longer known."""
        changed, self._changed = self._changed, set()
        for alert_id in sorted(changed):
            yield alert_id, self._standing.get(alert_id)

    def take(self, change: AlertChange, realm: str) -> Move | None:
        """Take in how an alert changed; return how its facts did, or None where they did not."""
        before = self._standing.get(change.alert.alert_id)
        if change.kind == "withdrawn":
            return self._drop(before) if before is not None else None
        # What a person said of an alert holds for its further hits.
        return self.put(standing(change.alert, realm, cleared=before is not None and before.cleared))

    def put(self, after: Standing) -> Move | None:
        """Take in an alert's facts; return how they changed, or None where they did not."""
        before = self._standing.get(after.alert_id)
        if before == after:
            return None
        self._standing[after.alert_id] = after
        self._standing.move_to_end(after.alert_id)
        self._changed.add(after.alert_id)
        return Move(before, after)

    def judge(self, alert_id: str, verdict: str) -> Move | None:
        """Take in what a person said of an alert; an empty text takes it back."""
        before = self._standing.get(alert_id)
        cleared = verdict in CLEARING_VERDICTS
        if before is None or before.cleared == cleared:
            return None
        return self.put(msgspec.structs.replace(before, cleared=cleared))

    def overflow(self) -> list[Standing]:
        """Drop and return the oldest beyond the bound."""
        gone = []
        while len(self._standing) > self._bound:
            _, one = self._standing.popitem(last=False)
            self._changed.add(one.alert_id)
            gone.append(one)
        return gone

    def expire(self, before_us: int) -> list[Standing]:
        """Drop and return the alerts whose last event is older: they are history, not withdrawn."""
        gone = [one for one in self._standing.values() if one.last_us < before_us]
        for one in gone:
            self._drop(one)
        return gone

    def _drop(self, before: Standing) -> Move:
        del self._standing[before.alert_id]
        self._changed.add(before.alert_id)
        return Move(before, None)


class Told:
    """The alerts that a part has told, so that each batch tells only what is new."""

    def __init__(self) -> None:
        self._told: dict[str, Alert] = {}

    def renew(self, alert_id: str, alert: Alert | None) -> AlertChange | None:
        """Hold what follows now (None: nothing) against what was told, and return the news."""
        before = self._told.get(alert_id)
        if before == alert:
            return None
        if alert is None:
            assert before is not None
            del self._told[alert_id]
            return AlertChange("withdrawn", msgspec.structs.replace(before, status="withdrawn"))
        self._told[alert_id] = alert
        if before is None:
            return AlertChange("raised", alert)
        return AlertChange("escalated" if alert.severity.rank > before.severity.rank else "updated", alert)

    def forget(self, alert_id: str) -> None:
        """Take an alert as history: it will neither be told again nor withdrawn."""
        self._told.pop(alert_id, None)

    def keep(self, alert_ids: set[str]) -> None:
        """Forget that any but these were told."""
        self._told = {key: alert for key, alert in self._told.items() if key in alert_ids}

    def __len__(self) -> int:
        return len(self._told)
