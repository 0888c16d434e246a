"""What is allowed and yet probably not meant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sessionwatch.config.warnings import warnings
from tests.sessionwatch.conftest import private_file, signing_key_text, webhook_secret_text

if TYPE_CHECKING:
    from tests.sessionwatch.conftest import Read

Told = Callable[[str], list[str]]


@pytest.fixture
def told(read: Read, tmp_path: Path) -> Told:
    """Warnings about a configuration whose one app signs its events and has a target."""
    private_file(tmp_path / "keys", signing_key_text("k1", b"1"))
    private_file(tmp_path / "s", webhook_secret_text(b"s"))
    return lambda text: warnings(read(text))


APP = '[apps.bank]\nsigning_key_file = "keys"\n'
TARGET = """
[[response.targets]]
name = "bank"
kind = "webhook"
app = "bank"
url = "https://bank.example/"
secret_file = "s"
"""
ENFORCE = '[rules.session-hijack]\nmode = "enforce"\n'
LIVE = "[response]\ndry_run = false\n"


def test_a_sound_configuration_has_none(told: Told) -> None:
    assert told("") == []
    assert told(APP + ENFORCE + LIVE + TARGET) == []


def test_enforce_without_a_target(told: Told) -> None:
    assert told(APP + ENFORCE + LIVE) == [
        'apps.bank: a rule is set to "enforce" without a target: no session of it can be ended'
    ]


def test_enforce_by_app_without_a_target(told: Told) -> None:
    text = APP + '[rules.session-hijack.apps.bank]\nmode = "enforce"\n' + LIVE
    assert told(text) == ['apps.bank: a rule is set to "enforce" without a target: no session of it can be ended']


def test_a_provider_that_ends_the_sessions_of_other_apps_too(told: Told) -> None:
    provider = TARGET.replace("webhook", "okta")
    assert told(APP + provider) == [
        "response.targets[0]: the provider's sessions are those of every app behind it: say so by apps.bank.realm"
    ]
    assert told(APP + 'realm = "staff"\n' + provider) == []


def test_enforce_without_an_app(told: Told) -> None:
    assert told(ENFORCE + LIVE) == [
        'rules.session-hijack: set to "enforce", and no app is declared: nothing is ever ended'
    ]


def test_enforce_in_a_dry_run(told: Told) -> None:
    assert told(APP + ENFORCE + TARGET) == [
        'response.dry_run: true, so what the rules in "enforce" decide is shown and never sent'
    ]


def test_an_app_that_does_not_sign(told: Told) -> None:
    assert told("[apps.bank]") == ["apps.bank: no signing_key_file: whoever can write to the topic can speak for it"]


@pytest.mark.parametrize("listen", ["127.0.0.1:1", "[::1]:1", "localhost:1", "127.9.9.9:1"])
def test_loopback_is_nothing_to_warn_about(told: Told, listen: str) -> None:
    assert told(f'[api]\nlisten = "{listen}"') == []


@pytest.mark.parametrize("listen", ["0.0.0.0:1", "[::]:1", "pipeline.example:1"])
def test_a_server_that_others_can_reach(told: Told, listen: str) -> None:
    assert told(f'[api]\nlisten = "{listen}"') == [
        f"api.listen: {listen} can be reached from other machines without TLS: put a proxy before it"
    ]


def test_a_secret_that_others_can_read(told: Told, tmp_path: Path) -> None:
    (tmp_path / "keys").chmod(0o644)
    assert told(APP) == [
        f"apps.bank.signing_key_file: {tmp_path / 'keys'} can be read by other users of this machine: chmod 600"
    ]


def test_a_proxy_that_others_can_read(told: Told, tmp_path: Path) -> None:
    private_file(tmp_path / "proxy", "http://user:password@proxy.example").chmod(0o640)
    assert told('[kafka]\nproxy_url_file = "proxy"') == [
        f"kafka.proxy_url_file: {tmp_path / 'proxy'} can be read by other users of this machine: chmod 600"
    ]
