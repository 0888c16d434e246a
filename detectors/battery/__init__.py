"""The battery: what every rule passes, shipped or not.

    from detectors.battery import Subject, examine

    def test_the_rule_passes_the_battery() -> None:
        assert examine(Subject(MyRule)) == []

Each failure is one line that names the rule and the check. What a rule's own sequences show it can be handed in as
`Subject(MyRule, streams=...)`, and ordinary life beyond the battery's own as `ordinary=...`; with the simulated month
in small it is `sessionwatch.workshop.month.lived_through(MyRule)`.
"""

from __future__ import annotations

from detectors.battery.checks import CHECKS, Check, Failure, examine
from detectors.battery.subject import Subject

__all__ = ["CHECKS", "Check", "Failure", "Subject", "examine"]
