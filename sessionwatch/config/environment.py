"""Environment variables over the file: `SESSIONWATCH__KAFKA__GROUP=x` is `group` in `[kafka]`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from sessionwatch.config.shape import Location, Shape, show_location

PREFIX = "SESSIONWATCH__"

_WHOLE_NUMBER = re.compile(r"[+-]?\d{1,19}", re.ASCII)
_TRUTH = {"true": True, "false": False}


def overlay(tree: dict[str, Any], environ: Mapping[str, str], root: Shape) -> tuple[dict[Location, str], list[str]]:
    """Write the environment's values into the file's, in place.

    In names `-` and `.` are `_`, case does not matter, and items of an array are addressed by their `name`.

    Args:
        tree: what the file says.
        environ: the environment.
        root: the shape of the whole configuration.

    Returns:
        By location the variable that gave the value; and the problems, one line each.
    """
    origins: dict[Location, str] = {}
    problems: list[str] = []
    for variable in sorted(environ):
        if not variable.startswith(PREFIX):
            continue
        try:
            location = _place(tree, variable.removeprefix(PREFIX).split("__"), environ[variable], root)
        except ValueError as error:
            problems.append(f"{variable}: {error}")
        else:
            origins[location] = variable
    return origins, problems


def variable_name(location: Location, root: Shape) -> str:
    """Return the environment variable for a location; `<NAME>` stands for the name of an array's item."""
    segments = []
    shape: Shape | None = root
    for key in location:
        named = shape is not None and shape.is_list and shape.item.child("name") is not None
        segments.append("<NAME>" if isinstance(key, int) and named else _plain(str(key)).upper())
        shape = shape.child(key) if shape is not None else None
    return PREFIX + "__".join(segments)


def _place(tree: dict[str, Any], segments: list[str], text: str, root: Shape) -> Location:
    """Write one value where its name says; missing tables are made."""
    location: list[str | int] = []
    node: Any = tree
    shape: Shape | None = root
    for position, segment in enumerate(segments):
        if not segment:
            raise ValueError("expected SESSIONWATCH__SECTION__KEY")
        key = _key(node, shape, segment)
        location.append(key)
        shape = shape.child(key) if shape is not None else None
        if position == len(segments) - 1:
            node[key] = _value(shape, text)
        else:
            node = _descend(node, key, shape, location)
    return tuple(location)


def _descend(node: Any, key: str | int, shape: Shape | None, location: list[str | int]) -> Any:
    if shape is not None and shape.model is None and not shape.is_map and not shape.is_list:
        raise ValueError(f"{show_location(location)} has no keys: it is a {shape.describe()}")
    if isinstance(key, int):
        return node[key]
    below = node.setdefault(key, [] if shape is not None and shape.is_list else {})
    if not isinstance(below, dict | list):
        raise ValueError(f"the file has a value, no table, at {show_location(location)}")
    return below


def _key(node: Any, shape: Shape | None, segment: str) -> str | int:
    """Return the key or index that a segment of a name means."""
    if isinstance(node, list):
        return _index(node, shape, segment)
    known = list(node)
    if shape is not None and shape.model is not None:
        known += list(shape.model.model_fields)
    wanted = _plain(segment)
    return next((key for key in known if _plain(str(key)) == wanted), segment.lower())


def _index(items: list[Any], shape: Shape | None, segment: str) -> int:
    if shape is None or not shape.is_list:
        raise ValueError("the file has a list where a table belongs")
    if shape.item.child("name") is None:
        raise ValueError("items of this list have no name: they can be set in the file only")
    for index, item in enumerate(items):
        if isinstance(item, dict) and _plain(str(item.get("name", ""))) == _plain(segment):
            return index
    # An item that the file does not have: its required keys tell a typing error from a new one.
    items.append({"name": segment.lower()})
    return len(items) - 1


def _plain(name: str) -> str:
    return name.lower().replace("-", "_").replace(".", "_")


def _value(shape: Shape | None, text: str) -> object:
    """Return a variable's text as the type that its place expects; a text that does not fit stays one."""
    if shape is None:
        return text
    if shape.is_secret:
        return SecretStr(text)
    if shape.is_list:
        return _list(shape, text)
    if shape.type is bool:
        return _TRUTH.get(text.strip().lower(), text)
    if shape.type is int and not shape.is_duration and _WHOLE_NUMBER.fullmatch(text.strip()):
        return int(text)
    if shape.type is float:
        try:
            return float(text)
        except ValueError:
            return text
    return text


def _list(shape: Shape, text: str) -> object:
    if text.lstrip().startswith("["):
        try:
            return tomllib.loads(f"value = {text}")["value"]
        except (ValueError, RecursionError):
            return text
    return [_value(shape.item, part.strip()) for part in text.split(",") if part.strip()]
