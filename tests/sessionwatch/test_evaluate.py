"""`sessionwatch evaluate`: recall, false alerts, precision and the ranking, by hand-made examples."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner, Result

from sample_logs.scenario import CONFIGURATION, FOLDER
from schemas.alert import Alert, Evidence, Severity
from schemas.instant import SECOND, parse_rfc3339
from sessionwatch.cli import app
from sessionwatch.errors import CommandError
from sessionwatch.evaluation import AttackedEvents, Labels, average_precision, evaluate, read_labels


def alert(severity: str, session: str | None = None, user: str | None = None, ip: str | None = None) -> Alert:
    return Alert(
        alert_id=f"{severity}{session}{user}{ip}", rule_id="r", rule_version=1, severity=Severity(severity),
        mode="alert", app="bank", key_kind="session", key_value=session or "", event_time_us=0, first_event_time_us=0,
        last_event_time_us=0, summary="", session_id=session, user_id=user, ip=ip,
    )  # fmt: skip


LABELS = Labels(
    {"s_1": "theft", "s_2": "theft", "user:bob": "guessing", "ip:192.0.2.1": "spray"}, frozenset({"s_3", "s_4"})
)


def test_recall_is_counted_by_kind_of_attack() -> None:
    result = evaluate([alert("high", "s_1"), alert("medium", user="bob")], LABELS)
    assert {name: (kind.found, kind.total) for name, kind in result.kinds.items()} == {
        "theft": (1, 2), "guessing": (1, 1), "spray": (0, 1),
    }  # fmt: skip
    assert result.recall == 0.5


def test_false_alerts_are_counted_by_benign_sessions() -> None:
    result = evaluate([alert("high", "s_1"), alert("medium", "s_3"), alert("low", "s_4")], LABELS)
    assert (result.alerts, result.false_alerts, result.precision) == (2, 1, 0.5)
    assert result.false_alerts_per_1000 == 500
    assert result.noisy == {"r": 1}


def test_what_nobody_is_told_of_finds_nothing_and_is_a_record() -> None:
    result = evaluate([alert("low", "s_1"), alert("low", "s_3"), alert("info", "s_2")], LABELS)
    assert (result.kinds["theft"].found, result.kinds["theft"].recorded) == (0, 1)
    assert result.idle_records_per_1000 == 500


def test_an_attack_on_a_user_is_found_by_an_alert_about_one_of_its_sessions() -> None:
    assert evaluate([alert("high", "s_9", user="bob")], LABELS).kinds["guessing"].found == 1


def test_an_address_is_found_by_its_alert() -> None:
    assert evaluate([alert("high", ip="192.0.2.1")], LABELS).kinds["spray"].found == 1


def told(event_id: str, second: int, **fields: str) -> bytes:
    event = {"event_id": event_id, "event_time": f"2026-11-02T08:00:{second:02}Z", "app": "bank", **fields}
    return json.dumps(event).encode()


def naming(one: Alert, *event_ids: str, app: bool = False, until: int = 0) -> Alert:
    """The alert with evidence, all of the first second, that lasts until a second of the minute."""
    begins_us = parse_rfc3339("2026-11-02T08:00:00Z")
    return replace(
        one, evidence=tuple(Evidence(event_id, begins_us, "") for event_id in event_ids),
        key_kind="app" if app else one.key_kind, first_event_time_us=begins_us,
        last_event_time_us=begins_us + until * SECOND,
    )  # fmt: skip


def watched(labels: Labels, *lines: bytes) -> AttackedEvents:
    events = AttackedEvents(labels)
    assert list(events.watch(lines)) == list(lines)
    return events


def test_an_attack_is_found_by_the_events_that_an_alert_names() -> None:
    events = watched(
        LABELS, told("E1", 0, session_id="s_1"), told("e2", 0, parent_session_id="s_2", session_id="s_8"),
        told("e3", 0, ip="192.0.2.1"), b"no event", told("e4", 0, user_id="bob", session_id="s_9"),
    )  # fmt: skip
    result = evaluate([naming(alert("high", "s_9"), "e1", "e2", "e3", "e4")], LABELS, events)
    assert {name: kind.found for name, kind in result.kinds.items()} == {"theft": 2, "guessing": 0, "spray": 1}
    assert result.false_alerts == 0


def test_an_alert_about_an_app_covers_the_addresses_refused_while_it_lasts() -> None:
    labels = Labels({f"ip:192.0.2.{number}": "spray" for number in (1, 2, 3)} | {"ip:192.0.2.4": "other"}, frozenset())
    refused = [told(f"e{number}", number * 10, type="fail", ip=f"192.0.2.{number}") for number in (1, 2, 3)]
    events = watched(labels, *refused, told("e4", 10, type="fail", ip="192.0.2.4"))
    found = evaluate([naming(alert("high"), "e1", app=True, until=25)], labels, events).kinds
    assert (found["spray"].found, found["other"].found) == (2, 0)
    assert evaluate([naming(alert("high"), "e1", until=25)], labels, events).kinds["spray"].found == 1
    assert evaluate([naming(alert("high"), app=True, until=25)], labels, events).kinds["spray"].found == 0


def test_the_ranking_by_hand() -> None:
    # Ranks: hit, miss, hit; (1/1 + 2/3) / 2.
    assert average_precision([(9, True), (5, False), (3, True)]) == pytest.approx((1 + 2 / 3) / 2)
    # A tie is one rank: both at precision 1/2.
    assert average_precision([(9, True), (9, False)]) == 0.5
    assert average_precision([(9, False)]) is None
    assert average_precision([]) is None


def test_the_ranking_agrees_with_scikit_learn() -> None:
    import random

    from sklearn.metrics import average_precision_score

    rng = random.Random(1)
    scored = [(rng.randrange(5), rng.random() < 0.3) for _ in range(200)]
    expected = average_precision_score([one for _, one in scored], [score for score, _ in scored])
    assert average_precision(scored) == pytest.approx(expected)


def test_labels_are_read() -> None:
    labels = read_labels(["session_id,attack\n", "s_1,theft\n", "s_2,\n", "\n", "user:bob,guessing\n"], "l.csv")
    assert labels == Labels({"s_1": "theft", "user:bob": "guessing"}, frozenset({"s_2"}))


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([], 'l.csv: expected the heading "session_id,attack"'),
        (["s_1,theft"], "expected the heading"),
        (["session_id,attack", "s_1"], "l.csv, line 2: expected a session id and an attack"),
        (["session_id,attack", ",theft"], "l.csv, line 2"),
    ],
)
def test_what_is_no_label_is_one_line(lines: list[str], says: str) -> None:
    with pytest.raises(CommandError, match=says):
        read_labels(lines, "l.csv")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["evaluate", *arguments], catch_exceptions=False)


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    file = tmp_path / "labels.csv"
    file.write_text("session_id,attack\ns_demo_alice,cookie theft\ns_demo_nobody,\n")
    return file


def test_a_labelled_file_is_measured(labels: Path) -> None:
    result = run(
        str(FOLDER / "stolen-cookie.jsonl"), "--labels", str(labels), "--config", str(FOLDER / CONFIGURATION), "--json"
    )
    told = json.loads(result.stdout)
    assert told["recall"] == {"cookie theft": {"attacks": 1, "found": 1, "recall": 1.0, "recorded": 1}}
    assert (told["false_alerts_per_1000_benign_sessions"], told["average_precision"]) == (0.0, 1.0)


def test_for_people_it_is_a_table(labels: Path) -> None:
    printed = run(
        str(FOLDER / "stolen-cookie.jsonl"), "--labels", str(labels), "--config", str(FOLDER / CONFIGURATION)
    ).stdout
    for said in ("cookie theft", "100.0 %", "average precision of the score", "false alerts per 1,000 benign sessions"):
        assert said in printed


def test_wrong_usage_is_told_as_such(labels: Path) -> None:
    assert run().exit_code == 2
    assert run(str(FOLDER / "stolen-cookie.jsonl")).exit_code == 2
    assert run("x", "--labels", str(labels), "--scenarios", str(FOLDER)).exit_code == 2


def test_missing_files_are_one_line(tmp_path: Path, labels: Path) -> None:
    with pytest.raises(CommandError, match=r"none\.csv: cannot be read"):
        run(str(FOLDER / "stolen-cookie.jsonl"), "--labels", str(tmp_path / "none.csv"))
    with pytest.raises(CommandError, match=r"none\.jsonl: cannot be read"):
        run(str(tmp_path / "none.jsonl"), "--labels", str(labels))


def test_scenarios_that_do_not_hold_are_listed_and_end_with_1(tmp_path: Path) -> None:
    for name in ("carrier-nat", "stolen-next-door"):
        (tmp_path / f"{name}.jsonl").write_bytes((FOLDER / f"{name}.jsonl").read_bytes())
        (tmp_path / f"{name}.toml").write_text('title = "t"\nstory = "s"\nfires = []\n')
    (tmp_path / CONFIGURATION).write_bytes((FOLDER / CONFIGURATION).read_bytes())
    result = run("--scenarios", str(tmp_path))
    assert result.exit_code == 1
    assert "not expected" in result.stdout
    assert "session-hijack" in result.stdout
    assert result.stderr.splitlines()[-1].startswith("0 of 2 scenarios hold")
    told = [json.loads(line) for line in run("--scenarios", str(tmp_path), "--json").stdout.splitlines()]
    assert [one["passed"] for one in told] == [False, False]


def test_a_folder_without_scenarios_is_one_line(tmp_path: Path) -> None:
    (tmp_path / CONFIGURATION).write_text("")
    with pytest.raises(CommandError, match="no scenario"):
        run("--scenarios", str(tmp_path))
