"""What users are told: that somebody signed in with a new device, or that a session of theirs was ended.

Through the app's own channel (webhook `user.notice`, the facts for a text of its own), or by mail. An app has to ask
for it, and nobody is told more than once an hour. Whoever reads somebody else's mail learns nothing that helps: no
session id, no address, no rule; of an ended session only that it was.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal, Protocol
from urllib.parse import quote

import msgspec

from ingest.batch import Batch
from response.chat import DEADLINE_S, HANGS, Chat, ChatText
from response.errors import ChatRefused
from response.outcome import Outcome
from response.targets import Target, lane_of
from response.text import safe
from schemas.alert import Severity
from schemas.drill import RESERVED_PREFIX
from schemas.event import Event
from schemas.instant import DAY, HOUR, MINUTE, to_datetime
from schemas.revocation import Revocation, UserNoticeBody, UserNoticeData
from store.rows import OutboxMessage

KIND = "user.notice"
NOTICE_NAMESPACE = uuid.UUID("5e551094-4a7c-5c8e-9d0f-a1e27a1e2705")
LEAST_BETWEEN_US = HOUR
"""Nobody is told more often, whatever happens."""

_FRESH_US = 10 * MINUTE
"""A login that came later than this is no news for its user."""
_MAIL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9.-]{1,189}", re.ASCII)

NoticeKind = Literal["new_device", "session_ended"]


class NoticeRecords(Protocol):
    """What is asked of the store, in the batch loop's thread."""

    def is_known_device(self, app: str, user_id: str, device_id: str, before_us: int) -> bool:
        """Return whether a user was accepted with a device before an instant, microseconds since the epoch."""

    def is_known_user(self, app: str, user_id: str, before_us: int) -> bool:
        """Return whether a user was accepted before an instant, with whatever device."""

    def enqueued_since(self, kind: str, since_us: int) -> list[tuple[str, int]]:
        """Return ordering key and time (microseconds since the epoch) of messages enqueued since an instant."""


class MailText(msgspec.Struct, frozen=True):
    """A mail to a user: the payload of its outbox message."""

    to: str
    title: str
    body: str


class UserMail:
    """Mails the users of an app, whose user ids are their mail addresses.

    Args:
        app: its name.
        url: an Apprise address of a mail service in which ``{user}`` stands for the recipient; it may hold a
            password and is never shown.
        deadline_s: for one mail, seconds.

    Raises:
        ChatRefused: Apprise cannot use it, or it names no recipient.
    """

    def __init__(self, app: str, url: str, *, deadline_s: float = DEADLINE_S) -> None:
        if "{user}" not in url:
            raise ChatRefused("user_notices: expected an address with {user} in it, where the recipient belongs")
        Chat(url.replace("{user}", "somebody%40example.com"))
        self.app = app
        self.lane = f"mail:{app}"
        self._deadline_s = deadline_s
        self._url = url
        # The one that was used last: what hangs in its thread is waited for, so that no second thread is left behind.
        self._chat: Chat | None = None

    def __repr__(self) -> str:
        return f"UserMail({self.app!r})"

    def deliver(self, messages: Sequence[OutboxMessage]) -> list[Outcome]:
        """Mail each message once."""
        return [self._mail(message) for message in messages]

    def _mail(self, message: OutboxMessage) -> Outcome:
        text = msgspec.json.decode(message.payload, type=MailText)
        if not _MAIL.fullmatch(text.to):
            return Outcome("refused", "the user's id is no mail address")
        if self._chat is not None and self._chat.hangs:
            return HANGS
        self._chat = Chat(self._url.replace("{user}", quote(text.to, safe="")), deadline_s=self._deadline_s)
        told = msgspec.json.encode(ChatText(Severity.INFO, text.title, text.body)).decode()
        return self._chat.deliver([msgspec.structs.replace(message, payload=told)])[0]


