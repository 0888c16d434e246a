"""A Sigma correlation as a part that remembers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sigma.correlations import (
    CorrelationConditionAND,
    CorrelationConditionItem,
    CorrelationConditionNOT,
    SigmaCorrelationCondition,
    SigmaCorrelationConditionOperator,
    SigmaCorrelationRule,
    SigmaCorrelationType,
    SigmaExtendedCorrelationCondition,
    SigmaRuleReference,
)
from sigma.rule import SigmaRule

from detectors.parameters import format_duration
from detectors.rule import RuleKey
from detectors.sigma.condition import compile_condition
from detectors.sigma.counting import AtEnd, AtLeast, Count
from detectors.sigma.documents import Document, Where
from detectors.sigma.errors import SigmaRefused, Unsayable
from detectors.sigma.grouping import joined, label_of, possible_keys
from detectors.sigma.parse import AnySigmaRule
from detectors.sigma.part import EventPart, Label, Part
from detectors.sigma.temporal import MAX_PARTS, Ordered, Temporal
from detectors.sigma.windows import MAX_BYTES, groups_within
from schemas.instant import DAY, SECOND

MAX_DEPTH = 4
"""Correlations of correlations; each level keeps windows of its own."""

Op = SigmaCorrelationConditionOperator

_TYPE: Where = ("correlation", "type")
_RULES: Where = ("correlation", "rules")
_GROUP: Where = ("correlation", "group-by")
_CONDITION: Where = ("correlation", "condition")
_COUNTS = (SigmaCorrelationType.EVENT_COUNT, SigmaCorrelationType.VALUE_COUNT)
_TEMPORAL = (SigmaCorrelationType.TEMPORAL, SigmaCorrelationType.TEMPORAL_ORDERED)


class Correlations:
    """Compiles rules into parts.

    Args:
        documents: where each rule stands, by the identity of the parsed rule.
        top: the rule to be compiled: its correlations share what may be remembered of a key.
    """

    def __init__(self, documents: dict[int, Document], top: AnySigmaRule) -> None:
        self._documents = documents
        self._share = MAX_BYTES // max(1, _correlations(top))

    def keys(self, rule: SigmaCorrelationRule) -> tuple[RuleKey, ...]:
        """Return the keys that can hold a correlation, the preferred one first.

        Raises:
            SigmaRefused: there is none.
        """
        possible = possible_keys(self._groupings(rule))
        if not possible:
            message = "must hold one of session_id, user_id, device_id, network, ip, app: state is kept by these"
            raise self._refused(rule, _GROUP, message)
        return possible

    def part(self, rule: AnySigmaRule, key: RuleKey, name: str = "0", depth: int = 0) -> Part:
        """Return a rule as a part that is kept by a key.

        Args:
            rule: a rule or correlation, its references resolved.
            key: of the engine, that holds it.
            name: of the part in the memory.
            depth: how many correlations stand above it.

        Raises:
            SigmaRefused: it cannot be computed.
        """
        if isinstance(rule, SigmaRule):
            return EventPart(compile_condition(rule, self._documents[id(rule)]))
        if depth == MAX_DEPTH:
            raise self._refused(rule, _RULES, f"correlations are nested more than {MAX_DEPTH} deep")
        inner = self._inner(rule, key, name, depth + 1)
        try:
            labels = [label_of(fields, key) for fields in self._groupings(rule)]
        except Unsayable as refused:
            raise self._refused(rule, _GROUP, str(refused)) from None
        if rule.type in _COUNTS:
            return self._count(rule, name, inner, labels)
        if rule.type in _TEMPORAL:
            return self._temporal(rule, name, tuple(zip(inner, labels, strict=True)))
        supported = ", ".join(str(kind) for kind in (*_COUNTS, *_TEMPORAL))
        raise self._refused(rule, _TYPE, f"{rule.type} is not computed here; there are {supported}")

    def _inner(self, rule: SigmaCorrelationRule, key: RuleKey, name: str, depth: int) -> tuple[Part, ...]:
        parts = []
        for position, (reference, fields) in enumerate(zip(rule.referenced_rules, self._groupings(rule), strict=True)):
            below = reference.rule
            if isinstance(below, SigmaCorrelationRule):
                own = set.intersection(*(set(inner) for inner in self._groupings(below)))
                if missing := [field for field in fields if field not in own]:
                    message = f"{reference.reference} is not grouped by {missing[0]}, by which this one asks for it"
                    raise self._refused(rule, _RULES, message)
            part = self.part(below, key, f"{name}.{position}", depth)
            if part.settle_us:
                message = f"{reference.reference} is decided at the end of its window: nothing can be built on it"
                raise self._refused(rule, _RULES, message)
            parts.append(part)
        return tuple(parts)

    def _groupings(self, rule: SigmaCorrelationRule) -> list[list[str]]:
        """Return the fields of group-by for each referenced rule, aliases resolved."""
        aliases = {alias.alias: alias.mapping for alias in rule.aliases}
        groupings = []
        for reference in rule.referenced_rules:
            fields = []
            for name in rule.group_by or []:
                if name not in aliases:
                    fields.append(name)
                    continue
                field = _aliased(aliases[name], reference)
                if field is None:
                    where = ("correlation", "aliases", name)
                    raise self._refused(rule, where, f"names no field for {reference.reference}")
                fields.append(field)
            groupings.append(fields)
        return groupings

    def _count(self, rule: SigmaCorrelationRule, name: str, inner: tuple[Part, ...], labels: list[Label]) -> Part:
        if len({tuple(fields) for fields in self._groupings(rule)}) > 1:
            message = "name other fields for each rule: an event that meets two of them would count in two groups"
            raise self._refused(rule, ("correlation", "aliases"), message)
        condition = rule.condition
        assert isinstance(condition, SigmaCorrelationCondition)
        value, counted = None, "events"
        if rule.type is SigmaCorrelationType.VALUE_COUNT:
            names = [condition.fieldref] if isinstance(condition.fieldref, str) else condition.fieldref or []
            try:
                value, counted = joined(names), f"different {', '.join(names)}"
            except Unsayable as refused:
                raise self._refused(rule, (*_CONDITION, "field"), str(refused)) from None
        elif condition.fieldref is not None:
            raise self._refused(rule, (*_CONDITION, "field"), "event_count counts events; value_count counts a field")
        span_us, span = self._span(rule)
        number = self._number(rule, condition)
        groups = self._groups(rule, groups_within(self._share, number + 2, valued=value is not None))

        def count(limit: int, how: str) -> Count:
            return Count(name, inner, labels[0], value, span_us, limit, groups, f"{how} {counted} within {span}")

        if condition.op in (Op.GT, Op.GTE):
            least = number + (condition.op is Op.GT)
            return AtLeast(count(least, f"{least} or more"))
        if condition.op is Op.EQ:
            return AtEnd(count(number, f"exactly {number}"), "exactly")
        if condition.op in (Op.LT, Op.LTE):
            limit = number + (condition.op is Op.LTE)
            if limit < 2:
                raise self._refused(rule, _CONDITION, "a window begins with an event: it never has fewer than one")
            return AtEnd(count(limit, f"fewer than {limit}"), "fewer")
        raise self._refused(rule, _CONDITION, f"{condition.op.name.lower()} is none of gt, gte, lt, lte, eq")

    def _groups(self, rule: SigmaCorrelationRule, groups: int) -> int:
        if groups < 1:
            message = f"more than the {MAX_BYTES // 1_024} KiB that a rule may remember of a key: lower the threshold"
            raise self._refused(rule, _CONDITION, message)
        return groups

    def _number(self, rule: SigmaCorrelationRule, condition: SigmaCorrelationCondition) -> int:
        if not isinstance(condition.count, int) or condition.count < 1:
            raise self._refused(rule, _CONDITION, "expected a whole number above zero")
        if condition.percentile is not None:
            raise self._refused(rule, (*_CONDITION, "percentile"), "counts have none")
        return condition.count

    def _temporal(self, rule: SigmaCorrelationRule, name: str, inner: tuple[tuple[Part, Label], ...]) -> Part:
        if len(inner) > MAX_PARTS:
            raise self._refused(rule, _RULES, f"more than {MAX_PARTS} rules")
        span_us, span = self._span(rule)
        ordered = rule.type is SigmaCorrelationType.TEMPORAL_ORDERED
        entries = len(inner) * (len(inner) + 1) // 2 if ordered else len(inner)
        groups = self._groups(rule, groups_within(self._share, entries, valued=False, named=entries))
        names = [_title(reference.rule) for reference in rule.referenced_rules]
        condition = rule.condition
        if ordered:
            if not self._asks_for_all(rule, len(inner)):
                raise self._refused(rule, _CONDITION, "an order is that of all the rules: leave the condition out")
            return Ordered(name, inner, span_us, groups, f"{', then '.join(names)} within {span}")
        if isinstance(condition, SigmaExtendedCorrelationCondition):
            positions = {reference.reference: place for place, reference in enumerate(rule.referenced_rules)}
            satisfied = self._satisfied(rule, condition.parsed, positions)
            return Temporal(name, inner, span_us, groups, f"{condition.expression} within {span}", satisfied)
        if condition.op not in (Op.GT, Op.GTE) and not self._asks_for_all(rule, len(inner)):
            raise self._refused(rule, _CONDITION, "only the end of a window shows that something did not happen")
        least = self._number(rule, condition) + (condition.op is Op.GT)
        if least > len(inner):
            raise self._refused(rule, _CONDITION, f"asks for {least} of {len(inner)} rules")
        which = " and ".join(names) if least == len(inner) else f"{least} of {', '.join(names)}"
        return Temporal(name, inner, span_us, groups, f"{which} within {span}", lambda seen: len(seen) >= least)

    def _asks_for_all(self, rule: SigmaCorrelationRule, number: int) -> bool:
        condition = rule.condition
        if isinstance(condition, SigmaExtendedCorrelationCondition):
            return False
        return condition.op in (Op.GTE, Op.EQ) and condition.count == number

    def _satisfied(
        self, rule: SigmaCorrelationRule, tree: CorrelationConditionItem | SigmaRuleReference, positions: dict[str, int]
    ) -> Callable[[frozenset[int]], bool]:
        if isinstance(tree, SigmaRuleReference):
            position = positions[tree.reference]
            return lambda seen: position in seen
        if isinstance(tree, CorrelationConditionNOT):
            raise self._refused(rule, _CONDITION, "only the end of a window shows that something did not happen")
        below = [self._satisfied(rule, one, positions) for one in tree.args]
        if isinstance(tree, CorrelationConditionAND):
            return lambda seen: all(one(seen) for one in below)
        return lambda seen: any(one(seen) for one in below)

    def _span(self, rule: SigmaCorrelationRule) -> tuple[int, str]:
        span_us = rule.timespan.seconds * SECOND
        if span_us > DAY:
            message = "longer than a day: what an engine key remembers ends a day after its last event"
            raise self._refused(rule, ("correlation", "timespan"), message)
        return span_us, format_duration(span_us)

    def _refused(self, rule: AnySigmaRule, where: Where, message: str) -> SigmaRefused:
        return SigmaRefused([self._documents[id(rule)].problem(where, message)])


def _aliased(mapping: dict[SigmaRuleReference, str], reference: SigmaRuleReference) -> str | None:
    """Return the field that an alias means in a rule, which may be named by its name or its id."""
    names = _names(reference.rule) | {reference.reference}
    return next((field for one, field in mapping.items() if one.reference in names), None)


def _names(rule: AnySigmaRule) -> set[str]:
    return {str(name) for name in (rule.name, rule.id) if name is not None}


def _title(rule: AnySigmaRule) -> str:
    return rule.title or str(rule.name or rule.id)


def check_references(rule: SigmaCorrelationRule, document: Document, known: Sequence[str]) -> None:
    """Hold the rules that a correlation names against those there are.

    Raises:
        SigmaRefused: one of them is nowhere.
    """
    problems = []
    for position, reference in enumerate(rule.rules or []):
        if reference.reference not in known:
            problems.append(document.problem((*_RULES, position), f'no rule is named "{reference.reference}"'))
    if isinstance(rule.condition, SigmaExtendedCorrelationCondition):
        missing = [name for name in rule.condition.get_referenced_rules() if name not in known]
        problems += [document.problem(_CONDITION, f'no rule is named "{name}"') for name in missing]
    for alias in rule.aliases:
        named = {reference.reference for reference in rule.rules or []}
        for reference in alias.mapping:
            if reference.reference not in known and reference.reference not in named:
                where = ("correlation", "aliases", alias.alias, reference.reference)
                problems.append(document.problem(where, f'no rule is named "{reference.reference}"'))
    if problems:
        raise SigmaRefused(problems)


def check_circle(rule: AnySigmaRule, document: Document) -> None:
    """Refuse a correlation that refers to itself, by way of others or not.

    Raises:
        SigmaRefused: it does.
    """
    waiting, seen = [rule], set[int]()
    while waiting:
        one = waiting.pop()
        if not isinstance(one, SigmaCorrelationRule):
            continue
        for reference in one.referenced_rules:
            if reference.rule is rule:
                raise SigmaRefused([document.problem(_RULES, "refers to itself")])
            if id(reference.rule) not in seen:
                seen.add(id(reference.rule))
                waiting.append(reference.rule)


def _correlations(rule: AnySigmaRule) -> int:
    if not isinstance(rule, SigmaCorrelationRule):
        return 0
    return 1 + sum(_correlations(reference.rule) for reference in rule.referenced_rules)
