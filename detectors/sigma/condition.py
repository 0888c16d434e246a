"""A rule's condition as a function of one event."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.exceptions import SigmaError
from sigma.rule import SigmaRule

from detectors.sigma.documents import Document
from detectors.sigma.errors import SigmaRefused, Unsayable, said
from detectors.sigma.fields import event_field
from detectors.sigma.values import Test, value_test
from schemas.event import EVENT_TYPES, Event

ACTIVITY = frozenset(EVENT_TYPES) - {"heartbeat"}
"""What a rule sees that does not ask for a type: heartbeats are counters of the emitter."""

_AT_CONDITION = ("detection", "condition")


@dataclass(frozen=True, slots=True)
class Predicate:
    """A condition, compiled.

    Attributes:
        test: whether an event meets it.
        by_type: what the event's type alone decides; None = the rest of the event decides.
        asks_type: whether it asks for the type at all.
    """

    test: Test
    by_type: Callable[[str], bool | None]
    asks_type: bool = False

    def event_types(self) -> frozenset[str]:
        """Return the types of the events that can meet it."""
        asked = frozenset(EVENT_TYPES) if self.asks_type else ACTIVITY
        return frozenset(kind for kind in asked if self.by_type(kind) is not False)


def compile_condition(rule: SigmaRule, document: Document) -> Predicate:
    """Return the condition of a rule; of several, one must hold.

    Raises:
        SigmaRefused: it asks for what no event can show.
    """
    try:
        trees = [condition.parsed for condition in rule.detection.parsed_condition]
    except SigmaError as error:
        raise SigmaRefused([document.problem(document.at(error.source, _AT_CONDITION), said(error))]) from None
    except RecursionError:
        raise SigmaRefused([document.problem(_AT_CONDITION, "nested too deeply")]) from None
    return _any([_compile(tree, document) for tree in trees])


def _compile(tree: object, document: Document) -> Predicate:
    if isinstance(tree, ConditionFieldEqualsValueExpression):
        return _leaf(tree, document)
    if isinstance(tree, ConditionValueExpression):
        where = document.at(tree.source, _AT_CONDITION)
        raise SigmaRefused([document.problem(where, "keywords search a whole log line; an event has fields: name one")])
    if isinstance(tree, ConditionNOT):
        return _not(_compile(tree.args[0], document))
    if isinstance(tree, ConditionAND):
        return _all([_compile(one, document) for one in tree.args])
    if isinstance(tree, ConditionOR):
        return _any([_compile(one, document) for one in tree.args])
    raise SigmaRefused([document.problem(_AT_CONDITION, "selects nothing")])


def _leaf(leaf: ConditionFieldEqualsValueExpression, document: Document) -> Predicate:
    try:
        field = event_field(leaf.field)
        test = value_test(field, leaf.value)
    except Unsayable as refused:
        raise SigmaRefused([document.problem(document.at(leaf.source, _AT_CONDITION), str(refused))]) from None
    if field.name == "type":
        return Predicate(test, lambda kind: test(Event("", 0, kind, "")), asks_type=True)
    return Predicate(test, lambda _kind: None)


def _not(inner: Predicate) -> Predicate:
    test, by_type = inner.test, inner.by_type

    def decided(kind: str) -> bool | None:
        known = by_type(kind)
        return None if known is None else not known

    return Predicate(lambda event: not test(event), decided, inner.asks_type)


def _all(inner: list[Predicate]) -> Predicate:
    if len(inner) == 1:
        return inner[0]
    tests = tuple(one.test for one in inner)

    def test(event: Event) -> bool:
        return all(one(event) for one in tests)

    def decided(kind: str) -> bool | None:
        known = [one.by_type(kind) for one in inner]
        return False if False in known else None if None in known else True

    return Predicate(test, decided, any(one.asks_type for one in inner))


def _any(inner: list[Predicate]) -> Predicate:
    if len(inner) == 1:
        return inner[0]
    tests = tuple(one.test for one in inner)

    def test(event: Event) -> bool:
        return any(one(event) for one in tests)

    def decided(kind: str) -> bool | None:
        known = [one.by_type(kind) for one in inner]
        return True if True in known else None if None in known else False

    return Predicate(test, decided, any(one.asks_type for one in inner))
