"""What an identity provider says, as alerts about the sessions of its realm."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

import msgspec

from detectors.plan import RuleSetting
from response.ssf import vocabulary
from response.ssf.subject import Subject
from response.ssf.verify import ReceivedSet
from response.ssf.vocabulary import CREDENTIAL_CHANGE, IDP_RULES, RISK_LEVEL_CHANGE, SESSION_REVOKED
from response.text import safe
from schemas.alert import Alert, Evidence, Mode, Severity, alert_id
from schemas.instant import HOUR, SECOND
from store.rows import IdpSession

STALE_US = HOUR
"""What happened longer ago is told, and ends no session by itself: people have signed in again since."""

MAX_SESSIONS = 100
"""Of one statement at most; the guard counts each."""

EVERY_SESSION = "ALL"
"""As Keycloak 26.7 names the session where it has logged a user out as a whole: then the user is meant."""

_NAMESPACE = uuid.UUID("5e551094-4a7c-5c8e-9d0f-a1e27a1e2705")
_RISK = {"HIGH": Severity.HIGH, "MEDIUM": Severity.MEDIUM, "LOW": Severity.INFO}
_VERSION = 1


class Provider(msgspec.Struct, frozen=True):
    """An identity provider, as far as its word counts.

    Attributes:
        name: as in the configuration.
        issuer: whose subjects its events are about.
        realm: in whose apps it may end sessions.
        apps: the declared apps of that realm.
        mode: of the alerts: `enforce` lets policy and guard act on them.
        lookback_us: how long ago a session of these apps can have begun.
        settings: of the rules in the configuration, by id.
    """

    name: str
    issuer: str
    realm: str
    apps: tuple[str, ...]
    mode: Mode
    lookback_us: int
    settings: Mapping[str, RuleSetting] = {}

    def mode_of(self, rule_id: str, app: str) -> Mode:
        """Return how far an alert goes: as the rule is set, else as the provider is."""
        setting = self.settings.get(rule_id, RuleSetting())
        return setting.by_app.get(app, RuleSetting()).mode or setting.mode or self.mode

    def severity_of(self, rule_id: str, app: str, said: Severity) -> Severity:
        """Return how bad an alert is: as the rule is set, else as was said."""
        setting = self.settings.get(rule_id, RuleSetting())
        return setting.by_app.get(app, RuleSetting()).severity or setting.severity or said


def session_of(sub_id: Subject) -> str | None:
    """Return the session at the identity provider that a subject names."""
    session = sub_id.get("session") if sub_id.get("format") == "complex" else None
    if isinstance(session, Mapping) and session.get("format") == "opaque" and session["id"] != EVERY_SESSION:
        return str(session["id"])
    return None


def user_of(sub_id: Subject, issuer: str) -> str | None:
    """Return the user that a subject names, as the apps of the realm know them.

    Args:
        sub_id: of the token.
        issuer: of the token; it says nothing about the users of another one.
    """
    user = sub_id.get("user") if sub_id.get("format") == "complex" else sub_id
    if not isinstance(user, Mapping):
        return None
    match user.get("format"):
        case "iss_sub":
            return str(user["sub"]) if user["iss"] == issuer else None
        case "opaque":
            return str(user["id"])
        case "email":
            return str(user["email"])
    return None


def alerts_of(
    provider: Provider, received: ReceivedSet, sessions: Sequence[IdpSession], user_id: str | None, now_us: int
) -> list[Alert]:
    """Return the alerts that a statement leads to: one for each session that had begun before; else one for the user.

    Args:
        provider: who says so.
        received: what.
        sessions: that it is about and that have not ended.
        user_id: whom it is about.
        now_us: the pipeline's clock, microseconds since the epoch.
    """
    rule_id = IDP_RULES.get(received.event_type)
    if rule_id is None or not provider.apps:
        return []
    # The provider counts in seconds: what began within that one had begun.
    until_us = received.happened_us + SECOND
    before = [one for one in sessions if one.app in provider.apps and one.first_us < until_us]
    alerts = [_of_session(provider, received, rule_id, one, now_us) for one in before[:MAX_SESSIONS]]
    if not alerts and user_id is not None and rule_id != IDP_RULES[SESSION_REVOKED]:
        alerts = [_of_user(provider, received, rule_id, user_id, now_us)]
    return [alert for alert in alerts if alert.mode != "off"]


def _of_session(provider: Provider, received: ReceivedSet, rule_id: str, session: IdpSession, now_us: int) -> Alert:
    alert = _alert(provider, received, rule_id, session.app, session.session_id, now_us)
    alert.key_kind, alert.session_id, alert.user_id = "session", session.session_id, session.user_id
    # The provider's word is about a session that is in use here: without that nothing may be ended (decision 27).
    used = Evidence(session.last_event_id, session.last_us, "the app accepted the session")
    alert.evidence = (used, *alert.evidence)
    return alert


def _of_user(provider: Provider, received: ReceivedSet, rule_id: str, user_id: str, now_us: int) -> Alert:
    alert = _alert(provider, received, rule_id, provider.apps[0], user_id, now_us)
    alert.user_id = user_id
    return alert


def _alert(provider: Provider, received: ReceivedSet, rule_id: str, app: str, value: str, now_us: int) -> Alert:
    fact = summary(provider.name, received)
    # The console looks evidence up by a UUID.
    evidence_id = str(uuid.uuid5(_NAMESPACE, f"{len(provider.name)}:{provider.name}{received.jti}"))
    return Alert(
        alert_id=alert_id(rule_id, app, value, f"{provider.name} {received.jti}"),
        rule_id=rule_id,
        rule_version=_VERSION,
        severity=provider.severity_of(rule_id, app, severity(received)),
        mode=provider.mode_of(rule_id, app),
        app=app,
        key_kind="user",
        key_value=value,
        event_time_us=received.happened_us,
        first_event_time_us=received.happened_us,
        last_event_time_us=received.happened_us,
        summary=fact,
        evidence=(Evidence(evidence_id, received.happened_us, fact),),
        late=now_us - received.happened_us > STALE_US,
    )


def severity(received: ReceivedSet) -> Severity:
    """Return how bad a statement is: a session or account that is gone is high, a risk what the provider calls it."""
    if received.event_type == RISK_LEVEL_CHANGE:
        return _RISK.get(str(received.event.get("current_level")), Severity.MEDIUM)
    return Severity.MEDIUM if received.event_type == CREDENTIAL_CHANGE else Severity.HIGH


def summary(name: str, received: ReceivedSet) -> str:
    """Return a statement as a sentence; what the provider writes into it is cut and defused."""
    event = received.event
    match received.event_type:
        case vocabulary.SESSION_REVOKED:
            said = "the session was revoked"
        case vocabulary.CREDENTIAL_CHANGE:
            said = f"a credential changed ({_word(event, 'credential_type')} {_word(event, 'change_type')})"
        case vocabulary.RISK_LEVEL_CHANGE:
            said = f"the risk level is {_word(event, 'current_level')}, it was {_word(event, 'previous_level')}"
        case _:
            said = "the account was disabled"
    reason = event.get("reason_admin")
    words = next((str(text) for text in reason.values()), "") if isinstance(reason, Mapping) else ""
    return f"The identity provider {name} says that {said}" + (f": {safe(words)}" if words else "")


def _word(event: Mapping[str, object], name: str) -> str:
    return safe(str(event.get(name, "unknown")), 40)
