"""`rules backtest`: what a rule would have raised, from the store's file, without touching it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner, Result

from sample_logs.scenario import FOLDER
from schemas.instant import DAY
from sessionwatch.cli import app
from sessionwatch.config import load
from sessionwatch.errors import CommandError
from sessionwatch.workshop.template import write_rule
from tests.ingest.test_judging import BEFORE, THEIRS
from tests.sessionwatch.workshop.stored import config, events_of, store, write_configuration

__all__ = ["config"]


def run(config: Path, *arguments: str) -> Result:
    command = ["rules", "backtest", *arguments, "--config", str(config)]
    return CliRunner().invoke(app, command, catch_exceptions=False)


def found(config: Path, *arguments: str) -> dict[str, Any]:
    result = run(config, *arguments, "--from", "2026-11-01", "--json")
    assert result.exit_code == 0, result.output
    [line] = result.stdout.splitlines()
    answer: dict[str, Any] = json.loads(line)
    return answer


def test_it_tells_what_the_rule_would_have_raised(config: Path) -> None:
    told = found(config, "session-multi-network")
    assert told["alerts"] == told["alerts_live"] == 2
    assert told["per_day"] == {"2026-11-02": 2}
    assert told["by_severity"] == {"medium": 1, "low": 1}
    assert {"app": "bank", "key": "session s_demo_alice", "hits": 2} in told["top_keys"]
    assert told["gained"] == told["lost"] == []


def test_other_rules_that_tell_of_the_same_are_named(config: Path) -> None:
    assert found(config, "session-multi-network")["overlap"]["session-hijack"] == 1


def test_what_a_change_would_gain_and_lose_is_told_one_by_one(config: Path) -> None:
    told = found(config, "session-multi-network", "--set", "window=50s")
    assert told["parameters"]["window"] == "50s"
    assert [alert["key"] for alert in told["lost"]] == ["session s_demo_dora"]
    assert told["gained"] == []
    back = found(config, "user-multi-ip", "--set", "networks=2", "--set", "window=1h")
    assert {alert["key"] for alert in back["gained"]} >= {"user alice"}


def test_an_alert_that_stays_at_another_severity_is_told_apart(config: Path) -> None:
    told = found(config, "session-multi-network", "--set", "egress_asns=[64501]")
    assert told["alerts"] == told["alerts_live"] == 2
    assert told["gained"] == told["lost"] == []
    [one] = told["regraded"]
    assert (one["key"], one["severity_live"], one["severity"]) == ("session s_demo_alice", "medium", "low")
    printed = run(config, "session-multi-network", "--set", "egress_asns=[64501]", "--from", "2026-11-01").stdout
    assert "other severity: 1" in printed
    assert "medium -> low session s_demo_alice" in printed


def test_as_it_is_live_no_alert_has_another_severity(config: Path) -> None:
    assert found(config, "session-multi-network")["regraded"] == []
    assert "other severity: none" in run(config, "session-multi-network", "--from", "2026-11-01").stdout


def test_a_number_moved_a_step_may_change_the_severity_alone(tmp_path: Path) -> None:
    file = configured(tmp_path, "", "two-lines-in-turn")
    told = found(file, "session-multi-network")
    near = {(one["parameter"], one["value"]): one for one in told["neighbours"]}
    one = near["home_returns", 3]
    assert (one["alerts"], one["gained"], one["lost"], one["regraded"], one["share"]) == (1, 0, 0, 0, 0.0)
    told = found(file, "session-multi-network", "--set", "home_returns=4")
    near = {(one["parameter"], one["value"]): one for one in told["neighbours"]}
    one = near["home_returns", 5]
    assert (one["alerts"], one["gained"], one["lost"], one["regraded"], one["share"]) == (1, 0, 0, 1, 1.0)


def configured(folder: Path, extra: str, *scenarios: str) -> Path:
    """A store with scenarios in it, and a configuration that says more about the rules."""
    file = write_configuration(folder)
    file.write_text(f"{file.read_text()}\n{extra}\n")
    store(load(file), events_of(*(scenarios or ("stolen-next-door", "commuter"))))
    return file


def test_what_the_configuration_says_for_one_app_holds_in_a_trial(tmp_path: Path) -> None:
    file = configured(tmp_path, '[rules.session-multi-network.apps.bank]\nwindow = "50s"')
    told = found(file, "session-multi-network")
    assert (told["alerts"], told["alerts_live"]) == (1, 1)
    assert told["parameters"]["window"] == "30m"
    assert told["parameters_by_app"] == {"bank": {"window": "50s"}}
    moved = {(one["app"], one["parameter"], one["value"]) for one in told["neighbours"]}
    assert moved == {
        (None, "returns", 3),
        (None, "returns", 5),
        (None, "home_returns", 3),
        (None, "window", "27m"),
        (None, "window", "33m"),
        ("bank", "window", "45s"),
        ("bank", "window", "55s"),
    }


def test_a_change_may_be_tried_for_one_app_alone(config: Path) -> None:
    told = found(config, "session-multi-network", "--set", "bank:window=50s")
    assert told["parameters_by_app"] == {"bank": {"window": "50s"}}
    assert [alert["key"] for alert in told["lost"]] == ["session s_demo_dora"]
    assert found(config, "session-multi-network", "--set", "shop:window=50s")["lost"] == []


def test_a_change_for_all_leaves_alone_what_an_app_sets_otherwise(tmp_path: Path) -> None:
    file = configured(tmp_path, '[rules.session-multi-network.apps.bank]\nwindow = "20m"')
    told = found(file, "session-multi-network", "--set", "window=50s")
    assert told["alerts"] == told["alerts_live"] == 2
    assert told["parameters_by_app"] == {"bank": {"window": "20m"}}


def test_a_rule_that_is_off_for_an_app_raises_nothing_there_in_a_trial(tmp_path: Path) -> None:
    file = configured(tmp_path, '[rules.session-multi-network.apps.bank]\nmode = "off"')
    assert found(file, "session-multi-network")["alerts"] == 0


def test_a_rule_that_is_off_is_tried_as_if_it_were_on(tmp_path: Path) -> None:
    file = configured(tmp_path, '[rules.session-multi-network]\nmode = "off"')
    told = found(file, "session-multi-network")
    assert (told["alerts"], told["alerts_live"], len(told["gained"])) == (2, 0, 2)


EXCEPTED = """
[[exceptions]]
rule = "session-multi-network"
where = { user_id = "dora" }
owner = "network team"
reason = "two lines at home"
expires = 2027-01-31
"""


def test_what_is_excepted_is_counted_apart(tmp_path: Path) -> None:
    file = configured(tmp_path, EXCEPTED)
    told = found(file, "session-multi-network")
    assert (told["alerts"], told["alerts_live"], told["suppressed"]) == (1, 1, 1)
    assert [one["key"] for one in told["top_keys"]] == ["session s_demo_alice"]
    assert told["gained"] == told["lost"] == []
    assert "1 more are excepted" in run(file, "session-multi-network", "--from", "2026-11-01").stdout


def test_a_kept_list_counts_in_a_trial(tmp_path: Path) -> None:
    kept = """
