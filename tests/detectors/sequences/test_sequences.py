"""The sequences beside the rules hold, and what cannot be played is refused with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

import detectors.rules
from detectors.rules import BUILTIN, AnyRule
from detectors.sequences import SequenceError, play, read_sequences
from tests.detectors.bad_rules import Good

FOLDER = Path(detectors.rules.__file__).parent
BESIDE = {path: path.read_text() for path in sorted(FOLDER.glob("*.yaml"))}
RULES = {rule.__module__.rsplit(".", 1)[-1]: rule for rule in BUILTIN.values()}
CASES = [(RULES[path.stem], one) for path, text in BESIDE.items() if path.stem in RULES for one in read_sequences(text)]


@pytest.mark.parametrize(("rule", "sequence"), CASES, ids=[f"{rule.id}: {one.name}" for rule, one in CASES])
def test_a_sequence_beside_a_rule_holds(rule: type[AnyRule], sequence: object) -> None:
    played = play(rule, sequence)  # type: ignore[arg-type]
    assert played.passed, f"missing {played.missing}, not expected {played.surplus}"


@pytest.mark.parametrize("path", BESIDE, ids=lambda path: path.stem)
def test_there_are_two_that_fire_and_two_that_stay_silent(path: Path) -> None:
    sequences = read_sequences(BESIDE[path])
    assert sum(bool(one.then) for one in sequences) >= 2
    assert sum(not one.then for one in sequences) >= 2


def sequence(*given: str, then: str = "[]") -> str:
    lines = "".join(f"    - {line}\n" for line in given)
    return f"- name: a case\n  given:\n{lines}  then: {then}\n"


def test_a_failing_sequence_says_what_is_missing_and_what_is_too_much() -> None:
    (one,) = read_sequences(sequence("0s use bob from hosting", then="[{severity: low, key: s_alice}]"))
    played = play(Good, one)
    assert not played.passed
    assert [str(expected) for expected in played.missing] == ["low, s_alice"]
    assert [alert.key_value for alert in played.surplus] == ["s_bob"]
    assert [len(step.came) for step in played.steps] == [1, 0]


def test_a_line_may_repeat() -> None:
    (one,) = read_sequences(sequence("0s x3 every 1.5s fail user{n}"))
    assert [(happening.item.user_id, happening.told_us) for happening in one.given] == [
        ("user0", 0), ("user1", 1_500_000), ("user2", 3_000_000),
    ]  # fmt: skip


def test_it_is_told_in_the_order_of_telling() -> None:
    (one,) = read_sequences(sequence("10s use bob told 1m", "20s use bob"))
    assert [happening.told_us for happening in one.given] == [20_000_000, 60_000_000]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not YAML"),
        ("", "expected a list of sequences"),
        ("- given: []", 'sequence 1: expected "name"'),
        (sequence("soon use bob"), '"a case", line 1: expected "5m use alice'),
        (sequence("0s use bob", "1s fly bob"), '"a case", line 2: "fly" is none of'),
        (sequence("0s use bob from mars"), '"from mars": known are'),
        (sequence("0s use bob colour=red"), '"colour" is no field of an event'),
        (sequence("0s use bob from"), '"from" stands alone'),
        (sequence("0s use bob", then="[{severity: bad}]"), '"bad" is no severity'),
        (sequence("0s use bob", then="[{rule: x}]"), "an alert has"),
        (sequence("0s x0 every 1s use bob"), "from 1 to"),
    ],
)
def test_what_cannot_be_played_is_refused_with_its_place(text: str, says: str) -> None:
    with pytest.raises(SequenceError) as refused:
        read_sequences(text)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_unknown_parameter_is_refused() -> None:
    (one,) = read_sequences("- {name: a case, parameters: {limit: 3}, given: [0s use bob], then: []}")
    with pytest.raises(SequenceError, match='"a case": parameter limit'):
        play(Good, one)
