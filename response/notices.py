"""What people are told: chat messages for the outbox, one for each chat that wants them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable, Sequence

import msgspec

from response.chat import EXPIRES_US, Chat, ChatText
from response.links import NO_LINKS, Links
from response.message import alert_body, alert_title, held_body, withdrawn_body
from schemas.alert import Alert, AlertChange, Severity
from schemas.instant import HOUR
from schemas.revocation import Revocation
from store.rows import OutboxMessage

CHAT_KINDS = frozenset({"chat.alert", "chat.notice"})
NOTICE_NAMESPACE = uuid.UUID("5e551094-4a7c-5c8e-9d0f-a1e27a1e2702")

_WITHDRAWN = "withdrawn"


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

    def of_alert(self, change: AlertChange, done: str, now_us: int) -> list[OutboxMessage]:
        """Return the messages about an alert that was raised or has become worse."""
        alert = change.alert
        text = ChatText(alert.severity, alert_title(alert), alert_body(alert, done, self._links.of_alert(alert)))
        return self._messages("chat.alert", alert.alert_id, f"{change.kind}:{alert.severity}", text, now_us)

    def of_withdrawal(self, alert: Alert, done: str, now_us: int) -> list[OutboxMessage]:
        """Return the messages about an alert that does not follow any more."""
        body = withdrawn_body(alert, done, self._links.of_alert(alert))
        text = ChatText(alert.severity, f"Withdrawn: {alert_title(alert)}", body)
        return self._messages("chat.alert", alert.alert_id, _WITHDRAWN, text, now_us)

    def of_step_up(self, alert: Alert, done: str, now_us: int) -> list[OutboxMessage]:
        """Return the messages that a user did not prove in time who they are."""
        body = alert_body(alert, done, self._links.of_alert(alert))
        text = ChatText(alert.severity, f"Step-up not answered: {alert_title(alert)}", body)
        return self._messages("chat.alert", alert.alert_id, f"step-up not answered:{now_us}", text, now_us)

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
        text = ChatText(Severity.HIGH, f"Revocations held, app {revocation.app}", held_body(revocation, waiting))
        return self._messages("chat.notice", revocation.revocation_id, "held", text, now_us)

    def of_trouble(self, subject: str, what: str, title: str, body: str, now_us: int) -> list[OutboxMessage]:
        """Return critical messages about something of the pipeline's own that needs a person.

        Args:
            subject: what it is about, such as a message id.
            what: which trouble it is, in a word.
            title: the headline.
            body: what happened and what to do; nothing hostile.
            now_us: the pipeline's clock, microseconds since the epoch.
        """
        return self._messages("chat.notice", subject, what, ChatText(Severity.CRITICAL, title, body), now_us)

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
            message.message_id: _message_id(message.subject, _WITHDRAWN, message.lane)
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

    def _messages(self, kind: str, subject: str, what: str, text: ChatText, now_us: int) -> list[OutboxMessage]:
        payload = msgspec.json.encode(text).decode()
        return [
            OutboxMessage(
                message_id=_message_id(subject, what, chat.lane),
                lane=chat.lane,
                kind=kind,
                ordering_key=subject,
                subject=subject,
                payload=payload,
                created_us=now_us,
                expires_us=now_us + EXPIRES_US,
            )
            for chat in self._chats
            if chat.wants(text.severity)
        ]


def _message_id(subject: str, what: str, lane: str) -> str:
    return str(uuid.uuid5(NOTICE_NAMESPACE, f"{subject}:{what}:{lane}"))
