"""The texts of a digest by locale: templates as those of chat messages, see `chat_templates`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from response.chat_templates import Templates

_TIME = frozenset({"since", "until", "events"})
_NONE: frozenset[str] = frozenset()

NAMES: Mapping[str, frozenset[str]] = {
    "title": frozenset({"word", "until", "wait", "raised"}),
    "title.quiet": frozenset({"word", "until"}),
    "word.daily": _NONE,
    "word.weekly": _NONE,
    "time": _TIME,
    "late": frozenset({"due"}),
    "quiet": _TIME,
    "decide": _NONE,
    "decide.nothing": _NONE,
    "decide.open": frozenset({"count", "severities", "since"}),
    "decide.alert": frozenset({"severity", "rule", "who", "app", "since", "owner", "alert"}),
    "decide.owner": frozenset({"owner"}),
    "decide.rest": frozenset({"count"}),
    "decide.held": frozenset({"count", "since"}),
    "alerts": frozenset({"count"}),
    "alerts.rule": frozenset({"rule", "counts"}),
    "apps": _NONE,
    "apps.app": frozenset({"app", "alerts", "users"}),
    "decided": frozenset({"count", "confirmed", "benign", "false_alarm"}),
    "decided.time": frozenset({"median", "p90"}),
    "revoked": frozenset({"count", "sent", "confirmed", "missed", "suppressed", "released"}),
    "revoked.time": frozenset({"median", "p99"}),
    "infinite": _NONE,
    "failures": _NONE,
    "failures.app": frozenset({"count", "app"}),
    "failures.refused": frozenset({"count", "reason"}),
    "failures.parked": frozenset({"count", "lane", "error"}),
    "precision": _NONE,
    "precision.rule": frozenset({"rule", "wrong", "decided"}),
    "drills": _NONE,
    "drills.drill": frozenset({"drill", "alerts", "rules"}),
    "drills.missed": frozenset({"summary"}),
    "console": frozenset({"page"}),
}
"""The templates there are, and the names that each may use."""

SHIPPED: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "$word digest, $until: to decide $wait, alerts $raised",
        "title.quiet": "$word digest, $until: quiet",
        "word.daily": "Daily",
        "word.weekly": "Weekly",
        "time": "From $since to $until; $events events.",
        "late": "Late: it was due at $due, when no pipeline was running.",
        "quiet": (
            "Quiet from $since to $until: no alerts, no revocations, no failures, nothing to decide; "
            "$events events were judged."
        ),
        "decide": "To decide now",
        "decide.nothing": "- nothing",
        "decide.open": "- open alerts: $count ($severities), the oldest since $since",
        "decide.alert": "  - $severity $rule: $who, app $app, since $since$owner; $alert",
        "decide.owner": ", taken by $owner",
        "decide.rest": "  - and $count more: sessionwatch alerts list",
        "decide.held": "- held revocations: $count, the oldest since $since",
        "alerts": "Alerts: $count",
        "alerts.rule": "- $rule: $counts",
        "apps": "Apps with most alerts",
        "apps.app": "- $app: alerts $alerts, users $users",
        "decided": "Decided: $count (confirmed $confirmed, benign $benign, false alarms $false_alarm)",
        "decided.time": "- time to decide: median $median, nine of ten within $p90",
        "revoked": (
            "Revocations: $count (sent $sent, confirmed $confirmed, without effect $missed, shown only $suppressed, "
            "taken back $released)"
        ),
        "revoked.time": "- time to confirm: median $median, p99 $p99; what had no effect counts as infinite",
        "infinite": "infinite",
        "failures": "Failures",
        "failures.app": "- failed revocations of app $app: $count",
        "failures.refused": "- refused messages, $reason: $count",
        "failures.parked": "- deliveries of $lane that were given up and still wait: $count; $error",
        "precision": "Rules that are often wrong, by the verdicts of 30 days",
        "precision.rule": "- $rule: $wrong of $decided",
        "drills": "Drills",
        "drills.drill": "- $drill: alerts $alerts ($rules)",
        "drills.missed": "- missed: $summary",
        "console": "Console: $page",
    },
    "de": {
        "title": "$word, $until: zu entscheiden $wait, Alarme $raised",
        "title.quiet": "$word, $until: ruhig",
        "word.daily": "Tagesbericht",
        "word.weekly": "Wochenbericht",
        "time": "Von $since bis $until; $events Ereignisse.",
        "late": "Verspätet: fällig war er um $due, als keine Pipeline lief.",
        "quiet": (
            "Ruhig von $since bis $until: keine Alarme, keine Widerrufe, keine Fehler, nichts zu entscheiden; "
            "$events Ereignisse wurden beurteilt."
        ),
        "decide": "Jetzt zu entscheiden",
        "decide.nothing": "- nichts",
        "decide.open": "- offene Alarme: $count ($severities), der älteste seit $since",
        "decide.alert": "  - $severity $rule: $who, App $app, seit $since$owner; $alert",
        "decide.owner": ", übernommen von $owner",
        "decide.rest": "  - und $count weitere: sessionwatch alerts list",
        "decide.held": "- wartende Widerrufe: $count, der älteste seit $since",
        "alerts": "Alarme: $count",
        "alerts.rule": "- $rule: $counts",
        "apps": "Apps mit den meisten Alarmen",
        "apps.app": "- $app: Alarme $alerts, Benutzer $users",
        "decided": "Entschieden: $count (bestätigt $confirmed, harmlos $benign, Fehlalarme $false_alarm)",
        "decided.time": "- Zeit bis zur Entscheidung: Median $median, neun von zehn binnen $p90",
        "revoked": (
            "Widerrufe: $count (gesendet $sent, bestätigt $confirmed, ohne Wirkung $missed, nur gezeigt $suppressed, "
            "zurückgenommen $released)"
        ),
        "revoked.time": "- Zeit bis zur Bestätigung: Median $median, p99 $p99; was nicht wirkte, zählt als unendlich",
        "infinite": "unendlich",
        "failures": "Fehler",
        "failures.app": "- fehlgeschlagene Widerrufe der App $app: $count",
        "failures.refused": "- abgewiesene Nachrichten, $reason: $count",
        "failures.parked": "- Zustellungen an $lane, die aufgegeben wurden und noch warten: $count; $error",
        "precision": "Regeln, die oft irren, nach den Urteilen von 30 Tagen",
        "precision.rule": "- $rule: $wrong von $decided",
        "drills": "Übungen",
        "drills.drill": "- $drill: Alarme $alerts ($rules)",
        "drills.missed": "- verfehlt: $summary",
        "console": "Konsole: $page",
    },
}


def digest_templates(locale: str = "en", folder: Path | None = None) -> Templates:
    """Return the texts of one locale.

    Args:
        locale: one that is shipped; what a folder does not give is taken from it.
        folder: of files such as `title.txt`; None = as shipped.

    Raises:
        TemplateRefused: no such locale; a file of an unknown name, or one that uses unknown names.
    """
    return Templates(locale, folder, names=NAMES, shipped=SHIPPED)
