from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sessionwatch.config import load
from sessionwatch.config.parts import rule_plan
from sessionwatch.errors import CommandError, ConfigurationError
from sessionwatch.sigma_files import load_sigma
from sessionwatch.workshop.sigma import run_sigma_tests

RULE = """
title: Curl is used
name: curl_used
logsource: {product: sessionwatch}
detection:
  selection: {type: [create, validate], agent.family: curl}
  condition: selection
level: low
"""
TESTS = """
- name: a script
  given: [0s login alice with curl]
  then: [{severity: low, key: s_alice}]
- name: a browser
  given: [0s login alice]
  then: []
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rules" / "more").mkdir(parents=True)
    (tmp_path / "rules" / "curl.yml").write_text(RULE)
    (tmp_path / "rules" / "curl.test.yml").write_text(TESTS)
    other = RULE.replace("curl_used", "hosted").replace("agent.family: curl", "network_type: hosting")
    (tmp_path / "rules" / "more" / "hosted.yaml").write_text(other)
    return tmp_path


def problems(file: Path, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        load(file, environ or {})
    return refused.value.problems


def configuration(folder: Path, text: str) -> Path:
    file = folder / "sessionwatch.toml"
    file.write_text(text)
    return file


def test_a_folder_gives_all_its_rules_and_no_tests(folder: Path) -> None:
    assert set(load_sigma([folder / "rules"])) == {"curl-used", "hosted"}
    assert set(load_sigma([folder / "rules" / "curl.yml", folder / "rules"])) == {"curl-used", "hosted"}
    assert load_sigma([]) == {}


def test_the_configuration_names_and_sets_them(folder: Path) -> None:
    file = configuration(folder, '[sigma]\npaths = ["rules"]\n[rules.curl-used]\nseverity = "high"\nmode = "shadow"')
    settings = load(file, {})
    (rule,) = rule_plan(settings, ["curl-used"]).instances()
    assert (rule.fixed_severity, rule.active_mode) == ("high", "shadow")
    assert "session-hijack" in rule_plan(settings).classes


def test_the_environment_names_them_too(folder: Path) -> None:
    file = configuration(folder, "")
    settings = load(file, {"SESSIONWATCH__SIGMA__PATHS": "rules", "SESSIONWATCH__RULES__CURL_USED__MODE": "off"})
    assert "curl-used" in rule_plan(settings).classes
    assert settings.rules["curl-used"].mode == "off"


def test_a_change_of_its_text_changes_the_fingerprint(folder: Path) -> None:
    from sessionwatch.config.parts import declared_apps

    file = configuration(folder, '[sigma]\npaths = ["rules"]')
    before = load(file, {})
    first = rule_plan(before).fingerprint(declared_apps(before))
    assert rule_plan(before).fingerprint(declared_apps(before)) == first
    (folder / "rules" / "curl.yml").write_text(RULE.replace("curl}", "wget}"))
    assert rule_plan(load(file, {})).fingerprint(declared_apps(before)) != first


def test_a_rule_that_cannot_be_compiled_is_named_with_file_line_and_key(folder: Path) -> None:
    bad = folder / "rules" / "bad.yml"
    bad.write_text(RULE.replace("curl_used", "bad").replace("agent.family", "agent.famly"))
    (told,) = problems(configuration(folder, '[sigma]\npaths = ["rules"]'))
    assert told.startswith(f'{bad}:6: detection.selection.agent.famly: no field of an event is named "agent.famly"')


def test_a_missing_file_is_named(folder: Path) -> None:
    assert problems(configuration(folder, '[sigma]\npaths = ["none.yml"]')) == [
        f"{folder / 'none.yml'}: there is no such file"
    ]


def test_bytes_that_are_no_text(folder: Path) -> None:
    (folder / "odd.yml").write_bytes(b"title: \xff\xfe")
    assert problems(configuration(folder, '[sigma]\npaths = ["odd.yml"]')) == [f"{folder / 'odd.yml'}: not UTF-8"]


def test_a_shipped_rule_is_never_replaced(folder: Path) -> None:
    (folder / "rules" / "curl.yml").write_text(RULE.replace("curl_used", "session-hijack"))
    (told,) = problems(configuration(folder, '[sigma]\npaths = ["rules"]'))
    assert told == 'sigma.paths: a rule "session-hijack" is there already: give it another name'


def test_a_wrong_value_is_told_as_everywhere(folder: Path) -> None:
    (told,) = problems(configuration(folder, "[sigma]\npaths = 5"))
    assert told.startswith("sigma.paths: expected")


def test_sequences_beside_a_rule(folder: Path) -> None:
    played = run_sigma_tests(folder / "rules" / "curl.yml")
    assert [one.passed for one in played] == [True, True]
    assert run_sigma_tests(folder / "rules" / "more" / "hosted.yaml") == []


def test_a_sequence_that_fails_says_what_came(folder: Path) -> None:
    (folder / "rules" / "curl.test.yml").write_text(TESTS.replace("then: []", "then: [{severity: high}]"))
    failed = [one for one in run_sigma_tests(folder / "rules" / "curl.yml") if not one.passed]
    assert [str(one.missing[0]) for one in failed] == ["high, any key"]


def test_sequences_that_cannot_be_read_are_named(folder: Path) -> None:
    (folder / "rules" / "curl.test.yml").write_text("- name: x\n  given: [0s dance alice]\n  then: []\n")
    with pytest.raises(CommandError, match=r"curl\.test\.yml: .*dance"):
        run_sigma_tests(folder / "rules" / "curl.yml")


def test_several_rules_in_one_file_have_no_tests_in_common(folder: Path) -> None:
    both = folder / "both.yml"
    both.write_text(RULE + "---\n" + RULE.replace("curl_used", "second"))
    with pytest.raises(CommandError, match="expected one rule that raises alerts, found 2"):
        run_sigma_tests(both)


def test_the_command_tries_a_sigma_file(folder: Path) -> None:
    from sessionwatch.cli import app

    ran = CliRunner().invoke(app, ["rules", "test", str(folder / "rules" / "curl.yml"), "--json"])
    cases = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [(case["kind"], case["passed"]) for case in cases] == [
        ("sequence", True), ("sequence", True), ("battery", True),
    ], ran.output  # fmt: skip
    assert ran.exit_code == 0
