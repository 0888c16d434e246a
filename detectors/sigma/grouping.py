"""Group-by: which key of the engine holds a group, and what of it the rule must keep apart itself."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from detectors.rule import RuleKey
from detectors.sigma.errors import Unsayable
from detectors.sigma.fields import EventField, event_field
from detectors.sigma.part import Label
from schemas.event import Event

KEY_OF_FIELD: dict[str, RuleKey] = {
    "session_id": "session",
    "user_id": "user",
    "device_id": "device",
    "network": "network",
    "ip": "network",
    "app": "app",
}
"""Fields whose value decides a key: all events of an address are events of one network."""

PREFERRED: tuple[RuleKey, ...] = ("session", "user", "device", "network", "app")
"""Of several keys that could hold a group, the narrowest: the alert then names whom it is about."""

_FIELD_OF_KEY: dict[RuleKey, str] = {
    "session": "session_id", "user": "user_id", "device": "device_id", "network": "network", "app": "app",
}  # fmt: skip
_LONGEST_VALUE = 32
_SEPARATOR = "\x1f"


def possible_keys(groupings: Iterable[Sequence[str]]) -> tuple[RuleKey, ...]:
    """Return the keys that hold each group of a correlation whole, the preferred one first.

    Args:
        groupings: for each rule of the correlation, its fields in the order of group-by.
    """
    possible: set[RuleKey] | None = None
    for fields in zip(*groupings, strict=True):
        decided = {KEY_OF_FIELD.get(field) for field in fields}
        if len(decided) == 1 and (key := decided.pop()) is not None:
            possible = (possible or set()) | {key}
    return tuple(key for key in PREFERRED if key in (possible or ()))


def label_of(fields: Sequence[str], key: RuleKey) -> Label:
    """Return the function that names an event's group inside a key.

    Args:
        fields: of group-by; the one that is the key itself needs no keeping apart.
        key: that holds the group.

    Raises:
        Unsayable: a field does not exist, or holds a list.
    """
    return joined([field for field in fields if field != _FIELD_OF_KEY[key]])


def joined(names: Sequence[str]) -> Label:
    """Return the function that gives the values of some fields as one text; None where one of them is missing.

    Raises:
        Unsayable: a field does not exist, or holds a list.
    """
    fields = [_single(name) for name in names]
    if not fields:
        return _one_group
    if len(fields) == 1:
        get = fields[0].get
        return lambda event: None if (value := get(event)) is None else _short(value)

    def label(event: Event) -> str | None:
        values = [field.get(event) for field in fields]
        return None if None in values else _short(_SEPARATOR.join(map(_short, values)))

    return label


def _one_group(_event: Event) -> str:
    return ""


def _single(name: str) -> EventField:
    field = event_field(name)
    if field.kind in ("texts", "time"):
        raise Unsayable(
            f"{name} cannot be counted or grouped by: it holds {'a list' if field.kind == 'texts' else 'a time'}"
        )
    return field


def _short(value: object) -> str:
    """Return a value as a text of bounded length: clients choose many of them."""
    text = str(value)
    return (
        text
        if len(text) <= _LONGEST_VALUE
        else hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:_LONGEST_VALUE]
    )
