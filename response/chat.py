"""Chat through Apprise: any of its services, by address. Each chat has a lane and a deadline of its own."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Collection, Sequence

import apprise
import msgspec
import structlog

from response.errors import ChatRefused
from response.outcome import DELIVERED, Outcome
from schemas.alert import Severity
from schemas.instant import DAY
from store.rows import OutboxMessage

DEADLINE_S = 30.0
EXPIRES_US = DAY
"""A message that could not be told for a day is no news any more."""

LOCAL_SERVICES = frozenset({"syslog", "dbus", "qt", "kde", "gnome", "glib", "gio", "macosx", "windows", "blink1"})
"""Services that run a program or write on this machine instead of telling somebody."""

log = structlog.get_logger()

_ADDRESS = re.compile(r"([a-z0-9]{1,32})://\S*", re.IGNORECASE)
_TYPES = {Severity.CRITICAL: apprise.NotifyType.FAILURE, Severity.HIGH: apprise.NotifyType.WARNING}


class ChatText(msgspec.Struct, frozen=True):
    """What a chat message says: the payload of its outbox message."""

    severity: Severity
    title: str
    body: str


class Chat:
    """One place where people are told.

    Args:
        url: an Apprise address; it may hold a token and is never shown.
        min_severity: below, nothing is told here.
        allowed: schemes that may be used; None = all but those of this machine.
        deadline_s: for one try, seconds.

    Raises:
        ChatRefused: it is not one address, Apprise does not know the service, or it is not allowed.
    """

    def __init__(
        self,
        url: str,
        min_severity: Severity = Severity.INFO,
        *,
        allowed: Collection[str] | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        # Apprise looks for addresses anywhere in a text; the checks below are of the one that begins it.
        found = _ADDRESS.fullmatch(url)
        if found is None:
            raise ChatRefused('chat: expected an Apprise address such as "mailto://user:password@example.com"')
        scheme = found[1].lower()
        if scheme in LOCAL_SERVICES:
            raise ChatRefused(f"chat: {scheme} acts on this machine only, give a service that reaches people")
        if allowed is not None and scheme not in allowed:
            raise ChatRefused(f"chat: {scheme} is not among the allowed services ({', '.join(sorted(allowed))})")
        asset = apprise.AppriseAsset(
            async_mode=False,
            http_redirects=False,
            app_id="sessionwatch",
            app_desc="sessionwatch",
            # With a limit of its own Apprise works in threads that the interpreter waits for at its end, however
            # long a service hangs; ours (`deadline_s`) leaves one behind.
            service_timeout=0,
        )
        self._service = apprise.Apprise(asset=asset)
        if not self._service.add(url):
            raise ChatRefused(f"chat: Apprise cannot use this {scheme} address, see https://appriseit.com/services/")
        if len(self._service) != 1:
            raise ChatRefused("chat: several addresses in one: write one [[chat]] for each")
        self.min_severity = min_severity
        # Stable over restarts and the order of the configuration, and it gives the address away to nobody.
        self.lane = f"chat:{hashlib.sha256(url.encode()).hexdigest()[:12]}"
        self._deadline_s = deadline_s
        self._telling: threading.Thread | None = None

    def wants(self, severity: Severity) -> bool:
        """Return whether something of this severity is told here."""
        return severity.rank >= self.min_severity.rank

    def deliver(self, messages: Sequence[OutboxMessage]) -> list[Outcome]:
        """Tell each message once."""
        return [self._tell(msgspec.json.decode(message.payload, type=ChatText)) for message in messages]

    def _tell(self, text: ChatText) -> Outcome:
        if self._telling is not None and self._telling.is_alive():
            return Outcome("retry", "the service still hangs from an earlier message")
        told: list[bool] = []

        def tell() -> None:
            told.append(self._notify(text))

        # Plug-ins have time limits of their own liking, mail for one has none: a thread may be left behind,
        # one at most, since no other is begun before it has ended.
        self._telling = threading.Thread(target=tell, name=self.lane, daemon=True)
        self._telling.start()
        self._telling.join(self._deadline_s)
        if self._telling.is_alive():
            return Outcome("retry", f"the service did not answer within {self._deadline_s:g} s")
        return DELIVERED if told == [True] else Outcome("retry", "the service did not take the message")

    def _notify(self, text: ChatText) -> bool:
        try:
            return bool(
                self._service.notify(
                    body=text.body,
                    title=text.title,
                    notify_type=_TYPES.get(text.severity, apprise.NotifyType.INFO),
                    body_format=apprise.NotifyFormat.TEXT,
                )
            )
        except Exception as error:  # noqa: BLE001 - a plug-in may raise anything; it costs this try only
            # Its text may hold the address, so only its type is told.
            log.error("chat plug-in raised", lane=self.lane, error=type(error).__name__)
            return False
