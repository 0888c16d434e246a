"""What an app declares about its own sessions."""

from __future__ import annotations

from typing import Literal

import msgspec

from schemas.instant import DAY, SECOND

AppKind = Literal["cookie", "token", "sso"]


class AppPolicy(msgspec.Struct, frozen=True):
    """The declared session policy of an app. Durations are microseconds; None means: not declared, not
    judged.

    Attributes:
        realm: user ids mean the same person within a realm.
        revoke_grace_us: how long after a delivered revocation a request may still pass.
        clock_skew_us: between its servers; added to every grace that compares two of them.
        trust_location: whether country, asn and the like are taken from its events.
        signing_keys: key id to 32 bytes; when present, unsigned or wrongly signed events are refused as
            forged.
        declared: it stands in the configuration. Undeclared apps are judged but never acted on.
    """

    name: str
    kind: AppKind = "cookie"
    realm: str = ""
    idle_timeout_us: int | None = None
    absolute_timeout_us: int | None = None
    max_sessions: int | None = None
    rotates_on_login: bool | None = None
    revoke_grace_us: int = 5 * SECOND
    clock_skew_us: int = 5 * SECOND
    trust_location: bool = True
    signing_keys: dict[str, bytes] = {}
    declared: bool = True

    @property
    def session_life_us(self) -> int:
        """How long a session can matter: its absolute timeout, or a day where none is declared."""
        return self.absolute_timeout_us or DAY


class Apps:
    """The declared apps, and a default for every other."""

    def __init__(self, declared: dict[str, AppPolicy] | None = None) -> None:
        self._policies = dict(declared or {})
        self._realms = {policy.realm or name for name, policy in self._policies.items()}
        self._undeclared: dict[str, AppPolicy] = {}

    def __getitem__(self, name: str) -> AppPolicy:
        """Return the policy of an app; an undeclared one gets the defaults and its own name as realm."""
        policy = self._policies.get(name)
        if policy is not None:
            return policy
        # Bounded: anybody who may write to the topic can invent app names.
        if len(self._undeclared) >= 1_000:
            self._undeclared.clear()
        # Whoever invents the name of a declared realm must not become one of its apps.
        realm = f"undeclared:{name}" if name in self._realms else name
        return self._undeclared.setdefault(name, AppPolicy(name, realm=realm, declared=False))

    def realm_of(self, app: str) -> str:
        """Return the realm in which this app's user ids are one person."""
        return self[app].realm or app

    def declared(self) -> list[AppPolicy]:
        """Return the policies that stand in the configuration."""
        return list(self._policies.values())

    def label(self, app: str) -> str:
        """Return the name for a metrics label: undeclared apps share one, or an attacker could invent labels."""
        return app if app in self._policies else "undeclared"
