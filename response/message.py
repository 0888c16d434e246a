"""The text of a chat message: the facts that a person needs, on one screen."""

from __future__ import annotations

from response.chat_templates import Templates
from response.text import safe
from schemas.alert import Alert
from schemas.instant import to_datetime
from schemas.revocation import Revocation

MAX_FACTS = 4
"""Evidence shown in chat: the newest; the rest stands in the alert."""
_SHORT = 80
_LONGEST_DONE = 600
"""Characters: several acts, each in a sentence; and one may quote an app's name or a person's reason."""

ENGLISH = Templates()


def alert_title(alert: Alert, templates: Templates = ENGLISH) -> str:
    """Return the headline of an alert."""
    return templates.text("title", _facts(alert, "", None, templates))


def alert_body(alert: Alert, done: str, link: str | None = None, templates: Templates = ENGLISH) -> str:
    """Return what happened to whom, from where to where, and what was done.

    Args:
        alert: as it is now.
        done: what it led to, a sentence without a full stop.
        link: its page in the console, where there is one.
        templates: of a locale.
    """
    return templates.alert(alert.severity, _facts(alert, done, link, templates))


def withdrawn_body(alert: Alert, done: str, link: str | None = None, templates: Templates = ENGLISH) -> str:
    """Return that an alert does not hold any more, and what is left of it.

    Args:
        alert: as it is now.
        done: what becomes of its revocation.
        link: its page in the console, where there is one.
        templates: of a locale.
    """
    return templates.text("withdrawn", _facts(alert, done, link, templates))


def held_facts(revocation: Revocation, waiting: int) -> dict[str, str]:
    """Return what is told where the guard holds revocations of an app.

    Args:
        revocation: the first that was held.
        waiting: how many of the app wait in all.
    """
    return {
        "app": safe(revocation.app, _SHORT),
        "waiting": str(waiting),
        "why": safe(revocation.note),
        "revocation": revocation.revocation_id,
        "rule": safe(revocation.rule_id or "-", _SHORT),
    }


def _facts(alert: Alert, done: str, link: str | None, templates: Templates) -> dict[str, str]:
    session = templates.text("word.session", {"name": safe(alert.session_id)}) if alert.session_id else ""
    return {
        "severity": alert.severity.upper(),
        "rule": alert.rule_id,
        "who": _who(alert, templates),
        "session": session and f", {session}",
        "app": safe(alert.app, _SHORT),
        "when": _when(alert),
        "usual": ", ".join(_fact(name, value) for name, value in alert.usual.items()),
        "now": _now(alert),
        "evidence": "\n".join(f"- {_clock(item.time_us)} {safe(item.fact)}" for item in alert.evidence[-MAX_FACTS:]),
        "summary": safe(alert.summary),
        "done": safe(done, _LONGEST_DONE),
        "alert": alert.alert_id,
        # The link comes first: the command is for the night on which the console is down.
        "page": link or "",
        "command": f"sessionwatch alerts show {alert.alert_id}",
    }


def _who(alert: Alert, templates: Templates) -> str:
    if alert.user_id is not None:
        return templates.text("word.user", {"name": safe(alert.user_id, _SHORT)})
    return templates.text(f"word.{alert.key_kind}", {"name": safe(alert.key_value, _SHORT)})


def _when(alert: Alert) -> str:
    last = f"{_clock(alert.last_event_time_us)} UTC"
    if alert.hits == 1:
        return last
    return f"{last}, {alert.hits} hits since {_clock(alert.first_event_time_us)} UTC"


def _now(alert: Alert) -> str:
    facts = [("address", alert.ip), ("network", alert.network), ("device", alert.device_id)]
    return ", ".join(_fact(name, value) for name, value in facts if value)


def _fact(name: str, value: str) -> str:
    return f"{safe(name, _SHORT)} {safe(value, _SHORT)}"


def _clock(instant_us: int) -> str:
    return to_datetime(instant_us).strftime("%Y-%m-%d %H:%M:%S")
