from __future__ import annotations

from msgspec.structs import replace

from detectors.engine import Engine
from detectors.plan import Plan, RuleSetting
from detectors.rules.password_spray import PasswordSprayParameters
from detectors.windows import Tally
from schemas.app import AppPolicy, Apps
from tests.detectors.crowds import attempt, morning, new_passwords, spray, typed
from tests.detectors.story import (
    AMSTERDAM_HOSTING,
    BERLIN,
    OFFICE,
    Story,
    alert,
    default_apps,
    final_alerts,
    given,
    login,
)


def spraying(*stream: object, **options: object) -> Story:
    return given(*stream, rules="password-spray", **options)  # type: ignore[arg-type]


def test_ten_users_within_ten_minutes_from_one_network() -> None:
    spraying(*spray(10)).then(alert("password-spray", "high"))


def test_nine_users_are_not_enough() -> None:
    spraying(*spray(9)).silent()


def test_one_user_who_tries_ten_times_is_no_spray() -> None:
    spraying(*(attempt("alice", at) for at in range(10))).silent()


def test_a_user_tried_more_than_six_times_does_not_count() -> None:
    insisting = [attempt("user0", 81 + at) for at in range(6)]
    spraying(*spray(9), *insisting, attempt("user9", 90)).silent()


def test_ten_users_over_eleven_minutes_are_too_slow_for_the_short_window() -> None:
    spraying(*spray(10, every=70)).silent()


def test_twenty_five_users_within_the_hour_are_a_slow_spray() -> None:
    spraying(*spray(25, every=140)).then(alert("password-spray", "high", hits=1))


def test_names_that_no_account_has_count_too() -> None:
    spraying(*(typed(f"name{number}", number) for number in range(10))).then(alert("password-spray"))


def test_a_try_without_any_name_gathers_nothing() -> None:
    spraying(*(replace(attempt("x", at), user_id=None) for at in range(30))).silent()


def test_a_refused_second_factor_is_no_password_tried() -> None:
    spraying(*(attempt(f"user{number}", number, reason="mfa_denied") for number in range(20))).silent()


def test_tries_on_locked_accounts_count() -> None:
    spraying(*(attempt(f"user{number}", number, reason="locked") for number in range(10))).then(alert("password-spray"))


def test_told_in_reverse_it_is_the_same_spray() -> None:
    spraying(*reversed(spray(10))).then(alert("password-spray", "high", hits=1, late=False))


def test_a_late_try_counts_within_its_window() -> None:
    late = attempt("late", at=10, arrives=400)
    others = spray(9, at=30, every=50)
    spraying(*others, late).then(alert("password-spray"))


def test_a_late_try_before_the_window_does_not() -> None:
    spraying(*spray(9, at=700), attempt("late", at=5)).silent()


def test_the_alert_names_up_to_twenty_users() -> None:
    (found,) = spraying(*spray(30, every=1)).alerts
    assert found.network == "203.0.113.0/24"
    assert len({item.event_id for item in found.evidence}) == 20
    assert "failed to sign in as user0 from 203.0.113.0/24" in {item.fact for item in found.evidence}


def test_what_somebody_typed_is_never_shown() -> None:
    (found,) = spraying(*(typed(f"secret{number}", number) for number in range(12))).alerts
    told = " ".join([found.summary, *(item.fact for item in found.evidence)])
    assert "secret" not in told
    assert "h_" not in told


def test_an_office_where_more_get_in_than_fail_is_silent() -> None:
    strangers = spray(12, at=1, every=12, ip=OFFICE, prefix="typo")
    stream = sorted([*strangers, *morning(60, at=2, every=2)], key=lambda one: one.time_us)
    spraying(*stream).silent()


def test_the_day_of_new_passwords_in_an_office_is_silent() -> None:
    spraying(*new_passwords(300)).silent()


def test_a_hit_that_sign_ins_explain_within_two_minutes_is_taken_back() -> None:
    failing = spray(10, every=1, ip=OFFICE, prefix="clerk")
    spraying(*failing, *morning(10, at=30)).silent()


def test_sign_ins_after_that_come_too_late() -> None:
    failing = spray(10, every=1, ip=OFFICE, prefix="clerk")
    spraying(*failing, *morning(10, at=140)).then(alert("password-spray"))


def test_explained_at_the_turn_of_the_hour_it_is_taken_back_too() -> None:
    failing = spray(11, at=3_590, every=2, ip=OFFICE, prefix="clerk")
    spraying(*failing, *morning(11, at=3_620, every=1)).silent()


def test_one_user_who_signs_in_again_and_again_explains_one() -> None:
    logins = [login("mallory", at, ip=AMSTERDAM_HOSTING, session=f"m{at}") for at in range(40)]
    spraying(*logins[:20], *spray(10, at=20, every=1), *logins[30:]).then(alert("password-spray"))


def test_failures_spread_over_networks_are_no_spray_from_one() -> None:
    spraying(*(attempt(f"user{number}", number, ip=f"198.18.{number}.1") for number in range(20))).silent()


def test_addresses_of_one_network_count_together() -> None:
    hops = [attempt(f"user{number}", number, ip=f"2001:db8:1::{number + 1:x}") for number in range(10)]
    spraying(*hops).then(alert("password-spray"))


def test_hits_within_the_hour_are_one_alert_and_the_next_hour_is_another() -> None:
    spraying(*spray(12), *spray(12, at=3_600)).then(alert("password-spray", hits=3), alert("password-spray", hits=3))


def test_a_count_stands_for_several_tries() -> None:
    spraying(*spray(9), attempt("user9", 95, count=7)).silent()


def test_numbers_are_set_by_app() -> None:
    strict = RuleSetting(by_app={"bank": RuleSetting(PasswordSprayParameters(users=5))})
    spraying(*spray(5), settings={"password-spray": strict}).then(alert("password-spray"))


def test_apps_of_one_realm_that_set_other_windows_count_apart() -> None:
    realm = Apps({name: AppPolicy(name, realm="group", clock_skew_us=0) for name in ("bank", "shop")})
    short = RuleSetting(by_app={"shop": RuleSetting(PasswordSprayParameters(window="1m"))})
    bank, shop = spray(9), [attempt(f"shop{number}", number * 10, app="shop") for number in range(9)]
    mixed = sorted([*bank, *shop], key=lambda one: (one.time_us, one.event_id))
    spraying(*mixed, settings={"password-spray": short}, apps=realm).silent()
    spraying(*mixed, apps=realm).then(alert("password-spray"))


def test_a_network_where_nobody_fails_is_remembered_at_no_cost() -> None:
    engine = Engine(Plan(only=["password-spray"]), default_apps())
    engine.process(morning(50, ip=BERLIN))
    ((_, timeline),) = [item for item in engine.take_dirty() if item[0][0] == "network"]
    assert timeline is not None
    assert not timeline.head.memory


def test_a_spray_over_five_thousand_users_costs_the_same_for_each() -> None:
    changes = 0
    count = Tally._change

    def counting(tally: Tally, *change: object) -> None:
        nonlocal changes
        changes += 1
        count(tally, *change)  # type: ignore[arg-type]

    Tally._change = counting  # type: ignore[assignment,method-assign]
    try:
        costs = []
        for users in (500, 5_000):
            changes = 0
            engine = Engine(Plan(only=["password-spray"]), default_apps())
            found = [engine.process(spray(users, every=0.1)), engine.finish()]
            assert len(final_alerts(one.changes for one in found)) == 1
            costs.append(changes / users)
    finally:
        Tally._change = count  # type: ignore[method-assign]
    assert costs[1] <= 2 * costs[0]
