"""Ordinary life: what looks like an attack and is none is all there, and the apps keep their own policies."""

from __future__ import annotations

import ipaddress
from collections import Counter, defaultdict

from sample_logs.simulate.apps import APPS
from sample_logs.simulate.internet import RANGES, Kind
from schemas.instant import SECOND, parse_rfc3339
from tests.sample_logs.simulate.simulated import Simulated, Wire

KIND_OF = {ipaddress.ip_network(block.cidr_v4): block.kind for block in RANGES} | {
    ipaddress.ip_network(block.cidr_v6): block.kind for block in RANGES if block.has_v6
}


def kind_of(event: Wire) -> Kind | None:
    address = ipaddress.ip_address(event["ip"]) if "ip" in event else None
    if address is None:
        return None
    return KIND_OF[ipaddress.ip_network((address, 16 if address.version == 4 else 32), strict=False)]


def at(event: Wire) -> int:
    return parse_rfc3339(event["event_time"])


def lives(month: Simulated) -> list[list[Wire]]:
    return list(month.sessions.values())


def kinds(events: list[Wire]) -> set[str | None]:
    return {kind_of(event) for event in events}


def users_by(month: Simulated, kind: Kind) -> dict[str, set[str]]:
    users = defaultdict(set)
    for event in month.events:
        if "user_id" in event and kind_of(event) == kind:
            users[event["ip"]].add(event["user_id"])
    return users


def test_no_session_is_used_beyond_what_its_app_declares(ordinary: Simulated) -> None:
    for events in lives(ordinary):
        app, last = APPS[events[0]["app"]], events[0]
        for event in events:
            if event["type"] == "validate":
                assert at(event) - at(last) <= app.idle_us
                assert events[0]["type"] != "create" or at(event) - at(events[0]) <= app.absolute_us
            last = event if event["type"] in ("create", "validate") else last


def test_after_its_end_a_session_sees_at_most_what_was_under_way(ordinary: Simulated) -> None:
    late = []
    for events in lives(ordinary):
        ended = next((at(event) for event in events if event["type"] == "destroy"), None)
        late += [at(event) - ended for event in events if ended and event["type"] == "validate" and at(event) > ended]
    assert late
    assert max(late) < 5 * SECOND


def test_a_session_is_one_users(ordinary: Simulated) -> None:
    assert all(len({event["user_id"] for event in events if "user_id" in event}) == 1 for events in lives(ordinary))


def test_after_signing_out_everywhere_nothing_of_that_user_goes_on_there(ordinary: Simulated) -> None:
    ends = list(ordinary.where(type="destroy", reason="logout_all"))
    assert ends
    for end in ends:
        mine = [events for events in lives(ordinary) if events[0].get("user_id") == end["user_id"]]
        for events in mine:
            if events[0]["app"] == end["app"] and at(events[0]) < at(end):
                assert all(at(event) < at(end) + 5 * SECOND for event in events if event["type"] == "validate")


def test_phones_leave_the_wifi_inside_a_session(ordinary: Simulated) -> None:
    assert sum({"home", "mobile"} <= kinds(events) for events in lives(ordinary)) > 50


def test_one_client_uses_both_families_of_addresses(ordinary: Simulated) -> None:
    both = [events for events in lives(ordinary) if {":" in event.get("ip", "") for event in events} == {True, False}]
    assert len(both) > 200


def test_privacy_addresses_rotate_inside_a_network(ordinary: Simulated) -> None:
    addresses = defaultdict(set)
    for event in ordinary.where(type="create"):
        if ":" in event["ip"] and kind_of(event) == "home":
            network = ipaddress.ip_network((event["ip"], 64), strict=False)
            addresses[network, event.get("device_id")].add(event["ip"])
    assert max(len(found) for (_, device), found in addresses.items() if device) >= 4


def test_families_and_carriers_and_offices_share_addresses(ordinary: Simulated) -> None:
    assert max(map(len, users_by(ordinary, "home").values())) >= 3
    assert max(map(len, users_by(ordinary, "mobile").values())) >= 5
    assert max(map(len, users_by(ordinary, "office").values())) >= 20


