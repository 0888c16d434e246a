"""Which drills are made and how often: one from the command line, or many from a file."""

from __future__ import annotations

import secrets
import tomllib
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator

from sample_logs.simulate.attacks import KINDS
from sample_logs.simulate.scene import Strength
from schemas.api.drills import MAX_WITHIN_S
from schemas.drill import RESERVED_PREFIX
from schemas.instant import DAY, MINUTE, SECOND
from schemas.limits import MAX_USER_ID
from sessionwatch.config.load import LARGEST_FILE
from sessionwatch.config.problem import nearest
from sessionwatch.config.section import Section
from sessionwatch.config.value_types import AppName, PositiveDuration
from sessionwatch.errors import CommandError


class DrillPlan(Section):
    """One drill.

    Attributes:
        user: a reserved one; None = another at every run, so that no earlier alert hides this one.
        every: how often, by a drill file; microseconds.
        within: the time in which it has to be noticed; microseconds.
        revoke: its session has to be taken away too.
        tell: people have to be told too, where there is a chat.
        admin_named: the user is a person's, whom an admin names.
    """

    attack: str
    app: AppName | None = None
    user: Annotated[str, Field(min_length=1, max_length=MAX_USER_ID)] | None = None
    strength: Strength = "loud"
    every: PositiveDuration = DAY
    within: Annotated[PositiveDuration, Field(le=MAX_WITHIN_S * SECOND)] = MINUTE
    revoke: bool = False
    tell: bool = True
    admin_named: bool = False

    @field_validator("attack")
    @classmethod
    def _known(cls, attack: str) -> str:
        if attack not in KINDS:
            raise ValueError(f"no attack is named {attack[:60]!r}{nearest(attack, KINDS)}; `simulate kinds` lists them")
        if not KINDS[attack].drill:
            raise ValueError(f"{attack} needs a history of days, so that it cannot be a drill")
        return attack

    @property
    def app_name(self) -> str:
        """Where it happens."""
        return self.app or KINDS[self.attack].apps[0]

    @property
    def within_s(self) -> float:
        """The time in which it has to be noticed, in seconds."""
        return self.within / SECOND

    def user_id(self) -> str:
        """Return the victim of the next run."""
        return self.user or f"{RESERVED_PREFIX}{secrets.token_hex(4)}"


class _DrillFile(Section):
    drills: Annotated[tuple[DrillPlan, ...], Field(strict=False, min_length=1, max_length=1_000)]


def load_drills(file: Path) -> tuple[DrillPlan, ...]:
    """Return the drills of a file.

    Raises:
        CommandError: it cannot be read, or something in it is wrong; one line for each.
    """
    try:
        with file.open("rb") as stream:
            tree: dict[str, Any] = tomllib.loads(stream.read(LARGEST_FILE).decode("utf-8-sig"))
    except OSError as error:
        raise CommandError(f"{file}: cannot be read: {(error.strerror or str(error)).lower()}") from None
    except ValueError as error:
        raise CommandError(f"{file}: not TOML: {str(error).splitlines()[0]}") from None
    try:
        return _DrillFile.model_validate(tree).drills
    except ValidationError as error:
        raise CommandError("\n".join(f"{file}: {line}" for line in problems(error))) from None


def problems(error: ValidationError) -> list[str]:
    """Return what is wrong with a plan, one line each, with its place."""
    lines = []
    for detail in error.errors(include_url=False, include_context=False, include_input=False):
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in detail["loc"]).lstrip(".")
        lines.append(f"{place}: {detail['msg'].removeprefix('Value error, ')}")
    return lines
