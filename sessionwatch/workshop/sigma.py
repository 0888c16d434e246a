"""`rules test` for rules written in Sigma: the sequences beside a file, ``brute.test.yml`` beside ``brute.yml``."""

from __future__ import annotations

from pathlib import Path

from detectors.rules import AnyRule
from detectors.sequences import Played, SequenceError, play, read_sequences
from sessionwatch.errors import CommandError
from sessionwatch.sigma_files import load_sigma


def sigma_rule(file: Path) -> type[AnyRule]:
    """Return the one rule that a Sigma file raises alerts by.

    Raises:
        ConfigurationError: it cannot be read or compiled.
        CommandError: there is none, or several.
    """
    found = load_sigma([file])
    if len(found) != 1:
        raise CommandError(f"{file}: expected one rule that raises alerts, found {len(found)}")
    return next(iter(found.values()))


def run_sigma_tests(file: Path) -> list[Played]:
    """Run the sequences beside a Sigma file.

    Args:
        file: the rule; its sequences stand in a file of the same name that ends in ``.test.yml``.

    Returns:
        what each sequence led to; empty where none stand beside it.

    Raises:
        ConfigurationError: the rule cannot be read or compiled.
        CommandError: it raises no alerts or several kinds, or its sequences cannot be read.
    """
    rule = sigma_rule(file)
    beside = file.with_suffix(".test.yml")
    if not beside.exists():
        return []
    try:
        return [play(rule, sequence) for sequence in read_sequences(beside.read_text(encoding="utf-8"))]
    except (SequenceError, UnicodeDecodeError) as error:
        raise CommandError(f"{beside}: {error}") from None
    except OSError as error:
        raise CommandError(f"{beside}: cannot be read: {(error.strerror or 'unknown').lower()}") from None
