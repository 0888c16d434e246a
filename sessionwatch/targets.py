"""The targets of the configuration, each made of its section; a kind's libraries are loaded where it is used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ingest.topics import ensure_topic
from response.targets import Target
from response.targets.management import FindIdpSession
from response.targets.outside import TargetOptions, outside_target
from response.targets.webhook import WebhookTarget
from schemas.app import Apps
from schemas.instant import DAY, SECOND
from sessionwatch.config import Settings
from sessionwatch.config.target import TargetSettings
from sessionwatch.renewed_target import RenewedTarget
from sessionwatch.shared_signals import SharedSignals

LOCKS_FOLDER = "login-locks"
"""Beside the store's file: which accounts at a provider were disabled by this installation."""

SHORTEST_TOPIC_LIFE_US = 30 * DAY
"""As long as the SDK's cache keeps an entry at least."""


def open_target(
    target: TargetSettings, settings: Settings, signals: SharedSignals, find_idp_session: FindIdpSession
) -> Target:
    """Return one receiver of revocations.

    Args:
        target: its section.
        settings: the whole configuration.
        signals: makes those that send signed tokens.
        find_idp_session: returns the identity provider's name of an app's session, in any thread.

    Raises:
        TargetRefused: it cannot be used as it is configured.
    """

    def make() -> Target:
        return _make(target, settings, signals, find_idp_session)

    if target.has_command or target.mark():
        return RenewedTarget(make, target.mark, has_command=target.has_command)
    return make()


def _make(
    target: TargetSettings, settings: Settings, signals: SharedSignals, find_idp_session: FindIdpSession
) -> Target:
    match target.kind:
        case "ssf" | "backchannel_logout":
            return signals.target(target)
        case "plugin":
            return outside_target(target.plugin or "", TargetOptions(target.name, target.app, target.options))
        case "webhook":
            return WebhookTarget(
                target.name,
                target.app,
                target.address(),
                target.secrets(),
                allow_private=target.allow_private,
                ssl_context=target.tls_context(),
            )
        case "kafka":
            return _kafka(target, settings)
        case "keycloak":
            return _keycloak(target, settings, find_idp_session)
    return _MAKE[target.kind](target, find_idp_session)


def make_topics(settings: Settings, apps: Apps) -> None:
    """Create the topics of targets that are missing.

    Args:
        settings: the checked configuration.
        apps: for how long their sessions can matter.

    Raises:
        SourceError: the brokers do not answer, or refuse it.
    """
    for target in settings.response.targets:
        if target.kind == "kafka":
            life_us = max(apps[target.app].session_life_us, SHORTEST_TOPIC_LIFE_US)
            kept = {"cleanup.policy": "compact,delete", "retention.ms": str(life_us // 1_000)}
            ensure_topic(settings.kafka.client(), target.topic, config=kept)


def _kafka(target: TargetSettings, settings: Settings) -> Target:
    from response.targets.kafka_topic import KafkaTarget

    client = settings.kafka.producer()
    servers = client.pop("bootstrap_servers")
    return KafkaTarget(target.name, target.app, target.topic, target.secrets(), servers, **client)


def _command(target: TargetSettings, _: FindIdpSession) -> Target:
    from response.targets.command import CommandTarget

    return CommandTarget(
        target.name,
        target.app,
        target.command or (),
        scopes=target.scopes,
        kinds=target.messages,
        deadline_s=target.timeout / SECOND,
    )


def _redis(target: TargetSettings, _: FindIdpSession) -> Target:
    from response.targets.redis_store import RedisTarget

    return RedisTarget(target.name, target.app, target.address(), prefix=target.prefix)


def _keycloak(target: TargetSettings, settings: Settings, find_idp_session: FindIdpSession) -> Target:
    from response.targets.keycloak import KeycloakTarget
    from response.targets.lock_marks import LockMarks

    locks = Path(settings.store.path).parent / LOCKS_FOLDER / f"keycloak-{target.name}"
    return KeycloakTarget(
        target.name,
        target.app,
        target.address(),
        realm=target.realm or "",
        client_id=target.client_id or "",
        secret=target.credential(),
        find_idp_session=find_idp_session,
        user_by=target.user_by,  # type: ignore[arg-type]  # the configuration's check leaves Keycloak's own
        locks=LockMarks(locks) if target.lock_login else None,
        allow_private=target.allow_private,
        ssl_context=target.tls_context(),
    )


def _okta(target: TargetSettings, _: FindIdpSession) -> Target:
    from response.targets.okta import OktaTarget

    return OktaTarget(
        target.name,
        target.app,
        target.address(),
        target.credential(),
        client_id=target.client_id,
        user_by=target.user_by,  # type: ignore[arg-type]  # the configuration's check leaves Okta's own
        universal_logout=target.universal_logout,
        allow_private=target.allow_private,
        ssl_context=target.tls_context(),
    )


def _auth0(target: TargetSettings, find_idp_session: FindIdpSession) -> Target:
    from response.targets.auth0 import Auth0Target

    return Auth0Target(
        target.name,
        target.app,
        target.address(),
        client_id=target.client_id or "",
        secret=target.credential(),
        find_idp_session=find_idp_session,
        allow_private=target.allow_private,
        ssl_context=target.tls_context(),
    )


def _entra(target: TargetSettings, _: FindIdpSession) -> Target:
    from response.targets.entra import GRAPH, LOGIN, EntraTarget

    own = target.url is not None or target.url_file is not None
    return EntraTarget(
        target.name,
        target.app,
        tenant=target.tenant or "",
        client_id=target.client_id or "",
        secret=target.credential(),
        url=target.address() if own else GRAPH,
        login_url=LOGIN if target.login_url is None else target.login_url.get_secret_value(),
        allow_private=target.allow_private,
        ssl_context=target.tls_context(),
    )


def _global_token_revocation(target: TargetSettings, _: FindIdpSession) -> Target:
    from response.targets.global_token_revocation import GlobalTokenRevocationTarget

    return GlobalTokenRevocationTarget(
        target.name,
        target.app,
        target.address(),
        target.credential(),
        client_id=target.client_id,
        token_url=None if target.token_url is None else target.token_url.get_secret_value(),
        subject_format=target.subject_format,
        issuer=target.issuer,
        allow_private=target.allow_private,
        ssl_context=target.tls_context(),
    )


def _rfc7009(target: TargetSettings, _: FindIdpSession) -> Target:
    from response.targets.token_revocation import TokenRevocationTarget

    return TokenRevocationTarget(
        target.name,
        target.app,
        target.address(),
        client_id=target.client_id or "",
        secret=target.credential(),
        lookup=target.command or (),
        scopes=target.scopes,
        allow_private=target.allow_private,
        ssl_context=target.tls_context(),
        deadline_s=target.timeout / SECOND,
    )


_MAKE: dict[str, Callable[[TargetSettings, FindIdpSession], Target]] = {
    "command": _command,
    "redis": _redis,
    "okta": _okta,
    "auth0": _auth0,
    "entra": _entra,
    "global_token_revocation": _global_token_revocation,
    "rfc7009": _rfc7009,
}
