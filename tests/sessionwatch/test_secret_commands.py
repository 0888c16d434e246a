"""Secrets that a command prints: an argument list, a deadline, trimmed, never shown, asked again when they rotate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sessionwatch.api.tokens import load_tokens
from sessionwatch.config import secret_source
from sessionwatch.config.parts import declared_apps
from sessionwatch.errors import ConfigurationError
from tests.sessionwatch.conftest import signing_key_text, webhook_secret_text

if TYPE_CHECKING:
    from tests.sessionwatch.conftest import Problems, Read

TARGET = '[apps.bank]\n[[response.targets]]\nname = "bank"\nkind = "webhook"\napp = "bank"\n'
WHSEC = webhook_secret_text(b"a")


def program(folder: Path, body: str) -> str:
    """A command that runs a script, as TOML."""
    script = folder / "vault"
    script.write_text(f"#!/bin/sh\n{body}\n")
    script.chmod(0o700)
    return f'["{script}", "read", "bank"]'


def prints(folder: Path, text: str) -> str:
    (folder / "printed").write_text(text)
    return program(folder, f"cat {folder / 'printed'}")


def test_every_secret_may_come_from_a_command(read: Read, tmp_path: Path) -> None:
    command = prints(tmp_path, f"\n  {WHSEC}\n\n")
    settings = read(
        f"{TARGET}url_command = {program_that_echoes(tmp_path, 'url', 'https://bank.example/hook?token=t')}\n"
        f"secret_command = {command}\n"
        f"[apps.shop]\nsigning_key_command = "
        f"{program_that_echoes(tmp_path, 'keys', signing_key_text('k1', b'x'))}\n"
        f"[kafka]\nsasl_plain_password_command = {program_that_echoes(tmp_path, 'password', 'hunter2')}\n"
        f"[[chat]]\nurl_command = {program_that_echoes(tmp_path, 'chat', 'mailto://u:p@mail.example')}\n"
        f'[[api.tokens]]\nname = "ci"\nrole = "viewer"\n'
        f"token_command = {program_that_echoes(tmp_path, 'token', 'a-token-of-some-length')}\n"
        f'[ssf]\nissuer = "https://watch.example"\n[[ssf.receivers]]\nname = "partner"\naudience = "a"\n'
        f"token_command = {program_that_echoes(tmp_path, 'ssf', 'a-token-of-a-receiver')}\n"
    )
    [target] = settings.response.targets
    assert target.secrets() == (WHSEC,)
    assert target.address() == "https://bank.example/hook?token=t"
    assert list(declared_apps(settings)["shop"].signing_keys) == ["k1"]
    assert settings.kafka.client()["sasl_plain_password"] == "hunter2"
    assert settings.chat[0].address() == "mailto://u:p@mail.example"
    assert settings.api.tokens[0].secret() == "a-token-of-some-length"
    assert settings.ssf.receivers[0].secret() == "a-token-of-a-receiver"


def program_that_echoes(folder: Path, name: str, text: str) -> str:
    script = folder / f"prints-{name}"
    script.write_text(f"#!/bin/sh\necho '{text}'\n")
    script.chmod(0o700)
    return f'["{script}"]'


def test_it_is_asked_when_the_secret_is_needed_and_not_when_the_configuration_is_read(
    read: Read, tmp_path: Path
) -> None:
    settings = read(
        f'{TARGET}url = "https://x.example/"\nsecret_command = {program(tmp_path, f"touch {tmp_path}/ran")}'
    )
    assert not (tmp_path / "ran").exists()
    with pytest.raises(ConfigurationError, match="the program printed nothing"):
        settings.response.targets[0].secrets()
    assert (tmp_path / "ran").exists()


def test_no_shell_reads_its_arguments_and_it_gets_nothing_of_the_environment(
    read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SESSIONWATCH__API__TOKEN", "hunter2")
    script = program(
        tmp_path, f'printf "%s\\n" "$@" "$SESSIONWATCH__API__TOKEN" > {tmp_path}/seen; cat > {tmp_path}/input'
    )
    command = script.replace('"bank"', '"$(id); rm -rf /"')
    settings = read(f'{TARGET}url = "https://x.example/"\nsecret_command = {command}')
    with pytest.raises(ConfigurationError):
        settings.response.targets[0].secrets()
    assert (tmp_path / "seen").read_text().splitlines() == ["read", "$(id); rm -rf /", ""]
    assert (tmp_path / "input").read_bytes() == b""


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("echo hunter2; exit 3", "response.targets.bank.secret_command: the program ended with 3"),
        ("sleep 20", "response.targets.bank.secret_command: the program did not end within 0.2 s"),
        (
            "echo hunter2",
            "response.targets.bank.secret_command: line 1: expected whsec_ and the base64 of 24 to 64 bytes",
        ),
        ("printf '\\377'", "response.targets.bank.secret_command: the program printed no UTF-8 text"),
        ("head -c 100000 /dev/zero", "response.targets.bank.secret_command: the program wrote more than 65536 bytes"),
    ],
)
def test_what_goes_wrong_is_one_line_without_the_secret(
    read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, line: str
) -> None:
    monkeypatch.setattr(secret_source, "DEADLINE_S", 0.2)
    settings = read(f'{TARGET}url = "https://x.example/"\nsecret_command = {program(tmp_path, body)}')
    with pytest.raises(ConfigurationError) as raised:
        settings.response.targets[0].secrets()
    assert raised.value.problems == [line]


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (
            'secret_command = ["vault"]',
            "response.targets[0].secret_command: a command begins with the absolute path of a program",
        ),
        ('secret_command = ["/no/such"]', "response.targets[0].secret_command: /no/such is no program that can be run"),
        (
            'secret_command = ["/bin/true"]\nsecret_file = "x"',
            "response.targets[0].secret_file and secret_command: only one of them can be set",
        ),
    ],
)
def test_what_cannot_be_run_is_told_when_the_configuration_is_read(problems: Problems, keys: str, line: str) -> None:
    [told] = problems(f'{TARGET}url = "https://x.example/"\n{keys}')
    assert told.replace("[0]: secret_file", "[0].secret_file") == line


def test_a_token_of_the_api_is_replaced_without_a_restart(read: Read, tmp_path: Path) -> None:
    file = tmp_path / "ci.token"
    file.touch(mode=0o600)
    file.write_text("the-first-token-of-ci")
    api = read('[[api.tokens]]\nname = "ci"\nrole = "viewer"\ntoken_file = "ci.token"').api
    tokens = load_tokens(api, tmp_path / "x.duckdb", lambda: 0)
    assert tokens.find("the-first-token-of-ci") is not None
    _replace(file, "the-second-token-of-ci")
    assert tokens.find("the-second-token-of-ci") is not None
    assert tokens.find("the-first-token-of-ci") is None
    _replace(file, "short")
    assert tokens.find("the-second-token-of-ci") is not None, "what is no token replaces none"


def _replace(file: Path, text: str) -> None:
    new = file.with_suffix(".new")
    new.touch(mode=0o600)
    new.write_text(text)
    new.replace(file)
