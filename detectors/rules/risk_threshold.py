"""The alerts of one user, none of them grave, add up: a score of risk reaches a threshold.

The score is made by `detectors.findings.risk` from the alerts of all of the user's sessions; each counts for less
as it grows older. The lower threshold tells only what no alert of high severity has told already; the higher one,
of three rules at least, puts an account that is being taken over before the others. Once a day and user.

Source: risk-based alerting as in Splunk's "Risk Incident Rules" and Elastic's entity risk score (several weak signs
of several kinds, one notable event); the figures are our own.
Known false positives: a user who travels, changes device and forgets the password on one day.
"""

from __future__ import annotations

from pydantic import Field

from detectors.findings.derived import Derived
from detectors.parameters import Duration, Parameters
from schemas.alert import Severity
from schemas.instant import DAY


class RiskThresholdParameters(Parameters):
    """Parameters of risk-threshold."""

    medium: float = Field(70, gt=0, le=100, description="Score from which it is medium, where no grave alert stands.")
    high: float = Field(97, gt=0, le=100, description="Score from which it is high, whatever else stands.")
    rules: int = Field(3, ge=1, description="Rules that must have contributed.")
    half_life: Duration = Field(DAY, description="After this long an alert counts for half.")


class RiskThreshold(Derived):
    """A user's score of risk."""

    id = "risk-threshold"
    title = "Several signs about one user add up"
    attack = ("T1078",)
    severity = Severity.HIGH
    runbook = (
        "Read the contributions: which rules, on which sessions, from which networks.",
        "Benign if one ordinary event explains them all, such as a journey with a new laptop: say so on each.",
        "Else ask the user, end the sessions that nobody knows, and reset the password.",
    )
    Parameters = RiskThresholdParameters
