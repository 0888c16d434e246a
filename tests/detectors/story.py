"""The words in which detector tests are told: given these events, then these alerts.

given(
    login("alice", at=0, ip=BERLIN, agent=FIREFOX),
    use("alice", at=60, ip=NEW_YORK, agent=CURL),
).then(alert("session-hijack", "critical"))
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from detectors.engine import Engine
from detectors.findings.stage import Detection
from detectors.plan import Plan, RuleSetting
from detectors.rules import BUILTIN
from ingest.agents import agent_of
from ingest.places import KnownNetwork, Places
from schemas.alert import Alert, AlertChange, Severity
from schemas.app import AppPolicy, Apps
from schemas.event import Event
from schemas.instant import DAY, HOUR, SECOND, to_rfc3339
from schemas.signal import Signal

START_US = 1_793_520_000 * SECOND

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
FIREFOX_UPGRADED = "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0"
CHROME_WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126 Safari/537.36"
)
SAFARI_IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Mobile/15E148 Safari/604.1"
)
CURL = "curl/8.5.0"

BERLIN, BERLIN_NEIGHBOUR = "192.0.2.10", "192.0.2.77"
BERLIN_CAFE = "192.0.3.5"
BERLIN_IPV6 = "2001:db8:1::10"
MUNICH_CARRIER, MUNICH_CARRIER_2 = "192.0.8.4", "192.0.9.4"
OFFICE = "192.0.16.1"
NEW_YORK = "198.51.100.9"
AMSTERDAM_HOSTING = "203.0.113.80"
PARIS_CARRIER = "198.18.4.4"
STOCKHOLM_VPN, STOCKHOLM_RELAY = "198.18.8.8", "198.18.9.9"

PLACES = Places([
    KnownNetwork("192.0.2.0/24", "home", 64500, "DE"),
    KnownNetwork("192.0.3.0/24", None, 64501, "DE"),
    KnownNetwork("2001:db8:1::/48", "home", 64500, "DE"),
    KnownNetwork("192.0.8.0/23", "mobile", 64510, "DE"),
    KnownNetwork("192.0.16.0/24", "office", 64520, "DE"),
    KnownNetwork("198.51.100.0/24", None, 64530, "US"),
    KnownNetwork("203.0.113.0/24", "hosting", 64540, "NL"),
    KnownNetwork("198.18.4.0/24", "mobile", 64550, "FR"),
    KnownNetwork("198.18.8.0/24", "vpn", 64560, "SE"),
    KnownNetwork("198.18.9.0/24", "relay", 64561, "SE"),
])  # fmt: skip


def login(user: str, at: float, ip: str = BERLIN, agent: str | None = FIREFOX, **fields: Any) -> Event:
    """A session begins; its id is the user's name unless given."""
    return event("create", user, at, ip, agent, **{"reason": "login", **fields})


def use(user: str, at: float, ip: str = BERLIN, agent: str | None = FIREFOX, **fields: Any) -> Event:
    """A request is accepted."""
    return event("validate", user, at, ip, agent, **{"reason": "request", **fields})


def logout(user: str, at: float, ip: str = BERLIN, agent: str | None = FIREFOX, **fields: Any) -> Event:
    """A session is ended."""
    return event("destroy", user, at, ip, agent, **{"reason": "logout", **fields})


def refused(user: str, at: float, reason: str, ip: str = BERLIN, agent: str | None = FIREFOX, **fields: Any) -> Event:
    """Something is refused: a password, a factor, a session id."""
    return event("fail", user, at, ip, agent, **{"reason": reason, **fields})


