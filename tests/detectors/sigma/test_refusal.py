"""What cannot be said or computed is refused, in one line with file, line and key."""

# ruff: noqa: E501 - a case a line reads best

from __future__ import annotations

import pytest

from detectors.sigma import SigmaRefused, SigmaSource, compile_rules
from tests.detectors.sigma.stories import FAILED_LOGIN, GOOD_LOGIN, correlation, refusal, single


@pytest.mark.parametrize(
    ("selection", "line", "message"),
    [
        ("typ: create", 7, 'detection.selection.typ: no field of an event is named "typ"; did you mean "type"?'),
        ("type: fial", 7, 'detection.selection.type: no event has the type "fial"'),
        ("type: create\nasn: 'x'", 8, "detection.selection.asn: asn holds no text: it is a number"),
        ("user_id: 7", 7, "detection.selection.user_id: user_id holds no number: it is a text, write the value in quotes"),
        ("user_id: true", 7, "user_id holds no truth value"),
        ("mfa: 'yes'", 7, "mfa holds no text"),
        ("ip|windash: x", 7, "detection.selection.ip|windash: the modifier windash is for Windows command lines"),
        ("ip|base64: x", 7, "the modifier base64 is for encoded content"),
        ("ip|base64offset|contains: x", 7, "the modifier base64offset is for encoded content"),
        ("ip|wide: x", 7, "the modifier wide"),
        ("user_id|expand: '%admins%'", 7, "the modifier expand"),
        ("ip|cidr: 10.0.0.1/8", 7, "detection.selection.ip|cidr: Invalid CIDR"),
        ("country|cidr: 10.0.0.0/8", 7, "country holds no address"),
        ("ip|nonsense: x", 7, "detection.selection.ip|nonsense: Unknown modifier"),
        ("user_agent|re: '('", 7, "detection.selection.user_agent|re"),
        ("user_agent|re: '(?=x)y'", 7, "detection.selection.user_agent|re"),
        ("user_agent|re|startswith: x", 7, "anchor the regular expression itself"),
        ("country|gt: 5", 7, "country holds no number"),
        ("asn|gt: x", 7, "detection.selection.asn|gt"),
        ("event_time: x", 7, "event_time holds no text: it is a time"),
        ("country|hour: 5", 7, "country holds no time"),
        ("asn|fieldref: country", 7, "asn and country hold values of two kinds"),
        ("- rootkit", 7, "detection.selection: keywords search a whole log line"),
        ("'|contains': rootkit", 7, "keywords search a whole log line"),
        ("user_id: {a: b}", 7, "detection.selection.user_id"),
        ("- type: create\n- country: DE\n  asn: x", 9, "detection.selection[1].asn: asn holds no text"),
    ],
)  # fmt: skip
def test_a_selection(selection: str, line: int, message: str) -> None:
    told = refusal(single(selection, more="sessionwatch: {key: user}")).splitlines()
    assert len(told) == 1
    if selection.startswith("- rootkit"):
        line = 6
    assert told[0].startswith(f"rules.yml:{line}: ")
    assert message in told[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (single("type: create").replace("product: sessionwatch", "product: windows"), "rules.yml:3: logsource: expected"),
        (single("type: create").replace("sessionwatch}", "sessionwatch, service: x}"), "3: logsource.service: "),
        (single("type: create", condition="selection and nothing"), "8: detection.condition: "),
        (single("type: create", condition="selection | count() > 5"), "8: detection.condition: "),
        (single("type: create", condition="selection or all of filter_*"), "8: detection.condition: "),
        (single("type: create", condition="5"), "8: detection.condition: expected a text"),
        (single("type: create", more="level: extreme"), "4: level: "),
        (single("type: create", more="levle: high"), '4: levle: unknown key; did you mean "level"?'),
        (single("type: create", more="status: fine"), "4: status: "),
        (single("type: create", more="id: 17"), "4: id: expected a text"),
        (single("type: create", more="id: abc"), "4: id: "),
        (single("type: create", more="sessionwatch: {keys: user}"), "4: sessionwatch.keys: unknown key"),
        (single("type: create", more="sessionwatch: {mode: loud}"), "4: sessionwatch.mode: "),
        (single("type: create", more="sessionwatch: {dedup: 9}"), "4: sessionwatch.dedup: "),
        (single("type: create", more="sessionwatch: {dedup: 30d}"), "4: sessionwatch.dedup: "),
        (single("type: fail"), "1: sessionwatch.key: a fail or destroy may come without a session"),
        (single("{type: create, country: DE}", condition="selection and not selection"), None),
        (single("type: create").replace("name: one", "name: One Rule"), "2: name: expected at most 64 lower-case"),
        (single("type: create").replace("name: one\n", ""), "1: title: give the rule a name"),
        (single("type: create").replace("  condition", "  spare: {asn: 1}\n  condition"), "8: detection.spare: no condition"),
        (single("type: create") + "---\n" + single("type: create"), "name: one is a rule in rules.yml:1 already"),
        (single("type: fail", more="level: critical\nsessionwatch: {key: user}"), "4: level: critical may revoke"),
        ("title: x\naction: global\n", "2: action: "),
        ("title: x\nfilter: {}\n", "2: filter: "),
        ("title: x\ntitle: y\n", "2: title: written twice"),
        ("- 1\n", "1: rule: expected a mapping"),
        ("title: [\n", "2: file: not YAML"),
        ("title: x\n  bad: y\n", "2: file: not YAML"),
        ("title: \x00\n", "1: file: not YAML"),
        ("{}\n", "1: logsource: expected"),
        ("a: &a [*a]\n" + single("type: create"), "1: rule: Recursive YAML structure"),
        ("x" * 1_100_000, "1: file: larger than 1 MiB"),
        ("[" * 5_000, "file: not YAML"),
    ],
)  # fmt: skip
def test_a_rule(text: str, expected: str | None) -> None:
    if expected is None:
        compile_rules([SigmaSource("rules.yml", text)])
        return
    told = refusal(text)
    assert "\n" not in told or "logsource" in told
    assert expected in told


