"""The rules in force: what they catch, how they are set, and how they do."""

from __future__ import annotations

from detectors.plan import RuleSetting
from detectors.rules import AnyRule
from schemas.api import RuleForApp, RuleList, RuleView
from schemas.instant import SECOND, to_datetime
from sessionwatch.api.answers.alerts import MONTH_US, WEEK_US, verdict_counts
from sessionwatch.api.asker import Asker
from sessionwatch.api.problem import not_found
from sessionwatch.known_rules import about
from store.alert_search import RuleFacts


def rule_list(asker: Asker) -> RuleList:
    """Return every rule, those that are off too."""
    facts = _facts(asker)
    rules = asker.installation.settings.rule_classes.values()
    return RuleList(items=[_view(asker, rule, facts.get(rule.id, RuleFacts())) for rule in rules])


def rule_view(asker: Asker, rule_id: str) -> RuleView:
    """Return a rule.

    Raises:
        Refusal: 404, there is none of that id.
    """
    rule = asker.installation.settings.rule_classes.get(rule_id)
    if rule is None:
        raise not_found("rule")
    return _view(asker, rule, _facts(asker).get(rule_id, RuleFacts()))


def _facts(asker: Asker) -> dict[str, RuleFacts]:
    now_us = asker.now_us()
    return asker.reader.rule_facts(now_us - WEEK_US, now_us - MONTH_US, asker.principal.visible())


def _view(asker: Asker, rule: type[AnyRule], facts: RuleFacts) -> RuleView:
    setting = asker.installation.settings.rules.get(rule.id, RuleSetting())
    return RuleView(
        rule_id=rule.id,
        version=rule.version,
        title=rule.title,
        description=about(rule),
        key=rule.key,
        mode=setting.mode or rule.mode,
        highest=rule.severity,
        severity=setting.severity,
        attack=list(rule.attack),
        needs=sorted(rule.needs),
        runbook=list(rule.runbook),
        settle_s=rule.settle_us / SECOND,
        parameters=_parameters(rule, setting),
        apps={
            app: RuleForApp(
                mode=local.mode or setting.mode or rule.mode,
                severity=local.severity or setting.severity,
                parameters=_parameters(rule, local if local.parameters is not None else setting),
            )
            for app, local in setting.by_app.items()
            if asker.sees(app)
        },
        alerts_7d=facts.alerts,
        last_alert=None if facts.last_us is None else to_datetime(facts.last_us),
        verdicts=verdict_counts(facts),
        errors_30d=facts.errors,
    )


def _parameters(rule: type[AnyRule], setting: RuleSetting) -> dict[str, object]:
    parameters = setting.parameters if setting.parameters is not None else rule.Parameters()
    shown: dict[str, object] = parameters.model_dump(mode="json")
    return shown
