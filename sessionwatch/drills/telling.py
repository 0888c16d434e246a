"""The last way of telling: straight to the chats, where no pipeline answers that could raise an alert."""

from __future__ import annotations

import time
import uuid

import msgspec

from response.chat import ChatText
from response.outcome import DELIVERED
from schemas.alert import Severity
from sessionwatch.assembly import open_chats
from sessionwatch.config import Settings
from sessionwatch.drills.plan import DrillPlan
from store.rows import OutboxMessage


def tell_directly(settings: Settings, plan: DrillPlan, why: str) -> int:
    """Tell every chat that a drill could not be carried out; return how many have taken it.

    Args:
        settings: of the deployment.
        plan: which drill.
        why: in one line.

    Raises:
        ResponseError: an address of a chat cannot be used.
    """
    title = f"Drill {plan.attack} at {plan.app_name} could not be carried out"
    body = f"Perhaps nothing is detected either: {why}\nLook whether the pipeline runs."
    text = ChatText(Severity.CRITICAL, title, body)
    message = OutboxMessage(
        message_id=str(uuid.uuid4()),
        lane="chat",
        kind="chat.notice",
        ordering_key=plan.attack,
        subject=plan.attack,
        payload=msgspec.json.encode(text).decode(),
        created_us=time.time_ns() // 1_000,
    )
    outcomes = [chat.deliver([message])[0] for chat in open_chats(settings) if chat.wants(text.severity)]
    return sum(outcome == DELIVERED for outcome in outcomes)
