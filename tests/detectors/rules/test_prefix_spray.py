from __future__ import annotations

from detectors.plan import RuleSetting
from detectors.rules.prefix_spray import PrefixSprayParameters
from schemas.event import Event
from tests.detectors.crowds import attempt, new_passwords, spray
from tests.detectors.story import Story, alert, given, login


def prefix(*stream: Event, **options: object) -> Story:
    return given(*stream, rules="prefix-spray", **options)  # type: ignore[arg-type]


def hops(
    users: int, at: float = 0, every: float = 10, site: str = "2001:db8:77", networks: int = 65_536
) -> list[Event]:
    """One try a user, each from the next /64 of a /48."""
    return [attempt(f"u{n}", at + n * every, ip=f"{site}:{n % networks:x}::{n + 1:x}") for n in range(users)]


def test_ten_users_from_one_prefix_each_from_a_network_of_its_own() -> None:
    prefix(*hops(10)).then(alert("prefix-spray", "high"))


def test_nine_users_are_not_enough() -> None:
    prefix(*hops(9)).silent()


def test_one_network_alone_is_left_to_the_rule_for_that() -> None:
    prefix(*hops(20, networks=1)).silent()


def test_two_prefixes_are_two() -> None:
    prefix(*hops(6), *hops(6, at=100, site="2001:db8:78")).silent()


def test_each_prefix_has_an_alert_of_its_own() -> None:
    prefix(*hops(10), *hops(10, at=120, site="2001:db8:78")).then(alert("prefix-spray"), alert("prefix-spray"))


def test_ipv4_has_no_prefix() -> None:
    prefix(*spray(20)).silent()


def test_told_in_reverse_it_is_the_same() -> None:
    prefix(*reversed(hops(12))).then(alert("prefix-spray", hits=3))


def test_a_late_try_counts_within_its_window() -> None:
    late = attempt("late", at=20, ip="2001:db8:77:ff::1", arrives=500)
    prefix(*hops(9, at=60, every=45), late).then(alert("prefix-spray"))


def test_the_alert_names_the_users_of_this_prefix_alone() -> None:
    stream = [*hops(3, site="2001:db8:99"), *hops(10, at=50)]
    (found,) = prefix(*stream).alerts
    assert len(found.evidence) == 10
    assert all("2001:db8:77:" in item.fact for item in found.evidence)


def test_a_carrier_whose_users_get_in_is_silent() -> None:
    people = new_passwords(100, every=2)
    carrier = []
    for number, event in enumerate(people):
        ip = f"2001:db8:77:{number:x}::1"
        again = attempt if event.type == "fail" else login
        carrier.append(again(event.user_id or "", (event.time_us - people[0].time_us) / 1e6, ip=ip))
    prefix(*carrier).silent()


def test_a_hit_that_sign_ins_explain_within_two_minutes_is_taken_back() -> None:
    people = [login(f"u{n}", 30 + n, ip=f"2001:db8:77:{n:x}::1") for n in range(10)]
    prefix(*hops(10, every=1), *people).silent()


def test_numbers_are_set_by_app() -> None:
    strict = RuleSetting(by_app={"bank": RuleSetting(PrefixSprayParameters(users=5))})
    prefix(*hops(5), settings={"prefix-spray": strict}).then(alert("prefix-spray"))