def test_some_hide_behind_vpns_and_relays(ordinary: Simulated) -> None:
    found = Counter(kind_of(event) for event in ordinary.where(type="create"))
    assert found["vpn"] > 20
    assert found["relay"] > 20


def test_browsers_move_on_in_the_month(ordinary: Simulated) -> None:
    agents = defaultdict(set)
    for event in ordinary.where(type="create"):
        if "device_id" in event:
            agents[event["device_id"]].add(event.get("user_agent"))
    assert sum(len(found) > 1 for found in agents.values()) > 100


def test_people_travel(ordinary: Simulated) -> None:
    countries = defaultdict(set)
    for event in ordinary.where(type="create", app="bank"):
        countries[event["user_id"]].add(event["country"])
    assert sum(len(found) > 1 for found in countries.values()) > 10


def test_kiosks_have_many_users_on_one_device(ordinary: Simulated) -> None:
    users = defaultdict(set)
    for event in ordinary.where(type="create", app="bank"):
        if "device_id" in event:
            users[event["device_id"]].add(event["user_id"])
    assert max(map(len, users.values())) >= 3


def test_passwords_are_forgotten_by_known_and_mistyped_names(ordinary: Simulated) -> None:
    fails = list(ordinary.where(type="fail", reason="bad_credentials"))
    assert {"user_id" in event for event in fails} == {True, False}
    assert all("user_hint" in event for event in fails if "user_id" not in event)


def test_everybody_at_work_forgets_the_new_password_on_one_day(ordinary: Simulated) -> None:
    days = Counter(event["event_time"][:10] for event in ordinary.where(type="fail", app="sso"))
    assert days.most_common(1)[0][0] == "2026-06-15"


def test_expired_cookies_are_shown_and_refused(ordinary: Simulated) -> None:
    reasons = Counter(event["reason"] for event in ordinary.where(type="fail"))
    assert {"expired_idle", "expired_absolute", "unknown_session", "mfa_timeout"} <= set(reasons)
    assert all("session_id" in event for event in ordinary.where(type="fail", reason="expired_idle"))


def test_refresh_tokens_are_rotated_and_at_times_by_two_at_once(ordinary: Simulated) -> None:
    doubled = 0
    for events in lives(ordinary):
        seen: dict[int, int] = {}
        for event in events:
            generation = event.get("token_generation")
            if generation is None:
                continue
            assert generation >= max(seen, default=0)
            if generation in seen:
                doubled += 1
                assert at(event) - seen[generation] < 3 * SECOND
            seen.setdefault(generation, at(event))
    assert doubled


def test_one_sign_on_opens_several_apps(ordinary: Simulated) -> None:
    below = defaultdict(set)
    for event in ordinary.where(type="create", reason="sso"):
        if "parent_session_id" in event:
            below[event["parent_session_id"]].add(event["app"])
    assert {"crm", "wiki"} in below.values()
    assert all(parent in ordinary.sessions for parent in below)


def test_robots_and_dashboards_use_tools_all_day(ordinary: Simulated) -> None:
    tools = Counter(
        event["user_agent"].split("/")[0] for event in ordinary.where(type="create") if "user_agent" in event
    )
    assert {"curl", "python-requests", "Go-http-client"} <= set(tools)
    wall = next(ordinary.where(type="validate", user_id="svc-wall-0", app="crm"))
    assert wall["count"] >= 1


def test_some_sessions_end_and_some_are_just_left(ordinary: Simulated) -> None:
    ends = Counter(events[-1]["type"] for events in lives(ordinary) if events[0]["app"] == "bank")
    assert ends["destroy"] > ends["validate"] > 100


def test_uses_are_sampled_with_their_count_and_rhythm(ordinary: Simulated) -> None:
    counted = [event for event in ordinary.where(type="validate") if event["count"] > 1]
    assert all(event["gap_min_ms"] > 0 and event["gap_dev_ms"] > 0 for event in counted)
    assert len(counted) > len(ordinary.events) / 3
