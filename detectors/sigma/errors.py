"""What is wrong with a Sigma file, each with the place in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sigma.exceptions import SigmaError

_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        file: as the user named it.
        line: of the key, from 1.
        key: where in the rule, as in ``detection.selection.ip|cidr``.
        message: what was expected, or why it cannot be said.
    """

    file: str
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        plain = " ".join(self.message.split())
        return f"{self.file}:{self.line}: {self.key}: {plain[:_LONGEST]}"


class SigmaRefused(ValueError):
    """Files that are not compiled, with every problem found."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class Unsayable(Exception):
    """What a rule asks for and cannot be computed from events; whoever catches it knows the place in the file."""


def said(error: SigmaError) -> str:
    """Return what pySigma says, without the place: that is given in our own form."""
    return str(error.args[0] if error.args else error)
