"""Rules that count many users keep the promise of the engine too: the battery over crowds that fire, that are
explained and that are taken back, and random crowds with low thresholds."""

from __future__ import annotations

import random

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from detectors.battery import CHECKS, Check, Subject
from detectors.battery.streams import Stream
from detectors.engine import Engine
from detectors.plan import Plan, RuleSetting
from detectors.rules import BUILTIN
from detectors.rules.brute_force_user import BruteForceUserParameters
from detectors.rules.credential_stuffing import CredentialStuffingParameters
from detectors.rules.distributed_spray import DistributedSprayParameters
from detectors.rules.mfa_fatigue import MfaFatigueParameters
from detectors.rules.password_spray import PasswordSprayParameters
from detectors.rules.prefix_spray import PrefixSprayParameters
from detectors.rules.session_enumeration import SessionEnumerationParameters
from detectors.rules.session_store_lost import SessionStoreLostParameters
from schemas.event import Event
from schemas.instant import SECOND
from tests.detectors.crowds import attempt, guess, morning, new_passwords, refusal, spray
from tests.detectors.story import BERLIN, OFFICE, default_apps, final_alerts, login, use

LOW = {
    "password-spray": RuleSetting(
        PasswordSprayParameters(users=2, window="2m", slow_users=3, slow_window="4m", tries=2)
    ),
    "credential-stuffing": RuleSetting(CredentialStuffingParameters(attempts=2, users=2, window="2m")),
    "distributed-spray": RuleSetting(DistributedSprayParameters(networks=2, users=2, attempts=2, window="2m", tries=2)),
    "prefix-spray": RuleSetting(PrefixSprayParameters(users=2, window="2m", tries=2)),
    "session-enumeration": RuleSetting(SessionEnumerationParameters(ids=2, window="2m")),
    "session-store-lost": RuleSetting(SessionStoreLostParameters(ids=2, networks=2, window="2m")),
    "brute-force-user": RuleSetting(BruteForceUserParameters(attempts=2, window="2m")),
    "mfa-fatigue": RuleSetting(MfaFatigueParameters(pushes=2, window="2m")),
}
PLACES = (OFFICE, BERLIN, "2001:db8:7:1::1", "2001:db8:7:2::1", "2001:db8:8:1::1")


class Crowded(Subject):
    """A subject that is examined in its own streams alone."""

    def every_stream(self) -> list[Stream]:
        return list(self.streams)


def crowds() -> list[list[Event]]:
    """Streams that fire, that sign-ins explain, and that are taken back at the turn of the hour."""
    hops = [attempt(f"u{n}", n * 4, ip=f"2001:db8:77:{n:x}::1") for n in range(30)]
    people = [login(f"clerk{n}", n * 5, OFFICE) for n in range(30)]
    lost = [refusal(f"clerk{n}", 400 + n, OFFICE) for n in range(30)]
    pushes = [attempt("alice", n * 20, reason="mfa_denied") for n in range(8)]
    return [
        spray(50, every=7),
        new_passwords(30, every=4),
        [*spray(11, at=3_590, every=2, ip=OFFICE, prefix="clerk"), *morning(11, at=3_620, every=1)],
        hops,
        [guess(n, n * 2) for n in range(40)],
        [*people, *lost],
        [*(refusal(f"old{n}", n, f"198.18.{n}.1") for n in range(40)), *morning(20, at=20, every=1)],
        [*pushes, login("alice", 170, "203.0.113.80"), *(attempt("alice", 200 + n * 3) for n in range(12))],
    ]


OF_ORDER = {"order_tolerant", "batch_split", "shard_split", "snapshot_safe"}


@pytest.mark.parametrize("check", [check for check in CHECKS if check.__name__ in OF_ORDER])
@pytest.mark.parametrize("rule_id", sorted(LOW))
def test_the_battery_holds_over_crowds(rule_id: str, check: Check) -> None:
    assert list(check(Crowded(BUILTIN[rule_id], streams=crowds()))) == []


@st.composite
def happenings(draw: st.DrawFn) -> Event:
    """Anything that these rules count."""
    user, ip = f"u{draw(st.integers(0, 4))}", draw(st.sampled_from(PLACES))
    at = draw(st.integers(0, 400))
    kind = draw(st.sampled_from(["fail", "fail", "fail", "login", "unknown", "unknown", "push", "step_up"]))
    if kind == "fail":
        return attempt(user, at, ip, count=draw(st.integers(1, 3)))
    if kind == "login":
        return login(user, at, ip)
    if kind == "unknown":
        return refusal(user, at, ip)
    if kind == "push":
        return attempt(user, at, ip, reason="mfa_denied")
    return use(user, at, ip, reason="step_up")


STREAMS = st.lists(happenings(), min_size=2, max_size=60, unique_by=lambda one: one.event_id)


def judged(stream: list[Event], shards: int = 1) -> dict[str, tuple[object, ...]]:
    engine = Engine(Plan(LOW, only=sorted(LOW)), default_apps(), shards=shards)
    found = final_alerts([engine.process(stream).changes, engine.finish().changes])
    return {
        key: (one.rule_id, one.key_value, one.severity, one.hits, one.evidence, one.summary)
        for key, one in found.items()
    }


@settings(max_examples=150, deadline=None)
@for_all(STREAMS, st.integers(0, 2**32), st.integers(1, 4))
def test_order_of_arrival_inside_the_bound_and_shards_do_not_matter(
    stream: list[Event], seed: int, shards: int
) -> None:
    rng = random.Random(seed)
    ordered = sorted(stream, key=lambda one: (one.time_us, one.event_id))
    told = sorted(ordered, key=lambda one: one.time_us + rng.uniform(0, 170) * SECOND)
    assert judged(told, shards) == judged(ordered)
