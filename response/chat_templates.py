"""The texts of chat messages by severity and locale: plain templates of `string.Template`, which run nothing."""

from __future__ import annotations

import string
from collections.abc import Mapping
from pathlib import Path

from schemas.alert import Severity
from schemas.link import LINK_ACTS

LONGEST = 8 * 1024
"""Bytes of one template; a chat message is read on one screen."""

_FACTS = frozenset(
    {"severity", "rule", "who", "session", "app", "when", "usual", "now", "evidence", "summary", "done", "alert",
     "page", "command"}
)  # fmt: skip
_COUNTS = frozenset({"count", "since", "same"})
_HELD = frozenset({"app", "waiting", "why", "revocation", "rule"})
_LANE = frozenset({"lane", "why"})

NAMES: Mapping[str, frozenset[str]] = {
    "title": _FACTS,
    "alert": _FACTS,
    **{f"alert.{severity}": _FACTS for severity in Severity},
    "links": frozenset(LINK_ACTS),
    "commands": frozenset({"alert"}),
    "withdrawn.title": frozenset({"title"}),
    "withdrawn": _FACTS,
    "step_up.title": frozenset({"title"}),
    "on_call.title": frozenset({"title", "minutes"}),
    "on_call.done": frozenset({"minutes"}),
    "held.title": _HELD,
    "held": _HELD,
    "escalated.title": frozenset({"app"}),
    "escalated": frozenset({"done"}),
    **{
        name: _LANE | {"message", "kind", "tries", "revocation"} if kind == "parked" else _LANE
        for kind in ("parked", "gone", "trouble", "siem")
        for name in (f"{kind}.title", kind)
    },
    "more.title": _COUNTS,
    "digest.title": _COUNTS,
    "rest": frozenset({"count"}),
    "same.network": frozenset(),
    "same.user": frozenset(),
    "same.campaign": frozenset(),
    "same.group": frozenset(),
    **{f"word.{kind}": frozenset({"name"}) for kind in ("user", "session", "network", "device", "app", "system")},
}
"""The templates there are, and the names that each may use. `alert.high` stands for `alert` where it is given."""

