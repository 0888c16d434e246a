from __future__ import annotations

from detectors.plan import RuleSetting
from detectors.rules.use_after_destroy import UseAfterDestroyParameters
from schemas.app import AppPolicy, Apps
from schemas.instant import MINUTE, SECOND
from tests.detectors.story import Story, alert, given, login, logout, rotation, use


def after_destroy(*stream: object, **options: object) -> Story:
    return given(*stream, rules="use-after-destroy", **options)  # type: ignore[arg-type]


def test_a_use_long_after_the_logout() -> None:
    after_destroy(login("alice", at=0), logout("alice", at=100), use("alice", at=161)).then(
        alert("use-after-destroy", "high", session="alice")
    )


def test_requests_in_flight_at_the_logout_are_silent() -> None:
    after_destroy(login("alice", at=0), logout("alice", at=100), use("alice", at=160)).silent()


def test_a_use_before_the_logout_that_arrives_after_it_is_silent() -> None:
    after_destroy(login("alice", at=0), logout("alice", at=170), use("alice", at=100)).silent()


def test_a_logout_that_arrives_after_the_use_is_understood() -> None:
    after_destroy(login("alice", at=0), use("alice", at=170), logout("alice", at=100)).then(alert("use-after-destroy"))


def test_a_login_in_between_makes_the_session_anew_even_when_it_arrives_last() -> None:
    after_destroy(
        login("alice", at=0),
        logout("alice", at=10),
        use("alice", at=100),
        login("alice", at=50),
    ).silent()


def test_the_clocks_of_the_apps_servers_may_differ() -> None:
    apps = Apps({"bank": AppPolicy("bank", clock_skew_us=2 * MINUTE)})
    after_destroy(login("alice", at=0), logout("alice", at=100), use("alice", at=279), apps=apps).silent()


def test_a_revoked_session_belongs_to_the_proof_of_revocation() -> None:
    after_destroy(login("alice", at=0), logout("alice", at=100, reason="revoked"), use("alice", at=200)).silent()


def test_it_ends_with_the_sessions_absolute_timeout() -> None:
    apps = Apps({"bank": AppPolicy("bank", clock_skew_us=0, absolute_timeout_us=10 * MINUTE)})
    after_destroy(login("alice", at=0), logout("alice", at=100), use("alice", at=700), apps=apps).silent()


def test_the_grace_is_a_parameter() -> None:
    settings = {"use-after-destroy": RuleSetting(UseAfterDestroyParameters(grace="2s"))}
    stream = (login("alice", at=0), logout("alice", at=10), use("alice", at=12.5))
    after_destroy(*stream, settings=settings).then(alert("use-after-destroy"))


def test_the_alert_names_the_logout() -> None:
    ended = logout("alice", at=10)
    (found,) = after_destroy(login("alice", at=0), ended, use("alice", at=100)).alerts
    assert found.evidence[0].event_id == ended.event_id
    assert "90.0 s after its logout" in found.summary
    assert found.evidence[-1].time_us - found.evidence[0].time_us == 90 * SECOND


def test_a_login_told_late_does_not_undo_the_logout_that_came_after_it() -> None:
    spooled = [use("alice", at=at) for at in range(1000, 1300, 60)]
    after_destroy(logout("alice", at=100), *spooled, login("alice", at=0)).then(alert("use-after-destroy"))


def test_a_logout_told_late_does_not_end_a_later_life_of_the_same_id() -> None:
    after_destroy(
        login("alice", at=0),
        login("alice", at=500),
        *[use("alice", at=at) for at in range(510, 1000, 60)],
        logout("alice", at=100),
        use("alice", at=1000),
    ).silent()


def test_a_session_refreshed_out_of_an_ended_one_goes_on_with_it() -> None:
    after_destroy(
        login("alice", at=0, session="first"),
        logout("alice", at=100, session="first"),
        rotation("alice", at=300, session="second", parent="first", reason="refresh"),
    ).then(alert("use-after-destroy", "high", session="second"))


def test_a_refresh_that_raced_the_logout_does_not_save_the_session() -> None:
    after_destroy(
        login("alice", at=0, session="first"),
        logout("alice", at=100, session="first"),
        rotation("alice", at=100.4, session="second", parent="first"),
        use("alice", at=300, session="second"),
    ).then(alert("use-after-destroy", "high", session="second"))


def test_a_rotation_that_ends_the_old_id_first_is_a_rotation() -> None:
    after_destroy(
        login("alice", at=0, session="first"),
        logout("alice", at=100, session="first", reason="rotated"),
        rotation("alice", at=100.1, session="second", parent="first"),
        use("alice", at=300, session="second"),
    ).silent()


def test_the_visitor_that_a_framework_makes_of_a_signed_out_user_is_nobody() -> None:
    visitor = rotation("alice", at=100.1, session="second", parent="first")
    seen = use("alice", at=300, session="second")
    visitor.user_id = seen.user_id = None
    after_destroy(
        login("alice", at=0, session="first"), logout("alice", at=100, session="first"), visitor, seen
    ).silent()


def test_a_login_in_the_session_that_follows_is_a_new_session() -> None:
    after_destroy(
        login("alice", at=0, session="first"),
        logout("alice", at=100, session="first"),
        rotation("alice", at=100.1, session="second", parent="first"),
        login("alice", at=200, session="second"),
        use("alice", at=300, session="second"),
    ).silent()
