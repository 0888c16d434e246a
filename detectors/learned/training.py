"""Training: sessions of the past are looked at as the pipeline would, and a forest is fitted to what they look like."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors.engine import Engine
from detectors.learned.features import FEATURES, Trace
from detectors.learned.forest import Forest
from detectors.learned.model import OutlierModel, read_vectors
from detectors.learned.session_outlier import SessionOutlier
from detectors.plan import Plan
from schemas.app import Apps
from schemas.event import Event
from schemas.instant import DAY, HOUR
from schemas.signal import Signal

TREES = 100
SAMPLES = 256
"""Sessions a tree sees. Few, so that rare ones stay rare in it; both numbers are those of Liu et al."""

MAX_SESSIONS = 200_000
"""Sessions learned from at once, some 100 MB; of more, an even choice by a checksum of their ids."""

FEWEST_SESSIONS = 100
HELD_OUT = 0.3
"""The share of users whose sessions, whole lives of them, set the threshold: the forest has seen none of theirs. A
choice by time alone would leave the long-lived out, which have had the most occasions to look odd."""

NEWEST = 0.3
NEWEST_US = 7 * DAY
"""The newest sessions of the others, at most so many and of so many days, must keep the promise too: times change."""

BUSY = 10
"""Who has so many times the sessions of a usual user is a robot, and no sample of people: always learned from."""

_SWEEP_US = HOUR
_QUIET_DAY = 20
"""A day with less than this part of the busiest one's sessions is not one of history."""


class TrainingError(ValueError):
    """There is too little to learn from: one line."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What training led to.

    Attributes:
        estimator: the fitted `sklearn.ensemble.IsolationForest`.
        began_us, ended_us: the window of event time.
        days: those of the window of which there is history: a single old session is none.
        sessions: those that were learned from; `left_out` more were flagged by other detectors.
        held_out: of them, those of held-out users, which set the threshold.
    """

    estimator: Any
    threshold: float
    medians: npt.NDArray[np.float32]
    began_us: int
    ended_us: int
    days: int
    sessions: int
    left_out: int
    held_out: int
    vectors: int

    @property
    def model(self) -> OutlierModel:
        """It as it scores."""
        forest = Forest.of(self.estimator, len(FEATURES))
        return OutlierModel(forest, self.threshold, self.medians, self.sessions, self.days)


@dataclass(frozen=True, slots=True)
class Lesson:
    """A session to learn from: when it began, whose it was, and its points."""

    began_us: int
    user: str
    vectors: tuple[bytes, ...]


