"""Fire drills through the API: who may begin one, and what an alert of a missed one looks like."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.installation import Ask

WANTED = {"attack": "stolen-cookie", "app": "bank", "user_id": "sw-drill-1"}


def begun(ask: Ask) -> str:
    return str(ask("POST", "/v1/drills", who="engineer", json=WANTED).json()["drill"])


def test_an_engineer_begins_one_about_a_reserved_user(ask: Ask) -> None:
    answer = ask("POST", "/v1/drills", who="engineer", json=WANTED)
    assert answer.status_code == 201
    assert answer.json()["drill"].startswith("d1.stolen-cookie.")


@pytest.mark.parametrize("who", ["viewer", "analyst"])
def test_others_may_not(ask: Ask, who: str) -> None:
    assert ask("POST", "/v1/drills", who=who, json=WANTED).status_code == 403


def test_only_an_admin_names_somebody_else_and_says_so(ask: Ask) -> None:
    about_alice: dict[str, Any] = WANTED | {"user_id": "alice"}
    named = about_alice | {"admin_named": True}
    assert ask("POST", "/v1/drills", who="engineer", json=named).status_code == 403
    assert ask("POST", "/v1/drills", who="admin", json=about_alice).status_code == 403
    assert ask("POST", "/v1/drills", who="admin", json=named).status_code == 201


def test_a_drill_has_led_to_nothing_at_first(ask: Ask) -> None:
    drill = begun(ask)
    assert ask("GET", f"/v1/drills/{drill}", who="viewer").json() == {"drill": drill, "alerts": [], "chats": 0}


def test_what_is_no_drill_is_not_found(ask: Ask) -> None:
    assert ask("GET", "/v1/drills/d1", who="viewer").status_code == 404


def test_a_missed_one_is_an_alert_that_is_raised_once(ask: Ask) -> None:
    missed = WANTED | {"drill": begun(ask), "missed": ["detected", "revoked"], "within_s": 30}
    first, again = (ask("POST", "/v1/drills/missed", who="engineer", json=missed) for _ in range(2))
    assert (first.status_code, again.json()) == (201, first.json())
    alert = ask("GET", f"/v1/alerts/{first.json()['alert_id']}", who="viewer").json()
    assert (alert["rule_id"], alert["severity"], alert["drill"]) == ("drill-missed", "high", None)
    assert alert["summary"] == ("The drill stolen-cookie was not detected and not answered by a revocation within 30 s")
