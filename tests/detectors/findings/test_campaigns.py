"""Campaigns: alerts that share where they come from are one incident."""

from __future__ import annotations

import random

from detectors.findings.campaigns import COMMON_SESSIONS, Campaigns, Grouped
from detectors.findings.standing import Move, Standing
from schemas.instant import HOUR, MINUTE
from tests.detectors.story import CURL, login

NETWORK = "203.0.113.0/24"


def one(name: str, at_us: int = 0, **fields: object) -> Standing:
    """A medium alert about a user, from a hosting network."""
    ordinary: dict[str, object] = {
        "rule_id": "brute-force-user",
        "rank": 2,
        "confidence": 1.0,
        "app": "bank",
        "realm": "bank",
        "key_kind": "user",
        "key_value": name,
        "user_id": name,
        "session_id": None,
        "network": NETWORK,
        "asn": None,
        "network_type": "hosting",
        "device_id": None,
        "tool": None,
        "summary": "",
    }
    times = {"began_us": at_us, "event_us": at_us, "last_us": at_us}
    return Standing(alert_id=name, **(ordinary | times | fields))  # type: ignore[arg-type]


def grouped(*alerts: Standing, campaigns: Campaigns | None = None) -> Grouped:
    campaigns = campaigns or Campaigns()
    for alert in alerts:
        campaigns.move(Move(None, alert))
    return campaigns.changes()


def sizes(found: Grouped) -> list[int]:
    ids = [member.campaign_id for member in found.members]
    return sorted(ids.count(name) for name in set(ids))


def test_three_users_from_one_network_are_one_campaign() -> None:
    found = grouped(one("alice"), one("bob"), one("carol"))
    assert sizes(found) == [3]
    [row] = found.campaigns
    assert [(value.kind, value.value, value.alerts) for value in row.shared] == [("network", NETWORK, 3)]


def test_two_users_are_none() -> None:
    assert grouped(one("alice"), one("bob")).members == []


def test_five_alerts_about_one_user_are_one() -> None:
    assert sizes(grouped(*(one(str(number), user_id="alice") for number in range(5)))) == [5]


def test_a_spray_and_its_one_success_are_one() -> None:
    spray = one("spray", key_kind="network", user_id=None, rule_id="password-spray")
    assert sizes(grouped(spray, one("alice", 10 * MINUTE, rule_id="success-after-attack"))) == [2]


def test_a_spray_over_five_thousand_users_is_one() -> None:
    assert sizes(grouped(*(one(f"user{number}", number * 1_000) for number in range(5_000)))) == [5_000]


def test_a_long_pause_ends_it() -> None:
    early = [one(name) for name in ("alice", "bob", "carol")]
    late = [one(f"{name}2", 6 * HOUR + 1) for name in ("alice", "bob", "carol")]
    assert sizes(grouped(*early, *late)) == [3, 3]
    assert sizes(grouped(*early, one("between", 3 * HOUR), *late)) == [7]


def test_networks_that_strangers_share_join_nothing() -> None:
    for kind in ("office", "mobile", "vpn"):
        assert grouped(*(one(name, network_type=kind) for name in ("alice", "bob", "carol"))).members == []


def test_an_access_providers_system_joins_nothing_and_a_hosters_does() -> None:
    def spread(kind: str) -> list[Standing]:
        names = ("alice", "bob", "carol")
        return [
            one(name, network=f"198.51.{number}.0/24", asn=64540, network_type=kind)
            for number, name in enumerate(names)
        ]

    assert grouped(*spread("home")).members == []
    assert sizes(grouped(*spread("hosting"))) == [3]


def test_devices_and_tools_join() -> None:
    shared = ["alice", "bob", "carol"]
    apart = [{"network": f"198.51.{number}.0/24"} for number in range(3)]
    assert sizes(grouped(*(one(n, device_id="d1", **place) for n, place in zip(shared, apart, strict=True)))) == [3]
    assert sizes(grouped(*(one(n, tool=CURL, **place) for n, place in zip(shared, apart, strict=True)))) == [3]


def test_an_apps_own_client_joins_nothing() -> None:
    campaigns = Campaigns()
    found = grouped(*(one(name, tool=CURL, network=None) for name in ("alice", "bob", "carol")), campaigns=campaigns)
    assert sizes(found) == [3]
    for number in range(COMMON_SESSIONS):
        campaigns.observe(login(f"user{number}", at=number, agent=CURL), "bank")
    after = campaigns.changes()
    assert {member.campaign_id for member in after.members} == {None}
    assert [row.shared for row in after.campaigns] == [()]


def test_realms_stay_apart() -> None:
    assert grouped(one("alice"), one("bob"), one("carol", realm="shop")).members == []


def test_info_and_cleared_alerts_belong_to_none() -> None:
    assert grouped(one("alice"), one("bob"), one("carol", rank=0)).members == []
    assert grouped(one("alice"), one("bob"), one("carol", cleared=True)).members == []


def test_the_id_stays_when_more_comes() -> None:
    campaigns = Campaigns()
    [first] = grouped(one("alice"), one("bob"), one("carol"), campaigns=campaigns).campaigns
    [second] = grouped(one("dave", HOUR), campaigns=campaigns).campaigns
    assert first.campaign_id == second.campaign_id


def test_without_the_alert_that_joined_them_they_fall_apart() -> None:
    campaigns = Campaigns()
    alerts = [one(name) for name in ("alice", "bob", "carol")]
    grouped(*alerts, campaigns=campaigns)
    campaigns.move(Move(alerts[0], None))
    after = campaigns.changes()
    assert {member.campaign_id for member in after.members} == {None}
    assert [row.shared for row in after.campaigns] == [()]


def test_the_order_does_not_matter() -> None:
    alerts = [one(f"user{number}", number * HOUR, network=f"198.51.{number % 3}.0/24") for number in range(20)]
    told = random.Random(3).sample(alerts, len(alerts))
    expected, campaigns = grouped(*alerts), Campaigns()
    members: dict[str, str | None] = {}
    for alert in told:
        members.update({row.alert_id: row.campaign_id for row in grouped(alert, campaigns=campaigns).members})
    assert members == {row.alert_id: row.campaign_id for row in expected.members}
