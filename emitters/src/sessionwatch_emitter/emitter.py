"""The SDK's face: tell what happens to the sessions of an app, and go on."""

from __future__ import annotations

import functools
import os
import re
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Concatenate, ParamSpec

from sessionwatch_emitter.errors import EmitterError, SecretError
from sessionwatch_emitter.event import Fields, Location, Scalar, client_text
from sessionwatch_emitter.keys import KeyRing, read_secret
from sessionwatch_emitter.revocation_list import RevocationList
from sessionwatch_emitter.telling import Settings, Telling, Use, now_us

P = ParamSpec("P")
Raw = str | bytes
Attributes = Mapping[str, Scalar]

_APP = re.compile(r"[a-z0-9._-]{1,64}", re.ASCII)
_HASHED = re.compile(r"s_[A-Za-z0-9_-]{1,126}", re.ASCII)


def _never_raises(
    method: Callable[Concatenate[SessionEmitter, P], None],
) -> Callable[Concatenate[SessionEmitter, P], None]:
    """Count what goes wrong instead of raising it into the app's request."""

    @functools.wraps(method)
    def call(emitter: SessionEmitter, /, *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            method(emitter, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - never into the app's request
            emitter._telling.lost(method.__name__, error)

    return call


class SessionEmitter:
    """Sends what happens to an app's sessions to Kafka, without ever blocking or failing a request.

    The four methods take the raw session value (the cookie's value, or the `sid` or family id of tokens), and
    hash it at once. Connecting, sending and retrying happen in a background thread, which starts with the
    first event of each process, also of a forked one.

    Args:
        app: the app's name, `[a-z0-9._-]{1,64}`.
        secret: at least 32 bytes; or
        secret_file: a file that holds them (`sessionwatch-emitter secret` makes them).
        bootstrap_servers: Kafka, "host:port", several separated by commas or as a sequence.
        topic: where events go.
        sample_interval: seconds for which unchanged uses of a session are told in one event; 0 tells each.
        heartbeat_interval: seconds between two heartbeats.
        queue_size: how many events wait for the broker at most.
        key_id: names the secret, so that it can be replaced.
        previous_secrets: secrets that were replaced, by key id, for as long as sessions from their time live.
        sso_secret: the secret that the apps of one sign-on share, by which `parent` is hashed when reason is
            `sso`.
        sso_key_id: names that secret.
        sso_provider: this app is the sign-on itself, and hashes its sessions by `sso_secret`.
        revocations: the app's revocation list, through which its processes also hear which sessions ended, so
            that the next use is told at once in each of them.
        kafka: further settings of kafka-python's KafkaProducer, by their own names.

    Raises:
        EmitterError: the app's name, the secret or a key id is malformed, or a setting of Kafka's could lose events.
    """

    def __init__(
        self,
        app: str,
        *,
        secret: bytes | str | None = None,
        secret_file: str | Path | None = None,
        bootstrap_servers: str | Sequence[str] = "127.0.0.1:9092",
        topic: str = "session-events",
        sample_interval: float = 10.0,
        heartbeat_interval: float = 30.0,
        queue_size: int = 10_000,
        key_id: str = "k1",
        previous_secrets: Mapping[str, bytes | str] | None = None,
        sso_secret: bytes | str | None = None,
        sso_key_id: str = "sso",
        sso_provider: bool = False,
        revocations: RevocationList | None = None,
        **kafka: Any,
    ) -> None:
        if not _APP.fullmatch(app):
            raise EmitterError(f"the app's name {app!r} must be 1 to 64 of a-z, 0-9, and . _ -")
        if (secret is None) == (secret_file is None):
            raise SecretError("give either secret or secret_file")
        if secret is None and secret_file is not None:
            secret = read_secret(secret_file)
        self.app = app
        self.keys = KeyRing(
            app,
            secret or b"",
            key_id,
            previous=previous_secrets,
            sso_secret=sso_secret,
            sso_key_id=sso_key_id,
            sso_provider=sso_provider,
        )
        self.revocations = revocations
        if revocations is not None:
            revocations.on_unreadable = self.beat
        self._settings = Settings(
            app,
            self.keys,
            bootstrap_servers,
            topic,
            kafka,
            queue_size,
            int(sample_interval * 1e6),
            int(heartbeat_interval * 1e6),
            revocations,
        )
        # The parent's state is kept in a child, unused: collecting it would close sockets that both share.
        self._inherited: list[Telling] = []
        self._telling = Telling(self._settings)
        _renew_after_fork(self)

    def __repr__(self) -> str:
        return f"SessionEmitter({self.app!r}, topic={self._settings.topic!r}, {self.keys!r})"

    def __enter__(self) -> SessionEmitter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def counters(self) -> dict[str, int]:
        """What was counted in this process; `counters.MEANINGS` says what each number means."""
        return self._telling.counted()

    @_never_raises
    def created(
        self,
        session: Raw,
        *,
        user: str | int | None = None,
        ip: str | None = None,
        user_agent: str | None = None,
        device_id: str | None = None,
        reason: str = "login",
        auth_method: str | None = None,
        mfa: bool | None = None,
        idp: str | None = None,
        idp_session_id: str | None = None,
        parent: Raw | None = None,
        parent_is_hashed: bool = False,
        token_generation: int | None = None,
        bound: str | None = None,
        action: str | None = None,
        location: Location | None = None,
        attributes: Attributes | None = None,
        time_us: int | None = None,
    ) -> None:
        """A session began.

        Args:
            session: its raw value.
            user: whose it is.
            ip: the client's address.
            user_agent: the client's User-Agent header.
            device_id: the app's own name for the device, if it has one.
            reason: login, refresh (a new id results), sso or rotation.
            auth_method: how the user proved who they are, such as `password` or `webauthn`.
            mfa: whether a second factor was used.
            idp: the identity provider.
            idp_session_id: the provider's name for its session; not a credential.
            parent: the raw value of the sign-on session above it, the session rotated from, or the token
                family.
            parent_is_hashed: `parent` is an id as events carry it, and not a raw value.
            token_generation: how often the refresh token was rotated.
            bound: how the session is bound to a device: dbsc, dpop or none.
            action: a sensitive act: password, email, mfa, recovery, api_key or payout.
            location: where the client is, if the app knows.
            attributes: at most 32 scalars of the app's own, texts of at most 1,024 characters.
            time_us: when it happened, in microseconds since the epoch; now, if left out.
        """
        telling = self._called("created")
        session_id = self._session_id(session)
        parent_id = None
        if parent is not None:
            is_sso = reason == "sso"
            parent_id = _as_text(parent) if parent_is_hashed else self.keys.parent_id(parent, sso=is_sso)
        fields = _fields(user, ip, user_agent, device_id, reason, location)
        fields["attributes"] = telling.attributes(attributes)
        fields.update(
            session_id=session_id,
            auth_method=auth_method,
            mfa=mfa,
            idp=idp,
            idp_session_id=idp_session_id,
            parent_session_id=parent_id,
            token_generation=token_generation,
            bound=bound,
            action=action,
        )
        telling.begin(session_id, fields, _or_now(time_us))

    @_never_raises
    def validated(
        self,
        session: Raw,
        *,
        user: str | int | None = None,
        ip: str | None = None,
        user_agent: str | None = None,
        device_id: str | None = None,
        reason: str = "request",
        auth_method: str | None = None,
        mfa: bool | None = None,
        token_generation: int | None = None,
        bound: str | None = None,
        action: str | None = None,
        location: Location | None = None,
        attributes: Attributes | None = None,
        time_us: int | None = None,
    ) -> None:
        """A session was used, and the app accepted it. Sampled if the reason is `request`, without an
        `action`.

        Args:
            session: its raw value.
            user: whose it is.
            ip: the client's address.
            user_agent: the client's User-Agent header.
            device_id: the app's own name for the device, if it has one.
            reason: request, refresh (same session) or step_up.
            auth_method: what was used to step up.
            mfa: whether a second factor was used.
            token_generation: how often the refresh token was rotated.
            bound: how the session is bound to a device: dbsc, dpop or none.
            action: a sensitive act: password, email, mfa, recovery, api_key or payout.
            location: where the client is, if the app knows.
            attributes: at most 32 scalars of the app's own, texts of at most 1,024 characters.
            time_us: when it happened, in microseconds since the epoch; now, if left out.
        """
        telling = self._called("validated")
        session_id = self._session_id(session)
        fields = _fields(user, ip, user_agent, device_id, reason, location)
        fields["attributes"] = telling.attributes(attributes)
        fields.update(auth_method=auth_method, mfa=mfa, token_generation=token_generation, bound=bound, action=action)
        facts = Use(
            fields["user_id"],
            fields["ip"],
            fields["user_agent"],
            fields["device_id"],
            mfa,
            bound,
            self._mark_of(session, fields["user_id"]),
        )
        unsampled = reason != "request" or action is not None
        telling.use(session_id, facts, fields, _or_now(time_us), unsampled=unsampled)

    @_never_raises
    def failed(
        self,
        session: Raw | None = None,
        *,
        reason: str,
        user: str | int | None = None,
        user_typed: str | None = None,
        ip: str | None = None,
        user_agent: str | None = None,
        device_id: str | None = None,
        auth_method: str | None = None,
        token_generation: int | None = None,
        location: Location | None = None,
        attributes: Attributes | None = None,
        time_us: int | None = None,
    ) -> None:
        """A login or a session was refused. More than one a second of one session are told in one event.

        Args:
            session: the raw value that was shown; left out if there was none yet.
            reason: bad_credentials, mfa_denied, mfa_timeout, unknown_session, expired_idle, expired_absolute,
                revoked, fingerprint_mismatch, csrf, refresh_reused or locked.
            user: the account, only if the app resolved one.
            user_typed: what was typed as the user's name; only its keyed hash leaves the process.
            ip: the client's address.
            user_agent: the client's User-Agent header.
            device_id: the app's own name for the device, if it has one.
            auth_method: what was tried.
            token_generation: the rotation count of the refresh token that was shown.
            location: where the client is, if the app knows.
            attributes: at most 32 scalars of the app's own, texts of at most 1,024 characters.
            time_us: when it happened, in microseconds since the epoch; now, if left out.
        """
        telling = self._called("failed")
        fields = _fields(user, ip, user_agent, device_id, reason, location)
        fields["attributes"] = telling.attributes(attributes)
        fields.update(
            auth_method=auth_method,
            token_generation=token_generation,
            user_hint=self.keys.user_hint(user_typed) if user_typed else None,
        )
        telling.fail(self.keys.session_id(session) if session else None, fields, _or_now(time_us))

    @_never_raises
    def destroyed(
        self,
        session: Raw | None,
        *,
        user: str | int | None = None,
        reason: str = "logout",
        ip: str | None = None,
        user_agent: str | None = None,
        device_id: str | None = None,
        attributes: Attributes | None = None,
        time_us: int | None = None,
    ) -> None:
        """A session ended.

        Args:
            session: its raw value; None only for `logout_all`, which then names the user.
            user: whose it was.
            reason: logout, logout_all, idle_timeout, absolute_timeout, rotated, revoked, evicted or admin.
            ip: the client's address.
            user_agent: the client's User-Agent header.
            device_id: the app's own name for the device, if it has one.
            attributes: at most 32 scalars of the app's own, texts of at most 1,024 characters.
            time_us: when it happened, in microseconds since the epoch; now, if left out.
        """
        telling = self._called("destroyed")
        if not session and (reason != "logout_all" or user is None):
            raise ValueError("no session")
        fields = _fields(user, ip, user_agent, device_id, reason, None)
        fields["attributes"] = telling.attributes(attributes)
        session_id = self.keys.session_id(session) if session else None
        telling.end(session_id, fields, _or_now(time_us))

    @_never_raises
    def revoked(self, session_id: str, *, user: str | None = None) -> None:
        """A revocation was received: the session, by its hashed id, counts as ended at once."""
        telling = self._called("destroyed")
        telling.end(_hashed(session_id), {"user_id": user, "reason": "revoked"}, _or_now(None))

    @_never_raises
    def refused(
        self,
        session_id: str,
        *,
        user: str | None = None,
        ip: str | None = None,
        user_agent: str | None = None,
        device_id: str | None = None,
    ) -> None:
        """A revoked session, by its hashed id, was shown and refused."""
        telling = self._called("failed")
        fields = _fields(user, ip, user_agent, device_id, "revoked", None)
        telling.fail(_hashed(session_id), fields, _or_now(None))

    @_never_raises
    def beat(self) -> None:
        """Send a heartbeat now: the counters, and how many events wait."""
        self._telling.beat()

    def start(self) -> None:
        """Start the background thread and the connection now instead of with the first event."""
        self._telling.start()

    def flush(self, timeout: float = 5.0) -> bool:
        """Send all that was told until now; say whether it was acknowledged within `timeout` seconds."""
        return self._telling.flush(timeout)

    def close(self, timeout: float = 5.0) -> None:
        """Send what is left, for at most `timeout` seconds, and end the thread. Later events are dropped."""
        self._telling.close(timeout)

    def _called(self, name: str) -> Telling:
        telling = self._telling
        telling.called(name)
        return telling

    def _session_id(self, session: Raw) -> str:
        if not session:
            raise ValueError("no session")
        return self.keys.session_id(session)

    def _mark_of(self, session: Raw, user_id: object) -> tuple[int, int]:
        """Return what changes when another process of the app ends the session, or has it revoked."""
        if self.revocations is None:
            return 0, 0
        user = user_id if isinstance(user_id, str) else None
        return self.revocations.mark_of(self.keys.session_ids(session), user)

    def _after_fork(self) -> None:
        parent, self._telling = self._telling, Telling(self._settings)
        self._inherited.append(parent)
        parent.abandon()


def _renew_after_fork(emitter: SessionEmitter) -> None:
    weak = weakref.ref(emitter)

    def after() -> None:
        alive = weak()
        if alive is not None:
            alive._after_fork()

    os.register_at_fork(after_in_child=after)


def _fields(
    user: str | int | None,
    ip: str | None,
    user_agent: str | None,
    device_id: str | None,
    reason: str,
    location: Location | None,
) -> Fields:
    fields: Fields = {
        "user_id": None if user is None else str(user),
        "ip": client_text(ip),
        "user_agent": client_text(user_agent),
        "device_id": client_text(device_id),
        "reason": reason,
    }
    if location is not None:
        fields.update(location.fields())
    return fields


def _hashed(session_id: str) -> str:
    if not _HASHED.fullmatch(session_id):
        raise ValueError("not a hashed id")
    return session_id


def _as_text(parent: Raw) -> str:
    return _hashed(parent if isinstance(parent, str) else parent.decode("ascii"))


def _or_now(time_us: int | None) -> int:
    return now_us() if time_us is None else time_us
