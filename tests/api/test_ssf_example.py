"""The example of `docs/ssf.md` does what the page says, line by line in a shell."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.api.installation import Installation
from tests.response.ssf.profile import parts

PAGE = Path(__file__).parents[2] / "docs" / "ssf.md"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_a_stream_is_made_verified_and_polled(sharing: Installation) -> None:
    (example,) = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    example = example.replace("http://127.0.0.1:8400", sharing.url).replace("secrets/bank-ssf.token", "bank.token")
    done = subprocess.run(
        ["bash", "-euc", example], cwd=sharing.folder, capture_output=True, text=True, timeout=60, check=True
    )  # fmt: skip
    (token,) = json.loads(done.stdout)["sets"].values()
    (event,) = parts(token)[1]["events"].values()
    assert event == {"state": "hello"}
