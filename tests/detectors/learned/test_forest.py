"""The forest in arrays says what scikit-learn says, and refuses what would lead it astray."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import IsolationForest

from detectors.learned.forest import Forest, ForestError, Vectors

FEATURES = 5


def rows(count: int, seed: int) -> Vectors:
    return np.random.default_rng(seed).normal(size=(count, FEATURES)).astype(np.float32)


ESTIMATOR = IsolationForest(n_estimators=30, max_samples=64, random_state=1).fit(rows(500, 1))
FOREST = Forest.of(ESTIMATOR, FEATURES)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_scores_are_those_of_scikit_learn(seed: int, count: int) -> None:
    vectors = rows(count, seed) * 3
    assert FOREST.scores(vectors) == pytest.approx(-ESTIMATOR.score_samples(vectors), abs=1e-9)


def test_a_row_scores_the_same_whatever_is_scored_with_it() -> None:
    vectors = rows(4_500, 2)
    together = FOREST.scores(vectors)
    assert [float(FOREST.scores(vectors[place : place + 1])[0]) for place in (0, 1_999, 2_000, 4_499)] == [
        float(together[place]) for place in (0, 1_999, 2_000, 4_499)
    ]


def test_no_rows_have_no_scores() -> None:
    assert len(FOREST.scores(rows(0, 1))) == 0


def test_far_away_is_more_unlike() -> None:
    near, far = FOREST.scores(np.array([[0] * FEATURES, [9] * FEATURES], np.float32))
    assert near < 0.5 < far


def test_a_subset_of_features_a_tree_is_understood() -> None:
    some = IsolationForest(n_estimators=20, max_features=0.5, random_state=2).fit(rows(300, 3))
    vectors = rows(20, 4)
    assert Forest.of(some, FEATURES).scores(vectors) == pytest.approx(-some.score_samples(vectors), abs=1e-9)


def odd_tree(**changes: Any) -> SimpleNamespace:
    tree = ESTIMATOR.estimators_[0].tree_
    names = ("children_left", "children_right", "feature", "threshold", "n_node_samples")
    arrays = {name: np.array(getattr(tree, name)) for name in names}
    for name, (place, value) in changes.items():
        arrays[name][place] = value
    member = SimpleNamespace(tree_=SimpleNamespace(**arrays))
    return SimpleNamespace(
        estimators_=[member], estimators_features_=[np.arange(FEATURES)], n_features_in_=FEATURES, max_samples_=64
    )


def test_a_tree_rebuilt_from_its_arrays_is_taken() -> None:
    Forest.of(odd_tree(), FEATURES)


@pytest.mark.parametrize(
    "changes",
    [
        {"children_left": (0, 1_000_000)},
        {"children_right": (0, 0)},
        {"feature": (0, 99)},
        {"feature": (0, -7)},
        {"n_node_samples": (0, -3)},
    ],
)
def test_a_tree_that_points_outside_is_refused(changes: dict[str, tuple[int, int]]) -> None:
    with pytest.raises(ForestError):
        Forest.of(odd_tree(**changes), FEATURES)


@pytest.mark.parametrize("other", [ESTIMATOR.estimators_[0], "text", None])
def test_what_is_no_forest_is_refused(other: object) -> None:
    with pytest.raises(ForestError, match="not an isolation forest over 5 features"):
        Forest.of(other, FEATURES)


def test_a_forest_over_other_features_is_refused() -> None:
    with pytest.raises(ForestError, match="over 6 features"):
        Forest.of(ESTIMATOR, 6)