def test_critical_needs_a_success_at_the_end() -> None:
    body = "{type: KIND, rules: [failed_login, good_login], group-by: [user_id], timespan: 1h}"
    any_order = correlation(body.replace("KIND", "temporal"), FAILED_LOGIN, GOOD_LOGIN, more="level: critical")
    assert "level: critical may revoke, and a failure" in refusal(any_order)
    in_order = any_order.replace("type: temporal", "type: temporal_ordered")
    assert compile_rules([SigmaSource("a.yml", in_order)])


def test_a_key_that_is_no_text_is_no_reason_to_stumble() -> None:
    assert compile_rules([SigmaSource("a.yml", single("type: create", more="~: x\n1: y"))])


def test_aliases_cannot_make_a_small_file_endless() -> None:
    levels = ["a0: &a0 [{type: create}, {type: create}]"]
    levels += [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}, *a{n - 1}]" for n in range(1, 30)]
    text = "\n".join(["title: x", "name: x", "logsource: {product: sessionwatch}", *levels])
    text += "\ndetection:\n  selection: *a29\n  condition: selection\n"
    assert "YAML aliases expand to too many nodes" in refusal(text)


BASE = "type: event_count, rules: [failed_login], group-by: [user_id], timespan: 10m, condition: {gte: 3}"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (BASE.replace("event_count", "value_median").replace("gte: 3", "gte: 3, field: count"), "correlation.type: value_median"),
        (BASE.replace("event_count", "nonsense"), "correlation.type: "),
        (BASE.replace("event_count, ", "5, "), "correlation.type: expected a text"),
        (BASE.replace("group-by", "groupby"), 'correlation.groupby: unknown key; did you mean "group-by"?'),
        (BASE.replace("[failed_login]", "[failed_lgin]"), 'correlation.rules[0]: no rule is named "failed_lgin"'),
        (BASE.replace("[failed_login]", "[{a: b}]"), "correlation.rules: expected a list of texts"),
        (BASE.replace("[user_id]", "[country]"), "correlation.group-by: must hold one of session_id, user_id"),
        (BASE.replace("group-by: [user_id], ", ""), "correlation.group-by: must hold one of session_id"),
        (BASE.replace("[user_id]", "[user_id, contry]"), 'correlation.group-by: no field of an event is named "contry"'),
        (BASE.replace("[user_id]", "[user_id, input_flags]"), "correlation.group-by: input_flags cannot be counted"),
        (BASE.replace("10m", "2d"), "correlation.timespan: longer than a day"),
        (BASE.replace("10m", "10x"), "correlation.timespan: "),
        (BASE.replace(", timespan: 10m", ""), "correlation"),
        (BASE.replace("gte: 3", "gte: 0"), "correlation.condition: expected a whole number"),
        (BASE.replace("gte: 3", "gte: 3.5"), "correlation.condition: expected a whole number"),
        (BASE.replace("gte: 3", "gte: 99999"), "correlation.condition: more than the 56 KiB"),
        (BASE.replace("gte: 3", "lt: 1"), "it never has fewer than one"),
        (BASE.replace("gte: 3", "neq: 3"), "correlation.condition: neq is none of"),
        (BASE.replace("gte: 3", "gte: 3, field: ip"), "correlation.condition.field: event_count counts events"),
        (BASE.replace("event_count", "value_count"), "correlation: Value count correlation rule without field"),
        (BASE.replace("event_count", "value_count").replace("gte: 3", "gte: 3, field: nme"), "correlation.condition.field: "),
        (BASE.replace("event_count", "temporal"), "correlation.condition: asks for 3 of 1 rules"),
        (BASE.replace("event_count", "temporal").replace("gte: 3", "lt: 3"), "only the end of a window"),
        (BASE.replace("event_count", "temporal_ordered"), "correlation.condition: an order is that of all the rules"),
        (BASE.replace("{gte: 3}", "failed_login"), "correlation"),
        ("type: temporal, group-by: [user_id], timespan: 1m, condition: failed_login and not good_login", "only the end"),
        ("type: temporal, group-by: [user_id], timespan: 1m, condition: failed_login and other", 'no rule is named "other"'),
        (BASE + ", aliases: {who: {failed_login: user_id, nobody: ip}}", 'no rule is named "nobody"'),
        (BASE.replace("[user_id]", "[who]") + ", aliases: {who: {good_login: user_id}}", "correlation.aliases.who: names no"),
        (BASE + ", aliases: {who: {failed_login: 5}}", "correlation.aliases.who: expected a field"),
        (BASE.replace("[failed_login]", "[one]"), "correlation.rules: refers to itself"),
    ],
)  # fmt: skip
def test_a_correlation(body: str, expected: str) -> None:
    told = refusal(correlation(f"{{{body}}}", FAILED_LOGIN, GOOD_LOGIN))
    assert expected in told
    assert told.startswith("rules.yml:")
    assert "\n" not in told


