"""`[links]`: who may act from chat, by which key."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from response.act_links import LinkRefused
from schemas.link import LINK_ACTS
from sessionwatch.config.warnings import warnings
from sessionwatch.link_key import LINK_KEY_NAME, make_link_key
from tests.sessionwatch.conftest import private_file

if TYPE_CHECKING:
    from tests.sessionwatch.conftest import Problems, Read

KEY = base64.b64encode(b"k" * 32).decode()
ALERT = "99999999-9999-4999-8999-999999999999"
PUBLIC = '[api]\npublic_url = "https://watch.example"\n'


def test_messages_have_no_links_without_a_public_address(read: Read, tmp_path: Path) -> None:
    assert make_link_key(read('[store]\npath = "data.duckdb"')) is None
    assert not (tmp_path / LINK_KEY_NAME).exists()


def test_nor_where_there_are_none_for_anything(read: Read) -> None:
    assert make_link_key(read(PUBLIC + "[links]\nacts = []")) is None


def test_the_first_start_makes_a_key_that_later_ones_keep(read: Read, tmp_path: Path) -> None:
    settings = read(PUBLIC + '[store]\npath = "data.duckdb"')
    first, second = make_link_key(settings), make_link_key(settings)
    assert first is not None
    assert second is not None
    assert (tmp_path / LINK_KEY_NAME).stat().st_mode & 0o777 == 0o600
    token = first.links("m1", LINK_ACTS, ALERT, 0)["take"].partition("#")[2]
    assert second.read(token, 0).act == "take"


@pytest.mark.parametrize("way", ["file", "environment", "command"])
def test_a_key_of_ones_own(read: Read, tmp_path: Path, way: str) -> None:
    file = private_file(tmp_path / "own.key", KEY)
    text = {"file": 'key_file = "own.key"', "environment": "", "command": f'key_command = ["/bin/cat", "{file}"]'}[way]
    environ = {"SESSIONWATCH__LINKS__KEY": KEY} if way == "environment" else {}
    made = make_link_key(read(f'{PUBLIC}[store]\npath = "data.duckdb"\n[links]\n{text}', environ))
    assert made is not None
    same = make_link_key(read(f"{PUBLIC}[links]\n", {"SESSIONWATCH__LINKS__KEY": KEY}))
    assert same is not None
    assert same.read(made.links("m1", ["take"], ALERT, 0)["take"].partition("#")[2], 0).alert_id == ALERT


def test_another_key_makes_links_void(read: Read) -> None:
    keys = [base64.b64encode(sign * 32).decode() for sign in (b"a", b"b")]
    one, other = (make_link_key(read(PUBLIC, {"SESSIONWATCH__LINKS__KEY": key})) for key in keys)
    assert one is not None
    assert other is not None
    with pytest.raises(LinkRefused):
        other.read(one.links("m1", ["take"], ALERT, 0)["take"].partition("#")[2], 0)


@pytest.mark.parametrize(
    ("text", "environ", "line"),
    [
        (
            f'[links]\nkey = "{KEY}"',
            {},
            'links.key: secrets do not stand in the file: use "key_file" or the environment variable '
            "SESSIONWATCH__LINKS__KEY",
        ),
        (
            "",
            {"SESSIONWATCH__LINKS__KEY": "hunter2"},
            "links.key (from SESSIONWATCH__LINKS__KEY): expected 32 random bytes in base64",
        ),
        (
            '[links]\nwithout_sign_in = ["revoke_session"]',
            {},
            'links.without_sign_in[0]: expected "acknowledge", got "revoke_session"',
        ),
    ],
)
def test_what_cannot_be_is_refused(problems: Problems, text: str, environ: dict[str, str], line: str) -> None:
    assert problems(text, environ) == [line]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('[links]\nacts = ["take"]', "links: messages have none without api.public_url"),
        (
            '[api]\npublic_url = "http://watch.example"',
            "api.public_url: whoever follows a link signs in over a network in clear: use https",
        ),
        (
            PUBLIC + '[links]\nwithout_sign_in = ["acknowledge"]',
            "links.without_sign_in: whoever can read a message can acknowledge its alert, and nobody else is asked",
        ),
    ],
)
def test_what_is_probably_not_meant_is_told(read: Read, text: str, line: str) -> None:
    assert warnings(read(text)) == [line]


def test_nothing_is_told_of_links_as_they_are_meant(read: Read) -> None:
    assert warnings(read(PUBLIC)) == []
