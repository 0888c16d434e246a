from __future__ import annotations

from detectors.engine import Engine
from detectors.plan import Plan
from detectors.sigma import SigmaSource, compile_rules
from tests.detectors.sigma.stories import FAILED_LOGIN, GOOD_LOGIN, compiled, correlation, failed, judged, single
from tests.detectors.story import (
    AMSTERDAM_HOSTING,
    BERLIN,
    BERLIN_NEIGHBOUR,
    NEW_YORK,
    alert,
    default_apps,
    login,
    logout,
    rotation,
    use,
)

THREE_A_USER = correlation(
    "{type: event_count, rules: [failed_login], group-by: [user_id], timespan: 10m, condition: {gte: 3}}", FAILED_LOGIN
)


def test_the_event_that_reaches_the_count_completes_it() -> None:
    story = judged(compiled(THREE_A_USER), failed("alice", 0), failed("alice", 60), failed("alice", 120))
    story.then(alert("one", "medium", user="alice", hits=1))
    (found,) = story.alerts
    assert found.event_time_us == story.stream[2].time_us
    assert [one.event_id for one in found.evidence] == [one.event_id for one in story.stream]
    assert found.summary == "Many: 3 or more events within 10m"


def test_the_window_slides() -> None:
    rule = compiled(THREE_A_USER)
    judged(rule, failed("alice", 0), failed("alice", 300), failed("alice", 601), failed("alice", 1202)).silent()
    judged(rule, failed("alice", 0), failed("alice", 300), failed("alice", 600)).then(alert("one"))


def test_each_group_has_its_own_count() -> None:
    judged(compiled(THREE_A_USER), failed("alice", 0), failed("bob", 1), failed("alice", 2), failed("bob", 3)).silent()


def test_an_event_without_the_group_field_belongs_to_no_group() -> None:
    judged(compiled(THREE_A_USER), *(failed(None, at) for at in range(9))).silent()


def test_a_sampled_event_counts_as_often_as_it_stands_for() -> None:
    judged(compiled(THREE_A_USER), failed("alice", 0), failed("alice", 5, count=2)).then(alert("one"))


def test_more_hits_are_one_alert() -> None:
    stream = [failed("alice", at) for at in range(6)]
    judged(compiled(THREE_A_USER), *stream).then(alert("one", hits=4))


def test_an_event_later_than_the_bound_still_counts_in_the_window_it_belongs_to() -> None:
    stream = [failed("alice", 0), failed("alice", 500), failed("alice", 300)]
    judged(compiled(THREE_A_USER), *stream).then(alert("one", late=True))


def test_an_event_out_of_order_inside_the_bound_counts_where_it_belongs() -> None:
    stream = [failed("alice", 0), failed("alice", 700), failed("alice", 590), failed("alice", 595)]
    judged(compiled(THREE_A_USER), *stream).then(alert("one", hits=2, late=False))


def test_gt_asks_for_one_more() -> None:
    rule = compiled(THREE_A_USER.replace("gte: 3", "gt: 3"))
    judged(rule, *(failed("alice", at) for at in range(3))).silent()
    judged(rule, *(failed("alice", at) for at in range(4))).then(alert("one"))


FEWER = correlation(
    "{type: event_count, rules: [failed_login], group-by: [user_id], timespan: 10m, condition: {lt: 3}}", FAILED_LOGIN
)


def test_lt_is_decided_at_the_end_of_a_window() -> None:
    judged(compiled(FEWER), failed("alice", 0), failed("alice", 60)).then(alert("one", hits=1))
    judged(compiled(FEWER), failed("alice", 0), failed("alice", 60), failed("alice", 599)).silent()
    two_windows = [failed("alice", 0), failed("alice", 1), failed("alice", 2), failed("alice", 700)]
    judged(compiled(FEWER), *two_windows).then(alert("one"))