class Lessons:
    """Looks at a history's sessions with the rule itself, so that training sees what judging will see.

    Args:
        apps: what each app declares.
        bound: sessions kept.
    """

    def __init__(self, apps: Apps, bound: int = MAX_SESSIONS) -> None:
        plan = Plan(rules={SessionOutlier.id: SessionOutlier})
        # A history may be of apps that nobody has declared.
        self._engine = Engine(plan, apps, untrusted_bound=1_000_000)
        self._bound = bound
        self._sessions: dict[tuple[int, str], Lesson] = {}
        self._flagged: set[str] = set()
        self._limit: int | None = None
        self._swept_us = 0
        self.began_us = 0
        self.ended_us = 0

    def take(self, items: Iterable[Event | Signal]) -> None:
        """Look at more of the history, in the order in which it was told."""
        told = list(items)
        self._engine.process(told)
        names: set[tuple[str, str]] = set()
        for item in told:
            if isinstance(item, Signal):
                if item.kind == "session_flagged":
                    self._flagged.add(f"{item.app} {item.session_id}")
                continue
            self.began_us = min(self.began_us or item.time_us, item.time_us)
            self.ended_us = max(self.ended_us, item.time_us)
            if item.session_id is not None:
                names.add((item.app, item.session_id))
        for app, session_id in sorted(names):
            self._keep(app, session_id)
        if self.ended_us - self._swept_us > _SWEEP_US:
            self._swept_us = self.ended_us
            self._engine.expire(self.ended_us)

    def fit(self, seed: int, per_thousand: float) -> Trained:
        """Fit a forest to the sessions that nothing was alleged of.

        Args:
            seed: the same sessions and seed give the same forest.
            per_thousand: of a thousand sessions like those of the past, how many may be told.

        Raises:
            TrainingError: there are too few sessions.
        """
        from sklearn.ensemble import IsolationForest  # type: ignore[import-untyped]

        known = sorted((lesson.began_us, name, lesson) for (_, name), lesson in self._sessions.items())
        clean = [lesson for _, name, lesson in known if name not in self._flagged]
        if len(clean) < FEWEST_SESSIONS:
            raise TrainingError(
                f"only {len(clean)} sessions with enough uses to look at; at least {FEWEST_SESSIONS} are needed"
            )
        learned, held_out, newest = self._split(clean)
        seen = read_vectors([vector for lesson in learned for vector in lesson.vectors])
        estimator = IsolationForest(
            n_estimators=TREES, max_samples=min(SAMPLES, len(seen)), random_state=seed, n_jobs=1
        ).fit(seen)
        forest = Forest.of(estimator, len(FEATURES))
        threshold = max(_threshold(forest, some, per_thousand) for some in (held_out, newest) if some)
        return Trained(
            estimator=estimator,
            threshold=threshold,
            medians=np.median(seen, axis=0).astype(np.float32),
            began_us=self.began_us,
            ended_us=self.ended_us,
            days=_days(lesson.began_us for lesson in clean),
            sessions=len(clean),
            left_out=len(known) - len(clean),
            held_out=len(held_out),
            vectors=len(seen),
        )

    def _split(self, clean: list[Lesson]) -> tuple[list[Lesson], list[Lesson], list[Lesson]]:
        """Return the sessions to learn from, those of held-out users, and the newest of the other users."""
        by_user = Counter(lesson.user for lesson in clean)
        usual = sorted(by_user.values())[len(by_user) // 2]
        held = {user for user, count in by_user.items() if count <= BUSY * usual and _is_held_out(user)}
        held_out = [lesson for lesson in clean if lesson.user in held]
        others = [lesson for lesson in clean if lesson.user not in held]
        if min(len(held_out), len(others)) < FEWEST_SESSIONS // 4:
            # Of so few users nobody can be spared.
            held_out, others = [], clean
        cut_us = max(self.ended_us - NEWEST_US, others[round((1 - NEWEST) * len(others))].began_us)
        learned = [lesson for lesson in others if lesson.began_us < cut_us]
        newest = [lesson for lesson in others if lesson.began_us >= cut_us]
        if min(len(learned), len(newest)) < FEWEST_SESSIONS // 4:
            # A history of an hour has no newest part: what is known is all there is.
            learned, newest = others, [] if held_out else others
        return learned, held_out, newest

    def _keep(self, app: str, session_id: str) -> None:
        state = self._engine.family(self._engine.family_of(app, session_id))
        memory = None if state is None else state.memory.get(f"{SessionOutlier.id} {session_id}")
        if not isinstance(memory, Trace) or not memory.points:
            return
        name = f"{app} {session_id}"
        key = (zlib.crc32(name.encode("utf-8", "replace")), name)
        if self._limit is not None and key[0] > self._limit:
            return
        user = next((point.user_id for point in reversed(memory.points) if point.user_id is not None), name)
        self._sessions[key] = Lesson(memory.begun_us, user, tuple(point.vector for point in memory.points))
        if len(self._sessions) >= 2 * self._bound:
            kept = sorted(self._sessions)[: self._bound]
            self._limit = kept[-1][0]
            self._sessions = {one: self._sessions[one] for one in kept}


def _is_held_out(user: str) -> bool:
    # By a checksum, so that more history of the same users changes little.
    return zlib.crc32(f"held out {user}".encode("utf-8", "replace")) < HELD_OUT * 2**32


def _threshold(forest: Forest, lessons: Sequence[Lesson], per_thousand: float) -> float:
    """Return the score that so many in a thousand sessions like these reach, at most.

    Sessions that the forest has not seen are as good a guess as any of the next one, so that the k-th highest of n is
    exceeded by the next with a chance of k / (n + 1): split conformal prediction (Vovk, Gammerman, Shafer 2005). Fewer
    than the promise needs give the highest score there is.
    """
    scores = iter(forest.scores(read_vectors([vector for one in lessons for vector in one.vectors])).tolist())
    highest = sorted((max(next(scores) for _ in one.vectors) for one in lessons), reverse=True)
    told = int(per_thousand / 1000 * (len(highest) + 1))
    return float(np.nextafter(highest[min(told, len(highest) - 1)], 1.0))


def _days(began: Iterable[int]) -> int:
    sessions = Counter(time_us // DAY for time_us in began)
    return sum(_QUIET_DAY * count >= max(sessions.values()) for count in sessions.values())
