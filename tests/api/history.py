"""What the API's tests find in the store: a theft at the bank, an ordinary day at the shop."""

from __future__ import annotations

import uuid

from schemas.alert import Alert, Evidence, Severity
from schemas.event import Agent, Event, Place
from schemas.instant import DAY, HOUR, MINUTE, SECOND
from schemas.revocation import Revocation
from schemas.risk import Contribution
from store.rows import AuditLine, CampaignRow, DeadLetter, MemberRow, OutboxMessage, RiskRow, SharedValue
from store.writer import Writer

STOLEN, QUIET, LONG, SHOPPING = "s_k1_stolen", "s_k1_quiet", "s_k1_long", "s_k1_shopping"
ALICE = "alice"
HOME = Place(network="192.0.2.0/24", version=4, country="DE", asn=64500)
AWAY = Place(network="198.51.100.0/24", version=4, country="NL", asn=64501, network_type="hosting")
FIREFOX, CURL = Agent("Firefox", "Linux", "desktop"), Agent("curl", None, "tool")

THEFT = "11111111-1111-4111-8111-111111111111"
OLD_THEFT = "22222222-2222-4222-8222-222222222222"
SHOP_ALERT = "33333333-3333-4333-8333-333333333333"
HELD = "44444444-4444-4444-8444-444444444444"
HELD_TOO = "77777777-7777-4777-8777-777777777777"
FAILED = "55555555-5555-4555-8555-555555555555"
SHOP_REVOCATION = "66666666-6666-4666-8666-666666666666"

CAMPAIGN = "88888888-8888-4888-8888-888888888888"

HOSTILE_AGENT = "<img src=x onerror=alert(1)> ![](http://evil.example/x.png) \u202egnp"


def write_history(writer: Writer, now_us: int) -> None:
    """Write two apps' history, relative to now (microseconds since the epoch)."""
    stolen = _theft(now_us)
    events = [*stolen, *_long(now_us), *_shop(now_us)]
    with writer.transaction():
        writer.append_events(sorted(events, key=lambda event: event.time_us))
        writer.save_alerts(_alerts(now_us, stolen[-1]), now_us)
        writer.save_revocations(_revocations(now_us))
        writer.append_audit([AuditLine(now_us, "policy", "revocation held", HELD, "bank", "the user is protected")])
        writer.enqueue([_delivered(now_us)])
        writer.save_risks(_risks(now_us))
        shared = SharedValue("network", "198.51.100.0/24", 2)
        campaign = CampaignRow(CAMPAIGN, "bank", now_us - 2 * HOUR, now_us - 5 * MINUTE, (shared,))
        writer.save_campaigns([campaign], [MemberRow(alert_id, CAMPAIGN) for alert_id in (THEFT, OLD_THEFT)])
        writer.append_dead_letters([_dead_letter(number, now_us) for number in range(5)])


def event(time_us: int, **fields: object) -> Event:
    """An accepted use of alice's at the bank."""
    ordinary: dict[str, object] = {
        "event_id": str(uuid.uuid4()),
        "type": "validate",
        "reason": "request",
        "app": "bank",
        "session_id": STOLEN,
        "user_id": ALICE,
        "ip": "192.0.2.7",
        "user_agent": "Mozilla/5.0 Firefox/140.0",
        "place": HOME,
        "agent": FIREFOX,
        "arrival_us": time_us,
        "topic": "session-events",
        "partition": 0,
        "offset": 1,
    }
    return Event(time_us=time_us, **(ordinary | fields))  # type: ignore[arg-type]


def _theft(now_us: int) -> list[Event]:
    begin = now_us - 20 * MINUTE
    used = [event(begin + minute * MINUTE) for minute in range(1, 15)]
    thief = event(
        begin + 15 * MINUTE, ip="198.51.100.9", user_agent=HOSTILE_AGENT, place=AWAY, agent=CURL, attributes={"a": 1}
    )
    return [event(begin, type="create", reason="login"), *used, thief]


