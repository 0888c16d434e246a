"""The receiver of caep.dev, in Go, sets up a stream with our transmitter, has it verified, and hears of a revocation.

Its module is fetched by Go. Where that cannot be had, `SESSIONWATCH_CAEP_DEV` may name a folder with a checkout of its
repository; else the test is skipped.
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
from tests.interop.go import run_go
from tests.response.ssf.given import SESSION_REVOKED

PROGRAM = Path(__file__).with_name("ssfreceiver")
MODULES = ("secevent", "ssfreceiver")
VERIFICATION = "https://schemas.openid.net/secevent/ssf/event-type/verification"


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled program."""
    folder = tmp_path_factory.mktemp("caep-dev") / "program"
    shutil.copytree(PROGRAM, folder)
    checkout = os.environ.get("SESSIONWATCH_CAEP_DEV")
    for name in MODULES:
        module = f"github.com/sgnl-ai/caep.dev/{name}"
        if checkout:
            run_go(folder, "mod", "edit", f"-require={module}@v0.0.0", f"-replace={module}={checkout}/{name}")
        else:
            run_go(folder, "get", f"{module}@latest")
    run_go(folder, "mod", "tidy")
    run_go(folder, "build", "-o", "receiver", ".")
    return folder / "receiver"


def test_the_receiver_of_caep_dev_hears_of_a_revocation(receiver: Path, sharing: Installation) -> None:
    # Of nobody in particular: versions of this library expect another name for `iss` in a user than RFC 9493.
    session = emit_use(sharing, "s_watched_by_caep_dev", "")
    environment = {**os.environ, "RECEIVER_TOKEN": RECEIVER_TOKEN}
    with subprocess.Popen(
        [receiver, BASE, "https://bank.example.com"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        revoke(sharing, session)
        told, wrong = running.communicate(timeout=90)
    assert running.returncode == 0, wrong
    said = {line["type"]: line["subject"] for line in map(json.loads, told.splitlines())}
    assert said.keys() == {VERIFICATION, SESSION_REVOKED}
    assert "s_watched_by_caep_dev" in json.dumps(said[SESSION_REVOKED])
