"""Polls an identity provider for security events: RFC 8936."""

from __future__ import annotations

import threading
from collections.abc import Callable

import msgspec
import structlog

from response.http import HttpClient, HttpFailed
from response.ssf.verify import SetRefused
from response.ssf.vocabulary import ErrorCode
from schemas.instant import MINUTE, SECOND

MAX_EVENTS = 20
"""In one answer, so that it stays below the client's 64 KiB."""

LONGEST_PAUSE_US = 5 * MINUTE

log = structlog.get_logger()


class _Answer(msgspec.Struct):
    sets: dict[str, str] = {}


class _SetError(msgspec.Struct):
    err: ErrorCode
    description: str


class _Request(msgspec.Struct):
    max_events: int = msgspec.field(name="maxEvents")
    return_immediately: bool = msgspec.field(name="returnImmediately")
    ack: list[str]
    set_errs: dict[str, _SetError] = msgspec.field(name="setErrs")


class Poller:
    """Asks one provider again and again, in a thread of its own. A token is acknowledged once it is committed.

    Args:
        name: of the transmitter.
        url: of its poll endpoint.
        token: returns the bearer token, if it wants one. Asked again when it is refused: one of OAuth lives minutes.
        take: takes a token, and returns its `jti`; raises `SetRefused`, or anything else where it must come again.
        client: of this poller alone.
        interval_us: between two polls, microseconds; while nothing can be had it grows to five minutes.
    """

    def __init__(
        self,
        name: str,
        url: str,
        token: Callable[[], str | None],
        take: Callable[[bytes], str],
        client: HttpClient,
        *,
        interval_us: int = 5 * SECOND,
    ) -> None:
        self._name = name
        self._url = url
        self._read_token = token
        self._token = token()
        self._take = take
        self._client = client
        self._interval_us = interval_us
        self._pause_us = interval_us
        self._acked: list[str] = []
        self._refused: dict[str, _SetError] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"poller {name}", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """Ask the thread to end and wait for it; a poll under way is left behind after `timeout_s` seconds."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def poll(self) -> bool:
        """Poll once, take what has come, and return whether the next poll has something to say.

        Raises:
            HttpFailed: nothing usable was answered.
        """
        request = msgspec.json.encode(_Request(MAX_EVENTS, True, self._acked, self._refused))
        answer = self._client.post(self._url, self._headers(), request)
        if answer.status == 401 and self._renew_token():
            answer = self._client.post(self._url, self._headers(), request)
        if answer.status != 200:
            raise HttpFailed(f"answered {answer.status}")
        try:
            found = msgspec.json.decode(answer.body, type=_Answer)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise HttpFailed("answered something that is no answer to a poll") from None
        # They have arrived with that request.
        self._acked, self._refused = [], {}
        for jti, token in found.sets.items():
            self._take_one(jti, token)
        # What could not be committed comes again, later.
        return bool(self._acked or self._refused)

    def _take_one(self, jti: str, token: str) -> None:
        try:
            if self._take(token.encode()) != jti:
                raise SetRefused("invalid_request", "the jti is not that of the token")
        except SetRefused as refused:
            log.warning("token refused", transmitter=self._name, why=str(refused))
            self._refused[jti] = _SetError(refused.err, refused.description)
        except Exception as error:  # noqa: BLE001 - whatever it was, the other tokens must still be taken
            log.error("token not taken", transmitter=self._name, error=type(error).__name__)
        else:
            self._acked.append(jti)

    def _renew_token(self) -> bool:
        """Read the token anew, and return whether it is another one."""
        before, self._token = self._token, self._read_token()
        return self._token != before

    def _headers(self) -> dict[str, str]:
        headers = {"content-type": "application/json", "accept": "application/json", "user-agent": "sessionwatch"}
        if self._token is not None:
            headers["authorization"] = f"Bearer {self._token}"
        return headers

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                at_once = self.poll()
                self._pause_us = self._interval_us
            except HttpFailed as error:
                log.warning("poll failed", transmitter=self._name, why=str(error))
                at_once, self._pause_us = False, min(2 * self._pause_us, max(LONGEST_PAUSE_US, self._interval_us))
            except Exception as error:  # noqa: BLE001 - the thread must live on
                log.error("poller stumbled", transmitter=self._name, error=type(error).__name__)
                at_once = False
            if not at_once:
                self._stopping.wait(self._pause_us / SECOND)
        self._client.close()
