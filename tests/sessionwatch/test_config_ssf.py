"""`[ssf]` and the targets that need it: what is valid, and what is told of what is not."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path

import pytest

from response.errors import TargetRefused
from schemas.instant import DAY
from sessionwatch.api.acts import Acts
from sessionwatch.assembly import open_targets
from sessionwatch.config import Settings, load
from sessionwatch.config.warnings import warnings
from sessionwatch.errors import ConfigurationError
from sessionwatch.shared_signals import SharedSignals

APP = '[apps.bank]\nrealm = "staff"\n'
SSF = '[ssf]\nissuer = "https://sw.example.com/"\n'
RECEIVER = '[[ssf.receivers]]\nname = "bank"\naudience = "https://bank.example"\ntoken_file = "bank.token"\n'
TARGET = '[[response.targets]]\nname = "caep"\nkind = "ssf"\napp = "bank"\nreceiver = "bank"\n'
LOGOUT = (
    '[[response.targets]]\nname = "rp"\nkind = "backchannel_logout"\napp = "bank"\n'
    'url = "https://rp.example.com/logout"\naudience = "client"\n'
)
PROVIDER = (
    '[[ssf.transmitters]]\nname = "idp"\nissuer = "https://idp.example.com"\naudience = "https://sw.example.com"\n'
    'realm = "staff"\njwks_url = "https://idp.example.com/jwks"\n'
)


@pytest.fixture
def settings(tmp_path: Path):  # type: ignore[no-untyped-def]
    token = tmp_path / "bank.token"
    token.touch(mode=0o600)
    token.write_text("receivers-token-0123456789")

    def read(text: str) -> Settings:
        file = tmp_path / "sessionwatch.toml"
        file.write_text(text)
        return load(file, {})

    return read


def test_a_transmitter_is_configured_in_a_few_lines(settings) -> None:  # type: ignore[no-untyped-def]
    found = settings(APP + SSF + RECEIVER + TARGET)
    assert found.ssf.issuer == "https://sw.example.com"
    assert (found.ssf.algorithm, found.ssf.key_lifetime, found.ssf.key_overlap) == ("RS256", 90 * DAY, 7 * DAY)
    assert found.ssf.receivers[0].secret() == "receivers-token-0123456789"


def test_every_kind_of_target_is_opened(settings) -> None:  # type: ignore[no-untyped-def]
    targets = open_targets(settings(APP + SSF + RECEIVER + TARGET + LOGOUT))
    assert [(target.kind, target.name, target.app) for target in targets] == [
        ("ssf", "caep", "bank"),
        ("backchannel_logout", "rp", "bank"),
    ]
    for target in targets:
        target.close()


def test_keys_are_published_where_something_is_signed(settings) -> None:  # type: ignore[no-untyped-def]
    def signs(text: str) -> bool:
        signals = SharedSignals(settings(text))
        targets = open_targets(settings(text), signals)
        return signals.hub(targets, lambda: pytest.fail("nothing is read"), Acts(lambda _one, _s: Future())).signs

    assert signs(APP + SSF)
    assert signs(APP + LOGOUT + 'issuer = "https://login.example.com"\n')
    assert not signs(APP + PROVIDER)


def test_a_plug_in_that_is_not_installed_is_told(settings) -> None:  # type: ignore[no-untyped-def]
    pager = '[[response.targets]]\nname = "n"\nkind = "plugin"\napp = "bank"\nplugin = "pager"\noptions = {a = "b"}\n'
    with pytest.raises(TargetRefused, match='no installed package has a target "pager"'):
        open_targets(settings(APP + pager))


def test_a_policy_line_may_name_what_a_provider_says(settings) -> None:  # type: ignore[no-untyped-def]
    line = '[[response.policy]]\nmatch = {rule = ["idp-session-revoked"]}\ndo = ["notify", "revoke_session"]\n'
    assert settings(APP + PROVIDER + line).response.policy[0].match.rule == ("idp-session-revoked",)


def test_the_word_of_a_provider_ends_nothing_by_default(settings) -> None:  # type: ignore[no-untyped-def]
    assert settings(APP + PROVIDER).ssf.transmitters[0].mode == "alert"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (APP + RECEIVER, "ssf: expected issuer: receivers know the tokens by it"),
        (APP + SSF + TARGET, 'response.targets[0].receiver: no entry of [[ssf.receivers]] is named "bank"'),
        (APP + SSF + RECEIVER + TARGET + 'url = "https://x.example"\n', "response.targets[0].url: a target of kind"),
        (APP + SSF + TARGET.replace('receiver = "bank"\n', ""), "response.targets[0]: expected receiver"),
        (APP + LOGOUT, "response.targets[0].issuer: expected issuer here or in [ssf]"),
        (APP + SSF + LOGOUT.replace('audience = "client"\n', ""), "response.targets[0]: expected audience"),
        (APP + SSF + 'allowed_endpoints = ["http://bank.example/"]\n', "ssf.allowed_endpoints[0]: "),
        (APP + SSF + 'algorithm = "HS256"\n', "ssf.algorithm: expected one of RS256, ES256"),
        (APP + SSF + 'key_overlap = "1h"\n', "ssf.key_overlap: expected at least"),
        (APP + SSF + RECEIVER + RECEIVER, 'ssf.receivers[1].name: "bank" stands there 2 times'),
        (APP + SSF + RECEIVER.replace("bank.token", "none.token"), "ssf.receivers[0].token_file: cannot read"),
        (APP + SSF + RECEIVER.replace('token_file = "bank.token"\n', ""), "ssf.receivers[0]: expected token_file"),
        (APP + PROVIDER.replace('"staff"', '"stuff"'), 'ssf.transmitters[0].realm: no declared app has the realm'),
        (APP + PROVIDER + 'jwks_file = "x"\n', "ssf.transmitters[0]: expected either jwks_file or jwks_url"),
        (APP + PROVIDER + 'max_age = "8d"\n', "ssf.transmitters[0].max_age: "),
        (APP + PROVIDER + 'poll_url = "http://192.0.2.1/"\n', "ssf.transmitters[0].poll_url: expected https"),
        (APP + PROVIDER + 'push_token = "hush-hush-hush-hush-hush"\n', "ssf.transmitters[0].push_token: "),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_in_a_line_with_its_place(settings, text: str, line: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ConfigurationError) as refused:
        settings(text)
    assert any(problem.startswith(line) for problem in refused.value.problems), refused.value.problems
    assert "hush-hush" not in str(refused.value)


def test_an_issuer_without_tls_is_a_warning(settings) -> None:  # type: ignore[no-untyped-def]
    plain = SSF.replace("https", "http")
    assert any(line.startswith("ssf.issuer: ") for line in warnings(settings(APP + plain)))
    loopback = plain.replace("sw.example.com", "127.0.0.1:8400")
    assert not any(line.startswith("ssf.issuer: ") for line in warnings(settings(APP + loopback)))


def test_a_token_that_others_can_read_is_a_warning(settings, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    found = settings(APP + SSF + RECEIVER)
    (tmp_path / "bank.token").chmod(0o644)
    assert any("ssf.receivers[0].token_file" in line for line in warnings(found))
