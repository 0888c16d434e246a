"""A step-up on a pipeline that nothing else happens on: its loop must wake by time alone."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from response.commands import RaiseNotice
from schemas.alert import Alert, Evidence, Severity
from schemas.instant import to_rfc3339
from sessionwatch.assembly import build
from sessionwatch.config import load
from tests.api.installation import Installation, send, wait, write_configuration
from tests.response.receivers import Receiver

SESSION = "s_k1_suspected"
POLICY = """
[[response.policy]]
do = ["notify", "step_up"]
"""


@pytest.fixture
def installation(broker: str, tmp_path: Path) -> Iterator[Installation]:
    """An installation that asks for a step-up and waits for one second."""
    with Receiver() as receiver:
        file = write_configuration(tmp_path, broker, receiver.url)
        text = file.read_text().replace(
            "dry_run = false", 'dry_run = false\nmax_share_per_hour = 1.0\nstep_up_within = "1s"'
        )
        file.write_text(text + POLICY)
        settings = load(file, {})
        running = build(settings)
        stop = threading.Event()
        loop = threading.Thread(target=running.run, args=(stop,), name="loop")
        loop.start()
        token = (tmp_path / "data" / "admin.token").read_text().strip()
        yield Installation(running, settings, tmp_path, {"admin": token}, receiver, time.time_ns() // 1_000)
        stop.set()
        running.wake()
        loop.join(10)
        running.close()


def use() -> tuple[bytes, Alert]:
    """An accepted use, and the alert that it leads to."""
    now_us = time.time_ns() // 1_000
    event_id = str(uuid.uuid4())
    event = {
        "schema_version": 1, "event_id": event_id, "event_time": to_rfc3339(now_us), "type": "create", "app": "bank",
        "session_id": SESSION, "user_id": "alice",
    }  # fmt: skip
    alert = Alert(
        str(uuid.uuid4()), "session-hijack", 1, Severity.CRITICAL, "enforce", "bank", "session", SESSION, now_us,
        now_us, now_us, "used from elsewhere", evidence=(Evidence(event_id, now_us, "accepted"),), user_id="alice",
        session_id=SESSION,
    )  # fmt: skip
    return json.dumps(event).encode(), alert


def test_nobody_answers_and_the_session_is_ended_while_nothing_else_happens(installation: Installation) -> None:
    event, alert = use()
    send(installation, event)
    reader = installation.running.reader()
    wait(lambda: reader.last_use("bank", SESSION, 0) is not None)
    installation.running.inbox.submit(RaiseNotice(alert, "tests")).result(10)
    wait(lambda: [row.state for row in reader.revocations()] == ["delivered"])
    assert [row.state for row in reader.step_ups_of(alert.alert_id)] == ["expired"]
    asked, ended = (json.loads(call.body) for call in installation.receiver.calls)
    assert (asked["type"], ended["type"]) == ("session.step_up_required", "session.revoked")
    with installation.client() as client:
        found = client.get(f"/v1/alerts/{alert.alert_id}/policy").json()
    assert ([one["state"] for one in found["step_ups"]], found["line"]) == (["expired"], 1)
    reader.close()
