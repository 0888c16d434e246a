"""Where a secret comes from: the environment, a file of its own, or a command that prints it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr

from sessionwatch.config.secret_file import LARGEST, check_text_file, read_text_file
from sessionwatch.config.section import Section
from sessionwatch.config.value_types import Described
from sessionwatch.errors import ConfigurationError

DEADLINE_S = 10.0
"""For a command that prints a secret."""

SecretCommand = Annotated[
    tuple[str, ...], Field(strict=False, min_length=1), Described("a program's absolute path and its arguments")
]

Parse = Callable[[str, str], object]
"""Takes a text, and what gave it; raises ValueError where that is no such secret, in words that never hold it."""


def _anything(_text: str, _name: str) -> None:
    """Take every text."""


@dataclass(frozen=True, slots=True)
class SecretSource:
    """One secret of a section, where it is wanted; at most one of its three ways is set.

    Attributes:
        key: of the section, such as ``secret``; the others are ``secret_file`` and ``secret_command``.
        value: as the environment gave it.
        file: that holds it.
        command: that prints it: an argument list, never a shell.
    """

    key: str
    value: SecretStr | None
    file: Path | None
    command: tuple[str, ...] | None

    @property
    def is_given(self) -> bool:
        """Whether there is a secret."""
        return self._count() > 0

    def check(self, parse: Parse = _anything) -> None:
        """Refuse what could not be used. A command is not run: it may ask somebody else's server.

        Args:
            parse: what the secret must be.

        Raises:
            ValueError: the message never holds the secret.
        """
        if self._count() > 1:
            names = [self.key, f"{self.key}_file", f"{self.key}_command"]
            ways = zip(names, (self.value, self.file, self.command), strict=True)
            first, second = [name for name, way in ways if way is not None][:2]
            raise ValueError(f"{first} and {second}: only one of them can be set")
        if self.value is not None:
            parse(self.value.get_secret_value(), self.key)
        if self.file is not None:
            parse(check_text_file(self.file, f"{self.key}_file"), f"{self.key}_file")
        if self.command is not None:
            _check_program(self.command, f"{self.key}_command")

    def read(self, section: str, parse: Parse = _anything) -> str:
        """Return the secret as it is now: files and commands are read anew each time.

        Args:
            section: where it stands, for an error.
            parse: as for `check`: what stands there now may be another than at the start.

        Raises:
            ConfigurationError: the file has become unreadable, or the command prints no secret; the message never
                holds it.
        """
        text, place = self._now(f"{section}.{self.key}")
        try:
            parse(text, place)
        except ValueError as error:
            raise ConfigurationError([str(error)]) from None
        return text

    def _now(self, place: str) -> tuple[str, str]:
        """Return the secret, and what gave it."""
        if self.value is not None:
            return self.value.get_secret_value(), place
        if self.file is not None:
            return read_text_file(self.file, f"{place}_file"), f"{place}_file"
        assert self.command is not None
        return _printed(self.command, f"{place}_command"), f"{place}_command"

    def _count(self) -> int:
        return sum(way is not None for way in (self.value, self.file, self.command))


def secret_source(section: Section, key: str) -> SecretSource:
    """Return where a secret of a section comes from.

    Args:
        section: with the keys `key`, `key`_file and `key`_command.
        key: of the secret itself.
    """
    return SecretSource(key, getattr(section, key), getattr(section, f"{key}_file"), getattr(section, f"{key}_command"))


def _check_program(command: tuple[str, ...], name: str) -> None:
    from response.errors import TargetRefused
    from response.program import check_program

    try:
        check_program(command)
    except TargetRefused as error:
        raise ValueError(f"{name}: {error}") from None


def _printed(command: tuple[str, ...], place: str) -> str:
    """Return what a command prints, without blanks and line ends around it; it is neither logged nor kept."""
    from response.program import ProgramFailed, run

    try:
        finished = run(command, None, DEADLINE_S, wants_output=True)
    except ProgramFailed as error:
        raise ConfigurationError([f"{place}: {error}"]) from None
    if finished.code != 0:
        raise ConfigurationError([f"{place}: the program ended with {finished.code}"])
    try:
        text = finished.output.decode().strip()
    except UnicodeDecodeError:
        raise ConfigurationError([f"{place}: the program printed no UTF-8 text"]) from None
    if not text or len(text) > LARGEST:
        trouble = "nothing" if not text else f"more than {LARGEST:,} characters"
        raise ConfigurationError([f"{place}: the program printed {trouble}"])
    return text
