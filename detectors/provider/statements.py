"""An identity provider says of a session or user what no event of an app can show: it ended the session, a password
changed, the account was disabled, it thinks that the user is at risk.

Such a statement arrives as a signed token (`[[ssf.transmitters]]`), and becomes an alert about every session of the
realm that is in use under it, else about the user. How far an alert goes is the transmitter's `mode`, unless
`[rules.<id>]` says otherwise. It counts into the risk of user and session as any other alert does.

Source: OpenID Continuous Access Evaluation Profile 1.0, OpenID RISC Profile 1.0, OpenID Shared Signals Framework 1.0.
Known false positives: a user who signs out at the provider ends the session there too, and a password that its owner
has changed is a credential change.
"""

from __future__ import annotations

from detectors.context import SessionContext
from detectors.rule import Rule
from schemas.alert import Severity
from schemas.app import AppPolicy
from schemas.event import Event


class ProviderStatement(Rule[SessionContext, None]):
    """A rule that no event of an app ever completes."""

    key = "session"
    needs = frozenset()
    attack = ("T1078.004",)
    severity = Severity.HIGH
    repeats = False

    def on_event(self, event: Event, context: SessionContext, memory: None, app: AppPolicy) -> None:
        """Say nothing: an app's event is not the provider's word."""


class SessionRevoked(ProviderStatement):
    """CAEP session-revoked."""

    id = "idp-session-revoked"
    title = "The identity provider has ended the session"
    runbook = (
        "See at the provider who ended it, and why: a person, a policy, or the user by signing out.",
        "Benign if the user signed out: the app's own session should still end, so declare back-channel logout.",
        "Else end the app's sessions too, and look at what was done in them since.",
    )


class CredentialChange(ProviderStatement):
    """CAEP credential-change."""

    id = "idp-credential-change"
    title = "The identity provider says that a credential was changed"
    severity = Severity.MEDIUM
    attack = ("T1098",)
    runbook = (
        "See which credential, and from where it was changed.",
        "Benign if the user confirms it by a way that the session does not reach.",
        "Else take the change back at the provider, and end every session of the user.",
    )


class RiskLevelChange(ProviderStatement):
    """CAEP risk-level-change."""

    id = "idp-risk-level-change"
    title = "The identity provider thinks otherwise of the user's risk"
    runbook = (
        "Read at the provider what it is made of.",
        "Benign if the provider has cleared it since.",
        "With other alerts about this user treat it as a sign of takeover.",
    )


class AccountDisabled(ProviderStatement):
    """RISC account-disabled."""

    id = "idp-account-disabled"
    title = "The identity provider has disabled the account"
    runbook = (
        "See at the provider why: hijacked, or the person has left.",
        "Benign if it was a mistake and is enabled again.",
        "Else end every session of the user, and look for changes made in them.",
    )
