"""Secrets and certificates of a target are replaced while the pipeline runs."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from standardwebhooks import WebhookVerificationError
from structlog.testing import capture_logs

from response.outcome import Outcome
from response.targets import Target
from sessionwatch.assembly import open_targets
from sessionwatch.config import load
from sessionwatch.errors import ConfigurationError
from sessionwatch.renewed_target import REREAD_S, RenewedTarget
from store.rows import OutboxMessage
from tests.response.certificates import OPENSSL, Authority
from tests.response.given import message
from tests.response.receivers import OLD_SECRET, SECRET, Receiver, answers

Open = Callable[[str], Target]

HEAD = """
[apps.bank]
[[response.targets]]
name = "bank"
kind = "webhook"
app = "bank"
allow_private = true
"""

needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """The bank's receiver."""
    with Receiver() as running:
        yield running


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Opens the webhook of a configuration."""
    targets: list[Target] = []

    def opening(keys: str) -> Target:
        file = tmp_path / "sessionwatch.toml"
        head = (
            '[apps.bank]\n[[response.targets]]\nname = "bank"\nkind = "webhook"\napp = "bank"\nallow_private = true\n'
        )
        file.write_text(f"{head}{keys}\n")
        targets.extend(open_targets(load(file, {})))
        return targets[-1]

    yield opening
    for target in targets:
        target.close()


def written(path: Path, text: str) -> Path:
    """A file that is there whole or not at all, as whoever rotates should write it."""
    new = path.with_suffix(".new")
    new.touch(mode=0o600)
    new.write_text(text)
    return new.replace(path)


def test_while_a_webhook_secret_rotates_both_sign_and_then_the_new_one_alone(
    opened: Open, tmp_path: Path, receiver: Receiver
) -> None:
    file = written(tmp_path / "bank.whsec", OLD_SECRET)
    target = opened(f'url = "{receiver.url}"\nsecret_file = "bank.whsec"')
    target.deliver(message("m1"))
    written(file, f"{SECRET}\n{OLD_SECRET}\n")
    target.deliver(message("m2"))
    written(file, SECRET)
    target.deliver(message("m3"))
    before, meanwhile, after = receiver.calls
    assert before.verified(OLD_SECRET) == meanwhile.verified(OLD_SECRET) == meanwhile.verified(SECRET) == {}
    assert len(meanwhile.headers["webhook-signature"].split()) == 2
    assert after.verified(SECRET) == {}
    with pytest.raises(WebhookVerificationError):
        after.verified(OLD_SECRET)


def test_what_cannot_be_used_is_told_once_and_replaces_nothing(
    opened: Open, tmp_path: Path, receiver: Receiver
) -> None:
    file = written(tmp_path / "bank.whsec", SECRET)
    target = opened(f'url = "{receiver.url}"\nsecret_file = "bank.whsec"')
    written(file, "hunter2")
    with capture_logs() as lines:
        assert target.deliver(message("m1")).kind == target.deliver(message("m2")).kind == "ok"
    assert receiver.calls[1].verified(SECRET) == {}
    assert [line["event"] for line in lines] == ["the target stays as it was: what it is made of cannot be used"]
    assert "hunter2" not in str(lines)


def test_a_file_that_is_gone_for_a_moment_stops_nothing(opened: Open, tmp_path: Path, receiver: Receiver) -> None:
    file = written(tmp_path / "bank.whsec", SECRET)
    target = opened(f'url = "{receiver.url}"\nsecret_file = "bank.whsec"')
    file.unlink()
    assert target.deliver(message("m1")).kind == "ok"
    written(file, OLD_SECRET)
    target.deliver(message("m2"))
    assert receiver.calls[1].verified(OLD_SECRET) == {}


def test_a_command_is_asked_again_when_a_try_has_failed(
    opened: Open, tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sessionwatch.renewed_target.REREAD_AFTER_FAILURE_S", 0)
    printed = written(tmp_path / "printed", OLD_SECRET)
    script = tmp_path / "vault"
    script.write_text(f"#!/bin/sh\ncat {printed}\n")
    script.chmod(0o700)
    target = opened(f'url = "{receiver.url}"\nsecret_command = ["{script}"]')
    written(printed, SECRET)
    receiver.behaviours[:] = [answers(401), answers(204)]
    assert [target.deliver(message("m1")).kind, target.deliver(message("m1")).kind] == ["retry", "ok"]
    assert receiver.calls[1].verified(SECRET) == {}


class Named:
    """A target that says which it is."""

    name = kind = app = "t"
    scopes = kinds = frozenset()

    def __init__(self, number: int) -> None:
        self.number = number
        self.closed = False

    def deliver(self, _message: OutboxMessage) -> Outcome:
        """Say which."""
        return Outcome("ok", str(self.number))

    def close(self) -> None:
        """Remember it."""
        self.closed = True


def test_a_command_is_asked_every_five_minutes_and_after_the_delivery() -> None:
    now, made = [0.0], list[Named]()

    def make() -> Named:
        made.append(Named(len(made)))
        return made[-1]

    target = RenewedTarget(make, tuple, has_command=True, clock=lambda: now[0])
    said = []
    for seconds in (0, REREAD_S - 1, REREAD_S, REREAD_S + 1):
        now[0] = seconds
        said.append(target.deliver(message()).detail)
    assert said == ["0", "0", "0", "1"]
    assert [one.closed for one in made] == [True, False]


def test_a_command_that_fails_leaves_the_target_as_it_was() -> None:
    now, tries = [0.0], list[int]()

    def make() -> Named:
        tries.append(1)
        if len(tries) > 1:
            raise ConfigurationError(["the program ended with 3"])
        return Named(0)

    target = RenewedTarget(make, tuple, has_command=True, clock=lambda: now[0])
    now[0] = REREAD_S
    assert [target.deliver(message()).detail for _ in range(3)] == ["0"] * 3
    assert len(tries) == 2


@needs_openssl
def test_a_receiver_that_asks_for_a_certificate_gets_the_newest(opened: Open, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    first, second = authority.signs("first"), authority.signs("second")
    shutil.copy(first.certificate, tmp_path / "client.pem")
    shutil.copy(first.key, tmp_path / "client.key")
    written(tmp_path / "bank.whsec", SECRET)
    context = authority.serves(authority.signs("localhost"), asks_for_a_certificate=True)
    keys = 'secret_file = "bank.whsec"\nca_file = "ca.pem"\n'
    with Receiver(tls=context) as receiver:
        url = f'url = "https://localhost:{receiver.port}/"\n'
        target = opened(f'{url}{keys}client_cert_file = "client.pem"\nclient_key_file = "client.key"')
        assert target.deliver(message("m1")).kind == "ok"
        shutil.copy(second.certificate, tmp_path / "client.pem")
        shutil.copy(second.key, tmp_path / "client.key")
        assert target.deliver(message("m2")).kind == "ok"
        assert [call.client for call in receiver.calls] == ["first", "second"]


@needs_openssl
def test_without_the_certificate_that_is_asked_for_nothing_is_delivered(opened: Open, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    written(tmp_path / "bank.whsec", SECRET)
    context = authority.serves(authority.signs("localhost"), asks_for_a_certificate=True)
    with Receiver(tls=context) as receiver:
        target = opened(f'url = "https://localhost:{receiver.port}/"\nsecret_file = "bank.whsec"\nca_file = "ca.pem"')
        assert target.deliver(message("m1")).kind == "retry"
        assert receiver.calls == []


@needs_openssl
def test_an_encrypted_key_is_refused_and_asks_nobody(opened: Open, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    client = authority.signs("client")
    written(tmp_path / "bank.whsec", SECRET)
    keys = f'client_cert_file = "{client.certificate}"\nclient_key_file = "{authority.locks(client)}"'
    with pytest.raises(ConfigurationError, match="client_cert_file: the private key is encrypted"):
        opened(f'url = "https://localhost/"\nsecret_file = "bank.whsec"\n{keys}')


@needs_openssl
def test_closing_lets_go_of_the_connection(opened: Open, tmp_path: Path, receiver: Receiver) -> None:
    written(tmp_path / "bank.whsec", SECRET)
    with closing(opened(f'url = "{receiver.url}"\nsecret_file = "bank.whsec"')) as target:
        assert target.deliver(message()).kind == "ok"
        assert (target.name, target.kind, target.app) == ("bank", "webhook", "bank")
        assert "session" in target.scopes
        assert "session.revoked" in target.kinds
