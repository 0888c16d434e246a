"""One line of a sequence: what happened, to whom, from where and with what."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from detectors.battery.stage import AGENTS, APP, PLACES, START_US, happening
from detectors.parameters import parse_duration
from schemas.event import EVENT_TYPES, REASONS, Event
from schemas.instant import SECOND
from schemas.signal import Signal

WORDS = {
    "login": ("create", "login"),
    "rotation": ("create", "rotation"),
    "use": ("validate", "request"),
    "refresh": ("validate", "refresh"),
    "logout": ("destroy", "logout"),
    "fail": ("fail", "bad_credentials"),
    "delivered": ("signal", "revocation_delivered"),
    "released": ("signal", "revocation_released"),
}
"""What stands for a type and reason; any other is written as ``type(reason)``."""

MAX_TIMES = 10_000
_LINE = re.compile(
    r"(?P<at>-?[\d.]+(?:ms|s|m|h|d))(?: x(?P<times>\d+) every (?P<gap>[\d.]+(?:ms|s|m|h|d)))?"
    r" (?P<kind>[a-z_]+)(?:\((?P<reason>[a-z_]+)\))? (?P<user>\S+)(?P<rest>(?: .*)?)"
)
_FRACTION = re.compile(r"(-?)(\d+)(?:\.(\d+))?(ms|s|m|h|d)")
_FIELDS = frozenset(Event.__struct_fields__) - {"event_id", "time_us", "type", "app", "place", "agent", "arrival_us"}


class LineError(ValueError):
    """A line says nothing that can be played; the message says which word, and what is possible."""


@dataclass(frozen=True, slots=True)
class Happening:
    """An event or signal, and when it is told, in microseconds after the start."""

    item: Event | Signal
    told_us: int
    text: str


def parse_line(text: str) -> list[Happening]:
    """Return what a line says: one happening, or several where it repeats (`x12 every 25s`).

    Raises:
        LineError: it cannot be read.
    """
    match = _LINE.fullmatch(" ".join(text.split()))
    if match is None:
        raise LineError(f'expected "5m use alice from cafe with curl", got "{text[:80]}"')
    times = int(match["times"] or 1)
    if not 1 <= times <= MAX_TIMES:
        raise LineError(f"x{times}: from 1 to {MAX_TIMES}")
    gap_us = _instant(match["gap"]) if match["gap"] else 0
    return [_one(match, _instant(match["at"]) + number * gap_us, number) for number in range(times)]


def _one(match: re.Match[str], at_us: int, number: int) -> Happening:
    kind, reason = _kind(match["kind"], match["reason"])
    user = None if match["user"] == "-" else match["user"].replace("{n}", str(number))
    values, told_us = _rest(match["rest"].replace("{n}", str(number)).split())
    where, client = values.pop("from", "home"), values.pop("with", "firefox")
    session = values.pop("in", None) or (f"s_{user}" if user and kind not in ("fail", "heartbeat") else None)
    text = f"{kind}({reason})" if reason else kind
    if kind == "signal":
        signal_id = f"{reason}:{at_us}"
        made = Signal(signal_id, START_US + at_us, reason, APP, session, user, {"revocation_id": "r1"})  # type: ignore[arg-type]
        return Happening(made, at_us if told_us is None else told_us, text)
    fields = {"app": APP, "reason": reason, "session_id": session, "user_id": user, **values}
    # Two equal lines are two happenings.
    fields.setdefault("offset", number)
    arrival_us = START_US + (at_us if told_us is None else told_us)
    event = happening(kind, at_us / SECOND, where, client, arrival_us=arrival_us, **fields)
    return Happening(event, at_us if told_us is None else told_us, text)


def _kind(word: str, reason: str | None) -> tuple[str, str | None]:
    if word in WORDS and reason is None:
        return WORDS[word]
    if word not in EVENT_TYPES and not (word in WORDS and WORDS[word][0] in EVENT_TYPES):
        raise LineError(f'"{word}" is none of {", ".join(WORDS)}, nor a type such as fail(mfa_denied)')
    kind = word if word in EVENT_TYPES else WORDS[word][0]
    return kind, reason or next(iter(REASONS[kind]), None)


def _rest(words: list[str]) -> tuple[dict[str, Any], int | None]:
    values: dict[str, Any] = {}
    told_us = None
    position = 0
    while position < len(words):
        word = words[position]
        if "=" in word:
            name, _, text = word.partition("=")
            values[name] = _value(name, text)
            position += 1
            continue
        if position + 1 == len(words):
            raise LineError(
                f'"{word}" stands alone: expected from PLACE, with CLIENT, in SESSION, told TIME, FIELD=VALUE'
            )
        following = words[position + 1]
        if word == "told":
            told_us = _instant(following)
        else:
            values[word] = _named(word, following)
        position += 2
    return values, told_us


def _named(word: str, name: str) -> str:
    known = {"from": PLACES, "with": AGENTS}.get(word)
    if known is None and word != "in":
        raise LineError(f'"{word}" is none of from, with, in, told')
    if known is not None and name not in known:
        raise LineError(f'"{word} {name}": known are {", ".join(known)}')
    return name


def _value(name: str, text: str) -> object:
    if name == "app":
        return text
    if name not in _FIELDS:
        raise LineError(f'"{name}" is no field of an event')
    try:
        return json.loads(text)
    except ValueError:
        return text


def _instant(text: str) -> int:
    match = _FRACTION.fullmatch(text)
    if match is None:
        raise LineError(f'"{text}" is no time such as 30s, 5m or 1.5s')
    sign, whole, fraction, unit = match.groups()
    one = parse_duration(f"1{unit}")
    assert isinstance(one, int)
    microseconds = int(whole) * one + (int(fraction) * one // 10 ** len(fraction) if fraction else 0)
    return -microseconds if sign else microseconds
