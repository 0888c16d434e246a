"""Drills again and again: each at its own pace, and one that is missed is itself an alert."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from sessionwatch_emitter.errors import EmitterError

from sessionwatch.commands.remote import Remote
from sessionwatch.config import Settings
from sessionwatch.drills.carry_out import carry_out, report
from sessionwatch.drills.outcome import Outcome
from sessionwatch.drills.plan import DrillPlan
from sessionwatch.errors import CommandError

Open = Callable[[], Remote]


class Schedule:
    """Carries out drills by a file.

    Args:
        settings: of the deployment.
        plans: the drills.
        connect: opens the way to the running pipeline, anew for each drill: it may have been restarted.
        told: told of every outcome, and of the id of the alert where it was missed.
        failed: told why a drill could not be carried out, or not be told as missed.
    """

    def __init__(
        self,
        settings: Settings,
        plans: Sequence[DrillPlan],
        connect: Open,
        told: Callable[[Outcome, str | None], None],
        failed: Callable[[DrillPlan, str], None],
    ) -> None:
        self._settings = settings
        self._plans = plans
        self._connect = connect
        self._told = told
        self._failed = failed

    def once(self) -> bool:
        """Carry out every drill once; return whether all were noticed as they should be."""
        outcomes = [self._drill(plan) for plan in self._plans]
        return all(outcomes)

    def run(self, stop: threading.Event) -> None:
        """Carry out every drill when it is due, until told to stop."""
        due = {place: time.monotonic() for place in range(len(self._plans))}
        while not stop.is_set():
            place = min(due, key=lambda one: due[one])
            if stop.wait(max(0.0, due[place] - time.monotonic())):
                return
            plan = self._plans[place]
            due[place] = time.monotonic() + plan.every / 1e6
            self._drill(plan)

    def _drill(self, plan: DrillPlan) -> bool:
        try:
            remote = self._connect()
        except CommandError as error:
            self._failed(plan, str(error))
            return False
        try:
            outcome = carry_out(self._settings, remote, plan)
            self._told(outcome, report(remote, outcome) if outcome.missed else None)
        except (CommandError, EmitterError) as error:
            self._failed(plan, str(error))
            return False
        finally:
            remote.close()
        return not outcome.missed
