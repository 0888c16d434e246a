from __future__ import annotations

import pytest

from detectors.plan import RuleSetting
from detectors.rules.refresh_replay import RefreshReplayParameters
from schemas.app import AppPolicy, Apps
from schemas.event import Event
from schemas.instant import MINUTE
from tests.detectors.story import BERLIN, BERLIN_CAFE, CURL, NEW_YORK, Story, alert, given, login, refused, use


def replay(*stream: object, **options: object) -> Story:
    return given(*stream, rules="refresh-replay", **options)  # type: ignore[arg-type]


def refresh(at: float, generation: int | None, ip: str = BERLIN, **fields: object) -> Event:
    return use("alice", at, ip, reason="refresh", token_generation=generation, **fields)


def heir(at: float, session: str, parent: str, ip: str = BERLIN) -> Event:
    return login("alice", at, ip, session=session, reason="refresh", parent_session_id=f"s_{parent}")


def test_a_generation_used_again_after_its_successor() -> None:
    replay(login("alice", at=0), refresh(600, 1), refresh(1200, 2), refresh(1300, 1, ip=NEW_YORK)).then(
        alert("refresh-replay", "high", session="alice")
    )


def test_the_newest_generation_used_twice() -> None:
    replay(login("alice", at=0), refresh(600, 1), refresh(640, 1, ip=NEW_YORK, agent=CURL)).then(
        alert("refresh-replay", "high", hits=1)
    )


def test_two_tabs_that_refresh_at_once_are_silent() -> None:
    replay(login("alice", at=0), refresh(600, 1), refresh(600.4, 1), refresh(630, 1)).silent()


def test_the_grace_counts_from_the_successor_and_not_from_the_newest_refresh() -> None:
    replay(login("alice", at=0), refresh(600, 1), refresh(1200, 2), refresh(1205, 1)).then(alert("refresh-replay"))


def test_refreshes_in_their_order_are_silent_for_long() -> None:
    replay(login("alice", at=0), *[refresh(600.0 * one, one) for one in range(1, 50)]).silent()


def test_a_generation_older_than_all_remembered_is_a_replay() -> None:
    replay(login("alice", at=0), *[refresh(600.0 * one, one) for one in range(1, 20)], refresh(12_000, 2)).then(
        alert("refresh-replay")
    )


def test_a_generation_that_was_never_seen_but_passed_over_is_a_replay() -> None:
    replay(login("alice", at=0), refresh(600, 4), refresh(1200, 9), refresh(1300, 6)).then(alert("refresh-replay"))


def test_the_order_of_arrival_does_not_make_a_replay() -> None:
    replay(login("alice", at=0), refresh(160, 2), refresh(100, 1)).silent()


def test_a_replay_told_before_the_successor_is_understood() -> None:
    replay(login("alice", at=0), refresh(140, 1, ip=NEW_YORK), refresh(50, 1), refresh(100, 2)).then(
        alert("refresh-replay", hits=1)
    )


def test_servers_whose_clocks_differ_make_no_replay() -> None:
    apps = Apps({"bank": AppPolicy("bank", clock_skew_us=2 * MINUTE)})
    replay(login("alice", at=0), refresh(600, 2), refresh(720, 1), apps=apps).silent()


def test_requests_with_an_access_token_of_the_generation_before_are_in_flight() -> None:
    replay(login("alice", at=0), refresh(600, 2), use("alice", at=700, token_generation=1)).silent()


def test_a_new_login_may_count_its_generations_from_the_beginning() -> None:
    replay(
        login("alice", at=0), refresh(600, 1), refresh(1200, 2), login("alice", at=2000), refresh(2600, 1)
    ).silent()  # fmt: skip


def test_a_session_refreshed_into_a_second_heir() -> None:
    replay(
        login("alice", at=0, session="a"), heir(600, "b", parent="a"), heir(700, "thief", parent="a", ip=NEW_YORK)
    ).then(alert("refresh-replay", "high", session="thief"))  # fmt: skip


def test_two_heirs_at_once_are_two_tabs() -> None:
    replay(login("alice", at=0, session="a"), heir(600, "b", parent="a"), heir(601, "c", parent="a")).silent()


def test_a_create_that_is_told_twice_makes_no_second_heir() -> None:
    replay(login("alice", at=0, session="a"), heir(600, "b", parent="a"), heir(700, "b", parent="a")).silent()


def test_a_chain_of_heirs_is_silent() -> None:
    replay(
        login("alice", at=0, session="a"), heir(600, "b", parent="a"), heir(1200, "c", parent="b"),
        heir(1800, "d", parent="c"),
    ).silent()  # fmt: skip


def test_generations_go_on_through_the_heirs() -> None:
    first = login("alice", at=0, session="a")
    second = login("alice", at=600, session="b", reason="refresh", parent_session_id="s_a", token_generation=1)
    third = login("alice", at=1200, session="c", reason="refresh", parent_session_id="s_b", token_generation=2)
    replayed = use("alice", at=1300, session="c", reason="refresh", token_generation=1)
    replay(first, second, third, replayed).then(alert("refresh-replay", session="c"))


def test_the_apps_own_refusal_of_a_reused_token() -> None:
    replay(
        login("alice", at=0), refresh(600, 1), refused("alice", at=700, reason="refresh_reused", token_generation=1)
    ).then(alert("refresh-replay", "high"))  # fmt: skip


def test_the_refusal_of_a_second_tab_is_silent() -> None:
    replay(login("alice", at=0), refresh(600, None), refused("alice", at=610, reason="refresh_reused")).silent()


def test_a_refusal_without_a_known_successor_is_a_tier_lower() -> None:
    replay(login("alice", at=0), refused("alice", at=610, reason="refresh_reused")).then(
        alert("refresh-replay", "medium")
    )


@pytest.mark.parametrize("reason", ["expired_idle", "revoked", "unknown_session"])
def test_other_refusals_say_nothing(reason: str) -> None:
    replay(login("alice", at=0), refresh(600, 1), refused("alice", at=700, reason=reason, token_generation=1)).silent()


def test_another_address_of_one_sign_in_is_no_replay() -> None:
    # elastic/detection-rules#5863: tokens used at once from another address.
    replay(login("alice", at=0), refresh(600, 1, ip=BERLIN_CAFE), refresh(1200, 2, ip=NEW_YORK)).silent()


def test_the_grace_is_a_parameter_by_app() -> None:
    patient = RuleSetting(by_app={"bank": RuleSetting(RefreshReplayParameters(grace="5m"))})
    replay(login("alice", at=0), refresh(600, 1), refresh(850, 1), settings={"refresh-replay": patient}).silent()
