"""What follows from alerts together depends on what happened, not on how it was told.

Random streams of attacks, logins, uses, changes, logouts, expiries and verdicts go through the detection stage
permuted inside the bound, split into batches, split over engines, and through snapshots and restarts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import given as for_all
from hypothesis import seed, settings
from hypothesis import strategies as st

from detectors.findings.derived import ShareParameters
from detectors.findings.stage import Detected, Detection
from detectors.plan import Plan, RuleSetting
from detectors.remembered import RememberedDays
from detectors.rules import BUILTIN
from detectors.rules.brute_force_user import BruteForceUserParameters
from detectors.rules.expiry_in_use import ExpiryInUseParameters
from detectors.rules.risk_threshold import RiskThresholdParameters
from detectors.rules.sessions_without_end import WithoutEndParameters
from detectors.rules.use_after_destroy import UseAfterDestroyParameters
from schemas.alert import Alert
from schemas.app import AppPolicy, Apps
from schemas.event import Event
from schemas.instant import HOUR, MINUTE, SECOND
from schemas.signal import Signal
from store.rows import CampaignRow, RiskRow, SnapshotRow
from tests.detectors.story import (
    AMSTERDAM_HOSTING,
    BERLIN,
    BERLIN_CAFE,
    CURL,
    FIREFOX,
    NEW_YORK,
    event,
    final_alerts,
    new_detection,
)

Item = Event | Signal

_FEW = {"sessions": 2, "share": 0.3}
# One session is a share, and the first sign a risk, so that short streams reach what they are about.
PLAN = Plan(
    {
        "use-after-destroy": RuleSetting(UseAfterDestroyParameters.model_validate({"grace": "5s"})),
        "brute-force-user": RuleSetting(BruteForceUserParameters.model_validate({"attempts": 2})),
        "logout-not-server-side": RuleSetting(ShareParameters.model_validate(_FEW)),
        "expiry-in-use": RuleSetting(ExpiryInUseParameters.model_validate(_FEW)),
        "sessions-without-end": RuleSetting(WithoutEndParameters.model_validate(_FEW)),
        "risk-threshold": RuleSetting(RiskThresholdParameters.model_validate({"medium": 25, "high": 80, "rules": 1})),
    },
    rules=BUILTIN,
)
APPS = Apps(
    {
        name: AppPolicy(
            name,
            realm="company",
            clock_skew_us=0,
            idle_timeout_us=5 * MINUTE,
            absolute_timeout_us=2 * HOUR,
        )
        for name in ("bank", "shop")
    }
)

SPAN_S = 900
MAX_DELAY_S = 170
USERS = ("alice", "bob", "carol")
IPS = (BERLIN, BERLIN, BERLIN_CAFE, NEW_YORK, AMSTERDAM_HOSTING)
AGENTS = (FIREFOX, FIREFOX, CURL)
KINDS: dict[str, tuple[str, str, str | None]] = {
    "login": ("create", "login", None),
    "use": ("validate", "request", None),
    "change": ("validate", "request", "password"),
    "wrong": ("fail", "bad_credentials", None),
    "expired": ("fail", "expired_idle", None),
    "logout": ("destroy", "logout", None),
    "timeout": ("destroy", "idle_timeout", None),
}


@dataclass(frozen=True)
class Told:
    """An event, and how long after it happened it is told, in seconds."""

    item: Item
    delay_s: float


@st.composite
def told(draw: st.DrawFn) -> Told:
    kind, reason, action = KINDS[draw(st.sampled_from([*KINDS, "login", "use", "change", "wrong", "wrong", "wrong"]))]
    user = draw(st.sampled_from(USERS))
    # Now and then two days later, so that days are judged.
    at = draw(st.integers(0, SPAN_S * 10)) / 10 + draw(st.sampled_from([0, 0, 0, 0, 2 * 86_400]))
    made = event(
        kind,
        user,
        at,
        draw(st.sampled_from(IPS)),
        draw(st.sampled_from(AGENTS)),
        session=None if kind == "fail" and reason != "expired_idle" else f"{user}{draw(st.integers(0, 1))}",
        app=draw(st.sampled_from(["bank", "bank", "shop"])),
        reason=reason,
        action=action,
    )
    return Told(made, draw(st.floats(0, MAX_DELAY_S)))


def unique(stream: list[Told]) -> list[Told]:
    """Two happenings with one id are one; the dedup stage sees to that."""
    return list({one.item.event_id: one for one in stream if isinstance(one.item, Event)}.values())


STREAMS = st.lists(told(), min_size=1, max_size=60).map(unique)


def in_order(stream: list[Told]) -> list[Item]:
    return sorted((one.item for one in stream), key=_order)


def as_told(stream: list[Told]) -> list[Item]:
    ordered = sorted(stream, key=lambda one: one.item.time_us + one.delay_s * SECOND)
    return [one.item for one in ordered]


def _order(item: Item) -> tuple[int, str]:
    return item.time_us, item.event_id if isinstance(item, Event) else item.signal_id


def new_stage(shards: int = 1) -> Detection:
    return new_detection(PLAN, APPS, shards)


@dataclass
class Outcome:
    """Everything that stands in the end."""

    alerts: dict[str, Alert] = field(default_factory=dict)
    risks: dict[tuple[str, str, str], RiskRow] = field(default_factory=dict)
    campaigns: dict[str, CampaignRow] = field(default_factory=dict)
    members: dict[str, str] = field(default_factory=dict)


def outcome(found: list[Detected]) -> Outcome:
    """Apply what batches led to, as the store does."""
    end = Outcome(final_alerts(one.changes for one in found))
    for one in found:
        for risk in one.risks:
            end.risks.pop((risk.kind, risk.scope, risk.value), None)
            if risk.contributions:
                end.risks[risk.kind, risk.scope, risk.value] = risk
        for campaign in one.campaigns:
            end.campaigns.pop(campaign.campaign_id, None)
            if campaign.shared:
                end.campaigns[campaign.campaign_id] = campaign
        for member in one.members:
            end.members.pop(member.alert_id, None)
            if member.campaign_id is not None:
                end.members[member.alert_id] = member.campaign_id
    return end


def judge(items: Sequence[Item], shards: int = 1) -> Outcome:
    stage = new_stage(shards)
    return outcome([stage.process(items), stage.finish()])


@settings(max_examples=150, deadline=None)
@for_all(STREAMS)
def test_order_of_arrival_inside_the_bound_does_not_matter(stream: list[Told]) -> None:
    assert judge(as_told(stream)) == judge(in_order(stream))


@settings(max_examples=100, deadline=None)
@for_all(STREAMS, st.lists(st.integers(0, 60), max_size=8))
def test_the_split_into_batches_does_not_matter(stream: list[Told], cuts: list[int]) -> None:
    items = as_told(stream)
    bounds = [0, *sorted(min(cut, len(items)) for cut in cuts), len(items)]
    stage = new_stage()
    found = [stage.process(items[a:b]) for a, b in pairwise(bounds)]
    assert outcome([*found, stage.finish()]) == judge(in_order(stream))


@settings(max_examples=50, deadline=None)
@for_all(STREAMS, st.integers(2, 4))
def test_the_number_of_engines_does_not_matter(stream: list[Told], shards: int) -> None:
    assert judge(as_told(stream), shards) == judge(in_order(stream))


@settings(max_examples=100, deadline=None)
@for_all(STREAMS, st.lists(st.tuples(st.integers(0, 60), st.booleans()), min_size=1, max_size=5))
def test_kills_and_restarts_do_not_matter(stream: list[Told], kills: list[tuple[int, bool]]) -> None:
    """At each kill the stage is lost; what was snapshotted is loaded and the rest judged again, in silence."""
    items = as_told(stream)
    stored = {seq: item for seq, item in enumerate(items) if isinstance(item, Event)}
    for seq, item in stored.items():
        item.seq = seq
    stage, done = new_stage(), 0
    rows: dict[tuple[str, str], SnapshotRow] = {}
    snapshotted = 0
    found = []
    for position, take in sorted(kills):
        until = min(position, len(items))
        found.append(stage.process(items[done:until]))
        done = max(done, until)
        if take:
            rows.update({(row.kind, row.key): row for row in stage.take_rows()})
            snapshotted = done
        stage = new_stage()
        stage.restore(
            rows.values(), BUILTIN, lambda seqs: {seq: stored[seq] for seq in seqs}, RememberedDays().user_days
        )
        rerun = outcome([stage.process(items[snapshotted:done])])
        standing = outcome(found)
        assert rerun.alerts.items() <= standing.alerts.items()
        assert rerun.members.items() <= standing.members.items()
    found += [stage.process(items[done:]), stage.finish()]
    assert outcome(found) == judge(in_order(stream))


@settings(max_examples=100, deadline=None)
@for_all(STREAMS, st.integers(0, 60), st.booleans())
def test_what_a_person_said_and_took_back_was_never_said(stream: list[Told], at: int, undone: bool) -> None:
    items = as_told(stream)
    stage = new_stage()
    first = stage.process(items[:at])
    cleared = sorted(final_alerts([first.changes]))[:2]
    said = [Signal(f"v{one}", 0, "verdict", payload={"alert_id": one, "verdict": "false_alarm"}) for one in cleared]
    unsaid = [Signal(f"u{one}", 1, "verdict", payload={"alert_id": one, "verdict": ""}) for one in cleared]
    found = [first, stage.process(said)]
    if undone:
        found += [stage.process(unsaid), stage.process(items[at:]), stage.finish()]
        assert outcome(found) == judge(in_order(stream))
        return
    rest = outcome([*found, stage.process(items[at:]), stage.finish()])
    named = {one.alert_id for risk in rest.risks.values() for one in risk.contributions}
    assert named.isdisjoint(cleared)
    assert set(rest.members).isdisjoint(cleared)


REACHED = {
    "risky-change",
    "success-after-attack",
    "logout-not-server-side",
    "expiry-in-use",
    "idle-timeout-not-enforced",
    "sessions-without-end",
    "risk-threshold",
}


def test_the_streams_reach_what_they_are_about() -> None:
    """Else the properties above would hold of nothing."""
    rules: set[str] = set()
    reached: list[Outcome] = []

    @settings(max_examples=300, deadline=None, database=None)
    @for_all(STREAMS)
    def look(stream: list[Told]) -> None:
        reached.append(judge(in_order(stream)))
        rules.update(alert.rule_id for alert in reached[-1].alerts.values())

    # What Hypothesis draws hangs on the modules that are loaded, so that a round may miss the rarest.
    for number in range(10):
        seed(number)(look)()
        if rules >= REACHED and any(one.campaigns for one in reached):
            break
    assert rules >= REACHED
    assert any(one.campaigns for one in reached)
