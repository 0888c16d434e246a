"""Step-ups as rows: stored by id, and read back."""

from __future__ import annotations

from store.rows import StepUpRow

MOVED = ("step_up_id", "state", "login_us", "ended_us", "note")
"""What `MOVE` takes: the fields that change."""
MOVE = """
UPDATE step_ups SET state = $state, login = make_timestamp($login_us), ended = make_timestamp($ended_us), note = $note
WHERE step_up_id = $step_up_id
"""
INSERT = """
INSERT INTO step_ups VALUES ($step_up_id, $app, $session_id, $user_id, $alert_id, $rule_id, $state,
    make_timestamp($asked_us), make_timestamp($due_us), make_timestamp($login_us), make_timestamp($ended_us), $note)
"""
SELECTED = """
step_up_id, app, session_id, user_id, alert_id, rule_id, state, epoch_us(asked), epoch_us(due), epoch_us(login),
epoch_us(ended), note
"""
"""The select list that `step_up_of` reads: the fields of StepUpRow in their order."""


def step_up_of(row: tuple[object, ...]) -> StepUpRow:
    """Return the step-up of a row selected by `SELECTED`."""
    return StepUpRow(*row)  # type: ignore[arg-type]  # the select list follows the fields of StepUpRow
