from __future__ import annotations

import pytest
from msgspec.structs import replace

from detectors.plan import RuleSetting
from detectors.rules.session_fixation import FixationParameters
from schemas.app import AppPolicy, Apps
from schemas.event import Event
from schemas.instant import MINUTE
from tests.detectors.story import (
    BERLIN,
    BERLIN_CAFE,
    CURL,
    NEW_YORK,
    Story,
    alert,
    given,
    login,
    logout,
    refused,
    rotation,
    use,
)


def fixation(*stream: object, rotates: bool | None = None, skew_us: int = 0, **options: object) -> Story:
    apps = Apps({"bank": AppPolicy("bank", rotates_on_login=rotates, clock_skew_us=skew_us)})
    return given(*stream, rules="session-fixation", apps=apps, **options)  # type: ignore[arg-type]


def visit(at: float, ip: str = BERLIN, **fields: object) -> Event:
    """Somebody uses the id without being signed in."""
    return replace(use("alice", at, ip, **fields), user_id=None)


@pytest.mark.parametrize(("rotates", "severity"), [(True, "high"), (None, "medium")])
def test_an_id_used_before_its_login_is_graded_by_what_the_app_declares(rotates: bool | None, severity: str) -> None:
    fixation(visit(0), login("alice", at=60), rotates=rotates).then(alert("session-fixation", severity))


def test_an_app_that_says_it_does_not_rotate_is_not_told_so_again() -> None:
    fixation(visit(0), login("alice", at=60), rotates=False).silent()


@pytest.mark.parametrize("rotates", [True, None, False])
def test_an_id_that_somebody_else_had_is_the_attack_itself(rotates: bool | None) -> None:
    fixation(visit(0, ip=NEW_YORK, agent=CURL), login("alice", at=60), rotates=rotates).then(
        alert("session-fixation", "high", session="alice")
    )


def test_a_failed_try_under_the_id_counts() -> None:
    fixation(refused("alice", at=0, reason="bad_credentials"), login("alice", at=60), rotates=True).then(
        alert("session-fixation", "high")
    )


def test_the_alert_names_the_event_before_the_login() -> None:
    seen = refused("alice", at=0, reason="csrf", ip=NEW_YORK, agent=CURL)
    (found,) = fixation(seen, login("alice", at=60)).alerts
    assert found.evidence[0].event_id == seen.event_id
    assert "198.51.100.0/24" in found.summary


def test_a_fresh_id_at_the_login_is_silent() -> None:
    fixation(visit(0, session="before"), login("alice", at=60), use("alice", at=61), rotates=True).silent()


def test_a_request_of_the_login_told_by_a_server_whose_clock_is_behind() -> None:
    fixation(visit(0), login("alice", at=4), rotates=True).silent()


def test_the_declared_skew_is_added_to_the_grace() -> None:
    fixation(visit(0), login("alice", at=120), rotates=True, skew_us=2 * MINUTE).silent()


def test_a_try_told_after_the_login_is_found_where_it_belongs() -> None:
    fixation(login("alice", at=100), use("alice", at=110), visit(20), rotates=True).then(
        alert("session-fixation", "high", late=False)
    )


def test_a_try_told_late_is_found_and_marked() -> None:
    browsing = [use("alice", at=100 + 60 * step) for step in range(10)]
    fixation(login("alice", at=100), *browsing, visit(20), rotates=True).then(alert("session-fixation", late=True))


def test_a_rotation_at_the_login_is_the_cure() -> None:
    fixation(
        visit(0, session="before"), rotation("alice", at=60, session="after", parent="before"),
        use("alice", at=61, session="after"), rotates=True,
    ).silent()  # fmt: skip


@pytest.mark.parametrize("reason", ["rotation", "refresh"])
def test_a_rotation_or_refresh_under_a_known_id_is_no_login(reason: str) -> None:
    again = login("alice", at=60, reason=reason, parent_session_id="s_elsewhere")
    fixation(use("alice", at=0), again, use("alice", at=90), rotates=True).silent()


