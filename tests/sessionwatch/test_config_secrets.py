"""Secrets: from files and the environment, never in the file, never shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sessionwatch.config.parts import declared_apps
from sessionwatch.errors import ConfigurationError
from tests.sessionwatch.conftest import private_file, signing_key_text, webhook_secret_text

if TYPE_CHECKING:
    from tests.sessionwatch.conftest import Problems, Read

# Apprise asks for a module that Python 3.13 drops.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

TARGET = """
[apps.bank]
[[response.targets]]
name = "bank"
kind = "webhook"
app = "bank"
url = "https://bank.example/?token=hunter2"
"""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            '[kafka]\nsasl_plain_password = "hunter2"',
            'kafka.sasl_plain_password: secrets do not stand in the file: use "sasl_plain_password_file" '
            "or the environment variable SESSIONWATCH__KAFKA__SASL_PLAIN_PASSWORD",
        ),
        (
            '[kafka]\nproxy_url = "http://user:hunter2@proxy.example"',
            'kafka.proxy_url: secrets do not stand in the file: use "proxy_url_file" '
            "or the environment variable SESSIONWATCH__KAFKA__PROXY_URL",
        ),
        (
            '[kafka]\nsocks5_proxy = "socks5://user:hunter2@proxy.example"',
            'kafka.socks5_proxy: secrets do not stand in the file: use "socks5_proxy_file" '
            "or the environment variable SESSIONWATCH__KAFKA__SOCKS5_PROXY",
        ),
        (
            '[apps.bank]\nsigning_key = "hunter2"',
            'apps.bank.signing_key: secrets do not stand in the file: use "signing_key_file" '
            "or the environment variable SESSIONWATCH__APPS__BANK__SIGNING_KEY",
        ),
        (
            TARGET + 'secret = "hunter2"',
            'response.targets[0].secret: secrets do not stand in the file: use "secret_file" '
            "or the environment variable SESSIONWATCH__RESPONSE__TARGETS__<NAME>__SECRET",
        ),
    ],
)
def test_a_secret_in_the_file_is_refused(problems: Problems, text: str, line: str) -> None:
    assert problems(text) == [line]


def test_a_secret_is_taken_from_the_environment(read: Read) -> None:
    settings = read("", {"SESSIONWATCH__KAFKA__SASL_PLAIN_PASSWORD": "hunter2"})
    assert settings.kafka.client()["sasl_plain_password"] == "hunter2"


def test_nothing_secret_is_shown(read: Read, webhook_secret: Path) -> None:
    settings = read(
        TARGET + f'secret_file = "{webhook_secret}"\n[[chat]]\nurl = "mailto://user:hunter2@example.com"',
        {
            "SESSIONWATCH__KAFKA__SASL_PLAIN_PASSWORD": "hunter2",
            "SESSIONWATCH__KAFKA__PROXY_URL": "http://user:hunter2@proxy.example",
        },
    )
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in str(settings)


SECRETS = [
    webhook_secret_text(b"a"),
    signing_key_text("k1", b"1"),
    "https://hooks.example/services/hunter2",
    "mailtos://user:hunter2@example.com",
    "sw_" + "h" * 43,
    "-----BEGIN PRIVATE KEY-----\\nhunter2",
]
LOOKS_LIKE_A_SECRET = "expected a path, and this looks like the secret itself: write it into a file"


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[kafka]\nsasl_plain_password_file", "kafka.sasl_plain_password_file"),
        ("[kafka]\nproxy_url_file", "kafka.proxy_url_file"),
        ("[api]\ntoken_file", "api.token_file"),
        ("[apps.bank]\nsigning_key_file", "apps.bank.signing_key_file"),
        ("[[chat]]\nurl_file", "chat[0].url_file"),
        (TARGET + "secret_file", "response.targets[0].secret_file"),
    ],
)
def test_a_secret_in_the_place_of_its_file_is_not_repeated(
    problems: Problems, text: str, place: str, secret: str
) -> None:
    assert problems(f'{text} = " {secret}"') == [f"{place}: {LOOKS_LIKE_A_SECRET}"]


def test_nor_is_one_that_the_environment_gives(problems: Problems) -> None:
    variable = "SESSIONWATCH__APPS__BANK__SIGNING_KEY_FILE"
    (line,) = problems("[apps.bank]", {variable: signing_key_text("k1", b"1")})
    assert line == f"apps.bank.signing_key_file (from {variable}): {LOOKS_LIKE_A_SECRET}"


@pytest.mark.parametrize("name", ["keys", "bank.whsec", "a:b", "k1:keys", "sw_keys", "./whsec_bank"])
def test_a_file_may_still_have_any_usual_name(read: Read, tmp_path: Path, name: str) -> None:
    private_file(tmp_path / name, signing_key_text("k1", b"1"))
    assert read(f'[apps.bank]\nsigning_key_file = "{name}"').apps["bank"].signed


def test_a_file_without_an_end_is_no_secret(problems: Problems) -> None:
    assert problems('[apps.bank]\nsigning_key_file = "/dev/zero"') == [
        "apps.bank.signing_key_file: /dev/zero is larger than 64 KiB, which is no secret"
    ]


def test_the_proxy_to_the_brokers_can_come_from_a_file(read: Read, tmp_path: Path) -> None:
    private_file(tmp_path / "proxy", "http://user:hunter2@proxy.example:3128\n")
    kafka = read('[kafka]\nproxy_url_file = "proxy"').kafka
    assert kafka.client()["proxy_url"] == "http://user:hunter2@proxy.example:3128"
    assert "proxy_url_file" not in kafka.client()


@pytest.mark.parametrize("name", ["sasl_plain_password", "ssl_password", "proxy_url", "socks5_proxy"])
def test_a_secret_comes_from_one_place(problems: Problems, tmp_path: Path, name: str) -> None:
    private_file(tmp_path / "s", "hunter2")
    found = problems(f'[kafka]\n{name}_file = "s"', {f"SESSIONWATCH__KAFKA__{name.upper()}": "hunter2"})
    assert found == [f"kafka: {name} and {name}_file: only one of them can be set"]


def test_a_wrong_secret_is_not_repeated(problems: Problems) -> None:
    found = problems(TARGET, {"SESSIONWATCH__RESPONSE__TARGETS__BANK__SECRET": "hunter2"})
    assert found == [
        "response.targets[0].secret (from SESSIONWATCH__RESPONSE__TARGETS__BANK__SECRET): "
        "line 1: expected whsec_ and the base64 of 24 to 64 bytes"
    ]


def test_a_wrong_url_is_not_repeated(problems: Problems) -> None:
    found = problems(TARGET.replace("https", "ftp"), {"SESSIONWATCH__RESPONSE__TARGETS__BANK__SECRET": "hunter2"})
    assert found
    assert "hunter2" not in "".join(found)


def test_a_secret_file_that_is_missing_is_told(problems: Problems, tmp_path: Path) -> None:
    assert problems(TARGET + 'secret_file = "none"') == [
        f"response.targets[0].secret_file: cannot read {tmp_path / 'none'}: no such file or directory"
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"\xff", "is no UTF-8 text"),
        (b"x" * 70_000, "is larger than 64 KiB, which is no secret"),
    ],
)
def test_a_secret_file_that_holds_no_text_is_told(
    problems: Problems, tmp_path: Path, content: bytes, told: str
) -> None:
    (tmp_path / "s").write_bytes(content)
    assert problems(TARGET + 'secret_file = "s"') == [f"response.targets[0].secret_file: {tmp_path / 's'} {told}"]


def test_several_webhook_secrets_serve_a_rotation(read: Read, tmp_path: Path) -> None:
    old, new = webhook_secret_text(b"o"), webhook_secret_text(b"n")
    private_file(tmp_path / "s", f"{new}\n\n{old}\n")
    assert read(TARGET + 'secret_file = "s"').response.targets[0].secrets() == (new, old)


def test_a_url_can_come_from_a_file(read: Read, tmp_path: Path, webhook_secret: Path) -> None:
    private_file(tmp_path / "url", "https://bank.example/hook?token=x\n")
    text = TARGET.replace('url = "https://bank.example/?token=hunter2"', 'url_file = "url"')
    target = read(text + f'secret_file = "{webhook_secret}"').response.targets[0]
    assert target.address() == "https://bank.example/hook?token=x"


def test_loopback_may_be_reached_without_tls(read: Read, webhook_secret: Path) -> None:
    text = TARGET.replace("https://bank.example/?token=hunter2", "http://127.0.0.1:8000/hook")
    assert read(text + f'secret_file = "{webhook_secret}"\nallow_private = true').response.targets


def test_signing_keys_are_read_by_key_id(read: Read, tmp_path: Path) -> None:
    private_file(tmp_path / "keys", f"{signing_key_text('k1', b'1')}\n{signing_key_text('k2', b'2')}\n")
    bank = declared_apps(read('[apps.bank]\nsigning_key_file = "keys"'))["bank"]
    assert bank.signing_keys == {"k1": b"1" * 32, "k2": b"2" * 32}


@pytest.mark.parametrize("line", ["k1", "k1:", "k1:AAAA", "k 1:" + "A" * 43 + "=", ":" + "A" * 43 + "=", "k1:é"])
def test_a_line_that_is_no_signing_key_is_told_by_its_number(problems: Problems, tmp_path: Path, line: str) -> None:
    private_file(tmp_path / "keys", f"{signing_key_text('k0', b'0')}\n{line}\n")
    assert problems('[apps.bank]\nsigning_key_file = "keys"') == [
        "apps.bank.signing_key_file: line 2: expected <key id>:<base64 of 32 bytes>, "
        "as `sessionwatch-emitter keys` prints it"
    ]


def test_a_key_id_stands_once(problems: Problems, tmp_path: Path) -> None:
    private_file(tmp_path / "keys", f"{signing_key_text('k1', b'1')}\n{signing_key_text('k1', b'2')}")
    assert problems('[apps.bank]\nsigning_key_file = "keys"') == [
        "apps.bank.signing_key_file: line 2: the key id k1 stands there twice"
    ]


def test_a_secret_file_that_has_gone_since_is_one_line(read: Read, tmp_path: Path) -> None:
    file = private_file(tmp_path / "keys", signing_key_text("k1", b"1"))
    settings = read('[apps.bank]\nsigning_key_file = "keys"')
    file.unlink()
    with pytest.raises(ConfigurationError, match=r"^apps\.bank\.signing_key_file: cannot read"):
        declared_apps(settings)
