"""Alerts by HTTP: find one, read why, decide."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.api.history import HELD, OLD_THEFT, SHOP_ALERT, STOLEN, THEFT
from tests.api.installation import Ask


def ids(ask: Ask, query: str) -> list[str]:
    return [item["alert_id"] for item in ask("GET", f"/v1/alerts?limit=200&{query}").json()["items"]]


def low(number: int) -> str:
    """One of the thirty alerts of low severity, which are there to be changed."""
    return str(uuid.UUID(int=number))


def patch(ask: Ask, alert_id: str, who: str = "analyst", **fields: object) -> dict[str, Any]:
    answer = ask("PATCH", f"/v1/alerts/{alert_id}", who=who, json=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


def test_the_newest_event_comes_first(ask: Ask) -> None:
    times = [item["event_time"] for item in ask("GET", "/v1/alerts?limit=200").json()["items"]]
    assert times == sorted(times, reverse=True)


def test_by_severity_the_worst_comes_first(ask: Ask) -> None:
    items = ask("GET", "/v1/alerts?order=severity").json()["items"]
    assert [item["severity"] for item in items[:4]] == ["critical", "high", "medium", "low"]


@pytest.mark.parametrize("order", ["newest", "severity"])
def test_pages_hold_every_alert_once(ask: Ask, order: str) -> None:
    path, seen = f"/v1/alerts?order={order}&limit=7", []
    cursor = ""
    while True:
        page = ask("GET", path + cursor).json()
        seen += [item["alert_id"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert sorted(seen) == sorted(ids(ask, ""))
    assert len(set(seen)) == len(seen)


def test_the_next_page_is_linked(ask: Ask) -> None:
    first = ask("GET", "/v1/alerts?limit=5&app=bank")
    second = ask("GET", "/v1/alerts" + first.links["next"]["url"])
    assert len(second.json()["items"]) == 5
    assert first.json()["items"][-1] != second.json()["items"][0]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("severity=critical", [THEFT]),
        ("severity=critical&severity=high", [THEFT, OLD_THEFT]),
        ("app=shop", [SHOP_ALERT]),
        (f"session={STOLEN}&severity=critical", [THEFT]),
        ("q=SHOPPING", [SHOP_ALERT]),
        ("q=nothing-like-this", []),
        ("rule=use-after-destroy", []),
        ("user=nobody", []),
        ("until=2020-01-01T00:00:00Z", []),
        ("status=withdrawn", []),
    ],
)
def test_alerts_are_filtered(ask: Ask, query: str, found: list[str]) -> None:
    assert ids(ask, query) == found


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=201", "limit=x", "cursor=x", "cursor=e30", "severity=bad", "since=yesterday",
        "since=1760000000", "app=B%20A", "session=raw-cookie-value", "order=oldest", "status=open", "q=" + "x" * 201,
    ],
)  # fmt: skip
def test_a_query_that_means_nothing_is_told(ask: Ask, query: str) -> None:
    answer = ask("GET", f"/v1/alerts?{query}")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_one_alert_says_what_when_and_why(ask: Ask) -> None:
    alert = ask("GET", f"/v1/alerts/{THEFT}", who="viewer").json()
    assert alert["usual"]["network"] == "192.0.2.0/24 DE AS64500"
    assert alert["now"] == {
        "address": "198.51.100.9",
        "network": "198.51.100.0/24 NL AS64501 hosting",
        "agent": "curl",
        "country": "NL",
    }
    assert [item["fact"] for item in alert["evidence"]] == ["used from 198.51.100.0/24 NL"]
    assert len(alert["runbook"]) == 3


def test_it_shows_the_revocations_it_led_to_and_their_history(ask: Ask) -> None:
    alert = ask("GET", f"/v1/alerts/{OLD_THEFT}").json()
    assert alert["revocation"]["state"] == "held"
    assert [one["revocation_id"] for one in alert["revocations"]] == [HELD]
    assert [act["act"] for act in alert["history"]] == ["revocation held"]


def test_taking_an_alert_is_acknowledging_it(ask: Ask) -> None:
    alert = patch(ask, low(1), assign="take")
    assert (alert["status"], alert["owner"]) == ("acknowledged", "analyst-person")


def test_a_verdict_resolves_and_assigns(ask: Ask) -> None:
    alert = patch(ask, low(2), verdict="false_alarm", note="a known proxy")
    assert (alert["status"], alert["verdict"], alert["owner"]) == ("resolved", "false_alarm", "analyst-person")
    assert (alert["note"], alert["decided_by"]) == ("a known proxy", "analyst-person")


def test_every_act_is_kept_with_who_when_and_why(ask: Ask) -> None:
    patch(ask, low(3), assign="take")
    history = patch(ask, low(3), who="engineer", verdict="benign", note="my own test")["history"]
    assert [(act["actor"], act["why"]) for act in history] == [
        ("analyst-person", "taken"),
        ("engineer-person", "verdict benign, note: my own test"),
    ]


def test_the_last_decision_can_be_taken_back(ask: Ask) -> None:
    patch(ask, low(4), assign="take")
    assert patch(ask, low(4), verdict="benign")["can_undo"]
    alert = patch(ask, low(4), undo=True)
    assert (alert["status"], alert["verdict"], alert["owner"]) == ("acknowledged", None, "analyst-person")
    assert not alert["can_undo"]


def test_it_cannot_be_taken_back_twice(ask: Ask) -> None:
    patch(ask, low(5), verdict="benign")
    patch(ask, low(5), undo=True)
    answer = ask("PATCH", f"/v1/alerts/{low(5)}", who="analyst", json={"undo": True})
    assert (answer.status_code, answer.json()["detail"]) == (409, "there is nothing to take back")


def test_somebody_elses_decision_cannot_be_taken_back(ask: Ask) -> None:
    patch(ask, low(6), verdict="benign")
    assert not ask("GET", f"/v1/alerts/{low(6)}", who="engineer").json()["can_undo"]
    answer = ask("PATCH", f"/v1/alerts/{low(6)}", who="engineer", json={"undo": True})
    assert answer.status_code == 409


def test_an_alert_can_be_opened_again(ask: Ask) -> None:
    patch(ask, low(7), verdict="benign")
    alert = patch(ask, low(7), status="new")
    assert (alert["status"], alert["verdict"]) == ("new", None)


def test_a_false_alarm_is_an_error_of_its_rule(ask: Ask) -> None:
    before = ask("GET", "/v1/rules/session-hijack").json()["errors_30d"]
    patch(ask, low(21), verdict="false_alarm")
    assert ask("GET", "/v1/rules/session-hijack").json()["errors_30d"] == before + 1


def test_verdicts_count_for_the_rule(ask: Ask) -> None:
    before = ask("GET", "/v1/rules/session-hijack").json()["verdicts"]["confirmed"]
    patch(ask, low(8), verdict="confirmed")
    assert ask("GET", "/v1/rules/session-hijack").json()["verdicts"]["confirmed"] == before + 1


def test_the_facts_follow_a_decision(ask: Ask) -> None:
    before = ask("GET", "/v1/alerts/facts").json()
    patch(ask, low(9), verdict="benign")
    after = ask("GET", "/v1/alerts/facts").json()
    assert after["open"] == before["open"] - 1
    assert after["newest_change"] > before["newest_change"]


def test_whose_they_are_is_a_filter(ask: Ask) -> None:
    patch(ask, low(10), who="engineer", assign="take")
    assert low(10) in ids(ask, "owner=engineer-person")
    assert low(10) not in ids(ask, "owner=none")


@pytest.mark.parametrize(
    "body",
    [
        {}, {"undo": True, "note": "x"}, {"verdict": "maybe"}, {"verdict": "benign", "status": "new"},
        {"note": "x" * 2001}, {"status": "withdrawn"}, {"assign": "bob"}, {"owner": "bob"}, [], "x", None,
    ],
)  # fmt: skip
def test_a_patch_that_means_nothing_is_told(ask: Ask, body: object) -> None:
    assert ask("PATCH", f"/v1/alerts/{THEFT}", json=body).status_code == 422


def test_an_unknown_alert_is_404(ask: Ask) -> None:
    unknown = str(uuid.uuid4())
    assert ask("GET", f"/v1/alerts/{unknown}").status_code == 404
    assert ask("PATCH", f"/v1/alerts/{unknown}", json={"assign": "take"}).status_code == 404
