"""Many sessions of an app are never seen to end: neither a logout, nor a timeout, nor a refusal as expired.

Told once a day and app, when the last session that began on that day must have ended by what the app declares (a
day, where it declares no absolute timeout).

Source: OWASP Session Management Cheat Sheet, "Session Expiration"; section D of the detection set, decision 22.
Known false positives: an app whose emitter does not report expiry, because a store with a time to live forgets its
sessions in silence. Then the share is near 1 and says so.
"""

from __future__ import annotations

from pydantic import Field

from detectors.findings.derived import Derived, ShareParameters
from schemas.alert import Severity


class WithoutEndParameters(ShareParameters):
    """Parameters of sessions-without-end."""

    share: float = Field(0.5, gt=0, le=1, description="Share of a day's sessions without an end from which it is told.")


class SessionsWithoutEnd(Derived):
    """Sessions that nothing ends."""

    id = "sessions-without-end"
    title = "Sessions that are never seen to end"
    attack = ()
    severity = Severity.INFO
    runbook = (
        "Ask whether the app ends its sessions on the server, and whether its emitter reports it when it does.",
        "Benign if its store lets sessions expire by itself and nobody comes back: let the emitter report the refusal.",
        "Else declare and enforce an absolute timeout: a stolen session lives as long as nobody ends it.",
    )
    Parameters = WithoutEndParameters
