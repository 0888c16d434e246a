from __future__ import annotations

import pytest
from msgspec.structs import replace

from detectors.plan import RuleSetting
from detectors.rules.bot_rate import BotRateParameters
from schemas.event import Event
from tests.detectors.story import BERLIN_IPV6, CURL, NEW_YORK, Story, alert, given, login, rotation, use


def bot_rate(*stream: object, **options: object) -> Story:
    return given(*stream, rules="bot-rate", **options)  # type: ignore[arg-type]


def sampled(minutes: int, count: int, every: float = 60, **fields: object) -> list[Event]:
    """What the emitter sends of a busy session: one event an interval that stands for `count` uses."""
    steps = int(minutes * 60 / every)
    return [use("robot", at=every * (step + 1), count=count, **fields) for step in range(steps)]


def test_three_hundred_a_minute_for_three_minutes() -> None:
    bot_rate(login("robot", at=0), *sampled(5, 300)).then(alert("bot-rate", "low", session="robot"))


def test_the_interval_of_the_sampling_does_not_matter() -> None:
    bot_rate(login("robot", at=0), *sampled(5, 75, every=15)).then(alert("bot-rate", "low"))


def test_uses_that_are_not_sampled_count_as_they_come() -> None:
    bot_rate(login("robot", at=0), *[use("robot", at=step / 6) for step in range(5 * 360)]).then(
        alert("bot-rate", "low")
    )


def test_a_person_with_a_busy_page_is_silent() -> None:
    page_loads = [use("alice", at=20 * page + request / 50) for page in range(15) for request in range(40)]
    bot_rate(login("alice", at=0), *page_loads).silent()


def test_a_burst_of_two_minutes_is_not_sustained() -> None:
    bot_rate(login("robot", at=0), *sampled(2, 400), use("robot", at=240)).silent()


def test_many_uses_over_a_long_time_are_no_rate() -> None:
    bot_rate(login("alice", at=0), *[use("alice", at=900.0 * step, count=900) for step in range(1, 5)]).silent()


def test_minutes_far_apart_do_not_add_up() -> None:
    bursts = [use("robot", at=600 * hour + 60 * step, count=1 + 350 * step) for hour in range(6) for step in (0, 1)]
    bot_rate(login("robot", at=0), *bursts).silent()


def test_events_out_of_order_count_in_their_minutes() -> None:
    first, second, third, *rest = sampled(5, 320)
    bot_rate(login("robot", at=0), second, third, first, *rest).then(alert("bot-rate"))


def test_events_told_late_say_nothing_of_a_pace() -> None:
    spooled = sampled(5, 400)
    bot_rate(login("robot", at=0), use("robot", at=3600), *spooled).silent()


def test_a_rhythm_without_deviation_is_a_machines() -> None:
    bot_rate(login("robot", at=0), *sampled(5, 60, gap_dev_ms=1.5, gap_min_ms=990.0)).then(alert("bot-rate", "low"))


def test_a_page_that_asks_for_news_is_slower() -> None:
    bot_rate(login("alice", at=0), *sampled(20, 20, gap_dev_ms=1.5, gap_min_ms=2_990.0)).silent()


@pytest.mark.parametrize(
    ("count", "deviation", "smallest"),
    [
        (60, 400.0, 5.0),  # a person
        (60, 6.0, 3.0),  # one burst of a page, then rest
        (3, 0.5, 4.0),  # too few to say
        (60, None, None),  # an emitter that does not measure
    ],
)
def test_what_is_no_rhythm(count: int, deviation: float | None, smallest: float | None) -> None:
    bot_rate(login("alice", at=0), *sampled(10, count, gap_dev_ms=deviation, gap_min_ms=smallest)).silent()


def test_a_rhythm_that_breaks_begins_anew() -> None:
    even = {"gap_dev_ms": 1.5, "gap_min_ms": 990.0}
    events = [
        use("robot", at=60.0 * step, count=60, **(even if step % 3 else {"gap_dev_ms": 300.0})) for step in range(1, 20)
    ]
    bot_rate(login("robot", at=0), *events).silent()


def test_a_polling_app_says_so() -> None:
    polling = RuleSetting(by_app={"bank": RuleSetting(BotRateParameters(polling=True))})
    events = sampled(5, 60, gap_dev_ms=1.5, gap_min_ms=990.0)
    bot_rate(login("alice", at=0), *events, settings={"bot-rate": polling}).silent()


