"""A session that does not look like the sessions of the past: an isolation forest over what sessions look like.

Here only the looking is done: at a change of context, at the 5th, 20th and 80th use and at the end a session's
features are written down. `detectors.learned.outliers` scores them with a model, in batches. Without a model none of
this exists.

Source: Liu, Ting, Zhou, "Isolation Forest" (ICDM 2008); the fixed points are decision 11 of the design.
Known false positives: whatever is rare without being bad: a long journey, a new device in the middle of a session, a
monitoring robot. It starts in shadow for that reason and is never promoted by itself.
"""

from __future__ import annotations

from detectors.common import Common
from detectors.context import SessionContext
from detectors.exceptions import Exceptions
from detectors.learned.features import Point, Trace
from detectors.rule import Rule
from schemas.alert import Severity
from schemas.app import AppPolicy
from schemas.event import Event


class SessionOutlier(Rule[SessionContext, Trace]):
    """A session unlike those it was trained on."""

    id = "session-outlier"
    title = "Session unlike those of the past"
    key = "session"
    needs = frozenset({"create", "validate", "destroy", "fail"})
    attack = ("T1539", "T1550.004")
    severity = Severity.MEDIUM
    mode = "shadow"
    runbook = (
        "Read the three features that moved it most, and look at the session from the event that completed it.",
        "Benign if the user travelled, changed a device or runs a tool that is known: say so on the alert.",
        "Else end the session, and ask the user to sign in again.",
    )
    memory = Trace

    _exceptions = Exceptions()

    def share(self, common: Common) -> None:
        """Take the exceptions: what is scored later is excepted by the event at hand now."""
        self._exceptions = common.exceptions

    def on_event(self, event: Event, context: SessionContext, memory: Trace, app: AppPolicy) -> None:
        """Write down what the session looks like, where this event is one of its points."""
        why = memory.take(event, context)
        if why is None:
            return
        excepted = self._exceptions.covering(self.id, event)
        memory.add(
            Point(
                time_us=event.time_us,
                event_id=event.event_id,
                why=why,
                vector=memory.vector(event, context),
                user_id=event.user_id or context.user_id,
                ip=event.ip,
                device_id=event.device_id,
                place=event.place,
                drill=event.drill,
                excepted=None if excepted is None else str(excepted),
            )
        )
