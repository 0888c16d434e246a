"""Each kind of attack, as it happens in a month of ordinary life, is caught at its loud and its middle strength."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from detectors.plan import Plan
from ingest.replay import replay
from sample_logs.simulate.attacks import KINDS, Attack
from sample_logs.simulate.labels import Labels
from sample_logs.simulate.month import Month
from sample_logs.simulate.scene import Scene
from schemas.alert import Severity
from sessionwatch.evaluation import AttackedEvents, read_labels, subjects_of
from sessionwatch.workshop.month import simulated_apps, simulated_places

Told = tuple[str, str, int]
"""Kind, strength and number of an attack."""

BY_DESIGN_LOW = {"credential-sharing"}
"""Their rules are low: a record to look at beside others, and nothing that people are told of."""
TOO_LITTLE = {("credential-sharing", "plain")}
"""A friend who comes twice a day, beside an owner who comes twice a week: nothing shows for most of the hours that
both are at it. A scenario shows the kind, `one-account-two-cities`."""


class Remembering:
    """Remembers which sessions and addresses belong to which attack, as the attacks are carried out."""

    def __init__(self) -> None:
        self.subjects: dict[str, Told] = {}

    def around(self, attack: Attack) -> Attack:
        def carry_out(scene: Scene) -> None:
            attack.carry_out(scene)
            told = (scene.kind, scene.strength, scene.number)
            for session in (*scene.desk.sessions, *scene.sessions):
                if session.attack == scene.kind:
                    self.subjects.setdefault(session.session_id, told)
            for subject, _ in scene.subjects:
                self.subjects.setdefault(subject, told)

        return replace(attack, carry_out=carry_out)


@pytest.fixture(scope="module")
def caught() -> dict[Told, Severity]:
    """The attacks of three weeks, each with the gravest alert about it; info where there is none."""
    remembering, labelled = Remembering(), io.StringIO(newline="")
    with pytest.MonkeyPatch.context() as patch:
        for kind, attack in KINDS.items():
            patch.setitem(KINDS, kind, remembering.around(attack))
        lines = list(Month(120, 21, 21, attack_rate=40.0).lines(Labels(labelled)))
    labels = read_labels(io.StringIO(labelled.getvalue()), "labels")
    events = AttackedEvents(labels)
    gravest = dict.fromkeys(remembering.subjects.values(), Severity.INFO)
    for alert in replay(events.watch(lines), Plan({}), simulated_apps(), simulated_places()).alerts:
        for subject in (subjects_of(alert) | events.of(alert)) & remembering.subjects.keys():
            told = remembering.subjects[subject]
            gravest[told] = max(gravest[told], alert.severity, key=lambda severity: severity.rank)
    return gravest


@pytest.mark.parametrize("strength", ["loud", "plain"])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_half_of_a_kind_at_least_are_caught(caught: dict[Told, Severity], kind: str, strength: str) -> None:
    if (kind, strength) in TOO_LITTLE:
        pytest.skip("leaves too little evidence, see TOO_LITTLE")
    least = Severity.LOW if kind in BY_DESIGN_LOW else Severity.MEDIUM
    severities = [severity for told, severity in caught.items() if told[:2] == (kind, strength)]
    found = sum(severity.rank >= least.rank for severity in severities)
    assert severities
    assert 2 * found >= len(severities), f"{found} of {len(severities)}"