class UserNotices:
    """Makes the notices.

    Args:
        wanted: by app, of what its users are told; an app that is not in it has not asked.
        targets: of all apps; those that carry `user.notice` are the apps' own channels.
        mails: by app.
        records: the store.
    """

    def __init__(
        self,
        wanted: Mapping[str, Collection[NoticeKind]],
        targets: Iterable[Target],
        mails: Iterable[UserMail],
        records: NoticeRecords,
    ) -> None:
        self._wanted = wanted
        self._targets = [target for target in targets if KIND in target.kinds]
        self._mails = {mail.app: mail for mail in mails}
        self._records = records
        self._told_us: dict[str, int] = {}

    def restore(self, now_us: int) -> None:
        """Remember whom an earlier run has told within the hour."""
        if self._wanted:
            self._told_us = dict(self._records.enqueued_since(KIND, now_us - LEAST_BETWEEN_US))

    def messages(self, batch: Batch) -> list[OutboxMessage]:
        """Return what users are told of what this batch brings."""
        if not self._wanted:
            return []
        self._forget(batch.arrival_us)
        made: list[OutboxMessage] = []
        for revocation in batch.revocations:
            if self._is_ended(batch, revocation):
                made += self._tell(batch, revocation.app, revocation.user_id, "session_ended", revocation.revocation_id)
        for event in batch.events:
            if self._is_new_device(batch, event):
                made += self._tell(batch, event.app, event.user_id, "new_device", event.event_id, event)
        return made

    def _is_ended(self, batch: Batch, revocation: Revocation) -> bool:
        wanted = self._wanted.get(revocation.app, ())
        is_sent = revocation.times.get("sent") == batch.arrival_us and revocation.state != "released"
        return "session_ended" in wanted and revocation.scope in ("session", "user") and is_sent

    def _is_new_device(self, batch: Batch, event: Event) -> bool:
        if "new_device" not in self._wanted.get(event.app, ()) or event.type != "create":
            return False
        if event.reason not in ("login", "sso") or event.user_id is None or event.device_id is None:
            return False
        if event.drill is not None or batch.arrival_us - event.time_us > _FRESH_US:
            return False
        if self._is_told(event.app, event.user_id):
            # Asked before the store is: nothing would be told of it.
            return False
        records, app, user = self._records, event.app, event.user_id
        # Whoever signs in for the first time knows.
        return not records.is_known_device(app, user, event.device_id, event.time_us) and records.is_known_user(
            app, user, event.time_us
        )

    def _tell(
        self, batch: Batch, app: str, user_id: str | None, notice: NoticeKind, source: str, event: Event | None = None
    ) -> list[OutboxMessage]:
        if user_id is None or self._is_told(app, user_id):
            return []
        made = self._made(batch, app, user_id, notice, source, event)
        if made:
            self._told_us[_key(app, user_id)] = batch.arrival_us
        return made

    def _is_told(self, app: str, user_id: str) -> bool:
        """Return whether a user has been told within the hour, or is nobody."""
        return user_id.startswith(RESERVED_PREFIX) or _key(app, user_id) in self._told_us

    def _made(
        self, batch: Batch, app: str, user_id: str, notice: NoticeKind, source: str, event: Event | None
    ) -> list[OutboxMessage]:
        now_us = batch.arrival_us
        notice_id = str(uuid.uuid5(NOTICE_NAMESPACE, f"{notice}:{source}"))
        data = UserNoticeData(
            notice_id=notice_id,
            app=app,
            user_id=user_id,
            notice=notice,
            at=to_datetime(event.time_us if event is not None else now_us),
            country=event.place.country if event is not None else None,
            city=event.place.city if event is not None else None,
            agent=event.agent.family if event is not None else None,
        )
        payload = UserNoticeBody(type="user.notice", timestamp=to_datetime(now_us), data=data).model_dump_json()
        lanes = {lane_of(target): payload for target in self._targets if target.app == app}
        mail = self._mails.get(app)
        if mail is not None:
            lanes[mail.lane] = msgspec.json.encode(_mail_text(data)).decode()
        return [
            OutboxMessage(
                message_id=str(uuid.uuid5(NOTICE_NAMESPACE, f"{notice_id}:{lane}")),
                lane=lane,
                kind=KIND,
                ordering_key=_key(app, user_id),
                subject=notice_id,
                payload=text,
                created_us=now_us,
                expires_us=now_us + DAY,
            )
            for lane, text in lanes.items()
        ]

    def _forget(self, now_us: int) -> None:
        for key in [key for key, told_us in self._told_us.items() if now_us - told_us >= LEAST_BETWEEN_US]:
            del self._told_us[key]


def _key(app: str, user_id: str) -> str:
    return f"{app}:notice:{user_id}"


def _mail_text(data: UserNoticeData) -> MailText:
    app, when = safe(data.app), f"{data.at:%Y-%m-%d %H:%M} UTC"
    if data.notice == "session_ended":
        body = f"A session of yours at {app} was ended on {when}. If you were using it, sign in again."
        return MailText(data.user_id, f"A session at {app} was ended", body)
    place = ", ".join(safe(part) for part in (data.city, data.country) if part)
    facts = [f"on {when}", *([f"from {place}"] if place else []), *([f"with {safe(data.agent)}"] if data.agent else [])]
    body = (
        f"Somebody signed in to your account at {app} with a device that was not used before, {', '.join(facts)}. "
        f"If it was not you, tell {app} and change your password there. This mail has no links on purpose."
    )
    return MailText(data.user_id, f"New sign-in at {app}", body)
