"""A digest in words: what needs a decision first, then what happened, then what went wrong."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import tzinfo
from typing import Literal, get_args

import msgspec

from response.chat_templates import Templates
from response.text import safe
from schemas.instant import DAY, HOUR, MINUTE, SECOND, to_datetime
from store.alert_search import RuleFacts
from store.digest import DigestFigures, WaitingAlert

DigestKind = Literal["daily", "weekly"]
DIGEST_KINDS: tuple[DigestKind, ...] = get_args(DigestKind)

LEAST_VERDICTS = 5
"""Of fewer verdicts on a rule nothing is said: two errors in three are chance."""
OFTEN_WRONG = 0.5
"""Share of errors from which on a rule costs more time than it saves."""

_SHORT = 80
_UNITS = ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (SECOND, "s"))


class DigestText(msgspec.Struct, frozen=True):
    """What a digest says."""

    title: str
    body: str


class DigestWriter:
    """Writes digests in one locale and zone.

    Args:
        templates: the texts.
        zone: whose clock is named.
        page: where the console is; None = nowhere that is known.
    """

    def __init__(self, templates: Templates, zone: tzinfo, page: str | None = None) -> None:
        self._templates = templates
        self._zone = zone
        self._page = page

    def write(
        self,
        kind: DigestKind,
        figures: DigestFigures,
        rules: Mapping[str, RuleFacts],
        late_since_us: int | None = None,
    ) -> DigestText:
        """Return a digest.

        Args:
            kind: of which rhythm.
            figures: of its time.
            rules: how each rule did in the last 30 days.
            late_since_us: when it was due, if that was missed; microseconds since the epoch.
        """
        say, wrong = self._templates.text, _often_wrong(rules)
        word, until = say(f"word.{kind}"), self._moment(figures.until_us)
        time = {"since": self._moment(figures.since_us), "until": until, "events": str(figures.events)}
        late = [] if late_since_us is None else [say("late", {"due": self._moment(late_since_us)})]
        if figures.is_quiet and not wrong:
            title = say("title.quiet", {"word": word, "until": until})
            return DigestText(title, "\n".join([say("quiet", time), *late]))
        raised = sum(count for _, _, count in figures.raised)
        title = say("title", {"word": word, "until": until, "wait": str(figures.to_decide), "raised": str(raised)})
        parts = [
            [say("time", time), *late],
            self._to_decide(figures),
            self._alerts(figures, raised),
            self._apps(figures),
            self._decided(figures),
            self._revoked(figures),
            self._failures(figures),
            self._listed("precision", wrong),
            self._drills(figures),
            [say("console", {"page": self._page})] if self._page else [],
        ]
        return DigestText(title, "\n\n".join("\n".join(lines) for lines in parts if lines))

    def _to_decide(self, figures: DigestFigures) -> list[str]:
        say, lines = self._templates.text, [self._templates.text("decide")]
        if figures.open:
            count = sum(number for _, number, _ in figures.open)
            severities = ", ".join(f"{number} {severity}" for severity, number, _ in figures.open)
            oldest = self._moment(min(since_us for _, _, since_us in figures.open))
            lines.append(say("decide.open", {"count": str(count), "severities": severities, "since": oldest}))
            lines += [self._waiting(one) for one in figures.waiting]
            rest = sum(number for severity, number, _ in figures.open if severity in ("critical", "high"))
            if rest > len(figures.waiting):
                lines.append(say("decide.rest", {"count": str(rest - len(figures.waiting))}))
        if figures.held and figures.held_since_us is not None:
            since = self._moment(figures.held_since_us)
            lines.append(say("decide.held", {"count": str(figures.held), "since": since}))
        return lines if len(lines) > 1 else [*lines, say("decide.nothing")]

    def _waiting(self, one: WaitingAlert) -> str:
        who = one.user_id if one.user_id is not None else f"{one.key_kind} {one.key_value}"
        owner = self._templates.text("decide.owner", {"owner": safe(one.owner, _SHORT)}) if one.owner else ""
        facts = {
            "severity": one.severity.upper(),
            "rule": safe(one.rule_id, _SHORT),
            "who": safe(who, _SHORT),
            "app": safe(one.app, _SHORT),
            "since": self._moment(one.stored_us),
            "owner": owner,
            "alert": one.alert_id,
        }
        return self._templates.text("decide.alert", facts)

    def _alerts(self, figures: DigestFigures, raised: int) -> list[str]:
        counts: dict[str, list[str]] = {}
        for rule, severity, count in figures.raised:
            counts.setdefault(rule, []).append(f"{count} {severity}")
        rules = [{"rule": safe(rule, _SHORT), "counts": ", ".join(parts)} for rule, parts in counts.items()]
        heading = self._templates.text("alerts", {"count": str(raised)})
        return [heading, *(self._templates.text("alerts.rule", one) for one in rules)]

    def _apps(self, figures: DigestFigures) -> list[str]:
        apps = [
            ("app", {"app": safe(app, _SHORT), "alerts": str(alerts), "users": str(users)})
            for app, alerts, users in figures.apps
        ]
        return self._listed("apps", apps)

    def _decided(self, figures: DigestFigures) -> list[str]:
        found, say = figures.decided, self._templates.text
        counts = {
            "count": str(found.count),
            "confirmed": str(found.confirmed),
            "benign": str(found.benign),
            "false_alarm": str(found.false_alarm),
        }
        times = {"median": self._span(found.median_us), "p90": self._span(found.p90_us)}
        return [say("decided", counts), *([say("decided.time", times)] if found.count else [])]

    def _revoked(self, figures: DigestFigures) -> list[str]:
        found, say = figures.revoked, self._templates.text
        counts = {
            name: str(getattr(found, name))
            for name in ("count", "sent", "confirmed", "missed", "suppressed", "released")
        }
        times = {"median": self._span(found.median_us), "p99": self._span(found.p99_us)}
        measured = found.confirmed + found.missed
        return [say("revoked", counts), *([say("revoked.time", times)] if measured else [])]

    def _failures(self, figures: DigestFigures) -> list[str]:
        failed = [("app", {"app": safe(app, _SHORT), "count": str(count)}) for app, count in figures.failed]
        parked = [
            ("parked", {"lane": safe(lane, _SHORT), "count": str(count), "error": safe(error)})
            for lane, count, error in figures.parked
        ]
        refused = [("refused", {"reason": reason, "count": str(count)}) for reason, count in figures.refused]
        return self._listed("failures", [*failed, *parked, *refused])

    def _drills(self, figures: DigestFigures) -> list[str]:
        held = [
            ("drill", {"drill": safe(drill, _SHORT), "alerts": str(alerts), "rules": safe(rules)})
            for drill, alerts, rules in figures.drills
        ]
        missed = [("missed", {"summary": safe(summary)}) for summary in figures.missed_drills]
        return self._listed("drills", [*held, *missed])

    def _listed(self, name: str, lines: Iterable[tuple[str, Mapping[str, str]]]) -> list[str]:
        """Return a heading and its lines, or nothing where there are none."""
        said = [self._templates.text(f"{name}.{kind}", values) for kind, values in lines]
        return [self._templates.text(name), *said] if said else []

    def _moment(self, instant_us: int) -> str:
        return to_datetime(instant_us).astimezone(self._zone).strftime("%Y-%m-%d %H:%M %Z")

    def _span(self, duration_us: float | None) -> str:
        if duration_us is None:
            return "-"
        if math.isinf(duration_us):
            return self._templates.text("infinite")
        size, unit = next(((size, unit) for size, unit in _UNITS if duration_us >= 2 * size), _UNITS[-1])
        return f"{duration_us / size:.1f} {unit}"


def _often_wrong(rules: Mapping[str, RuleFacts]) -> list[tuple[str, dict[str, str]]]:
    """Return the rules that are wrong more often than right, the worst first."""
    found = []
    for rule, facts in rules.items():
        decided = facts.confirmed + facts.benign + facts.errors
        if decided >= LEAST_VERDICTS and facts.errors / decided > OFTEN_WRONG:
            found.append((facts.errors / decided, rule, facts.errors, decided))
    return [
        ("rule", {"rule": safe(rule, _SHORT), "wrong": str(wrong), "decided": str(decided)})
        for _, rule, wrong, decided in sorted(found, key=lambda one: (-one[0], one[1]))
    ]
