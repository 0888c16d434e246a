"""From a TOML file and the environment to checked settings."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError, create_model

from detectors.parameters import format_duration
from sessionwatch.config.environment import PREFIX, overlay
from sessionwatch.config.problem import problem_line, problem_lines
from sessionwatch.config.references import reference_problems
from sessionwatch.config.rules import RuleClasses, inherit, longest_window_us, rule_settings, rules_model
from sessionwatch.config.settings import Settings
from sessionwatch.config.shape import Location, Shape, conform
from sessionwatch.config.sigma import SigmaSettings
from sessionwatch.errors import ConfigurationError
from sessionwatch.sigma_files import with_sigma

DEFAULT_FILE = Path("sessionwatch.toml")
LARGEST_FILE = 4 * 1024 * 1024
"""Bytes of a configuration file; a hundred times what a large company needs."""

_SECTIONS = ("kafka", "store", "api", "dashboard", "apps", "rules", "response")


def load(
    file: Path | None = None, environ: Mapping[str, str] | None = None, rules: RuleClasses | None = None
) -> Settings:
    """Return the checked configuration.

    Args:
        file: the TOML file; None = `sessionwatch.toml` in the working directory, which may be missing.
            Relative paths in it start at its folder.
        environ: the environment; None = that of the process.
        rules: rule classes by id; None = those of this installation.

    Raises:
        ConfigurationError: with every problem, one line each.
    """
    if rules is None:
        from sessionwatch.known_rules import rule_classes

        rules = rule_classes()
    tree = read_tree(file)
    folder = (file or DEFAULT_FILE).parent
    environ = os.environ if environ is None else environ
    rules = with_sigma(rules, _sigma_paths(tree, environ, folder))
    model = file_model(rules)
    root = Shape.of(model)
    origins, problems = overlay(tree, environ, root)
    problems += [problem_line(location, message, origins) for location, message in reference_problems(tree, rules)]
    parsed = _validate(tree, model, folder, origins, problems)
    if parsed is None or problems:
        raise ConfigurationError(problems)
    return _finish(parsed, rules, origins)


def _sigma_paths(tree: dict[str, Any], environ: Mapping[str, str], folder: Path) -> tuple[Path, ...]:
    """Return where rules in Sigma stand: they are rules that the rest of the file may set."""
    variables = {name: value for name, value in environ.items() if name.upper().startswith(f"{PREFIX}SIGMA__")}
    overlay(tree, variables, Shape.of(Settings))
    try:
        return SigmaSettings.model_validate(tree.get("sigma", {}), context={"folder": folder}).paths
    except ValidationError:
        # Told with everything else that is wrong.
        return ()


def file_model(rules: RuleClasses) -> type[BaseModel]:
    """Return the model of the file: `Settings`, with a field for every rule."""
    rules_field: Any = (rules_model(rules), Field(default_factory=dict))
    return create_model("File", __base__=Settings, rules=rules_field)


def read_tree(file: Path | None) -> dict[str, Any]:
    """Return what a TOML file holds, unchecked.

    Args:
        file: None = `sessionwatch.toml` in the working directory, which may be missing.

    Raises:
        ConfigurationError: it cannot be read, or is no TOML.
    """
    path = file or DEFAULT_FILE
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        if file is None:
            return {}
        raise ConfigurationError([f"{path}: there is no such file"]) from None
    except OSError as error:
        raise ConfigurationError([f"{path}: cannot be read: {(error.strerror or 'unknown').lower()}"]) from None
    if len(content) > LARGEST_FILE:
        raise ConfigurationError([f"{path}: larger than 4 MiB, which is no configuration"])
    try:
        # A byte order mark is what Windows editors write.
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ConfigurationError([f"{path}: not UTF-8"]) from None
    except tomllib.TOMLDecodeError as error:
        # The message quotes at most one character of the file.
        raise ConfigurationError([f"{path}: not TOML: {error}"]) from None
    except ValueError:
        # The interpreter's own limit for the digits of a whole number.
        raise ConfigurationError([f"{path}: a number is too long"]) from None
    except RecursionError:
        raise ConfigurationError([f"{path}: nested too deeply"]) from None


def _validate(
    tree: dict[str, Any],
    model: type[BaseModel],
    folder: Path,
    origins: Mapping[Location, str],
    problems: list[str],
) -> BaseModel | None:
    """Return the parsed file, or None after adding to the problems."""
    # A section that is left out must still resolve its paths, and a default does not see the folder.
    for section in _SECTIONS:
        tree.setdefault(section, {})
    own = inherit(tree["rules"])
    root = Shape.of(model)
    try:
        return model.model_validate(conform(tree, root), context={"folder": folder})
    except ValidationError as error:
        for location, line in problem_lines(error, root, origins):
            if not _inherited(location, own):
                problems.append(line)
        return None


def _inherited(location: Location, own: Mapping[tuple[str, str], set[str]]) -> bool:
    """Say whether a problem at an app's setting was already told at the rule's."""
    if len(location) < 5 or location[0] != "rules" or location[2] != "apps":
        return False
    keys = own.get((str(location[1]), str(location[3])))
    return keys is not None and location[4] not in keys


def _finish(parsed: Any, rules: RuleClasses, origins: Mapping[Location, str]) -> Settings:
    settings = Settings.model_construct(
        **{name: getattr(parsed, name) for name in Settings.model_fields if name != "rules"},
        rules=rule_settings(parsed.rules, rules),
    )
    rule_id, window_us = longest_window_us(settings.rules, rules)
    if settings.store.retention < window_us:
        message = f'expected at least "{format_duration(window_us)}", the longest window of the rule {rule_id}'
        raise ConfigurationError([problem_line(("store", "retention"), message, origins)])
    return settings.knowing(rules)
