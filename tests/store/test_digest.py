"""The figures of a digest, of the time asked for and of what waits at its end."""

from __future__ import annotations

import math
from typing import Any

from schemas.alert import Alert, Severity
from schemas.instant import DAY, HOUR, MINUTE, SECOND
from schemas.revocation import Revocation, State
from store.database import Database
from store.digest import DigestFigures
from store.rows import DeadLetter, OutboxMessage, TriageRow
from store.writer import Writer
from tests.store.samples import NOON, alert, event


def of_the_day(database: Database) -> DigestFigures:
    return database.reader().digest_figures(NOON - DAY, NOON)


def raise_alerts(writer: Writer, *alerts: Alert, ago_us: int = HOUR) -> None:
    with writer.transaction():
        writer.save_alerts(alerts, NOON - ago_us)


def revocation(number: int, state: State, ago_us: int = HOUR, app: str = "bank", **later: float) -> Revocation:
    times = {name: NOON - ago_us + int(at * SECOND) for name, at in {"requested": 0.0, **later}.items()}
    return Revocation(str(number), app, "session", f"s_{number}", 1, "", "policy", state, times)


def revoke(writer: Writer, *revocations: Revocation) -> None:
    with writer.transaction():
        writer.save_revocations(revocations)


def resolve(writer: Writer, alert_id: str, verdict: Any, after_us: int, ago_us: int = HOUR) -> None:
    row = TriageRow(alert_id, "bank", "resolved", verdict, "ines", "", "ines", NOON - ago_us + after_us)
    with writer.transaction():
        writer.save_triage([row])


def test_a_day_without_anything_is_quiet(database: Database) -> None:
    with (writer := database.writer()).transaction():
        writer.append_events([event(NOON - HOUR), event(NOON - 2 * DAY)])
    found = of_the_day(database)
    assert found.is_quiet
    assert found.events == 1


def test_alerts_are_counted_by_rule_and_severity_the_worst_first(database: Database) -> None:
    writer = database.writer()
    raise_alerts(
        writer,
        alert("a1", severity=Severity.HIGH, rule_id="new-country"),
        alert("a2", severity=Severity.HIGH, rule_id="new-country"),
        alert("a3"),
    )
    raise_alerts(writer, alert("a4"), ago_us=2 * DAY)
    assert of_the_day(database).raised == (("session-hijack", "critical", 1), ("new-country", "high", 2))


def test_what_is_withdrawn_suppressed_in_shadow_or_a_drill_is_not_counted(database: Database) -> None:
    raise_alerts(
        database.writer(),
        alert("a1", status="withdrawn"),
        alert("a2", mode="shadow"),
        alert("a3", suppressed_by="network team: office"),
        alert("a4", drill="d1"),
    )
    found = of_the_day(database)
    assert (found.raised, found.open, found.apps) == ((), (), ())


def test_open_alerts_wait_however_old_they_are(database: Database) -> None:
    writer = database.writer()
    raise_alerts(writer, alert("old"), ago_us=9 * DAY)
    raise_alerts(writer, alert("new"), alert("low", severity=Severity.LOW), alert("done"))
    resolve(writer, "done", "benign", MINUTE)
    found = of_the_day(database)
    assert found.open == (("critical", 2, NOON - 9 * DAY), ("low", 1, NOON - HOUR))
    assert [one.alert_id for one in found.waiting] == ["old", "new"]


def test_time_to_decide_runs_from_the_alert_to_the_verdict(database: Database) -> None:
    writer = database.writer()
    raise_alerts(writer, *(alert(f"a{number}") for number in range(3)))
    for number, verdict in enumerate(("confirmed", "false_alarm", "benign")):
        resolve(writer, f"a{number}", verdict, (number + 1) * MINUTE)
    decided = of_the_day(database).decided
    assert (decided.count, decided.confirmed, decided.benign, decided.false_alarm) == (3, 1, 1, 1)
    assert (decided.median_us, decided.p90_us) == (2 * MINUTE, 3 * MINUTE)


def test_time_to_confirm_counts_a_miss_as_infinite(database: Database) -> None:
    revoke(
        database.writer(),
        revocation(1, "confirmed", sent=0, confirmed=1),
        revocation(2, "confirmed", sent=0, confirmed=3),
        revocation(3, "failed", sent=0, failed=9),
        revocation(4, "suppressed", suppressed=0),
        revocation(5, "confirmed", ago_us=2 * DAY, sent=0, confirmed=1),
    )
    revoked = of_the_day(database).revoked
    assert (revoked.count, revoked.sent, revoked.confirmed, revoked.missed, revoked.suppressed) == (4, 3, 2, 1, 1)
    assert revoked.median_us == 3 * SECOND
    assert math.isinf(revoked.p99_us or 0)


def test_held_revocations_wait_however_old_they_are(database: Database) -> None:
    revoke(database.writer(), revocation(1, "held", ago_us=3 * DAY, held=0), revocation(2, "held", held=0))
    found = of_the_day(database)
    assert (found.held, found.held_since_us) == (2, NOON - 3 * DAY)


def test_failures_are_of_the_day_and_parked_deliveries_of_now(database: Database) -> None:
    writer = database.writer()
    revoke(writer, revocation(1, "failed", sent=0, failed=9), revocation(2, "failed", ago_us=3 * DAY, failed=9))
    with writer.transaction():
        parked = OutboxMessage("m1", "webhook:bank", "session.revoked", "k", "1", "{}", NOON - 3 * DAY)
        parked.state, parked.last_error = "parked", "answered 500"
        writer.enqueue([parked])
        letters = [
            DeadLetter("t", 0, offset, NOON - ago_us, "not_json", "", 3, "ab" * 32, b"{{{")
            for offset, ago_us in enumerate((HOUR, HOUR, 3 * DAY))
        ]
        writer.append_dead_letters(letters)
    found = of_the_day(database)
    assert found.failed == (("bank", 1),)
    assert found.parked == (("webhook:bank", 1, "answered 500"),)
    assert found.refused == (("not_json", 2),)


def test_apps_are_told_by_alerts_and_users(database: Database) -> None:
    raise_alerts(
        database.writer(),
        alert("a1", user_id="alice"),
        alert("a2", user_id="alice"),
        alert("a3", user_id="bob"),
        alert("a4", app="shop", user_id="carol"),
    )
    assert of_the_day(database).apps == (("bank", 3, 2), ("shop", 1, 1))


def test_drills_are_told_apart_and_so_is_one_that_was_missed(database: Database) -> None:
    raise_alerts(
        database.writer(),
        alert("a1", drill="d1", rule_id="new-country"),
        alert("a2", drill="d1"),
        alert("a3", rule_id="drill-missed", summary="not detected within 60 s"),
    )
    found = of_the_day(database)
    assert found.drills == (("d1", 2, "new-country, session-hijack"),)
    assert found.missed_drills == ("not detected within 60 s",)
