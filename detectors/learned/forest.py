"""An isolation forest laid out in arrays, and scored all trees at once.

scikit-learn walks its trees one by one, which for a handful of rows is a hundred times the work itself, and it does
not check the numbers of nodes that a file holds. Here they are checked once, and a row alone costs what a row costs.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
Scores = npt.NDArray[np.float64]

_CHUNK = 2_000
"""Rows scored at once: a few megabytes of positions in the trees."""

_EULER = 0.5772156649015329


class ForestError(ValueError):
    """It is no isolation forest over so many features."""


@dataclass(frozen=True, slots=True)
class Forest:
    """Trees one after another; a leaf is its own child.

    Attributes:
        roots: the first node of each tree.
        depth: steps after which every row has come to its leaf.
        feature, threshold: by node.
        children: the left and the right one of each node, in turn.
        path: by node, how long the path to it is, with what would have followed under a leaf of several samples.
        usual_path: the path's average length over the samples of a tree, which makes scores comparable.
        features: length of a vector.
    """

    roots: npt.NDArray[np.intp]
    depth: int
    feature: npt.NDArray[np.intp]
    threshold: npt.NDArray[np.float64]
    children: npt.NDArray[np.intp]
    path: npt.NDArray[np.float64]
    usual_path: float
    features: int

    @classmethod
    def of(cls, estimator: Any, features: int) -> Forest:
        """Return a fitted `sklearn.ensemble.IsolationForest` in this form.

        Args:
            estimator: it.
            features: length of a vector.

        Raises:
            ForestError: it is none, or was fitted to something else.
        """
        parts = [_tree(member.tree_, subset, features) for member, subset in _members(estimator, features)]
        sizes = [len(part.feature) for part in parts]
        roots = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.intp)
        return cls(
            roots,
            max(part.depth for part in parts),
            np.concatenate([part.feature for part in parts]),
            np.concatenate([part.threshold for part in parts]),
            np.concatenate([part.children + root for part, root in zip(parts, roots, strict=True)]),
            np.concatenate([part.path for part in parts]),
            float(_average_path(np.array([float(estimator.max_samples_)]))[0]),
            features,
        )

    def digest(self) -> str:
        """Return what tells forests apart that score differently."""
        found = hashlib.sha256(str(self.usual_path).encode())
        for part in (self.roots, self.feature, self.threshold, self.children, self.path):
            found.update(part.tobytes())
        return found.hexdigest()

    def scores(self, vectors: Vectors) -> Scores:
        """Return how unlike the others each row is: 0.5 is ordinary, near 1 is not.

        The score of Liu et al., ``2 ** (-E(h(x)) / c(n))``; a row's score does not depend on what is scored with it.

        Args:
            vectors: a row each, of `features` numbers.
        """
        scores = np.empty(len(vectors), np.float64)
        for start in range(0, len(vectors), _CHUNK):
            chunk = vectors[start : start + _CHUNK]
            numbers = np.ascontiguousarray(chunk, np.float32).ravel()
            rows = np.arange(len(chunk), dtype=np.intp)[:, None] * self.features
            nodes = np.broadcast_to(self.roots, (len(chunk), len(self.roots)))
            for _ in range(self.depth):
                goes_right = numbers.take(rows + self.feature.take(nodes)) > self.threshold.take(nodes)
                nodes = self.children.take(2 * nodes + goes_right)
            scores[start : start + _CHUNK] = self.path.take(nodes).mean(axis=1)
        return np.asarray(np.exp2(-scores / self.usual_path), np.float64)


@dataclass(frozen=True, slots=True)
class _Tree:
    depth: int
    feature: npt.NDArray[np.intp]
    threshold: npt.NDArray[np.float64]
    children: npt.NDArray[np.intp]
    path: npt.NDArray[np.float64]


def _members(estimator: Any, features: int) -> list[tuple[Any, npt.NDArray[np.intp]]]:
    try:
        members = list(zip(estimator.estimators_, estimator.estimators_features_, strict=True))
        fits = estimator.n_features_in_ == features and members and estimator.max_samples_ >= 2
    except (AttributeError, TypeError, ValueError):
        fits = False
    if not fits:
        raise ForestError(f"not an isolation forest over {features} features")
    return members


def _tree(tree: Any, subset: npt.NDArray[np.intp], features: int) -> _Tree:
    try:
        left, right = np.asarray(tree.children_left, np.intp), np.asarray(tree.children_right, np.intp)
        threshold, samples = np.asarray(tree.threshold, np.float64), np.asarray(tree.n_node_samples, np.float64)
        inner, own = left >= 0, np.arange(len(left))
        asked = np.asarray(tree.feature, np.intp)
        subset = np.asarray(subset, np.intp)
        if not (len(left) == len(right) == len(asked) == len(threshold) == len(samples) > 0):
            raise ForestError("a tree's arrays differ in length")
        # Children stand behind their parent, so a walk always ends; and inside the tree.
        for child in (left[inner], right[inner]):
            if (child <= own[inner]).any() or (child >= len(left)).any():
                raise ForestError("a tree refers to nodes that it does not have")
        if (asked[inner] < 0).any() or (asked[inner] >= len(subset)).any():
            raise ForestError("a tree asks for features that there are not")
        feature = np.where(inner, subset[np.where(inner, asked, 0)], 0)
        if (feature < 0).any() or (feature >= features).any() or (samples < 1).any():
            raise ForestError("a tree asks for features that there are not")
    except (AttributeError, TypeError, ValueError, IndexError) as error:
        raise error if isinstance(error, ForestError) else ForestError("a tree cannot be read") from None
    depths = np.zeros(len(left), np.intp)
    for node in np.flatnonzero(inner):
        depths[left[node]] = depths[right[node]] = depths[node] + 1
    return _Tree(
        int(depths.max()),
        feature,
        threshold,
        np.column_stack([np.where(inner, left, own), np.where(inner, right, own)]).ravel(),
        depths + _average_path(samples),
    )


def _average_path(samples: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return c(n): the average path of an unsuccessful search in a binary tree of so many samples."""
    many = np.maximum(samples, 3.0)
    whole = 2.0 * (np.log(many - 1.0) + _EULER) - 2.0 * (many - 1.0) / many
    return np.where(samples <= 1, 0.0, np.where(samples == 2, 1.0, whole))
