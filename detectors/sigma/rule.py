"""A compiled Sigma rule, as the engine takes it."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from sigma.rule import SigmaLevel, SigmaStatus
from sigma.rule.attributes import SigmaRuleTag

from detectors.parameters import Parameters
from detectors.rule import Hit, Rule, RuleKey, Undo
from detectors.sigma.options import RuleOptions
from detectors.sigma.parse import AnySigmaRule
from detectors.sigma.part import Completion, EventPart, Part
from detectors.sigma.windows import Windows
from schemas.alert import MAX_EVIDENCE, Evidence, Mode, Severity
from schemas.app import AppPolicy
from schemas.event import Event
from schemas.instant import HOUR

SEVERITIES: dict[SigmaLevel | None, Severity] = {
    None: Severity.MEDIUM,
    SigmaLevel.INFORMATIONAL: Severity.INFO,
    SigmaLevel.LOW: Severity.LOW,
    SigmaLevel.MEDIUM: Severity.MEDIUM,
    SigmaLevel.HIGH: Severity.HIGH,
    SigmaLevel.CRITICAL: Severity.CRITICAL,
}
"""By level; a rule without one is medium."""

MODES: dict[SigmaStatus | None, Mode] = {
    None: "alert",
    SigmaStatus.STABLE: "alert",
    SigmaStatus.TEST: "alert",
    SigmaStatus.EXPERIMENTAL: "shadow",
    SigmaStatus.DEPRECATED: "off",
    SigmaStatus.UNSUPPORTED: "off",
}
"""By status, unless the rule or the configuration names a mode."""

_TECHNIQUE = re.compile(r"t\d{4}(?:\.\d{3})?", re.ASCII)


class SigmaDetector(Rule[Any, Any]):
    """What all compiled rules share; each is a class of its own, with its part.

    Class attributes:
        part: what the rule was compiled into.
        level: of each of its hits.
    """

    part: ClassVar[Part]
    level: ClassVar[Severity]
    Parameters = Parameters

    def on_event(self, event: Event, context: object, memory: Windows | None, app: AppPolicy) -> Hit | Undo | None:
        """Judge an event."""
        completion = self.part.take(event, memory if memory is not None else Windows())
        if completion is None:
            return None
        episode = self._episode(event, completion)
        if completion.undone:
            return Undo(episode)
        earlier = completion.earlier[-(MAX_EVIDENCE - 1) :]
        return Hit(
            self.level,
            f"{self.title}: {self.part.words}" if self.part.words else self.title,
            "completed it" if completion.earlier else "met the rule",
            evidence=tuple(Evidence(one.event_id, one.time_us, "belongs to it") for one in earlier if one.event_id),
            episode=episode,
        )

    def _episode(self, event: Event, completion: Completion) -> str | None:
        """Return what makes hits one alert; groups inside a key have alerts of their own."""
        if completion.opened_us is not None:
            return f"{completion.opened_us} {completion.group}"
        if not completion.group:
            return None
        if self.key == "session":
            return f"session {completion.group}"
        return f"{event.time_us // self.dedup_us * self.dedup_us} {completion.group}"


def rule_class(
    rule_id: str, version: int, rule: AnySigmaRule, key: RuleKey, part: Part, options: RuleOptions
) -> type[SigmaDetector]:
    """Return a compiled rule as a class.

    Args:
        rule_id: its name in alerts and in the configuration.
        version: of its text, with all the rules it refers to.
        rule: as parsed.
        key: of the engine.
        part: what it was compiled into.
        options: what it says under `sessionwatch`.
    """
    severity = SEVERITIES[rule.level]
    remembers = not isinstance(part, EventPart)
    # A rotated or refreshed session is the same session going on, and its windows go on with it.
    inherits = remembers and key == "session"
    attributes: dict[str, Any] = {
        "__doc__": documentation(rule),
        "__module__": __name__,
        "id": rule_id,
        "version": version,
        "title": rule.title,
        "key": key,
        "needs": part.event_types() | ({"create"} if inherits else frozenset()),
        "inherits": inherits,
        "attack": techniques(rule.tags),
        "severity": severity,
        "level": severity,
        "mode": options.mode or MODES[rule.status],
        "runbook": options.runbook or runbook(rule),
        "settle_us": part.settle_us,
        "memory": Windows if remembers else None,
        "dedup_us": options.dedup or HOUR,
        "part": part,
    }
    name = "".join(word.capitalize() for word in re.split(r"[^A-Za-z0-9]+", rule_id))
    return type(f"Sigma{name}", (SigmaDetector,), attributes)


def documentation(rule: AnySigmaRule) -> str:
    """Return what a rule says of itself, in the form of the rules written in Python."""
    source = "; ".join([*map(str, rule.references), *([str(rule.author)] if rule.author else [])])
    benign = "; ".join(map(str, rule.falsepositives))
    return (
        f"{rule.description or rule.title}\n\nSource: {source or 'the rule itself, written in Sigma'}.\n"
        f"Known false positives: {benign or 'none named'}."
    )


def techniques(tags: list[SigmaRuleTag]) -> tuple[str, ...]:
    """Return the ATT&CK techniques among a rule's tags."""
    return tuple(
        tag.name.upper() for tag in tags if tag.namespace == "attack" and _TECHNIQUE.fullmatch(tag.name.lower())
    )


def runbook(rule: AnySigmaRule) -> tuple[str, ...]:
    """Return the steps for a rule that names none."""
    benign = "; ".join(str(one) for one in rule.falsepositives) or "somebody can say why these events belong together"
    return (
        "Look at the events named in the evidence, and at what the same user did around them.",
        f"Benign if: {benign}.",
        "Else end the session, ask the user, and look for the same network elsewhere.",
    )
