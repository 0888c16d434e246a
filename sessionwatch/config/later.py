"""What later versions will know: refused by name, so that nobody takes a typing error for a feature."""

from __future__ import annotations

from collections.abc import Sequence

NOT_YET = "not in this version"

_KEYS = frozenset(
    {
        "api.oidc",
        "exceptions",
        "links",
        "response.escalate",
        "response.policy[].escalate",
        "response.policy[].match.hours",
        "response.policy[].match.user_group",
        "response.policy[].widen",
    }
)
_VALUES = {
    "response.targets[].kind": frozenset(
        {
            "auth0", "backchannel_logout", "command", "django", "entra", "kafka", "keycloak", "okta", "redis",
            "rfc7009", "ssf",
        }
    ),
    "response.policy[].do[]": frozenset({"lock_login", "revoke_network", "revoke_user", "step_up"}),
}  # fmt: skip


def key_comes_later(location: Sequence[str | int]) -> bool:
    """Say whether a later version knows this key."""
    return _pattern(location) in _KEYS


def value_comes_later(location: Sequence[str | int], value: object) -> bool:
    """Say whether a later version knows this value of a key."""
    return isinstance(value, str) and value in _VALUES.get(_pattern(location), ())


def _pattern(location: Sequence[str | int]) -> str:
    text = "".join("[]" if isinstance(key, int) else f".{key}" for key in location)
    return text.removeprefix(".")
