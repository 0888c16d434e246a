"""Risks and campaigns as rows: replaced whole, told by the alerts that may be seen."""

from __future__ import annotations

from schemas.alert import Severity
from schemas.instant import DAY, HOUR
from schemas.risk import Contribution
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
