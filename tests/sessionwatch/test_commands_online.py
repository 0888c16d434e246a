"""Commands that ask a running pipeline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from sessionwatch.cli import app
from tests.api.history import HOSTILE_AGENT, OLD_THEFT, QUIET, STOLEN, THEFT
from tests.api.installation import Installation, client_configuration, emit_use, installation

__all__ = ["installation"]


@pytest.fixture
def config(installation: Installation) -> Path:
    return client_configuration(installation)


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--config", str(config)], catch_exceptions=False)


def answers(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_alerts_are_listed_one_a_line(config: Path) -> None:
    found = answers(run(config, "alerts", "list", "--severity", "critical", "--json"))
    assert [alert["alert_id"] for alert in found] == [THEFT]


def test_a_list_goes_over_several_pages(config: Path) -> None:
    found = answers(run(config, "alerts", "list", "--all", "--limit", "31", "--json"))
    assert len({alert["alert_id"] for alert in found}) == 31


def test_for_people_the_table_has_the_whole_id(config: Path) -> None:
    result = run(config, "alerts", "list", "--severity", "critical")
    assert "◆ critical" in result.stdout
    assert THEFT in result.stdout


def test_an_alert_is_shown_with_what_to_do(config: Path) -> None:
    result = run(config, "alerts", "show", THEFT)
    assert result.exit_code == 0
    for said in ("CRITICAL", "alice", "usual and now", "what to do", "sessionwatch revoke session bank"):
        assert said in result.stdout


def test_hostile_text_reaches_no_terminal(config: Path) -> None:
    result = run(config, "sessions", "list")
    assert STOLEN in result.stdout
    assert HOSTILE_AGENT not in result.stdout
    assert "\x1b" not in result.stdout
    assert "\u202e" not in result.stdout


def test_an_unknown_alert_is_one_line(config: Path) -> None:
    result = CliRunner().invoke(
        app, ["alerts", "show", "99999999-9999-4999-8999-999999999999", "--config", str(config)]
    )
    assert "there is no such alert" in str(result.exception)


def test_sessions_are_listed(config: Path) -> None:
    found = answers(run(config, "sessions", "list", "--ended", "--app", "bank", "--json"))
    assert QUIET in [session["session_id"] for session in found]
    assert not any(session["live"] for session in found)


def test_a_session_is_revoked_and_released(config: Path, installation: Installation) -> None:
    session = emit_use(installation, "s_k1_by_command")
    [made] = answers(run(config, "revoke", "session", "bank", session, "--reason", "a test", "--json"))
    assert (made["state"], made["requested_by"], made["reason"]) == ("sent", "admin", "a test")
    [released] = answers(run(config, "release", made["revocation_id"], "--reason", "it was a test", "--json"))
    assert released["state"] == "released"


def test_a_preview_ends_nothing(config: Path, installation: Installation) -> None:
    session = emit_use(installation, "s_k1_previewed")
    [preview] = answers(run(config, "revoke", "session", "bank", session, "--reason", "a test", "--preview", "--json"))
    assert (preview["would"], preview["count"]) == ("send", 1)
    with installation.client() as client:
        assert client.get(f"/v1/revocations?session={session}").json()["items"] == []


def test_a_revocation_needs_a_reason(config: Path) -> None:
    assert run(config, "revoke", "session", "bank", STOLEN).exit_code == 2
    assert run(config, "revoke", "session", "bank", STOLEN, "--reason", "x").exit_code == 2
    assert run(config, "revoke", "session", "bank", "raw-cookie", "--reason", "stolen").exit_code == 2


def test_what_was_refused_is_listed_without_content(config: Path) -> None:
    found = answers(run(config, "dlq", "list", "--refused-for", "forged", "--json"))
    assert [(letter["reason"], "content" in letter) for letter in found] == [("forged", False)]


def test_refused_messages_are_sent_again(config: Path) -> None:
    [done] = answers(run(config, "dlq", "redrive", "--refused-for", "forged", "--reason", "a test", "--json"))
    assert done == {"found": 1, "sent": 0, "gone": 1, "empty": 0}


def test_the_token_file_of_the_command_line_comes_first(config: Path, installation: Installation) -> None:
    viewer = str(installation.folder / "viewer.token")
    result = CliRunner().invoke(
        app,
        ["revoke", "session", "bank", STOLEN, "--reason", "a test", "--config", str(config), "--token-file", viewer],
    )
    assert "this needs the role analyst, the token has viewer" in str(result.exception)


def test_then_that_of_the_environment(
    config: Path, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SESSIONWATCH__API__TOKEN_FILE", str(installation.folder / "limited.token"))
    found = answers(run(config, "alerts", "list", "--all", "--json"))
    assert {alert["app"] for alert in found} == {"shop"}


def test_a_token_that_is_not_taken_is_told_without_showing_it(config: Path, tmp_path: Path) -> None:
    (tmp_path / "wrong.token").write_text("a-wrong-token-of-some-length")
    result = CliRunner().invoke(
        app, ["alerts", "list", "--config", str(config), "--token-file", str(tmp_path / "wrong.token")]
    )
    assert "does not take this token: give one by --token-file" in str(result.exception)
    assert "a-wrong-token" not in str(result.exception)


@pytest.mark.parametrize(
    "arguments",
    [
        ("alerts", "list", "--severity", "bad"),
        ("alerts", "list", "--since", "yesterday"),
        ("alerts", "list", "--limit", "0"),
        ("dlq", "list", "--refused-for", "nothing"),
    ],
)
def test_wrong_usage_is_2(config: Path, arguments: tuple[str, ...]) -> None:
    assert run(config, *arguments).exit_code == 2


def test_since_takes_a_duration(config: Path) -> None:
    found = answers(run(config, "alerts", "list", "--all", "--since", "90m", "--json"))
    assert THEFT in [alert["alert_id"] for alert in found]
    assert all(alert["severity"] != "low" for alert in found)


def test_a_backtest_reads_what_a_running_pipeline_has_stored(config: Path) -> None:
    [told] = answers(run(config, "rules", "backtest", "session-multi-network", "--from", "60d", "--json"))
    assert told["events"] > 0
    assert told["alerts"] == told["alerts_live"]


def test_what_was_missed_is_raised_by_the_running_pipeline_once(config: Path, installation: Installation) -> None:
    raised = answers(run(config, "rules", "rerun", "--from", "60d", "--reason", "a test", "--json"))
    assert raised
    with installation.client() as client:
        stored = client.get(f"/v1/alerts/{raised[0]['alert_id']}").json()
        assert stored["late"] is True
    assert answers(run(config, "rules", "rerun", "--from", "60d", "--reason", "a test", "--json")) == []


def test_all_sessions_of_a_user_are_ended_after_they_were_counted(config: Path, installation: Installation) -> None:
    for number in (1, 2):
        emit_use(installation, f"s_k1_of_grace_{number}", "grace")
    arguments = ("revoke", "user", "bank", "grace", "--reason", "a test")
    refused = CliRunner().invoke(app, [*arguments, "--config", str(config)])
    assert "2 session(s) would end: look at --preview, and say --yes" in str(refused.exception)
    [made] = answers(run(config, *arguments, "--yes", "--json"))
    assert (made["scope"], made["sessions"]) == ("user", 2)


def test_a_network_is_listed_and_ended(config: Path, installation: Installation) -> None:
    session = emit_use(installation, "s_k1_from_there", "heidi", ip="2001:db8:7::9")
    network = "2001:db8:7::/64"
    found = answers(run(config, "sessions", "list", "--network", network, "--json"))
    assert [one["session_id"] for one in found] == [session]
    shown = run(config, "revoke", "network", "bank", network, "--reason", "a test", "--preview")
    assert f"1 session(s) from {network} at bank" in shown.stdout
    [made] = answers(run(config, "revoke", "network", "bank", network, "--reason", "a test", "--yes", "--json"))
    assert (made["scope"], made["state"], made["sessions"]) == ("network", "sent", 1)


def test_an_apps_policy_audit_is_printed(config: Path) -> None:
    result = run(config, "policy", "audit", "bank")
    assert result.exit_code == 0
    for said in ("idle timeout", "revocations:", "not proven"):
        assert said in result.stdout


def test_rules_are_listed_with_their_errors(config: Path, installation: Installation) -> None:
    found = {one["rule_id"]: one["errors_30d"] for one in answers(run(config, "rules", "list", "--json"))}
    with installation.client() as admin:
        told = {one["rule_id"]: one["errors_30d"] for one in admin.get("/v1/rules").json()["items"]}
    assert found == told


def test_the_digest_is_shown_as_it_would_be_mailed(config: Path) -> None:
    result = run(config, "digest")
    assert result.exit_code == 0
    assert result.stdout.startswith("Daily digest, ")
    assert "To decide now" in result.stdout


def test_a_digest_that_is_not_configured_cannot_be_sent(config: Path) -> None:
    result = CliRunner().invoke(app, ["digest", "--send", "--config", str(config)])
    assert "no daily digest is configured" in str(result.exception)


def test_an_alert_is_decided_under_the_name_of_the_token(config: Path) -> None:
    [decided] = answers(run(config, "alerts", "triage", OLD_THEFT, "--acknowledge", "--json"))
    assert (decided["status"], decided["owner"]) == ("acknowledged", "admin")
    assert "acknowledged" in run(config, "alerts", "triage", OLD_THEFT, "--note", "asked her").stderr
