from __future__ import annotations

from functools import cache

from detectors.plan import RuleSetting
from detectors.rules.distributed_spray import DistributedSprayParameters
from schemas.event import Event
from schemas.instant import HOUR, SECOND
from tests.detectors.crowds import attempt, morning, new_passwords, spray
from tests.detectors.story import Story, alert, given, login

A_DAY = 24 * HOUR / SECOND


def distributed(*stream: Event, **options: object) -> Story:
    ordered = sorted(stream, key=lambda one: (one.time_us, one.event_id))
    return given(*ordered, rules="distributed-spray", **options)  # type: ignore[arg-type]


def from_everywhere(tries: int, at: float = 0, every: float = 5, networks: int = 10) -> list[Event]:
    """One try a user, each from the next of some networks."""
    return [
        attempt(f"user{number}", at + number * every, ip=f"198.18.{number % networks}.7") for number in range(tries)
    ]


@cache
def past(days: int = 2, an_hour: int = 4) -> tuple[Event, ...]:
    """What the app has seen before: every hour some people who mistype and get in."""
    stream = []
    for hour in range(days * 24):
        for number in range(an_hour):
            at, name = hour * 3_600 + number * 3_600 // an_hour, f"person{hour}-{number}"
            stream += [attempt(name, at, ip="192.0.2.10"), login(name, at + 20)]
    return tuple(stream)


def test_many_users_from_many_networks_far_above_the_past() -> None:
    distributed(*past(), *from_everywhere(30, at=2 * A_DAY)).then(alert("distributed-spray", "high"))


def test_without_a_past_it_is_medium_at_most() -> None:
    distributed(*from_everywhere(30)).then(alert("distributed-spray", "medium"))


def test_without_a_past_more_users_who_get_in_than_fail_are_an_ordinary_day() -> None:
    distributed(*from_everywhere(30), *morning(60, every=2)).silent()


def test_what_is_usual_for_a_large_app_is_silent() -> None:
    busy = past(an_hour=40)
    distributed(*busy, *from_everywhere(40, at=2 * A_DAY)).silent()


def test_four_networks_are_not_distributed() -> None:
    distributed(*past(), *from_everywhere(40, at=2 * A_DAY, networks=4)).silent()


def test_five_networks_and_twenty_five_tries_are() -> None:
    distributed(*past(), *from_everywhere(25, at=2 * A_DAY, networks=5)).then(
        alert("distributed-spray", "high", hits=1)
    )


def test_eight_users_are_enough() -> None:
    tries = [attempt(f"user{n % 8}", 2 * A_DAY + n * 5, ip=f"198.18.{n % 10}.7") for n in range(25)]
    distributed(*past(), *tries).then(alert("distributed-spray", "high", hits=1))


def test_five_times_the_usual_is_not_yet_too_much() -> None:
    """Twenty an hour are five in a window."""
    busy = past(an_hour=20)
    distributed(*busy, *from_everywhere(25, at=2 * A_DAY + 1_800)).silent()


def test_a_hit_that_people_explain_within_two_minutes_is_taken_back() -> None:
    back = [login(f"user{number}", 2 * A_DAY + 150 + number, ip="192.0.2.10") for number in range(20)]
    distributed(*past(), *from_everywhere(26, at=2 * A_DAY), *back).silent()


def test_people_who_come_after_that_do_not_take_it_back() -> None:
    back = [login(f"user{number}", 2 * A_DAY + 300 + number, ip="192.0.2.10") for number in range(20)]
    distributed(*past(), *from_everywhere(26, at=2 * A_DAY), *back).then(alert("distributed-spray"))


def test_the_alert_names_users_and_their_networks() -> None:
    (found,) = distributed(*past(), *from_everywhere(25, at=2 * A_DAY)).alerts
    facts = {item.fact for item in found.evidence}
    assert len(facts) == 20
    assert "failed to sign in as user24 from 198.18.4.0/24" in facts
    assert "failed to sign in as user10 from 198.18.0.0/24" in facts


def test_twenty_four_tries_are_not_enough() -> None:
    distributed(*past(), *from_everywhere(24, at=2 * A_DAY)).silent()


def test_seven_users_are_too_few() -> None:
    tries = [attempt(f"user{n % 7}", 2 * A_DAY + n * 5, ip=f"198.18.{n % 10}.7") for n in range(35)]
    distributed(*past(), *tries).silent()


def test_users_tried_more_than_five_times_do_not_count() -> None:
    tries = [attempt(f"user{n // 6}", 2 * A_DAY + n * 5, ip=f"198.18.{n % 10}.7") for n in range(60)]
    distributed(*past(), *tries, *from_everywhere(3, at=2 * A_DAY + 301)).silent()


def test_tries_of_which_most_come_from_one_network_are_left_to_the_rule_for_that() -> None:
    loud = spray(60, at=2 * A_DAY, every=1, prefix="loud")
    distributed(*past(), *loud, *from_everywhere(20, at=2 * A_DAY, every=3)).silent()


def test_an_attacker_who_hops_inside_one_ipv6_prefix_comes_from_many_networks() -> None:
    hops = [attempt(f"user{n}", 2 * A_DAY + n * 5, ip=f"2001:db8:77:{n % 9:x}::1") for n in range(30)]
    distributed(*past(), *hops).then(alert("distributed-spray", "high"))


def test_the_day_of_new_passwords_is_silent() -> None:
    offices = [
        event
        for office in range(12)
        for event in new_passwords(60, at=2 * A_DAY + office, every=9, ip=f"198.18.{office}.1", takes=40)
    ]
    distributed(*past(), *offices).silent()


def test_late_and_out_of_order_tries_count() -> None:
    early, tries = past(), from_everywhere(30, at=2 * A_DAY)
    given(*early, *reversed(tries[:-1]), rules="distributed-spray").then(alert("distributed-spray", "high"))
    late = attempt("late", 2 * A_DAY - 30, ip="198.18.3.7", arrives=2 * A_DAY + 300)
    given(*early, *from_everywhere(24, at=2 * A_DAY, every=10), late, rules="distributed-spray").then(
        alert("distributed-spray", "high")
    )


def test_an_attack_of_yesterday_does_not_hide_the_one_of_today() -> None:
    yesterday = from_everywhere(2_000, at=2 * A_DAY, every=1, networks=200)
    today = from_everywhere(150, at=3 * A_DAY, every=2)
    distributed(*past(3), *yesterday, *today).then(alert("distributed-spray"), alert("distributed-spray"))


def test_the_factor_is_set_by_app() -> None:
    patient = RuleSetting(by_app={"bank": RuleSetting(DistributedSprayParameters(factor=100))})
    distributed(*past(), *from_everywhere(30, at=2 * A_DAY), settings={"distributed-spray": patient}).silent()
