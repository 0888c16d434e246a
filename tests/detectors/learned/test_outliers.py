"""What the learned detector tells, of whom, how, and to whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from detectors.exceptions import Exceptions, RuleException
from detectors.learned.model import OutlierModel
from detectors.plan import RuleSetting
from schemas.alert import Alert, Severity, alert_id
from schemas.event import Event
from schemas.instant import DAY
from tests.detectors.learned.past import model, ordinary_sessions, plan
from tests.detectors.story import (
    CURL,
    NEW_YORK,
    START_US,
    default_apps,
    final_alerts,
    login,
    logout,
    new_detection,
    use,
)

THEFT = (login("alice", 0), *[use("alice", 10 * number, NEW_YORK, CURL) for number in range(1, 30)])


def told(
    *stream: Event,
    the_model: OutlierModel | None = None,
    setting: RuleSetting | None = None,
    exceptions: Exceptions | None = None,
) -> Mapping[str, Alert]:
    detection = new_detection(plan(the_model or model(), setting, exceptions), default_apps())
    return final_alerts([detection.process(stream).changes, detection.finish().changes])


def test_a_theft_is_unlike_the_sessions_of_the_past() -> None:
    (found,) = told(*THEFT).values()
    assert (found.rule_id, found.key_kind, found.key_value) == ("session-outlier", "session", "s_alice")
    assert found.model_id == model().model_id
    assert found.severity == Severity.MEDIUM
    assert 0.5 <= found.confidence <= 1


def test_its_id_is_that_of_a_session_rule() -> None:
    assert list(told(*THEFT)) == [alert_id("session-outlier", "bank", "s_alice", "session")]


def test_an_ordinary_session_is_not_told() -> None:
    uses = [use("alice", 60 * number) for number in range(1, 15)]
    assert not told(login("alice", 0), *uses, logout("alice", 900))


def test_most_of_another_past_is_ordinary() -> None:
    assert len(told(*ordinary_sessions(200, seed=2))) <= 4


def test_it_is_explained_by_the_three_features_that_moved_it_most() -> None:
    (found,) = told(*THEFT).values()
    assert len(found.usual) == 3
    assert found.summary.startswith("Unlike the sessions of the past at ")
    for words, usual in found.usual.items():
        assert f"{words} " in found.summary
        assert usual


def test_a_feature_that_is_as_usual_explains_nothing() -> None:
    (found,) = told(*THEFT).values()
    assert "refused uses" not in found.usual
    assert "sensitive acts" not in found.usual


def test_the_evidence_is_the_events_at_which_it_was_looked_at() -> None:
    (found,) = told(*THEFT).values()
    known = {event.event_id: event.time_us for event in THEFT}
    assert found.hits == len(found.evidence)
    assert all(known[one.event_id] == one.time_us for one in found.evidence)
    assert found.event_time_us == found.evidence[0].time_us


def test_it_starts_in_shadow_and_nothing_but_the_configuration_promotes_it() -> None:
    (shadow,) = told(*THEFT).values()
    (alert,) = told(*THEFT, setting=RuleSetting(mode="alert")).values()
    assert (shadow.mode, alert.mode) == ("shadow", "alert")


@pytest.mark.parametrize("change", [{"sessions": 999}, {"days": 6}])
def test_a_young_model_stays_in_shadow_whatever_is_set(change: dict[str, int]) -> None:
    young = replace(model(), **change)  # type: ignore[arg-type]
    (found,) = told(*THEFT, the_model=young, setting=RuleSetting(mode="enforce")).values()
    assert found.mode == "shadow"


def test_a_severity_can_be_set_by_app() -> None:
    setting = RuleSetting(by_app={"bank": RuleSetting(severity=Severity.LOW)})
    (found,) = told(*THEFT, setting=setting).values()
    assert found.severity == Severity.LOW


def test_switched_off_for_an_app_it_is_absent_there() -> None:
    assert not told(*THEFT, setting=RuleSetting(by_app={"bank": RuleSetting(mode="off")}))


def test_without_a_model_there_is_nothing_to_tell() -> None:
    detection = new_detection(plan(None), default_apps())
    assert detection.outliers is None
    assert not detection.process(THEFT).changes


@pytest.mark.parametrize(
    "where", [{"network": "198.51.100.0/24"}, {"asn": 64_530}, {"user_id": "alice"}, {"agent": "curl/*"}]
)
def test_an_excepted_hit_is_a_record_and_no_more(where: dict[str, object]) -> None:
    excepted = RuleException("session-outlier", "soc", "a known tool", START_US + DAY, **where)  # type: ignore[arg-type]
    setting = RuleSetting(mode="alert")
    (found,) = told(*THEFT, setting=setting, exceptions=Exceptions([excepted])).values()
    assert found.suppressed_by == "soc: a known tool"
    assert found.mode == "shadow"


def test_other_models_other_state() -> None:
    apps = default_apps()
    one, other = plan(model()), plan(model(0.5))
    assert one.fingerprint(apps) != other.fingerprint(apps) != plan(None).fingerprint(apps)


def test_it_is_withdrawn_where_a_point_turns_out_never_to_have_been() -> None:
    """The session looked stolen; then a new login is told, from that very place and with that client."""
    detection = new_detection(plan(model(0.6)), default_apps())
    stolen = [use("alice", 0), *[use("alice", 10 + number, NEW_YORK, CURL) for number in range(1, 4)]]
    raised = detection.process(stolen).changes
    back = detection.process([login("alice", 10.5, NEW_YORK, CURL)]).changes
    assert [change.kind for change in (*raised, *back)] == ["raised", "withdrawn"]
    assert back[0].alert.status == "withdrawn"


def test_a_session_that_comes_back_after_its_life_withdraws_nothing() -> None:
    detection = new_detection(plan(model()), default_apps())
    detection.process(THEFT)
    week = 7 * 86_400
    later = detection.process([use("alice", week + 10 * number) for number in range(12)]).changes
    assert not [change for change in later if change.kind == "withdrawn"]
