"""A trained model: what it knows of its own making, how it scores, and what it says of a session."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from detectors.learned.features import FEATURES, Point
from detectors.learned.forest import Forest, Vectors

YOUNG_SESSIONS = 1_000
YOUNG_DAYS = 7
"""Trained on less of either, a model has not seen what is ordinary, and tells nobody."""

NAMED = 3
"""Features named in an explanation."""


@dataclass(frozen=True)
class OutlierModel:
    """An isolation forest over `FEATURES`, and the score from which a session is told.

    Attributes:
        threshold: of the score; from it on a session is an outlier.
        medians: what is usual, by feature.
        sessions, days: what it was trained on.
    """

    forest: Forest
    threshold: float
    medians: npt.NDArray[np.float32]
    sessions: int
    days: int

    @cached_property
    def model_id(self) -> str:
        """The name under which alerts refer to it; two that say the same have the same."""
        told = f"{self.forest.digest()} {self.threshold} {self.medians.tolist()}"
        return f"session-outlier-{hashlib.sha256(told.encode()).hexdigest()[:12]}"

    @property
    def young(self) -> bool:
        """Whether it has seen too little to tell anybody."""
        return self.sessions < YOUNG_SESSIONS or self.days < YOUNG_DAYS

    def score(self, sessions: Sequence[Sequence[Point]]) -> list[list[float]]:
        """Return the scores of sessions' points, all computed at once."""
        vectors = read_vectors([point.vector for points in sessions for point in points])
        scores = iter(self.forest.scores(vectors).tolist())
        return [[next(scores) for _ in points] for points in sessions]

    def explain(self, points: Sequence[Point]) -> list[list[tuple[int, float]]]:
        """Return for each point the features that moved it most: which, and by how much the score falls without.

        Each feature in turn is replaced by what is usual, and the point scored again; all in one batch.
        """
        if not points:
            return []
        vectors = read_vectors([point.vector for point in points])
        many = len(FEATURES)
        replaced = np.repeat(vectors, many, axis=0)
        each = np.arange(len(replaced))
        replaced[each, each % many] = self.medians[each % many]
        before = self.forest.scores(vectors)[:, None]
        falls = before - self.forest.scores(replaced).reshape(len(points), many)
        # What is usual already cannot have moved it; and ties are broken by the order of features.
        falls[vectors == self.medians] = 0.0
        best = np.argsort(-falls, axis=1, kind="stable")[:, :NAMED]
        return [
            [(int(feature), float(falls[row, feature])) for feature in features if falls[row, feature] > 0]
            for row, features in enumerate(best)
        ]

    def confidence(self, score: float) -> float:
        """Return 0.5 at the threshold, and 1 for the most unlike that there can be."""
        return round(0.5 + 0.5 * (score - self.threshold) / max(1e-9, 1.0 - self.threshold), 3)


def read_vectors(vectors: Sequence[bytes]) -> Vectors:
    """Return vectors as rows."""
    return np.frombuffer(b"".join(vectors), "<f4").reshape(-1, len(FEATURES)).astype(np.float32)
