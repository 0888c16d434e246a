"""Which rules see which events, by app: worked out once, looked up for every event."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from detectors.common import Common
from detectors.context import CONTEXT_VERSION
from detectors.exceptions import Exceptions
from detectors.kept_lists import KeptLists
from detectors.parameters import Parameters
from detectors.rule import Memory, Rule, Verdict
from detectors.rules import BUILTIN, AnyRule
from schemas.alert import Mode, Severity
from schemas.app import AppPolicy, Apps
from schemas.instant import MINUTE

if TYPE_CHECKING:
    # What scores is heavy to import, and seldom there.
    from detectors.learned.model import OutlierModel

CONTEXT_EVENTS: dict[str, frozenset[str]] = {
    "session": frozenset({"create", "validate", "destroy"}),
    "user": frozenset({"create", "validate", "destroy"}),
    "network": frozenset(),
    "device": frozenset(),
    "app": frozenset(),
}
"""The event types that a context learns from, whatever the rules need."""


PAUSE_US = 5 * MINUTE
"""After a longer pause a use is no repeat: a person may have come back, or somebody else."""


@dataclass(frozen=True, slots=True)
class RuleSetting:
    """How a rule is set in the configuration.

    Attributes:
        parameters: its own; None = the defaults.
        mode, severity: None = the rule's own.
        by_app: settings that replace these for one app.
    """

    parameters: Parameters | None = None
    mode: Mode | None = None
    severity: Severity | None = None
    by_app: Mapping[str, RuleSetting] = field(default_factory=dict)


class Placed(NamedTuple):
    """A rule as the engine calls it, with what would else be looked up for every event.

    Attributes:
        prefix: of the names of its memories.
        blank: a memory in which nothing stands; None where it keeps none.
    """

    rule: AnyRule
    rule_id: str
    prefix: str
    memory: type[Memory] | None
    blank: Memory | None
    judge: Callable[..., Verdict]
    judges_late: bool
    inherits: bool


@dataclass(frozen=True, slots=True)
class AppPlan:
    """The active rules of one app: by key kind and event type, and by signal kind.

    Attributes:
        on_repeat: by key kind, those that want to see repeats too; `on_hurried` are those besides that want to see
            the hurried ones.
        see_repeats: whether anybody wants to see repeats that are not hurried.
        pause_us: a use after a longer pause is no repeat, microseconds.
    """

    by_type: Mapping[tuple[str, str], tuple[Placed, ...]]
    on_repeat: Mapping[str, tuple[Placed, ...]]
    on_hurried: tuple[Placed, ...]
    see_repeats: bool
    pause_us: int
    by_signal: Mapping[str, tuple[AnyRule, ...]]


class Plan:
    """The rules in force.

    Args:
        settings: by rule id; a rule without one runs with its defaults.
        rules: rule classes by id; the built-in ones unless told otherwise.
        only: run these ids alone.
        exceptions: hits that are recorded and told to nobody.
        model: what the learned detector scores sessions with; without one it is absent.
    """

    def __init__(
        self,
        settings: Mapping[str, RuleSetting] | None = None,
        *,
        rules: Mapping[str, type[Rule[Any, Any]]] = BUILTIN,
        only: Sequence[str] | None = None,
        exceptions: Exceptions | None = None,
        model: OutlierModel | None = None,
    ) -> None:
        self.exceptions = exceptions or Exceptions()
        self.lists = KeptLists()
        self.model = model
        self._common = Common(self.exceptions, self.lists)
        self._settings = dict(settings or {})
        self.classes = {key: rules[key] for key in (only if only is not None else rules)}
        self._default = self._app_plan(None)
        apps = {app for setting in self._settings.values() for app in setting.by_app}
        self._by_app = {app: self._app_plan(app) for app in apps}

    def of(self, app: str) -> AppPlan:
        """Return the plan of an app."""
        return self._by_app.get(app, self._default)

    def event_types(self, key: str) -> frozenset[str]:
        """Return the event types that must be routed to keys of this kind."""
        needed = {kind for rule in self.classes.values() if rule.key == key for kind in rule.needs}
        return CONTEXT_EVENTS[key] | needed if key in ("session", "user") or needed else frozenset()

    def fingerprint(self, apps: Apps) -> str:
        """Return a digest of everything that decides what the state means.

        Stored state under another fingerprint is rebuilt from the events, never reused.

        Args:
            apps: their declared policies decide too.
        """
        overridden = sorted(self._by_app)
        rules = [self._describe(app) for app in (None, *overridden)]
        policies = sorted(_describe_policy(policy) for policy in apps.declared())
        excepted = [msgspec.json.encode(exception).decode() for exception in self.exceptions.listed]
        model = [] if self.model is None else [self.model.model_id]
        described = json.dumps([CONTEXT_VERSION, overridden, rules, policies, excepted, *model])
        return hashlib.sha256(described.encode()).hexdigest()[:32]

    def instances(self, app: str | None = None) -> list[AnyRule]:
        """Return the rules as set for an app, those that are off left out."""
        rules = []
        for rule_id, rule_class in self.classes.items():
            setting = self._settings.get(rule_id, RuleSetting())
            local = setting.by_app.get(app, RuleSetting()) if app is not None else RuleSetting()
            rule = rule_class(
                local.parameters or setting.parameters,
                local.mode or setting.mode,
                local.severity or setting.severity,
            )
            if rule.active_mode != "off":
                rule.share(self._common)
                rules.append(rule)
        return rules

    def _app_plan(self, app: str | None) -> AppPlan:
        by_type: dict[tuple[str, str], list[AnyRule]] = {}
        by_signal: dict[str, list[AnyRule]] = {}
        for rule in self.instances(app):
            for event_type in rule.needs:
                by_type.setdefault((rule.key, event_type), []).append(rule)
            for kind in rule.wants_signals:
                by_signal.setdefault(kind, []).append(rule)
        on_repeat = {
            key: tuple(rule for rule in rules if rule.repeats)
            for (key, event_type), rules in by_type.items()
            if event_type == "validate"
        }
        placed = {rule.id: _placed(rule) for rules in by_type.values() for rule in rules}
        return AppPlan(
            {key: tuple(placed[rule.id] for rule in rules) for key, rules in by_type.items()},
            {key: tuple(placed[rule.id] for rule in rules) for key, rules in on_repeat.items()},
            tuple(
                placed[rule.id] for rule in by_type.get(("session", "validate"), ()) if rule.paced and not rule.repeats
            ),
            any(on_repeat.values()),
            min([PAUSE_US, *map(_window_us, self.instances(app))]),
            {kind: tuple(rules) for kind, rules in by_signal.items()},
        )

    def _describe(self, app: str | None) -> list[list[str | int | None]]:
        return [
            [
                rule.id,
                rule.version,
                rule.active_mode,
                rule.fixed_severity,
                rule.parameters.model_dump_json(),
            ]
            for rule in self.instances(app)
        ]


def _placed(rule: AnyRule) -> Placed:
    blank = None if rule.memory is None else rule.memory()
    return Placed(rule, rule.id, f"{rule.id} ", rule.memory, blank, rule.on_event, rule.judges_late, rule.inherits)


def _window_us(rule: AnyRule) -> int:
    """Return a rule's window: what was used longer ago than that is used anew, so that no repeat may hide it."""
    window = getattr(rule.parameters, "window", None)
    return window if isinstance(window, int) and not rule.repeats else PAUSE_US


def _describe_policy(policy: AppPolicy) -> str:
    """Describe what rules read of a policy; keys and the like are no business of theirs."""
    judged = msgspec.structs.replace(policy, signing_keys={})
    return msgspec.json.encode(judged).decode()
