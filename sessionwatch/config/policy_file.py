"""A policy of its own: the `[response]` table of a file, to be tried before it is put in force."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sessionwatch.config.load import read_tree
from sessionwatch.config.problem import problem_lines
from sessionwatch.config.references import reference_problems
from sessionwatch.config.response import ResponseSettings
from sessionwatch.config.section import Section
from sessionwatch.config.shape import Shape, conform, show_location
from sessionwatch.errors import ConfigurationError


class _File(Section):
    response: ResponseSettings


def read_policy_file(file: Path) -> dict[str, Any]:
    """Return the `[response]` table of a file without its targets: those in force are asked, and no secret is read.

    Raises:
        ConfigurationError: it cannot be read, or has no such table.
    """
    table = read_tree(file).get("response")
    if not isinstance(table, dict):
        raise ConfigurationError([f"{file}: expected a table [response]"])
    return {name: value for name, value in table.items() if name != "targets"}


def check_policy(table: Mapping[str, Any], apps: Mapping[str, Any], rules: Mapping[str, Any]) -> ResponseSettings:
    """Return a `[response]` table as settings.

    Args:
        table: as it was read; targets are refused, since their secrets would be read from files.
        apps, rules: those that its lines may name, by name.

    Raises:
        ConfigurationError: with every problem, one line each.
    """
    if "targets" in table:
        raise ConfigurationError(["response.targets: a policy is tried with the targets in force"])
    tree = {"response": dict(table)}
    known = {**tree, "apps": {name: {} for name in apps}}
    problems = [f"{show_location(place)}: {what}" for place, what in reference_problems(known, rules)]
    root = Shape.of(_File)
    try:
        parsed = _File.model_validate(conform(tree, root))
    except ValidationError as error:
        raise ConfigurationError([*problems, *(line for _, line in problem_lines(error, root, {}))]) from None
    if problems:
        raise ConfigurationError(problems)
    return parsed.response
