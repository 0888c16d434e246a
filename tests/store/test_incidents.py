"""Risks and campaigns as rows: replaced whole, told by the alerts that may be seen."""

from __future__ import annotations

import pytest

from schemas.alert import Severity
from schemas.instant import DAY, HOUR
from schemas.risk import Contribution, score_of
from store.reader import Reader
from store.rows import CampaignRow, MemberRow, RiskRow, SharedValue
from store.writer import Writer
from tests.store.samples import NOON, alert

SHARED = (SharedValue("network", "192.0.2.0/24", 3),)


def risk(*points: float) -> RiskRow:
    parts = tuple(
        Contribution(f"a{number}", "rule", "bank", Severity.HIGH, one, NOON, "odd") for number, one in enumerate(points)
    )
    return RiskRow("user", "bank", "alice", sum(points), NOON, DAY, parts)


def test_a_risk_comes_back_as_it_was_written(writer: Writer, reader: Reader) -> None:
    with writer.transaction():
        writer.save_risks([risk(60)])
    assert reader.risk("user", "bank", "alice") == risk(60)
    assert reader.risk("user", "bank", "bob") is None


def test_a_risk_is_replaced_and_an_empty_one_goes(writer: Writer, reader: Reader) -> None:
    with writer.transaction():
        writer.save_risks([risk(60)])
        writer.save_risks([risk(60), risk(60, 30)])
    assert reader.risk("user", "bank", "alice") == risk(60, 30)
    with writer.transaction():
        writer.save_risks([risk()])
    assert reader.risk("user", "bank", "alice") is None


def risk_of(user_id: str, points: float, *, app: str = "bank", age_us: int = 0) -> RiskRow:
    one = Contribution(f"of-{user_id}", "rule", app, Severity.HIGH, points, NOON - age_us, "odd")
    return RiskRow("user", "bank", user_id, points, NOON - age_us, DAY, (one,))


def names(found: list[tuple[RiskRow, float]]) -> list[str]:
    return [row.value for row, _ in found]


def test_the_score_of_the_list_is_that_of_the_formula(writer: Writer, reader: Reader) -> None:
    with writer.transaction():
        writer.save_risks([risk(60, 30)])
    [(row, score)] = reader.riskiest_users(NOON + 6 * HOUR)
    assert score == pytest.approx(score_of(row.contributions, NOON + 6 * HOUR))


def test_users_come_by_what_is_left_of_their_risk(writer: Writer, reader: Reader) -> None:
    rows = [risk_of("fresh", 40), risk_of("old", 60, age_us=DAY), risk_of("forgotten", 85, age_us=9 * DAY)]
    with writer.transaction():
        writer.save_risks([*rows, RiskRow("session", "bank", "s_1", 40, NOON, DAY, rows[0].contributions)])
    assert names(reader.riskiest_users(NOON)) == ["fresh", "old"]
    assert names(reader.riskiest_users(NOON, least=35)) == ["fresh"]


def test_users_of_whom_only_other_apps_speak_are_left_out(writer: Writer, reader: Reader) -> None:
    with writer.transaction():
        writer.save_risks([risk_of("alice", 40), risk_of("bob", 60, app="shop")])
    assert names(reader.riskiest_users(NOON, apps=["bank"])) == ["alice"]
    assert names(reader.riskiest_users(NOON, apps=[])) == []


def test_the_pages_of_users_of_one_score_leave_nobody_out(writer: Writer, reader: Reader) -> None:
    with writer.transaction():
        writer.save_risks([risk_of(f"u{number}", 40) for number in range(5)])
    now_us, seen = NOON + HOUR, list[str]()
    after = None
    while page := reader.riskiest_users(now_us, after=after, limit=2):
        seen += names(page)
        row, score = page[-1]
        after = (score, row.scope, row.value)
    assert seen == [f"u{number}" for number in range(5)]


def write_campaign(writer: Writer) -> None:
    with writer.transaction():
        writer.save_alerts(
            [alert("a", user_id="alice"), alert("b", user_id="bob"), alert("c", user_id="carol", app="shop")], NOON
        )
        writer.save_campaigns(
            [CampaignRow("c1", "bank", NOON - HOUR, NOON, SHARED)], [MemberRow(one, "c1") for one in "abc"]
        )


def test_a_campaign_counts_the_alerts_that_may_be_seen(writer: Writer, reader: Reader) -> None:
    write_campaign(writer)
    [whole] = reader.campaigns()
    assert (whole.campaign_id, whole.alerts, whole.users, whole.apps) == ("c1", 3, 3, ("bank", "shop"))
    [part] = reader.campaigns(apps=["shop"])
    assert (part.alerts, part.users, part.apps) == (1, 1, ("shop",))
    assert reader.campaigns(apps=["other"]) == []
    assert reader.campaign_users("c1", ["bank"]) == [("alice", 1), ("bob", 1)]


def test_a_campaign_that_shares_nothing_any_more_goes(writer: Writer, reader: Reader) -> None:
    write_campaign(writer)
    with writer.transaction():
        writer.save_campaigns(
            [CampaignRow("c1", "", 0, 0, ())], [MemberRow("a", None), MemberRow("b", None), MemberRow("c", None)]
        )
    assert reader.campaigns() == []
    assert reader.campaigns_of(["a", "b", "c"]) == {}


def test_an_alert_moves_to_another_campaign(writer: Writer, reader: Reader) -> None:
    write_campaign(writer)
    with writer.transaction():
        writer.save_campaigns([CampaignRow("c2", "bank", NOON, NOON, SHARED)], [MemberRow("a", "c2")])
    assert reader.campaigns_of(["a", "b"]) == {"a": "c2", "b": "c1"}


def test_old_campaigns_and_risks_go_with_their_alerts(writer: Writer, reader: Reader) -> None:
    write_campaign(writer)
    with writer.transaction():
        writer.save_risks([risk(60)])
        writer.append_snapshot(writer.last_seq, NOON, "rules", [])
    deleted = writer.retain(NOON + DAY)
    assert (deleted["risks"], deleted["campaigns"], deleted["campaign_members"]) == (1, 1, 3)
    assert reader.risk("user", "bank", "alice") is None
