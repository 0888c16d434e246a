"""Sessions by HTTP: who is in, what one did, and the aggregate of its picture."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.api import MAX_MARKS
from tests.api.history import HELD, HOSTILE_AGENT, LONG, QUIET, SHOPPING, STOLEN, THEFT
from tests.api.installation import LIMITED, Ask


def get(ask: Ask, path: str) -> dict[str, Any]:
    answer = ask("GET", path, who="viewer")
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


def test_the_last_used_comes_first(ask: Ask) -> None:
    items = get(ask, "/v1/sessions?since=2020-01-01T00:00:00Z")["items"]
    lasts = [item["last"] for item in items]
    assert lasts == sorted(lasts, reverse=True)
    assert {STOLEN, LONG, SHOPPING, QUIET} <= {item["session_id"] for item in items}


def test_without_a_time_it_is_the_last_day(ask: Ask) -> None:
    items = get(ask, "/v1/sessions?app=bank")["items"]
    assert {STOLEN, QUIET} <= {item["session_id"] for item in items}
    [quiet] = [item for item in items if item["session_id"] == QUIET]
    assert (quiet["live"], quiet["severity"], quiet["user_id"]) == (False, "high", "carol")


def test_live_ones_can_be_asked_for(ask: Ask) -> None:
    live = {item["session_id"] for item in get(ask, "/v1/sessions?live=true")["items"]}
    ended = {item["session_id"] for item in get(ask, "/v1/sessions?live=false&since=2020-01-01T00:00:00Z")["items"]}
    assert STOLEN in live
    assert {LONG, QUIET} <= ended
    assert not live & ended


def test_a_live_one_names_the_network_of_its_last_use(ask: Ask) -> None:
    [stolen] = [one for one in get(ask, "/v1/sessions?live=true")["items"] if one["session_id"] == STOLEN]
    assert stolen["network"] == "198.51.100.0/24"


def test_who_is_in_is_counted_by_network(ask: Ask) -> None:
    page = get(ask, "/v1/sessions/live?by=network&app=shop")
    [group] = page["items"]
    assert (group["app"], group["value"], group["sessions"], group["country"]) == ("shop", "192.0.2.0/24", 1, "DE")
    assert (page["sessions"], page["users"], page["networks"], page["more"]) == (1, 1, 1, False)


def test_a_user_of_two_apps_is_counted_in_each(ask: Ask) -> None:
    groups = get(ask, "/v1/sessions/live?by=user")["items"]
    assert {("bank", "alice"), ("shop", "alice")} <= {(one["app"], one["value"]) for one in groups}


def test_an_app_in_which_nobody_is_has_no_group(ask: Ask) -> None:
    page = get(ask, "/v1/sessions/live?by=app&app=nobody")
    assert (page["items"], page["sessions"], page["users"]) == ([], 0, 0)


def test_a_limited_token_counts_its_own_apps_alone(ask: Ask) -> None:
    groups = ask("GET", "/v1/sessions/live?by=app", who=LIMITED).json()["items"]
    assert [one["value"] for one in groups] == ["shop"]


def test_pages_hold_every_session_once(ask: Ask) -> None:
    seen, cursor = [], ""
    while True:
        page = get(ask, f"/v1/sessions?since=2020-01-01T00:00:00Z&limit=1{cursor}")
        seen += [item["session_id"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert len(seen) == len(set(seen)) >= 4


def test_the_facts_of_a_session(ask: Ask) -> None:
    facts = get(ask, f"/v1/sessions/bank/{STOLEN}")
    assert facts["events_by_type"] == {"create": 1, "validate": 15}
    assert (facts["live"], facts["lived_s"], facts["severity"]) == (True, 900, "critical")
    assert [place["country"] for place in facts["networks"]] == ["NL", "DE"]
    assert [device["agent_family"] for device in facts["devices"]] == ["curl", "Firefox"]
    assert facts["policy"]["idle_timeout_s"] == 900
    assert THEFT in [alert["alert_id"] for alert in facts["alerts"]]


def test_an_ended_one_says_how_it_ended_and_what_it_was_promised(ask: Ask) -> None:
    facts = get(ask, f"/v1/sessions/bank/{LONG}")
    assert (facts["end_reason"], facts["live"], facts["lived_s"]) == ("logout", False, 36_000)
    assert facts["requests"] == 1 + 2 * 2999
    assert facts["policy"]["absolute_timeout_s"] == 43_200


def test_its_revocations_are_shown(ask: Ask) -> None:
    assert HELD in [one["revocation_id"] for one in get(ask, f"/v1/sessions/bank/{QUIET}")["revocations"]]


def test_its_events_come_in_pages_the_oldest_first(ask: Ask) -> None:
    path, seen, cursor = f"/v1/sessions/bank/{STOLEN}/events?limit=5", [], ""
    while True:
        page = get(ask, path + cursor)
        seen += page["items"]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert len({event["event_id"] for event in seen}) == len(seen) == 16
    assert [event["type"] for event in seen] == ["create"] + ["validate"] * 15
    assert (seen[0]["topic"], seen[0]["partition"], seen[0]["offset"]) == ("session-events", 0, 1)


def test_a_hostile_agent_is_nothing_but_text(ask: Ask) -> None:
    answer = ask("GET", f"/v1/sessions/bank/{STOLEN}/events")
    assert answer.json()["items"][-1]["user_agent"] == HOSTILE_AGENT
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_short_session_is_drawn_event_by_event(ask: Ask) -> None:
    picture = get(ask, f"/v1/sessions/bank/{STOLEN}/picture")
    assert (picture["bin_s"], len(picture["marks"]), picture["dropped"]) == (0, 16, 0)
    assert [(lane["lane"], lane["country"]) for lane in picture["lanes"]] == [(0, "DE"), (1, "NL")]
    assert picture["marks"][0]["type"] == "create"
    assert picture["marks"][-1]["lane"] == 1
    assert [alert["severity"] for alert in picture["alerts"]][:1] == ["critical"]


def test_a_long_one_fits_a_picture_and_loses_nothing(ask: Ask) -> None:
    picture = get(ask, f"/v1/sessions/bank/{LONG}/picture")
    drawn = sum(len(picture[kind]) for kind in ("marks", "spans", "alerts", "revocations"))
    assert drawn <= MAX_MARKS
    assert picture["bin_s"] > 0
    assert picture["events"] == sum(mark["events"] for mark in picture["marks"]) + picture["dropped"]
    assert sum(mark["count"] for mark in picture["marks"]) == 2 + 2 * 2999
    assert {mark["type"] for mark in picture["marks"]} == {"create", "validate", "destroy"}


def test_a_zoom_shows_its_part_in_finer_bins(ask: Ask) -> None:
    whole = get(ask, f"/v1/sessions/bank/{LONG}/picture")
    since, until = whole["marks"][100]["time"], whole["marks"][110]["time"]
    part = get(ask, f"/v1/sessions/bank/{LONG}/picture?since={since}&until={until}")
    assert 0 < part["events"] < whole["events"]
    assert part["bin_s"] < whole["bin_s"]
    assert all(since <= mark["time"] < until for mark in part["marks"])


def test_spans_say_when_a_lane_was_in_use(ask: Ask) -> None:
    spans = get(ask, f"/v1/sessions/bank/{LONG}/picture")["spans"]
    assert len({span["lane"] for span in spans}) == 3
    assert all(span["start"] < span["end"] for span in spans)


@pytest.mark.parametrize("rest", ["", "/events", "/picture"])
def test_an_unknown_session_is_404(ask: Ask, rest: str) -> None:
    assert ask("GET", f"/v1/sessions/bank/s_unknown{rest}").status_code == 404
    assert ask("GET", f"/v1/sessions/unknown/{STOLEN}{rest}").status_code == 404


@pytest.mark.parametrize("path", ["/v1/sessions/bank/raw-cookie", "/v1/sessions/B%20/s_x", "/v1/sessions/bank/s_%00"])
def test_what_is_no_hashed_id_is_refused_before_it_is_looked_up(ask: Ask, path: str) -> None:
    answer = ask("GET", path)
    assert answer.status_code == 422
    assert "raw-cookie" not in answer.text


def test_a_user_is_a_person_in_all_apps_of_the_realm(ask: Ask) -> None:
    user = get(ask, "/v1/users/bank/alice")
    assert (user["apps"], user["sessions"], user["live"]) == (["bank", "shop"], 2, 2)
    assert {place["country"] for place in user["places"]} == {"DE", "NL"}
    assert {device["agent_family"] for device in user["devices"]} == {"Firefox", "curl"}
    assert user["alerts"]


def test_a_users_sessions(ask: Ask) -> None:
    items = get(ask, "/v1/users/bank/alice/sessions")["items"]
    assert [item["session_id"] for item in items] == [STOLEN, SHOPPING]


@pytest.mark.parametrize("user", ["nobody", "anonymous", "%20", "a%2Fb", "%00", "x" * 1000])
def test_an_unknown_user_is_404(ask: Ask, user: str) -> None:
    assert ask("GET", f"/v1/users/bank/{user}").status_code == 404


def test_an_unknown_realm_is_404(ask: Ask) -> None:
    assert ask("GET", "/v1/users/unknown/alice").status_code == 404
    assert ask("GET", "/v1/users/shop/alice").status_code == 404