def _long(now_us: int) -> list[Event]:
    """A session of ten hours in three places, with more uses than a picture can show."""
    begin = now_us - 30 * HOUR
    places = (HOME, AWAY, Place(network="203.0.113.0/24", version=4, country="FR"))
    uses = [
        event(begin + number * 12 * SECOND, session_id=LONG, user_id="bob", place=places[number // 1000], count=2)
        for number in range(1, 3000)
    ]
    ended = event(begin + 10 * HOUR, type="destroy", reason="logout", session_id=LONG, user_id="bob")
    return [event(begin, type="create", reason="login", session_id=LONG, user_id="bob"), *uses, ended]


def _shop(now_us: int) -> list[Event]:
    shop = {"app": "shop", "session_id": SHOPPING}
    quiet = {"session_id": QUIET, "user_id": "carol"}
    return [
        event(now_us - 10 * MINUTE, type="create", reason="login", **shop),
        event(now_us - 9 * MINUTE, **shop),
        event(now_us - 8 * MINUTE, type="fail", reason="bad_credentials", app="shop", session_id=None, user_id="dave"),
        event(now_us - 2 * HOUR, type="create", reason="login", **quiet),
    ]


def _alerts(now_us: int, last: Event) -> list[Alert]:
    def alert(alert_id: str, time_us: int, **fields: object) -> Alert:
        ordinary: dict[str, object] = {
            "rule_id": "session-hijack",
            "rule_version": 1,
            "severity": Severity.CRITICAL,
            "mode": "enforce",
            "app": "bank",
            "key_kind": "session",
            "key_value": STOLEN,
            "session_id": STOLEN,
            "user_id": ALICE,
            "first_event_time_us": time_us,
            "last_event_time_us": time_us,
            "summary": "Began on 192.0.2.0/24 DE, now used from 198.51.100.0/24 NL",
            "evidence": (Evidence(last.event_id, last.time_us, "used from 198.51.100.0/24 NL"),),
            "usual": {"network": "192.0.2.0/24 DE AS64500", "agent": "Firefox on Linux"},
        }
        return Alert(alert_id=alert_id, event_time_us=time_us, **(ordinary | fields))  # type: ignore[arg-type]

    many = [
        alert(str(uuid.UUID(int=number)), now_us - 3 * HOUR - number * SECOND, severity=Severity.LOW)
        for number in range(1, 31)
    ]
    return [
        alert(THEFT, now_us - 5 * MINUTE),
        alert(OLD_THEFT, now_us - 2 * HOUR, severity=Severity.HIGH, key_value=QUIET, session_id=QUIET),
        alert(SHOP_ALERT, now_us - HOUR, app="shop", severity=Severity.MEDIUM, key_value=SHOPPING, session_id=SHOPPING),
        *many,
    ]


def _risks(now_us: int) -> list[RiskRow]:
    """Alice's risk at the moment of the theft, made of an alert at the bank and one at the shop."""
    bank = Contribution(THEFT, "session-hijack", "bank", Severity.CRITICAL, 85, now_us - 5 * MINUTE, "stolen")
    shop = Contribution(SHOP_ALERT, "session-hijack", "shop", Severity.MEDIUM, 30, now_us - HOUR, "odd", 1)
    return [
        RiskRow("user", "bank", ALICE, 89, now_us - 5 * MINUTE, DAY, (bank, shop)),
        RiskRow("session", "bank", STOLEN, 85, now_us - 5 * MINUTE, DAY, (bank,)),
    ]


def _revocations(now_us: int) -> list[Revocation]:
    def revocation(revocation_id: str, subject: str, state: str, **fields: object) -> Revocation:
        times = {"requested": now_us - 4 * MINUTE, state: now_us - 3 * MINUTE}
        ordinary: dict[str, object] = {
            "app": "bank",
            "scope": "session",
            "sequence": 1,
            "reason": "session-hijack (default)",
            "requested_by": "policy",
            "session_id": subject,
            "user_id": ALICE,
        }
        return Revocation(
            revocation_id=revocation_id,
            subject=subject,
            state=state,
            times=times,
            **(ordinary | fields),  # type: ignore[arg-type]
        )

    return [
        revocation(HELD, QUIET, "held", alert_id=OLD_THEFT, note="the user is protected", severity="high"),
        revocation(HELD_TOO, "s_k1_held", "held", note="the user is protected", severity="high"),
        revocation(FAILED, "s_k1_failed", "failed", note="webhook:bank did not take it"),
        revocation(SHOP_REVOCATION, SHOPPING, "delivered", app="shop"),
    ]


def _delivered(now_us: int) -> OutboxMessage:
    return OutboxMessage(
        message_id="m-shop",
        lane="webhook:shop",
        kind="session.revoked",
        ordering_key="x",
        subject=SHOP_REVOCATION,
        payload="{}",
        created_us=now_us,
        state="delivered",
        attempts=1,
        finished_us=now_us,
    )


def _dead_letter(number: int, now_us: int) -> DeadLetter:
    return DeadLetter(
        topic="session-events",
        partition=0,
        offset=number,
        arrival_us=now_us - number * MINUTE,
        reason="not_json" if number else "forged",
        detail="expected JSON",
        length=9,
        sha256="00" * 32,
        content=b"not JSON \xff",
    )
