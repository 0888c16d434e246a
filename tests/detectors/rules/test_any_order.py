"""Streams in which anything may happen to a few sessions: refreshes, rotations, bindings, refusals, revocations.

The final alerts of the rules about sessions do not depend on how such a stream is told.
"""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from detectors.engine import Engine
from detectors.parameters import Parameters
from detectors.plan import Plan, RuleSetting
from detectors.rules.absolute_timeout_not_enforced import AbsoluteTimeoutNotEnforced
from detectors.rules.binding_lost import BindingLost
from detectors.rules.bot_rate import BotRate
from detectors.rules.idle_timeout_not_enforced import IdleTimeoutNotEnforced
from detectors.rules.logout_all_incomplete import LogoutAllIncomplete
from detectors.rules.refresh_replay import RefreshReplay
from detectors.rules.revocation_not_effective import RevocationNotEffective
from detectors.rules.session_device_churn import SessionDeviceChurn
from detectors.rules.session_fixation import SessionFixation
from detectors.rules.session_limit_not_enforced import SessionLimitNotEnforced
from detectors.rules.session_replay_tool import SessionReplayTool
from detectors.rules.slow_to_revoke import SlowToRevoke
from detectors.rules.use_after_destroy import UseAfterDestroy
from schemas.app import AppPolicy, Apps
from schemas.event import Event
from schemas.instant import SECOND
from schemas.signal import Signal
from tests.detectors.story import (
    BERLIN,
    BERLIN_IPV6,
    CHROME_WINDOWS,
    CURL,
    FIREFOX,
    NEW_YORK,
    delivered,
    event,
    final_alerts,
)

Item = Event | Signal

RULES = {
    rule.id: rule
    for rule in (
        SessionReplayTool, SessionDeviceChurn, SessionFixation, RefreshReplay, BindingLost, BotRate,
        IdleTimeoutNotEnforced, AbsoluteTimeoutNotEnforced, LogoutAllIncomplete, SessionLimitNotEnforced,
        SlowToRevoke, UseAfterDestroy, RevocationNotEffective,
    )
}  # fmt: skip
SHORT = {
    "bot-rate": {"rate": 60, "sustained": 1},
    "binding-lost": {"level": "must"},
    "session-device-churn": {"devices": 2},
}
"""Thresholds that short streams reach; graces are 5 s besides."""

HAPPENINGS = (
    ("create", "login"), ("create", "rotation"), ("create", "refresh"),
    ("validate", "request"), ("validate", "request"),
    ("validate", "request"), ("validate", "refresh"), ("destroy", "logout"), ("destroy", "logout_all"),
    ("destroy", "revoked"), ("fail", "bad_credentials"), ("fail", "refresh_reused"), ("fail", "fingerprint_mismatch"),
)  # fmt: skip

SPAN_S, MAX_DELAY_S, MOST = 900, 170, 60
"""Inside the bound of disorder: 3 minutes, or 64 events of one key."""


def settings() -> dict[str, RuleSetting]:
    def parameters(rule_id: str) -> Parameters:
        shape = RULES[rule_id].Parameters
        grace = {"grace": "5s"} if "grace" in shape.model_fields else {}
        return shape(**grace, **SHORT.get(rule_id, {}))

    return {rule_id: RuleSetting(parameters(rule_id)) for rule_id in RULES}


def apps() -> Apps:
    def declared(name: str, kind: str) -> AppPolicy:
        return AppPolicy(
            name, kind, "group", 100 * SECOND, 400 * SECOND, max_sessions=1, rotates_on_login=True, clock_skew_us=0
        )  # type: ignore[arg-type]

    return Apps({"bank": declared("bank", "sso"), "shop": declared("shop", "cookie")})


def happening(dice: random.Random) -> Item:
    user, at = dice.choice(("alice", "bob")), dice.randrange(SPAN_S * 10) / 10
    session = f"alice{dice.randrange(3)}" if dice.random() < 0.1 else f"{user}{dice.randrange(3)}"
    if dice.random() < 0.1:
        kind = dice.choice(("revocation_delivered", "revocation_delivered", "revocation_released"))
        return delivered(session, at, f"r-{session}", kind)
    kind, reason = dice.choice(HAPPENINGS)
    fields: dict[str, object] = {
        "device_id": dice.choice((None, "a", "b", "-")), "bound": dice.choice((None, "dbsc", "none")),
    }  # fmt: skip
    if reason in ("rotation", "refresh", "refresh_reused"):
        fields["token_generation"] = dice.choice((None, 1, 2, 3))
    if kind == "create" and reason != "login":
        fields["parent_session_id"] = f"s_{user}{dice.randrange(3)}"
    if reason == "request" and dice.random() < 0.2:
        fields.update(count=dice.randrange(2, 300), gap_min_ms=dice.choice((None, 100.0)), gap_dev_ms=1.0)
    ip, agent = dice.choice((BERLIN, BERLIN, BERLIN_IPV6, NEW_YORK, None)), dice.choice((FIREFOX, CHROME_WINDOWS, CURL))
    made = event(
        kind, user, at, ip, agent, session=session, app=dice.choice(("bank", "shop")), reason=reason, **fields
    )  # fmt: skip
    if dice.random() < 0.1:
        made.user_id = None
    return made


def identity(item: Item) -> str:
    return item.event_id if isinstance(item, Event) else item.signal_id


def stream(dice: random.Random) -> list[Item]:
    made = [happening(dice) for _ in range(dice.randrange(2, MOST))]
    unique = {(identity(item), item.session_id): item for item in made}
    return sorted(unique.values(), key=lambda item: (item.time_us, identity(item)))


def outcome(items: list[Item], cuts: list[int], shards: int = 1) -> dict[str, tuple[object, ...]]:
    engine = Engine(Plan(settings(), rules=RULES), apps(), shards=shards)
    bounds = [0, *sorted(cuts), len(items)]
    found = [engine.process(items[begin:end]).changes for begin, end in pairwise(bounds)]
    found.append(engine.finish().changes)
    assert not engine.faults.switched_off
    return {
        key: (one.rule_id, one.key_value, one.severity, one.hits, one.event_time_us, one.evidence, one.summary)
        for key, one in final_alerts(found).items()
    }


@pytest.mark.parametrize("seed", range(60))
def test_what_is_told_in_any_order_ends_the_same(seed: int) -> None:
    dice = random.Random(seed)
    ordered = stream(dice)
    told = sorted(ordered, key=lambda item: item.time_us + dice.random() * MAX_DELAY_S * SECOND)
    cuts = [dice.randrange(len(told) + 1) for _ in range(4)]
    assert outcome(told, cuts, dice.choice((1, 3))) == outcome(ordered, [])


def test_the_streams_reach_every_rule() -> None:
    found = {rule_id for seed in range(20) for rule_id, *_ in outcome(stream(random.Random(seed)), []).values()}
    assert found == set(RULES)
