"""What each kind of target takes, and what it cannot do without."""

from __future__ import annotations

from typing import Literal

TargetKind = Literal[
    "webhook", "ssf", "backchannel_logout", "command", "kafka", "redis", "keycloak", "okta", "auth0", "entra",
    "global_token_revocation", "rfc7009", "plugin",
]  # fmt: skip

_URL = ("url", "url_file", "url_command")
TLS = ("ca_file", "client_cert_file", "client_key_file")
_ADDRESS = (*_URL, "allow_private", *TLS)
_SECRET = ("secret", "secret_file", "secret_command")
_CLIENT = ("client_id", *_SECRET)

KEYS: dict[TargetKind, tuple[str, ...]] = {
    "webhook": (*_ADDRESS, *_SECRET),
    "ssf": ("receiver", "user_issuer", "session"),
    "backchannel_logout": (*_ADDRESS, "audience", "issuer"),
    "command": ("command", "scopes", "messages", "timeout"),
    "kafka": ("topic", *_SECRET),
    "redis": (*_URL, "prefix"),
    "keycloak": (*_ADDRESS, *_CLIENT, "realm", "user_by", "lock_login"),
    "okta": (*_ADDRESS, *_CLIENT, "user_by", "universal_logout"),
    "auth0": (*_ADDRESS, *_CLIENT),
    "entra": (*_ADDRESS, *_CLIENT, "tenant", "login_url"),
    "global_token_revocation": (*_ADDRESS, *_CLIENT, "token_url", "subject_format", "issuer"),
    "rfc7009": (*_ADDRESS, *_CLIENT, "command", "scopes", "timeout"),
    "plugin": ("plugin", "options"),
}
"""The keys that a kind takes, besides its name, kind and app."""

NEEDED: dict[TargetKind, tuple[str, ...]] = {
    "ssf": ("receiver",),
    "backchannel_logout": ("audience",),
    "command": ("command",),
    "keycloak": ("realm", "client_id"),
    "auth0": ("client_id",),
    "entra": ("tenant", "client_id"),
    "rfc7009": ("client_id", "command"),
    "plugin": ("plugin",),
}
"""The keys that a kind cannot do without, besides address and secret."""

WHAT_IT_IS = {
    "receiver": "the name of an entry of [[ssf.receivers]]",
    "audience": "the client id of the relying party",
    "command": "a program's absolute path and its arguments",
    "realm": "the name of Keycloak's realm",
    "tenant": "the tenant's id or domain",
    "client_id": "the id of the client that signs in",
    "plugin": "the name of an entry point of sessionwatch.targets",
}

WITHOUT_ADDRESS: frozenset[TargetKind] = frozenset({"ssf", "command", "kafka", "entra", "plugin"})
"""Those that need no URL; Entra's has a default."""

SIGNED: frozenset[TargetKind] = frozenset({"webhook", "kafka"})
"""Those whose secrets sign what is sent."""

USER_NAMES: dict[TargetKind, tuple[str, ...]] = {"keycloak": ("id", "username", "email"), "okta": ("id", "login")}
"""What an app's user ids may be at a provider that is asked for its own first."""

PROVIDERS: frozenset[TargetKind] = frozenset({"keycloak", "okta", "auth0", "entra", "global_token_revocation"})
"""Those whose sessions are those of every app behind one sign-on."""
