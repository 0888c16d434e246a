"""In one app and day many sessions are accepted after their own logout: it clears the cookie and no more.

Source: OWASP ASVS 5.0 V7.4.1 (logout ends the session on the server); made from the alerts of `use-after-destroy`,
decision 22.
Known false positives: a cache in front of the app that answers for it after the logout.
"""

from __future__ import annotations

from detectors.findings.derived import Derived, Share, ShareParameters
from schemas.alert import Severity


class LogoutNotServerSide(Share, Derived):
    """A share of logged-out sessions is still accepted."""

    id = "logout-not-server-side"
    title = "Logout does not end the session on the server"
    attack = ("T1550.004",)
    severity = Severity.HIGH
    reads = frozenset({"use-after-destroy"})
    runbook = (
        "Log out of the app yourself, send the old cookie again, and see whether it is accepted.",
        "Benign only if what was accepted asks for no session, such as a public page: then the emitter reports it "
        "wrongly.",
        "Let the logout delete the session on the server; until then revoke stolen sessions, a logout does not help.",
    )
    counted = "logouts"
    found = "sessions that were logged out were used again,"
    Parameters = ShareParameters
