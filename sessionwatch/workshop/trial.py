"""A rule as somebody would try it: parameters changed, for all apps or for one, and each number moved a step."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import ValidationError

from detectors.parameters import Parameters, format_duration
from detectors.plan import RuleSetting
from detectors.rules import AnyRule
from schemas.app import Apps
from sessionwatch.config.problem import nearest
from sessionwatch.errors import CommandError

STEP = 0.1
"""How far a parameter is moved to see what lies just above and below it: a tenth, and at least one."""


@dataclass(frozen=True, slots=True)
class Change:
    """A parameter to try.

    Attributes:
        value: as a text of the configuration.
        app: for this one alone; None = for all that do not set it otherwise.
    """

    parameter: str
    value: str
    app: str | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """A setting with one parameter moved a step."""

    parameter: str
    app: str | None
    value: object
    setting: RuleSetting


def tried(rule: type[AnyRule], own: RuleSetting, changes: Sequence[Change], apps: Apps) -> RuleSetting:
    """Return how a rule is set for a trial: as it is in force, switched on, and changed.

    Args:
        rule: the one to try.
        own: how it is set now.
        changes: what to set otherwise.
        apps: those that are declared.

    Raises:
        CommandError: there is no such parameter or app, or the parameter cannot be so.
    """
    for change in changes:
        _check(rule, change, apps)
    for_all = {change.parameter: _value(change.value) for change in changes if change.app is None}
    setting = _for_all(rule, _switched_on(rule, own), for_all)
    for app in dict.fromkeys(change.app for change in changes if change.app is not None):
        setting = _for_app(rule, setting, app, {one.parameter: _value(one.value) for one in changes if one.app == app})
    return setting


def moved(rule: type[AnyRule], setting: RuleSetting) -> list[Moved]:
    """Return a setting with one number moved a step down or up, those left out that may not be so.

    A number that an app sets otherwise is moved there too, by itself.
    """
    whole = setting.parameters or rule.Parameters()
    found = _moved_of(rule, setting, None, whole)
    for app, local in setting.by_app.items():
        if local.parameters is not None:
            found += _moved_of(rule, setting, app, local.parameters, besides=whole)
    return found


def shown(rule: type[AnyRule], setting: RuleSetting) -> tuple[dict[str, object], dict[str, dict[str, object]]]:
    """Return the parameters for all apps, and by app those that differ, as the configuration writes them."""
    whole = (setting.parameters or rule.Parameters()).model_dump(mode="json")
    by_app: dict[str, dict[str, object]] = {}
    for app, local in setting.by_app.items():
        own = {} if local.parameters is None else local.parameters.model_dump(mode="json")
        if differing := {name: value for name, value in own.items() if value != whole[name]}:
            by_app[app] = differing
    return whole, by_app


def _switched_on(rule: type[AnyRule], own: RuleSetting) -> RuleSetting:
    # What a rule that is off would raise is the question; where it is off for one app alone, it is no part of it.
    by_app = {
        app: RuleSetting(local.parameters, "off" if local.mode == "off" else "alert", local.severity)
        for app, local in own.by_app.items()
    }
    return RuleSetting(own.parameters or rule.Parameters(), "alert", own.severity, by_app)


def _check(rule: type[AnyRule], change: Change, apps: Apps) -> None:
    if change.parameter not in rule.Parameters.model_fields:
        known = ", ".join(rule.Parameters.model_fields) or "none"
        raise CommandError(f'{rule.id} has no parameter "{change.parameter}"; it has: {known}')
    declared = [policy.name for policy in apps.declared()]
    if change.app is not None and change.app not in declared:
        raise CommandError(f'no app "{change.app}" is declared{nearest(change.app, declared)}')


def _for_all(rule: type[AnyRule], setting: RuleSetting, values: Mapping[str, object]) -> RuleSetting:
    if not values:
        return setting
    before = setting.parameters or rule.Parameters()
    by_app = {}
    for app, local in setting.by_app.items():
        if local.parameters is not None:
            # As in the configuration: an app follows the others in what it does not set otherwise.
            follows = {
                name: value
                for name, value in values.items()
                if getattr(local.parameters, name) == getattr(before, name)
            }
            local = replace(local, parameters=_valid(rule, local.parameters, follows))
        by_app[app] = local
    return replace(setting, parameters=_valid(rule, before, values), by_app=by_app)


def _for_app(rule: type[AnyRule], setting: RuleSetting, app: str, values: Mapping[str, object]) -> RuleSetting:
    local = setting.by_app.get(app, RuleSetting())
    before = local.parameters or setting.parameters or rule.Parameters()
    changed = replace(local, parameters=_valid(rule, before, values))
    return replace(setting, by_app={**setting.by_app, app: changed})


def _valid(rule: type[AnyRule], parameters: Parameters, values: Mapping[str, object]) -> Parameters:
    try:
        return rule.Parameters.model_validate({**parameters.model_dump(mode="json"), **values})
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise CommandError(f"{rule.id}: {place}: {first['msg']}") from None


def _value(text: str) -> object:
    """Read a value as the configuration would; what is none of its forms is text, such as 15m."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _moved_of(
    rule: type[AnyRule],
    setting: RuleSetting,
    app: str | None,
    parameters: Parameters,
    besides: Parameters | None = None,
) -> list[Moved]:
    found = []
    written = parameters.model_dump(mode="json")
    for name, value in parameters.model_dump().items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        if besides is not None and getattr(besides, name) == value:
            continue
        for direction in (-1, 1):
            step = value * STEP if isinstance(value, float) else max(1, round(value * STEP))
            number = value + direction * step
            stepped: object = format_duration(int(number)) if isinstance(written[name], str) else number
            one = {name: stepped}
            try:
                near = _for_all(rule, setting, one) if app is None else _for_app(rule, setting, app, one)
            except CommandError:
                continue
            found.append(Moved(name, app, stepped, near))
    return found
