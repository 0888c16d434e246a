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

NAMES: Mapping[str, frozenset[str]] = {
    "title": _FACTS,
    "alert": _FACTS,
    **{f"alert.{severity}": _FACTS for severity in Severity},
    "links": frozenset(LINK_ACTS),
    "withdrawn.title": frozenset({"title"}),
    "withdrawn": _FACTS,
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
        "withdrawn.title": "Withdrawn: $title",
        "withdrawn": (
            "An event that arrived out of order shows that this alert does not follow; it is withdrawn.\n\n"
            "It said: $summary\nWho: $who\nDone: $done\nAlert: $alert\nPage: $page\nLook: $command"
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
        "withdrawn.title": "Zurückgezogen: $title",
        "withdrawn": (
            "Ein verspätet eingetroffenes Ereignis zeigt, dass dieser Alarm nicht zutrifft; er ist zurückgezogen.\n\n"
            "Er lautete: $summary\nWer: $who\nGetan: $done\nAlarm: $alert\nSeite: $page\nAnsehen: $command"
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

    Raises:
        TemplateRefused: no such locale; a file of an unknown name, or one that uses unknown names.
    """

    def __init__(self, locale: str = "en", folder: Path | None = None) -> None:
        if locale not in SHIPPED:
            raise TemplateRefused(f"locale: expected one of {', '.join(sorted(SHIPPED))}, got {locale[:40]!r}")
        self._templates = {name: string.Template(text) for name, text in SHIPPED[locale].items()}
        if folder is not None:
            self._templates |= _read(folder)

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


def _read(folder: Path) -> dict[str, string.Template]:
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix == ".txt")
    except OSError as error:
        raise TemplateRefused(f"{folder}: cannot be read: {(error.strerror or '').lower()}") from None
    return {path.stem: _template(path) for path in files}


def _template(path: Path) -> string.Template:
    if path.stem not in NAMES:
        raise TemplateRefused(f"{path}: no template has this name: expected one of {', '.join(sorted(NAMES))}")
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
    unknown = sorted(set(template.get_identifiers()) - NAMES[path.stem])
    if unknown:
        known = ", ".join(f"${name}" for name in sorted(NAMES[path.stem])) or "none"
        raise TemplateRefused(f"{path}: unknown name ${unknown[0]}: this template knows {known}")
    return template
