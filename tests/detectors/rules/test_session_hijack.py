from __future__ import annotations

import pytest

from detectors.plan import RuleSetting
from detectors.rules.session_hijack import HijackParameters
from schemas.alert import Severity
from tests.detectors.story import (
    BERLIN,
    BERLIN_CAFE,
    BERLIN_IPV6,
    BERLIN_NEIGHBOUR,
    CHROME_WINDOWS,
    CURL,
    FIREFOX,
    FIREFOX_UPGRADED,
    NEW_YORK,
    OFFICE,
    Story,
    alert,
    event,
    given,
    login,
    rotation,
    use,
)


def hijack(*stream: object, **options: object) -> Story:
    return given(*stream, rules="session-hijack", **options)  # type: ignore[arg-type]


def test_another_network_and_another_agent_is_a_hijack() -> None:
    hijack(
        login("alice", at=0, ip=BERLIN, agent=FIREFOX),
        use("alice", at=60, ip=NEW_YORK, agent=CHROME_WINDOWS),
    ).then(alert("session-hijack", "critical", session="alice", user="alice"))


def test_the_alert_says_what_is_usual_and_names_both_events() -> None:
    first = login("alice", at=0, ip=BERLIN)
    stolen = use("alice", at=60, ip=NEW_YORK, agent=CURL)
    (found,) = hijack(first, stolen).alerts
    assert [item.event_id for item in found.evidence] == [first.event_id, stolen.event_id]
    assert found.usual["agent"] == "Firefox on Linux"
    assert "198.51.100.0/24 US" in found.summary


def test_every_use_by_the_thief_is_a_hit_of_one_alert() -> None:
    hijack(
        login("alice", at=0),
        use("alice", at=60, ip=NEW_YORK, agent=CURL),
        use("alice", at=61),
        use("alice", at=62, ip=NEW_YORK, agent=CURL),
    ).then(alert("session-hijack", hits=2))


def test_another_device_id_counts_although_the_agent_is_the_same() -> None:
    hijack(
        login("alice", at=0, device_id="d-laptop"),
        use("alice", at=60, ip=NEW_YORK, device_id="d-thief"),
    ).then(alert("session-hijack", "critical"))


def test_a_thief_who_leaves_the_agent_out_is_seen_where_uses_carry_one() -> None:
    hijack(
        login("alice", at=0),
        use("alice", at=30),
        use("alice", at=60, ip=NEW_YORK, agent=None),
    ).then(alert("session-hijack", "critical"))


def test_an_app_that_sends_agents_at_login_only_stays_silent() -> None:
    hijack(login("alice", at=0), use("alice", at=60, ip=NEW_YORK, agent=None)).silent()


@pytest.mark.parametrize(
    ("what", "later"),
    [
        ("address inside the network", use("alice", at=60, ip=BERLIN_NEIGHBOUR, agent=CURL)),
        ("another network, same browser", use("alice", at=60, ip=BERLIN_CAFE)),
        ("a browser upgrade on the way", use("alice", at=60, ip=BERLIN_CAFE, agent=FIREFOX_UPGRADED)),
        ("dual stack", use("alice", at=60, ip=BERLIN_IPV6)),
        ("an unreadable address", event("validate", "alice", 60, None, FIREFOX)),
    ],
)
def test_ordinary_life_is_silent(what: str, later: object) -> None:
    hijack(login("alice", at=0), later).silent()


def test_without_a_create_the_severity_is_capped() -> None:
    hijack(
        use("alice", at=0),
        use("alice", at=60, ip=NEW_YORK, agent=CURL),
    ).then(alert("session-hijack", "high"))


def test_a_rotated_session_is_held_against_where_its_parent_began() -> None:
    hijack(
        login("alice", at=0, session="first"),
        rotation("alice", at=60, session="second", parent="first", ip=NEW_YORK, agent=CURL),
    ).then(alert("session-hijack", "critical", session="second"))


def test_a_rotation_that_arrives_after_its_first_use_is_understood_all_the_same() -> None:
    hijack(
        login("alice", at=0, session="first"),
        use("alice", at=61, session="second", ip=NEW_YORK, agent=CURL),
        rotation("alice", at=60, session="second", parent="first"),
    ).then(alert("session-hijack", "critical", session="second"))


