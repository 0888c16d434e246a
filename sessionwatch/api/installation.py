"""What is declared about this installation, as answers need it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from schemas.api import DeclaredPolicy
from schemas.app import Apps
from schemas.instant import SECOND
from sessionwatch.config import Settings
from sessionwatch.config.parts import declared_apps


@dataclass(frozen=True, slots=True)
class Installation:
    """The configuration, and the clock.

    Attributes:
        clock: microseconds since the epoch.
        apps: made from the settings.
    """

    settings: Settings
    clock: Callable[[], int]
    apps: Apps = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "apps", declared_apps(self.settings))

    @property
    def idle_us(self) -> dict[str, int]:
        """Idle timeouts by app, of those that declare one."""
        return {app.name: app.idle_timeout_us for app in self.apps.declared() if app.idle_timeout_us is not None}

    def apps_of(self, realm: str) -> list[str]:
        """Return the apps in which a realm's user ids are one person."""
        declared = [app.name for app in self.apps.declared() if (app.realm or app.name) == realm]
        undeclared = not self.apps[realm].declared
        return sorted({*declared, *([realm] if undeclared else [])})

    def title(self, rule_id: str) -> str:
        """Return what a rule catches, in a few words; for one that is gone, its id."""
        rule = self.settings.rule_classes.get(rule_id)
        return rule_id if rule is None else rule.title

    def policy(self, app: str) -> DeclaredPolicy:
        """Return what an app declares."""
        declared = self.apps[app]
        return DeclaredPolicy(
            declared=declared.declared,
            kind=declared.kind,
            realm=self.apps.realm_of(app),
            idle_timeout_s=_seconds(declared.idle_timeout_us),
            absolute_timeout_s=_seconds(declared.absolute_timeout_us),
            max_sessions=declared.max_sessions,
            rotates_on_login=declared.rotates_on_login,
            revoke_grace_s=declared.revoke_grace_us / SECOND,
            clock_skew_s=declared.clock_skew_us / SECOND,
        )


def _seconds(duration_us: int | None) -> float | None:
    return None if duration_us is None else duration_us / SECOND