def test_a_sign_on_session_above_it_is_not_the_same_id() -> None:
    fixation(
        login("alice", at=0, session="sso"), use("alice", at=30, session="sso"),
        login("alice", at=60, session="app", reason="sso", parent_session_id="s_sso"),
        use("alice", at=70, session="app"), use("alice", at=80, session="sso"), rotates=True,
    ).silent()  # fmt: skip


def test_an_old_id_accepted_after_its_rotation() -> None:
    fixation(
        login("alice", at=0, session="before"), rotation("alice", at=60, session="after", parent="before"),
        use("alice", at=130, session="before"),
    ).then(alert("session-fixation", "high", session="before"))  # fmt: skip


def test_requests_in_flight_at_the_rotation_are_silent() -> None:
    fixation(
        login("alice", at=0, session="before"), rotation("alice", at=60, session="after", parent="before"),
        use("alice", at=119, session="before"),
    ).silent()  # fmt: skip


def test_the_visitor_that_an_old_id_stands_for_is_nobody() -> None:
    fixation(
        visit(0, session="before"), rotation("alice", at=60, session="after", parent="before"),
        visit(300, session="before"), rotates=True,
    ).silent()  # fmt: skip


def test_one_session_used_by_two_users() -> None:
    fixation(
        login("alice", at=0, session="one"), use("alice", at=10, session="one"), use("bob", at=60, session="one")
    ).then(alert("session-fixation", "high", session="one"))


def test_a_second_login_into_a_live_session_by_another_user() -> None:
    fixation(login("mallory", at=0, session="one"), login("alice", at=60, session="one"), rotates=False).then(
        alert("session-fixation", "high")
    )


def test_two_users_told_out_of_order() -> None:
    fixation(
        login("alice", at=0, session="one"), use("alice", at=100, session="one"), use("bob", at=50, session="one")
    ).then(alert("session-fixation", "high", hits=2))


def test_a_documented_account_switch_is_silent() -> None:
    switch = RuleSetting(by_app={"bank": RuleSetting(FixationParameters(account_switch=True))})
    fixation(
        login("alice", at=0, session="one"), use("bob", at=60, session="one"), use("alice", at=90, session="one"),
        settings={"session-fixation": switch},
    ).silent()  # fmt: skip


def test_a_user_id_in_another_case_is_the_same_user() -> None:
    fixation(login("Alice@example.org", at=0, session="one"), use("alice@example.org", at=60, session="one")).silent()


def test_a_placeholder_is_no_second_user() -> None:
    # Placeholders as user ids become null before any rule sees them.
    fixation(login("alice", at=0), visit(60), use("alice", at=90), rotates=True).silent()


def test_the_user_of_a_refusal_is_what_somebody_typed() -> None:
    fixation(
        login("alice", at=0, session="one"), refused("bob", at=60, reason="bad_credentials", session="one")
    ).silent()


def test_a_user_who_proves_again_who_they_are_is_silent() -> None:
    fixation(
        login("alice", at=0), use("alice", at=60), login("alice", at=600), use("alice", at=660), rotates=True
    ).silent()


def test_an_id_that_survives_logout_and_login() -> None:
    fixation(login("alice", at=0), logout("alice", at=60), login("alice", at=600), rotates=True).then(
        alert("session-fixation", "high")
    )


def test_a_kiosk_that_keeps_its_id_from_one_user_to_the_next() -> None:
    fixation(
        login("alice", at=0, session="kiosk"),
        logout("alice", at=60, session="kiosk"),
        login("bob", at=90, session="kiosk"),
    ).then(alert("session-fixation", "medium"))  # fmt: skip


def test_a_commuter_without_a_login_between_is_silent() -> None:
    fixation(login("alice", at=0), use("alice", at=60, ip=BERLIN_CAFE), use("alice", at=90), rotates=True).silent()


def test_the_grace_is_a_parameter() -> None:
    settings = {"session-fixation": RuleSetting(FixationParameters(grace="2m"))}
    fixation(visit(0), login("alice", at=60), rotates=True, settings=settings).silent()
