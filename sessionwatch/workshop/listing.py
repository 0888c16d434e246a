"""What `rules list` and `rules show` say of a rule."""

from __future__ import annotations

from collections.abc import Mapping

from detectors.parameters import format_duration
from detectors.plan import CONTEXT_EVENTS, RuleSetting
from detectors.rule import RULE_KEYS
from detectors.rules import BUILTIN, AnyRule
from sessionwatch.config import Settings
from sessionwatch.errors import CommandError
from sessionwatch.known_rules import about

PLACED_BY = {
    "session": "user (record key)",
    "user": "user (record key)",
    "network": "re-keyed by network",
    "device": "re-keyed by device",
    "app": "re-keyed by app",
}
"""Where several workers would find all events of a key (decision 15): by the record key itself, or on a topic of its
own. In one process the router in memory does the same."""


def find_rule(rule_id: str, settings: Settings) -> type[AnyRule]:
    """Return a rule's class, of the installation or in Sigma.

    Raises:
        CommandError: there is none of that id.
    """
    from sessionwatch.config.problem import nearest

    rules = settings.rule_classes
    if rule_id not in rules:
        raise CommandError(f'no rule is named "{rule_id[:80]}"{nearest(rule_id, rules)}')
    return rules[rule_id]


def row(rule: type[AnyRule], settings: Settings) -> dict[str, object]:
    """Return a rule's line in the list."""
    setting = settings.rules.get(rule.id, RuleSetting())
    return {
        "rule_id": rule.id,
        "version": rule.version,
        "title": rule.title,
        "key": rule.key,
        "needs": sorted(rule.needs),
        "signals": sorted(rule.wants_signals),
        "repeats": rule.repeats,
        "reported": rule.reported,
        "mode": setting.mode or rule.mode,
        "severity": str(setting.severity or rule.severity),
        "settle": format_duration(rule.settle_us),
        "placed_by": PLACED_BY[rule.key],
        "shipped": rule.id in BUILTIN,
    }


def routes(rules: Mapping[str, type[AnyRule]]) -> dict[str, dict[str, object]]:
    """Return the router's table: by key kind what is routed to it, for which rules, and where it has to come from."""
    table: dict[str, dict[str, object]] = {}
    for key in RULE_KEYS:
        asking = [rule for rule in rules.values() if rule.key == key]
        if asking:
            types = CONTEXT_EVENTS[key].union(*(rule.needs for rule in asking))
            table[key] = {
                "types": sorted(types),
                "placed_by": PLACED_BY[key],
                "rules": sorted(one.id for one in asking),
            }
    return table


def whole(rule: type[AnyRule], settings: Settings) -> dict[str, object]:
    """Return everything that is to be said of a rule."""
    setting = settings.rules.get(rule.id, RuleSetting())
    given = (setting.parameters or rule.Parameters()).model_dump(mode="json")
    defaults = rule.Parameters().model_dump(mode="json")
    return {
        **row(rule, settings),
        "about": about(rule),
        "attack": list(rule.attack),
        "runbook": list(rule.runbook),
        "parameters": [
            {
                "name": name,
                "value": given[name],
                "default": defaults[name],
                "description": field.description or "",
            }
            for name, field in rule.Parameters.model_fields.items()
        ],
        "apps": {
            app: {
                "mode": local.mode or setting.mode or rule.mode,
                "severity": None if local.severity is None else str(local.severity),
                "parameters": (local.parameters or rule.Parameters()).model_dump(mode="json"),
            }
            for app, local in setting.by_app.items()
        },
    }