def test_a_new_login_is_a_new_baseline() -> None:
    hijack(
        login("alice", at=0, ip=BERLIN, agent=FIREFOX),
        login("alice", at=60, ip=NEW_YORK, agent=CHROME_WINDOWS),
        use("alice", at=70, ip=NEW_YORK, agent=CHROME_WINDOWS),
    ).silent()


def test_the_apps_own_clients_are_no_change_of_device() -> None:
    settings = {"session-hijack": RuleSetting(HijackParameters(internal_clients=("curl",)))}
    hijack(login("alice", at=0), use("alice", at=60, ip=NEW_YORK, agent=CURL), settings=settings).silent()


def test_an_event_that_arrives_late_is_judged_and_marked() -> None:
    hijack(
        login("alice", at=0),
        *[use("alice", at=30 * step) for step in range(1, 20)],
        use("alice", at=45, ip=NEW_YORK, agent=CURL),
    ).then(alert("session-hijack", "critical", late=True))


def test_a_severity_of_the_configuration_replaces_the_tier() -> None:
    settings = {"session-hijack": RuleSetting(severity=Severity.MEDIUM)}
    hijack(login("alice", at=0), use("alice", at=60, ip=NEW_YORK, agent=CURL), settings=settings).then(
        alert("session-hijack", "medium")
    )


def test_an_address_that_cannot_be_read_lowers_the_tier_and_hides_nothing() -> None:
    hijack(login("alice", at=0), event("validate", "alice", 60, None, CURL)).then(alert("session-hijack", "medium"))


def test_an_unreadable_address_and_another_device_id() -> None:
    hijack(
        login("alice", at=0, device_id="laptop"),
        event("validate", "alice", 60, None, FIREFOX, device_id="thief"),
    ).then(alert("session-hijack", "high"))


def test_an_app_that_knows_no_addresses_is_not_judged_by_the_agent_alone() -> None:
    hijack(event("create", "alice", 0, None, FIREFOX), event("validate", "alice", 60, None, CURL)).silent()


def test_a_login_without_an_address_is_completed_by_the_first_use_that_has_one() -> None:
    hijack(
        event("create", "alice", 0, None, FIREFOX),
        use("alice", at=10, ip=BERLIN),
        use("alice", at=60, ip=NEW_YORK, agent=CURL),
    ).then(alert("session-hijack", "critical"))


def test_an_app_that_passes_no_agent_at_login_does_not_lose_its_commuters() -> None:
    hijack(
        login("alice", at=0, agent=None),
        use("alice", at=10),
        use("alice", at=60, ip=BERLIN_CAFE),
    ).silent()


def test_and_its_thieves_are_seen_by_the_first_agent_on_the_network_of_the_login() -> None:
    hijack(
        login("alice", at=0, agent=None),
        use("alice", at=10),
        use("alice", at=60, ip=NEW_YORK, agent=CURL),
    ).then(alert("session-hijack", "critical"))


def test_the_user_is_known_from_earlier_events_of_the_session() -> None:
    stolen = use("alice", at=60, ip=NEW_YORK, agent=CURL)
    stolen.user_id = None
    hijack(login("alice", at=0), stolen).then(alert("session-hijack", user="alice"))


def test_a_department_behind_another_proxy_keeps_its_sessions() -> None:
    # alphagov/notifications-admin PR 1053: the address changes for all at once, the browsers stay.
    users = [f"user{number}" for number in range(30)]
    hijack(
        *[login(user, at=0, ip=OFFICE) for user in users], *[use(user, at=600, ip=NEW_YORK) for user in users]
    ).silent()


def test_internal_calls_of_the_identity_provider_are_named() -> None:
    # panther-labs/panther-analysis PR 1086
    settings = {"session-hijack": RuleSetting(HijackParameters(internal_clients=("idp-internal",)))}
    internal = use("alice", at=60, ip=NEW_YORK, agent="idp-internal/2.0")
    hijack(login("alice", at=0), internal, use("alice", at=90), settings=settings).silent()