[[rules.listed-network.lists]]
name = "a place of ill repute"
owner = "security team"
expires = 2030-01-31
severity = "high"
cidrs = ["192.0.3.0/24"]
"""
    told = found(configured(tmp_path, kept), "listed-network")
    assert (told["alerts"], told["alerts_live"]) == (1, 1)


def test_a_file_is_placed_by_the_networks_of_the_configuration(config: Path) -> None:
    asked = ("session-multi-network", "--file", str(FOLDER / "stolen-next-door.jsonl"))
    assert found(config, *asked)["by_severity"] == {"medium": 1}
    config.write_text(config.read_text().replace("asn = 64501", "asn = 64500"))
    assert found(config, *asked)["by_severity"] == {"low": 1}


def test_a_rule_in_sigma_is_held_against_the_one_that_is_live(config: Path, tmp_path: Path) -> None:
    rule = """
title: Used from the street
name: from_the_street
logsource: {product: sessionwatch}
detection:
  selection: {type: validate, asn: 64501}
  condition: selection
level: low
"""
    (tmp_path / "street.yml").write_text(rule)
    config.write_text(f'[sigma]\npaths = ["street.yml"]\n{config.read_text()}')
    (tmp_path / "trial.yml").write_text(rule.replace("64501", "64502"))
    told = found(config, str(tmp_path / "trial.yml"))
    assert told["alerts_live"] == 1
    assert [alert["key"] for alert in told["lost"]] == ["session s_demo_alice"]


def test_quiet_days_count_in_the_average(tmp_path: Path) -> None:
    file = write_configuration(tmp_path)
    theft = events_of("stolen-next-door")
    later = [
        replace(theft[0], event_id=f"{day}{theft[0].event_id[1:]}", time_us=theft[0].time_us + day * DAY)
        for day in (1, 4)
    ]
    for event in later:
        event.arrival_us = event.time_us
    store(load(file), [*theft, *later])
    told = found(file, "session-multi-network")
    assert told["per_day"] == {f"2026-11-0{day}": int(day == 2) for day in range(2, 7)}
    assert (told["days"], told["alerts_a_day"]) == (4.0, 0.25)


def test_alerts_of_one_name_in_another_realm_do_not_overlap(tmp_path: Path) -> None:
    file = write_configuration(tmp_path)
    theft = events_of("stolen-next-door")
    elsewhere = events_of("stolen-next-door")
    for event in elsewhere:
        event.app, event.event_id = "shop", f"f{event.event_id[1:]}"
        # In the shop the browser is the same, so that one rule alone speaks of it.
        event.session_id, event.user_agent, event.agent = "s_of_shop", theft[0].user_agent, theft[0].agent
    store(load(file), [*theft, *elsewhere])
    told = found(file, "session-multi-network")
    assert (told["alerts"], told["overlap"]["session-hijack"]) == (2, 1)


def test_each_number_is_moved_a_step(config: Path) -> None:
    told = found(config, "user-multi-ip")
    moved = {(one["parameter"], one["value"]): one["alerts"] for one in told["neighbours"]}
    assert set(moved) == {("networks", 2), ("networks", 4), ("window", "9m"), ("window", "11m")}
    assert moved["networks", 2] > moved["networks", 4] == 0


def test_how_many_stand_just_at_the_threshold_is_told_as_a_share(config: Path) -> None:
    told = found(config, "session-multi-network", "--set", "window=1m")
    windows = [one for one in told["neighbours"] if one["parameter"] == "window"]
    shares = {one["value"]: (one["gained"], one["lost"], one["share"]) for one in windows}
    assert shares == {"54s": (0, 1, 0.5), "66s": (0, 0, 0.0)}


def test_only_alerts_of_the_span_count_and_what_led_to_them_is_known(config: Path) -> None:
    early = found(config, "session-hijack", "--to", "2026-11-02T08:04:00Z")
    assert early["alerts"] == 0
    result = run(config, "session-hijack", "--from", "2026-11-02T08:04:00Z", "--json")
    assert json.loads(result.stdout)["alerts"] == 1


def test_a_rule_in_the_making_gains_everything(config: Path, tmp_path: Path) -> None:
    write_rule("too-many-uses", tmp_path / "mine", "session")
    told = found(config, str(tmp_path / "mine" / "too_many_uses.py"), "--set", "uses=2", "--set", "window=1h")
    assert told["alerts"] == len(told["gained"]) > 0
    assert told["alerts_live"] == 0


def test_a_file_of_events_can_be_asked(config: Path) -> None:
    told = found(config, "session-hijack", "--file", str(FOLDER / "stolen-cookie.jsonl"))
    assert (told["events"], told["alerts"]) == (6, 1)


def test_nothing_is_written(config: Path, tmp_path: Path) -> None:
    file = tmp_path / "data" / "events.duckdb"
    before = file.read_bytes()
    run(config, "session-hijack", "--from", "2026-11-01")
    assert file.read_bytes() == before


def test_for_people_it_is_a_page(config: Path) -> None:
    printed = run(config, "session-multi-network", "--from", "2026-11-01", "--set", "window=50s").stdout
    for said in ("1 alerts, live 2", "alerts a day", "most hits", "near the threshold", "gained: none", "lost: 1"):
        assert said in printed


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ("bnak:networks=4", 'no app "bnak" is declared; did you mean "bank"'),
        ("bank:networks=-1", "user-multi-ip: networks"),
        ("limit=3", 'user-multi-ip has no parameter "limit"; it has: networks, window'),
        ("networks=-1", "user-multi-ip: networks"),
        ("window=soon", "user-multi-ip: window"),
    ],
)
def test_a_change_that_cannot_be_is_one_line(config: Path, changes: str, says: str) -> None:
    with pytest.raises(CommandError, match=says):
        run(config, "user-multi-ip", "--set", changes)


@pytest.mark.parametrize(
    "arguments", [("--set", "networks"), ("--set", ":networks=4"), ("--from", "soon"), ("--from", "1h", "--to", "2h")]
)
def test_wrong_usage_is_told_as_such(config: Path, arguments: tuple[str, ...]) -> None:
    assert run(config, "user-multi-ip", *arguments).exit_code == 2


def test_a_stolen_session_teaches_nothing_in_a_trial(tmp_path: Path) -> None:
    file = write_configuration(tmp_path)
    store(load(file), [*BEFORE, THEIRS])
    told = found(file, "new-country")
    assert (told["alerts"], told["alerts_live"]) == (2, 2)
