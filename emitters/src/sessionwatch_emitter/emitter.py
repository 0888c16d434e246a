"""The SDK's face: tell what happens to the sessions of an app, and go on."""

from __future__ import annotations

import functools
import logging
import os
import re
import secrets
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Concatenate, NamedTuple, ParamSpec

from sessionwatch_emitter.counters import Counters
from sessionwatch_emitter.errors import EmitterError, RevocationListError, SecretError
from sessionwatch_emitter.event import Fields, Location, Scalar, build_record, client_text, scalars
from sessionwatch_emitter.event_queue import Priority
from sessionwatch_emitter.keys import KeyRing, read_secret
from sessionwatch_emitter.revocation_list import RevocationList
from sessionwatch_emitter.sampling import Sample, Sampler
from sessionwatch_emitter.sender import Sender, monotonic_us
from sessionwatch_emitter.transport import Transport

P = ParamSpec("P")
Raw = str | bytes
Attributes = Mapping[str, Scalar]

# A session that fails more often than this is told about once a second, with the number.
FAIL_INTERVAL_US = 1_000_000
# How long the end of the process may wait for a broker.
EXIT_TIMEOUT_S = 2.0
# How many ended sessions wait to be made known to other processes.
MOST_ENDED = 10_000

_APP = re.compile(r"[a-z0-9._-]{1,64}", re.ASCII)
_HASHED = re.compile(r"s_[A-Za-z0-9_-]{1,126}", re.ASCII)
_log = logging.getLogger("sessionwatch_emitter")


class _Use(NamedTuple):
    """What makes two uses of a session differ, so that the second is told at once."""

    user_id: object
    ip: object
    user_agent: object
    device_id: object
    mfa: object
    bound: object
    mark: tuple[int, int]


class _Process:
    """What belongs to one process and must not survive a fork: locks, samplers, counters, queue, thread."""

    def __init__(self, emitter: SessionEmitter) -> None:
        self.instance = secrets.token_hex(6)
        self.counters = Counters()
        self.sampling = threading.Lock()
        self.uses = Sampler(emitter._sample_interval_us)
        self.fails = Sampler(FAIL_INTERVAL_US)
        # What other processes have yet to hear of: session and user, either of which may be None.
        self.ended: deque[tuple[str | None, object]] = deque(maxlen=MOST_ENDED)
        self.next_heartbeat_us = 0
        self.warned: set[tuple[str, type[Exception]]] = set()
        self.sender = Sender(
            Transport(emitter._servers, emitter._topic, **emitter._kafka),
            emitter._queue_size,
            self.counters,
            emitter._due,
            emitter._at_exit,
        )


