from __future__ import annotations

from msgspec.structs import replace

from detectors.plan import RuleSetting
from detectors.rules.logout_all_incomplete import LogoutAllParameters
from schemas.app import AppPolicy, Apps
from schemas.event import Event
from schemas.instant import MINUTE
from tests.detectors.story import NEW_YORK, SAFARI_IPHONE, Story, alert, given, login, logout, rotation, use

REALM = Apps({
    "sign-on": AppPolicy("sign-on", kind="sso", realm="group", clock_skew_us=0),
    "bank": AppPolicy("bank", realm="group", clock_skew_us=0),
    "shop": AppPolicy("shop", realm="group", clock_skew_us=0),
})  # fmt: skip


def incomplete(*stream: object, **options: object) -> Story:
    return given(*stream, rules="logout-all-incomplete", **options)  # type: ignore[arg-type]


def everywhere(at: float, session: str | None = "laptop", **fields: object) -> Event:
    """The user signs out everywhere, by the session named."""
    ended = logout("alice", at, session=session, reason="logout_all", **fields)
    return ended if session else replace(ended, session_id=None)


def two_devices() -> tuple[Event, ...]:
    return (
        login("alice", at=0, session="laptop"), use("alice", at=10, session="laptop"),
        login("alice", at=20, session="phone", agent=SAFARI_IPHONE),
    )  # fmt: skip


def test_another_session_that_goes_on() -> None:
    incomplete(*two_devices(), everywhere(100), use("alice", at=161, session="phone")).then(
        alert("logout-all-incomplete", "high")
    )


def test_requests_in_flight_are_silent() -> None:
    incomplete(*two_devices(), everywhere(100), use("alice", at=160, session="phone")).silent()


def test_the_declared_skew_is_added() -> None:
    apps = Apps({"bank": AppPolicy("bank", clock_skew_us=2 * MINUTE)})
    incomplete(*two_devices(), everywhere(100), use("alice", at=279, session="phone"), apps=apps).silent()


def test_the_session_that_asked_may_be_kept() -> None:
    incomplete(*two_devices(), everywhere(100), use("alice", at=300, session="laptop")).silent()


def test_a_logout_that_names_no_session_ends_them_all() -> None:
    incomplete(*two_devices(), everywhere(100, session=None), use("alice", at=300, session="laptop")).then(
        alert("logout-all-incomplete", "high")
    )


def test_a_new_login_afterwards_is_a_new_session() -> None:
    incomplete(
        *two_devices(), everywhere(100), login("alice", at=200, session="new"), use("alice", at=300, session="new"),
        login("alice", at=400, session="phone"), use("alice", at=500, session="phone"),
    ).silent()  # fmt: skip


def test_a_use_before_it_that_is_told_afterwards_is_silent() -> None:
    incomplete(*two_devices(), everywhere(170), use("alice", at=160, session="phone")).silent()


def test_a_logout_told_after_the_use_it_should_have_prevented() -> None:
    incomplete(*two_devices(), use("alice", at=200, session="phone"), everywhere(100)).then(
        alert("logout-all-incomplete", "high")
    )


def test_a_refresh_out_of_an_ended_session() -> None:
    # ory/hydra#3484: the session is revoked, its tokens live on.
    incomplete(
        *two_devices(), everywhere(100),
        rotation("alice", at=300, session="phone-2", parent="phone", reason="refresh"),
    ).then(alert("logout-all-incomplete", "high"))  # fmt: skip


def test_a_refresh_that_raced_the_logout_does_not_save_the_session() -> None:
    incomplete(
        *two_devices(), everywhere(100), rotation("alice", at=101, session="phone-2", parent="phone", reason="refresh"),
        use("alice", at=400, session="phone-2"),
    ).then(alert("logout-all-incomplete", "high"))  # fmt: skip


def test_a_session_of_unknown_beginning_is_a_tier_lower() -> None:
    incomplete(*two_devices(), everywhere(100), use("alice", at=300, session="tablet", ip=NEW_YORK)).then(
        alert("logout-all-incomplete", "medium")
    )


def test_an_ordinary_logout_ends_one_session() -> None:
    incomplete(
        *two_devices(), logout("alice", at=100, session="laptop"), use("alice", at=300, session="phone")
    ).silent()


def test_another_user_is_not_meant() -> None:
    incomplete(login("bob", at=0), *two_devices(), everywhere(100), use("bob", at=300)).silent()


def test_a_sign_on_services_logout_ends_the_sessions_of_all_its_apps() -> None:
    # keycloak#23604, #27342: "sign out all" told no app.
    incomplete(
        login("alice", at=0, session="sso", app="sign-on"), login("alice", at=10, session="b", app="bank"),
        everywhere(100, session=None, app="sign-on"), use("alice", at=300, session="b", app="bank"), apps=REALM,
    ).then(alert("logout-all-incomplete", "high"))  # fmt: skip


def test_an_apps_logout_ends_nothing_in_other_apps() -> None:
    incomplete(
        login("alice", at=0, session="b", app="bank"), login("alice", at=10, session="s", app="shop"),
        everywhere(100, session=None, app="bank"), use("alice", at=300, session="s", app="shop"), apps=REALM,
    ).silent()  # fmt: skip


def test_a_second_logout_does_not_excuse_what_survived_the_first() -> None:
    incomplete(
        *two_devices(), everywhere(100), login("alice", at=200, session="new"), everywhere(250, session="new"),
        use("alice", at=400, session="phone"),
    ).then(alert("logout-all-incomplete", "high"))  # fmt: skip


def test_the_grace_is_a_parameter_by_app() -> None:
    lenient = RuleSetting(by_app={"bank": RuleSetting(LogoutAllParameters(grace="5m"))})
    incomplete(
        *two_devices(), everywhere(100), use("alice", at=300, session="phone"),
        settings={"logout-all-incomplete": lenient},
    ).silent()  # fmt: skip


def test_a_request_under_way_at_the_end_of_a_later_session_is_silent() -> None:
    later = [
        login("alice", at=3600, session="later"),
        use("alice", at=3660, session="later"),
        logout("alice", at=3700, session="later"),
        use("alice", at=3702, session="later"),
    ]
    incomplete(*two_devices(), everywhere(100), *later).silent()
