"""Sigma rules from files: found, read and compiled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sessionwatch.errors import ConfigurationError

if TYPE_CHECKING:
    from detectors.rules import AnyRule
    from detectors.sigma import SigmaSource

TEST_SUFFIXES = (".test.yml", ".test.yaml")
"""Tests beside a rule; they are no rules."""

_SUFFIXES = (".yml", ".yaml")


def load_sigma(paths: Iterable[Path]) -> dict[str, type[AnyRule]]:
    """Return the rules of files and folders, by id.

    Raises:
        ConfigurationError: a file cannot be read or compiled; a line for each problem, with file, line and key.
    """
    files = _files(paths)
    if not files:
        return {}
    # pySigma brings a parser and templates along: only those who write Sigma should wait for it.
    from detectors.sigma import SigmaRefused, compile_rules

    try:
        return compile_rules([_read(file) for file in files])
    except SigmaRefused as refused:
        raise ConfigurationError([str(problem) for problem in refused.problems]) from None


def with_sigma(rules: Mapping[str, type[AnyRule]], paths: Iterable[Path]) -> Mapping[str, type[AnyRule]]:
    """Return rules and those of Sigma files.

    Raises:
        ConfigurationError: as `load_sigma`; also where two rules would have one id.
    """
    added = load_sigma(paths)
    if taken := sorted(added.keys() & rules.keys()):
        raise ConfigurationError(
            [f'sigma.paths: a rule "{name}" is there already: give it another name' for name in taken]
        )
    return {**rules, **added} if added else rules


def _files(paths: Iterable[Path]) -> list[Path]:
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            inside = sorted(one for one in path.rglob("*") if one.suffix in _SUFFIXES and one.is_file())
            found.update(dict.fromkeys(one for one in inside if not one.name.endswith(TEST_SUFFIXES)))
        else:
            found[path] = None
    return list(found)


def _read(file: Path) -> SigmaSource:
    from detectors.sigma import SigmaSource

    try:
        return SigmaSource(str(file), file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ConfigurationError([f"{file}: there is no such file"]) from None
    except UnicodeDecodeError:
        raise ConfigurationError([f"{file}: not UTF-8"]) from None
    except OSError as error:
        raise ConfigurationError([f"{file}: cannot be read: {(error.strerror or 'unknown').lower()}"]) from None
