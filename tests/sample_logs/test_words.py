"""What alerts say is what was approved: see `words.py` for how to approve anew."""

from __future__ import annotations

import json

import pytest

from detectors.rules import BUILTIN
from tests.sample_logs.words import APPROVED, words_of

WORDS = json.loads(APPROVED.read_text())


@pytest.mark.parametrize("rule_id", sorted(BUILTIN))
def test_a_rule_says_what_was_approved(rule_id: str) -> None:
    assert words_of(rule_id) == WORDS.get(rule_id), "read docs/rules.md on how to approve its words"


def test_nothing_is_approved_that_is_no_rule() -> None:
    assert WORDS.keys() <= BUILTIN.keys()
