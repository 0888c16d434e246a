"""Revocations by HTTP: named before, committed when answered, and told to the app."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.api.history import FAILED, HELD, HELD_TOO, QUIET, SHOP_REVOCATION, SHOPPING, STOLEN, THEFT
from tests.api.installation import Ask, Installation, emit_use, wait


def revoke(ask: Ask, who: str = "analyst", key: str | None = None, **fields: object) -> Any:
    body = {"app": "bank", "reason": "the user says it is not her"} | fields
    headers = {} if key is None else {"idempotency-key": key}
    return ask("POST", "/v1/revocations", who=who, json=body, headers=headers)


def test_a_preview_names_what_would_be_ended(ask: Ask) -> None:
    preview = ask("POST", "/v1/revocations/preview", who="analyst", json={"app": "bank", "subject": STOLEN}).json()
    assert (preview["would"], preview["user_id"], preview["count"]) == ("send", "alice", 1)
    assert [one["session_id"] for one in preview["sessions"]] == [STOLEN]
    assert preview["targets"] == ["bank"]


def test_a_preview_of_a_user_counts_the_live_ones_of_the_app(ask: Ask) -> None:
    body = {"app": "bank", "scope": "user", "subject": "carol"}
    assert ask("POST", "/v1/revocations/preview", json=body).json()["count"] == 0


def test_a_preview_says_that_nobody_would_take_it(ask: Ask) -> None:
    preview = ask("POST", "/v1/revocations/preview", json={"app": "shop", "subject": SHOPPING}).json()
    assert preview["would"] == "hold"
    body = {"app": "shop", "scope": "user", "subject": "alice"}
    assert ask("POST", "/v1/revocations/preview", json=body).json()["would"] == "hold"


def test_a_revocation_is_committed_when_it_is_answered_and_told_to_the_app(
    ask: Ask, installation: Installation
) -> None:
    session = emit_use(installation, "s_k1_ended")
    answer = revoke(ask, subject=session, alert_id=THEFT)
    assert answer.status_code == 201
    made = answer.json()
    assert answer.headers["location"] == f"/v1/revocations/{made['revocation_id']}"
    reader = installation.running.reader()
    stored = reader.revocation(made["revocation_id"])
    assert stored is not None
    assert (stored.requested_by, stored.reason, stored.alert_id) == (
        "analyst-person",
        "the user says it is not her",
        THEFT,
    )
    reader.close()
    wait(lambda: ask("GET", answer.headers["location"]).json()["state"] == "delivered")
    told = [call.verified()["data"] for call in installation.receiver.calls]
    assert session in [data["session_id"] for data in told if isinstance(data, dict)]


def test_who_when_and_why_are_kept(ask: Ask, installation: Installation) -> None:
    made = revoke(ask, subject=emit_use(installation, "s_k1_history")).json()
    [act, *_] = made["history"]
    assert (act["actor"], act["act"], act["why"]) == (
        "analyst-person",
        "revocation requested",
        "the user says it is not her",
    )


def test_the_same_key_again_is_the_same_revocation(ask: Ask, installation: Installation) -> None:
    session = emit_use(installation, "s_k1_twice")
    first, again = revoke(ask, subject=session, key="k1"), revoke(ask, subject=session, key="k1")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["revocation_id"] == again.json()["revocation_id"]


def test_a_key_is_for_one_request(ask: Ask, installation: Installation) -> None:
    revoke(ask, subject=emit_use(installation, "s_k1_key"), key="k2")
    assert revoke(ask, subject=emit_use(installation, "s_k1_other"), key="k2").status_code == 409


def test_keys_of_two_people_are_two(ask: Ask, installation: Installation) -> None:
    first = revoke(ask, subject=emit_use(installation, "s_k1_mine"), key="k3")
    other = revoke(ask, who="engineer", subject=emit_use(installation, "s_k1_yours"), key="k3")
    assert (first.status_code, other.status_code) == (201, 201)


def test_one_that_still_shows_itself_is_sent_once_more(ask: Ask, installation: Installation) -> None:
    session = emit_use(installation, "s_k1_again")
    first = revoke(ask, subject=session).headers["location"]
    wait(lambda: ask("GET", first).json()["state"] == "delivered")
    preview = ask("POST", "/v1/revocations/preview", json={"app": "bank", "subject": session}).json()
    assert (preview["would"], "delivered, not proven" in preview["why"]) == ("send", True)
    assert revoke(ask, subject=session).status_code == 201


def test_all_sessions_of_a_user_are_one_revocation(ask: Ask, installation: Installation) -> None:
    emit_use(installation, "s_k1_erin", user_id="erin")
    made = revoke(ask, scope="user", subject="erin").json()
    assert (made["scope"], made["user_id"], made["sessions"]) == ("user", "erin", 1)


@pytest.mark.parametrize(
    "fields",
    [
        {"reason": ""}, {"reason": "  "}, {"reason": None}, {"subject": "raw-cookie-value"}, {"scope": "network"},
        {"app": "B"}, {"extra": 1}, {"reason": "x" * 501},
    ],
)  # fmt: skip
def test_a_request_without_reason_or_sense_is_refused(ask: Ask, fields: dict[str, object]) -> None:
    answer = revoke(ask, **({"subject": STOLEN} | fields))
    assert answer.status_code == 422
    assert "raw-cookie-value" not in answer.text


def test_an_unknown_session_is_404(ask: Ask) -> None:
    assert revoke(ask, subject="s_unknown").status_code == 404


def test_where_nobody_takes_it_it_is_held_and_can_be_dropped(ask: Ask) -> None:
    made = revoke(ask, app="shop", scope="user", subject="dave").json()
    assert (made["state"], made["proven"]) == ("held", "not sent: held for a person")
    path = f"/v1/revocations/{made['revocation_id']}"
    dropped = ask("POST", f"{path}/drop", who="analyst", json={"reason": "not needed"}).json()
    assert (dropped["state"], dropped["deliveries"]) == ("released", [])
    assert ask("POST", f"{path}/drop", json={"reason": "again"}).status_code == 409


def test_a_held_one_goes_when_a_person_approves(ask: Ask) -> None:
    answer = ask("POST", f"/v1/revocations/{HELD_TOO}/approve", who="analyst", json={"reason": "she called"})
    assert answer.status_code == 200
    assert answer.json()["state"] == "sent"
    assert ask("POST", f"/v1/revocations/{HELD_TOO}/approve", json={"reason": "again"}).status_code == 409


def test_a_revocation_can_be_released(ask: Ask, installation: Installation) -> None:
    made = revoke(ask, subject=emit_use(installation, "s_k1_released")).json()
    path = f"/v1/revocations/{made['revocation_id']}/release"
    released = ask("POST", path, who="analyst", json={"reason": "it was her after all"}).json()
    assert (released["state"], released["sequence"]) == ("released", made["sequence"] + 1)
    assert ask("POST", path, json={"reason": "again"}).status_code == 409


def test_a_failed_one_can_be_delivered_anew(ask: Ask) -> None:
    answer = ask("POST", f"/v1/revocations/{FAILED}/retry", who="analyst", json={"reason": "the app is back"})
    assert answer.json()["state"] == "sent"


def test_delivered_reads_as_not_proven(ask: Ask) -> None:
    one = ask("GET", f"/v1/revocations/{SHOP_REVOCATION}").json()
    assert (one["state"], one["proven"]) == ("delivered", "delivered, not proven")
    assert [delivery["state"] for delivery in one["deliveries"]] == ["delivered"]


def test_revocations_are_listed_and_filtered(ask: Ask) -> None:
    shop = ask("GET", "/v1/revocations?app=shop&state=delivered").json()["items"]
    assert [one["revocation_id"] for one in shop] == [SHOP_REVOCATION]
    assert HELD in [one["revocation_id"] for one in ask("GET", f"/v1/revocations?session={QUIET}").json()["items"]]


def test_pages_hold_every_revocation_once(ask: Ask) -> None:
    seen, cursor = [], ""
    while True:
        page = ask("GET", f"/v1/revocations?limit=2{cursor}").json()
        seen += [one["revocation_id"] for one in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert len(set(seen)) == len(seen) >= 3


def test_a_login_is_locked_for_a_time_and_let_go(ask: Ask, installation: Installation) -> None:
    preview = ask("POST", "/v1/revocations/preview", json={"app": "bank", "scope": "login", "subject": "ned"}).json()
    assert (preview["would"], preview["user_id"], preview["count"]) == ("send", "ned", 0)
    made = revoke(ask, scope="login", subject="ned", lock_for_s=3_600)
    assert made.status_code == 201
    where = made.headers["location"]
    wait(lambda: ask("GET", where).json()["state"] == "delivered")
    times = ask("GET", where).json()["times"]
    assert datetime.fromisoformat(times["until"]) - datetime.fromisoformat(times["sent"]) == timedelta(hours=1)
    told = [call.verified() for call in installation.receiver.calls]
    assert "ned" in [one["data"]["user_id"] for one in told if one["type"] == "session.login_locked"]  # type: ignore[index]
    released = ask("POST", f"{where}/release", who="analyst", json={"reason": "she called"})
    assert released.json()["state"] == "released"


@pytest.mark.parametrize(
    "fields",
    [{"lock_for_s": 59}, {"lock_for_s": 31 * 86_400}, {"scope": "user", "lock_for_s": 600}],
    ids=["too short", "too long", "not a login"],
)
def test_only_a_login_is_locked_and_not_for_ever(ask: Ask, fields: dict[str, object]) -> None:
    assert revoke(ask, **{"scope": "login", "subject": "ned", **fields}).status_code == 422


def test_a_network_is_shown_and_then_ended_session_by_session(ask: Ask, installation: Installation) -> None:
    sessions = {emit_use(installation, f"s_k1_net_{n}", f"net{n}", ip=f"2001:db8:a::{n}") for n in (1, 2)}
    subject = {"scope": "network", "subject": "2001:db8:a::/64"}
    preview = ask("POST", "/v1/revocations/preview", json={"app": "bank", **subject}).json()
    assert (preview["would"], preview["count"]) == ("send", 2)
    made = revoke(ask, **subject, sessions=2).json()
    assert made["note"] == "carried out as 2 revocations of sessions"
    told = ask("GET", "/v1/revocations?scope=session").json()["items"]
    assert sessions <= {one["subject"] for one in told}


def test_a_network_needs_the_number_that_was_shown(ask: Ask) -> None:
    answer = revoke(ask, scope="network", subject="203.0.113.0/24")
    assert answer.status_code == 422
    assert "how many sessions the preview has shown" in answer.text


def test_more_sessions_than_were_shown_are_refused(ask: Ask, installation: Installation) -> None:
    emit_use(installation, "s_k1_more", "more", ip="192.0.2.200")
    answer = revoke(ask, scope="network", subject="192.0.2.0/24", sessions=0)
    assert answer.status_code == 409
    assert "0 were shown: look again" in answer.text


@pytest.mark.parametrize(
    ("subject", "why"),
    [
        ("203.0.113.9", "203.0.113.9 lies in 203.0.113.0/24"),
        ("203.0.113.9/24", "did you mean 203.0.113.0/24"),
        ("203.0.0.0/16", "expected a network of /24"),
        ("everywhere", "expected a network such as"),
    ],
)
def test_a_network_is_never_widened(ask: Ask, subject: str, why: str) -> None:
    answer = revoke(ask, scope="network", subject=subject, sessions=1)
    assert answer.status_code == 422
    assert why in answer.text


def test_sessions_are_listed_by_the_network_of_their_last_use(ask: Ask, installation: Installation) -> None:
    session = emit_use(installation, "s_k1_listed", "listed", ip="2001:db8:b::77")
    items = ask("GET", "/v1/sessions?network=2001:db8:b::/64").json()["items"]
    assert [one["session_id"] for one in items] == [session]


def test_an_app_is_held_to_what_it_declares(ask: Ask) -> None:
    audit = ask("GET", "/v1/apps/bank/policy", who="viewer").json()
    assert audit["declared"] is True
    took = audit["time_to_revoke"]
    assert took["sent"] == took["confirmed"] + took["missed"] + took["unproven"]
    assert audit["policy"]["idle_timeout_s"] == 900
