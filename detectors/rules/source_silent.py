"""An app that has its own rhythm of events sends none for longer than that rhythm allows: every rule is blind to it.

The rhythm is the share of minutes in which an hour of the week hears of the app, heartbeats of its emitter included.
A silence is told once so many minutes with an event were due: twenty minutes for an app that is heard of every
minute, hours at night, never on a Sunday on which nobody works. Made by `detectors.silence` from all events and the
pipeline's ticks; a replay of a file does not judge it.

Source: dead man's switch alerts of monitoring systems (Prometheus `absent_over_time`), and the log source health of
SIEM products, with the rhythm by hour of week instead of one fixed limit.
Known false positives: a public holiday, a planned outage, an app that is switched off for good.
"""

from __future__ import annotations

from pydantic import Field

from detectors.findings.derived import Derived
from detectors.parameters import OF_DAYS, Duration, Parameters
from schemas.alert import Severity
from schemas.instant import DAY, MINUTE


class SourceSilentParameters(Parameters):
    """Parameters of source-silent."""

    missed: float = Field(20, ge=1, description="Minutes with an event that were due, from which a silence is told.")
    shortest: Duration = Field(10 * MINUTE, description="A shorter silence is never told.")
    # The rhythm outlives the events that it was learned from.
    learns: Duration = Field(7 * DAY, description="How long a new app is only learned from.", json_schema_extra=OF_DAYS)
    minutes: int = Field(500, ge=1, description="With so many minutes with an event it is judged earlier.")


class SourceSilent(Derived):
    """An app of which nothing is heard."""

    id = "source-silent"
    title = "An app sends nothing any more"
    attack = ("T1562.008",)
    severity = Severity.HIGH
    runbook = (
        "Ask whether the app is up, and look at its emitter: its log, its counters, whether it reaches Kafka.",
        "Benign on a holiday or in a planned outage: say so on the alert.",
        "Else mend the way; what the app did meanwhile nobody has watched, so look at its own log for that time.",
    )
    Parameters = SourceSilentParameters
