from __future__ import annotations

from tests.detectors.story import Story, alert, delivered, given, login, logout, rotation, use

# The app of these stories declares a revoke_grace of 5 s (the default) and no clock skew.


def not_effective(*stream: object) -> Story:
    return given(*stream, rules="revocation-not-effective")  # type: ignore[arg-type]


def test_a_use_after_the_grace_of_a_delivered_revocation() -> None:
    not_effective(login("alice", at=0), delivered("alice", at=10), use("alice", at=16)).then(
        alert("revocation-not-effective", "critical", session="alice")
    )


def test_a_request_inside_the_grace_proves_nothing() -> None:
    not_effective(login("alice", at=0), delivered("alice", at=10), use("alice", at=15)).silent()


def test_an_event_that_happened_before_but_arrives_later_proves_nothing() -> None:
    not_effective(login("alice", at=0), delivered("alice", at=10), use("alice", at=9, arrives=60)).silent()


def test_an_event_of_a_fast_clock_that_arrived_inside_the_grace_proves_nothing() -> None:
    not_effective(login("alice", at=0), delivered("alice", at=10), use("alice", at=20, arrives=12)).silent()


def test_a_released_session_may_be_used() -> None:
    released = delivered("alice", at=20, kind="revocation_released")
    not_effective(login("alice", at=0), delivered("alice", at=10), released, use("alice", at=30)).silent()


def test_a_second_delivery_does_not_extend_the_grace() -> None:
    not_effective(login("alice", at=0), delivered("alice", at=10), delivered("alice", at=14), use("alice", at=16)).then(
        alert("revocation-not-effective")
    )


def test_a_session_that_the_app_itself_revoked_is_held_to_the_same() -> None:
    not_effective(login("alice", at=0), logout("alice", at=10, reason="revoked"), use("alice", at=16)).then(
        alert("revocation-not-effective")
    )


def test_a_late_event_proves_nothing() -> None:
    # Older than the bound of disorder by the time it comes: it may have been spooled anywhere.
    not_effective(
        login("alice", at=0),
        delivered("alice", at=10),
        *[logout("alice", at=100 + 60 * step) for step in range(6)],
        use("alice", at=20, arrives=500),
    ).silent()


def test_another_session_of_the_user_is_not_meant() -> None:
    not_effective(
        login("alice", at=0), delivered("alice", at=10), login("alice", at=20, session="new"),
        use("alice", at=30, session="new"),
    ).silent()  # fmt: skip


def test_a_session_that_the_app_ended_as_revoked_may_go_on_after_its_release() -> None:
    not_effective(
        login("alice", at=0),
        delivered("alice", at=10),
        logout("alice", at=10.1, reason="revoked"),
        delivered("alice", at=20, kind="revocation_released"),
        use("alice", at=30),
    ).silent()


def test_a_second_revocation_is_held_to_its_own_delivery() -> None:
    not_effective(
        login("alice", at=0),
        delivered("alice", at=10, revocation="r1"),
        use("alice", at=20),
        delivered("alice", at=30, revocation="r2"),
        use("alice", at=40),
    ).then(alert("revocation-not-effective"), alert("revocation-not-effective"))


def test_a_session_refreshed_out_of_a_revoked_one_is_held_to_the_same() -> None:
    # ory/hydra#3484: the session is revoked, its tokens live on.
    not_effective(
        login("alice", at=0),
        delivered("alice", at=10),
        rotation("alice", at=30, session="second", parent="alice", reason="refresh"),
    ).then(alert("revocation-not-effective", "critical", session="second"))


def test_a_refresh_that_raced_the_revocation_does_not_save_the_session() -> None:
    not_effective(
        login("alice", at=0),
        logout("alice", at=10, reason="revoked"),
        rotation("alice", at=10.2, session="second", parent="alice"),
        use("alice", at=60, session="second"),
    ).then(alert("revocation-not-effective", session="second"))


def test_a_session_refreshed_before_the_revocation_is_another() -> None:
    not_effective(
        login("alice", at=0),
        rotation("alice", at=5, session="second", parent="alice"),
        delivered("alice", at=10),
        use("alice", at=60, session="second"),
    ).silent()
