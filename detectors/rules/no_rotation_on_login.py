"""In one app and day many logins go on under the session id that was known before them.

Source: OWASP Session Management Cheat Sheet, "Renew the Session ID After Any Privilege Level Change"; made from the
alerts of `session-fixation`, decision 22.
Known false positives: none known; an app that declares `rotates_on_login = false` has decided so, and is told all
the same.
"""

from __future__ import annotations

from detectors.findings.derived import Derived, Share, ShareParameters
from schemas.alert import Severity


class NoRotationOnLogin(Share, Derived):
    """A share of logins keeps the session id."""

    id = "no-rotation-on-login"
    title = "Login keeps the session id"
    attack = ("T1563",)
    severity = Severity.HIGH
    reads = frozenset({"session-fixation"})
    runbook = (
        "Compare the session cookie before and after a login to the app.",
        "Benign if only one login path does it and that path is a documented account switch.",
        "Give every login a new session id and end the old one.",
    )
    counted = "logins"
    found = "logins went on under the id from before,"
    Parameters = ShareParameters
