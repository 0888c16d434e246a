"""What the response waits for, by HTTP: budgets of the guard, step-ups under way, alerts that nobody answers."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterator

import httpx
import pytest

from response.commands import RaiseNotice
from schemas.alert import Alert, Evidence, Severity
from schemas.instant import to_rfc3339
from sessionwatch.assembly import build
from sessionwatch.config import load
from tests.api.installation import LIMITED, Ask, Installation, send, wait, write_configuration
from tests.response.receivers import Receiver

SESSION, PROTECTED_SESSION = "s_k1_asked", "s_k1_breakglass"
PROTECTED = 'protected_users = ["breakglass"]\n'
WAITING = """
[[response.policy]]
do = ["notify", "step_up"]

[[chat]]
name = "night"
url = "json://127.0.0.1:{port}/"
min_severity = "critical"

[[on_call]]
after = "30m"
chats = ["night"]
"""


@pytest.fixture(scope="module")
def unanswered(broker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """An admin's client to an installation in which a user is asked who they are, and nobody has taken the alert."""
    folder = tmp_path_factory.mktemp("waiting")
    with Receiver() as receiver:
        file = write_configuration(folder, broker, receiver.url)
        guarded = file.read_text().replace("dry_run = false\n", "dry_run = false\n" + PROTECTED)
        file.write_text(guarded + WAITING.format(port=httpx.URL(receiver.url).port))
        settings = load(file, {})
        running = build(settings)
        stop = threading.Event()
        loop = threading.Thread(target=running.run, args=(stop,), name="loop")
        loop.start()
        token = (folder / "data" / "admin.token").read_text().strip()
        installed = Installation(running, settings, folder, {"admin": token}, receiver, time.time_ns() // 1_000)
        try:
            with installed.client() as client:
                _suspect(installed, client, SESSION, "alice")
                taken = _suspect(installed, client, PROTECTED_SESSION, "breakglass")
                client.patch(f"/v1/alerts/{taken}", json={"assign": "take"})
                yield client
        finally:
            stop.set()
            running.wake()
            loop.join(10)
            running.close()


def _suspect(installed: Installation, client: httpx.Client, session: str, user: str) -> str:
    """Have a session raise an alert by which its user is asked; return the alert's id."""
    now_us, event_id = time.time_ns() // 1_000, str(uuid.uuid4())
    use = {
        "schema_version": 1, "event_id": event_id, "event_time": to_rfc3339(now_us), "type": "create", "app": "bank",
        "session_id": session, "user_id": user,
    }  # fmt: skip
    send(installed, json.dumps(use).encode())
    wait(lambda: client.get(f"/v1/sessions/bank/{session}").status_code == 200)
    alert = Alert(
        str(uuid.uuid4()), "session-hijack", 1, Severity.CRITICAL, "enforce", "bank", "session", session, now_us,
        now_us, now_us, "Taken", session_id=session, user_id=user, evidence=(Evidence(event_id, now_us, "used"),),
    )  # fmt: skip
    installed.running.inbox.submit(RaiseNotice(alert, "test"))
    wait(lambda: session in {one["session_id"] for one in client.get("/v1/step-ups").json()["items"]})
    return alert.alert_id


def test_a_step_up_says_who_is_asked_and_until_when(unanswered: httpx.Client) -> None:
    step_up = unanswered.get("/v1/step-ups").json()["items"][0]
    assert (step_up["session_id"], step_up["user_id"], step_up["app"]) == (SESSION, "alice", "bank")
    assert step_up["title"] == "Session used from another network and another device"
    assert step_up["due"] > step_up["asked"]


def test_a_step_up_says_what_follows_without_an_answer(unanswered: httpx.Client) -> None:
    found = {one["user_id"]: one["held_because"] for one in unanswered.get("/v1/step-ups").json()["items"]}
    assert found == {"alice": None, "breakglass": "the user is protected"}


def test_while_the_response_is_paused_every_end_waits(unanswered: httpx.Client) -> None:
    assert unanswered.post("/v1/response/pause", json={"reason": "a bad deploy"}).status_code == 200
    found = {one["held_because"] for one in unanswered.get("/v1/step-ups").json()["items"]}
    assert unanswered.post("/v1/response/resume", json={"reason": "rolled back"}).status_code == 200
    assert found == {"the response is paused by admin: a bad deploy"}


def test_on_call_says_who_is_told_next_and_of_what(unanswered: httpx.Client) -> None:
    told = unanswered.get("/v1/on-call").json()
    assert told["steps"] == [{"after_s": 1800, "chats": ["night"], "severities": ["critical", "high"]}]
    [waiting] = told["items"]
    assert (waiting["alert"]["session_id"], waiting["told"], waiting["chats"]) == (SESSION, 0, ["night"])
    assert waiting["next"] > waiting["alert"]["opened"]


def test_an_alert_that_was_taken_waits_for_nobody(unanswered: httpx.Client) -> None:
    [waiting] = unanswered.get("/v1/on-call").json()["items"]
    path = f"/v1/alerts/{waiting['alert']['alert_id']}"
    assert unanswered.patch(path, json={"assign": "take", "status": "acknowledged"}).status_code == 200
    assert unanswered.get("/v1/on-call").json()["items"] == []


def test_budgets_are_told_app_by_app_and_in_all(ask: Ask) -> None:
    told = ask("GET", "/v1/response/budgets", who="viewer").json()
    budgets = {(one["app"], one["name"]): one for one in told["items"]}
    assert budgets["bank", "max_per_hour"]["limit"] == 100
    assert budgets["bank", "max_share_per_hour"]["live"] >= 0
    assert budgets[None, "max_per_hour_in_all"]["limit"] == 300


def test_a_limited_token_is_told_no_budget_of_all_apps(ask: Ask) -> None:
    told = ask("GET", "/v1/response/budgets", who=LIMITED).json()
    assert {one["app"] for one in told["items"]} == {"shop"}


def test_without_steps_nobody_is_on_call(ask: Ask) -> None:
    assert ask("GET", "/v1/on-call", who="viewer").json() == {"steps": [], "items": []}
