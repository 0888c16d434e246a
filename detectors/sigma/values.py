"""One field held against one value of a rule.

Texts are compared without regard to case and with the wildcards ``*`` and ``?``, as Sigma says; ``cased`` compares
them as they are. A regular expression may match anywhere in the text, and runs in RE2, whose time is linear in what
a client sent.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from sigma.policy import default_policy
from sigma.types import (
    CompareOperators,
    Placeholder,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SigmaTimestampPart,
    SigmaType,
    SpecialChars,
    TimestampPart,
)

from detectors.sigma.errors import Unsayable
from detectors.sigma.fields import EventField, event_field
from schemas.event import EVENT_TYPES, Event
from schemas.instant import to_datetime

Test = Callable[[Event], bool]
TextTest = Callable[[str], bool]
Address = ipaddress.IPv4Network | ipaddress.IPv6Network

_COMPARE: dict[CompareOperators, Callable[[Any, Any], bool]] = {
    CompareOperators.LT: lambda value, bound: value < bound,
    CompareOperators.LTE: lambda value, bound: value <= bound,
    CompareOperators.GT: lambda value, bound: value > bound,
    CompareOperators.GTE: lambda value, bound: value >= bound,
    CompareOperators.NEQ: lambda value, bound: value != bound,
}
_TIME_PART: dict[TimestampPart, Callable[[int], int]] = {
    TimestampPart.MINUTE: lambda time_us: to_datetime(time_us).minute,
    TimestampPart.HOUR: lambda time_us: to_datetime(time_us).hour,
    TimestampPart.DAY: lambda time_us: to_datetime(time_us).day,
    TimestampPart.WEEK: lambda time_us: to_datetime(time_us).isocalendar().week,
    TimestampPart.MONTH: lambda time_us: to_datetime(time_us).month,
    TimestampPart.YEAR: lambda time_us: to_datetime(time_us).year,
}
_RE_FLAGS = SigmaRegularExpression.sigma_to_python_flags


def value_test(field: EventField, value: SigmaType) -> Test:
    """Return the test of a field against a value as pySigma parsed it.

    Raises:
        Unsayable: the field holds no such value, or the comparison means nothing to events.
    """
    if isinstance(value, SigmaNull):
        return lambda event: field.get(event) in (None, ())
    if isinstance(value, SigmaExists):
        return _exists(field, value.exists)
    if isinstance(value, SigmaTimestampPart):
        wanted = value.number
        return _time_part(field, value.timestamp_part, lambda part: part == wanted)
    if isinstance(value, SigmaCompareExpression):
        return _compared(field, value)
    if isinstance(value, SigmaBool):
        return _truth(field, value.boolean)
    if isinstance(value, SigmaNumber):
        return _number(field, value.number)
    if isinstance(value, SigmaCIDRExpression):
        return _inside(field, value.network)
    if isinstance(value, SigmaFieldReference):
        return _same_as(field, value)
    if isinstance(value, SigmaRegularExpression):
        return _text(field, _expression(value))
    if isinstance(value, SigmaString):
        _check_vocabulary(field, value)
        return _text(field, _pattern(value))
    raise Unsayable("a value of this kind means nothing to an event")


def _exists(field: EventField, wanted: bool) -> Test:
    return lambda event: (field.get(event) not in (None, ())) is wanted


def _truth(field: EventField, wanted: bool) -> Test:
    if field.kind not in ("truth", "open"):
        raise Unsayable(f"{field.name} holds no truth value: {_holds(field)}")
    return lambda event: field.get(event) is wanted


def _number(field: EventField, wanted: float) -> Test:
    if field.kind not in ("number", "open"):
        raise Unsayable(f"{field.name} holds no number: {_holds(field)}")
    return lambda event: _as_number(field.get(event)) == wanted


def _compared(field: EventField, value: SigmaCompareExpression) -> Test:
    compare, bound = _COMPARE[value.op], value.number.number
    if isinstance(value.number, SigmaTimestampPart):
        return _time_part(field, value.number.timestamp_part, lambda part: compare(part, bound))
    if field.kind not in ("number", "open"):
        raise Unsayable(f"{field.name} holds no number: {_holds(field)}")

    def test(event: Event) -> bool:
        number = _as_number(field.get(event))
        return number is not None and compare(number, bound)

    return test


def _time_part(field: EventField, part: TimestampPart, holds: Callable[[int], bool]) -> Test:
    if field.kind != "time":
        raise Unsayable(f"{field.name} holds no time; event_time does, in UTC")
    of_time = _TIME_PART[part]
    return lambda event: holds(of_time(event.time_us))


def _as_number(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _inside(field: EventField, network: Address) -> Test:
    if field.name not in ("ip", "network"):
        raise Unsayable(f"{field.name} holds no address: cidr is for ip and network")

    def test(event: Event) -> bool:
        text = field.get(event)
        own = _network_of(text) if text is not None else None
        # The two kinds of network cannot be compared, and mypy cannot see that the versions agree.
        return own is not None and own.version == network.version and own.subnet_of(network)  # type: ignore[arg-type]

    return test


@lru_cache(maxsize=65_536)
def _network_of(text: str) -> Address | None:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        return None


def _same_as(field: EventField, value: SigmaFieldReference) -> Test:
    other = event_field(value.field)
    if field.kind != other.kind or field.kind in ("texts", "time"):
        raise Unsayable(f"{field.name} and {other.name} hold values of two kinds")
    if value.starts_with or value.ends_with:
        return _part_of(field, other, value)

    def test(event: Event) -> bool:
        own, others = field.get(event), other.get(event)
        if isinstance(own, str) and isinstance(others, str):
            return own.lower() == others.lower()
        return own is not None and type(own) is type(others) and bool(own == others)

    return test


def _part_of(field: EventField, other: EventField, value: SigmaFieldReference) -> Test:
    def test(event: Event) -> bool:
        own, others = field.get(event), other.get(event)
        if not isinstance(own, str) or not isinstance(others, str):
            return False
        own, others = own.lower(), others.lower()
        if value.starts_with and value.ends_with:
            return others in own
        return own.startswith(others) if value.starts_with else own.endswith(others)

    return test


def _text(field: EventField, holds: TextTest) -> Test:
    get = field.get
    if field.kind == "texts":
        return lambda event: any(holds(text) for text in get(event))
    if field.kind not in ("text", "open"):
        raise Unsayable(f"{field.name} holds no text: {_holds(field)}")

    def test(event: Event) -> bool:
        text = get(event)
        return isinstance(text, str) and holds(text)

    return test


def _check_vocabulary(field: EventField, value: SigmaString) -> None:
    """Refuse an event type that does not exist: such a rule would be silent for good."""
    plain = value.s[0] if len(value.s) == 1 else None
    if field.name == "type" and isinstance(plain, str) and plain.lower() not in EVENT_TYPES:
        raise Unsayable(f'no event has the type "{plain}"; there are {", ".join(EVENT_TYPES)}')


def _expression(value: SigmaRegularExpression) -> TextTest:
    flags = 0
    for flag in value.flags:
        flags |= _RE_FLAGS[flag]
    engine = default_policy.regex_engine
    try:
        search = engine.compile(str(value.regexp), flags).search
    except engine.error as error:
        raise Unsayable(f"no regular expression of RE2: {error}") from None
    return lambda text: search(text) is not None


def _pattern(value: SigmaString) -> TextTest:
    """Return the test of a text with wildcards; the common forms need no regular expression."""
    if any(isinstance(part, Placeholder) for part in value.s):
        raise Unsayable("placeholders have nothing to be filled from")
    cased = isinstance(value, SigmaCasedString)
    parts = [part.lower() if isinstance(part, str) and not cased else part for part in value.s]
    holds = _simple(parts) or _wildcards(parts)
    return holds if cased else lambda text: holds(text.lower())


def _simple(parts: list[Any]) -> TextTest | None:
    many = SpecialChars.WILDCARD_MULTI
    if not parts:
        return lambda text: not text
    match parts:
        case [str() as whole]:
            return lambda text: text == whole
        case [str() as start, end] if end is many:
            return lambda text: text.startswith(start)
        case [start, str() as end] if start is many:
            return lambda text: text.endswith(end)
        case [start, str() as middle, end] if start is many and end is many:
            return lambda text: middle in text
    return None


def _wildcards(parts: list[Any]) -> TextTest:
    signs = {SpecialChars.WILDCARD_MULTI: ".*", SpecialChars.WILDCARD_SINGLE: "."}
    expression = "".join(re.escape(part) if isinstance(part, str) else signs[part] for part in parts)
    match = default_policy.regex_engine.compile(expression, re.DOTALL).fullmatch
    return lambda text: match(text) is not None


def _holds(field: EventField) -> str:
    return {
        "text": "it is a text, write the value in quotes",
        "number": "it is a number, write the value without quotes",
        "truth": "it is true or false",
        "texts": "it is a list of texts",
        "time": "it is a time, ask for its hour, day or week",
        "open": "",
    }[field.kind]