def test_what_is_decided_at_the_end_of_a_window_is_no_part_of_another() -> None:
    few = correlation(f"{{{BASE.replace('gte', 'lt')}}}", FAILED_LOGIN).replace("name: one", "name: few")
    body = "{type: temporal_ordered, rules: [few, good_login], group-by: [user_id], timespan: 1h}"
    assert "correlation.rules: few is decided at the end of its window" in refusal(correlation(body, few, GOOD_LOGIN))


def test_an_inner_correlation_must_be_grouped_as_the_outer_one() -> None:
    inner = correlation(f"{{{BASE.replace('[user_id]', '[network]')}}}", FAILED_LOGIN).replace(
        "name: one", "name: many"
    )
    body = "{type: temporal_ordered, rules: [many, good_login], group-by: [network, user_id], timespan: 1h}"
    assert "correlation.rules: many is not grouped by user_id" in refusal(correlation(body, inner, GOOD_LOGIN))


def test_an_alias_by_the_name_of_a_field_is_no_such_field() -> None:
    aliased = BASE + ", aliases: {user_id: {failed_login: device_id}}"
    inner = correlation(f"{{{aliased}}}", FAILED_LOGIN).replace("name: one", "name: many")
    body = "{type: temporal_ordered, rules: [many, good_login], group-by: [user_id], timespan: 1h}"
    assert "correlation.rules: many is not grouped by user_id" in refusal(correlation(body, inner, GOOD_LOGIN))


def test_options_are_checked_of_rules_that_raise_nothing_too() -> None:
    odd = FAILED_LOGIN.replace("name: failed_login", "name: failed_login\nsessionwatch: {keys: user}")
    assert "4: sessionwatch.keys: unknown key" in refusal(correlation(f"{{{BASE}}}", odd))


def test_circles_are_found_whoever_raises() -> None:
    first = correlation(f"{{{BASE.replace('failed_login', 'two')}}}")
    second = correlation(f"{{{BASE.replace('failed_login', 'one')}}}").replace("name: one", "name: two")
    assert refusal(first + "---\n" + second).count("refers to itself") == 2


def test_an_alias_that_would_count_an_event_twice() -> None:
    body = """
    type: event_count
    rules: [failed_login, good_login]
    group-by: [user_id, what]
    aliases: {what: {failed_login: user_hint, good_login: device_id}}
    timespan: 1h
    condition: {gte: 2}
    """
    assert "correlation.aliases: name other fields" in refusal(correlation(body, FAILED_LOGIN, GOOD_LOGIN))


def test_a_key_that_does_not_hold_the_group() -> None:
    told = refusal(correlation(f"{{{BASE}}}", FAILED_LOGIN, more="sessionwatch: {key: network}"))
    assert "sessionwatch.key: group-by is held by user, not by network" in told


def test_every_problem_is_told_with_its_own_file() -> None:
    good = SigmaSource("a.yml", single("type: create", more="level: extreme"))
    bad = SigmaSource("b.yml", single("typ: create", more="status: odd"))
    with pytest.raises(SigmaRefused) as refused:
        compile_rules([good, bad])
    assert [(problem.file, problem.key) for problem in refused.value.problems] == [
        ("a.yml", "level"),
        ("b.yml", "status"),
    ]


def test_rules_of_several_files_may_refer_to_each_other() -> None:
    body = f"{{{BASE}}}"
    found = compile_rules([SigmaSource("a.yml", correlation(body)), SigmaSource("b.yml", FAILED_LOGIN)])
    assert set(found) == {"one"}
