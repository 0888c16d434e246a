"""A scenario: a file of events, and what must fire."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

FOLDER = Path(__file__).parent
"""The scenarios that ship."""

CONFIGURATION = "sessionwatch.toml"


class ScenarioError(ValueError):
    """A scenario cannot be read: one line that names the file."""


@dataclass(frozen=True, slots=True, order=True)
class Fired:
    """An alert, as a scenario names it."""

    rule: str
    severity: str
    key: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """A revocation that the pipeline delivered in a scenario: no event tells of it."""

    app: str
    session: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Scenario:
    """What happens, and what must fire.

    Attributes:
        events: the file of events, JSON lines.
        about: the rules for whose sake it is there, those that must stay silent too.
        fires: the alerts that must be there in the end, and no others.
        delivered: revocations that the pipeline delivered meanwhile.
    """

    name: str
    title: str
    story: str
    events: Path
    about: tuple[str, ...]
    fires: tuple[Fired, ...]
    delivered: tuple[Delivered, ...] = ()


def scenarios(folder: Path = FOLDER) -> list[Scenario]:
    """Return the scenarios of a folder, by name.

    Raises:
        ScenarioError: one has no description beside it, or not a whole one.
    """
    return [_read(events) for events in sorted(folder.glob("*.jsonl"))]


def _read(events: Path) -> Scenario:
    told = events.with_suffix(".toml")
    try:
        told_of = tomllib.loads(told.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ScenarioError(f"{told.name}: is missing beside {events.name}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{told.name}: {error}") from None
    try:
        title, story = told_of["title"], told_of["story"].strip()
        fires = tuple(_fired(one) for one in told_of["fires"])
        about = tuple(told_of.get("about", ()))
        delivered = tuple(Delivered(one["app"], one["session"], one["at"]) for one in told_of.get("delivered", ()))
    except (KeyError, TypeError, AttributeError):
        raise ScenarioError(f"{told.name}: expected title, story and fires (each with rule, severity, key)") from None
    return Scenario(events.stem, title, story, events, about, fires, delivered)


def _fired(one: Mapping[str, str]) -> Fired:
    return Fired(one["rule"], one["severity"], one["key"])
