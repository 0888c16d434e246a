"""Every configuration that `docs/targets.md` shows is valid and opens a target, and no kind is forgotten."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import get_args

import pytest
from joserfc.jwk import ECKey

from sessionwatch.assembly import open_targets
from sessionwatch.config import load
from sessionwatch.config.target_kinds import TargetKind
from tests.docs.blocks import ROOT

PAGE = (ROOT / "docs" / "targets.md").read_text()
BLOCKS = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
SECRET = "whsec_" + base64.b64encode(b"x" * 32).decode()
CONTENTS = {
    "secrets/redis.url": "rediss://store.example/0",
    "secrets/okta.jwk": json.dumps(ECKey.generate_key("P-256").as_dict(private=True)),
}


def test_every_kind_has_its_place() -> None:
    for kind in get_args(TargetKind):
        assert f"`{kind}`" in PAGE


@pytest.mark.parametrize("block", BLOCKS, ids=[re.findall(r'name = "(.*)"', block)[0] for block in BLOCKS])
def test_what_it_shows_is_valid(block: str, tmp_path: Path) -> None:
    for path in re.findall(r'_file = "(.*)"', block):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).touch(mode=0o600)
        (tmp_path / path).write_text(CONTENTS.get(path, SECRET))
    for program in re.findall(r'"(/(?:usr|srv)/[^"]*)"', block):
        block = block.replace(program, "/bin/true", 1)
    file = tmp_path / "sessionwatch.toml"
    file.write_text(f"[apps.bank]\n{block}")
    [target] = open_targets(load(file, {}))
    target.close()
    assert target.app == "bank"


def test_the_rights_that_it_names_for_redis_are_those_that_are_tested() -> None:
    [line] = re.findall(r"ACL SETUSER sessionwatch .*", PAGE)
    tested = (ROOT / "tests" / "response" / "targets" / "test_redis_store.py").read_text()
    for right in re.findall(r"[+~][\w|:*-]+", line):
        assert f'"{right}"' in tested
