"""What a rule says of itself, as the engine and people see it."""

from __future__ import annotations

import pytest

from detectors.plan import RuleSetting
from detectors.sigma import SigmaSource, compile_rules
from schemas.alert import Severity
from schemas.instant import HOUR
from tests.detectors.sigma.stories import FAILED_LOGIN, compiled, correlation, failed, judged, single
from tests.detectors.story import CURL, alert, login, rotation, use

CURL_USE = "{type: [create, validate], agent.family: curl}"
MANY = "{type: event_count, rules: [failed_login], group-by: [user_id], timespan: 10m, condition: {gte: 2}}"


@pytest.mark.parametrize(
    ("level", "severity"),
    [("informational", "info"), ("low", "low"), ("medium", "medium"), ("high", "high"), ("critical", "critical")],
)
def test_the_level_is_the_severity(level: str, severity: str) -> None:
    rule = compiled(single(CURL_USE, more=f"level: {level}"))
    assert rule.severity == severity
    judged(rule, login("alice", 0, agent=CURL)).then(alert("one", severity))


def test_a_rule_without_a_level_is_medium() -> None:
    assert compiled(single(CURL_USE)).severity is Severity.MEDIUM


@pytest.mark.parametrize(
    ("status", "mode"),
    [("stable", "alert"), ("test", "alert"), ("experimental", "shadow"), ("deprecated", "off"), ("unsupported", "off")],
)
def test_the_status_is_the_mode(status: str, mode: str) -> None:
    assert compiled(single(CURL_USE, more=f"status: {status}")).mode == mode


def test_a_rule_may_name_its_mode() -> None:
    assert compiled(single(CURL_USE, more="status: experimental\nsessionwatch: {mode: enforce}")).mode == "enforce"


def test_the_configuration_has_the_last_word() -> None:
    rule = compiled(single(CURL_USE, more="level: low"))
    setting = RuleSetting(mode="shadow", severity=Severity.HIGH)
    (found,) = judged(rule, login("alice", 0, agent=CURL), setting=setting).alerts
    assert (found.severity, found.mode) == ("high", "shadow")


def test_tags_name_the_techniques() -> None:
    rule = compiled(single(CURL_USE, more="tags: [attack.stealth, attack.t1110.001, attack.T1078, cve.2024.1]"))
    assert rule.attack == ("T1110.001", "T1078")


def test_what_it_says_of_itself() -> None:
    more = "description: Scripts.\nauthor: Ann\nreferences: [a page]\nfalsepositives: [a monitor, a test]"
    rule = compiled(single(CURL_USE, more=more))
    assert rule.__doc__ == "Scripts.\n\nSource: a page; Ann.\nKnown false positives: a monitor; a test."
    assert len(rule.runbook) == 3
    assert rule.runbook[1] == "Benign if: a monitor; a test."


def test_its_own_runbook_wins() -> None:
    assert compiled(single(CURL_USE, more="sessionwatch: {runbook: [Look., Act.]}")).runbook == ("Look.", "Act.")


def test_dedup_is_apart_from_what_is_counted() -> None:
    stream = [failed("alice", 0), failed("alice", 1), failed("alice", 4_000), failed("alice", 4_001)]
    hourly = compiled(correlation(MANY, FAILED_LOGIN))
    assert hourly.dedup_us == HOUR
    judged(hourly, *stream).then(alert("one"), alert("one"))
    daily = compiled(correlation(MANY, FAILED_LOGIN, more="sessionwatch: {dedup: 24h}"))
    judged(daily, *stream).then(alert("one", hits=2))


def test_groups_inside_a_key_have_alerts_of_their_own() -> None:
    rule = compiled(correlation(MANY.replace("[user_id]", "[user_id, country]"), FAILED_LOGIN))
    here = [failed("alice", at) for at in range(2)]
    there = [failed("alice", at, ip="198.51.100.9") for at in range(2)]
    judged(rule, *here, *there).then(alert("one", user="alice"), alert("one", user="alice"))


def test_the_version_changes_with_its_text_and_that_of_the_rules_it_refers_to() -> None:
    plain = compiled(correlation(MANY, FAILED_LOGIN)).version
    assert compiled(correlation(MANY, FAILED_LOGIN)).version == plain
    assert compiled(correlation(MANY.replace("10m", "11m"), FAILED_LOGIN)).version != plain
    assert compiled(correlation(MANY, FAILED_LOGIN.replace("bad_credentials", "locked"))).version != plain
    assert 0 <= plain < 2**31


def test_the_id_is_the_name_with_hyphens_or_else_the_id() -> None:
    named = single(CURL_USE).replace("name: one", "name: curl_in_use")
    assert set(compile_rules([SigmaSource("a.yml", named)])) == {"curl-in-use"}
    uuid = "8a3f1d52-7d10-4a53-9b7b-5b9f3c1f8e10"
    unnamed = single(CURL_USE).replace("name: one", f"id: {uuid}")
    assert set(compile_rules([SigmaSource("a.yml", unnamed)])) == {f"sigma-{uuid}"}


def test_one_of_several_conditions_is_enough() -> None:
    text = single(CURL_USE).replace("condition: selection", "condition: [selection, other]")
    rule = compiled(text.replace("  condition", "  other: {type: create, country: US}\n  condition"))
    judged(rule, login("alice", 0, agent=CURL)).then(alert("one"))
    judged(rule, login("alice", 0, ip="198.51.100.9")).then(alert("one"))
    judged(rule, login("alice", 0)).silent()


def test_a_correlation_may_group_by_ecs_names() -> None:
    body = MANY.replace("[user_id]", "[user.id, source.ip]")
    rule = compiled(correlation(body, FAILED_LOGIN))
    assert rule.key == "user"
    judged(rule, failed("alice", 0), failed("alice", 1)).then(alert("one", user="alice"))
    judged(rule, failed("alice", 0), failed("alice", 1, ip="198.51.100.9")).silent()


def test_a_rotated_session_goes_on_with_what_was_counted() -> None:
    text = single("type: validate").replace("name: one", "name: a_use")
    body = "{type: event_count, rules: [a_use], group-by: [session_id], timespan: 10m, condition: {gte: 3}}"
    rule = compiled(correlation(body, text))
    stream = [login("alice", 0), use("alice", 1), use("alice", 2), rotation("alice", 3, "second", "alice")]
    judged(rule, *stream, use("alice", 4, session="second")).then(alert("one", session="second"))
    judged(rule, *stream, use("alice", 4, session="other")).silent()


def test_a_rule_that_needs_a_user_sees_no_event_without_one() -> None:
    rule = compiled(single("type: fail", more="sessionwatch: {key: user}"))
    judged(rule, failed(None, 0), failed("alice", 1)).then(alert("one", user="alice"))
