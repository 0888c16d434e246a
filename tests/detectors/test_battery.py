"""Every shipped rule passes the battery, and the battery catches what it is there to catch."""

from __future__ import annotations

import pytest

from detectors.battery import CHECKS, Check, Subject, examine
from detectors.battery.checks import (
    batch_split,
    bounded,
    declared,
    deterministic,
    documented,
    honest_about_repeats,
    order_tolerant,
    pure,
    quiet,
    serialisable,
    settles,
    shard_split,
    snapshot_safe,
    unmoved_by_oddity,
)
from detectors.rules import BUILTIN, AnyRule
from schemas.instant import DAY
from sessionwatch.workshop.month import lived_through, small_month
from tests.detectors import bad_rules


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("rule_id", sorted(BUILTIN))
def test_a_shipped_rule_passes(rule_id: str, check: Check) -> None:
    failures = examine(Subject(BUILTIN[rule_id]), (check,))
    assert not failures, "\n".join(map(str, failures))


def test_a_good_rule_passes_all_of_it() -> None:
    assert examine(Subject(bad_rules.Good), tuple(check for check in CHECKS if check is not pure)) == []


@pytest.mark.parametrize(
    ("check", "rule", "word"),
    [
        (documented, bad_rules.NoRunbook, "runbook"),
        (documented, bad_rules.SilentParameter, '"limit" has no description'),
        (declared, bad_rules.UnknownType, "no event types"),
        (deterministic, bad_rules.Fickle, "again ends otherwise"),
        (order_tolerant, bad_rules.ByArrival, "out of order ends otherwise"),
        (batch_split, bad_rules.ByArrival, "in other batches ends otherwise"),
        (shard_split, bad_rules.AcrossKeys, "share nothing ends otherwise"),
        (snapshot_safe, bad_rules.SharedMemory, "__copy__"),
        (snapshot_safe, bad_rules.AcrossKeys, "with a restart in it ends otherwise"),
        (serialisable, bad_rules.UnstorableMemory, "cannot be stored"),
        (bounded, bad_rules.RemembersAll, "it remembers"),
        (bounded, bad_rules.KeepsKeys, "belongs into its Memory"),
        (quiet, bad_rules.Noisy, "alerts in the battery's ordinary days"),
        (unmoved_by_oddity, bad_rules.Trusting, "raises AttributeError at a validate"),
        (settles, bad_rules.UndoesAtOnce, "settle_us"),
        (honest_about_repeats, bad_rules.CountsRepeats, "repeats change nothing, but"),
        (pure, bad_rules.ReadsTheClock, "calls time.time_ns"),
        (pure, bad_rules.ReadsAFile, "reaches for open"),
        (pure, bad_rules.AsksTheNetwork, "reaches for socket.getaddrinfo"),
        (pure, bad_rules.AsksForToday, "by now()"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_bad_rule_is_caught_in_one_line_that_names_it(check: Check, rule: type[AnyRule], word: str) -> None:
    failures = examine(Subject(rule), (check,))
    lines = [str(failure) for failure in failures]
    assert any(word in line for line in lines), lines
    assert all(line.startswith(f"{rule.id}: ") and "\n" not in line for line in lines)


def test_every_check_is_shown_to_catch_something() -> None:
    shown = {
        documented, declared, deterministic, order_tolerant, batch_split, shard_split, snapshot_safe, serialisable,
        bounded, quiet, unmoved_by_oddity, settles, honest_about_repeats, pure,
    }  # fmt: skip
    assert shown == set(CHECKS)


def test_ordinary_life_can_be_handed_in() -> None:
    from detectors.battery.stage import happening

    uses = [happening("validate", 10, "hosting", session_id="s_server", user_id="robot")]
    (failure,) = examine(Subject(bad_rules.Good, ordinary=uses), (quiet,))
    assert str(failure).startswith("good: quiet: 1 alerts in the ordinary life it was given")


@pytest.mark.parametrize("rule_id", sorted(BUILTIN))
def test_a_shipped_rule_is_quiet_in_the_benign_month(rule_id: str) -> None:
    assert examine(lived_through(BUILTIN[rule_id]), (quiet,)) == []


def test_the_small_month_is_one_of_many_sessions_and_of_days_to_differ_from() -> None:
    month = small_month()
    begun = [event for event in month.events if event.type == "create"]
    assert len(begun) > 2_500
    assert begun[-1].time_us - begun[0].time_us > 15 * DAY


def test_a_rule_that_many_ordinary_sessions_set_off_is_caught() -> None:
    (failure,) = examine(lived_through(bad_rules.Good), (quiet,))
    assert "alerts in the ordinary life it was given, the first about" in str(failure)


def test_what_is_tolerated_grows_with_the_sessions() -> None:
    from detectors.battery.stage import happening

    uses = [happening("create", number, session_id=f"s{number}", user_id=f"u{number}") for number in range(500)]
    uses.append(happening("validate", 600, "hosting", session_id="s_server", user_id="robot"))
    assert examine(Subject(bad_rules.Good, ordinary=uses, tolerated=2.0), (quiet,)) == []
    assert len(examine(Subject(bad_rules.Good, ordinary=uses, tolerated=1.9), (quiet,))) == 1


def test_streams_can_be_handed_in() -> None:
    from detectors.battery.stage import happening

    uses = [happening("validate", at_s, session_id="s_a", user_id="a", user_agent="x") for at_s in (5, 6, 7)]
    assert examine(Subject(bad_rules.Good, streams=[uses]), (order_tolerant, snapshot_safe)) == []