def test_lte_and_eq_too() -> None:
    three = [failed("alice", at) for at in range(3)]
    judged(compiled(FEWER.replace("lt: 3", "lte: 3")), *three).then(alert("one"))
    judged(compiled(FEWER.replace("lt: 3", "eq: 3")), *three).then(alert("one"))
    judged(compiled(FEWER.replace("lt: 3", "eq: 3")), *three, failed("alice", 9)).silent()
    judged(compiled(FEWER.replace("lt: 3", "eq: 3")), *three[:2]).silent()


USERS_OF_A_NETWORK = correlation(
    """
    type: value_count
    rules: [failed_login]
    group-by: [network]
    timespan: 10m
    condition: {field: user_id, gte: 3}
    """,
    FAILED_LOGIN,
)


def test_value_count_counts_different_values() -> None:
    rule = compiled(USERS_OF_A_NETWORK)
    assert rule.key == "network"
    repeated = [failed("alice", 0), failed("alice", 1), failed("bob", 2), failed("bob", 3)]
    judged(rule, *repeated).silent()
    (found,) = judged(rule, *repeated, failed("carol", 4, ip=BERLIN_NEIGHBOUR)).alerts
    assert (found.key_kind, found.key_value) == ("network", "192.0.2.0/24")


def test_a_value_counts_from_its_latest_event() -> None:
    rule = compiled(USERS_OF_A_NETWORK)
    judged(rule, failed("alice", 0), failed("bob", 500), failed("carol", 700)).silent()
    judged(rule, failed("alice", 0), failed("bob", 500), failed("alice", 600), failed("carol", 700)).then(alert("one"))


def test_an_address_is_kept_apart_inside_its_network() -> None:
    rule = compiled(USERS_OF_A_NETWORK.replace("[network]", "[ip]"))
    assert rule.key == "network"
    apart = [failed("alice", 0), failed("bob", 1), failed("carol", 2, ip=BERLIN_NEIGHBOUR)]
    judged(rule, *apart).silent()
    both = [failed(user, at, ip=ip) for at, user in enumerate("abc") for ip in (BERLIN, BERLIN_NEIGHBOUR)]
    judged(rule, *both).then(alert("one"), alert("one"))


AFTER_FAILURES = correlation(
    "{type: temporal_ordered, rules: [failed_login, good_login], group-by: [user_id], timespan: 10m}",
    FAILED_LOGIN,
    GOOD_LOGIN,
)


def test_temporal_ordered_wants_the_order() -> None:
    rule = compiled(AFTER_FAILURES)
    judged(rule, failed("alice", 0), login("alice", 60)).then(alert("one", user="alice", session="alice"))
    judged(rule, login("alice", 0), failed("alice", 60)).silent()
    judged(rule, failed("alice", 0), login("alice", 601)).silent()
    judged(rule, failed("alice", 0), login("bob", 60)).silent()


def test_the_latest_beginning_counts() -> None:
    stream = [failed("alice", 0), failed("alice", 500), login("alice", 900)]
    story = judged(compiled(AFTER_FAILURES), *stream)
    story.then(alert("one"))
    assert [one.event_id for one in story.alerts[0].evidence] == [one.event_id for one in stream[1:]]


def test_one_event_is_one_step() -> None:
    twice = correlation(
        "{type: temporal_ordered, rules: [good_login, again], group-by: [user_id], timespan: 10m}",
        GOOD_LOGIN,
        GOOD_LOGIN.replace("good_login", "again"),
    )
    judged(compiled(twice), login("alice", 0)).silent()
    judged(compiled(twice), login("alice", 0), login("alice", 5, session="two")).then(alert("one"))


def test_temporal_takes_any_order() -> None:
    rule = compiled(AFTER_FAILURES.replace("temporal_ordered", "temporal"))
    judged(rule, failed("alice", 0), login("alice", 60)).then(alert("one"))
    judged(rule, login("alice", 0), failed("alice", 60)).then(alert("one"))
    judged(rule, failed("alice", 0), login("alice", 601)).silent()


LOGOUT = single("type: destroy", more="sessionwatch: {key: session}").replace("name: one", "name: log_out")


