"""No feature tells attack from ordinary life by an accident of the generator.

A small decision tree gets one feature of a session (or of a refused try) at a time, of those that have no business
to tell: which fields are there, how ids and times are formed, in what order the fields stand. It must not be
able to learn from it, for no app and no kind of attack.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.tree import DecisionTreeClassifier

from tests.sample_logs.simulate.simulated import Simulated, Wire

HIGHEST_AUC = 0.75
FEWEST = 24
"""Examples of a kind below which an AUC is noise."""
MOST = 4_000

_OPTIONAL = (
    "device_id", "user_agent", "ip", "user_id", "auth_method", "mfa", "idp", "parent_session_id", "token_generation",
    "user_hint", "gap_min_ms", "gap_dev_ms", "bound", "action", "country", "lat", "asn", "count", "reason",
    "session_id", "attributes", "drill",
)  # fmt: skip
_ORDER = ("schema_version", "event_id", "event_time", "type", "app")

MEANT = {
    ("phishing-takeover", "any action"): "it ends in a sensitive act",
    ("replay-after-logout", "ended"): "it needs a session that was ended",
    ("refresh-replay", "ended"): "it needs a session that goes on",
    ("session-fixation", "first user_id"): "it begins with a refusal before the sign-in",
    ("session-fixation", "first auth_method"): "it begins with a refusal before the sign-in",
    ("session-fixation", "first mfa"): "it begins with a refusal before the sign-in",
    ("session-fixation", "first bound"): "it begins with a refusal before the sign-in",
}
"""Features that tell since the attack consists of them."""

Features = dict[str, float]


def of_event(event: Wire) -> Features:
    """Return the features of one event that say how it was made."""
    time = event["event_time"]
    return {
        **{f"first {name}": float(name in event) for name in _OPTIONAL},
        "minute": float(time[14:16]),
        "second": float(time[17:19]),
        "microsecond": float(time[20:26]),
        "last digits": float(time[23:26]),
        "event id version": float(int(event["event_id"][14], 16)),
        "event id variant": float(int(event["event_id"][19], 16)),
        "event id fraction": float(int(event["event_id"][15:18], 16)),
        "session id length": float(len(event.get("session_id", ""))),
        "device id length": float(len(event.get("device_id", "d-0123456789abcdef"))),
        "user id length": float(len(event.get("user_id", "u00000000"))),
        "order of fields": float(tuple(event)[: len(_ORDER)] == _ORDER),
        "blank agent": float(event.get("user_agent") == ""),
    }


def of_session(events: Sequence[Wire]) -> Features:
    """Return the features of a session that say how it was made."""
    micros = [event["event_time"][20:26] for event in events]
    return {
        **of_event(events[0]),
        **{f"any {name}": float(any(name in event for event in events)) for name in _OPTIONAL},
        "same microsecond": float(len(set(micros)) < len(micros)),
        "ended": float(any(event["type"] == "destroy" for event in events)),
        "null": float(any(value is None for event in events for value in event.values())),
    }


def auc(ordinary: Sequence[Features], attack: Sequence[Features], feature: str) -> float:
    """Return how well a small tree tells the two by one feature, on examples that it has not learned from."""
    column = np.array([[one[feature]] for one in (*ordinary, *attack)])
    truth = np.array([0] * len(ordinary) + [1] * len(attack))
    if len(np.unique(column)) == 1:
        return 0.5
    tree = DecisionTreeClassifier(max_depth=3, min_samples_leaf=5, random_state=0)
    folds = StratifiedKFold(4, shuffle=True, random_state=0)
    likely: Any = cross_val_predict(tree, column, truth, cv=folds, method="predict_proba")
    return float(roc_auc_score(truth, likely[:, 1]))


def shortcuts(ordinary: Sequence[Features], attack: Sequence[Features], kind: str) -> dict[str, float]:
    """Return the features by which an attack could be told though they should not tell."""
    sample = list(ordinary)[:: max(1, len(ordinary) // MOST)]
    scores = {feature: auc(sample, attack, feature) for feature in attack[0] if (kind, feature) not in MEANT}
    return {feature: score for feature, score in scores.items() if score > HIGHEST_AUC}


@pytest.mark.parametrize("app", ["bank", "shop", "crm", "wiki", "sso"])
def test_no_session_is_known_as_attack_by_how_its_events_are_made(attacked: Simulated, app: str) -> None:
    by_kind = defaultdict(list)
    for session_id, events in attacked.sessions.items():
        if events[0]["app"] == app:
            by_kind[attacked.labels[session_id]].append(of_session(events))
    told = {
        kind: found
        for kind, attack in by_kind.items()
        if kind and len(attack) >= FEWEST and (found := shortcuts(by_kind[""], attack, kind))
    }
    assert len(by_kind) > 1
    assert not told


def test_no_refused_try_is_known_as_attack_by_how_its_event_is_made(attacked: Simulated) -> None:
    ordinary, attack = [], []
    for event in attacked.where(type="fail", reason="bad_credentials"):
        subjects = (f"ip:{event.get('ip')}", f"user:{event.get('user_id')}")
        (attack if any(subject in attacked.labels for subject in subjects) else ordinary).append(of_event(event))
    assert min(len(ordinary), len(attack)) > 500
    assert not shortcuts(ordinary, attack[:: max(1, len(attack) // MOST)], "guessing")


def test_the_probe_finds_a_shortcut_where_there_is_one() -> None:
    event = {"event_time": "2026-06-01T00:00:07.000000Z", "event_id": "0" * 36, "device_id": "d"}
    ordinary = [of_event(event) for _ in range(200)]
    attack = [{**one, "first device_id": 0.0} for one in ordinary[:50]]
    assert set(shortcuts(ordinary, attack, "any")) == {"first device_id"}
