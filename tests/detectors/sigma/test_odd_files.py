"""Whatever stands in a file, it is compiled or refused: never a traceback."""

from __future__ import annotations

import copy
from typing import Any

import yaml
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from detectors.sigma import SigmaRefused, SigmaSource, compile_rules
from tests.detectors.sigma.stories import FAILED_LOGIN, GOOD_LOGIN, correlation

BODY = """
type: event_count
rules: [failed_login, good_login]
group-by: [user_id, ip]
timespan: 10m
condition: {gte: 3}
aliases: {who: {failed_login: user_id, good_login: user_id}}
generate: true
"""
MORE = """
id: 8a3f1d52-7d10-4a53-9b7b-5b9f3c1f8e10
status: stable
level: high
tags: [attack.t1110]
falsepositives: [none]
references: [a]
author: me
date: 2026-11-01
sessionwatch: {key: user, dedup: 1h, runbook: [a, b]}
"""
DOCUMENTS = list(yaml.safe_load_all(correlation(BODY, FAILED_LOGIN, GOOD_LOGIN, more=MORE)))

Where = tuple[int | str, ...]


def places(value: Any, where: Where = ()) -> list[Where]:
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [where, *(place for key, one in below for place in places(one, (*where, key)))]


def put(documents: Any, place: Where, value: Any) -> None:
    """Write a value, unless an earlier one took its place away."""
    node = documents
    try:
        for key in place[:-1]:
            node = node[key]
        node[place[-1]] = value
    except (KeyError, IndexError, TypeError):
        return


PLACES = [place for place in places(DOCUMENTS) if place]
ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 10**30)
    | st.floats()
    | st.dates()
    | st.sampled_from(
        ["", "*", "a|b", "selection", "1 of them", "not", "(", "10m", "event_count", "user_id", "one", "\x85"]
    )
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "condition", "re|x", "a|re", "gte", "|all", "ip|cidr"]), inner, max_size=3
        )
    ),
    max_leaves=4,
)


@settings(max_examples=250, deadline=None)
@for_all(st.lists(st.tuples(st.sampled_from(PLACES), ODD), min_size=1, max_size=3))
def test_a_rule_with_odd_values(changes: list[tuple[Where, Any]]) -> None:
    documents: Any = copy.deepcopy(DOCUMENTS)
    for place, value in changes:
        put(documents, place, value)
    compile_or_refuse(yaml.safe_dump_all(documents, allow_unicode=True))


@settings(max_examples=80, deadline=None)
@for_all(st.text(max_size=200) | st.text("-: []{}&*!|>'\"#\n\tabc", max_size=80))
def test_any_text(text: str) -> None:
    compile_or_refuse(text)


@settings(max_examples=80, deadline=None)
@for_all(st.integers(0, 2_000), st.text(max_size=3))
def test_a_rule_with_a_few_signs_more(position: int, text: str) -> None:
    whole = correlation(BODY, FAILED_LOGIN, GOOD_LOGIN, more=MORE)
    compile_or_refuse(whole[:position] + text + whole[position:])


def compile_or_refuse(text: str) -> None:
    try:
        compile_rules([SigmaSource("odd.yml", text)])
    except SigmaRefused as refused:
        told = refused
    else:
        return
    assert told.problems
    for problem in told.problems:
        assert str(problem).startswith("odd.yml:")
        assert "\n" not in str(problem)
