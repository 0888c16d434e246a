"""How the tests of revocations begin: a thief uses a session, and the alerts that it leads to."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from response.policy import PolicyLine
from response.targets.webhook import WebhookTarget
from schemas.alert import Alert, AlertChange
from tests.response.given import SESSION, Pipeline, alert, raised, use
from tests.response.receivers import SECRET, Receiver

Start = Callable[..., Pipeline]


ANY_REVOKES = PolicyLine(("notify", "revoke_session"))


NOT_EFFECTIVE = alert("revocation-not-effective")


def other_client(receiver: Receiver) -> WebhookTarget:
    """The bank's target as the next run of the pipeline makes it."""
    return WebhookTarget("bank", "bank", receiver.url, [SECRET], allow_private=True)


def steal(one: Pipeline, *alerts, session: str = SESSION) -> None:  # type: ignore[no-untyped-def]
    """A use by a thief, and the alerts that it leads to."""
    one.turn([use(session)], raised(*(alerts or (alert(session_id=session),))))


def withdrawn(*alerts: Alert) -> list[AlertChange]:
    """The alerts as the detectors withdraw them."""
    return [AlertChange("withdrawn", msgspec.structs.replace(one, status="withdrawn")) for one in alerts]