def _never_raises(
    method: Callable[Concatenate[SessionEmitter, P], None],
) -> Callable[Concatenate[SessionEmitter, P], None]:
    """Count what goes wrong instead of raising it into the app's request."""

    @functools.wraps(method)
    def call(emitter: SessionEmitter, /, *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            method(emitter, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - never into the app's request
            emitter._lost(method.__name__, error)

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
        self._servers = bootstrap_servers
        self._topic = topic
        self._kafka = kafka
        self._queue_size = queue_size
        self._sample_interval_us = int(sample_interval * 1e6)
        self._heartbeat_interval_us = int(heartbeat_interval * 1e6)
        # The parent's state is kept in a child, unused: collecting it would close sockets that both share.
        self._inherited: list[_Process] = []
        self._process = _Process(self)
        _renew_after_fork(self)

    def __repr__(self) -> str:
        return f"SessionEmitter({self.app!r}, topic={self._topic!r}, {self.keys!r})"

    def __enter__(self) -> SessionEmitter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def counters(self) -> dict[str, int]:
        """What was counted in this process; `counters.MEANINGS` says what each number means."""
        values = self._process.counters.snapshot()
        if self.revocations is not None:
            values["revocation_list_unreadable"] = self.revocations.unreadable
        return values

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
        process = self._called("created")
        session_id = self._session_id(session)
        parent_id = None
        if parent is not None:
            is_sso = reason == "sso"
            parent_id = _as_text(parent) if parent_is_hashed else self.keys.parent_id(parent, sso=is_sso)
        fields = _fields(user, ip, user_agent, device_id, reason, location)
        fields["attributes"] = self._attributes(process, attributes)
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
        with process.sampling:
            samples = process.uses.begin(session_id, monotonic_us())
        self._send_uses(process, samples)
        self._send(process, "create", _or_now(time_us), fields)

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
        process = self._called("validated")
        session_id = self._session_id(session)
        fields = _fields(user, ip, user_agent, device_id, reason, location)
        fields["attributes"] = self._attributes(process, attributes)
        fields.update(auth_method=auth_method, mfa=mfa, token_generation=token_generation, bound=bound, action=action)
        facts = _Use(
            fields["user_id"],
            fields["ip"],
            fields["user_agent"],
            fields["device_id"],
            mfa,
            bound,
            mark := self._mark_of(session, fields["user_id"]),
        )
        unsampled = reason != "request" or action is not None
        with process.sampling:
            samples = process.uses.use(
                session_id,
                facts,
                fields,
                monotonic_us(),
                _or_now(time_us),
                unsampled=unsampled,
                ended=mark != (0, 0),
            )
            due_us = process.uses.next_due_us()
        self._send_uses(process, samples)
        self._swallowed(process, samples, due_us)

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
        process = self._called("failed")
        fields = _fields(user, ip, user_agent, device_id, reason, location)
        fields["attributes"] = self._attributes(process, attributes)
        fields.update(
            auth_method=auth_method,
            token_generation=token_generation,
            user_hint=self.keys.user_hint(user_typed) if user_typed else None,
        )
        self._fail(process, self.keys.session_id(session) if session else None, fields, _or_now(time_us))

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
        process = self._called("destroyed")
        if not session and (reason != "logout_all" or user is None):
            raise ValueError("no session")
        fields = _fields(user, ip, user_agent, device_id, reason, None)
        fields["attributes"] = self._attributes(process, attributes)
        session_id = self.keys.session_id(session) if session else None
        self._destroy(process, session_id, fields, _or_now(time_us))

    @_never_raises
    def revoked(self, session_id: str, *, user: str | None = None) -> None:
        """A revocation was received: the session, by its hashed id, counts as ended at once."""
        process = self._called("destroyed")
        self._destroy(process, _hashed(session_id), {"user_id": user, "reason": "revoked"}, _or_now(None))

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
        process = self._called("failed")
        fields = _fields(user, ip, user_agent, device_id, "revoked", None)
        self._fail(process, _hashed(session_id), fields, _or_now(None))

    @_never_raises
    def beat(self) -> None:
        """Send a heartbeat now: the counters, and how many events wait."""
        process = self._process
        process.sender.start()
        attributes: dict[str, Scalar] = {name: number for name, number in self.counters.items() if number}
        attributes["waiting"] = process.sender.waiting()
        attributes["instance"] = process.instance
        self._send(process, "heartbeat", _or_now(None), {"attributes": attributes}, Priority.REQUEST)

    def start(self) -> None:
        """Start the background thread and the connection now instead of with the first event."""
        self._process.sender.start()

    def flush(self, timeout: float = 5.0) -> bool:
        """Send all that was told until now; say whether it was acknowledged within `timeout` seconds."""
        process = self._process
        now_us = monotonic_us()
        with process.sampling:
            uses, fails = process.uses.drain(now_us), process.fails.drain(now_us)
        self._send_uses(process, uses)
        self._send_fails(process, fails)
        return process.sender.flush(timeout)

    def close(self, timeout: float = 5.0) -> None:
        """Send what is left, for at most `timeout` seconds, and end the thread. Later events are dropped."""
        self.flush(timeout)
        self._process.sender.close(1.0)

    def _called(self, name: str) -> _Process:
        process = self._process
        process.counters.add(name)
        process.sender.start()
        return process

    def _session_id(self, session: Raw) -> str:
        if not session:
            raise ValueError("no session")
        return self.keys.session_id(session)

    def _attributes(self, process: _Process, attributes: Attributes | None) -> dict[str, object] | None:
        if not attributes:
            return None
        kept = scalars(attributes)
        if len(kept) < len(attributes):
            process.counters.add("attributes_dropped", len(attributes) - len(kept))
        return kept or None

    def _mark_of(self, session: Raw, user_id: object) -> tuple[int, int]:
        """Return what changes when another process of the app ends the session, or has it revoked."""
        if self.revocations is None:
            return 0, 0
        user = user_id if isinstance(user_id, str) else None
        return self.revocations.mark_of(self.keys.session_ids(session), user)

    def _fail(self, process: _Process, session_id: str | None, fields: Fields, time_us: int) -> None:
        if session_id is None:
            self._send(process, "fail", time_us, fields, Priority.FAIL)
            return
        names = ("reason", "user_id", "user_hint", "ip", "user_agent", "device_id")
        facts = tuple(fields.get(name) for name in names)
        with process.sampling:
            samples = process.fails.use(session_id, facts, fields, monotonic_us(), time_us)
            due_us = process.fails.next_due_us()
        self._send_fails(process, samples)
        self._swallowed(process, samples, due_us)

    def _destroy(self, process: _Process, session_id: str | None, fields: Fields, time_us: int) -> None:
        now_us = monotonic_us()
        with process.sampling:
            samples = process.uses.end(session_id, now_us) if session_id is not None else []
            if fields["reason"] == "logout_all" and fields["user_id"] is not None:
                user_id = fields["user_id"]
                samples += process.uses.end_where(
                    lambda facts: isinstance(facts, _Use) and facts.user_id == user_id, now_us
                )
            if self.revocations is not None:
                process.ended.append((session_id, fields["user_id"]))
        self._send_uses(process, samples)
        self._send(process, "destroy", time_us, {**fields, "session_id": session_id})
        if self.revocations is not None:
            process.sender.wake_at(now_us)

    def _swallowed(self, process: _Process, samples: list[Sample], due_us: int | None) -> None:
        if not samples:
            process.counters.add("swallowed")
        if due_us is not None:
            process.sender.wake_at(due_us)

    def _send_uses(self, process: _Process, samples: list[Sample]) -> None:
        for sample in samples:
            fields = {
                **sample.fields,
                "session_id": sample.session_id,
                "count": sample.count,
                "gap_min_ms": sample.gap_min_ms,
                "gap_dev_ms": sample.gap_dev_ms,
            }
            priority = Priority.REQUEST if fields["reason"] == "request" else Priority.OTHER
            self._send(process, "validate", sample.time_us, fields, priority)

    def _send_fails(self, process: _Process, samples: list[Sample]) -> None:
        for sample in samples:
            fields = {**sample.fields, "session_id": sample.session_id, "count": sample.count}
            self._send(process, "fail", sample.time_us, fields, Priority.FAIL)

    def _send(
        self, process: _Process, kind: str, time_us: int, fields: Fields, priority: Priority = Priority.OTHER
    ) -> None:
        try:
            record = build_record(self.app, self.keys, kind, time_us, fields)
        except (TypeError, ValueError) as error:
            # One event's odd value must not cost the others that are due with it.
            self._lost(kind, error)
            return
        if record.attributes_dropped:
            process.counters.add("attributes_dropped", record.attributes_dropped)
        process.sender.put(priority, record)

    def _due(self, now_us: int) -> int | None:
        """Queue what is due by time; called by the sender's thread."""
        process = self._process
        self._send_due(process, now_us)
        self._note_ends(process)
        if now_us >= process.next_heartbeat_us:
            process.next_heartbeat_us = now_us + self._heartbeat_interval_us
            self.beat()
        with process.sampling:
            wanted = (process.uses.next_due_us(), process.fails.next_due_us(), process.next_heartbeat_us)
        return min(due_us for due_us in wanted if due_us is not None)

    def _send_due(self, process: _Process, now_us: int) -> None:
        while True:
            # In portions, so that no request waits for the lock.
            with process.sampling:
                uses, fails = process.uses.due(now_us), process.fails.due(now_us)
            if not (uses or fails):
                return
            self._send_uses(process, uses)
            self._send_fails(process, fails)

    def _note_ends(self, process: _Process) -> None:
        if self.revocations is None or not process.ended:
            return
        with process.sampling:
            ended = list(process.ended)
            process.ended.clear()
        try:
            self.revocations.note_ends(
                [session_id for session_id, _ in ended if session_id is not None],
                [str(user_id) for session_id, user_id in ended if session_id is None],
            )
        except RevocationListError as error:
            _log.warning("other processes tell the next use of an ended session later: %s", error)

    def _lost(self, name: str, error: Exception) -> None:
        process = self._process
        process.counters.add("errors")
        # Once a kind, and without the error's text: it could quote what the app has passed.
        if (name, type(error)) not in process.warned:
            process.warned.add((name, type(error)))
            _log.error("an event is lost: %s failed with %s", name, type(error).__name__)

    def _at_exit(self) -> None:
        self.close(EXIT_TIMEOUT_S)

    def _after_fork(self) -> None:
        parent, self._process = self._process, _Process(self)
        self._inherited.append(parent)
        parent.sender.abandon()


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
    return time.time_ns() // 1000 if time_us is None else time_us