def test_temporal_may_ask_for_some_of_them() -> None:
    body = """
    type: temporal
    rules: [failed_login, good_login, log_out]
    group-by: [user_id]
    timespan: 10m
    condition: {gte: 2}
    """
    rule = compiled(correlation(body, FAILED_LOGIN, GOOD_LOGIN, LOGOUT))
    judged(rule, failed("alice", 0), logout("alice", 5)).then(alert("one"))
    judged(rule, failed("alice", 0), failed("alice", 5)).silent()


def test_temporal_may_ask_in_words() -> None:
    body = "{type: temporal, group-by: [user_id], timespan: 10m, condition: failed_login and (good_login or log_out)}"
    rule = compiled(correlation(body, FAILED_LOGIN, GOOD_LOGIN, LOGOUT))
    judged(rule, failed("alice", 0), logout("alice", 5)).then(alert("one"))
    judged(rule, login("alice", 0), logout("alice", 5)).silent()


def test_correlations_of_correlations() -> None:
    """The example of the Sigma specification: many failures, then a success."""
    many = THREE_A_USER.replace("name: one", "name: many_failures")
    body = "{type: temporal_ordered, rules: [many_failures, good_login], group-by: [user_id], timespan: 3h}"
    rule = compiled(correlation(body, many, GOOD_LOGIN))
    attack = [failed("alice", at) for at in range(3)]
    judged(rule, *attack, login("alice", 3_600)).then(alert("one", user="alice"))
    judged(rule, *attack[:2], login("alice", 3_600)).silent()
    judged(rule, *attack, login("alice", 3 * 3_600 + 10)).silent()


def test_an_alias_names_another_field_for_each_rule() -> None:
    body = """
    type: temporal_ordered
    rules: [good_login, rotated]
    group-by: [user_id, session]
    aliases:
      session: {good_login: session_id, rotated: parent_session_id}
    timespan: 1h
    """
    rotated = single("{type: create, reason: rotation}").replace("name: one", "name: rotated")
    rule = compiled(correlation(body, GOOD_LOGIN, rotated))
    assert rule.key == "user"
    judged(rule, login("alice", 0), rotation("alice", 9, "second", "alice")).then(alert("one"))
    judged(rule, login("alice", 0), rotation("alice", 9, "second", "other")).silent()


def test_a_rule_beside_a_correlation_raises_only_where_it_says_so() -> None:
    named = "sessionwatch: {key: user}\n"
    text = THREE_A_USER.replace("detection:", named + "detection:", 1)
    assert set(compile_rules([SigmaSource("a.yml", text)])) == {"one"}
    loud = text.replace("condition: {gte: 3}}", "condition: {gte: 3}, generate: true}")
    assert set(compile_rules([SigmaSource("a.yml", loud)])) == {"one", "failed-login"}


def test_the_key_may_be_chosen_among_those_that_hold_the_group() -> None:
    body = (
        "{type: event_count, rules: [failed_login], group-by: [user_id, network], timespan: 10m, condition: {gte: 2}}"
    )
    assert compiled(correlation(body, FAILED_LOGIN)).key == "user"
    by_network = compiled(correlation(body, FAILED_LOGIN, more="sessionwatch: {key: network}"))
    assert by_network.key == "network"
    elsewhere = [failed("alice", 0, ip=NEW_YORK), failed("alice", 1), failed("bob", 2)]
    judged(by_network, *elsewhere).silent()
    judged(by_network, *elsewhere, failed("bob", 3)).then(alert("one"))


def test_what_is_used_up_is_forgotten() -> None:
    """A use that has nothing to do with a rule leaves no memory behind."""
    rule = compiled(THREE_A_USER)
    engine = Engine(Plan(rules={"one": rule}), default_apps())
    engine.process([failed("alice", 0)])
    (state,) = [timeline.head for _, timeline in engine.take_dirty() if timeline is not None]
    assert state.memory
    engine.process([use("bob", 5, ip=AMSTERDAM_HOSTING)])
    others = [timeline.head for key, timeline in engine.take_dirty() if timeline is not None and "bob" in key[1]]
    assert others
    assert not any(other.memory for other in others)