SHIPPED: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "$severity $rule: $who, app $app",
        "alert": (
            "$summary\n\nWho: $who$session\nApp: $app\nWhen: $when\nUsual: $usual\nNow: $now\n$evidence\n"
            "Done: $done\nAlert: $alert\nPage: $page\nLook: $command"
        ),
        "links": (
            "\nAcknowledge: $acknowledge\nTake it: $take\nFalse alarm: $false_alarm\nBenign: $benign\n"
            "End the session: $revoke_session\nEach link works once, within 30 minutes of this message."
        ),
        "commands": "Act: sessionwatch alerts triage $alert --take",
        "withdrawn.title": "Withdrawn: $title",
        "withdrawn": (
            "An event that arrived out of order shows that this alert does not follow; it is withdrawn.\n\n"
            "It said: $summary\nWho: $who\nDone: $done\nAlert: $alert\nPage: $page\nLook: $command"
        ),
        "step_up.title": "Step-up not answered: $title",
        "on_call.title": "Unanswered for $minutes min: $title",
        "on_call.done": "nobody has acknowledged it in $minutes min",
        "held.title": "Revocations held, app $app",
        "held": (
            "Revocations of app $app are held and wait for a person; $waiting so far.\nWhy: $why\n"
            "First: revocation $revocation, rule $rule\nFurther ones of this hour are listed, not told."
        ),
        "escalated.title": "Escalation, app $app",
        "escalated": "$done",
        "parked.title": "Not delivered: $kind by $lane",
        "parked": (
            "$lane did not take message $message after $tries tries ($why); it is parked. Revocation: $revocation. "
            "If a session is to be gone, end it in the app itself."
        ),
        "gone.title": "$lane wants nothing any more",
        "gone": (
            "The receiver of $lane $why. Its lane is parked until the next start: no revocation reaches its app. "
            "Correct the address in the configuration, or remove the target."
        ),
        "trouble.title": "Revocations do not get through: $lane",
        "trouble": (
            "$lane does not take them ($why). They are tried again for a day; until one is taken its session goes on. "
            "End the sessions in the app itself, and see what is wrong with its receiver."
        ),
        "siem.title": "Alerts do not get through: $lane",
        "siem": (
            "$lane does not take them ($why). They are tried again for a day and then parked; have parked ones tried "
            "anew by: sessionwatch outbox retry --lane $lane --reason '…'"
        ),
        "more.title": "$count more $same since $since",
        "digest.title": "$count messages since $since",
        "rest": "… and $count more: sessionwatch alerts list",
        "same.network": "on the same network",
        "same.user": "about the same user",
        "same.campaign": "of the same campaign",
        "same.group": "that belong together",
        "word.user": "user $name",
        "word.session": "session $name",
        "word.network": "network $name",
        "word.device": "device $name",
        "word.app": "app $name",
        "word.system": "system $name",
    },
    "de": {
        "title": "$severity $rule: $who, App $app",
        "alert": (
            "$summary\n\nWer: $who$session\nApp: $app\nWann: $when\nSonst: $usual\nJetzt: $now\n$evidence\n"
            "Getan: $done\nAlarm: $alert\nSeite: $page\nAnsehen: $command"
        ),
        "links": (
            "\nQuittieren: $acknowledge\nÜbernehmen: $take\nFehlalarm: $false_alarm\nHarmlos: $benign\n"
            "Sitzung beenden: $revoke_session\nJeder Link gilt einmal, 30 Minuten lang ab dieser Nachricht."
        ),
        "commands": "Handeln: sessionwatch alerts triage $alert --take",
        "withdrawn.title": "Zurückgezogen: $title",
        "withdrawn": (
            "Ein verspätet eingetroffenes Ereignis zeigt, dass dieser Alarm nicht zutrifft; er ist zurückgezogen.\n\n"
            "Er lautete: $summary\nWer: $who\nGetan: $done\nAlarm: $alert\nSeite: $page\nAnsehen: $command"
        ),
        "step_up.title": "Kein Nachweis erbracht: $title",
        "on_call.title": "Seit $minutes min unbeantwortet: $title",
        "on_call.done": "seit $minutes min hat niemand ihn quittiert",
        "held.title": "Widerrufe warten, App $app",
        "held": (
            "Widerrufe der App $app sind angehalten und warten auf einen Menschen; bisher $waiting.\nGrund: $why\n"
            "Der erste: $revocation, Regel $rule\nWeitere dieser Stunde stehen in der Liste und werden nicht gemeldet."
        ),
        "escalated.title": "Eskalation, App $app",
        "escalated": "$done",
        "parked.title": "Nicht zugestellt: $kind über $lane",
        "parked": (
            "$lane hat Nachricht $message nach $tries Versuchen nicht angenommen ($why); sie ist beiseitegelegt. "
            "Widerruf: $revocation. Soll eine Sitzung enden, beenden Sie sie in der App selbst."
        ),
        "gone.title": "$lane will nichts mehr annehmen",
        "gone": (
            "Der Empfänger von $lane: $why. Bis zum nächsten Start erreicht kein Widerruf seine App. "
            "Berichtigen Sie die Adresse in der Konfiguration, oder entfernen Sie das Ziel."
        ),
        "trouble.title": "Widerrufe kommen nicht durch: $lane",
        "trouble": (
            "$lane nimmt sie nicht an ($why). Sie werden einen Tag lang wiederholt; bis einer ankommt, läuft seine "
            "Sitzung weiter. Beenden Sie die Sitzungen in der App selbst, und sehen Sie nach ihrem Empfänger."
        ),
        "siem.title": "Alarme kommen nicht durch: $lane",
        "siem": (
            "$lane nimmt sie nicht an ($why). Sie werden einen Tag lang wiederholt und dann beiseitegelegt; so werden "
            "sie neu versucht: sessionwatch outbox retry --lane $lane --reason '…'"
        ),
        "more.title": "$count weitere $same seit $since",
        "digest.title": "$count Meldungen seit $since",
        "rest": "… und $count weitere: sessionwatch alerts list",
        "same.network": "aus demselben Netz",
        "same.user": "über denselben Benutzer",
        "same.campaign": "derselben Kampagne",
        "same.group": "die zusammengehören",
        "word.user": "Benutzer $name",
        "word.session": "Sitzung $name",
        "word.network": "Netz $name",
        "word.device": "Gerät $name",
        "word.app": "App $name",
        "word.system": "System $name",
    },
}


