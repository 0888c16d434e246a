from __future__ import annotations

from detectors.plan import RuleSetting
from detectors.rules.slow_to_revoke import SlowToRevokeParameters
from schemas.app import AppPolicy, Apps
from schemas.instant import MINUTE
from tests.detectors.story import Story, alert, delivered, given, login, rotation, use


def slow(*stream: object, **options: object) -> Story:
    return given(*stream, rules="slow-to-revoke", **options)  # type: ignore[arg-type]


def test_a_use_later_than_the_target() -> None:
    slow(login("alice", at=0), delivered("alice", at=10), use("alice", at=16)).then(alert("slow-to-revoke", "medium"))


def test_a_use_within_the_target_is_silent() -> None:
    slow(login("alice", at=0), delivered("alice", at=10), use("alice", at=15)).silent()


def test_the_uses_of_a_busy_session_are_all_looked_at() -> None:
    slow(
        login("alice", at=0),
        use("alice", at=5),
        delivered("alice", at=10),
        *[use("alice", at=at) for at in range(12, 31, 3)],
    ).then(alert("slow-to-revoke"))


def test_the_declared_skew_is_added() -> None:
    apps = Apps({"bank": AppPolicy("bank", clock_skew_us=2 * MINUTE)})
    slow(login("alice", at=0), delivered("alice", at=10), use("alice", at=134), apps=apps).silent()


def test_a_fast_clock_is_no_slow_app() -> None:
    slow(login("alice", at=0), delivered("alice", at=10), use("alice", at=20, arrives=12)).silent()


def test_a_use_told_out_of_order_counts_from_the_delivery() -> None:
    slow(login("alice", at=0), use("alice", at=20), delivered("alice", at=10)).then(alert("slow-to-revoke"))


def test_a_spooled_use_told_late_is_silent() -> None:
    browsing = [use("alice", at=60 * step, session="other") for step in range(10)]
    slow(login("alice", at=0), *browsing, delivered("alice", at=10), use("alice", at=9, arrives=600)).silent()


def test_a_released_session_may_be_used() -> None:
    released = delivered("alice", at=12, kind="revocation_released")
    slow(login("alice", at=0), delivered("alice", at=10), released, use("alice", at=30)).silent()


def test_a_new_login_under_the_same_id_is_a_new_session() -> None:
    slow(login("alice", at=0), delivered("alice", at=10), login("alice", at=60), use("alice", at=70)).silent()


def test_a_session_refreshed_out_of_the_revoked_one_is_it_all_the_same() -> None:
    # ory/hydra#3484
    slow(
        login("alice", at=0), delivered("alice", at=10),
        rotation("alice", at=30, session="second", parent="alice", reason="refresh"),
    ).then(alert("slow-to-revoke"))  # fmt: skip


def test_the_target_is_set_by_app() -> None:
    lenient = RuleSetting(by_app={"bank": RuleSetting(SlowToRevokeParameters(target="1m"))})
    stream = (login("alice", at=0), delivered("alice", at=10), use("alice", at=40))
    slow(*stream, settings={"slow-to-revoke": lenient}).silent()
