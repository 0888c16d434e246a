"""Training: the same past and seed lead to the same forest, and what was flagged is not learned from."""

from __future__ import annotations

import pytest

from detectors.learned.training import Lessons, TrainingError
from tests.detectors.learned.past import ordinary_sessions, trained
from tests.detectors.story import default_apps, flagged, login, logout


def lessons() -> Lessons:
    made = Lessons(default_apps())
    made.take(ordinary_sessions())
    return made


def test_the_same_past_and_seed_give_the_same_forest() -> None:
    one, other = lessons().fit(1, 1.0), lessons().fit(1, 1.0)
    assert one.model.model_id == other.model.model_id
    assert one.model.model_id != lessons().fit(2, 1.0).model.model_id


def test_how_the_past_is_cut_into_batches_does_not_matter() -> None:
    cut = Lessons(default_apps())
    events = list(ordinary_sessions())
    for start in range(0, len(events), 700):
        cut.take(events[start : start + 700])
    assert cut.fit(1, 1.0).threshold == lessons().fit(1, 1.0).threshold


def test_it_says_what_it_has_seen() -> None:
    made = trained()
    assert (made.sessions, made.left_out) == (400, 0)
    assert made.days in (8, 9)
    assert made.held_out == pytest.approx(120, abs=2)


def test_sessions_that_others_have_flagged_are_left_out() -> None:
    made = lessons()
    made.take([flagged(f"u{number}", 0, f"u{number}") for number in range(30)])
    fitted = made.fit(1, 1.0)
    assert (fitted.sessions, fitted.left_out) == (370, 30)


def test_a_single_old_session_is_no_day_of_history() -> None:
    made = Lessons(default_apps())
    year_ago = [login("old", -365 * 86_400), logout("old", -365 * 86_400 + 60)]
    made.take([*year_ago, *ordinary_sessions(300, 2)])
    assert made.fit(1, 1.0).days <= 3


def test_too_few_sessions_are_told_in_one_line() -> None:
    made = Lessons(default_apps())
    made.take(ordinary_sessions(20))
    with pytest.raises(TrainingError, match="only 20 sessions with enough uses"):
        made.fit(1, 1.0)


def test_of_very_many_sessions_some_are_kept_evenly() -> None:
    made = Lessons(default_apps(), 120)
    for session in ordinary_sessions():
        made.take([session])
    fitted = made.fit(1, 1.0)
    assert 120 <= fitted.sessions < 240
    assert fitted.days == trained().days


def test_more_may_be_told_with_a_larger_budget() -> None:
    assert lessons().fit(1, 50.0).threshold < lessons().fit(1, 1.0).threshold
