"""What is remembered of a configuration, so that the next start can say which keys have changed.

Switches and numbers are remembered as they are; every text by its digest under the audit key, since it may be a secret,
or a path or name that says something of one.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any

import msgspec
from pydantic import BaseModel, SecretStr

from sessionwatch.config import Settings
from store.audit_key import AuditKey

FACT = "configuration"
"""The name of the fact that the store keeps."""

MOST_CHANGES = 100
"""Keys that one audit line names."""

_HIDDEN = "#"


class SettingsRecord(msgspec.Struct, frozen=True):
    """A configuration as it is remembered.

    Attributes:
        audit_key: the public key of whose digests they are: those of two keys cannot be compared.
        keys: by key its value, or the digest of it.
    """

    audit_key: str
    keys: dict[str, str]

    @classmethod
    def of(cls, settings: Settings, key: AuditKey) -> SettingsRecord:
        """Return what is remembered of a configuration."""
        return cls(key.public, {place: _remembered(value, key) for place, value in _leaves(settings, "")})

    @classmethod
    def stored(cls, fact: str | None) -> SettingsRecord | None:
        """Return what an earlier start has stored; None = nothing, or nothing that can be read."""
        try:
            return msgspec.json.decode(fact, type=cls) if fact else None
        except msgspec.MsgspecError:
            return None

    @property
    def fact(self) -> str:
        """What is stored."""
        return msgspec.json.encode(self).decode()

    @property
    def fingerprint(self) -> str:
        """By which two configurations are told apart: the same keys and values give the same one."""
        return hashlib.sha256(msgspec.json.encode(sorted(self.keys.items()))).hexdigest()[:16]

    def changes_since(self, before: SettingsRecord) -> dict[str, str]:
        """Return by key what has changed, in words: of a text only that it did."""
        changes: dict[str, str] = {}
        for place in sorted(before.keys.keys() | self.keys.keys()):
            then, now = before.keys.get(place), self.keys.get(place)
            if then != now and not (before.audit_key != self.audit_key and _is_hidden(then) and _is_hidden(now)):
                changes[place] = _in_words(then, now)
        return changes


def _is_hidden(value: str | None) -> bool:
    return value is not None and value.startswith(_HIDDEN)


def _in_words(before: str | None, now: str | None) -> str:
    if before is None:
        return "set" if _is_hidden(now) else f"set to {now}"
    if now is None:
        return "removed"
    if _is_hidden(before) or _is_hidden(now):
        return "changed"
    return f"{before} -> {now}"


def _remembered(value: object, key: AuditKey) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float) and not isinstance(value, Enum):
        return str(value)
    text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
    return _HIDDEN + key.digest(text)


def _leaves(value: object, place: str) -> Iterator[tuple[str, object]]:
    """Yield each value with its key, as the configuration file writes it."""
    if isinstance(value, BaseModel):
        extra: Mapping[Any, Any] = value.model_extra or {}
        fields: Mapping[Any, Any] = {**{name: getattr(value, name) for name in type(value).model_fields}, **extra}
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {one.name: getattr(value, one.name) for one in dataclasses.fields(value)}
    elif isinstance(value, Mapping):
        fields = value
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        fields = {_name(one, number): one for number, one in enumerate(value)}
    elif isinstance(value, set | frozenset):
        fields = dict(enumerate(sorted(map(str, value))))
    else:
        yield place, value
        return
    for name, one in fields.items():
        yield from _leaves(one, f"{place}.{name}" if place else str(name))


def _name(item: object, number: int) -> object:
    """Return how an item of a list is addressed: by its name, where it has one."""
    name = getattr(item, "name", None)
    return name if isinstance(name, str) and not isinstance(item, Enum) else number
