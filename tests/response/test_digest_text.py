"""What a digest says, in both languages."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from response.chat_templates import TemplateRefused
from response.digest_templates import NAMES, SHIPPED, digest_templates
from response.digest_text import DigestWriter
from schemas.instant import DAY, MINUTE, SECOND, parse_rfc3339
from store.alert_search import RuleFacts
from store.digest import Decided, DigestFigures, Revoked, WaitingAlert

UNTIL = parse_rfc3339("2026-11-25T07:00:00Z")
QUIET = DigestFigures(
    since_us=UNTIL - DAY, until_us=UNTIL, events=412_304, open=(), waiting=(), held=0, held_since_us=None, raised=(),
    decided=Decided(), revoked=Revoked(), failed=(), refused=(), parked=(), apps=(), drills=(), missed_drills=(),
)  # fmt: skip
WAITING = WaitingAlert(
    "a1", "critical", "session-hijack", "bank", "alice", "session", "s_alice", "ines", UNTIL - 90 * MINUTE
)
BUSY = replace(
    QUIET,
    open=(("critical", 11, UNTIL - DAY), ("low", 2, UNTIL - DAY)),
    waiting=(WAITING, replace(WAITING, alert_id="a2", user_id=None, key_kind="network", key_value="192.0.2.0/24")),
    held=3,
    held_since_us=UNTIL - DAY,
    raised=(("session-hijack", "critical", 2), ("session-hijack", "high", 1), ("new-country", "low", 4)),
    decided=Decided(5, 3, 1, 1, 4 * MINUTE, 150 * MINUTE),
    revoked=Revoked(7, 6, 4, 1, 1, 0, 0.84 * SECOND, float("inf")),
    failed=(("bank", 1),),
    refused=(("not_json", 9),),
    parked=(("webhook:bank", 2, "answered 500"),),
    apps=(("bank", 6, 4), ("shop", 1, 1)),
    drills=(("d1", 2, "new-country, session-hijack"),),
    missed_drills=("not detected within 60 s",),
)


def body(figures: DigestFigures, locale: str = "en", rules: dict[str, RuleFacts] | None = None) -> str:
    writer = DigestWriter(digest_templates(locale), ZoneInfo("Europe/Berlin"), "https://console.example")
    return writer.write("daily", figures, rules or {}).body


def test_a_quiet_week_is_one_line() -> None:
    found = DigestWriter(digest_templates(), UTC).write("weekly", QUIET, {})
    assert found.title == "Weekly digest, 2026-11-25 07:00 UTC: quiet"
    assert found.body == (
        "Quiet from 2026-11-24 07:00 UTC to 2026-11-25 07:00 UTC: no alerts, no revocations, no failures, nothing to "
        "decide; 412304 events were judged."
    )


def test_the_title_counts_what_waits() -> None:
    found = DigestWriter(digest_templates(), UTC).write("daily", BUSY, {})
    assert found.title == "Daily digest, 2026-11-25 07:00 UTC: to decide 16, alerts 7"


@pytest.mark.parametrize(
    "line",
    [
        "From 2026-11-24 08:00 CET to 2026-11-25 08:00 CET; 412304 events.",
        "- open alerts: 13 (11 critical, 2 low), the oldest since 2026-11-24 08:00 CET",
        "  - CRITICAL session-hijack: alice, app bank, since 2026-11-25 06:30 CET, taken by ines; a1",
        "  - CRITICAL session-hijack: network 192.0.2.0/24, app bank, since 2026-11-25 06:30 CET, taken by ines; a2",
        "  - and 9 more: sessionwatch alerts list",
        "- held revocations: 3, the oldest since 2026-11-24 08:00 CET",
        "- session-hijack: 2 critical, 1 high",
        "- bank: alerts 6, users 4",
        "Decided: 5 (confirmed 3, benign 1, false alarms 1)",
        "- time to decide: median 4.0 min, nine of ten within 2.5 h",
        "Revocations: 7 (sent 6, confirmed 4, without effect 1, shown only 1, taken back 0)",
        "- time to confirm: median 0.8 s, p99 infinite; what had no effect counts as infinite",
        "- failed revocations of app bank: 1",
        "- deliveries of webhook:bank that were given up and still wait: 2; answered 500",
        "- refused messages, not_json: 9",
        "- d1: alerts 2 (new-country, session-hijack)",
        "- missed: not detected within 60 s",
        "Console: https://console.example",
    ],
)
def test_a_busy_day_says(line: str) -> None:
    assert line in body(BUSY).splitlines()


def test_what_needs_a_decision_comes_first() -> None:
    lines = body(BUSY).splitlines()
    assert lines.index("To decide now") < lines.index("Alerts: 7") < lines.index("Failures") < lines.index("Drills")


def test_german_says_the_same() -> None:
    found = body(BUSY, "de")
    assert "- offene Alarme: 13 (11 critical, 2 low), der älteste seit 2026-11-24 08:00 CET" in found
    assert "p99 unendlich" in found
    assert len(found.splitlines()) == len(body(BUSY).splitlines())


def test_german_is_shipped_whole_and_with_the_same_names() -> None:
    assert SHIPPED["de"].keys() == SHIPPED["en"].keys() == NAMES.keys()


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        (RuleFacts(confirmed=1, errors=4), True),
        (RuleFacts(confirmed=2, benign=1, errors=3), False),
        (RuleFacts(errors=4), False),
    ],
)
def test_a_rule_is_named_where_most_of_enough_verdicts_say_that_it_was_wrong(facts: RuleFacts, told: bool) -> None:
    assert ("- bot-rate: 4 of 5" in body(BUSY, rules={"bot-rate": facts})) is told


def test_a_late_one_says_when_it_was_due() -> None:
    found = DigestWriter(digest_templates(), UTC).write("daily", QUIET, {}, late_since_us=UNTIL - DAY)
    assert found.body.splitlines()[1] == "Late: it was due at 2026-11-24 07:00 UTC, when no pipeline was running."


def test_what_clients_chose_is_harmless() -> None:
    hostile = replace(
        BUSY,
        waiting=(replace(WAITING, user_id="<script> @here\n[x](http://evil.example)\u202e"),),
        parked=(("webhook:bank", 1, "<img src=x>"),),
    )
    for sign in ("<", "@here", "](", "http://evil", "\u202e"):
        assert sign not in body(hostile)


def test_a_folder_gives_texts_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "title.quiet.txt").write_text("nothing at $until\n")
    found = DigestWriter(digest_templates("en", tmp_path), UTC).write("daily", QUIET, {})
    assert found.title == "nothing at 2026-11-25 07:00 UTC"


def test_a_name_that_is_not_known_is_refused(tmp_path: Path) -> None:
    (tmp_path / "quiet.txt").write_text("$user\n")
    with pytest.raises(TemplateRefused, match=r"unknown name \$user"):
        digest_templates("en", tmp_path)
