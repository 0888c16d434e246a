"""What came of a drill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sample_logs.simulate.attacks import KINDS
from schemas.api import DrillAlert, DrillView, Missed
from sessionwatch.drills.plan import DrillPlan

_GONE = frozenset({"delivered", "confirmed"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """A drill, and how it was noticed.

    Attributes:
        drill: its signed id.
        events: how many were sent.
        alerts: all that carry the drill's mark.
        chats: how many chats there are to tell.
        after_s: by deed, seconds from the last event on; without those that did not happen in time.
    """

    plan: DrillPlan
    drill: str
    user_id: str
    events: int
    alerts: Sequence[DrillAlert]
    chats: int
    after_s: dict[Missed, float]

    @property
    def asked(self) -> list[Missed]:
        """What has to happen."""
        return asked(self.plan, self.chats)

    @property
    def missed(self) -> list[Missed]:
        """What should have happened in time and did not."""
        return [deed for deed in self.asked if deed not in self.after_s]

    @property
    def revocation(self) -> str:
        """How far the revocation of the drill's session has come, in words."""
        revocations = [alert.revocation for alert in self.alerts if alert.revocation is not None]
        if not revocations:
            return "none was decided"
        best = next((one for one in revocations if one.state in _GONE), revocations[0])
        return f"{best.state} ({best.note})" if best.note else best.state

    def facts(self) -> dict[str, object]:
        """Return it as one JSON object."""
        return {
            "attack": self.plan.attack,
            "app": self.plan.app_name,
            "user": self.user_id,
            "drill": self.drill,
            "events": self.events,
            "detected": "detected" in self.after_s,
            "told": "told" in self.after_s,
            "revoked": "revoked" in self.after_s,
            "after_s": {deed: round(seconds, 3) for deed, seconds in self.after_s.items()},
            "within_s": self.plan.within_s,
            "revocation": self.revocation,
            "missed": self.missed,
            "alerts": [
                {"alert_id": alert.alert_id, "rule_id": alert.rule_id, "severity": str(alert.severity)}
                for alert in self.alerts
            ],
        }


def asked(plan: DrillPlan, chats: int) -> list[Missed]:
    """Return what has to happen in a drill."""
    wanted: list[Missed] = ["detected"]
    if plan.tell and chats:
        wanted.append("told")
    if plan.revoke:
        wanted.append("revoked")
    return wanted


def happened(view: DrillView, plan: DrillPlan) -> set[Missed]:
    """Return what a drill has led to so far: only alerts of a rule that is made for the attack count as detection."""
    standing = [alert for alert in view.alerts if alert.status != "withdrawn"]
    deeds: set[Missed] = set()
    found = [alert for alert in standing if alert.rule_id in KINDS[plan.attack].rules]
    if found:
        deeds.add("detected")
    if any(alert.told is not None for alert in found):
        deeds.add("told")
    if any(alert.revocation is not None and alert.revocation.state in _GONE for alert in standing):
        deeds.add("revoked")
    return deeds
