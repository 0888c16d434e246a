"""The receiver of go-ssf, in Go, makes a stream at our transmitter, has it verified, and hears of a revocation.

Its modules are fetched by Go. Where they cannot be had, `SESSIONWATCH_GO_SSF` may name a folder with checkouts of its
repository and of the one it needs (`go-ssf`, `go-subjectid`); else the test is skipped.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.api.installation import Installation, emit_use
from tests.api.sharing import BASE, RECEIVER_TOKEN, revoke
from tests.counterparts import met
from tests.interop.go import run_go
from tests.response.ssf.given import SESSION_REVOKED

PROGRAM = Path(__file__).with_name("gossf")
MODULES = ("go-ssf", "go-subjectid")
VERIFICATION = "https://schemas.openid.net/secevent/ssf/event-type/verification"


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled program."""
    folder = tmp_path_factory.mktemp("go-ssf") / "program"
    shutil.copytree(PROGRAM, folder)
    checkouts = os.environ.get("SESSIONWATCH_GO_SSF")
    if checkouts:
        for name in MODULES:
            module = f"github.com/hstern/{name}"
            run_go(folder, "mod", "edit", f"-require={module}@v0.0.0", f"-replace={module}={checkouts}/{name}")
    else:
        run_go(folder, "get", "github.com/hstern/go-ssf@latest")
    run_go(folder, "mod", "tidy")
    run_go(folder, "build", "-o", "receiver", ".")
    return folder / "receiver"


def test_the_receiver_of_go_ssf_hears_of_a_revocation(receiver: Path, sharing: Installation) -> None:
    session = emit_use(sharing, "s_watched_by_go_ssf", "ivan")
    environment = {**os.environ, "RECEIVER_TOKEN": RECEIVER_TOKEN}
    with subprocess.Popen(
        [receiver, BASE], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        revocation_id = revoke(sharing, session)
        told, wrong = running.communicate(timeout=60)
    assert running.returncode == 0, wrong
    said = {next(iter(line["events"])): line for line in map(json.loads, told.splitlines())}
    assert said[VERIFICATION]["events"][VERIFICATION] == {"state": "a state of theirs"}
    assert said[SESSION_REVOKED]["sub_id"]["session"] == {"format": "opaque", "id": "s_watched_by_go_ssf"}
    with sharing.client() as admin:
        assert admin.get(f"/v1/revocations/{revocation_id}").json()["state"] == "delivered"
    met("go-ssf", "in Go")
