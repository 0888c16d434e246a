"""Campaigns and risk by HTTP: what alerts together say, as far as the asker may see them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.history import CAMPAIGN, OLD_THEFT, SHOP_ALERT, STOLEN, THEFT
from tests.api.installation import LIMITED, Ask


def get(ask: Ask, path: str, who: str = "viewer") -> dict[str, Any]:
    answer = ask("GET", path, who=who)
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


def test_a_campaign_is_one_row(ask: Ask) -> None:
    [row] = get(ask, "/v1/campaigns")["items"]
    assert (row["campaign_id"], row["alerts"], row["users"], row["severity"]) == (CAMPAIGN, 2, 1, "critical")
    assert row["title"] == "session-hijack on 1 user from 198.51.100.0/24"
    assert row["shared"] == [{"kind": "network", "value": "198.51.100.0/24", "alerts": 2}]


def test_its_members_are_alerts(ask: Ask) -> None:
    campaign = get(ask, f"/v1/campaigns/{CAMPAIGN}")
    assert [member["alert_id"] for member in campaign["members"]] == [THEFT, OLD_THEFT]
    assert campaign["named_users"] == [{"user_id": "alice", "alerts": 2}]


def test_an_alert_names_its_campaign(ask: Ask) -> None:
    assert get(ask, f"/v1/alerts/{THEFT}")["campaign_id"] == CAMPAIGN
    listed = get(ask, f"/v1/alerts?campaign={CAMPAIGN}")["items"]
    assert {(row["alert_id"], row["campaign_id"]) for row in listed} == {(THEFT, CAMPAIGN), (OLD_THEFT, CAMPAIGN)}
    assert get(ask, f"/v1/alerts/{SHOP_ALERT}")["campaign_id"] is None


def test_a_campaign_in_other_apps_is_not_told(ask: Ask) -> None:
    assert get(ask, "/v1/campaigns", LIMITED)["items"] == []


def test_a_session_has_a_risk_that_decays(ask: Ask) -> None:
    risk = get(ask, f"/v1/sessions/bank/{STOLEN}")["risk"]
    [one] = risk["contributions"]
    assert (one["alert_id"], one["points_then"]) == (THEFT, 85)
    # Five minutes and a little of a half-life of a day.
    assert 80 < one["points"] < 85
    assert risk["score"] == pytest.approx(one["points"], abs=0.2)


def test_a_users_risk_counts_the_visible_apps_alone(ask: Ask) -> None:
    whole = get(ask, "/v1/users/bank/alice")["risk"]
    assert [one["app"] for one in whole["contributions"]] == ["bank", "shop"]
    assert whole["score"] > max(one["points"] for one in whole["contributions"])
    [shop] = get(ask, "/v1/users/bank/alice", LIMITED)["risk"]["contributions"]
    assert (shop["app"], shop["further"]) == ("shop", 1)


def test_users_are_listed_by_risk_with_what_each_alert_adds(ask: Ask) -> None:
    # Other tests of the same pipeline may have found others.
    [row] = [one for one in get(ask, "/v1/users?order=risk")["items"] if one["user_id"] == "alice"]
    assert row["realm"] == "bank"
    detail = get(ask, "/v1/users/bank/alice")["risk"]
    assert row["risk"]["score"] == pytest.approx(detail["score"], abs=0.2)
    assert [one["rule_id"] for one in row["risk"]["contributions"]] == ["session-hijack", "session-hijack"]


def test_the_list_by_risk_counts_the_visible_apps_alone(ask: Ask) -> None:
    [row] = [one for one in get(ask, "/v1/users", LIMITED)["items"] if one["user_id"] == "alice"]
    assert [one["app"] for one in row["risk"]["contributions"]] == ["shop"]
    assert row["risk"]["score"] < 31
    assert get(ask, "/v1/users?app=bank", LIMITED)["items"] == []


def test_users_have_no_other_order(ask: Ask) -> None:
    assert ask("GET", "/v1/users?order=name", who="viewer").status_code == 422


def test_an_alert_brings_what_is_needed_to_decide(ask: Ask) -> None:
    alert = get(ask, f"/v1/alerts/{THEFT}")
    assert alert["campaign"]["title"] == "session-hijack on 1 user from 198.51.100.0/24"
    assert [one["rule_id"] for one in alert["user_risk"]["contributions"]] == ["session-hijack", "session-hijack"]
    assert alert["session_risk"]["score"] == get(ask, f"/v1/sessions/bank/{STOLEN}")["risk"]["score"]


def test_an_alert_of_one_app_tells_no_risk_of_another(ask: Ask) -> None:
    alert = get(ask, f"/v1/alerts/{SHOP_ALERT}", LIMITED)
    assert [one["app"] for one in alert["user_risk"]["contributions"]] == ["shop"]
    assert alert["campaign"] is None