def test_the_rate_is_a_baseline_by_app() -> None:
    fast = RuleSetting(by_app={"bank": RuleSetting(BotRateParameters(rate=1000))})
    bot_rate(login("robot", at=0), *sampled(5, 300), settings={"bot-rate": fast}).silent()


def test_monitoring_is_named() -> None:
    known = {"bot-rate": RuleSetting(BotRateParameters(internal_clients=("curl",)))}
    bot_rate(login("robot", at=0, agent=CURL), *sampled(5, 300, agent=CURL), settings=known).silent()


def test_the_place_does_not_matter() -> None:
    bot_rate(login("robot", at=0), *sampled(5, 300, ip=NEW_YORK)).then(alert("bot-rate"))


def test_a_rotation_is_no_rest() -> None:
    first, second, *rest = sampled(5, 300)
    moved = [replace(event, session_id="s_second") for event in rest]
    rotated = rotation("robot", at=120.5, session="second", parent="robot")
    bot_rate(login("robot", at=0), first, second, rotated, *moved).then(alert("bot-rate", session="second"))


def test_a_machine_somewhere_else_than_where_the_session_began_is_medium() -> None:
    bot_rate(login("robot", at=0), *sampled(5, 300, ip=NEW_YORK)).then(alert("bot-rate", "medium", session="robot"))


def test_a_page_that_asks_for_news_may_move() -> None:
    asked = [replace(one, gap_min_ms=1_490.0, gap_dev_ms=1.0) for one in sampled(8, 40, ip=NEW_YORK)]
    bot_rate(login("robot", at=0), *asked).then(alert("bot-rate", "low"))


AT_EASE = [login("alice", at=0), *[use("alice", at=30.0 * step, count=5) for step in (1, 2, 3)]]
"""A minute and a half at a person's pace, at home."""


def elsewhere(*at: float, count: int = 130, ip: str = NEW_YORK) -> list[Event]:
    """A first use from another network, and then so many uses each time."""
    return [use("alice", at=95, ip=ip), *[use("alice", at=time, count=count, ip=ip) for time in at]]


def test_a_quicker_hand_elsewhere_is_medium_within_a_minute() -> None:
    bot_rate(*AT_EASE, *elsewhere(155)).then(alert("bot-rate", "medium", hits=1))


def test_what_the_owner_does_meanwhile_makes_it_no_quicker() -> None:
    bot_rate(*AT_EASE, *elsewhere(), use("alice", at=150), *elsewhere(155, count=100)[1:]).silent()
    bot_rate(*AT_EASE, *elsewhere(), use("alice", at=150), *elsewhere(155)[1:]).then(alert("bot-rate", "medium"))


def test_a_page_with_all_that_it_loads_is_no_pace() -> None:
    bot_rate(*AT_EASE, *elsewhere(120, count=200)).silent()


def test_a_pace_that_was_known_at_home_may_move() -> None:
    stream = [login("alice", at=0), *[use("alice", at=30.0 * step, count=20) for step in (1, 2, 3)]]
    bot_rate(*stream, *elsewhere(155)).silent()


def test_little_seen_at_home_says_nothing_of_a_pace() -> None:
    bot_rate(login("alice", at=40), use("alice", at=90), *elsewhere(155)).silent()


def test_the_other_protocol_is_another_hand_where_both_go_on() -> None:
    quick = elsewhere(155, 220, ip=BERLIN_IPV6)
    bot_rate(*AT_EASE, *quick).silent()
    bot_rate(*AT_EASE, *quick, use("alice", at=200, count=3)).then(alert("bot-rate", "medium", hits=1))


def test_how_quick_is_a_parameter() -> None:
    settings = {"bot-rate": RuleSetting(BotRateParameters(quick_rate=60))}
    bot_rate(*AT_EASE, *elsewhere(155, count=60), settings=settings).then(alert("bot-rate", "medium"))
    bot_rate(*AT_EASE, *elsewhere(155, count=60)).silent()


def test_out_of_order_and_over_a_rotation_a_quicker_hand_is_found() -> None:
    turned = [rotation("alice", at=94, session="r", parent="alice", ip=NEW_YORK)]
    quick = [use("alice", at=155, session="r", count=130, ip=NEW_YORK)]
    bot_rate(*quick, *AT_EASE, *turned).then(alert("bot-rate", "medium", session="r"))
