"""`[rules.<id>]`: mode, severity and the rule's own parameters, for all apps and by app."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field, create_model

from detectors.parameters import Parameters, is_of_days
from detectors.plan import RuleSetting
from detectors.rule import Rule
from schemas.alert import Mode
from sessionwatch.config.chat import AnySeverity
from sessionwatch.config.section import Section
from sessionwatch.config.shape import Shape
from sessionwatch.config.value_types import AppName

RuleClasses = Mapping[str, type[Rule[Any, Any]]]


class LocalRuleSettings(Section):
    """What every rule can be told, for one app or for all."""

    mode: Mode | None = Field(default=None, description="How far it goes. Default: the rule's own.")
    severity: AnySeverity | None = Field(default=None, description="Replaces the rule's own severities.")


def rules_model(rules: RuleClasses) -> type[BaseModel]:
    """Return the model of the whole `[rules]` table, one field a rule."""
    fields: dict[str, Any] = {rule_id: (_rule_model(rule), None) for rule_id, rule in rules.items()}
    return create_model("RulesSettings", __base__=Section, **fields)


def inherit(tree: object) -> dict[tuple[str, str], set[str]]:
    """Let settings by app inherit the rule's own, in place; return which keys each had itself.

    So that one validation sees the parameters as they will be in force.
    """
    own: dict[tuple[str, str], set[str]] = {}
    for rule_id, table in tree.items() if isinstance(tree, dict) else ():
        apps = table.get("apps") if isinstance(table, dict) else None
        for app, local in apps.items() if isinstance(apps, dict) else ():
            if isinstance(local, dict):
                own[rule_id, app] = set(local)
                for key, value in table.items():
                    if key not in ("apps", "mode", "severity"):
                        local.setdefault(key, value)
    return own


def rule_settings(parsed: BaseModel, rules: RuleClasses) -> dict[str, RuleSetting]:
    """Return the settings as the detectors take them, for the rules that the file names."""
    return {
        rule_id: _setting(section, rule, with_apps=True)
        for rule_id, rule in rules.items()
        if (section := getattr(parsed, rule_id)) is not None
    }


def longest_window_us(settings: Mapping[str, RuleSetting], rules: RuleClasses) -> tuple[str, int]:
    """Return the rule that is on and looks back furthest, and how far, in microseconds."""
    longest = ("", 0)
    for rule_id, rule in rules.items():
        setting = settings.get(rule_id, RuleSetting())
        for local in (setting, *setting.by_app.values()):
            if (local.mode or setting.mode or rule.mode) == "off":
                continue
            window = _window_us(local.parameters or rule.Parameters())
            if window > longest[1]:
                longest = (rule_id, window)
    return longest


def _rule_model(rule: type[Rule[Any, Any]]) -> Any:
    local = create_model(f"{rule.__name__}Local", __base__=(LocalRuleSettings, rule.Parameters))
    apps: Any = (dict[AppName, local], Field(default_factory=dict))  # type: ignore[valid-type]
    whole = create_model(f"{rule.__name__}Settings", __base__=local, apps=apps)
    return whole | None


def _setting(section: BaseModel, rule: type[Rule[Any, Any]], *, with_apps: bool) -> RuleSetting:
    names = rule.Parameters.model_fields
    given: Any = section
    return RuleSetting(
        # Already validated, and durations are microseconds by now: validating again would refuse them.
        parameters=rule.Parameters.model_construct(**{name: getattr(section, name) for name in names}),
        mode=given.mode,
        severity=given.severity,
        by_app={app: _setting(local, rule, with_apps=False) for app, local in given.apps.items()} if with_apps else {},
    )


def _window_us(parameters: Parameters) -> int:
    fields = type(parameters).model_fields
    return max(
        (
            getattr(parameters, name)
            for name, field in fields.items()
            if Shape.of_field(field).is_duration and not is_of_days(field)
        ),
        default=0,
    )
