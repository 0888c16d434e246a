"""What people are told: chat messages for the outbox, one for each chat that wants them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from response.chat import EXPIRES_US, Chat, ChatText, chat_lane
from response.chat_templates import Templates
from response.links import NO_LINKS, Links
from response.message import alert_body, alert_title, held_facts, withdrawn_body
from schemas.alert import Alert, AlertChange, Severity
from schemas.instant import HOUR, MINUTE
from schemas.link import LINK_ACTS, LinkAct
from schemas.revocation import Revocation
from store.rows import MemberRow, OutboxMessage, OutboxState

CHAT_KINDS = frozenset({"chat.alert", "chat.notice"})
NOTICE_NAMESPACE = uuid.UUID("5e551094-4a7c-5c8e-9d0f-a1e27a1e2702")

MOST_RECENT, MOST_RESTORED = 500, 10_000
"""Messages of a lane that are read at the start: those enqueued last, and those that wait."""

_WITHDRAWN = "withdrawn"
_PENDING: frozenset[OutboxState] = frozenset({"pending"})


class OutboxRecords(Protocol):
    """What is asked of the store at the start."""

    def outbox_page(
        self, *, lane: str | None = None, states: Collection[OutboxState] | None = None, limit: int = 100
    ) -> list[tuple[OutboxMessage, int]]:
        """Return messages with their place, the last enqueued first."""


class Notices:
    """Makes the chat messages. Their ids follow from what they are about: a message is told once.

    Args:
        chats: where people are told.
        links: into the console.
    """

    def __init__(self, chats: Sequence[Chat], links: Links = NO_LINKS) -> None:
        self._chats = tuple(chats)
        self._links = links
        self._told_held: dict[str, int] = {}

    def restore(self, revocations: Iterable[Revocation]) -> None:
        """Remember of which apps an earlier run has told that revocations are held."""
        for revocation in revocations:
            held_us = revocation.times.get("held")
            if held_us is not None:
                self._told_held[revocation.app] = max(held_us, self._told_held.get(revocation.app, 0))

    def restore_paces(self, records: OutboxRecords, now_us: int) -> None:
        """Take up what waits in the chats, and which alerts belong together."""
        for chat in self._chats:
            known: dict[str, OutboxMessage] = {}
            for lane in chat.lanes:
                waiting = records.outbox_page(lane=lane, states=_PENDING, limit=MOST_RESTORED)
                for message, _ in [*records.outbox_page(lane=lane, limit=MOST_RECENT), *waiting]:
                    known[message.message_id] = message
            oldest = sorted(known.values(), key=lambda message: message.created_us)
            texts = [(msgspec.json.decode(one.payload, type=ChatText), one.next_try_us) for one in oldest]
            chat.pace.restore(((text.about, due_us) for text, due_us in texts if text.about is not None), now_us)

    def note_campaigns(self, members: Iterable[MemberRow]) -> None:
        """Note which alerts belong to which campaigns: they are told together."""
        for member in members:
            for chat in self._chats:
                chat.pace.note_campaign(member.alert_id, member.campaign_id)

    def of_alert(self, change: AlertChange, done: str, now_us: int) -> list[OutboxMessage]:
        """Return the messages about an alert that was raised or has become worse."""
        alert, link = change.alert, self._links.of_alert(change.alert)

        def said(templates: Templates) -> tuple[str, str]:
            return alert_title(alert, templates), alert_body(alert, done, link, templates)

        return self._of(alert, f"{change.kind}:{alert.severity}", said, now_us)

    def of_withdrawal(self, alert: Alert, done: str, now_us: int) -> list[OutboxMessage]:
        """Return the messages about an alert that does not follow any more."""
        link = self._links.of_alert(alert)

        def said(templates: Templates) -> tuple[str, str]:
            title = templates.text("withdrawn.title", {"title": alert_title(alert, templates)})
            return title, withdrawn_body(alert, done, link, templates)

        return self._of(alert, _WITHDRAWN, said, now_us)

    def of_step_up(self, alert: Alert, done: str, now_us: int) -> list[OutboxMessage]:
        """Return the messages that a user did not prove in time who they are."""
        link = self._links.of_alert(alert)

        def said(templates: Templates) -> tuple[str, str]:
            title = templates.text("step_up.title", {"title": alert_title(alert, templates)})
            return title, alert_body(alert, done, link, templates)

        return self._of(alert, f"step-up not answered:{now_us}", said, now_us)

    def of_on_call(
        self, alert: Alert, chats: Collection[str], waited_us: int, step: int, now_us: int
    ) -> list[OutboxMessage]:
        """Return the messages that nobody has answered an alert, for the next people.

        Args:
            alert: as people were told of it.
            chats: names of those who are told.
            waited_us: since it was raised, microseconds.
            step: which of the configuration; each is told once.
            now_us: the pipeline's clock, microseconds since the epoch.
        """
        minutes, link = str(waited_us // MINUTE), self._links.of_alert(alert)

        def said(templates: Templates) -> ChatText:
            done = templates.text("on_call.done", {"minutes": minutes})
            title = templates.text("on_call.title", {"minutes": minutes, "title": alert_title(alert, templates)})
            return ChatText(alert.severity, title, alert_body(alert, done, link, templates), acts=_acts(alert))

        told = [chat for chat in self._chats if chat.name in chats]
        # Whoever is on call is asked at once.
        return [
            _message(chat, "chat.alert", alert.alert_id, f"on call:{step}", said(chat.templates), now_us, now_us)
            for chat in told
        ]

    def of_held(self, revocation: Revocation, waiting: int, now_us: int) -> list[OutboxMessage]:
        """Return the messages that revocations of an app are held: none if that was told within the hour.

        Args:
            revocation: the one just held.
            waiting: how many of the app wait in all.
            now_us: the pipeline's clock, microseconds since the epoch.
        """
        if now_us - self._told_held.get(revocation.app, -HOUR) < HOUR:
            return []
        self._told_held[revocation.app] = now_us
        facts = held_facts(revocation, waiting)
        return self.of_trouble(revocation.revocation_id, "held", facts, now_us, Severity.HIGH)

    def of_trouble(
        self,
        subject: str,
        name: str,
        values: Mapping[str, str],
        now_us: int,
        severity: Severity = Severity.CRITICAL,
        *,
        what: str = "",
    ) -> list[OutboxMessage]:
        """Return messages about something of the pipeline's own that needs a person.

        Args:
            subject: what it is about, such as a message id.
            name: of the templates.
            values: what they say; nothing hostile.
            now_us: the pipeline's clock, microseconds since the epoch.
            severity: how urgent it is.
            what: tells this of the subject from what else was told of it; empty = the name does.
        """
        made = []
        for chat in self._chats:
            if chat.wants(severity):
                title, body = (chat.templates.text(one, values) for one in (f"{name}.title", name))
                due_us = chat.pace.after_quiet(severity, now_us)
                text = ChatText(severity, title, body)
                made.append(_message(chat, "chat.notice", subject, what or name, text, now_us, due_us))
        return made

    def news(
        self, messages: Sequence[OutboxMessage], known: Callable[[Collection[str]], set[str]], now_us: int
    ) -> list[OutboxMessage]:
        """Leave out what was told before. What was taken back since is told anew, under an id of its own.

        Args:
            messages: of a batch; those that are no chat messages stay as they are.
            known: returns which ids were enqueued before.
            now_us: the pipeline's clock, microseconds since the epoch.
        """
        takings_back = {
            message.message_id: _message_id(message.subject, _WITHDRAWN, chat_lane(message.lane))
            for message in messages
            if message.kind in CHAT_KINDS
        }
        before = known({*takings_back, *takings_back.values()})
        news: dict[tuple[str, str], OutboxMessage] = {}
        for message in messages:
            taking_back = takings_back.get(message.message_id)
            if taking_back is not None and message.message_id in before:
                if taking_back not in before:
                    continue
                again = str(uuid.uuid5(NOTICE_NAMESPACE, f"{message.message_id}:{now_us}"))
                message = msgspec.structs.replace(message, message_id=again)
            news.setdefault((message.lane, message.message_id), message)
        return list(news.values())

    def _of(
        self, alert: Alert, what: str, said: Callable[[Templates], tuple[str, str]], now_us: int
    ) -> list[OutboxMessage]:
        """Return the messages about an alert, in each chat's words and when its pace has room for them."""
        made = []
        for chat in self._chats:
            if chat.wants(alert.severity):
                title, body = said(chat.templates)
                about, due_us = chat.pace.place(alert, alert.severity, now_us)
                acts = () if what == _WITHDRAWN else _acts(alert)
                text = ChatText(alert.severity, title, body, about, acts)
                made.append(_message(chat, "chat.alert", alert.alert_id, what, text, now_us, due_us))
        return made


def _acts(alert: Alert) -> tuple[LinkAct, ...]:
    """Return what a person may do by links about an alert."""
    return tuple(act for act in LINK_ACTS if act != "revoke_session" or alert.session_id is not None)


def _message(chat: Chat, kind: str, subject: str, what: str, text: ChatText, now_us: int, due_us: int) -> OutboxMessage:
    return OutboxMessage(
        message_id=_message_id(subject, what, chat.lane),
        lane=chat.lane_of(text.severity),
        kind=kind,
        ordering_key=subject,
        subject=subject,
        payload=msgspec.json.encode(text).decode(),
        created_us=now_us,
        # What waits stands in the outbox, so that no end of the process loses it.
        next_try_us=due_us if due_us > now_us else 0,
        expires_us=due_us + EXPIRES_US,
    )


def _message_id(subject: str, what: str, lane: str) -> str:
    return str(uuid.uuid5(NOTICE_NAMESPACE, f"{subject}:{what}:{lane}"))
