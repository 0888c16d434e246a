"""What is wrong with a configuration, one line each: the place, what was expected, the nearest valid key."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from sessionwatch.config.environment import variable_name
from sessionwatch.config.kafka import PYTHON_OBJECTS, SET_BY_THE_PIPELINE
from sessionwatch.config.later import NOT_YET, key_comes_later
from sessionwatch.config.shape import Location, Shape, show_location
from sessionwatch.config.value_types import SECRET_IN_FILE

_LONGEST_SHOWN = 60


def problem_line(location: Location, message: str, origins: Mapping[Location, str]) -> str:
    """Return one line: the place, the environment variable that gave the value, and what is wrong."""
    origin = next(
        (origins[location[:length]] for length in range(len(location), 0, -1) if location[:length] in origins),
        None,
    )
    place = show_location(location)
    return f"{place} (from {origin}): {message}" if origin else f"{place}: {message}"


def problem_lines(error: ValidationError, root: Shape, origins: Mapping[Location, str]) -> list[tuple[Location, str]]:
    """Return what a validation found, with the location of each.

    Args:
        error: the validation's error.
        root: the shape of the whole configuration.
        origins: by location, the environment variable that gave the value.
    """
    details = error.errors(include_url=False)
    found = []
    for detail in details:
        location = tuple(key for key in detail["loc"] if key != "[key]")
        if detail["type"] == "too_short" and any(_below(location, other["loc"]) for other in details):
            continue
        location, message = _at_field(location, _message(detail, location, root), root)
        found.append((location, problem_line(location, message, origins)))
    return found


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the question for the nearest known word, else the whole list where it is short, else nothing."""
    candidates = sorted(known)
    by_plain_name = {_plain(key): key for key in candidates}
    match = difflib.get_close_matches(_plain(word), by_plain_name, 1)
    if match:
        return f'; did you mean "{by_plain_name[match[0]]}"?'
    return f"; known here: {', '.join(candidates)}" if 0 < len(candidates) <= 12 else ""


def _plain(word: str) -> str:
    return word.lower().replace("_", "-")


def _below(location: Location, other: Location) -> bool:
    """Say whether `other` lies inside: a list that loses its wrong items is not too short besides."""
    return len(other) > len(location) and other[: len(location)] == location


def _at_field(location: Location, message: str, root: Shape) -> tuple[Location, str]:
    """Move a table's message that begins with one of its keys to that key."""
    shape = root.at(location)
    key, colon, rest = message.partition(": ")
    if colon and shape is not None and shape.model is not None and key in shape.model.model_fields:
        return (*location, key), rest
    return location, message


def _message(detail: ErrorDetails, location: Location, root: Shape) -> str:
    kind = detail["type"]
    shape = root.at(location)
    if kind == "extra_forbidden":
        return _unknown_key(location, root)
    if kind == "value_error":
        message = str(detail["ctx"]["error"])
        unsaid = shape is not None and shape.is_duration and not isinstance(detail["input"], str)
        return f"{message}, got {_shown(detail['input'])}" if unsaid else message
    if kind == SECRET_IN_FILE:
        return (
            f'secrets do not stand in the file: use "{location[-1]}_file" '
            f"or the environment variable {variable_name(location, root)}"
        )
    expected = shape.describe() if shape is not None else "another value"
    if kind == "missing":
        return f"is missing: expected {expected}"
    if kind in ("too_short", "too_long"):
        return f"expected {expected} that is not empty" if kind == "too_short" else f"expected a shorter {expected}"
    got = "" if shape is not None and shape.is_secret else f", got {_shown(detail['input'])}"
    written = detail["input"] if got and isinstance(detail["input"], str) else None
    offer = nearest(written, shape.choices) if written is not None and shape is not None and shape.choices else ""
    return f"expected {expected}{got}{offer if 'did you mean' in offer else ''}"


def _unknown_key(location: Location, root: Shape) -> str:
    key = str(location[-1])
    if key_comes_later(location):
        return NOT_YET
    if location[:-1] == ("kafka",):
        if key in SET_BY_THE_PIPELINE:
            return f"cannot be set: {SET_BY_THE_PIPELINE[key]}"
        if key in PYTHON_OBJECTS:
            return "cannot be set in a file: it takes a Python object"
    parent = root.at(location[:-1])
    known = parent.model.model_fields if parent is not None and parent.model is not None else {}
    return f"unknown key{nearest(key, known)}"


def _shown(value: object) -> str:
    """Return a wrong value as TOML would show it, cut."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and value.bit_length() > _LONGEST_SHOWN:
        return "a number too long to show"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str):
        cut = "".join(char if char.isprintable() else "�" for char in value[:_LONGEST_SHOWN])
        return f'"{cut}"' if len(value) <= _LONGEST_SHOWN else f'"{cut}…"'
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list | tuple):
        return "a list"
    return "a date or time"
