"""Puts the parts of shared signals together, from the configuration."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from response.clock import Clock, now_us
from response.http import HttpClient
from response.ssf.desk import SharedSignalRecords, SsfDesk
from response.ssf.evidence import Provider as ProviderPolicy
from response.ssf.intake import Intake
from response.ssf.jwks import KeySet, file_keys, url_keys
from response.ssf.keys import KeyRing
from response.ssf.poller import Poller
from response.ssf.stream import Stream, Streams
from response.ssf.verify import SetVerifier
from response.targets import Target, lane_of
from response.targets.backchannel_logout import BackchannelLogoutTarget
from response.targets.ssf import SsfTarget
from schemas.instant import DAY
from sessionwatch.api.acts import Acts
from sessionwatch.api.problem import Refusal
from sessionwatch.api.ssf.hub import Hub, Provider, Receiver, digest_of
from sessionwatch.config import Settings
from sessionwatch.config.parts import declared_apps
from sessionwatch.config.ssf import ReceiverSettings, TransmitterSettings
from sessionwatch.config.target import TargetSettings
from store.reader import Reader

KEYS_FOLDER = "ssf-keys"
"""Beside the store's file."""

KEYS_DEADLINE_S = 5.0

_STANDING = uuid.UUID("5e551094-4a7c-5c8e-9d0f-a1e27a1e2706")

FindIdpSession = Callable[[str, str], str | None]


def _nobody(_app: str, _session: str) -> str | None:
    return None


class SharedSignals:
    """Keys, streams, and what is declared of receivers and providers.

    Args:
        settings: the checked configuration.
        find_idp_session: returns the identity provider's name of an app's session, in any thread.

    Raises:
        ConfigurationError: a file of a secret has become unreadable.
    """

    def __init__(
        self, settings: Settings, find_idp_session: FindIdpSession = _nobody, *, clock: Clock = now_us
    ) -> None:
        self._ssf = settings.ssf
        self._settings = settings.rules
        self._find_idp_session = find_idp_session
        self._clock = clock
        self._receivers = {one.name: one for one in self._ssf.receivers}
        self._apps = declared_apps(settings)
        self.streams = Streams(_standing(one) for one in self._ssf.receivers if one.push_url is not None)
        self.keys = KeyRing(
            Path(settings.store.path).parent / KEYS_FOLDER,
            self._ssf.algorithm,
            lifetime_us=self._ssf.key_lifetime,
            overlap_us=self._ssf.key_overlap,
            clock=clock,
        )

    def target(self, target: TargetSettings) -> Target:
        """Return a target that sends signed tokens.

        Raises:
            TargetRefused: its URL cannot be used.
        """
        issuer = target.issuer or self._ssf.issuer or ""
        if target.kind == "backchannel_logout":
            return BackchannelLogoutTarget(
                target.name,
                target.app,
                target.address(),
                audience=target.audience or "",
                issuer=issuer,
                keys=self.keys,
                find_idp_session=self._find_idp_session,
                allow_private=target.allow_private,
                ssl_context=target.tls_context(),
                clock=self._clock,
            )
        receiver = self._receivers[target.receiver or ""]
        return SsfTarget(
            target.name,
            target.app,
            receiver.name,
            audience=receiver.audience,
            issuer=issuer,
            keys=self.keys,
            streams=self.streams,
            user_issuer=target.user_issuer,
            session=target.session,
            find_idp_session=self._find_idp_session,
            allow_private=receiver.allow_private,
            clock=self._clock,
        )

    def desk(self, records: SharedSignalRecords, targets: Iterable[Target]) -> SsfDesk:
        """Return what applies commands of shared signals in the batch loop."""
        lanes: dict[str, list[str]] = {}
        for target in targets:
            if isinstance(target, SsfTarget):
                lanes.setdefault(target.receiver, []).append(lane_of(target))
        return SsfDesk(records, self.streams, (self._policy(one) for one in self._ssf.transmitters), lanes)

    def hub(self, targets: Iterable[Target], read: Callable[[], Reader], acts: Acts) -> Hub:
        """Return what the routes answer with.

        Args:
            targets: of all kinds.
            read: returns the reader of the calling thread.
            acts: hands commands to the pipeline.
        """
        targets = list(targets)
        sending = [target for target in targets if isinstance(target, SsfTarget)]
        logouts = any(target.kind == BackchannelLogoutTarget.kind for target in targets)
        return Hub(
            issuer=self._ssf.issuer,
            signs=self._ssf.issuer is not None or logouts,
            keys=self.keys,
            streams=self.streams,
            allowed=self._ssf.allowed_endpoints,
            receivers={one.name: _receiver(one, sending) for one in self._ssf.receivers},
            providers={one.name: self._provider(one, read, acts) for one in self._ssf.transmitters},
            clock=self._clock,
        )

    def pollers(self, hub: Hub) -> list[Poller]:
        """Return the pollers of providers that are polled, not started yet."""
        return [
            Poller(
                one.name,
                one.poll_url.get_secret_value(),
                one.poll_secret,
                hub.providers[one.name].intake.take,
                HttpClient(allow_private=one.allow_private),
                interval_us=one.poll_interval,
            )
            for one in self._ssf.transmitters
            if one.poll_url is not None
        ]

    def _policy(self, transmitter: TransmitterSettings) -> ProviderPolicy:
        apps = [app for app in self._apps.declared() if (app.realm or app.name) == transmitter.realm]
        return ProviderPolicy(
            name=transmitter.name,
            issuer=transmitter.issuer,
            realm=transmitter.realm,
            apps=tuple(app.name for app in apps),
            mode=transmitter.mode,
            lookback_us=max((app.session_life_us for app in apps), default=DAY),
            settings=self._settings,
        )

    def _provider(self, transmitter: TransmitterSettings, read: Callable[[], Reader], acts: Acts) -> Provider:
        verifier = SetVerifier(
            transmitter.issuer,
            transmitter.audience,
            KeySet(_load(transmitter), transmitter.name, clock=self._clock),
            max_age_us=transmitter.max_age,
            clock=self._clock,
        )
        intake = Intake(self._policy(transmitter), verifier, read, _asking(acts), clock=self._clock)
        secret = transmitter.push_secret()
        return Provider(intake, None if secret is None else digest_of(secret))


def _load(transmitter: TransmitterSettings) -> Callable[[], bytes]:
    if transmitter.jwks_url is not None:
        # Requests wait for it: no provider may hold them for long.
        client = partial(HttpClient, allow_private=transmitter.allow_private, deadline_s=KEYS_DEADLINE_S)
        return url_keys(transmitter.jwks_url.get_secret_value(), client)
    assert transmitter.jwks_file is not None
    return file_keys(transmitter.jwks_file)


def _asking(acts: Acts) -> Callable[[object], str]:
    def ask(command: object) -> str:
        try:
            acts.do(command)
        except Refusal as refusal:
            if refusal.status != 409:
                raise
            return refusal.detail
        return ""

    return ask


def _receiver(receiver: ReceiverSettings, targets: Iterable[SsfTarget]) -> Receiver:
    secret = receiver.secret()
    own = [target for target in targets if target.receiver == receiver.name]
    return Receiver(receiver.name, receiver.audience, None if secret is None else digest_of(secret), own)


def _standing(receiver: ReceiverSettings) -> Stream:
    assert receiver.push_url is not None
    secret = receiver.push_secret()
    return Stream(
        receiver.name,
        str(uuid.uuid5(_STANDING, receiver.name)),
        "push",
        endpoint_url=receiver.push_url.get_secret_value(),
        authorization=None if secret is None else f"Bearer {secret}",
        standing=True,
    )