def days_of(
    user: str, days: int, *, until: int = 0, hours: Sequence[int] = (9, 14), weekdays: Sequence[int] = tuple(range(7)),
    ip: str = BERLIN, agent: str | None = FIREFOX, **fields: Any,
) -> list[Event]:  # fmt: skip
    """A user's days before the start: a login in the first of the hours (UTC), a use in each of the others.

    Args:
        days: how many, those that are no weekday of the user's included.
        until: how many days before the day of the start they end; 0 = the last is yesterday.
        weekdays: Monday is 0.
    """
    stream = []
    for ago in range(days + until, until, -1):
        midnight_us = START_US // DAY * DAY - ago * DAY
        if (midnight_us // DAY + 3) % 7 not in weekdays:
            continue
        session = f"{user}-{ago}-{fields.get('device_id', '')}"
        for place, hour in enumerate(hours):
            at = (midnight_us + hour * HOUR - START_US) / SECOND + place
            word = use if place else login
            stream.append(word(user, at, ip, agent, session=session, **fields))
    return stream


def rotation(user: str, at: float, session: str, parent: str, ip: str = BERLIN, **fields: Any) -> Event:
    """A session goes on under a new id."""
    return login(
        user, at, ip, session=session, parent_session_id=f"s_{parent}", **{"reason": "rotation", **fields}
    )  # fmt: skip


def delivered(user: str, at: float, revocation: str = "r1", kind: str = "revocation_delivered") -> Signal:
    """The pipeline has delivered a revocation of the user's session (or released it)."""
    time_us = START_US + round(at * SECOND)
    return Signal(f"{kind}:{at}", time_us, kind, "bank", f"s_{user}", user, {"revocation_id": revocation})  # type: ignore[arg-type]


def flagged(user: str, at: float, session: str) -> Signal:
    """An alert says that a session may not be its user's."""
    time_us = START_US + round(at * SECOND)
    return Signal(f"flagged:{session}:{at}", time_us, "session_flagged", "bank", f"s_{session}", user)


def event(
    kind: str, user: str, at: float, ip: str | None, agent: str | None, *, session: str | None = None,
    app: str = "bank", arrives: float | None = None, **fields: Any,
) -> Event:  # fmt: skip
    """An event `at` seconds after the start, enriched as the pipeline does."""
    time_us = START_US + round(at * SECOND)
    session = session or user
    name = f"{kind}|{user}|{session}|{time_us}|{ip}|{agent}|{sorted(fields.items())}"
    return Event(
        event_id=str(uuid.UUID(bytes=hashlib.sha256(name.encode()).digest()[:16])),
        time_us=time_us,
        type=kind,
        app=app,
        session_id=f"s_{session}",
        user_id=user,
        ip=ip,
        user_agent=agent,
        place=PLACES.of(ip),
        agent=agent_of(agent),
        arrival_us=START_US + round((at if arrives is None else arrives) * SECOND),
        **fields,
    )


@dataclass(frozen=True)
class Expected:
    """What an alert should be."""

    rule_id: str
    severity: str | None = None
    session: str | None = None
    user: str | None = None
    hits: int | None = None
    late: bool | None = None

    def fits(self, found: Alert) -> bool:
        """Say whether an alert is this one."""
        wanted = [
            (self.severity, str(found.severity)),
            (f"s_{self.session}" if self.session else None, found.session_id),
            (self.user, found.user_id),
            (self.hits, found.hits),
            (self.late, found.late),
        ]
        return self.rule_id == found.rule_id and all(want is None or want == is_ for want, is_ in wanted)


def alert(rule_id: str, severity: str | None = None, **facts: Any) -> Expected:
    """An alert that is expected."""
    return Expected(rule_id, severity, **facts)


class Story:
    """A stream, and what the rules make of it."""

    def __init__(self, stream: Sequence[Event | Signal], alerts: Iterable[Alert]) -> None:
        self.stream = stream
        self.alerts = list(alerts)

    def then(self, *expected: Expected) -> None:
        """Hold the final alerts against what is expected: these, and no others."""
        left = list(self.alerts)
        missing = []
        for one in expected:
            found = next((candidate for candidate in left if one.fits(candidate)), None)
            if found is None:
                missing.append(one)
            else:
                left.remove(found)
        if missing or left:
            raise AssertionError(self._explain(missing, left))

    def silent(self) -> None:
        """Expect no alert at all."""
        self.then()

    def _explain(self, missing: list[Expected], surplus: list[Alert]) -> str:
        lines = ["given"]
        lines += [f"  {_line(item)}" for item in self.stream]
        lines += [f"missing: {one}" for one in missing]
        lines += [f"not expected: {a.rule_id} {a.severity} {a.key_value}: {a.summary}" for a in surplus]
        return "\n".join(lines)


def given(
    *stream: Event | Signal,
    rules: str | Sequence[str] | None = None,
    settings: Mapping[str, RuleSetting] | None = None,
    apps: Apps | None = None,
) -> Story:
    """Judge a stream in the order given. `rules` names the ones to run; all built-in ones otherwise."""
    only = [rules] if isinstance(rules, str) else rules
    detection = new_detection(Plan(settings, rules=BUILTIN, only=only), apps or default_apps())
    return Story(stream, final_alerts([detection.process(stream).changes, detection.finish().changes]).values())


def new_detection(plan: Plan, apps: Apps, shards: int = 1) -> Detection:
    """Return an empty detection stage."""
    return Detection(Engine(plan, apps, shards=shards), plan, apps)


def default_apps() -> Apps:
    """One app whose servers agree on the time, so that stories can count in seconds."""
    return Apps({"bank": AppPolicy("bank", realm="bank", clock_skew_us=0)})


def final_alerts(batches: Iterable[Iterable[AlertChange]]) -> dict[str, Alert]:
    """Return the alerts that stand in the end, by id."""
    final: dict[str, Alert] = {}
    for changes in batches:
        for change in changes:
            if change.kind == "withdrawn":
                final.pop(change.alert.alert_id, None)
            else:
                final[change.alert.alert_id] = change.alert
    return final


def _line(item: Event | Signal) -> str:
    time = to_rfc3339(item.time_us)[11:23]
    if isinstance(item, Signal):
        return f"{time} signal {item.kind} {item.session_id}"
    place = f"{item.ip} {item.place.country} AS{item.place.asn} {item.place.network_type or ''}"
    return f"{time} {item.type}({item.reason}) {item.session_id} user={item.user_id} {place} {item.agent.family}"


__all__ = [
    "Severity", "alert", "days_of", "delivered", "event", "flagged", "given", "login", "logout", "refused", "rotation",
    "use",
]  # fmt: skip
