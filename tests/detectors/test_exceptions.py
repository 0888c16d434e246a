"""Exceptions: what somebody has answered for is recorded, and told to nobody."""

from __future__ import annotations

from typing import Any

import pytest

from detectors.engine import Engine
from detectors.exceptions import Exceptions, RuleException
from detectors.plan import Plan
from schemas.alert import Alert
from schemas.event import Event
from schemas.instant import SECOND
from tests.detectors.story import CURL, NEW_YORK, START_US, default_apps, final_alerts, login, use

NEVER_US = START_US + 10**15
THEFT = (login("alice", at=0), use("alice", at=60, ip=NEW_YORK, agent=CURL))


def found(*stream: Event, expires_us: int = NEVER_US, rule: str = "session-hijack", **where: Any) -> list[Alert]:
    exception = RuleException(rule, "network team", "penetration test", expires_us, **where)
    engine = Engine(Plan(only=["session-hijack"], exceptions=Exceptions([exception])), default_apps())
    return list(final_alerts([engine.process(stream).changes, engine.finish().changes]).values())


@pytest.mark.parametrize(
    "where",
    [
        {"network": "198.51.100.0/24"},
        {"asn": 64530},
        {"user_id": "alice"},
        {"app": "bank"},
        {"agent": "CURL/*"},
        {"app": "bank", "network": "198.51.100.0/24", "agent": "*"},
    ],
)
def test_a_covered_hit_keeps_its_record(where: dict[str, Any]) -> None:
    (record,) = found(*THEFT, **where)
    assert (record.mode, record.suppressed_by) == ("shadow", "network team: penetration test")


@pytest.mark.parametrize(
    "where",
    [
        {"network": "203.0.113.0/24"},
        {"network": "2001:db8::/32"},
        {"asn": 64531},
        {"user_id": "bob"},
        {"app": "shop"},
        {"agent": "wget*"},
        {"app": "bank", "agent": "wget*"},
        {"rule": "use-after-destroy", "app": "bank"},
    ],
)
def test_anything_else_is_an_alert(where: dict[str, Any]) -> None:
    (alert,) = found(*THEFT, **where)
    assert (alert.mode, alert.suppressed_by) == ("alert", None)


def test_an_exception_ends_by_event_time() -> None:
    (alert,) = found(*THEFT, app="bank", expires_us=START_US + 60 * SECOND)
    assert alert.suppressed_by is None
    (record,) = found(*THEFT, app="bank", expires_us=START_US + 61 * SECOND)
    assert record.suppressed_by is not None


def test_what_is_covered_and_what_is_not_never_count_together() -> None:
    elsewhere = use("alice", at=90, ip="203.0.113.80", agent=CURL)
    covered, open_ = sorted(
        found(*THEFT, elsewhere, network="198.51.100.0/24"), key=lambda one: one.suppressed_by or "~"
    )
    assert (covered.hits, open_.hits) == (1, 1)
    assert (covered.mode, open_.mode) == ("shadow", "alert")


def test_another_exception_is_another_plan() -> None:
    apps = default_apps()
    exception = RuleException("session-hijack", "network team", "penetration test", NEVER_US, app="bank")
    assert Plan().fingerprint(apps) != Plan(exceptions=Exceptions([exception])).fingerprint(apps)