class TemplateRefused(ValueError):
    """A template cannot be used; the text names its file and what is wrong."""


class Templates:
    """The texts of one locale.

    Args:
        locale: one that is shipped; what a folder does not give is taken from it.
        folder: of files such as `alert.critical.txt`; None = as shipped.
        names: the templates there are, and the names that each may use.
        shipped: the texts by locale.

    Raises:
        TemplateRefused: no such locale; a file of an unknown name, or one that uses unknown names.
    """

    def __init__(
        self,
        locale: str = "en",
        folder: Path | None = None,
        *,
        names: Mapping[str, frozenset[str]] = NAMES,
        shipped: Mapping[str, Mapping[str, str]] = SHIPPED,
    ) -> None:
        if locale not in shipped:
            raise TemplateRefused(f"locale: expected one of {', '.join(sorted(shipped))}, got {locale[:40]!r}")
        self._templates = {name: string.Template(text) for name, text in shipped[locale].items()}
        if folder is not None:
            self._templates |= _read(folder, names)

    def alert(self, severity: Severity, facts: Mapping[str, str]) -> str:
        """Return the body of an alert, by its severity where there is a template for it."""
        name = f"alert.{severity}"
        return self.text(name if name in self._templates else "alert", facts)

    def text(self, name: str, values: Mapping[str, str] | None = None) -> str:
        """Return a text; a line whose every name is empty is left out."""
        values = values or {}
        template = self._templates[name]
        lines = []
        for line in template.template.split("\n"):
            one = string.Template(line)
            used = one.get_identifiers()
            if not used or any(values.get(name) for name in used):
                lines.append(one.substitute(values))
        return "\n".join(lines)


def _read(folder: Path, names: Mapping[str, frozenset[str]]) -> dict[str, string.Template]:
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix == ".txt")
    except OSError as error:
        raise TemplateRefused(f"{folder}: cannot be read: {(error.strerror or '').lower()}") from None
    return {path.stem: _template(path, names) for path in files}


def _template(path: Path, names: Mapping[str, frozenset[str]]) -> string.Template:
    if path.stem not in names:
        raise TemplateRefused(f"{path}: no template has this name: expected one of {', '.join(sorted(names))}")
    try:
        with path.open("rb") as stream:
            content = stream.read(LONGEST + 1)
        text = content.decode("utf-8").rstrip("\n")
    except (OSError, UnicodeDecodeError):
        raise TemplateRefused(f"{path}: cannot be read as UTF-8") from None
    if len(content) > LONGEST:
        raise TemplateRefused(f"{path}: longer than {LONGEST} bytes")
    template = string.Template(text)
    if not template.is_valid():
        raise TemplateRefused(f"{path}: a $ stands there that begins no name: write $$ for the sign itself")
    unknown = sorted(set(template.get_identifiers()) - names[path.stem])
    if unknown:
        known = ", ".join(f"${name}" for name in sorted(names[path.stem])) or "none"
        raise TemplateRefused(f"{path}: unknown name ${unknown[0]}: this template knows {known}")
    return template
