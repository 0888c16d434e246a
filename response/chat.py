"""Chat through Apprise: any of its services, by address. Each chat has two lanes and a deadline of its own.

What is critical has a lane to itself, so that nothing waits before it. Whatever is due together in a lane becomes few
messages: one for each group, or one digest. Apprise returns no id of what it has told, so that no service's message can
be changed later; mail is threaded by its headers.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections import deque
from collections.abc import Collection, Sequence
from datetime import UTC, tzinfo
from typing import Any

import apprise
import msgspec
import structlog

from response.act_links import LinkKey
from response.chat_pace import About, Pace
from response.chat_templates import Templates
from response.clock import Clock, now_us
from response.errors import ChatRefused
from response.outcome import DELIVERED, Outcome
from schemas.alert import Severity
from schemas.instant import DAY, MINUTE, to_datetime
from schemas.link import LinkAct
from store.rows import OutboxMessage

DEADLINE_S = 30.0
EXPIRES_US = DAY
"""A message that could not be told for a day is no news any more."""

AT_ONCE = 10_000
"""Messages of the outbox that are looked at together, to become few."""
MOST_TEXTS = 3
"""What is due together is told in so many messages at most; of more it is one digest."""
MOST_LINES = 20
"""Headlines in one message; the rest is counted."""
PER_MINUTE = 30

LOCAL_SERVICES = frozenset({"syslog", "dbus", "qt", "kde", "gnome", "glib", "gio", "macosx", "windows", "blink1"})
"""Services that run a program or write on this machine instead of telling somebody."""

log = structlog.get_logger()

HANGS = Outcome("retry", "the service still hangs from an earlier message")

_REST = ":rest"
_MAIL = frozenset({"mailto", "mailtos"})
_ADDRESS = re.compile(r"([a-z0-9]{1,32})://\S*", re.IGNORECASE)
_TYPES = {Severity.CRITICAL: apprise.NotifyType.FAILURE, Severity.HIGH: apprise.NotifyType.WARNING}


class ChatText(msgspec.Struct, frozen=True):
    """What a chat message says: the payload of its outbox message.

    Attributes:
        about: which others it belongs together with; None = with none.
        acts: what a person may do by links about the alert that is the message's subject.
    """

    severity: Severity
    title: str
    body: str
    about: About | None = None
    acts: tuple[LinkAct, ...] = ()


class _Joined(msgspec.Struct):
    """Messages of the outbox that are told as one."""

    places: list[int]
    text: ChatText


class _Voice:
    """Apprise, told one message at a time.

    Args:
        url: an Apprise address.
        scheme: its first word.
        deadline_s: for one try, seconds.

    Raises:
        ChatRefused: Apprise cannot use the address.
    """

    def __init__(self, url: str, scheme: str, deadline_s: float) -> None:
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
        self.service = type(self._service[0]).__name__
        self._scheme = scheme
        self._deadline_s = deadline_s
        self._telling: threading.Thread | None = None
        # What only mail has; its own headers, before a thread's.
        services: list[Any] = list(self._service) if scheme in _MAIL else []
        self._mails = [(service, dict(service.headers)) for service in services]

    @property
    def hangs(self) -> bool:
        """Whether the service has not answered an earlier message yet."""
        return self._telling is not None and self._telling.is_alive()

    def tell(self, text: ChatText) -> Outcome:
        """Tell a message, within the deadline."""
        if self.hangs:
            return HANGS
        told: list[bool] = []

        def tell() -> None:
            told.append(self._notify(text))

        # Plug-ins have time limits of their own liking, mail for one has none: a thread may be left behind,
        # one at most, since no other is begun before it has ended.
        self._telling = threading.Thread(target=tell, name=f"chat {self._scheme}", daemon=True)
        self._telling.start()
        self._telling.join(self._deadline_s)
        if self._telling.is_alive():
            return Outcome("retry", f"the service did not answer within {self._deadline_s:g} s")
        return DELIVERED if told == [True] else Outcome("retry", "the service did not take the message")

    def _notify(self, text: ChatText) -> bool:
        self._thread_mail(text.about)
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
            log.error("chat plug-in raised", scheme=self._scheme, error=type(error).__name__)
            return False

    def _thread_mail(self, about: About | None) -> None:
        """Let mails about one group stand together, and any other by itself."""
        thread: dict[str, str] = {}
        if about is not None:
            thread = dict.fromkeys(("References", "In-Reply-To"), f"<{about.group}@sessionwatch.invalid>")
        for mail, headers in self._mails:
            mail.headers = {**headers, **thread}


def chat_lane(lane: str) -> str:
    """Return the name by which a chat goes, of either of its lanes."""
    return lane.removesuffix(_REST)


class Chat:
    """One place where people are told.

    Args:
        url: an Apprise address; it may hold a token and is never shown.
        min_severity: below, nothing is told here.
        name: by which the configuration speaks of it; empty = it never does.
        allowed: schemes that may be used; None = all but those of this machine.
        deadline_s: for one try, seconds.
        templates: the texts of its locale.
        pace: when it is told what is not critical.
        per_minute: messages that it is told at most; what exceeds them is told as one digest in the next minute. What
            is not critical takes half of them.
        zone: whose clock its digests name.
        links: makes the links by which people act; None = there are none.
        clock: now, microseconds since the epoch.

    Raises:
        ChatRefused: it is not one address, Apprise does not know the service, or it is not allowed.
    """

    def __init__(
        self,
        url: str,
        min_severity: Severity = Severity.INFO,
        *,
        name: str = "",
        allowed: Collection[str] | None = None,
        deadline_s: float = DEADLINE_S,
        templates: Templates | None = None,
        pace: Pace | None = None,
        per_minute: int = PER_MINUTE,
        zone: tzinfo = UTC,
        links: LinkKey | None = None,
        clock: Clock = now_us,
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
        # One for each lane: what is critical waits for no message of the other that hangs.
        self._voices = [_Voice(url, scheme, deadline_s) for _ in range(2)]
        self.min_severity = min_severity
        self.name = name
        # Stable over restarts and the order of the configuration, and it gives the address away to nobody.
        self.lane = f"chat:{hashlib.sha256(url.encode()).hexdigest()[:12]}"
        self.templates = templates or Templates()
        self.pace = pace or Pace()
        self._per_minute = per_minute
        self._zone = zone
        self._links = links
        self._clock = clock
        self._told_us: deque[int] = deque()
        self._lock = threading.Lock()

    @property
    def services(self) -> tuple[str, ...]:
        """By which of Apprise's plug-ins it tells, lane by lane."""
        return tuple(voice.service for voice in self._voices)

    @property
    def hangs(self) -> bool:
        """Whether its service has not answered an earlier message yet."""
        return any(voice.hangs for voice in self._voices)

    @property
    def lanes(self) -> tuple[str, str]:
        """The lane of what is critical, and that of the rest."""
        return self.lane, f"{self.lane}{_REST}"

    def lane_of(self, severity: Severity) -> str:
        """Return the lane of a message."""
        return self.lanes[severity is not Severity.CRITICAL]

    def wants(self, severity: Severity) -> bool:
        """Return whether something of this severity is told here."""
        return severity.rank >= self.min_severity.rank

    def deliver(self, messages: Sequence[OutboxMessage]) -> list[Outcome]:
        """Tell messages that are due together, as few as may be; each has the outcome of the one that told it."""
        outcomes = [DELIVERED] * len(messages)
        for joined in self._join(messages):
            with self._lock:
                waits = self._over_limit(joined.text)
            voice = self._voices[messages[0].lane.endswith(_REST)]
            outcome = waits or voice.tell(joined.text)
            for place in joined.places:
                outcomes[place] = outcome
        return outcomes

    def _join(self, messages: Sequence[OutboxMessage]) -> list[_Joined]:
        texts = [msgspec.json.decode(message.payload, type=ChatText) for message in messages]
        groups: dict[str, list[int]] = {}
        for place, text in enumerate(texts):
            groups.setdefault(str(place) if text.about is None else text.about.group, []).append(place)
        if len(groups) > MOST_TEXTS:
            return [_Joined(list(range(len(texts))), self._digest(messages, texts))]
        joined = []
        for places in groups.values():
            if len(places) == 1:
                text = self._with_ways_to_act(messages[places[0]], texts[places[0]])
            else:
                text = self._group([texts[place] for place in places])
            joined.append(_Joined(places, text))
        return joined

    def _with_ways_to_act(self, message: OutboxMessage, text: ChatText) -> ChatText:
        if not text.acts:
            return text
        if self._links is None:
            ways = self.templates.text("commands", {"alert": message.subject})
        else:
            # Made now and kept nowhere: a link lives 30 minutes, and a message may have waited for hours.
            links = self._links.links(message.message_id, text.acts, message.subject, self._clock())
            if not links:
                return text
            ways = self.templates.text("links", links)
        return msgspec.structs.replace(text, body=f"{text.body}\n{ways}")

    def _group(self, texts: list[ChatText]) -> ChatText:
        abouts = [text.about for text in texts if text.about is not None]
        whole = any(about.alert_id == about.group for about in abouts)
        # A window that went on has told its first alert before.
        name = "digest.title" if whole else "more.title"
        # The first is what the others are held against.
        shared = {about.same for about in abouts if about.alert_id != about.group} or {abouts[0].same}
        same = self.templates.text(f"same.{shared.pop() if len(shared) == 1 else 'group'}")
        since = self._clock_text(min(about.since_us for about in abouts))
        return self._list(name, texts, since, same, abouts[0])

    def _digest(self, messages: Sequence[OutboxMessage], texts: list[ChatText]) -> ChatText:
        return self._list("digest.title", texts, self._clock_text(min(message.created_us for message in messages)))

    def _list(
        self, name: str, texts: list[ChatText], since: str, same: str = "", about: About | None = None
    ) -> ChatText:
        count = str(len(texts))
        title = self.templates.text(name, {"count": count, "since": since, "same": same})
        worst = sorted(texts, key=lambda text: -text.severity.rank)
        lines = [f"- {text.title}" for text in worst[:MOST_LINES]]
        if len(worst) > MOST_LINES:
            lines.append(self.templates.text("rest", {"count": str(len(worst) - MOST_LINES)}))
        return ChatText(worst[0].severity, title, "\n".join(lines), about)

    def _clock_text(self, instant_us: int) -> str:
        return to_datetime(instant_us).astimezone(self._zone).strftime("%H:%M %Z")

    def _over_limit(self, text: ChatText) -> Outcome | None:
        now = self._clock()
        while self._told_us and self._told_us[0] <= now - MINUTE:
            self._told_us.popleft()
        limit = self._per_minute if text.severity is Severity.CRITICAL else max(1, self._per_minute // 2)
        if len(self._told_us) < limit:
            self._told_us.append(now)
            return None
        # For the whole lane: what waits meanwhile is due together, and told as one.
        wait_us = self._told_us[len(self._told_us) - limit] + MINUTE - now
        return Outcome("wait", f"more than {limit} messages a minute", max(1, wait_us))
