"""Who asks: a name for the record, a role, and the apps that may be seen."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from schemas.api import ROLES, Role


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever holds a token.

    Attributes:
        apps: what it is limited to; None = all.
        expires_us: microseconds since the epoch; None = not by itself.
    """

    name: str
    role: Role
    apps: frozenset[str] | None = None
    expires_us: int | None = None

    def may(self, role: Role) -> bool:
        """Say whether it may do what a role may."""
        return ROLES.index(self.role) >= ROLES.index(role)

    def sees(self, app: str) -> bool:
        """Say whether it may know anything of an app."""
        return self.apps is None or app in self.apps

    def visible(self, wanted: Collection[str] | None = None) -> list[str] | None:
        """Return the apps of a query: those wanted, as far as they may be seen; None = all, an empty list = none."""
        if self.apps is None:
            return None if wanted is None else sorted(set(wanted))
        return sorted(self.apps if wanted is None else self.apps & set(wanted))


LOCAL = Principal("local", "admin")
"""Whoever may read the store's file itself, where no pipeline runs."""
