"""A receiver in Go, on go-jose, takes what our transmitter sends: metadata, keys, stream, verification, revocation."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.api.installation import Installation, emit_use
from tests.api.sharing import BASE, RECEIVER_TOKEN, revoke
from tests.interop.go import run_go
from tests.response.ssf.given import SESSION_REVOKED

PROGRAM = Path(__file__).with_name("receiver")
VERIFICATION = "https://schemas.openid.net/secevent/ssf/event-type/verification"


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled program; its tests are skipped where it cannot be made."""
    program = tmp_path_factory.mktemp("receiver") / "receiver"
    run_go(PROGRAM, "build", "-o", str(program), ".")
    return program


def test_a_receiver_in_go_verifies_what_we_send(receiver: Path, sharing: Installation) -> None:
    session = emit_use(sharing, "s_watched_in_go", "heidi")
    environment = {**os.environ, "RECEIVER_TOKEN": RECEIVER_TOKEN}
    with subprocess.Popen(
        [receiver, sharing.url], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        revocation_id = revoke(sharing, session)
        told, wrong = running.communicate(timeout=60)
    assert running.returncode == 0, wrong
    said = {next(iter(line["events"])): line for line in map(json.loads, told.splitlines())}
    assert said[VERIFICATION]["events"][VERIFICATION] == {"state": "a state of ours"}
    assert names(said[SESSION_REVOKED]) == ("s_watched_in_go", "heidi")
    assert delivered(sharing, revocation_id)


def names(claims: dict[str, Any]) -> tuple[str, str]:
    subject = claims["sub_id"]
    assert subject["user"]["iss"] == BASE
    return subject["session"]["id"], subject["user"]["sub"]


def delivered(sharing: Installation, revocation_id: str) -> bool:
    with sharing.client() as admin:
        return str(admin.get(f"/v1/revocations/{revocation_id}").json()["state"]) == "delivered"
